"""One table of requests, put to every web server: one verdict."""

import os
import signal
from concurrent.futures import ThreadPoolExecutor

import pytest

from support.carry import CARRY, basic, best, cookie, header
from support.clients import curl2, kept, raw, sequence, status_of
from support.http import head_of, send
from support.place import wait_until
from support.site import FRONTS

NEVER_ISSUED = "lk_" + "A" * 64
BODY = b"x" * 20000

# What a token is, and what the gate says to it.
TOKENS = {"valid": 200, "never issued": 401, "garbage": 401, "altered": 401,
          "revoked": 401, "expired": 401, "another user's name": 401,
          "too long": 401}


@pytest.fixture(scope="module")
def tokens(site):
    valid, revoked = site.cli.issue("alice"), site.cli.issue("alice")
    expired = site.cli.issue("alice", "--ttl", "1")
    assert site.cli.revoke(revoked) == 1
    wait_until(lambda: site.cli.run("check", expired).returncode == 1,
               "the session to end")
    return {"valid": valid, "never issued": NEVER_ISSUED,
            "garbage": "garbage", "altered": valid[:-1], "revoked": revoked,
            "expired": expired, "another user's name": valid,
            "too long": "lk_" + "x" * 5000}


@pytest.fixture(params=FRONTS)
def front(request, site):
    return site.front(request.param)


def assert_opened(reply):
    assert reply.status == 200, reply
    assert reply.body.startswith("a protected page\n")


def assert_refused(front, reply, status=401):
    assert reply.status == front.expect(status), reply
    assert "protected" not in reply.body and "LATCHKEY" not in reply.body


# ---- Tokens --------------------------------------------------------------


@pytest.mark.parametrize("state", TOKENS)
def test_verdict_on_a_token_is_the_same_everywhere(front, tokens, state):
    for name in front.carries:
        headers = CARRY[name](tokens[state])
        if state == "another user's name":
            headers = basic(tokens[state], "mallory")
            if "basic" not in front.carries:
                continue
        for page in front.pages():
            reply = front.get(page, headers)
            if TOKENS[state] == 200:
                assert_opened(reply)
            else:
                assert_refused(front, reply, TOKENS[state])


def test_verdict_on_what_a_server_withholds_is_a_refusal(front, tokens):
    for name in set(CARRY) - set(front.carries):
        assert_refused(front, front.get(headers=CARRY[name](tokens["valid"])))


@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "PUT", "DELETE",
                                    "OPTIONS"])
def test_verdict_without_token_refuses_every_method(front, method):
    for page in front.pages():
        reply = front.get(page, [("Content-Length", "0")], method=method)
        assert_refused(front, reply)
        assert method != "HEAD" or reply.body == ""


def test_verdict_on_public_page_needs_no_token(front):
    reply = front.get("/public/")
    assert (reply.status, reply.body[:13]) == (200, "a public page")


def test_verdict_is_not_kept_and_tells_the_client_no_more(front, tokens):
    replies = [front.get(page, headers) for page in front.pages()
               for headers in ((), best(front, tokens["valid"]),
                               best(front, NEVER_ISSUED))]
    for reply in replies:
        assert not [name for name, _ in reply.headers if name.lower()
                    .startswith(("variable-", "latchkey-", "x-latchkey"))]
        if reply.status == 401:
            assert "latchkey" in " ".join(reply.all("WWW-Authenticate"))


# ---- Several tokens ------------------------------------------------------


@pytest.fixture
def pairs(front, site, tokens):
    """Headers that carry two tokens, given both."""
    ways = [("bearer", "cookie"), ("cookie", "header"), ("bearer", "header"),
            ("basic", "cookie"), ("basic", "header")]
    return [(CARRY[one], CARRY[two]) for one, two in ways
            if one in front.carries]


def test_verdict_on_tokens_that_differ_is_a_refusal(front, site, pairs,
                                                    tokens):
    other = site.cli.issue("alice")
    assert pairs
    for one, two in pairs:
        for second in (other, "garbage", tokens["revoked"]):
            reply = front.get(headers=one(tokens["valid"]) + two(second))
            assert_refused(front, reply, 400)


def test_verdict_on_two_cookies_is_that_on_the_live_one(front, site, tokens):
    if "cookie" not in front.carries:
        pytest.skip("it takes no cookies")
    live = cookie(tokens["valid"])
    for second in ("", "garbage", tokens["revoked"], tokens["valid"]):
        assert_opened(front.get(headers=live + cookie(second)))
        assert_opened(front.get(headers=cookie(second) + live))
    other = cookie(site.cli.issue("alice"))
    for both in (live + other, other + live,
                 cookie("garbage") + cookie(tokens["revoked"])):
        assert_refused(front, front.get(headers=both), 401)


def test_verdict_on_one_token_twice_opens(front, pairs, tokens):
    for one, two in pairs:
        assert_opened(front.get(
            headers=one(tokens["valid"]) + two(tokens["valid"])))


def test_verdict_on_two_authorizations_is_a_refusal(front, site, tokens):
    other = site.cli.issue("alice")
    way = CARRY[front.carries[0]] if front.carries[0] != "cookie" else basic
    for first, second in ((tokens["valid"], other), ("garbage", other),
                          (other, "garbage")):
        reply = front.get(headers=way(first) + way(second))
        # Some servers refuse that by themselves.
        assert reply.status in (front.expect(400), 400, 401), reply
        assert "protected" not in reply.body


# ---- Big and odd requests ------------------------------------------------


@pytest.mark.parametrize("headers", [
    [("X-Big", "x" * 65536)],
    [(f"X-Big-{i}", "x" * 4000) for i in range(17)],
    [("Cookie", "a=" + "x" * 65536)],
    [(f"X-Many-{i}", "x") for i in range(400)]],
    ids=["one", "several", "cookie", "many"])
def test_verdict_on_64_kib_of_headers_is_a_refusal(front, tokens, headers):
    data = raw(front.address, head_of(
        front.pages()[0], best(front, tokens["valid"]) + headers))
    assert status_of(data) in (None, 400, 401, 413, 431, 500, 502, 503), data
    assert b"protected" not in data
    assert_opened(front.get(headers=best(front, tokens["valid"])))


def requests_of(front, tokens):
    """Requests for one connection, and what to expect of each."""
    good, bad = best(front, tokens["valid"]), best(front, tokens["revoked"])
    rows = [(good, 200), ((), 401), (good, 200), (bad, 401), ((), 401),
            (good, 200)]
    page = front.pages()[0]
    return ([kept(page, headers) for headers, _ in rows],
            [front.expect(status) for _, status in rows])


@pytest.mark.parametrize("pipelined", [False, True])
def test_verdict_on_each_request_of_a_connection_is_its_own(
        front, tokens, pipelined):
    requests, expected = requests_of(front, tokens)
    replies = sequence(front.address, requests, pipelined)
    assert [reply.status for reply in replies] == expected
    for reply in replies:
        assert ("protected" in reply.body) == (reply.status == 200)


def test_verdict_after_a_body_on_the_same_connection_is_its_own(front,
                                                                tokens):
    posted = kept(front.pages()[-1], best(front, tokens["valid"])
                  + [("Content-Length", str(len(BODY)))], "POST", BODY)
    replies = sequence(front.address, [posted, kept(front.pages()[-1])],
                       True)
    assert [reply.status for reply in replies] == [200, 401]
    assert f"received={len(BODY)}" in replies[0].body


def chunked(page, headers):
    """A POST with BODY in chunks."""
    cuts = [BODY[at:at + 7000] for at in range(0, len(BODY), 7000)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(cut), cut) for cut in cuts)
    return head_of(page, headers + [("Transfer-Encoding", "chunked")],
                   "POST") + body + b"0\r\n\r\n"


def test_verdict_on_a_body_opens_with_a_token(front, tokens):
    good = best(front, tokens["valid"])
    for page in front.pages()[1 if front.static else 0:]:
        plain = head_of(page, good + [("Content-Length", str(len(BODY)))],
                        "POST") + BODY
        assert_opened(send(front.address, plain, "POST"))
        reply = send(front.address, chunked(page, good), "POST")
        if front.takes_unsized:
            assert_opened(reply)
        else:
            assert reply.status == 411
        assert f"received={len(BODY)}" in send(
            front.address, plain, "POST").body


@pytest.mark.parametrize("size", [1, 1000, 200000])
def test_verdict_on_a_body_refuses_without_token(front, size):
    for page in front.pages():
        plain = head_of(page, [("Content-Length", str(size))], "POST")
        data = raw(front.address, plain + b"x" * size)
        assert status_of(data) in (None, 401), data
        assert b"protected" not in data
        data = raw(front.address, chunked(page, []))
        assert status_of(data) in (None, 401), data
        assert b"protected" not in data


# ---- HTTP/2 --------------------------------------------------------------


def test_verdict_over_http2_is_the_same(front, tokens, site):
    good, other = tokens["valid"], site.cli.issue("alice")
    carry = CARRY[front.carries[0]]
    rows = [((), 401), (carry(good), 200), (carry("garbage"), 401),
            (carry(tokens["revoked"]), 401),
            (carry(good) + cookie(other), 400),
            (carry(good) + header(other), 400)]
    if "cookie" in front.carries:
        rows += [([("Cookie", f"latchkey={good}"), ("Cookie", "a=b")], 200),
                 ([("Cookie", "a=b"), ("Cookie", f"latchkey={good}")], 200),
                 (cookie(good) + cookie(tokens["revoked"]), 200),
                 (cookie(good) + cookie(other), 401)]
    page = front.pages()[-1]
    for headers, status in rows:
        reply = curl2(front.url2 + page, headers)
        assert reply.version == "2", reply
        assert reply.status == front.expect(status), (headers, reply)
        assert ("protected" in reply.body) == (status == 200)


def test_verdict_over_http2_with_a_body_is_the_same(front, tokens):
    page = front.pages()[-1]
    post = ("-X", "POST", "--data-binary", BODY.decode())
    # curl at times knows no status when it is refused while it writes.
    reply = curl2(front.url2 + page, (), *post)
    assert reply.status in (0, 401) and "protected" not in reply.body
    assert curl2(front.url2 + page, (), "--head").status == 401
    if front.keeps_http2_bodies:
        reply = curl2(front.url2 + page, best(front, tokens["valid"]), *post)
        assert (reply.status, reply.body[:16]) == (200, "a protected page")
        assert f"received={len(BODY)}" in reply.body


def test_verdict_over_http2_on_64_kib_of_headers_is_a_refusal(front, tokens):
    big = [(f"X-Big-{i}", "x" * 4000) for i in range(17)]
    reply = curl2(front.url2 + front.pages()[-1],
                  best(front, tokens["valid"]) + big)
    assert reply.status != 200
    assert "protected" not in reply.body


# ---- When something is down ----------------------------------------------


def all_fronts(site):
    return [site.front(name) for name in FRONTS]


def at_once(function, fronts):
    """function(front) for all of them at the same time."""
    with ThreadPoolExecutor(len(fronts)) as pool:
        return list(pool.map(function, fronts))


def gate_processes(site):
    """The process ids of gates that web servers started."""
    found = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if os.readlink(f"/proc/{pid}/exe") == str(site.gate_program):
                found.append(int(pid))
        except OSError:
            continue
    return found


def test_verdict_while_store_is_down_is_unavailable(own_site):
    fronts = all_fronts(own_site)
    token = own_site.cli.issue("alice")
    for front in fronts:
        assert_opened(front.get(headers=best(front, token)))
    own_site.redis.stop()
    for front in fronts:
        for page in front.pages():
            assert_refused(front, front.get(page, best(front, token)), 503)
            assert_refused(front, front.get(page), 401)
    own_site.redis.start()
    for front in fronts:
        wait_until(lambda: front.get(
            headers=best(front, token)).status == 200, "the page again")


def test_verdict_while_gate_is_down_or_hangs_never_opens(own_site):
    fronts = all_fronts(own_site)
    token = own_site.cli.issue("alice")
    for front in fronts:
        assert_opened(front.get(headers=best(front, token)))

    def ask(front):
        for page in front.pages():
            for headers in ((), best(front, token)):
                reply = front.get(page, headers)
                assert reply.status in front.down, (front.name, reply)
                assert "protected" not in reply.body

    # Apache would wait for half a minute.
    patient = [front for front in fronts if "Spawning" not in
               type(front).__name__ and "apache" not in front.name]
    one, other = own_site.gates
    with one.frozen(), other.frozen():
        at_once(lambda front: ask_hung(front, token), patient)
    for gate in own_site.gates:
        gate.stop()
    at_once(ask, [front for front in fronts if "spawning" not in front.name])
    for gate in own_site.gates:
        gate.start()
    for front in fronts:
        wait_until(lambda: front.get(
            headers=best(front, token)).status == 200, "the page again")


def ask_hung(front, token):
    for headers in ((), best(front, token)):
        reply = front.get(headers=headers)
        assert reply.status in (500, 502, 503, 504), (front.name, reply)
        assert "protected" not in reply.body


@pytest.mark.parametrize("name", ["lighttpd-spawning", "apache-spawning"])
def test_verdict_after_spawned_gate_crashed_never_opens(own_site, name):
    front = own_site.front(name)
    token = own_site.cli.issue("alice")
    assert_opened(front.get(headers=best(front, token)))
    gates = gate_processes(own_site)
    assert gates
    for pid in gates:
        os.kill(pid, signal.SIGKILL)
    for _ in range(5):
        reply = front.get()
        assert reply.status in (401, 500, 503), reply
        assert "protected" not in reply.body
    wait_until(lambda: front.get(
        headers=best(front, token)).status == 200, "the gate again")
    assert_refused(front, front.get())
