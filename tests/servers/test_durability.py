"""Changes that no replica has: a Redis without replicas, where the settings
ask for one."""

import contextlib
import json
import signal

import pytest

from support import fastcgi
from support.place import Daemon, free_port, wait_until
from support.servers import PATIENT, Gate, Latchkey, RedisServer

DONE, STORE = 0, 3


class Replica(Daemon):
    """A Redis that follows another."""

    name = "replica"

    def __init__(self, place, master):
        super().__init__(place)
        folder = place.path / "replica"
        folder.mkdir()
        self.argv = [*master.argv[:1], "--port", free_port(),
                     "--bind", "127.0.0.1", "--dir", folder, "--save", "",
                     "--replicaof", "127.0.0.1", master.port]


class Setup:
    """A gate and a command that ask for a replica, a command that does not,
    and a Redis that has none."""

    def __init__(self, place):
        self.place = place
        self.redis = place.add(RedisServer(place))
        self.listen = f"unix:{place.path}/gate.sock"
        self.easy = Latchkey(place, self.write("easy.conf", "ack"))
        self.conf = self.write("strict.conf", "replica")
        self.strict = Latchkey(place, self.conf)
        self.gate = place.add(Gate(place, self.conf, self.listen))

    def write(self, name, durability):
        return self.place.write(name, f'''
            store = {{ backend = "redis"; durability = "{durability}";
                       durability_timeout_ms = 20;
                       redis = {{ address = "{self.redis.unix_address}";
                                  {PATIENT} }}; }};
            gate = {{ listen = "{self.listen}"; renew_below = 500000; }};
            log = {{ level = "debug"; }};''')

    def ask(self, endpoint, token, method="POST", **variables):
        parameters = fastcgi.request_of(
            "/", method, LATCHKEY_ENDPOINT=endpoint,
            HTTP_COOKIE=f"latchkey={token}", HTTP_HOST="site.example",
            HTTP_ORIGIN="http://site.example", **variables)
        parameters["FCGI_ROLE"] = "RESPONDER"
        return fastcgi.ask(self.listen, parameters, fastcgi.RESPONDER)


@pytest.fixture
def setup(place):
    return Setup(place)


def test_durability_command_prints_no_token_that_no_replica_has(setup):
    result = setup.strict.run("issue", "alice")
    assert (result.returncode, result.stdout) == (STORE, "")
    assert "not yet durable" in result.stderr


def test_durability_command_prints_the_count_and_fails(setup):
    token = setup.easy.issue("alice")
    setup.easy.issue("alice")
    result = setup.strict.run("revoke", "-", stdin=token + "\n")
    assert (result.returncode, result.stdout) == (STORE, "1\n")
    assert "revoked, not yet durable" in result.stderr
    result = setup.strict.run("revoke-all", "alice")
    assert (result.returncode, result.stdout) == (STORE, "1\n")
    assert "revoked, not yet durable" in result.stderr
    assert setup.easy.must("list", "alice") == ""


def test_durability_answer_to_wait_that_is_late_is_none(place):
    """Redis looks at its clock once a second: the operation's time is over
    before it says that no replica has answered."""
    redis = place.add(RedisServer(place))
    with contextlib.suppress(OSError):  # Valkey 8.1 knows no such thing.
        redis.command("CONFIG", "SET", "dynamic-hz", "no")
    redis.command("CONFIG", "SET", "hz", "1")
    easy, strict = (Latchkey(place, place.write(f"{durability}.conf", f'''
        store = {{ backend = "redis"; durability = "{durability}";
                   durability_timeout_ms = 10000;
                   redis = {{ address = "{redis.unix_address}";
                              {patience} }}; }};'''))
                    for durability, patience in (
                        ("ack", PATIENT),
                        ("replica", "command_timeout_ms = 200;")))
    for _ in range(3):
        token = easy.issue("alice")
        result = strict.run("revoke", "-", stdin=token + "\n")
        assert (result.returncode, result.stdout) == (STORE, "1\n"), result
        assert "revoked, not yet durable" in result.stderr
        assert easy.run("check", token).returncode == 1


@pytest.mark.parametrize("layout", ["latchkey", "gosession"])
def test_durability_is_not_had_by_asking_twice(place, layout):
    """What a replica that hangs does not have is not durable, although the
    second time there is nothing left to be done on the master."""
    redis = place.add(RedisServer(place, options=(
        "repl-diskless-sync-delay 0",)))
    replica = place.add(Replica(place, redis))
    easy, cli = (Latchkey(place, place.write(f"{durability}.conf", f'''
        store = {{ backend = "redis"; durability = "{durability}";
                   durability_timeout_ms = 20;
                   redis = {{ address = "{redis.unix_address}";
                              layout = "{layout}";
                              {PATIENT} }}; }};'''))
                 for durability in ("ack", "replica"))
    wait_until(lambda: cli.run("issue", "carol").returncode == DONE,
               "the replica to follow")
    easy.issue("bob")
    first, second = (easy.issue("alice") for _ in range(2))
    session = cli.check(second)["id"]
    kept, _ = (easy.issue("dave") for _ in range(2))
    ways = (("revoke", first), ("revoke", "--id", session),
            ("revoke-all", "bob"), ("logout-others", kept))
    with replica.frozen():
        for ended in ("1\n", "0\n", "0\n"):
            for way in ways:
                result = cli.run(*way)
                assert (result.returncode, result.stdout) == (STORE, ended)
                assert "revoked, not yet durable" in result.stderr
    for way in ways:
        wait_until(lambda way=way: cli.run(*way).returncode == DONE,
                   "the replica to have it")


@pytest.mark.parametrize("endpoint", ["logout", "logout-all"])
def test_durability_logout_without_a_replica_is_accepted(setup, endpoint):
    token = setup.easy.issue("alice")
    reply = setup.ask(endpoint, token)
    assert reply.status == 202
    assert json.loads(reply.body) == {"revoked": 1, "durable": False}
    assert reply.header("Content-Type") == "application/json"
    assert "Max-Age=1" in reply.header("Set-Cookie")
    assert setup.ask("authorize", token, "GET").status == 401


def test_durability_logout_of_what_is_over_waits_for_a_replica_too(setup):
    """That a session is over is durable only if a replica has it."""
    token = setup.easy.issue("alice")
    for revoked in (1, 0):
        reply = setup.ask("logout", token)
        assert reply.status == 202
        assert json.loads(reply.body) == {"revoked": revoked,
                                          "durable": False}


def test_durability_logout_others_without_a_replica_is_accepted(setup):
    token, other = setup.easy.issue("erin"), setup.easy.issue("erin")
    reply = setup.ask("logout-others", token)
    assert reply.status == 202
    assert json.loads(reply.body) == {"revoked": 1, "durable": False}
    assert reply.all("Set-Cookie") == []
    assert setup.ask("authorize", token, "GET").status == 200
    assert setup.ask("authorize", other, "GET").status == 401


def test_durability_revoke_without_a_replica_is_accepted(setup):
    token, other = setup.easy.issue("alice"), setup.easy.issue("alice")
    session = setup.easy.check(other)["id"]
    reply = setup.ask("revoke", token, QUERY_STRING=f"id={session}")
    assert reply.status == 202
    assert json.loads(reply.body) == {"revoked": 1, "durable": False}
    assert reply.all("Set-Cookie") == []
    assert setup.ask("authorize", other, "GET").status == 401


def test_durability_failed_renewal_denies_nothing(setup):
    token = setup.easy.must("issue", "alice", "--ttl", "1000")
    assert setup.ask("authorize", token, "GET").status == 200


def test_durability_gate_keeps_asking_for_a_replica(setup):
    """What was revoked is carried over once there is one, also over a reload
    in between, and without it the gate says what is lost with it."""
    token = setup.easy.issue("alice")
    assert setup.ask("logout", token).status == 202
    setup.gate.process.send_signal(signal.SIGHUP)
    wait_until(lambda: "settings reloaded" in setup.gate.output(),
               "the gate to reload")
    assert "not remembered" not in setup.gate.output()
    setup.redis.command("CONFIG", "SET", "repl-diskless-sync-delay", "0")
    setup.place.add(Replica(setup.place, setup.redis))
    wait_until(lambda: "have reached a replica" in setup.gate.output(),
               "the revocation to reach the replica")
    setup.gate.stop()
    assert "not remembered" not in setup.gate.output()


def test_durability_revocations_lost_with_the_gate_are_logged(setup):
    token = setup.easy.issue("alice")
    assert setup.ask("logout", token).status == 202
    setup.gate.stop()
    assert "not remembered any more" in setup.gate.output()
