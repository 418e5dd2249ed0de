"""A user source in processes that are not quite themselves."""

import json
import os
import shutil
import subprocess

import pytest

from support.place import PATIENCE, PLAIN
from support.servers import Latchkey, embedded_settings

SOMEBODY = 64101


@pytest.fixture
def cli(place):
    place.path.chmod(0o755)
    place.write("program", "#!/bin/sh\n"
                f"echo \"$@\" >> {place.path}/started\n"
                "echo '{\"login\":\"alice\"}'\n", 0o755)
    conf = place.write("latchkey.conf", embedded_settings(
        place.path / "store" / "sessions.db", "unix:/nowhere")
        + f'user = {{ source = "exec"; command = '
          f'[ "{place.path}/program" ]; }};\n', 0o644)
    return Latchkey(place, conf)


def started(place):
    path = place.path / "started"
    return path.read_text().split() if path.exists() else []


@pytest.mark.parametrize("prefix", [
    ("env", "--ignore-signal=CHLD"), ("env", "--block-signal"),
    ("env", "--ignore-signal"), ("nice", "-n", "19"),
    ("sh", "-c", 'ulimit -n 20; exec "$@"', "sh"),
    ("sh", "-c", 'umask 777; cd /tmp; exec "$@"', "sh"),
    ("sh", "-c", 'exec "$@" 2>&-', "sh")], ids=" ".join)
def test_user_source_of_a_strange_process_answers(place, cli, prefix):
    cli.issue("alice")
    cli.prefix = prefix
    done = cli.run("check", cli.tokens[0], "--user")
    assert done.returncode == 0, done
    assert json.loads(done.stdout)["detail"] == {"login": "alice"}


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_user_source_of_root_has_roots_groups(place, cli):
    """Those of its account, and none that whoever starts it has."""
    group = place.write("group", f"root:x:0:\nown:x:{SOMEBODY + 5}:root\n",
                        0o644)
    place.write("program", "#!/bin/sh\n"
                "printf '{\"groups\":\"%s\"}' \"$(id -G)\"\n", 0o755)
    cli.issue("alice")
    cli.prefix = ("unshare", "--mount", "--propagation", "private", "sh",
                  "-c", f'mount --bind {group} /etc/group && exec setpriv '
                  f'--groups {SOMEBODY + 6} "$@"', "sh")
    done = cli.run("check", cli.tokens[0], "--user")
    assert json.loads(done.stdout)["detail"] == {
        "groups": f"0 {SOMEBODY + 5}"}, done


@pytest.mark.parametrize("user", ["-", "-n", "--help"])
def test_user_source_is_not_asked_about_an_option(place, cli, user):
    """Whatever other programs may take it for."""
    token = cli.issue("--", user)
    assert cli.run("check", token, "--user").returncode == 1
    assert cli.run("user", "load", "--", user).returncode == 1
    assert started(place) == []


class SetGroupId:
    """The command as a program that has more rights than its caller."""

    def __init__(self, place, cli):
        self.cli = cli
        self.program = place.path / "latchkey"
        shutil.copy(PLAIN / "latchkey", self.program)
        os.chown(self.program, 0, SOMEBODY + 1)
        self.program.chmod(0o2755)
        # It is to get at the store.
        folder = place.path / "store"
        for path in (folder, *folder.iterdir()):
            os.chown(path, 0, SOMEBODY + 1)
            path.chmod(0o2770 if path == folder else 0o660)

    def run(self, *words):
        return subprocess.run(
            ["setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}",
             "--clear-groups", self.program, "-c", self.cli.conf, *words],
            capture_output=True, text=True, timeout=PATIENCE, check=False)


def is_honoured(place):
    """Whether programs get such rights here."""
    probe = place.path / "probe"
    shutil.copy("/usr/bin/id", probe)
    os.chown(probe, 0, SOMEBODY + 1)
    probe.chmod(0o2755)
    done = subprocess.run(
        ["setpriv", f"--reuid={SOMEBODY}", f"--regid={SOMEBODY}",
         "--clear-groups", probe, "-g"], capture_output=True, text=True,
        check=False)
    return done.stdout.strip() == str(SOMEBODY + 1)


@pytest.fixture
def privileged(place, cli):
    if os.geteuid() != 0 or not is_honoured(place):
        pytest.skip("set-group-id programs need root, and a folder for them")
    cli.issue("alice")
    return SetGroupId(place, cli)


def test_user_source_is_not_started_with_rights_of_two(place, cli,
                                                       privileged):
    done = privileged.run("check", cli.tokens[0])
    assert done.returncode == 0, done
    done = privileged.run("check", cli.tokens[0], "--user")
    assert done.returncode == 3, done
    assert "the rights of more than one user" in done.stderr
    assert started(place) == []


def test_user_source_is_not_cached_with_rights_of_two(place, cli, privileged):
    """What it reads itself it may use, but not keep for others."""
    users = place.write("users.json", '{"alice":{"login":"root"}}', 0o644)
    cli.conf.write_text(cli.conf.read_text().replace(
        '"exec"', f'"file"; path = "{users}"'))
    done = privileged.run("check", cli.tokens[0], "--user")
    assert json.loads(done.stdout)["detail"] == {"login": "root"}
    assert cli.run("user", "get", "alice").returncode == 1
    assert cli.run("check", cli.tokens[0], "--user").returncode == 0
    assert cli.run("user", "get", "alice").returncode == 0
    # Nor does it drop what others have kept.
    users.write_text("{}")
    assert privileged.run("user", "load", "alice").returncode == 1
    assert cli.run("user", "get", "alice").returncode == 0
