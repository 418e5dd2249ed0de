"""Sessions that are begun, shown at many doors, and ended; the judge looks at
what each door said of each of them.

A door takes a token and says a status of the library and whose the session
is, None if it does not tell.  A life is a thread's: of one user after another,
whose sessions none but it ends.
"""

import contextlib
import json
import random
import re
import subprocess
import threading
import time
from urllib.parse import urlencode

from support import agent, fastcgi, http
from support.judge import SESSIONS_OF_A_USER
from support.load import E_NOT_DURABLE, E_STORE, OK, UNKNOWN, Record
from support.login import FORM, PASSWORDS
from support.pam_handle import AUTH_ERR, AUTHINFO_UNAVAIL, SUCCESS
from support.place import (BUILD, PATIENCE, Daemon, Failed, connect,
                           wait_until)
from support.watched import watch_request

# What HTTP answers, as statuses of the library; nginx makes a 500 of a 503,
# and says 502 and 504 of a gate that does not answer.
STATUS_OF = {200: OK, 201: OK, 303: OK, 202: E_NOT_DURABLE, 401: UNKNOWN,
             500: E_STORE, 502: E_STORE, 503: E_STORE, 504: E_STORE}
STATUS_OF_PAM = {SUCCESS: OK, AUTH_ERR: UNKNOWN, AUTHINFO_UNAVAIL: E_STORE}


def status_of(reply, statuses=None):
    code = reply.status if statuses is None else reply
    known = STATUS_OF if statuses is None else statuses
    if code not in known:
        raise Failed(f"not to be expected: {reply}")
    return known[code]


def bearer(token):
    return [("Authorization", f"Bearer {token}")]


class Page:
    """A page behind a web server that asks the gate."""

    def __init__(self, front):
        self.front = front

    def check(self, token, _user):
        reply = self.front.get("/app/page", bearer(token))
        status = status_of(reply)
        return status, (re.search("(?m)^X-Latchkey-User: (.*)$",
                                  reply.body)[1] if status == OK else None)

    def end(self, token):
        return status_of(self.front.get("/session/logout", bearer(token),
                                        method="POST"))

    def end_all(self, token):
        return status_of(self.front.get("/session/logout-all", bearer(token),
                                        method="POST"))

    def list(self, token):
        """The number of sessions, or None if nobody can tell."""
        reply = self.front.get("/session/sessions", bearer(token))
        return (len(json.loads(reply.body)) if status_of(reply) == OK
                else None)

    def log_in(self, user):
        """By the form; a token, or None."""
        body = urlencode({"user": user, "password": PASSWORDS[user]}).encode()
        reply = http.send(self.front.address, http.head_of(
            "/session/login", [
                ("Content-Type", FORM), ("Content-Length", len(body)),
                ("Origin", "http://localhost"), ("Accept", "text/html")],
            "POST") + body, "POST")
        if status_of(reply) != OK or reply.status != 303:
            return None
        return re.match("latchkey=(lk_[^;]+);",
                        reply.header("Set-Cookie"))[1]


class Direct:
    """A gate that is asked without a web server."""

    def __init__(self, gate):
        self.gate = gate

    def check(self, token, _user):
        reply = self.gate.ask(fastcgi.request_of(
            HTTP_AUTHORIZATION=f"Bearer {token}"))
        return status_of(reply), reply.header("Variable-LATCHKEY_USER")

    def end(self, token):
        return status_of(self.gate.ask({**fastcgi.request_of(
            "/", "POST", LATCHKEY_ENDPOINT="logout",
            HTTP_AUTHORIZATION=f"Bearer {token}"), "FCGI_ROLE": "RESPONDER"},
            role=fastcgi.RESPONDER))


    @contextlib.contextmanager
    def watching(self, token):
        """What waits for the end of the session and says what it heard."""
        with connect(self.gate.address) as sock:
            sock.sendall(watch_request(token))
            yield lambda: status_of(fastcgi.parse(fastcgi.receive(sock)))


class Asked:
    """An agent."""

    def __init__(self, daemon):
        self.address = daemon.address

    def ask(self, verb, **fields):
        reply = agent.ask(self.address, verb, fields)
        return status_of(reply), reply

    def issue(self, user):
        status, reply = self.ask("issue", user=user, client="web")
        return reply.json["token"] if status == OK else None

    def check(self, token, _user):
        status, reply = self.ask("check", token=token)
        return status, reply.json["user"] if status == OK else None

    def refresh(self, token, ttl):
        return self.ask("refresh", token=token, ttl=ttl)[0]

    def end(self, token):
        return self.ask("revoke", token=token)[0]

    def end_all_of(self, user):
        return self.ask("revoke-all", user=user)[0]

    def list(self, user):
        status, reply = self.ask("sessions", user=user)
        return ({one["user"] for one in reply.json} if status == OK else None)

    def look_back(self, user):
        return self.ask("history", user=user)[0]


class Pam(Daemon):
    """A program that lets in by PAM for as long as it runs: tests/soak.py
    again, with `--pam` and the options of the module."""

    def __init__(self, place, name, program, options):
        self.name = name
        super().__init__(place)
        self.argv = [program, "--pam", options]
        self.lock = threading.Lock()

    def start(self):
        with open(self.log, "ab") as log:
            self.process = subprocess.Popen(
                ["setpriv", "--pdeathsig", "TERM", *map(str, self.argv)],
                stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log,
                text=True, env={**self.place.environment(),
                                "LK_BUILD": str(BUILD)})
        return self

    def stop(self):
        self.process.stdin.close()
        if self.process.wait(PATIENCE) != 0:
            raise Failed(f"{self.name}: {self.output()}")

    def check(self, token, user):
        with self.lock:
            self.process.stdin.write(f"{user} {token}\n")
            self.process.stdin.flush()
            said = self.process.stdout.readline()
        if not said:
            raise Failed(f"{self.name}: {self.output()}")
        status = status_of(int(said), STATUS_OF_PAM)
        return status, user if status == OK else None


class World:
    """Doors to one store: an agent, who begins its sessions, a gate, and
    others."""

    def __init__(self, asked, gate, doors=()):
        self.asked, self.gate = asked, gate
        self.doors = [asked, gate, *doors]
        self.exits = [door for door in self.doors if hasattr(door, "end")]
        self.pages = [door for door in doors if isinstance(door, Page)]
        self.pams = [door for door in doors if isinstance(door, Pam)]


class Life:
    """Until it is told to end; then it looks at every session once more."""

    PAUSE = 0.04
    # Of one user's sessions, before the next one's begin.
    STEPS = 60
    TTL = 3600

    def __init__(self, world, number):
        self.world, self.number = world, number
        self.random = random.Random(number)
        self.records, self.wrong, self.told = [], [], []
        self.tokens, self.owner, self.made = {}, {}, 0
        self.strangers = 0
        self.failure = None
        self.thread = threading.Thread(target=self._guarded)

    # ---- One operation each ------------------------------------------------

    def note(self, what, name, call, *words):
        """Record it, and say its status; `call` may say whose it is, too."""
        began = time.monotonic()
        said = call(*words)
        status, user = said if isinstance(said, tuple) else (said, None)
        self.told.append((name, f"{began:.3f} {time.monotonic():.3f} {what} "
                          f"{name} {status} by {call}"))
        self.records.append(Record(what, name, status, began,
                                   time.monotonic()))
        if status == OK and user not in (None, self.owner.get(name)):
            self.wrong.append(f"{name} of {self.owner.get(name)} "
                              f"answered as {user} by {call}")
        return status

    def tell(self, names):
        """All that happened to these, and to their users."""
        names = {*names, *map(self.owner.get, names)}
        return "\n".join(line for name, line in self.told if name in names)

    def begin(self, user, issue, name=None):
        name = name or f"{self.number}.{self.made}"
        self.owner[name] = user

        def call():
            token = issue(user)
            if token is not None:
                self.tokens[name] = token
            return OK if token is not None else E_STORE
        self.made += 1
        return name if self.note("issue", name, call) == OK else None

    def check(self, name, what="check"):
        door = self.random.choice(self.world.doors)
        return self.note(what, name, door.check, self.tokens[name],
                         self.owner[name])

    def refresh(self, name):
        self.note("refresh", name, self.world.asked.refresh,
                  self.tokens[name], self.TTL + self.random.randrange(999))

    def end(self, name):
        return self.note("revoke", name,
                         self.random.choice(self.world.exits).end,
                         self.tokens[name])

    def end_watched(self, name):
        """While somebody watches it, who has to hear of it."""
        with self.world.gate.watching(self.tokens[name]) as heard:
            if (self.end(name) in (OK, E_NOT_DURABLE)
                    and self.note("watch", name, heard) == OK):
                self.wrong.append(f"{name}: a watch says that it lives")

    def end_all(self, name):
        user = self.owner[name]
        for page in self.world.pages[:1]:
            if self.note("revoke-all", user, page.end_all,
                         self.tokens[name]) == OK:
                return
        self.note("revoke-all", user, self.world.asked.end_all_of, user)

    def list(self, name):
        users = self.world.asked.list(self.owner[name])
        if users not in (None, set(), {self.owner[name]}):
            self.wrong.append(f"{name}: a list of {users}")
        self.world.asked.look_back(self.owner[name])
        for page in self.world.pages[:1]:
            page.list(self.tokens[name])

    def stranger(self, name):
        """Nobody's token, what is none, and one that is another's."""
        token = self.tokens[name]
        for shown in (token[:-8] + token[-8:].swapcase()[::-1], token[:-1],
                      token + "A", "lk_", "x" * 200):
            door = self.random.choice(self.world.doors)
            if shown != token and door.check(shown, self.owner[name])[0] == OK:
                self.wrong.append(f"{name}: {shown[-9:]} let in by {door}")
        for pam in self.world.pams:
            if pam.check(token, "mallory")[0] == OK:
                self.wrong.append(f"{name}: lets mallory in")
        self.strangers += 5 + len(self.world.pams)

    def log_in(self, _name):
        """At the form, and out again."""
        for page in self.world.pages[:1]:
            name = self.begin("alice", page.log_in,
                              f"form-{self.number}-{self.made}")
            if name is not None:
                self.check(name)
                self.note("revoke", name, page.end, self.tokens[name])

    OFTEN = {check: 40, refresh: 6, end: 4, end_watched: 1, list: 4,
             stranger: 2, log_in: 1}

    # ---- All of it ---------------------------------------------------------

    def start(self, ending):
        self.ending = ending
        self.thread.start()
        return self

    def finish(self):
        self.thread.join()
        if self.failure is not None:
            raise self.failure

    def _guarded(self):
        try:
            while not self.ending.is_set():
                self._one_user()
            # What is to be seen by now.
            for name in self.tokens:
                wait_until(lambda name=name: self.check(name, "last") >= 0,
                           f"an answer about {name}")
        except Exception as failure:  # Told by finish().
            self.failure = failure

    def _one_user(self):
        while self.made % SESSIONS_OF_A_USER:
            self.made += 1
        user = f"user-{self.number}-{self.made // SESSIONS_OF_A_USER}"
        names = list(filter(None, [
            self.begin(user, self.world.asked.issue)
            for _ in range(SESSIONS_OF_A_USER)]))
        steps, weights = zip(*self.OFTEN.items())
        for _ in range(self.STEPS):
            if not names or self.ending.wait(self.PAUSE):
                return
            step, = self.random.choices(steps, weights)
            step(self, self.random.choice(names))
        self.end_all(names[0])
        for name in names[:2]:
            self.check(name)
