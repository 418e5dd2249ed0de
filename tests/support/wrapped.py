"""pamtester by way of pam_wrapper, which shows libpam services of our own.

Needs neither root nor a namespace.
"""

import contextlib
import fcntl
import os
import pathlib
import re
import shutil
import subprocess

from support.pamtester import OPERATIONS, Outcome
from support.place import BUILD, PATIENCE, wait_until
from support.servers import find_program

MODULE = BUILD / "pam_latchkey.so"


def sanitizers():
    """The libraries that the module wants to be there first."""
    printed = subprocess.run(["ldd", MODULE], capture_output=True, text=True,
                             check=True).stdout
    return re.findall(r"lib(?:asan|ubsan)\.so\S* => (\S+)", printed)


# Where pam_wrapper has a folder for each process: the first free one of
# pam.a, pam.b and so on, with a pid in it, or, of late, one with a name that
# nobody else has.
FOLDERS = pathlib.Path("/tmp")
OLD, NEW = "pam.?", "pam.??????"


@contextlib.contextmanager
def alone():
    """While nobody else's pam_wrapper makes or removes its folder: one that
    has no pid in it yet would be taken for a stale one."""
    handle = os.open(FOLDERS, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def is_of(folder, process):
    with contextlib.suppress(OSError, ValueError):
        return int((folder / "pid").read_text()) == process.pid
    return False


def folder_of(process, before):
    """The folder of a process, in a list, or None if it has none yet; an
    empty list if it ended without one."""
    for folder in FOLDERS.glob(OLD):
        if is_of(folder, process):
            return [folder]
    made = set(FOLDERS.glob(NEW)) - before
    if not made and process.poll() is None:
        return None
    return [*made]


def run(argv, secret, **options):
    """What it printed, and its exit status."""
    with alone():
        before = set(FOLDERS.glob(NEW))
        process = subprocess.Popen(
            argv, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, **options)
        found = []
        wait_until(lambda: found.append(folder_of(process, before))
                   or found[-1] is not None, "pam_wrapper to have its folder")
    try:
        printed, _ = process.communicate(f"{secret}\n", 2 * PATIENCE)
    finally:
        process.kill()
        process.wait()
        # Another one may have taken what nobody was in any more.
        with alone():
            for folder in found[-1]:
                if folder.match(NEW) or is_of(folder, process):
                    shutil.rmtree(folder)
    return printed, process.returncode


class Wrapped:
    """pamtester with one service.

    With `tracing`, what it sends to syslog is in pamtester.log.
    """

    def __init__(self, place, conf, tracing=True, service="latchkey"):
        self.place = place
        self.conf = conf
        self.service = service
        self.level = "3" if tracing else "0"
        self.preloads = ":".join([*sanitizers(), "libpam_wrapper.so"])
        self.services = place.path / "services"
        self.services.mkdir(exist_ok=True)
        self.use(f"conf={conf} debug")

    def use(self, options):
        self.place.write(f"services/{self.service}", "".join(
            f"{kind} required {MODULE} {options}\n"
            for kind in ("auth", "account", "session")))

    def attempt(self, user, secret, *operations, session=None):
        """The outcome, without what pam_wrapper says of itself.

        `session` is the id that an earlier step left in the environment.
        """
        words = ["-E", f"LATCHKEY_SESSION={session}"] if session else []
        printed, status = run(
            [find_program("pamtester"), *words, self.service, user,
             *(operations or OPERATIONS)], secret, cwd=self.place.path,
            env={**self.place.environment(), "LD_PRELOAD": self.preloads,
                 "PAM_WRAPPER": "1",
                 "PAM_WRAPPER_KEEP_DIR": "1",
                 "PAM_WRAPPER_SERVICE_DIR": str(self.services),
                 "PAM_WRAPPER_DEBUGLEVEL": self.level})
        # It traces what passes through it, passwords too; what goes to syslog
        # is ours.
        lines = printed.splitlines()
        with open(self.place.path / "pamtester.log", "a") as log:
            log.write("".join(f"{line}\n" for line in lines
                              if not line.startswith("PWRAP_")
                              or "SYSLOG(" in line))
        outcome = Outcome(
            status,
            "".join(f"{line}\n" for line in lines
                    if line and not line.startswith("PWRAP_")),
            "".join(f"{line}\n" for line in lines if "SYSLOG(" in line))
        # Anything else is a signal or a sanitizer's.
        assert outcome.status in (0, 1), outcome
        return outcome

    def ask(self, user, secret, *operations):
        """Whether all operations succeeded."""
        return self.attempt(user, secret, *operations).status == 0
