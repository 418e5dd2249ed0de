"""The agent with its store, and callers of any user."""

import contextlib
import http.client
import json
import os
import socket
import subprocess
from urllib.parse import urlencode

from support.place import BUILD, PATIENCE, Daemon, accepts, connect
from support.servers import Latchkey, RedisServer

FORM = "application/x-www-form-urlencoded"


class Agent(Daemon):
    """latchkeyd with a settings file."""

    name = "agent"

    def __init__(self, place, conf, address, prefix=(), build=BUILD):
        super().__init__(place)
        self.address = address
        self.argv = [*prefix, build / "latchkeyd", "-c", conf]

    def ready(self):
        return accepts(self.address)


class AgentHouse:
    """A Redis, and settings for the agents of one test."""

    def __init__(self, place):
        self.place = place
        # Callers of other users get through to the socket.
        place.path.chmod(0o711)
        self.redis = place.add(RedisServer(place))
        self.address = f"unix:{place.path}/agent.sock"
        self.conf = place.path / "latchkeyd.conf"
        self.write()
        self.cli = Latchkey(place, self.conf)

    def write(self, callers="", agent="", more=""):
        self.place.write("latchkeyd.conf", (
            f'store = {{ backend = "redis"; redis = {{ address = '
            f'"{self.redis.unix_address}"; connect_timeout_ms = 4000; '
            f'command_timeout_ms = 4000; }}; }};\n'
            f'agent = {{ listen = "{self.address}"; {agent}\n'
            f'  callers = ( {callers} ); }};\n{more}'))

    def agent(self, callers="", agent="threads = 2;", more="", **options):
        self.write(callers, agent, more)
        return self.place.add(Agent(self.place, self.conf, self.address,
                                    **options))

    def ask(self, verb, fields=None, **options):
        return ask(self.address, verb, fields, **options)


class Answer:
    def __init__(self, response):
        self.status = response.status
        self.headers = response.headers
        self.body = response.read().decode()

    @property
    def json(self):
        return json.loads(self.body)


class Line(http.client.HTTPConnection):
    """A connection that is kept, on a socket that is there already."""

    def __init__(self, sock):
        super().__init__("localhost")
        self.sock = sock

    def ask(self, verb, fields=None, form=False, method=None, headers=None):
        """Ask a question; GET if there are no fields for the body."""
        path, body, said = f"/v1/{verb}", None, dict(headers or {})
        get = verb in ("sessions", "history", "health", "metrics")
        if get and fields:
            path += f"?{urlencode(fields)}"
        elif fields is not None:
            body = urlencode(fields) if form else json.dumps(fields)
            said.setdefault("Content-Type",
                            FORM if form else "application/json")
        self.request(method or ("GET" if get else "POST"), path, body, said)
        return Answer(self.getresponse())


def ask(address, verb, fields=None, uid=None, **options):
    line = Line(connect(address) if uid is None
                else connect_as(address, uid))
    try:
        return line.ask(verb, fields, **options)
    finally:
        line.close()


def connect_as(address, uid, gid=None, groups=()):
    """A connection that another user has made, and handed over."""
    ours, theirs = socket.socketpair()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(groups)
            os.setgid(uid if gid is None else gid)
            os.setuid(uid)
            with connect(address) as sock:
                socket.send_fds(theirs, [b"x"], [sock.fileno()])
        finally:
            os._exit(0)
    theirs.close()
    with ours:
        _, fds, _, _ = socket.recv_fds(ours, 1, 1)
    os.waitpid(child, 0)
    sock = socket.socket(fileno=fds[0])
    sock.settimeout(PATIENCE)
    return sock


def raw(address, data, whole=True):
    """What is answered to bytes until the other side hangs up; if they are
    not all of a request, to be hung up on."""
    with connect(address) as sock:
        found = b""
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            sock.sendall(data)
        if not whole:
            return found
        with contextlib.suppress(ConnectionResetError):
            while more := sock.recv(65536):
                found += more
        return found


# Connects so often, says so, and waits for the end of its input.
SILENT = """
import socket, sys
socks = [socket.socket(socket.AF_UNIX) for _ in range(int(sys.argv[2]))]
for sock in socks:
    sock.connect(sys.argv[1])
print("ready", flush=True)
sys.stdin.read()
"""


@contextlib.contextmanager
def silent(address, uid, count, gid=None):
    """So many connections of a user, who says nothing on them."""
    with subprocess.Popen(
            ["setpriv", f"--reuid={uid}", f"--regid={gid or uid}",
             "--clear-groups",
             "prlimit", f"--nofile={count + 64}:{count + 64}",
             "/usr/bin/python3", "-c", SILENT, address.removeprefix("unix:"),
             str(count)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"ready\n"
        yield
        process.stdin.close()
