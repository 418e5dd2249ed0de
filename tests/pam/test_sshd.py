"""What is sshd's own: split processes, public keys, forbidden users."""

from pathlib import Path

import pytest

from support.machine import PASSWORD
from support.pam import EMBEDDED
from support.place import PLAIN, ROOT, wait_until
from support.sshd import SshdKey

METHODS = ("sshd-keyboard", "sshd-password")


@pytest.fixture(params=METHODS)
def ssh(request, house):
    return house.host(request.param)


@pytest.fixture
def key(house):
    if "sshd-key" not in house.hosts:
        house.hosts["sshd-key"] = SshdKey(house)
    host = house.hosts["sshd-key"]
    host.use(host.example())
    return host


def in_log(house, text):
    wait_until(lambda: text in house.machine.syslog.text(),
               f"{text!r} in the log")


def test_sshd_asks_for_the_token(house):
    ssh = house.host("sshd-keyboard")
    assert ssh.login("alice", house.cli.issue("alice"))
    assert ssh.asked.read_text().endswith(
        "(alice@127.0.0.1) Session token: \n")


def test_sshd_shell_knows_the_public_id_of_its_session(house, ssh):
    """It comes from a process that has ended by then."""
    token = house.cli.issue("alice")
    done = ssh.ssh("alice", token, "echo $LATCHKEY_SESSION; env")
    public = house.cli.check(token)["id"]
    assert done.stdout.splitlines()[0] == public
    assert token not in done.stdout


def test_sshd_with_embedded_store_follows_the_session(house, ssh):
    ssh.use(ssh.example().replace("pam_latchkey.so",
                                  f"pam_latchkey.so conf={EMBEDDED}"))
    token = house.embedded.issue("alice")
    assert ssh.login("alice", token)
    assert not ssh.login("bob", token)
    with house.outage("foreign"):
        assert not ssh.login("alice", token)
    assert house.embedded.revoke(token) == 1
    assert not ssh.login("alice", token)


def test_sshd_account_step_sees_a_revocation(house, ssh):
    """Revoked behind authenticate, in whichever process."""
    token = house.cli.issue("alice")
    public = house.cli.check(token)["id"]
    ssh.use(ssh.example().replace(
        "account    required     pam_latchkey.so",
        f"account required pam_exec.so quiet {PLAIN}/latchkey revoke --id "
        f"{public}\naccount required pam_latchkey.so"))
    assert not ssh.login("alice", token)
    in_log(house, public)


def test_sshd_setcred_decides_nothing(house, ssh):
    """A stack of Debian's form, where an IGNORE of setcred would deny."""
    token = house.cli.issue("alice")
    ssh.use(ssh.example().replace(
        "auth       required     pam_latchkey.so",
        "auth [success=1 default=ignore] pam_latchkey.so\n"
        "auth requisite pam_deny.so\nauth required pam_permit.so"))
    assert ssh.login("alice", token)
    assert not ssh.login("alice", house.tokens.bad("garbage"))


def test_sshd_session_steps_name_the_session(house, ssh):
    token = house.cli.issue("alice")
    public = house.cli.check(token)["id"]
    assert ssh.login("alice", token)
    wait_until(lambda: [line for line in
                        house.machine.syslog.text().splitlines()
                        if "(sshd:session)" in line and public in line],
               "a line on the session")


def test_sshd_with_revoke_on_close_ends_the_session(house, ssh):
    ssh.use(ssh.example().replace("optional     pam_latchkey.so",
                                  "optional pam_latchkey.so revoke_on_close"))
    token = house.cli.issue("alice")
    assert ssh.login("alice", token)
    wait_until(lambda: house.cli.run(
        "check", "-", stdin=token).returncode == 1, "the session to end")
    assert not ssh.login("alice", token)


@pytest.mark.parametrize("whose", ["bob", "alice"])
@pytest.mark.parametrize("order", ["before", "behind"])
def test_sshd_with_revoke_on_close_and_an_id_of_the_users(house, ssh, whose,
                                                          order):
    """pam_env may read what the user has written; nothing of it ends somebody
    else's session, and nothing that is read behind the module's line makes it
    miss the one that was logged in with."""
    token, other = house.cli.issue("alice"), house.cli.issue(whose)
    forged = house.machine.path("/etc/forged")
    forged.write_text(f"LATCHKEY_SESSION={house.cli.check(other)['id']}\n")
    lines = ["session optional pam_latchkey.so revoke_on_close",
             "session required pam_env.so readenv=1 envfile=/etc/forged"]
    if order == "before":
        lines.reverse()
    ssh.use(ssh.example().replace("session    optional     pam_latchkey.so",
                                  "\n".join(lines)))
    done = ssh.ssh("alice", token, "echo $LATCHKEY_SESSION")
    assert done.returncode == 0

    def lives(token):
        return house.cli.run("check", "-", stdin=token).returncode == 0

    # One process of sshd knows by itself for whom it opens the session, the
    # other goes by the environment.
    if order == "behind" or ssh.name == "sshd-password":
        wait_until(lambda: not lives(token), "the session to end")
        assert lives(other)
    elif whose == "alice":
        # Which is what the manual says about the order.
        wait_until(lambda: not lives(other), "the other session to end")
    else:
        in_log(house, "not known to be this user's session")
        assert lives(other)


@pytest.mark.parametrize("kind", [None, "gone", "silent"])
def test_sshd_public_key_opens_whatever_the_store_does(house, key, kind):
    with house.outage(kind):
        assert key.login("alice", "")


def test_sshd_public_key_with_require_token_is_locked_out(key):
    """Which is why the example says not to."""
    key.use(key.example().replace(
        "account    required     pam_latchkey.so",
        "account required pam_latchkey.so require_token"))
    assert not key.login("alice", "")


def test_sshd_set_user_does_not_change_who_logs_in(house, ssh):
    """sshd does not listen: an id that is no account stays none."""
    ssh.use(ssh.example().replace(
        "required     pam_latchkey.so",
        "required pam_latchkey.so user_field=login set_user"))
    token = house.cli.issue("000001")
    assert ssh.login("alice", token)
    assert not ssh.login("bob", token)
    assert not ssh.login("000001", token)


def test_sshd_forbidden_user_leaves_no_junk_in_the_log(house, ssh):
    """sshd answers for users it forbids, with a text of its own."""
    token = house.cli.issue("nobody-here")
    before = len(house.machine.syslog.text())
    assert not ssh.login("nobody-here", token)
    text = house.machine.syslog.text()[before:]
    assert "INCORRECT" not in text
    assert "\x7f" not in text


@pytest.mark.parametrize("size", [128, 1000])
def test_sshd_long_token_is_refused_and_the_next_is_not(house, ssh, size):
    assert not ssh.login("alice", "lk_" + "A" * (size - 3))
    assert ssh.login("alice", house.cli.issue("alice"))


def readme_blocks():
    """The commands of the recipe, and of the way back."""
    text = (ROOT / "README.md").read_text()
    section = text.split("## SSH in four lines\n\n")[1].split("\n## ")[0]
    blocks = [part.splitlines() for part in section.split("\n\n")
              if part.startswith("    ")]
    there, back = ([line.strip() for line in block] for block in blocks)
    assert len(there) == 4 and there[-1] == "systemctl reload ssh"
    assert len(back) == 3 and back[-1] == "systemctl reload ssh"
    return there[:-1], back[:-1]


def test_sshd_lines_of_the_readme_open_it_and_the_way_back(house, ssh, key):
    """Run as they are, on the system's own file, but for the reload; each
    line of the way back leaves everybody in who was in before."""
    there, back = readme_blocks()
    system = Path("/etc/pam.d/sshd").read_text()
    ssh.use(system)
    drop_ins = house.machine.path("/etc/ssh/sshd_config.d")
    (drop_ins / "50-cloud-init.conf").write_text(
        "KbdInteractiveAuthentication no\n")
    token = house.cli.issue("alice")
    assert not ssh.login("alice", token)
    done = house.machine.run("sh", "-euc", "\n".join(there))
    assert (done.returncode, done.stderr) == (0, "")
    assert "kbdinteractiveauthentication yes" in house.machine.run(
        ssh.sshd.program, "-T", "-h", ssh.place.path / "host_key").stdout
    assert ssh.login("alice", token)
    assert ssh.login("alice", PASSWORD)
    assert not ssh.login("alice", house.tokens.bad("other-user"))
    assert house.cli.revoke(token) == 1
    assert not ssh.login("alice", token)
    try:
        for line in back:
            done = house.machine.run("sh", "-euc", line)
            assert (done.returncode, done.stderr) == (0, "")
            assert ssh.login("alice", PASSWORD), line
            assert key.login("alice", ""), line
        assert not (drop_ins / "00-latchkey.conf").exists()
        assert house.machine.path("/etc/pam.d/sshd").read_text() == system
    finally:
        (drop_ins / "50-cloud-init.conf").unlink()


def test_sshd_with_a_line_and_no_module_locks_out_keys_too(ssh, key):
    """Which is why the way back has an order."""
    ssh.use(ssh.example().replace("pam_latchkey.so", "pam_is_away.so"))
    assert not key.login("alice", "")
