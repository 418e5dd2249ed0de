"""Role RESPONDER: the verdict for web servers that ask by a subrequest."""

import pytest

from support import fastcgi
from support.servers import Gate, Latchkey, RedisServer, settings

NEVER_ISSUED = "lk_" + "A" * 64


class Setup:
    """A gate with its Redis, asked in role RESPONDER."""

    def __init__(self, place, gate=""):
        self.place = place
        self.redis = place.add(RedisServer(place))
        self.listen = f"unix:{place.path}/gate.sock"
        self.conf = place.write("latchkey.conf", settings(
            self.redis.unix_address, self.listen, gate)
            + 'log = { level = "debug"; };\n')
        self.cli = Latchkey(place, self.conf)
        self.gate = place.add(Gate(place, self.conf, self.listen))

    def ask(self, endpoint, token=None, method="GET", path="/", **variables):
        """The answer at an endpoint, the token as a Bearer."""
        if endpoint is not None:
            variables["LATCHKEY_ENDPOINT"] = endpoint
        if token is not None:
            variables["HTTP_AUTHORIZATION"] = f"Bearer {token}"
        parameters = fastcgi.request_of(path, method, **variables)
        parameters["FCGI_ROLE"] = "RESPONDER"
        return fastcgi.ask(self.listen, parameters, fastcgi.RESPONDER)

    def assert_no_token_in_logs(self):
        for name, text in self.place.logs().items():
            for token in self.cli.tokens:
                assert token not in text, name


@pytest.fixture(scope="module")
def setup(shared_place):
    setup = Setup(shared_place, 'login_url = "/login";')
    yield setup
    setup.assert_no_token_in_logs()


# ---- The verdict ---------------------------------------------------------


def test_authorize_with_token_allows_and_names_the_user(setup):
    token = setup.cli.issue("alice", "--client", "web")
    reply = setup.ask("authorize", token)
    assert reply.status == 200
    assert reply.header("Latchkey-User") == "alice"
    assert reply.header("Latchkey-Client") == "web"
    assert int(reply.header("Latchkey-Expires")) > 0
    assert reply.header("Latchkey-Session")
    assert reply.header("Cache-Control") == "no-store"
    assert not [name for name, _ in reply.headers if "ariable" in name]
    assert [name for name, _ in reply.headers].count("Status") == 1


@pytest.mark.parametrize("token", [None, NEVER_ISSUED, "garbage"])
def test_authorize_of_a_browser_is_401_and_no_redirect(setup, token):
    reply = setup.ask("authorize", token, HTTP_ACCEPT="text/html")
    assert reply.status == 401
    assert reply.all("WWW-Authenticate")
    assert reply.header("Location") is None
    assert not [name for name, _ in reply.headers if "Latchkey-" in name]


def test_authorize_with_differing_tokens_is_401(setup):
    one, two = setup.cli.issue("alice"), setup.cli.issue("alice")
    reply = setup.ask("authorize", one, HTTP_COOKIE=f"session={two}")
    assert reply.status == 401
    assert 'error="invalid_request"' in reply.header("WWW-Authenticate")


def test_authorize_after_revoke_is_401(setup):
    token = setup.cli.issue("alice")
    assert setup.ask("authorize", token).status == 200
    assert setup.cli.revoke(token) == 1
    assert setup.ask("authorize", token).status == 401


@pytest.mark.parametrize("endpoint", [None, "", "Authorize", "authorize ",
                                      "/authorize", "nothing"])
def test_responder_without_known_endpoint_is_404(setup, endpoint):
    reply = setup.ask(endpoint, setup.cli.issue("alice"))
    assert reply.status == 404
    assert not [name for name, _ in reply.headers if "Latchkey-" in name]


def test_client_cannot_name_the_endpoint(setup):
    reply = setup.ask(None, setup.cli.issue("alice"),
                      HTTP_LATCHKEY_ENDPOINT="authorize",
                      QUERY_STRING="LATCHKEY_ENDPOINT=authorize")
    assert reply.status == 404


def test_authorize_in_role_filter_is_404(setup):
    parameters = fastcgi.request_of(
        LATCHKEY_ENDPOINT="authorize",
        HTTP_AUTHORIZATION="Bearer " + setup.cli.issue("alice"))
    assert fastcgi.ask(setup.listen, parameters,
                       fastcgi.FILTER).status == 404


def test_authorize_while_redis_is_down_is_503(place):
    setup = Setup(place)
    token = setup.cli.issue("alice")
    setup.redis.stop()
    reply = setup.ask("authorize", token)
    assert reply.status == 503
    assert int(reply.header("Retry-After")) > 0
