"""sudo, called by an ordinary user."""

from support.host import Host

SUDOERS = """Defaults !lecture, passwd_tries=1
Defaults timestamp_timeout=0, timestamp_type=global
Defaults:bob timestamp_timeout=5
root ALL=(ALL:ALL) ALL
alice ALL=(ALL:ALL) ALL
bob ALL=(ALL:ALL) ALL
"""

DEBUG = """Debug sudo {0}/sudo-debug.log all@debug
Debug sudoers.so {0}/sudo-sudoers.log all@debug
"""


class Sudo(Host):
    name = "sudo"
    service = "sudo"
    longest = 511

    def prepare(self):
        self.machine.write("/etc/sudoers", SUDOERS, 0o440)
        self.machine.write("/etc/sudo.conf",
                           DEBUG.format(self.house.place.path))

    def sudo(self, user, secret, *words):
        """Call sudo as a user, who types the secret when asked."""
        done = self.machine.run("sudo", *words, user=user,
                                stdin=f"{secret}\n")
        self.note(done.stdout + done.stderr)
        return done

    def login(self, user, secret):
        done = self.sudo(user, secret, "-S", "-p", "", "id", "-un")
        assert (done.returncode == 0) == (done.stdout == "root\n"), done
        return done.returncode == 0
