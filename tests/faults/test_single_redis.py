"""The command and the gate while a single Redis is in each kind of trouble,
and afterwards; no program is restarted in between."""

from concurrent.futures import ThreadPoolExecutor

import pytest

from support import fastcgi
from support.faults import EXIT_OF, FAULTS, HTTP_OF, WORKS, Patient
from support.place import Place, wait_until

NEVER_ISSUED = "lk_" + "A" * 64


@pytest.fixture(scope="module")
def patient():
    with Place() as place:
        yield Patient(place)


class Site:
    """The command and the gate, and what they say of a few sessions."""

    def __init__(self, patient, fault):
        self.fault = fault
        self.cli, self.gate = patient.door(fault.door)
        self.live, self.doomed, self.leaving = (
            self.cli.issue("alice") for _ in range(3))

    def request(self, token):
        """The gate's answer to a request with this session."""
        return self.gate.ask(fastcgi.request_of(
            HTTP_AUTHORIZATION=f"Bearer {token}"))

    def logout(self, token):
        parameters = fastcgi.request_of(
            "/", "POST", HTTP_AUTHORIZATION=f"Bearer {token}",
            LATCHKEY_ENDPOINT="logout")
        parameters["FCGI_ROLE"] = "RESPONDER"
        return self.gate.ask(parameters, role=fastcgi.RESPONDER)

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
        }
        with ThreadPoolExecutor(len(work)) as pool:
            futures = {name: pool.submit(*call)
                       for name, call in work.items()}
            return {name: future.result() for name, future in futures.items()}

    def works(self):
        """Whether all is well, the gate's many connections included."""
        return (self.request(self.live).status == 200
                and self.request(NEVER_ISSUED).status == 401
                and self.cli.run("check", self.live).returncode == 0)


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
    if fault.check == WORKS:
        assert seen["check dead"].returncode == 1
        assert seen["request dead"].status == 401
    else:
        # An outage is no logout.
        assert_command(seen["check dead"], fault.check, fault.words)
        assert_reply(seen["request dead"], fault.check)

    wait_until(site.works, "everything to work again by itself")
    assert site.gate.running() and site.gate.process.pid == gate
    token = site.cli.issue("carol")
    assert site.cli.check(token)["user"] == "carol"
    assert site.cli.revoke(token) == 1
    assert site.request(token).status == 401
    for name, outcome in ((site.doomed, fault.revoke),
                          (site.leaving, fault.revoke)):
        # What was said to be revoked is; else it still can be.
        if outcome == WORKS:
            assert site.request(name).status == 401
        assert site.cli.revoke(name) in ((0,) if outcome == WORKS else (0, 1))
        assert site.request(name).status == 401


def test_no_token_is_in_any_log_after_all_that(patient):
    tokens = [token for cli, _ in patient.doors.values()
              for token in cli.tokens]
    assert tokens
    for name, text in patient.place.logs().items():
        assert not [token for token in tokens if token in text], name
