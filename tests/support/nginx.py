"""nginx with auth_request."""

import subprocess

from support.front import Front, substitute
from support.place import ROOT, free_port
from support.servers import find_program


class Nginx(Front):
    name = "nginx"
    host_is_literal = True
    example = "nginx/latchkey.conf"
    program = "/fcgi/page"
    translates = {400: 401, 503: 500}
    down = (500,)
    http2 = "port"
    # It may not yet listen for SIGTERM when it listens for connections.
    good = (0, -15)

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
        self.server = text[text.index("\tserver {\n"):text.rindex("}")]
        text = text[:text.rindex("}")] + self.all_hosts() + "}\n"
        conf = self.place.write("nginx.conf", text)
        self.argv = [find_program("nginx"), "-e", self.file("error.log"),
                     "-g", "daemon off;", "-c", conf]


    def host(self, name):
        return substitute(self.server, {
            "server_name localhost": f"server_name {name}",
            f"root   {self.site.pages}": f"root {self.site.pages}/{name}"})


class NginxHttp(Nginx):
    """The same that asks by HTTP."""

    name = "nginx-http"

    def example_text(self, values, name=None):
        text = super().example_text(values, name)
        first = text.index("\t\tlocation = /_latchkey {")
        last = text.index("\t\t# With gate.login_url")
        text = text[:first] + self.part(
            "nginx/latchkey-http.conf") + text[last:]
        first = text.index("\t\t# Logging out,")
        last = text.index("\t\t# A service behind nginx")
        text = text[:first] + text[last:]
        return text.replace("http {\n", "http {\n" + self.part(
            "nginx/latchkey-upstream.conf"), 1)

    def part(self, name):
        """One of the files that the examples include."""
        ask = "nginx/latchkey-ask.conf"
        asked = self.place.write("latchkey-ask.conf",
                                 (ROOT / "etc" / ask).read_text(), 0o644)
        return ((ROOT / "etc" / name).read_text()
                .replace(f"/etc/{ask}", str(asked))
                .replace("/run/latchkey/http.sock",
                         str(self.site.http_socket)))


class NginxTls(Nginx):
    """The same with the lines for TLS, for the host localhost."""

    name = "nginx-tls"

    def prepare(self):
        self.tls_port = free_port()
        self.certificate = self.file("cert.pem")
        self.key = self.file("key.pem")
        subprocess.run(
            [find_program("openssl"), "req", "-x509", "-newkey", "rsa:2048",
             "-nodes", "-days", "2", "-subj", "/CN=localhost", "-addext",
             "subjectAltName=DNS:localhost", "-keyout", self.key, "-out",
             self.certificate], check=True, capture_output=True)
        super().prepare()

    def example_text(self, values, name=None):
        return super().example_text({
            **values,
            "#listen 443 ssl": f"listen 127.0.0.1:{self.tls_port} ssl",
            "#ssl_certificate     /etc/ssl/certs/example.pem":
                f"ssl_certificate {self.certificate}",
            "#ssl_certificate_key /etc/ssl/private/example.key":
                f"ssl_certificate_key {self.key}"}, name)

    def curl(self, path, *options):
        """What comes of asking over TLS, the headers among it."""
        return subprocess.run(
            [find_program("curl"), "-si", "--http1.1", "--cacert",
             self.certificate, "--resolve",
             f"localhost:{self.tls_port}:127.0.0.1", *options,
             f"https://localhost:{self.tls_port}{path}"], check=True,
            capture_output=True, text=True).stdout
