"""What is HAProxy's own about asking the gate."""

import pytest

from support.carry import bearer
from support.clients import curl2, raw, status_of
from support.http import head_of


@pytest.fixture
def haproxy(site):
    return site.front("haproxy")


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "DELETE", "X-Y"])
def test_haproxy_tells_the_gate_what_was_asked(site, haproxy, method):
    line = site.denial_of(lambda: haproxy.get(
        "/app/a,b?c=1,2", method=method,
        headers=[("X-Latchkey-Method", "OPTIONS"),
                 ("x-latchkey-uri", "/public/"),
                 ("X-Latchkey-Peer", "192.0.2.1")]))
    assert f"method={method} " in line
    assert "path=/app/a,b " in line
    assert "peer=127.0.0.1" in line


def test_haproxy_passes_every_challenge_and_the_reason_on(haproxy):
    reply = haproxy.get()
    schemes = [value.split()[0] for value in reply.all("WWW-Authenticate")]
    assert schemes == ["Basic", "Bearer"]
    assert reply.header("Cache-Control") == "no-store"
    assert reply.body.startswith("A session token is needed.")
    reply = haproxy.get(headers=bearer("garbage"))
    assert [value for value in reply.all("WWW-Authenticate")
            if 'error="invalid_token"' in value]
    assert reply.body.startswith("The session token is malformed.")


@pytest.mark.parametrize("path", [
    "/public", "/public/", "/public/a", "/public/a/b.css", "/public/a?b=/..",
    "/login", "/login?url=%2Fapp%2F", "/login/style.css", "/public/a-b_c.D1"])
def test_haproxy_leaves_plainly_public_path_open(haproxy, path):
    assert haproxy.get(path).status == 200


@pytest.mark.parametrize("path", [
    "/publicity", "/public.html", "/public/.git", "/public//a",
    "/public/a%62", "/public/a;b", "/public/a,b", "/xlogin", "/Public/",
    "/a/public/"])
def test_haproxy_asks_about_any_other_path(haproxy, path):
    assert haproxy.get(path).status == 401


@pytest.mark.parametrize("path", ["/public/.", "/public/..", "/login/../app"])
def test_haproxy_asks_about_dots_as_well(haproxy, path):
    assert haproxy.get(path).status == 403


def test_haproxy_without_authority_in_http2_asks(haproxy):
    reply = curl2(haproxy.url2 + "/app/page", [("Host", "")])
    assert reply.status != 200 and "protected" not in reply.body


def test_haproxy_with_script_that_fails_opens_nothing(own_site):
    """An error in the script is no verdict."""
    haproxy = own_site.front("haproxy")
    token = own_site.cli.issue("alice")
    assert haproxy.get(headers=bearer(token)).status == 200
    haproxy.stop()
    script = own_site.place.path / "latchkey.lua"
    text = script.read_text()
    for broken in (text.replace("local headers = {}", "error('broken')"),
                   text.replace("core.httpclient()", "(nil)"),
                   text.replace('"txn.latchkey_status"', '"txn.other"')):
        assert broken != text
        script.write_text(broken)
        haproxy.start()
        for headers in ((), bearer(token)):
            answer = haproxy.get(headers=headers)
            # That there is no token it may still say.
            assert answer.status == 503 or (answer.status, headers) == (
                401, ())
            assert "protected" not in answer.body
        haproxy.stop()
    script.write_text(text)
    haproxy.start()
    # Lua's errors read like those of a sanitizer.
    haproxy.log.write_text("")


def test_haproxy_with_bad_request_answers_by_itself(haproxy):
    assert status_of(raw(haproxy.address, b"GET /app\0 HTTP/1.1\r\n\r\n")) \
        == 400


def test_haproxy_refuses_a_body_that_it_cannot_measure(site, haproxy):
    """Behind it trailers would come, which some servers take for headers."""
    headers = bearer(site.cli.issue("alice")) + [
        ("Transfer-Encoding", "chunked")]
    for size in (0, 1, 30000, 70000):
        chunk = b"%x\r\n%s\r\n" % (size, b"x" * size) if size else b""
        answer = raw(haproxy.address, head_of(
            "/app/page", headers, "POST") + chunk + b"0\r\n\r\n")
        status = 200 if haproxy.takes_unsized else 411
        assert status_of(answer) == status, answer
        assert (f"received={size}\n".encode() in answer) == (status == 200)
