#!/usr/bin/python3
"""Show three doors: a login page, a page behind lighttpd, a login by PAM.

A browser logs in with a password at etc/clients/login.py, which has latchkeyd
issue a session; its cookie opens the page, and its token the login, until she
logs out.  Then a command issues one, and revokes it.  All is private and on
loopback; pam_wrapper shows pamtester a PAM service of the demo's own.
Sessions are in a file; STORE=redis in the environment keeps them in a Redis.
KEEP=1 leaves everything running.  The exit status says whether all of it came
true.
"""

import hashlib
import os
import re
import signal
import sys
from pathlib import Path
from urllib.parse import urlencode

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support import http  # noqa: E402
from support.agent import Agent  # noqa: E402
from support.door import Door  # noqa: E402
from support.front import substitute  # noqa: E402
from support.place import ROOT, Failed, Place  # noqa: E402
from support.wrapped import Wrapped  # noqa: E402

PAGE = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
printf 'Hello %s!\\n' "$LATCHKEY_USER"
printf 'Your session is %s.\\n' "$LATCHKEY_SESSION"
printf 'It ends at %s.\\n' "$(date -u -d "@$LATCHKEY_EXPIRES" '+%F %T UTC')"
"""
LOGIN, PASSWORD = "/login/page.cgi", "open sesame"

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

STORES = ("sqlite", "redis")
# There is no TLS here.
COOKIE = "cookie = { secure = false; };\n"

SHOWN_HEADERS = ("www-authenticate", "cache-control", "content-type",
                 "location", "set-cookie")


class Browser:
    """What a browser says of itself, and the cookie that it keeps."""

    def __init__(self, address):
        self.address = address
        self.cookie = ""

    def headers(self, form):
        own = f"http://{self.address}"
        return [("User-Agent", "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) "
                               "Gecko/20100101 Firefox/128.0"),
                ("Accept", "text/html,application/xhtml+xml,*/*;q=0.8"),
                ("Sec-Fetch-Dest", "document"),
                ("Sec-Fetch-Mode", "navigate"),
                ("Sec-Fetch-Site", "same-origin" if form else "none"),
                ("Sec-Fetch-User", "?1"),
                *([("Cookie", self.cookie)] if self.cookie else []),
                *([("Origin", own),
                   ("Content-Type", "application/x-www-form-urlencoded"),
                   ("Content-Length", str(len(form)))] if form else [])]

    def ask(self, path, **fields):
        """Ask for a page, or send its form."""
        form, method = urlencode(fields), "POST" if fields else "GET"
        head = http.head_of(path, self.headers(form), method, self.address)
        reply = http.send(self.address, head + form.encode(), method)
        for value in reply.all("Set-Cookie"):
            self.cookie = value.split(";")[0]
        shown = head.decode().replace("\r", "").rstrip() + "\n"
        print(shown + (f"\n{form}\n" if form else ""), end="")
        return reply


class Demo:
    """Prints each step, and remembers whether any went wrong."""

    def __init__(self, door):
        self.door = door
        self.browser = Browser(door.lighttpd.address)
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

    def show(self, reply, status, text=""):
        print(f"\n    HTTP/1.1 {reply.status} {reply.reason}")
        for name, value in reply.headers:
            if name.lower() in SHOWN_HEADERS:
                print(f"    {name}: {value}")
        print("\n" + "".join(f"    {line}\n"
                             for line in reply.body.splitlines()), end="")
        self.expect(reply.status == status, f"status {status}")
        self.expect(text in reply.body, repr(text))
        return reply

    def browse(self, path, status, text="", **fields):
        """Ask for a page as a browser does, and show both sides."""
        return self.show(self.browser.ask(path, **fields), status, text)

    def fetch(self, token, status, text=""):
        """Ask for the page as a program does, and show both sides."""
        print("GET /hello.cgi HTTP/1.1\n"
              f"Host: {self.door.lighttpd.address}\n"
              f"Authorization: Bearer {token}")
        self.show(self.door.get(token, "/hello.cgi"), status, text)

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
        self.step("Nobody gets in without a session: a browser is sent to "
                  "the login page")
        page = self.browse("/hello.cgi", 302).header("Location") or LOGIN
        page = re.sub("^https?://[^/]*", "", page)
        self.browse(page, 401, "type=password")
        self.step("alice logs in there with her password: the page has "
                  "latchkeyd issue a session")
        self.browse(page, 401, do="login", user="alice", password="guess")
        sent = self.browse(page, 303, do="login", user="alice",
                           password=PASSWORD)
        path = sent.header("Location")
        self.expect(path == "/hello.cgi", "to go on to /hello.cgi")
        self.step("Her cookie opens the page that she wanted")
        self.browse(path or "/", 200, "Hello alice!")
        self.step("The same token opens a login, here pamtester's")
        token = self.browser.cookie.partition("=")[2]
        self.log_in(token, True)
        self.step("She looks at her sessions, and logs out")
        self.browse(LOGIN, 200, "Your sessions")
        self.browse(LOGIN, 200, "Ended: 1.", do="logout")
        self.step("From then on her token opens nothing")
        self.browse("/hello.cgi", 302)
        self.log_in(token, False)
        self.step("A program gets a session of its own, and loses it again")
        token = self.command("issue", "alice", "--client", "script")
        self.fetch(token, 200, "Hello alice!")
        self.expect(self.command("revoke", token) == "1",
                    "one session to be revoked")
        self.fetch(token, 401)


def add_login_page(door):
    """etc/clients/login.py, and the agent that it asks."""
    address = f"unix:{door.place.path}/agent.sock"
    hashed = hashlib.scrypt(PASSWORD.encode(), salt=b"salt", n=16384, r=8,
                            p=1).hex()
    door.lighttpd.page(LOGIN[1:], substitute(
        (ROOT / "etc/clients/login.py").read_text(), {
            "/run/latchkey/agent.sock": address.removeprefix("unix:"),
            "PASSWORDS = {}": f'PASSWORDS = {{"alice": ("salt", "{hashed}")}}'
        }), 0o755)
    store = door.conf.read_text().partition("gate = ")[0]
    conf = door.place.write("latchkeyd.conf", (
        f'{store}agent = {{ listen = "{address}"; threads = 2; }};\n{COOKIE}'))
    door.place.add(Agent(door.place, conf, address))


def say_how_to_stop(door):
    token = door.cli.must("issue", "alice")
    pids = [str(daemon.process.pid) for daemon in
            reversed(door.place.daemons)]
    print("\nStill running:\n"
          f"    URL     http://{door.lighttpd.address}/hello.cgi\n"
          f"    log in  as alice with the password {PASSWORD!r}\n"
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
        door = Door(place, store=store, extra=f'login_url = "{LOGIN}";',
                    more=COOKIE)
        door.lighttpd.page("hello.cgi", PAGE, 0o755)
        add_login_page(door)
        servers = "Redis, latchkeyd, latchkey-fcgi" if store == "redis" else (
            "latchkeyd, latchkey-fcgi")
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
