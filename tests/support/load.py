"""Load from the library and from the gate, and what is read off it.

Either notes a Record for every single operation; support/judge.py says what
of all that must not be.
"""

import collections
import random
import subprocess
import threading
import time

from support import fastcgi
from support.place import BUILD, PATIENCE, Daemon, Failed, wait_until

OK, UNKNOWN, E_STORE, E_NOT_DURABLE = 0, 2, -5, -8

# The gate's answers as statuses of the library.
STATUS_OF = {200: OK, 202: E_NOT_DURABLE, 401: UNKNOWN, 503: E_STORE}

# One operation: "issue", "check", "refresh", "revoke", or "last", the check
# after all is over, and a session's name; or "revoke-all" and a user's.  A
# status; its begin and end by time.monotonic().
Record = collections.namedtuple("Record", "what session status began ended")


class LibraryLoad(Daemon):
    """tests/failover/load, which is threads that use the library."""

    THREADS = 3
    PAUSE_MS = 10

    def __init__(self, place, conf, prefix=(), name="load"):
        self.name = name
        super().__init__(place)
        self.path = place.path / f"{name}.records"
        self.argv = [*prefix, BUILD / "tests/failover/load", conf,
                     self.THREADS, self.PAUSE_MS]
        self.noted, self.read, self.unfinished = [], 0, ""

    def start(self):
        argv = ["setpriv", "--pdeathsig", "TERM",
                *(str(arg) for arg in self.argv)]
        with open(self.path, "wb") as out, open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                argv, stdin=subprocess.PIPE, stdout=out, stderr=log,
                env=self.place.environment(), start_new_session=True)
        return self

    def records(self):
        """What it has written so far."""
        with open(self.path, encoding="ascii") as file:
            file.seek(self.read)
            text = file.read()
            self.read = file.tell()
        *lines, self.unfinished = (self.unfinished + text).split("\n")
        for words in map(str.split, lines):
            self.noted.append(Record(
                words[0], words[1], int(words[2]),
                int(words[3]) / 1e6, int(words[4]) / 1e6))
        return self.noted

    def reload(self):
        """Let it take the settings anew."""
        said = "settings reloaded"
        before = self.output().count(said)
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        wait_until(lambda: self.output().count(said) > before,
                   f"{self.name} to reload")

    def finish(self):
        """Let it look at every session once more, and end."""
        self.process.stdin.close()
        try:
            status = self.process.wait(6 * PATIENCE)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.name} does not end\n{self.output()}")
        if status != 0:
            raise Failed(f"{self.name} ended with status {status}\n"
                         f"{self.output()}")
        self.process = None
        return self.records()

    def stop(self):
        # Only if a test has failed before finish().
        self.kill()


class GateLoad:
    """Threads that show sessions to a gate, and one that logs out."""

    CHECKERS = 2
    SESSIONS = 80
    CHECK_PAUSE = 0.01
    LOGOUT_PAUSE = 0.3

    def __init__(self, cli, gate, exit=None):
        self.gate = gate
        # Where to log out, if that is elsewhere.
        self.exit = exit or gate
        # Every other one is to be logged out.
        self.tokens = [cli.issue("alice") for _ in range(self.SESSIONS)]
        self.noted = []
        self.failure = None
        self.ending = threading.Event()
        self.threads = [threading.Thread(target=self._guarded, args=(work,))
                        for work in [self._check] * self.CHECKERS
                        + [self._log_out]]

    def start(self):
        for thread in self.threads:
            thread.start()
        return self

    def stop(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()

    def records(self):
        return list(self.noted)

    def finish(self):
        """Look at every session once more, until there is an answer."""
        self.stop()
        if self.failure is not None:
            raise self.failure
        for number in range(self.SESSIONS):
            wait_until(lambda number=number: self.check(number, "last") >= 0,
                       "the gate to know")
        return self.records()

    def _guarded(self, work):
        try:
            work()
        except Exception as failure:  # Told by finish().
            self.failure = failure

    def _note(self, what, number, began, reply):
        if reply is None or reply.status not in STATUS_OF:
            raise Failed(f"{what}: the gate answered {reply}")
        status = STATUS_OF[reply.status]
        self.noted.append(Record(what, str(number), status, began,
                                 time.monotonic()))
        return status

    def check(self, number, what="check"):
        began = time.monotonic()
        return self._note(what, number, began, self.gate.ask(
            fastcgi.request_of(
                HTTP_AUTHORIZATION=f"Bearer {self.tokens[number]}")))

    def log_out(self, number):
        parameters = fastcgi.request_of(
            "/", "POST", LATCHKEY_ENDPOINT="logout",
            HTTP_AUTHORIZATION=f"Bearer {self.tokens[number]}")
        parameters["FCGI_ROLE"] = "RESPONDER"
        began = time.monotonic()
        return self._note("revoke", number, began, self.exit.ask(
            parameters, role=fastcgi.RESPONDER))

    def _check(self):
        while not self.ending.wait(self.CHECK_PAUSE):
            self.check(random.randrange(self.SESSIONS))

    def _log_out(self):
        for number in range(0, self.SESSIONS, 2):
            status = E_STORE
            while status == E_STORE:
                if self.ending.wait(self.LOGOUT_PAUSE):
                    return
                status = self.log_out(number)


# ---- What the records say ------------------------------------------------


def of(records, *whats):
    return [record for record in records if record.what in whats]


def failures(records, since=0.0, until=float("inf")):
    """Operations that could not be done, if they began in this time."""
    return [record for record in records
            if record.status < 0 and since <= record.began <= until]


def successes(records, since=0.0):
    """Operations begun since then to which there was an answer."""
    return [record for record in records
            if record.status >= 0 and record.began >= since]


def longest_gap(records, since, until):
    """The longest time without a success, and when it ended."""
    ends = sorted(record.ended for record in records if record.status >= 0
                  and since <= record.ended <= until)
    return max((after - before, after)
               for before, after in zip([since, *ends], [*ends, until]))


def kinds(records):
    """How many failures there were of each kind."""
    return collections.Counter((record.what, record.status)
                               for record in failures(records))
