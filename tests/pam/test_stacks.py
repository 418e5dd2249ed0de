"""The three stacks of etc/pam.d, and what each does when something fails.

They are run as they are, but that a wrong password takes no time.
"""

import pytest

from support.machine import PASSWORD
from support.pam import example
from support.place import wait_until

STACKS = ("latchkey-or-password", "latchkey-only", "latchkey-outage")

# Around the lines of a stack that is included.
SERVICE = """@include {}
account required pam_latchkey.so
@include common-account
session required pam_latchkey.so
@include common-session
"""

# Who gets in: with a token and with the password, while all is well, the
# store is down, the settings are broken, the module is missing.
OPEN = {
    "latchkey-or-password": {"well": "TP", "down": "P", "broken": "P",
                             "missing": "P"},
    "latchkey-only": {"well": "T", "down": "", "broken": "", "missing": ""},
    "latchkey-outage": {"well": "T", "down": "P", "broken": "",
                        "missing": ""},
}

HOSTS = ("pamtester", "sshd-keyboard", "dovecot-imap", "postgres")
# Where the example of the stack is the whole service.
WHOLE = {"latchkey-or-password": "service-or-password",
         "latchkey-outage": "service-outage"}


@pytest.fixture(params=STACKS)
def stack(request):
    return request.param


@pytest.fixture(params=HOSTS)
def host(request, house, stack):
    host = house.host(request.param)
    house.machine.service(stack, quick(example(stack)))
    if host.name in ("dovecot-imap", "postgres"):
        host.use(quick(example(WHOLE[stack]) if stack in WHOLE
                       else host.example()))
    else:
        host.use(SERVICE.format(stack))
    return host


def quick(text):
    return text.replace("pam_unix.so", "pam_unix.so nodelay")


def change_auth(house, host, stack, module):
    """Let another module, or other options, stand in the auth lines."""
    for service in (stack, host.service):
        path = house.machine.path(f"/etc/pam.d/{service}")
        house.machine.service(service, "".join(
            line.replace("pam_latchkey.so", module)
            if line.startswith("auth") else line
            for line in path.read_text().splitlines(keepends=True)))


def who_gets_in(house, host, token):
    """Letters for what opens; nothing else may."""
    assert not host.login("alice", house.tokens.bad("other-user"))
    assert not host.login("alice", "wrong")
    return "".join(letter for letter, secret in (
        ("T", token), ("P", PASSWORD)) if host.login("alice", secret))


def test_stack_with_store_up_lets_in(house, stack, host):
    token = house.cli.issue("alice")
    assert who_gets_in(house, host, token) == OPEN[stack]["well"]
    assert not host.login("alice", house.tokens.bad("expired"))
    assert not host.login("alice", house.tokens.bad("revoked"))


def test_stack_with_store_down_lets_in(house, stack, host):
    house.tokens.bad("other-user")
    token = house.cli.issue("alice")
    with house.outage("silent" if host.name == "pamtester" else "gone"):
        found = who_gets_in(house, host, token)
    assert found == OPEN[stack]["down"]


def test_stack_with_broken_settings_lets_in(house, stack, host):
    house.tokens.bad("other-user")
    token = house.cli.issue("alice")
    with house.broken_settings():
        found = who_gets_in(house, host, token)
    assert found == OPEN[stack]["broken"]


def test_stack_with_unknown_option_lets_in(house, stack, host):
    token = house.cli.issue("alice")
    change_auth(house, host, stack, "pam_latchkey.so use_frist_pass")
    assert who_gets_in(house, host, token) == OPEN[stack]["broken"]
    wait_until(lambda: "use_frist_pass" in house.machine.syslog.text(),
               "the option to be named in the log")


def test_stack_without_the_module_lets_in(house, stack, host):
    token = house.cli.issue("alice")
    change_auth(house, host, stack, "pam_latchkey_is_away.so")
    assert who_gets_in(house, host, token) == OPEN[stack]["missing"]


def test_stack_says_when_it_leaves_the_account_to_others(house, host, stack):
    """Alone, a line that has no opinion denies."""
    if "P" not in OPEN[stack]["well"]:
        pytest.skip("nobody gets in without a token")
    before = len(house.machine.syslog.text())
    assert host.login("alice", PASSWORD)
    wait_until(lambda: "account left to others: no session" in
               house.machine.syslog.text()[before:], "a line in the log")
    host.use("auth required pam_unix.so nodelay\n"
             "account required pam_latchkey.so\n"
             "session required pam_permit.so\n")
    assert not host.login("alice", PASSWORD)
