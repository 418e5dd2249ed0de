"""What is nginx's own about asking the gate."""

import pytest

from support import websocket
from support.carry import bearer, cookie
from support.clients import raw, status_of
from support.http import head_of
from support.nginx import NginxTls
from support.site import Site


@pytest.fixture
def nginx(site):
    return site.front("nginx")


@pytest.mark.parametrize("path", ["/_latchkey", "/_latchkey?x",
                                  "/public/../_latchkey", "/%5flatchkey"])
def test_nginx_keeps_its_way_to_the_gate_to_itself(site, nginx, path):
    for headers in ((), bearer(site.cli.issue("alice"))):
        reply = nginx.get(path, headers)
        assert reply.status in (400, 401, 404)
        assert not reply.all("Latchkey-User")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_nginx_tells_the_gate_what_was_asked(site, nginx, method):
    line = site.denial_of(
        lambda: nginx.get("/app/page?q=1", method=method))
    assert f"method={method} path=/app/page peer=127.0.0.1" in line


def test_nginx_passes_the_challenge_on(nginx):
    """The first of them at least: nginx 1.22 takes one from a subrequest."""
    assert nginx.get().all("WWW-Authenticate")[0] == (
        'Basic realm="latchkey", charset="UTF-8"')
    reply = nginx.get(headers=bearer("garbage"))
    assert 'error="invalid_token"' in reply.all("WWW-Authenticate")[0]


def test_nginx_with_two_cookie_lines_shows_both_to_the_gate(site, nginx):
    one, two = site.cli.issue("alice"), site.cli.issue("alice")
    assert nginx.get(headers=cookie(one) + cookie("garbage")).status == 200
    assert nginx.get(headers=cookie("garbage") + cookie(one)).status == 200
    assert nginx.get(headers=cookie(one) + cookie(two)).status == 401
    assert nginx.get(headers=cookie(one) + cookie(one)).status == 200


def test_nginx_with_regex_location_still_asks(own_site):
    """A location that wins over all others is protected by the server."""
    nginx = own_site.front("nginx")
    nginx.stop()
    conf = own_site.place.path / "nginx.conf"
    conf.write_text(conf.read_text().replace(
        "location /app/ {", "location ~ \\.html$ {\n}\nlocation /app/ {"))
    nginx.start()
    assert nginx.get("/secret.html").status == 401
    token = own_site.cli.issue("alice")
    assert nginx.get("/secret.html", bearer(token)).status == 200


@pytest.mark.parametrize("path", [
    "/app/admin/../../public/", "/app/./x", "/app/%2e%2e/x", "/app/.%2E/x",
    "/app/..", "/app/.?x", "/app/..;x", "/app/x/%2e/", "/public/..%2fapp/",
    "/public/..%5capp/", "/public/%2e%2e%2fapp"])
def test_nginx_refuses_a_path_that_it_would_read_apart(site, nginx, path):
    """It walks the dots, picks the location, and passes them on."""
    assert nginx.get(path, bearer(site.cli.issue("alice"))).status == 400


@pytest.mark.parametrize("path", ["/app/a.b/..c/d..", "/app/?x=/../y",
                                  "/app/...", "/app/.well-known/x"])
def test_nginx_takes_dots_that_are_no_segments(site, nginx, path):
    assert nginx.get(path, bearer(site.cli.issue("alice"))).status == 200


def test_nginx_lets_a_large_body_through(own_site):
    """Where the location takes one; the gate is not sent it."""
    nginx = own_site.front("nginx")
    nginx.stop()
    conf = own_site.place.path / "nginx.conf"
    conf.write_text(conf.read_text().replace(
        "location /app/ {", "location /app/ {\nclient_max_body_size 4m;"))
    nginx.start()
    body = b"x" * 3000000
    for headers, status in ((bearer(own_site.cli.issue("alice")), 200),
                            ((), 401)):
        data = raw(nginx.address, head_of("/app/x", [
            *headers, ("Content-Length", str(len(body)))], "POST") + body)
        assert status_of(data) in ((status,) if headers else (status, None))
        assert (b"received=3000000" in data) == (status == 200)


def test_nginx_endpoints_answer_for_themselves(site, nginx):
    token = site.cli.issue("alice")
    reply = nginx.get("/session/session", bearer(token))
    assert (reply.status, '"user":"alice"' in reply.body) == (200, True)
    reply = nginx.get("/session/session")
    assert reply.status == 401
    reply = nginx.get("/session/logout", bearer(token) + [
        ("Content-Length", "0")], method="POST")
    assert (reply.status, reply.body) == (200, '{"revoked":1}\n')
    # No session is asked for before that.
    reply = nginx.get("/session/logout", bearer(token) + [
        ("Content-Length", "0")], method="POST")
    assert (reply.status, reply.body) == (200, '{"revoked":0}\n')
    assert nginx.get("/session/authorize", bearer(token)).status == 401


@pytest.mark.parametrize("path", ["/app/live/x", "/app/x"])
def test_nginx_location_with_headers_of_its_own_says_who_asks(site, nginx,
                                                              path):
    headers = bearer(site.cli.issue("alice")) + [
        ("X-Latchkey-User", "mallory"), ("Remote-User", "mallory")]
    reply = nginx.get(path, headers)
    assert "X-Latchkey-User: alice\n" in reply.body
    assert "mallory" not in reply.body
    status, page, echo = websocket.converse(nginx.address, path, headers,
                                            b"hello")
    assert (status, echo) == (101, b"hello")
    assert "X-Latchkey-User: alice\n" in page and "mallory" not in page


def test_nginx_with_tls_takes_the_cookie_that_no_other_host_can_set(place):
    site = Site(place, extra='cookie = { name = "__Host-latchkey"; };\n')
    nginx = place.add(NginxTls(site))
    token = site.cli.issue("alice")

    def ask(name, *options, path="/secret.html"):
        return nginx.curl(path, "-b", f"{name}={token}", *options)

    assert ask("latchkey").startswith("HTTP/1.1 401 ")
    opened = ask("__Host-latchkey")
    assert opened.startswith("HTTP/1.1 200 ")
    assert opened.endswith("a protected page\n")
    ended = ask("__Host-latchkey", "-X", "POST", "-H",
                "X-Latchkey-Request: 1", path="/session/logout")
    assert ended.startswith("HTTP/1.1 200 ")
    cookie = [line for line in ended.splitlines()
              if line.lower().startswith("set-cookie: ")]
    assert len(cookie) == 1
    name, *attributes = cookie[0].split(": ", 1)[1].split("; ")
    assert name == "__Host-latchkey="
    assert {"Secure", "Path=/"} <= set(attributes)
    assert not [word for word in attributes if word.startswith("Domain")]
    assert ask("__Host-latchkey").startswith("HTTP/1.1 401 ")
    nginx.stop()
    assert site.tokens_in_logs() == []
