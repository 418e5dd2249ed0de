"""The gate's log where nobody reads it."""

import contextlib
import os
import pty
import signal
import socket
import subprocess

import pytest

from support import fastcgi
from support.place import BUILD, PATIENCE, accepts, wait_until
from support.servers import PATIENT

DROPPED = "latchkey_log_lines_dropped_total"


def two_ends(kind):
    """What to read, and what the gate gets as standard error."""
    if kind == "pipe":
        return os.pipe()
    if kind == "terminal":
        return pty.openpty()
    mine, theirs = socket.socketpair()
    return mine.detach(), theirs.detach()


def fill(fd):
    """Leave no room in it."""
    os.set_blocking(fd, False)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, b"-" * 4096)
    with contextlib.suppress(BlockingIOError):
        while True:
            os.write(fd, b"-")
    os.set_blocking(fd, True)


@contextlib.contextmanager
def unread(house, kind, when="running"):
    """A gate whose standard error is full, and the end to read it from."""
    reader, theirs = two_ends(kind)
    if when == "starting":
        fill(theirs)
    process = subprocess.Popen(
        [BUILD / "latchkey-fcgi", "-c", house.conf], stderr=theirs,
        stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        env=house.place.environment())
    try:
        if when == "running":
            wait_until(lambda: accepts(house.listen), "the gate")
            fill(theirs)
        yield process, reader
    finally:
        process.kill()
        process.wait()
        os.close(reader)
        os.close(theirs)


def ask(house, **variables):
    return fastcgi.ask(house.listen, house.parameters(**variables))


def dropped(house):
    text = fastcgi.ask(
        house.listen, fastcgi.request_of(LATCHKEY_ENDPOINT="metrics"),
        role=fastcgi.RESPONDER).body
    return int(next(line.split()[1] for line in text.splitlines()
                    if line.startswith(DROPPED + " ")))


@pytest.mark.parametrize("kind", ["pipe", "socket", "terminal"])
def test_log_that_nobody_reads_holds_up_no_request_and_no_end(house, kind):
    house.write("threads = 2; expose_metrics = true;")
    with unread(house, kind) as (process, _):
        for _ in range(60):
            assert fastcgi.ask(house.listen,
                               fastcgi.request_of()).status == 401
            assert ask(house).status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


@pytest.mark.parametrize("kind", ["pipe", "socket", "terminal"])
def test_log_that_nobody_reads_holds_up_no_start(house, kind):
    """Where there is something to be said before the gate listens."""
    file = house.place.path / "sessions.db"
    house.conf.write_text(
        f'store = {{ backend = "redis"; redis = {{ address = '
        f'"{house.redis.unix_address}"; {PATIENT} }}; '
        f'sqlite = {{ path = "{file}"; }}; '
        f'}};\ngate = {{ listen = "{house.listen}"; }};\n')
    with unread(house, kind, "starting") as (process, _):
        wait_until(lambda: accepts(house.listen), "the gate")
        assert ask(house).status == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0


def test_log_that_nobody_reads_keeps_no_failed_start(house):
    house.conf.write_text("what = is this\n")
    with unread(house, "pipe", "starting") as (process, _):
        assert process.wait(PATIENCE) == 2


def test_log_says_what_was_dropped_once_it_is_read(house):
    house.write("threads = 2; expose_metrics = true;")
    with unread(house, "pipe") as (process, reader):
        assert dropped(house) == 0

        def more():
            process.send_signal(signal.SIGHUP)
            assert ask(house).status == 200
            return dropped(house) > 2

        wait_until(more, "lines that find no room")
        os.set_blocking(reader, False)
        text = b""

        def read():
            nonlocal text
            with contextlib.suppress(BlockingIOError):
                text += os.read(reader, 65536)
            return b"log lines dropped" in text

        wait_until(read, "the log to go on")
        count = int(text.split(b"log lines dropped")[1].split(b"count=")[1]
                    .split()[0])
        assert count == dropped(house)
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        read()
        assert b"gate stopped" in text


def test_log_sums_up_denials_that_pour(house):
    house.write()
    with unread(house, "pipe") as (process, reader):
        os.read(reader, 1 << 20)
        for _ in range(200):
            assert fastcgi.ask(house.listen,
                               fastcgi.request_of()).status == 401
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        text = os.read(reader, 1 << 20).decode()
    lines = [line for line in text.splitlines() if "denied" in line]
    said = sum(int(line.split("suppressed=")[1].split()[0])
               for line in lines if "suppressed=" in line)
    singles = sum("request denied" in line for line in lines)
    assert singles < 200
    assert singles + said == 200
