"""Everything that lets somebody in by a session's token through PAM."""

import contextlib
import hashlib
import shutil

from support.dovecot import Imap, Sasl, Submission
from support.machine import GROUP_ID, Machine
from support.pamtester import Pamtester
from support.place import PLAIN, ROOT, wait_until
from support.postgres import Postgres
from support.servers import (PATIENT, Latchkey, RedisServer,
                             embedded_settings, settings)
from support.sshd import SshdKeyboard, SshdPassword
from support.sudo import Sudo
from support.vsftpd import Vsftpd

HOSTS = {host.name: host for host in (
    Pamtester, SshdKeyboard, SshdPassword, Sudo, Imap, Sasl, Submission,
    Vsftpd, Postgres)}

CONF, EMBEDDED = "/etc/latchkey/latchkey.conf", "/etc/latchkey/embedded.conf"

# The user 000001 of the web site has the account alice on this machine.
USERS = """{
  "alice": { "login": "alice" }, "bob": { "login": "bob" },
  "000001": { "login": "alice", "mailbox": "alice", "number": 1 }
}
"""

# How long one that is silent is waited for.
SOON = "command_timeout_ms = 500;"
EXTRA = """log = { level = "debug"; };
user = { source = "file"; path = "/etc/latchkey/users.json"; };
"""


class MachineLatchkey(Latchkey):
    """The command, run in a machine; it is not what is tested."""

    program = PLAIN / "latchkey"

    def __init__(self, machine, conf):
        super().__init__(machine.place, conf)
        self.machine = machine

    def enter(self, *argv):
        return self.machine.enter(*argv)


class House:
    """A machine with Redis, settings, and hosts that are started when asked
    for.  Its own default settings name Redis; EMBEDDED names a file."""

    def __init__(self, place, module):
        self.place = place
        self.machine = place.add(Machine(place, module))
        self.redis = place.add(RedisServer(place, options=("save 3600 1",)))
        self.folder = place.path / "sessions"
        self.away = place.path / "sessions-away"
        self.write_settings()
        self.cli = MachineLatchkey(self.machine, CONF)
        self.embedded = MachineLatchkey(self.machine, EMBEDDED)
        self.embedded.run("doctor")
        self.hosts = {}
        self.tokens = Tokens(self.cli)

    def write_settings(self, more="", patience=PATIENT):
        self.more = more
        for path, text in (
                (CONF, settings(self.redis.address, "unix:/nowhere",
                                redis=patience)),
                (EMBEDDED, embedded_settings(
                    self.folder / "sessions.db", "unix:/nowhere"))):
            self.machine.write(path, text + EXTRA + more, 0o640, GROUP_ID)
        self.machine.write("/etc/latchkey/users.json", USERS)

    def host(self, name):
        """The host of that name, with the example as its PAM service."""
        if name not in self.hosts:
            self.hosts[name] = HOSTS[name](self)
        host = self.hosts[name]
        self.machine.service(host.service, host.example())
        return host

    def server(self, kind):
        """A server that several hosts share."""
        if kind not in self.hosts:
            self.hosts[kind] = self.place.add(kind(self))
        return self.hosts[kind]

    # ---- What may go wrong -----------------------------------------------

    @contextlib.contextmanager
    def outage(self, kind):
        """While this lasts Redis is gone or silent, or the embedded store
        is another file, or in a folder that everybody can write to."""
        if kind == "gone":
            self.redis.stop()
        elif kind == "silent":
            self.redis.freeze()
            self.write_settings(self.more, SOON)
        elif kind == "open":
            self.folder.chmod(0o777)
        elif kind == "foreign":
            self.folder.rename(self.away)
            self.folder.mkdir()
            self.folder.chmod(0o2770)
            (self.folder / "sessions.db").write_text("something else\n" * 99)
        try:
            yield
        finally:
            if kind == "gone":
                self.redis.start()
            elif kind == "silent":
                self.redis.thaw()
                self.write_settings(self.more)
            elif kind == "open":
                self.folder.chmod(0o2770)
            elif kind == "foreign":
                shutil.rmtree(self.folder)
                self.away.rename(self.folder)

    @contextlib.contextmanager
    def broken_settings(self):
        self.machine.write(CONF, "store = {")
        try:
            yield
        finally:
            self.write_settings()

    # ---- What must not be found ------------------------------------------

    def secrets_in_logs(self):
        """The names of logs that hold a token, or the digest of one."""
        secrets = [form for cli in (self.cli, self.embedded)
                   for token in [*cli.tokens, *self.tokens.invented]
                   for form in (token, digest(token)[:16])]
        return [name for name, text in self.place.logs().items()
                if any(secret in text for secret in secrets)]


def digest(token):
    return hashlib.sha256(token.encode()).hexdigest()


def example(name):
    """A file of etc/pam.d as it is."""
    return (ROOT / "etc/pam.d" / name).read_text()


class Tokens:
    """Tokens that open nothing to alice, made when first asked for."""

    # For every host, and for one.
    KINDS = ("expired", "other-user", "revoked", "unknown", "garbage",
             "too-long")
    MORE = ("cut-short", "with-more-behind")

    def __init__(self, cli):
        self.cli = cli
        self.made = {}
        self.invented = []

    def bad(self, kind):
        if kind not in self.made:
            self.made[kind] = self.make(kind)
        return self.made[kind]

    def make(self, kind):
        if kind == "other-user":
            return self.cli.issue("bob")
        token = self.cli.issue(
            "alice", *(("--ttl", "1") if kind == "expired" else ()))
        if kind == "expired":
            wait_until(lambda: self.cli.run(
                "check", "-", stdin=token).returncode == 1,
                "a session to expire")
        elif kind == "revoked":
            assert self.cli.revoke(token) == 1
        elif kind == "unknown":
            token = token[:-8] + ("A" if token[-8] != "A" else "B") + (
                token[-7:])
            self.invented.append(token)
        elif kind == "garbage":
            token = "n0t a t0ken"
            self.invented.append(token)
        elif kind == "cut-short":
            token = token[:-1]
        elif kind == "with-more-behind":
            token += "A"
        elif kind == "too-long":
            # As long as every host takes.
            token = "lk_" + "A" * 125
            self.invented.append(token)
        return token
