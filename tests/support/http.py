"""A client for one HTTP request, written as the bytes that are sent."""

import http.client
from dataclasses import dataclass

from support.place import connect


@dataclass
class Reply:
    status: int
    reason: str
    headers: list
    body: str

    def all(self, name):
        """Every value of a header, in order."""
        return [value for key, value in self.headers
                if key.lower() == name.lower()]

    def header(self, name):
        """The value of a header that is there once, or None."""
        values = self.all(name)
        assert len(values) < 2, f"{name} occurs {len(values)} times"
        return values[0] if values else None


def head_of(path, headers=(), method="GET", host="localhost"):
    """The bytes of a request without a body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}",
             "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")


def send(address, data, method="GET"):
    """Send raw bytes; the reply to them."""
    with connect(address) as sock:
        sock.sendall(data)
        response = http.client.HTTPResponse(sock, method=method)
        response.begin()
        body = response.read().decode("utf-8", "replace")
        return Reply(response.status, response.reason,
                     response.getheaders(), body)


def request(address, path="/", headers=(), method="GET"):
    """The reply to one request."""
    return send(address, head_of(path, headers, method), method)
