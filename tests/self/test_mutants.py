"""Each fault in tests/mutants can be tried, and each promise has one."""

import re
import sys

from support.place import ROOT
from tree import read

sys.path.insert(0, str(ROOT / "tests" / "mutants"))

from hunt import Mutant, mutants  # noqa: E402

ALL = mutants()


def test_mutants_apply_to_the_tree():
    assert ALL
    for mutant in ALL:
        assert mutant.apply(ROOT, "--dry-run") is None, mutant.name


def test_mutants_name_a_test_that_exists():
    for mutant in ALL:
        path, _, case = mutant.test.partition("::")
        if not path.endswith(".py"):
            path += ".c"
        assert re.search(rf"\b{case.split('[')[0] or 'test_'}",
                         read(f"tests/{path}")), mutant.name


def test_mutants_name_a_promise_as_it_stands():
    promises = [line.split(" | ")[0].removeprefix("| ")
                for line in read("ARCHITECTURE.md").splitlines()
                if line.startswith("| ")]
    for mutant in ALL:
        assert not mutant.promise or any(
            promise.startswith(mutant.promise) for promise in promises), (
                mutant.name)


def test_mutants_without_a_heading_are_refused(place):
    for text in ("Breaks: x\n", "Breaks: x\n\n--- a/x\n+++ b/x\n",
                 "Breaks: x\nTest: unit/x\nMore: x\n\n--- a/x\n+++ b/x\n"):
        try:
            Mutant(place.write("x.patch", text))
        except ValueError:
            continue
        raise AssertionError(text)
