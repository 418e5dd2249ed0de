"""`latchkey probe`: it finds what opens a site, and cries for nothing else."""

import contextlib
import http.server
import json
import subprocess
import sys
import threading

import pytest

from support.apache import Apache
from support.caddy import Caddy
from support.certificates import Authority
from support.front import substitute
from support.haproxy import Haproxy
from support.http import request
from support.lighttpd import Lighttpd
from support.nginx import Nginx
from support.place import (PATIENCE, ROOT, Daemon, accepts, free_port,
                           wait_until)
from support.servers import find_program
from support.site import FRONTS

ECHO_PY = ROOT / "etc/probe/echo.py"


def probe(site, front, page, *options):
    """Probe a page of a web server as somebody who has a token."""
    token = site.cli.issue("alice")
    return site.cli.run("probe", f"http://alice@localhost:{front.port}{page}",
                        "--token-from", "-", *options, stdin=token + "\n")


def found(done):
    """The parts of a probe that something got through, and what."""
    return [line for line in done.stdout.splitlines()
            if line.startswith("OPEN")]


@pytest.mark.parametrize("name", FRONTS)
def test_probe_has_nothing_against_the_examples(site, name):
    front = site.front(name)
    done = probe(site, front, front.service or front.program, "--public",
                 "/public/")
    assert (done.returncode, found(done)) == (0, []), done.stdout
    assert "ok    what the application is told: 2" in done.stdout
    assert site.cli.tokens[-1] not in done.stdout + done.stderr


# A mistake in an example: the web server, what is put in the place of what, the
# page that is probed, and the part of the probe that has to find it.
NGINX_CACHE = {
    "events {": "events {",
    "http {\n": "http {\n\tfastcgi_cache_path {file} keys_zone=kept:1m;\n",
    "fastcgi_connect_timeout 2s;": "fastcgi_connect_timeout 2s; "
    "fastcgi_cache kept; fastcgi_cache_key $request_uri; "
    "fastcgi_cache_valid 200 1h; fastcgi_ignore_headers Cache-Control "
    "Set-Cookie Vary;"}
ASKED = '$HTTP["url"] !~ "^/((login|public)(/|$)|session/(login|page|logout)$)"'


def haproxy_lets(whom):
    """Who is not asked about, as well as what is public."""
    return {f"{words} unless public or people": f"{words} unless public or "
            f"people or {whom}" for words in (
                "http-request lua.latchkey", "http-request deny deny_status "
                "403", "http-request deny deny_status 503")}


MISTAKES = {
    # lighttpd
    "modules in another order": (
        Lighttpd, {'"mod_fastcgi", "mod_proxy"': '"mod_proxy", "mod_fastcgi"'},
        "/app/page", "without a token"),
    "check-local": (
        Lighttpd, {'"check-local"     => "disable"':
                   '"check-local" => "enable"'},
        "/app/page", "without a token"),
    "lower-case names": (
        Lighttpd, {'filenames = "disable"': 'filenames = "enable"',
                   ASKED: '$HTTP["url"] =~ "^/sec"'},
        "/secret.html", "other spellings of the path"),
    "one folder of lighttpd": (
        Lighttpd, {ASKED: '$HTTP["url"] =~ "^/secret"'},
        "/app/page", "without a token"),
    "one host of lighttpd": (
        Lighttpd, {ASKED: '$HTTP["host"] =~ "localhost:"'},
        "/app/page", "other hosts"),
    "links from the site itself": (
        Lighttpd, {ASKED: '$HTTP["referer"] !~ "//localhost"'},
        "/app/page", "headers that claim to be somebody"),
    "no forgetting in lighttpd": (
        Lighttpd, {'include_shell "sh {root}/etc/lighttpd/latchkey-forget.sh"':
                   ""},
        "/page.cgi", "what the application is told"),
    # Apache
    "all granted": (
        Apache, {"Require valid-user": "Require all granted"},
        "/app/page", "without a token"),
    "or from here": (
        Apache, {"Require valid-user": "<RequireAny>\nRequire valid-user\n"
                 "Require expr %{{REMOTE_ADDR}} -ipmatch '127.0.0.0/8'\n"
                 "</RequireAny>"},
        "/app/page", "without a token"),
    "robots": (
        Apache, {"Require valid-user": "<RequireAny>\nRequire valid-user\n"
                 'Require expr "%{{HTTP_USER_AGENT}} =~ /Googlebot/"\n'
                 "</RequireAny>"},
        "/app/page", "headers that claim to be somebody"),
    "addresses of the house": (
        Apache, {"Require valid-user": "<RequireAny>\nRequire valid-user\n"
                 'Require expr "%{{HTTP:X-Forwarded-For}} =~ /^10[.]/"\n'
                 "</RequireAny>"},
        "/app/page", "headers that claim to be somebody"),
    "a limit": (
        Apache, {"\tRequire valid-user": "\t<Limit GET POST>\n"
                 "Require valid-user\n</Limit>"},
        "/app/page", "other methods"),
    "what is public has no end": (
        Apache, {'"^/(login|public)(/|$)"': '"(login|public)"'},
        "/app/page", "other spellings of the path"),
    "by a header": (
        Apache, {'UserExpr "%{reqenv:LATCHKEY_USER}"':
                 'UserExpr "%{HTTP:X-User}"'},
        "/page.cgi", "what the application is told"),
    "no forgetting in Apache": (
        Apache, {"Include {root}/etc/apache/latchkey-forget.conf": ""},
        "/app/page", "what the application is told"),
    # nginx
    "no auth_request": (
        Nginx, {"auth_request     /_latchkey;": ""},
        "/app/page", "without a token"),
    "satisfy any": (
        Nginx, {"auth_request     /_latchkey;":
                "auth_request /_latchkey; satisfy any; allow 127.0.0.1;"
                "deny all;"},
        "/app/page", "without a token"),
    "a regular expression goes before": (
        Nginx, {"location /fcgi/ {":
                "location ~ [.](php|cgi)$ {{ auth_request off; "
                "return 404; }}\nlocation /fcgi/ {{"},
        "/fcgi/page", "other names beside it"),
    "return": (
        Nginx, {"location /app/ {": "location /app/ {{ return 200 hello;"},
        "/app/page", "without a token"),
    "an error page": (
        Nginx, {"error_page 401 = @latchkey_login;":
                "error_page 401 = @open;\nlocation @open {{ auth_request "
                "off; proxy_pass http://{service}; }}"},
        "/app/page", "without a token"),
    "files to download": (
        Nginx, {"location /fcgi/ {": "location ~ [.]pdf$ {{ auth_request "
                "off; return 404; }}\nlocation /fcgi/ {{"},
        "/app/page", "other names beside it"),
    "an error page that keeps the status": (
        Nginx, {"error_page 401 = @latchkey_login;":
                "error_page 401 @open;\nlocation @open {{ auth_request "
                "off; }}"},
        "/secret.html", "without a token"),
    "the old version": (
        Nginx, {"auth_request     /_latchkey;":
                "set $ask /_latchkey; auth_request /_latchkey; "
                "if ($server_protocol = HTTP/1.0) {{ return 200 open; }}"},
        "/app/page", "HTTP/1.0 and HTTP/2"),
    "no forgetting in nginx": (
        Nginx, {"\t\tinclude    {root}/etc/nginx/latchkey-headers.conf;\n":
                ""},
        "/app/page", "what the application is told"),
    "answers that are kept": (
        Nginx, NGINX_CACHE, "/app/page",
        "without a token, behind somebody who has one"),
    "another server block": (
        Nginx, {"\tserver {\n\t\tlisten {address}":
                "\tserver {{\n\t\tlisten {address} default_server; "
                "location / {{ proxy_pass http://{service}; }}\n\t}}\n"
                "\tserver {{\n\t\tlisten {address}"},
        "/app/page", "other hosts"),
    "methods that are let by": (
        Nginx, {"location /app/ {": "location /app/ {{ error_page 418 = "
                "@free; if ($request_method = PUT) {{ return 418; }}",
                "location /fcgi/ {": "location @free {{ auth_request off; "
                "proxy_pass http://{service}; }}\nlocation /fcgi/ {{"},
        "/app/page", "other methods"),
    # Caddy
    "a path that is public in any spelling": (
        Caddy, {"@asked not vars_regexp {{http.request.uri}} "
                "^/(login|public)(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*/?([?].*)?$":
                "@asked not vars_regexp {{http.request.uri}} "
                "^/(login|public)"},
        "/app/page", "other spellings of the path"),
    "scripts": (
        Caddy, {"@asked not vars_regexp {{http.request.uri}} "
                "^/(login|public)(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*/?([?].*)?$":
                "@asked not header X-Requested-With XMLHttpRequest"},
        "/app/page", "headers that claim to be somebody"),
    "no forgetting in Caddy": (
        Caddy, {"request_header -*latchkey*": "",
                "request_header -Remote*": ""},
        "/app/page", "what the application is told"),
    "only what is refused": (
        Caddy, {"reverse_proxy @asked unix/": "@never path /never\n"
                "reverse_proxy @never unix/"},
        "/app/page", "without a token"),
    # HAProxy
    "no deny": (
        Haproxy, {"http-request lua.latchkey unless public or people": "",
                  "http-request deny deny_status 503 unless public or people "
                  "or {{ var(txn.latchkey_status) -m int 200 }}": ""},
        "/app/page", "without a token"),
    "WebSockets": (
        Haproxy, haproxy_lets("websocket"), "/app/page",
        "headers that claim to be somebody"),
    "Basic, which is somebody else's": (
        Haproxy, haproxy_lets("{{ req.fhdr(authorization) -m beg Basic }}"),
        "/app/page", "tokens that are none"),
    "the beginning of a path": (
        Haproxy, {"acl public path -m reg "
                  "^/(login|public)(/[A-Za-z0-9_-][A-Za-z0-9_.-]*)*/?$":
                  "acl public path_beg /login /public"},
        "/app/page", "other spellings of the path"),
    "no forgetting in HAProxy": (
        Haproxy, {"http-request del-header latchkey -m sub": "",
                  "http-request del-header ^remote[^a-z0-9]user$ -m reg": ""},
        "/app/page", "what the application is told"),
}


def mistaken(kind, values):
    """The web server `kind` with other text in its configuration."""
    class Mistaken(kind):
        def prepare(self):
            super().prepare()
            fill = {"root": ROOT, "file": self.file("kept"),
                    "address": self.address,
                    "service": self.site.service.address}
            conf = [word for word in map(str, self.argv)
                    if word.startswith(str(self.place.path))][-1]
            with open(conf, encoding="utf-8") as file:
                text = file.read()
            text = substitute(text, {
                filled(old, fill): filled(new, fill)
                for old, new in values.items()})
            self.argv = [word if str(word) != conf else
                         self.place.write(f"mistaken-{self.port}.conf", text,
                                          0o644) for word in self.argv]

        def file(self, name):
            return self.place.path / f"mistaken-{self.port}-{name}"

    return Mistaken


@pytest.mark.parametrize("mistake", MISTAKES)
def test_probe_finds_a_mistake(site, mistake):
    kind, values, page, part = MISTAKES[mistake]

    front = site.place.add(mistaken(kind, values)(site))
    try:
        done = probe(site, front, page, "--public", "/public/")
    finally:
        front.stop()
    assert done.returncode == 1, done.stdout + done.stderr
    assert any(line.startswith(f"OPEN  {part}: ") for line in found(done)), (
        done.stdout)


@pytest.fixture(name="nginx")
def nginx_of_its_own(own_site):
    return own_site.front("nginx")


def test_probe_tries_a_revoked_token_and_a_paused_store(own_site, nginx):
    pause = f"kill -STOP {own_site.redis.process.pid}"
    resume = f"kill -CONT {own_site.redis.process.pid}"
    done = probe(own_site, nginx, "/app/page", "--pause", pause, "--resume",
                 resume, "--revoke")
    assert (done.returncode, found(done)) == (0, []), done.stdout
    assert "while the store is paused: it answers 500" in done.stdout
    assert "with the token revoked: 1 tried" in done.stdout
    assert own_site.cli.run("check", "-", stdin=own_site.cli.tokens[-1]
                            + "\n").returncode == 1


def test_probe_says_what_failed_to_pause(site):
    done = probe(site, site.front("nginx"), "/app/page", "--pause", "exit 7")
    assert done.returncode == 3
    assert "exit 7: it failed" in done.stderr
    assert "paused" not in done.stdout


def test_probe_finds_what_outlives_its_token(site):
    """An answer of the gate's that is kept for the one who had the token."""
    kept = dict(NGINX_CACHE)
    kept["fastcgi_connect_timeout 2s;"] = kept[
        "fastcgi_connect_timeout 2s;"].replace(
            "$request_uri;", '"$request_uri $http_authorization";')
    front = site.place.add(mistaken(Nginx, kept)(site))
    try:
        done = probe(site, front, "/app/page", "--revoke")
    finally:
        front.stop()
    assert done.returncode == 1
    assert [line.split(": ")[0] for line in found(done)] == [
        "OPEN  with the token revoked"], done.stdout


@pytest.mark.parametrize("words, code, said", [
    ((), 2, "expected one URL"),
    (("nowhere",), 2, "expected a URL such as"),
    (("ftp://localhost/",), 2, "expected a URL such as"),
    (("http://localhost:1/",), 3, "localhost:1: "),
    (("http://localhost:1/", "--revoke"), 2, "--token-from FILE beside"),
    (("http://localhost:1/", "--public", "x"), 2, "--public path such as"),
    (("http://localhost:{port}/", "--token-from", "/nowhere/token"), 2,
     "/nowhere/token: cannot be read: No such file"),
    (("http://localhost:{port}/", "--token-from", "{empty}"), 2, "token: "),
    (("http://localhost:{port}/app/", "--token-from", "{unknown}"), 3,
     "answers 401 to the token"),
])
def test_probe_says_what_is_wrong(site, words, code, said):
    place = site.place
    fill = {"port": site.front("nginx").port,
            "empty": place.write("empty", ""),
            "unknown": place.write("unknown", f"lk_{0:064}\n")}
    done = site.cli.run("probe", *(word.format(**fill) for word in words))
    assert done.returncode == code, done.stderr
    assert said in done.stderr and done.stdout == ""


def test_probe_without_a_token_sees_an_open_door(site):
    front = site.front("nginx")
    done = site.cli.run("probe", f"http://localhost:{front.port}/app/page")
    assert (done.returncode, found(done)) == (0, []), done.stdout
    done = site.cli.run("probe", f"http://localhost:{front.port}/public/")
    assert done.returncode == 1
    assert found(done) == ["OPEN  without a token: /public/ answers 200"]


@contextlib.contextmanager
def odd_site(answer):
    """A site of which answer(handler, number of the request) does the rest."""
    class Page(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_request(self):
            with contextlib.suppress(ConnectionError):
                super().handle_one_request()

        def __getattr__(self, name):
            if not name.startswith("do_"):
                raise AttributeError(name)
            return self.answer

        def answer(self):
            server.asked.append(self)
            answer(self, len(server.asked))

        def say(self, status, text, *headers):
            body = text.encode()
            self.send_response(status)
            for line in (*headers, ("Content-Length", len(body))):
                self.send_header(*line)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)

        def log_message(self, *words):
            """Tokens may be in there."""

    with http.server.ThreadingHTTPServer(("localhost", 0), Page) as server:
        server.daemon_threads, server.block_on_close = True, False
        server.asked = []
        threading.Thread(target=server.serve_forever).start()
        try:
            yield server
        finally:
            server.shutdown()


def probe_odd(site, server, *options):
    token = site.cli.issue("alice")
    return token, subprocess.run(
        site.cli.enter(site.cli.program, "-c", site.conf, "probe",
                       f"http://localhost:{server.server_port}/",
                       "--token-from", "-", *options), input=token + "\n",
        capture_output=True, text=True, check=False, timeout=4 * PATIENCE)


@pytest.mark.parametrize("said", [
    json.dumps, repr, lambda headers: " ".join(map(": ".join, headers.items())),
    lambda headers: "".join(f"<td>{name}</td><td>{value}</td>" for name, value
                            in headers.items())])
def test_probe_shows_no_token_that_a_page_says(site, said):
    """As one does that says all that it was sent in one line."""
    def answer(page, _):
        good = "Bearer lk_" in page.headers.get("Authorization", "")
        page.say(200 if good else 401, said(
            dict(sorted(page.headers.items()))) if good else "")

    with odd_site(answer) as server:
        token, done = probe_odd(site, server)
    assert "reaches the application" in done.stdout
    assert token[3:15] not in done.stdout + done.stderr


def test_probe_is_not_led_astray(site):
    """By what never ends, points elsewhere, or is meant for the terminal."""
    elsewhere = []

    def answer(page, number):
        if page.server is not server:
            elsewhere.append(page)
        good = "Authorization" in page.headers and page.headers[
            "Authorization"].startswith("Bearer lk_") and number > 1
        page.send_response(200 if good else 302 if number % 2 else 401,
                           "\x1b]0;owned\x07")
        page.send_header("Location", number % 4 and "file:///etc/passwd" or
                         f"http://localhost:{other.server_port}/")
        page.send_header("Set-Cookie", "taken=1; Path=/")
        page.send_header("Transfer-Encoding", "chunked")
        page.end_headers()
        said = "\0\x1b[2J\x9b" + "\n".join(
            f"\x1b[31mX: {value}" for value in page.headers.values())
        # The first page is empty; of the others each has no end.
        if good and number == 2 or page.command == "HEAD":
            page.wfile.write(b"0\r\n\r\n")
            return
        while True:
            body = said.encode() + b"\n" * 65536
            page.wfile.write(b"%x\r\n%s\r\n" % (len(body), body))

    with odd_site(answer) as server, odd_site(answer) as other:
        token, done = probe_odd(site, server)
        assert other.asked == [] and elsewhere == []
        assert not any("taken" in (page.headers["Cookie"] or "")
                       for page in server.asked)
    assert done.returncode in (1, 3), done.stderr
    assert "reaches the application" in done.stdout
    assert not set("\x1b\x07\0\x9b") & set(done.stdout + done.stderr)
    assert token[3:15] not in done.stdout + done.stderr


@pytest.mark.parametrize("hangs", [False, True])
def test_probe_that_is_shut_out_does_not_say_that_all_is_well(site, hangs):
    """As by fail2ban: what is not answered is not refused."""
    released = threading.Event()

    def answer(page, number):
        good = "Bearer lk_" in page.headers.get("Authorization", "")
        if number > 40 and hangs:
            released.wait()
        page.say(403 if number > 40 else 200 if good else 401, "")

    with odd_site(answer) as server:
        _, done = probe_odd(site, server)
        released.set()
        asked = len(server.asked)
    assert done.returncode == 3, done.stdout
    if hangs:
        assert "3 requests were not answered in time" in done.stderr
        assert asked == 43
    else:
        assert "it answers 403 by now, and 401 in the beginning" in done.stderr


def test_probe_speaks_http2_over_tls(site):
    authority = Authority(site.place)
    own = authority.certify("localhost")
    front = site.place.add(mistaken(Nginx, {
        "listen {address};": f"listen {{address}} ssl http2; "
        f"ssl_certificate {own.crt}; ssl_certificate_key {own.key};"})(site))
    url = f"https://localhost:{front.port}/app/page"
    done = site.cli.run("probe", url, "--ca", authority.crt)
    refused = site.cli.run("probe", url)
    front.stop()
    assert (done.returncode, found(done)) == (0, []), done.stdout
    assert "ok    HTTP/1.0 and HTTP/2: 5 tried" in done.stdout
    assert (refused.returncode, refused.stdout) == (3, "")
    assert "certificate" in refused.stderr


def test_probe_page_of_ours_echoes_by_cgi(site):
    site.place.write("pages/echo.cgi", ECHO_PY.read_text(), 0o755)
    done = probe(site, site.front("lighttpd"), "/echo.cgi")
    assert (done.returncode, found(done)) == (0, []), done.stdout
    assert "what the application is told: 2" in done.stdout


def test_probe_page_of_ours_echoes_by_php():
    done = subprocess.run(
        [find_program("php-cgi"), "-f", ROOT / "etc/probe/echo.php"],
        env={"HTTP_X_PROBE": "echoed"}, capture_output=True, text=True,
        check=True)
    assert "HTTP_X_PROBE=echoed\n" in done.stdout


def test_probe_page_of_ours_echoes_as_a_service(site):
    class Echo(Daemon):
        name = "echo"
        address = f"127.0.0.1:{free_port()}"
        argv = [sys.executable, ECHO_PY, address.split(":")[1]]
        good = (-15,)

        def ready(self):
            return accepts(self.address)

    echo = site.place.add(Echo(site.place))
    reply = request(echo.address, headers=[("X-Probe", "echoed")])
    echo.stop()
    assert (reply.status, "\nX-Probe: echoed\n" in reply.body) == (200, True)


def test_probe_asks_no_more_than_it_says(own_site, nginx):
    done = probe(own_site, nginx, "/app/page")
    asked = int(done.stdout.splitlines()[-1].split()[0])
    assert 100 < asked < 250
    log = nginx.file("access.log")
    wait_until(lambda: len(log.read_text().splitlines()) == asked,
               "the log to have as many requests")


def filled(text, values):
    if "{{" in text or any(f"{{{name}}}" in text for name in values):
        for name, value in values.items():
            text = text.replace(f"{{{name}}}", str(value))
        return text.replace("{{", "{").replace("}}", "}")
    return text
