"""Stores for the command."""

import pytest

from support.servers import RedisServer, embedded_settings, settings


@pytest.fixture(scope="module")
def redis(shared_place):
    return shared_place.add(RedisServer(shared_place))


@pytest.fixture(params=["sqlite", "redis"])
def store_text(request, redis, place):
    """Settings of an empty store of each kind."""
    if request.param == "redis":
        redis.command("FLUSHALL")
        return settings(redis.unix_address, "127.0.0.1:9")
    return embedded_settings(place.path / "store" / "sessions.db",
                             "127.0.0.1:9")
