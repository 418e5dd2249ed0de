"""The command without a settings file: a store of one's own."""

import os
import pty
import shutil
import subprocess

import pytest

from support.place import BUILD, PATIENCE

DONE, REFUSED, USAGE = 0, 1, 2

STORE = ".local/state/latchkey/sessions.db"
SOMEBODY = 54321


def can_unshare():
    if os.geteuid() != 0:
        return False
    done = subprocess.run(["unshare", "--mount", "true"], check=False,
                          capture_output=True)
    return done.returncode == 0


# An ordinary user, and a home folder that we may fill, take root.
pytestmark = pytest.mark.skipif(
    not can_unshare(), reason="only root can play an ordinary user")


class Somebody:
    """A user with a home folder, in a mount namespace of his own."""

    def __init__(self, place):
        self.place = place
        # What runs as him must be able to reach the program and the home.
        place.path.chmod(0o711)
        self.program = place.path / "latchkey"
        shutil.copy(BUILD / "latchkey", self.program)
        self.program.chmod(0o755)
        self.home = place.path / "home"
        self.home.mkdir(mode=0o755)
        os.chown(self.home, SOMEBODY, SOMEBODY)
        self.accounts = place.write(
            "passwd", "root:x:0:0::/root:/bin/sh\n"
            f"somebody:x:{SOMEBODY}:{SOMEBODY}::{self.home}:/bin/sh\n",
            0o644)
        (place.path / "etc").mkdir()

    def argv(self, *words):
        return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
                f"mount --bind {self.accounts} /etc/passwd && "
                "{ [ ! -d /etc/latchkey ] || "
                f"mount --bind {self.place.path}/etc /etc/latchkey; }} && "
                f'exec setpriv --reuid {SOMEBODY} --regid {SOMEBODY} '
                '--clear-groups "$@"', "sh", str(self.program), *words]

    def environment(self):
        # Neither of these has a say.
        return {**self.place.environment(), "HOME": "/nonexistent",
                "XDG_STATE_HOME": "/nonexistent"}

    def run(self, *words):
        return subprocess.run(
            self.argv(*words), capture_output=True, text=True, check=False,
            timeout=PATIENCE, env=self.environment())


def mode(path):
    return path.stat().st_mode & 0o7777


def test_default_store_of_a_user_is_his_own(place):
    somebody = Somebody(place)
    result = somebody.run("issue", "alice")
    assert (result.returncode, result.stderr) == (DONE, ""), result
    token = result.stdout.strip()
    store = somebody.home / STORE
    assert store.stat().st_uid == SOMEBODY
    assert mode(store) == 0o600
    for folder in list(store.relative_to(somebody.home).parents)[:-1]:
        assert mode(somebody.home / folder) == 0o700, folder
    assert '"alice"' in somebody.run("check", token).stdout
    assert somebody.run("revoke", token).stdout == "1\n"
    assert somebody.run("check", token).returncode == REFUSED


def test_default_store_is_shown(place):
    somebody = Somebody(place)
    store = str(somebody.home / STORE)
    result = somebody.run("config")
    assert f'path = "{store}"' in result.stdout, result
    assert not (somebody.home / ".local").exists()
    result = somebody.run("doctor")
    assert result.returncode == DONE, result
    assert "built-in defaults" in result.stdout
    assert store in result.stdout


def test_default_store_is_named_on_a_terminal_only(place):
    somebody = Somebody(place)
    leader, terminal = pty.openpty()
    try:
        subprocess.run(somebody.argv("issue", "alice"), check=True,
                       stdout=subprocess.DEVNULL, stderr=terminal,
                       timeout=PATIENCE, env=somebody.environment())
        said = os.read(leader, 4096).decode()
    finally:
        os.close(leader)
        os.close(terminal)
    assert str(somebody.home / STORE) in said
    assert said.count("\n") == 1


def test_default_store_without_a_home_is_a_settings_error(place):
    somebody = Somebody(place)
    somebody.accounts.write_text("root:x:0:0::/root:/bin/sh\n")
    result = somebody.run("issue", "alice")
    assert result.returncode == USAGE, result
    assert "home folder" in result.stderr


# ---- A default settings file that leads nowhere ----------------------------


@pytest.fixture
def own_etc(place):
    """An /etc of our own, with a folder latchkey, for commands of root."""
    etc = place.path / "own-etc"
    (etc / "latchkey").mkdir(parents=True)
    (etc / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    return etc


def as_root(etc, *words):
    return subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "sh", "-c",
         f"mount --bind {etc} /etc && "
         'mount -t tmpfs tmpfs /var/lib && exec "$@"',
         "sh", str(BUILD / "latchkey"), *words],
        capture_output=True, text=True, check=False, timeout=PATIENCE)


@pytest.mark.parametrize("dangling", [
    "latchkey/latchkey.conf", "latchkey/latchkey.conf absolute", "latchkey"])
def test_default_settings_that_lead_nowhere_end_no_other_session(
        own_etc, dangling):
    link = own_etc / dangling.split()[0]
    if link.is_dir():
        link.rmdir()
    link.symlink_to("/gone" if "absolute" in dangling else "gone")
    for words in (["revoke-all", "bob"], ["issue", "bob"], ["list", "bob"],
                  ["config"], ["doctor"]):
        result = as_root(own_etc, *words)
        assert result.returncode == USAGE, (words, result)
        assert "/etc/latchkey/latchkey.conf" in result.stderr + result.stdout
    link.unlink()
    assert as_root(own_etc, "config").returncode == DONE
