"""What is nginx's own about asking the gate."""

import pytest

from support.carry import bearer, cookie


@pytest.fixture
def nginx(site):
    return site.front("nginx")


@pytest.mark.parametrize("path", ["/_latchkey", "/_latchkey?x",
                                  "/public/../_latchkey", "/%5flatchkey"])
def test_nginx_keeps_its_way_to_the_gate_to_itself(site, nginx, path):
    for headers in ((), bearer(site.cli.issue("alice"))):
        reply = nginx.get(path, headers)
        assert reply.status in (401, 404)
        assert not reply.all("Latchkey-User")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_nginx_tells_the_gate_what_was_asked(site, nginx, method):
    nginx.get("/app/page?q=1", method=method)
    line = site.gates[0].output().splitlines()[-1]
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


def test_nginx_with_gate_that_is_not_asked_to_authorize_opens_nothing(
        own_site):
    nginx = own_site.front("nginx")
    nginx.stop()
    conf = own_site.place.path / "nginx.conf"
    conf.write_text(conf.read_text().replace(
        "fastcgi_param LATCHKEY_ENDPOINT authorize;", ""))
    nginx.start()
    reply = nginx.get(headers=bearer(own_site.cli.issue("alice")))
    assert reply.status == 500
    assert "protected" not in reply.body
