"""The WebSockets in etc/clients end with the session of who opened them."""

import base64
import hashlib
import socket

import pytest

from support.place import ROOT, Daemon, Place, accepts, connect, free_port
from support.servers import find_program
from support.watched import Watched

KEY = base64.b64encode(b"0123456789abcdef").decode()
ACCEPT = base64.b64encode(hashlib.sha1(
    KEY.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
PROGRAMS = {"watch.py": "python3", "watch.mjs": "node"}


class Sockets(Daemon):
    good = (0, -15)

    def __init__(self, watched, name):
        self.name = name
        super().__init__(watched.place)
        text = (ROOT / "etc/clients" / name).read_text()
        assert "/run/latchkey/http.sock" in text
        path = watched.place.write(name, text.replace(
            "/run/latchkey/http.sock", watched.http.removeprefix("unix:")))
        self.address = f"127.0.0.1:{free_port()}"
        self.argv = ["env", f"PORT={self.address.split(':')[1]}",
                     find_program(PROGRAMS[name]), path]

    def ready(self):
        return accepts(self.address)


@pytest.fixture(scope="module", params=PROGRAMS)
def served(request):
    with Place() as place:
        find_program(PROGRAMS[request.param])
        watched = Watched(place)
        yield watched, place.add(Sockets(watched, request.param))


def open_socket(server, token):
    sock = connect(server.address)
    sock.sendall((
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        f"Upgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        f"Cookie: a=b; latchkey={token}\r\n\r\n").encode())
    return sock


def receive(sock, size):
    data = b""
    while len(data) < size and (piece := sock.recv(size - len(data))):
        data += piece
    return data


def shake_hands(sock):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        head += receive(sock, 1)
    assert head.startswith(b"HTTP/1.1 101 ")
    assert f"Sec-WebSocket-Accept: {ACCEPT}\r\n".encode() in head


def test_sockets_end_with_the_session_and_not_before(served):
    watched, server = served
    token, other = watched.cli.issue("alice"), watched.cli.issue("alice")
    with open_socket(server, token) as sock, open_socket(
            server, other) as alive:
        for one in (sock, alive):
            shake_hands(one)
            one.sendall(b"\x81\x82\0\0\0\0hi")
            assert receive(one, 4) == b"\x81\x02hi"
        watched.expect(2)
        watched.cli.revoke(token)
        assert receive(sock, 5) == b"\x88\x02\x03\xf0"
        alive.sendall(b"\x81\x82\1\1\1\1ih")
        assert receive(alive, 4) == b"\x81\x02hi"
        # Who goes is watched no more.
        alive.shutdown(socket.SHUT_WR)
        assert receive(alive, 1) == b""
    watched.expect(0)


def test_sockets_of_nobody_end_at_once(served):
    watched, server = served
    with open_socket(server, "lk_" + "A" * 64) as sock:
        shake_hands(sock)
        assert receive(sock, 5) == b"\x88\x02\x03\xf0"
    with open_socket(server, "") as sock:
        assert receive(sock, 12) == b"HTTP/1.1 401"


def test_sockets_outlive_a_gate_that_starts_again(served):
    watched, server = served
    token = watched.cli.issue("alice")
    with open_socket(server, token) as sock:
        shake_hands(sock)
        watched.expect(1)
        watched.gate.restart()
        watched.expect(1)
        sock.sendall(b"\x81\x82\0\0\0\0hi")
        assert receive(sock, 4) == b"\x81\x02hi"
        watched.cli.revoke(token)
        assert receive(sock, 5) == b"\x88\x02\x03\xf0"
