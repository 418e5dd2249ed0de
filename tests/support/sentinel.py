"""One master, its replicas and three Sentinels, on loopback or in network
namespaces, with the users of etc/redis/."""

import re
import secrets
import threading
import time

from support.certificates import redis_options
from support.place import ROOT, Daemon, Failed, free_port, wait_until
from support.redis_client import RedisClient, fields, pairs
from support.servers import PATIENT, redis_program

MASTER = "mymaster"
QUORUM = 2
DOWN_AFTER_MS = 1000
# Longer than any test, on the slowest of machines.
CALM_MS = 3600000
# After it a failover that got stuck is tried again.
FAILOVER_TIMEOUT_MS = 3000
# A failover takes two or three seconds, and ten more where the first one has
# to be given up; a slow machine adds to that.
FAILOVER_PATIENCE = 60

# Long enough that freeing their memory does not wipe them in passing.
SENTINEL_PASSWORD = "sentinel-secret-swordfish-and-seahorse"
REDIS_PASSWORD = "redis-secret-rhubarb-and-radish-root"


def example_user(name, password):
    """A `user` line of an example in etc/redis/, with a password."""
    text = (ROOT / "etc/redis" / name).read_text()
    found = re.findall(r"^user .*$", text, re.M)
    assert len(found) == 1, name
    return found[0].replace(">CHANGE-ME", f">{password}")


class Loopback:
    """Where a server is if it is nowhere in particular."""

    ip = "127.0.0.1"
    prefix = ()


class Server(Daemon):
    """What a Redis and a Sentinel of the cluster have in common.

    Our own hand reaches it through its unix socket, whatever the network.
    With a password it lets in nobody without one, not even us.
    """

    def __init__(self, place, name, host, password, options, authority=None):
        self.name = name
        super().__init__(place)
        self.authority = authority
        self.password = password
        self.ip = host.ip
        self.port = free_port()
        self.folder = place.path / name
        self.folder.mkdir()
        self.socket = self.folder / "socket"
        self.conf = place.write(f"{name}/conf", "\n".join([
            *self.ports(), f"bind {self.ip}", f"dir {self.folder}",
            f"unixsocket {self.socket}", "unixsocketperm 700",
            "protected-mode no", "daemonize no",
            f"user default on {f'>{password}' if password else 'nopass'} "
            "~* &* +@all", *options]) + "\n")
        self.argv = [*host.prefix, redis_program(), self.conf]

    def ports(self):
        """Plain, or by TLS alone, to each other as well."""
        if self.authority is None:
            return [f"port {self.port}"]
        return ["port 0", "tls-replication yes", *redis_options(
            self.port, self.authority.certify(self.name), self.authority)]

    @property
    def address(self):
        return f"{self.ip}:{self.port}"

    def hand(self, timeout=20.0):
        return RedisClient(f"unix:{self.socket}", password=self.password,
                           timeout=timeout)

    def call(self, *words):
        """The reply to one command."""
        with self.hand() as hand:
            return hand.call(*words)

    def ask(self, *words):
        """The same of what changes nothing: once more, if a Sentinel has just
        ended all connections to whom it turns around."""
        try:
            return self.call(*words)
        except OSError:
            return self.call(*words)

    def info(self, section):
        return fields(self.ask("INFO", section))

    def ready(self):
        try:
            return self.call("PING") == b"PONG"
        except OSError:
            return False


class RedisNode(Server):
    def __init__(self, place, number, host, master=None, password="",
                 authority=None):
        super().__init__(place, f"redis-{number}", host, password, [
            'save ""', "appendonly no", "shutdown-timeout 0",
            "repl-diskless-sync-delay 0", "repl-ping-replica-period 1",
            example_user("latchkey.conf", REDIS_PASSWORD),
            *([f"masterauth {password}"] if password else []),
            *([f"replicaof {master.ip} {master.port}"] if master else [])],
            authority)

    def is_master(self):
        return self.ask("ROLE")[0] == b"master"

    def good_replicas(self):
        """How many replicas are in step, if it is a master."""
        info = self.info("replication")
        lines = [info.get(f"slave{number}", "") for number in range(8)]
        return sum("state=online" in line
                   and re.search("lag=(-1|0|1)(,|$)", line) is not None
                   for line in lines)

    def is_followed_by(self, count):
        """Whether that many replicas follow at once.  After a whole transfer
        one is called online, and is sent nothing until it has said something
        by itself."""
        with self.hand() as hand:
            hand.call("PUBLISH", "settle", "x")
            return hand.call("WAIT", str(count), "1000") >= count

    def cut_replication(self):
        """Lose the master, and do not get on with it again."""
        self.call("CONFIG", "SET", "masteruser", "nobody",
                  "masterauth", "nothing")

    def mend_replication(self):
        self.call("CONFIG", "SET", "masteruser", "", "masterauth", "")


class SentinelNode(Server):
    def __init__(self, place, number, host, master, password="",
                 down_after=DOWN_AFTER_MS, authority=None):
        self.id = secrets.token_hex(20)
        super().__init__(place, f"sentinel-{number}", host, password, [
            f"sentinel myid {self.id}",
            f"sentinel monitor {MASTER} {master.ip} {master.port} {QUORUM}",
            f"sentinel down-after-milliseconds {MASTER} {down_after}",
            f"sentinel failover-timeout {MASTER} {FAILOVER_TIMEOUT_MS}",
            f"sentinel parallel-syncs {MASTER} 2",
            *([f"sentinel auth-pass {MASTER} {master.password}",
               f"sentinel sentinel-pass {password}"] if password else []),
            example_user("latchkey-sentinel.conf", SENTINEL_PASSWORD)],
            authority)
        self.argv.append("--sentinel")

    def know(self, others, replicas):
        """Spare it the seconds it takes to discover them."""
        with open(self.conf, "a", encoding="ascii") as conf:
            for other in others:
                conf.write(f"sentinel known-sentinel {MASTER} {other.ip} "
                           f"{other.port} {other.id}\n")
            for replica in replicas:
                conf.write(f"sentinel known-replica {MASTER} {replica.ip} "
                           f"{replica.port}\n")

    def hurry(self):
        """Look after the servers twice a second, not each 10 s; and do not
        mind to have been held up, which costs half a minute (TILT)."""
        self.call("SENTINEL", "DEBUG", "info-period", 500,
                  "publish-period", 500, "tilt-trigger", CALM_MS)

    def named(self):
        """The address of the master it names."""
        ip, port = self.call("SENTINEL", "GET-MASTER-ADDR-BY-NAME", MASTER)
        return f"{ip.decode()}:{port.decode()}"

    def state(self):
        return pairs(self.call("SENTINEL", "MASTER", MASTER))

    def replica_flags(self, node):
        """What it thinks of a replica."""
        return next(found["flags"] for found in map(pairs, self.call(
            "SENTINEL", "REPLICAS", MASTER))
            if found["port"] == str(node.port))

    def replicas_up(self):
        """How many replicas it does not hold to be down."""
        return sum("down" not in pairs(found)["flags"] for found in self.call(
            "SENTINEL", "REPLICAS", MASTER))

    def is_content(self, replicas, others):
        """Whether it knows so many and thinks that all are well."""
        state = self.state()
        if (state["flags"], state["num-slaves"],
                state["num-other-sentinels"]) != (
                    "master", str(replicas), str(others)):
            return False
        others = (self.call("SENTINEL", "REPLICAS", MASTER)
                  + self.call("SENTINEL", "SENTINELS", MASTER))
        return all("down" not in pairs(other)["flags"]
                   and "disconnected" not in pairs(other)["flags"]
                   for other in others)


class Announcements:
    """When each Sentinel said that there is a new master; a thread each."""

    def __init__(self, sentinels):
        self.heard = []  # (time.monotonic(), address), as they come
        self.hands = []
        for sentinel in sentinels:
            hand = sentinel.hand(timeout=None)
            hand.call("SUBSCRIBE", "+switch-master")
            self.hands.append(hand)
            threading.Thread(target=self._listen, args=(hand,),
                             daemon=True).start()

    def _listen(self, hand):
        try:
            while True:
                words = hand.receive()[2].decode().split()
                self.heard.append((time.monotonic(),
                                   f"{words[3]}:{words[4]}"))
        except (OSError, ValueError):
            pass  # close() or the end of the Sentinel.

    def close(self):
        for hand in self.hands:
            hand.sock.shutdown(2)


class Cluster:
    """`hosts` are where each Redis and the Sentinel beside it are; there are
    `size` Redis, at the first of them.  `passwords` are those of each Redis
    and of each Sentinel, without which they let nobody in; see notice_after()
    for `down_after`."""

    def __init__(self, place, hosts=(Loopback,) * 3, hurried=True, size=3,
                 passwords=("", ""), down_after=DOWN_AFTER_MS, authority=None):
        self.place = place
        self.hurried = hurried
        first = RedisNode(place, 1, hosts[0], None, passwords[0], authority)
        self.nodes = [first] + [
            RedisNode(place, number, host, first, passwords[0], authority)
            for number, host in enumerate(hosts[1:size], 2)]
        self.sentinels = [
            SentinelNode(place, number, host, first, passwords[1], down_after,
                         authority)
            for number, host in enumerate(hosts, 1)]
        for sentinel in self.sentinels:
            sentinel.know([other for other in self.sentinels
                           if other is not sentinel], self.nodes[1:])
        for server in self.nodes + self.sentinels:
            place.add(server)
        self.hurry()
        self.wait_until_well()

    def hurry(self):
        """Let what takes a failover's aftermath 10 s take one, if asked to;
        the failover itself takes as long as ever."""
        if self.hurried:
            for sentinel in self.sentinels:
                sentinel.hurry()

    def notice_after(self, milliseconds):
        """How long a master is away before the Sentinels do something."""
        for sentinel in self.sentinels:
            sentinel.call("SENTINEL", "SET", MASTER,
                          "down-after-milliseconds", milliseconds)

    @property
    def addresses(self):
        """The Sentinels, as the settings list them."""
        return ", ".join(f'"{sentinel.address}"'
                         for sentinel in self.sentinels)

    def store_settings(self, extra="", redis=PATIENT, sentinel=""):
        """The group `store` of a settings file."""
        return (f'store = {{ backend = "sentinel"; {extra}\n'
                f'  redis = {{ username = "latchkey"; '
                f'password = "{REDIS_PASSWORD}"; {redis} }};\n'
                f'  sentinel = {{ addresses = [ {self.addresses} ]; '
                f'master = "{MASTER}"; username = "latchkey"; '
                f'password = "{SENTINEL_PASSWORD}"; {sentinel} }};\n}};\n')

    def node_at(self, address):
        return next(node for node in self.nodes if node.address == address)

    def master(self):
        """The node that most Sentinels which answer name, or None."""
        named = []
        for sentinel in self.sentinels:
            try:
                named.append(sentinel.named())
            except OSError:
                continue  # It is not running.
        for address in set(named):
            if named.count(address) * 2 > len(named):
                return self.node_at(address)
        return None

    def replicas(self):
        master = self.master()
        return [node for node in self.nodes if node is not master]

    def is_well(self):
        """Whether everybody is there and of one mind."""
        master = self.master()
        try:
            return (master is not None and master.is_master()
                    and master.good_replicas() == len(self.nodes) - 1
                    and all(sentinel.is_content(len(self.nodes) - 1,
                                                len(self.sentinels) - 1)
                            and sentinel.named() == master.address
                            for sentinel in self.sentinels)
                    and master.is_followed_by(len(self.nodes) - 1))
        except OSError:
            return False

    def wait_until_well(self):
        wait_until(self.is_well, "the cluster to be well",
                   FAILOVER_PATIENCE)

    def wait_for_failover(self, old):
        """Wait for another master than that, and return it."""
        def succeeded():
            master = self.master()
            return (master is not None and master is not old
                    and master.is_master() and master)
        return wait_until(succeeded, "a new master", FAILOVER_PATIENCE)

    def is_over_a_failover(self):
        """Whether all Sentinels are done with it, and every replica that is
        not down is in step: from then on what it does can be durable."""
        master = self.master()
        if master is None or not master.is_master():
            return False
        good = master.good_replicas()
        return good > 0 and all(
            sentinel.named() == master.address
            and "failover" not in sentinel.state()["flags"]
            and sentinel.replicas_up() <= good
            for sentinel in self.sentinels) and master.is_followed_by(good)

    def promote(self):
        """A failover on request; returns the new master."""
        old = self.master()
        self.sentinels[0].call("SENTINEL", "FAILOVER", MASTER)
        return self.wait_for_failover(old)

    def cut_replication(self):
        """From now on the master's changes reach nobody."""
        master = self.master()
        for replica in self.replicas():
            replica.cut_replication()
        master.call("CLIENT", "KILL", "TYPE", "replica")
        if master.good_replicas() != 0:
            raise Failed("there is still a replica")

    def mend_replication(self):
        for node in self.nodes:
            if node.running():
                node.mend_replication()


