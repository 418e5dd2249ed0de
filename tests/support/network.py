"""Hosts of our own, in network namespaces on a bridge of our own."""

import atexit
import itertools
import os
import subprocess
from pathlib import Path

from support.place import Failed
from support.servers import find_program

NUMBERS = itertools.count(1)
# Where `ip` keeps the names of namespaces; it mounts the folder at first use.
NAMES = Path("/run/netns")


def is_mounted():
    """Whether that folder is a mount, onto itself as `ip` has it."""
    return any(line.split()[4] == str(NAMES) for line in
               Path("/proc/self/mountinfo").read_text().splitlines())


def unmount_names(folder_was_there):
    """Leave the machine as it was, unless others have namespaces by now."""
    if is_mounted() and not any(NAMES.iterdir()):
        subprocess.run(["umount", NAMES], check=False)
        if not folder_was_there and not is_mounted():
            NAMES.rmdir()


if not is_mounted():
    atexit.register(unmount_names, NAMES.exists())


def ip(*words, check=True):
    """Run iproute2's `ip`."""
    done = subprocess.run([find_program("ip"), *words], text=True,
                          capture_output=True, check=False)
    if check and done.returncode != 0:
        raise Failed(f"ip {' '.join(words)}: {done.stderr}")
    return done


def why_not():
    """Why this machine has no networks for us, or None."""
    name = f"lk-{os.getpid()}-try{next(NUMBERS)}"
    try:
        done = ip("netns", "add", name, check=False)
        if done.returncode == 0:
            done = ip("-n", name, "link", "add", "bridge", "type", "bridge",
                      check=False)
            ip("netns", "delete", name, check=False)
    except Failed as failure:
        return str(failure)
    return done.stderr.strip() or None if done.returncode != 0 else None


class NetworkHost:
    """A namespace with one cable."""

    def __init__(self, network, number):
        self.network = network
        self.name = f"{network.name}-{number}"
        self.ip = f"10.99.0.{number}"
        self.prefix = (find_program("ip"), "netns", "exec", self.name)
        self.port = f"port{number}"

    def start(self):
        ip("netns", "add", self.name)
        ip("-n", self.name, "link", "set", "lo", "up")
        ip("-n", self.network.name, "link", "add", self.port, "type", "veth",
           "peer", "name", "eth0", "netns", self.name)
        ip("-n", self.network.name, "link", "set", self.port, "master",
           self.network.MAINLAND, "up")
        ip("-n", self.name, "address", "add", f"{self.ip}/24", "dev", "eth0")
        ip("-n", self.name, "link", "set", "eth0", "up")

    def unplug(self):
        """Nothing reaches it or leaves it, and nobody is told."""
        ip("-n", self.network.name, "link", "set", self.port, "down")

    def plug(self):
        ip("-n", self.network.name, "link", "set", self.port, "up")

    def move(self, bridge):
        """Put the cable into the switch of that name."""
        ip("-n", self.network.name, "link", "set", self.port, "master",
           bridge)


class Network:
    """Two switches that do not know of each other, and hosts, all of them on
    the first one to begin with; a Place removes them."""

    MAINLAND, ISLAND = "bridge", "island"

    def __init__(self, count):
        self.name = f"lk-{os.getpid()}-{next(NUMBERS)}"
        self.hosts = [NetworkHost(self, number)
                      for number in range(1, count + 1)]

    def start(self):
        try:
            ip("netns", "add", self.name)
            for bridge in (self.MAINLAND, self.ISLAND):
                ip("-n", self.name, "link", "add", bridge, "type", "bridge")
                ip("-n", self.name, "link", "set", bridge, "up")
            for host in self.hosts:
                host.start()
        except BaseException:
            self.stop()
            raise
        return self

    def stop(self):
        for host in self.hosts:
            ip("netns", "delete", host.name, check=False)
        ip("netns", "delete", self.name, check=False)
