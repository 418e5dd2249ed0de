"""The tests of this house tell what failed, what was skipped, and why."""

import os
import subprocess
import sys

from support.place import ROOT

sys.path.insert(0, str(ROOT / "tests"))

import run  # noqa: E402

TAP = """1..3
ok 1 - test_a_thing_works
# skipped: needs root
ok 2 # SKIP test_another_is_left_out
not ok 3 - test_a_third_fails
"""


def program(output, status=0):
    """A test program of that name that ended so."""
    ended = run.Program("build", "unit", "test_a")
    ended.output, ended.status, ended.seconds = output, status, 0.0
    return ended


def closing_lines(results, capsys):
    capsys.readouterr()
    fine = results.close()
    return fine, capsys.readouterr().out.splitlines()


def test_runner_counts_and_names_what_a_program_says(capsys):
    results = run.Results()
    program(TAP).report(results)
    fine, lines = closing_lines(results, capsys)
    assert not fine
    assert lines[-1] == "1 passed, 1 failed, 1 skipped"
    assert "  unit/test_a: test_a_third_fails" in lines
    assert "  unit/test_a: test_another_is_left_out: needs root" in lines


def test_runner_program_that_dies_or_runs_nothing_has_failed(capsys):
    for output, status in ((TAP.replace("not ", ""), 1), ("", 0),
                           ("1..2\nok 1 - test_a_thing_works\n", 0)):
        results = run.Results()
        program(output, status).report(results)
        assert not closing_lines(results, capsys)[0], output


def test_runner_skipped_in_one_build_and_run_in_the_other_counts_once(capsys):
    results = run.Results()
    results.skip("a", "not here")
    results.add("a", True)
    assert closing_lines(results, capsys) == (True, ["1 passed, 0 failed"])


def test_runner_without_a_program_skips_and_says_which(place):
    folder = place.path / "suite"
    place.write("suite/conftest.py",
                (ROOT / "tests/conftest.py").read_text().replace(
                    "Path(__file__).resolve().parent",
                    repr(str(ROOT / "tests"))))
    place.write("suite/test_it.py", """
import pytest
from support.servers import find_program

@pytest.fixture(scope="session")
def server():
    return find_program("no-such-server", "nor-this")

def test_first(server):
    pass

def test_second(server):
    pass

def test_third():
    assert False
""")
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-rs", "-p", "no:cacheprovider",
         f"--rootdir={folder}", folder], capture_output=True, text=True,
        check=False, env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"})
    assert "1 failed, 2 skipped" in done.stdout
    assert "not installed: no-such-server or nor-this" in done.stdout
