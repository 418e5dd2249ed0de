"""lighttpd as Debian sets it up: its own settings, and what is enabled."""

import re
import shutil
from pathlib import Path

from support.front import substitute
from support.place import ROOT, Daemon, accepts, free_port
from support.servers import find_program
from support import http

ETC = Path("/etc/lighttpd")


class DebianLighttpd(Daemon):
    """A copy of /etc/lighttpd with the recipe and other files enabled.

    `enabled` are files of conf-available by name, or their name and text;
    `recipe` is what etc/lighttpd/05-latchkey.conf is called there.
    """

    name = "lighttpd"
    good = (0, 1)

    def __init__(self, site, enabled, recipe="05-latchkey.conf", php=False):
        super().__init__(site.place)
        self.site = site
        self.port = free_port()
        self.address = f"127.0.0.1:{self.port}"
        # Theirs who gave up root.
        run = self.place.path / "lighttpd-run"
        run.mkdir(exist_ok=True)
        run.chmod(0o777)
        self.own = {
            "/etc/lighttpd": self.place.path / "lighttpd",
            "/run/latchkey/gate.sock": site.gate_socket,
            "/run/lighttpd": run}
        # Of another one in the same place.
        shutil.rmtree(self.place.path / "lighttpd", ignore_errors=True)
        text = (ROOT / "etc/lighttpd/05-latchkey.conf").read_text()
        if php:
            line = ('include "/etc/lighttpd/conf-available/'
                    '15-fastcgi-php.conf"\n')
            assert text.count(f"#{line}") == 1
            text = text.replace(f"#{line}", line)
        self.write("latchkey-forget.sh",
                   (ROOT / "etc/lighttpd/latchkey-forget.sh").read_text())
        self.write(f"conf-enabled/{recipe}", text)
        for path in (ETC / "conf-available").iterdir():
            self.write(f"conf-available/{path.name}", path.read_text())
        for name in enabled:
            name, text = name if isinstance(name, tuple) else (
                name, (ETC / f"conf-available/{name}").read_text())
            self.write(f"conf-enabled/{name}", text)
        conf = self.write("lighttpd.conf", self.main())
        self.argv = [find_program("lighttpd"), "-D", "-f", conf]

    def write(self, name, text):
        for old, new in self.own.items():
            text = text.replace(old, str(new))
        return self.place.write(f"lighttpd/{name}", text, 0o644)

    def main(self):
        log = self.place.write("lighttpd-error.log", "", 0o666)
        text = substitute((ETC / "lighttpd.conf").read_text(), {
            "/var/www/html": self.site.pages,
            "/var/log/lighttpd/error.log": log,
            "/run/lighttpd.pid": self.place.path / "lighttpd.pid",
            "/var/cache/lighttpd/uploads": self.place.path})
        text, count = re.subn(r"(?m)^(server\.port\s*=).*",
                              rf'\1 {self.port}\nserver.bind = "127.0.0.1"',
                              text)
        assert count == 1
        # It would listen on every address of IPv6 as well.
        return re.sub(r"(?m)^include_shell .*use-ipv6.*$", "", text)

    def ready(self):
        return accepts(self.address)

    def get(self, path="/", headers=(), **options):
        return http.request(self.address, path, headers, **options)
