"""Logging in and seeing one's sessions, behind each web server that hands the
gate a body."""

import re
from urllib.parse import urlencode, urlsplit

import pytest

from support.http import head_of, send
from support.login import FORM, PASSWORDS, PeopleSite, words_of
from support.place import Place

FRONTS = ("nginx", "nginx-http", "lighttpd", "apache", "caddy", "caddy-http",
          "haproxy")


@pytest.fixture(scope="module")
def people():
    with Place() as place:
        site = PeopleSite(place)
        yield site
        site.stop_fronts()
        assert site.tokens_in_logs() == []
        for name, text in place.logs().items():
            assert not any(password in text
                           for password in PASSWORDS.values()), name


@pytest.fixture(params=FRONTS)
def front(request, people):
    return people.front(request.param)


def post(front, path, fields=None, body=None, headers=()):
    body = urlencode(fields or {}).encode() if body is None else body
    head = head_of(path, [
        ("Content-Type", FORM), ("Content-Length", len(body)),
        ("Origin", "http://localhost"), ("Accept", "text/html"), *headers],
        "POST")
    return send(front.address, head + body, "POST")


def log_in(front, people, user="alice", **more):
    reply = post(front, "/session/login", {
        "user": user, "password": PASSWORDS[user], **more})
    assert reply.status == 303, reply.body
    token = re.match("latchkey=(lk_[^;]+);", reply.header("Set-Cookie"))[1]
    people.cli.tokens.append(token)
    return reply, token


def cookie(token):
    return [("Cookie", f"latchkey={token}"), ("Accept", "text/html")]


def test_people_log_in_and_land_where_they_wanted(front, people):
    wanted = "/app/page?x=1&y=%2Fz&&w"
    sent = front.get(wanted, [("Accept", "text/html")])
    assert sent.status == 302
    login = urlsplit(sent.header("Location"))
    form = front.get(f"{login.path}?{login.query}")
    assert form.status == 200 and 'type="password"' in form.body
    value = re.search('name="url" value="([^"]*)"', form.body)[1]
    assert value.replace("&amp;", "&") == wanted
    reply, token = log_in(front, people, url=wanted)
    assert reply.header("Location").endswith(wanted)
    page = front.get(wanted, cookie(token))
    assert page.status == 200


def test_people_with_a_wrong_password_see_the_form_again(front, people):
    reply = post(front, "/session/login",
                 {"user": "alice", "password": "wrong", "url": "/a"})
    assert reply.status == 401
    assert "The name or the password is wrong." in reply.body
    assert reply.header("X-Frame-Options") == "DENY"
    assert "no-store" in reply.header("Cache-Control")


def test_people_see_and_end_their_sessions(front, people):
    _, own = log_in(front, people, "bob")
    _, other = log_in(front, people, "bob")
    page = front.get("/session/page", cookie(own))
    assert page.status == 200 and page.body.count("this one") == 1
    theirs = next(word for word in words_of(page.body)
                  if people.cli.check(other)["id"] in word)
    assert post(front, f"/session/page?{theirs}",
                headers=cookie(own)).status == 303
    refused = front.get("/session/page", [
        ("Cookie", f"latchkey={other}")])
    assert refused.header("Latchkey-Reason") == "revoked"
    reply = post(front, "/session/logout", headers=cookie(own))
    assert reply.status == 200
    assert front.get("/session/page", cookie(own)).status in (302, 303)


def test_people_cannot_send_more_than_a_form(front, people):
    fits = b"user=a&password=b&url=" + b"x" * 8000
    assert post(front, "/session/login", body=fits).status == 401
    assert post(front, "/session/login",
                body=fits + b"x" * 1000).status == 413


def test_people_of_another_site_are_refused(front, people):
    reply = post(front, "/session/login", {
        "user": "alice", "password": PASSWORDS["alice"]},
        headers=[("Sec-Fetch-Site", "cross-site")])
    assert reply.status == 403
    # Nor does anything that a client says choose what the gate is asked.
    reply = front.get("/session/page", [
        ("LATCHKEY_ENDPOINT", "login"), ("Latchkey-Endpoint", "login")])
    assert reply.status == 401


@pytest.mark.parametrize("method", ["get", "post", "Post", "PUT", "QUERY"])
def test_people_change_nothing_by_another_method(front, people, method):
    """Caddy makes a POST of "get" on its way to a FastCGI program."""
    _, token = log_in(front, people)
    for path in ("logout", "login"):
        reply = send(front.address, head_of(f"/session/{path}", [
            *cookie(token), ("Sec-Fetch-Site", "same-origin")], method),
            method)
        assert reply.status in (400, 405, 501), reply
    assert people.cli.check(token)["user"] == "alice"


def test_people_find_nothing_else_open_there(front):
    for path in ("/session/", "/session/login/", "/session/loginx",
                 "/session/other", "/session/login/secret.html"):
        assert front.get(path).status in (401, 404), path
