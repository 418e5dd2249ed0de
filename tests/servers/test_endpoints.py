"""Role RESPONDER: the verdict for web servers that ask by a subrequest, and
the endpoints, asked without a web server in between."""

import base64
import hashlib
import json
import re
import time

import pytest

from support import fastcgi, http
from support.place import (ROOT, Daemon, accepts, connect, free_port,
                           wait_until)
from support.proxy import Proxy
from support.servers import (Gate, Latchkey, RedisServer, find_program,
                             settings)

NEVER_ISSUED = "lk_" + "A" * 64
READING = ("session", "sessions")
CHANGING = ("logout", "logout-all", "logout-others", "revoke")
INWARD = ("health", "metrics")


class Setup:
    """A gate with its Redis, asked in role RESPONDER."""

    def __init__(self, place, gate="", rest="", listen=None):
        self.place = place
        self.redis = place.add(RedisServer(place))
        self.listen = listen or f"unix:{place.path}/gate.sock"
        self.conf = place.write("latchkey.conf", settings(
            self.redis.unix_address, self.listen, gate)
            + 'log = { level = "debug"; };\n' + rest)
        self.cli = Latchkey(place, self.conf)
        self.gate = place.add(Gate(place, self.conf, self.listen))

    def ask(self, endpoint, token=None, method="GET", path="/", **variables):
        """The answer at an endpoint, the token as a Bearer."""
        if endpoint is not None:
            variables["LATCHKEY_ENDPOINT"] = endpoint
        if token is not None:
            variables["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        parameters = fastcgi.request_of(path, method, **variables)
        parameters["FCGI_ROLE"] = "RESPONDER"
        return fastcgi.ask(self.listen, parameters, fastcgi.RESPONDER)

    def post(self, endpoint, token=None, **variables):
        """The same with a method that changes something."""
        return self.ask(endpoint, token, "POST", **variables)

    def post_cookie(self, endpoint, token, **variables):
        """The same with the token where a browser puts it by itself."""
        return self.ask(endpoint, None, "POST",
                        HTTP_COOKIE=f"latchkey={token}",
                        HTTP_HOST="site.example", **variables)

    def is_live(self, token):
        return self.ask("authorize", token).status == 200

    def metrics(self):
        """Each value by its name and labels."""
        return parse_metrics(self.ask("metrics").body)

    def assert_no_token_in_logs(self):
        for name, text in self.place.logs().items():
            for token in self.cli.tokens:
                assert token not in text, name


def issue_many(setup, user, count):
    """Sessions of a user as the store has them, all at once."""
    def text(data):
        return base64.urlsafe_b64encode(data).decode().rstrip("=")
    tag = text(hashlib.sha256(user.encode()).digest()[:16])
    now = int(time.time() * 1000)
    words = []
    for number in range(count):
        digest = hashlib.sha256(f"session {number}".encode()).digest()
        words += [text(digest[:16]),
                  f"1 {now * 1000 + number} {now + 600000} {text(digest)} "
                  f"web {user}"]
    setup.redis.command(
        "EVAL", "for i = 2, #ARGV, 2 do "
        "redis.call('SET', KEYS[1] .. 's:' .. ARGV[i], ARGV[i + 1], "
        "'PXAT', ARGV[1]) "
        "redis.call('ZADD', KEYS[1] .. 'i', ARGV[1], ARGV[i]) end "
        "return 1", 1, f"latchkey:{{{tag}}}:", now + 600000, *words)


def parse_metrics(text):
    """Prometheus' text format 0.0.4, read strictly."""
    values, types = {}, {}
    for line in text.splitlines():
        if line.startswith("# HELP "):
            continue
        if line.startswith("# TYPE "):
            _, _, name, kind = line.split(" ")
            assert name not in types, line
            types[name] = kind
            continue
        match = re.fullmatch(
            r'([a-z_]+)(\{(?:[a-z_]+="[^"\\\n]*",?)+\})? ([0-9.]+)', line)
        assert match, line
        base = re.sub("_(bucket|sum|count)$", "", match[1])
        assert match[1] in types or types.get(base) == "histogram", line
        key = match[1] + (match[2] or "")
        assert key not in values, line
        values[key] = float(match[3])
    assert text.endswith("\n")
    return values


def assert_sound(reply, status):
    """One status; not cached, not sniffed."""
    assert reply.status == status, reply
    assert [name for name, _ in reply.headers].count("Status") == 1
    assert reply.headers[0][0] == "Status"
    assert reply.header("Cache-Control") == "no-store"
    assert reply.header("X-Content-Type-Options") == "nosniff"
    assert reply.header("Content-Type")


def answer(reply, status=200):
    """The JSON of a sound reply."""
    assert_sound(reply, status)
    assert reply.header("Content-Type") == "application/json"
    return json.loads(reply.body)


def assert_cookie_cleared(reply):
    cookies = reply.all("Set-Cookie")
    assert [cookie.split(";")[0] for cookie in cookies] == ["latchkey="]
    for word in ("Max-Age=1", "Path=/", "HttpOnly"):
        assert word in cookies[0].split("; ")


@pytest.fixture(scope="module")
def setup(shared_place):
    users = shared_place.write(
        "users.json", '{"alice": {"name": "Alice \u00e9", "big": 12345678901'
        '234567890}, "bob": {}, "carol": null, "dave": {}}')
    setup = Setup(
        shared_place, 'login_url = "/login"; expose_metrics = true;',
        f'user = {{ source = "file"; path = "{users}"; }};\n')
    yield setup
    setup.assert_no_token_in_logs()


# ---- The verdict ---------------------------------------------------------


def test_authorize_with_token_allows_and_names_the_user(setup):
    token = setup.cli.issue("alice", "--client", "web")
    reply = setup.ask("authorize", token)
    assert reply.status == 200
    assert reply.header("Latchkey-User") == "alice"
    assert reply.header("Latchkey-Client") == "web"
    assert int(reply.header("Latchkey-Expires")) > 0
    assert reply.header("Latchkey-Session")
    # Servers would put it into the page.
    assert reply.header("Cache-Control") is None
    assert not [name for name, _ in reply.headers if "ariable" in name]
    assert [name for name, _ in reply.headers].count("Status") == 1


@pytest.mark.parametrize("token", [None, NEVER_ISSUED, "garbage"])
def test_authorize_of_a_browser_is_401_and_no_redirect(setup, token):
    reply = setup.ask("authorize", token, HTTP_ACCEPT="text/html")
    assert reply.status == 401
    assert reply.all("WWW-Authenticate")
    assert reply.header("Location") is None
    assert [name for name, _ in reply.headers if "Latchkey-" in name] == [
        "Latchkey-Login"]


def test_authorize_with_differing_tokens_is_401(setup):
    one, two = setup.cli.issue("alice"), setup.cli.issue("alice")
    reply = setup.ask("authorize", one, HTTP_COOKIE=f"latchkey={two}")
    assert reply.status == 401
    assert 'error="invalid_request"' in reply.header("WWW-Authenticate")


def test_authorize_after_revoke_is_401(setup):
    token = setup.cli.issue("alice")
    assert setup.ask("authorize", token).status == 200
    assert setup.cli.revoke(token) == 1
    assert setup.ask("authorize", token).status == 401


@pytest.mark.parametrize("endpoint", [None, "", "Authorize", "authorize ",
                                      "/authorize", "nothing"])
def test_responder_without_known_endpoint_is_404(setup, endpoint):
    reply = setup.ask(endpoint, setup.cli.issue("alice"))
    assert reply.status == 404
    assert not [name for name, _ in reply.headers if "Latchkey-" in name]


def test_client_cannot_name_the_endpoint(setup):
    reply = setup.ask(None, setup.cli.issue("alice"),
                      HTTP_LATCHKEY_ENDPOINT="authorize",
                      QUERY_STRING="LATCHKEY_ENDPOINT=authorize")
    assert reply.status == 404


def test_authorize_in_role_filter_is_404(setup):
    parameters = fastcgi.request_of(
        LATCHKEY_ENDPOINT="authorize",
        HTTP_AUTHORIZATION="Bearer " + setup.cli.issue("alice"))
    assert fastcgi.ask(setup.listen, parameters,
                       fastcgi.FILTER).status == 404


def test_authorize_while_redis_is_down_is_503(place):
    setup = Setup(place)
    token = setup.cli.issue("alice")
    setup.redis.stop()
    reply = setup.ask("authorize", token)
    assert reply.status == 503
    assert int(reply.header("Retry-After")) > 0


# ---- One's own sessions --------------------------------------------------


def test_session_shows_session_and_user(setup):
    token = setup.cli.issue("alice", "--client", "web", "--ttl", "600")
    reply = setup.ask("session", token)
    shown = answer(reply)
    assert shown["user"] == "alice"
    assert shown["client"] == "web"
    assert shown["id"] == setup.cli.check(token)["id"]
    assert 0 < shown["ttl"] <= 600
    assert shown["expires_at"] - shown["issued_at"] in (600, 601)
    assert shown["detail"]["name"] == "Alice \u00e9"
    assert "12345678901234567890" in reply.body
    assert token not in reply.body


def test_session_of_head_request_has_no_body(setup):
    reply = setup.ask("session", setup.cli.issue("alice"), "HEAD")
    assert_sound(reply, 200)
    assert reply.body == ""


def test_session_of_user_unknown_to_the_source_is_403(setup):
    assert_sound(setup.ask("session", setup.cli.issue("nobody")), 403)


def test_sessions_shows_own_sessions_by_id(setup):
    tokens = [setup.cli.issue("carol", "--client", kind, "--ttl", ttl)
              for kind, ttl in (("web", "600"), ("ssh", "1200"))]
    setup.cli.issue("alice")
    reply = setup.ask("sessions", tokens[1])
    shown = answer(reply)
    assert [one["client"] for one in shown] == ["web", "ssh"]
    assert [one["current"] for one in shown] == [False, True]
    assert [one["id"] for one in shown] == [
        setup.cli.check(token)["id"] for token in tokens]
    assert all(set(one) == {"id", "client", "issued_at", "expires_at", "ttl",
                            "peer", "agent", "renewed_at", "ends_by",
                            "current"} for one in shown)
    assert reply.header("Latchkey-Sessions") == "2"
    assert not any(token in reply.body for token in tokens)


def test_sessions_too_many_to_show_are_counted(setup):
    token = setup.cli.issue("dave")
    issue_many(setup, "dave", 900)
    reply = setup.ask("sessions", token)
    shown = answer(reply)
    assert 100 < len(shown) < 901
    assert reply.header("Latchkey-Sessions") == "901"
    assert len(reply.body) < 128 * 1024


def test_logout_ends_this_session_and_clears_the_cookie(setup):
    token, other = setup.cli.issue("alice"), setup.cli.issue("alice")
    reply = setup.post_cookie("logout", token,
                              HTTP_SEC_FETCH_SITE="same-origin")
    assert answer(reply) == {"revoked": 1}
    assert_cookie_cleared(reply)
    assert not setup.is_live(token)
    assert setup.is_live(other)


@pytest.mark.parametrize("tokens, cookie, taken_back", [
    ('"cookie"', "", ["latchkey=; Max-Age=1; Path=/; HttpOnly; SameSite=Lax"
                      "; Secure"]),
    ('"cookie"', 'name = "__Host-s"; same_site = "Strict";',
     ["__Host-s=; Max-Age=1; Path=/; HttpOnly; SameSite=Strict; Secure"]),
    ('"bearer", "cookie", "cookie:__Host-s", "cookie:__Secure-t"',
     'domain = "a.example"; path = "/app"; secure = false;',
     ["latchkey=; Max-Age=1; Path=/app; Domain=a.example; HttpOnly; "
      "SameSite=Lax",
      "__Host-s=; Max-Age=1; Path=/; HttpOnly; SameSite=Lax; Secure",
      "__Secure-t=; Max-Age=1; Path=/app; Domain=a.example; HttpOnly; "
      "SameSite=Lax; Secure"])])
def test_logout_cookie_is_taken_back_as_set(place, tokens, cookie,
                                            taken_back):
    setup = Setup(place, f"tokens = [ {tokens} ];",
                  f"cookie = {{ {cookie} }};\n")
    name = taken_back[0].partition("=")[0]
    token = setup.cli.issue("alice")
    reply = setup.ask("logout", None, "POST", HTTP_COOKIE=f"{name}={token}",
                      HTTP_SEC_FETCH_SITE="same-origin")
    assert answer(reply) == {"revoked": 1}
    assert reply.all("Set-Cookie") == taken_back


@pytest.mark.parametrize("token", [NEVER_ISSUED, "garbage", "a b"])
def test_logout_of_dead_session_is_done_already(setup, token):
    reply = setup.post_cookie("logout", token,
                              HTTP_SEC_FETCH_SITE="same-origin")
    assert answer(reply) == {"revoked": 0}
    assert_cookie_cleared(reply)


def cookies(*tokens):
    return {"HTTP_COOKIE": "; ".join(f"latchkey={token}" for token in tokens),
            "HTTP_SEC_FETCH_SITE": "same-origin"}


@pytest.mark.parametrize("beside", ["", "garbage", NEVER_ISSUED])
def test_session_with_a_dead_cookie_beside_the_live_one(setup, beside):
    token = setup.cli.issue("alice")
    for both in ((beside, token), (token, beside), (beside, token, beside)):
        assert setup.ask("authorize", **cookies(*both)).status == 200
        assert answer(setup.ask("session", **cookies(*both)))["user"] == (
            "alice")
    reply = setup.post("logout", **cookies(beside, token))
    assert answer(reply) == {"revoked": 1}
    assert_cookie_cleared(reply)
    assert not setup.is_live(token)


def test_session_with_two_live_cookies_is_not_logged_in(setup):
    tokens = [setup.cli.issue(user) for user in ("alice", "alice", "bob")]
    dead = "lk_" + "B" * 64
    for both in (tokens[:2], tokens[1:], [dead, *tokens]):
        reply = setup.ask("authorize", HTTP_ACCEPT="text/html",
                          **cookies(*both))
        assert reply.status == 401
        assert reply.header("Latchkey-Login").startswith("/login?url=")
        assert reply.body == "The request carries several live sessions.\n"
        assert setup.ask("session", **cookies(*both)).status == 401
    assert setup.post("logout-all", **cookies(*tokens)).status == 401
    assert all(setup.is_live(token) for token in tokens)
    reply = setup.post("logout", **cookies("", dead, *tokens))
    assert answer(reply) == {"revoked": 3}
    assert_cookie_cleared(reply)
    assert not any(setup.is_live(token) for token in tokens)


def test_session_with_a_cookie_that_cannot_be_checked_is_503(place):
    """It may be live as well, and somebody else's."""
    setup = Setup(place)
    broken = setup.cli.issue("alice")
    record = next(key for key in setup.redis.keys() if b":s:" in key)
    setup.redis.command("SET", record, "no record")
    token = setup.cli.issue("bob")
    for both in ((token, broken), (broken, token)):
        assert setup.ask("authorize", **cookies(*both)).status == 503
        assert setup.ask("session", **cookies(*both)).status == 503
    assert setup.ask("authorize", **cookies(token)).status == 200
    setup.redis.stop()
    reply = setup.post("logout", **cookies(token, broken))
    assert (reply.status, reply.all("Set-Cookie")) == (503, [])


def test_session_with_more_than_four_cookies_is_not_looked_up(setup):
    token = setup.cli.issue("alice")
    dead = ["lk_" + letter * 64 for letter in "BCDE"]
    assert setup.ask("authorize", **cookies(token, *dead[1:])).status == 200
    reply = setup.ask("authorize", HTTP_ACCEPT="text/html",
                      **cookies(token, *dead))
    assert reply.status == 401
    assert reply.header("Latchkey-Login")
    assert setup.post("logout", **cookies(token, *dead)).status == 401
    assert setup.is_live(token)


def test_session_with_a_foreign_authorization_beside_its_cookie(setup):
    token, other = setup.cli.issue("alice"), setup.cli.issue("alice")
    for foreign in ("Bearer eyJhbGciOiJub25lIn0.e30.", "Basic dTpw",
                    "Digest username=joe", "Basic dTo="):
        asked = {**cookies(token), "HTTP_AUTHORIZATION": foreign}
        assert setup.ask("authorize", **asked).status == 200
    reply = setup.ask("authorize", other, **cookies(token))
    assert (reply.status, reply.body) == (
        401, "The request carries several session tokens that differ.\n")


# Each is what a form of another site can make a browser send.
UNPROMPTED = [f"Basic {base64.b64encode(pair).decode()}" for pair in (
    b"u:", b"u:password", b"u:" + NEVER_ISSUED.encode())] + [
        "Basic", "Negotiate YII=", 'Digest username="u"', "NTLM TlRM"]


@pytest.mark.parametrize("endpoint", CHANGING)
@pytest.mark.parametrize("authorization", UNPROMPTED)
def test_change_with_what_a_browser_adds_needs_this_site(
        setup, endpoint, authorization):
    token = setup.cli.issue("alice")
    for cookie in ({}, {"HTTP_COOKIE": f"latchkey={token}"},
                   {"HTTP_COOKIE": "latchkey="}):
        reply = setup.post(endpoint, HTTP_AUTHORIZATION=authorization,
                           HTTP_HOST="site.example",
                           HTTP_ORIGIN="https://evil.example", **cookie)
        assert_sound(reply, 403)
        assert reply.all("Set-Cookie") == []
    assert setup.is_live(token)


def test_logout_all_ends_all_of_this_user_only(setup):
    tokens = [setup.cli.issue("bob") for _ in range(3)]
    other = setup.cli.issue("alice")
    reply = setup.post("logout-all", tokens[0])
    assert answer(reply) == {"revoked": 3}
    assert_cookie_cleared(reply)
    assert not any(setup.is_live(token) for token in tokens)
    assert setup.is_live(other)


def test_logout_others_ends_all_but_this_one(setup):
    token, *others = (setup.cli.issue("bob") for _ in range(3))
    alice = setup.cli.issue("alice")
    reply = setup.post_cookie("logout-others", token,
                              HTTP_SEC_FETCH_SITE="same-origin")
    assert answer(reply) == {"revoked": 2}
    assert reply.all("Set-Cookie") == []
    assert setup.is_live(token) and setup.is_live(alice)
    assert not any(setup.is_live(other) for other in others)
    assert answer(setup.post("logout-others", token)) == {"revoked": 0}


class Between(Proxy):
    """A proxy that does something before it hands on the next reply."""

    then = None

    def _answer(self, client, data):
        then, self.then = self.then, None
        if then is not None:
            then()
        super()._answer(client, data)


def test_logout_others_of_one_that_ends_meanwhile_asks_for_a_token(place):
    setup = Setup(place, "threads = 1;")
    between = place.add(Between(setup.redis.unix_address))
    direct = Latchkey(place, place.write("direct.conf",
                                         setup.conf.read_text()))
    setup.conf.write_text(settings(between.address, setup.listen,
                                   "threads = 1;"))
    setup.gate.restart()
    token, other = setup.cli.issue("alice"), setup.cli.issue("alice")
    assert setup.is_live(token)
    between.then = lambda: direct.revoke(token)
    reply = setup.post("logout-others", token)
    assert reply.status == 401
    assert any('error="invalid_token"' in value
               for value in reply.all("WWW-Authenticate"))
    assert not setup.is_live(token)
    assert setup.is_live(other)


def test_revoke_ends_own_session_by_id(setup):
    token, other = setup.cli.issue("alice"), setup.cli.issue("alice")
    name = setup.cli.check(other)["id"]
    reply = setup.post("revoke", token, QUERY_STRING=f"id={name}")
    assert answer(reply) == {"revoked": 1}
    assert reply.all("Set-Cookie") == []
    assert setup.is_live(token)
    assert not setup.is_live(other)
    assert_sound(setup.post("revoke", token, QUERY_STRING=f"id={name}"), 404)


def test_revoke_of_this_session_clears_the_cookie(setup):
    token = setup.cli.issue("alice")
    name = setup.cli.check(token)["id"]
    reply = setup.post("revoke", token, path=f"/sessions/revoke?id={name}")
    assert answer(reply) == {"revoked": 1}
    assert_cookie_cleared(reply)
    assert not setup.is_live(token)


def test_revoke_of_another_users_session_is_404(setup):
    token, other = setup.cli.issue("alice"), setup.cli.issue("bob")
    name = setup.cli.check(other)["id"]
    reply = setup.post("revoke", token, QUERY_STRING=f"id={name}")
    assert_sound(reply, 404)
    unknown = setup.post("revoke", token, QUERY_STRING="id=" + "A" * 43)
    assert (unknown.status, unknown.body) == (reply.status, reply.body)
    assert setup.is_live(other)


@pytest.mark.parametrize("query", ["", "id=", "id=%41", "id=a&id=b", "i=a",
                                   "id=" + "A" * 400, "id=a;b", "xid=a"])
def test_revoke_without_one_id_is_400(setup, query):
    token = setup.cli.issue("alice")
    assert_sound(setup.post("revoke", token, QUERY_STRING=query), 400)
    assert setup.is_live(token)


def test_revoke_does_not_wait_for_a_large_body(setup):
    """The gate answers although the rest of the body never arrives."""
    token = setup.cli.issue("alice")
    parameters = fastcgi.request_of(
        "/", "POST", LATCHKEY_ENDPOINT="logout", CONTENT_LENGTH="100000",
        HTTP_AUTHORIZATION=f"Bearer {token}")
    data = fastcgi.begin(fastcgi.RESPONDER) + fastcgi.stream(
        fastcgi.PARAMS, fastcgi.pairs(parameters)) + fastcgi.record(
            fastcgi.STDIN, b"x" * 65535)
    assert answer(fastcgi.send(setup.listen, data, False)) == {"revoked": 1}


# ---- Who may ask ---------------------------------------------------------


@pytest.mark.parametrize("endpoint", READING + CHANGING)
@pytest.mark.parametrize("token", [None, NEVER_ISSUED])
def test_endpoint_without_session_is_401(setup, endpoint, token):
    if endpoint == "logout" and token:
        return
    method = "GET" if endpoint in READING else "POST"
    reply = setup.ask(endpoint, token, method, HTTP_ACCEPT="text/html")
    assert_sound(reply, 401)
    assert reply.all("WWW-Authenticate")
    assert "Location" not in dict(reply.headers)


@pytest.mark.parametrize("endpoint", READING + CHANGING + INWARD)
@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS",
                                    "get", ""])
def test_endpoint_with_other_method_is_405(setup, endpoint, method):
    if method == ("POST" if endpoint in CHANGING else "GET"):
        return
    token = setup.cli.issue("alice")
    reply = setup.ask(endpoint, token, method)
    assert_sound(reply, 405)
    assert reply.header("Allow") == (
        "POST" if endpoint in CHANGING else "GET, HEAD")
    assert setup.is_live(token)


@pytest.mark.parametrize("endpoint", CHANGING)
@pytest.mark.parametrize("headers", [
    {}, {"HTTP_SEC_FETCH_SITE": "cross-site"},
    {"HTTP_SEC_FETCH_SITE": "same-site"},
    {"HTTP_ORIGIN": "https://evil.example"}, {"HTTP_ORIGIN": "null"},
    {"HTTP_SEC_FETCH_SITE": "cross-site",
     "HTTP_ORIGIN": "https://site.example"}])
def test_change_by_another_site_is_403(setup, endpoint, headers):
    token = setup.cli.issue("alice")
    name = setup.cli.check(token)["id"]
    reply = setup.post_cookie(endpoint, token, QUERY_STRING=f"id={name}",
                              **headers)
    assert_sound(reply, 403)
    assert reply.all("Set-Cookie") == []
    assert setup.is_live(token)


@pytest.mark.parametrize("endpoint", CHANGING)
@pytest.mark.parametrize("headers", [
    {"HTTP_SEC_FETCH_SITE": "same-origin"},
    {"HTTP_ORIGIN": "https://site.example"},
    {"HTTP_X_LATCHKEY_REQUEST": "1"}])
def test_change_by_this_site_is_done(setup, endpoint, headers):
    token, other = setup.cli.issue("carol"), setup.cli.issue("carol")
    name = setup.cli.check(token)["id"]
    reply = setup.post_cookie(endpoint, token, QUERY_STRING=f"id={name}",
                              **headers)
    assert answer(reply)["revoked"] >= 1
    ended = other if endpoint == "logout-others" else token
    assert not setup.is_live(ended)


def test_change_with_basic_password_needs_this_site(setup):
    """Browsers send a password they know by themselves."""
    token = setup.cli.issue("alice")
    basic = base64.b64encode(f"alice:{token}".encode()).decode()
    reply = setup.ask("logout", None, "POST",
                      HTTP_AUTHORIZATION=f"Basic {basic}")
    assert_sound(reply, 403)
    assert setup.is_live(token)


# ---- About the gate ------------------------------------------------------


def test_health_with_store_is_200(setup):
    assert answer(setup.ask("health")) == {"store": "ok"}


def test_health_without_store_is_503(place):
    setup = Setup(place, "expose_metrics = true;")
    setup.redis.stop()
    reply = setup.ask("health")
    assert answer(reply, 503) == {"store": "unavailable"}
    assert reply.header("Retry-After")
    for endpoint in READING:
        assert_sound(setup.ask(endpoint, NEVER_ISSUED), 503)
    for endpoint in CHANGING:
        reply = setup.post(endpoint, NEVER_ISSUED)
        assert_sound(reply, 503)
        assert reply.all("Set-Cookie") == []
    metrics = setup.metrics()
    assert metrics['latchkey_endpoint_requests_total'
                   '{endpoint="health",result="unavailable"}'] == 1
    assert sum(value for name, value in metrics.items()
               if name.startswith("latchkey_store_errors_total")) == 7


@pytest.mark.parametrize("endpoint", INWARD)
def test_inward_endpoint_is_off_by_default(place, endpoint):
    setup = Setup(place)
    token = setup.cli.issue("alice")
    assert_sound(setup.ask(endpoint), 404)
    assert_sound(setup.ask(endpoint, token), 404)


def test_metrics_count_verdicts_by_reason(place):
    setup = Setup(place, "expose_metrics = true;")
    token, other = setup.cli.issue("alice"), setup.cli.issue("alice")
    assert setup.is_live(token)
    assert setup.gate.ask(fastcgi.request_of(
        HTTP_AUTHORIZATION=f"Bearer {token}")).status == 200
    setup.ask("authorize")
    setup.ask("authorize", "garbage")
    setup.ask("authorize", NEVER_ISSUED)
    setup.ask("authorize", token, HTTP_COOKIE=f"latchkey={other}")
    setup.post("logout", other)
    reply = setup.ask("metrics")
    assert_sound(reply, 200)
    assert reply.header("Content-Type").startswith(
        "text/plain; version=0.0.4")
    values = parse_metrics(reply.body)
    verdicts = {name: value for name, value in values.items()
                if name.startswith("latchkey_requests_total") and value}

    def named(verdict, reason):
        return (f'latchkey_requests_total{{verdict="{verdict}",'
                f'reason="{reason}"}}')
    assert verdicts == {
        named("allowed", "session"): 2, named("denied", "no_token"): 1,
        named("denied", "malformed"): 1, named("denied", "unknown"): 1,
        named("denied", "conflict"): 1}
    assert values['latchkey_endpoint_requests_total'
                  '{endpoint="logout",result="done"}'] == 1
    # Four checks for verdicts, and a change to log out.
    assert values["latchkey_store_seconds_count"] == 4
    assert values['latchkey_store_seconds_bucket{le="+Inf"}'] == 4
    buckets = [value for name, value in values.items()
               if name.startswith("latchkey_store_seconds_bucket")]
    assert buckets == sorted(buckets)
    assert values["latchkey_store_seconds_sum"] > 0
    assert "lk_" not in reply.body and "alice" not in reply.body


def test_metrics_count_connections(setup):
    before = setup.metrics()
    with connect(setup.listen) as silent:
        silent.sendall(fastcgi.begin(fastcgi.RESPONDER)[:4])
        setup.ask("authorize")
        during = setup.metrics()
    fastcgi.send(setup.listen, b"\x02" * 64)
    after = setup.metrics()
    name = "latchkey_connections_accepted_total"
    assert during[name] - before[name] == 3
    assert after[name] - during[name] == 2
    name = "latchkey_connections_waiting"
    assert during[name] - before[name] == 1
    name = "latchkey_connections_refused_total"
    assert after[name] - during[name] >= 1
    assert after["latchkey_queue_depth"] == 0


# ---- What arrives --------------------------------------------------------


def assert_long_replies_arrive(setup):
    token = setup.cli.issue("dave")
    issue_many(setup, "dave", 900)
    parameters = fastcgi.request_of(
        LATCHKEY_ENDPOINT="sessions", HTTP_AUTHORIZATION=f"Bearer {token}")
    done = ('latchkey_endpoint_requests_total'
            '{endpoint="sessions",result="done"}')
    before = setup.metrics()[done]
    silent = []
    for _ in range(8):
        sock = connect(setup.listen)
        sock.sendall(fastcgi.whole(parameters, fastcgi.RESPONDER))
        silent.append(sock)
    wait_until(lambda: setup.metrics()[done] == before + 8, "the answers")
    for sock in silent:
        with sock:
            reply = fastcgi.parse(fastcgi.receive(sock))
            assert len(answer(reply)) > 100


def test_long_reply_read_late_arrives_whole(setup):
    """A reply that nobody reads yet holds no thread and loses no byte."""
    assert_long_replies_arrive(setup)


def test_long_reply_read_late_on_tcp_arrives_whole(place):
    assert_long_replies_arrive(Setup(place, "expose_metrics = true;",
                                     listen=f"127.0.0.1:{free_port()}"))


# ---- Behind lighttpd -----------------------------------------------------


class EndpointLighttpd(Daemon):
    """lighttpd with the lines that README.md shows, for some endpoints."""

    name = "lighttpd"
    good = (0, 1)

    def __init__(self, place, listen, endpoints=("logout", "session")):
        super().__init__(place)
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        text = ('server.modules = ( "mod_setenv", "mod_fastcgi" )\n'
                'server.bind = "127.0.0.1"\n'
                f'server.port = {self.port}\n'
                f'server.document-root = "{place.path}"\n')
        readme = (ROOT / "README.md").read_text()
        recipe = re.search(
            r'\$HTTP\["url"\] == "/session/logout" \{.*?\n    \}\n',
            readme, re.S).group()
        recipe = recipe.replace("/run/latchkey/gate.sock",
                                listen[len("unix:"):])
        text += "".join(recipe.replace("logout", name) for name in endpoints)
        self.argv = [find_program("lighttpd"), "-D", "-f",
                     place.write("lighttpd.conf", text)]

    def ready(self):
        return accepts(self.address)


def test_lighttpd_recipe_reaches_the_endpoints(place):
    setup = Setup(place)
    address = place.add(EndpointLighttpd(place, setup.listen)).address
    token = setup.cli.issue("alice")
    bearer = [("Authorization", f"Bearer {token}")]
    reply = http.request(address, "/session/session", bearer)
    assert (reply.status, json.loads(reply.body)["user"]) == (200, "alice")
    assert http.request(address, "/session/session").status == 401
    assert http.request(address, "/session/logout", bearer).status == 405
    cookie = [("Cookie", f"latchkey={token}"), ("Content-Length", "0")]
    assert http.request(address, "/session/logout", cookie,
                        method="POST").status == 403
    # A body that nobody reads does not keep the answer away.
    body = b"x" * 200000
    head = http.head_of("/session/logout", [
        ("Cookie", f"latchkey={token}"), ("Origin", "http://localhost"),
        ("Content-Length", str(len(body)))], "POST")
    reply = http.send(address, head + body, "POST")
    assert (reply.status, json.loads(reply.body)) == (200, {"revoked": 1})
    assert_cookie_cleared(reply)
    assert http.request(address, "/session/session", bearer).status == 401
    setup.assert_no_token_in_logs()
