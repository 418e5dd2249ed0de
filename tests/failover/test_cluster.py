"""A Redis Cluster when its nodes fail and its slots move, under load from the
library.

What must hold in every scene is what must hold behind Sentinel: nothing is
allowed later than the bound after it was durably revoked, nothing that is
durable is lost, and no process has to be started again.
"""

import base64
import hashlib
import time

import pytest

from support import network
from support.certificates import Authority
from support.judge import History, judge
from support.load import OK, GateLoad, LibraryLoad, of
from support.place import Failed, Place, wait_until
from support.redis_cluster import (CALM_MS, NODE_TIMEOUT_MS, SLOTS,
                                   RedisCluster, slot_of)
from support.sentinel import Loopback
from support.servers import Gate, Latchkey

# A master that is cut off says so after the cluster's own time; as much again
# is what a slow machine adds.
BOUND_SECONDS = 2 * NODE_TIMEOUT_MS / 1000
HANGS_SECONDS = 12


class Stage:
    """A cluster, and a process that uses it."""

    def __init__(self, place, host=Loopback, one_name=False, **options):
        self.place = place
        self.cluster = RedisCluster(place, **options)
        self.seeds = ([f"localhost:{self.cluster.nodes[-1].port}"]
                      if one_name else ())
        conf = self.write("latchkey.conf")
        self.cli = Latchkey(place, conf, host.prefix)
        self.load = place.add(LibraryLoad(place, conf, host.prefix))
        wait_until(lambda: History(self.load.records()).ends(OK),
                   "the first to be revoked")
        self.over = float("inf")

    def write(self, name, more=""):
        return self.place.write(name, self.cluster.settings(
            'durability = "replica";',
            "connect_timeout_ms = 300; command_timeout_ms = 4000; ",
            self.seeds) + more)

    def add_gate(self, name, host):
        """A gate there, and the command."""
        listen = f"unix:{self.place.path}/{name}.sock"
        conf = self.write(f"{name}.conf",
                          f'gate = {{ listen = "{listen}"; }};')
        return (Latchkey(self.place, conf, host.prefix),
                self.place.add(Gate(self.place, conf, listen, f"{name}-gate",
                                    host.prefix)))

    def goes_on(self, *kinds):
        """Wait until these kinds of operation work again, or all."""
        since = time.monotonic()
        wait_until(lambda: all(
            any(record.status == OK and record.began > since
                for record in of(self.load.records(), kind))
            for kind in kinds or ("issue", "check", "refresh", "revoke")),
            "all to work", 60)

    def finish(self, *others):
        self.over = time.monotonic()
        self.goes_on()
        for load in (self.load, *others):
            self.judge(load.finish())

    def judge(self, records):
        bad = {name: (len(those), those[:5]) for name, those in judge(
            records, BOUND_SECONDS, HANGS_SECONDS, self.over).items()}
        if bad:
            raise Failed(f"over at {self.over}: {bad}")
        if not of(records, "last") or not History(records).ends(OK):
            raise Failed("nothing was revoked, or looked at in the end")


def replaced(cluster, old, fail):
    """Let an old master fail, and wait until its replica has its slots."""
    replica = cluster.replica_of(old)
    fail()
    wait_until(replica.is_master, "a replica to be the master", 60)


def master_killed(stage):
    old = stage.cluster.masters()[0]
    replaced(stage.cluster, old, old.kill)
    # Without a replica nothing can be durable in its slots.
    stage.goes_on("check")
    old.start()
    stage.cluster.wait_until_well()


def master_stopped(stage):
    """It hangs for a while, and then thinks for a moment it was master."""
    old = stage.cluster.masters()[1]
    replaced(stage.cluster, old, old.freeze)
    stage.goes_on("check")
    old.thaw()
    stage.cluster.wait_until_well()


def slots_of_users(cluster, most):
    return sorted({slot_of(key) for node in cluster.masters()
                   for key in node.call("KEYS", "latchkey:*:i")})[:most]


def slots_moved_to_and_fro(stage):
    """Slots of users who are there, and the first ones, one after another."""
    first, second, third = stage.cluster.masters()
    for to in (second, third, first):
        for slot in slots_of_users(stage.cluster, 40):
            if stage.cluster.owner(slot) is not to:
                stage.cluster.move(slot, to)
    stage.cluster.wait_until_well()


def node_added_and_emptied(stage):
    cluster = stage.cluster
    node = cluster.add_node()
    cluster.join(node)
    homes = {slot: cluster.owner(slot)
             for slot in slots_of_users(cluster, 20)}
    for slot in homes:
        cluster.move(slot, node)
    stage.goes_on()
    for slot, home in homes.items():
        cluster.move(slot, home)
    for other in cluster.nodes[:6]:
        other.call("CLUSTER", "FORGET", node.id())
    cluster.nodes.remove(node)
    node.stop()


# The others take long: `make storm-cluster` plays all of them.
SCENES = [master_killed, master_stopped, node_added_and_emptied]
STORM = [*SCENES, slots_moved_to_and_fro]


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_cluster_scene(scene):
    with Place() as place:
        stage = Stage(place)
        scene(stage)
        stage.finish()


def test_cluster_master_cut_off():
    """A gate beside an old master, both cut off from all others, lets nobody
    in whose session has been ended elsewhere meanwhile, and soon nobody."""
    why = network.why_not()
    if why is not None:
        pytest.skip(f"no networks of our own here: {why}")
    # All sessions are one user's; his master is the one.
    tag = base64.urlsafe_b64encode(hashlib.sha256(b"alice").digest()[:16])
    number = slot_of(tag.rstrip(b"=")) * 3 // SLOTS
    with Place() as place:
        net = place.add(network.Network(3))
        island, mainland, outside = net.hosts
        hosts = [mainland] * 6
        hosts[number] = island
        stage = Stage(place, outside, hosts=hosts)
        old = stage.cluster.nodes[number]
        _, exit = stage.add_gate("outside", outside)
        cli, gate = stage.add_gate("inside", island)
        load = place.add(GateLoad(cli, gate, exit=exit))
        wait_until(lambda: History(load.records()).ends(OK),
                   "the first to be logged out")
        late = time.monotonic() + BOUND_SECONDS + 1
        replaced(stage.cluster, old, island.unplug)

        def checks():
            return [record for record in of(load.records(), "check")
                    if record.began > late]
        wait_until(checks, "checks that are late", 60)
        assert all(record.status < 0 for record in checks())
        assert old.is_master()
        island.plug()
        stage.cluster.wait_until_well()
        stage.finish(load)


def test_cluster_as_it_is_rented():
    """One name of all nodes, TLS only, a user with a password, no CONFIG."""
    with Place() as place:
        authority = Authority(place)
        stage = Stage(place, one_name=True, authority=authority,
                      options=['rename-command CONFIG ""'])
        said = stage.cli.run("doctor").stdout
        assert "CONFIG may not be asked for cluster-node-timeout" in said
        assert "WRONG" not in said, said
        master_killed(stage)
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


def test_cluster_without_info_says_what_is_missing(calm):
    """What nobody may ask after cannot be known to be durable."""
    cli = settled(calm)
    token = cli.issue("carol")
    for node in calm.nodes:
        node.call("ACL", "SETUSER", "latchkey", "-info", "-cluster|info")
    try:
        assert cli.check(token)["user"] == "carol"
        assert "NOPERM: info" in cli.run("doctor").stdout
        done = cli.run("revoke", token)
        assert done.returncode == 3 and "not yet durable" in done.stderr
        assert cli.run("check", token).returncode == 1
    finally:
        for node in calm.nodes:
            node.call("ACL", "SETUSER", "latchkey", "+info", "+cluster|info")


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
