"""What else a web server hands on: where to log in, whom a page is for, and
the token no further than to the gate."""

import urllib.parse

import pytest

from support.carry import CARRY, basic, best, cookie
from support.clients import raw, status_of
from support.http import head_of
from support.site import FRONTS, Site

PERSON = [("Accept", "text/html,*/*;q=0.8"), ("Sec-Fetch-Mode", "navigate")]
# Scripts and programs, for whom a login page is no answer.
OTHERS = ([("Accept", "text/html"), ("Sec-Fetch-Mode", "cors")],
          [("Accept", "text/html"), ("X-Requested-With", "XMLHttpRequest")],
          [("Accept", "application/json")], [])
QUERY = "?a=1&b=x%26y"
TARGET = "%3Fa%3D1%26b%3Dx%2526y"


@pytest.fixture(params=FRONTS)
def front(request, ruled):
    return ruled.front(request.param)


@pytest.fixture
def token(ruled):
    return ruled.cli.issue("alice")


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_login_is_where_a_person_is_sent(front, method):
    for page in front.pages():
        reply = front.get(page + QUERY, PERSON, method=method)
        assert "protected" not in reply.body
        where = f"/login?from=gate&url={page.replace('/', '%2F')}{TARGET}"
        if front.name == "apache-basic":
            assert (reply.status, reply.all("Location")) == (401, [])
        elif front.name == "apache-spawning":
            # It cannot redirect, but the page says where to go on.
            assert (reply.status, reply.all("Location")) == (401, [])
            assert reply.header("Refresh") == f"0; url={where}"
            assert not reply.all("WWW-Authenticate")
        else:
            assert reply.status == 302
            assert urllib.parse.urljoin(
                "http://localhost/", reply.header("Location")
            ).replace(f":{front.port}", "") == f"http://localhost{where}"


def test_login_is_not_where_others_are_sent(front):
    for page in front.pages():
        for headers in OTHERS:
            reply = front.get(page + QUERY, headers)
            assert reply.status == 401, reply
            assert not reply.all("Location") + reply.all("Refresh")
            assert reply.all("WWW-Authenticate")
        reply = front.get(page, PERSON + [("Content-Length", "0")],
                          method="POST")
        assert reply.status == 401


def test_login_of_a_client_is_not_believed(front, token):
    for headers in ([("Latchkey-Login", "http://evil.example/")],
                    [("X-Latchkey-Login", "http://evil.example/")]):
        reply = front.get(headers=headers)
        assert reply.status == 401
        assert "evil" not in str(reply)
        reply = front.get(headers=best(front, token) + headers)
        assert reply.status == 200 and not reply.all("Location")


def test_private_is_a_page_that_a_session_opened(front, token):
    for page in front.pages():
        reply = front.get(page, best(front, token))
        assert reply.status == 200
        if front.marks_private:
            assert reply.header("Cache-Control") == "private"
        else:
            assert "Cookie" in reply.header("Vary")
            assert "Authorization" in reply.header("Vary")
            assert not reply.all("Cache-Control")
        assert front.get("/public/").header("Cache-Control") is None


@pytest.mark.parametrize("said", ["no-store", "public, max-age=60",
                                  "max-age=0, must-revalidate"])
def test_private_or_not_is_for_the_service_to_say(front, token, said):
    if front.service is None:
        pytest.skip("this example has no service behind")
    reply = front.get(front.service, best(front, token) + [
        ("X-Answer", f"Cache-Control={said}")])
    assert reply.header("Cache-Control") == said


def test_private_is_not_said_of_a_public_rule(front, token):
    if front.opens_public:
        for page in front.pages("open/"):
            reply = front.get(page, best(front, token))
            assert reply.status == 200
            assert reply.header("Cache-Control") is None


# Those that pass on what a 200 has.
RENEWING = ("apache", "apache-spawning", "nginx", "nginx-http", "caddy",
            "caddy-http", "haproxy")


def is_kept_by_none(reply):
    """Whether no cache that is shared may keep it."""
    said = ", ".join(reply.all("Cache-Control")).split(", ")
    return bool({"private", "no-store"} & set(said))


@pytest.mark.parametrize("name", RENEWING)
def test_renewed_cookie_reaches_the_client_and_no_cache(place, name):
    site = Site(place, "renew_below = 50;", "session = { ttl = 100; };\n")
    front = site.front(name)
    for page in front.pages():
        token = site.cli.issue("alice", "--ttl", "40")
        reply = front.get(page, cookie(token))
        assert reply.status == 200
        assert reply.header("Set-Cookie").startswith(f"latchkey={token}; ")
        assert is_kept_by_none(reply)
        # Once is enough.
        assert not front.get(page, cookie(token)).all("Set-Cookie")
        # Where it could be kept it is not sent, or kept from that.
        token = site.cli.issue("alice", "--ttl", "40")
        reply = front.get(page, cookie(token) + [
            ("X-Answer", "Cache-Control=public, max-age=60")])
        assert not reply.all("Set-Cookie") or is_kept_by_none(reply)
    site.stop_fronts()
    assert site.tokens_in_logs() == []


# A cookie of the gate's among others, in the ways that it may stand there.
COOKIES = ("latchkey={0}", "a=1; latchkey={0}", "latchkey={0}; b=2",
           "a=1; latchkey={0}; b=2", "a=1;latchkey={0};b=2",
           "__Host-latchkey={0}; b=2", "a=1; __Secure-latchkey={0}",
           'a=1; latchkey="{0}"', "latchkey={0}; a=1; latchkey={0}; b=2",
           "latchkey={0}; latchkey={0}; a=1; latchkey={0}; b=2")


def handed_on(front, page, headers):
    reply = front.get(page, headers)
    assert reply.status == 200, reply
    return reply.body


def test_token_goes_no_further_than_to_the_gate(front, token):
    for page in front.pages()[1 if front.static else 0:]:
        for name in set(front.carries) & set(front.hides):
            assert "lk_" not in handed_on(front, page, CARRY[name](token))


# What the gate finds a token in as well, and some servers refuse.
ODD = ("Authorization: Digest a=b, Bearer {0}", "Authorization: ,Bearer {0}",
       'Authorization: Digest a="b",bearer   {0}',
       "Authorization: Digest a=b\r\nAuthorization: Bearer {0}",
       "Authorization: Bearer {0}\r\nAuthorization: Digest a=b",
       "Authorization: Digest a=b, {1}", "Cookie: latchkey\t={0}",
       "Cookie: a=1;\tlatchkey={0}", "Cookie: a=1; \t latchkey \t = {0}",
       "Cookie: ;latchkey={0}", "Cookie: a=1\r\nCookie: latchkey={0}",
       "X_Session_Token: {0}", "X-Session_Token: {0}", "X_Session-Token: {0}")


def test_token_in_an_odd_place_goes_no_further(front, token):
    if "cookie" not in front.hides or front.carries == ("basic",):
        pytest.skip("this server cannot")
    for page in front.pages()[1 if front.static else 0:]:
        for line in ODD:
            pair = basic(token)[0][1]
            answer = raw(front.address, head_of(page, [
                line.format(token, pair).split(": ", 1)]))
            assert token.encode() not in answer, answer
            assert pair[-40:].encode() not in answer, answer
            assert status_of(answer) in (200, 400, 401), answer


@pytest.mark.parametrize("user", ["alice", "alice2", "alice33"])
def test_token_goes_no_further_in_whatever_place_of_basic(front, ruled, user):
    """In base64 it looks otherwise by how long the name before it is."""
    token = ruled.cli.issue(user)
    if "basic" in front.hides:
        for page in front.pages()[1 if front.static else 0:]:
            body = handed_on(front, page, basic(token, user))
            assert "Basic" not in body and "uthorization: " not in body


def test_token_is_taken_out_of_the_cookies_and_they_are_left(front, token):
    if "cookie" not in front.hides:
        pytest.skip("this server cannot")
    for page in front.pages()[1 if front.static else 0:]:
        for text in COOKIES:
            headers = best(front, token) + [
                ("Cookie", text.format(token))]
            body = handed_on(front, page, headers)
            assert "lk_" not in body, (text, body)
            # Of three of one name the others may go as well.
            if text.count("latchkey") < 3:
                for other in ("a=1", "b=2"):
                    assert (other in body) == (other in text), (text, body)


@pytest.mark.parametrize("value", [
    "a=1; b=2", "xlatchkey=3; a=1", "latchkeys=3", "a=latchkey; b=x=latchkey"])
def test_token_that_is_none_is_left(front, token, value):
    for page in front.pages()[1 if front.static else 0:]:
        body = handed_on(front, page, best(front, token) + [
            ("Cookie", value)])
        assert value in body
        if "cookie" in front.carries:
            for other in ("Bearer abc", "Basic dTpwdw==", "Digest x=y"):
                reply = front.get(page, cookie(token) + [
                    ("Authorization", other)])
                if reply.status == 200 and page != front.program:
                    assert other in reply.body
