"""Certificates of an authority of our own, by the openssl command."""

import subprocess

from support.servers import find_program

KEY = ("-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256")
OUR_NAMES = "IP:127.0.0.1,DNS:localhost"


class Certificate:
    """One, and its key, as files."""

    def __init__(self, path):
        self.crt, self.key = path.with_suffix(".crt"), path.with_suffix(".key")


class Authority(Certificate):
    """Certificates of the same authority, in a folder of its own."""

    def __init__(self, place, name="authority"):
        self.folder = place.path / name
        self.folder.mkdir()
        super().__init__(self.folder / "ca")
        self.openssl("req", "-x509", *KEY, "-subj", f"/CN={name}", "-days",
                     "2", "-keyout", self.key, "-out", self.crt)

    def openssl(self, *words):
        subprocess.run([find_program("openssl"), *words], check=True,
                       capture_output=True)

    def certify(self, name, names=OUR_NAMES, days=2):
        """One of a server (or a client) of those names; of 0 days it has
        ended as soon as it is made."""
        made = Certificate(self.folder / name)
        request = self.folder / f"{name}.csr"
        extensions = self.folder / f"{name}.ext"
        extensions.write_text(f"subjectAltName={names}\n")
        self.openssl("req", *KEY, "-subj", f"/CN={name}", "-keyout", made.key,
                     "-out", request)
        self.openssl("x509", "-req", "-in", request, "-CA", self.crt,
                     "-CAkey", self.key, "-CAcreateserial", "-days",
                     str(days), "-extfile", extensions, "-out", made.crt)
        made.key.chmod(0o600)
        return made


def redis_options(port, certificate, authority, clients="no"):
    """The lines by which a Redis or a Sentinel speaks TLS at a port."""
    return [f"tls-port {port}", f"tls-cert-file {certificate.crt}",
            f"tls-key-file {certificate.key}",
            f"tls-ca-cert-file {authority.crt}",
            f"tls-auth-clients {clients}"]


def as_settings(authority, certificate=None, name=""):
    """A group `tls` of the settings."""
    own = (f' cert = "{certificate.crt}"; key = "{certificate.key}";'
           if certificate else "")
    return (f'tls = {{ ca = "{authority.crt}";{own}'
            + (f' name = "{name}";' if name else "") + " };")
