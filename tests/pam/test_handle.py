"""The module between steps and answers that no usual host gives it."""

import json

import pytest

from support.pam_handle import (ACCT_EXPIRED, AUTH_ERR, CONV_AGAIN, CONV_ERR,
                                IGNORE, INCOMPLETE, PERM_DENIED, SESSION_ERR,
                                SUCCESS, Handle)
from support.servers import Latchkey, RedisServer, settings

# Accounts of every system: the user id of a session is one's name.
USERS = {"alice": {"login": "alice"}, "daemon": {"login": "alice"},
         "000001": {"login": "alice"}}
VARIABLE = b"LATCHKEY_SESSION"


@pytest.fixture
def cli(place):
    redis = place.add(RedisServer(place))
    users = place.write("users.json", json.dumps(USERS))
    return Latchkey(place, place.write("latchkey.conf", settings(
        redis.address, "unix:/nowhere")
        + f'user = {{ source = "file"; path = "{users}"; }};\n'))


@pytest.fixture
def door(place, cli):
    def open_door(*answers, options="", user=b"alice"):
        return Handle(place, f"conf={cli.conf} {options}", user, answers)
    return open_door


def lives(cli, token):
    return cli.run("check", "-", stdin=token).returncode == 0


def forged(cli, token):
    """What a user writes to ~/.pam_environment."""
    return VARIABLE + b"=" + cli.check(token)["id"].encode()


# ---- Whose session it is -------------------------------------------------


@pytest.mark.parametrize("options", ["", "require_token"])
def test_handle_that_became_anothers_is_refused(cli, door, options):
    with door(cli.issue("alice").encode(), options=options) as login:
        assert login.call("authenticate") == SUCCESS
        for user in (b"bob", b"root", b"alic", b"alice2"):
            login.become(user)
            assert login.call("acct_mgmt") == PERM_DENIED, user
        login.become(b"alice")
        assert login.call("acct_mgmt") == SUCCESS


def test_handle_set_user_refuses_a_user_id_that_is_an_account(cli, door):
    """A host that does not listen would open that account."""
    token = cli.issue("daemon").encode()
    for user, code in ((b"daemon", AUTH_ERR), (b"alice", SUCCESS)):
        with door(token, options="user_field=login set_user",
                  user=user) as login:
            assert login.call("authenticate") == code, user
    with door(cli.issue("000001").encode(), user=b"000001",
              options="user_field=login set_user") as login:
        assert login.call("authenticate") == SUCCESS
        assert login.call("acct_mgmt") == SUCCESS


# ---- The environment is the user's ----------------------------------------


def test_handle_with_anothers_id_in_its_environment_ends_nothing(cli, door):
    """Neither without a login of one's own, as with a key, nor with one."""
    others, own = cli.issue("bob"), cli.issue("alice")
    with door(options="revoke_on_close") as login:
        login.put(forged(cli, others))
        assert login.call("acct_mgmt") == PERM_DENIED
        assert login.call("open_session") == SUCCESS
        assert login.call("close_session") == SESSION_ERR
    with door(own.encode(), options="revoke_on_close") as login:
        assert login.call("authenticate") == SUCCESS
        login.put(forged(cli, others))
        assert login.call("open_session") == SUCCESS
        login.put(forged(cli, others))
        assert login.call("close_session") == SUCCESS
    assert lives(cli, others)
    assert not lives(cli, own)


@pytest.mark.parametrize("evasion", [
    b"LATCHKEY_SESSION", b"LATCHKEY_SESSION=", b"LATCHKEY_SESSION=x", None])
def test_handle_in_another_process_remembers_what_it_opened(cli, door,
                                                            evasion):
    """As sshd's does, which is told by the environment alone; what comes
    into it after the session was opened changes nothing."""
    own, other = cli.issue("alice"), cli.issue("alice")
    with door(options="revoke_on_close") as login:
        login.put(forged(cli, own))
        assert login.call("open_session") == SUCCESS
        login.put(evasion or forged(cli, other))
        assert login.call("close_session") == SUCCESS
    assert not lives(cli, own)
    assert lives(cli, other)


def test_handle_account_in_another_process_sees_a_revocation(cli, door):
    """Of a host whose account step has the environment alone."""
    token = cli.issue("alice")
    with door(options="") as login:
        login.put(forged(cli, token))
        assert login.call("acct_mgmt") == SUCCESS
        assert cli.revoke(token) == 1
        assert login.call("acct_mgmt") == ACCT_EXPIRED


@pytest.mark.parametrize("value", [
    b"", b"x", b"A" * 363, b"A" * 5000, b"\xff\xfe", b"AAAA-_AA"])
def test_handle_with_garbage_in_its_environment_goes_on(cli, door, value):
    with door(options="revoke_on_close") as login:
        login.put(VARIABLE + b"=" + value)
        assert login.call("acct_mgmt") not in (SUCCESS, IGNORE)
        assert login.call("open_session") == SUCCESS
        assert login.call("close_session") == SESSION_ERR


def test_handle_that_closes_without_a_store_ends_nothing(place, cli, door):
    own = cli.issue("alice")
    with door(options="revoke_on_close") as login:
        login.put(forged(cli, own))
        place.daemons[0].stop()
        assert login.call("open_session") == SUCCESS
        assert login.call("close_session") == SESSION_ERR


# ---- What the host answers -------------------------------------------------


@pytest.mark.parametrize("user, answers", [
    (b"alice", ()), (None, (b"alice",)), (None, (CONV_AGAIN, b"alice"))])
def test_handle_of_a_host_that_wants_to_be_asked_again(cli, door, user,
                                                       answers):
    token = cli.issue("alice").encode()
    with door(*answers, CONV_AGAIN, CONV_AGAIN, token, user=user) as login:
        for _ in range(2 + answers.count(CONV_AGAIN)):
            assert login.call("authenticate") == INCOMPLETE
            assert login.get(VARIABLE) is None
        assert login.call("authenticate") == SUCCESS
        assert login.asked[-1] == b"Session token: "
        assert login.answers == []


@pytest.mark.parametrize("answer", [None, b"", CONV_ERR])
def test_handle_of_a_host_without_an_answer_is_refused(cli, door, answer):
    with door(answer) as login:
        assert login.call("authenticate") == AUTH_ERR
        assert login.get(VARIABLE) is None


def test_handle_is_slowed_down_by_fail_delay(cli, door):
    """libpam adds or takes up to half of it, so that nobody learns from it."""
    with door(b"wrong", options="fail_delay=2000") as login:
        assert login.call("authenticate") == AUTH_ERR
        assert len(login.delays) == 1
        assert 1_000_000 <= login.delays[0] <= 3_000_000
    with door(b"wrong") as login:
        assert login.call("authenticate") == AUTH_ERR
        assert not any(login.delays)
