"""What is sudo's own: two users in one call, and what it remembers."""

import pytest

from support.place import wait_until


@pytest.fixture
def sudo(house):
    return house.host("sudo")


def test_sudo_asks_for_the_token(house, sudo):
    done = sudo.sudo("alice", house.cli.issue("alice"), "-S", "id", "-un")
    assert done.stdout == "root\n"
    assert "Session token or password: " in done.stderr


def test_sudo_compares_the_caller_and_not_root(house, sudo):
    """setcred and the session steps are told that the user is root."""
    sudo.use(sudo.example().replace("optional", "required"))
    token = house.cli.issue("alice")
    public = house.cli.check(token)["id"]
    assert sudo.login("alice", token)
    assert not sudo.login("bob", token)
    assert not sudo.login("alice", house.cli.issue("root"))
    wait_until(lambda: [line for line in
                        house.machine.syslog.text().splitlines()
                        if "(sudo:session)" in line and public in line],
               "a line on the session")


def test_sudo_that_remembers_outlives_a_revocation(house, sudo):
    """As the manual says; `sudo -k` makes it forget."""
    token = house.cli.issue("bob")
    assert sudo.login("bob", token)
    assert house.cli.revoke(token) == 1
    again = sudo.sudo("bob", "", "-n", "id", "-un")
    assert again.stdout == "root\n", again
    sudo.sudo("bob", "", "-k")
    assert sudo.sudo("bob", "", "-n", "id", "-un").returncode != 0
    assert not sudo.login("bob", token)


def test_sudo_that_remembers_with_require_token_denies(house, sudo):
    """It runs the account lines only, and there is no token."""
    assert sudo.login("bob", house.cli.issue("bob"))
    sudo.use(sudo.example().replace(
        "account    required     pam_latchkey.so",
        "account required pam_latchkey.so require_token"))
    assert sudo.sudo("bob", "", "-n", "id", "-un").returncode != 0
    sudo.sudo("bob", "", "-k")
    assert sudo.login("bob", house.cli.issue("bob"))
    sudo.sudo("bob", "", "-k")


def test_sudo_with_longest_password_is_refused(sudo):
    assert not sudo.login("alice", "lk_" + "A" * 500)
