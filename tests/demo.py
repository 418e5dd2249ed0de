#!/usr/bin/python3
"""Show two doors: a page behind lighttpd, and a login through PAM.

One session opens both, and revoking it closes both.  All is private and on
loopback; pam_wrapper shows pamtester a PAM service of the demo's own.
Sessions are in a file; STORE=redis in the environment keeps them in a Redis.
KEEP=1 leaves everything running.  The exit status says whether all of it came
true.
"""

import os
import signal
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.door import Door  # noqa: E402
from support.place import Failed, Place  # noqa: E402
from support.wrapped import Wrapped  # noqa: E402

PAGE = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
printf 'Hello %s!\\n' "$LATCHKEY_USER"
printf 'Your session is %s.\\n' "$LATCHKEY_SESSION"
printf 'It ends at %s.\\n' "$(date -u -d "@$LATCHKEY_EXPIRES" '+%F %T UTC')"
"""

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

STORES = ("sqlite", "redis")

SHOWN_HEADERS = ("www-authenticate", "cache-control", "content-type")


class Demo:
    """Prints each step, and remembers whether any went wrong."""

    def __init__(self, door):
        self.door = door
        self.pam = Wrapped(door.place, door.conf, tracing=False)
        self.wrong = 0

    def step(self, text):
        print(f"\n--- {text}")

    def expect(self, holds, what):
        if not holds:
            self.wrong += 1
            print(f"    WRONG: expected {what}")

    def command(self, *words):
        print(f"$ latchkey -c {self.door.conf} {' '.join(words)}")
        printed = self.door.cli.must(*words)
        print(printed)
        return printed

    def browse(self, token, status, text=""):
        """Ask for the page and show both sides."""
        print("GET /hello.cgi HTTP/1.1\n"
              f"Host: {self.door.lighttpd.address}")
        if token:
            print(f"Authorization: Bearer {token}")
        reply = self.door.get(token, "/hello.cgi")
        print(f"\n    HTTP/1.1 {reply.status} {reply.reason}")
        for name, value in reply.headers:
            if name.lower() in SHOWN_HEADERS:
                print(f"    {name}: {value}")
        print("\n" + "".join(f"    {line}\n"
                             for line in reply.body.splitlines()), end="")
        self.expect(reply.status == status, f"status {status}")
        self.expect(text in reply.body, repr(text))

    def log_in(self, token, lets_in):
        """Log in through PAM, as SSH would with the token as password."""
        print("$ pamtester latchkey alice authenticate acct_mgmt")
        done = self.pam.attempt("alice", token, "authenticate",
                                "acct_mgmt")
        print("".join(f"    {line}\n" for line in
                      done.output.replace("token: ", "token: (hers)\n")
                      .splitlines()), end="")
        self.expect((done.status == 0) == lets_in,
                    "to be let in" if lets_in else "to be refused")

    def play(self):
        self.step("Nobody gets in without a session")
        self.browse(None, 401)
        self.step("alice logs in: the application issues a session")
        token = self.command("issue", "alice", "--client", "web")
        self.step("Her token opens the page")
        self.browse(token, 200, "Hello alice!")
        self.step("The same token opens a login, here pamtester's")
        self.log_in(token, True)
        self.step("Her session is revoked")
        self.expect(self.command("revoke", token) == "1",
                    "one session to be revoked")
        self.step("From then on her token opens nothing")
        self.browse(token, 401)
        self.log_in(token, False)


def say_how_to_stop(door):
    token = door.cli.must("issue", "alice")
    pids = [str(daemon.process.pid) for daemon in
            reversed(door.place.daemons)]
    print("\nStill running:\n"
          f"    URL     http://{door.lighttpd.address}/hello.cgi\n"
          f"    token   {token}\n"
          "    try     curl -H 'Authorization: Bearer TOKEN' URL\n"
          f"    stop    kill {' '.join(pids)}; rm -r {door.place.path}")


def interrupted(number, _):
    """Leave by way of the clean-up, and do not interrupt that."""
    for other in ENDING:
        signal.signal(other, signal.SIG_IGN)
    sys.exit(128 + number)


def main():
    for number in ENDING:
        signal.signal(number, interrupted)
    keep = os.environ.get("KEEP", "0") not in ("", "0")
    store = os.environ.get("STORE") or STORES[0]
    if store not in STORES:
        raise Failed(f"STORE={store}: expected {' or '.join(STORES)}")
    place = Place(outlasting=keep)
    stays = False
    try:
        door = Door(place, store=store)
        door.lighttpd.page("hello.cgi", PAGE, 0o755)
        servers = "Redis, latchkey-fcgi" if store == "redis" else (
            "latchkey-fcgi")
        print(f"{servers} and lighttpd run in {place.path} on 127.0.0.1.")
        if store == "sqlite":
            print(f"Sessions are in {door.file}.")
        demo = Demo(door)
        demo.play()
        if keep:
            say_how_to_stop(door)
            stays = True
    finally:
        if not stays:
            place.close()
            print("\nEverything is stopped again.")
    if demo.wrong:
        print(f"\n{demo.wrong} expectations did not come true.")
    else:
        print("\nIt all came true.")
    return 1 if demo.wrong else 0


if __name__ == "__main__":
    try:
        sys.exit(main())
    except (Failed, OSError) as failure:
        print(f"\nThe demo failed: {failure}", file=sys.stderr)
        sys.exit(1)
