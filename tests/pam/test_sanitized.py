"""The module with sanitizers under pamtester, by way of pam_wrapper.

Needs neither root nor a namespace: pam_wrapper shows libpam another folder
of services, and libasan is preloaded.
"""

import os
import re
import signal
import subprocess

import pytest

from support.pamtester import OPERATIONS
from support.place import BUILD, PATIENCE
from support.servers import Latchkey, RedisServer, find_program, settings

MODULE = BUILD / "pam_latchkey.so"


def preloads():
    """The sanitizers' libraries that the module wants, then pam_wrapper."""
    printed = subprocess.run(["ldd", MODULE], capture_output=True, text=True,
                             check=True).stdout
    return re.findall(r"lib[au]b?san\.so\S* => (\S+)", printed) + [
        "libpam_wrapper.so"]


class Wrapped:
    """pamtester with services of its own; what it logs is kept."""

    def __init__(self, place):
        self.place = place
        self.redis = place.add(RedisServer(place))
        self.conf = place.write("latchkey.conf", settings(
            self.redis.unix_address, "unix:/nowhere")
            + 'log = { level = "debug"; };\n')
        self.cli = Latchkey(place, self.conf)
        (place.path / "services").mkdir()
        self.use(f"conf={self.conf} debug")

    def use(self, options):
        self.place.write("services/latchkey", "".join(
            f"{kind} required {MODULE} {options}\n"
            for kind in ("auth", "account", "session")))

    def ask(self, user, secret, *operations):
        done = subprocess.run(
            [find_program("pamtester"), "latchkey", user,
             *(operations or OPERATIONS)], input=f"{secret}\n", text=True,
            capture_output=True, timeout=2 * PATIENCE, check=False,
            cwd=self.place.path,
            env={**self.place.environment(),
                 "LD_PRELOAD": ":".join(preloads()), "PAM_WRAPPER": "1",
                 "PAM_WRAPPER_SERVICE_DIR": str(
                     self.place.path / "services"),
                 "PAM_WRAPPER_DEBUGLEVEL": "3"})
        # pam_wrapper traces what passes through it, passwords too; what goes
        # to syslog is ours.
        with open(self.place.path / "pamtester.log", "a") as log:
            log.write("".join(f"{line}\n" for line in (
                done.stdout + done.stderr).splitlines()
                if not line.startswith("PWRAP_") or "SYSLOG(" in line))
        assert done.returncode in (0, 1), done
        return done.returncode == 0


@pytest.fixture
def wrapped(place):
    if not preloads()[:-1] and os.environ.get("LK_PLAIN"):
        pytest.fail(f"{MODULE} has no sanitizers")
    return Wrapped(place)


def test_sanitized_module_from_login_to_revocation(wrapped):
    cli = wrapped.cli
    token, other = cli.issue("alice"), cli.issue("bob")
    assert wrapped.ask("alice", token)
    for secret in (other, "", "garbage", token[:-1], token + "A",
                   "\b\n\r\x7fINCORRECT", "lk_" + "A" * 400, "é" * 99):
        assert not wrapped.ask("alice", secret), secret
    assert cli.revoke(token) == 1
    assert not wrapped.ask("alice", token)
    log = (wrapped.place.path / "pamtester.log").read_text()
    assert "msg=refused user=alice reason=unknown" in log
    assert not [word for word in cli.tokens if word in log]


@pytest.mark.parametrize("options", [
    "client=ssh", "user_field=login", "set_user user_field=login",
    "use_first_pass", "require_token", "revoke_on_close", "unknown",
    "prompt=?", "fail_delay=1", "fail_delay=x", "silent"])
def test_sanitized_module_with_option(wrapped, options):
    token = wrapped.cli.issue("alice")
    wrapped.use(f"conf={wrapped.conf} {options}")
    found = wrapped.ask("alice", token)
    assert found == (options in ("require_token", "revoke_on_close",
                                 "prompt=?", "fail_delay=1", "silent"))
    for operation in ("acct_mgmt", "open_session", "close_session"):
        wrapped.ask("alice", token, operation)


def test_sanitized_module_with_store_down(wrapped):
    """Nor does a peer that goes away raise SIGPIPE in pamtester."""
    token = wrapped.cli.issue("alice")
    os.kill(wrapped.redis.process.pid, signal.SIGSTOP)
    try:
        assert not wrapped.ask("alice", token)
    finally:
        os.kill(wrapped.redis.process.pid, signal.SIGCONT)
    wrapped.redis.stop()
    assert not wrapped.ask("alice", token)


def test_sanitized_module_with_bad_settings(wrapped):
    token = wrapped.cli.issue("alice")
    for text, mode in (("store = {", 0o600), ("store = 1;", 0o600),
                       (wrapped.conf.read_text(), 0o666)):
        conf = wrapped.place.write("bad.conf", text, mode)
        wrapped.use(f"conf={conf}")
        assert not wrapped.ask("alice", token), text
