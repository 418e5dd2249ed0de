"""The gate as a CGI program: behind lighttpd, and started by hand."""

import json
import subprocess

import pytest

from support import http
from support.place import (BUILD, PATIENCE, ROOT, Daemon, accepts,
                           free_port)
from support.servers import (Latchkey, RedisServer, find_program, settings)

CONF = """
server.modules = ( "mod_cgi" )
server.bind = "127.0.0.1"
server.port = {port}
server.document-root = "{pages}"
cgi.assign = ( "/latchkey.cgi" => "" )
"""


class CgiLighttpd(Daemon):
    """lighttpd that starts the example's wrapper for each request."""

    name = "lighttpd"
    good = (0, 1)

    def __init__(self, place, conf):
        super().__init__(place)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        script = (ROOT / "etc/cgi/latchkey.cgi").read_text()
        for old, new in (("/etc/latchkey/latchkey.conf", conf),
                         ("/usr/local/sbin/latchkey-fcgi",
                          BUILD / "latchkey-fcgi")):
            assert script.count(old) == 1
            script = script.replace(old, str(new))
        place.write("pages/latchkey.cgi", script, 0o755)
        text = CONF.format(port=self.port, pages=place.path / "pages")
        self.argv = [find_program("lighttpd"), "-D", "-f",
                     place.write("lighttpd.conf", text)]

    def ready(self):
        return accepts(self.address)


class Setup:
    def __init__(self, place):
        self.place = place
        self.redis = place.add(RedisServer(place))
        self.conf = place.write("latchkey.conf", settings(
            self.redis.unix_address, "127.0.0.1:1", "expose_metrics = true;"))
        self.cli = Latchkey(place, self.conf)
        self.lighttpd = place.add(CgiLighttpd(place, self.conf))

    def ask(self, path, token=None, method="GET", headers=()):
        headers = list(headers)
        if token is not None:
            headers.append(("Authorization", f"Bearer {token}"))
        if method == "POST":
            headers.append(("Content-Length", "0"))
        return http.request(self.lighttpd.address, f"/latchkey.cgi{path}",
                            headers, method)


@pytest.fixture(scope="module")
def setup(shared_place):
    setup = Setup(shared_place)
    yield setup
    for name, text in shared_place.logs().items():
        assert not any(token in text for token in setup.cli.tokens), name


def start(place, *words, env=(), binary="latchkey-fcgi"):
    """Run the program as a web server would run CGI; what it printed."""
    return subprocess.run(
        [BUILD / binary, *words], timeout=PATIENCE,
        stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        env={**place.environment(), "GATEWAY_INTERFACE": "CGI/1.1",
             "REQUEST_METHOD": "GET", "REQUEST_URI": "/", **dict(env)})


# ---- Behind lighttpd -----------------------------------------------------


def test_cgi_session_shows_session(setup):
    token = setup.cli.issue("alice", "--client", "web")
    reply = setup.ask("/session", token)
    assert reply.status == 200
    assert json.loads(reply.body)["user"] == "alice"
    assert reply.header("Cache-Control") == "no-store"
    assert reply.header("Content-Type") == "application/json"
    assert setup.ask("/session", "garbage").status == 401
    assert setup.ask("/session").status == 401


def test_cgi_authorize_gives_the_verdict(setup):
    reply = setup.ask("/authorize", setup.cli.issue("alice"))
    assert (reply.status, reply.header("Latchkey-User")) == (200, "alice")
    assert setup.ask("/authorize").status == 401


def test_cgi_logout_ends_session(setup):
    token = setup.cli.issue("alice")
    cookie = ("Cookie", f"latchkey={token}")
    assert setup.ask("/logout", None, "POST", [cookie]).status == 403
    reply = setup.ask("/logout", None, "POST",
                      [cookie, ("Origin", "http://localhost")])
    assert (reply.status, json.loads(reply.body)) == (200, {"revoked": 1})
    assert "Max-Age=1" in reply.header("Set-Cookie")
    assert setup.ask("/session", token).status == 401


def test_cgi_revoke_takes_the_id_of_the_query(setup):
    token, other = setup.cli.issue("alice"), setup.cli.issue("alice")
    name = setup.cli.check(other)["id"]
    reply = setup.ask(f"/revoke?id={name}", token, "POST")
    assert (reply.status, json.loads(reply.body)) == (200, {"revoked": 1})
    assert setup.ask("/session", other).status == 401


def test_cgi_health_is_there_and_metrics_are_not(setup):
    assert setup.ask("/health").status == 200
    assert setup.ask("/metrics").status == 404


@pytest.mark.parametrize("path", ["", "/", "/session/", "/nothing",
                                  "/Session", "/session/x"])
def test_cgi_without_known_endpoint_is_404(setup, path):
    assert setup.ask(path, setup.cli.issue("alice")).status == 404


def test_cgi_query_is_no_argument(setup):
    evil = setup.place.write("evil.conf", settings(
        "127.0.0.1:1", "127.0.0.1:1"))
    token = setup.cli.issue("alice")
    for query in (f"-c+{evil}", "--help", "--version", "-c%20x"):
        reply = setup.ask(f"/session?{query}", token)
        assert (reply.status, json.loads(reply.body)["user"]) == (
            200, "alice")


# ---- Started by hand -----------------------------------------------------


def test_cgi_ignores_arguments(place):
    setup_conf = place.write("x.conf", settings("127.0.0.1:1", "127.0.0.1:1"))
    for words in (("-c", "/nonexistent"), ("--help",), ("--version",),
                  ("x",)):
        result = start(place, *words, env={"LATCHKEY_CGI": str(setup_conf)})
        assert result.returncode == 0, result.stderr
        assert result.stdout.startswith("Status: 404 ")


def test_cgi_without_being_asked_for_does_nothing(place):
    conf = place.write("x.conf", settings("127.0.0.1:1", "127.0.0.1:1"))
    for words in ((), ("-c", conf), ("--help",)):
        result = start(place, *words, env={
            "HTTP_LATCHKEY_CGI": str(conf), "QUERY_STRING":
            f"LATCHKEY_CGI={conf}"})
        assert result.returncode == 2
        assert result.stdout == ""


@pytest.mark.parametrize("path", ["", "x.conf", "/nonexistent/x.conf"])
def test_cgi_without_good_settings_is_503(place, path):
    place.write("x.conf", settings("127.0.0.1:1", "127.0.0.1:1"))
    result = start(place, env={"LATCHKEY_CGI": path,
                               "LATCHKEY_ENDPOINT": "authorize"})
    assert result.returncode == 2
    assert result.stdout.startswith("Status: 503 ")
    assert result.stderr


def test_cgi_with_unsafe_settings_is_503(place):
    conf = place.write("x.conf", settings("127.0.0.1:1", "127.0.0.1:1"),
                       0o666)
    result = start(place, env={"LATCHKEY_CGI": str(conf)})
    assert result.stdout.startswith("Status: 503 ")


def test_cgi_without_store_is_503(place):
    conf = place.write("x.conf", settings(
        f"127.0.0.1:{free_port()}", "127.0.0.1:1"))
    result = start(place, env={
        "LATCHKEY_CGI": str(conf), "LATCHKEY_ENDPOINT": "authorize",
        "HTTP_AUTHORIZATION": "Bearer lk_" + "A" * 64})
    assert result.returncode == 0
    assert result.stdout.startswith("Status: 503 ")
