"""What the gate has of root's, and what others have of the gate's."""

import os
import pwd
import re
import resource
from pathlib import Path

import pytest

from support.house import House, assert_allows, status_of
from support.place import BUILD
from support.servers import Gate

# Sanitizers look at their own process, which hiding it would forbid.
PLAIN = BUILD.parent if BUILD.name == "san" else BUILD
ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
# Puts another file in the place of /etc/group, for one process.
WITH_GROUPS = ("unshare", "--mount", "--propagation", "private", "sh", "-c",
               'mount --bind "$1" /etc/group; shift; exec "$@"', "sh")


@pytest.fixture
def house(place):
    os.chmod(place.path, 0o755)
    return House(place)


def plain_gate(house, extra="", prefix=(), mode=0o600):
    os.chmod(house.redis.socket, 0o777)
    house.write(extra)
    os.chmod(house.conf, mode)
    gate = Gate(house.place, house.conf, house.listen)
    gate.argv = [*prefix, PLAIN / "latchkey-fcgi", "-c", house.conf]
    return house.place.add(gate)


@ROOT_ONLY
def test_gate_has_all_groups_of_its_user_and_no_other(house):
    text = Path("/etc/group").read_text()
    mine = [pwd.getpwnam("nobody").pw_gid, 64008, 64009]
    group = house.place.write("group", text + "one:x:64008:nobody\n"
                              "two:x:64009:root,nobody\nthree:x:64010:root\n",
                              0o644)
    gate = plain_gate(house, 'user = "nobody";', (*WITH_GROUPS, group))
    assert_allows(house, gate)
    found = status_of(gate.process.pid)["Groups"].split()
    assert sorted(found) == sorted(str(gid) for gid in mine)


@pytest.fixture
def cores():
    """Whoever is started may leave a core, if anybody may here."""
    before = resource.getrlimit(resource.RLIMIT_CORE)
    resource.setrlimit(resource.RLIMIT_CORE, (before[1], before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_CORE, before)


@ROOT_ONLY
@pytest.mark.usefixtures("cores")
@pytest.mark.parametrize("how", ["becomes nobody", "is nobody"])
def test_gate_shows_its_memory_to_nobody(house, how):
    """Nor does it leave a core: in it are tokens and the store's password."""
    if how == "is nobody":
        os.chown(house.place.path, pwd.getpwnam("nobody").pw_uid, 0)
        gate = plain_gate(house, mode=0o644, prefix=(
            "setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups"))
    else:
        gate = plain_gate(house, 'user = "nobody";')
    assert_allows(house, gate)
    process = Path(f"/proc/{gate.process.pid}")
    assert re.search(r"Max core file size +0 +0 ",
                     (process / "limits").read_text())
    # What belongs to a process that may be looked at is its user's.
    assert (process / "environ").stat().st_uid == 0
