"""The gate started by hand as the README says, word by word."""

import os
import re
import subprocess

import pytest

from support.place import BUILD, PATIENCE, PLAIN, ROOT

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")

WEB, GATE, OTHER = 54301, 54302, 54303

# What asks: 1 if it may not connect.
ASK = """
import socket, sys
try:
    socket.socket(socket.AF_UNIX).connect("/run/latchkey/gate.sock")
except PermissionError:
    sys.exit(1)
"""


def commands():
    """The lines of the README, but for the last, which is the gate."""
    text = (ROOT / "README.md").read_text()
    block = re.split(r"\nor\s+by\s+hand\b", text)[1].split("\n\n")[1]
    lines = [line.strip() for line in block.splitlines()]
    assert lines[-1] == "latchkey-fcgi"
    return "\n".join(lines[:-1])


def accounts(place):
    """Accounts of this system and those that the README names."""
    passwd = [line for line in open("/etc/passwd") if not re.match(
        "(latchkey|www-data):", line)]
    group = [line for line in open("/etc/group") if not re.match(
        "(latchkey|www-data):", line)]
    place.write("passwd", "".join(passwd)
                + f"latchkey:x:{GATE}:{GATE}::/:/bin/sh\n"
                + f"www-data:x:{WEB}:{WEB}::/:/bin/sh\n", 0o644)
    place.write("group", "".join(group) + f"latchkey:x:{GATE}:\n"
                + f"www-data:x:{WEB}:\n", 0o644)


def as_user(uid, command):
    return (f"setpriv --reuid {uid} --regid {uid} --clear-groups "
            f"python3 -c '{command}' && echo {uid}:0 || echo {uid}:$?")


def test_by_hand_as_the_readme_says_serves_the_web_server(place):
    accounts(place)
    place.path.chmod(0o755)
    doctor = f"{BUILD}/latchkey doctor; echo doctor:$?"
    script = f"""
        set -e
        mount --bind {place.path}/passwd /etc/passwd
        mount --bind {place.path}/group /etc/group
        mkdir -p /etc/latchkey /run/latchkey /var/lib
        mount -t tmpfs -o mode=755 none /etc/latchkey
        mount -t tmpfs -o mode=755 none /run
        mount -t tmpfs -o mode=755 none /var/lib
        install -D -m 644 /dev/null /etc/latchkey/latchkey.conf
        {doctor}
        ls /var/lib
        {commands()}
        {BUILD}/latchkey issue alice > /dev/null
        {PLAIN}/latchkey-fcgi 2> {place.path}/gate.log &
        gate=$!
        trap 'kill $gate; wait $gate' EXIT
        until grep -q started {place.path}/gate.log; do kill -0 $gate; done
        stat -c 'socket:%U:%G:%a' /run/latchkey/gate.sock
        grep Uid /proc/$gate/status
        {doctor}
        {as_user(WEB, ASK)}
        {as_user(OTHER, ASK)}
        """
    result = subprocess.run(
        ["unshare", "--mount", "--propagation", "private", "bash", "-c",
         script], capture_output=True, text=True, timeout=3 * PATIENCE,
        env=place.environment(), check=False)
    said = result.stdout
    assert result.returncode == 0, (said, result.stderr)
    # The doctor has made nothing.
    assert "store: /var/lib/latchkey/sessions.db is not there yet" in said
    assert "\nlatchkey\n" not in said
    assert "socket:latchkey:www-data:660" in said
    assert set(re.search("Uid:(.*)", said).group(1).split()) == {str(GATE)}
    assert said.count("doctor:0") == 2
    assert "store.sqlite.path: /var/lib/latchkey/sessions.db: good" in said
    assert f"{WEB}:0" in said
    assert f"{OTHER}:1" in said
    assert "unix:/run/latchkey/gate.sock" in (
        place.path / "gate.log").read_text()
