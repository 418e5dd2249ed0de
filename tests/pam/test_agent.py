"""Hosts that hold no key: their module asks the agent, and each of their users
has the least row there."""

import os
import socket
import subprocess
import threading

import pytest

from support.agent import Agent
from support.dovecot import Dovecot, Imap
from support.machine import USERS
from support.pam import CONF, HOSTS, Tokens
from support.pamtester import AUTH_ERR, AUTHINFO_UNAVAIL, SERVICE_ERR
from support.place import PLAIN
from support.servers import PATIENT

LATCHKEY = PLAIN / "latchkey"
CALLERS = ("postgres", "dovecot", "www-data")
# Knows who logs in as alice, and takes its time.
SOURCE = '''user = { source = "exec"; timeout_ms = 20000; command = [ "/bin/sh",
  "-c", "sleep 1; echo '{\\"login\\":\\"alice\\"}'", "source" ]; };
'''


class DovecotAsItself(Dovecot):
    """One whose workers, who call PAM, are not root."""

    name = "dovecot-itself"
    worker = "dovecot"


class ImapAsItself(Imap):
    name = "dovecot-itself"

    def prepare(self):
        self.server = self.house.server(DovecotAsItself)


class House:
    """The house of all tests of PAM, with an agent in it."""

    def __init__(self, house):
        self.house = house
        self.address = f"unix:{house.place.path}/agent.sock"
        self.conf = house.place.write("latchkeyd.conf", f'''
store = {{ backend = "redis"; redis = {{ address = "{house.redis.address}";
  {PATIENT} }}; }};
agent = {{ listen = "{self.address}"; threads = 2; callers = ( {{
  users = [ {", ".join(f'"{name}"' for name in CALLERS)} ];
  may = [ "check" ]; }} ); }};
{SOURCE}''')
        self.agent = Agent(house.place, self.conf, self.address, build=PLAIN)
        self.settle()

    def settle(self, address=None, more="timeout_ms = 20000;"):
        """Settings without a secret, that everybody may read."""
        self.house.machine.write(CONF, f'''
store = {{ backend = "agent"; agent = {{
  address = "{address or self.address}"; {more} }}; }};
user = {{ timeout_ms = 20000; }};
log = {{ level = "debug"; }};
''')

    def run(self, *argv, user=None):
        return self.house.machine.run(*argv, user=user)


@pytest.fixture(scope="module")
def agency(house):
    agency = House(house)
    house.place.add(agency.agent)
    yield agency
    agency.agent.stop()
    house.place.daemons.remove(agency.agent)
    house.write_settings()
    # What the agent's source knows is not what the file of the others has.
    assert house.cli.run("user", "delete", "alice", "bob",
                         "000001").returncode in (0, 1)


@pytest.fixture(scope="module")
def tokens(agency):
    return Tokens(agency.house.cli)


@pytest.fixture(params=[*HOSTS, "dovecot-itself"])
def host(request, agency):
    if request.param != "dovecot-itself":
        return agency.house.host(request.param)
    host = ImapAsItself(agency.house)
    host.machine.service(host.service, host.example())
    return host


def test_agent_host_lets_in_and_refuses(agency, host, tokens):
    token = agency.house.cli.issue("alice")
    assert host.login("alice", token)
    assert agency.house.cli.revoke(token) == 1
    assert not host.login("alice", token)
    for kind in Tokens.KINDS:
        assert not host.login("alice", tokens.bad(kind)), kind


def test_agent_host_refuses_while_it_is_away_and_lets_in_after(agency, host):
    token = agency.house.cli.issue("alice")
    agency.agent.stop()
    assert not host.login("alice", token)
    agency.agent.start()
    assert host.login("alice", token)


def ask_as(agency, user, *words):
    """pamtester as a user."""
    tester = agency.house.host("pamtester")
    done = agency.house.machine.run(
        "pamtester", tester.service, "alice", "authenticate",
        stdin=words[0] + "\n", user=user)
    tester.note(done.stdout + done.stderr)
    return done


@pytest.mark.parametrize("user", CALLERS)
def test_agent_lets_each_user_check_and_nothing_else(agency, user):
    token = agency.house.cli.issue("alice")
    assert ask_as(agency, user, token).returncode == 0
    for words in (("issue", "root"), ("revoke", token), ("list", "alice"),
                  ("refresh", token), ("revoke-all", "alice"),
                  ("logout-others", token), ("user", "get", "alice"),
                  ("user", "delete", "alice"), ("user", "load", "alice"),
                  ("history", "alice")):
        done = agency.run(LATCHKEY, *words, user=user)
        assert done.returncode == 2, words
        assert "no row of agent.callers" in done.stderr, words
    # Which is no fault.
    doctor = agency.run(LATCHKEY, "doctor", user=user)
    assert doctor.returncode == 0, doctor
    assert "hint  session: agent.callers does not let this user" in (
        doctor.stdout)
    # The store as a whole is nobody's through the agent.
    for words in (("store", "export"), ("store", "stats"), ("store", "sweep"),
                  ("history", "alice", "--erase")):
        done = agency.run(LATCHKEY, *words)
        assert done.returncode == 2
        assert "latchkey -c /etc/latchkey/latchkeyd.conf" in done.stderr
    assert agency.house.cli.check(token)["user"] == "alice"


ISSUE = ["curl", "-s", "-d", "user=root", "http://localhost/v1/issue",
         "--unix-socket"]


@pytest.mark.parametrize("user", CALLERS)
@pytest.mark.parametrize("mapped", ["--map-root-user", "--user"])
def test_agent_lets_root_of_a_namespace_do_no_more(agency, user, mapped):
    path = agency.address.removeprefix("unix:")
    done = agency.run("unshare", "--user", mapped, "true", user=user)
    if done.returncode != 0:
        pytest.skip(f"no namespace of users here: {done.stderr.strip()}")
    done = agency.run("unshare", "--user", mapped, *ISSUE, path, user=user)
    assert '"status":"settings are wrong"' in done.stdout, done
    # In there neither the settings nor the agent are root's.
    done = agency.run("unshare", "--user", mapped, LATCHKEY, "issue", "root",
                      user=user)
    assert done.returncode == 2
    assert "65534" in done.stderr


# A program that embeds the library asks, becomes another user, and asks.
CHANGES = '''
import ctypes, os, pwd, sys
lk = ctypes.CDLL(sys.argv[1])
settings, manager, error, session = (ctypes.c_void_p(), ctypes.c_void_p(),
    ctypes.create_string_buffer(4096), ctypes.create_string_buffer(4096))
tokens = [ctypes.create_string_buffer(16384) for _ in range(2)]
assert lk.lk_settings_load(sys.argv[2].encode(), ctypes.byref(settings),
                           error) == 0, error.value
assert lk.lk_manager_new(settings, None, ctypes.byref(manager), error) == 0
print(lk.lk_issue(manager, b"alice", None, tokens[0], session))
account = pwd.getpwnam(sys.argv[3])
os.setgroups([])
os.setresgid(*3 * [account.pw_gid])
os.setresuid(*3 * [account.pw_uid])
print(lk.lk_issue(manager, b"root", None, tokens[1], session))
print(lk.lk_check(manager, tokens[0], session))
'''


@pytest.mark.parametrize("user", CALLERS)
def test_agent_goes_by_who_asks_after_a_change_of_user(agency, user):
    done = agency.run("/usr/bin/python3", "-c", CHANGES,
                      PLAIN / "liblatchkey.so", CONF, user)
    assert done.stdout.split() == ["0", "-4", "0"], done


# ---- Details ---------------------------------------------------------------


def test_agent_asks_the_user_source_which_has_a_time_of_its_own(agency):
    tester = agency.house.host("pamtester")
    tester.use(tester.example().replace(
        "pam_latchkey.so", "pam_latchkey.so user_field=login"))
    token = agency.house.cli.issue("000001")
    session = agency.house.cli.check(token)["id"]
    try:
        # The source takes longer than the agent may.
        agency.settle(more="timeout_ms = 300;")
        assert tester.ask("alice", token, "authenticate").status == 0
        assert tester.ask("bob", token, "authenticate").code == AUTH_ERR
        # The account step, which may have the id alone, asks as well.
        for user, status in (("alice", 0), ("bob", 1)):
            assert tester.ask(user, "", "acct_mgmt",
                              session=session).status == status
    finally:
        agency.settle()
        tester.use(tester.example())


# ---- Trouble ---------------------------------------------------------------


class Planted:
    """A socket of another user's, who listens for tokens."""

    def __init__(self, path, uid):
        self.heard = b""
        ready, told = os.pipe()
        self.ours, theirs = socket.socketpair()
        self.pid = os.fork()
        if self.pid == 0:
            os.setgid(uid)
            os.setuid(uid)
            listener = socket.socket(socket.AF_UNIX)
            listener.bind(str(path))
            path.chmod(0o666)
            listener.listen()
            os.write(told, b"x")
            threading.Thread(target=self.listen, args=(listener, theirs),
                             daemon=True).start()
            theirs.recv(1)
            os._exit(0)
        theirs.close()
        assert os.read(ready, 1) == b"x"

    @staticmethod
    def listen(listener, theirs):
        while True:
            sock, _ = listener.accept()
            theirs.sendall(sock.recv(65536))

    def close(self):
        self.ours.sendall(b"x")
        os.waitpid(self.pid, 0)
        self.heard = self.ours.recv(65536)
        self.ours.close()


def absent(agency):
    agency.settle(f"unix:{agency.house.place.path}/no-agent.sock")
    return lambda: None


def planted(agency):
    folder = agency.house.place.path / "planted"
    folder.mkdir(exist_ok=True)
    folder.chmod(0o777)
    thief = Planted(folder / "agent.sock", USERS["bob"])
    agency.settle(f"unix:{folder}/agent.sock")

    def end():
        thief.close()
        (folder / "agent.sock").unlink()
        assert thief.heard == b""

    return end


def killed(agency):
    agency.agent.process.kill()
    agency.agent.process.wait()

    def end():
        agency.agent.start()

    return end


def hung(agency):
    agency.settle(more="timeout_ms = 300;")
    agency.agent.freeze()
    return agency.agent.thaw


def closed(agency):
    path = agency.address.removeprefix("unix:")
    os.chmod(path, 0o600)
    return lambda: os.chmod(path, 0o666)


TROUBLE = {
    absent: (AUTHINFO_UNAVAIL, 3, "connect: No such file or directory"),
    killed: (AUTHINFO_UNAVAIL, 3, "connect: Connection refused"),
    hung: (AUTHINFO_UNAVAIL, 3, "no answer in time; store.agent.timeout_ms "),
    closed: (AUTHINFO_UNAVAIL, 3, "connect: Permission denied"),
    planted: (SERVICE_ERR, 2, "it is user 64102's, and neither root's nor"),
}


@pytest.mark.parametrize("trouble", TROUBLE, ids=lambda f: f.__name__)
def test_agent_in_trouble_is_no_refusal_and_doctor_says_which(agency,
                                                              trouble):
    code, status, said = TROUBLE[trouble]
    token = agency.house.cli.issue("alice")
    end = trouble(agency)
    try:
        done = ask_as(agency, "www-data", token)
        assert f"pamtester: {code}" in done.stdout + done.stderr, done
        doctor = agency.run(LATCHKEY, "doctor", user="www-data")
        assert doctor.returncode == status, doctor
        assert said in doctor.stdout, doctor
    finally:
        end()
        agency.settle()
    assert ask_as(agency, "www-data", token).returncode == 0


def test_agent_that_is_the_users_of_the_settings_is_asked(agency):
    """Started by hand, its socket is of the user that it has become."""
    folder = agency.house.place.path / "of-bob"
    folder.mkdir()
    os.chown(folder, USERS["bob"], USERS["bob"])
    address = f"unix:{folder}/agent.sock"
    conf = agency.house.place.write("of-bob.conf", agency.conf.read_text()
                                    .replace(agency.address, address), 0o644)
    os.chown(conf, USERS["bob"], USERS["bob"])
    conf.chmod(0o600)
    agent = Agent(agency.house.place, conf, address, build=PLAIN,
                  prefix=["setpriv", f"--reuid={USERS['bob']}",
                          f"--regid={USERS['bob']}", "--clear-groups"])
    agency.house.place.add(agent)
    token = agency.house.cli.issue("alice")
    try:
        for user, status in (("bob", 0), (USERS["bob"], 0), ("alice", 9),
                             (USERS["alice"], 9), ("no-such-user", 9)):
            agency.settle(address, f'timeout_ms = 20000; user = "{user}";')
            done = agency.run(LATCHKEY, "check", token)
            assert done.returncode == (2 if status else 0), (user, done)
    finally:
        agent.stop()
        agency.house.place.daemons.remove(agent)
        agency.settle()


def test_agent_of_the_daemon_is_no_store_of_its_own(agency):
    conf = agency.house.place.write("itself.conf", f'''
store = {{ backend = "agent"; agent = {{ address = "{agency.address}"; }}; }};
agent = {{ listen = "{agency.address}.2"; }};
''')
    done = subprocess.run([PLAIN / "latchkeyd", "-c", conf], text=True,
                          capture_output=True, check=False)
    assert done.returncode == 2
    assert "store.backend: expected a store" in done.stderr
