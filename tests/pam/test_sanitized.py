"""The module with sanitizers under pamtester, by way of pam_wrapper.

libasan is preloaded, so that an error or a leak ends the program.
"""

import os

import pytest

from support.servers import Latchkey, RedisServer, impatient, settings
from support.wrapped import MODULE, Wrapped, sanitizers


@pytest.fixture
def wrapped(place):
    if "LK_PLAIN" in os.environ and not sanitizers():
        pytest.fail(f"{MODULE} has no sanitizers")
    redis = place.add(RedisServer(place))
    conf = place.write("latchkey.conf", settings(
        redis.unix_address, "unix:/nowhere")
        + 'log = { level = "debug"; };\n')
    wrapped = Wrapped(place, conf)
    wrapped.redis, wrapped.cli = redis, Latchkey(place, conf)
    return wrapped


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
    wrapped.conf.write_text(impatient(wrapped.conf.read_text(), 500))
    with wrapped.redis.frozen():
        assert not wrapped.ask("alice", token)
    wrapped.redis.stop()
    assert not wrapped.ask("alice", token)


def test_sanitized_module_with_bad_settings(wrapped):
    token = wrapped.cli.issue("alice")
    for text, mode in (("store = {", 0o600), ("store = 1;", 0o600),
                       (wrapped.conf.read_text(), 0o666)):
        conf = wrapped.place.write("bad.conf", text, mode)
        wrapped.use(f"conf={conf}")
        assert not wrapped.ask("alice", token), text
