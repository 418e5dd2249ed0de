"""The web servers, started once for all tests that do not break anything."""

import pytest

from support.access import access_settings, keygen
from support.house import House
from support.place import Place
from support.site import Site


@pytest.fixture
def house(place):
    return House(place)


@pytest.fixture(scope="session")
def site_place():
    with Place() as here:
        yield here


@pytest.fixture(scope="session")
def site(site_place):
    """Shared: sessions may be issued here, and nothing be stopped."""
    site = Site(site_place)
    yield site
    site.stop_fronts()
    assert site.tokens_in_logs() == []


@pytest.fixture(scope="session")
def access_site():
    """The same as `site`, which also takes access tokens."""
    with Place() as place:
        key = keygen(place, "key")
        site = Site(place, extra=access_settings(
            key, audience=["api", "b" * 512]))
        site.key = key
        yield site
        site.stop_fronts()
        assert site.tokens_in_logs() == []


RULES = '''rules = (
  { path = "/**/closed/"; access = "deny"; },
  { path = "/**/admin/"; access = "session";
    require = ( { field = "roles"; any = [ "admin" ]; } ); },
  { path = "/**/open/"; access = "public"; },
  { path = "/"; access = "session"; } );
  login_url = "/login?from=gate";'''


@pytest.fixture(scope="session")
def ruled():
    """The same as `site`, with rules for some folders and a login page."""
    with Place() as place:
        users = place.write("users.json", '{"alice": {"roles": ["dev"]}}',
                            0o644)
        site = Site(place, RULES,
                    f'user = {{ source = "file"; path = "{users}"; }};\n')
        yield site
        site.stop_fronts()
        assert site.tokens_in_logs() == []


@pytest.fixture
def own_site(place):
    """A site of its own, for tests that break something."""
    site = Site(place)
    yield site
    site.stop_fronts()
    assert site.tokens_in_logs() == []
