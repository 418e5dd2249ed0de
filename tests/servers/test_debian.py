"""lighttpd with Debian's own settings and what it has to enable."""

import os
import shutil

import pytest

from support import http
from support.carry import bearer
from support.debian import ETC, DebianLighttpd
from support.site import Site

pytestmark = pytest.mark.skipif(
    not (ETC / "lighttpd.conf").exists(), reason="this is not Debian's")

PHP = """<?php header("Content-Type: text/plain");
echo "a protected page\\n";
foreach (["LATCHKEY_USER", "REMOTE_USER", "HTTP_X_LATCHKEY_USER"] as $name)
    echo $name, "=", $_SERVER[$name] ?? "", "\\n";
"""
# What comes with javascript-common.
ALIAS = ("90-javascript-alias.conf",
         'alias.url += ( "/javascript" => "/usr/share/javascript" )\n')
NAMES = ("05-latchkey.conf", "50-latchkey.conf", "99-latchkey.conf")


@pytest.fixture
def site(place):
    site = Site(place)
    place.write("pages/page.php", PHP, 0o644)
    place.write("pages/folder/index.php", PHP, 0o644)
    place.write("pages/public/page.php", PHP, 0o644)
    os.unlink(place.path / "pages/folder/index.html")
    return site


def proxy(site):
    """What 10-proxy.conf shows, in use."""
    return ("10-proxy.conf", 'server.modules += ( "mod_proxy" )\n'
            'proxy.server = ( "/app/" => ( ( "host" => "127.0.0.1", '
            f'"port" => {site.service.port} ) ) )\n')


def tokens_in_logs(site, lighttpd):
    lighttpd.stop()
    assert site.tokens_in_logs() == []


@pytest.mark.parametrize("others", [["10-fastcgi.conf"], []])
@pytest.mark.parametrize("name", NAMES)
def test_debian_recipe_asks_before_whatever_else_is_enabled(site, name,
                                                            others):
    """In whatever order the files come, and whether or not another one lists
    mod_fastcgi before those that answer."""
    lighttpd = site.place.add(DebianLighttpd(
        site, ["10-cgi.conf", "10-status.conf", "10-rewrite.conf",
               ALIAS, proxy(site), *others],
        name))
    token = site.cli.issue("alice")
    for path in ("/", "/secret.html", "/app/page", "/server-status",
                 "/cgi-bin/x", "/javascript/", "/folder/", "/missing"):
        reply = lighttpd.get(path)
        assert reply.status == 401, (path, reply)
        assert lighttpd.get(path, bearer(token)).status != 401
    for path in ("/secret.html", "/app/page"):
        reply = lighttpd.get(path, bearer(token) + [
            ("X.Latchkey.User", "mallory")])
        assert reply.status == 200
        assert reply.body.startswith("a protected page\n")
        assert "mallory" not in reply.body
    assert lighttpd.get("/public/").status == 200
    assert lighttpd.get("/secret.html/x", bearer(token)).status in (403, 404)
    tokens_in_logs(site, lighttpd)


@pytest.mark.skipif(shutil.which("php-cgi") is None,
                    reason="php-cgi is not installed")
@pytest.mark.parametrize("enabled", [False, True])
def test_debian_recipe_runs_php_behind_it(site, enabled):
    """The block has a handler of its own, whether it is enabled or not."""
    lighttpd = site.place.add(DebianLighttpd(
        site, ["10-fastcgi.conf"]
        + (["15-fastcgi-php.conf"] if enabled else []), php=True))
    token = site.cli.issue("alice")
    for path in ("/page.php", "/folder/", "/page.php/more"):
        assert lighttpd.get(path).status == 401
        reply = lighttpd.get(path, bearer(token) + [
            ("X-Latchkey-User", "mallory"), ("X~Latchkey~User", "mallory")])
        assert (reply.status, reply.body) == (
            200, "a protected page\nLATCHKEY_USER=alice\nREMOTE_USER=alice\n"
            "HTTP_X_LATCHKEY_USER=\n")
    body = b"x" * 30000
    reply = http.send(lighttpd.address, http.head_of(
        "/page.php", bearer(token) + [("Content-Length", str(len(body)))],
        "POST") + body, "POST")
    assert reply.status == 200
    if enabled:
        reply = lighttpd.get("/public/page.php", [
            ("X`Latchkey`User", "mallory")])
        assert reply.status == 200
        assert "LATCHKEY_USER=\n" in reply.body
        assert "mallory" not in reply.body
    tokens_in_logs(site, lighttpd)
