"""How the command reads its arguments: nothing it is given reads as done that
was not done."""

import subprocess

import pytest

from support.place import BUILD
from support.servers import Latchkey, embedded_settings

HEX = "0123456789abcdef0123456789abcdef"
DONE, REFUSED, USAGE = 0, 1, 2
VERBS = ("issue", "check", "refresh", "revoke", "revoke-all", "list", "user",
         "explain", "store", "config", "doctor")


@pytest.fixture
def cli(place):
    return Latchkey(place, place.write("latchkey.conf", embedded_settings(
        place.path / "store" / "sessions.db", "127.0.0.1:9")))


def wrong(done, *words):
    """Wrong usage: one line on standard error, nothing on standard output."""
    assert (done.returncode, done.stdout) == (USAGE, ""), done
    assert done.stderr.count("\n") == 1
    for word in words:
        assert word in done.stderr, done


def bare(*words):
    return subprocess.run([BUILD / "latchkey", *words], capture_output=True,
                          text=True, check=False)


# ---- What begins with a dash ---------------------------------------------


@pytest.mark.parametrize("user", ["-h", "--help", "-", "--", "--id", "--ttl=5",
                                  "-c", "-V", "--version", "-x y"])
def test_user_id_is_no_option_behind_two_dashes(cli, user):
    token = cli.must("issue", "--client", "web", "--", user)
    assert cli.check(token)["user"] == user
    assert len(cli.must("list", "--", user).splitlines()) == 1
    assert cli.must("revoke-all", "--", user) == "1"
    assert cli.run("check", token).returncode == REFUSED


@pytest.mark.parametrize("user", ["-h", "--help", "-x", "-V", "--version"])
@pytest.mark.parametrize("verb", [
    ["issue", "--client", "web"], ["revoke-all", "--"], ["list", "--json"],
    ["user", "get"], ["user", "delete"]])
def test_user_id_is_never_taken_for_a_question_for_help(cli, verb, user):
    done = cli.run(*verb, user)
    assert "usage" not in done.stdout
    if "--" not in verb:
        wrong(done, "--")


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("option", ["-h", "-help", "--hlp", "-?"])
def test_what_is_no_option_prints_no_help(cli, verb, option):
    wrong(cli.run(verb, option))
    wrong(cli.run(verb, option, "alice"))
    wrong(cli.run(verb, "alice", "--help"))


def test_help_is_printed_when_it_is_all_that_is_asked(cli):
    for words in (["--help"], ["-h"], ["help"]):
        done = bare(*words)
        assert (done.returncode, done.stderr) == (DONE, "")
        for verb in VERBS:
            assert f"\n  {verb}" in done.stdout
    for verb in VERBS:
        for words in ([verb, "--help"], ["help", verb]):
            done = bare(*words)
            assert (done.returncode, done.stderr) == (DONE, ""), words
            assert f"\n  {verb}" in done.stdout
    done = bare("-c", "/nowhere", "user", "--help")
    assert "\n  user get USER...|load USER... [--ttl SECONDS]|" in done.stdout
    assert "revoke" not in done.stdout
    for words in (["--help", "issue"], ["-h", "alice"], ["--version", "x"],
                  ["help", "issue", "alice"], ["help", "nothing"]):
        wrong(bare(*words))


def test_wrong_option_names_what_was_meant(cli):
    wrong(cli.run("issue", "alice", "-ttl", "5"), "-ttl", "--ttl")
    wrong(cli.run("issue", "alice", "--tll", "5"), "--tll", "--ttl")
    wrong(cli.run("issue", "alice", "--tll=5"), "--tll,", "--ttl")
    wrong(cli.run("list", "alice", "-json"), "--json")
    wrong(cli.run("revoke-all", "alice", "-c", "other.conf"),
          "before the verb")
    wrong(cli.run("issue", "alice", "--ttl", "5", "--ttl", "6"), "twice")
    wrong(cli.run("list", "alice", "--json", "--json"), "twice")
    wrong(cli.run("list", "alice", "--json=yes"), "no value")
    wrong(cli.run("issue", "alice", "--ttl"), "a value")
    assert cli.run("list", "alice").stdout == ""


def test_secret_where_an_option_was_expected_is_not_shown(cli):
    for secret in (f"-x_{HEX}", f"--user_{HEX}", "--" + "a" * 67,
                   f"-lk_{'A' * 64}"):
        done = cli.run("check", secret)
        wrong(done, "--")
        assert secret not in done.stderr


def test_misspelt_verb_names_its_neighbour(cli):
    for word, verb in (("isue", "issue"), ("chek", "check"),
                       ("revoke_all", "revoke-all"), ("doctr", "doctor"),
                       ("lst", "list")):
        wrong(bare(word), word, f"did you mean {verb}?")
    done = bare("frobnicate")
    wrong(done)
    assert "did you mean" not in done.stderr


def test_settings_are_named_before_a_verb(cli):
    wrong(bare("-c", cli.conf))
    wrong(bare("-c", ""))
    assert bare("-c", "", "config").returncode == USAGE


# ---- Revocations that did nothing ----------------------------------------


def test_revocation_of_what_can_be_nobodys_is_refused(cli):
    token = cli.issue("alice")
    [line] = cli.must("list", "alice").splitlines()
    session = line.split()[0]
    for words in (["revoke", ""], ["revoke", token[:-1]],
                  ["revoke", token + "x"], ["revoke", token + " "],
                  ["revoke", session], ["revoke", "--id", ""],
                  ["revoke", "--id", token], ["revoke", "--id", "alice"],
                  ["revoke", "--id", session[:-8]],
                  ["revoke-all", ""], ["revoke-all", "alice\n"],
                  ["revoke-all", "alice "], ["revoke-all", " alice"],
                  ["revoke-all", "alice\t"], ["revoke-all", "a" * 300],
                  ["revoke-all"], ["revoke"], ["revoke", "--id"],
                  ["revoke", token, "--id", session],
                  ["revoke-all", "alice", "bob"]):
        done = cli.run(*words)
        assert done.returncode in (REFUSED, USAGE), (words, done)
        assert done.stdout == "" and done.stderr.count("\n") == 1, (
            words, done)
        assert token not in done.stderr
    assert cli.check(token)["user"] == "alice"


def test_token_cut_short_is_told_so(cli):
    token = cli.issue("alice")
    for verb in ("check", "refresh", "revoke"):
        for text, length in ((token[:40], "40 bytes"), (token[1:], "66 bytes"),
                             (token + "ab", "69 bytes"), ("", "0 bytes"),
                             ("x" * 5000, "more than 4096 bytes")):
            for argument, stdin in ((text, ""), ("-", text + "\n")):
                done = cli.run(verb, argument, stdin=stdin)
                assert (done.returncode, done.stdout) == (REFUSED, "")
                assert "malformed" in done.stderr
                assert length in done.stderr and "has 67" in done.stderr
                assert token[4:20] not in done.stderr
