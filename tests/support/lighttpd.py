"""lighttpd, asking a gate or starting it."""

import re

from support import http
from support.front import Front
from support.place import ROOT, Daemon, Failed, accepts, free_port
from support.servers import find_program

LOGGING = """
server.modules += ( "mod_accesslog" )
accesslog.filename = "{log}"
accesslog.format = "%h \\"%r\\" %>s \\"%{{User-Agent}}i\\""
"""

# At times it says 1 although it stopped in good order.
GOOD = (0, 1)


def replace_values(text, values):
    """Set `name = value` or `"name" => value` in a lighttpd configuration."""
    for name, value in values.items():
        value = str(value) if isinstance(value, int) else f'"{value}"'
        pattern = re.compile(
            rf'^(\s*"?{re.escape(name)}"?\s*=>?\s*)("[^"]*"|\d+)', re.M)
        text, count = pattern.subn(lambda m: m.group(1) + value, text)
        if count != 1:
            raise Failed(f"{name} occurs {count} times in the example")
    return text


def replace_gate(text, address):
    """Set the address of the gate in a lighttpd configuration."""
    host, port = address.rsplit(":", 1)
    other = (f'"socket" => "{port}"' if host == "unix" else
             f'"host" => "{host}", "port" => {port}')
    text, count = re.subn(r'"socket"\s*=> "[^"]*"', other, text)
    if count == 0:
        raise Failed("the example names no socket")
    return text


class Lighttpd(Front):
    name = "lighttpd"
    example = "lighttpd/latchkey.conf"
    down = (503, 504)
    told = "Forwarded"
    marks_private = False
    hides = ()
    http2 = "same"
    # Which is why the example says no to it.
    keeps_http2_bodies = False
    good = GOOD

    def values(self):
        return {"/run/latchkey/gate.sock": self.site.gate_socket,
                '"port" => 8081': f'"port" => {self.site.service.port}'}

    def host(self, name):
        return (f'$HTTP["host"] == "{name}" {{\n'
                f'server.document-root = "{self.site.pages}/{name}"\n'
                f'setenv.set-environment = ( "LATCHKEY_HOST" => "{name}" )\n'
                '}\n')

    def prepare(self):
        # It gives up root before it opens its log.
        log = self.place.write(f"{self.name}-error.log", "", 0o666)
        text = self.example_text({
            "/var/www/html": self.site.pages,
            "/var/log/lighttpd/error.log": log,
            "/etc/lighttpd/latchkey-forget.sh":
                ROOT / "etc/lighttpd/latchkey-forget.sh",
            '"server.h2proto" => "disable"': '"server.h2proto" => "enable"',
            **self.values()})
        text = replace_values(text, {"server.port": self.port})
        text += self.all_hosts()
        text += LOGGING.format(log=self.place.write(
            f"{self.name}-access.log", "", 0o666))
        conf = self.place.write(f"{self.name}.conf", text)
        self.argv = [find_program("lighttpd"), "-D", "-f", conf]


class LighttpdSpawning(Lighttpd):
    name = "lighttpd-spawning"
    example = "lighttpd/latchkey-spawned.conf"
    service = None

    def values(self):
        run = self.file("run")
        run.mkdir()
        run.chmod(0o777)
        return {"/usr/local/sbin/latchkey-fcgi": self.site.gate_program,
                "/etc/latchkey/latchkey.conf": self.site.conf,
                "/run/lighttpd": run}


class LighttpdAlone(Daemon):
    """One of the examples in etc/lighttpd without a site, and an access log.

    `values` replaces settings of the example by their names; the example must
    have each of them exactly once.  `gate` is the address of the gate to ask.
    It runs as who starts it.
    """

    name = "lighttpd"
    good = GOOD

    def __init__(self, place, example, values, gate=None):
        super().__init__(place)
        self.port = free_port()
        self.pages = place.path / "pages"
        self.pages.mkdir()
        text = (ROOT / "etc/lighttpd" / example).read_text()
        values = {
            "server.port": self.port,
            "server.document-root": self.pages,
            "server.errorlog": place.path / "lighttpd-error.log",
            **values,
        }
        text = replace_values(text, values)
        text = text.replace("/etc/lighttpd/latchkey-forget.sh",
                            f"{ROOT}/etc/lighttpd/latchkey-forget.sh")
        text = re.sub(r"(?m)^server\.(username|groupname) .*\n", "", text)
        if gate is not None:
            text = replace_gate(text, gate)
        text += LOGGING.format(log=place.path / "lighttpd-access.log")
        self.conf = place.write("lighttpd.conf", text)
        self.argv = [find_program("lighttpd"), "-D", "-f", self.conf]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def ready(self):
        return accepts(self.address)

    def page(self, name, text, mode=0o644):
        """Put a file into the document root."""
        return self.place.write(f"pages/{name}", text, mode)

    def get(self, path="/", headers=(), **options):
        return http.request(self.address, path, headers, **options)
