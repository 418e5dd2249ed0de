"""A gate whose Redis user can check and nothing else."""

import pytest

from support import fastcgi
from support.check_only import EXAMPLES, add_user, as_user, with_layout
from support.servers import Gate, Latchkey, RedisServer, settings

USERS = '{ "alice": { "roles": [ "admin" ] }, "bob": {} }'
RULES = """rules = (
  { path = "/admin/"; access = "session";
    require = ( { field = "roles"; any = [ "admin" ]; } ); },
  { path = "/"; access = "session"; } );"""


@pytest.fixture(params=EXAMPLES)
def layout(request):
    return request.param


@pytest.fixture
def gate(place, layout):
    redis = place.add(RedisServer(place))
    add_user(redis.address, layout)
    address = f"unix:{place.path}/gate.sock"
    users = place.write("users.json", USERS)
    text = (with_layout(settings(redis.address, address, RULES), layout)
            + f'user = {{ source = "file"; path = "{users}"; }};\n'
            + 'log = { level = "debug"; };\n')
    conf = place.write("check.conf", as_user(text))
    gate = place.add(Gate(place, conf, address))
    gate.issuer = Latchkey(place, place.write("issue.conf", text))
    gate.checker = Latchkey(place, conf)
    return gate


def ask(gate, token, path="/"):
    return gate.ask(fastcgi.request_of(
        path, HTTP_AUTHORIZATION=f"Bearer {token}")).status


def test_check_only_gate_gives_every_verdict(place, gate):
    alice, bob, gone = (gate.issuer.issue(user)
                        for user in ("alice", "bob", "alice"))
    assert gate.issuer.revoke(gone) == 1
    # A detail comes from the source, since it is in no cache, and from there.
    for _ in range(2):
        assert ask(gate, alice) == ask(gate, alice, "/admin/") == 200
        assert (ask(gate, bob), ask(gate, bob, "/admin/")) == (200, 403)
        gate.issuer.must("user", "load", "alice", "bob")
    for token in (gone, alice[:-8] + "AAAAAAAA", "n0t a t0ken", alice[:-1]):
        assert ask(gate, token) == 401, token
    log = (place.path / "gate.log").read_text()
    assert "NOPERM" not in [line for line in log.splitlines()
                            if "is not cached" not in line]
    assert "level=error" not in log


def test_check_only_command_explains_and_checks(gate):
    token = gate.issuer.issue("alice")
    assert gate.checker.check(token)["user"] == "alice"
    gate.issuer.revoke(token)
    done = gate.checker.run("check", "-", stdin=token)
    assert (done.returncode, "NOPERM" in done.stderr) == (1, False)
    assert gate.checker.run("issue", "root").returncode in (2, 3)
    # Which the doctor finds, and means.
    done = gate.checker.run("doctor")
    assert "WRONG session" in done.stdout and "(ACL)" in done.stdout
