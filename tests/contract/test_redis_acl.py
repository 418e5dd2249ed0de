"""The contract, kept by the Redis users that etc/redis/ defines."""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.place import BUILD, ROOT, Place
from support.redis_client import RedisClient, RedisError
from support.servers import RedisServer, redis_program

EXAMPLES = {"latchkey": "latchkey.conf",
            "gosession": "latchkey-gosession.conf"}
STORE_USER = "latchkey-store"
# The programs that go through a whole store.
WHOLE_STORE = ("test_clock", "test_move", "test_sessions")
PASSWORD = "secret"

# The programs that talk to a Redis, not to something that pretends to be one,
# that do not count what the talk is made of, and that do not take minutes.
PROGRAMS = sorted(
    path.stem for path in (ROOT / "tests/contract").glob("test_*.c")
    if not re.search("embedded|hostile|many|sentinel|wire", path.name))
# One test gives the keys other prefixes, as an administrator may.
OTHER_PREFIXES = ("~my-tokens_*", "~my-users-_*", "~latchkey-my-tokens_*")

SECONDS = 300

# For what no contract test does: `latchkey doctor`, another database, and
# Redis behind Sentinel.
ELSEWHERE = {"info", "select", "role", "wait"}


def user_of(layout, name):
    """The rules of a user as the example has them, commented out or not."""
    text = (ROOT / "etc/redis" / EXAMPLES[layout]).read_text()
    found = re.findall(rf"^#?user {name} (.*)$", text, re.M)
    assert len(found) == 1, (layout, name)
    return found[0].replace(">CHANGE-ME", f">{PASSWORD}").split()


class Guarded:
    """A Redis with these users, each named like its layout."""

    def __init__(self, place, name):
        self.place = place
        users = ["default on nopass ~* &* +@all"]
        users += [" ".join((layout, *user_of(layout, name)))
                  for layout in EXAMPLES]
        self.redis = place.add(RedisServer(place, users=users))

    def run(self, program):
        """Run a contract program's tests as these users."""
        done = subprocess.run(
            [BUILD / "tests/contract" / program], cwd=ROOT, text=True,
            errors="replace", stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
            timeout=SECONDS, check=False,
            env={**self.place.environment(), "TMPDIR": str(self.place.path),
                 "LK_TEST_REDIS_SOCKET": str(self.redis.socket),
                 "LK_TEST_REDIS_PORT": str(self.redis.port),
                 "LK_REDIS_SERVER": redis_program(),
                 "LK_TEST_REDIS_PASSWORD": PASSWORD})
        assert done.returncode == 0, done.stdout

    def used(self):
        """The commands that were called, by us or by somebody's script."""
        with RedisClient(self.redis.unix_address) as client:
            stats = client.call("INFO", "commandstats").decode()
        return set(re.findall(r"^cmdstat_(\S+?):", stats, re.M))


def run_guarded(program):
    """Run it in a place of its own; the commands that were called."""
    with Place() as place:
        guarded = Guarded(place, STORE_USER if program in WHOLE_STORE
                          else "latchkey")
        with RedisClient(guarded.redis.unix_address) as client:
            client.call("ACL", "SETUSER", "gosession", *OTHER_PREFIXES)
        guarded.run(program)
        return guarded.used()


@pytest.fixture(scope="module")
def running():
    """All programs at once: most of them wait for sessions to end."""
    with ThreadPoolExecutor(len(PROGRAMS)) as pool:
        yield {name: pool.submit(run_guarded, name) for name in PROGRAMS}


@pytest.mark.parametrize("program", PROGRAMS)
def test_acl_user_can_do_all_that_the_contract_asks(running, program):
    running[program].result()


def test_acl_user_may_do_nothing_that_is_never_done(running):
    used = set().union(*(run.result() for run in running.values()))
    allowed = {rule[1:] for layout in EXAMPLES
               for rule in user_of(layout, STORE_USER) if rule[0] == "+"}
    assert {"get", "evalsha"} < allowed
    assert allowed - used <= ELSEWHERE


@pytest.mark.parametrize("layout", EXAMPLES)
def test_acl_user_reaches_nothing_else(place, layout):
    guarded = Guarded(place, "latchkey")
    with RedisClient(guarded.redis.unix_address, layout,
                     PASSWORD) as client:
        for words in (("FLUSHALL",), ("CONFIG", "GET", "dir"), ("KEYS", "*"),
                      ("SCAN", 0), ("ACL", "LIST"), ("SHUTDOWN",),
                      ("GET", "another"), ("PUBLISH", "channel", "word"),
                      ("SCRIPT", "FLUSH"), ("FUNCTION", "LIST")):
            with pytest.raises(RedisError, match="NOPERM"):
                client.call(*words)
        for call in ("'flushall'", "'get', 'another'", "'keys', '*'"):
            with pytest.raises(RedisError, match="can't|ermission"):
                client.call("EVAL", f"return redis.call({call})", 0)
