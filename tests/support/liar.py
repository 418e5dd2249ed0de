"""Sentinels and nodes of a cluster of our own that say what a test wants."""

import contextlib
import socket
import threading

from support.redis_cluster import slot_of

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
        self.context = None
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
        if self.context is not None:
            with contextlib.suppress(OSError):
                peer = self.context.wrap_socket(peer, server_side=True)
        stream = peer.makefile("rb")
        with contextlib.suppress(OSError, ValueError, IndexError):
            while True:
                words = []
                for _ in range(int(stream.readline()[1:])):
                    size = int(stream.readline()[1:])
                    words.append(stream.read(size + 2)[:-2].decode())
                self.talks.wait()
                peer.sendall(self._answer(words))

    def _answer(self, words):
        words = [word.upper() for word in words]
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


def bulk(text):
    return b"$%d\r\n%s\r\n" % (len(text), text.encode())


def slots(*ranges):
    """What CLUSTER SLOTS answers: of each (first, last, host, port)."""
    return b"*%d\r\n" % len(ranges) + b"".join(
        b"*3\r\n:%d\r\n:%d\r\n*2\r\n%s:%d\r\n" % (
            first, last, bulk(host), port)
        for first, last, host, port in ranges)


class LyingNode(Liar):
    """A node of a cluster: `map` is what it says of that, `moved` whom it
    sends us to for any key, by MOVED or ASK, (host, port), and without it it
    has nothing."""

    def __init__(self, context=None):
        self.map = b""
        self.moved = None
        self.word = "MOVED"
        self.heard = []
        super().__init__(0)
        self.context = context
        self.map = slots((0, 16383, self.host, self.port))

    def asked(self, command):
        return sum(words[0] == command for words in self.heard)

    def _answer(self, words):
        self.heard.append(words)
        answers = {
            "AUTH": b"+OK\r\n", "ASKING": b"+OK\r\n",
            "ROLE": b"*3\r\n" + bulk("master") + b":0\r\n*0\r\n",
            "TIME": bulks("1700000000", "0"),
            "INFO": bulk("cluster_state:ok\r\ncluster_current_epoch:1\r\n"),
            "SLOTS": self.map}
        key = words[1] if words[0] == "CLUSTER" else words[0]
        if key in answers:
            return answers[key]
        if self.moved is None:
            return b"$-1\r\n"
        host, port = self.moved
        return (f"-{self.word} {slot_of(words[1].encode())} {host}:{port}"
                "\r\n").encode()
