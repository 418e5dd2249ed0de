"""What is Caddy's own about asking the gate."""

import pytest

from support.carry import bearer, header
from support.http import head_of, send


@pytest.fixture
def caddy(site):
    return site.front("caddy")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE"])
def test_caddy_tells_the_gate_what_was_asked(site, caddy, method):
    line = site.denial_of(lambda: caddy.get(
        "/app/page?q=1", method=method,
        headers=[("X-Forwarded-Uri", "/public/"),
                 ("X-Forwarded-Method", "OPTIONS")]))
    assert f"method={method} path=/app/page peer=127.0.0.1" in line


def test_caddy_passes_the_answer_on(caddy):
    reply = caddy.get(headers=bearer("garbage"))
    assert 'error="invalid_token"' in reply.all("WWW-Authenticate")[0]
    assert reply.header("Cache-Control") == "no-store"
    assert reply.body == "The session token is malformed.\n"


@pytest.mark.parametrize("host", ["localhost", "other.example", "127.0.0.1",
                                  "localhost:1"])
def test_caddy_asks_for_every_host(site, caddy, host):
    data = head_of("/secret.html", host=host)
    assert send(caddy.address, data).status == 401
    token = site.cli.issue("alice")
    data = head_of("/secret.html", bearer(token), host=host)
    assert send(caddy.address, data).status == 200


def test_caddy_is_never_refused_by_a_gate_in_a_hurry(site, caddy):
    """It writes the end of its request after the rest."""
    token = site.cli.issue("alice")
    for _ in range(100):
        assert caddy.get(headers=bearer(token)).status == 200
        assert caddy.get().status == 401


def test_caddy_logs_no_header_that_carries_a_token(site, caddy):
    token = site.cli.issue("alice")
    assert caddy.get(headers=header(token)).status == 200
    text = caddy.file("access.log").read_text()
    assert "/secret.html" in text
    assert token not in text
