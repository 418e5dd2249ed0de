"""Apache: mod_authnz_fcgi in its two ways, and mod_fcgid."""

from support.front import Front
from support.place import ROOT
from support.servers import find_program

# Debian has no HTTP/2 without TLS by default.
HTTP2 = """
LoadModule http2_module /usr/lib/apache2/modules/mod_http2.so
Protocols h2c http/1.1
"""


class Apache(Front):
    name = "apache"
    host_is_literal = True
    example = "apache/latchkey.conf"
    down = (500,)
    http2 = "same"

    def host(self, name):
        return (f"<VirtualHost {self.address}>\n"
                f"ServerName {name}\nDocumentRoot {self.site.pages}/{name}\n"
                f"SetEnvIfExpr true LATCHKEY_HOST={name}\n</VirtualHost>\n")

    def values(self):
        return {"fcgi://127.0.0.1:9010/": f"fcgi://{self.site.gate_tcp}/"}

    def prepare(self):
        self.file("run").mkdir()
        forget = "/etc/apache2/latchkey-forget.conf"
        text = self.example_text({
            "/var/www/html": self.site.pages,
            forget: ROOT / "etc/apache/latchkey-forget.conf",
            "/run/apache2": self.file("run"),
            "/var/log/apache2/error.log": self.file("error.log"),
            "/var/log/apache2/access.log": self.file("access.log"),
            "127.0.0.1:8080": self.address,
            "127.0.0.1:8081": self.site.service.address,
            **self.values()})
        conf = self.place.write(f"{self.name}.conf",
                                text + HTTP2 + self.all_hosts(), 0o644)
        self.argv = [find_program("apache2"), "-f", conf, "-D", "FOREGROUND"]


class ApacheBasic(Apache):
    """The gate behind HTTP Basic: Apache's own 401, whatever it says."""

    name = "apache-basic"
    example = "apache/latchkey-basic.conf"
    carries = ("basic",)
    opens_public = False
    translates = {400: 401, 503: 401}
    down = (401, 500)


class ApacheSpawning(Apache):
    """mod_fcgid starts the gate, as Apache's user."""

    name = "apache-spawning"
    example = "apache/latchkey-spawned.conf"
    translates = {400: 401, 503: 401}

    def values(self):
        return {"/usr/local/sbin/latchkey-fcgi": self.site.gate_program,
                "/etc/latchkey/latchkey.conf": self.site.conf}

    def example_text(self, values, name=None):
        # The environment is not handed on; LeakSanitizer may need a word.
        return (super().example_text(values, name)
                + 'FcgidInitialEnv ASAN_OPTIONS "detect_leaks=0"\n')
