#!/usr/bin/python3
"""What an application is told about who asks: put it behind the gate while you
run `latchkey probe`, then take it away again.

As a CGI program it prints its environment.  With a port it is a service on
127.0.0.1 behind a proxy, and answers with the headers it was sent.
"""

import http.server
import os
import sys


class Echo(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        lines = [f"{name}: {value}\n" for name, value in self.headers.items()]
        body = "".join([self.requestline + "\n", *lines]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body if self.command == "GET" else b"")

    do_HEAD = do_GET

    def log_message(self, *words):
        """Tokens may be in there."""


if "GATEWAY_INTERFACE" in os.environ:
    print("Content-Type: text/plain\nCache-Control: no-store\n")
    for name, value in sorted(os.environ.items()):
        print(f"{name}={value}")
elif len(sys.argv) == 2:
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])),
                                    Echo).serve_forever()
else:
    sys.exit("usage: echo.py PORT, or as a CGI program")
