"""The gate's rules, with a real store behind it."""

import json

import pytest

from support import fastcgi
from support.place import free_port, wait_until
from support.proxy import Proxy
from support.servers import (PATIENT, Gate, Latchkey, RedisServer,
                             settings)

RULES = '''
  rules = (
    { path = "/public/"; access = "public"; },
    { path = "/admin/"; access = "session";
      require = ( { field = "roles"; any = [ "admin", "root" ]; },
                  { field = "org.level"; any = [ 2, 3 ]; } ); },
    { path = "/alice/"; access = "session"; users = [ "alice" ]; },
    { path = "/phone/"; access = "session"; clients = [ "ios" ]; },
    { path = "/closed/"; access = "deny"; },
    { path = "/read/"; access = "session"; methods = [ "GET" ]; },
    { path = "/app/"; access = "session"; } );
'''
DETAILS = {
    "alice": {"roles": ["dev", "admin"], "org": {"level": 2}},
    "bob": {"roles": ["dev"], "org": {"level": 2}},
    "carol": {"roles": "root", "org": {"level": 3, "x": "\u00fc"}},
    "dave": {"roles": ["admin"], "org": {"level": "2"}},
}


class Site:
    """A gate with rules, its Redis, and users with details."""

    def __init__(self, place, extra=RULES, head="", redis=None):
        self.place = place
        self.redis = redis or place.add(RedisServer(place))
        users = place.write("users.json", json.dumps(DETAILS))
        listen = f"127.0.0.1:{free_port()}"
        conf = place.write("latchkey.conf", settings(
            self.redis.unix_address, listen, extra) + head +
            f'user = {{ source = "file"; path = "{users}"; }};\n')
        self.cli = Latchkey(place, conf)
        self.gate = place.add(Gate(place, conf, listen))

    def ask(self, path, token=None, method="GET", **options):
        variables = {}
        if token:
            variables["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return self.gate.ask(
            fastcgi.request_of(path, method, **variables), **options)

    def commands(self):
        """How many commands Redis was given, but for this one."""
        info = self.redis.command("INFO", "stats").decode()
        return int(info.split("total_commands_processed:")[1].split()[0])


@pytest.fixture(scope="module")
def site(shared_place):
    site = Site(shared_place)
    yield site
    for name, text in shared_place.logs().items():
        assert not [token for token in site.cli.tokens if token in text], name


@pytest.fixture(scope="module")
def tokens(site):
    return {user: site.cli.issue(user) for user in DETAILS}


def identity(reply):
    return [name for name, _ in reply.headers
            if "LATCHKEY" in name or "REMOTE" in name]


# ---- Which rule ------------------------------------------------------------


@pytest.mark.parametrize("user, path, status", [
    ("alice", "/app/", 200), ("bob", "/app/x", 200),
    ("alice", "/admin/x", 200), ("bob", "/admin/x", 403),
    ("carol", "/admin/", 200), ("dave", "/admin", 403),
    ("alice", "/alice/", 200), ("bob", "/alice/", 403),
    ("alice", "/closed/", 403), ("alice", "/phone/", 403),
    ("alice", "/elsewhere", 403), ("alice", "/", 403),
    ("bob", "/app/../admin/", 400), ("bob", "/app/%2e%2e/admin/", 400),
    ("bob", "//admin/", 400), ("bob", "/%61dmin/", 403),
    ("bob", "/app/..%2fadmin/", 400), ("bob", "/app/..;/admin/", 400),
    ("bob", "/app/%00", 400), ("bob", "/app/\\..", 400),
    ("bob", "/app/%zz", 400), ("bob", "/../app/", 400),
    ("bob", "http://host/app/", 200), ("bob", "http://host/admin/", 403),
    (None, "/app/", 401), (None, "/admin/", 401), (None, "/closed/", 403),
    (None, "/elsewhere", 403), (None, "/app/%2f", 401),
    ("bob", "/app/%2f", 200), ("bob", "/app%2fx", 400), (None, "*", 400),
])
def test_rules_verdict_by_user_and_path(site, tokens, user, path, status):
    reply = site.ask(path, tokens.get(user))
    assert reply.status == status, reply
    assert bool(identity(reply)) == (status == 200)


def test_rules_methods_are_part_of_the_match(site, tokens):
    for method, status in (("GET", 200), ("HEAD", 200), ("POST", 403)):
        assert site.ask("/read/x", tokens["bob"], method).status == status


@pytest.mark.parametrize("method", [
    "get", "Get", "", "X" * 33, "GET ", "GET,GET", "*"])
def test_rules_method_that_none_could_name_is_400(site, tokens, method):
    assert site.ask("/app/", tokens["bob"], method).status == 400
    subrequest = fastcgi.request_of(
        "/app/", method, LATCHKEY_ENDPOINT="authorize",
        HTTP_AUTHORIZATION=f"Bearer {tokens['bob']}")
    reply = site.gate.ask(subrequest, role=fastcgi.RESPONDER)
    assert reply.status == 403


@pytest.mark.parametrize("user", [
    b" frank", b"frank ", b"fr\xe4nk", b"fr\xc2\x85nk", b"frank\xc2\xa0"])
def test_rules_session_of_a_name_that_changes_on_the_way_is_503(site, user):
    before = set(site.redis.keys())
    token = site.cli.issue("frank")
    key, = [key for key in set(site.redis.keys()) - before if b":s:" in key]
    record = site.redis.command("GET", key)
    site.redis.command("SET", key, record.replace(b"frank", user), "KEEPTTL")
    reply = site.ask("/app/", token)
    assert (reply.status, identity(reply)) == (503, [])
    assert site.cli.revoke(token) == 1


def test_rules_client_kind_is_compared(site):
    token = site.cli.issue("erin", "--client", "ios")
    assert site.ask("/phone/", token).status == 200
    token = site.cli.issue("erin", "--client", "web")
    assert site.ask("/phone/", token).status == 403


def test_rules_session_is_refused_before_the_rule(site):
    token = site.cli.issue("bob")
    assert site.ask("/alice/", token).status == 403
    site.cli.revoke(token)
    assert site.ask("/alice/", token).status == 401


def test_rules_unknown_user_of_a_requirement_is_refused(site):
    token = site.cli.issue("mallory")
    assert site.ask("/app/", token).status == 200
    assert site.ask("/admin/", token).status == 403


@pytest.mark.parametrize("token", [None, "lk_" + "A" * 64, "nonsense"])
def test_rules_public_says_nothing_and_asks_nobody(site, token):
    before = site.commands()
    reply = site.ask("/public/x", token)
    assert reply.status == 200
    assert identity(reply) == []
    assert site.ask("/closed/", token).status == 403
    # Only our own look at the counter.
    assert site.commands() == before + 1


def test_rules_public_is_open_while_the_store_is_away(place):
    site = Site(place)
    token = site.cli.issue("alice")
    site.redis.kill()
    assert site.ask("/public/", token).status == 200
    assert site.ask("/closed/", token).status == 403
    assert site.ask("/app/", token).status == 503
    assert site.ask("/admin/", token).status == 503
    assert site.ask("/app/").status == 401


def test_rules_subrequest_is_never_answered_400(site, tokens):
    def ask(path, token=None):
        parameters = fastcgi.request_of(path)
        parameters["LATCHKEY_ENDPOINT"] = "authorize"
        if token:
            parameters["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        return site.gate.ask(parameters, role=fastcgi.RESPONDER)

    assert ask("/public/").status == 200
    assert ask("/app/..%2fadmin/", tokens["alice"]).status == 403
    assert ask("/admin/", tokens["bob"]).status == 403
    assert ask("/admin/", tokens["alice"]).header("Latchkey-User") == "alice"


# ---- The detail ------------------------------------------------------------


def test_rules_detail_is_handed_on_if_asked_for(place):
    site = Site(place, 'detail = true; detail_max = 60; '
                'rules = ( { path = "/p/"; access = "public"; }, '
                '{ path = "/"; access = "session"; } );')
    reply = site.ask("/", site.cli.issue("alice"))
    assert json.loads(reply.header("Variable-LATCHKEY_DETAIL")) \
        == DETAILS["alice"]
    assert identity(site.ask("/p/", site.cli.tokens[0])) == []
    site.cli.must("user", "load", "carol")
    site.place.write("users.json", json.dumps(
        {"carol": {"long": "x" * 60}}))
    token = site.cli.issue("carol")
    assert site.ask("/", token).status == 200
    site.cli.must("user", "load", "carol")
    reply = site.ask("/", token)
    assert reply.status == 503
    assert identity(reply) == []


# ---- Renewal ---------------------------------------------------------------


def test_rules_session_is_renewed_when_little_is_left(place):
    site = Site(place, "renew_below = 50;" + RULES,
                "session = { ttl = 100; };\n")
    fresh = site.cli.issue("alice", "--ttl", "60")
    old = site.cli.issue("alice", "--ttl", "40")

    def expires(reply):
        return int(reply.header("Variable-LATCHKEY_EXPIRES"))

    ends = site.cli.check(fresh)["expires_at"]
    assert expires(site.ask("/app/", fresh)) == ends
    assert site.cli.check(fresh)["expires_at"] == ends
    # Public and refused requests are no use of a session.
    site.ask("/public/", old)
    site.ask("/closed/", old)
    site.ask("/phone/", old)
    assert site.cli.check(old)["ttl"] <= 40
    renewed = expires(site.ask("/app/", old))
    assert renewed == site.cli.check(old)["expires_at"]
    assert 50 < site.cli.check(old)["ttl"] <= 100
    # Once is enough.
    assert expires(site.ask("/app/", old)) == renewed


@pytest.mark.parametrize("ahead, ttl, renewed", [(600, 900, True),
                                                 (-600, 400, False)])
def test_rules_renewal_is_by_the_clock_of_the_store(place, ahead, ttl,
                                                    renewed):
    """What is left by ours says the opposite; `explain` agrees."""
    redis = place.add(RedisServer(place))
    proxy = place.add(Proxy(redis.unix_address, ahead))
    listen = f"unix:{place.path}/gate.sock"
    conf = place.write("latchkey.conf", settings(
        proxy.address, listen, "renew_below = 500;")
        + "session = { ttl = 1000; };\n")
    cli = Latchkey(place, conf)
    token = cli.issue("alice", "--ttl", str(ttl))
    key, = (name for name in redis.keys() if b":s:" in name)
    explained = cli.run("explain", "GET", "/", token).stdout
    assert ("would renew" in explained) == renewed
    assert int(redis.command("PTTL", key)) <= ttl * 1000
    gate = place.add(Gate(place, conf, listen))
    assert gate.ask(fastcgi.request_of(
        "/", HTTP_AUTHORIZATION=f"Bearer {token}")).status == 200
    assert (int(redis.command("PTTL", key)) > ttl * 1000) == renewed


def test_rules_renewal_sets_the_cookie_anew(place):
    site = Site(place, "renew_below = 50;" + RULES,
                "session = { ttl = 100; };\n")
    token = site.cli.issue("alice", "--ttl", "40")
    asked = fastcgi.request_of("/app/", HTTP_COOKIE=f"latchkey={token}")
    reply = site.gate.ask(asked)
    assert reply.header("Set-Cookie") == (
        f"latchkey={token}; Max-Age=100; Path=/; "
        "HttpOnly; SameSite=Lax; Secure")
    assert reply.header("Cache-Control") == "no-store"
    assert site.gate.ask(asked).header("Set-Cookie") is None


def test_rules_renewal_revives_nothing(place):
    site = Site(place, "renew_below = 50;", "session = { ttl = 100; };\n")
    token = site.cli.issue("alice", "--ttl", "40")
    site.cli.revoke(token)
    assert site.ask("/", token).status == 401
    short = site.cli.issue("alice", "--ttl", "1")
    wait_until(lambda: site.cli.run("check", short).returncode == 1,
               "a session of one second to end")
    assert site.ask("/", short).status == 401
    assert site.cli.run("check", short).returncode == 1


def test_rules_renewal_that_fails_does_not_deny(place):
    """A user whom Redis lets read and not write."""
    redis = RedisServer(place, users=(
        "default on nopass ~* +@all",
        "reader on >pw ~* +@read +@connection +time"))
    place.add(redis)
    site = Site(place, "renew_below = 50;", "session = { ttl = 100; };\n",
                redis=redis)
    token = site.cli.issue("alice", "--ttl", "40")
    conf = place.write("reader.conf", f'''
        store = {{ backend = "redis";
                   redis = {{ address = "{redis.unix_address}";
                              username = "reader"; password = "pw";
                              {PATIENT} }}; }};
        session = {{ ttl = 100; }};
        gate = {{ listen = "unix:{place.path}/reader.sock";
                  renew_below = 50; }};''')
    gate = place.add(Gate(place, conf, f"unix:{place.path}/reader.sock",
                          "reader"))
    reply = gate.ask(fastcgi.request_of(
        "/", HTTP_AUTHORIZATION=f"Bearer {token}"))
    assert reply.status == 200
    assert site.cli.check(token)["ttl"] <= 40
    assert site.ask("/", token).status == 200
    assert site.cli.check(token)["ttl"] > 50
