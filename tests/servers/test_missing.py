"""What is missing, cut or too long for some server on its way to the gate
never means something harmless."""

import pytest

from support.carry import best
from support.clients import raw, status_of
from support.http import head_of
from support.site import FRONTS

SIZES = (1000, 4000, 7000, 7900, 8300, 9000, 12000, 15000, 16000, 20000,
         33000, 60000, 66000)


@pytest.fixture(params=FRONTS)
def front(request, ruled):
    return ruled.front(request.param)


@pytest.fixture
def token(ruled):
    return ruled.cli.issue("alice")


def bulky(size):
    """Queries and headers of that size: (query, headers)."""
    piece = "x" * 4000
    yield "?" + "x" * size, []
    yield "?" + "x=%41&" * (size // 6), []
    yield "?" + "x" * 2500, [(f"X-Big-{at}", piece)
                             for at in range(size // 4000)]
    yield "", [("X-Big", "x" * size)]
    yield "", [("Cookie", "; ".join(
        f"c{at}={at:095}" for at in range(size // 100)))]
    yield "", [("Cookie", f"c{at}={at:095}") for at in range(size // 1000)]
    yield "?" + "x" * (size // 2), [("Destination", "/" + "x" * (size // 2))]


@pytest.mark.parametrize("folder", ["closed/", "admin/"])
def test_missing_nothing_of_a_long_request_opens_what_a_rule_closes(
        front, token, folder):
    for page in front.pages(folder):
        for size in SIZES:
            for query, headers in bulky(size):
                data = raw(front.address, head_of(
                    page + query, best(front, token) + headers))
                assert status_of(data) != 200, (page, size, data[:500])
                assert b"protected" not in data


def test_missing_rules_are_what_closes(front, token):
    for page in front.pages():
        for size in (1000, 4000, 7000):
            for query, headers in bulky(size):
                data = raw(front.address, head_of(
                    page + query, best(front, token) + headers))
                assert status_of(data) == 200, (page, size, data[:500])
                assert b"a protected page" in data


def test_missing_token_among_many_headers_is_no_token(front):
    for page in front.pages():
        for size in SIZES:
            for query, headers in bulky(size):
                data = raw(front.address, head_of(page + query, headers))
                assert status_of(data) != 200
                assert b"protected" not in data


# What the examples of servers that ask by a subrequest say to the gate, and
# lines that could be forgotten in a copy of them.
FORGOTTEN = {
    "nginx": ("nginx.conf", (
        "fastcgi_param LATCHKEY_ENDPOINT authorize;",
        "fastcgi_param REQUEST_METHOD $request_method;\n\t\t\tfastcgi_param"
        " REQUEST_URI    $request_uri;\n\t\t\tfastcgi_param REMOTE_ADDR",
        "fastcgi_param REQUEST_URI    $request_uri;\n\t\t\tfastcgi_param "
        "REMOTE_ADDR")),
    "caddy": ("Caddyfile", (
        "env LATCHKEY_ENDPOINT authorize",
        "env LATCHKEY_METHOD {http.request.orig_method}")),
    "caddy-http": ("latchkey-http.caddy", (
        "rewrite /authorize?",
        "header_up X-Latchkey-Method {http.request.orig_method}",
        "header_up X-Latchkey-Uri {http.request.orig_uri}",
        "header_up X-Latchkey-Peer {http.request.remote.host}")),
    "nginx-http": ("latchkey-ask.conf", (
        "proxy_set_header X-Latchkey-Method $request_method;",
        "proxy_set_header X-Latchkey-Uri    $request_uri;",
        "proxy_set_header X-Latchkey-Peer   $remote_addr;",
        "proxy_set_header X-Latchkey-Host   $server_name;")),
}


@pytest.mark.parametrize("name, line", [
    (name, line) for name, (_, lines) in FORGOTTEN.items() for line in lines])
def test_missing_line_of_an_example_opens_nothing(own_site, name, line):
    front = own_site.front(name)
    front.stop()
    conf = own_site.place.path / FORGOTTEN[name][0]
    text = conf.read_text()
    rest = "fastcgi_param REMOTE_ADDR" if "REMOTE_ADDR" in line else ""
    # People's pages, which come before, may have the same line.
    before, found, after = text.rpartition(line)
    assert found
    conf.write_text(before + rest + after)
    front.start()
    headers = best(front, own_site.cli.issue("alice"))
    for page in front.pages():
        for method in ("POST", "DELETE"):
            reply = front.get(page, headers + [("Content-Length", "0")],
                              method=method)
            assert reply.status >= 400, reply
            assert "protected" not in reply.body


def test_missing_words_of_the_script_refuse(own_site):
    """HAProxy's way to the gate takes nothing for anything."""
    haproxy = own_site.front("haproxy")
    token = own_site.cli.issue("alice")
    haproxy.stop()
    script = own_site.place.path / "latchkey.lua"
    text = script.read_text()
    for line in ('headers["x-latchkey-method"] = { method }',
                 'headers["x-latchkey-uri"] = { uri }',
                 'headers["x-latchkey-peer"] = { txn.sf:src() }'):
        assert text.count(line) == 1
        for instead in ("", line.replace("{", '{ "x",')):
            script.write_text(text.replace(line, instead))
            haproxy.start()
            reply = haproxy.get(headers=best(haproxy, token))
            assert reply.status == 503
            haproxy.stop()
    script.write_text(text)
    haproxy.start()
    assert haproxy.get(headers=best(haproxy, token)).status == 200
