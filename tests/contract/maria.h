/*
 * A database of its own in the MariaDB that the test run started and named in
 * LK_TEST_MARIADB, the path of its socket, where we are its root.  The store is
 * there, or by TLS at LK_TEST_MARIADB_TLS, whose authority is
 * LK_TEST_MARIADB_CA.
 */
#ifndef MARIA_H_
#define MARIA_H_

#include <stdbool.h>

struct maria;

/** maria_is_here(): whether there is one, and a module for it. */
bool maria_is_here(void);

/** maria_open(): Make the database, and a user who may do what is needed. */
struct maria *maria_open(void);

/** maria_address(maria), maria_ca(maria), maria_database(maria): for the
 * settings. */
const char *maria_address(const struct maria *maria);
const char *maria_ca(const struct maria *maria);
const char *maria_database(const struct maria *maria);

/** maria_run(maria, text): Run a statement in it, or fail. */
void maria_run(struct maria *maria, const char *text);

/** maria_empty(maria): Empty its tables. */
void maria_empty(struct maria *maria);

/** maria_close(maria): Remove all of it. */
void maria_close(struct maria *maria);

#endif /* !MARIA_H_ */
