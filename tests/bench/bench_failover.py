#!/usr/bin/python3
"""What a failover costs those who use the library.

One master, two replicas and three Sentinels with down-after 1000 ms on
loopback; a program with threads that issue, check and revoke.  The master is
killed or stopped, or its replication is cut shortly before it is killed, each
with `durability` "ack" and "replica".  A gap is the longest time between two
successes, over all threads, and a figure is the median over the rounds; what
is lost is the sum.  "Beyond" is the gap's part after the first Sentinel has
announced the new master: what we add to what Sentinel needs.
"""

import argparse
import statistics
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figure import say  # noqa: E402
from support import judge, load  # noqa: E402
from support.judge import History  # noqa: E402
from support.load import OK, LibraryLoad  # noqa: E402
from support.place import Place, wait_until  # noqa: E402
from support.redis_cluster import RedisCluster  # noqa: E402
from support.sentinel import (FAILOVER_PATIENCE, Announcements,  # noqa: E402
                              Cluster)

KINDS = ("check", "issue", "revoke")
NAMES = {-1: "fault", -4: "settings", -5: "store", -6: "timeout",
         -7: "corrupt", -8: "not-durable"}
CUT_SECONDS = 0.3


class Load(LibraryLoad):
    THREADS = 4
    PAUSE_MS = 2


class Run:
    """One failover and what became of each operation."""

    def __init__(self, place, fault, durability):
        self.cluster = Cluster(place)
        self.heard = Announcements(self.cluster.sentinels)
        conf = place.write("latchkey.conf", self.cluster.store_settings(
            f'durability = "{durability}";'))
        self.load = place.add(Load(place, conf))
        self.wait_for(load.successes, 2000)
        old = self.cluster.master()
        if fault == "cut":
            self.cluster.cut_replication()
            time.sleep(CUT_SECONDS)
        self.began = time.monotonic()
        old.freeze() if fault == "stop" else old.kill()
        if fault == "cut":
            self.cluster.mend_replication()
        self.cluster.wait_for_failover(old)
        self.wait_for(lambda records: load.successes(
            load.of(records, "issue"), time.monotonic() - 1), 100)
        self.ended = time.monotonic()
        old.thaw() if fault == "stop" else old.start()
        self.cluster.wait_until_well()
        self.heard.close()
        self.announced = min(when for when, _ in self.heard.heard)
        self.records = self.load.finish()

    def wait_for(self, some, count):
        wait_until(lambda: len(some(self.load.records())) > count,
                   "the load to go on", FAILOVER_PATIENCE)

    def gap(self, kind):
        """The longest gap, and how much of it is after the announcement;
        in ms."""
        gap, end = load.longest_gap(load.of(self.records, kind), self.began,
                                    self.ended)
        return gap * 1000, max(0, end - self.announced) * 1000

    def errors(self):
        return load.kinds([record for record in self.records
                           if record.began <= self.ended])

    def issues(self):
        return len(judge.lost(History(self.records)))

    def revocations(self):
        """How many that were reported durable are undone."""
        return len(judge.revived(History(self.records), OK))

    def carried(self):
        """How many that were reported not to be are undone in the end."""
        return len(judge.revived(
            History(self.records))) - self.revocations()


def run(fault, durability):
    with Place() as place:
        return Run(place, fault, durability)


def report(fault, durability, runs):
    name = f"failover.{fault}.{durability}"
    for kind in KINDS:
        gaps, beyond = zip(*(run.gap(kind) for run in runs))
        say(f"{name}.{kind}-gap", statistics.median(gaps), "ms")
        say(f"{name}.{kind}-gap-beyond", statistics.median(beyond), "ms",
            ("<=", 200) if fault != "cut" else None)
    errors = sum((run.errors() for run in runs), load.kinds([]))
    for (kind, status), count in sorted(errors.items()):
        say(f"{name}.{kind}-errors-{NAMES.get(status, status)}",
            count / len(runs), "errors")
    say(f"{name}.lost-issues", sum(run.issues() for run in runs), "sessions",
        ("<=", 0) if durability == "replica" else None)
    say(f"{name}.lost-revocations", sum(run.revocations() for run in runs),
        "sessions", ("<=", 0))
    say(f"{name}.lost-revocations-not-durable",
        sum(run.carried() for run in runs), "sessions", ("<=", 0))


class ClusterRun:
    """The same where a master of a Redis Cluster fails; "beyond" is what is
    left after its replica has its slots."""

    # What took longer has waited for a failover.
    WAITED_SECONDS = 0.25

    def __init__(self, fault):
        with Place() as place:
            cluster = RedisCluster(place)
            conf = place.write("latchkey.conf", cluster.settings("", ""))
            self.load = place.add(Load(place, conf))
            self.go_on(0)
            old = cluster.masters()[0]
            replica = cluster.replica_of(old)
            self.began = time.monotonic()
            old.freeze() if fault == "stop" else old.kill()
            wait_until(replica.is_master, "the replica to have its slots",
                       FAILOVER_PATIENCE)
            self.moved = time.monotonic()
            self.go_on(self.moved)
            old.thaw() if fault == "stop" else old.start()
            cluster.wait_until_well()
            self.ends = self.waited(self.began, self.load.finish())

    def waited(self, since, records=None):
        return [record.ended for record in load.of(
                    records or self.load.records(), "check")
                if record.ended > since and (
                    record.status < 0
                    or record.ended - record.began > self.WAITED_SECONDS)]

    def go_on(self, since):
        """Wait for a second without a check that failed or waited."""
        wait_until(lambda: not self.waited(time.monotonic() - 1) and len(
            load.successes(self.load.records(), max(
                since, time.monotonic() - 1))) > 100,
            "the load to go on", FAILOVER_PATIENCE)

    def gap(self):
        """The whole, and how much of it is after the slots had moved; ms."""
        end = max(self.ends, default=self.began)
        return ((end - self.began) * 1000,
                max(0, end - self.moved) * 1000)


def report_cluster(rounds):
    for fault in ("kill", "stop"):
        gaps, beyond = zip(*(ClusterRun(fault).gap() for _ in range(rounds)))
        name = f"failover.cluster.{fault}.check-gap"
        say(name, statistics.median(gaps), "ms")
        say(f"{name}-beyond", statistics.median(beyond), "ms")


def main():
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--cluster", action="store_true",
                         help="of a Redis Cluster, in place of Sentinel's")
    options = options.parse_args()
    if options.cluster:
        report_cluster(options.rounds)
        return 0
    cases = [(fault, durability) for fault in ("kill", "stop", "cut")
             for durability in ("ack", "replica")]
    runs = {case: [] for case in cases}
    for _ in range(options.rounds):
        for case in cases:
            runs[case].append(run(*case))
    for (fault, durability), found in runs.items():
        report(fault, durability, found)
    return 0


if __name__ == "__main__":
    sys.exit(main())
