"""Access tokens in the place of a session's own, as far as they fit."""

import pytest

from support.access import Forger, access_settings, keygen
from support.machine import GROUP_ID
from support.pam import HOSTS

pytest.importorskip("cryptography",
                    reason="not installed: python3-cryptography")

KEY = "/etc/latchkey/key"
OFFLINE = r'jwt.check: expected \"store\" for PAM, got \"offline\"'


def settle(house, **others):
    house.write_settings(access_settings(KEY, f"{KEY}.pub", **others))


@pytest.fixture(scope="module")
def forger(house):
    path = keygen(house.place, "access-key")
    for name in ("", ".pub"):
        with open(path + name, encoding="ascii") as file:
            house.machine.write(KEY + name, file.read(), 0o640, GROUP_ID)
    return Forger(path)


@pytest.fixture
def issuing(house, forger):
    """The settings issue and take access tokens."""
    settle(house)
    yield forger
    house.write_settings()


@pytest.fixture(params=HOSTS)
def host(request, house):
    return house.host(request.param)


def issue(house, user="alice", *options):
    token = house.cli.issue(user, *options)
    access = house.cli.must("jwt", "issue", token)
    house.cli.tokens.append(access)
    return token, access


def test_host_takes_an_access_token_that_fits_until_its_session_ends(
        house, host, issuing):
    token, access = issue(house)
    assert 400 < len(access) < 511
    assert host.login("alice", access) == (host.longest > len(access))
    assert not host.login("alice", issue(house, "bob")[1])
    assert not host.login("alice", access[:-8] + "AAAAAAAA")
    assert house.cli.revoke(token) == 1
    assert not host.login("alice", access)


def test_host_takes_access_tokens_up_to_its_longest_password(
        house, host, issuing):
    if host.longest < 400:
        pytest.skip(f"no access token fits {host.name}")
    session = house.cli.check(house.cli.issue("alice"))
    access = issuing.of_length(session, host.longest)
    house.cli.tokens.append(access)
    assert host.login("alice", access)


def test_host_refuses_an_access_token_that_is_none(house, issuing):
    host = house.host("pamtester")
    session = house.cli.check(house.cli.issue("alice"))
    good = issuing.sign(issuing.header(), issuing.claims(session))
    assert host.login("alice", good)
    for name, access in issuing.hostile(session).items():
        if len(access) <= host.longest:
            assert not host.login("alice", access), name


def test_host_refuses_every_token_with_revocation_seen_at_expiry(
        house, forger):
    host = house.host("pamtester")
    settle(house)
    token, access = issue(house)
    settle(house, check="offline")
    try:
        for one in (token, access):
            assert not host.login("alice", one)
        assert OFFLINE in house.place.logs()["syslog.log"]
    finally:
        house.write_settings()
    assert host.login("alice", token)


def test_host_without_the_private_key_takes_access_tokens(house, issuing):
    """It is opened only to sign, which PAM never does."""
    _, access = issue(house)
    settle(house, sign="/nonexistent")
    assert house.host("pamtester").login("alice", access)
