"""The login page of the README, word by word, behind lighttpd and nginx."""

import os
import re
import subprocess
from urllib.parse import urlencode

import pytest

from support import http
from support.agent import Agent
from support.debian import ETC, DebianLighttpd
from support.nginx import Nginx
from support.place import ROOT, Daemon, accepts, wait_until
from support.servers import find_program
from support.site import Site

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(not (ETC / "lighttpd.conf").exists(),
                       reason="this is not Debian's")]

# Whose account has a number of 1000 or more on every system.
USER, SECRET = "nobody", "correct horse"
BROWSER = [("Accept", "text/html,application/xhtml+xml"),
           ("Sec-Fetch-Mode", "navigate"), ("Sec-Fetch-Dest", "document")]
FORM = ("Content-Type", "application/x-www-form-urlencoded")


def blocks():
    """The indented blocks of the README's "The login page"."""
    text = (ROOT / "README.md").read_text()
    text = re.search(r"(?ms)^## The login page\n(.*?)^## ", text)[1]
    return [re.sub("(?m)^    ", "", block) for block in
            re.findall(r"(?m)(?:^(?:    .*)?\n)+", text) if block.strip()]


def block(begins):
    return next(text.strip("\n") for text in blocks()
                if text.lstrip().startswith(begins))


class Php(Daemon):
    """PHP on a socket, as php-fpm has it."""

    name = "php"
    good = (0, -15, 143, 255)  # 255: what it ran last failed

    def __init__(self, site):
        super().__init__(site.place)
        self.address = f"unix:{site.place.path}/php/fpm.sock"
        folder = site.place.path / "php"
        folder.mkdir()
        os.chown(folder, 33, 33)
        self.argv = ["setpriv", "--reuid=33", "--regid=33", "--clear-groups",
                     find_program("php-cgi"), "-b",
                     self.address.removeprefix("unix:")]

    def ready(self):
        return accepts(self.address)


class LoginSite(Site):
    """With the README's page, row and settings."""

    def add_pages(self):
        super().add_pages()
        os.unlink(self.pages / "login/index.html")
        hashed = subprocess.run(
            ["perl", "-e", "print crypt($ARGV[0], '$2y$04$' . 'a' x 22)",
             SECRET], capture_output=True, text=True, check=True).stdout
        known = self.place.write(
            "passwords.php", f"<?php return ['{USER}' => '{hashed}', "
            f"'root' => '{hashed}'];\n", 0o644)
        address = self.place.path / "agent.sock"
        self.place.write("pages/login/index.php", block("<?php").replace(
            "/etc/site/passwords.php", str(known)).replace(
                "/run/latchkey/agent.sock", str(address)), 0o644)
        conf = self.place.write("latchkeyd.conf", (
            f'store = {{ backend = "redis"; redis = {{ address = '
            f'"{self.redis.address}"; }}; }};\n{block("agent = {")}'.replace(
                "agent = {", f'agent = {{ listen = "unix:{address}"; '
                "threads = 2;")))
        self.agent = self.place.add(
            Agent(self.place, conf, f"unix:{address}"))

    def lighttpd(self):
        return DebianLighttpd(self, ["10-fastcgi.conf",
                                     "15-fastcgi-php.conf"])

    def nginx(self):
        php = self.place.add(Php(self))
        lines = block("location = /login/").replace(
            "unix:/run/php/php-fpm.sock", php.address)

        class WithPage(Nginx):
            """With the README's lines."""

            def example_text(self, values, name=None):
                text = super().example_text(values, name)
                mark = "\t\tlocation = /login {"
                assert text.count(mark) == 1
                return text.replace(mark, f"{lines}\n{mark}")

        return WithPage(self)


@pytest.mark.parametrize("server", ["lighttpd", "nginx"])
def test_login_page_of_the_readme_logs_in_and_goes_on(place, server):
    find_program("php-cgi")
    [sends] = re.findall(r"`gate = \{ (login_url = [^}]*) \};`",
                         (ROOT / "README.md").read_text())
    site = LoginSite(place, sends)
    front = place.add(getattr(site, server)())
    own = f"http://{front.address}"

    def log_in(user=USER, password=SECRET, origin=own, cookie="", at="/login/"):
        body = urlencode({"user": user, "password": password})
        return http.send(front.address, http.head_of(
            at, [*BROWSER, ("Origin", origin), FORM,
                 ("Content-Length", str(len(body))),
                 *([("Cookie", cookie)] if cookie else [])], "POST",
            host=front.address) + body.encode(), "POST")

    reply = front.get("/secret.html?x=1", BROWSER)
    assert reply.status == 302
    page = re.sub("^http://[^/]*", "", reply.header("Location"))
    assert page.startswith("/login/?url=")
    reply = front.get(page, BROWSER)
    assert reply.status == 200 and 'type="password"' in reply.body
    reply = log_in(at=page)
    assert reply.status == 303, reply
    assert reply.header("Location") == "/secret.html?x=1"
    cookie, said = reply.header("Set-Cookie").split("; ", 1)
    assert said == "Max-Age=604800; Path=/; HttpOnly; SameSite=Lax; Secure"
    site.cli.tokens.append(cookie.removeprefix("latchkey="))
    reply = front.get("/secret.html?x=1", [*BROWSER, ("Cookie", cookie)])
    assert (reply.status, reply.body) == (200, "a protected page\n")
    # Who logs in again is logged out where he was.
    again = log_in(cookie=cookie).header("Set-Cookie").split(";")[0]
    site.cli.tokens.append(again.removeprefix("latchkey="))
    assert front.get("/secret.html", [("Cookie", cookie)]).status == 401
    assert front.get("/secret.html", [("Cookie", again)]).status == 200
    # Whatever is wrong lets nobody in.
    for wrong in ({"password": "x"}, {"password": ""}, {"user": "alice"},
                  {"origin": "http://evil.example"}, {"origin": "null"},
                  {"origin": ""}):
        reply = log_in(**wrong)
        assert (reply.status, reply.all("Set-Cookie")) == (200, []), wrong
    reply = log_in(user="root")
    assert (reply.status, reply.all("Set-Cookie")) == (403, [])
    assert log_in(at="/login/?url=//evil.example/").header("Location") == "/"
    site.agent.kill()
    reply = log_in()
    assert reply.status >= 500 and reply.all("Set-Cookie") == []
    front.stop()
    assert site.tokens_in_logs() == []
