"""A Sentinel of our own that says what a test wants."""

import contextlib
import socket
import threading

LISTENING = (b"*3\r\n$9\r\nsubscribe\r\n$14\r\n+switch-master\r\n:1\r\n")


def bulks(*words):
    """An array of bulk strings."""
    return b"".join([b"*%d\r\n" % len(words)] + [
        b"$%d\r\n%s\r\n" % (len(word), word)
        for word in map(str.encode, words)])


class Liar:
    """Names `host`:`names` as the master of any name, with `flags`, and a
    replica with each of `replicas`."""

    def __init__(self, names, host="127.0.0.1"):
        self.names = str(names)
        self.host = host
        self.flags = "master"
        self.replicas = ["slave"]
        self.talks = threading.Event()
        self.talks.set()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.peers = []
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def start(self):
        return self

    def _accept(self):
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self.listener.accept()
                self.peers.append(peer)
                threading.Thread(target=self._serve, args=(peer,),
                                 daemon=True).start()

    def _serve(self, peer):
        stream = peer.makefile("rb")
        with contextlib.suppress(OSError, ValueError, IndexError):
            while True:
                words = []
                for _ in range(int(stream.readline()[1:])):
                    size = int(stream.readline()[1:])
                    words.append(stream.read(size + 2)[:-2].decode().upper())
                self.talks.wait()
                peer.sendall(self._answer(words))

    def _answer(self, words):
        if words[0] == "SUBSCRIBE":
            return LISTENING
        if words[1] == "GET-MASTER-ADDR-BY-NAME":
            return bulks(self.host, self.names)
        if words[1] == "MASTER":
            return bulks("ip", self.host, "port", self.names,
                         "flags", self.flags)
        return b"*%d\r\n" % len(self.replicas) + b"".join(
            bulks("flags", flags) for flags in self.replicas)

    def stop(self):
        """Close all, as a machine that is gone."""
        self.talks.set()
        with contextlib.suppress(OSError):
            self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        for peer in self.peers:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
