#!/usr/bin/python3
"""Run the benchmarks of the library against a Redis of their own."""

import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.place import BUILD, Place  # noqa: E402
from support.servers import RedisServer  # noqa: E402


def main():
    with Place() as place:
        redis = place.add(RedisServer(place))
        return subprocess.run(
            [BUILD / "bench/bench_library", redis.socket, str(redis.port)],
            check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
