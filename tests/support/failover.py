"""The stage for a failover: a cluster, the gate and the library under load,
and the verdict over all that they did."""

import signal
import time

from support import load
from support.judge import History, judge
from support.load import OK, GateLoad, LibraryLoad, of
from support.place import Failed, wait_until
from support.sentinel import FAILOVER_PATIENCE, Cluster, Loopback
from support.servers import Gate, Latchkey

# How late a revocation may take effect with the settings' defaults.
STALENESS_SECONDS = 2.0
# The deadlines of these settings are a second each; this is beyond what a
# slow machine under sanitizers adds.
TIMEOUTS = "connect_timeout_ms = 1000; command_timeout_ms = 1000;"
HANGS_SECONDS = 8.0
# The command's exit status if the store could not do it, or not in time.
UNAVAILABLE = 3


class PatientLatchkey(Latchkey):
    """The command, asked again as long as the store has no time for it."""

    def must(self, *words, stdin=""):
        def said():
            result = self.run(*words, stdin=stdin)
            if result.returncode not in (0, UNAVAILABLE):
                raise Failed(f"latchkey {words[0]}: exit status "
                             f"{result.returncode}\n{result.stderr}")
            return [result.stdout.strip()] if not result.returncode else None
        return wait_until(said, f"latchkey {words[0]} to succeed",
                          FAILOVER_PATIENCE)[0]

    def verdict(self, token):
        """The exit status of a check that there was time for."""
        return wait_until(lambda: [
            result.returncode for result in [self.run("check", token)]
            if result.returncode != UNAVAILABLE], "a verdict",
            FAILOVER_PATIENCE)[0]


class Client:
    """A gate and a program that uses the library, in one place."""

    def __init__(self, stage, name="client", host=Loopback, sentinel="",
                 durability="replica"):
        self.stage = stage
        self.place = stage.place
        self.name = name
        self.host = host
        self.sentinel = sentinel
        self.durability = durability
        self.listen = f"unix:{self.place.path}/{name}.sock"
        self.write()
        self.cli = PatientLatchkey(self.place, self.conf, host.prefix)
        self.gate = self.place.add(Gate(self.place, self.conf, self.listen,
                                        f"{name}-gate", host.prefix))
        self.pid = self.gate.process.pid
        self.loads = []

    def write(self, change=lambda text: text):
        """Write the settings, perhaps changed."""
        store = change(self.stage.cluster.store_settings(
            f'durability = "{self.durability}";', TIMEOUTS, self.sentinel))
        self.conf = self.place.write(
            f"{self.name}.conf",
            f'{store}gate = {{ listen = "{self.listen}"; }};\n'
            'log = { level = "debug"; };\n')

    def add_gate_load(self, **options):
        self.loads.append(GateLoad(self.cli, self.gate, **options))
        return self.loads[-1]

    def add_library_load(self):
        self.loads.append(LibraryLoad(self.place, self.conf,
                                      self.host.prefix, f"{self.name}-load"))
        return self.loads[-1]

    def reload(self):
        """Let the gate and the program take the settings anew."""
        before = self.gate.output().count("settings reloaded")
        self.gate.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.gate.output().count("settings reloaded")
                   > before, "the gate to reload")
        for one in self.loads:
            if isinstance(one, LibraryLoad):
                one.reload()


class Stage:
    def __init__(self, place, hosts=(Loopback,) * 3, hurried=True):
        self.place = place
        self.cluster = Cluster(place, hosts, hurried)
        self.clients = []
        # When what happens is over, by time.monotonic().
        self.over = float("inf")

    def add_client(self, *words, **options):
        client = Client(self, *words, **options)
        self.clients.append(client)
        return client

    def add_usual_client(self):
        """One under load from the gate and from the library."""
        client = self.add_client()
        client.add_gate_load()
        client.add_library_load()
        self.warm_up()
        return client

    def loads(self):
        return [one for client in self.clients for one in client.loads]

    def warm_up(self):
        """Start all loads, and wait until each has done everything."""
        for one in self.loads():
            self.place.add(one)
        for one in self.loads():
            wait_until(lambda one=one: History(one.records()).ends(OK)
                       and len(load.successes(one.records())) > 100,
                       "load to begin", FAILOVER_PATIENCE)

    def go_on(self, since=None, count=50):
        """Wait until everybody has done a lot more since then, or now."""
        since = since or time.monotonic()
        for one in self.loads():
            wait_until(lambda one=one: len(load.successes(
                of(one.records(), "check"), since)) > count,
                "load to go on", FAILOVER_PATIENCE)

    def failed_over(self, old):
        """Wait for another master."""
        master = self.cluster.wait_for_failover(old)
        self.over = time.monotonic()
        return master

    def settle(self):
        """Wait until the cluster is whole, and everybody went on."""
        self.cluster.wait_until_well()
        self.go_on()

    def finish(self):
        """End the loads and judge them; each one's records by its name."""
        for client in self.clients:
            for one in client.loads:
                self.judge(one)
            if not client.gate.running() or (client.gate.process.pid
                                             != client.pid):
                raise Failed("the gate did not live through it")
            token = client.cli.issue("last")
            assert client.cli.check(token)["user"] == "last"
            # Once more, perhaps, if no replica had it in time.
            client.cli.revoke(token)
            assert client.cli.verdict(token) == 1

    def judge(self, one):
        records = one.finish()
        bad = {name: (len(those), those[:5]) for name, those in judge(
            records, STALENESS_SECONDS, HANGS_SECONDS, self.over).items()}
        if bad:
            raise Failed(f"{type(one).__name__}, over at {self.over}: {bad}")
        if not of(records, "last") or not History(records).ends(OK):
            raise Failed("nothing was revoked, or looked at in the end")
