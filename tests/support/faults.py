"""What can be wrong with a Redis, and how to bring a real one into it.

FAULTS is the list.  A test takes a `Patient`, lets a fault in(patient), looks
at what the programs do, and lets it out(patient) again; each fault says which
of the three outcomes a check, an issue and a revocation have meanwhile.
"""

import contextlib
import os
from dataclasses import dataclass
from typing import Callable

from support import proxy
from support.pamtester import AUTHINFO_UNAVAIL, SERVICE_ERR, SESSION_ERR
from support.place import Failed, free_port, wait_until
from support.proxy import Proxy
from support.redis_client import RedisClient, RedisError, fields
from support.servers import Gate, Latchkey, RedisServer
from support.wrapped import Wrapped

# What comes of an operation: it is done; the store cannot do it now; the
# settings, credentials or the kind of server are wrong, and waiting is in
# vain.
WORKS, UNAVAILABLE, SETTINGS = "works", "unavailable", "settings"

# The exit status of the command, the gate's HTTP status, and the PAM code: of
# a login and of whether its session still lives, and of the end of a login
# that revokes it.
EXIT_OF = {WORKS: 0, UNAVAILABLE: 3, SETTINGS: 2}
HTTP_OF = {WORKS: 200, UNAVAILABLE: 503, SETTINGS: 503}
PAM_OF = {WORKS: "", UNAVAILABLE: AUTHINFO_UNAVAIL, SETTINGS: SERVICE_ERR}
PAM_CLOSE_OF = {WORKS: "", UNAVAILABLE: SESSION_ERR, SETTINGS: SESSION_ERR}

# Long enough for a slow machine, and waited for in few faults only.
TIMEOUTS = "connect_timeout_ms = 2000; command_timeout_ms = 2000;"

CREDENTIALS = 'username = "app"; password = "secret";'
ADMIN = ("admin", "hunter2")
# So many keys are loaded, each this slowly (in microseconds).
LOADING_KEYS = 2000
LOADING_OPTIONS = ("--key-load-delay", "20000",
                   "--loading-process-events-interval-bytes", "1024")


@dataclass(frozen=True)
class Programs:
    """The command, a running gate and the PAM module that go one way."""

    cli: Latchkey
    gate: Gate
    pam: Wrapped


class Patient:
    """A Redis, and three ways to its sessions, made when asked for.

    direct     with a user and a password of its own
    proxied    the same through a proxy
    anonymous  without any password
    """

    def __init__(self, place):
        self.place = place
        self.redis = place.add(RedisServer(place, users=[
            "default on nopass ~* &* +@all",
            "app on >secret ~* &* +@all",
            f"{ADMIN[0]} on >{ADMIN[1]} ~* &* +@all"]))
        self.proxy = place.add(Proxy(self.redis.address))
        self.admin = self.open_admin()
        self.doors = {}

    def open_admin(self):
        return RedisClient(self.redis.unix_address, *ADMIN)

    def address_of(self, door):
        return (self.proxy if door == "proxied" else self.redis).address

    def settings(self, door, extra=""):
        """The text of a settings file."""
        credentials = "" if door == "anonymous" else CREDENTIALS
        return (f'store = {{ backend = "redis"; redis = {{ address = '
                f'"{self.address_of(door)}"; {credentials} {TIMEOUTS} }}; '
                f'}};\nlog = {{ level = "debug"; }};\n{extra}\n')

    def door(self, name):
        if name not in self.doors:
            listen = f"unix:{self.place.path}/{name}.sock"
            conf = self.place.write(f"{name}.conf", self.settings(
                name, f'gate = {{ listen = "{listen}"; '
                'expose_metrics = true; };'))
            gate = self.place.add(Gate(self.place, conf, listen,
                                       f"gate-{name}"))
            pam = Wrapped(self.place, conf, service=name)
            pam.use(f"conf={conf} debug revoke_on_close")
            self.doors[name] = Programs(Latchkey(self.place, conf), gate, pam)
        return self.doors[name]

    # ---- What the faults are made of -------------------------------------

    def config(self, **values):
        for name, value in values.items():
            self.admin.call("CONFIG", "SET", name.replace("_", "-"), value)

    def acl(self, user, *rules):
        self.admin.call("ACL", "SETUSER", user, *rules)

    def kill_connections(self):
        """Close all connections but our own."""
        self.admin.call("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")

    def crash(self):
        """Save, and end as by a power cut."""
        self.admin.call("SAVE")
        self.admin.close()
        self.redis.kill()

    def start(self, *options, ready=None):
        """Start again with options more, or without those of before."""
        self.redis.argv = self.redis.argv[:2] + list(options)
        usual = self.redis.ready
        if ready is not None:
            self.redis.ready = ready
        try:
            self.redis.start()
        finally:
            self.redis.ready = usual
        self.admin = self.open_admin()


# ---- The faults ----------------------------------------------------------


@dataclass(frozen=True)
class Fault:
    """A state of Redis: how it begins and ends, and what it does to us.

    `words` is what the command says on stderr where it fails, and the PAM
    module in the log; `ping` is what becomes of asking whether Redis is there
    at all, if that is not what becomes of a check.
    """

    name: str
    enter: Callable
    leave: Callable
    words: str = ""
    check: str = UNAVAILABLE
    issue: str = UNAVAILABLE
    revoke: str = UNAVAILABLE
    ping: str = ""
    door: str = "direct"

    def __str__(self):
        return self.name

    @contextlib.contextmanager
    def upon(self, patient):
        """Be in this state for the time of a `with`."""
        try:
            self.enter(patient)
            yield
        finally:
            self.leave(patient)


def nothing(_):
    """The fault is over as soon as it has happened."""


def restart(patient):
    patient.crash()
    patient.start()


def stop(patient):
    patient.crash()


def load_slowly(patient):
    """Restart with a data set that takes a minute to load."""
    for number in range(LOADING_KEYS):
        # Text that does not compress, or the file would be small.
        patient.admin.call("SET", f"ballast:{number}", os.urandom(2048))
    patient.crash()
    patient.start(*LOADING_OPTIONS, ready=lambda: is_loading(patient.redis))


def is_loading(redis):
    try:
        return bool(redis.command("PING")) and False
    except OSError as error:
        return "LOADING" in str(error)


def load_quickly(patient):
    patient.config(key_load_delay=0)
    wait_until(lambda: fields(patient.admin.call("INFO", "persistence"))[
        "loading"] == "0", "the data to be loaded")
    for number in range(LOADING_KEYS):
        patient.admin.call("UNLINK", f"ballast:{number}")


def follow_nobody(patient, serve_stale):
    """Make it a replica of a master that is not there."""
    patient.config(replica_serve_stale_data=serve_stale)
    patient.admin.call("REPLICAOF", "127.0.0.1", free_port())


def follow_no_one(patient):
    patient.admin.call("REPLICAOF", "NO", "ONE")
    patient.config(replica_serve_stale_data="yes")


def dump_of(patient):
    return patient.place.path / "dump.rdb"


def save(patient, outcome):
    """Save in the background until the outcome is this one."""
    def is_so():
        info = fields(patient.admin.call("INFO", "persistence"))
        if info["rdb_bgsave_in_progress"] == "1":
            return False
        if info["rdb_last_bgsave_status"] == outcome:
            return True
        with contextlib.suppress(RedisError):
            patient.admin.call("BGSAVE")
        return False
    wait_until(is_so, f"saving to be {outcome}")


def spoil_the_disk(patient):
    """Put a folder where the dump has to go: not even root can replace it."""
    dump_of(patient).unlink(missing_ok=True)
    dump_of(patient).mkdir()
    patient.config(save="3600 1000000")
    save(patient, "err")


def mend_the_disk(patient):
    if dump_of(patient).is_dir():
        dump_of(patient).rmdir()
    save(patient, "ok")
    patient.config(save="")


def fill_connections(patient):
    patient.config(maxclients=1)
    patient.kill_connections()


def refuse_password(patient):
    patient.acl("app", "resetpass", ">changed")
    patient.kill_connections()


def run_long(patient):
    """A script that has gone on for longer than Redis waits for one."""
    patient.config(busy_reply_threshold=1)
    script = patient.open_admin()
    script.send("EVAL", "while true do end", 0)
    patient.script = script

    def is_busy():
        try:
            return patient.admin.call("PING") and False
        except RedisError as error:
            return "BUSY" in str(error)
    wait_until(is_busy, "Redis to be busy")


def end_long(patient):
    patient.admin.call("SCRIPT", "KILL")
    try:
        patient.script.receive()
        raise Failed("the script that never ends has ended")
    except RedisError:
        pass  # It was killed.
    patient.script.close()
    patient.config(busy_reply_threshold=5000)


def become_cluster(patient):
    patient.crash()
    patient.start("--cluster-enabled", "yes", "--cluster-port", free_port(),
                  "--dbfilename", "cluster.rdb")


def become_single(patient):
    patient.admin.close()
    patient.redis.kill()
    patient.start()


def rename_a_command(patient):
    patient.crash()
    patient.start("--rename-command", "SET", "XSET")


def mode(value):
    def set_mode(patient):
        patient.proxy.mode = value
        if value == proxy.PASS:
            patient.proxy.drop()
    return set_mode


FAULTS = [
    Fault("restarted", restart, nothing,
          check=WORKS, issue=WORKS, revoke=WORKS),
    Fault("connections-killed", Patient.kill_connections, nothing,
          check=WORKS, issue=WORKS, revoke=WORKS),
    Fault("scripts-flushed",
          lambda patient: patient.admin.call("SCRIPT", "FLUSH"), nothing,
          check=WORKS, issue=WORKS, revoke=WORKS),
    Fault("gone", stop, Patient.start, "connect: Connection refused"),
    Fault("hung", lambda patient: patient.redis.freeze(),
          lambda patient: patient.redis.thaw(), "no answer in time"),
    Fault("loading", load_slowly, load_quickly, "is still loading its data"),
    Fault("busy", run_long, end_long, "is busy with a long script"),
    Fault("full", lambda patient: patient.config(maxmemory=1),
          lambda patient: patient.config(maxmemory=0),
          "is out of memory (maxmemory)", check=WORKS, revoke=WORKS),
    Fault("replica", lambda patient: follow_nobody(patient, "yes"),
          follow_no_one, "is a replica and takes no changes", check=WORKS),
    Fault("replica-without-master",
          lambda patient: follow_nobody(patient, "no"), follow_no_one,
          "is a replica"),
    Fault("disk-spoilt", spoil_the_disk, mend_the_disk,
          "cannot save to disk and takes no changes", check=WORKS),
    Fault("too-few-replicas",
          lambda patient: patient.config(min_replicas_to_write=1),
          lambda patient: patient.config(min_replicas_to_write=0),
          "has too few replicas to take changes", check=WORKS),
    Fault("too-many-clients", fill_connections,
          lambda patient: patient.config(maxclients=1000),
          "has no free connection (maxclients)"),
    Fault("dripping", mode(proxy.DRIP), mode(proxy.PASS),
          "no answer in time", door="proxied"),
    Fault("silent", mode(proxy.SWALLOW), mode(proxy.PASS),
          "no answer in time", door="proxied"),
    Fault("half-replies", mode(proxy.HALF), mode(proxy.PASS),
          "closed the connection", door="proxied"),
    Fault("wrong-password", refuse_password,
          lambda patient: patient.acl("app", "resetpass", ">secret"),
          "refused store.redis.username or store.redis.password",
          SETTINGS, SETTINGS, SETTINGS),
    Fault("password-wanted",
          lambda patient: (patient.acl("default", "resetpass", ">secret"),
                           patient.kill_connections()),
          lambda patient: patient.acl("default", "resetpass", "nopass"),
          "wants a password (store.redis.password)",
          SETTINGS, SETTINGS, SETTINGS, door="anonymous"),
    Fault("no-permission",
          lambda patient: patient.acl("app", "-@all", "+auth", "+ping"),
          lambda patient: patient.acl("app", "+@all"),
          "does not permit this user (ACL) enough",
          SETTINGS, SETTINGS, SETTINGS, ping=WORKS),
    # Inside a script, too.
    Fault("command-denied", lambda patient: patient.acl("app", "-set"),
          lambda patient: patient.acl("app", "+@all"),
          "does not permit this user (ACL) enough", WORKS, SETTINGS, WORKS),
    Fault("command-renamed", rename_a_command, restart,
          "lacks a command, or has it under another name",
          WORKS, SETTINGS, WORKS),
    Fault("cluster-node", become_cluster, become_single,
          "is a cluster node; latchkey needs",
          SETTINGS, SETTINGS, SETTINGS, ping=WORKS),
]
