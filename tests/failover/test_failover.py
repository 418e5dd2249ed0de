"""Redis behind Sentinel when its servers fail, under load from the gate and
from the library.

Each scene has a cluster of its own, and they run a few at a time, as most of
what they do is wait.  What must hold in every one of them is in
support/failover.py, Stage.judge(): nothing is allowed too long after it was
revoked, no session that was reported issued is lost and none that was
reported revoked comes back, and nobody hangs or dies.
"""

import json
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import fastcgi, load, network
from support.failover import STALENESS_SECONDS, PatientLatchkey, Stage
from support.judge import History, undue
from support.load import E_NOT_DURABLE, OK, of
from support.network import Network
from support.place import Failed, Place, wait_until
from support.sentinel import (FAILOVER_PATIENCE, MASTER, REDIS_PASSWORD,
                              SENTINEL_PASSWORD)

AT_ONCE = 3


def no_failures(stage, since, but=""):
    """Insist that nobody noticed anything, but for one kind of operation."""
    for one in stage.loads():
        failed = [record for record in load.failures(one.records(), since)
                  if record.what != but]
        if failed:
            raise Failed(f"{len(failed)} failed, such as {failed[:5]}")


# ---- Scenes --------------------------------------------------------------


def master_killed(place):
    stage = Stage(place)
    stage.add_usual_client()
    old = stage.cluster.master()
    old.kill()
    stage.failed_over(old)
    old.start()
    stage.settle()
    stage.finish()


def history_outlives_its_master(place):
    """Whoever is master, it has each session that began and each that ended,
    and all that was said to have begun."""
    stage = Stage(place)
    client = stage.add_usual_client()
    conf = place.write("limited.conf", client.conf.read_text() + """
session = { clients = ( { kinds = [ "web" ]; max = 3; } ); };
""")
    cli = PatientLatchkey(place, conf, client.host.prefix)
    codes, stop = [], []

    def log_in():
        while not stop:
            codes.append(cli.run("issue", "dora", "--client",
                                 "web").returncode)

    with ThreadPoolExecutor(2) as pool:
        running = [pool.submit(log_in) for _ in range(2)]
        wait_until(lambda: codes.count(0) > 8, "logins")
        old = stage.cluster.master()
        old.kill()
        stage.failed_over(old)
        before = codes.count(0)
        wait_until(lambda: codes.count(0) > before + 8, "logins again")
        stop.append(True)
        for one in running:
            one.result()
    old.start()
    stage.settle()
    entries = json.loads(cli.must("history", "dora", "--json"))
    live = json.loads(cli.must("list", "dora", "--json"))
    counts = {event: sum(entry["count"] for entry in entries
                         if entry["event"] == event)
              for event in ("issued", "ended")}
    assert counts["issued"] >= codes.count(0)
    assert counts["issued"] - counts["ended"] == len(live) <= 3, counts
    stage.finish()


def master_stopped(place):
    """It hangs for a while, and then thinks for a moment it was master."""
    stage = Stage(place)
    stage.add_usual_client()
    old = stage.cluster.master()
    old.freeze()
    stage.failed_over(old)
    stage.go_on()
    old.thaw()
    stage.settle()
    stage.finish()


def master_replaced_on_request(place):
    stage = Stage(place)
    stage.add_usual_client()
    stage.cluster.promote()
    stage.over = time.monotonic()
    stage.settle()
    stage.finish()


def replication_cut_before_a_crash(place):
    """What is revoked meanwhile is said not to be durable, and is carried to
    the next master by who lives on."""
    stage = Stage(place)
    client = stage.add_usual_client()
    doomed, leaving = (client.cli.issue("bob") for _ in range(2))
    gate_load, library = client.loads
    old = stage.cluster.master()
    stage.cluster.cut_replication()
    cut = time.monotonic()

    result = client.cli.run("revoke", doomed)
    assert (result.returncode, result.stdout) == (3, "1\n"), result
    assert "revoked, not yet durable" in result.stderr
    assert client.cli.run("check", doomed).returncode == 1
    result = client.cli.run("issue", "carol")
    assert (result.returncode, result.stdout) == (3, ""), result
    gate_load.tokens.append(leaving)
    assert gate_load.log_out(len(gate_load.tokens) - 1) == E_NOT_DURABLE
    for one in (gate_load, library):
        wait_until(lambda one=one: sum(
            record.status == E_NOT_DURABLE
            for record in of(one.records(), "revoke")) >= 5,
            "revocations that are not durable")
    # Sessions go on being checked.
    for one in (gate_load, library):
        seen = [record for record in of(one.records(), "check")
                if record.began > cut]
        assert seen and not load.failures(seen)

    old.kill()
    stage.cluster.mend_replication()
    stage.failed_over(old)
    old.start()
    stage.settle()
    gate_load.finish()
    assert gate_load.check(len(gate_load.tokens) - 1) > OK
    stage.finish()


def sentinels_restarted(place):
    stage = Stage(place)
    stage.add_usual_client()
    since = time.monotonic()
    for sentinel in stage.cluster.sentinels:
        sentinel.restart()
        stage.cluster.hurry()
        stage.cluster.wait_until_well()
        stage.go_on()
    no_failures(stage, since)
    stage.finish()


def sentinels_gone(place):
    """While the master lives nobody misses them, whatever is reloaded."""
    stage = Stage(place)
    client = stage.add_usual_client()
    since = time.monotonic()
    for sentinel in stage.cluster.sentinels:
        sentinel.kill()
    stage.go_on(since + 2 * STALENESS_SECONDS)
    client.reload()
    stage.go_on(time.monotonic() + 2 * STALENESS_SECONDS)
    # One that was on its way is not tried again.
    no_failures(stage, since, but="issue")
    for sentinel in stage.cluster.sentinels:
        sentinel.start()
    stage.cluster.hurry()
    stage.settle()
    # And it is a cluster as before.
    old = stage.cluster.master()
    old.kill()
    stage.failed_over(old)
    old.start()
    stage.settle()
    stage.finish()


def passwords_changed(place):
    """With both passwords good for a while nobody notices; without, all is
    denied until the settings are right."""
    stage = Stage(place)
    client = stage.add_usual_client()
    servers = stage.cluster.nodes + stage.cluster.sentinels

    def all_acl(*rules):
        for server in servers:
            server.call("ACL", "SETUSER", "latchkey", *rules)

    def kill_connections():
        for server in servers:
            server.call("CLIENT", "KILL", "USER", "latchkey")

    since = time.monotonic()
    all_acl(">second")
    client.write(lambda text: text.replace(
        REDIS_PASSWORD, "second").replace(SENTINEL_PASSWORD, "second"))
    client.reload()
    for server in servers:
        old = (REDIS_PASSWORD if server in stage.cluster.nodes
               else SENTINEL_PASSWORD)
        server.call("ACL", "SETUSER", "latchkey", f"<{old}")
    kill_connections()
    stage.go_on()
    # One that was on its way is not tried again.
    no_failures(stage, since, but="issue")

    all_acl("resetpass", ">third")
    kill_connections()
    now = time.monotonic()
    for one in client.loads:
        wait_until(lambda one=one: load.failures(one.records(), now),
                   "the load to fail")
    client.write(lambda text: text.replace(
        REDIS_PASSWORD, "third").replace(SENTINEL_PASSWORD, "third"))
    client.reload()
    stage.go_on()
    old = stage.cluster.master()
    old.kill()
    stage.failed_over(old)
    old.start()
    old.call("ACL", "SETUSER", "latchkey", "resetpass", ">third")
    stage.settle()
    stage.finish()


def leader_hangs(place):
    """The Sentinel that replaces the master hangs once it has promoted a
    replica: the others name the old master, which goes on, with the other
    replica.  What that one has is not durable, and nobody is told it is."""
    stage = Stage(place)
    client = stage.add_client()
    tokens = [client.cli.issue("alice") for _ in range(2)]
    cluster = stage.cluster
    leader, *others = cluster.sentinels

    def promote_and_hang():
        """Whether it hung before it told the others."""
        cluster.wait_until_well()
        old = cluster.master()
        leader.call("SENTINEL", "FAILOVER", MASTER)
        wait_until(lambda: sum(node.is_master() for node in cluster.nodes)
                   == 2, "a replica to be promoted", FAILOVER_PATIENCE)
        leader.freeze()
        if all(other.named() == old.address for other in others):
            for other in others:
                # Or it would make the promoted one follow again in two
                # seconds, which may be sooner than we have asked.
                other.call("SENTINEL", "DEBUG", "publish-period", 60000)
            return True
        leader.thaw()
        cluster.wait_for_failover(old)
        return False
    wait_until(promote_and_hang, "a Sentinel to hang in time",
               4 * FAILOVER_PATIENCE)
    for way in (("revoke", tokens[0]), ("revoke-all", "alice"),
                ("issue", "bob")):
        result = client.cli.run(*way)
        assert result.returncode == 3, result
        assert "not yet durable" in result.stderr
    leader.thaw()
    cluster.hurry()
    cluster.wait_until_well()
    result = client.cli.run("revoke-all", "alice")
    assert result.returncode == 0, result
    for token in tokens:
        assert client.cli.run("check", token).returncode == 1


def old_master_promoted_again(place):
    """A master that has carried out a revocation, lost it as a replica, and
    is the master again, is told once more; but a session that was issued
    since then is spared."""
    stage = Stage(place)
    client = stage.add_client(durability="ack")
    token, other = client.cli.issue("bob"), client.cli.issue("carol")
    cluster, first = stage.cluster, stage.cluster.master()
    second, third = cluster.replicas()
    third.call("CONFIG", "SET", "replica-priority", 0)
    cluster.cut_replication()
    for endpoint, credential in (("logout", token), ("logout-all", other)):
        reply = fastcgi.ask(client.listen, dict(fastcgi.request_of(
            "/", "POST", LATCHKEY_ENDPOINT=endpoint,
            HTTP_AUTHORIZATION=f"Bearer {credential}"),
            FCGI_ROLE="RESPONDER"), fastcgi.RESPONDER)
        assert reply.status == 202, reply
    client.gate.freeze()
    try:
        # The replica has never heard of it.
        second.call("REPLICAOF", "NO", "ONE")
        first.call("REPLICAOF", second.ip, second.port)
        third.call("REPLICAOF", second.ip, second.port)
        cluster.mend_replication()
        wait_until(lambda: second.good_replicas() == 2, "both to follow")
        first.call("REPLICAOF", "NO", "ONE")
        for node in (second, third):
            node.call("REPLICAOF", first.ip, first.port)
        wait_until(lambda: first.good_replicas() == 2, "both to come back")
        for one in (token, other):
            assert client.cli.run("check", one).returncode == 0
        later = client.cli.issue("carol")
    finally:
        client.gate.thaw()
    wait_until(lambda: "have reached a replica" in client.gate.output(),
               "the revocation to be carried over", FAILOVER_PATIENCE)
    for one in (token, other):
        assert client.cli.run("check", one).returncode == 1
    assert client.cli.run("check", later).returncode == 0


def need_networks():
    why = network.why_not()
    if why is not None:
        pytest.skip(f"no networks of our own here: {why}")


def client_unplugged(place):
    """While its own cable is out a client knows nothing and allows nothing;
    as soon as it is back in all is as before."""
    need_networks()
    net = place.add(Network(4))
    stage = Stage(place, net.hosts[:3])
    client = stage.add_client("client", net.hosts[3])
    client.add_gate_load()
    client.add_library_load()
    stage.warm_up()

    net.hosts[3].unplug()
    cut = time.monotonic()
    for one in client.loads:
        wait_until(lambda one=one: load.failures(
            one.records(), cut + STALENESS_SECONDS), "the load to fail")
    net.hosts[3].plug()
    plugged = time.monotonic()
    for one in client.loads:
        for record in one.records():
            if cut + STALENESS_SECONDS < record.began < plugged - 1:
                assert record.status < 0, record
    stage.go_on(plugged)
    stage.over = time.monotonic()
    stage.finish()


def master_isolated(place):
    """The old master and a gate beside it, cut off from all others.

    That gate answers no more as soon as it cannot know who the master is;
    another one, which was told to prefer availability, pays for that.
    """
    need_networks()
    net = place.add(Network(4))
    stage = Stage(place, net.hosts[:3], hurried=False)
    outside = stage.add_client("outside", net.hosts[3])
    inside = stage.add_client("inside", net.hosts[0])
    careless = stage.add_client("careless", net.hosts[0],
                                sentinel="require_confirmed = false;")
    outside.add_gate_load()
    outside.add_library_load()
    inside_load = inside.add_gate_load(exit=outside.gate)
    careless_load = careless.add_gate_load(exit=outside.gate)
    stage.warm_up()

    old = stage.cluster.nodes[0]
    assert stage.cluster.master() is old
    net.hosts[0].unplug()
    cut = time.monotonic()
    wait_until(lambda: stage.cluster.sentinels[1].named() != old.address
               and stage.cluster.sentinels[2].named() != old.address,
               "a new master", 60)
    announced = time.monotonic()
    for one in outside.loads:
        wait_until(lambda one=one: [
            when for _, when in History(one.records()).ends(OK).values()
            if when > announced], "revocations by the new master")
    wait_until(lambda: undue(History(careless_load.records()),
                             STALENESS_SECONDS), "the price of availability")
    assert old.is_master()
    denied = [record for record in of(inside_load.records(), "check")
              if record.began > cut + STALENESS_SECONDS + 1]
    assert denied and all(record.status < 0 for record in denied)

    net.hosts[0].plug()
    stage.cluster.wait_until_well()
    stage.over = time.monotonic()
    stage.go_on()
    careless.loads.remove(careless_load)
    careless_load.finish()
    stage.finish()


def replica_comes_to_an_old_master(place):
    """A gate that was cut off with the old master is not fooled by a replica
    that follows it once more, after it has followed the new one."""
    need_networks()
    net = place.add(Network(3))
    stage = Stage(place, net.hosts, hurried=False)
    inside = stage.add_client("inside", net.hosts[0])
    outside = stage.add_client("outside", net.hosts[2])
    token = outside.cli.issue("alice")
    first, second, third = stage.cluster.nodes
    second.call("CONFIG", "SET", "replica-priority", 0)

    def verdict():
        return inside.gate.ask(fastcgi.request_of(
            HTTP_AUTHORIZATION=f"Bearer {token}")).status
    wait_until(lambda: verdict() == 200, "the gate to know")
    net.hosts[0].move(net.ISLAND)
    assert stage.cluster.wait_for_failover(first) is third
    outside.cli.must("revoke", token)
    wait_until(lambda: verdict() == 503, "the gate to deny")
    stage.cluster.sentinels[1].kill()
    net.hosts[1].move(net.ISLAND)
    wait_until(lambda: first.good_replicas() == 1,
               "the replica to follow the old master",
               2 * FAILOVER_PATIENCE)
    since = time.monotonic()
    while time.monotonic() < since + 2 * STALENESS_SECONDS:
        assert verdict() == 503
    net.hosts[0].move(net.MAINLAND)
    net.hosts[1].move(net.MAINLAND)
    wait_until(lambda: verdict() == 401, "the gate to know", FAILOVER_PATIENCE)


def unsynced_master_promoted(place):
    """A Redis with old data becomes the master: who lives on tells it what
    was revoked, although all that were there had it."""
    stage = Stage(place)
    client = stage.add_client(durability="ack")
    token, other = client.cli.issue("bob"), client.cli.issue("carol")
    first = stage.cluster.master()
    second, third = stage.cluster.replicas()
    second.call("CONFIG", "SET", "replica-priority", 0)
    third.freeze()
    # What it has not read yet is gone, too.
    first.call("CLIENT", "KILL", "TYPE", "replica")
    wait_until(lambda: all("down" in sentinel.replica_flags(third)
                           for sentinel in stage.cluster.sentinels)
               and first.good_replicas() == 1, "one to be missed")

    def end(endpoint, credential):
        return fastcgi.ask(client.listen, dict(fastcgi.request_of(
            "/", "POST", LATCHKEY_ENDPOINT=endpoint,
            HTTP_AUTHORIZATION=f"Bearer {credential}"),
            FCGI_ROLE="RESPONDER"), fastcgi.RESPONDER).status

    def verdict(credential):
        return client.gate.ask(fastcgi.request_of(
            HTTP_AUTHORIZATION=f"Bearer {credential}")).status
    assert end("logout", token) == 200
    assert end("logout-all", other) == 200
    first.kill()
    third.thaw()
    assert stage.cluster.wait_for_failover(first) is third

    def known():
        seen = [verdict(one) for one in (token, other)]
        assert 200 not in seen, seen
        return seen == [401, 401]
    wait_until(known, "the gate to know", FAILOVER_PATIENCE)
    for one in (token, other):
        assert client.cli.verdict(one) == 1


def master_restarted_with_old_data(place):
    """So fast that no Sentinel notices, and as of its last snapshot."""
    stage = Stage(place)
    client = stage.add_client(durability="ack")
    token = client.cli.issue("bob")
    master = stage.cluster.master()
    master.call("SAVE")
    reply = fastcgi.ask(client.listen, dict(fastcgi.request_of(
        "/", "POST", LATCHKEY_ENDPOINT="logout",
        HTTP_AUTHORIZATION=f"Bearer {token}"),
        FCGI_ROLE="RESPONDER"), fastcgi.RESPONDER)
    assert reply.status == 200, reply
    stage.cluster.notice_after(60000)
    master.kill()
    master.start()

    def known():
        status = client.gate.ask(fastcgi.request_of(
            HTTP_AUTHORIZATION=f"Bearer {token}")).status
        assert status != 200
        return status == 401
    wait_until(known, "the gate to know", FAILOVER_PATIENCE)
    assert client.cli.verdict(token) == 1


SCENES = [replica_comes_to_an_old_master, unsynced_master_promoted,
          history_outlives_its_master, master_restarted_with_old_data,
          master_isolated, leader_hangs, sentinels_gone, master_killed,
          master_stopped, replication_cut_before_a_crash, sentinels_restarted,
          passwords_changed, client_unplugged, old_master_promoted_again,
          master_replaced_on_request]


def play(scene):
    with Place() as place:
        try:
            scene(place)
        except Exception as failure:
            logs = "\n".join(f"---- {name}\n{text[-6000:]}"
                             for name, text in place.logs().items())
            failure.args = (f"{failure}\n{logs}",)
            raise


@pytest.fixture(scope="module")
def playing():
    with ThreadPoolExecutor(AT_ONCE) as pool:
        futures = {scene: pool.submit(play, scene) for scene in SCENES}
        yield futures
        for future in futures.values():
            future.cancel()


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_failover_scene_holds_all_promises(playing, scene):
    playing[scene].result()
