"""The agent as a process, among hostile and busy callers and a bad store."""

import contextlib
import json
import os
import re
import signal
import socket
import threading
from pathlib import Path

import pytest

from support.agent import Line, connect_as, raw, silent
from support.house import hang_up, is_closed, log_has
from support.place import PATIENCE, PLAIN, connect, wait_until

CHECKER, STRANGER = 4001, 4004
ROW = f'{{ users = [ "{CHECKER}" ]; may = [ "check" ]; }}'


def head(first, *lines):
    return "\r\n".join([first, "Host: x", *lines, "", ""]).encode()


FORM = "Content-Type: application/x-www-form-urlencoded"
HOSTILE = {
    "nothing": b"",
    "a line end": b"\r\n",
    "NUL bytes": b"\0" * 4096,
    "no HTTP": b"hello\r\n\r\n",
    "HTTP/0.9": b"GET /v1/health\r\n",
    "HTTP/9": b"GET /v1/health HTTP/9.9\r\nHost: x\r\n\r\n",
    "no host": b"POST /v1/check HTTP/1.1\r\n\r\n",
    "long line": b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n",
    "long header": head("GET /v1/health HTTP/1.1", "X: " + "a" * 70000),
    "many headers": head("GET /v1/health HTTP/1.1",
                         *[f"X{i}: y" for i in range(5000)]),
    "cut header": b"POST /v1/check HTTP/1.1\r\nHost: x\r\nContent-Le",
    "cut body": head("POST /v1/check HTTP/1.1", FORM,
                     "Content-Length: 9") + b"tok",
    "negative length": head("POST /v1/check HTTP/1.1", FORM,
                            "Content-Length: -1"),
    "no number": head("POST /v1/check HTTP/1.1", FORM,
                      "Content-Length: x"),
    "huge length": head("POST /v1/check HTTP/1.1", FORM,
                        "Content-Length: 99999999999999999999"),
    "a gigabyte": head("POST /v1/check HTTP/1.1", FORM,
                       "Content-Length: 1073741824") + b"a" * 65536,
    "two types": head("POST /v1/check HTTP/1.1", FORM,
                      "Content-Type: application/json", "Connection: close",
                      "Content-Length: 7") + b"token=x",
    "bad chunk": head("POST /v1/check HTTP/1.1", FORM,
                      "Transfer-Encoding: chunked") + b"zz\r\ntoken=x\r\n",
    "long chunk": head("POST /v1/check HTTP/1.1", FORM,
                       "Transfer-Encoding: chunked")
    + b"ffffffffffffffffff\r\n",
    "many chunks": head("POST /v1/check HTTP/1.1", FORM,
                        "Transfer-Encoding: chunked")
    + b"400\r\n" + (b"a" * 1024 + b"\r\n400\r\n") * 100,
    "deep JSON": head("POST /v1/check HTTP/1.1",
                      "Content-Type: application/json",
                      "Connection: close", "Content-Length: 60000")
    + b"[" * 60000,
    "upgrade": head("GET /v1/health HTTP/1.1", "Connection: Upgrade",
                    "Upgrade: h2c"),
    "CONNECT": head("CONNECT x:80 HTTP/1.1", "Connection: close"),
}


# Of these there is more to come.
UNFINISHED = {"nothing", "a line end", "NUL bytes", "HTTP/0.9", "cut header",
              "cut body", "many chunks", "long chunk", "bad chunk",
              "upgrade"}


@pytest.fixture
def agent(house):
    return house.agent(ROW)


@pytest.mark.parametrize("case", sorted(HOSTILE))
def test_hostile_bytes_are_refused_and_harm_nobody(house, agent, case):
    pid = agent.process.pid
    answer = raw(house.address, HOSTILE[case], case not in UNFINISHED)
    assert answer == b"" or answer.split()[1] in (
        b"200", b"400", b"404", b"405", b"413", b"414", b"415", b"431",
        b"501", b"505"), answer[:200]
    assert b" 200 " not in answer.split(b"\r\n")[0] or case == "upgrade"
    assert house.ask("check", {"token": "x"}).status == 401
    assert agent.process.pid == pid and agent.running()


def test_hostile_bytes_at_once_hold_nobody(house, agent):
    with contextlib.ExitStack() as stack:
        for data in list(HOSTILE.values()) * 4:
            sock = stack.enter_context(connect(house.address))
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                sock.setblocking(False)
                sock.send(data[:32768])
        for _ in range(3):
            assert house.ask("check", {"token": "x"}).status == 401


def test_questions_in_a_row_are_answered_in_order(house, agent):
    token = house.ask("issue", {"user": "alice"}).json["token"]
    body = [b"token=x", b"token=" + token.encode(), b"user=x"]
    data = b"".join(head("POST /v1/check HTTP/1.1", FORM,
                         f"Content-Length: {len(part)}") + part
                    for part in body) + head(
                        "GET /v1/health HTTP/1.1", "Connection: close")
    answer = raw(house.address, data)
    assert re.findall(rb"HTTP/1.1 (\d+)", answer) == [
        b"401", b"200", b"400", b"200"]


def test_body_of_chunks_and_of_drops_is_one(house, agent):
    text = head("POST /v1/check HTTP/1.1", FORM, "Transfer-Encoding: chunked",
                "Connection: close") + b"3\r\ntok\r\n4\r\nen=x\r\n0\r\n\r\n"
    with connect(house.address) as sock:
        for i in range(len(text)):
            sock.send(text[i:i + 1])
        assert sock.recv(65536).startswith(b"HTTP/1.1 401 ")


def test_request_that_does_not_end_is_hung_up_on(house, agent):
    with connect(house.address) as sock, connect(house.address) as silent:
        sock.send(b"POST /v1/check HTTP/1.1\r\n")
        assert is_closed(sock) and is_closed(silent)
    assert house.ask("check", {"token": "x"}).status == 401


# ---- Many -------------------------------------------------------------------


def resident_kb(agent):
    status = Path(f"/proc/{agent.process.pid}/status").read_text()
    return int(status.split("VmRSS:")[1].split()[0])


def test_silent_connections_of_a_stranger_cost_nobody_anything(house):
    # Sanitizers take memory of their own.
    agent = house.agent(ROW, build=PLAIN)
    house.ask("check", {"token": "x"})
    before = resident_kb(agent)
    with silent(house.address, STRANGER, 1000):
        for _ in range(10):
            assert house.ask("check", {"token": "x"},
                             uid=CHECKER).status == 401
        wait_until(lambda: "latchkey_agent_connections 1001\n"
                   in house.ask("metrics").body, "all to be let in")
        assert resident_kb(agent) - before < 30_000


def test_connections_of_a_user_are_counted(house):
    agent = house.agent(ROW, prefix=["prlimit", "--nofile=1024:1024"])
    # Strangers have one share together, which is gone before the first of them
    # is late.
    with silent(house.address, STRANGER, 100), silent(house.address, 4005, 100):
        log_has(agent, 'reason="the user has too many"')
        assert house.ask("check", {"token": "x"}, uid=CHECKER).status == 401
        assert house.ask("health").status == 200
    # What they have left is there for others again.
    wait_until(lambda: house.ask("check", {"token": "x"},
                                 uid=STRANGER).status == 403, "room")


def test_connections_of_a_group_leave_room_to_who_is_listed(house):
    """Who has subordinate ids is as many users as he likes."""
    group = 4100
    agent = house.agent(
        f'{ROW}, {{ groups = [ "{group}" ]; may = [ "check" ]; }}',
        prefix=["prlimit", "--nofile=1024:1024"])
    with contextlib.ExitStack() as stack:
        for uid in range(4101, 4112):
            stack.enter_context(silent(house.address, uid, 90, group))
        log_has(agent, 'reason="the user has too many"')
        assert house.ask("check", {"token": "x"}, uid=CHECKER).status == 401
        assert house.ask("health").status == 200


# ---- The store -----------------------------------------------------------


def test_store_that_hangs_holds_no_refusal(house, agent):
    token = house.ask("issue", {"user": "alice"}).json["token"]
    house.redis.freeze()
    try:
        with contextlib.ExitStack() as stack:
            lines = [Line(stack.enter_context(connect(house.address)))
                     for _ in range(4)]
            for line in lines:
                line.request("POST", "/v1/check", f"token={token}", {
                    "Content-Type": "application/x-www-form-urlencoded"})
            assert house.ask("check", {"token": "x"}).status == 401
            assert house.ask("check", {"token": token},
                             uid=STRANGER).status == 403
            assert house.ask("metrics").status == 200
            for line in lines:
                answer = line.getresponse()
                assert answer.status == 503
                assert b'"status":"store ' in answer.read()
    finally:
        house.redis.thaw()
    wait_until(lambda: house.ask("check", {"token": token}).status == 200,
               "the store to be asked again")


def test_caller_who_has_left_is_issued_nothing(house):
    """While one that waits for the store has the only worker."""
    house.agent(agent="threads = 1;")
    token = house.ask("issue", {"user": "alice"}).json["token"]

    def queued():
        return "latchkey_queue_depth 1" in house.ask("metrics").body

    with connect(house.address) as first, connect(house.address) as second:
        busy, late = Line(first), Line(second)
        with house.redis.frozen():
            busy.request("POST", "/v1/check", json.dumps({"token": token}),
                         {"Content-Type": "application/json"})
            late.request("POST", "/v1/issue", json.dumps({"user": "bob"}), {
                "Content-Type": "application/json", "Latchkey-Timeout": "1"})
            wait_until(queued, "a call to wait")
            # Some more milliseconds.
            assert all(queued() for _ in range(5))
        assert busy.getresponse().status == 200
        answer = late.getresponse()
        assert (answer.status, json.load(answer)["message"]) == (
            503, "whoever asked has left")
    assert house.ask("sessions", {"user": "bob"}).json == []


def test_store_that_is_away_is_no_refusal(house, agent):
    issued = house.ask("issue", {"user": "alice"}).json
    token = issued["token"]
    house.redis.stop()
    for verb, fields in (("check", {"token": token}),
                         ("check-id", {"id": issued["id"]}),
                         ("issue", {"user": "alice"}),
                         ("refresh", {"token": token}),
                         ("revoke", {"token": token}),
                         ("revoke-all", {"user": "alice"}),
                         ("logout-others", {"token": token}),
                         ("sessions", {"user": "alice"}),
                         ("user", {"user": "alice", "detail": 1})):
        answer = house.ask(verb, fields)
        assert answer.status == 503, (verb, answer.body)
        assert answer.headers["Retry-After"] == "2"
        assert "WWW-Authenticate" not in answer.headers
        assert token not in answer.body
    house.redis.start()
    wait_until(lambda: house.ask("issue", {"user": "alice"}).status == 201,
               "the store to be asked again")


# ---- Signals ---------------------------------------------------------------


def test_reload_under_load_loses_no_question(house, agent):
    token = house.ask("issue", {"user": "alice"}).json["token"]
    stop, found = threading.Event(), []

    def ask_on():
        with connect_as(house.address, CHECKER) as sock:
            line = Line(sock)
            while not stop.is_set():
                found.append(line.ask("check", {"token": token}).status)

    threads = [threading.Thread(target=ask_on) for _ in range(4)]
    for thread in threads:
        thread.start()
    for _ in range(5):
        hang_up(agent)
    wait_until(lambda: len(found) > 50, "some answers")
    stop.set()
    for thread in threads:
        thread.join()
    assert set(found) == {200}


def test_settings_of_a_reload_that_are_wrong_change_nothing(house, agent):
    house.write("{ users = 1; }")
    hang_up(agent, "settings not reloaded")
    assert house.ask("check", {"token": "x"}, uid=CHECKER).status == 401


def test_stop_answers_what_is_in_hand_and_lets_nobody_in(house, agent):
    token = house.ask("issue", {"user": "alice"}).json["token"]
    house.redis.freeze()
    with connect(house.address) as sock, connect(house.address) as idle:
        line = Line(sock)
        line.request("POST", "/v1/check", f"token={token}", {
            "Content-Type": "application/x-www-form-urlencoded"})
        wait_until(lambda: "latchkey_agent_connections 3\n"
                   in house.ask("metrics").body, "it to be there")
        process = agent.process
        process.send_signal(signal.SIGTERM)
        assert is_closed(idle)
        wait_until(lambda: not os.path.exists(
            house.address.removeprefix("unix:")), "the socket to be gone")
        house.redis.thaw()
        answer = line.getresponse()
        assert answer.status == 200
        assert answer.headers["Connection"] == "close"
        answer.read()
    process.wait(20)
    assert process.returncode == 0
    assert "agent stopped" in agent.output()


def test_stop_waits_for_nobody_who_is_slow(house, agent):
    with connect(house.address) as slow:
        slow.sendall(head("POST /v1/check HTTP/1.1", FORM,
                          "Content-Length: 9") + b"tok")
        wait_until(lambda: "latchkey_agent_connections 2\n"
                   in house.ask("metrics").body, "it to be there")
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(6) == 0
        assert is_closed(slow)
    assert "agent stopped" in agent.output()


def test_stop_waits_for_nobody_who_does_not_listen(house, agent):
    with connect(house.address) as sock:
        line = Line(sock)
        for _ in range(1000):
            assert line.ask("issue", {"user": "alice",
                                      "agent": "x" * 512}).status == 201
    with connect(house.address) as deaf:
        # More than a socket has room for.
        assert 2 * deaf.getsockopt(socket.SOL_SOCKET,
                                   socket.SO_SNDBUF) < 1000 * 600
        deaf.sendall(head("GET /v1/sessions?user=alice HTTP/1.1"))
        assert deaf.recv(1, socket.MSG_PEEK)
        agent.process.send_signal(signal.SIGTERM)
        assert agent.process.wait(6) == 0
    assert "agent stopped" in agent.output()


def test_stop_begins_nothing_that_has_waited_for_long(house):
    """One after the other they would take more than a minute."""
    agent = house.agent(agent="threads = 1;")
    token = house.ask("issue", {"user": "alice"}).json["token"]
    with house.redis.frozen(), contextlib.ExitStack() as stack:
        lines = [Line(stack.enter_context(connect(house.address)))
                 for _ in range(20)]
        for line in lines:
            line.request("POST", "/v1/check", f"token={token}", {
                "Content-Type": "application/x-www-form-urlencoded"})
        wait_until(lambda: "latchkey_queue_depth 19\n"
                   in house.ask("metrics").body, "all but one to wait")
        agent.process.send_signal(signal.SIGTERM)
        answers = [line.getresponse() for line in lines]
        assert {answer.status for answer in answers} == {503}
        messages = [json.load(answer)["message"] for answer in answers]
        assert messages.count("the agent ends") >= 17
        assert agent.process.wait(PATIENCE) == 0
    assert "agent stopped" in agent.output()


def test_killed_agent_leaves_a_socket_that_the_next_one_takes(house, agent):
    token = house.ask("issue", {"user": "alice"}).json["token"]
    agent.kill()
    assert os.path.exists(house.address.removeprefix("unix:"))
    with pytest.raises(ConnectionRefusedError):
        connect(house.address)
    agent.start()
    assert house.ask("check", {"token": token}).status == 200


def test_log_that_nobody_reads_holds_nobody(house, agent):
    for _ in range(60):
        assert house.ask("issue", {"user": "alice"}, uid=STRANGER).status == (
            403)
    log_has(agent, "question refused")
    assert agent.output().count("question refused") <= 60
