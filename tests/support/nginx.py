"""nginx with auth_request."""

from support.front import Front
from support.place import ROOT
from support.servers import find_program


class Nginx(Front):
    name = "nginx"
    example = "nginx/latchkey.conf"
    program = "/fcgi/page"
    translates = {400: 401, 503: 500}
    down = (500,)
    http2 = "port"

    def prepare(self):
        listen = f"listen {self.address}"
        text = self.example_text({
            "/etc/nginx/latchkey-": f"{ROOT}/etc/nginx/latchkey-",
            "/var/www/html": self.site.pages,
            "/run/nginx.pid": self.file("pid"),
            "/var/log/nginx/error.log": self.file("error.log"),
            "/var/log/nginx/access.log": self.file("access.log"),
            # A port speaks HTTP/2 without TLS, or HTTP/1.1.
            "listen 127.0.0.1:8080":
                f"{listen}; listen 127.0.0.1:{self.port2} http2",
            "/run/latchkey/gate.sock": self.site.gate_socket,
            "127.0.0.1:8081": self.site.service.address,
            "127.0.0.1:9020": self.site.program.address})
        temporary = "".join(
            f"{kind}_temp_path {self.file(kind)};\n" for kind in
            ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
        text = text.replace("http {\n", "http {\n" + temporary, 1)
        conf = self.place.write("nginx.conf", text)
        self.argv = [find_program("nginx"), "-e", self.file("error.log"),
                     "-g", "daemon off;", "-c", conf]
