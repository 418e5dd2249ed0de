"""What becomes of an answer that cannot be written, and of closed streams."""

import json
import os
import subprocess

import pytest

from support.place import BUILD
from support.servers import Latchkey

DONE, REFUSED, USAGE, STORE = 0, 1, 2, 3


@pytest.fixture
def cli(store_text, place):
    place.write("users.json", '{"alice": {"roles": []}}')
    return Latchkey(place, place.write("latchkey.conf", store_text + f'''
        user = {{ source = "file"; path = "{place.path}/users.json"; }};'''))


def run(cli, redirect, *words):
    """With these redirections of the shell's, below `-c`."""
    return subprocess.run(
        ["sh", "-c", f'exec "$@" {redirect}', "sh", BUILD / "latchkey", "-c",
         cli.conf, *words], capture_output=True, text=True, check=False,
        env=cli.place.environment())


def run_into_broken_pipe(cli, *words):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return subprocess.run(
            [BUILD / "latchkey", "-c", cli.conf, *words], stdout=writer,
            stderr=subprocess.PIPE, text=True, check=False,
            env=cli.place.environment())
    finally:
        os.close(writer)


WAYS = [">&-", "> /dev/full", "broken pipe"]


def run_in_vain(cli, way, *words):
    if way == "broken pipe":
        return run_into_broken_pipe(cli, *words)
    return run(cli, way, *words)


def sessions(cli, user):
    return json.loads(cli.must("list", user, "--json"))


@pytest.mark.parametrize("way", WAYS)
def test_token_that_nobody_gets_opens_nothing(cli, way):
    done = run_in_vain(cli, way, "issue", "alice")
    assert done.returncode == STORE, done
    assert "cannot write the answer" in done.stderr
    assert "has been ended" in done.stderr
    assert sessions(cli, "alice") == []


@pytest.mark.parametrize("way", WAYS)
def test_answer_that_cannot_be_written_is_an_error_of_every_verb(cli, way):
    token = cli.issue("alice")
    [session] = sessions(cli, "alice")
    cli.must("user", "load", "alice")
    for words in (["check", token], ["check", token, "--user"],
                  ["refresh", token], ["list", "alice"],
                  ["list", "alice", "--json"], ["user", "get", "alice"],
                  ["user", "load", "alice"], ["user", "refresh", "alice"],
                  ["user", "delete", "alice"], ["explain", "GET", "/", token],
                  ["explain", "GET", "/"], ["store", "stats"],
                  ["store", "export"], ["store", "import", "/dev/null"],
                  ["store", "sweep"], ["config"], ["doctor"], ["help"],
                  ["revoke", "--id", session["id"]], ["revoke", token],
                  ["revoke-all", "alice"], ["check", "--help"]):
        done = run_in_vain(cli, way, *words)
        assert done.returncode == STORE, (words, done)
        assert "cannot write the answer" in done.stderr, (words, done)
        assert token not in done.stderr


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_that_cannot_be_written_is_an_error(cli, way, option):
    for program, code in (("latchkey", STORE), ("latchkey-fcgi", USAGE)):
        if way == "broken pipe" and program == "latchkey-fcgi":
            continue
        done = subprocess.run(
            ["sh", "-c", f'exec "$@" {way if way[0] == ">" else ">&-"}', "sh",
             BUILD / program, option], capture_output=True, text=True,
            check=False, env=cli.place.environment())
        assert done.returncode == code, done
        assert "cannot write" in done.stderr


def test_closed_streams_reach_neither_store_nor_token(cli):
    """Whatever is closed, what is printed there goes nowhere."""
    token = cli.issue("alice")
    for closed in ("<&-", "2>&-", "<&- 2>&-", "<&- >&- 2>&-", ">&- 2>&-"):
        done = run(cli, closed, "check", token)
        if ">&-" in closed.replace("2>&-", ""):
            assert (done.returncode, done.stdout) == (STORE, ""), closed
        else:
            assert done.returncode == DONE, closed
            assert json.loads(done.stdout)["user"] == "alice"
    done = run(cli, "<&-", "check", "-")
    assert done.returncode == USAGE
    assert "cannot read standard input" in done.stderr
    assert run(cli, "<&-", "store", "import").returncode == USAGE
    assert [s["user"] for s in sessions(cli, "alice")] == ["alice"]
