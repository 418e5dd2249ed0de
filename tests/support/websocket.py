"""WebSockets (RFC 6455): whole messages of text, on either side."""

import base64
import hashlib
import os
import struct

from support.http import head_of
from support.place import connect

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


def accept(key):
    """What a server answers to a client's key."""
    return base64.b64encode(
        hashlib.sha1((key + GUID).encode()).digest()).decode()


def send(file, text, mask=b""):
    """Write one message, masked as a client has to."""
    size = len(text)
    bit = 128 if mask else 0
    head = bytes([0x81])
    if size < 126:
        head += bytes([bit | size])
    else:
        head += struct.pack(">BH", bit | 126, size)
    if mask:
        text = bytes(byte ^ mask[i % 4] for i, byte in enumerate(text))
    file.write(head + mask + text)
    file.flush()


def receive(file):
    """The next message."""
    kind, size = file.read(2)
    assert kind == 0x81, kind
    masked, size = size & 128, size & 127
    if size == 126:
        size = struct.unpack(">H", file.read(2))[0]
    mask = file.read(4) if masked else bytes(4)
    return bytes(byte ^ mask[i % 4]
                 for i, byte in enumerate(file.read(size)))


def converse(address, path, headers, text):
    """Ask for an upgrade; its status, and if it is 101 the first message and
    what came back for `text`, else None twice."""
    key = base64.b64encode(os.urandom(16)).decode()
    data = head_of(path, [("Upgrade", "websocket"), ("Sec-WebSocket-Key", key),
                          ("Sec-WebSocket-Version", "13"), *headers])
    data = data.replace(b"Connection: close", b"Connection: Upgrade", 1)
    with connect(address) as sock, sock.makefile("rwb") as file:
        file.write(data)
        file.flush()
        status = int(file.readline().split()[1])
        lines = []
        while (line := file.readline()) not in (b"\r\n", b""):
            lines.append(line.decode().strip())
        if status != 101:
            return status, None, None
        assert f"sec-websocket-accept: {accept(key)}" in [
            line if ":" not in line else
            line.split(":")[0].lower() + ":" + line.split(":", 1)[1]
            for line in lines]
        first = receive(file)
        send(file, text, os.urandom(4))
        return status, first.decode("latin-1"), receive(file)
