"""lighttpd, asking a gate or starting it."""

from support.front import Front
from support.place import ROOT
from support.servers import find_program, replace_values

LOGGING = """
server.modules += ( "mod_accesslog" )
accesslog.filename = "{log}"
accesslog.format = "%h \\"%r\\" %>s \\"%{{User-Agent}}i\\""
"""


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
    # At times it says 1 although it stopped in good order.
    good = (0, 1)

    def values(self):
        return {"/run/latchkey/gate.sock": self.site.gate_socket,
                '"port" => 8081': f'"port" => {self.site.service.port}'}

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
