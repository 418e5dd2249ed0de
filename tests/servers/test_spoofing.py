"""Who asks is what the gate says, whatever a client says about itself."""

import itertools

import pytest

from support.carry import best
from support.clients import curl2
from support.site import FRONTS

# Each in every spelling that a program behind may take for the same.
NAMES = [f"{prefix}Latchkey-{what}" for prefix in ("", "X-") for what in
         ("User", "Session", "Client", "Expires", "Detail")]
NAMES += ["Remote-User"]


def spellings(name):
    parts = name.split("-")
    for signs in itertools.product("-_", repeat=len(parts) - 1):
        text = parts[0]
        for sign, part in zip(signs, parts[1:]):
            text += sign + part
        yield from (text, text.upper(), text.lower())


FORGED = [(spelling, "mallory") for name in NAMES
          for spelling in spellings(name)]
# What a server may read by itself, or hand to the gate as a parameter.
OTHERS = [(name, "mallory") for name in (
    "Variable-LATCHKEY_USER", "Variable-REMOTE_USER", "Auth-User",
    "Latchkey", "Latchkey-Endpoint", "Latchkey-Method", "Latchkey-Peer",
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


def batches(headers, size=20):
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


def test_spoofing_without_token_is_refused(front):
    for page in front.pages():
        for headers in batches(FORGED + OTHERS):
            reply = front.get(page, headers)
            assert reply.status == 401, reply
            assert "protected" not in reply.body


def test_spoofing_does_not_reach_the_service(front, token):
    if front.service is None:
        pytest.skip("this example has no service behind")
    for headers in batches(FORGED):
        reply = front.get(front.service, best(front, token) + headers)
        assert reply.status == 200, reply
        assert "mallory" not in reply.body, reply.body
        told = values(reply.body, ": ")[front.told.lower()]
        assert len(told) == 1 and "alice" in told[0], told


def test_spoofing_does_not_reach_the_program(front, token):
    for headers in batches(FORGED):
        reply = front.get(front.program, best(front, token) + headers)
        assert reply.status == 200, reply
        assert "mallory" not in reply.body, reply.body
        seen = values(reply.body, "=")
        assert seen["latchkey_user"] == ["alice"]
        assert seen["remote_user"] == ["alice"]


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
    forged = [(name.lower(), value) for name, value in FORGED[::3]]
    reply = curl2(front.url2 + page, best(front, token) + forged)
    assert reply.status == 200, reply
    assert "mallory" not in reply.body, reply.body


def test_spoofing_on_a_public_page_does_not_reach_the_service(site):
    """HAProxy is the one whose public pages come from the service."""
    front = site.front("haproxy")
    for headers in batches(FORGED):
        reply = front.get("/public/page", headers)
        assert reply.status == 200
        assert "mallory" not in reply.body, reply.body


def test_spoofing_by_user_name_of_another_is_refused(front, token):
    from support.carry import basic
    if "basic" in front.carries:
        assert front.get(headers=basic(token, "mallory")).status == 401
        assert front.get(headers=basic(token, "alice")).status == 200


def test_spoofing_leaves_no_token_in_any_log(site):
    """Of all that was issued to these servers so far."""
    assert site.cli.tokens
    assert site.tokens_in_logs() == []
