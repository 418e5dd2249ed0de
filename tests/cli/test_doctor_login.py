"""What `latchkey doctor` says of a login: who checks, and who issues."""

import os
import subprocess

import pytest

from support.login import GATE_USER, LoginHouse, program
from support.place import Place, wait_until

DONE, USAGE = 0, 2
FOR = f"for the gate's user {GATE_USER}\n"

pytestmark = pytest.mark.skipif(
    os.geteuid() != 0, reason="only root can play other users")


class House(LoginHouse):
    def __init__(self, place, login="", **options):
        super().__init__(place, login, **options)
        self.conf.write_text(self.conf.read_text().replace(
            "login = {", f'user = "{GATE_USER}"; login = {{', 1))
        self.socket = self.checker.socket if self.checker else None

    def says(self, *lines, status=USAGE):
        done = self.cli.run("doctor")
        for line in lines:
            assert line in done.stdout, done
        assert done.returncode == status, done
        return done.stdout


@pytest.fixture(scope="module")
def house():
    with Place() as place:
        yield House(place)


@pytest.fixture
def agent_says(house):
    """Another row of the gate's user, for a while."""
    conf = house.place.path / "latchkeyd.conf"
    before = conf.read_text()

    def write(row):
        start = before.index("{ users =")
        end = before.index(" ); next_hosts")
        conf.write_text(before[:start] + row + before[end:])
        house.agent.restart()

    yield write
    conf.write_text(before)
    house.agent.restart()


def test_doctor_finds_a_login_good(house):
    said = house.says(
        f"ok    gate.login.socket: {house.socket}: good {FOR}",
        f"ok    gate.login: unix:{house.place.path}/agent.sock: good {FOR}",
        status=DONE)
    assert "WRONG" not in said
    # The session that was issued to see lives for a second.
    wait_until(lambda: not house.cli.must("list", "latchkey-doctor").strip(),
               "its end")


@pytest.mark.parametrize("row, line", [
    (f'{{ users = [ "{GATE_USER}" ]; may = [ "check" ]; }}',
     "WRONG gate.login: agent at "),
    ('{ users = [ "daemon" ]; may = [ "issue" ]; }',
     "WRONG gate.login: agent at "),
    (f'{{ users = [ "{GATE_USER}" ]; may = [ "issue" ]; '
     'clients = [ "mail" ]; }', "hint  gate.login: ")],
    ids=["check", "nobody", "kind"])
def test_doctor_sees_that_the_agent_will_not_issue(house, agent_says, row,
                                                   line):
    agent_says(row)
    house.says(line, FOR, status=DONE if line.startswith("hint") else USAGE)


def test_doctor_sees_an_agent_that_is_away(place):
    house = House(place)
    house.agent.stop()
    house.says("WRONG gate.login: agent at ", FOR)


def test_doctor_sees_a_checker_that_the_gate_cannot_reach(place):
    house = House(place)
    house.socket.parent.chmod(0o700)
    house.says(f"WRONG gate.login.socket: {house.socket}: connect: "
               "Permission denied", FOR)
    house.socket.parent.chmod(0o755)
    house.checker.stop()
    house.says(f"WRONG gate.login.socket: {house.socket}: connect: ", FOR)


def test_doctor_sees_a_checker_that_is_not_roots(place):
    theirs = place.path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o777)
    mux = theirs / "mux"
    house = House(place, f'socket = "{mux}";', checker=None)
    with subprocess.Popen(
            ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups",
             "/usr/bin/python3", "-c",
             "import os, socket, sys\n"
             "s = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\n"
             "os.chmod(sys.argv[1], 0o666)\ns.listen(1)\n"
             "os._exit(len(s.accept()[0].recv(4096)))", mux]) as process:
        wait_until(mux.exists, "the socket")
        house.says(f"WRONG gate.login.socket: {mux}: who listens there is not "
                   "root", FOR)
        assert process.wait() == 0


def test_doctor_sees_a_program_that_the_gate_cannot_run(place):
    house = House(place, program(place), checker=None)
    house.says("ok    gate.login.command: ", status=DONE)
    path = place.path / "check"
    path.chmod(0o700)
    house.says(f"WRONG gate.login.command: {path}: Permission denied", FOR)
