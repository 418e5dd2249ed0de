#!/usr/bin/python3
"""Play the scenes of test_cluster.py under one load, in any order:

    storm_cluster.py [SECONDS] [SEED]
"""

import random
import sys
import time
from pathlib import Path

sys.path[:0] = [str(Path(__file__).resolve().parents[1]),
                str(Path(__file__).resolve().parent)]

from support.place import Place  # noqa: E402
from test_cluster import STORM, Stage  # noqa: E402


def main(seconds="60", seed="0"):
    seed = int(seed) or random.randrange(1, 10**6)
    chance = random.Random(seed)
    print(f"seed {seed}", flush=True)
    with Place() as place:
        stage = Stage(place)
        end = time.monotonic() + float(seconds)
        while time.monotonic() < end:
            scene = chance.choice(STORM)
            print(scene.__name__, flush=True)
            scene(stage)
            stage.goes_on()
        stage.finish()
        print(f"{len(stage.load.records())} operations, all as promised")


if __name__ == "__main__":
    main(*sys.argv[1:])
