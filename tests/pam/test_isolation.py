"""The module is a guest that leaves no trace in another program's process.

tests/pam/host.c is a host that exports functions of the names that the
module's libraries have, getenv included, and looks at what is left behind.
"""

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.place import BUILD, PATIENCE, ROOT, free_port
from support.sentinel import (DOWN_AFTER_MS, REDIS_PASSWORD,
                              SENTINEL_PASSWORD, Cluster)
from support.servers import (Latchkey, RedisServer, embedded_settings,
                             settings)

# A module for sanitizers cannot be loaded into a program without them.
PLAIN = Path(os.environ.get("LK_PLAIN", BUILD))
PLAIN = PLAIN if PLAIN.is_absolute() else ROOT / PLAIN
CYCLES = 1000
# What malloc() keeps to itself comes and goes; nothing may be kept of each
# login, and the least that can be is a chunk of 32 bytes.
KEPT_BYTES, KEPT_OF_EACH = 20_000, 20


class Guest:
    """The module in that host."""

    def __init__(self, place, conf, secrets=()):
        self.place = place
        self.secrets = secrets
        self.services = place.path / "pam.d"
        self.cli = Latchkey(place, conf)
        line = f"required {PLAIN}/pam_latchkey.so conf={conf} debug\n"
        place.write("pam.d/door", "".join(
            f"{step} {line}" for step in ("auth", "account", "session")))

    def log_in(self, token, user="alice", cycles=CYCLES, **options):
        """What is left behind, by name."""
        done = subprocess.run(
            [PLAIN / "tests/pam/host", self.services, "door", user,
             str(cycles)], input="".join(
                f"{secret}\n" for secret in (token, *self.secrets)),
            text=True, capture_output=True, timeout=10 * PATIENCE, check=False,
            env=self.place.environment(), **options)
        assert done.returncode == 0, done.stderr
        found = re.findall(r"(\w+)=(\S+)", done.stdout)
        return {"cycles": cycles} | dict(found)


@pytest.fixture
def redis(place):
    return place.add(RedisServer(place))


@pytest.fixture(scope="module")
def cluster(shared_place):
    return Cluster(shared_place)


def sentinel_guest(place, settings):
    """With the passwords in files, as those in the settings leave a copy."""
    for name, password in (("redis", REDIS_PASSWORD),
                           ("sentinel", SENTINEL_PASSWORD)):
        path = place.write(f"{name}.password", password)
        settings = settings.replace(f'password = "{password}"',
                                    f'password_file = "{path}"')
    return Guest(place, place.write("latchkey.conf", settings),
                 (REDIS_PASSWORD, SENTINEL_PASSWORD))


@pytest.fixture(params=["sqlite", "tcp", "unix", "sentinel"])
def guest(request, place):
    if request.param == "sentinel":
        return sentinel_guest(
            place, request.getfixturevalue("cluster").store_settings())
    if request.param == "sqlite":
        text = embedded_settings(place.path / "store" / "sessions.db",
                                 "unix:/nowhere")
    else:
        server = place.add(RedisServer(place))
        text = settings(server.address if request.param == "tcp"
                        else server.unix_address, "unix:/nowhere")
    return Guest(place, place.write("latchkey.conf", text))


def assert_no_trace(left):
    assert left["fds"] == left["maps"] == "0", left
    assert left["standard"] == "same", left
    assert left["threads"] == "1" and left["signals"] == "same", left
    assert int(left["bytes"]) < (
        KEPT_BYTES + KEPT_OF_EACH * left["cycles"]), left
    assert left["token"] == left["secrets"] == "0", left


def test_isolation_of_a_thousand_logins_leaves_no_trace(guest):
    left = guest.log_in(guest.cli.issue("alice"))
    assert left["code"] == "0"
    assert_no_trace(left)


def test_isolation_of_refused_logins_leaves_no_trace(guest):
    token = guest.cli.issue("alice")
    assert guest.cli.revoke(token) == 1
    left = guest.log_in(token)
    assert left["code"] == "7"
    assert_no_trace(left)


def test_isolation_of_logins_without_a_store_leaves_no_trace(place, redis):
    conf = place.write("latchkey.conf",
                       settings(redis.address, "unix:/nowhere"))
    guest = Guest(place, conf)
    token = guest.cli.issue("alice")
    redis.stop()
    left = guest.log_in(token)
    assert left["code"] == "9"
    assert_no_trace(left)


@pytest.mark.parametrize("change", [
    ('"mymaster"', '"another"'), (SENTINEL_PASSWORD, "wrong"),
    (REDIS_PASSWORD, "wrong")],
    ids=["master", "sentinel-password", "redis-password"])
def test_isolation_of_logins_with_wrong_settings_leaves_no_trace(
        place, cluster, change):
    text = cluster.store_settings()
    token = sentinel_guest(place, text).cli.issue("alice")
    left = sentinel_guest(place, text.replace(*change)).log_in(
        token, cycles=100)
    assert left["code"] == "3"
    assert_no_trace(left)


@pytest.mark.parametrize("gone", ["sentinels", "master"])
def test_isolation_of_logins_without_sentinels_or_master_leaves_no_trace(
        place, cluster, gone):
    token = sentinel_guest(place, cluster.store_settings()).cli.issue("alice")
    text = cluster.store_settings(
        redis="connect_timeout_ms = 20; command_timeout_ms = 20;")
    if gone == "sentinels":
        for sentinel in cluster.sentinels:
            text = text.replace(sentinel.address, f"127.0.0.1:{free_port()}")
    guest = sentinel_guest(place, text)
    master = cluster.master()
    cluster.notice_after(3600_000)
    if gone == "master":
        master.freeze()
    try:
        left = guest.log_in(token, cycles=100)
    finally:
        master.thaw()
        cluster.wait_until_well()
        cluster.notice_after(DOWN_AFTER_MS)
    assert left["code"] == "9"
    assert_no_trace(left)


def test_isolation_without_standard_descriptors_logs_in(guest):
    """A daemon may have closed them; the store's must not take their place."""
    token = guest.cli.issue("alice")
    script = 'exec 2>&-; exec "$@"'
    done = subprocess.run(
        ["sh", "-c", script, "sh", PLAIN / "tests/pam/host",
         guest.services, "door", "alice", "1"], input=token + "\n",
        text=True, capture_output=True, timeout=PATIENCE, check=False,
        env=guest.place.environment())
    assert "code=0" in done.stdout and "standard=same" in done.stdout
