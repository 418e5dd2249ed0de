#!/usr/bin/python3
"""WebSockets that end with the session of who opened them, by Python's standard
library: an echo on 127.0.0.1:$PORT.  latchkey.conf needs
    gate = { http = { listen = "unix:/run/latchkey/http.sock"; };
             watch = { max = 1000; }; };
and the web server must leave the cookie in at this place, which it takes out as
a rule; in nginx: proxy_set_header Cookie $http_cookie;"""
import asyncio, base64, hashlib, os, re, time

GATE, COOKIE = "/run/latchkey/http.sock", "latchkey"
PATIENCE = 10  # seconds that a socket stays while nobody can tell
SALT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
async def watch(token):
    """Wait for the end of the session, as the status that the gate gives."""
    try:
        reader, writer = await asyncio.open_unix_connection(GATE)
    except OSError:
        return 503
    try:
        writer.write((
            "GET /watch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Authorization: Bearer {token}\r\nX-Latchkey-Method: GET\r\n"
            "X-Latchkey-Uri: /\r\nX-Latchkey-Host: localhost\r\n"
            "X-Latchkey-Peer: 127.0.0.1\r\n\r\n").encode())
        return int((await reader.readline()).split()[1])
    except (OSError, IndexError, ValueError):
        return 503
    finally:
        writer.close()
async def ended(token):
    """Return once the session has ended, or nobody could tell for too long."""
    good = time.monotonic()
    while True:
        began = time.monotonic()
        status = await watch(token)
        if time.monotonic() - began > 1:
            good = time.monotonic()  # it was watched until now
        if status != 503 or time.monotonic() - good > PATIENCE:
            return
        await asyncio.sleep(1)
async def echo(reader, writer):
    while True:
        first, size = await reader.readexactly(2)
        if first != 0x81 or not 0x80 <= size <= 0x80 + 125:
            return  # no short whole text: a real server takes more
        mask = await reader.readexactly(4)
        text = await reader.readexactly(size - 0x80)
        text = bytes(byte ^ mask[i % 4] for i, byte in enumerate(text))
        writer.write(bytes([0x81, len(text)]) + text)
        await writer.drain()
async def serve(reader, writer):
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        key = re.search(r"(?im)^sec-websocket-key: *(\S+)\r$", head)
        token = re.search(rf"(?im)^cookie:(?:.*;)? *{COOKIE}=(lk_[\w-]+)",
                          head)
        if not key or not token:
            return writer.write(b"HTTP/1.1 401 Unauthorized\r\n\r\n")
        accept = base64.b64encode(hashlib.sha1(key[1].encode() + SALT).digest())
        end = asyncio.ensure_future(ended(token[1]))
        writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket"
                     b"\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: "
                     + accept + b"\r\n\r\n")
        talk = asyncio.ensure_future(echo(reader, writer))
        await asyncio.wait([end, talk], return_when=asyncio.FIRST_COMPLETED)
        if end.done():  # 1008, RFC 6455, section 7.4.1
            writer.write(b"\x88\x02" + (1008).to_bytes(2, "big"))
        for task in (end, talk):
            task.cancel()
        await asyncio.gather(end, talk, return_exceptions=True)
    except (OSError, EOFError, asyncio.LimitOverrunError):
        pass
    finally:
        writer.close()
async def main():
    await (await asyncio.start_server(
        serve, "127.0.0.1", int(os.environ["PORT"]))).serve_forever()
asyncio.run(main())
