"""The module function by function: options, codes, what it sets."""

import pytest

from support.machine import PASSWORD
from support.pam import CONF, EMBEDDED, MachineLatchkey, Tokens
from support.place import PLAIN, wait_until
from support.pamtester import (ACCT_EXPIRED, AUTH_ERR, AUTHINFO_UNAVAIL,
                               PERM_DENIED, SERVICE_ERR)
from support.servers import settings

@pytest.fixture
def tester(house):
    return house.host("pamtester")


def module(tester, options, kinds="auth account session"):
    tester.use("".join(f"{kind} required pam_latchkey.so {options}\n"
                       for kind in kinds.split()))


@pytest.mark.parametrize("kind", Tokens.KINDS + Tokens.MORE)
def test_code_of_every_refusal_is_the_same(house, tester, kind):
    token = house.tokens.bad(kind)
    assert tester.ask("alice", token, "authenticate").code == AUTH_ERR
    assert tester.ask("alice", "", "authenticate").code == AUTH_ERR


@pytest.mark.parametrize("kind", ["gone", "silent"])
def test_code_with_store_down_is_never_ignore(house, tester, kind):
    """An IGNORE would leave the decision to whatever else is in the stack."""
    token = house.cli.issue("alice")
    tester.use("auth required pam_latchkey.so\n"
               "auth sufficient pam_permit.so\n")
    with house.outage(kind):
        found = tester.ask("alice", token, "authenticate")
    assert found.code == AUTHINFO_UNAVAIL


@pytest.mark.parametrize("kind, code", [("foreign", AUTHINFO_UNAVAIL),
                                        ("open", SERVICE_ERR)])
def test_code_with_unfit_embedded_store_is_an_error(house, tester, kind,
                                                    code):
    module(tester, f"conf={EMBEDDED}")
    token = house.embedded.issue("alice")
    assert tester.login("alice", token)
    with house.outage(kind):
        found = tester.ask("alice", token, "authenticate")
    assert found.code == code
    assert tester.login("alice", token)


def test_code_with_embedded_store_follows_the_session(house, tester):
    module(tester, f"conf={EMBEDDED}")
    token = house.embedded.issue("alice")
    assert tester.login("alice", token)
    assert not tester.login("bob", token)
    assert house.embedded.revoke(token) == 1
    assert tester.ask("alice", token).code == AUTH_ERR


@pytest.mark.parametrize("options", [
    "conf=/etc/latchkey/missing.conf", "conf=relative.conf", "conf=",
    "conf", "use_frist_pass", "user_field=", "user_field", "client=",
    "prompt", "fail_delay=", "fail_delay=-1", "fail_delay=1x",
    "fail_delay=99999999999999999999", "debug=1", "Debug"])
def test_code_with_bad_option_is_service_err(house, tester, options):
    module(tester, options)
    token = house.cli.issue("alice")
    before = house.machine.syslog.text()
    assert tester.ask("alice", token, "authenticate").code == SERVICE_ERR
    # A line is on its way when the program that sent it has ended.
    wait_until(lambda: f"pam_latchkey({tester.service}:auth)" in
               house.machine.syslog.text()[len(before):], "a line in the log")


@pytest.mark.parametrize("operation", ["acct_mgmt", "open_session"])
def test_code_with_unknown_option_is_service_err_in_every_step(
        tester, operation):
    module(tester, "use_frist_pass")
    assert tester.ask("alice", "", operation).code == SERVICE_ERR


@pytest.mark.parametrize("mode", [0o666, 0o660])
def test_code_with_settings_others_can_write_is_service_err(
        house, tester, mode):
    token = house.cli.issue("alice")
    path = house.machine.path("/etc/latchkey/latchkey.conf")
    path.chmod(mode)
    try:
        found = tester.ask("alice", token, "authenticate")
    finally:
        path.chmod(0o640)
    assert found.code == SERVICE_ERR
    assert tester.login("alice", token)


def test_option_prompt_is_what_the_user_sees(house, tester):
    token = house.cli.issue("alice")
    assert "Session token: " in tester.ask("alice", token).output
    module(tester, "[prompt=Your token, please: ]")
    found = tester.ask("alice", token)
    assert found.status == 0
    assert "Your token, please: " in found.output
    assert "Session token" not in found.output


def test_option_client_takes_sessions_of_that_kind_only(house, tester):
    module(tester, "client=ssh")
    assert tester.login("alice", house.cli.issue("alice", "--client", "ssh"))
    for options in ((), ("--client", "web"), ("--client", "sshd")):
        token = house.cli.issue("alice", *options)
        assert tester.ask("alice", token).code == AUTH_ERR, options


def test_option_user_field_maps_the_session_to_the_login(house, tester):
    module(tester, "user_field=login")
    token = house.cli.issue("000001")
    assert tester.login("alice", token)
    for user in ("bob", "000001", "Alice"):
        assert tester.ask(user, token).code == AUTH_ERR, user


@pytest.mark.parametrize("field", ["missing", "number", "logi", "Login"])
def test_option_user_field_without_such_text_refuses(house, tester, field):
    module(tester, f"user_field={field}")
    token = house.cli.issue("000001")
    for user in ("alice", "000001", "1"):
        assert tester.ask(user, token).code == AUTH_ERR, user


def test_option_user_field_of_unknown_user_refuses(house, tester):
    module(tester, "user_field=login")
    token = house.cli.issue("000009")
    for user in ("alice", "000009"):
        assert tester.ask(user, token).code == AUTH_ERR, user


def logged(house, before, *words):
    """Wait for a line of the module's that has all of these."""
    wait_until(lambda: [line for line in
                        house.machine.syslog.text()[before:].splitlines()
                        if "pam_latchkey(" in line
                        and all(word in line for word in words)],
               f"a line with {words}")


@pytest.mark.parametrize("least, users", [
    (0, ["root", "alice"]), (1, ["alice"]), (64101, ["alice"]), (64102, []),
    (4294967294, [])])
def test_option_min_uid_refuses_accounts_below(house, tester, least, users):
    module(tester, f"min_uid={least}")
    for user in ("root", "alice"):
        token = house.cli.issue(user)
        session = house.cli.check(token)["id"]
        before = len(house.machine.syslog.text())
        assert tester.ask(user, token, "authenticate").code == (
            "" if user in users else AUTH_ERR), user
        assert tester.ask(user, "", "acct_mgmt", session=session).code == (
            "" if user in users else PERM_DENIED), user
        if user not in users:
            logged(house, before, "min_uid", f"user={user}")


def test_option_min_uid_refuses_who_has_no_account(house, tester):
    module(tester, "min_uid=1")
    token = house.cli.issue("carol")
    assert tester.ask("carol", token, "authenticate").code == AUTH_ERR
    module(tester, "")
    assert tester.ask("carol", token, "authenticate").status == 0


@pytest.mark.parametrize("user, options", [
    ("alice", "min_uid=1"), ("root", "min_uid=1"), ("carol", "min_uid=1"),
    ("000001", "user_field=login set_user")])
def test_option_that_needs_a_name_service_that_is_away(house, tester, user,
                                                       options):
    """Nobody is let in or refused as one who is not there."""
    module(tester, options)
    token = house.cli.issue(user)
    path = house.machine.path("/etc/nsswitch.conf")
    text = path.read_text()
    before = len(house.machine.syslog.text())
    path.write_text(text.replace("passwd: files", "passwd: is_away"))
    try:
        found = tester.ask(user, token, "authenticate")
    finally:
        path.write_text(text)
    assert found.code == AUTHINFO_UNAVAIL
    logged(house, before, options.split()[-1].split("=")[0], "error=")


def test_session_of_another_user_is_not_logged_as_ones_own(house, tester):
    """Who writes it to ~/.pam_environment is not to be taken for him."""
    public = house.cli.check(house.cli.issue("bob"))["id"]
    module(tester, "", "session")
    before = len(house.machine.syslog.text())
    assert tester.ask("alice", "", "open_session", "close_session",
                      session=public).status == 0
    logged(house, before, "user=alice", "is not known to be this user's")
    assert public not in house.machine.syslog.text()[before:]
    assert "login begins" not in house.machine.syslog.text()[before:]


EXEC = "/etc/latchkey/exec.conf"


@pytest.mark.parametrize("step", ["authenticate", "acct_mgmt"])
def test_option_user_field_starts_no_program(house, tester, step):
    """Under su the caller could stop it and answer in its place: only what
    somebody else has cached is taken."""
    started = house.place.path / f"started-{step}"
    program = house.place.write(f"detail-{step}", "#!/bin/sh\n"
                                f": > {started}\n"
                                'echo \'{"login":"alice"}\'\n', 0o755)
    house.machine.write(EXEC, settings(house.redis.address, "unix:/nowhere")
                        + f'user = {{ source = "exec"; '
                          f'command = [ "{program}" ]; }};\n')
    module(tester, f"conf={EXEC} user_field=login")
    user = f"by-{step}"
    token = house.cli.issue(user)
    session = house.cli.check(token)["id"]

    def ask():
        return tester.ask("alice", token, step, session=session)

    before = len(house.machine.syslog.text())
    assert ask().code == AUTHINFO_UNAVAIL
    assert not started.exists()
    wait_until(lambda: "no program is started" in
               house.machine.syslog.text()[before:], "a line in the log")
    MachineLatchkey(house.machine, EXEC).must("user", "load", user)
    assert started.exists()
    started.unlink()
    assert ask().status == 0
    assert not started.exists()


def test_option_use_first_pass_asks_nothing(house, tester):
    token = house.cli.issue("alice")
    module(tester, "use_first_pass", "auth")
    found = tester.ask("alice", token, "authenticate")
    assert found.code == AUTH_ERR
    assert "token" not in found.output
    # pam_unix asks; what was typed is no password but a token.
    tester.use("auth optional pam_unix.so nodelay\n"
               "auth required pam_latchkey.so use_first_pass\n")
    assert tester.ask("alice", token, "authenticate").status == 0
    assert tester.ask("alice", PASSWORD, "authenticate").status != 0


@pytest.mark.parametrize("options", ["", "try_first_pass"])
def test_option_try_first_pass_is_the_default(house, tester, options):
    token = house.cli.issue("alice")
    tester.use("auth optional pam_unix.so nodelay\n"
               f"auth required pam_latchkey.so {options}\n")
    found = tester.ask("alice", token, "authenticate")
    assert found.status == 0
    assert "Session token" not in found.output


def test_option_require_token_denies_who_has_none(tester):
    tester.use("account required pam_latchkey.so require_token\n")
    assert tester.ask("alice", "", "acct_mgmt").code == PERM_DENIED
    tester.use("account required pam_latchkey.so\n"
               "account required pam_permit.so\n")
    assert tester.ask("alice", "", "acct_mgmt").status == 0


def test_option_revoke_on_close_ends_the_session(house, tester):
    token = house.cli.issue("alice")
    assert tester.login("alice", token)
    assert house.cli.check(token)["user"] == "alice"
    module(tester, "revoke_on_close")
    assert tester.login("alice", token)
    assert house.cli.run("check", "-", stdin=token).returncode == 1


def test_account_after_a_revocation_is_expired(house, tester):
    """Revoked between the two steps, by a module that runs a command."""
    token = house.cli.issue("alice")
    public = house.cli.check(token)["id"]
    revoke = f"{PLAIN}/latchkey -c {CONF} revoke --id {public}"
    tester.use("auth required pam_latchkey.so\n"
               f"account required pam_exec.so quiet {revoke}\n"
               "account required pam_latchkey.so\n")
    found = tester.ask("alice", token, "authenticate", "acct_mgmt")
    assert found.code == ACCT_EXPIRED


def test_session_is_told_by_its_public_id(house, tester):
    token = house.cli.issue("alice")
    seen = house.place.path / "environment.log"
    tester.use("auth required pam_latchkey.so\n"
               "session required pam_latchkey.so\n"
               f"session required pam_exec.so log={seen} /usr/bin/env\n")
    assert tester.ask("alice", token, "authenticate",
                      "open_session").status == 0
    public = house.cli.check(token)["id"]
    assert f"LATCHKEY_SESSION={public}\n" in seen.read_text()


def test_setcred_without_authenticate_succeeds(tester):
    """It runs in another process in sshd, which knows nothing."""
    tester.use("auth [success=1 default=ignore] pam_latchkey.so\n"
               "auth requisite pam_deny.so\n"
               "auth required pam_permit.so\n")
    for action in ("PAM_ESTABLISH_CRED", "PAM_REFRESH_CRED"):
        assert tester.ask("alice", "", f"setcred({action})").status == 0


def test_debug_and_silent_show_no_token(house, tester):
    module(tester, "debug silent")
    token = house.cli.issue("alice")
    assert tester.login("alice", token)
    assert not tester.login("bob", token)
    assert house.secrets_in_logs() == []
