"""What becomes of sessions, as the command says it."""

import json

import pytest

from support.servers import Latchkey, RedisServer, embedded_settings, settings

LIMITS = ('session = { clients = ( { kinds = [ "web" ]; max = 1; } ); };\n')
REFUSED = 1


@pytest.fixture(params=["sqlite", "redis"])
def cli(place, request):
    if request.param == "sqlite":
        text = embedded_settings(f"{place.path}/store/db", "127.0.0.1:9")
    else:
        text = settings(place.add(RedisServer(place)).unix_address,
                        "127.0.0.1:9")
    return Latchkey(place, place.write("latchkey.conf", text + LIMITS))


def ids(cli, user):
    return [session["id"] for session in json.loads(
        cli.must("list", user, "--json"))]


def entries(cli, user):
    return json.loads(cli.must("history", user, "--json"))


def refused(cli, *words, stdin=""):
    result = cli.run(*words, stdin=stdin)
    assert (result.returncode, result.stdout) == (REFUSED, "")
    return result.stderr.strip()


def test_history_of_a_login_that_ends_another(cli):
    first = cli.must("issue", "alice", "--client", "web", "--peer",
                     "2001:db8::1", "--agent", "Firefox 1").strip()
    old = ids(cli, "alice")[0]
    cli.must("issue", "alice", "--client", "web", "--peer", "192.0.2.1")
    new, = ids(cli, "alice")
    told = [(e["event"], e["reason"], e["id"], e["peer"], e["agent"])
            for e in entries(cli, "alice")]
    assert told == [
        ("issued", None, new, "192.0.2.1", None),
        ("ended", "limit", old, "192.0.2.1", None),
        ("issued", None, old, "2001:db8::1", "Firefox 1")]
    assert all(e["actor"].startswith("command:") and e["count"] == 1 and
               e["client"] == "web" for e in entries(cli, "alice"))
    assert refused(cli, "check", "-", stdin=first) == (
        "latchkey: check: session: unknown (limit)")
    lines = cli.must("history", "alice").splitlines()
    assert [line.split()[1] for line in lines] == ["issued", "ended",
                                                   "issued"]
    assert lines[1].split()[2] == "reason=limit"
    assert lines[2].endswith("agent=Firefox 1")


def test_why_says_who_when_from_where_and_what_ended_it(cli):
    cli.must("issue", "alice", "--client", "web", "--peer", "192.0.2.1")
    session, = ids(cli, "alice")
    alive = json.loads(cli.must("why", session, "--json"))
    assert alive["live"] and alive["ended"] is None
    assert alive["session"]["user"] == "alice"
    assert alive["session"]["peer"] == "192.0.2.1"
    assert "state    live" in cli.must("why", session)
    cli.must("revoke", "--id", session)
    dead = json.loads(cli.must("why", session, "--json"))
    assert not dead["live"] and dead["session"] is None
    assert dead["issued"]["peer"] == "192.0.2.1"
    assert dead["ended"]["reason"] == "revoked"
    screen = cli.must("why", session)
    assert screen.startswith("user     alice\nstate    ended\n")
    assert "reason=revoked" in screen
    other = ("B" if session[0] == "A" else "A") + session[1:]
    assert refused(cli, "why", other) == "latchkey: why: session: unknown"
    assert refused(cli, "why", "nonsense").endswith(": malformed")


def test_reason_is_not_told_of_an_id(cli):
    token = cli.must("issue", "alice", "--client", "web").strip()
    session, = ids(cli, "alice")
    cli.must("revoke-all", "alice")
    assert refused(cli, "check", "-", stdin=token).endswith("(revoked)")
    assert cli.must("revoke", "--id", session) == "0"
    changed = token[:-1] + ("A" if token[-1] != "A" else "B")
    assert refused(cli, "check", "-", stdin=changed) in (
        "latchkey: check: session: unknown",
        "latchkey: check: session: malformed")


def test_history_is_erased(cli):
    cli.must("issue", "alice", "--client", "web")
    assert cli.must("history", "alice", "--erase") == "1"
    assert entries(cli, "alice") == []
    assert cli.must("history", "alice", "--erase") == "0"
    assert len(ids(cli, "alice")) == 1


def test_history_shows_no_terminal_what_it_obeys(cli):
    cli.must("issue", "alice", "--client", "web", "--peer", "a\x1b[2Jb",
             "--agent", "\x07\u202ee")
    entry, = entries(cli, "alice")
    assert (entry["peer"], entry["agent"]) == ("a?[2Jb", "??e")
