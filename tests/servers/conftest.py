"""The web servers, started once for all tests that do not break anything."""

import pytest

from support.place import Place
from support.site import Site


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


@pytest.fixture
def own_site(place):
    """A site of its own, for tests that break something."""
    site = Site(place)
    yield site
    site.stop_fronts()
    assert site.tokens_in_logs() == []
