"""The gate that holds no key: it asks the agent."""

import os
import socket
import threading

import pytest

from support import fastcgi
from support.agent import Agent, AgentHouse
from support.place import wait_until
from support.servers import Gate, Latchkey

# Whom the gate becomes.
USER = "daemon"
ROW = f'{{{{ users = [ "{USER}" ]; may = [ {{}} ]; }}}}'
ALL = ROW.format('"check", "refresh", "revoke", "list"')
CHECK = ROW.format('"check"')


class House(AgentHouse):
    """An agent, and a gate behind it that is an ordinary user."""

    def __init__(self, place):
        super().__init__(place)
        self.client = place.path / "latchkey.conf"

    def gate(self, extra="", timeout=20000, more=""):
        listen = f"unix:{self.place.path}/gate.sock"
        self.place.write("latchkey.conf", f'''
store = {{ backend = "agent"; agent = {{ address = "{self.address}";
  timeout_ms = {timeout}; }}; }};
gate = {{ listen = "{listen}"; user = "{USER}"; threads = 2; {extra} }};
log = {{ level = "debug"; }};
{more}''', 0o644)
        self.cli = Latchkey(self.place, self.client)
        return self.place.add(Gate(self.place, self.client, listen))


@pytest.fixture
def house(place):
    if os.geteuid() != 0:
        pytest.skip("needs root, to be other users")
    return House(place)


def bearer(token, path="/", **variables):
    return fastcgi.request_of(path, HTTP_AUTHORIZATION=f"Bearer {token}",
                              **variables)


def endpoint(gate, name, token, method="POST"):
    return gate.ask(
        bearer(token, LATCHKEY_ENDPOINT=name, REQUEST_METHOD=method,
               FCGI_ROLE="RESPONDER"), role=fastcgi.RESPONDER)


def test_gate_behind_the_agent_serves_all_its_endpoints(house):
    house.agent(ALL)
    gate = house.gate("expose_metrics = true;")
    token, other = house.cli.issue("alice"), house.cli.issue("alice")
    allowed = gate.ask(bearer(token))
    assert allowed.status == 200
    assert ("Variable-REMOTE_USER", "alice") in allowed.headers
    assert gate.ask(bearer(token[:-1] + "A" if token[-1] != "A"
                           else token[:-1] + "B")).status == 401
    assert endpoint(gate, "sessions", token, "GET").body.count(
        '"id"') == 2
    assert endpoint(gate, "health", token, "GET").status == 200
    assert endpoint(gate, "logout", other).status == 200
    assert gate.ask(bearer(other)).status == 401
    assert endpoint(gate, "logout-all", token).status == 200
    assert gate.ask(bearer(token)).status == 401


def test_gate_shows_the_detail_that_the_agent_has_asked_for(house):
    house.agent(CHECK, more='''user = { source = "exec"; command = [ "/bin/sh",
        "-c", "echo '{\\"role\\":\\"admin\\"}'", "source" ]; };''')
    gate = house.gate('''detail = true; rules = (
        { path = "/admin"; access = "session"; require = (
            { field = "role"; any = [ "admin" ]; } ); },
        { path = "/boss"; access = "session"; require = (
            { field = "role"; any = [ "boss" ]; } ); },
        { path = "/"; access = "session"; } );''')
    token = house.cli.issue("alice")
    for path, status in (("/", 200), ("/admin", 200), ("/boss", 403)):
        assert gate.ask(bearer(token, path)).status == status, path


def test_gate_with_the_least_row_renews_nothing_and_lets_in(house):
    house.agent(CHECK)
    gate = house.gate("renew_below = 604799;")
    token = house.cli.issue("alice", "--ttl", "600")
    assert gate.ask(bearer(token)).status == 200
    assert endpoint(gate, "logout", token).status == 503
    assert int(house.cli.check(token)["ttl"]) <= 600
    assert gate.ask(bearer(token)).status == 200


def test_gate_with_an_agent_that_hangs_serves_what_needs_none(house):
    agent = house.agent(CHECK)
    gate = house.gate('''rules = ( { path = "/public"; access = "public"; },
        { path = "/"; access = "session"; } );''', timeout=300)
    token = house.cli.issue("alice")
    assert gate.ask(bearer(token)).status == 200
    agent.freeze()
    try:
        assert gate.ask(bearer(token)).status == 503
        assert gate.ask(bearer("x", "/public")).status == 200
        assert gate.ask(bearer(token)).status == 503
    finally:
        agent.thaw()
    wait_until(lambda: gate.ask(bearer(token)).status == 200,
               "the gate to let in again")


def test_gate_asks_no_agent_that_does_not_answer(house):
    """After some that took their time it costs nobody any."""
    agent = house.agent(CHECK)
    gate = house.gate(timeout=100)
    token = house.cli.issue("alice")
    wait_until(lambda: gate.ask(bearer(token)).status == 200, "the agent")

    def refuses(saying):
        assert gate.ask(bearer(token)).status == 503
        return saying in gate.output()

    with agent.frozen():
        for saying in ("asked by nobody for a moment",
                       "is not asked for a moment"):
            wait_until(lambda saying=saying: refuses(saying), saying)
    wait_until(lambda: gate.ask(bearer(token)).status == 200,
               "the gate to let in again")


# ---- Restarts ----------------------------------------------------------------


class Load:
    """Threads that ask a gate for two sessions, of which one has ended."""

    def __init__(self, house, gate):
        self.gate = gate
        self.live, self.dead = (house.cli.issue("alice") for _ in range(2))
        assert house.cli.revoke(self.dead) == 1
        self.counts, self.wrong = {}, []
        self.lock, self.ending = threading.Lock(), threading.Event()
        self.threads = [threading.Thread(target=self.run) for _ in range(3)]
        for thread in self.threads:
            thread.start()

    def run(self):
        while not self.ending.is_set():
            for token, good in ((self.live, 200), (self.dead, 401)):
                try:
                    status = self.gate.ask(bearer(token)).status
                except OSError as error:
                    status = repr(error)
                with self.lock:
                    self.counts[status] = self.counts.get(status, 0) + 1
                    if status not in (good, 503):
                        self.wrong.append((good, status))

    def answered(self):
        """How many have been told what is so."""
        with self.lock:
            return self.counts.get(200, 0) + self.counts.get(401, 0)

    def goes_on(self):
        before = self.answered()
        wait_until(lambda: self.answered() > before + 20, "answers")

    def end(self):
        self.ending.set()
        for thread in self.threads:
            thread.join()
        assert not self.wrong
        return self.counts.get(503, 0)


# Takes the listener of the process ${1}, its descriptor ${2}, as a service
# manager would hand it over.
TAKE = """
import ctypes, os, sys
call = ctypes.CDLL(None).syscall
fd = call(438, os.pidfd_open(int(sys.argv[1])), int(sys.argv[2]), 0)
os.dup2(fd, 3)
os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[3], sys.argv[3:])
"""


@pytest.fixture
def listener():
    """What binds a socket that stays while agents come and go."""
    opened = []

    def bind(address):
        sock = socket.socket(socket.AF_UNIX)
        sock.bind(address.removeprefix("unix:"))
        os.chmod(address.removeprefix("unix:"), 0o666)
        sock.listen(512)
        opened.append(sock)
        return sock.fileno()

    yield bind
    for sock in opened:
        sock.close()


def test_gate_loses_nothing_as_an_agent_with_a_kept_socket_restarts(house,
                                                                    listener):
    house.write(CHECK, "threads = 2;")
    agent = house.place.add(Agent(
        house.place, house.conf, house.address,
        ["/usr/bin/python3", "-c", TAKE, str(os.getpid()),
         str(listener(house.address))]))
    load = Load(house, house.gate())
    try:
        for _ in range(5):
            load.goes_on()
            agent.stop()
            agent.start()
        load.goes_on()
    finally:
        unknown = load.end()
    assert unknown == 0


@pytest.mark.parametrize("how", ["stop", "kill"])
def test_gate_says_nothing_wrong_as_an_agent_and_its_socket_restart(house,
                                                                    how):
    agent = house.agent(CHECK)
    load = Load(house, house.gate())
    try:
        for _ in range(5):
            load.goes_on()
            getattr(agent, how)()
            agent.start()
        load.goes_on()
    finally:
        unknown = load.end()
    # While nobody was there it could not be found out.
    assert unknown > 0
    print(f"{unknown} of {sum(load.counts.values())} were 503")

