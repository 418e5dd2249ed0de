"""The pages in etc/clients: log in, look around, log out, in each language."""

import hashlib
import json
import os
import re
import subprocess
from urllib.parse import urlencode

import pytest

from support.place import ROOT, wait_until
from support.servers import find_program

WWW = 33
ROW = f'''{{ users = [ "{WWW}" ]; may = [ "check", "issue", "revoke", "list" ];
             clients = [ "web" ]; not_users = [ "root" ]; }}'''
SECRET = "s3cr&t=ü"

# How each knows passwords, and what runs it.
PAGES = {
    "login.php": ("$passwords = [];", "$passwords = ['alice' => {php}, "
                  "'root' => {php}];", "php-cgi"),
    "login.py": ("PASSWORDS = {}", 'PASSWORDS = {{"alice": ("a", {py}), '
                 '"root": ("a", {py})}}', "python3"),
    "login.pl": ("my %passwords = ();", "my %passwords = (alice => {pl}, "
                 "root => {pl});", "perl"),
}


def hashes():
    """The password as each language keeps it."""
    by_perl = subprocess.run(
        ["perl", "-e", 'print crypt($ARGV[0], q{$6$saltsalt$})', SECRET],
        capture_output=True, text=True, check=True).stdout
    return {"php": f"'{by_perl}'", "pl": f"'{by_perl}'",
            "py": repr(hashlib.scrypt(SECRET.encode(), salt=b"a", n=16384,
                                      r=8, p=1).hex())}


class Page:
    """A copy of an example that knows a password, run as CGI by www-data."""

    def __init__(self, house, name):
        before, after, program = PAGES[name]
        text = (ROOT / "etc/clients" / name).read_text()
        assert before in text
        text = text.replace(before, after.format(**hashes()))
        text = text.replace("/run/latchkey/agent.sock",
                            house.address.removeprefix("unix:"))
        self.path = house.place.write(name, text, 0o755)
        self.program = find_program(program)
        self.cookie = ""

    def ask(self, fields=None, site="same-origin"):
        body = urlencode(fields) if fields else ""
        env = {"REQUEST_METHOD": "POST" if fields else "GET",
               "CONTENT_LENGTH": str(len(body)), "REDIRECT_STATUS": "200",
               "CONTENT_TYPE": "application/x-www-form-urlencoded",
               "REMOTE_ADDR": "192.0.2.7", "SCRIPT_FILENAME": str(self.path),
               "HTTP_SEC_FETCH_SITE": site, "PATH": os.environ["PATH"],
               "HTTP_COOKIE": self.cookie and f"x=y; {self.cookie}"}
        done = subprocess.run(
            ["setpriv", f"--reuid={WWW}", f"--regid={WWW}", "--clear-groups",
             self.program, self.path], input=body, env=env, text=True,
            capture_output=True, check=False, timeout=30)
        assert done.stderr == ""
        head, _, text = done.stdout.replace("\r\n", "\n").partition("\n\n")
        self.headers = dict(line.split(": ", 1) for line in head.splitlines())
        if "Set-Cookie" in self.headers:
            self.cookie = self.headers["Set-Cookie"].split(";")[0]
        return int(self.headers.get("Status", "200").split()[0]), text

    def log_in(self, **fields):
        return self.ask({"do": "login", "user": "alice", "password": SECRET,
                         **fields})


@pytest.fixture(params=sorted(PAGES))
def page(request, house):
    house.agent(ROW)
    return Page(house, request.param)


def test_page_logs_in_shows_and_logs_out(page, house):
    assert page.ask()[0] == 401
    assert "value=login" in page.ask()[1]
    assert page.log_in(url="/private?x=1&y=2")[0] == 303
    assert page.headers["Location"] == "/private?x=1&y=2"
    assert re.fullmatch(r"latchkey=lk_\S+; Max-Age=604800; Path=/; HttpOnly; "
                        "SameSite=Lax; Secure", page.headers["Set-Cookie"])
    first = page.cookie
    page.log_in(url="//evil.example/")
    assert page.headers["Location"] == "/"
    status, text = page.ask()
    assert (status, text.count("<li>web ")) == (200, 2)
    status, text = page.ask({"do": "logout-others"})
    assert (status, text.strip()) == (200, "Ended: 1.")
    page.cookie, second = first, page.cookie
    assert page.ask()[0] == 401
    page.cookie = second
    status, text = page.ask({"do": "logout"})
    assert status == 200 and "Ended: 1." in text
    assert page.ask()[0] == 401
    wait_until(lambda: "peer=192.0.2.7" in house.place.logs()["agent.log"],
               "the login in the log")


def test_page_lets_nobody_in_by_mistake(page, house):
    assert page.log_in(password="s3cr")[0] == 401
    assert page.log_in(password="")[0] == 401
    assert page.log_in(user="bob")[0] == 401
    assert page.log_in(user="")[0] == 401
    assert page.ask({"do": "login", "user": "alice", "password": SECRET},
                    site="cross-site")[0] == 403
    # The page's row says so, whatever the page thinks.
    assert page.log_in(user="root")[0] == 403
    assert "Set-Cookie" not in page.headers
    house.redis.stop()
    assert page.log_in()[0] == 503
    page.cookie = "latchkey=lk_" + "A" * 64
    assert page.ask()[0] == 503
    house.place.daemons[-1].kill()
    assert page.log_in()[0] == 503
    assert page.ask()[0] == 503


def test_curl_asks_and_says_by_its_exit_status(house):
    house.agent(ROW)
    path = house.address.removeprefix("unix:")

    def ask(*words, stdin=""):
        done = subprocess.run(
            [ROOT / "etc/clients/curl.sh", *words], input=stdin, text=True,
            capture_output=True, check=False, timeout=30,
            env={"LATCHKEY_AGENT": path, "PATH": os.environ["PATH"]})
        assert done.stderr == ""
        return done.returncode, done.stdout

    status, text = ask("issue", "user=al ice&x=@y", "client=web")
    assert status == 0
    token = json.loads(text)["token"]
    status, text = ask("check", "token=-", stdin=token)
    assert (status, json.loads(text)["user"]) == (0, "al ice&x=@y")
    assert ask("sessions", "user=al ice&x=@y")[0] == 0
    assert ask("check", "token=x")[0] == 1
    assert ask("check", "tokn=x")[0] == 2
    assert ask("health")[0] == 0
    house.redis.stop()
    assert ask("check", f"token={token}")[0] == 3
    house.place.daemons[-1].kill()
    wait_until(lambda: ask("health")[0] == 3, "nobody to be there")


def test_pages_are_short():
    for name in PAGES:
        text = (ROOT / "etc/clients" / name).read_text()
        assert len(text.splitlines()) <= 60, name
