"""HAProxy with a script that asks the gate."""

import os
import re
import subprocess

from support.front import Front
from support.servers import find_program


class Haproxy(Front):
    name = "haproxy"
    example = "haproxy/latchkey.cfg"
    static, program = None, "/fcgi/page"
    translates = {400: 401}
    http2 = "port"
    # It ends by the signal it was sent.
    good = (0, -15)

    @staticmethod
    def asked(name):
        return f"{{ req.fhdr(host),host_only -i {name} }}"

    def host(self, name):
        return (f"backend {name}\n\thttp-request set-header X-Served {name}\n"
                f"\tserver app {self.site.service.address}\n")

    def prepare(self):
        script = self.place.write("latchkey.lua", self.example_text(
            {"/run/latchkey/http.sock": self.site.http_socket},
            "haproxy/latchkey.lua"))
        text = self.example_text({
            **self.owner(),
            "/etc/haproxy/latchkey.lua": script,
            # A port speaks HTTP/2 without TLS from the first byte.
            "bind 127.0.0.1:8080":
                f"bind {self.address}\n"
                f"\tbind 127.0.0.1:{self.port2} proto h2",
            "/run/latchkey/gate.sock": self.site.gate_socket,
            "127.0.0.1:8081": self.site.service.address,
            "127.0.0.1:9020": self.site.program.address})
        text = text.replace("\tdefault_backend app\n", "".join(
            f"\tuse_backend {name} if {self.asked(name)}\n"
            for name in self.hosts) + "\tdefault_backend app\n")
        text = text.replace("\t# With 401 the", "".join(
            "\thttp-request set-var(txn.latchkey_host) "
            f"str({name}) if {self.asked(name)}\n"
            for name in self.hosts) + "\t# With 401 the")
        conf = self.place.write("haproxy.cfg", text + self.all_hosts())
        self.argv = [find_program("haproxy"), "-db", "-f", conf]

    @staticmethod
    def owner():
        """Who is not root cannot become anybody."""
        if os.geteuid() == 0:
            return {}
        return {"\tuser haproxy\n\tgroup www-data\n": ""}

    @property
    def takes_unsized(self):
        """What can drop the trailers alone need not refuse all of it."""
        said = subprocess.run([self.argv[0], "-v"], capture_output=True,
                              text=True, check=True).stdout
        version = re.search(r"version (\d+)\.(\d+)", said).groups()
        return tuple(map(int, version)) >= (3, 2)

    def get(self, path=None, headers=(), **options):
        return super().get(path or self.service, headers, **options)
