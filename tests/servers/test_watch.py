"""The endpoint `watch`: an answer once a session has ended, and none before."""

import contextlib
import select
import threading
import time

import pytest

from support import fastcgi
from support.house import hang_up, status_of
from support.http import head_of, send
from support.place import PLAIN, Place, connect, wait_until
from support.proxy import Proxy
from support.servers import (Gate, Latchkey, RedisServer, find_program,
                             settings)
from support.watched import TOLD, Watched, watch_request

MANY = 1000


def says_nothing(sock):
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    return not poll.poll(0)


def answer_of(sock):
    """All that it says, up to the end."""
    text = b""
    while data := sock.recv(65536):
        text += data
        if b"\r\n\r\n" in text and text.startswith(b"HTTP/"):
            break
    return text.decode("latin-1")


@pytest.fixture(scope="module")
def watched():
    with Place() as place:
        yield Watched(place)


@pytest.fixture(params=["http", "fcgi"])
def way(request):
    return request.param


def test_watch_ends_with_the_session_and_says_why(watched, way):
    token, other = watched.cli.issue("alice"), watched.cli.issue("alice")
    with watched.begin(token, way) as sock, watched.begin(other) as alive:
        watched.expect(2)
        assert says_nothing(sock)
        watched.cli.revoke(token)
        said = answer_of(sock)
        assert " 401" in said.split("\n")[0] or "Status: 401" in said
        assert "Latchkey-Reason: revoked" in said
        watched.expect(1)
        assert says_nothing(alive)


def test_watch_ends_when_the_session_does(watched, way):
    token = watched.cli.issue("alice", "--ttl", "2")
    with watched.begin(token, way) as sock:
        said = answer_of(sock)
    assert "401" in said and "The session has expired." in said


@pytest.mark.parametrize("token", ["", "garbage", "lk_" + "A" * 64])
def test_watch_without_a_session_is_refused_at_once(watched, way, token):
    with watched.begin(token, way) as sock:
        assert "401" in answer_of(sock)
    watched.expect(0)


def test_watch_that_is_one_too_many_is_503(watched, way):
    token = watched.cli.issue("alice")
    socks = [watched.begin(token, way) for _ in range(3)]
    try:
        watched.expect(3)
        with watched.begin(token, way) as sock:
            assert "503" in answer_of(sock)
        # Who was there keeps his place.
        watched.expect(3)
        assert all(says_nothing(sock) for sock in socks)
        # Whoever goes leaves it.
        socks.pop().close()
        watched.expect(2)
        socks.append(watched.begin(token, way))
        watched.expect(3)
    finally:
        for sock in socks:
            sock.close()
    watched.expect(0)


def test_watch_goes_on_over_a_reload_and_not_over_the_end(place, way):
    watched = Watched(place)
    with watched.begin(watched.cli.issue("alice"), way) as sock:
        watched.expect(1)
        hang_up(watched.gate)
        watched.expect(1)
        assert says_nothing(sock)
        watched.gate.stop()
        assert "503" in answer_of(sock)


def test_watch_without_a_store_says_503(place, way):
    watched = Watched(place)
    with watched.begin(watched.cli.issue("alice"), way) as sock:
        watched.expect(1)
        watched.redis.stop()
        assert "503" in answer_of(sock)


def test_watch_leaves_room_to_who_wants_a_verdict(place, way):
    """However many the settings allow: a gate of few descriptors."""
    watched = Watched(place, most=100000, prefix=(
        find_program("prlimit"), "--nofile=1024:1024"))
    token = watched.cli.issue("alice")
    socks = []
    try:
        while all(map(says_nothing, socks)):
            socks += [watched.begin(token, way) for _ in range(10)]
            wait_until(lambda: watched.count() + sum(
                not says_nothing(sock) for sock in socks) == len(socks),
                "each of them")
        assert 20 < watched.count() < len(socks) < 200
        for _ in range(50):
            assert watched.gate.ask(fastcgi.request_of(
                HTTP_AUTHORIZATION=f"Bearer {token}")).status == 200
            assert send(watched.http, head_of("/authorize", [
                *TOLD, ("Authorization", f"Bearer {token}")])).status == 200
    finally:
        for sock in socks:
            sock.close()


def test_watch_is_not_there_unless_it_is_wanted(place, way):
    watched = Watched(place, most=0, redis=False)
    with watched.begin(watched.cli.issue("alice"), way) as sock:
        assert "404" in answer_of(sock)


def test_watch_of_a_thousand_takes_no_thread_and_little_memory(place, way):
    """In the embedded store, too; and pages are answered meanwhile."""
    # What finds errors of memory takes some itself.
    watched = Watched(place, most=MANY, redis=way == "http",
                      program=PLAIN / "latchkey-fcgi")
    token = watched.cli.issue("alice")
    pid = watched.gate.process.pid
    before = status_of(pid)
    socks = [watched.begin(token, way) for _ in range(MANY)]
    try:
        # Those of this moment are in hand.
        wait_until(lambda: watched.count() > MANY - 50, "them")
        after = status_of(pid)
        assert int(after["Threads"]) < 20
        grown = int(after["VmRSS"].split()[0]) - int(
            before["VmRSS"].split()[0])
        assert grown < 50 * 1024, grown
        reply = watched.gate.ask(fastcgi.request_of(
            HTTP_AUTHORIZATION=f"Bearer {token}"))
        assert reply.status == 200
        assert all(says_nothing(sock) for sock in socks)
        watched.cli.revoke(token)
        assert all("401" in answer_of(sock) for sock in socks)
    finally:
        for sock in socks:
            sock.close()
    watched.expect(0)


class SlowProxy(Proxy):
    """One of which each answer takes a while."""

    seconds = 0.05

    def _answer(self, client, data):
        time.sleep(self.seconds)
        super()._answer(client, data)


def test_watches_and_calls_take_turns(place):
    """Either alone are more than the only worker gets done."""
    redis = place.add(RedisServer(place))
    proxy = place.add(SlowProxy(redis.unix_address))
    listen = f"unix:{place.path}/gate.sock"
    cli = Latchkey(place, place.write("direct.conf", settings(
        redis.address, listen)))
    gate = place.add(Gate(place, place.write("latchkey.conf", settings(
        proxy.address, listen, "threads = 1; watch = { max = 60; };")),
        listen))
    token, ending = cli.issue("alice"), cli.issue("alice")

    def call():
        return gate.ask(fastcgi.request_of(
            LATCHKEY_ENDPOINT="session",
            HTTP_AUTHORIZATION=f"Bearer {token}"), role=fastcgi.RESPONDER)

    def go_on():
        while not stop.is_set():
            answers.append(call().status)

    stop, answers = threading.Event(), []
    callers = [threading.Thread(target=go_on) for _ in range(4)]
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(listen)) for _ in range(41)]
        for sock in socks:
            sock.sendall(watch_request(ending if sock is socks[0] else token))
        # While each of them is looked at once a second, or as soon after
        # that as may be.
        for _ in range(5):
            assert call().status == 200
        for caller in callers:
            caller.start()
        try:
            cli.revoke(ending)
            assert "401" in answer_of(socks[0])
        finally:
            stop.set()
            for caller in callers:
                caller.join()
        assert all(says_nothing(sock) for sock in socks[1:])
    assert set(answers) == {200}
