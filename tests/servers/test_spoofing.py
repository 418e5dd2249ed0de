"""Who asks is what the gate says, whatever a client says about itself."""

import itertools

import pytest

from support import websocket
from support.carry import best
from support.clients import curl2, raw, status_of
from support.http import head_of, send
from support.site import FRONTS

NAMES = [f"{prefix}Latchkey-{what}" for prefix in ("", "X-") for what in
         ("User", "Session", "Client", "Expires", "Detail", "Groups")]
NAMES += ["Remote-User"]

# What a header's name may have besides letters and digits (RFC 9110, 5.6.2):
# all the same to programs that find it in their environment.
SIGNS = "!#$%&'*+-.^_`|~"


def spellings(name):
    parts = name.split("-")
    for signs in itertools.product(SIGNS, repeat=len(parts) - 1):
        text = parts[0]
        for sign, part in zip(signs, parts[1:]):
            text += sign + part
        yield text
        if set(signs) <= set("-_"):
            yield from (text.upper(), text.lower())


FORGED = [(spelling, "mallory") for name in NAMES
          for spelling in spellings(name)]
# Those that every server reads alike, and have to be replaced.
PLAIN = [(name, "mallory") for name in NAMES]
# What a server may read by itself, or hand to the gate as a parameter.
OTHERS = [(name, "mallory") for name in (
    "Variable-LATCHKEY_USER", "Variable-REMOTE_USER", "Auth-User",
    "Latchkey", "Latchkey-Endpoint", "Latchkey-Host",
    "Latchkey-Method", "Latchkey-Peer",
    "FCGI_ROLE", "FCGI_APACHE_ROLE", "REDIRECT_REMOTE_USER",
    "Redirect-Latchkey-User", "Env-REMOTE_USER")]
OTHERS += [("Latchkey-Uri", "/public/"), ("Status", "200"),
           ("Forwarded", 'for=1.2.3.4;remote_user="mallory"'),
           ("X-Forwarded-User", "root"), ("Latchkey-Status", "200")]


@pytest.fixture(params=FRONTS)
def front(request, site):
    return site.front(request.param)


@pytest.fixture
def token(site):
    return site.cli.issue("alice")


def batches(headers, size=45):
    """Few enough at a time for any server's limits."""
    return [headers[at:at + size] for at in range(0, len(headers), size)]


def values(body, sign):
    """The lines NAME<sign>VALUE of a page: name to list of values."""
    found = {}
    for line in body.splitlines():
        name, present, value = line.partition(sign)
        if present:
            found.setdefault(name.lower(), []).append(value)
    return found


def assert_alice(front, reply):
    """Whether it is she, wherever a service may look for it."""
    assert reply.status == 200, reply
    assert "mallory" not in reply.body, reply.body
    told = values(reply.body, ": ")[front.told.lower()]
    assert len(told) == 1 and "alice" in told[0], told
    seen = values(reply.body, "=")
    named = seen.get("http_x_latchkey_user", [])
    assert named == (["alice"] if front.told == "X-Latchkey-User" else [])
    assert "http_remote_user" not in seen


def test_spoofing_without_token_is_refused(front):
    for page in front.pages():
        for headers in batches(PLAIN + FORGED[::7] + OTHERS):
            reply = front.get(page, headers)
            assert reply.status == 401, reply
            assert "protected" not in reply.body


def test_spoofing_does_not_reach_the_service(front, token):
    if front.service is None:
        pytest.skip("this example has no service behind")
    for headers in batches(FORGED):
        assert_alice(front, front.get(
            front.service, best(front, token) + headers))


def test_spoofing_does_not_reach_the_program(front, token):
    for headers in batches(FORGED):
        reply = front.get(front.program, best(front, token) + headers)
        assert reply.status == 200, reply
        assert "mallory" not in reply.body, reply.body
        seen = values(reply.body, "=")
        assert seen["latchkey_user"] == ["alice"]
        assert seen["remote_user"] == ["alice"]


# Names that a server on the way is to leave out.
LEFT_OUT = ("X-Latchkey-User", "x-latchkey-user", "X-LATCHKEY-SESSION",
            "close, X-Latchkey-User", "X-Latchkey-Session,X-Latchkey-User,te",
            " , X-Latchkey-User ,", "Forwarded", "keep-alive, forwarded",
            "X_Latchkey_User", "Upgrade, X-Latchkey-User", "Cookie, Host")


@pytest.mark.parametrize("name", ["Connection", "connection",
                                  "Proxy-Connection", "Keep-Alive", "TE",
                                  "Trailer", "Upgrade"])
def test_spoofing_by_leaving_out_leaves_all_in(front, token, name):
    if front.service is None:
        pytest.skip("this example has no service behind")
    for value in LEFT_OUT:
        for lines in ([(name, value)], [(name, value), (name, "x")],
                      [(name, "x"), (name, value)]):
            assert_alice(front, front.get(
                front.service, best(front, token) + lines))


def test_spoofing_by_leaving_out_in_an_upgrade_leaves_all_in(front, token):
    if front.service is None:
        pytest.skip("this example has no service behind")
    for value in LEFT_OUT:
        status, page, _ = websocket.converse(
            front.address, front.service,
            best(front, token) + [("Connection", value)] + PLAIN, b"x")
        assert status == 101
        assert "mallory" not in page
        told = values(page, ": ")[front.told.lower()]
        assert len(told) == 1 and "alice" in told[0], told


@pytest.mark.parametrize("announced", [False, True])
def test_spoofing_by_trailers_does_not_reach_anybody(front, token, announced):
    trailers = "".join(f"{name}: {value}\r\n" for name, value in
                       PLAIN + FORGED[::50])
    headers = best(front, token) + [("Transfer-Encoding", "chunked")]
    if announced:
        headers += [("Trailer", ", ".join(name for name, _ in PLAIN))]
    for page in front.pages():
        for size in (1, 20000, 70000):
            head = head_of(page, headers, "POST")
            answer = raw(front.address, head + b"%x\r\n%s\r\n0\r\n" % (
                size, b"y" * size) + trailers.encode() + b"\r\n")
            assert b"mallory" not in answer, answer
            if size == 1 and page == front.service:
                assert status_of(answer) == (
                    200 if front.takes_unsized else 411), answer


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_spoofing_by_trailers_of_an_upgrade_does_not_reach_anybody(
        front, token, method):
    """A service may answer such a request as if it were no upgrade."""
    if front.service is None:
        pytest.skip("this example has no service behind")
    headers = best(front, token) + [
        ("Upgrade", "websocket"), ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("Transfer-Encoding", "chunked")]
    trailers = "".join(f"{name}: {value}\r\n" for name, value in PLAIN)
    reply = send(front.address, head_of(front.service, headers, method)
                 + b"1\r\ny\r\n0\r\n" + trailers.encode() + b"\r\n")
    assert "mallory" not in reply.body, reply


def test_spoofing_under_other_names_changes_nothing(front, token):
    for page in front.pages()[1 if front.static else 0:]:
        for headers in batches(OTHERS):
            reply = front.get(page, best(front, token) + headers)
            assert reply.status == 200, reply
            seen = values(reply.body, "=")
            assert seen.get("latchkey_user", ["alice"]) == ["alice"]
            assert seen.get("remote_user", ["alice"]) == ["alice"]
            told = values(reply.body, ": ").get(front.told.lower(), ["alice"])
            assert len(told) == 1 and "alice" in told[0], told
            assert "mallory" not in told[0]


def test_spoofing_over_http2_does_not_reach_the_service(front, token):
    page = front.service or front.program
    forged = [(name.lower(), value) for name, value in FORGED[::30]]
    reply = curl2(front.url2 + page, best(front, token) + forged)
    assert reply.status == 200, reply
    assert "mallory" not in reply.body, reply.body


def assert_nobody(reply):
    """Whether nothing says that there is a user."""
    assert "mallory" not in reply.body, reply.body
    assert "alice" not in reply.body, reply.body
    seen = {**values(reply.body, "="), **values(reply.body, ": ")}
    for name, found in seen.items():
        if name == "latchkey_host":
            continue  # which the server says of itself
        if "latchkey" in name or "remote_user" in name or name == "forwarded":
            assert found == [""], (name, found)


def test_spoofing_on_a_public_page_does_not_reach_the_service(site):
    """HAProxy is the one whose public pages come from the service."""
    front = site.front("haproxy")
    for headers in batches(FORGED):
        reply = front.get("/public/page", headers)
        assert reply.status == 200
        assert_nobody(reply)


@pytest.fixture(params=FRONTS)
def ruled_front(request, ruled):
    return ruled.front(request.param)


@pytest.mark.parametrize("known", [False, True])
def test_spoofing_where_a_rule_is_public_makes_nobody(ruled, ruled_front,
                                                      known):
    """The gate names no user there, not even who sends a token."""
    front = ruled_front
    headers = best(front, ruled.cli.issue("alice")) if known else []
    pages = front.pages("open/")
    for page in pages:
        reply = front.get(page, headers)
        if not front.opens_public:
            assert reply.status == 401
            continue
        assert reply.status == 200, reply
        assert reply.body.startswith("a protected page\n")
        for forged in batches(FORGED if page == pages[-1] else PLAIN):
            reply = front.get(page, headers + forged)
            assert reply.status == 200, reply
            assert_nobody(reply)


def test_spoofing_by_user_name_of_another_is_refused(front, token):
    from support.carry import basic
    if "basic" in front.carries:
        assert front.get(headers=basic(token, "mallory")).status == 401
        assert front.get(headers=basic(token, "alice")).status == 200


def test_spoofing_leaves_no_token_in_any_log(site):
    """Of all that was issued to these servers so far."""
    assert site.cli.tokens
    assert site.tokens_in_logs() == []
