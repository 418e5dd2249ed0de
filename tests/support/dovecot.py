"""Dovecot: IMAP, SASL, submission; versions 2.3 and 2.4."""

import imaplib
import smtplib
import socket
import subprocess
import threading

from support.host import Host
from support.place import PATIENCE, Daemon, accepts, free_port
from support.servers import find_program

COMMON = """base_dir = /run/{name}
listen = 127.0.0.1
log_path = {log}
ssl = no
auth_verbose = yes
auth_failure_delay = 0
hostname = localhost
submission_relay_host = 127.0.0.1
submission_relay_port = {relay}
service imap-login {{
  inet_listener imap {{
    port = {imap}
  }}
  inet_listener imaps {{
    port = 0
  }}
}}
service submission-login {{
  inet_listener submission {{
    port = {submission}
  }}
}}
service anvil {{
  unix_listener anvil-auth-penalty {{
    mode = 0
  }}
}}
service auth-worker {{
  user = {worker}
}}
"""

VERSION_2_3 = """protocols = imap submission
auth_debug = yes
disable_plaintext_auth = no
auth_mechanisms = plain login
passdb {
  driver = pam
  # Failures are held back for half a second at least.
  default_fields = nodelay=yes
}
userdb {
  driver = passwd
}
mail_location = maildir:~/Maildir
"""

VERSION_2_4 = """dovecot_config_version = 2.4.0
dovecot_storage_version = 2.4.0
protocols {
  imap = yes
  submission = yes
}
log_debug = category=auth
auth_allow_cleartext = yes
auth_mechanisms {
  plain = yes
  login = yes
}
passdb pam {
}
userdb passwd {
}
mail_driver = maildir
mail_path = ~/Maildir
"""


class Relay:
    """The mail server behind, which is greeted and gets no mail."""

    def __init__(self):
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        self.thread = threading.Thread(target=self.serve, daemon=True)

    def start(self):
        self.thread.start()
        return self

    def stop(self):
        if self.thread.is_alive():
            self.socket.shutdown(socket.SHUT_RDWR)
            self.thread.join(PATIENCE)
            self.socket.close()

    def serve(self):
        while True:
            try:
                peer, _ = self.socket.accept()
            except OSError:
                return
            threading.Thread(target=self.talk, args=(peer,),
                             daemon=True).start()

    @staticmethod
    def talk(peer):
        with peer, peer.makefile("rwb") as stream:
            try:
                stream.write(b"220 relay ESMTP\r\n")
                stream.flush()
                for line in stream:
                    quits = line.upper().startswith(b"QUIT")
                    stream.write(b"221 bye\r\n" if quits else b"250 relay\r\n")
                    stream.flush()
                    if quits:
                        return
            except OSError:
                pass


class Dovecot(Daemon):
    name = "dovecot"
    # Who calls PAM: as packaged, and with less rights.
    worker = "root"

    def __init__(self, house):
        super().__init__(house.place)
        self.imap, self.submission = free_port(), free_port()
        relay = self.place.add(Relay())
        dovecot = find_program("dovecot")
        version = subprocess.run([dovecot, "--version"], check=True,
                                 capture_output=True, text=True).stdout
        old = version.startswith("2.3")
        text = VERSION_2_3 if old else VERSION_2_4
        self.conf = self.place.write(f"{self.name}.conf", text + COMMON.format(
            log=self.place.path / f"{self.name}-all.log", relay=relay.port,
            imap=self.imap, submission=self.submission,
            name=self.name, worker=self.worker), 0o644)
        self.argv = house.machine.enter(dovecot, "-F", "-c", self.conf)

    def ready(self):
        return all(accepts(f"127.0.0.1:{port}")
                   for port in (self.imap, self.submission))


class Mail(Host):
    service = "dovecot"

    def prepare(self):
        self.server = self.house.server(Dovecot)


class Imap(Mail):
    """The command LOGIN."""

    name = "dovecot-imap"
    longest = 1024

    def log_in(self, imap, user, secret):
        imap.login(user, secret)

    def login(self, user, secret):
        with imaplib.IMAP4("127.0.0.1", self.server.imap, PATIENCE) as imap:
            try:
                self.log_in(imap, user, secret)
            except imaplib.IMAP4.error as error:
                self.note(f"{error}\n")
                assert "[AUTHENTICATIONFAILED]" in str(error) or (
                    "[EXPIRED]" in str(error)), error
                return False
            assert imap.select()[0] == "OK"
            return True


class Sasl(Imap):
    """The mechanism PLAIN, as mail servers use it."""

    name = "dovecot-sasl"
    longest = 4096

    def log_in(self, imap, user, secret):
        imap.authenticate(
            "PLAIN", lambda _: f"\0{user}\0{secret}".encode())


class Submission(Mail):
    name = "dovecot-submission"
    # With the name, on one line of 1024.
    longest = 755

    def login(self, user, secret):
        with smtplib.SMTP("127.0.0.1", self.server.submission,
                          timeout=PATIENCE) as smtp:
            try:
                smtp.user, smtp.password = user, secret
                smtp.ehlo()
                # login() would try every mechanism, one after the other.
                smtp.auth("PLAIN", smtp.auth_plain)
            except smtplib.SMTPAuthenticationError as error:
                self.note(f"{error}\n")
                return False
            return True
