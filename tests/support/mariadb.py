"""A MariaDB of our own, and how latchkey reaches it."""

import contextlib
import os
import pwd
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.agent import Agent
from support.place import (BUILD, Daemon, NotInstalled, free_port,
                           why_no_mounts)
from support.servers import PATIENT, Gate, Latchkey, find_program

# What a server's own tables are made of, which 11 has elsewhere.
SYSTEM_TABLES = [next((path for path in (
    Path("/usr/share/mariadb", f"mariadb_{name}.sql"),
    Path("/usr/share/mysql", f"mysql_{name}.sql")) if path.exists()), None)
    for name in ("system_tables", "performance_tables",
                 "system_tables_data")]
SMALL = ("--innodb-buffer-pool-size=32M", "--innodb-log-file-size=16M",
         "--performance-schema=OFF")
PASSWORD = "sesame-opens-it"


class MariadbServer(Daemon):
    """A MariaDB on a unix socket and a loopback port, run by nobody in
    particular, where root has no password."""

    name = "mariadb"

    def __init__(self, place, options=()):
        super().__init__(place)
        program = find_program("mariadbd")
        self.client = find_program("mariadb")
        if None in SYSTEM_TABLES:
            raise NotInstalled("not installed: the tables of a MariaDB")
        self.folder = Path(tempfile.mkdtemp(prefix="latchkey-mariadb-"))
        self.become = []
        if os.getuid() == 0:
            nobody = pwd.getpwnam("nobody")
            os.chown(self.folder, nobody.pw_uid, nobody.pw_gid)
            self.become = ["setpriv", f"--reuid={nobody.pw_uid}",
                           f"--regid={nobody.pw_gid}", "--clear-groups",
                           "--pdeathsig=TERM"]
        self.port = free_port()
        self.socket = self.folder / "s"
        self.argv = [*self.become, program, "--no-defaults",
                     f"--datadir={self.folder}/data",
                     f"--tmpdir={self.folder}",
                     f"--socket={self.socket}", "--bind-address=127.0.0.1",
                     f"--port={self.port}", "--max-connections=400",
                     *SMALL, *options]
        self.make_tables(program)

    def make_tables(self, program):
        subprocess.run([*self.become, "mkdir", "-p",
                        self.folder / "data" / "mysql"], check=True)
        text = "USE mysql;\n" + "".join(path.read_text()
                                        for path in SYSTEM_TABLES)
        subprocess.run([*self.become, program, "--no-defaults", "--bootstrap",
                        f"--datadir={self.folder}/data",
                        # One that starts clears others' files away there.
                        f"--tmpdir={self.folder}", "--skip-networking",
                        *SMALL], input=text, text=True, check=True,
                       capture_output=True)

    def ready(self):
        return self.run("SELECT 1", check=False).returncode == 0

    def run(self, text, check=True, database=""):
        """Run statements as root."""
        return subprocess.run(
            [self.client, "--no-defaults", "--skip-ssl", "-uroot",
             f"-S{self.socket}", "-N", *([database] if database else [])],
            input=text, text=True, capture_output=True, check=check)

    def say(self, text, database=""):
        """What it answers."""
        return self.run(text, database=database).stdout.strip()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def make_store(self, place, database="lk"):
        """A database with tables, and a user who may do what is needed."""
        conf = place.write("init.conf", settings(self.address,
                                                 database=database))
        shown = MariadbLatchkey(place, conf).must("store", "init", "--print")
        self.run(f"CREATE DATABASE {database};"
                 "CREATE USER latchkey@localhost IDENTIFIED BY "
                 f"'{PASSWORD}';")
        self.run(shown, database=database)

    def stop(self):
        try:
            super().stop()
        finally:
            shutil.rmtree(self.folder, ignore_errors=True)


class SmallDisk(MariadbServer):
    """One on a disk of its own, which nobody else sees."""

    def __init__(self, place):
        why_not = why_no_mounts()
        if why_not:
            raise NotInstalled(why_not)
        super().__init__(place)
        self.argv = ["unshare", "--mount", "--propagation", "private", "sh",
                     "-ec", 'mv "$0/data" "$0/old"; mkdir "$0/data"; '
                     'mount -t tmpfs -o size=96m tmpfs "$0/data"; '
                     'cp -a "$0/old/." "$0/data"; rm -r "$0/old"; exec "$@"',
                     self.folder, *self.argv]

    def fill(self):
        """The disk, and the room that the tables have beside."""
        self.filler = Path(f"/proc/{self.process.pid}/root{self.folder}"
                           "/data/filler")
        with contextlib.suppress(OSError), self.filler.open("wb") as file:
            while True:
                file.write(bytes(4096))
        for table, columns, values in (
                ("session", "tag, handle, digest, user, client, issued_us, "
                 "expires_ms, peer, agent", "k, k, k, '', '', 0, 0, '', ''"),
                ("ended", "tag, handle, digest, reason, ended_ms, until_ms",
                 "k, k, k, '', 0, 0"),
                ("history", "tag, event, reason, client, peer, actor, "
                 "since_us, time_us, handle, count, agent, user",
                 "k, 'issued', '', '', '', '', 0, 0, k, 1, '', ''")):
            self.run("DELIMITER //\nBEGIN NOT ATOMIC DECLARE k BINARY(16); "
                     "DECLARE EXIT HANDLER FOR 1114 SELECT 1; "
                     "LOOP SET k = random_bytes(16); "
                     f"INSERT INTO latchkey_{table} ({columns}) "
                     f"VALUES ({values}); END LOOP; END//\n", database="lk")

    def empty(self):
        self.filler.unlink()


def settings(address, database="lk", password=PASSWORD, times=PATIENT,
             more="", extra=""):
    """The text of a settings file."""
    return (f'store = {{ backend = "mariadb"; mariadb = {{ address = '
            f'"{address}"; database = "{database}"; password = '
            f'"{password}"; {times} {more} }}; }};\n{extra}\n')


class MariadbLatchkey(Latchkey):
    """The command that looks for modules where they are built."""

    program = BUILD / "tests" / "latchkey"


class MariadbGate(Gate):
    """The gate alike."""

    def __init__(self, place, conf, address, name="gate"):
        super().__init__(place, conf, address, name)
        self.argv[self.argv.index(BUILD / "latchkey-fcgi")] = (
            BUILD / "tests" / "latchkey-fcgi")


class MariadbAgent(Agent):
    """The agent alike."""

    def __init__(self, place, conf, address):
        super().__init__(place, conf, address, build=BUILD / "tests")


def need_module():
    """The module is built where libmariadb is installed."""
    if not (BUILD / "modules" / "store_mariadb.so").exists():
        raise NotInstalled("not installed: libmariadb-dev")
