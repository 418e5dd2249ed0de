"""The gate asked by HTTP, without a web server in between."""

import contextlib
import os
import socket
import subprocess
import time

import pytest

from support import fastcgi
from support.carry import bearer, cookie
from support.clients import kept, raw, read_reply, sequence, status_of
from support.house import hang_up, is_closed, log_has, read_answer, keep
from support.http import head_of, send
from support.place import BUILD, connect, free_port, wait_until
from support.servers import embedded_settings
from support.standstill import still, threads_of

SAID = [("X-Latchkey-Method", "GET"), ("X-Latchkey-Uri", "/page"),
        ("X-Latchkey-Host", "www.example"), ("X-Latchkey-Peer", "192.0.2.1")]


def said(**other):
    """What a web server says, some of it otherwise, or not at all (None)."""
    pairs = {name: other.get(name[11:].lower(), value)
             for name, value in SAID}
    return [pair for pair in pairs.items() if pair[1] is not None]


@pytest.fixture(scope="module")
def address(site):
    return f"unix:{site.http_socket}"


@pytest.fixture(scope="module")
def token(site):
    return site.cli.issue("alice")


def ask(address, headers=(), target="/authorize", method="GET", told=SAID):
    return send(address, head_of(target, [*told, *headers], method), method)


# ---- What is asked, and of whom ------------------------------------------


def test_http_verdict_names_who_it_is_as_fastcgi_does(site, address, token):
    reply = ask(address, bearer(token))
    by_fastcgi = site.gates[0].ask(
        fastcgi.request_of("/page", HTTP_AUTHORIZATION=f"Bearer {token}",
                           LATCHKEY_ENDPOINT="authorize"),
        role=fastcgi.RESPONDER)
    names = ("Latchkey-User", "Latchkey-Session", "Latchkey-Expires")
    assert (reply.status, reply.body) == (200, "")
    assert reply.header("Latchkey-User") == "alice"
    assert [reply.header(name) for name in names] == [
        by_fastcgi.header(name) for name in names]
    assert not [name for name, _ in reply.headers if "Variable" in name]


@pytest.mark.parametrize("headers, status", [
    ([], 401), (bearer("garbage"), 401), (bearer("lk_" + "A" * 64), 401),
    (cookie("garbage"), 401)])
def test_http_verdict_refuses_with_every_challenge(address, headers, status):
    reply = ask(address, headers)
    assert reply.status == status
    assert {value.split()[0] for value in reply.all("WWW-Authenticate")} == {
        "Basic", "Bearer"}
    assert reply.header("Cache-Control") == "no-store"
    assert not reply.all("Latchkey-User")


def test_http_verdict_on_several_tokens_is_that_of_fastcgi(site, address,
                                                           token):
    other = site.cli.issue("alice")
    for headers, status in (
            (cookie(token) + cookie("garbage"), 200),
            (cookie(token) + cookie(other), 401),
            (bearer(token) + cookie(other), 401),
            (bearer(token) + bearer(other), 401),
            (bearer("garbage") + bearer(token), 401),
            (bearer(token) + bearer(token), 200)):
        assert ask(address, headers).status == status, headers


# Each is said once and with one value, or nothing is answered.
UNTOLD = [said(**{name: value}) for name in ("method", "uri", "host", "peer")
          for value in (None, "", "a, b", "a b")]
UNTOLD += [SAID + [(name, value)] for name, value in SAID]
UNTOLD += [[(name.lower(), "/other"), *SAID] for name, _ in SAID]
UNTOLD += [SAID + [(name.upper(), "")] for name, _ in SAID]


@pytest.mark.parametrize("told", UNTOLD)
def test_http_without_each_thing_said_once_is_refused(address, token, told):
    for target in ("/authorize", "/session", "/metrics"):
        reply = ask(address, bearer(token), target, told=told)
        assert reply.status == 400
        assert reply.header("Connection") == "close"
        assert not reply.all("Latchkey-User") and "alice" not in reply.body


def test_http_takes_the_clients_own_names_for_nothing(address, token):
    forged = [("X_Latchkey_Uri", "/other"), ("X_LATCHKEY_METHOD", "POST"),
              ("X-Latchkey_Peer", "192.0.2.9"), ("Request-Uri", "/other"),
              ("LATCHKEY_ENDPOINT", "session")]
    reply = ask(address, bearer(token) + forged)
    assert (reply.status, reply.body) == (200, "")


@pytest.mark.parametrize("target", [
    "/", "/authorize/", "//authorize", "/%61uthorize", "/authorize%00",
    "/Authorize", "/authorize;x", "/x/../authorize", "/none", "*",
    "http://localhost/authorize", "/?authorize"])
def test_http_answers_at_no_other_path(address, token, target):
    reply = ask(address, bearer(token), target)
    assert reply.status in (400, 404) and not reply.all("Latchkey-User")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "X-Y"])
def test_http_goes_by_the_method_that_it_was_told(site, address, method):
    line = site.denial_of(lambda: ask(
        address, told=said(method="PATCH", uri="/a?b=c", peer="::1"),
        method=method))
    assert "method=PATCH path=/a peer=::1" in line


def test_http_endpoints_answer_for_themselves(site, address):
    token = site.cli.issue("alice")
    assert '"user":"alice"' in ask(address, bearer(token), "/session").body
    assert ask(address, bearer(token), "/logout").status == 405
    other = site.cli.issue("alice")
    kind = site.cli.check(other)["id"]
    post = said(method="POST", uri=f"/session/revoke?id={kind}")
    reply = ask(address, bearer(token), "/revoke?id=none", told=post)
    assert (reply.status, reply.body) == (200, '{"revoked":1}\n')
    reply = ask(address, bearer(token), "/logout", told=said(method="POST"))
    assert (reply.status, reply.body) == (200, '{"revoked":1}\n')
    assert ask(address, bearer(token)).status == 401


@pytest.mark.parametrize("body", [
    [("Content-Length", "5")], [("Content-Length", "00000")],
    [("Transfer-Encoding", "chunked")], [("Transfer-Encoding ", "chunked")],
    [("Content-Length\t", "5")],
    [("Content-Length", "0"), ("Transfer-Encoding", "chunked")],
    [("Content-Length", "0"), ("Content-Length", "5")],
    [("Content-Length", "5"), ("Expect", "100-continue")]])
def test_http_takes_no_body(address, token, body):
    """And what follows it on the connection is no request."""
    smuggled = kept("/authorize", SAID + bearer(token))
    for method in ("GET", "POST"):
        data = raw(address, kept("/authorize", [*SAID, *bearer(token), *body],
                                 method) + smuggled)
        assert status_of(data) in (None, 400), data
        assert b"Latchkey-User" not in data and data.count(b"HTTP/1.1") < 2


@pytest.mark.parametrize("headers", [
    [("X-Big", "x" * 40000)], [(f"X-{i}", "x" * 4000) for i in range(10)],
    [(f"X-{i}", "x") for i in range(300)], [("Cookie", "a=b; " * 5000)]],
    ids=["one", "several", "many", "cookies"])
def test_http_refuses_what_is_too_long(address, token, headers):
    data = raw(address, head_of("/authorize",
                                [*SAID, *bearer(token), *headers]))
    assert status_of(data) in (None, 400, 431), data
    assert b"Latchkey-User" not in data


def test_http_with_a_query_of_many_parameters_is_refused_at_once(address,
                                                                 token):
    began = time.monotonic()
    data = raw(address, head_of("/authorize?" + "a&" * 2000,
                                SAID + bearer(token)))
    assert b"Latchkey-User" not in data
    # No connection waits for what will never be said.
    assert time.monotonic() - began < 4


@pytest.mark.parametrize("pipelined", [False, True])
def test_http_answers_each_request_of_a_connection_by_itself(
        site, address, token, pipelined):
    revoked = site.cli.issue("alice")
    site.cli.revoke(revoked)
    rows = [(bearer(token), 200), ([], 401), (bearer(token), 200),
            (bearer(revoked), 401), ([], 401), (bearer(token), 200)] * 3
    replies = sequence(address, [kept("/authorize", SAID + headers)
                                 for headers, _ in rows], pipelined)
    assert [reply.status for reply in replies] == [
        status for _, status in rows]
    for reply in replies:
        assert (reply.header("Latchkey-User") == "alice") == (
            reply.status == 200)


# ---- The process ---------------------------------------------------------


def http_of(house):
    return f"unix:{house.place.path}/http.sock"


def setting(house, extra="", listen=None):
    return (f'threads = 2; expose_metrics = true; '
            f'http = {{ listen = "{listen or http_of(house)}"; {extra} }};')


def gate_of(house, extra="", **options):
    return house.gate(setting(house, extra), **options)


def metric(address, name):
    lines = ask(address, target="/metrics").body.splitlines()
    return [int(line.split()[1]) for line in lines
            if line.startswith(name + " ")][0]


def test_http_is_off_until_it_is_set(house):
    gate = house.gate()
    assert gate.ask(house.parameters()).status == 200
    assert not (house.place.path / "http.sock").exists()


def test_http_on_loopback_answers(house):
    port = free_port()
    house.gate(setting(house, listen=f"127.0.0.1:{port}"))
    assert ask(f"127.0.0.1:{port}", bearer(house.token)).status == 200


@pytest.mark.parametrize("listen", ["0.0.0.0", "[::]"])
def test_http_listens_at_no_address_that_other_machines_reach(house, listen):
    house.write(setting(house, listen=f"{listen}:{free_port()}")
                + "allow_remote = true;")
    done = subprocess.run([BUILD / "latchkey-fcgi", "-c", house.conf],
                          capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "gate.http.listen" in done.stderr


@pytest.mark.parametrize("names", ["http:gate", "gate:http"])
def test_http_on_a_passed_socket_is_the_one_of_that_name(house, names):
    house.write()
    with contextlib.ExitStack() as stack:
        socks = {}
        for name in ("gate", "http"):
            socks[name] = stack.enter_context(socket.socket(socket.AF_UNIX))
            socks[name].bind(str(house.place.path / f"passed-{name}"))
            socks[name].listen()
        one, other = (socks[name].fileno() for name in names.split(":"))
        process = subprocess.Popen(
            ["bash", "-c", f"exec 3<&{one}; exec 4<&{other}; "
             f"LISTEN_PID=$$ exec {BUILD}/latchkey-fcgi -c {house.conf}"],
            pass_fds=[one, other], stdin=subprocess.DEVNULL,
            env={**house.place.environment(), "LISTEN_FDS": "2",
                 "LISTEN_FDNAMES": names})
        stack.callback(process.wait)
        stack.callback(process.terminate)
        reply = ask(f"unix:{house.place.path}/passed-http",
                    bearer(house.token))
        assert reply.status == 200
        reply = fastcgi.ask(f"unix:{house.place.path}/passed-gate",
                            house.parameters())
        assert reply.status == 200


def test_http_of_the_embedded_store_is_answered_by_workers(house):
    listen = f"unix:{house.place.path}/gate.sock"
    house.place.write("latchkey.conf", embedded_settings(
        house.place.path / "store" / "sessions.db", listen, setting(house)))
    token = house.cli.issue("alice")
    house.write = lambda *_: None
    house.gate()
    rows = [(bearer(token), 200), ([], 401)] * 20
    replies = sequence(http_of(house), [kept("/authorize", SAID + headers)
                                        for headers, _ in rows], True)
    assert [reply.status for reply in replies] == [row[1] for row in rows]


@pytest.mark.parametrize("allowed", [True, False])
def test_http_with_allow_uids_answers_those_alone(house, allowed):
    uid = os.geteuid() + (not allowed)
    gate = gate_of(house, f"allow_uids = [ {uid} ];")
    data = raw(http_of(house), head_of("/authorize",
                                       SAID + bearer(house.token)))
    assert status_of(data) == (200 if allowed else None)
    # The other socket has a list of its own.
    assert gate.ask(house.parameters()).status == 200
    if not allowed:
        log_has(gate, "gate.http.allow_uids")


def test_http_with_allow_uids_tightened_lets_no_kept_connection_ask(house):
    gate = gate_of(house)
    with connect(http_of(house)) as sock, sock.makefile("rb") as file:
        sock.sendall(kept("/authorize", SAID + bearer(house.token)))
        assert read_reply(file).status == 200
        house.write(setting(house, f"allow_uids = [ {os.geteuid() + 1} ];"))
        hang_up(gate)
        with contextlib.suppress(BrokenPipeError):
            sock.sendall(kept("/authorize", SAID + bearer(house.token)))
        assert is_closed(sock)


def test_http_connections_outlive_a_reload(house):
    gate = gate_of(house)
    with connect(http_of(house)) as sock, sock.makefile("rb") as file:
        for _ in range(3):
            sock.sendall(kept("/authorize", SAID + bearer(house.token)))
            assert read_reply(file).status == 200
            hang_up(gate)
        house.write(setting(house) + 'realm = "another";')
        hang_up(gate)
        sock.sendall(kept("/authorize", SAID))
        assert 'realm="another"' in read_reply(file).all(
            "WWW-Authenticate")[0]
    house.write(setting(house, listen=f"unix:{house.place.path}/other"))
    hang_up(gate)
    log_has(gate, "restart_needed_for=gate.http.listen")


def test_http_answers_what_is_in_hand_and_ends(house):
    gate = gate_of(house)
    with contextlib.ExitStack() as stack:
        idle, asked = (stack.enter_context(connect(http_of(house)))
                       for _ in range(2))
        file = stack.enter_context(asked.makefile("rb"))
        with house.redis.frozen():
            asked.sendall(kept("/authorize", SAID + bearer(house.token)))
            wait_until(lambda: metric_of(gate, house) >= 2, "both")
            gate.process.terminate()
            wait_until(lambda: is_closed(idle), "the other to be closed")
        reply = read_reply(file)
        assert (reply.status, reply.header("Connection")) == (200, "close")
    assert gate.process.wait() == 0
    assert not (house.place.path / "http.sock").exists()


def metric_of(gate, house):
    return metric(http_of(house), "latchkey_http_connections") - 1


def test_http_refuses_at_once_while_the_store_is_silent(house):
    gate_of(house)
    address = http_of(house)
    assert ask(address, bearer(house.token)).status == 200
    with house.redis.frozen(), connect(address) as sock, \
            sock.makefile("rb") as file:
        sock.sendall(kept("/authorize", SAID + bearer(house.token)))
        assert ask(address).status == 401
    house.redis.stop()
    assert ask(address, bearer(house.token)).status == 503
    assert ask(address).status == 401


def test_http_newcomers_are_answered_while_any_one_thread_stands_still(house):
    gate = gate_of(house)
    threads = wait_until(
        lambda: (lambda all: len(all) >= 4 and all)(
            threads_of(gate.process.pid)), "its threads")
    for tid in threads:
        with still(tid):
            for _ in range(10):
                assert ask(http_of(house)).status == 401


def test_http_and_fastcgi_are_answered_beside_each_other(house):
    gate = gate_of(house)
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(address))
                 for address in (gate.address, http_of(house)) * 8]
        files = [stack.enter_context(sock.makefile("rb")) for sock in socks]
        for _ in range(5):
            for at, sock in enumerate(socks):
                sock.sendall(kept("/authorize", SAID + bearer(house.token))
                             if at % 2 else keep(
                                 house.parameters(
                                     LATCHKEY_ENDPOINT="authorize")))
            for at, sock in enumerate(socks):
                reply = (read_reply(files[at]) if at % 2
                         else read_answer(sock))
                assert reply.status == 200


def test_http_silent_connections_end_and_keep_nobody_out(house):
    """Of more than there is room for, who has been silent for longest."""
    gate = gate_of(house, prefix=("prlimit", "--nofile=400:400"))
    address = http_of(house)
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(address)) for _ in range(150)]
        reply = ask(address, bearer(house.token))
        assert reply.status == 200
        assert metric(address, "latchkey_http_connections") < 120
        assert gate.ask(house.parameters()).status == 200
        # The last of them may ask as well.
        socks[-1].sendall(kept("/authorize", SAID + bearer(house.token)))
        with socks[-1].makefile("rb") as file:
            assert read_reply(file).status == 200
        assert is_closed(socks[0])
        # And no part of a request lasts.
        socks[-2].sendall(b"GET /authorize HTTP/1.1\r\nHost: x\r\n")
        assert is_closed(socks[-2])
    assert "too many connections" not in gate.output()
