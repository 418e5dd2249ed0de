"""What every program that lets users in by a session's token has in common.

Each runs with its example of etc/pam.d as it is.
"""

import pytest

from support.machine import PASSWORD
from support.pam import HOSTS, Tokens

BY_PASSWORD_TOO = ("sudo",)


@pytest.fixture(params=HOSTS)
def host(request, house):
    return house.host(request.param)


def test_host_with_session_lets_in_until_it_is_revoked(house, host):
    token = house.cli.issue("alice")
    assert host.login("alice", token)
    assert host.login("alice", token)
    assert house.cli.revoke(token) == 1
    assert not host.login("alice", token)


@pytest.mark.parametrize("kind", Tokens.KINDS)
def test_host_with_bad_token_refuses(house, host, kind):
    assert not host.login("alice", house.tokens.bad(kind))


def test_host_with_empty_password_refuses(host):
    assert not host.login("alice", "")


def test_host_with_password_refuses_unless_its_example_says_so(host):
    assert host.login("alice", PASSWORD) == (host.name in BY_PASSWORD_TOO)


@pytest.mark.parametrize("kind", ["silent", "gone"])
def test_host_with_store_down_refuses_until_it_is_back(house, host, kind):
    token = house.cli.issue("alice")
    assert host.login("alice", token)
    with house.outage(kind):
        assert not host.login("alice", token)
    assert host.login("alice", token)


def test_host_with_broken_settings_refuses(house, host):
    token = house.cli.issue("alice")
    with house.broken_settings():
        assert not host.login("alice", token)
    assert host.login("alice", token)
