"""PostgreSQL, which calls PAM as an ordinary user."""

import glob
import os
import pwd
import subprocess

from support.host import Host
from support.place import Daemon, Failed, accepts, free_port
from support.servers import find_program

HBA = """local all all trust
host all all 127.0.0.1/32 pam pamservice=postgresql
"""


class PostgresServer(Daemon):
    name = "postgres"

    def __init__(self, house):
        super().__init__(house.place)
        self.port = free_port()
        self.machine = house.machine
        account = pwd.getpwnam("postgres")
        self.folder = self.place.path / "postgres"
        self.data = self.folder / "data"
        self.folder.mkdir()
        os.chown(self.folder, account.pw_uid, account.pw_gid)
        self.folder.chmod(0o700)
        self.call("initdb", "-D", self.data, "-A", "trust", "-U", "postgres",
                  "-E", "UTF8", "--locale=C", "--no-sync",
                  "--no-instructions")
        (self.data / "pg_hba.conf").write_text(HBA)
        settings = {
            "port": self.port, "listen_addresses": "127.0.0.1",
            "unix_socket_directories": self.folder, "fsync": "off",
            "shared_buffers": "16MB", "autovacuum": "off",
            "log_min_messages": "debug3", "log_connections": "on"}
        self.argv = self.machine.enter(
            program("postgres"), "-D", self.data,
            *(word for name, value in settings.items()
              for word in ("-c", f"{name}={value}")), user="postgres")

    def call(self, name, *words, stdin=""):
        """One of its programs, as its user."""
        done = self.machine.run(program(name), *words, user="postgres",
                                stdin=stdin)
        if done.returncode != 0:
            raise Failed(f"{name}: {done.stdout}{done.stderr}")

    def ready(self):
        return accepts(f"127.0.0.1:{self.port}") and subprocess.run(
            self.machine.enter(program("pg_isready"), "-q", "-h", self.folder,
                               "-p", self.port), check=False).returncode == 0

    def start(self):
        super().start()
        self.call("psql", "-q", "-h", self.folder, "-p", self.port,
                  stdin="create role alice login; create role bob login;")
        return self


def program(name):
    """Of the newest version that is installed."""
    found = sorted(glob.glob(f"/usr/lib/postgresql/*/bin/{name}"),
                   key=lambda path: float(path.split("/")[4]))
    return found[-1] if found else find_program(name)


class Postgres(Host):
    name = "postgres"
    service = "postgresql"
    longest = 4096

    def prepare(self):
        self.server = self.house.server(PostgresServer)

    def login(self, user, secret):
        place = self.house.place
        escaped = secret.replace("\\", "\\\\").replace(":", "\\:")
        passfile = place.write("pgpass", f"*:*:*:*:{escaped}\n")
        done = subprocess.run(
            [program("psql"), "-w", "-At", "-h", "127.0.0.1", "-p",
             str(self.server.port), "-U", user, "-c", "select current_user",
             "postgres"], capture_output=True, text=True, check=False,
            env={**place.environment(), "PGPASSFILE": str(passfile)})
        self.note(done.stdout + done.stderr)
        if done.returncode == 0:
            assert done.stdout == f"{user}\n"
        else:
            # The client itself sends no empty password.
            assert "PAM authentication failed" in done.stderr or (
                not secret and "no password" in done.stderr), done.stderr
        return done.returncode == 0
