"""Caddy with forward_auth over FastCGI."""

from support.front import Front
from support.servers import find_program


class Caddy(Front):
    name = "caddy"
    example = "caddy/Caddyfile"
    program = "/fcgi/page"
    translates = {400: 401}
    down = (502,)
    http2 = "same"
    # It may not yet listen for SIGTERM when it listens for connections.
    good = (0, -15)

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
        conf = self.place.write("Caddyfile", text)
        self.argv = [find_program("caddy"), "run", "--adapter", "caddyfile",
                     "--config", conf]
