"""WebSockets through every web server that has a service behind it."""

import pytest

from support import websocket
from support.carry import best
from support.clients import raw, status_of
from support.http import head_of
from support.site import FRONTS


@pytest.fixture(params=[name for name, front in FRONTS.items()
                        if front.service])
def front(request, site):
    return site.front(request.param)


def test_websocket_with_token_talks_to_the_service(front, site):
    status, page, echo = websocket.converse(
        front.address, front.service, best(front, site.cli.issue("alice")),
        b"hello")
    assert (status, echo) == (101, b"hello")
    assert page.startswith("a protected page\n")
    assert f"{front.told.lower()}: " in page.lower() and "alice" in page


@pytest.mark.parametrize("token", [None, "lk_" + "A" * 64])
def test_websocket_without_session_is_refused(front, token):
    status, page, _ = websocket.converse(
        front.address, front.service, best(front, token) if token else [],
        b"hello")
    assert (status, page) == (401, None)


@pytest.mark.parametrize("upgrade", ["h2c", "websocket, h2c",
                                     "h2c, websocket", "TLS/1.0", "x"])
def test_websocket_is_the_only_upgrade(front, site, upgrade):
    """In another the client could ask on where no gate is asked."""
    headers = best(front, site.cli.issue("alice")) + [
        ("Connection", "Upgrade"), ("Upgrade", upgrade)]
    if upgrade == "h2c" and front.http2 != "same":
        # Others speak it themselves in these tests, and ask the gate.
        headers += [("Connection", "HTTP2-Settings"),
                    ("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA")]
    answer = raw(front.address, head_of(front.service, headers))
    # HAProxy refuses some of these by itself.
    assert status_of(answer) in (200, 400), answer
    assert b"\nupgrade: " not in answer.partition(
        b"a protected page")[2].lower(), answer
