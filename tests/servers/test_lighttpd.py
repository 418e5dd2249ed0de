"""The first door: lighttpd asks the gate, the gate asks Redis."""

import os

import pytest

from support import carry
from support.carry import bearer, cookie, header
from support.clients import raw, status_of
from support.door import Door, SpawnedDoor, variables
from support.place import free_port, wait_until
from support.servers import impatient

NEVER_ISSUED = "lk_" + "A" * 64


@pytest.fixture(scope="module")
def door(shared_place):
    door = Door(shared_place)
    yield door
    assert door.cli.tokens
    assert door.tokens_in_logs() == []


@pytest.fixture
def own_door(place):
    """A door for tests that break something."""
    door = Door(place, saving=True)
    yield door
    assert door.tokens_in_logs() == []


def basic(token, user=""):
    return carry.basic(token, user)


def assert_refused(reply, error):
    """A 401 as RFC 6750 has it, that nobody may keep."""
    assert reply.status == 401, reply
    challenge = next(line for line in reply.all("WWW-Authenticate")
                     if line.startswith('Bearer realm="latchkey"'))
    if error is None:
        assert "error=" not in challenge
    else:
        assert f'error="{error}"' in challenge
    assert "no-store" in reply.header("Cache-Control")
    assert not [name for name, _ in reply.headers
                if name.lower().startswith(("variable-", "latchkey-"))
                and name != "Latchkey-Reason"]
    assert "protected" not in reply.body and "LATCHKEY" not in reply.body


# ---- Who gets in ---------------------------------------------------------


def test_lighttpd_without_token_refuses(door):
    assert_refused(door.get(), None)


@pytest.mark.parametrize("carry", [bearer, cookie, header, basic])
def test_lighttpd_with_token_shows_page(door, carry):
    token = door.cli.issue("alice", "--client", "web")
    reply = door.get(headers=carry(token))
    assert reply.status == 200, reply
    assert not [name for name, _ in reply.headers
                if name.lower().startswith("variable-")]
    session = door.cli.check(token)
    seen = variables(reply)
    assert seen["LATCHKEY_USER"] == "alice"
    assert seen["LATCHKEY_SESSION"] == session["id"]
    assert seen["LATCHKEY_CLIENT"] == "web"
    assert seen["LATCHKEY_EXPIRES"] == str(session["expires_at"])
    assert seen["REMOTE_USER"] == "alice"


def test_lighttpd_with_basic_checks_user_name(door):
    token = door.cli.issue("alice")
    assert door.get(headers=basic(token, "alice")).status == 200
    assert_refused(door.get(headers=basic(token, "bob")), "invalid_token")


@pytest.mark.parametrize("user", ["user name", "jos\u00e9", "a_b-c.d@e",
                                  '"quoted"', "x" * 256])
def test_lighttpd_with_unusual_user_passes_name(door, user):
    reply = door.get(door.cli.issue(user))
    assert reply.status == 200
    assert variables(reply)["LATCHKEY_USER"] == user


@pytest.mark.parametrize("path", ["/secret.html", "/missing", "/public.html",
                                  "/", "/page.cgi?x=1"])
def test_lighttpd_protects_every_path(door, path):
    assert_refused(door.get(path=path), None)


def test_lighttpd_with_token_shows_static_page(door):
    reply = door.get(door.cli.issue("alice"), path="/secret.html")
    assert (reply.status, reply.body) == (200, "a protected page\n")


def test_lighttpd_shows_public_page_to_anybody(door):
    reply = door.get(path="/public/")
    assert (reply.status, reply.body) == (200, "a public page\n")


@pytest.mark.parametrize("path", [
    "/public/../secret.html", "/public/%2e%2e/secret.html",
    "/public/..%2fsecret.html", "//secret.html", "/%73ecret.html",
    "/./secret.html", "/public/../page.cgi", "/publi%63/../secret.html",
    "/login/../secret.html", "/PUBLIC/../secret.html"])
def test_lighttpd_with_devious_path_hides_page(door, path):
    reply = door.get(path=path)
    assert reply.status in (400, 401, 404), reply
    assert "protected" not in reply.body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS"])
def test_lighttpd_without_token_refuses_every_method(door, method):
    reply = door.get(method=method, headers=[("Content-Length", "0")])
    assert_refused(reply, None)


def test_lighttpd_head_without_token_has_no_body(door):
    reply = door.get(method="HEAD")
    assert_refused(reply, None)
    assert reply.body == ""


def test_lighttpd_with_body_hands_it_to_the_page(door):
    from support import http
    token = door.cli.issue("alice")
    body = b"x" * 100000
    head = http.head_of("/page.cgi", bearer(token) + [
        ("Content-Length", str(len(body)))], "POST")
    reply = http.send(door.lighttpd.address, head + body, "POST")
    assert reply.status == 200
    assert variables(reply)["received"] == str(len(body))


# ---- Who does not --------------------------------------------------------


@pytest.mark.parametrize("carry", [bearer, cookie, header, basic])
@pytest.mark.parametrize("token", [
    NEVER_ISSUED, "garbage", "alice_" + "0" * 32, "lk_", "lk_" + "%" * 64,
    "x" * 5000, "' OR 1=1", "*"])
def test_lighttpd_with_bad_token_refuses(door, carry, token):
    assert_refused(door.get(headers=carry(token)), "invalid_token")


@pytest.mark.parametrize("headers", [
    [("Authorization", "Bearer")], [("Authorization", "Bearer ")],
    [("Authorization", "Basic")], [("Authorization", "Basic ====")],
    [("Authorization", "Basic Og==")]])
def test_lighttpd_with_empty_credentials_refuses(door, headers):
    assert_refused(door.get(headers=headers), "invalid_token")


@pytest.mark.parametrize("headers", [
    [("Cookie", "latchkey=")], [("Cookie", "latchkey")], [("Cookie", ";;=;")],
    [("X-Session-Token", "")], [("Authorization", "")],
    [("Authorization", "Digest x")], [("Cookie", "xlatchkey=1; latchkey2=1")]])
def test_lighttpd_without_credentials_refuses(door, headers):
    assert door.get(headers=headers).status == 401


@pytest.mark.parametrize("change", [
    lambda token: token[:-1], lambda token: token + "A",
    lambda token: token.swapcase(),
    lambda token: token[:-2] + ("BB" if token[-2:] != "BB" else "CC"),
    lambda token: token[3:], lambda token: token + "\t" + token])
def test_lighttpd_with_altered_token_refuses(door, change):
    token = door.cli.issue("alice")
    assert_refused(door.get(change(token)), "invalid_token")
    assert door.get(token).status == 200


def test_lighttpd_after_revoke_refuses(door):
    token = door.cli.issue("alice")
    assert door.get(token).status == 200
    assert door.cli.revoke(token) == 1
    assert_refused(door.get(token), "invalid_token")


def test_lighttpd_after_revoke_all_refuses(door):
    tokens = [door.cli.issue("carol") for _ in range(3)]
    other = door.cli.issue("dave")
    assert door.cli.must("revoke-all", "carol") == "3"
    for token in tokens:
        assert_refused(door.get(token), "invalid_token")
    assert door.get(other).status == 200


def test_lighttpd_after_expiry_refuses(door):
    token = door.cli.issue("alice", "--ttl", "2")
    assert door.get(token).status == 200
    wait_until(lambda: door.get(token).status != 200, "the session to end")
    assert_refused(door.get(token), "invalid_token")


def test_lighttpd_with_two_different_tokens_is_bad_request(door):
    one, two = door.cli.issue("alice"), door.cli.issue("alice")
    for headers in (bearer(one) + cookie(two), cookie(one) + header(two),
                    bearer(one) + bearer(two),
                    bearer(one) + cookie("garbage")):
        reply = door.get(headers=headers)
        assert reply.status == 400, (headers, reply)
        assert "no-store" in reply.header("Cache-Control")


def test_lighttpd_with_two_live_cookies_is_not_logged_in(door):
    one, two = door.cli.issue("alice"), door.cli.issue("alice")
    assert_refused(door.get(headers=cookie(one) + cookie(two)),
                   "invalid_token")


def test_lighttpd_with_one_token_twice_shows_page(door):
    token = door.cli.issue("alice")
    reply = door.get(headers=bearer(token) + cookie(token) + header(token))
    assert reply.status == 200


@pytest.mark.parametrize("name", [
    "LATCHKEY_USER", "Latchkey-User", "Variable-LATCHKEY_USER",
    "LATCHKEY_SESSION", "REMOTE_USER", "Remote-User", "Variable-REMOTE_USER"])
def test_lighttpd_with_forged_identity_ignores_it(door, name):
    token = door.cli.issue("alice")
    forged = [(name, "mallory")]
    assert_refused(door.get(headers=forged), None)
    seen = variables(door.get(token, headers=forged))
    for variable, value in seen.items():
        assert variable.startswith("HTTP_") or value != "mallory"
    assert seen["LATCHKEY_USER"] == seen["REMOTE_USER"] == "alice"


# ---- When something is down ----------------------------------------------


def test_lighttpd_while_redis_is_down_is_unavailable(own_door):
    token = own_door.cli.issue("alice")
    assert own_door.get(token).status == 200
    own_door.redis.stop()
    reply = own_door.get(token)
    assert reply.status == 503
    assert int(reply.header("Retry-After")) > 0
    assert "no-store" in reply.header("Cache-Control")
    assert_refused(own_door.get(), None)
    own_door.redis.start()
    wait_until(lambda: own_door.get(token).status == 200, "the page again")


def test_lighttpd_after_redis_restart_shows_page_at_once(own_door):
    token = own_door.cli.issue("alice")
    assert own_door.get(token).status == 200
    own_door.redis.restart()
    assert own_door.get(token).status == 200


def test_lighttpd_while_redis_hangs_is_unavailable(own_door):
    token = own_door.cli.issue("alice")
    own_door.conf.write_text(impatient(own_door.conf.read_text(), 500))
    own_door.gate.restart()
    with own_door.redis.frozen():
        assert own_door.get(token).status == 503
    wait_until(lambda: own_door.get(token).status == 200, "the page again")


def test_lighttpd_with_gate_started_before_redis_recovers(place):
    door = Door(place, redis_up=False)
    assert_refused(door.get(), None)
    assert door.get(NEVER_ISSUED).status == 503
    door.redis.start()
    token = door.cli.issue("alice")
    wait_until(lambda: door.get(token).status == 200, "the page")


def test_lighttpd_while_gate_is_down_is_unavailable(own_door):
    token = own_door.cli.issue("alice")
    own_door.gate.stop()
    for reply in (own_door.get(token), own_door.get()):
        assert reply.status == 503
        assert "LATCHKEY" not in reply.body
    own_door.gate.start()
    wait_until(lambda: own_door.get(token).status == 200, "the page again")


def test_lighttpd_after_flush_refuses(own_door):
    token = own_door.cli.issue("alice")
    own_door.redis.command("FLUSHALL")
    assert_refused(own_door.get(token), "invalid_token")


# ---- Other ways to run the gate ------------------------------------------


def test_lighttpd_with_gate_on_tcp_shows_page(place):
    door = Door(place, listen=f"127.0.0.1:{free_port()}")
    assert_refused(door.get(), None)
    assert door.get(door.cli.issue("alice")).status == 200
    assert door.tokens_in_logs() == []


def test_lighttpd_with_spawned_gate_shows_page(place):
    door = SpawnedDoor(place)
    lighttpd = door.lighttpd.process.pid

    def children():
        with open(f"/proc/{lighttpd}/task/{lighttpd}/children") as file:
            return file.read().split()

    gates = wait_until(children, "lighttpd to start the gate")
    assert len(gates) == 1
    assert_refused(door.get(), None)
    token = door.cli.issue("alice")
    assert door.get(token).status == 200
    assert door.cli.revoke(token) == 1
    assert_refused(door.get(token), "invalid_token")
    assert door.tokens_in_logs() == []
    door.lighttpd.stop()
    wait_until(lambda: not os.path.exists(f"/proc/{gates[0]}"),
               "the gate to end with lighttpd")


def test_lighttpd_without_tls_speaks_no_http2(place):
    """1.4.69 loses bodies in it: the example turns it off."""
    door = Door(place)
    answer = raw(door.lighttpd.address, b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
    assert not answer or status_of(answer) in (400, 405, 501, 505)
