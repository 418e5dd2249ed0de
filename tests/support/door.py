"""One protected web site: a store, the gate, lighttpd, and the command."""

from support.lighttpd import LighttpdAlone
from support.place import BUILD
from support.servers import (Gate, Latchkey, RedisServer, embedded_settings,
                             settings)

# Answers who the gate said is asking, and what the client sent along.
PAGE = """#!/bin/sh
printf 'Content-Type: text/plain\\r\\n\\r\\n'
env | grep -E '^(LATCHKEY_|REMOTE_USER=|HTTP_)' | sort
echo "received=$(wc -c)"
"""


class Door:
    """The servers, started in order; a Place stops them.

    The store is a Redis, or with `store="sqlite"` a file.  With `saving`,
    Redis keeps its content over a restart.  Behind `more` the settings end.
    """

    def __init__(self, place, listen=None, redis_up=True, saving=False,
                 extra="", store="redis", more=""):
        self.place = place
        listen = listen or f"unix:{place.path}/gate.sock"
        if store == "redis":
            self.add_redis(redis_up, saving)
            text = settings(self.redis.unix_address, listen, extra)
        else:
            self.file = place.path / "store" / "sessions.db"
            text = embedded_settings(self.file, listen, extra)
        self.conf = place.write(
            "latchkey.conf", text + 'log = { level = "debug"; };\n' + more)
        self.cli = Latchkey(place, self.conf)
        self.gate = place.add(Gate(place, self.conf, listen))
        self.lighttpd = place.add(LighttpdAlone(
            place, "latchkey.conf", {}, gate=listen))
        add_pages(self.lighttpd)

    def add_redis(self, redis_up, saving):
        self.redis = RedisServer(
            self.place, options=("save 3600 1",) if saving else ())
        if redis_up:
            self.place.add(self.redis)
        else:
            self.place.daemons.append(self.redis)

    def get(self, token=None, path="/page.cgi", headers=(), **options):
        """Ask lighttpd for a page, the token as a Bearer."""
        headers = list(headers)
        if token is not None:
            headers.append(("Authorization", f"Bearer {token}"))
        return self.lighttpd.get(path, headers, **options)

    def tokens_in_logs(self):
        """The names of logs that hold a token this door's command issued."""
        return [name for name, text in self.place.logs().items()
                if any(token in text for token in self.cli.tokens)]


class SpawnedDoor:
    """The same with a gate that lighttpd starts."""

    def __init__(self, place):
        self.place = place
        self.redis = place.add(RedisServer(place))
        self.conf = place.write("latchkey.conf", settings(
            self.redis.address, f"unix:{place.path}/unused.sock"))
        self.cli = Latchkey(place, self.conf)
        self.lighttpd = place.add(LighttpdAlone(
            place, "latchkey-spawned.conf",
            {"bin-path": f"{BUILD}/latchkey-fcgi -c {self.conf}",
             "socket": place.path / "spawned.sock"}))
        add_pages(self.lighttpd)

    get = Door.get
    tokens_in_logs = Door.tokens_in_logs


def add_pages(lighttpd):
    lighttpd.page("page.cgi", PAGE, 0o755)
    lighttpd.page("secret.html", "a protected page\n")
    lighttpd.page("public/index.html", "a public page\n")


def variables(reply):
    """The environment a page printed, as a dict; no name may come twice."""
    lines = [line.split("=", 1) for line in reply.body.splitlines()
             if "=" in line]
    names = [name for name, _ in lines]
    assert len(names) == len(set(names)), names
    return dict(lines)
