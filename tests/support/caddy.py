"""Caddy with forward_auth over FastCGI."""

from support.front import Front, substitute
from support.place import ROOT
from support.servers import find_program


class Caddy(Front):
    name = "caddy"
    host_is_literal = True
    example = "caddy/Caddyfile"
    program = "/fcgi/page"
    # What says which site it is.
    named = "LATCHKEY_HOST {}"
    translates = {400: 401}
    down = (502,)
    http2 = "same"
    # It may not yet listen for SIGTERM when it listens for connections.
    good = (0, -15)

    def host(self, name):
        return substitute(self.block, {
            f":{self.port} {{": f"http://{name}:{self.port} {{",
            self.named.format("localhost"): self.named.format(name),
            f"root * {self.site.pages}": f"root * {self.site.pages}/{name}"})

    def prepare(self):
        text = self.example_text({
            ":8080": f":{self.port}",
            "/var/www/html": self.site.pages,
            "/var/log/caddy/access.log": self.file("access.log"),
            "unix//run/latchkey/gate.sock": f"unix/{self.site.gate_socket}",
            "127.0.0.1:8081": self.site.service.address,
            "127.0.0.1:9020": self.site.program.address,
            # HTTP/2 without TLS has to be asked for.
            "admin off": "admin off\n\tservers {\n\t\t"
                         "protocols h1 h2 h2c\n\t}"})
        self.block = text[text.index(f":{self.port} {{"):]
        conf = self.place.write("Caddyfile", text + self.all_hosts())
        self.argv = [find_program("caddy"), "run", "--adapter", "caddyfile",
                     "--config", conf]


class CaddyHttp(Caddy):
    """The same that asks by HTTP."""

    name = "caddy-http"
    named = "latchkey-http.caddy {}"

    def example_text(self, values, name=None):
        text = super().example_text(values, name)
        asked = "reverse_proxy @asked unix/"
        text = text.replace(f"{asked}{self.site.gate_socket}",
                            f"{asked}{self.site.http_socket}")
        first = text.index("\t\t\trewrite /_latchkey")
        last = text.index("\n\t\t\t# The cookie of a session")
        part = self.place.write("latchkey-http.caddy", (
            ROOT / "etc" / "caddy/latchkey-http.caddy").read_text(), 0o644)
        return f"{text[:first]}import {part} localhost\n{text[last:]}"
