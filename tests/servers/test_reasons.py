"""Who is told why a session ended, at each door: who holds its token."""

import pytest

from support import fastcgi
from support.servers import PATIENT, Gate, Latchkey, RedisServer
from support.servers import embedded_settings, settings

# How sessions end while somebody holds their token.
ENDINGS = ("revoked", "limit", "logout", "logout-all", "logout-others")


class Doors:
    def __init__(self, place, store):
        self.place = place
        self.listen = f"unix:{place.path}/gate.sock"
        if store == "sqlite":
            text = embedded_settings(f"{place.path}/store/db", self.listen)
        else:
            text = settings(place.add(RedisServer(place)).unix_address,
                            self.listen, redis=f'layout = "{store}"; {PATIENT}')
        one = 'session = { clients = ( { kinds = [ "one" ]; max = 1; } ); };'
        limited = 'session = { single = true; };'
        kinds = "" if store == "gosession" else one
        self.cli = Latchkey(place, place.write("latchkey.conf", text + kinds))
        # Where there are no kinds, who logs in by this one has one session.
        self.limited = self.cli if kinds else Latchkey(
            place, place.write("limited.conf", text + limited))
        place.add(Gate(place, self.cli.conf, self.listen))

    def ask(self, endpoint, token, method="GET", role=fastcgi.RESPONDER,
            **variables):
        parameters = fastcgi.request_of(
            "/", method, HTTP_AUTHORIZATION=f"Bearer {token}",
            LATCHKEY_ENDPOINT=endpoint, **variables)
        parameters["FCGI_ROLE"] = (
            "RESPONDER" if role == fastcgi.RESPONDER else "AUTHORIZER")
        return fastcgi.ask(self.listen, parameters, role)

    def issue(self, client="web"):
        cli = self.limited if client == "one" else self.cli
        return cli.must("issue", "alice", "--client", client).strip()

    def end(self, reason):
        """A token whose session ended so."""
        if reason == "limit":
            token = self.issue("one")
            self.issue("one")
            return token
        token, other = self.issue(), self.issue()
        if reason == "revoked":
            self.cli.must("revoke", "-", stdin=token)
        elif reason == "logout-others":
            assert self.ask(reason, other, "POST").status == 200
        else:
            assert self.ask(reason, token, "POST").status == 200
        return token


@pytest.fixture(params=["sqlite", "latchkey", "gosession"])
def doors(place, request):
    return Doors(place, request.param)


@pytest.mark.parametrize("reason", ENDINGS)
def test_reason_is_told_at_every_door(doors, reason):
    token = doors.end(reason)
    for reply in (doors.ask("authorize", token),
                  doors.ask("authorize", token, role=fastcgi.AUTHORIZER),
                  doors.ask("session", token),
                  doors.ask("sessions", token),
                  doors.ask("logout-all", token, "POST")):
        assert reply.status == 401
        assert reply.header("Latchkey-Reason") == reason
        assert any(f'error="invalid_token", error_description="{reason}"'
                   in challenge
                   for challenge in reply.all("WWW-Authenticate"))
        assert reason in reply.body
    for words in (("check", "-"), ("refresh", "-"), ("logout-others", "-")):
        told = doors.cli.run(*words, stdin=token)
        assert (told.returncode, told.stdout) == (1, "")
        assert told.stderr.strip().endswith(f"unknown ({reason})")
    shown = doors.cli.run("explain", "GET", "/", "-", stdin=token).stdout
    assert f"Latchkey-Reason: {reason}" in shown
    assert f": {reason}." in shown


def test_reason_is_told_to_nobody_else(doors):
    token = doors.end("revoked")
    other = token[:-2] + ("0" if token[-2] != "0" else "1") + token[-1]
    for presented in (other, "lk_" + "A" * 64, "nonsense"):
        reply = doors.ask("authorize", presented)
        assert reply.status == 401
        assert reply.header("Latchkey-Reason") is None
        assert not any("error_description" in challenge
                       for challenge in reply.all("WWW-Authenticate"))
    # Nor is it said of a session that lives, or of one that is over.
    live = doors.issue()
    assert doors.ask("authorize", live).header("Latchkey-Reason") is None


# ---- Idle time ------------------------------------------------------------


def test_session_lives_while_it_is_used_and_no_longer_than_its_life(place):
    """The recipe of the manual: used, it lives; unused, it ends."""
    listen = f"unix:{place.path}/gate.sock"
    cli = Latchkey(place, place.write(
        "latchkey.conf",
        embedded_settings(f"{place.path}/store/db", listen,
                          "renew_below = 2;")
        + "session = { ttl = 3; max_life = 8; };\n"))
    place.add(Gate(place, cli.conf, listen))
    used, unused = (cli.must("issue", "alice").strip() for _ in range(2))
    issued = cli.check(used)["issued_at"]
    ends = set()
    while True:
        reply = fastcgi.ask(listen, fastcgi.request_of(
            "/", HTTP_AUTHORIZATION=f"Bearer {used}"))
        if reply.status != 200:
            break
        ends.add(int(reply.header("Variable-LATCHKEY_EXPIRES")))
    assert reply.status == 401
    # It was extended, up to the end of its life.
    assert min(ends) <= issued + 4 < max(ends) <= issued + 9
    assert cli.run("check", "-", stdin=unused).stderr.strip().endswith(
        "expired")
