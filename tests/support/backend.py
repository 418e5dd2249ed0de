"""Services behind a web server that say what they received.

They find a page in each of the ways that real ones do, and know nothing of
who may see what.
"""

import http.client
import http.server
import posixpath
import re
import socket
import socketserver
import threading
from urllib.parse import unquote, urlsplit

from support import fastcgi, websocket

# What may be seen without a session says this; all else says the other.
PUBLIC, PROTECTED = "a public page", "a protected page"


def without_params(path):
    return re.sub(";[^/]*", "", path)


def as_target(text):
    """The path of what is taken for a whole request target."""
    return re.split("[?#]", text)[0]


# From a raw path to the segments that a page is looked up by.
READERS = {
    # Files: walk dots, and take a backslash for a slash.
    "files": lambda path: posixpath.normpath(
        "/" + unquote(path).replace("\\", "/").lstrip("/")).split("/")[1:],
    "servlet files": lambda path: posixpath.normpath(
        "/" + unquote(without_params(path)).lstrip("/")).split("/")[1:],
    # Flask, Django: decode, then compare segment by segment, dots and all.
    "decoded": lambda path: unquote(path).split("/")[1:],
    "merged": lambda path: re.sub("/+", "/", unquote(path)).split("/")[1:],
    # Express, JAX-RS: part, then decode each segment.
    "parted": lambda path: [unquote(part) for part in path.split("/")[1:]],
    "merged parts": lambda path: [
        unquote(part) for part in re.sub("/+", "/", path).split("/")[1:]],
    # Servlets and Spring: without matrix parameters, raw or decoded.
    "servlet": lambda path: unquote(without_params(path)).split("/")[1:],
    "bare": lambda path: without_params(unquote(path)).split("/")[1:],
    # Behind one more server that decodes and passes it on.
    "twice": lambda path: unquote(as_target(unquote(path))).split("/")[1:],
    "parted twice": lambda path: [
        unquote(part) for part in as_target(unquote(path)).split("/")[1:]],
    # JavaScript's URL: what begins with two slashes has a host.
    "url": lambda path: unquote(
        urlsplit(re.sub("^/{2,}", "//", path)).path).split("/")[1:],
    # Those that take no final slash for a difference.
    "cut": lambda path: unquote(path).rstrip("/").split("/")[1:],
}


def readings(uri):
    """The pages that services find at a raw URI: lists of segments."""
    path = as_target(uri)
    if "://" in path.split("/")[0] + "//":
        path = re.sub("^[a-zA-Z]+://[^/]*", "", path) or "/"
    return [reader(path) for reader in READERS.values()]


def page_at(uri):
    """The first line of the page: protected if it is one to anybody."""
    found = {(segments or [""])[0] for segments in readings(uri)}
    return PUBLIC if found <= {"public", "login"} else PROTECTED


def folded(name):
    """What a header is called where an application finds it (RFC 3875), for
    those servers that make every odd character of a name the same."""
    return "HTTP_" + re.sub("[^A-Z0-9]", "_", name.upper())


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers with the page's kind, the request line and the headers, these
    also as applications find them, and trailers as if they were headers.  A
    header X-Answer: NAME=VALUE asks for that header in the answer."""

    protocol_version = "HTTP/1.1"

    def body_length(self):
        """How long the body was, and the trailers behind it."""
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            size = int(self.headers.get("Content-Length", 0))
            return len(self.rfile.read(size)), []
        total = 0
        while True:
            size = int(self.rfile.readline().split(b";")[0], 16)
            if size == 0:
                return total, http.client.parse_headers(self.rfile).items()
            total += len(self.rfile.read(size))
            self.rfile.readline()

    def answer(self):
        # Real ones take no upgrade of a request with a body.
        if (self.headers.get("Upgrade", "").lower() == "websocket"
                and not self.headers.get("Transfer-Encoding")):
            self.talk()
            return
        received, trailers = self.body_length()
        body = self.page(received, [*self.headers.items(), *trailers])
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Content-Length", str(len(body)))
        for line in self.headers.get_all("X-Answer", ()):
            self.send_header(*line.split("=", 1))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def talk(self):
        """A WebSocket: say what was received, then repeat one message."""
        self.send_response(101)
        self.send_header("Upgrade", "websocket")
        self.send_header("Connection", "Upgrade")
        self.send_header("Sec-WebSocket-Accept", websocket.accept(
            self.headers["Sec-WebSocket-Key"]))
        self.end_headers()
        websocket.send(self.wfile, self.page(0, self.headers.items()))
        websocket.send(self.wfile, websocket.receive(self.rfile))
        self.close_connection = True

    def page(self, received, headers):
        lines = [page_at(self.path), f"method={self.command}",
                 f"uri={self.path}", f"received={received}"]
        lines += [f"{name}: {value}" for name, value in headers]
        lines += [f"{folded(name)}={value}" for name, value in headers]
        return ("\n".join(lines) + "\n").encode("latin-1", "replace")

    do_MOVE = do_COPY = do_PROPFIND = do_delete = answer
    do_GET = do_HEAD = do_POST = do_PUT = do_DELETE = do_OPTIONS = answer

    def log_message(self, *_):
        """Nothing: what is logged here is nobody's log."""


class FastcgiHandler(socketserver.StreamRequestHandler):
    """One FastCGI responder request: the page's kind and its parameters."""

    def records(self):
        while True:
            head = self.rfile.read(8)
            if len(head) < 8:
                return
            kind, size = head[1], int.from_bytes(head[4:6], "big")
            content = self.rfile.read(size)
            self.rfile.read(head[6])
            yield kind, content

    def handle(self):
        parameters, received = b"", 0
        for kind, content in self.records():
            if kind == fastcgi.PARAMS:
                parameters += content
            elif kind == fastcgi.STDIN:
                received += len(content)
                if not content:
                    break
        else:
            return
        seen = fastcgi.unpair(parameters)
        uri = dict(seen).get("REQUEST_URI", "/")
        lines = [page_at(uri), f"received={received}"]
        lines += [f"{name}={value}" for name, value in sorted(seen)]
        body = "\n".join(lines) + "\n"
        text = f"Status: 200 OK\r\nContent-Type: text/plain\r\n\r\n{body}"
        self.wfile.write(
            fastcgi.stream(fastcgi.STDOUT, text.encode("latin-1", "replace"))
            + fastcgi.record(fastcgi.END, b"\0" * 8))


class Backend:
    """A server in a thread of this process; a Place stops it."""

    handler = Handler

    def __init__(self):
        self.server = None
        self.thread = None
        self.port = None

    def start(self):
        class Server(socketserver.ThreadingTCPServer):
            allow_reuse_address = True
            daemon_threads = True
            block_on_close = False
            request_queue_size = socket.SOMAXCONN

            def handle_error(self, *_):
                """A client that hung up is no news."""

        self.server = Server(("127.0.0.1", 0), self.handler)
        self.port = self.server.server_address[1]
        self.thread = threading.Thread(target=self.server.serve_forever,
                                       kwargs={"poll_interval": 0.05})
        self.thread.start()
        return self

    def stop(self):
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"


class FastcgiBackend(Backend):
    handler = FastcgiHandler
