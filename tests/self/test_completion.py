"""The completions of bash and zsh know what the command's help says."""

import os
import pty
import re
import select
import shutil
import subprocess
import time

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


def typed(argv, environment, prompt, keys, wanted):
    """Whether a shell on a terminal shows `wanted` once these keys follow its
    prompt, and what it showed."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe(argv[0], argv, environment)
    shown, sent, end = b"", False, time.monotonic() + 30
    try:
        while wanted not in shown and time.monotonic() < end:
            if not sent and prompt in shown:
                shown, sent = b"", os.write(terminal, keys) > 0
            if select.select([terminal], [], [], 0.2)[0]:
                shown += os.read(terminal, 4096)
    finally:
        os.close(terminal)
        os.waitpid(pid, 0)
    return wanted in shown, shown


@pytest.mark.parametrize("keys,wanted", [
    (b"latchkey logout-o\t", b"logout-others "),
    (b"latchkey jwt verify --o\t", b"--offline "),
    (b"latchkey issue alice --t\t", b"--ttl "),
])
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_completion_at_a_terminal(place, shell, keys, wanted):
    if shutil.which(shell) is None:
        pytest.skip(f"{shell} is not installed")
    file = BUILD / "completion" / shell
    if shell == "bash":
        place.write(".bashrc", f"PS1='at''> '\nsource {file}\n")
        argv = ["bash", "--rcfile", str(place.path / ".bashrc"), "-i"]
    else:
        # As packages install it: a function of this name in a folder of fpath.
        (place.path / "fpath").mkdir()
        shutil.copy(file, place.path / "fpath/_latchkey")
        place.write(".zshrc", f"fpath=({place.path}/fpath $fpath)\n"
                    "autoload -U compinit && compinit -u -D\nPS1='at''> '\n")
        argv = ["zsh", "-i"]
    done, shown = typed(argv, {
        "PATH": os.environ["PATH"], "HOME": str(place.path),
        "ZDOTDIR": str(place.path), "TERM": "dumb", "LC_ALL": "C.UTF-8",
        "INPUTRC": "/dev/null"}, b"at> ", keys, wanted)
    assert done, shown
