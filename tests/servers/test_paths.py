"""Two paths with different rules, behind every web server and every router.

What stands behind a web server may read a path in any of the ways of
support/backend.py: none of them may lead to a page that the rules keep from
who asks.  Only a plain final slash is the rules' own business.
"""

from urllib.parse import unquote

import pytest

from support.backend import readings
from support.carry import best
from support.clients import raw, status_of
from support.http import head_of
from support.place import Place
from support.site import FRONTS, Site

RULES = '''
  rules = (
    { path = "/app/admin/"; access = "session"; users = [ "root" ]; },
    { path = "/app/exact"; access = "deny"; },
    { path = "/app/open/"; access = "session"; methods = [ "GET" ]; },
    { path = "/app/"; access = "session"; methods = [ "GET", "POST" ]; },
    { path = "/"; access = "session"; users = [ "root" ]; } );
'''

DOTS = ("..", "%2e%2e", ".%2e", "%2E.", "..;", "..;x=1", "%2e%2e%3b",
        "%252e%252e", ".", "%2e", ".;", "..%3fx", "..%23")


def spellings():
    """Ways to say /app/admin and /app/exact that look like other paths."""
    for dots in DOTS:
        yield f"/app/admin/{dots}/open/y"
        yield f"/app/open/{dots}/admin/y"
        yield f"/app/{dots}/app/admin/y"
        yield f"/app/admin/y/{dots}"
        yield f"/app/open%2f{dots}%2fadmin%2fy"
        yield f"/app/open/{dots}%2fadmin/y"
        yield f"/app/open//{dots}/admin/y"
    for admin in ("admin", "%61dmin", "%2561dmin", "admin%2fx", "admin%252fx",
                  "admin;x", "admin%3bx", "admin%253bx", "admin%3fx",
                  "admin%23x", ";/admin", ";x/admin", "/admin", "//admin",
                  "%2fadmin", "%252fadmin", "open;/../admin", "exact",
                  "exact//", "exact/;x", "exact;", "exact%2f", "exact%252f",
                  "exact%3fx", "exact;/", "/exact//", "exact%3b/"):
        yield f"/app/{admin}"
        yield f"/app/{admin}/y"
        yield f"/app/open/{admin}"
        yield f"//app/{admin}"
        yield f"//x/app/{admin}"
        yield f"/%2fx/app/{admin}"
        yield f"/app%2f{admin}"
        yield f"/app%252f{admin}/y"
        yield f"/app;x/{admin}"


@pytest.fixture(scope="module")
def ruled_site():
    with Place() as place:
        site = Site(place, RULES)
        yield site
        site.stop_fronts()


@pytest.fixture(params=[name for name, front in FRONTS.items()
                        if front.service is not None])
def front(request, ruled_site):
    return ruled_site.front(request.param)


@pytest.fixture
def alice(front, ruled_site):
    return best(front, ruled_site.cli.issue("alice"))


def uri_in(answer):
    """The URI that the service was sent, or None if it was not asked."""
    for line in answer.decode("latin-1").splitlines():
        if line.startswith("uri="):
            return line[len("uri="):]
    return None


def is_kept_from_alice(segments):
    """Whether a page is behind the rules for /app/admin and /app/exact."""
    if segments[:1] != ["app"]:
        return False
    return segments[1:2] == ["admin"] or segments[1:] == ["exact"]


def test_path_no_reading_leads_to_what_is_kept_away(front, alice):
    reached = []
    for target in spellings():
        answer = raw(front.address, head_of(target, alice))
        if b"LATCHKEY" not in answer and b"a p" not in answer:
            assert status_of(answer) != 200, (target, answer)
            continue
        uri = uri_in(answer) or unquote(target)
        reached += [(target, uri, found) for found in readings(uri)
                    if is_kept_from_alice(found)]
    assert reached == []


def test_path_with_dots_never_reaches_a_service(front, alice):
    for target in ("/app/admin/../open/y", "/app/admin/%2e%2e/open/y",
                   "/app/x/.%2E;a/y", "/app/%2e/y", "/app/open/.."):
        uri = uri_in(raw(front.address, head_of(target, alice)))
        # A server that walks dots itself passes on what is left.
        assert uri is None or "." not in unquote(uri), (target, uri)


# Who passes an encoded slash on as it is, and who makes a slash of it; the
# others do not serve such a path at all.
PASSES = {"nginx": "%2f", "caddy": "%2f", "haproxy": "%2f",
          "lighttpd": "/"}


@pytest.mark.parametrize("name", ["@scope%2fpkg", "group%2Fproject/issues",
                                  "job/feature%252fx/1"])
def test_path_with_an_encoded_slash_under_one_rule_is_let_in(
        front, alice, name):
    target = f"/app/{name}"
    answer = raw(front.address, head_of(target, alice))
    uri = uri_in(answer)
    assert status_of(raw(front.address, head_of(target))) != 200
    if (front.name.removesuffix("-http") not in PASSES
            and "%25" not in name):
        assert (uri, status_of(answer)) == (None, 404), answer
        return
    assert status_of(answer) == 200, answer
    assert unquote(uri) == unquote(target)


def test_method_in_another_spelling_is_refused(front, alice):
    page = "/app/open/y"
    for method in ("delete", "Delete", "get", "GeT", "post", "X" * 33):
        answer = raw(front.address, head_of(page, alice, method))
        assert status_of(answer) != 200, (method, answer)
        assert uri_in(answer) is None, (method, answer)
    assert status_of(raw(front.address, head_of(page, alice))) == 200
