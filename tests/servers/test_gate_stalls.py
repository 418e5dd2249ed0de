"""What stands still behind the gate, and goes on in front of it."""

import contextlib
import os
import signal
import socket
import sqlite3
import threading

import pytest

from support import fastcgi
from support.house import (House, assert_allows, hang_up, is_closed, keep,
                           read_answer)
from support.place import PATIENCE, Place, accepts, connect, wait_until
from support.proxy import Proxy
from support.servers import (Gate, Latchkey, embedded_settings, impatient,
                             settings)
from support.standstill import still, threads_of

# One thread of each kind: whoever held it would hold everybody.
RULES = """threads = 1; expose_metrics = true; rules = (
  { path = "/public/"; access = "public"; },
  { path = "/roles/"; access = "session";
    require = ( { field = "roles"; any = [ "admin" ]; } ); },
  { path = "/"; access = "session"; } );"""
LOG = 'log = { level = "debug"; };\n'


class Asking(threading.Thread):
    """One that asks, and waits for the answer as long as it takes."""

    def __init__(self, gate, parameters, **options):
        super().__init__()
        self.gate, self.parameters, self.reply = gate, parameters, None
        self.options = options
        self.start()

    def run(self):
        self.reply = self.gate.ask(self.parameters, **self.options)

    def status(self):
        self.join(PATIENCE)
        return self.reply.status


def metric(gate, name):
    text = gate.ask(fastcgi.request_of(LATCHKEY_ENDPOINT="metrics"),
                    role=fastcgi.RESPONDER).body
    return int(next(line.split()[1] for line in text.splitlines()
                    if line.startswith(name + " ")))


class Coming:
    """Counts those who come from here on, besides who asks for metrics."""

    def __init__(self, gate):
        self.gate = gate
        self.known = metric(gate, "latchkey_connections_accepted_total")

    def wait_for(self, count):
        """Until so many have come, and none has still to say what he wants."""
        def have_asked():
            self.known += 1
            return metric(self.gate, "latchkey_connections_accepted_total") \
                - self.known >= count
        wait_until(have_asked, f"{count} to come")
        wait_until(lambda: metric(
            self.gate, "latchkey_connections_waiting") == 0, "them to ask")


def bearer(token, path="/"):
    return fastcgi.request_of(path, HTTP_AUTHORIZATION=f"Bearer {token}")


def assert_goes_on(gate):
    """For who needs none of what stands still."""
    for n in range(30):
        assert gate.ask(fastcgi.request_of(f"/public/{n}")).status == 200
        assert gate.ask(fastcgi.request_of("/")).status == 401
        assert gate.ask(bearer("no token")).status == 401
    assert gate.ask(fastcgi.request_of(LATCHKEY_ENDPOINT="none"),
                    role=fastcgi.RESPONDER).status == 404
    metric(gate, "latchkey_queue_depth")


# ---- Stores and sources ----------------------------------------------------


def test_stall_of_redis_holds_nobody_who_needs_it_not(house):
    gate = house.gate(RULES)
    assert_allows(house, gate)
    with house.redis.frozen():
        asking = [Asking(gate, house.parameters()) for _ in range(8)]
        needing = Asking(gate, house.parameters("/roles/"))
        assert_goes_on(gate)
        assert all(one.is_alive() for one in (*asking, needing))
    assert [one.status() for one in asking] == [200] * 8
    assert needing.status() == 403


def test_one_loop_has_all_checks_under_way(house):
    """None is left to a worker, which would have a connection of its own: of 64
    threads each would have room for fewer."""
    gate = house.gate(RULES.replace("threads = 1", "threads = 64"),
                      prefix=["taskset", "-c", min(os.sched_getaffinity(0))])
    with house.redis.frozen():
        coming = Coming(gate)
        asking = [Asking(gate, house.parameters()) for _ in range(40)]
        coming.wait_for(40)
    assert [one.status() for one in asking] == [200] * 40
    clients = house.redis.command("CLIENT", "LIST").splitlines()
    assert len(clients) == 2, clients


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to stop threads")
@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores")
def test_stall_of_any_one_thread_holds_no_fresh_request(house):
    """Such as of a loop, at a request that takes long."""
    gate = house.gate(RULES.replace("threads = 1", "threads = 2"))
    assert_allows(house, gate)
    stood = 0
    for tid in threads_of(gate.process.pid):
        with contextlib.ExitStack() as stack:
            try:
                stack.enter_context(still(tid))
            except ProcessLookupError:
                # One that has nothing to watch ends at once.
                assert tid not in threads_of(gate.process.pid)
                continue
            stood += 1
            assert_goes_on(gate)
            for _ in range(30):
                assert_allows(house, gate)
    assert stood >= 4


def test_stall_of_redis_without_a_connection_holds_nobody(house):
    gate = house.gate(RULES)
    with house.redis.frozen():
        asking = [Asking(gate, house.parameters()) for _ in range(8)]
        assert_goes_on(gate)
        assert all(one.is_alive() for one in asking)
    assert [one.status() for one in asking] == [200] * 8


def test_stall_of_the_user_source_holds_no_other_verdict(house):
    hang = house.place.write("hang", "")
    started = house.place.path / "started"
    program = house.place.write("source", f"""#!/bin/sh
        echo x >> {started}
        while [ -e {hang} ]; do sleep 0.02; done
        echo '{{"roles":["admin"]}}'""", 0o755)
    gate = house.gate(RULES, LOG + 'user = { source = "exec"; command = '
                      f'[ "{program}" ]; timeout_ms = 60000; }};\n')
    asking = [Asking(gate, house.parameters("/roles/")) for _ in range(4)]
    wait_until(started.exists, "the source to be asked")
    assert_goes_on(gate)
    for _ in range(30):
        assert_allows(house, gate)
    assert all(one.is_alive() for one in asking)
    hang.unlink()
    assert [one.status() for one in asking] == [200] * 4
    # It is cached now, and nobody waits for it any more.
    assert metric(gate, "latchkey_queue_depth") == 0
    assert gate.ask(house.parameters("/roles/")).status == 200
    assert started.read_text() == "x\n"


def test_stall_of_a_writer_beside_the_embedded_store_holds_few(place):
    """He has the file while one request would extend its session."""
    listen, file = f"unix:{place.path}/gate.sock", place.path / "sessions.db"
    conf = place.write("latchkey.conf", embedded_settings(
        file, listen, RULES.replace("threads = 1", "threads = 2; "
                                    "renew_below = 1800"))
        .replace("timeout_ms = 10000;", "timeout_ms = 30000;")
        + LOG + "session = { ttl = 3600; };\n")
    cli = Latchkey(place, conf)
    short, long = cli.issue("alice", "--ttl", "600"), cli.issue("bob")
    gate = place.add(Gate(place, conf, listen))
    with contextlib.closing(sqlite3.connect(
            file, isolation_level=None)) as writer:
        writer.execute("BEGIN IMMEDIATE")
        asking = Asking(gate, bearer(short))
        assert_goes_on(gate)
        for _ in range(30):
            assert gate.ask(bearer(long)).status == 200
        assert asking.is_alive()
        writer.execute("ROLLBACK")
    assert asking.status() == 200
    assert cli.check(short)["ttl"] > 3000


def test_stall_of_writes_holds_no_check(house):
    """Renewals and endpoints that change something wait for Redis, alone."""
    gate = house.gate(RULES.replace("threads = 1;", "threads = 1; "
                                    "renew_below = 1800;"))
    short, ending = house.cli.issue("bob", "--ttl", "600"), \
        house.cli.issue("carol")
    house.redis.command("CLIENT", "PAUSE", 60000, "WRITE")
    asking = [Asking(gate, bearer(short)),
              Asking(gate, {**bearer(ending), "REQUEST_METHOD": "POST",
                            "LATCHKEY_ENDPOINT": "logout"},
                     role=fastcgi.RESPONDER)]
    wait_until(lambda: metric(gate, "latchkey_queue_depth") == 1,
               "the worker to have one, and another to wait")
    assert_goes_on(gate)
    for _ in range(30):
        assert_allows(house, gate)
    assert all(one.is_alive() for one in asking)
    house.redis.command("CLIENT", "UNPAUSE")
    assert [one.status() for one in asking] == [200] * 2
    assert house.cli.check(short)["ttl"] > 3000
    assert gate.ask(bearer(ending)).status == 401


def test_stall_of_one_store_holds_no_answer_of_the_next(house):
    """All workers hang on the old one."""
    gate = house.gate(RULES.replace("threads = 1", "threads = 2"))
    with Place() as elsewhere, house.redis.frozen():
        asking = [Asking(gate, house.parameters()) for _ in range(3)]
        calls = [Asking(gate, house.parameters(LATCHKEY_ENDPOINT="session"),
                        role=fastcgi.RESPONDER) for _ in range(4)]
        wait_until(lambda: metric(gate, "latchkey_queue_depth") == 2,
                   "each worker to have one, and two to wait")
        other = House(elsewhere)
        house.place.write("latchkey.conf", settings(
            other.redis.unix_address, house.listen, RULES) + LOG)
        hang_up(gate)
        assert_goes_on(gate)
        for _ in range(30):
            assert_allows(other, gate)
        # Who was under way or in the queue is asked for by the present store,
        # who was asked for by a worker not once more.
        assert [one.status() for one in asking] == [401] * 3
        assert sum(one.is_alive() for one in calls) == 4
        house.redis.process.send_signal(signal.SIGCONT)
        assert sorted(one.status() for one in calls) == [200] * 2 + [401] * 2


def test_stall_of_all_sentinels_holds_nobody_who_needs_no_master(house):
    with contextlib.ExitStack() as stack:
        # They let everybody connect, and say nothing.
        deaf = [stack.enter_context(socket.create_server(("127.0.0.1", 0)))
                for _ in range(3)]
        addresses = ", ".join(f'"127.0.0.1:{one.getsockname()[1]}"'
                              for one in deaf)
        house.place.write("latchkey.conf", f"""store = {{
            backend = "sentinel"; redis = {{ command_timeout_ms = 4000; }};
            sentinel = {{ addresses = [ {addresses} ]; master = "main"; }};
            }}; gate = {{ listen = "{house.listen}"; {RULES} }};\n""" + LOG)
        gate = house.place.add(Gate(house.place, house.conf, house.listen))
        asking = [Asking(gate, house.parameters()) for _ in range(3)]
        wait_until(lambda: metric(gate, "latchkey_queue_depth") == 2,
                   "the worker to have one")
        assert_goes_on(gate)
        assert all(one.is_alive() for one in asking)
        house.write(RULES)
        hang_up(gate)
        assert_allows(house, gate)
    assert 200 in [one.status() for one in asking]


# ---- Peers that leave, settings that change --------------------------------


def test_stall_with_peers_that_hang_up_harms_nobody(house):
    """Their answers come when their connections are others'."""
    gate = house.gate(RULES)
    assert_allows(house, gate)
    for turn in range(3):
        with house.redis.frozen():
            gone = [connect(gate.address) for _ in range(40)]
            for sock in gone:
                sock.sendall((fastcgi.whole if turn % 2 else keep)(
                    house.parameters(LATCHKEY_ENDPOINT="authorize")))
            staying = [Asking(gate, house.parameters()) for _ in range(4)]
            assert gate.ask(fastcgi.request_of("/public/")).status == 200
            coming = Coming(gate)
            for sock in gone:
                sock.close()
            others = [Asking(gate, house.parameters()) for _ in range(8)]
            coming.wait_for(8)
        assert [one.status() for one in staying + others] == [200] * 12
    assert_allows(house, gate)


def test_stall_with_settings_that_change_loses_no_request(house):
    """Each is asked once more, by the settings in effect."""
    gate = house.gate(RULES)
    assert_allows(house, gate)
    asking = []
    with house.redis.frozen():
        for _ in range(4):
            coming = Coming(gate)
            asking += [Asking(gate, house.parameters()) for _ in range(5)]
            coming.wait_for(5)
            hang_up(gate)
        assert_goes_on(gate)
        assert all(one.is_alive() for one in asking)
    assert [one.status() for one in asking] == [200] * 20
    assert_allows(house, gate)


def test_stall_at_the_end_is_waited_for(house):
    gate = house.gate(RULES)
    assert_allows(house, gate)
    with connect(gate.address) as kept:
        kept.sendall(keep(house.parameters(LATCHKEY_ENDPOINT="authorize")))
        assert read_answer(kept).status == 200
        with house.redis.frozen():
            coming = Coming(gate)
            kept.sendall(keep(house.parameters(
                LATCHKEY_ENDPOINT="authorize")))
            asking = [Asking(gate, house.parameters()) for _ in range(5)]
            coming.wait_for(5)
            gate.process.send_signal(signal.SIGTERM)
            wait_until(lambda: not accepts(gate.address), "the end")
            assert gate.running()
        assert [one.status() for one in asking] == [200] * 5
        assert read_answer(kept).status == 200
        assert is_closed(kept)
    assert gate.process.wait(PATIENCE) == 0


def test_stall_at_the_end_is_not_waited_for_by_a_queue(house):
    """One after the other they would take more than a minute."""
    gate = house.gate(RULES)
    house.conf.write_text(impatient(house.conf.read_text(), 4000))
    hang_up(gate)
    with house.redis.frozen():
        asking = [Asking(gate, house.parameters(LATCHKEY_ENDPOINT="session"),
                         role=fastcgi.RESPONDER) for _ in range(20)]
        wait_until(lambda: metric(gate, "latchkey_queue_depth") == 19,
                   "the worker to have one, and all others to wait")
        gate.process.send_signal(signal.SIGTERM)
        assert gate.process.wait(PATIENCE) == 0
        assert [one.status() for one in asking] == [503] * 20
    assert sum("it ends" in one.reply.body for one in asking) >= 17


# ---- Many at once ----------------------------------------------------------


def test_many_users_at_once_are_told_apart_while_the_store_breaks(place):
    house = House(place)
    proxy = place.add(Proxy(house.redis.unix_address))
    place.write("latchkey.conf", settings(
        proxy.address, house.listen, "threads = 2;",
        "command_timeout_ms = 2000;") + LOG)
    gate = place.add(Gate(place, house.conf, house.listen))
    users = {f"user{n}": house.cli.issue(f"user{n}") for n in range(16)}
    wrong, right, stop = [], dict.fromkeys(users, 0), threading.Event()

    def ask(user):
        verdict = {"LATCHKEY_ENDPOINT": "authorize"}
        with contextlib.closing(connect(gate.address)) as kept:
            for n in range(10000):
                if stop.is_set():
                    return
                parameters = {**bearer(users[user], f"/{n}"), **verdict}
                if n % 2:
                    kept.sendall(keep(parameters))
                    reply = read_answer(kept)
                else:
                    reply = gate.ask(parameters, role=fastcgi.RESPONDER)
                if reply.status == 200 \
                        and reply.header("Latchkey-User") == user:
                    right[user] += 1
                elif reply.status != 503:
                    wrong.append((user, reply))

    threads = [threading.Thread(target=ask, args=[user]) for user in users]
    for thread in threads:
        thread.start()
    cuts, answered = 0, 0

    def cut():
        nonlocal cuts, answered
        # However slow the machine is, it gets somewhere between two.
        if sum(right.values()) < answered + len(users):
            return False
        answered = sum(right.values())
        proxy.drop()
        cuts += 1
        return cuts > 30 and min(right.values()) >= 50

    wait_until(cut, "fifty right answers for each", 60)
    stop.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    assert_allows(house, gate)
