"""Clients that do what the simple one in http.py does not: several requests
on one connection, replies that are none, and HTTP/2."""

import http.client
import socket
import subprocess
from dataclasses import dataclass

from support.http import Reply, head_of
from support.place import PATIENCE, connect


class _Stream:
    """A socket to HTTPResponse that outlives one response."""

    def __init__(self, file):
        self.file = file

    def makefile(self, *_):
        return self

    def close(self):
        """Leave it open for the next response."""

    def __getattr__(self, name):
        return getattr(self.file, name)


def read_reply(file, method="GET"):
    """The next reply on a connection."""
    response = http.client.HTTPResponse(_Stream(file), method=method)
    response.begin()
    body = response.read().decode("utf-8", "replace")
    return Reply(response.status, response.reason, response.getheaders(),
                 body)


def kept(path, headers=(), method="GET", body=b""):
    """The bytes of a request after which the connection shall stay."""
    return head_of(path, headers, method).replace(
        b"Connection: close\r\n", b"", 1) + body


def sequence(address, requests, pipelined):
    """The replies to requests on one connection; [bytes], all GET or POST.

    Pipelined they are sent at once, else each after the reply before.
    """
    with connect(address) as sock, sock.makefile("rb") as file:
        if pipelined:
            sock.sendall(b"".join(requests))
            return [read_reply(file) for _ in requests]
        replies = []
        for data in requests:
            sock.sendall(data)
            replies.append(read_reply(file))
        return replies


def raw(address, data):
    """All that comes back until the server closes, reply or not."""
    received = b""
    with connect(address) as sock:
        try:
            sock.sendall(data)
            while True:
                piece = sock.recv(65536)
                if not piece:
                    break
                received += piece
        except (ConnectionResetError, BrokenPipeError, socket.timeout):
            pass
    return received


def status_of(data):
    """The status in what raw() gave, or None."""
    if not data.startswith(b"HTTP/1."):
        return None
    return int(data[9:12])


@dataclass
class Curl:
    status: int
    version: str
    body: str


def curl2(url, headers=(), *options):
    """The reply to a request in HTTP/2 without TLS."""
    config = "".join(f'header = "{name}: {value}"\n'
                     for name, value in headers)
    done = subprocess.run(
        ["curl", "-sS", "--http2-prior-knowledge", "--path-as-is", "-K", "-",
         "-m", str(int(PATIENCE)), "-w", "\n%{http_code} %{http_version}",
         *options, url], input=config, capture_output=True, text=True,
        check=False)
    body, _, last = done.stdout.rpartition("\n")
    status, version = last.split()
    return Curl(int(status), version, body)
