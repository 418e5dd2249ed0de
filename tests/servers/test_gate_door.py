"""Who is let in by the gate, and what its door does with what they send."""

import contextlib
import errno
import os
import socket

import pytest

from support import fastcgi
from support.house import (House, assert_allows, hang_up, is_closed, keep,
                           read_answer)
from support.place import connect, free_port, wait_until


def door_has_looked(gate):
    """Wait until the door has seen all that was sent before."""
    with connect(gate.address) as sock:
        sock.sendall(b"\0" * 8)
        assert is_closed(sock)


# ---- Settings that a reload brings ---------------------------------------

STRANGER = f"threads = 1; allow_uids = [ {os.geteuid() + 1} ];"


def tighten(house, gate, extra=STRANGER):
    house.write(extra)
    hang_up(gate)


def test_door_with_allow_uids_tightened_lets_no_kept_connection_ask(house):
    gate = house.gate("threads = 1;")
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(gate.address))
                 for _ in range(5)]
        for sock in socks:
            sock.sendall(keep(house.parameters()))
            assert read_answer(sock) is not None
        tighten(house, gate)
        for sock in socks:
            # It may have hung up already.
            with contextlib.suppress(BrokenPipeError):
                sock.sendall(keep(house.parameters()))
            assert is_closed(sock)


@pytest.mark.parametrize("cut", [0, 1, 60, -1])
def test_door_with_allow_uids_tightened_lets_nobody_finish(house, cut):
    gate = house.gate("threads = 1;")
    data = fastcgi.whole(house.parameters())[:-8]  # without STDIN
    with connect(gate.address) as sock:
        sock.sendall(data[:cut])
        door_has_looked(gate)
        tighten(house, gate)
        with contextlib.suppress(BrokenPipeError):
            sock.sendall(data[cut:])
        assert is_closed(sock)


def all_ask(stack, gate, data):
    """Six that ask, one after the other, and are not answered yet."""
    socks = [stack.enter_context(connect(gate.address)) for _ in range(6)]
    for sock in socks:
        sock.sendall(data)
    door_has_looked(gate)
    return socks


def test_door_with_allow_uids_tightened_answers_nobody_under_way(house):
    gate = house.gate("threads = 1;")
    assert_allows(house, gate)
    data = fastcgi.whole(house.parameters())
    with contextlib.ExitStack() as stack:
        with house.redis.frozen():
            socks = all_ask(stack, gate, data)
            tighten(house, gate)
        for sock in socks:
            assert is_closed(sock)


def test_door_with_allow_uids_tightened_answers_nobody_in_the_queue(house):
    """Of those who need the user source, which answers one at a time."""
    started = house.place.path / "started"
    hang = house.place.write("hang", "")
    program = house.place.write("source", f"""#!/bin/sh
        echo x >> {started}
        while [ -e {hang} ]; do sleep 0.02; done
        echo '{{"roles":["admin"]}}'""", 0o755)
    gate = house.gate("""threads = 1; rules = (
        { path = "/"; access = "session";
          require = ( { field = "roles"; any = [ "admin" ]; } ); } );""",
        f'user = {{ source = "exec"; command = [ "{program}" ]; '
        f'timeout_ms = 60000; }};\n')
    data = fastcgi.whole(house.parameters())
    with contextlib.ExitStack() as stack:
        socks = all_ask(stack, gate, data)
        wait_until(started.exists, "the source to be asked")
        tighten(house, gate)
        hang.unlink()
        # One was being answered when the settings changed.
        replies = [fastcgi.parse(fastcgi.receive(sock)) for sock in socks]
        assert [reply.status for reply in replies if reply] == [200]


def own_address():
    """An address of this machine that is not loopback."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        with contextlib.suppress(OSError):
            sock.connect(("192.0.2.1", 9))
            return sock.getsockname()[0]
    pytest.skip("this machine has loopback addresses only")


def test_door_with_allow_remote_taken_back_lets_in_nobody_from_afar(place):
    port, afar = free_port(), own_address()
    loopback = f"127.0.0.1:{port}"
    house = House(place, loopback)
    house.listen = f"0.0.0.0:{port}"
    gate = house.gate("allow_remote = true;")
    with connect(f"{afar}:{port}") as sock:
        sock.sendall(keep(house.parameters()))
        assert read_answer(sock) is not None
        # A new address takes a restart; who is let in does not.
        house.listen = loopback
        tighten(house, gate, "")
        with contextlib.suppress(BrokenPipeError):
            sock.sendall(keep(house.parameters()))
        assert is_closed(sock)
    with connect(f"{afar}:{port}") as sock:
        sock.sendall(fastcgi.whole(house.parameters()))
        assert is_closed(sock)
    assert fastcgi.ask(loopback, house.parameters()).status == 200


# ---- Bytes that are not in their place -----------------------------------



@pytest.fixture(params=["unix", "tcp"])
def either(request, place):
    """A house whose gate listens on a unix socket, or on TCP."""
    return House(place, None if request.param == "unix"
                 else f"127.0.0.1:{free_port()}")


def send_oob(sock, data):
    """Send bytes out of band, or skip where the kernel cannot."""
    try:
        sock.send(data, socket.MSG_OOB)
    except OSError as error:
        if error.errno != errno.EOPNOTSUPP:
            raise
        pytest.skip("this kernel has no out-of-band bytes here")


def test_door_with_bytes_out_of_band_judges_all_that_libfcgi_reads(either):
    """
    A byte in front that a later one sent out of band makes an ordinary one
    shifts what is read behind what was peeked.
    """
    gate = either.gate("threads = 1;")
    data = fastcgi.whole(either.parameters())
    for turn in range(300):
        with connect(gate.address) as sock:
            send_oob(sock, b"\1")
            with contextlib.suppress(ConnectionError):
                sock.sendall(data)
                if turn % 2:
                    send_oob(sock, b"\1")
            reply = fastcgi.parse(fastcgi.receive(sock))
            assert reply is None or reply.status == 400, turn
    assert "BEGIN_REQUEST" in gate.output()
    assert_allows(either, gate)


@pytest.mark.parametrize("place_of", ["first", "inside", "behind"])
def test_door_with_the_one_byte_out_of_band_keeps_its_place(
        either, place_of):
    """Sent out of band or not, a byte stands where it was sent."""
    gate = either.gate("threads = 1;")
    data = fastcgi.whole(either.parameters())[:-8]
    at = {"first": 0, "inside": len(data) // 2,
          "behind": len(data) - 1}[place_of]
    socks = [connect(gate.address) for _ in range(20)]
    for sock in socks:
        sock.sendall(data[:at])
        send_oob(sock, data[at:at + 1])
        sock.sendall(data[at + 1:])
        sock.shutdown(socket.SHUT_WR)
    for sock in socks:
        with sock:
            reply = fastcgi.parse(fastcgi.receive(sock))
            # Behind the mark nothing can be peeked: it is left out, whole.
            assert reply is None or reply.status == 200
    assert_allows(either, gate)


def descriptors(gate):
    return len(os.listdir(f"/proc/{gate.process.pid}/fd"))


def test_door_with_passed_descriptors_keeps_none(house):
    gate = house.gate("threads = 1;")
    data = fastcgi.whole(house.parameters())[:-8]
    assert_allows(house, gate)
    before = descriptors(gate)
    for turn in range(100):
        mine, theirs = os.pipe()
        with connect(gate.address) as sock:
            cut = (0, 1, 16, len(data) - 1)[turn % 4]
            sock.sendall(data[:cut])
            socket.send_fds(sock, [data[cut:]], [theirs] * 8)
            os.close(theirs)
            sock.shutdown(socket.SHUT_WR)
            reply = fastcgi.parse(fastcgi.receive(sock))
            assert reply is None or reply.status == 200
        # Nobody holds the other end any more.
        assert os.read(mine, 1) == b""
        os.close(mine)
    assert_allows(house, gate)
    assert descriptors(gate) == before


@pytest.mark.parametrize("how", [socket.SHUT_RD, socket.SHUT_WR,
                                 socket.SHUT_RDWR])
def test_door_with_half_closed_connections_goes_on(either, how):
    gate = either.gate("threads = 1;")
    data = fastcgi.whole(either.parameters())
    for turn in range(40):
        with connect(gate.address) as sock:
            sock.sendall(data[:len(data) - turn % 20])
            with contextlib.suppress(OSError):
                sock.shutdown(how)
            if how == socket.SHUT_WR:
                reply = fastcgi.parse(fastcgi.receive(sock))
                assert reply is None or reply.status == 200
    assert_allows(either, gate)


# ---- Requests that come in drops -----------------------------------------


def upload_begun(parameters, body):
    """A responder's request up to where its STDIN begins."""
    return (fastcgi.begin(fastcgi.RESPONDER, fastcgi.KEEP_CONN)
            + fastcgi.stream(fastcgi.PARAMS, fastcgi.pairs(parameters))
            + fastcgi.record(fastcgi.STDIN, b"x" * body)[:8])


def test_door_with_tiny_records_looks_at_them_alone(house):
    """Each is whole, and lets the door look again, but not at all of them."""
    gate = house.gate()
    piece = fastcgi.record(fastcgi.STDIN, b"x")
    with connect(gate.address) as sock:
        sock.setblocking(True)  # Else a buffer in use is none to write to.
        sock.sendall(upload_begun(house.parameters(X="v" * 60000), 1) + b"x")
        for _ in range(24):
            sock.sendall(piece)
            assert_allows(house, gate)  # The door has looked.
        sock.sendall(fastcgi.record(fastcgi.STDIN))
        assert read_answer(sock).status == 404


def test_door_with_uploads_in_drops_answers_others_and_them(house):
    gate = house.gate()
    begun = upload_begun(house.parameters(), 40)
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(gate.address))
                 for _ in range(200)]
        for sock in socks:
            sock.sendall(begun)
        for _ in range(40):
            for sock in socks:
                sock.sendall(b"x")
            assert_allows(house, gate)
        for sock in socks:
            sock.sendall(fastcgi.record(fastcgi.STDIN))
            assert read_answer(sock).status == 404
