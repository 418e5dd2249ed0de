"""Access tokens at the gate: where they open, what they never do, and the
endpoints that hand them and their keys out."""

import json
import os
import re

import pytest

from support import fastcgi
from support.access import Forger, access_settings, keygen
from support.carry import CARRY, basic, bearer, cookie
from support.house import hang_up
from support.place import wait_until
from support.servers import Gate, Latchkey
from support.site import FRONTS
from test_endpoints import (CHANGING, READING, Setup, answer, assert_sound)

jwt = pytest.importorskip("jwt", reason="not installed: python3-jwt")

SAME_SITE = {"HTTP_SEC_FETCH_SITE": "same-origin"}
RULES = '''tokens = [ "bearer", "basic", "cookie", "header:X-Session-Token" ];
  renew_below = 600; expose_metrics = true;
  rules = ( { path = "/open/"; access = "public"; },
            { path = "/"; access = "session"; } );'''


class Issuing(Setup):
    """A gate that issues access tokens."""

    def __init__(self, place, gate="", **others):
        self.key = keygen(place, "key")
        super().__init__(place, gate, access_settings(self.key, **others))

    def session(self, token):
        return self.cli.check(token)

    def access(self, token):
        """An access token by the endpoint."""
        made = answer(self.post("token", token))["access_token"]
        self.cli.tokens.append(made)
        return made

    def authorizer(self, path="/", **variables):
        return fastcgi.ask(self.listen, fastcgi.request_of(path, **variables))


@pytest.fixture(scope="module")
def setup(shared_place):
    setup = Issuing(shared_place, RULES)
    yield setup
    setup.assert_no_token_in_logs()


def carried(token):
    """Each way to show a token, as parameters."""
    for name, carry in CARRY.items():
        if name != "header":
            yield {f"HTTP_{key.upper()}": value for key, value in carry(token)}
    yield {"HTTP_X_SESSION_TOKEN": token}


# ---- The verdict ---------------------------------------------------------


def test_access_token_opens_wherever_a_token_does(setup):
    token = setup.cli.issue("alice", "--client", "web")
    access = setup.access(token)
    for shown in carried(access):
        for reply in (setup.authorizer(**shown),
                      setup.ask("authorize", **shown)):
            assert reply.status == 200, shown
            assert "alice" in reply.headers[1][1]
    assert setup.authorizer(
        f"/?access_token={access}",
        QUERY_STRING=f"access_token={access}").status == 401
    assert setup.cli.revoke(token) == 1
    for shown in carried(access):
        assert setup.authorizer(**shown).status == 401


def test_access_token_renews_nothing_and_sets_no_cookie(setup):
    """Though less than gate.renew_below is left of its session."""
    token = setup.cli.issue("alice", "--ttl", "300")
    access, before = setup.access(token), setup.session(token)
    for shown in carried(access):
        for reply in (setup.authorizer(**shown),
                      setup.ask("authorize", **shown)):
            assert reply.status == 200
            assert reply.header("Set-Cookie") is None
    assert setup.session(token)["expires_at"] == before["expires_at"]
    reply = setup.ask("authorize", HTTP_COOKIE=f"latchkey={token}")
    assert "latchkey=" in reply.header("Set-Cookie")
    assert setup.session(token)["expires_at"] > before["expires_at"]


def test_access_token_on_a_public_page_is_not_looked_at(setup):
    token = setup.cli.issue("alice")
    plain = setup.authorizer("/open/")
    for one in (setup.access(token), "a.b.c"):
        for shown in carried(one):
            reply = setup.authorizer("/open/", **shown)
            assert (reply.status, reply.headers) == (200, plain.headers)


def test_access_token_that_is_none_is_refused_without_a_reason(setup):
    """Its bearer hears the same of each, at every door and in every way."""
    session = setup.session(setup.cli.issue("alice"))
    forger = Forger(setup.key)
    hostile = forger.hostile(session)
    good = forger.sign(forger.header(), forger.claims(session))
    assert setup.ask("authorize", good).status == 200
    heard = {}
    for name, token in hostile.items():
        for way, shown in enumerate(carried(token)):
            for door, reply in (("authorizer", setup.authorizer(**shown)),
                                ("authorize",
                                 setup.ask("authorize", **shown))):
                assert reply.status == 401, (name, shown)
                assert 'error="invalid_token"' in " ".join(
                    reply.all("WWW-Authenticate"))
                heard.setdefault((way, door), set()).add(
                    (tuple(reply.headers), reply.body))
    for replies in heard.values():
        assert len(replies) == 1, replies
        ((_, body),) = replies
        assert body == "The access token is not valid.\n"


def test_access_token_with_another_users_name_is_refused(setup):
    access = setup.access(setup.cli.issue("alice"))
    ((_, value),) = basic(access, "mallory")
    reply = setup.authorizer(HTTP_AUTHORIZATION=value)
    assert reply.status == 401 and "mallory" not in reply.body


def test_access_token_beside_its_sessions_cookie_is_refused(setup):
    """Two tokens that differ, as everywhere."""
    token = setup.cli.issue("alice")
    reply = setup.ask("authorize", setup.access(token),
                      HTTP_COOKIE=f"latchkey={token}")
    assert reply.status == 401
    assert 'error="invalid_request"' in reply.header("WWW-Authenticate")


@pytest.mark.parametrize("endpoint", READING + CHANGING + ("token",))
def test_access_token_is_none_at_every_other_endpoint(setup, endpoint):
    token, other = setup.cli.issue("carol"), setup.cli.issue("carol")
    access, before = setup.access(token), setup.session(token)
    method = "GET" if endpoint in READING else "POST"
    for shown in carried(access):
        reply = setup.ask(endpoint, None, method,
                          QUERY_STRING=f"id={before['id']}", **SAME_SITE,
                          **shown)
        assert_sound(reply, 401)
        assert "access_token" not in reply.body
        assert reply.all("Set-Cookie") == []
    after = setup.session(token)
    assert {**after, "ttl": 0} == {**before, "ttl": 0}
    assert setup.is_live(other) and setup.is_live(access)


def test_access_token_beside_a_cookie_does_not_keep_it_from_logging_out(
        setup):
    token, dead = setup.cli.issue("alice"), setup.cli.issue("alice")
    access = setup.access(token)
    assert setup.cli.revoke(dead) == 1
    for cookie_, revoked in ((dead, 0), (token, 1)):
        reply = setup.post("logout", access, **SAME_SITE,
                           HTTP_COOKIE=f"latchkey={cookie_}")
        assert answer(reply) == {"revoked": revoked}
        assert reply.all("Set-Cookie")


# ---- The endpoint `token` ------------------------------------------------


def test_token_is_what_others_verify(setup):
    token = setup.cli.issue("alice", "--client", "web")
    reply = setup.post("token", token)
    said = answer(reply)
    assert set(said) == {"access_token", "token_type", "expires_in"}
    assert said["token_type"] == "Bearer"
    assert 298 <= said["expires_in"] <= 300
    assert token not in reply.body
    keys = {key["kid"]: jwt.PyJWK(key).key for key in json.loads(
        setup.ask("jwks").body)["keys"]}
    access = said["access_token"]
    claims = jwt.decode(
        access, keys[jwt.get_unverified_header(access)["kid"]],
        algorithms=["EdDSA"], audience="api", issuer="https://id.example")
    assert (claims["sub"], claims["client_id"]) == ("alice", "web")
    assert claims["sid"] == setup.session(token)["id"]
    short = answer(setup.post("token", setup.cli.issue("alice", "--ttl", "9")))
    assert 7 <= short["expires_in"] <= 10
    log = setup.gate.output()
    assert "access token issued" in log and access not in log


def test_token_by_cookie_is_for_this_site_alone(setup):
    token = setup.cli.issue("alice")
    assert_sound(setup.post_cookie("token", token), 403)
    for headers in ({"HTTP_ORIGIN": "https://evil.example"},
                    {"HTTP_SEC_FETCH_SITE": "cross-site"}):
        reply = setup.post_cookie("token", token, **headers)
        assert_sound(reply, 403)
        assert "access_token" not in reply.body
    for headers in (SAME_SITE, {"HTTP_ORIGIN": "https://site.example"}):
        said = answer(setup.post_cookie("token", token, **headers))
        assert setup.is_live(said["access_token"])


def test_token_takes_a_post_and_a_live_session(setup):
    token = setup.cli.issue("alice")
    for method in ("GET", "HEAD", "PUT", "OPTIONS"):
        reply = setup.ask("token", token, method)
        assert_sound(reply, 405)
        assert reply.header("Allow") == "POST"
    for dead in (None, "lk_" + "A" * 64, "garbage"):
        assert_sound(setup.post("token", dead), 401)
    assert setup.cli.revoke(token) == 1
    assert_sound(setup.post("token", token), 401)


def test_token_key_is_opened_only_to_sign(setup):
    token = setup.cli.issue("alice")
    access = setup.access(token)
    away = f"{setup.key}.away"
    os.rename(setup.key, away)
    try:
        reply = setup.post("token", token)
        assert_sound(reply, 503)
        assert "key" not in reply.body
        assert setup.is_live(access) and setup.ask("jwks").status == 200
        hang_up(setup.gate)
        assert setup.is_live(access)
    finally:
        os.rename(away, setup.key)
    assert setup.is_live(setup.access(token))


def test_token_and_jwks_are_there_only_where_they_are_configured(place):
    setup = Setup(place)
    token = setup.cli.issue("alice")
    for endpoint, method in (("token", "POST"), ("jwks", "GET")):
        assert_sound(setup.ask(endpoint, token, method), 404)
    key = keygen(place, "key")
    setup.place.write("latchkey.conf", setup.conf.read_text()
                      + access_settings("", f"{key}.pub"))
    hang_up(setup.gate)
    assert_sound(setup.post("token", token), 404)
    assert setup.ask("jwks").status == 200


# ---- Keys ----------------------------------------------------------------


def test_jwks_is_public_and_says_for_how_long(setup):
    reply = setup.ask("jwks")
    assert reply.status == 200
    assert reply.header("Content-Type") == "application/jwk-set+json"
    assert reply.all("Cache-Control") == ["public, max-age=300"]
    keys = json.loads(reply.body)["keys"]
    assert [set(key) for key in keys] == [
        {"kty", "crv", "x", "kid", "use", "alg"}]
    with open(setup.key, encoding="ascii") as file:
        assert json.load(file)["d"] not in reply.body
    head = setup.ask("jwks", method="HEAD")
    assert (head.body, head.headers) == ("", reply.headers)
    assert_sound(setup.post("jwks"), 405)
    # Whoever asks, whatever he carries.
    assert setup.ask("jwks", "garbage").body == reply.body


def test_jwks_is_answered_while_the_store_is_down(place):
    setup = Issuing(place)
    token = setup.cli.issue("alice")
    access = setup.access(token)
    setup.redis.stop()
    assert setup.ask("jwks").status == 200
    assert_sound(setup.post("token", token), 503)
    assert setup.ask("authorize", access).status == 503


def test_keys_are_changed_while_the_gate_runs(place):
    """As the manual says it: no valid token is refused at any moment, and
    none of the old key is taken once it is over."""
    lives = {"ttl": 2, "leeway": 1}
    setup = Issuing(place, **lives)
    token = setup.cli.issue("alice")
    base = re.sub("jwt = .*\n", "", setup.conf.read_text())
    valid = []

    def settle(sign, *verify):
        place.write("latchkey.conf", base + access_settings(
            sign, *verify, **lives))
        hang_up(setup.gate)
        assert all_valid_are_taken()

    def all_valid_are_taken():
        """And one more, which is issued now."""
        said = answer(setup.post("token", token))
        valid.append(said["access_token"])
        for access in list(valid):
            if setup.ask("authorize", access).status != 200:
                with pytest.raises(jwt.ExpiredSignatureError):
                    jwt.decode(access, options={"verify_exp": True,
                                                "verify_signature": False})
                valid.remove(access)
        return said["access_token"] in valid

    def kid():
        return jwt.get_unverified_header(valid[-1])["kid"]

    def known():
        return [key["kid"] for key in json.loads(
            setup.ask("jwks").body)["keys"]]

    assert all_valid_are_taken()
    old, old_pub = kid(), f"{setup.key}.pub"
    new = keygen(place, "new")
    # The new key is known, and signs nothing.
    settle(setup.key, old_pub, f"{new}.pub")
    assert kid() == old and len(known()) == 2
    # It signs, and what the old one signed is taken.
    last = valid[-1]
    settle(new, old_pub, f"{new}.pub")
    assert kid() != old and setup.ask("authorize", valid[-1]).status == 200
    # The old one goes once all that it signed is over.
    wait_until(lambda: all_valid_are_taken() and setup.ask(
        "authorize", last).status == 401, "the old tokens to be over")
    settle(new, f"{new}.pub")
    assert old not in known()
    forger = Forger(setup.key)
    of_the_old_key = forger.sign(forger.header(), forger.claims(
        setup.session(token)))
    assert setup.ask("authorize", of_the_old_key).status == 401
    os.remove(setup.key)
    assert all_valid_are_taken()


@pytest.mark.parametrize("wrong", ["", "{}", "private", "open"])
def test_keys_that_are_wrong_leave_those_before_in_effect(place, wrong):
    setup = Issuing(place)
    access = setup.access(setup.cli.issue("alice"))
    before = setup.ask("jwks").body
    with open(setup.key, encoding="ascii") as file:
        private = file.read()
    path = place.path / "key.pub"
    good = path.read_text()
    place.write("key.pub", {"private": private, "open": good}.get(
        wrong, wrong), 0o666 if wrong == "open" else 0o644)
    if wrong == "open":
        path.chmod(0o666)
    hang_up(setup.gate, "settings not reloaded")
    assert setup.ask("jwks").body == before
    assert setup.is_live(access)
    gate = Gate(place, setup.conf, f"unix:{place.path}/other.sock")
    with pytest.raises(Exception):
        place.add(gate)


# ---- A host with public keys alone ---------------------------------------


@pytest.mark.parametrize("store, opaque", [
    ('backend = "redis"; redis = { address = "unix:/nonexistent"; };', 503),
    ('sqlite = { path = "/nonexistent/sessions.db"; };', 401)])
def test_gate_with_public_keys_alone_verifies_without_a_store(place, store,
                                                              opaque):
    setup = Issuing(place)
    token = setup.cli.issue("alice", "--client", "web")
    access = setup.access(token)
    setup.listen = f"unix:{place.path}/away.sock"
    conf = place.write("away.conf", f"""store = {{ {store} }};
        gate = {{ listen = "{setup.listen}"; rules = (
            {{ path = "/ssh/"; access = "session"; clients = [ "ssh" ]; }},
            {{ path = "/"; access = "session"; clients = [ "web" ]; }} ); }};
        """ + access_settings("", f"{setup.key}.pub", check="offline"))
    place.add(Gate(place, conf, setup.listen, "away"))
    reply = setup.ask("authorize", access)
    assert reply.status == 200
    assert reply.header("Latchkey-User") == "alice"
    assert reply.header("Latchkey-Client") == "web"
    expires = jwt.decode(access, options={"verify_signature": False})["exp"]
    assert reply.header("Latchkey-Expires") == str(expires)
    assert setup.ask("authorize", access, path="/ssh/").status == 403
    assert setup.ask("jwks").status == 200
    assert setup.ask("authorize", token).status == opaque
    assert_sound(setup.post("token", token), 404)
    forger = Forger(setup.key)
    hostile = forger.hostile(setup.session(token))
    assert {setup.ask("authorize", one).status
            for one in hostile.values()} == {401}
    # The price of it, which the manual tells.
    assert setup.cli.revoke(token) == 1
    assert setup.ask("authorize", access).status == 200
    cli = Latchkey(place, conf)
    assert cli.check(access)["user"] == "alice"
    assert json.loads(cli.must("jwt", "verify", access))["exp"] == expires


# ---- Behind web servers --------------------------------------------------


@pytest.fixture(params=FRONTS)
def front(request, access_site):
    return access_site.front(request.param)


def test_front_takes_an_access_token_and_says_truly_why_not(
        front, access_site):
    site = access_site
    token = site.cli.issue("alice", "--client", "web")
    short = site.cli.must("jwt", "issue", token)
    long = site.cli.must("jwt", "issue", token, "--audience", "b" * 512)
    forger = Forger(site.key)
    longest = forger.sign(forger.header(), forger.claims(
        site.cli.check(token), pad="x" * 2724))
    site.cli.tokens += [short, long, longest]
    assert 400 < len(short) < 600 and 4090 < len(longest) <= 4096
    assert len(long) > 1000
    for name in front.carries:
        for access in (short, long, longest):
            for page in front.pages():
                reply = front.get(page, CARRY[name](access))
                assert reply.status == 200, (name, len(access), reply)
                assert reply.body.startswith("a protected page\n")
    for name in front.carries:
        for access in (short[:-1] + "A" + short[-1], f"{longest}A",
                       short[:-8] + "AAAAAAAA"):
            reply = front.get(headers=CARRY[name](access))
            assert reply.status == front.expect(401)
            assert "LATCHKEY" not in reply.body
            said = " ".join(reply.all("WWW-Authenticate"))
            if name == "bearer" and "error" in said:
                assert 'error="invalid_token"' in said
                assert "description" not in said
    assert site.cli.revoke(token) == 1
    for access in (short, longest):
        for name in front.carries:
            reply = front.get(headers=CARRY[name](access))
            assert reply.status == front.expect(401)


def test_front_tells_the_service_whose_access_token_it_is(front, access_site):
    token = access_site.cli.issue("alice")
    access = access_site.cli.must("jwt", "issue", token)
    access_site.cli.tokens.append(access)
    ways = {"bearer": bearer, "cookie": cookie, "basic": basic}
    carry = ways[next(name for name in front.carries if name in ways)]
    reply = front.get(front.pages()[-1], carry(access))
    assert reply.status == 200 and "alice" in reply.body
