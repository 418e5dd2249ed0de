"""One gate for many sites: rules by host, what is told of the user's detail."""

import json

import pytest

from support.carry import best
from support.clients import curl2, raw
from support.http import send
from support.place import Place
from support.site import FRONTS, Site

WIKI, WWW = "wiki.example", "www.example"
RULES = f'''rules = (
  {{ hosts = [ "{WIKI}" ]; path = "/"; access = "session"; }},
  {{ hosts = [ "localhost" ]; path = "/"; access = "session"; }},
  {{ hosts = [ "{WWW}" ]; path = "/"; access = "public"; }} );
  headers = ( {{ name = "Latchkey-Groups"; field = "groups"; }} );'''
DETAILS = {"alice": {"groups": ["staff", "wiki editors"]},
           "bob": {"groups": []}, "carol": {"groups": ["staff,admin"]}}


@pytest.fixture(scope="module")
def sites():
    with Place() as place:
        users = place.write("users.json", json.dumps(DETAILS), 0o644)
        site = Site(place, RULES,
                    f'user = {{ source = "file"; path = "{users}"; }};\n')
        for name in (WIKI, WWW):
            place.write(f"pages/{name}/secret.html", f"served for {name}\n",
                        0o644)
        yield site
        site.stop_fronts()
        assert site.tokens_in_logs() == []


@pytest.fixture(params=FRONTS)
def front(request, sites):
    name = request.param
    if name not in sites.fronts:
        hosted = type("Hosted", (FRONTS[name],), {"hosts": (WIKI, WWW)})
        sites.fronts[name] = sites.place.add(hosted(sites))
    return sites.fronts[name]


def page_of(front):
    return front.static or front.service


def served(front, name):
    """What is only in a page of that host's."""
    return (f"served for {name}" if front.static
            else f"X-Served: {name}").lower()


def ask(front, host, headers=(), target=None, method="GET"):
    lines = [f"{method} {target or page_of(front)} HTTP/1.1",
             f"Host: {host}", "Connection: close",
             *(f"{name}: {value}" for name, value in headers)]
    return send(front.address,
                ("\r\n".join(lines) + "\r\n\r\n").encode(), method)


def test_site_is_the_one_that_the_server_chose(front, sites):
    mine = best(front, sites.cli.issue("alice"))
    for host in (WIKI, WIKI.upper(), f"{WIKI}:{front.port}"):
        assert ask(front, host).status == 401
        reply = ask(front, host, mine)
        if reply.status == 200:
            assert served(front, WIKI) in reply.body.lower()
        else:
            # Not every server takes it for that host.
            assert host != WIKI and reply.status in (400, 401, 403)
    if front.opens_public:
        for headers in (mine, []):
            reply = ask(front, WWW, headers)
            assert reply.status == 200, reply
            assert served(front, WWW) in reply.body.lower()


def test_site_that_is_not_named_is_refused(front, sites):
    mine = best(front, sites.cli.issue("alice"))
    for host in ("other.example", f"{WIKI}.other", "127.0.0.1"):
        reply = ask(front, host, mine)
        assert served(front, WIKI) not in reply.body.lower()
        if not front.host_is_literal:
            assert reply.status in (400, 401, 403), (host, reply)


# Said by the client in as many ways, of which a server may take any.
CLAIMS = [
    lambda page: f"GET {page} HTTP/1.1\r\nHost: {WIKI}\r\n"
                 f"Host: {WWW}\r\n",
    lambda page: f"GET {page} HTTP/1.1\r\nHost: {WWW}\r\n"
                 f"Host: {WIKI}\r\n",
    lambda page: f"GET http://{WIKI}{page} HTTP/1.1\r\nHost: {WWW}\r\n",
    lambda page: f"GET http://{WWW}{page} HTTP/1.1\r\nHost: {WIKI}\r\n",
    lambda page: f"GET http://{WWW}@{WIKI}{page} HTTP/1.1\r\n"
                 f"Host: {WWW}\r\n",
    lambda page: f"GET http://{WIKI}{page} HTTP/1.0\r\n",
    lambda page: f"GET {page} HTTP/1.0\r\n",
    lambda page: f"GET {page} HTTP/1.1\r\nHost: {WIKI}.\r\n",
    lambda page: f"GET {page} HTTP/1.1\r\nHost: {WIKI}, {WWW}\r\n",
    lambda page: f"GET {page} HTTP/1.1\r\nHost: {WIKI}\t\r\n",
    lambda page: f"GET {page} HTTP/1.1\r\nHost: {WIKI}:99999\r\n",
    lambda page: f"GET {page} HTTP/1.1\r\nHost: {WWW}@{WIKI}\r\n",
    lambda page: f"GET {page} HTTP/1.1\r\nHost : {WWW}\r\n"
                 f"Host: {WIKI}\r\n",
    lambda page: f"GET {page} HTTP/1.1\r\nHost:\r\n {WIKI}\r\n",
    *(lambda page, name=name:
      f"GET {page} HTTP/1.1\r\nHost: {WIKI}\r\n{name}: {WWW}\r\n"
      for name in ("Latchkey-Host", "LATCHKEY_HOST", "X-Latchkey-Host",
                   "X-Forwarded-Host", "Forwarded", "Server-Name",
                   "X-Host", "Env-LATCHKEY_HOST")),
]


@pytest.mark.parametrize("claim", CLAIMS, ids=range(len(CLAIMS)))
def test_site_is_not_what_the_client_says(front, claim):
    request = claim(page_of(front)) + "Connection: close\r\n\r\n"
    reply = raw(front.address, request.encode()).decode("latin-1").lower()
    assert served(front, WIKI) not in reply, reply


def test_site_is_not_what_an_http2_client_says(front):
    if front.http2 is None:
        pytest.skip("no HTTP/2")
    for authority, host in ((WIKI, WWW), (WWW, WIKI)):
        reply = curl2(front.url2 + page_of(front),
                      [("Host", authority), ("X-Forwarded-Host", host),
                       ("Latchkey-Host", host)])
        assert reply.version == "2"
        assert served(front, WIKI) not in reply.body.lower()


def test_groups_are_told(front, sites):
    for user, groups in (("alice", "staff,wiki editors"), ("bob", None)):
        if user == "bob" and front.carries == ("basic",):
            continue  # which goes with alice's name
        mine = best(front, sites.cli.issue(user))
        forged = [("X-Latchkey-Groups", "admin"), ("Latchkey-Groups", "admin")]
        for page in (front.program, front.service):
            if page is None:
                continue
            reply = ask(front, "localhost", mine + forged, page)
            assert reply.status == 200, reply
            assert "admin" not in reply.body, reply.body
            told = [line for line in reply.body.splitlines()
                    if "groups" in line.lower() and groups and
                    groups in line]
            if page == front.service and front.told == "Forwarded":
                continue
            assert bool(told) == bool(groups), reply.body
            assert groups or "x-latchkey-groups" not in reply.body.lower()


def test_groups_that_no_header_can_carry_open_nothing(front, sites):
    mine = best(front, sites.cli.issue("carol"))
    reply = ask(front, "localhost", mine)
    assert reply.status == front.expect(503)
    assert "admin" not in reply.body
