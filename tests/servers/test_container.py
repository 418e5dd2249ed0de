"""The image of etc/container, built and run as doc/containers.md says."""

import os
import shutil
import signal
import socket
import struct
import subprocess

import pytest

from support import fastcgi
from support.place import (
    PATIENCE, ROOT, Daemon, Failed, accepts, connect)

IMAGE = "docker.io/library/debian:13-slim"
NOBODY = "65532:65532"

pytestmark = [
    pytest.mark.skipif(os.geteuid() != 0, reason="needs root"),
    pytest.mark.skipif(shutil.which("buildah") is None,
                       reason="buildah is not installed"),
]


class Builder:
    """buildah with a store of its own, or with one that has the base image,
    which LK_CONTAINERS names: a folder as `buildah --root` takes it."""

    def __init__(self, place):
        store = os.environ.get("LK_CONTAINERS") or place.path / "containers"
        self.argv = ["buildah", "--storage-driver", "vfs", "--root",
                     str(store), "--runroot", str(place.path / "run")]

    def run(self, *words):
        return subprocess.run([*self.argv, *map(str, words)], text=True,
                              capture_output=True, check=False)

    def must(self, *words):
        done = self.run(*words)
        if done.returncode != 0:
            raise Failed(f"buildah {words[0]}: {done.stderr[-4000:]}")
        return done.stdout.strip()


class Contained(Daemon):
    """The gate in its container, as the image's own user."""

    name = "contained"

    def __init__(self, place, inside):
        super().__init__(place)
        self.argv = [*inside, "/usr/local/sbin/latchkey-fcgi"]
        self.address = f"unix:{place.path}/socket/gate.sock"

    def ready(self):
        return accepts(self.address)

    def stop(self):
        """SIGTERM, which buildah does not hand on, to the gate itself."""
        if self.running():
            with connect(self.address) as sock:
                pid = struct.unpack("3i", sock.getsockopt(
                    socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
            os.kill(pid, signal.SIGTERM)
            assert self.process.wait(PATIENCE) == 0, self.output()
        self.kill()

    def status(self, **variables):
        return fastcgi.ask(self.address,
                           fastcgi.request_of(**variables)).status


@pytest.fixture
def image(place):
    """A builder, and what it has built."""
    builder = Builder(place)
    base = builder.run("from", IMAGE)
    if base.returncode != 0:
        pytest.skip(f"{IMAGE} cannot be had: {base.stderr.strip()[-200:]}")
    builder.must("rm", base.stdout.strip())
    tag = f"latchkey-test-{os.getpid()}"
    builder.must("build", "--pull-never", "--isolation", "chroot", "-t", tag,
                 "-f", ROOT / "etc/container/Containerfile", ROOT)
    yield builder, tag
    builder.must("rmi", tag)


def test_container_opens_the_first_page(place, image):
    builder, tag = image
    assert builder.must(
        "inspect", "--type", "image", "--format",
        "{{.OCIv1.Config.User}} {{.OCIv1.Config.Entrypoint}}", tag) == (
            f"{NOBODY} [/usr/local/sbin/latchkey-fcgi]")
    for name in ("socket", "sessions"):
        (place.path / name).mkdir()
        os.chown(place.path / name, 65532, 65532)
    conf = place.write("latchkey.conf", "# The defaults do.\n")
    conf.chmod(0o644)
    container = builder.must("from", "--pull-never", tag)
    inside = [*builder.argv, "run", "--isolation", "chroot",
              "-v", f"{conf}:/etc/latchkey/latchkey.conf:ro",
              "-v", f"{place.path}/socket:/run/latchkey",
              "-v", f"{place.path}/sessions:/var/lib/latchkey",
              container, "--"]

    def command(*words):
        return subprocess.run([*inside, "latchkey", *words], text=True,
                              capture_output=True, check=False)

    gate = Contained(place, inside).start()
    try:
        token = command("issue", "alice").stdout.strip()
        assert gate.status() == 401
        assert gate.status(HTTP_AUTHORIZATION=f"Bearer {token}") == 200
        doctor = command("doctor")
        assert doctor.returncode == 0, doctor.stdout + doctor.stderr
        assert command("revoke", token).stdout == "1\n"
        assert gate.status(HTTP_AUTHORIZATION=f"Bearer {token}") == 401
    finally:
        gate.stop()
        builder.must("rm", container)
