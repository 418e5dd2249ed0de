"""As much of an OpenID provider as one login through mod_auth_openidc takes:
the token endpoint, which says that everybody is alice, by an id token signed
(HS256) with the client's secret."""

import base64
import hashlib
import hmac
import json
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qsl, urlencode, urlsplit

CLIENT, SECRET = "latchkey-bench", "a-secret-of-the-bench-and-of-nothing-else"


def base64url(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def signed(claims):
    text = ".".join(base64url(json.dumps(part).encode()) for part in (
        {"alg": "HS256", "typ": "JWT"}, claims))
    mac = hmac.digest(SECRET.encode(), text.encode(), hashlib.sha256)
    return f"{text}.{base64url(mac)}"


class Handler(BaseHTTPRequestHandler):
    def log_message(self, *_):
        pass

    def do_POST(self):
        provider, now = self.server.provider, int(time.time())
        self.rfile.read(int(self.headers["Content-Length"]))
        body = json.dumps({
            "access_token": "nothing", "token_type": "Bearer",
            "id_token": signed({
                "iss": provider.issuer, "sub": "alice", "aud": CLIENT,
                "iat": now, "exp": now + 3600,
                "nonce": provider.nonce})}).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


class Provider:
    def __init__(self, folder, port):
        pem = folder / "provider.pem"
        subprocess.run(["openssl", "req", "-x509", "-nodes", "-newkey",
                        "rsa:2048", "-subj", "/CN=127.0.0.1", "-keyout", pem,
                        "-out", folder / "provider.crt"],
                       check=True, capture_output=True)
        with open(pem, "a") as both:
            both.write((folder / "provider.crt").read_text())
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pem)
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        server.provider = self
        self.issuer = f"https://127.0.0.1:{port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()

    def sign_in(self, url):
        """Where who was sent to ${url} to authenticate is sent back to."""
        asked = dict(parse_qsl(urlsplit(url).query))
        self.nonce = asked["nonce"]
        return asked["redirect_uri"] + "?" + urlencode(
            {"code": "one", "state": asked["state"]})
