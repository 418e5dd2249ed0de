"""A Redis Cluster of real nodes, on loopback or in network namespaces, with
the user of etc/redis/."""

import contextlib

from support.certificates import as_settings, redis_options
from support.place import Daemon, free_port, wait_until
from support.redis_client import RedisClient, RedisError, fields
from support.sentinel import Loopback, example_user
from support.servers import PATIENT, redis_program

SLOTS = 16384
# A node that says nothing for so long is down to the others.
NODE_TIMEOUT_MS = 1000
# Longer than any test that wants no failover, on the slowest of machines.
CALM_MS = 600000
USER_PASSWORD = "cluster-user-secret-of-some-length"
# What a slot is moved by.
NOBODY, COUNT = "", 100


def slot_of(key):
    """The slot of a key, by its hash tag if it has one."""
    start = key.find(b"{")
    end = key.find(b"}", start + 1) if start >= 0 else -1
    if end > start + 1:
        key = key[start + 1:end]
    crc = 0
    for byte in key:
        crc ^= byte << 8
        for _ in range(8):
            crc = ((crc << 1) ^ (0x1021 if crc & 0x8000 else 0)) & 0xffff
    return crc % SLOTS


class Node(Daemon):
    """One node; our own hand is the default user, and reaches it through its
    unix socket, whatever the network."""

    def __init__(self, place, number, timeout=NODE_TIMEOUT_MS, options=(),
                 host=Loopback, authority=None):
        self.name = f"node-{number}"
        super().__init__(place)
        self.port, self.bus = free_port(), free_port()
        self.folder = place.path / self.name
        self.folder.mkdir()
        self.ip = host.ip
        self.socket = self.folder / "sock"
        listens = [f"port {self.port}"] if authority is None else [
            "port 0", "tls-cluster yes", "tls-replication yes",
            *redis_options(self.port, authority.certify(self.name),
                           authority)]
        conf = place.write(f"{self.name}/conf", "\n".join([
            *listens, f"bind {self.ip}", f"dir {self.folder}",
            f"unixsocket {self.socket}",
            f"cluster-port {self.bus}", "cluster-enabled yes",
            f"cluster-node-timeout {timeout}", "repl-diskless-sync-delay 0",
            "repl-ping-replica-period 1", 'save ""', "appendonly no",
            "daemonize no", "shutdown-timeout 0", "protected-mode no",
            "user default on nopass ~* &* +@all",
            example_user("latchkey-cluster.conf", USER_PASSWORD),
            *options]) + "\n")
        self.argv = [*host.prefix, redis_program(), conf]

    @property
    def address(self):
        return f"{self.ip}:{self.port}"

    def hand(self, timeout=20.0):
        return RedisClient(f"unix:{self.socket}", timeout=timeout)

    def call(self, *words):
        with self.hand() as hand:
            return hand.call(*words)

    def info(self, section):
        return fields(self.call("INFO", section))

    def ready(self):
        try:
            return self.call("PING") == b"PONG"
        except OSError:
            return False

    def id(self):
        return self.call("CLUSTER", "MYID").decode()

    def is_master(self):
        return self.call("ROLE")[0] == b"master"

    def is_well(self):
        """Whether it knows of nothing that is wrong, and has its data."""
        state = fields(self.call("CLUSTER", "INFO"))
        role = self.call("ROLE")
        return (state["cluster_state"] == "ok"
                and state["cluster_slots_assigned"] == str(SLOTS)
                and (role[0] == b"master" or role[3] == b"connected"))


class RedisCluster:
    """Three masters, and a replica of each, the nodes on these `hosts` one
    after another; with an `authority` they speak TLS only."""

    def __init__(self, place, masters=3, replicas=1,
                 timeout=NODE_TIMEOUT_MS, options=(), hosts=(Loopback,),
                 authority=None):
        self.place = place
        self.hosts = hosts
        self.authority = authority
        self.timeout = timeout
        self.options = options
        self.nodes = []
        for _ in range(masters * (1 + replicas)):
            self.add_node()
        for number, node in enumerate(self.nodes[:masters]):
            node.call("CLUSTER", "SET-CONFIG-EPOCH", number + 1)
            node.call("CLUSTER", "ADDSLOTSRANGE",
                      SLOTS * number // masters,
                      SLOTS * (number + 1) // masters - 1)
        first = self.nodes[0]
        for node in self.nodes[1:]:
            first.call("CLUSTER", "MEET", node.ip, node.port, node.bus)
        for number, node in enumerate(self.nodes[masters:]):
            master = self.nodes[number % masters]
            wait_until(lambda: master.id().encode() in node.call(
                "CLUSTER", "NODES"), "a replica to know its master")
            node.call("CLUSTER", "REPLICATE", master.id())
        self.wait_until_well()

    def add_node(self):
        """One more, which nobody knows."""
        number = len(self.nodes)
        node = self.place.add(Node(
            self.place, number, self.timeout, self.options,
            self.hosts[number % len(self.hosts)], self.authority))
        self.nodes.append(node)
        return node

    def join(self, node):
        """Let a new node be one of the cluster, a master without slots."""
        self.running()[0].call("CLUSTER", "MEET", node.ip, node.port,
                               node.bus)
        wait_until(lambda: all(node.id().encode() in other.call(
            "CLUSTER", "NODES") for other in self.running()),
            "all to know the new node")
        wait_until(node.is_well, "the new node to be well")

    def running(self):
        return [node for node in self.nodes if node.running()]

    def wait_until_well(self, patience=60):
        def well():
            try:
                # A replica that has heard of nothing is named by nobody.
                return all(node.is_well() for node in self.running()) and all(
                    len(entry) == 4 or len(self.nodes) != 6
                    for node in self.running()
                    for entry in node.call("CLUSTER", "SLOTS"))
            except OSError:
                return False
        wait_until(well, "the cluster to be well", patience)

    def masters(self):
        return [node for node in self.running() if node.is_master()]

    def owner(self, slot):
        """The node that has a slot, as most of those say that run."""
        votes = {}
        for node in self.running():
            with contextlib.suppress(OSError):
                for start, end, master, *_ in node.call("CLUSTER", "SLOTS"):
                    if start <= slot <= end:
                        votes[master[1]] = votes.get(master[1], 0) + 1
        port = max(votes, key=votes.get)
        return next(node for node in self.nodes if node.port == port)

    def replica_of(self, master):
        return next(node for node in self.running()
                    if node.call("ROLE")[0] == b"slave"
                    and node.call("ROLE")[2] == master.port)

    def move_begin(self, slot, to):
        """Begin to move a slot: what is missing is to be asked there."""
        source = self.owner(slot)
        to.call("CLUSTER", "SETSLOT", slot, "IMPORTING", source.id())
        source.call("CLUSTER", "SETSLOT", slot, "MIGRATING", to.id())
        return source

    def move_keys(self, slot, source, to, count=COUNT):
        """Move some keys; how many."""
        keys = source.call("CLUSTER", "GETKEYSINSLOT", slot, count)
        if keys:
            source.call("MIGRATE", to.ip, to.port, NOBODY, 0, 20000,
                        "KEYS", *keys)
        return len(keys)

    def move_end(self, slot, source, to):
        to.call("CLUSTER", "SETSLOT", slot, "NODE", to.id())
        # With its last slot it may have become a replica already.
        with contextlib.suppress(RedisError):
            source.call("CLUSTER", "SETSLOT", slot, "NODE", to.id())

    def move(self, slot, to):
        """Move a slot as redis-cli does."""
        source = self.move_begin(slot, to)
        while self.move_keys(slot, source, to):
            pass
        self.move_end(slot, source, to)

    def settings(self, more="", redis=PATIENT, seeds=()):
        """`store = ...;` of the user of the example."""
        addresses = ", ".join(f'"{address}"' for address in seeds or [
            node.address for node in self.nodes[:6]])
        if self.authority is not None:
            redis += as_settings(self.authority)
        return (
            'store = { backend = "cluster"; durability_timeout_ms = 5000;\n'
            f'  redis = {{ username = "latchkey"; '
            f'password = "{USER_PASSWORD}"; {redis} }};\n'
            f'  cluster = {{ addresses = [ {addresses} ]; }}; {more} }};\n')


__all__ = ["Node", "RedisCluster", "RedisError", "slot_of"]
