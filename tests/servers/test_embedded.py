"""The gate, the command and other processes on one embedded store at once."""

import threading

import pytest

from support import fastcgi
from support.door import Door, variables
from support.place import wait_until

THREADS = 4
ROUNDS = 6


@pytest.fixture
def door(place):
    return Door(place, store="sqlite")


def ask(door, token):
    """The gate's status for a token, asked directly."""
    return door.gate.ask(fastcgi.request_of(
        "/", HTTP_AUTHORIZATION=f"Bearer {token}")).status


def test_embedded_store_opens_and_closes_a_page(door):
    assert door.get().status == 401
    token = door.cli.issue("alice", "--client", "web")
    reply = door.get(token)
    assert reply.status == 200
    assert variables(reply)["LATCHKEY_USER"] == "alice"
    assert door.cli.revoke(token) == 1
    assert door.get(token).status == 401
    assert door.tokens_in_logs() == []


def test_embedded_store_serves_gate_and_commands_at_once(door):
    """Every command is a process that opens, changes and closes the file."""
    wrong = []

    def log_in_and_out(user):
        for _ in range(ROUNDS):
            token = door.cli.issue(user)
            kept = door.cli.issue(user)
            seen = [ask(door, token), door.cli.revoke(token),
                    ask(door, token), ask(door, kept)]
            if seen != [200, 1, 401, 200]:
                wrong.append((user, seen))

    threads = [threading.Thread(target=log_in_and_out, args=[f"user{n}"])
               for n in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    for n in range(THREADS):
        assert len(door.cli.must("list", f"user{n}").splitlines()) == ROUNDS


def test_embedded_store_killed_gate_leaves_all_in_order(door):
    token = door.cli.issue("alice")
    assert ask(door, token) == 200
    door.gate.kill()
    assert door.cli.check(token)["user"] == "alice"
    other = door.cli.issue("alice")
    door.gate.start()
    assert (ask(door, token), ask(door, other)) == (200, 200)


def test_embedded_store_deleted_is_a_logout_within_a_second(door):
    token = door.cli.issue("alice")
    assert ask(door, token) == 200
    door.file.unlink()
    other = door.cli.issue("alice")
    wait_until(lambda: ask(door, token) == 401, "the gate to notice")
    assert ask(door, other) == 200


def test_embedded_store_damaged_is_503_and_left_alone(door):
    token = door.cli.issue("alice")
    door.gate.stop()
    garbage = b"not a database " * 1000
    door.file.write_bytes(garbage)
    door.gate.start()
    assert ask(door, token) == 503
    result = door.cli.run("check", token)
    assert (result.returncode, result.stdout) == (3, "")
    assert "damaged" in result.stderr
    assert door.file.read_bytes() == garbage
