"""This machine with a private /etc, /run, /dev and set of PAM modules.

A process holds a mount namespace in which a copy of /etc, an empty /run, a
small /dev and a copy of the folder of PAM modules lie over the real ones.
What is run in it finds the users, services and settings of the tests under
the names an administrator would use, and nothing outside of it changes.
"""

import glob
import os
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from support.place import PATIENCE, Daemon, Failed, why_no_mounts

# Accounts of ours, and the password of each, as crypt(3) has it.
USERS = {"alice": 64101, "bob": 64102}
PASSWORD = "the password"
HASH = ("$5$rounds=1000$latchkeytests$"
        "aYm2luwx6xn6nybR8J1QsAS7v8Q/gcrqYTmTf/8p9B2")
# Who may read the settings and the embedded store.
GROUP, GROUP_ID = "latchkey", 64100

HOLD = """
set -eu
top=$1 modules=$2
mkdir "$top/private"
mount -t tmpfs -o mode=755 tmpfs "$top/private"
cd "$top/private"
mkdir etc run run/sshd dev dev/pts dev/shm modules
cp -dR --preserve=mode,ownership,timestamps /etc/. etc
rm -rf etc/latchkey etc/pam.d etc/sudoers.d etc/sudo.conf etc/nologin
mkdir etc/latchkey etc/pam.d
for name in null zero full random urandom tty ptmx; do
	: > dev/$name
	mount --bind /dev/$name dev/$name
done
: > dev/log
mount --bind "$top/syslog.sock" dev/log
mount --rbind /dev/pts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
ln -s /proc/self/fd dev/fd
cp -dR "$modules/." modules
cp "$top/pam_latchkey.so" modules/pam_latchkey.so
mount --bind etc /etc
mount --bind run /run
mount --rbind dev /dev
mount --bind modules "$modules"
: > /run/ready
exec sleep infinity
"""

# As Debian has them; a wrong password takes no time.
COMMON = {
    "common-auth": "auth [success=1 default=ignore] pam_unix.so nodelay\n"
                   "auth requisite pam_deny.so\n"
                   "auth required pam_permit.so\n",
    "common-account": "account [success=1 new_authtok_reqd=done "
                      "default=ignore] pam_unix.so\n"
                      "account requisite pam_deny.so\n"
                      "account required pam_permit.so\n",
    "common-password": "password requisite pam_deny.so\n",
    "common-session": "session required pam_unix.so\n",
    "common-session-noninteractive": "session required pam_unix.so\n",
    "other": "auth required pam_deny.so\naccount required pam_deny.so\n"
             "session required pam_deny.so\n",
}


class Syslog:
    """Takes what programs in the namespace send to /dev/log; see `text`."""

    def __init__(self, place):
        self.log = place.path / "syslog.log"
        path = place.path / "syslog.sock"
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(str(path))
        path.chmod(0o666)
        self.thread = threading.Thread(target=self.take, daemon=True)
        self.thread.start()

    def take(self):
        with open(self.log, "ab", buffering=0) as log:
            while True:
                try:
                    data = self.socket.recv(65536)
                except OSError:
                    return
                if not data:
                    return
                log.write(data.rstrip(b"\0\n") + b"\n")

    def text(self):
        return self.log.read_text(errors="replace")

    def close(self):
        if self.thread.is_alive():
            self.socket.shutdown(socket.SHUT_RDWR)
            self.thread.join(PATIENCE)
            self.socket.close()


class Machine(Daemon):
    """The namespace.  Needs root, and a kernel that lets root have it."""

    name = "machine"
    good = (-15,)

    def __init__(self, place, module):
        super().__init__(place)
        why_not = why_no_mounts()
        if why_not:
            pytest.skip(why_not)
        # The servers that give up root must get to what they are to read.
        place.path.chmod(0o711)
        shutil.copy(module, place.path / "pam_latchkey.so")
        (place.path / "pam_latchkey.so").chmod(0o644)
        self.modules = modules_folder()
        self.syslog = Syslog(place)
        self.argv = ["unshare", "--mount", "--propagation", "private",
                     "sh", "-c", HOLD, "hold", place.path, self.modules]

    def ready(self):
        return self.path("/run/ready").exists()

    def start(self):
        super().start()
        for name, text in COMMON.items():
            self.service(name, text)
        self.add_users()
        self.write("/etc/nsswitch.conf", "passwd: files\ngroup: files\n"
                   "shadow: files\nhosts: files\nsudoers: files\n")
        return self

    def stop(self):
        super().stop()
        self.syslog.close()

    def add_users(self):
        passwd, group, shadow = (
            self.path(f"/etc/{name}").read_text().splitlines()
            for name in ("passwd", "group", "shadow"))
        members = [name for name in ("postgres",) if any(
            line.startswith(f"{name}:") for line in passwd)]

        def others(lines, *names):
            return [line for line in lines
                    if line.split(":")[0] not in names]

        passwd, group = others(passwd, *USERS), others(group, GROUP, *USERS)
        shadow = others(shadow, *USERS)
        # As etc/pam.d/postgresql says, for passwords.
        (readers,) = (line for line in group if line.startswith("shadow:"))
        group.remove(readers)
        group.append(",".join([readers, *members]).replace(":,", ":"))
        group.append(f"{GROUP}:x:{GROUP_ID}:{','.join(members)}")
        for user, uid in USERS.items():
            home = self.place.path / "home" / user
            home.mkdir(parents=True)
            os.chown(home, uid, uid)
            passwd.append(f"{user}:x:{uid}:{uid}::{home}:/bin/sh")
            group.append(f"{user}:x:{uid}:")
            shadow.append(f"{user}:{HASH}:20000:0:99999:7:::")
        self.write("/etc/passwd", "\n".join(passwd) + "\n")
        self.write("/etc/group", "\n".join(group) + "\n")
        self.write("/etc/shadow", "\n".join(shadow) + "\n", 0o640,
                   int(readers.split(":")[2]))

    # ---- Files and programs in it ----------------------------------------

    def path(self, path):
        """Where a path of the namespace is seen from outside."""
        return Path(f"/proc/{self.process.pid}/root{path}")

    def write(self, path, text, mode=0o644, group=0):
        """Put a file there, at once and as a whole."""
        target = self.path(path)
        fresh = target.with_name(target.name + ".new")
        fresh.write_text(text)
        os.chown(fresh, 0, group)
        fresh.chmod(mode)
        fresh.rename(target)

    def service(self, name, text):
        """Define a PAM service."""
        self.write(f"/etc/pam.d/{name}", text)

    def enter(self, *argv, user=None):
        """The command line that runs argv there, as a user with its groups."""
        # Its root as well, or a chroot that we are in would be left.
        process = f"/proc/{self.process.pid}"
        words = ["nsenter", f"--mount={process}/ns/mnt",
                 f"--root={process}/root", f"--wd={process}/root", "--"]
        if user:
            words += ["setpriv", f"--reuid={user}", f"--regid={user}",
                      "--init-groups", "--pdeathsig=TERM"]
        return [*words, *(str(word) for word in argv)]

    def run(self, *argv, user=None, stdin="", env=None):
        """Run argv there and return what came of it, bytes made text."""
        return subprocess.run(
            self.enter(*argv, user=user), input=stdin, text=True,
            errors="replace", capture_output=True, timeout=2 * PATIENCE,
            check=False, env={**self.place.environment(), **(env or {})})


def modules_folder():
    """Where this system has its PAM modules."""
    for pattern in ("/lib/*/security", "/usr/lib/*/security",
                    "/lib/security", "/lib64/security"):
        for folder in sorted(glob.glob(pattern)):
            if Path(folder, "pam_unix.so").exists():
                return os.path.realpath(folder)
    raise Failed("no pam_unix.so: where are the PAM modules?")
