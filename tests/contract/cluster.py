#!/usr/bin/python3
"""A cluster behind Sentinel for a test in C (cluster.c), which asks for things
on our standard input, a line each, and reads on our standard output what came
of it: `ok WORD...` or `failed WHY`.  At the end of the input all is stopped.

The Sentinels find no fault with anybody until a failover is asked for.
"""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.place import Place, wait_until  # noqa: E402
from support.sentinel import CALM_MS, Cluster  # noqa: E402

# How soon they call a server down when they shall replace it.
HURRY_MS = 500


def servers(cluster):
    """All of them by their names, in order."""
    return {server.name: server
            for server in cluster.nodes + cluster.sentinels}


def go_on(server):
    """Whether it was killed or frozen."""
    if server.running():
        server.thaw()
    else:
        server.start()


def settle(cluster):
    """Wait until the master has its replica in step, and all agree."""
    cluster.hurry()
    cluster.wait_until_well()


def resume(cluster):
    for server in servers(cluster).values():
        go_on(server)


def fail_over(cluster, old):
    """Replace a master that does not answer."""
    cluster.notice_after(HURRY_MS)
    cluster.wait_for_failover(old)
    cluster.notice_after(CALM_MS)


def rejoin(cluster, old):
    """Let a former master follow the new one at once; the Sentinels would see
    to it after ten seconds."""
    master = cluster.master()
    go_on(old)
    wait_until(old.ready, "a former master to come back")
    old.call("REPLICAOF", master.ip, master.port)


VERBS = {
    "ports": lambda cluster: [server.port
                              for server in servers(cluster).values()],
    "master": lambda cluster: [cluster.master().name],
    "settle": settle,
    "resume": resume,
    "fail-over": fail_over,
    "rejoin": rejoin,
    "start": lambda _, server: server.start() and None,
    "kill": lambda _, server: server.kill(),
    "freeze": lambda _, server: server.freeze(),
    "thaw": lambda _, server: server.thaw(),
}


def answer(cluster, verb, *names):
    """Do it; what came of it, as a line."""
    try:
        words = VERBS[verb](cluster, *(servers(cluster)[name]
                                       for name in names))
    except (AssertionError, OSError) as failure:
        return f"failed {failure!r}"
    return " ".join(map(str, ["ok", *(words or [])]))


def main(*passwords):
    # The test ends us, by the end of the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Place() as place:
        cluster = Cluster(place, size=2, passwords=passwords,
                          down_after=CALM_MS)
        for line in sys.stdin:
            print(answer(cluster, *line.split()), flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
