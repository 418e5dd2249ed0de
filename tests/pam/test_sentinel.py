"""The module and Redis behind Sentinel, from a quiet day to a failover.

Each login of a PAM host's finds the master anew.  The module with sanitizers
runs by way of pam_wrapper, which needs no root.
"""

import re
import socket
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import check_only
from support.pamtester import (ACCT_EXPIRED, AUTH_ERR, AUTHINFO_UNAVAIL,
                               SERVICE_ERR, SESSION_ERR)
from support.place import free_port, wait_until
from support.sentinel import (DOWN_AFTER_MS, FAILOVER_PATIENCE, MASTER,
                              REDIS_PASSWORD, SENTINEL_PASSWORD, Cluster)
from support.servers import Latchkey
from support.wrapped import Wrapped

NEVER_ISSUED = "lk_" + "A" * 64
# A second and a half is the settings' one deadline.  A slow machine under
# sanitizers adds to it, but less than if each of as many Sentinels as there
# can be had a deadline of its own.
TIMEOUTS = "connect_timeout_ms = 1500; command_timeout_ms = 1500;"
SENTINELS_MAX = 16
HANGS_SECONDS = 8.0


class Module:
    """The module and the command with the same settings."""

    def __init__(self, place, cluster, name="latchkey",
                 change=lambda text: text):
        text = cluster.store_settings('durability = "replica";', TIMEOUTS)
        conf = place.write(f"{name}.conf", change(text)
                           + 'log = { level = "debug"; };\n')
        self.cli = Latchkey(place, conf)
        self.pam = Wrapped(place, conf, service=name)
        self.pam.use(f"conf={conf} debug revoke_on_close")

    def login(self, secret, *operations):
        """The outcome for alice, which may not be late."""
        return self.attempt(secret, *(operations or ["authenticate"]))

    def step(self, name, session):
        """The outcome of a later step of a login with that session's id."""
        return self.attempt("", name, session=session)

    def logins(self, *secrets):
        """The outcome for each, all of them at once."""
        with ThreadPoolExecutor(len(secrets)) as pool:
            return list(pool.map(self.login, secrets))

    def attempt(self, secret, *operations, **options):
        began = time.monotonic()
        outcome = self.pam.attempt("alice", secret, *operations, **options)
        assert time.monotonic() - began < HANGS_SECONDS
        assert secret == "" or secret not in outcome.log
        for password in (REDIS_PASSWORD, SENTINEL_PASSWORD):
            assert password not in outcome.log + outcome.output
        return outcome


@pytest.fixture(scope="module")
def cluster(shared_place):
    return Cluster(shared_place)


@pytest.fixture(scope="module")
def door(shared_place, cluster):
    """With the settings as they should be."""
    return Module(shared_place, cluster)


@pytest.fixture(scope="module")
def doors(shared_place, cluster):
    """Makes those with changed settings, each with a name of its own."""
    names = iter(range(100))
    return lambda change: Module(shared_place, cluster, f"door-{next(names)}",
                               change)


@pytest.fixture(autouse=True)
def well(cluster):
    """Let each test begin with a cluster that is well, and leave one."""
    yield
    for server in cluster.nodes + cluster.sentinels:
        if server.running():
            server.thaw()
        else:
            server.start()
    cluster.mend_replication()
    cluster.notice_after(DOWN_AFTER_MS)
    cluster.hurry()
    cluster.wait_until_well()


def with_sentinels(cluster, addresses):
    """Change the settings to list these."""
    listed = ", ".join(f'"{address}"' for address in addresses)
    return lambda text: text.replace(cluster.addresses, listed)


def listed(cluster):
    return [sentinel.address for sentinel in cluster.sentinels]


# ---- A quiet day ---------------------------------------------------------


def test_sentinel_login_from_opening_to_revocation(door):
    token, other = door.cli.issue("alice"), door.cli.issue("bob")
    session = door.cli.check(token)["id"]
    assert door.login(token, "authenticate", "setcred(PAM_ESTABLISH_CRED)",
                      "acct_mgmt", "open_session").code == ""
    for secret in (other, NEVER_ISSUED, token[:-1], "no token", ""):
        assert door.login(secret).code == AUTH_ERR, secret
    assert door.step("acct_mgmt", session).code == ""
    assert door.cli.revoke(token) == 1
    assert door.login(token).code == AUTH_ERR
    assert door.step("acct_mgmt", session).code == ACCT_EXPIRED


def test_sentinel_session_is_revoked_on_close(door):
    token = door.cli.issue("alice")
    assert door.login(token, "authenticate", "open_session",
                      "close_session").code == ""
    assert door.login(token).code == AUTH_ERR


def test_sentinel_revocation_that_is_not_durable_is_said(cluster, doors):
    """Whatever is enough for an issue."""
    door = doors(lambda text: text.replace('durability = "replica";', ""))
    token = door.cli.issue("alice")
    session = door.cli.check(token)["id"]
    cluster.cut_replication()
    closed = door.step("close_session", session)
    assert closed.code == SESSION_ERR
    assert 'msg="session revoked, not yet durable"' in closed.log
    assert "a failover would undo them" in closed.log
    assert door.login(token).code == AUTH_ERR


# ---- Wrong settings ------------------------------------------------------

WRONG = {
    "unknown-master": (
        lambda text: text.replace(f'"{MASTER}"', '"another"'),
        "knows no master of this name (store.sentinel.master)"),
    "sentinel-password": (
        lambda text: text.replace(SENTINEL_PASSWORD, "wrong"),
        "refuses store.sentinel.username, store.sentinel.password"),
    "redis-password": (
        lambda text: text.replace(REDIS_PASSWORD, "wrong"),
        "refused store.redis.username or store.redis.password"),
}


@pytest.mark.parametrize("change, words", WRONG.values(), ids=WRONG)
def test_sentinel_wrong_settings_are_named(door, doors, change, words):
    token = door.cli.issue("alice")
    session = door.cli.check(token)["id"]
    wrong = doors(change)
    for outcome in (wrong.login(token), wrong.login(NEVER_ISSUED),
                    wrong.login("a password"),
                    wrong.step("acct_mgmt", session)):
        assert outcome.code == SERVICE_ERR, outcome
        assert words in outcome.log


def test_sentinel_that_is_a_redis_is_named(cluster, door, doors):
    token = door.cli.issue("alice")
    nodes = with_sentinels(cluster, [node.address for node in cluster.nodes])
    outcome = doors(lambda text: nodes(text).replace(
        f'username = "latchkey"; password = "{SENTINEL_PASSWORD}";', "")
    ).login(token)
    assert outcome.code == SERVICE_ERR
    assert "is a Redis and no Sentinel (store.sentinel.addresses)" in (
        outcome.log)


# ---- Sentinels that do not answer ----------------------------------------


class Hole:
    """An address that answers nothing.

    Connections are accepted by the kernel, or with `full` not even that.
    """

    def __init__(self, full=False):
        self.listener = socket.create_server(("127.0.0.1", 0),
                                             backlog=0 if full else 128)
        self.waiting = []
        while full and len(self.waiting) < 8:
            sock = socket.socket()
            sock.setblocking(False)
            sock.connect_ex(self.listener.getsockname())
            self.waiting.append(sock)

    @property
    def address(self):
        return "127.0.0.1:%d" % self.listener.getsockname()[1]

    def close(self):
        for sock in [self.listener, *self.waiting]:
            sock.close()


@pytest.fixture(params=["silent", "unconnected"])
def holes(request):
    holes = [Hole(request.param == "unconnected")
             for _ in range(SENTINELS_MAX)]
    yield [hole.address for hole in holes]
    for hole in holes:
        hole.close()


def assert_no_sentinel(door, token, count):
    """Nobody is let in, nor refused, and why is said."""
    for outcome in door.logins(token, NEVER_ISSUED, "a password"):
        assert outcome.code == AUTHINFO_UNAVAIL, outcome
        assert f"no sentinel of {count} can be reached" in outcome.log


def test_sentinels_that_swallow_have_one_deadline(cluster, door, doors,
                                                  holes):
    token = door.cli.issue("alice")
    assert_no_sentinel(doors(with_sentinels(cluster, holes)), token,
                       SENTINELS_MAX)


def test_sentinels_nobody_listens_for(cluster, door, doors):
    token = door.cli.issue("alice")
    nobody = [f"127.0.0.1:{free_port()}" for _ in range(3)]
    assert_no_sentinel(doors(with_sentinels(cluster, nobody)), token, 3)


def assert_too_few(door, token, answering, count):
    """A minority makes nobody the master.

    On a slow machine some of those that answer may be late.
    """
    for outcome in door.logins(token, NEVER_ISSUED):
        assert outcome.code == AUTHINFO_UNAVAIL, outcome
        reached = re.search(rf"(only \d+|no sentinel) of {count} "
                            r"(sentinels )?can be reached", outcome.log)
        assert reached, outcome.log
        assert int("0" + re.sub(r"\D", "", reached[1])) <= answering


def careless(change=lambda text: text):
    """Change the settings to prefer availability."""
    return lambda text: change(text).replace(
        f'master = "{MASTER}";',
        f'master = "{MASTER}"; require_confirmed = false;')


def test_sentinels_that_are_a_majority_are_heard(cluster, door, doors, holes):
    token = door.cli.issue("alice")
    mixed = doors(with_sentinels(cluster, holes[:2] + listed(cluster)))
    assert mixed.login(token).code == ""
    assert mixed.login(NEVER_ISSUED).code == AUTH_ERR


def test_sentinels_that_are_a_minority_do_not_do(cluster, door, doors, holes):
    token = door.cli.issue("alice")
    mixed = with_sentinels(cluster, holes[3:] + listed(cluster))
    assert_too_few(doors(mixed), token, 3, SENTINELS_MAX)
    assert doors(careless(mixed)).login(token).code == ""
    assert doors(careless(mixed)).login(NEVER_ISSUED).code == AUTH_ERR


@pytest.mark.parametrize("frozen", [1, 2, 3])
def test_sentinels_frozen(cluster, door, doors, frozen):
    token = door.cli.issue("alice")
    for sentinel in cluster.sentinels[:frozen]:
        sentinel.freeze()
    try:
        if frozen == 1:
            assert door.login(token).code == ""
            assert door.login(NEVER_ISSUED).code == AUTH_ERR
        elif frozen == 2:
            assert_too_few(door, token, 1, 3)
            assert doors(careless()).login(token).code == ""
        else:
            assert_no_sentinel(door, token, 3)
            assert_no_sentinel(doors(careless()), token, 3)
    finally:
        # One that woke up would distrust its clock for half a minute.
        for sentinel in cluster.sentinels[:frozen]:
            sentinel.kill()
    if frozen == 3:
        assert_no_sentinel(door, token, 3)


def test_sentinel_with_a_user_who_only_checks(cluster, door, doors):
    for node in cluster.nodes:
        check_only.add_user(f"unix:{node.socket}", "latchkey")
    checker = doors(lambda text: text.replace(
        f'username = "latchkey"; password = "{REDIS_PASSWORD}"',
        f'username = "{check_only.NAME}"; '
        f'password = "{check_only.PASSWORD}"'))
    live, dead = door.cli.issue("alice"), door.cli.issue("alice")
    session = door.cli.check(live)["id"]
    assert door.cli.revoke(dead) == 1
    for outcome, code in (
            (checker.login(live), ""), (checker.step("acct_mgmt", session), ""),
            (checker.login(dead), AUTH_ERR),
            (checker.login(NEVER_ISSUED), AUTH_ERR),
            (checker.login("a password"), AUTH_ERR)):
        assert outcome.code == code, outcome
        assert "NOPERM" not in outcome.log
    assert checker.cli.run("issue", "root").returncode in (2, 3)


# ---- Failovers -----------------------------------------------------------


@pytest.mark.parametrize("fate", ["killed", "frozen"])
def test_sentinel_failover_lets_in_who_may_and_nobody_else(cluster, door,
                                                           fate):
    live, dead, leaving = (door.cli.issue("alice") for _ in range(3))
    live_id = door.cli.check(live)["id"]
    # Both revocations are reported durable.
    assert door.cli.revoke(dead) == 1
    assert door.login(leaving, "authenticate", "close_session").code == ""

    # First the Sentinels are slow to notice.
    old = cluster.master()
    cluster.notice_after(3600_000)
    if fate == "killed":
        old.kill()
    else:
        old.freeze()
    words = ("connect: Connection refused" if fate == "killed"
             else "no answer in time")
    for outcome in (*door.logins(live, dead, "a password"),
                    door.step("acct_mgmt", live_id)):
        assert outcome.code == AUTHINFO_UNAVAIL, outcome
        assert f"redis at {old.address}: " in outcome.log
        assert words in outcome.log

    # Meanwhile nobody is told that he is refused, or let in in error.
    cluster.notice_after(DOWN_AFTER_MS)

    def all_is_well():
        opened, *refused = (outcome.code for outcome in door.logins(
            live, dead, leaving))
        assert set(refused) <= {AUTH_ERR, AUTHINFO_UNAVAIL}
        assert opened in ("", AUTHINFO_UNAVAIL)
        return opened == ""

    wait_until(all_is_well, "logins to be let in again", FAILOVER_PATIENCE)
    assert cluster.wait_for_failover(old) is not old
    assert door.step("acct_mgmt", live_id).code == ""
    assert door.login(dead).code == AUTH_ERR
    assert door.login(leaving).code == AUTH_ERR

    # The old one comes back, and knows nothing of what it missed.
    wait_until(cluster.is_over_a_failover, "the failover to be over",
               FAILOVER_PATIENCE)
    assert door.cli.revoke(live) == 1
    if fate == "killed":
        old.start()
    else:
        old.thaw()
    for _ in range(20):
        assert door.login(live).code == AUTH_ERR
    assert door.login(door.cli.issue("alice")).code == ""


def test_sentinel_no_token_is_in_any_log_after_all_that(shared_place, door):
    tokens = [*door.cli.tokens, NEVER_ISSUED]
    for name, text in shared_place.logs().items():
        assert not [token for token in tokens if token in text], name
