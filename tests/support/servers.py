"""The servers of a deployment: Redis and the gate; and the command."""

import json
import os
import shutil
import subprocess

from support import fastcgi
from support.place import (BUILD, PATIENCE, Daemon, Failed, NotInstalled,
                           accepts, free_port)
from support.redis_client import RedisClient

# How long a store may take where time is not what is tested: a slow machine
# is not what is to be found.
PATIENT = "connect_timeout_ms = 5000; command_timeout_ms = 10000;"


def find_program(*names):
    """The path of the first of these programs that is installed."""
    path = "/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/sbin:/usr/local/bin"
    for name in names:
        found = shutil.which(name, path=path)
        if found:
            return found
    raise NotInstalled(f"not installed: {' or '.join(names)}")


def redis_program():
    """The server that LK_REDIS_SERVER names, or whichever is installed."""
    chosen = os.environ.get("LK_REDIS_SERVER")
    return find_program(*([chosen] if chosen
                          else ["redis-server", "valkey-server"]))


class RedisServer(Daemon):
    """A Redis or Valkey of our own on a unix socket and a loopback port."""

    name = "redis"

    def __init__(self, place, port=None, password="", users=(), options=()):
        super().__init__(place)
        self.port = port or free_port()
        self.socket = place.path / "redis.sock"
        self.password = password
        lines = [f"port {self.port}", "bind 127.0.0.1",
                 f"unixsocket {self.socket}", "unixsocketperm 700",
                 f"dir {place.path}", "daemonize no", "appendonly no",
                 'save ""', "databases 16"]
        if password:
            lines.append(f"requirepass {password}")
        lines += [f"user {user}" for user in users]
        lines += options
        conf = place.write("redis.conf", "\n".join(lines) + "\n")
        self.argv = [redis_program(), conf]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def unix_address(self):
        return f"unix:{self.socket}"

    def ready(self):
        try:
            return self.command("PING") == b"PONG"
        except OSError:
            return False

    def command(self, *words):
        """The reply to one command."""
        with RedisClient(self.unix_address, password=self.password) as hand:
            return hand.call(*words)

    def keys(self):
        """The names of all keys."""
        listed = self.command(
            "EVAL", "return table.concat(redis.call('KEYS', '*'), ' ')", 0)
        return listed.split(b" ") if listed else []


class Gate(Daemon):
    """latchkey-fcgi with a settings file."""

    name = "gate"

    def __init__(self, place, conf, address, name="gate", prefix=()):
        self.name = name
        super().__init__(place)
        self.address = address
        self.argv = [*prefix, BUILD / "latchkey-fcgi", "-c", conf]

    def ready(self):
        return accepts(self.address)

    def ask(self, parameters, **options):
        """The reply to one authorizer request, as lighttpd would send it."""
        return fastcgi.ask(self.address, parameters, **options)


class Latchkey:
    """The `latchkey` command with a settings file.

    `prefix` is what stands before it, to run it somewhere else.
    """

    program = BUILD / "latchkey"

    def __init__(self, place, conf, prefix=()):
        self.place = place
        self.conf = conf
        self.prefix = prefix
        self.tokens = []

    def enter(self, *argv):
        """The command line that runs argv where the sessions are."""
        return [str(word) for word in (*self.prefix, *argv)]

    def run(self, *words, stdin=""):
        """Run it; the result has returncode, stdout and stderr."""
        argv = self.enter(self.program, "-c", self.conf, *words)
        result = subprocess.run(
            argv, input=stdin, capture_output=True, text=True,
            timeout=PATIENCE, env=self.place.environment(), check=False)
        with open(self.place.path / "latchkey.log", "a") as log:
            log.write(result.stderr)
        return result

    def must(self, *words, stdin=""):
        """Run it, insist on exit status 0, return what it printed."""
        result = self.run(*words, stdin=stdin)
        if result.returncode != 0:
            raise Failed(f"latchkey {words[0]}: exit status "
                         f"{result.returncode}\n{result.stderr}")
        return result.stdout.strip()

    def issue(self, user, *options):
        """A new token, remembered to be looked for in logs."""
        token = self.must("issue", user, *options)
        self.tokens.append(token)
        return token

    def check(self, token):
        return json.loads(self.must("check", "-", stdin=token + "\n"))

    def revoke(self, token):
        return int(self.must("revoke", "-", stdin=token + "\n"))


def settings(redis_address, listen, extra="", redis=PATIENT):
    """A settings file for the programs: a Redis and where the gate listens."""
    return (f'store = {{ backend = "redis"; '
            f'redis = {{ address = "{redis_address}"; {redis} }}; }};\n'
            f'gate = {{ listen = "{listen}"; {extra} }};\n')


def impatient(settings_text, milliseconds):
    """The same for a store that is to take too long."""
    assert PATIENT in settings_text
    return settings_text.replace(
        PATIENT, f"connect_timeout_ms = {milliseconds}; "
                 f"command_timeout_ms = {milliseconds};")


def embedded_settings(path, listen, extra=""):
    """The same with the embedded store in the file at a path."""
    return (f'store = {{ backend = "sqlite"; '
            f'sqlite = {{ path = "{path}"; timeout_ms = 10000; }}; }};\n'
            f'gate = {{ listen = "{listen}"; {extra} }};\n')
