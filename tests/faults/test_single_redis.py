"""The command, the gate and the PAM module while a single Redis is in each
kind of trouble, and afterwards; no program is restarted in between."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support import fastcgi
from support.faults import (EXIT_OF, FAULTS, HTTP_OF, PAM_CLOSE_OF, PAM_OF,
                            WORKS, Patient)
from support.pamtester import AUTH_ERR
from support.place import Place, wait_until

NEVER_ISSUED = "lk_" + "A" * 64
# What is no token: a stack may take it when the store is away.
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def patient():
    with Place() as place:
        yield Patient(place)


class Site:
    """The programs, and what they say of a few sessions."""

    def __init__(self, patient, fault):
        door = patient.door(fault.door)
        self.cli, self.gate, self.pam = door.cli, door.gate, door.pam
        with ThreadPoolExecutor(4) as pool:
            self.live, self.doomed, self.leaving, self.closing = pool.map(
                self.cli.issue, ["alice"] * 4)
            self.live_id, self.closing_id = (
                session["id"] for session in pool.map(
                    self.cli.check, (self.live, self.closing)))

    def request(self, token):
        """The gate's answer to a request with this session."""
        return self.gate.ask(fastcgi.request_of(
            HTTP_AUTHORIZATION=f"Bearer {token}"))

    def endpoint(self, name, method, **parameters):
        parameters = fastcgi.request_of("/", method, LATCHKEY_ENDPOINT=name,
                                        **parameters)
        parameters["FCGI_ROLE"] = "RESPONDER"
        return self.gate.ask(parameters, role=fastcgi.RESPONDER)

    def logout(self, token):
        return self.endpoint("logout", "POST",
                             HTTP_AUTHORIZATION=f"Bearer {token}")

    def login(self, secret):
        """What PAM says to alice with this token or password."""
        return self.pam.attempt("alice", secret, "authenticate")

    def step(self, name, session):
        """What PAM says in a later step of a login with this session."""
        return self.pam.attempt("alice", "", name, session=session)

    def ask_everything(self):
        """The outcome of each operation by its name, all asked at once."""
        work = {
            "check": (self.cli.run, "check", self.live),
            "check dead": (self.cli.run, "check", NEVER_ISSUED),
            "issue": (self.cli.run, "issue", "bob"),
            "revoke": (self.cli.run, "revoke", self.doomed),
            "request": (self.request, self.live),
            "request dead": (self.request, NEVER_ISSUED),
            "logout": (self.logout, self.leaving),
            "health": (self.endpoint, "health", "GET"),
            "login": (self.login, self.live),
            "login dead": (self.login, NEVER_ISSUED),
            "login password": (self.login, PASSWORD),
            "account": (self.step, "acct_mgmt", self.live_id),
            "close": (self.step, "close_session", self.closing_id),
        }
        with ThreadPoolExecutor(len(work)) as pool:
            futures = {name: pool.submit(*call)
                       for name, call in work.items()}
            return {name: future.result() for name, future in futures.items()}

    def works(self):
        """Whether all is well, the gate's many connections included."""
        return (self.request(self.live).status == 200
                and self.request(NEVER_ISSUED).status == 401
                and self.cli.run("check", self.live).returncode == 0
                and self.login(self.live).code == "")


def assert_command(result, outcome, words):
    """The exit status that goes with the outcome, and why in one line."""
    assert result.returncode == EXIT_OF[outcome], result
    if outcome == WORKS:
        assert result.stderr == "" and result.stdout != "", result
    else:
        assert result.stdout == "", result
        assert result.stderr.count("\n") == 1, result
        assert words in result.stderr, result


def assert_reply(reply, outcome):
    """The HTTP status that goes with the outcome; never an undue allow."""
    assert reply is not None
    assert reply.status == HTTP_OF[outcome], reply
    if outcome != WORKS:
        assert int(reply.header("Retry-After")) > 0
        assert not [name for name, _ in reply.headers if "LATCHKEY" in name]


def assert_pam(done, code, words):
    """The PAM code, and why in the log; the user is not told."""
    assert done.code == code, done
    assert words in done.log, done
    assert words == "" or words not in done.output, done


def assert_logins(seen, fault):
    """An outage lets nobody in, and tells nobody that he is refused."""
    words = "" if fault.check == WORKS else fault.words
    refused = AUTH_ERR if fault.check == WORKS else PAM_OF[fault.check]
    assert_pam(seen["login"], PAM_OF[fault.check], words)
    assert_pam(seen["account"], PAM_OF[fault.check], words)
    assert_pam(seen["login dead"], refused, words or "reason=unknown")
    if (fault.ping or fault.check) == WORKS:
        assert_pam(seen["login password"], AUTH_ERR, "reason=malformed")
    else:
        assert_pam(seen["login password"], PAM_OF[fault.check], words)
    assert_pam(seen["close"], PAM_CLOSE_OF[fault.revoke],
               "" if fault.revoke == WORKS else fault.words)


@pytest.mark.parametrize("fault", FAULTS, ids=str)
def test_redis_in_trouble_is_said_and_survived(patient, fault):
    site = Site(patient, fault)
    assert site.works()
    gate = site.gate.process.pid
    with fault.upon(patient):
        seen = site.ask_everything()
    assert_command(seen["check"], fault.check, fault.words)
    assert_command(seen["issue"], fault.issue, fault.words)
    assert_command(seen["revoke"], fault.revoke, fault.words)
    assert_reply(seen["request"], fault.check)
    assert_reply(seen["logout"], fault.revoke)
    assert_reply(seen["health"], fault.ping or fault.check)
    if fault.check == WORKS:
        assert seen["check dead"].returncode == 1
        assert seen["request dead"].status == 401
    else:
        # An outage is no logout.
        assert_command(seen["check dead"], fault.check, fault.words)
        assert_reply(seen["request dead"], fault.check)
    assert_logins(seen, fault)

    wait_until(site.works, "everything to work again by itself")
    assert site.step("acct_mgmt", site.live_id).code == ""
    assert site.gate.running() and site.gate.process.pid == gate
    token = site.cli.issue("carol")
    assert site.cli.check(token)["user"] == "carol"
    assert site.cli.revoke(token) == 1
    assert site.request(token).status == 401
    for token in (site.doomed, site.leaving, site.closing):
        # What was said to be revoked is; else it still can be.
        if fault.revoke == WORKS:
            assert site.request(token).status == 401
        assert site.cli.revoke(token) in (
            (0,) if fault.revoke == WORKS else (0, 1))
        assert site.request(token).status == 401
        assert site.login(token).code == AUTH_ERR


def test_doctor_names_a_cluster_of_one_node(patient):
    """Which answers for all keys, until there is another."""
    cluster = next(fault for fault in FAULTS if fault.name == "cluster-node")
    with cluster.upon(patient):
        patient.admin.call("CLUSTER", "ADDSLOTSRANGE", 0, 16383)
        result = patient.door("direct").cli.run("doctor")
        assert result.returncode != 0
        assert "it is a cluster node" in result.stdout


def test_no_token_is_in_any_log_after_all_that(patient):
    tokens = [token for door in patient.doors.values()
              for token in door.cli.tokens]
    assert tokens
    tokens += [NEVER_ISSUED, PASSWORD]
    for name, text in patient.place.logs().items():
        assert not [token for token in tokens if token in text], name
