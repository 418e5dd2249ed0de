"""A proxy on loopback that hands replies on as badly as it is told to."""

import re
import socket
import threading
import time

from support.place import connect

# How replies are handed on: as they come; a byte each while;
# not at all; the first half, and then the connection is closed.
PASS, DRIP, SWALLOW, HALF = "pass", "drip", "swallow", "half"

# The four bytes of a number take longer than is waited for them.
DRIP_SECONDS = 0.6

# What Redis answers to TIME.
TIME = re.compile(rb"(\*2\r\n\$10\r\n)(\d{10})(?=\r\n\$\d\r\n\d+\r\n)")


class Proxy:
    """Between a port of our own and an address; a Place stops it.

    `mode` counts from the next reply on, on every connection.  A Redis behind
    it has a clock that is `ahead` by so many seconds.  With `reword`, a pair
    of bytes of the same length, what is asked has the second for the first.
    """

    def __init__(self, target, ahead=0, reword=None):
        self.target = target
        self.ahead = ahead
        self.reword = reword
        self.mode = PASS
        self.listener = None
        self.stopping = False
        self.sockets = set()
        self.lock = threading.Lock()

    @property
    def address(self):
        return "127.0.0.1:%d" % self.listener.getsockname()[1]

    def start(self):
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self._spawn(self._accept)
        return self

    def stop(self):
        self.stopping = True
        self.drop()
        # A close alone would not wake who waits in accept().
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()

    def drop(self):
        """Close every connection there is."""
        with self.lock:
            for sock in self.sockets:
                self._hang_up(sock)

    @staticmethod
    def _spawn(work, *arguments):
        threading.Thread(target=work, args=arguments, daemon=True).start()

    @staticmethod
    def _hang_up(sock):
        try:
            sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # It is closed already.

    def _accept(self):
        while not self.stopping:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                server = connect(self.target, None)
            except OSError:
                client.close()
                continue
            with self.lock:
                self.sockets |= {client, server}
            self._spawn(self._carry, client, server,
                        lambda data, sock=server: self.ask(sock, data))
            self._spawn(self._carry, server, client,
                        lambda data, sock=client: self._answer(sock, data))

    def _carry(self, source, target, send):
        try:
            while data := source.recv(65536):
                send(data)
        except OSError:
            pass  # One side left: the other has to go, too.
        for sock in (source, target):
            self._hang_up(sock)
        with self.lock:
            self.sockets.discard(source)
        source.close()

    def ask(self, server, data):
        """Hand what a client says on to the server."""
        server.sendall(data.replace(*self.reword) if self.reword else data)

    def _answer(self, client, data):
        """Hand a reply on to the client."""
        mode = self.mode
        if self.ahead:
            data = TIME.sub(lambda found: b"%s%d" % (
                found[1], int(found[2]) + self.ahead), data)
        if mode == DRIP:
            for at in range(len(data)):
                time.sleep(DRIP_SECONDS)
                client.sendall(data[at:at + 1])
        elif mode == HALF:
            client.sendall(data[:len(data) // 2])
            raise OSError("half is all there is")
        elif mode == PASS:
            client.sendall(data)
