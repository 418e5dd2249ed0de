"""A gate at which sessions are watched."""

from support import fastcgi
from support.http import head_of
from support.place import connect, wait_until
from support.servers import (Gate, Latchkey, RedisServer, embedded_settings,
                             settings)

TOLD = [("X-Latchkey-Method", "GET"), ("X-Latchkey-Uri", "/watch"),
        ("X-Latchkey-Host", "www.example"), ("X-Latchkey-Peer", "192.0.2.1")]


def watch_request(token):
    """As a web server asks for it over FastCGI."""
    return fastcgi.whole(fastcgi.request_of(
        "/watch", LATCHKEY_ENDPOINT="watch",
        HTTP_AUTHORIZATION=f"Bearer {token}"), fastcgi.RESPONDER)


class Watched:
    """A gate that is asked over FastCGI and by HTTP."""

    def __init__(self, place, most=3, redis=True, more="", program=None,
                 prefix=()):
        self.place = place
        self.redis = place.add(RedisServer(place)) if redis else None
        self.fcgi = f"unix:{place.path}/gate.sock"
        self.http = f"unix:{place.path}/http.sock"
        gate = (f'http = {{ listen = "{self.http}"; }}; threads = 2; '
                f"watch = {{ max = {most}; }}; expose_metrics = true;")
        text = (settings(self.redis.address, self.fcgi, gate) if redis else
                embedded_settings(place.path / "s.db", self.fcgi, gate))
        self.conf = place.write(
            "latchkey.conf", text + 'log = { level = "info"; };\n' + more)
        gate = Gate(place, self.conf, self.fcgi)
        gate.argv[0] = program or gate.argv[0]
        gate.argv[:0] = prefix
        self.gate = place.add(gate)
        self.cli = Latchkey(place, self.conf)

    def begin(self, token, way="http"):
        """A watch that is under way, as a socket."""
        sock = connect(self.http if way == "http" else self.fcgi)
        sock.sendall(head_of("/watch", [
            *TOLD, ("Authorization", f"Bearer {token}")]) if way == "http"
            else watch_request(token))
        return sock

    def count(self):
        reply = self.gate.ask(fastcgi.request_of(
            "/metrics", LATCHKEY_ENDPOINT="metrics"), role=fastcgi.RESPONDER)
        return int(reply.body.split("\nlatchkey_watches ")[1].split()[0])

    def expect(self, n):
        # One that a worker has in hand does not wait at that moment.
        wait_until(lambda: self.count() == n, f"{n} watches")
