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


def promises():
    """Each promise of the table, and what is said of its tests."""
    _, _, rest = read("ARCHITECTURE.md").partition("\n## Promises, and")
    rows = [line.strip("| ").split(" | ")
            for line in rest.partition("\n## ")[0].splitlines()
            if line.startswith("| ")]
    assert rows[0] == ["promise", "test"]
    return rows[1:]


def test_mutants_name_a_promise_as_it_stands():
    for mutant in ALL:
        assert not mutant.promise or any(
            promise.startswith(mutant.promise) for promise, _ in promises()), (
                mutant.name)


def test_promises_have_a_mutant_each():
    broken = [mutant.promise for mutant in ALL if mutant.promise]
    without = [promise for promise, _ in promises()
               if not promise.startswith(tuple(broken))]
    assert not without, without


# `unit/test_x` and further ones of its folder, `servers/test_y` or `test_y`
# behind such a one, and then names of tests or of scenes, `..._z_...`.
NAMED = re.compile(r"((?:[a-z]+/)?(?:test|fuzz)_\w+|\w+/conftest)|`([\w.]+)`")


def files_of(name, folder):
    """The files of a test that the table names, text by text."""
    path = name if "/" in name else f"{folder}/{name}"
    return [read(f"tests/{path}{end}") for end in (".py", ".c")
            if (ROOT / "tests" / f"{path}{end}").is_file()]


def unknown_tests(said):
    """What the table says of tests that is not there."""
    folder, texts, unknown = "", [], []
    for name, case in NAMED.findall(said):
        if name:
            folder = name.split("/")[0] if "/" in name else folder
            texts = files_of(name, folder)
            unknown += [] if texts else [name]
            continue
        wanted = re.escape(case).replace(re.escape("..."), r"\w*")
        if not any(re.search(rf"^(?:def )?{wanted}\(", text, re.M)
                   for text in texts):
            unknown.append(case)
    return unknown


def test_promises_name_tests_that_exist():
    for promise, said in promises():
        assert NAMED.search(said) or said == "self/", promise
        assert not unknown_tests(said), (promise, unknown_tests(said))


def test_promises_that_name_no_test_are_noticed():
    assert unknown_tests("unit/test_record `..._rounded_up_...`") == []
    assert unknown_tests("unit/test_record `..._rounded_up`, "
                         "unit/test_nothing, self/test_text, test_none") == [
        "..._rounded_up", "unit/test_nothing", "test_none"]


def test_mutants_without_a_heading_are_refused(place):
    for text in ("Breaks: x\n", "Breaks: x\n\n--- a/x\n+++ b/x\n",
                 "Breaks: x\nTest: unit/x\nMore: x\n\n--- a/x\n+++ b/x\n"):
        try:
            Mutant(place.write("x.patch", text))
        except ValueError:
            continue
        raise AssertionError(text)
