"""What a process takes, over time, and whether that grows."""

import threading
import time
from pathlib import Path
from statistics import median

# What is read of /proc/PID/smaps_rollup, in KiB.
MEMORY = ("Rss", "Pss", "Private_Dirty")
# What memory may grow by from the first third to the last: what a heap takes
# for other turns of the same work.
SHARE, SLACK_KB = 0.03, 512


def memory_of(pid):
    """In KiB, by the names of MEMORY."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    found = dict(line.split(":", 1) for line in lines[1:])
    return {name: int(found[name].split()[0]) for name in MEMORY}


def shape_of(pid):
    """How many descriptors and how many threads it has."""
    return tuple(len(list(Path(f"/proc/{pid}/{what}").iterdir()))
                 for what in ("fd", "task"))


class Scales:
    """A thread that weighs processes every few seconds, each by its name."""

    EVERY = 3.0

    def __init__(self, pids):
        self.pids = pids
        self.began = time.monotonic()
        self.noted = {name: [] for name in pids}  # (when, memory, shape)
        self.failure = None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._weigh)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        self.ending.set()
        self.thread.join()

    def _weigh(self):
        while not self.ending.wait(self.EVERY):
            for name, pid in self.pids.items():
                try:
                    self.noted[name].append((
                        time.monotonic() - self.began, memory_of(pid),
                        shape_of(pid)))
                except (OSError, KeyError) as failure:  # It is gone.
                    self.failure = f"{name}: {failure}"
                    return

    def series(self, name, what, since=0.0):
        return [memory[what] for when, memory, _ in self.noted[name]
                if when >= since]


def thirds(series):
    """The medians of the first third and of the last."""
    third = len(series) // 3
    if third == 0:
        raise ValueError("too few samples")
    return median(series[:third]), median(series[-third:])


def grows(series):
    first, last = thirds(series)
    return last > first * (1 + SHARE) + SLACK_KB
