"""A web server that asks the gate, run with one of the examples in etc/."""

import re

from support import http
from support.place import ROOT, Daemon, Failed, accepts, free_port


def substitute(text, values):
    """Put other text in the place of what an example must contain."""
    for old in values:
        if old not in text:
            raise Failed(f"the example does not say {old}")
    pattern = "|".join(re.escape(old) for old in
                       sorted(values, key=len, reverse=True))
    return re.sub(pattern, lambda m: str(values[m.group()]), text)


class Front(Daemon):
    """What all of them have in common.

    `site` is where the gates and the services behind are.  A subclass says
    which example it runs and how it differs from the others in what its
    clients see; the class attributes below are what is to be expected.
    """

    example = None
    # Ways in which a token reaches the gate.
    carries = ("bearer", "cookie", "header", "basic")
    # What clients get in place of a status of the gate.
    translates = {}
    # What clients may get while the gate is down.
    down = (503,)
    # A static page, a CGI or FastCGI program, a service; None: cannot.
    static, program, service = "/secret.html", "/page.cgi", "/app/page"
    # How the service is told who asks.
    told = "X-Latchkey-User"
    # Whether it takes a body whose length was not said.
    takes_unsized = True
    # Whether bodies sent in HTTP/2 reach who they are for.
    keeps_http2_bodies = True
    # Whether a public rule of the gate's opens a page.
    opens_public = True
    # Whether it says that a page is private, and not only what it varies by.
    marks_private = True
    # Ways of the token that whoever is behind does not see.
    hides = ("bearer", "cookie", "header", "basic")
    # Whether HTTP/2 without TLS is to be had, and on a port of its own.
    http2 = None
    # Further hosts that it serves, each from its folder of `site.pages`.
    hosts = ()
    # Whether one that it was not told of is as the host it was told of first.
    host_is_literal = False

    def __init__(self, site):
        super().__init__(site.place)
        self.site = site
        self.port = free_port()
        self.port2 = free_port() if self.http2 == "port" else self.port
        self.prepare()

    def prepare(self):
        """Write the configuration and set `argv`."""
        raise NotImplementedError

    def example_text(self, values, name=None):
        text = (ROOT / "etc" / (name or self.example)).read_text()
        return substitute(text, values)

    def host(self, name):
        """What the configuration says of a further host."""
        raise NotImplementedError

    def all_hosts(self):
        return "".join(self.host(name) for name in self.hosts)

    def file(self, name):
        """A path of this server's own in the place."""
        return self.place.path / f"{self.name}-{name}"

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    @property
    def url2(self):
        """Where HTTP/2 is spoken without TLS."""
        return f"http://127.0.0.1:{self.port2}"

    def ready(self):
        return accepts(self.address)

    def expect(self, status):
        """What a client gets when the gate answers `status`."""
        return self.translates.get(status, status)

    def get(self, path=None, headers=(), **options):
        return http.request(self.address, path or self.static, headers,
                            **options)

    def pages(self, folder=""):
        """What there is to protect, at the top or in a folder."""
        return [re.sub("[^/]+$", rf"{folder}\g<0>", page)
                for page in (self.static, self.program, self.service)
                if page is not None]
