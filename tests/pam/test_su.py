"""su: a set-uid program, whose caller has a hand in whatever it starts."""

import json

import pytest

from support.machine import GROUP_ID
from support.pam import MachineLatchkey
from support.servers import settings

OTHER = "/etc/latchkey/su.conf"


@pytest.fixture
def su(house):
    house.machine.service(
        "su", f"auth required pam_latchkey.so conf={OTHER} user_field=login\n"
        "account required pam_latchkey.so\naccount required pam_permit.so\n"
        "session required pam_permit.so\n")

    def call(token):
        done = house.machine.run("su", "root", "-c", "id -un", user="alice",
                                 stdin=f"{token}\n")
        assert (done.returncode == 0) == ("root\n" in done.stdout), done
        return done.returncode == 0
    return call


@pytest.fixture
def source(house):
    def use(text):
        house.machine.write(OTHER, settings(
            house.redis.address, "unix:/nowhere") + f"user = {{ {text} }};\n",
            0o640, GROUP_ID)
    return use


def test_su_starts_no_program(house, su, source):
    started = house.place.path / "su-started"
    program = house.place.write(
        "su-program", f"#!/bin/sh\n: > {started}\n"
        'echo \'{"login":"root"}\'\n', 0o755)
    source(f'source = "exec"; command = [ "{program}" ];')
    token = house.cli.issue("su-1")
    assert not su(token)
    assert not started.exists()
    # Who may have asked it before, and said so.
    MachineLatchkey(house.machine, OTHER).must("user", "load", "su-1")
    assert started.exists()
    assert su(token)


def test_su_caches_nothing(house, su, source):
    users = house.place.write("su-users", json.dumps(
        {"su-2": {"login": "root"}}), 0o600)
    source(f'source = "file"; path = "{users}";')
    assert su(house.cli.issue("su-2"))
    assert house.cli.run("user", "get", "su-2").returncode == 1
    assert not su(house.cli.issue("alice"))
