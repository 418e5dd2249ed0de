"""A hand of our own in a Redis or a Sentinel, on one connection."""

from support.place import connect


class RedisError(OSError):
    """An error reply; its text begins with a code such as LOADING."""


class RedisClient:
    """One connection that stays until close(); a context manager."""

    def __init__(self, address, username="", password="", timeout=20.0):
        self.sock = connect(address, timeout)
        self.stream = self.sock.makefile("rwb")
        if password:
            self.call("AUTH", *([username] if username else []), password)

    def call(self, *words):
        """The reply to one command; an error reply is raised."""
        self.send(*words)
        return self.receive()

    def send(self, *words):
        """Send a command whose reply receive() is to take."""
        self.stream.write(b"*%d\r\n" % len(words))
        for word in words:
            word = word if isinstance(word, bytes) else str(word).encode()
            self.stream.write(b"$%d\r\n%s\r\n" % (len(word), word))
        self.stream.flush()

    def receive(self):
        line = self.stream.readline()
        if not line.endswith(b"\r\n"):
            raise OSError("redis: the connection was closed")
        kind, rest = line[:1], line[1:-2]
        if kind == b"-":
            raise RedisError(rest.decode("utf-8", "replace"))
        if kind == b"+":
            return rest
        if kind == b":":
            return int(rest)
        if kind == b"$":
            size = int(rest)
            return self.stream.read(size + 2)[:size] if size >= 0 else None
        if kind == b"*":
            count = int(rest)
            return ([self.receive() for _ in range(count)] if count >= 0
                    else None)
        raise OSError(f"redis: {line!r}")

    def close(self):
        try:
            self.stream.close()
        except OSError:
            pass  # What was not sent yet finds nobody.
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def fields(info):
    """What INFO says, by name."""
    lines = info.decode("utf-8", "replace").splitlines()
    return dict(line.split(":", 1) for line in lines if ":" in line)


def pairs(reply):
    """A flat list of names and values, as Sentinel gives them, by name."""
    texts = [item.decode("utf-8", "replace") for item in reply]
    return dict(zip(texts[::2], texts[1::2]))
