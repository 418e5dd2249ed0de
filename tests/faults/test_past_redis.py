"""Limits by kind, reasons and the history in Redis, while it dies, is full,
and is asked by many processes at once."""

import contextlib
import json
import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.check_only import EXAMPLES
from support.place import ROOT, wait_until
from support.servers import Latchkey, RedisServer

LOGINS = 200
TABLE = """clients = ( { kinds = [ "one" ]; max = 1; },
    { kinds = [ "five" ]; max = 5; } );"""


@pytest.fixture(params=("latchkey", "gosession"))
def layout(request):
    return request.param


def start(place, session="", options=(), layout="latchkey"):
    redis = place.add(RedisServer(place, options=options))
    conf = place.write("latchkey.conf", f"""
store = {{ backend = "redis"; redis = {{
  address = "{redis.unix_address}"; layout = "{layout}";
  command_timeout_ms = 5000; }}; }};
session = {{ {session} }};
""")
    return redis, Latchkey(place, conf)


def limits(layout):
    """Six sessions at most, where there are kinds one and five of them."""
    return TABLE if layout == "latchkey" else "max_per_user = 6;"


def history(cli, user="alice"):
    return json.loads(cli.must("history", user, "--json"))


def said(cli, event, user="alice"):
    """How many sessions began, or ended, by the history."""
    return sum(entry["count"] for entry in history(cli, user)
               if entry["event"] == event)


def live(cli, user="alice"):
    return json.loads(cli.must("list", user, "--json"))


@pytest.mark.parametrize("on_limit", ("oldest", "refuse"))
def test_logins_of_200_processes_leave_one_and_five(place, on_limit):
    _, cli = start(place, TABLE + f'on_limit = "{on_limit}";')

    def log_in(number):
        return cli.run("issue", "alice", "--client",
                       ("one", "five")[number % 2]).returncode

    with ThreadPoolExecutor(16) as pool:
        codes = list(pool.map(log_in, range(LOGINS)))
    kinds = [session["client"] for session in live(cli)]
    assert (kinds.count("one"), kinds.count("five")) == (1, 5)
    issued = LOGINS if on_limit == "oldest" else 6
    assert codes.count(0) == issued and codes.count(1) == LOGINS - issued
    # Each that began and each that ended is there, and no other.
    assert said(cli, "issued") == issued
    assert said(cli, "ended") == issued - 6


def test_history_says_what_was_done_after_redis_was_killed(place, layout):
    redis, cli = start(place, limits(layout),
                       ("appendonly yes", "appendfsync always"), layout)
    stop = []

    def change(number):
        while not stop:
            result = cli.run("issue", "alice", "--client",
                             ("one", "five")[number % 2])
            if number == 3 and result.returncode == 0:
                cli.run("revoke", result.stdout.strip())

    for _ in range(3):
        stop.clear()
        with ThreadPoolExecutor(4) as pool:
            running = [pool.submit(change, number) for number in range(4)]
            before = said(cli, "issued")
            wait_until(lambda: said(cli, "issued") > before + 8, "logins")
            redis.process.kill()
            redis.process.wait()
            stop.append(True)
            for future in running:
                future.result()
        redis.start()
        assert said(cli, "issued") > before + 8
        assert said(cli, "issued") - said(cli, "ended") == len(live(cli)) <= 6


def test_history_says_what_was_done_by_clients_that_were_killed(place, layout):
    _, cli = start(place, limits(layout), layout=layout)
    for number in range(40):
        client = subprocess.Popen(
            cli.enter(cli.program, "-c", cli.conf, "issue", "alice",
                      "--client", "five"),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            env=place.environment())
        with contextlib.suppress(subprocess.TimeoutExpired):
            client.wait(number / 2000)
        client.kill()
        client.wait()
    cli.must("issue", "alice", "--client", "five")
    most = 5 if layout == "latchkey" else 6
    assert said(cli, "issued") - said(cli, "ended") == len(live(cli)) <= most


def test_full_redis_revokes_and_says_why(place, layout):
    redis, cli = start(place, layout=layout)
    first, second, third = (cli.issue("alice") for _ in range(3))
    redis.command("CONFIG", "SET", "maxmemory-policy", "noeviction")
    redis.command("CONFIG", "SET", "maxmemory", "1")
    assert cli.run("issue", "alice").returncode not in (0, 1)
    assert said(cli, "issued") == 3
    assert cli.must("revoke", first) == "1"
    assert cli.must("logout-others", second) == "1"
    for token, reason in ((first, "revoked"), (third, "logout-others")):
        result = cli.run("check", token)
        assert result.returncode == 1 and reason in result.stderr
    assert said(cli, "ended") == 2
    assert cli.must("revoke-all", "alice") == "1"
    assert said(cli, "ended") == 3
    assert cli.run("history", "alice", "--erase").returncode == 0
    assert history(cli) == []


# What ending sessions takes, besides the right to run scripts.
NEEDED = {
    "latchkey": {"revoke-all": {"time", "zcard", "zrange"}},
    "gosession": {"revoke-all": {"time", "hkeys"},
                  "revoke --id": {"time", "hscan"}},
}


def users(layout):
    """The commands that the user of latchkey may use, by his example."""
    text = (ROOT / "etc/redis" / EXAMPLES[layout]).read_text()
    return re.search(r"^user latchkey .*", text, re.M)[0].split("+")[1:]


@pytest.mark.parametrize("verb", ("revoke", "revoke --id", "revoke-all"))
def test_sessions_end_whatever_only_says_so(place, verb, layout):
    """A user of before, or one who lacks what only records, loses that."""
    redis, admin = start(place, layout=layout)
    redis.command("ACL", "SETUSER", "limited", "on", "nopass", "~latchkey:*",
                  "~gosession-*", "+@all")
    conf = place.write("limited.conf", f"""
store = {{ backend = "redis"; redis = {{ address = "{redis.unix_address}";
  layout = "{layout}"; username = "limited"; password = "any"; }}; }};
""")
    limited = Latchkey(place, conf)
    needed = {"auth", "eval", "evalsha", "ping", "del"}
    needed |= NEEDED[layout].get(verb, set())
    spared = [name.strip() for name in users(layout)
              if name.strip() not in needed]
    assert {"set", "hmget", "lpush"} < set(spared)
    for name in (*spared, spared):
        denied = [name] if isinstance(name, str) else name
        rules = [f"-{command}" for command in denied]
        redis.command("ACL", "SETUSER", "limited", *rules)
        token = admin.issue("alice")
        if verb == "revoke-all":
            words = ("revoke-all", "alice")
        else:
            words = (*verb.split(), token if verb == "revoke"
                     else admin.check(token)["id"])
        result = limited.run(*words)
        assert result.stdout == "1\n", (name, result)
        assert admin.run("check", token).returncode == 1, name
        redis.command("ACL", "SETUSER", "limited", "+@all")


def ends_of(redis, part):
    """When the keys of that part of their name end, in milliseconds."""
    return {key: redis.command("PEXPIRETIME", key) for key in redis.keys()
            if part in key}


def test_what_counts_kinds_is_never_all_that_is_left(place):
    redis, cli = start(place, TABLE + 'on_limit = "refuse";')
    week = cli.issue("alice", "--client", "five", "--ttl", "604800")
    cli.issue("alice", "--client", "one", "--ttl", "60")
    cli.issue("alice", "--client", "five", "--ttl", "60")
    cli.must("revoke", week)
    cli.issue("alice", "--client", "other", "--ttl", "60")
    (beside,) = ends_of(redis, b"}:m").values()
    kinds = ends_of(redis, b"}:k:")
    assert len(kinds) == 3
    assert all(0 < ends <= beside for ends in kinds.values())


def test_all_that_is_kept_ends(place, layout):
    redis, cli = start(place, limits(layout), layout=layout)
    for kind in ("one", "one", "five"):
        token = cli.issue("alice", "--client", kind)
    cli.must("refresh", token)
    cli.must("revoke", token)
    for key in redis.keys():
        assert redis.command("PTTL", key) != -1, key
