-- A database and a user for store.backend "mariadb".  As root of the server:
--
--     mariadb < latchkey.sql
--     latchkey store init --print | mariadb latchkey
--
-- The second line makes the tables and grants the user what it needs there, and
-- nothing else.  For programs on other machines, put theirs in place of
-- localhost in both, and REQUIRE SSL behind the user.  One that is known by its
-- account on this machine needs no password: IDENTIFIED VIA unix_socket.

CREATE DATABASE latchkey;
CREATE USER latchkey@localhost IDENTIFIED BY 'CHANGE ME';
