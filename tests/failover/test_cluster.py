"""A Redis Cluster when its nodes fail and its slots move, under load from the
library.

What must hold in every scene is what must hold behind Sentinel: nothing is
allowed later than the bound after it was durably revoked, nothing that is
durable is lost, and no process has to be started again.
"""

import time

import pytest

from support.judge import History, judge
from support.load import OK, LibraryLoad, of
from support.place import Failed, Place, wait_until
from support.redis_cluster import (CALM_MS, NODE_TIMEOUT_MS, RedisCluster,
                                   slot_of)
from support.servers import Latchkey

# A master that is cut off says so after the cluster's own time; as much again
# is what a slow machine adds.
BOUND_SECONDS = 2 * NODE_TIMEOUT_MS / 1000
HANGS_SECONDS = 12


class Stage:
    """A cluster, and a process that uses it."""

    def __init__(self, place):
        self.place = place
        self.cluster = RedisCluster(place)
        conf = place.write("latchkey.conf", self.cluster.settings(
            'durability = "replica";',
            "connect_timeout_ms = 300; command_timeout_ms = 4000;"))
        self.cli = Latchkey(place, conf)
        self.load = place.add(LibraryLoad(place, conf))
        wait_until(lambda: History(self.load.records()).ends(OK),
                   "the first to be revoked")
        self.over = float("inf")

    def goes_on(self, *kinds):
        """Wait until these kinds of operation work again, or all."""
        since = time.monotonic()
        wait_until(lambda: all(
            any(record.status == OK and record.began > since
                for record in of(self.load.records(), kind))
            for kind in kinds or ("issue", "check", "refresh", "revoke")),
            "all to work", 60)

    def finish(self):
        self.over = time.monotonic()
        self.goes_on()
        records = self.load.finish()
        bad = {name: (len(those), those[:5]) for name, those in judge(
            records, BOUND_SECONDS, HANGS_SECONDS, self.over).items()}
        if bad:
            raise Failed(f"over at {self.over}: {bad}")
        if not of(records, "last") or not History(records).ends(OK):
            raise Failed("nothing was revoked, or looked at in the end")
        return records


def promoted(cluster, old):
    """Wait until another node has the slots of an old master."""
    wait_until(lambda: any(node.port != old.port and node.is_master()
                           for node in cluster.running()
                           if node in cluster.nodes[3:]),
               "a replica to be the master", 60)


def master_killed(stage):
    old = stage.cluster.nodes[0]
    old.kill()
    promoted(stage.cluster, old)
    # Without a replica nothing can be durable in its slots.
    stage.goes_on("check")
    old.start()
    stage.cluster.wait_until_well()


def master_stopped(stage):
    """It hangs for a while, and then thinks for a moment it was master."""
    old = stage.cluster.nodes[1]
    old.freeze()
    wait_until(lambda: stage.cluster.nodes[4].is_master(),
               "a replica to be the master", 60)
    stage.goes_on("check")
    old.thaw()
    stage.cluster.wait_until_well()


def slots_moved_to_and_fro(stage):
    """Slots of users who are there, and the first ones, one after another."""
    first, second, third = stage.cluster.nodes[:3]
    slots = {slot_of(key) for node in (first, second, third)
             for key in node.call("KEYS", "latchkey:*:i")}
    for to in (second, third, first):
        for slot in sorted(slots)[:40]:
            if stage.cluster.owner(slot) is not to:
                stage.cluster.move(slot, to)
    stage.cluster.wait_until_well()


def node_added_and_emptied(stage):
    cluster = stage.cluster
    node = cluster.add_node()
    cluster.join(node)
    slots = sorted({slot_of(key) for other in cluster.nodes[:3]
                    for key in other.call("KEYS", "latchkey:*:i")})[:20]
    homes = {slot: cluster.owner(slot) for slot in slots}
    for slot in slots:
        cluster.move(slot, node)
    stage.goes_on()
    for slot, home in homes.items():
        cluster.move(slot, home)
    for other in cluster.nodes[:6]:
        other.call("CLUSTER", "FORGET", node.id())
    cluster.nodes.remove(node)
    node.stop()


@pytest.mark.parametrize("scene", [
    master_killed, master_stopped, slots_moved_to_and_fro,
    node_added_and_emptied], ids=lambda scene: scene.__name__)
def test_cluster_scene(scene):
    with Place() as place:
        stage = Stage(place)
        scene(stage)
        stage.finish()


@pytest.fixture(scope="module", name="calm")
def _calm():
    """A cluster in which nothing happens by itself."""
    with Place() as place:
        cluster = RedisCluster(place, timeout=CALM_MS)
        yield cluster


def settled(cluster, redis="connect_timeout_ms = 1000; "
            "command_timeout_ms = 2000;", name="latchkey.conf"):
    """The command, by the user of the example in etc/redis/."""
    return Latchkey(cluster.place, cluster.place.write(
        name, cluster.settings(redis=redis)))


def test_cluster_revoke_all_waits_for_its_slot(calm):
    """Where a user's index has moved and his session has not, a script that
    followed would end nothing, and say that it has."""
    cli = settled(calm)
    token = cli.issue("alice")
    index, = [key for node in calm.masters()
              for key in node.call("KEYS", "latchkey:*:i")]
    slot = slot_of(index)
    source = calm.owner(slot)
    to = next(node for node in calm.masters() if node is not source)
    calm.move_begin(slot, to)
    source.call("MIGRATE", to.ip, to.port, index, 0, 5000)
    done = cli.run("revoke-all", "alice")
    assert done.returncode == 3, done
    assert cli.check(token)["user"] == "alice"
    # Only now is the session beside its index.
    while calm.move_keys(slot, source, to):
        pass
    assert cli.check(token)["user"] == "alice"
    calm.move_end(slot, source, to)
    assert cli.must("revoke-all", "alice") == "1"
    assert cli.run("check", token).returncode == 1


def test_cluster_session_is_found_wherever_its_slot_is(calm):
    cli = settled(calm)
    token = cli.issue("bob")
    slot = next(slot_of(key) for node in calm.masters()
                for key in node.call("KEYS", "latchkey:*:s:*"))
    source = calm.owner(slot)
    to = next(node for node in calm.masters() if node is not source)
    calm.move_begin(slot, to)
    assert cli.check(token)["user"] == "bob"
    while calm.move_keys(slot, source, to):
        assert cli.check(token)["user"] == "bob"
    assert cli.check(token)["user"] == "bob"
    calm.move_end(slot, source, to)
    assert cli.check(token)["user"] == "bob"
    cli.revoke(token)
    assert cli.run("check", token).returncode == 1


def test_cluster_doctor_knows_it(calm):
    said = settled(calm).run("doctor").stdout
    assert "3 masters share the slots" in said
    assert "is a cluster node" not in said
    assert "WRONG" not in said, said


def test_cluster_settings_that_cannot_be(calm):
    for redis, why in (('layout = "gosession";', "store.redis.layout"),
                       ("database = 1;", "store.redis.database")):
        done = settled(calm, redis, "wrong.conf").run("check", "lk_x")
        assert done.returncode == 2, done
        assert why in done.stderr
