"""One protected site behind every web server at once."""

import base64
import shutil

from support.apache import Apache, ApacheBasic, ApacheSpawning
from support.backend import Backend, FastcgiBackend
from support.caddy import Caddy
from support.haproxy import Haproxy
from support.lighttpd import Lighttpd, LighttpdSpawning
from support.nginx import Nginx
from support.place import BUILD, free_port
from support.servers import Gate, Latchkey, RedisServer, settings

FRONTS = {front.name: front for front in (
    Lighttpd, LighttpdSpawning, Apache, ApacheBasic, ApacheSpawning, Nginx,
    Caddy, Haproxy)}

# Says what it received, as the services behind do.
PAGE = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
echo 'a protected page'
env | grep -E '^(LATCHKEY_|REMOTE_|REQUEST_|HTTP_)' | sort
echo "received=$(wc -c)"
"""


class Site:
    """Redis, two gates, the services behind; a web server when asked for.

    Some servers give up root: what they serve and start must be readable.
    """

    def __init__(self, place, rules=""):
        self.place = place
        self.rules = rules
        place.path.chmod(0o711)
        self.redis = place.add(RedisServer(place, options=("save 3600 1",)))
        self.gate_socket = place.path / "gate.sock"
        self.gate_tcp = f"127.0.0.1:{free_port()}"
        self.conf = self.settings("latchkey.conf", f"unix:{self.gate_socket}")
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

    def settings(self, name, listen):
        text = settings(self.redis.address, listen, self.rules)
        return self.place.write(
            name, text + 'log = { level = "debug"; };\n', 0o644)

    def add_pages(self):
        for name, text, mode in (
                ("page.cgi", PAGE, 0o755),
                ("secret.html", "a protected page\n", 0o644),
                ("folder/index.html", "a protected page\n", 0o644),
                ("public/index.html", "a public page\n", 0o644),
                ("login/index.html", "a public page\n", 0o644)):
            self.place.write(f"pages/{name}", text, mode)

    def front(self, name):
        """The web server of that name, started when first asked for."""
        if name not in self.fronts:
            self.fronts[name] = self.place.add(FRONTS[name](self))
        return self.fronts[name]

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
