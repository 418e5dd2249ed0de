"""A gate with its store, asked without a web server in between."""

import signal
import struct

from support import fastcgi
from support.place import wait_until
from support.servers import Gate, Latchkey, RedisServer, settings


class House:
    """A Redis, a token, and settings for the gates of one test."""

    def __init__(self, place, listen=None):
        self.place = place
        self.redis = place.add(RedisServer(place))
        self.listen = listen or f"unix:{place.path}/gate.sock"
        self.conf = place.path / "latchkey.conf"
        self.write()
        self.cli = Latchkey(place, self.conf)
        self.token = self.cli.issue("alice")

    def write(self, extra="", more='log = { level = "debug"; };\n'):
        self.place.write("latchkey.conf", settings(
            self.redis.unix_address, self.listen, extra) + more)

    def gate(self, extra="", more='log = { level = "debug"; };\n',
             **options):
        self.write(extra, more)
        return self.place.add(Gate(self.place, self.conf, self.listen,
                                   **options))

    def parameters(self, path="/", **variables):
        return fastcgi.request_of(
            path, HTTP_AUTHORIZATION=f"Bearer {self.token}", **variables)


def assert_allows(house, gate):
    assert gate.running(), gate.output()
    assert gate.ask(house.parameters()).status == 200


def is_closed(sock):
    """Whether the other side has hung up without a word."""
    try:
        return sock.recv(1) == b""
    except ConnectionResetError:
        return True


def log_has(gate, text, times=1):
    wait_until(lambda: gate.output().count(text) >= times,
               f"{times} times {text!r} in the log")


def hang_up(gate, text="settings reloaded"):
    """SIGHUP, and wait for what the log says then."""
    before = gate.output().count(text)
    gate.process.send_signal(signal.SIGHUP)
    log_has(gate, text, before + 1)


def keep(parameters, body=b"", role=fastcgi.RESPONDER):
    return (fastcgi.begin(role, fastcgi.KEEP_CONN)
            + fastcgi.stream(fastcgi.PARAMS, fastcgi.pairs(parameters))
            + fastcgi.stream(fastcgi.STDIN, body))


def read_answer(sock):
    """One answer of a connection that stays open; None if it ended."""
    data = b""
    while True:
        at = 0
        while len(data) - at >= 8:
            _, kind, _, size, padding = struct.unpack(
                ">BBHHBx", data[at:at + 8])
            if len(data) - at < 8 + size + padding:
                break
            at += 8 + size + padding
            if kind == fastcgi.END:
                assert at == len(data), "something behind the answer"
                return fastcgi.parse(data)
        piece = sock.recv(65536)
        if not piece:
            return None
        data += piece


def status_of(pid):
    with open(f"/proc/{pid}/status") as status:
        return dict(line.rstrip("\n").split(":\t", 1)
                    for line in status if ":\t" in line)
