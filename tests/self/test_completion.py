"""The completions of bash and zsh know what the command's help says."""

import re
import shutil
import subprocess

import pytest

from support.place import BUILD
from tree import run

BASH = """
source "$1"; shift
COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
_latchkey
printf '%s\\n' "${COMPREPLY[@]}"
"""


def completed(*words):
    """What bash offers for the last of these words."""
    done = subprocess.run(
        ["bash", "-euc", BASH, "bash", BUILD / "completion/bash", "latchkey",
         *words], text=True, capture_output=True, check=False)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    return done.stdout.split()


def verbs():
    """Of each verb, what its line in the help has behind it."""
    return dict(re.findall(r"^  ([a-z][a-z-]*)(?: (.*))?$",
                           run(BUILD / "latchkey", "--help").stdout, re.M))


def test_completion_of_bash_has_every_verb_and_option_of_the_help():
    assert len(verbs()) > 12
    assert set(verbs()) < set(completed(""))
    for verb, arguments in verbs().items():
        actions = re.findall(r"(?:^|\|)([a-z]+)([^|]*)", arguments)
        found = set(completed(verb, ""))
        assert found == ({name for name, _ in actions} if actions else
                         set(re.findall(r"--[a-z-]+", arguments)))
        for action, rest in actions:
            assert (set(re.findall(r"--[a-z-]+", rest))
                    == set(completed(verb, action, "")) - found), action


def test_completion_of_bash_goes_by_what_was_typed():
    assert completed("-c", "some", "logout-o") == ["logout-others"]
    assert completed("issue", "alice", "--t") == ["--ttl"]
    assert completed("jwt", "verify", "--") == ["--offline"]
    assert completed("-c", "") == []


def test_completion_of_zsh_has_the_cases_of_bash(place):
    cases = re.findall(r"^\t'.*;;$", (BUILD / "completion/bash").read_text(),
                       re.M)
    zsh = BUILD / "completion/zsh"
    assert len(cases) > 10
    assert re.findall(r"^\t'.*;;$", zsh.read_text(), re.M) == cases
    if shutil.which("zsh") is None:
        pytest.skip("zsh is not installed")
    done = run("zsh", "-fc", f"""
        compadd() {{ print -- $@ }}
        words=(latchkey jwt verify) CURRENT=4
        source {zsh}""")
    assert (done.stdout.strip(), done.stderr) == ("-- --offline", "")
