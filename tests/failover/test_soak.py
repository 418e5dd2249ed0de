"""What `make soak` takes for growth, of processes that take what they are told
to."""

import subprocess
import sys

import pytest

from support.flat import Scales, grows, memory_of, shape_of, thirds
from support.place import wait_until

# Takes so many KiB and descriptors for each line that it reads.
TAKER = """
import os, sys
kept = []
print("ready", flush=True)
for line in sys.stdin:
    kib, count = map(int, line.split())
    kept.append(b"x" * (kib << 10))
    kept += [os.dup(0) for _ in range(count)]
    print("taken", flush=True)
"""


@pytest.fixture
def taker():
    with subprocess.Popen([sys.executable, "-c", TAKER], text=True,
                          stdin=subprocess.PIPE,
                          stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == "ready\n"

        def take(kib, count=0):
            process.stdin.write(f"{kib} {count}\n")
            process.stdin.flush()
            assert process.stdout.readline() == "taken\n"
        process.take = take
        yield process
        process.stdin.close()


@pytest.mark.parametrize("kib, grown", [(0, False), (400, True)])
def test_memory_that_is_taken_steadily_grows(taker, kib, grown):
    weights = []
    for _ in range(9):
        taker.take(kib)
        weights.append(memory_of(taker.pid))
    for name in weights[0]:
        assert grows([one[name] for one in weights]) == grown, (name, weights)


def test_descriptors_are_counted(taker):
    before = shape_of(taker.pid)
    taker.take(0, 3)
    assert shape_of(taker.pid) == (before[0] + 3, before[1])


def test_growth_of_a_share_alone_is_none():
    assert thirds([1000, 1002, 1001, 5, 5, 5, 1, 3, 2]) == (1001, 2)
    assert not grows([100000] * 3 + [103500] * 3)
    assert grows([100000] * 3 + [103600] * 3)
    with pytest.raises(ValueError):
        grows([1, 2])


def test_scales_say_that_a_process_has_gone(taker):
    scales = Scales({"taker": taker.pid})
    scales.EVERY = 0.01
    scales.start()
    try:
        wait_until(lambda: len(scales.series("taker", "Rss")) > 3, "samples")
        taker.kill()
        taker.wait()
        wait_until(lambda: scales.failure, "it to be missed")
    finally:
        scales.stop()
    assert scales.failure.startswith("taker")
