"""The contract of stores on MySQL 9, which Debian has in sid alone: its server
and what that needs are unpacked into a folder of their own, and run there.

    run.py FOLDER [NAME...]: needs root, Debian's packages, and what LK_BUILD
    has; the names are those of programs
"""

import re
import shutil
import subprocess
import sys
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(TESTS))

from run import Program, Results, say  # noqa: E402
from support.certificates import Authority  # noqa: E402
from support.place import BUILD, Daemon, Place, connect, free_port  # noqa: E402

SOURCE = ("deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] "
          "http://deb.debian.org/debian sid main\n")


def unpack(folder):
    """Fill `folder`/root, which stays for the next time."""
    root = folder / "root"
    if (root / "lib").exists():
        return root
    for name in ("lists/partial", "cache/archives/partial", "root"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    (folder / "status").write_text("")
    (folder / "sources.list").write_text(SOURCE)
    apt = ["apt-get", "-qq", "-o", "APT::Sandbox::User=root"]
    for key, value in (("State", folder), ("State::lists", folder / "lists"),
                       ("State::status", folder / "status"),
                       ("Cache", folder / "cache"),
                       ("Etc::sourcelist", folder / "sources.list"),
                       ("Etc::sourceparts", "/nonexistent")):
        apt += ["-o", f"Dir::{key}={value}"]
    subprocess.run([*apt, "update"], check=True)
    subprocess.run([*apt, "--yes", "--no-install-recommends",
                    "--download-only", "install", "mysql-server-core"],
                   check=True)
    for package in (folder / "cache/archives").glob("*.deb"):
        subprocess.run(["dpkg", "-x", package, root], check=True)
    for link in ("bin", "lib", "lib64"):
        if not (root / link).exists():
            (root / link).symlink_to(f"usr/{link}")
    return root


class MysqlServer(Daemon):
    """Below its folder as if that were all there is, where root has no
    password, and everybody else needs TLS."""

    name = "mysql"

    def __init__(self, place, root):
        super().__init__(place)
        self.root = root
        self.authority = Authority(place)
        certificate = self.authority.certify("mysql", "IP:127.0.0.1")
        for path in ("data", "tmp"):
            shutil.rmtree(root / path, ignore_errors=True)
        for path in ("tmp", "etc"):
            (root / path).mkdir(exist_ok=True)
        shutil.copy("/etc/passwd", root / "etc/passwd")
        shutil.copy("/etc/hosts", root / "etc/hosts")
        for source, name in ((self.authority.crt, "ca"),
                             (certificate.crt, "crt"),
                             (certificate.key, "key")):
            shutil.copy(source, root / "tmp" / name)
        self.port = free_port()
        self.socket = root / "tmp/s"
        program = ["chroot", root, "/usr/sbin/mysqld", "--no-defaults",
                   "--user=root", "--datadir=/data",
                   "--lc-messages-dir=/usr/share/mysql"]
        subprocess.run([*program, "--initialize-insecure"], check=True)
        self.argv = [*program, "--socket=/tmp/s", "--bind-address=127.0.0.1",
                     f"--port={self.port}", "--max-connections=400",
                     "--mysqlx=OFF", "--secure-file-priv=NULL",
                     "--pid-file=/tmp/pid", "--ssl-ca=/tmp/ca",
                     "--ssl-cert=/tmp/crt", "--ssl-key=/tmp/key",
                     "--innodb-flush-log-at-trx-commit=0", "--sync-binlog=0"]

    def ready(self):
        try:
            connect(f"unix:{self.socket}").close()
            return True
        except OSError:
            return False


def main():
    results = Results()
    with Place() as place:
        server = place.add(MysqlServer(place, unpack(
            Path(sys.argv[1]).resolve())))
        there = {"LK_TEST_WORLD": "mariadb",
                 "LK_TEST_MARIADB": str(server.socket),
                 "LK_TEST_MARIADB_TLS": f"127.0.0.1:{server.port}",
                 "LK_TEST_MARIADB_CA": str(server.authority.crt)}
        wanted = sys.argv[2:] or [
            path.stem for path in sorted(TESTS.glob("contract/test_*.c"))
            if re.search("WORLD_(ALL|SESSIONS)", path.read_text())]
        for name in wanted:
            program = Program(BUILD, "contract", name, there)
            program.run()
            program.report(results)
    say("on MySQL 9:")
    return 0 if results.close() else 1


if __name__ == "__main__":
    sys.exit(main())
