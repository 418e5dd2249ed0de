"""What is Dovecot's own: another name than the login's."""

import imaplib

import pytest

from support.pam import example

MAILBOX = "user_field=mailbox set_user"


@pytest.fixture
def imap(house):
    return house.host("dovecot-imap")


def test_mail_set_user_logs_in_by_either_name(house, imap):
    """And Dovecot goes on with the name of the mailbox."""
    assert f"auth required pam_latchkey.so {MAILBOX}\n" in example("dovecot")
    imap.use(imap.example().replace(
        "auth       required     pam_latchkey.so",
        f"auth required pam_latchkey.so {MAILBOX}"))
    token = house.cli.issue("000001")
    for user in ("000001", "alice"):
        assert imap.login(user, token), user
    for user in ("bob", "00001", "alice2", "root"):
        assert not imap.login(user, token), user
    log = (house.place.path / "dovecot-all.log").read_text()
    assert "user=<alice>" in log
    assert "user=<000001>, method=PLAIN, rip=127.0.0.1, lip=127.0.0.1, mpid" \
        not in log


def test_mail_without_set_user_takes_the_mailbox_only(house, imap):
    imap.use(imap.example().replace("required     pam_latchkey.so",
                                    "required pam_latchkey.so "
                                    "user_field=mailbox"))
    token = house.cli.issue("000001")
    assert imap.login("alice", token)
    assert not imap.login("000001", token)


def test_mail_open_connection_outlives_a_revocation(house, imap):
    """As the manual says."""
    token = house.cli.issue("alice")
    with imaplib.IMAP4("127.0.0.1", imap.server.imap, 20) as session:
        session.login("alice", token)
        assert house.cli.revoke(token) == 1
        assert session.noop()[0] == "OK"
    assert not imap.login("alice", token)
