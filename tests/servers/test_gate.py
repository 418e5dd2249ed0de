"""The gate itself, asked without a web server in between."""

import select
import socket
import struct
import subprocess
import time

import pytest

from support import fastcgi
from support.place import BUILD, PATIENCE, connect, free_port, wait_until
from support.servers import (PATIENT, Gate, Latchkey, RedisServer,
                             settings)


class Setup:
    """A gate with its Redis, and a token that opens it."""

    def __init__(self, place, listen=None, extra="", redis=None):
        self.place = place
        self.redis = redis or place.add(RedisServer(place))
        self.listen = listen or f"unix:{place.path}/gate.sock"
        self.conf = place.write("latchkey.conf", settings(
            self.redis.unix_address, self.listen, extra)
            + 'log = { level = "debug"; };\n')
        self.cli = Latchkey(place, self.conf)
        self.token = self.cli.issue("alice")
        self.gate = place.add(Gate(place, self.conf, self.listen))

    def parameters(self, path="/", **variables):
        """A request that is allowed."""
        return fastcgi.request_of(
            path, HTTP_AUTHORIZATION=f"Bearer {self.token}", **variables)

    def assert_alive(self):
        assert self.gate.running(), self.gate.output()
        assert self.gate.ask(self.parameters()).status == 200

    def assert_no_token_in_logs(self):
        for name, text in self.place.logs().items():
            assert self.token not in text, name


@pytest.fixture(scope="module")
def setup(shared_place):
    setup = Setup(shared_place)
    yield setup
    setup.assert_alive()
    setup.assert_no_token_in_logs()


# ---- Answers -------------------------------------------------------------


def test_gate_with_token_allows(setup):
    reply = setup.gate.ask(setup.parameters())
    assert reply.status == 200
    assert reply.header("Variable-LATCHKEY_USER") == "alice"
    assert reply.header("Variable-REMOTE_USER") == "alice"
    assert reply.header("Cache-Control") is None
    assert [name for name, _ in reply.headers].count("Status") == 1


def test_gate_without_token_refuses(setup):
    reply = setup.gate.ask(fastcgi.request_of())
    assert reply.status == 401
    assert not [name for name, _ in reply.headers if "ariable" in name]


@pytest.mark.parametrize("role", [fastcgi.RESPONDER, fastcgi.FILTER, 0, 9])
def test_gate_in_other_role_denies(setup, role):
    reply = setup.gate.ask(setup.parameters(), role=role)
    assert reply is None or reply.status >= 400
    setup.assert_alive()


@pytest.mark.parametrize("missing", ["REQUEST_METHOD", "REQUEST_URI"])
def test_gate_without_request_line_denies(setup, missing):
    parameters = setup.parameters()
    del parameters[missing]
    reply = setup.gate.ask(parameters)
    assert reply is None or reply.status >= 400


def test_gate_with_two_cookie_parameters_scans_both(setup):
    base = list(fastcgi.request_of().items())
    one = ("HTTP_COOKIE", f"a=b; latchkey={setup.token}")
    two = ("HTTP_COOKIE", "latchkey=lk_" + "A" * 64)
    assert setup.gate.ask(base + [("HTTP_COOKIE", "a=b"), one]).status == 200
    assert setup.gate.ask(base + [one, two]).status == 200
    assert setup.gate.ask(base + [two, one]).status == 200
    assert setup.gate.ask(base + [two]).status == 401


@pytest.mark.parametrize("chunk", [1, 7, 250])
def test_gate_with_split_records_allows(setup, chunk):
    assert setup.gate.ask(setup.parameters(), chunk=chunk).status == 200


def test_gate_with_slow_client_allows(setup):
    data = fastcgi.whole(setup.parameters())
    with connect(setup.listen) as sock:
        for at in range(0, len(data), 40):
            sock.sendall(data[at:at + 40])
            time.sleep(0.005)
        assert fastcgi.parse(fastcgi.receive(sock)).status == 200


BROWSER = {"HTTP_ACCEPT": "text/html,application/xhtml+xml,*/*;q=0.8"}


def test_gate_with_login_url_redirects_browsers_only(place):
    setup = Setup(place, extra='login_url = "/login?from=app";')
    uri = "/a b?x=1&y=\u00e9"
    reply = setup.gate.ask(fastcgi.request_of(uri, **BROWSER))
    assert reply.status == 302
    location = reply.header("Location")
    assert location.startswith("/login?from=app&url=")
    assert reply.header("Latchkey-Login") == location
    tail = location.split("url=", 1)[1]
    assert not set(tail) & set("&?# ") and "\r" not in location
    for parameters in (fastcgi.request_of(uri),
                       fastcgi.request_of(uri, method="POST", **BROWSER)):
        assert setup.gate.ask(parameters).status == 401
    assert setup.gate.ask(setup.parameters(uri, **BROWSER)).status == 200
    # A script would take the login page for its answer.
    for script in ({"HTTP_X_REQUESTED_WITH": "XMLHttpRequest"},
                   {"HTTP_SEC_FETCH_MODE": "cors"}):
        parameters = fastcgi.request_of(uri, **BROWSER, **script)
        assert setup.gate.ask(parameters).status == 401
        check_login_of_subrequest(setup, parameters, None)
    # Who asks by a subrequest is told where, and redirects by himself.
    check_login_of_subrequest(
        setup, fastcgi.request_of(uri, **BROWSER), location)
    check_login_of_subrequest(setup, fastcgi.request_of(uri), None)


def check_login_of_subrequest(setup, parameters, location):
    reply = setup.gate.ask({**parameters, "LATCHKEY_ENDPOINT": "authorize"},
                           role=fastcgi.RESPONDER)
    assert (reply.status, reply.header("Latchkey-Login")) == (401, location)
    assert reply.header("Location") is None


# ---- Hostile clients -----------------------------------------------------


def hostile(parameters):
    """Things to send, none of which may be allowed or do harm."""
    good = fastcgi.pairs(parameters)
    whole = fastcgi.whole(parameters)
    params = fastcgi.stream(fastcgi.PARAMS, good)
    stdin = fastcgi.record(fastcgi.STDIN)
    get_values = fastcgi.record(
        fastcgi.GET_VALUES, fastcgi.pairs([("FCGI_MAX_CONNS", "")] * 4),
        request=0)

    def ask(content):
        return (fastcgi.begin() + fastcgi.stream(fastcgi.PARAMS, content)
                + stdin)

    return {
        "nothing": b"",
        "one byte": b"\x01",
        "text": b"GET / HTTP/1.1\r\nHost: x\r\n\r\n",
        "zeros": b"\0" * 4096,
        "ones": b"\xff" * 4096,
        "four GET_VALUES": get_values * 4,
        "GET_VALUES first": get_values + whole,
        "GET_VALUES between": fastcgi.begin() + get_values + params + stdin,
        "name near 2^31": ask(b"\xff\xff\xff\xff\x01" + b"x" * 64),
        "value near 2^31": ask(b"\x01\xff\xff\xff\xffx" + b"x" * 64),
        "both near 2^31": ask(b"\xff\xff\xff\xff" * 2),
        "good, then name near 2^31": ask(good + b"\xff\xff\xff\xff\x01x"),
        "pair cut off": ask(good + b"\x05\x05ab"),
        "length cut off": ask(good + b"\x80\x00"),
        "PARAMS cut off": (fastcgi.begin() + params)[:-30],
        "PARAMS without end": fastcgi.begin()
        + fastcgi.record(fastcgi.PARAMS, good),
        "header cut off": whole[:13],
        "no BEGIN": params + stdin,
        "second BEGIN": fastcgi.begin() + fastcgi.begin() + params + stdin,
        "BEGIN within PARAMS": fastcgi.begin()
        + fastcgi.record(fastcgi.PARAMS, good) + fastcgi.begin()
        + fastcgi.record(fastcgi.PARAMS) + stdin,
        "short BEGIN": fastcgi.record(fastcgi.BEGIN, b"\0\x02") + params,
        "long BEGIN": fastcgi.record(fastcgi.BEGIN, b"\0\x02" + b"\0" * 30)
        + params + stdin,
        "request id 0": fastcgi.begin(request=0)
        + fastcgi.stream(fastcgi.PARAMS, good, request=0),
        "two request ids": fastcgi.begin()
        + fastcgi.stream(fastcgi.PARAMS, good, request=2) + stdin,
        "version 0": b"\0" + whole[1:],
        "version 2": b"\x02" + whole[1:],
        "unknown type": fastcgi.begin() + fastcgi.record(77, b"x") + params,
        "unknown management": fastcgi.record(77, b"x", request=0) * 100,
        "DATA": fastcgi.begin() + fastcgi.record(fastcgi.DATA, b"x") + params,
        "ABORT": fastcgi.begin() + fastcgi.record(fastcgi.ABORT) + params,
        "ABORT in PARAMS": fastcgi.begin()
        + fastcgi.record(fastcgi.PARAMS, good)
        + fastcgi.record(fastcgi.ABORT) + fastcgi.record(fastcgi.PARAMS),
        "300 parameters": ask(good + fastcgi.pairs(
            [(f"X{n}", "v") for n in range(300)])),
        "70 KiB": ask(good + fastcgi.pair("X", "v" * 70 * 1024)),
        "no end of PARAMS": fastcgi.begin()
        + fastcgi.record(fastcgi.PARAMS, b"\x01\x01xx" * 16000) * 8,
        "NUL in a value": ask(good + fastcgi.pair("X", "a\0b")),
        "NUL in a name": ask(good + fastcgi.pair("X\0Y", "ab")),
        "= in a name": ask(good + fastcgi.pair("X=Y", "ab")),
        "no name": ask(good + fastcgi.pair("", "ab")),
        "method twice": ask(good + fastcgi.pair("REQUEST_METHOD", "GET")),
        "URI twice": ask(good + fastcgi.pair("REQUEST_URI", "/public")),
        "gate's method twice": ask(good + fastcgi.pairs(
            [("LATCHKEY_METHOD", "GET"), ("LATCHKEY_METHOD", "POST")])),
    }


@pytest.mark.parametrize("case", sorted(hostile({})))
def test_gate_with_hostile_records_denies_and_lives(setup, case):
    data = hostile(setup.parameters())[case]
    reply = fastcgi.send(setup.listen, data)
    assert reply is None or reply.status >= 400, reply
    setup.assert_alive()


def test_gate_with_random_bytes_denies_and_lives(setup):
    import random
    source = random.Random(20)
    good = fastcgi.whole(fastcgi.request_of())
    for _ in range(200):
        data = bytearray(good)
        for _ in range(source.randrange(1, 6)):
            data[source.randrange(len(data))] = source.randrange(256)
        reply = fastcgi.send(setup.listen, bytes(data))
        assert reply is None or reply.status >= 300
    setup.assert_alive()


def test_gate_with_client_that_resets_lives(setup):
    data = fastcgi.whole(setup.parameters())
    for cut in (0, 8, 20, len(data) - 1, len(data)):
        sock = connect(setup.listen)
        sock.sendall(data[:cut])
        sock.close()
    setup.assert_alive()


def silent_connections(listen, count, data=b""):
    socks = []
    for _ in range(count):
        sock = connect(listen)
        socks.append(sock)
        sock.sendall(data)
    return socks


@pytest.mark.parametrize("data", [
    b"", fastcgi.begin(),
    fastcgi.whole(fastcgi.request_of("/half"))[:-12]],
    ids=["nothing", "begin", "half"])
def test_gate_with_500_silent_connections_answers(setup, data):
    socks = silent_connections(setup.listen, 500, data)
    try:
        setup.assert_alive()
        # It waits for all of them yet, and has held nobody up so long.
        poll = select.poll()
        poll.register(socks[-1], select.POLLIN)
        assert not poll.poll(0)
    finally:
        for sock in socks:
            sock.close()


def test_gate_with_clients_that_never_read_answers(setup):
    data = fastcgi.whole(fastcgi.request_of())
    socks = silent_connections(setup.listen, 50, data)
    try:
        setup.assert_alive()
    finally:
        for sock in socks:
            sock.close()


def test_gate_with_keep_connection_does_not_keep_it(setup):
    data = fastcgi.whole(setup.parameters(), flags=fastcgi.KEEP_CONN)
    with connect(setup.listen) as sock:
        sock.sendall(data)
        assert fastcgi.parse(fastcgi.receive(sock)).status == 200


def test_gate_drops_half_a_request_after_its_deadline(setup):
    with connect(setup.listen) as sock:
        sock.sendall(fastcgi.begin())
        assert fastcgi.parse(fastcgi.receive(sock)) is None


# ---- Starting and stopping -----------------------------------------------


def run_gate(place, conf, *words):
    """Run a gate that is expected to end by itself."""
    return subprocess.run(
        [BUILD / "latchkey-fcgi", "-c", conf, *words], timeout=PATIENCE,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env=place.environment(), check=False)


def test_gate_on_sigterm_exits_0_and_removes_socket(place):
    setup = Setup(place)
    path = place.path / "gate.sock"
    assert path.is_socket()
    socks = silent_connections(setup.listen, 20, fastcgi.begin())
    setup.gate.stop()
    assert not path.exists()
    for sock in socks:
        sock.close()


def test_gate_on_sigint_exits_0(place):
    setup = Setup(place)
    setup.gate.process.send_signal(2)
    assert setup.gate.process.wait(PATIENCE) == 0


def test_gate_on_sigterm_finishes_requests(place):
    setup = Setup(place)
    setup.assert_alive()
    data = fastcgi.whole(setup.parameters())
    socks = silent_connections(setup.listen, 20, data)
    setup.gate.stop()
    for sock in socks:
        with sock:
            reply = fastcgi.parse(fastcgi.receive(sock))
            assert reply is None or reply.status == 200


def test_gate_after_crash_replaces_stale_socket(place):
    setup = Setup(place)
    setup.gate.kill()
    assert (place.path / "gate.sock").is_socket()
    setup.gate.start()
    setup.assert_alive()


def test_gate_while_another_listens_refuses_to_start(place):
    setup = Setup(place)
    result = run_gate(place, setup.conf)
    assert result.returncode != 0
    assert "gate.sock" in result.stderr
    setup.assert_alive()


def test_gate_where_a_file_is_refuses_to_start(place):
    path = place.write("precious", "data")
    conf = place.write("x.conf", settings("127.0.0.1:1", f"unix:{path}"))
    assert run_gate(place, conf).returncode != 0
    assert path.read_text() == "data"


def test_gate_socket_has_configured_mode(place):
    setup = Setup(place, extra="socket_mode = 0600;")
    mode = (place.path / "gate.sock").stat().st_mode
    assert mode & 0o777 == 0o600
    setup.assert_alive()


def test_gate_with_wrong_settings_exits_2(place):
    conf = place.write("wrong.conf", 'gate = { nonsense = 1; };\n')
    result = run_gate(place, conf)
    assert result.returncode == 2
    assert "wrong.conf:1" in result.stderr and "nonsense" in result.stderr


def test_gate_without_settings_file_exits_2(place):
    result = run_gate(place, place.path / "missing.conf")
    assert result.returncode == 2
    assert "missing.conf" in result.stderr


def test_gate_as_cgi_refuses_to_run(place):
    conf = place.write("x.conf", settings(
        "127.0.0.1:1", f"unix:{place.path}/x.sock"))
    result = subprocess.run(
        [BUILD / "latchkey-fcgi", "-c", conf], timeout=PATIENCE,
        stdin=subprocess.DEVNULL, capture_output=True, text=True,
        env={**place.environment(), "GATEWAY_INTERFACE": "CGI/1.1"},
        check=False)
    assert result.returncode != 0
    assert "200" not in result.stdout


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_gate_on_tcp_allows_with_token(place, host):
    if host == "[::1]":
        try:
            with socket.socket(socket.AF_INET6) as sock:
                sock.bind(("::1", 0))
        except OSError:
            pytest.skip("no IPv6 on loopback")
    setup = Setup(place, listen=f"{host}:{free_port()}")
    setup.assert_alive()
    assert setup.gate.ask(fastcgi.request_of()).status == 401
    setup.gate.restart()
    setup.assert_alive()


def test_gate_with_reset_on_tcp_lives(place):
    setup = Setup(place, listen=f"127.0.0.1:{free_port()}")
    for data in (b"", fastcgi.begin(), fastcgi.whole(setup.parameters())):
        sock = connect(setup.listen)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))
        sock.sendall(data)
        sock.close()
    setup.assert_alive()


def test_gate_reaches_redis_with_password_over_tcp(place):
    redis = place.add(RedisServer(place, password="s3cret-pass"))
    password = place.write("password", "s3cret-pass\n")
    listen = f"unix:{place.path}/gate.sock"
    conf = place.write("latchkey.conf", (
        f'store = {{ backend = "redis"; redis = {{ address = '
        f'"{redis.address}"; password_file = "{password}"; database = 3; '
        f'{PATIENT} }}; }};\ngate = {{ listen = "{listen}"; }};\n'))
    cli = Latchkey(place, conf)
    token = cli.issue("alice")
    gate = place.add(Gate(place, conf, listen))
    reply = gate.ask(fastcgi.request_of(
        HTTP_AUTHORIZATION=f"Bearer {token}"))
    assert reply.status == 200
    for name, text in place.logs().items():
        assert "s3cret-pass" not in text, name


def test_gate_with_wrong_redis_password_is_unavailable(place):
    redis = place.add(RedisServer(place, password="s3cret-pass"))
    listen = f"unix:{place.path}/gate.sock"
    conf = place.write("latchkey.conf", settings(redis.address, listen))
    gate = place.add(Gate(place, conf, listen))
    reply = gate.ask(fastcgi.request_of(
        HTTP_AUTHORIZATION="Bearer lk_" + "A" * 64))
    assert reply.status == 503
    wait_until(lambda: "level=" in gate.output(), "a line in the log")
