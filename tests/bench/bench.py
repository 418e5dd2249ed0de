#!/usr/bin/python3
"""Run the benchmarks of the library against stores of their own."""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.place import BUILD, Place  # noqa: E402
from support.servers import RedisServer  # noqa: E402


def main():
    sessions = os.environ.get("SESSIONS", "100000")
    with Place() as place:
        redis = place.add(RedisServer(place))
        commands = [
            ["bench_library", redis.socket, str(redis.port)],
            ["bench_store", place.path, redis.socket, sessions]]
        wanted = sys.argv[1:]
        codes = [
            subprocess.run([BUILD / "bench" / name, *arguments],
                           check=False).returncode
            for name, *arguments in commands if not wanted or name in wanted]
        return max(codes, default=2)


if __name__ == "__main__":
    sys.exit(main())
