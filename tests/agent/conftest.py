import os

import pytest

from support.agent import AgentHouse


@pytest.fixture
def house(place):
    if os.geteuid() != 0:
        pytest.skip("needs root, to be other users")
    return AgentHouse(place)
