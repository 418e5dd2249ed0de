"""Hosts whose latchkey can check and nothing else."""

import pytest

from support.check_only import EXAMPLES, add_user, as_user, with_layout
from support.machine import GROUP_ID
from support.pam import CONF, EXTRA, HOSTS, MachineLatchkey, Tokens
from support.pamtester import ACCT_EXPIRED, AUTH_ERR
from support.servers import settings

ISSUER = "/etc/latchkey/issuer.conf"


@pytest.fixture(scope="module", params=EXAMPLES)
def issuer(request, house):
    """The command of somebody who may issue; CONF may not."""
    text = with_layout(settings(house.redis.address, "unix:/nowhere"),
                       request.param) + EXTRA
    add_user(house.redis.address, request.param)
    house.machine.write(ISSUER, text, 0o600)
    house.machine.write(CONF, as_user(text), 0o640, GROUP_ID)
    yield MachineLatchkey(house.machine, ISSUER)
    house.write_settings()


@pytest.fixture(scope="module")
def tokens(issuer):
    return Tokens(issuer)


@pytest.fixture
def log(house):
    """What is in the log since the test began."""
    before = len(house.machine.syslog.text())
    return lambda: house.machine.syslog.text()[before:]


@pytest.mark.parametrize("name", HOSTS)
def test_check_only_host_lets_in_and_refuses(house, issuer, tokens, log, name):
    host = house.host(name)
    token = issuer.issue("alice")
    assert host.login("alice", token)
    assert issuer.revoke(token) == 1
    assert not host.login("alice", token)
    for kind in Tokens.KINDS:
        assert not host.login("alice", tokens.bad(kind)), kind
    assert "NOPERM" not in log() and "level=error" not in log()


def test_check_only_module_answers_as_with_any_other_user(house, issuer,
                                                          tokens, log):
    tester = house.host("pamtester")
    options = "pam_latchkey.so user_field=login"
    tester.use(tester.example().replace("pam_latchkey.so", options))
    token = issuer.issue("alice")
    session = issuer.check(token)["id"]
    assert tester.ask("alice", token, "authenticate", "acct_mgmt",
                      "open_session", "close_session").status == 0
    for kind in Tokens.KINDS + Tokens.MORE:
        assert tester.ask("alice", tokens.bad(kind),
                          "authenticate").code == AUTH_ERR, kind
    tester.use(tester.example())
    assert tester.ask("alice", "", "acct_mgmt", session=session).status == 0
    assert issuer.revoke(token) == 1
    assert tester.ask("alice", "", "acct_mgmt",
                      session=session).code == ACCT_EXPIRED
    assert "level=error" not in log()


def test_check_only_host_can_neither_issue_nor_revoke(house, issuer):
    token = issuer.issue("alice")
    for words in (("issue", "root"), ("revoke", token), ("refresh", token),
                  ("revoke-all", "alice"), ("user", "put", "alice", "{}")):
        assert house.cli.run(*words).returncode in (2, 3), words
    assert house.cli.check(token)["user"] == "alice"
