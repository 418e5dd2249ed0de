"""Run the model of checks that do not wait for long, at a Redis of its own:

    storm_checks.py [CHECKS] [SEED]
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
sys.path.insert(0, str(ROOT / "tests"))

from support.place import BUILD, Place  # noqa: E402
from support.servers import RedisServer, redis_program  # noqa: E402


def main(checks="10000000", seed="1"):
    with Place() as place:
        redis = place.add(RedisServer(place))
        environment = place.environment() | {
            "LK_CHECKS": checks, "LK_SEED": seed,
            "LK_REDIS_SERVER": redis_program(),
            "LK_TEST_REDIS_PORT": str(redis.port),
            "LK_TEST_REDIS_SOCKET": str(redis.socket),
            "TMPDIR": str(place.path)}
        return subprocess.run(
            [BUILD / "tests" / "contract" / "test_checks_model"],
            env=os.environ | environment, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
