"""Random faults behind Sentinel, from a seed, and the judge's verdict on all
that was done meanwhile.

Where there are network namespaces each Redis and the Sentinel beside it are a
host, with a program on the first of them and another one outside; elsewhere
all of it is on loopback, and only processes fail.
"""

import json
import random
import time

from support import network
from support.failover import HANGS_SECONDS, STALENESS_SECONDS, Stage
from support.judge import judge
from support.load import Record
from support.network import Network
from support.place import Failed
from support.sentinel import MASTER, Loopback

# How long a fault lasts, and how long it is until the next thing happens, in
# seconds.
PAUSE = (0.2, 3.0)
AT_ONCE = 2
SERVERS = 3


class Storm:
    def __init__(self, place, seed, faults):
        self.random = random.Random(seed)
        self.seed, self.left = seed, faults
        self.why_no_network = network.why_not()
        self.net = (None if self.why_no_network
                    else place.add(Network(SERVERS + 1)))
        hosts = self.net.hosts if self.net else [Loopback] * (SERVERS + 1)
        self.stage = Stage(place, hosts[:SERVERS])
        self.cluster = self.stage.cluster
        for name, host in (("inside", hosts[0]), ("outside", hosts[SERVERS])):
            client = self.stage.add_client(name, host)
            client.add_gate_load()
            client.add_library_load()
        self.active = {}  # What is hit by a fault: how that is ended.
        self.noted = []   # When, and what was done.
        self.histories, self.bad = {}, {}

    # ---- Faults: each says what it hits, and returns how it is ended ------

    def kill_redis(self, number):
        self.cluster.nodes[number].kill()
        return self.cluster.nodes[number].start

    def freeze_redis(self, number):
        self.cluster.nodes[number].freeze()
        return self.cluster.nodes[number].thaw

    def cut_redis(self, number):
        """It loses its master, and does not get on with it again."""
        node = self.cluster.nodes[number]
        node.cut_replication()
        for other in self.cluster.nodes:
            if other.running() and other is not node:
                other.call("CLIENT", "KILL", "TYPE", "replica")
        return node.mend_replication

    def kill_sentinel(self, number):
        self.cluster.sentinels[number].kill()

        def start():
            self.cluster.sentinels[number].start()
            self.cluster.sentinels[number].hurry()
        return start

    def freeze_sentinel(self, number):
        self.cluster.sentinels[number].freeze()
        return self.cluster.sentinels[number].thaw

    def unplug(self, number):
        self.net.hosts[number].unplug()
        return self.net.hosts[number].plug

    def maroon(self, number):
        """Onto an island, with whoever else is there."""
        self.net.hosts[number].move(Network.ISLAND)
        return lambda: self.net.hosts[number].move(Network.MAINLAND)

    def fail_over(self, number):
        self.cluster.sentinels[number].call("SENTINEL", "FAILOVER", MASTER)
        return lambda: None

    def reload(self, number):
        self.stage.clients[number % 2].reload()
        return lambda: None

    REDIS = (kill_redis, freeze_redis, cut_redis)
    SENTINEL = (kill_sentinel, freeze_sentinel, fail_over)
    HOST = (unplug, maroon)
    ANY = REDIS + SENTINEL + HOST + (reload,)

    def hit_by(self, fault, number):
        kind = next((name for name, faults in (
            ("redis", self.REDIS), ("sentinel", self.SENTINEL),
            ("host", self.HOST)) if fault in faults), "program")
        return f"{kind}-{number}"

    # ---- All of it -------------------------------------------------------

    def note(self, what):
        self.noted.append((time.monotonic(), what))

    def begin(self):
        fault = self.random.choice(self.ANY if self.net else
                                   self.REDIS + self.SENTINEL
                                   + (Storm.reload,))
        number = self.random.randrange(SERVERS)
        hit = self.hit_by(fault, number)
        if hit in self.active:
            return
        self.note(f"{fault.__name__} {number}")
        try:
            self.active[hit] = fault(self, number)
        except OSError as refusal:
            # A frozen server takes no command, and a Sentinel may refuse one.
            self.note(f"  it did not come to that: {refusal}")
        self.left -= 1

    def end(self, hit):
        self.note(f"{hit} is well")
        self.active.pop(hit)()

    def blow(self):
        while self.left > 0:
            over = len(self.active) >= AT_ONCE or (
                self.active and self.random.random() < 0.4)
            if over:
                self.end(self.random.choice(sorted(self.active)))
            else:
                self.begin()
            time.sleep(self.random.uniform(*PAUSE))
        for hit in sorted(self.active):
            self.end(hit)

    def run(self):
        """What broke a promise, by the load and the promise."""
        self.stage.warm_up()
        self.blow()
        self.cluster.wait_until_well()
        self.stage.go_on()
        return self.verdict({f"{client.name}-{type(one).__name__}":
                             one.finish() for client in self.stage.clients
                             for one in client.loads})

    def verdict(self, histories):
        self.histories = histories
        self.bad = verdict_on(histories)
        for client in self.stage.clients:
            if (not client.gate.running()
                    or client.gate.process.pid != client.pid):
                raise Failed("a gate did not live through it")
        if any(not records for records in histories.values()):
            raise Failed("nothing was done")
        return self.bad

    def save(self, path):
        path.write_text(json.dumps({
            "seed": self.seed, "faults": self.noted, "broken": self.bad,
            "histories": self.histories}))


def verdict_on(histories):
    """Several servers fail at a time: what none of them has left is lost."""
    judged = {name: judge(records, STALENESS_SECONDS, HANGS_SECONDS,
                          forgiving=True)
              for name, records in histories.items()}
    return {name: bad for name, bad in judged.items() if bad}


def judge_again(path):
    """The verdict on a saved history."""
    saved = json.loads(path.read_text())
    return verdict_on({name: [Record(*record) for record in records]
                       for name, records in saved["histories"].items()})
