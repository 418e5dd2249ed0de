"""pamtester, a PAM application that does what it is told."""

from dataclasses import dataclass

from support.host import Host

OPERATIONS = ("authenticate", "setcred(PAM_ESTABLISH_CRED)", "acct_mgmt",
              "open_session", "close_session")

# What pam_strerror() says.
AUTH_ERR = "Authentication failure"
AUTHINFO_UNAVAIL = ("Authentication service cannot retrieve authentication "
                    "info")
SERVICE_ERR = "Error in service module"
ACCT_EXPIRED = "User account has expired"
PERM_DENIED = "Permission denied"
SESSION_ERR = "Cannot make/remove an entry for the specified session"


@dataclass
class Outcome:
    status: int
    output: str
    log: str = ""  # what went to syslog, where that is known

    @property
    def code(self):
        """The text of the PAM code that it ended with, "" if with none."""
        _, found, code = self.output.rpartition("pamtester: ")
        if self.status == 0 or not found:
            return ""
        return code.strip()


class Pamtester(Host):
    name = "pamtester"
    service = "latchkey-tests"
    longest = 4095
    lines = "auth required {0}\naccount required {0}\nsession required {0}\n"

    def example(self):
        return self.lines.format("pam_latchkey.so")

    def ask(self, user, secret, *operations, service=None, session=None):
        """`session` is what stands in the environment of the PAM handle."""
        words = ["-E", f"LATCHKEY_SESSION={session}"] if session else []
        done = self.machine.run(
            "pamtester", *words, service or self.service, user,
            *(operations or OPERATIONS), stdin=f"{secret}\n")
        self.note(done.stdout + done.stderr)
        return Outcome(done.returncode, done.stdout + done.stderr)

    def login(self, user, secret):
        return self.ask(user, secret).status == 0
