#!/usr/bin/python3
"""Storms, one after the other: random faults behind Sentinel, and a judge.

    storm.py [SEED [ROUNDS [FAULTS]]]   blow; SEED 0 is one of its own
    storm.py FILE                       judge a saved history again

The seed of each round is printed; the history of one that breaks a promise is
saved, with the logs of all servers.
"""

import random
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.place import ROOT, Place  # noqa: E402
from support.storm import Storm, judge_again  # noqa: E402

FAULTS = 40


def blow(seed, faults):
    """Whether all promises were kept."""
    print(f"storm: seed {seed}, {faults} faults", flush=True)
    with Place() as place:
        storm = Storm(place, seed, faults)
        if storm.why_no_network:
            print(f"storm: on loopback: {storm.why_no_network}")
        try:
            bad = storm.run()
        except Exception:
            keep(storm, place)
            raise
        counts = {name: len(records)
                  for name, records in storm.histories.items()}
        print(f"storm: seed {seed}: {counts} {bad or 'all kept'}", flush=True)
        if bad:
            keep(storm, place)
    return not bad


def keep(storm, place):
    """Its history, as far as there is one, and all logs."""
    path = ROOT / f"storm-{storm.seed}.json"
    storm.save(path)
    path.with_suffix(".log").write_text("\n".join(
        f"---- {name}\n{text}" for name, text in place.logs().items()))
    print(f"storm: the history is {path}", flush=True)


def main(words):
    if words and not words[0].isdigit():
        bad = judge_again(Path(words[0]))
        print(bad or "all kept")
        return 1 if bad else 0
    seed, rounds, faults = (*map(int, words), *(0, 1, FAULTS)[len(words):])
    seed = seed or random.SystemRandom().randrange(1, 1 << 32)
    kept = [blow(seed + number, faults) for number in range(rounds)]
    return 0 if all(kept) else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
