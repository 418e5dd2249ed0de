"""The pages in etc/clients: log in, look around, log out, in each language."""

import hashlib
import http.client
import json
import os
import re
import subprocess
from urllib.parse import urlencode

import pytest

from support.place import (BUILD, PATIENCE, ROOT, Daemon, NotInstalled, accepts,
                           free_port, wait_until)
from support.servers import find_program

WWW = 33
ROW = f'''{{ users = [ "{WWW}" ]; may = [ "check", "issue", "revoke", "list" ];
             clients = [ "web" ]; not_users = [ "root" ]; }}'''
TAKEN_BACK = "latchkey=; Max-Age=1; Path=/; HttpOnly; SameSite=Lax; Secure"
USER, SECRET = "älice", "s3cr&t=ü"
AS_WWW = ["setpriv", f"--reuid={WWW}", f"--regid={WWW}", "--clear-groups"]
BCRYPT = "/usr/share/gocode/src/golang.org/x/crypto/bcrypt"


def said(*argv):
    return subprocess.run(argv, capture_output=True, text=True, check=True,
                          timeout=PATIENCE).stdout.strip()


def crypted(how):
    """The password as crypt(3) has it, which PHP, Perl and Go know too."""
    return said("perl", "-e", "print crypt($ARGV[0], $ARGV[1])", SECRET, how)


def scrypted(size):
    return hashlib.scrypt(SECRET.encode(), salt=b"a", n=16384, r=8, p=1,
                          dklen=size).hex()


class Page:
    """A copy of an example that knows a password, run by www-data."""

    def __init__(self, house, name):
        self.house, self.place, self.name = house, house.place, name
        before, after, hashed = PAGES[name][1:]
        text = (ROOT / "etc/clients" / name).read_text()
        assert before in text
        text = text.replace(before, after.replace("HASH", hashed()))
        assert "/run/latchkey/agent.sock" in text
        text = text.replace("/run/latchkey/agent.sock",
                            house.address.removeprefix("unix:"))
        self.path = self.place.write(f"pages/{name}", text, 0o755)
        self.cookie = ""
        self.prepare()

    def ask(self, fields=None, site="same-origin", origin=None, url=None):
        query = f"?{urlencode({'url': url})}" if url else ""
        said = {"Host": "example.org", "X-Real-IP": "192.0.2.7"}
        if self.cookie:
            said["Cookie"] = f"x=y; {self.cookie}"
        if site:
            said["Sec-Fetch-Site"] = site
        if origin:
            said["Origin"] = origin
        if fields:
            said["Content-Type"] = "application/x-www-form-urlencoded"
        status, self.headers, text = self.request(
            "POST" if fields else "GET", query, urlencode(fields or {}), said)
        if "Set-Cookie" in self.headers:
            self.cookie = self.headers["Set-Cookie"].split(";")[0]
        return status, text

    def log_in(self, site="same-origin", origin=None, url=None, **fields):
        return self.ask({"do": "login", "user": USER, "password": SECRET,
                         **fields}, site, origin, url)


class Cgi(Page):
    """A program that a web server starts for each request."""

    def prepare(self):
        self.argv = [*AS_WWW, find_program(PAGES[self.name][0][1]), self.path]

    def request(self, method, query, body, said):
        env = {"QUERY_STRING": query[1:],
               "REQUEST_METHOD": method, "CONTENT_LENGTH": str(len(body)),
               "REMOTE_ADDR": said.pop("X-Real-IP"), "REDIRECT_STATUS": "200",
               "SCRIPT_FILENAME": str(self.path), "PATH": os.environ["PATH"],
               "CONTENT_TYPE": said.get("Content-Type", "")}
        env.update((f"HTTP_{name.upper().replace('-', '_')}", value)
                   for name, value in said.items())
        done = subprocess.run(self.argv, input=body, env=env, text=True,
                              capture_output=True, check=False, timeout=30)
        assert done.stderr == ""
        head, _, text = done.stdout.replace("\r\n", "\n").partition("\n\n")
        headers = dict(line.split(": ", 1) for line in head.splitlines())
        return int(headers.get("Status", "200").split()[0]), headers, text


class Service(Page):
    """A program that listens by itself, behind a web server."""

    def prepare(self):
        port = free_port()
        self.address = f"127.0.0.1:{port}"
        daemon = Daemon(self.place)
        daemon.log = self.place.path / "page.log"
        daemon.good = (0, 1, -15, 143)
        daemon.ready = lambda: accepts(self.address)
        daemon.argv = [*AS_WWW, "env", f"PORT={port}", *PAGES[self.name][0][1](
            self.path, port)]
        self.place.add(daemon)

    def request(self, method, query, body, said):
        line = http.client.HTTPConnection(self.address, timeout=PATIENCE)
        line.request(method, f"/login{query}", body or None, said)
        reply = line.getresponse()
        text = reply.read().decode()
        line.close()
        return reply.status, dict(reply.getheaders()), text


def node(path, _):
    return [find_program("node"), path]


def flask(path, port):
    if subprocess.run(["/usr/bin/python3", "-c", "import flask"],
                      capture_output=True, check=False).returncode != 0:
        raise NotInstalled("not installed: python3-flask")
    return ["/usr/bin/python3", "-m", "flask", "--app", path, "run", "--port",
            str(port)]


def go(path, _):
    """Build it with Debian's copy of bcrypt."""
    if not os.path.exists(BCRYPT):
        raise NotInstalled("not installed: golang-golang-x-crypto-dev")
    program = path.with_suffix("")
    subprocess.run(
        [find_program("go"), "build", "-o", program, path], check=True,
        timeout=5 * PATIENCE, env={
            "PATH": "/usr/bin:/bin", "GOCACHE": BUILD / "go",
            "GO111MODULE": "off", "GOPATH": "/usr/share/gocode"})
    return [program]


# What runs each, and how it knows passwords.
PAGES = {
    "login.php": ((Cgi, "php-cgi"), "$passwords = [];",
                  f"$passwords = ['{USER}' => 'HASH', 'root' => 'HASH'];",
                  lambda: crypted("$6$saltsalt$")),
    "login.py": ((Cgi, "python3"), "PASSWORDS = {}",
                 f'PASSWORDS = {{"{USER}": ("a", "HASH"), '
                 '"root": ("a", "HASH")}', lambda: scrypted(64)),
    "login.pl": ((Cgi, "perl"), "my %passwords = ();",
                 f"my %passwords = ('{USER}' => 'HASH', root => 'HASH');",
                 lambda: crypted("$6$saltsalt$")),
    "login.mjs": ((Service, node), "new Map([])",
                  f"new Map([['{USER}', ['a', 'HASH']], "
                  "['root', ['a', 'HASH']]])", lambda: scrypted(64)),
    "login.go": ((Service, go), "map[string]string{} //",
                 f'map[string]string{{"{USER}": "HASH", "root": "HASH"}} //',
                 lambda: crypted("$2b$10$" + "a" * 22)),
    "login_flask.py": ((Service, flask), "PASSWORDS = {}",
                       f'PASSWORDS = {{"{USER}": "HASH", "root": "HASH"}}',
                       lambda: said("/usr/bin/python3", "-c", f"""
from werkzeug.security import generate_password_hash
print(generate_password_hash({SECRET!r}))""")),
}


@pytest.fixture(params=sorted(PAGES))
def page(request, house):
    house.agent(ROW)
    return PAGES[request.param][0][0](house, request.param)


def test_page_logs_in_shows_and_logs_out(page, house):
    status, form = page.ask()
    assert status == 401 and "value=login" in form
    assert page.headers["Cache-Control"] == "no-store"
    assert page.log_in(url="/private?x=1&y=2")[0] == 303
    assert page.headers["Location"] == "/private?x=1&y=2"
    assert re.fullmatch(r"latchkey=lk_\S+; Max-Age=604800; Path=/; HttpOnly; "
                        "SameSite=Lax; Secure", page.headers["Set-Cookie"])
    first, page.cookie = page.cookie, ""
    token = first.removeprefix("latchkey=")
    assert house.cli.check(token)["user"] == USER
    assert page.log_in(url="//evil.example/")[0] == 303
    assert page.headers["Location"] == "/"
    status, text = page.ask()
    assert (status, text.count("<li>web ")) == (200, 2)
    # Who logs in again has one session more at most, and none before it.
    before = page.cookie
    assert page.log_in()[0] == 303
    second, page.cookie = page.cookie, before
    assert page.ask()[0] == 401
    page.cookie = second
    assert page.ask()[1].count("<li>web ") == 2
    status, text = page.ask({"do": "logout-others"})
    assert (status, text.strip()) == (200, "Ended: 1.")
    assert "Set-Cookie" not in page.headers
    page.cookie = first
    assert page.ask()[0] == 401
    page.cookie = second
    status, text = page.ask({"do": "logout"})
    assert status == 200 and "Ended: 1." in text
    # The browser forgets it, and with it what it would show on "back".
    assert page.headers["Set-Cookie"] == TAKEN_BACK
    assert page.cookie == "latchkey="
    assert page.ask() == (401, form)
    assert page.ask({"do": "logout"})[0] == 401
    assert page.log_in()[0] == 303
    assert page.ask({"do": "logout"})[0] == 200
    wait_until(lambda: "peer=192.0.2.7" in house.place.logs()["agent.log"],
               "the login in the log")
    assert house.cli.must("list", USER) == ""


def test_page_lets_nobody_in_by_mistake(page, house):
    assert page.log_in(password="s3cr")[0] == 401
    assert page.log_in(password="")[0] == 401
    assert page.log_in(user="bob")[0] == 401
    assert page.log_in(user="")[0] == 401
    # From another site, as browsers of both kinds tell; by nobody knows whom.
    assert page.log_in(site="cross-site")[0] == 403
    assert page.log_in(site="same-site")[0] == 403
    assert page.log_in(site="", origin="https://evil.example")[0] == 403
    assert page.log_in(site="", origin="null")[0] == 403
    assert page.log_in(site="")[0] == 403
    # The page's row says so, whatever the page thinks.
    assert page.log_in(user="root")[0] == 403
    assert "Set-Cookie" not in page.headers
    assert page.log_in(site="", origin="https://example.org")[0] == 303
    page.cookie = ""
    house.redis.stop()
    assert page.log_in()[0] == 503
    page.cookie = "latchkey=lk_" + "A" * 64
    assert page.ask()[0] == 503
    next(daemon for daemon in house.place.daemons
         if daemon.name == "agent").kill()
    assert page.log_in()[0] == 503
    assert page.ask()[0] == 503


def test_page_changes_nothing_by_another_method(page, house):
    """None is exempt from where it has to come from."""
    assert page.log_in()[0] == 303
    token = page.cookie.removeprefix("latchkey=")
    for method in ("PUT", "PATCH", "DELETE", "post", "QUERY"):
        page.request(method, "", "do=logout", {
            "Host": "example.org", "X-Real-IP": "192.0.2.7",
            "Cookie": page.cookie, "Sec-Fetch-Site": "cross-site",
            "Content-Type": "application/x-www-form-urlencoded"})
        assert house.cli.check(token)["user"] == USER, method


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
    # A value that only ends like one from elsewhere is as it stands.
    for user in ("a=-", "a@-", "-", "@x"):
        status, text = ask("issue", f"user={user}", "client=web", stdin="b")
        assert status == 0
        status, text = ask("check", "token=-",
                           stdin=json.loads(text)["token"])
        assert json.loads(text)["user"] == ("b" if user == "-" else user)
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
