"""What is PostgreSQL's own: PAM is called by an ordinary user."""

import os

import pytest

from support.pam import CONF, EMBEDDED
from support.machine import GROUP_ID


@pytest.fixture
def postgres(house):
    return house.host("postgres")


def test_postgres_needs_settings_it_can_read(house, postgres):
    token = house.cli.issue("alice")
    path = house.machine.path(CONF)
    assert (path.stat().st_mode & 0o777, path.stat().st_gid) == (
        0o640, GROUP_ID)
    assert postgres.login("alice", token)
    path.chmod(0o600)
    try:
        assert not postgres.login("alice", token)
    finally:
        path.chmod(0o640)
    assert postgres.login("alice", token)


def test_postgres_shares_the_embedded_store_of_its_group(house, postgres):
    postgres.use(postgres.example().replace(
        "pam_latchkey.so", f"pam_latchkey.so conf={EMBEDDED}"))
    token = house.embedded.issue("alice")
    assert os.stat(house.folder).st_gid == GROUP_ID
    assert postgres.login("alice", token)
    assert house.embedded.revoke(token) == 1
    assert not postgres.login("alice", token)
