"""A FastCGI client that sends whatever records it is told to."""

import socket
import struct

from support.http import Reply
from support.place import connect

(BEGIN, ABORT, END, PARAMS, STDIN, STDOUT, STDERR, DATA,
 GET_VALUES) = range(1, 10)
RESPONDER, AUTHORIZER, FILTER = 1, 2, 3
KEEP_CONN = 1


def record(kind, content=b"", request=1, version=1, padding=0):
    """One record; content longer than 65535 bytes does not fit."""
    return struct.pack(">BBHHBx", version, kind, request, len(content),
                       padding) + content + b"\0" * padding


def begin(role=AUTHORIZER, flags=0, request=1):
    return record(BEGIN, struct.pack(">HB5x", role, flags), request)


def length(size):
    return bytes([size]) if size < 128 else struct.pack(">I", size | 1 << 31)


def pair(name, value):
    """A name and its value, as PARAMS and GET_VALUES carry them."""
    name = name if isinstance(name, bytes) else name.encode()
    value = value if isinstance(value, bytes) else value.encode()
    return length(len(name)) + length(len(value)) + name + value


def pairs(parameters):
    items = parameters.items() if isinstance(parameters, dict) else parameters
    return b"".join(pair(name, value) for name, value in items)


def stream(kind, content, request=1, chunk=65535):
    """Content cut into records, and the empty record that ends it."""
    cuts = range(0, len(content), chunk)
    return b"".join(record(kind, content[at:at + chunk], request)
                    for at in cuts) + record(kind, b"", request)


def whole(parameters, role=AUTHORIZER, flags=0, chunk=65535):
    """A complete request without a body."""
    return (begin(role, flags) + stream(PARAMS, pairs(parameters), 1, chunk)
            + record(STDIN))


def request_of(path="/", method="GET", **variables):
    """The parameters lighttpd sends for a request; HTTP_... come by name."""
    return {"FCGI_ROLE": "AUTHORIZER", "REQUEST_METHOD": method,
            "REQUEST_URI": path, "QUERY_STRING": "",
            "REMOTE_ADDR": "127.0.0.1", **variables}


def receive(sock):
    """Everything the other side sends until it closes."""
    data = b""
    while True:
        try:
            piece = sock.recv(65536)
        except ConnectionResetError:
            return data
        if not piece:
            return data
        data += piece


def parse(data):
    """The Reply in the records of an answer, or None if it is not whole."""
    stdout, ended = b"", False
    while len(data) >= 8:
        version, kind, _, size, padding = struct.unpack(">BBHHBx", data[:8])
        assert version == 1, data[:8]
        if kind == STDOUT:
            stdout += data[8:8 + size]
        ended = ended or kind == END
        data = data[8 + size + padding:]
    if not ended:
        return None
    head, _, body = stdout.decode("utf-8", "replace").partition("\r\n\r\n")
    headers = [tuple(line.split(": ", 1)) for line in head.split("\r\n")]
    assert headers[0][0] == "Status", head
    code, _, reason = headers[0][1].partition(" ")
    return Reply(int(code), reason, headers, body)


def send(address, data, finish=True):
    """Send raw bytes; the parsed answer, or None if there was none."""
    with connect(address) as sock:
        try:
            sock.sendall(data)
            if finish:
                sock.shutdown(socket.SHUT_WR)
        except (BrokenPipeError, ConnectionResetError):
            pass  # It may hang up as soon as it has seen enough.
        return parse(receive(sock))


def ask(address, parameters, role=AUTHORIZER, flags=0, chunk=65535):
    """The answer to one complete request."""
    return send(address, whole(parameters, role, flags, chunk), finish=False)


def unpair(data):
    """The names and values that pairs() made, as a list of texts."""
    found, at = [], 0

    def size():
        nonlocal at
        if data[at] < 128:
            at += 1
            return data[at - 1]
        at += 4
        return struct.unpack(">I", data[at - 4:at])[0] & 0x7fffffff

    while at < len(data):
        name, value = size(), size()
        text = data[at:at + name + value].decode("utf-8", "replace")
        found.append((text[:name], text[name:]))
        at += name + value
    return found
