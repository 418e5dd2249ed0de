"""Every test is run, and is named as the house names tests."""

import re

from tree import files, read

SUITES = files("tests/unit/*.c", "tests/contract/*.c")
DEFINED = re.compile(r"^(test_\w+)\s*\(\s*void\s*\*\s*\*", re.M)


def test_registration_every_test_is_mentioned_twice():
    """Where it is defined, and where it is listed."""
    everything = "\n".join(read(path) for path in SUITES)
    names = DEFINED.findall(everything)
    assert names
    assert [name for name in names
            if len(re.findall(rf"\b{name}\b", everything)) < 2] == []


def test_registration_names_say_unit_condition_outcome():
    assert [f"{path}: {name}" for path in SUITES
            for name in DEFINED.findall(read(path))
            if name.count("_") < 3] == []


def test_registration_no_test_is_hidden_by_a_namesake():
    for path in files("tests/**/test_*.py"):
        names = re.findall(r"^def (test_\w+)", read(path), re.M)
        assert names, path
        assert sorted(names) == sorted(set(names)), path
