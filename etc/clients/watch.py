#!/usr/bin/python3
"""WebSockets that end with the session of who opened them, by Python's standard
library: an echo on 127.0.0.1:$PORT.  latchkey.conf needs
    gate = { http = { listen = "unix:/run/latchkey/http.sock"; };
             watch = { max = 1000; }; };
and the web server must leave the cookie in at this place, which it takes out as
a rule, and say Host as it came; in nginx: proxy_set_header Cookie $http_cookie;
proxy_set_header Host $http_host;"""
import asyncio, base64, hashlib, os, re, time

GATE = "/run/latchkey/http.sock"
PATIENCE = 10  # seconds that a socket stays while nobody can tell
SALT = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
async def watch(cookie):
    """Wait for the end of the session, as the status that the gate gives."""
    try:
        reader, writer = await asyncio.open_unix_connection(GATE)
    except OSError:
        return 503
    try:
        writer.write((
            "GET /watch HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
            f"Cookie: {cookie}\r\nX-Latchkey-Method: GET\r\n"
            "X-Latchkey-Uri: /\r\nX-Latchkey-Host: localhost\r\n"
            "X-Latchkey-Peer: 127.0.0.1\r\n\r\n").encode())
        return int((await reader.readline()).split()[1])
    except (OSError, IndexError, ValueError):
        return 503
    finally:
        writer.close()
async def ended(cookie):
    """Return once the session has ended, or nobody could tell for too long."""
    good = time.monotonic()
    while True:
        began = time.monotonic()
        status = await watch(cookie)
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
def header(head, name):
    """The one header of that name; "" if there is none, or more."""
    found = re.findall(rf"(?im)^{name}:[ \t]*([ -~]*?)[ \t]*\r$", head)
    return found[0] if len(found) == 1 else ""
async def serve(reader, writer):
    try:
        async with asyncio.timeout(PATIENCE):
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        key, cookie, origin, host = (header(head, name) for name in (
            "Sec-WebSocket-Key", "Cookie", "Origin", "Host"))
        # No page of another site may open one, with the cookie of who is there.
        if not host or origin not in ("http://" + host, "https://" + host):
            return writer.write(b"HTTP/1.1 403 Forbidden\r\n\r\n")
        if not key or not cookie:
            return writer.write(b"HTTP/1.1 401 Unauthorized\r\n\r\n")
        accept = base64.b64encode(hashlib.sha1(key.encode() + SALT).digest())
        # Which of several is the session, the gate decides alone.
        end = asyncio.ensure_future(ended(cookie))
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
        try:
            async with asyncio.timeout(1):
                await writer.wait_closed()
        except OSError:
            writer.transport.abort()  # it does not read
async def main():
    await (await asyncio.start_server(
        serve, "127.0.0.1", int(os.environ["PORT"]))).serve_forever()
asyncio.run(main())
