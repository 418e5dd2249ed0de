"""What Sentinels say that is not the whole truth.

One that lies, or goes by an old configuration, makes no Redis the master alone,
whether the others contradict it or are gone.
"""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import fastcgi
from support.liar import Liar
from support.place import wait_until
from support.sentinel import Loopback, RedisNode
from support.servers import PATIENT, Gate, Latchkey

OK, STORE = 0, 3


class Setup:
    """Two Redis with a replica each, and three Sentinels that name the
    first."""

    def __init__(self, place):
        self.place = place
        self.real, self.false = (self.followed(number) for number in (1, 3))
        self.liars = [place.add(Liar(self.real.port)) for _ in range(3)]
        self.listen = f"unix:{place.path}/gate.sock"
        self.cli = Latchkey(place, self.write("latchkey.conf", "sentinel"))

    def followed(self, number):
        master = self.place.add(RedisNode(self.place, number, Loopback))
        self.place.add(RedisNode(self.place, number + 1, Loopback, master))
        wait_until(lambda: master.good_replicas() == 1, "a replica in step")
        return master

    def write(self, name, backend, redis=PATIENT, sentinel="",
              durability="ack"):
        addresses = ", ".join(f'"{liar.address}"' for liar in self.liars)
        return self.place.write(name, f'''
            store = {{ backend = "{backend}"; durability = "{durability}";
                durability_timeout_ms = 2000;
                redis = {{ {redis} }};
                sentinel = {{ addresses = [ {addresses} ]; {sentinel} }}; }};
            gate = {{ listen = "{self.listen}"; }};
            log = {{ level = "debug"; }};''')

    def start_gate(self, redis=PATIENT):
        gate = self.place.add(Gate(
            self.place, self.write("gate.conf", "sentinel", redis),
            self.listen))
        wait_until(lambda: "a replica can confirm the master" in gate.output(),
                   "the gate to know the master")
        return gate

    def forge(self):
        """A session that lives where only the liar says."""
        return Latchkey(self.place, self.write(
            "forger.conf", "redis",
            f'address = "{self.false.address}"; {PATIENT}')).issue("root")

    def leave_the_liar_alone(self):
        """One that names the other Redis, and nobody else answers."""
        self.liars[0].names = str(self.false.port)
        for liar in self.liars[1:]:
            liar.stop()


@pytest.fixture
def setup(place):
    return Setup(place)


def status(gate, token):
    return gate.ask(fastcgi.request_of(
        HTTP_AUTHORIZATION=f"Bearer {token}")).status


def test_lying_sentinel_moves_no_gate(setup):
    forged, token = setup.forge(), setup.cli.issue("alice")
    gate = setup.start_gate()
    assert status(gate, token) == 200
    assert status(gate, forged) == 401
    setup.liars[0].names = str(setup.false.port)
    since = time.monotonic()
    while time.monotonic() < since + 2:
        assert status(gate, token) == 200
        assert status(gate, forged) == 401
    setup.leave_the_liar_alone()
    # Nobody knows then: all is denied, and nobody is told that his session
    # has ended.
    wait_until(lambda: status(gate, token) == 503, "the gate to deny")
    since = time.monotonic()
    while time.monotonic() < since + 3:
        assert status(gate, token) == 503
        assert status(gate, forged) == 503
    assert "another redis is the master" not in gate.output()


def test_sentinel_that_fell_silent_has_taken_nothing_back(setup):
    """The last one spoke against the master that has its replica still."""
    token = setup.cli.issue("alice")
    gate = setup.start_gate()
    assert status(gate, token) == 200
    setup.leave_the_liar_alone()
    wait_until(lambda: status(gate, token) == 503, "the gate to deny")
    setup.liars[0].stop()

    def is_missed():
        assert status(gate, token) == 503
        return "no sentinel of 3 can be reached" in gate.output()
    wait_until(is_missed, "the liar to be missed")


def test_lying_sentinel_moves_no_command(setup):
    forged = setup.forge()
    setup.leave_the_liar_alone()
    result = setup.cli.run("check", forged)
    assert (result.returncode, result.stdout) == (STORE, "")
    assert "only 1 of 3 sentinels can be reached" in result.stderr


def test_lying_sentinel_is_believed_where_availability_is_preferred(setup):
    """The price that the manual names."""
    forged = setup.forge()
    setup.leave_the_liar_alone()
    careless = Latchkey(setup.place, setup.write(
        "careless.conf", "sentinel", sentinel="require_confirmed = false;"))
    assert careless.run("check", forged).returncode == OK
    # But nothing is durable by its word.
    result = careless.run("revoke", forged)
    assert result.returncode == STORE
    assert "revoked, not yet durable" in result.stderr


def test_sentinels_that_agree_are_needed_for_nothing_once_gone(setup):
    """A gate that knows the master goes on while it has its replica."""
    token = setup.cli.issue("alice")
    gate = setup.start_gate()
    assert status(gate, token) == 200
    for liar in setup.liars:
        liar.stop()
    since = time.monotonic()
    while time.monotonic() < since + 3:
        assert status(gate, token) == 200


def test_sentinels_that_name_by_number_and_by_name_agree(setup):
    setup.liars[0].host = "localhost"
    setup.liars[2].stop()
    token = setup.cli.issue("alice")
    gate = setup.start_gate()
    assert status(gate, token) == 200
    # Who is heard and who is not may change; nobody is contradicted by it.
    setup.liars[0].host, setup.liars[1].host = "127.0.0.1", "localhost"
    result = setup.cli.run("revoke", token)
    assert (result.returncode, result.stdout) == (OK, "1\n"), result
    wait_until(lambda: status(gate, token) == 401, "the gate to know")
    assert "another redis is the master" not in gate.output()


def test_sentinel_that_is_listed_twice_has_one_vote(setup):
    """By number and by name; with it alone there is no majority."""
    forged = setup.forge()
    liar = setup.liars[0]
    setup.liars[0].names = str(setup.false.port)
    conf = setup.place.write("twice.conf", f'''
        store = {{ backend = "sentinel"; redis = {{ {PATIENT} }};
            sentinel = {{ addresses = [ "{liar.address}",
                "localhost:{liar.port}", "{setup.liars[1].address}" ]; }};
            }};''')
    cli = Latchkey(setup.place, conf)
    for liar in setup.liars[1:]:
        liar.stop()
    result = cli.run("check", forged)
    assert (result.returncode, result.stdout) == (STORE, "")
    assert "listed twice" in result.stderr


def test_sentinel_that_names_another_by_name_agrees_with_nobody(setup):
    setup.liars[0].host = "localhost"
    setup.liars[0].names = str(setup.false.port)
    setup.liars[2].stop()
    result = setup.cli.run("issue", "alice")
    assert result.returncode == STORE
    assert "sentinels disagree" in result.stderr


def test_failover_that_is_stuck_refuses_no_login(setup):
    """As long as the replica that was chosen has the session as well."""
    strict = Latchkey(setup.place, setup.write(
        "strict.conf", "sentinel", durability="replica"))
    setup.liars[0].flags = "master,failover_in_progress"
    setup.liars[0].replicas = ["slave,promoted"]
    strict.issue("alice")
    # One that hangs may have been told to be the master already.
    setup.liars[0].replicas = ["slave", "slave,s_down,promoted"]
    result = strict.run("issue", "alice")
    assert (result.returncode, result.stdout) == (STORE, "")
    assert "1 of 2 replicas have it" in result.stderr


# For failures enough.
SOON = "command_timeout_ms = 500;"
BARRED = "the store is asked by nobody for a moment"


def fail_until_barred(gate, token):
    # Twice as many at once as it has threads: that those of one second are
    # enough does not hang on how soon we ask again.
    def gives_up():
        with ThreadPoolExecutor(8) as pool:
            assert 401 not in pool.map(status, [gate] * 8, [token] * 8)
        return BARRED in gate.output()
    wait_until(gives_up, "the gate to give up")


def is_barred(gate):
    """Whether it leaves the master alone, by what it said last.  On a slow
    machine the Sentinels may be heard too late as well."""
    barred, *others = (gate.output().rfind(line) for line in (
        BARRED, "the master answers again", "the master is confirmed again"))
    return barred > max(others)


def test_master_that_hung_is_found_well_by_who_watches(setup):
    """Nobody has to ask it in vain before."""
    token = setup.cli.issue("alice")
    gate = setup.start_gate(SOON)
    setup.real.freeze()
    fail_until_barred(gate, token)
    setup.real.thaw()
    wait_until(lambda: not is_barred(gate), "the gate to look")
    assert status(gate, token) == 200


def test_master_that_is_confirmed_again_is_asked_at_once(setup):
    """However long the failures before would have it left alone."""
    token = setup.cli.issue("alice")
    gate = setup.start_gate(SOON)
    replica = setup.place.daemons[1]
    replica.freeze()
    for liar in setup.liars:
        liar.talks.clear()
    fail_until_barred(gate, token)
    before = gate.output().count("confirmed again")
    for liar in setup.liars:
        liar.talks.set()
    wait_until(lambda: gate.output().count("confirmed again") > before,
               "the master to be confirmed")
    assert status(gate, token) == 200
    replica.thaw()
