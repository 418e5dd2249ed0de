"""The house, built once for all tests: each leaves it as it was."""

import pytest

from support.pam import House
from support.place import PLAIN, Place


@pytest.fixture(scope="session")
def house_place():
    with Place() as here:
        yield here


@pytest.fixture(scope="session")
def house(house_place):
    house = House(house_place, PLAIN / "pam_latchkey.so")
    yield house
    for daemon in reversed(house_place.daemons):
        daemon.stop()
    assert house.secrets_in_logs() == []
