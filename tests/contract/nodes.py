#!/usr/bin/python3
"""A Redis Cluster for a test in C (nodes.c): prints the ports of its nodes on a
line, and stops them at the end of its standard input."""

import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.place import Place  # noqa: E402
from support.redis_cluster import CALM_MS, RedisCluster  # noqa: E402


def main():
    # The test ends us, by the end of the input.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with Place() as place:
        cluster = RedisCluster(place, timeout=CALM_MS)
        print(*(node.port for node in cluster.nodes), flush=True)
        sys.stdin.read()


if __name__ == "__main__":
    main()
