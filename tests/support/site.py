"""One protected site behind every web server at once."""

import base64
import shutil

from support.apache import Apache, ApacheBasic, ApacheSpawning
from support.backend import Backend, FastcgiBackend
from support.caddy import Caddy, CaddyHttp
from support.haproxy import Haproxy
from support.lighttpd import Lighttpd, LighttpdSpawning
from support.nginx import Nginx, NginxHttp
from support.place import BUILD, free_port, wait_until
from support.servers import Gate, Latchkey, RedisServer, settings

FRONTS = {front.name: front for front in (
    Lighttpd, LighttpdSpawning, Apache, ApacheBasic, ApacheSpawning, Nginx,
    NginxHttp, Caddy, CaddyHttp, Haproxy)}

# Says what it received, as the services behind do.
PAGE = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
echo 'a protected page'
env | grep -E '^(LATCHKEY_|REMOTE_|REQUEST_|HTTP_)' | sort
echo "received=$(wc -c)"
"""


class Site:
    """Redis, two gates, the services behind; a web server when asked for.

    Some servers give up root: what they serve and start must be readable, and
    the gate's socket be theirs.  `rules` and whatever else is `extra`
    stand in the settings.
    """

    def __init__(self, place, rules="", extra=""):
        self.place = place
        self.rules = rules
        self.extra = extra
        place.path.chmod(0o755)
        self.redis = place.add(RedisServer(place, options=("save 3600 1",)))
        self.gate_socket = place.path / "gate.sock"
        self.gate_tcp = f"127.0.0.1:{free_port()}"
        self.http_socket = place.path / "http.sock"
        self.conf = self.settings(
            "latchkey.conf", f"unix:{self.gate_socket}",
            f'http = {{ listen = "unix:{self.http_socket}"; }};')
        tcp = self.settings("latchkey-tcp.conf", self.gate_tcp)
        self.cli = Latchkey(place, self.conf)
        self.gate_program = place.path / "latchkey-fcgi"
        shutil.copy(BUILD / "latchkey-fcgi", self.gate_program)
        self.gates = [
            place.add(Gate(place, self.conf, f"unix:{self.gate_socket}")),
            place.add(Gate(place, tcp, self.gate_tcp, "gate-tcp"))]
        self.service = place.add(Backend())
        self.program = place.add(FastcgiBackend())
        self.pages = place.path / "pages"
        self.add_pages()
        self.fronts = {}

    def settings(self, name, listen, http=""):
        return self.place.write(name, settings(
            self.redis.address, listen,
            f"socket_mode = 0666; {http} {self.rules}")
            + 'log = { level = "debug"; };\n' + self.extra, 0o644)

    def add_pages(self):
        for folder in ("", "closed/", "admin/", "open/", "PUBLIC/", "Login/"):
            self.place.write(f"pages/{folder}page.cgi", PAGE, 0o755)
            self.place.write(f"pages/{folder}secret.html",
                             "a protected page\n", 0o644)
        for name, text in (("folder", "a protected page\n"),
                           ("public", "a public page\n"),
                           ("login", "a public page\n")):
            self.place.write(f"pages/{name}/index.html", text, 0o644)

    def front(self, name):
        """The web server of that name, started when first asked for."""
        if name not in self.fronts:
            self.fronts[name] = self.place.add(FRONTS[name](self))
        return self.fronts[name]

    def denial_of(self, ask):
        """A line of the gate's about a request that ask() makes; of many in
        one second it writes only some."""
        before = len(self.gates[0].output())

        def said():
            ask()
            return [line for line in self.gates[0].output()[before:]
                    .splitlines() if "request denied" in line]

        return wait_until(said, "the gate to say what it denied")[-1]

    def stop_fronts(self):
        """Stop the web servers, so that their logs are complete."""
        for front in self.fronts.values():
            front.stop()

    def tokens_in_logs(self):
        """The names of logs that hold a token that was issued here."""
        secrets = [form for token in self.cli.tokens for form in forms(token)]
        return [name for name, text in self.place.logs().items()
                if any(secret in text for secret in secrets)]


def forms(token):
    """A token as it is and inside HTTP Basic, whatever stands before it."""
    yield token
    for before in range(3):
        encoded = base64.b64encode(b"x" * before + token.encode()).decode()
        yield encoded[4:-4]
