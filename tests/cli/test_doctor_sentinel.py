"""What `latchkey doctor` says of a store behind Sentinel, right and wrong."""

import pytest

from support.place import Place, free_port
from support.sentinel import (MASTER, REDIS_PASSWORD, SENTINEL_PASSWORD,
                              Cluster)
from support.servers import PATIENT, Latchkey, RedisServer, impatient

DONE, USAGE, STORE = 0, 2, 3


@pytest.fixture(scope="module")
def cluster():
    with Place() as place:
        yield Cluster(place)


def doctor(cluster, change=lambda text: text):
    """What it says, and its exit status, after a change of the settings."""
    conf = cluster.place.write("latchkey.conf",
                               change(cluster.store_settings()))
    result = Latchkey(cluster.place, conf).run("doctor")
    assert result.stderr == ""
    return result.stdout, result.returncode


def replaced(old, new):
    def change(text):
        assert old in text
        return text.replace(old, new)
    return change


def watched_as(cluster, name, server):
    """Let all Sentinels take a server for the master of that name."""
    for sentinel in cluster.sentinels:
        sentinel.call("SENTINEL", "MONITOR", name, "127.0.0.1", server.port,
                      2)
    return replaced(f'master = "{MASTER}"', f'master = "{name}"')


def test_doctor_of_a_good_cluster_says_ok(cluster):
    said, status = doctor(cluster)
    assert status == DONE, said
    assert "WRONG" not in said
    for sentinel in cluster.sentinels:
        assert (f"ok    store: sentinel at {sentinel.address} names "
                f"{cluster.master().address}") in said
    assert "3 of 3 sentinels name" in said
    assert "store.sentinel.addresses lists" not in said
    assert "ok    store: 2 replicas in step" in said
    assert "ok    session: issue, check, refresh, revoke" in said


def test_doctor_wants_enough_sentinels_to_be_listed(cluster):
    first, second, third = (f'"{one.address}"' for one in cluster.sentinels)
    said, status = doctor(cluster, replaced(cluster.addresses, first))
    assert status == USAGE
    assert ("WRONG store: store.sentinel.addresses lists 1 sentinels, and "
            "they know of 3: a majority of those listed may name an old "
            "master") in said
    # A majority of two is one of three as well.
    said, status = doctor(cluster, replaced(
        cluster.addresses, f"{first}, {second}"))
    assert status == DONE
    assert ("hint  store: store.sentinel.addresses lists 2 sentinels, and "
            "they know of 3: list them all") in said
    stranger = f'"127.0.0.1:{free_port()}"'
    said, status = doctor(cluster, replaced(
        cluster.addresses, f"{first}, {second}, {third}, {stranger}"))
    assert status == USAGE
    assert ("hint  store: store.sentinel.addresses lists 4 sentinels, and "
            "they know of 3: some listed are of no use") in said


@pytest.mark.parametrize("old, new, words", [
    (f'master = "{MASTER}"', 'master = "nobody"',
     "knows no master of this name (store.sentinel.master)"),
    (SENTINEL_PASSWORD, "wrong",
     "refuses store.sentinel.username, store.sentinel.password or, by its "
     "ACL, the command"),
    (REDIS_PASSWORD, "wrong",
     "refused store.redis.username or store.redis.password"),
], ids=["unknown-master", "sentinel-password", "redis-password"])
def test_doctor_names_the_setting_that_is_wrong(cluster, old, new, words):
    said, status = doctor(cluster, replaced(old, new))
    assert status == USAGE
    assert words in said


def test_doctor_says_that_no_sentinel_can_be_reached(cluster):
    nobody = replaced(cluster.addresses, f'"127.0.0.1:{free_port()}"')
    said, status = doctor(cluster, lambda text: impatient(nobody(text), 500))
    assert status == STORE
    assert "no sentinel of 1 can be reached" in said


def test_doctor_says_that_a_replica_answered(cluster):
    change = watched_as(cluster, "replica", cluster.replicas()[0])
    said, status = doctor(cluster, lambda text: impatient(change(text), 3000))
    assert status == STORE
    assert "is a replica" in said, said


def test_doctor_says_that_a_cluster_node_answered(cluster):
    node = cluster.place.add(RedisServer(
        cluster.place, options=("cluster-enabled yes",
                                f"cluster-port {free_port()}")))
    change = watched_as(cluster, "node", node)
    said, status = doctor(cluster, lambda text: change(text).replace(
        'redis = { username = "latchkey"; '
        f'password = "{REDIS_PASSWORD}"; {PATIENT}', "redis = {"))
    assert status == USAGE
    assert "is a cluster node" in said
