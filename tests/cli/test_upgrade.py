"""Programs of the version before beside the new ones, on one store."""

import json
import os
import subprocess

import pytest

from support.place import BUILD, ROOT
from support.servers import Latchkey, RedisServer

# The last commit without kinds, reasons and history.
BEFORE = "d2ca08f4f19383f1697effbd679306b983bb5e8f"
NEW = 'session = { max_life = 1000; clients = ( ); };\n'
NEW_GOSESSION = "session = { max_life = 1000; };\n"
OLD = ""


@pytest.fixture(scope="module")
def before(tmp_path_factory):
    """The command as it was."""
    tree = tmp_path_factory.mktemp("before")
    packed = subprocess.run(["git", "archive", BEFORE], cwd=ROOT, check=False,
                            capture_output=True)
    if packed.returncode != 0:
        pytest.skip(f"the history does not reach back to {BEFORE[:7]}")
    subprocess.run(["tar", "x", "-C", str(tree)], input=packed.stdout,
                   check=True)
    subprocess.run(["make", "-s", "build/latchkey"], cwd=tree, check=True,
                   env={name: value for name, value in os.environ.items()
                        if not name.startswith(("MAKE", "MFLAGS"))})
    return tree / "build/latchkey"


class Before(Latchkey):
    """The command of the version before."""

    def __init__(self, place, conf, program):
        super().__init__(place, conf)
        self.program = program


@pytest.fixture(params=["sqlite", "latchkey", "gosession"])
def both(place, request, before):
    """The commands of both versions with one store."""
    new = NEW if request.param != "gosession" else NEW_GOSESSION
    if request.param == "sqlite":
        store = (f'store = {{ sqlite = {{ path = "{place.path}/store/db"; '
                 'timeout_ms = 10000; }; };\n')
    else:
        redis = place.add(RedisServer(place))
        store = (f'store = {{ backend = "redis"; redis = {{ '
                 f'address = "{redis.unix_address}"; '
                 f'layout = "{request.param}"; '
                 'command_timeout_ms = 10000; }; };\n')
    return (Before(place, place.write("old.conf", store + OLD), before),
            Latchkey(place, place.write("new.conf", store + new)))


def live(cli, token):
    result = cli.run("check", "-", stdin=token)
    assert result.returncode in (0, 1), result
    return result.returncode == 0


@pytest.mark.parametrize("turn", [0, 1])
def test_upgrade_each_reads_refreshes_and_revokes_what_the_other_issued(
        both, turn):
    one, other = both[turn], both[1 - turn]
    # Each has seen the store before the other changes it.
    assert one.must("list", "alice") == other.must("list", "alice") == ""
    tokens = [one.must("issue", "alice", "--ttl", "500").strip()
              for _ in range(4)]
    assert all(live(other, token) for token in tokens)
    assert json.loads(other.must("refresh", "-", "--ttl", "700",
                                 stdin=tokens[0]))["ttl"] in (700, 701)
    assert live(one, tokens[0])
    assert other.must("revoke", "-", stdin=tokens[1]) == "1"
    assert not live(one, tokens[1]) and not live(other, tokens[1])
    assert one.run("refresh", "-", stdin=tokens[1]).returncode == 1
    assert not live(other, tokens[1])
    assert len(other.must("list", "alice").splitlines()) == 3
    assert other.must("logout-others", "-", stdin=tokens[2]) == "2"
    assert live(one, tokens[2]) and not live(one, tokens[3])
    assert other.must("revoke-all", "alice") == "1"
    assert not any(live(cli, token) for cli in both for token in tokens)
    assert one.must("list", "alice") == ""


@pytest.mark.parametrize("turn", [0, 1])
def test_upgrade_each_takes_over_what_the_other_exported(both, place, turn):
    one, other = both[turn], both[1 - turn]
    token = one.must("issue", "alice", "--ttl", "500", "--client",
                     "web").strip()
    keeps = 'layout = "gosession"' in one.must("config")
    lines = one.must("store", "export", *["--tokens"] * keeps)
    one.must("revoke-all", "alice")
    told = json.loads(other.must("store", "import", "-", stdin=lines))
    assert told["sessions"] == 1
    assert live(one, token) and live(other, token)


def test_upgrade_a_login_ends_what_both_issued(both):
    old, new = both
    tokens = [cli.must("issue", "alice").strip() for cli in (old, new) * 2]
    text = new.conf.read_text()
    text = text.replace("max_life", "single = true; max_life")
    single = Latchkey(new.place, new.place.write("single.conf", text))
    last = single.must("issue", "alice").strip()
    assert live(old, last) and live(new, last)
    assert not any(live(cli, token) for cli in both for token in tokens)


def test_upgrade_no_end_is_outlived_by_the_program_before(both, request):
    """In the embedded store; where it is not, the new ones see to it."""
    old, new = both
    token = new.must("issue", "alice", "--ttl", "500").strip()
    old.must("refresh", "-", "--ttl", "5000", stdin=token)
    ttl = json.loads(new.must("refresh", "-", "--ttl", "6000",
                              stdin=token))["ttl"]
    assert ttl <= 1001
    if "sqlite" in request.node.name:
        old.must("refresh", "-", "--ttl", "5000", stdin=token)
        assert json.loads(old.must("check", "-", stdin=token))["ttl"] <= 1001
