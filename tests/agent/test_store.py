"""The command with `backend = "agent"`, beside the same of the agent's own."""

import json

import pytest

from support.servers import Latchkey

USERS = '{"alice": {"mail": "a@x"}}'


@pytest.fixture
def client(house):
    users = house.place.write("users.json", USERS)
    house.agent(more=f'user = {{ source = "file"; path = "{users}"; }};\n')
    return Latchkey(house.place, house.place.write("latchkey.conf", f'''
        store = {{ backend = "agent"; agent = {{
            address = "{house.address}"; timeout_ms = 4000; }}; }};'''))


def session(cli, *words):
    token = cli.issue("alice", *words)
    return token, cli.check(token)["id"]


def test_history_by_the_agent_is_that_of_the_store(house, client):
    token, first = session(client, "--client", "web", "--peer", "192.0.2.1",
                           "--agent", "Browser 1")
    _, second = session(house.cli)
    assert client.revoke(token) == 1
    by_agent = client.must("history", "alice", "--json")
    assert by_agent == house.cli.must("history", "alice", "--json")
    ended, *issued = json.loads(by_agent)
    assert (ended["event"], ended["reason"], ended["id"]) == (
        "ended", "revoked", first)
    assert ended["actor"] == "agent:0"
    assert {entry["id"] for entry in issued} == {first, second}
    assert client.must("history", "alice") == house.cli.must("history",
                                                             "alice")
    assert json.loads(client.must("history", "bob", "--json")) == []


def test_why_by_the_agent_of_what_lives_and_who_can_tell_of_the_rest(house,
                                                                     client):
    token, public = session(client, "--client", "web")
    said = json.loads(client.must("why", public, "--json"))
    ttl = said["session"].pop("ttl")
    whole = json.loads(house.cli.must("why", public, "--json"))
    assert abs(whole["session"].pop("ttl") - ttl) < 60
    assert said == whole
    assert client.revoke(token) == 1
    done = client.run("why", public)
    assert done.returncode == 2
    assert "/latchkeyd.conf" in done.stderr
    assert house.cli.run("why", public).returncode == 0


@pytest.mark.parametrize("words", [
    ["history", "alice", "--erase"], ["store", "sweep"], ["store", "stats"],
    ["store", "export"]], ids=" ".join)
def test_what_the_agent_does_for_nobody_says_who_does(client, words):
    done = client.run(*words)
    assert done.returncode == 2
    assert "/latchkeyd.conf" in done.stderr


def test_user_is_loaded_from_the_agents_source(house, client):
    assert client.run("user", "get", "alice").returncode == 1
    loaded = client.must("user", "load", "alice")
    assert loaded == house.cli.must("user", "get", "alice")
    assert "a@x" in loaded
    house.place.write("users.json", USERS.replace("a@x", "b@y"))
    assert "a@x" in client.must("user", "get", "alice")
    client.must("user", "refresh", "alice")
    assert "b@y" in client.must("user", "get", "alice")
    # Whom the source does not know is forgotten.
    house.place.write("users.json", "{}")
    assert client.run("user", "load", "alice").returncode == 1
    assert client.run("user", "get", "alice").returncode == 1
