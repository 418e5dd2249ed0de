#!/usr/bin/python3
"""Everything at once, for as long as you like, and whether anything grows.

    soak.py [SECONDS [SEED]]

A gate behind nginx, by FastCGI and by HTTP, an agent, and a program that lets
in by PAM, over Redis behind Sentinel; a gate and an agent over a file beside
them.  In rounds: sessions live and end at all doors, while a master is killed
or hangs, settings are reloaded and a log is not read; then all is well again,
every session is looked at once more, and the judge has his say.  Between two
rounds nobody asks anything, and a reload has closed what was kept: there each
process has to have as many descriptors and threads as ever.  What it takes of
memory is weighed all the time.
"""

import collections
import contextlib
import fcntl
import getpass
import os
import random
import signal
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.agent import Agent  # noqa: E402
from support.backend import Backend, FastcgiBackend  # noqa: E402
from support.failover import (HANGS_SECONDS, STALENESS_SECONDS,  # noqa: E402
                              TIMEOUTS)
from support.flat import (MEMORY, Scales, grows, shape_of,  # noqa: E402
                          thirds)
from support.judge import WAVERING, History, judge  # noqa: E402
from support.lives import Asked, Direct, Life, Page, Pam, World  # noqa: E402
from support.load import E_NOT_DURABLE, E_STORE, OK, failures  # noqa: E402
from support.login import program  # noqa: E402
from support.nginx import Nginx, NginxHttp  # noqa: E402
from support.pam_handle import Handle  # noqa: E402
from support.place import Place, wait_until  # noqa: E402
from support.sentinel import Cluster  # noqa: E402
from support.servers import Gate  # noqa: E402

# Of the run: what it takes until everything has been in use, such as the
# revocations that are carried over, which are kept for ten minutes.
WARM_UP = 0.2
# After a failover, until what had failed is tried again.
GRACE_SECONDS = 5.0
# A round goes on for so long beside its trouble.
ROUND_SECONDS = (6.0, 20.0)
LIVES, FILE_LIVES = 5, 2
# Of what is asked while nothing is at fault, what may have no answer: a
# machine with other things to do may stand still for a second.
UNANSWERED = 0.001
DEAF_SECONDS = 3.0
# After it nothing more is closed.
REST_SECONDS = 10.0
RELOADED = "settings reloaded"


class Heard:
    """A daemon whose log is a pipe, of which only the end is kept."""

    def __init__(self, *words, **options):
        super().__init__(*words, **options)
        self.log = self.place.path / f"{self.name}.pipe"
        os.mkfifo(self.log)
        self.pipe = os.open(self.log, os.O_RDWR)
        fcntl.fcntl(self.pipe, fcntl.F_SETPIPE_SZ, 4096)
        self.lines = collections.deque(maxlen=200)
        self.reloads = 0
        self.hearing = threading.Event()
        self.hearing.set()
        threading.Thread(target=self._hear, daemon=True).start()

    def _hear(self):
        with open(self.pipe, errors="replace") as pipe:
            for line in pipe:
                self.lines.append(line)
                self.reloads += RELOADED in line
                self.hearing.wait()

    def output(self):
        return "".join(self.lines)

    @contextlib.contextmanager
    def unheard(self):
        """While nobody reads what it says."""
        self.hearing.clear()
        try:
            yield
        finally:
            self.hearing.set()

    def hang_up(self):
        before = self.reloads
        self.process.send_signal(signal.SIGHUP)
        wait_until(lambda: self.reloads > before, f"{self.name} to reload")


class HeardGate(Heard, Gate):
    pass


class HeardAgent(Heard, Agent):
    def __init__(self, place, conf, address, name):
        self.name = name
        super().__init__(place, conf, address)
        self.name = name


class Site:
    """What nginx is told of, of support/site.py."""

    def __init__(self, place, gate_socket, http_socket):
        self.place = place
        self.gate_socket, self.http_socket = gate_socket, http_socket
        self.service = place.add(Backend())
        self.program = place.add(FastcgiBackend())
        self.pages = place.path / "pages"
        self.pages.mkdir(mode=0o755)


class Soak:
    def __init__(self, place, seconds, seed):
        self.place, self.seconds = place, seconds
        self.random = random.Random(seed)
        self.bad = []          # What is wrong, in words.
        self.trouble = []      # When it began, and when it was over.
        self.resting = {}      # By name: shapes, and how often.
        self.done = collections.Counter()
        self.rounds = 0
        place.path.chmod(0o711)
        self.cluster = Cluster(place)
        store = self.cluster.store_settings('durability = "replica";',
                                            TIMEOUTS)
        self.daemons = []
        asked, gate = self.open("redis", store)
        site = Site(place, gate.gate.address.removeprefix("unix:"),
                    f"{place.path}/redis-http.sock")
        self.fronts = [place.add(front(site)) for front in (Nginx, NginxHttp)]
        pages = [Page(front) for front in self.fronts]
        pams = [place.add(Pam(place, name, Path(__file__).resolve(),
                              f"conf={place.write(f'{name}.conf', text)}"))
                for name, text in (
                    ("pam-sentinel", store),
                    ("pam-agent", f'store = {{ backend = "agent"; agent = '
                     f'{{ address = "{asked.address}"; }}; }};\n'))]
        self.world = World(asked, gate, [*pages, *pams])
        self.apart = World(*self.open(
            "file", f'store = {{ backend = "sqlite"; sqlite = '
            f'{{ path = "{place.path}/sessions.db"; }}; }};\n'))
        self.scales = Scales({one.name: one.process.pid
                              for one in [*self.daemons, *pams]})

    def open(self, name, store):
        """An agent and a gate."""
        path = self.place.path
        address = f"unix:{path}/{name}-agent.sock"
        log = 'log = { level = "debug"; };\n'
        asking = store.replace(
            "store = {", f'store = {{ agent = {{ address = "{address}"; '
            f'user = "{getpass.getuser()}"; }};', 1)
        agent = self.place.add(HeardAgent(
            self.place, self.place.write(
                f"{name}-agent.conf", f'{store}agent = {{ listen = '
                f'"{address}"; threads = 2; callers = ( {{ users = [ '
                f'"{getpass.getuser()}" ]; may = [ "check", "issue", '
                f'"refresh", "revoke", "list", "user" ]; }} ); }};\n{log}'),
            address, f"{name}-agent"))
        listen = f"unix:{path}/{name}-gate.sock"
        folder = path / f"{name}-login"
        folder.mkdir(mode=0o755)
        gate = self.place.add(HeardGate(
            self.place, self.place.write(
                f"{name}-gate.conf", f'{asking}gate = {{ listen = '
                f'"{listen}"; socket_mode = 0666; threads = 2; http = '
                f'{{ listen = "unix:{path}/{name}-http.sock"; }}; '
                f'login = {{ {program(self.place)} per_minute = 1000; }}; '
                f'login_url = "/session/login"; page = {{ show = true; }}; '
                f'watch = {{ max = 20; }}; '
                f'}};\n{log}'), listen, f"{name}-gate"))
        self.daemons += [agent, gate]
        return Asked(agent), Direct(gate)

    # ---- Trouble: each goes on until all is well ---------------------------

    def crash(self):
        old = self.cluster.master()
        old.kill()
        self.cluster.wait_for_failover(old)
        old.start()

    def hang(self):
        old = self.cluster.master()
        with old.frozen():
            self.cluster.wait_for_failover(old)

    def hand_over(self):
        self.cluster.promote()

    def deafness(self):
        with contextlib.ExitStack() as stack:
            for daemon in self.random.sample(self.daemons, 2):
                stack.enter_context(daemon.unheard())
            time.sleep(DEAF_SECONDS)

    def reload(self):
        for daemon in self.daemons:
            daemon.hang_up()

    FAILOVERS = (crash, hang, hand_over)
    HARMLESS = (deafness, reload)

    def make_trouble(self):
        """One that takes a master away, and before or after it others."""
        fault = self.random.choice(self.FAILOVERS)
        others = self.random.sample(self.HARMLESS, 2)
        others[0](self)
        began = time.monotonic()
        fault(self)
        self.cluster.wait_until_well()
        self.trouble.append((began, time.monotonic() + GRACE_SECONDS))
        others[1](self)
        return fault.__name__

    def is_excused(self, record):
        """Whether there may be no answer to it."""
        return any(record.began < over and record.ended > began
                   for began, over in self.trouble)

    # ---- Rounds ------------------------------------------------------------

    def round(self):
        self.rounds += 1
        ending = threading.Event()
        lives = [Life(world, f"{self.rounds}x{number}") for number, world in
                 enumerate([self.world] * LIVES + [self.apart] * FILE_LIVES)]
        for life in lives:
            life.start(ending)
        try:
            time.sleep(self.random.uniform(*ROUND_SECONDS))
            what = self.make_trouble()
            # What is looked at once more is looked at when all is told.
            time.sleep(2 * GRACE_SECONDS)
        finally:
            ending.set()
            for life in lives:
                life.thread.join()
        for life in lives:
            life.finish()
            self.judge(life)
        self.rest()
        self.say(what)

    def note(self, wrong):
        print(f"WRONG: {wrong}", flush=True)
        self.bad.append(wrong)

    def is_of_the_old(self, history, record):
        """Whether it is refused, as the manual says, by who has not heard yet
        of the new master, where the session has just begun."""
        issued = history.issued.get(record.session)
        return (record.status > OK and issued is not None
                and self.is_excused(record)
                and record.began < issued.ended + STALENESS_SECONDS)

    def judge(self, life):
        for wrong in life.wrong:
            self.note(wrong)
        history = History(life.records)
        unsure = history.ends(E_NOT_DURABLE, E_STORE)
        records = [record for record in life.records
                   if not self.is_of_the_old(history, record)]
        for promise, those in judge(records, STALENESS_SECONDS,
                                    HANGS_SECONDS).items():
            # Until the new master is told, others let in what has ended
            # where no replica had it.
            those = [record for record in those
                     if not (promise == WAVERING and record.session in unsure
                             and self.is_excused(record))]
            if those:
                self.note(f"{promise}: {len(those)}, such as {those[:3]}\n"
                          f"{life.tell({those[0].session})}")
        missing = failures(life.records)
        causeless = [record for record in missing
                     if life.world is self.apart
                     or not self.is_excused(record)]
        if causeless:
            print(f"no answer without cause: {len(causeless)}, such as "
                  f"{causeless[:3]}")
        for record in life.records:
            self.done[record.what] += 1
        self.done["of a stranger"] += life.strangers
        self.done["without an answer"] += len(missing)
        self.done["of these without a cause"] += len(causeless)
        self.done["not durable"] += sum(record.status == E_NOT_DURABLE
                                        for record in missing)

    def rest(self):
        """Nobody asks; what was kept for the old settings is closed, and what
        nginx has kept.  What there is when no less is to be had is noted."""
        for front in self.fronts:
            front.process.send_signal(signal.SIGHUP)
        self.reload()
        lowest = {name: shape_of(pid)
                  for name, pid in self.scales.pids.items()}
        end = time.monotonic() + REST_SECONDS
        while time.monotonic() < end and any(
                shape != self.resting.get(name, [None])[0]
                for name, shape in lowest.items()):
            time.sleep(0.1)
            for name, pid in self.scales.pids.items():
                lowest[name] = min(lowest[name], shape_of(pid))
        for name, shape in lowest.items():
            self.resting.setdefault(name, []).append(shape)

    def say(self, what):
        weights = " ".join(
            f"{name}={noted[-1][1]['Rss']}" if noted else name
            for name, noted in self.scales.noted.items())
        print(f"{time.monotonic() - self.scales.began:7.0f} s  round "
              f"{self.rounds}: {what:9}  {sum(self.done.values())} done, "
              f"{self.done['without an answer']} without an answer, "
              f"{len(self.bad)} wrong; KiB: {weights}", flush=True)

    def run(self):
        self.scales.start()
        try:
            while time.monotonic() < self.scales.began + self.seconds:
                self.round()
        finally:
            self.scales.stop()
        self.conclude()

    def conclude(self):
        if self.scales.failure:
            self.note(self.scales.failure)
        if (self.done["of these without a cause"]
                > UNANSWERED * sum(self.done.values())):
            self.note("too much had no answer")
        print("done:", ", ".join(f"{count} {what}" for what, count in
                                 sorted(self.done.items())))
        for name in self.scales.pids:
            self.weigh(name)

    def weigh(self, name):
        said = []
        for what in MEMORY:
            series = self.scales.series(name, what, self.seconds * WARM_UP)
            first, last = thirds(series)
            said.append(f"{what} {first:.0f} -> {last:.0f} KiB")
            if grows(series):
                self.note(f"{name}: {what} grows: {first:.0f} -> "
                          f"{last:.0f} KiB")
        shapes = collections.Counter(self.resting[name])
        said.append("at rest " + ", ".join(
            f"{fds} descriptors, {threads} threads ({count} times)"
            for (fds, threads), count in shapes.items()))
        # Fewer are there between two connections to a Sentinel.
        first = self.resting[name][0]
        if any(more > least for shape in shapes
               for more, least in zip(shape, first)):
            self.note(f"{name}: {said[-1]}")
        print(f"{name}: {'; '.join(said)}")


def let_in(options):
    """A program that lets in by PAM: who and by what stands in a line, and
    the code that authenticate returns is the answer."""
    with Place() as place:
        for line in sys.stdin:
            user, token = line.split()
            with Handle(place, options, user.encode(),
                        [token.encode()]) as handle:
                print(handle.call("authenticate"), flush=True)


def main(words):
    if words[:1] == ["--pam"]:
        let_in(words[1])
        return 0
    seconds, seed = (*map(int, words), *(3600, 0)[len(words):])
    seed = seed or random.SystemRandom().randrange(1, 1 << 32)
    print(f"soak: {seconds} s, seed {seed}", flush=True)
    with Place() as place:
        soak = Soak(place, seconds, seed)
        try:
            soak.run()
        except BaseException:
            print("\n".join(f"---- {one.name}\n{one.output()[-4000:]}"
                            for one in soak.daemons))
            raise
    print(f"soak: seed {seed}: {soak.rounds} rounds,",
          "something is wrong" if soak.bad else "all is flat and as promised")
    return 1 if soak.bad else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
