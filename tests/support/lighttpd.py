"""lighttpd, asking a gate or starting it."""

from support.front import Front
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
    http2 = "same"
    # Which is why the example says no to it.
    keeps_http2_bodies = False
    # At times it says 1 although it stopped in good order.
    good = (0, 1)

    def values(self):
        return {"/run/latchkey/gate.sock": self.site.gate_socket,
                '"port" => 8081': f'"port" => {self.site.service.port}'}

    def prepare(self):
        text = self.example_text({
            "/var/www/html": self.site.pages,
            "/var/log/lighttpd/error.log": self.file("error.log"),
            '"server.h2proto" => "disable"': '"server.h2proto" => "enable"',
            **self.values()})
        text = replace_values(text, {"server.port": self.port})
        text += LOGGING.format(log=self.file("access.log"))
        conf = self.place.write(f"{self.name}.conf", text)
        self.argv = [find_program("lighttpd"), "-D", "-f", conf]


class LighttpdSpawning(Lighttpd):
    name = "lighttpd-spawning"
    example = "lighttpd/latchkey-spawned.conf"
    service = None

    def values(self):
        return {"/usr/local/sbin/latchkey-fcgi": self.site.gate_program,
                "/etc/latchkey/latchkey.conf": self.site.conf,
                "/run/lighttpd/latchkey-gate.sock": self.file("gate.sock")}
