"""Every test is run, and is named as the house names tests."""

import re

from support.place import BUILD
from tree import files, read, run

SUITES = files("tests/unit/*.c", "tests/contract/*.c")
DEFINED = re.compile(r"^(test_\w+)\s*\(\s*void\s*\*\s*\*", re.M)


def test_registration_every_test_is_run():
    """By the main() of suite.h, from the list that make has of each file."""
    lists = {path: (BUILD / "gen" / path).with_suffix(".list")
             for path in SUITES if DEFINED.search(read(path))}
    made = run("make", "-s", "--no-print-directory", f"B={BUILD}",
               *lists.values())
    assert made.returncode == 0, made.stderr
    for path, listed in lists.items():
        assert (re.findall(r"\((\w+)\)", listed.read_text())
                == DEFINED.findall(read(path))), path
        assert read(path).endswith('#include "support/suite.h"\n'), path


def test_registration_names_say_unit_condition_outcome():
    assert [f"{path}: {name}" for path in SUITES
            for name in DEFINED.findall(read(path))
            if name.count("_") < 3] == []


def test_registration_no_test_is_hidden_by_a_namesake():
    for path in files("tests/**/test_*.py"):
        names = re.findall(r"^def (test_\w+)", read(path), re.M)
        assert names, path
        assert sorted(names) == sorted(set(names)), path
