"""The WebSockets in etc/clients end with the session of who opened them."""

import base64
import hashlib
import select
import socket

import pytest

from support.place import (ROOT, Daemon, Place, accepts, connect, free_port,
                           wait_until)
from support.servers import find_program
from support.watched import Watched

KEY = base64.b64encode(b"0123456789abcdef").decode()
ACCEPT = base64.b64encode(hashlib.sha1(
    KEY.encode() + b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11").digest()).decode()
SAME_ORIGIN = "Origin: http://localhost"
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


def open_socket(server, token, cookie="", more=(SAME_ORIGIN,), rest=b""):
    sock = connect(server.address)
    sock.sendall((
        "GET / HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\n"
        f"Upgrade: websocket\r\nSec-WebSocket-Key: {KEY}\r\n"
        "Sec-WebSocket-Version: 13\r\n"
        + "".join(f"{line}\r\n" for line in more) +
        f"Cookie: {cookie or f'a=b; latchkey={token}'}\r\n\r\n").encode()
        + rest)
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
        shake_hands(sock)
        assert receive(sock, 5) == b"\x88\x02\x03\xf0"
    with open_socket(server, "", cookie=" ") as sock:
        assert receive(sock, 12) == b"HTTP/1.1 401"


@pytest.mark.parametrize("more", [
    (), ("Origin: null",), ("Origin: http://evil.example",),
    ("Origin: http://localhost.evil.example",), ("Origin: localhost",),
    ("Origin: http://evil.example", SAME_ORIGIN),
    (SAME_ORIGIN, "Origin: http://evil.example")])
def test_sockets_are_opened_by_no_other_site(served, more):
    """Browsers send the cookie along, and ask nobody."""
    watched, server = served
    with open_socket(server, watched.cli.issue("alice"), more=more) as sock:
        assert receive(sock, 12) == b"HTTP/1.1 403"


@pytest.mark.parametrize("cookie", [
    "latchkey={own}; latchkey={other}.", "latchkey={other}.; latchkey={own}",
    'latchkey={own}; x="; latchkey={other}"', "LATCHKEY={other};latchkey={own}",
    "latchkey={own}; LATCHKEY={other}", "latchkey = {own}; xlatchkey={other}"])
def test_sockets_are_those_of_the_session_that_the_gate_sees(served, cookie):
    """Who has a session that will end must not have another one watched."""
    watched, server = served
    own, other = watched.cli.issue("alice"), watched.cli.issue("mallory")
    with open_socket(server, "", cookie.format(own=own, other=other)) as sock:
        shake_hands(sock)
        watched.expect(1)
        watched.cli.revoke(own)
        assert receive(sock, 5) == b"\x88\x02\x03\xf0"
    watched.expect(0)


def test_sockets_hear_what_came_with_the_handshake(served):
    watched, server = served
    with open_socket(server, watched.cli.issue("alice"),
                     rest=b"\x81\x82\0\0\0\0hi") as sock:
        shake_hands(sock)
        assert receive(sock, 4) == b"\x81\x02hi"
    watched.expect(0)


def test_sockets_of_who_does_not_read_take_no_more_and_end(served):
    watched, server = served
    token = watched.cli.issue("alice")
    frames = (b"\x81\xfd" + bytes(4) + b"x" * 125) * 500
    sent = 0
    with open_socket(server, token) as sock:
        shake_hands(sock)
        # Once no more is taken for a while, what came is kept no more either.
        while select.select([], [sock], [], 2)[1]:
            sent += sock.send(frames[sent % len(frames):],
                              socket.MSG_DONTWAIT)
            assert sent < 1 << 26
        watched.cli.revoke(token)
        poll = select.poll()
        poll.register(sock, 0)
        wait_until(lambda: poll.poll(0), "the end")


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
