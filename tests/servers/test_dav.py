"""A second path in a request: COPY and MOVE, in servers that carry it out."""

import pytest

from support import http
from support.apache import Apache
from support.carry import best
from support.nginx import Nginx
from support.place import Place
from support.site import FRONTS, Site

RULES = '''
  rules = (
    { path = "/files/alice/"; access = "session"; users = [ "alice" ]; },
    { path = "/files/bob/"; access = "session"; users = [ "bob" ]; },
    { path = "/files/inbox/"; access = "session";
      methods = [ "GET", "COPY" ]; },
    { path = "/files/closed/"; access = "deny"; },
    { path = "/app/alice/"; access = "session"; users = [ "alice" ]; },
    { path = "/app/bob/"; access = "session"; users = [ "bob" ]; } );
'''
FOLDERS = ("alice", "bob", "inbox", "closed")


class ApacheDav(Apache):
    name = "apache-dav"

    @staticmethod
    def before(destination):
        """mod_dav takes whole URIs only."""
        path = destination.startswith("/") and destination[1:2] != "/"
        return "http://HERE" if path else ""

    def example_text(self, values, name=None):
        modules = "/usr/lib/apache2/modules"
        return super().example_text(values, name) + f'''
LoadModule dav_module {modules}/mod_dav.so
LoadModule dav_fs_module {modules}/mod_dav_fs.so
DavLockDB {self.site.locks}/db
<Location "/files/">
    Dav On
</Location>
'''


class NginxDav(Nginx):
    name = "nginx-dav"

    def example_text(self, values, name=None):
        return super().example_text(values, name).replace(
            "location /fcgi/ {",
            "location /files/ {\n"
            "dav_methods PUT DELETE MKCOL COPY MOVE;\n}\n"
            "location /fcgi/ {", 1)


DAV = {front.name: front for front in (ApacheDav, NginxDav)}


@pytest.fixture(scope="module")
def dav_site():
    with Place() as place:
        site = Site(place, RULES)
        for folder in FOLDERS:
            path = place.path / "pages/files" / folder
            path.mkdir(parents=True)
            path.chmod(0o777)
        (place.path / "pages/files").chmod(0o777)
        site.locks = place.path / "locks"
        site.locks.mkdir()
        site.locks.chmod(0o777)
        yield site
        site.stop_fronts()


@pytest.fixture(params=DAV)
def dav(request, dav_site):
    if request.param not in dav_site.fronts:
        dav_site.fronts[request.param] = dav_site.place.add(
            DAV[request.param](dav_site))
    front = dav_site.fronts[request.param]
    for folder in FOLDERS:
        for file in (dav_site.pages / "files" / folder).iterdir():
            file.unlink()
        file = dav_site.pages / "files" / folder / "a"
        file.write_text(folder)
        file.chmod(0o666)
    return front


def said(site):
    """What every file says."""
    files = site.pages / "files"
    return {str(file.relative_to(files)): file.read_text()
            for folder in FOLDERS for file in (files / folder).iterdir()}


def ask(front, site, method, path, *destinations):
    before = getattr(front, "before", lambda _: "")
    headers = best(front, site.cli.issue("alice"))
    headers += [("Destination", (before(to) + to).replace(
        "HERE", front.address)) for to in destinations]
    return http.send(front.address,
                     http.head_of(path, headers, method, front.address))


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("to", ["/files/alice/b", "http://HERE/files/alice/b",
                                "http://HERE/files/alice/%62"])
def test_dav_within_ones_own_rule_is_let_in(dav, dav_site, method, to):
    reply = ask(dav, dav_site, method, "/files/alice/a", to)
    assert reply.status in (201, 204), reply
    assert said(dav_site)["alice/b"] == "alice"


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
@pytest.mark.parametrize("destinations", [
    ["/files/bob/a"], ["/files/bob/new"], ["http://HERE/files/bob/a"],
    ["/files/closed/a"], ["/files/a"], ["/nowhere"],
    ["/files/alice/../bob/a"], ["/files/alice/%2e%2e/bob/a"],
    ["/files/alice/..%2fbob/a"], ["/files/alice%2f..%2fbob/a"],
    ["/files//bob/a"], ["//HERE/files/bob/a"],
    ["http://other.example/files/alice/b"], ["//other.example/files/alice/b"],
    ["http://HERE@other.example/files/alice/b"],
    ["/files/alice/b", "/files/bob/a"], ["/files/bob/a", "/files/alice/b"],
    ["/files/alice/b", "/files/alice/b"], ["files/bob/a"], ["*"], [""], []])
def test_dav_to_where_one_may_not_is_refused(dav, dav_site, method,
                                             destinations):
    before = said(dav_site)
    reply = ask(dav, dav_site, method, "/files/alice/a", *destinations)
    assert reply.status in (400, 403), reply
    assert said(dav_site) == before


def test_dav_destination_needs_the_same_method(dav, dav_site):
    before = said(dav_site)
    reply = ask(dav, dav_site, "MOVE", "/files/alice/a", "/files/inbox/b")
    assert (reply.status, said(dav_site)) == (403, before)
    reply = ask(dav, dav_site, "COPY", "/files/alice/a",
                "http://HERE/files/inbox/b")
    assert reply.status in (201, 204)
    assert said(dav_site)["inbox/b"] == "alice"


# ---- Services behind every web server --------------------------------------

# What hands COPY and MOVE on to the service, and to the gate with all that
# belongs to it.


@pytest.fixture(params=[name for name, front in FRONTS.items()
                        if front.service is not None])
def front(request, dav_site):
    return dav_site.front(request.param)


@pytest.mark.parametrize("method", ["COPY", "MOVE"])
def test_dav_destination_reaches_the_gate_behind_every_server(
        front, dav_site, method):
    for to, status in (
            ("/app/alice/b", 200), ("http://HERE/app/alice/b", 200),
            ("/app/bob/b", 403), ("http://HERE/app/bob/b", 403),
            ("http://other.example/app/alice/b", 400),
            ("/app/alice/../bob/b", 400), ("/nowhere", 403)):
        reply = ask(front, dav_site, method, "/app/alice/a", to)
        refused = status if status == 200 else (403, front.expect(status))
        if status == 200:
            assert reply.status == 200, (to, reply)
            assert f"method={method}\n" in reply.body
        else:
            assert reply.status in (400, 401, 403), (to, reply, refused)
            assert "uri=" not in reply.body
    assert ask(front, dav_site, method, "/app/alice/a").status != 200
    # Not only where a method is known to have one.
    assert ask(front, dav_site, "GET", "/app/alice/a",
               "/app/bob/b").status != 200
