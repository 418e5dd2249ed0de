"""OpenSSH's server and client."""

import subprocess

from support.host import Host
from support.place import PATIENCE, Daemon, accepts, free_port
from support.servers import find_program

CONFIG = """Port {port}
ListenAddress 127.0.0.1
HostKey {key}
PidFile none
AuthorizedKeysFile {keys}/%u
StrictModes no
UsePAM yes
KbdInteractiveAuthentication yes
PasswordAuthentication yes
PubkeyAuthentication yes
AuthenticationMethods any
MaxStartups 100
UseDNS no
LogLevel DEBUG3
"""

# Hands over a file, and notes what was asked.
ASKPASS = """#!/bin/sh
printf '%s\\n' "$1" >> {asked}
cat {answer}
"""


class Sshd(Daemon):
    name = "sshd"
    good = (0, 255)

    def __init__(self, house):
        super().__init__(house.place)
        self.port = free_port()
        key, keys = self.place.path / "host_key", self.place.path / "keys"
        keys.mkdir()
        self.make_key(key)
        conf = self.place.write("sshd_config", CONFIG.format(
            port=self.port, key=key, keys=keys))
        self.program = find_program("sshd")
        argv = [self.program, "-f", conf]
        # From 9.8 on an address is kept out after too many failures.
        lenient = ["-o", "PerSourcePenalties=no"]
        if house.machine.run(*argv, *lenient, "-t").returncode == 0:
            argv += lenient
        self.argv = house.machine.enter(*argv, "-D", "-e")

    @staticmethod
    def make_key(path):
        subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f",
                        path], check=True)

    def ready(self):
        return accepts(f"127.0.0.1:{self.port}")


class Ssh(Host):
    """A client that may do one kind of authentication."""

    service = "sshd"
    method = None

    def prepare(self):
        self.sshd = self.house.server(Sshd)
        self.place = self.house.place
        self.asked = self.place.path / f"{self.name}-asked.log"
        self.answer = self.place.path / f"{self.name}-answer"
        self.askpass = self.place.write(f"{self.name}-askpass", ASKPASS.format(
            asked=self.asked, answer=self.answer), 0o700)

    def ssh(self, user, secret, *command, options=()):
        """Run a command there; what came of it."""
        self.place.write(self.answer.name, f"{secret}\n")
        done = subprocess.run(
            ["ssh", "-F", "none", "-p", str(self.sshd.port),
             "-o", "StrictHostKeyChecking=no", "-o", "LogLevel=ERROR",
             "-o", "UserKnownHostsFile=/dev/null", "-o", "IdentityAgent=none",
             "-o", f"PreferredAuthentications={self.method}",
             "-o", "NumberOfPasswordPrompts=1", *options,
             f"{user}@127.0.0.1", *command],
            stdin=subprocess.DEVNULL, capture_output=True, text=True,
            timeout=2 * PATIENCE, check=False, start_new_session=True,
            env={**self.place.environment(), "SSH_ASKPASS": self.askpass,
                 "SSH_ASKPASS_REQUIRE": "force", "DISPLAY": ":0"})
        self.note(done.stdout + done.stderr)
        return done

    def login(self, user, secret):
        done = self.ssh(user, secret, "id", "-un")
        if done.returncode == 0:
            assert done.stdout == f"{user}\n"
        else:
            # Of ssh itself, and not of what it would have run.
            assert (done.returncode, done.stdout) == (255, ""), done
        return done.returncode == 0


class SshdKeyboard(Ssh):
    name = "sshd-keyboard"
    method = "keyboard-interactive"


class SshdPassword(Ssh):
    name = "sshd-password"
    method = "password"


class SshdKey(Ssh):
    """A public key, for which PAM is asked about the account only."""

    name = "sshd-key"
    method = "publickey"

    def prepare(self):
        super().prepare()
        self.key = self.place.path / "alice_key"
        Sshd.make_key(self.key)
        public = self.key.with_suffix(".pub").read_text()
        self.place.write("keys/alice", public, 0o644)
        (self.place.path / "keys").chmod(0o755)

    def ssh(self, user, secret, *command, options=()):
        return super().ssh(user, secret, *command, options=(
            "-o", "IdentitiesOnly=yes", "-i", self.key, *options))
