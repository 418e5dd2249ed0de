"""The verbs of the command: what they print, and their exit status."""

import json
import os
import subprocess

import pytest

from support.place import BUILD, wait_until
from support.servers import PATIENT, Latchkey, settings

HEX = "0123456789abcdef0123456789abcdef"
NEVER_ISSUED = "lk_" + "A" * 64

DONE, REFUSED, USAGE, STORE = 0, 1, 2, 3


@pytest.fixture
def cli(redis, place):
    redis.command("FLUSHALL")
    conf = place.write("latchkey.conf",
                       settings(redis.unix_address, "127.0.0.1:9"))
    return Latchkey(place, conf)


@pytest.fixture
def gosession(redis, place):
    redis.command("FLUSHALL")
    conf = place.write("gosession.conf", f'''
        store = {{ backend = "redis";
                   redis = {{ address = "{redis.unix_address}"; {PATIENT}
                              layout = "gosession"; }}; }};''')
    return Latchkey(place, conf)


def refused(result, status, *words):
    """One line on stderr, nothing on stdout."""
    assert result.returncode == status, result
    assert result.stdout == ""
    assert result.stderr.startswith("latchkey: ")
    assert result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


# ---- Sessions ------------------------------------------------------------


def test_issue_prints_the_token_alone(cli):
    result = cli.run("issue", "alice")
    assert (result.returncode, result.stderr) == (DONE, "")
    token = result.stdout.removesuffix("\n")
    assert len(token) == 67 and token.startswith("lk_")


@pytest.mark.parametrize("user", [
    " alice", "alice ", "alice\u00a0", "\u200balice", "al\u0085ice",
    b"caf\xe9"])
def test_issue_for_a_name_that_changes_on_the_way_is_refused(cli, user):
    refused(cli.run("issue", os.fsdecode(user)), USAGE, "user id: expected",
            "UTF-8")


def test_check_live_session_prints_one_object(cli):
    token = cli.issue("alice", "--ttl", "100", "--client", "ssh")
    result = cli.run("check", token)
    assert (result.returncode, result.stderr) == (DONE, "")
    session = json.loads(result.stdout)
    assert set(session) == {"user", "id", "client", "issued_at",
                            "expires_at", "ttl", "peer", "agent",
                            "renewed_at", "ends_by"}
    assert (session["user"], session["client"]) == ("alice", "ssh")
    assert 90 <= session["ttl"] <= 101
    assert 100 <= session["expires_at"] - session["issued_at"] <= 101
    assert token not in result.stdout


def test_check_with_user_adds_the_detail(cli, place):
    place.write("users.json", '{"alice": {"roles": ["admin"],'
                              ' "n": 12345678901234567890}}')
    text = cli.conf.read_text()
    cli.conf.write_text(
        text + f'user = {{ source = "file"; '
               f'path = "{place.path}/users.json"; }};')
    token = cli.issue("alice")
    result = cli.run("check", token, "--user")
    assert result.returncode == DONE
    assert '"detail":{"roles":["admin"],"n":12345678901234567890}' in \
        result.stdout
    refused(cli.run("check", cli.issue("bob"), "--user"), REFUSED,
            "no such user")


def test_token_from_standard_input_is_taken(cli):
    token = cli.issue("alice")
    for text in (token, token + "\n", token + "\r\n", token + "\nmore\n"):
        result = cli.run("check", "-", stdin=text)
        assert json.loads(result.stdout)["user"] == "alice"
    for text in ("", "\n", "x" * 5000, token + " "):
        refused(cli.run("check", "-", stdin=text), REFUSED)


@pytest.mark.parametrize("verb", ["check", "refresh"])
@pytest.mark.parametrize("token", [NEVER_ISSUED, "x", "", "a" * 4096,
                                   "a" * 5000, f"root_{HEX}", "root_anything",
                                   "\x01", "\udcff"])
def test_token_that_is_not_live_is_refused(cli, verb, token):
    refused(cli.run(verb, token), REFUSED)


def test_refresh_live_session_prints_its_new_end(cli):
    token = cli.issue("alice", "--ttl", "100")
    before = cli.check(token)
    session = json.loads(cli.must("refresh", token, "--ttl", "1000"))
    assert 899 <= session["expires_at"] - before["expires_at"] <= 901
    assert cli.check(token)["expires_at"] == session["expires_at"]


def test_revoke_prints_how_many_ended(cli):
    token = cli.issue("alice")
    assert cli.must("revoke", token) == "1"
    refused(cli.run("check", token), REFUSED, "unknown")
    assert cli.must("revoke", token) == "0"
    refused(cli.run("refresh", token), REFUSED, "unknown")


def test_revoke_id_ends_the_right_session(cli):
    kept, ended = cli.issue("alice"), cli.issue("alice")
    assert cli.must("revoke", "--id", cli.check(ended)["id"]) == "1"
    assert cli.check(kept)["user"] == "alice"
    refused(cli.run("check", ended), REFUSED)
    refused(cli.run("revoke", "--id", "nonsense"), REFUSED, "malformed")


def test_revoke_all_prints_how_many_ended(cli):
    for _ in range(3):
        cli.issue("alice")
    other = cli.issue("bob")
    assert cli.must("revoke-all", "alice") == "3"
    assert cli.must("revoke-all", "alice") == "0"
    assert cli.check(other)["user"] == "bob"


def test_logout_others_keeps_this_one_and_prints_how_many_ended(cli):
    cli.must("revoke-all", "alice")
    kept, *others = (cli.issue("alice") for _ in range(4))
    assert cli.must("logout-others", kept) == "3"
    assert cli.must("logout-others", "-", stdin=kept + "\n") == "0"
    assert cli.check(kept)["user"] == "alice"
    for token in others:
        refused(cli.run("check", token), REFUSED)
        refused(cli.run("logout-others", token), REFUSED)
    assert cli.check(kept)["user"] == "alice"


def test_list_is_a_line_for_each_session(cli):
    assert cli.must("list", "alice") == ""
    token = cli.issue("alice", "--client", "web")
    session = cli.check(token)
    line = cli.must("list", "alice").split()
    assert line[:2] == [session["id"], "web"]
    assert len(line) == 4 and line[2].endswith("Z") and line[3].endswith("Z")
    cli.issue("alice")
    assert len(cli.must("list", "alice").splitlines()) == 2


def test_list_json_is_what_check_says(cli):
    assert json.loads(cli.must("list", "alice", "--json")) == []
    sessions = [cli.check(cli.issue("alice", "--ttl", ttl))
                for ttl in ("100", "200")]
    listed = json.loads(cli.must("list", "alice", "--json"))
    for session in sessions + listed:
        session.pop("ttl")
    assert listed == sessions


def test_list_never_shows_a_token(cli):
    token = cli.issue("alice")
    for options in ((), ("--json",)):
        assert token not in cli.must("list", "alice", *options)
    refused(cli.run("list", "alice", "--tokens"), USAGE, "gosession")


def test_list_tokens_in_layout_gosession(gosession):
    token = gosession.issue("alice")
    assert token not in gosession.must("list", "alice")
    assert gosession.must("list", "alice", "--tokens").split()[-1] == token
    listed = json.loads(gosession.must("list", "alice", "--tokens", "--json"))
    assert [session["token"] for session in listed] == [token]
    assert listed[0]["issued_at"] is None


@pytest.mark.parametrize("user", ["a b", "\u00e4\u20ac", "\"quoted\"", "-x",
                                  "--json", "x" * 256, "{}", "a_b"])
def test_user_ids_pass_unchanged(cli, user):
    token = cli.must("issue", "--", user)
    assert cli.check(token)["user"] == user
    assert len(cli.must("list", "--", user).splitlines()) == 1
    assert cli.must("revoke-all", "--", user) == "1"


@pytest.mark.parametrize("user", ["", "a\nb", "x" * 257, "\x7f"])
def test_user_id_unfit_is_wrong_usage(cli, user):
    for verb in ("issue", "list", "revoke-all"):
        refused(cli.run(verb, user), USAGE, "user id")


# ---- Users ---------------------------------------------------------------


def test_user_verbs_load_get_refresh_and_delete(cli, place):
    program = place.write("who", '#!/bin/sh\n'
                          '[ "$1" = alice ] || exit 67\n'
                          'echo \'{"name": "Alice"}\'\n', 0o700)
    text = cli.conf.read_text()
    cli.conf.write_text(text + f'user = {{ source = "exec"; '
                               f'command = [ "{program}" ]; }};')
    alice = {"id": "alice", "detail": {"name": "Alice"}}
    refused(cli.run("user", "get", "alice"), REFUSED, "no such user")
    assert json.loads(cli.must("user", "load", "alice")) == alice
    assert json.loads(cli.must("user", "get", "alice")) == alice
    assert json.loads(cli.must("user", "refresh", "alice")) == {
        "id": "alice", "refreshed": True}
    assert json.loads(cli.must("user", "delete", "alice")) == {
        "id": "alice", "deleted": True}
    assert json.loads(cli.must("user", "delete", "alice")) == {
        "id": "alice", "deleted": False}
    refused(cli.run("user", "load", "bob"), REFUSED, "bob: no such user")
    result = cli.run("user", "load", "alice", "bob", "alice")
    assert result.returncode == REFUSED
    assert len(result.stdout.splitlines()) == 2


def test_user_load_without_source_is_a_settings_error(cli):
    refused(cli.run("user", "load", "alice"), USAGE, "user.source")


# ---- Usage ---------------------------------------------------------------


@pytest.mark.parametrize("words", [
    (), ("nonsense",), ("issue",), ("issue", "a", "b"), ("check",),
    ("check", "a", "b"), ("issue", "a", "--ttl"), ("issue", "a", "--ttl", "0"),
    ("issue", "a", "--ttl", "x"), ("issue", "a", "--ttl", "-1"),
    ("issue", "a", "--ttl", "315360001"), ("issue", "a", "--ttl", "1e3"),
    ("issue", "a", "--ttl", "99999999999999999999"),
    ("issue", "a", "--client", "a b"), ("issue", "a", "--nonsense"),
    ("check", "a", "--user=x"), ("revoke",), ("revoke", "a", "--id", "b"),
    ("list",), ("user",), ("user", "get"), ("user", "nonsense", "a"),
    ("config", "x"), ("doctor", "x")])
def test_wrong_usage_is_one_line_and_status_2(cli, words):
    refused(cli.run(*words), USAGE)


def test_options_of_the_program_itself(cli):
    for option in ("--version", "-V"):
        shown = subprocess.run([BUILD / "latchkey", option], check=True,
                               capture_output=True, text=True).stdout
        assert shown.startswith("latchkey 0.")
    for options in (["-c"], ["--nonsense"], ["-x"]):
        done = subprocess.run([BUILD / "latchkey", *options], check=False,
                              capture_output=True, text=True)
        assert done.returncode == USAGE


def test_settings_path_may_be_relative(cli, place):
    done = subprocess.run(
        [BUILD / "latchkey", "--config=latchkey.conf", "issue", "alice"],
        cwd=place.path, env=place.environment(), capture_output=True,
        text=True, check=False)
    assert done.returncode == DONE, done.stderr


def has_socket(pid):
    for fd in os.listdir(f"/proc/{pid}/fd"):
        try:
            if os.readlink(f"/proc/{pid}/fd/{fd}").startswith("socket:"):
                return True
        except FileNotFoundError:
            pass
    return False


def test_token_argument_is_wiped_from_the_process_list(cli, redis):
    """While the store is slow, the command waits with its token wiped."""
    token = cli.issue("alice")
    with redis.frozen():
        process = subprocess.Popen(
            [BUILD / "latchkey", "-c", cli.conf, "check", token],
            stdout=subprocess.PIPE, env=cli.place.environment())
        # Once it talks to Redis, it has read its arguments.
        wait_until(lambda: has_socket(process.pid), "it to connect")
        with open(f"/proc/{process.pid}/cmdline", "rb") as cmdline:
            words = cmdline.read()
        assert b"check" in words and token.encode() not in words
    out, _ = process.communicate()
    assert json.loads(out)["user"] == "alice"
