"""`latchkey explain` says what the gate answers, and why."""

import pytest

from support import fastcgi
from support.place import free_port
from support.servers import Gate, Latchkey, settings

DONE, REFUSED, USAGE, STORE = 0, 1, 2, 3
NEVER_ISSUED = "lk_" + "A" * 64
RULES = '''
  login_url = "/login";
  rules = (
    { path = "/login"; access = "public"; },
    { path = "/admin/"; access = "session"; users = [ "root" ]; },
    { path = "/app/"; access = "session"; } );
'''


@pytest.fixture(scope="module")
def listen():
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def cli(redis, shared_place, listen):
    conf = shared_place.write(
        "latchkey.conf", settings(redis.unix_address, listen, RULES))
    cli = Latchkey(shared_place, conf)
    yield cli
    for name, text in shared_place.logs().items():
        assert not [token for token in cli.tokens if token in text], name


@pytest.fixture(scope="module")
def gate(cli, shared_place, listen):
    return shared_place.add(Gate(shared_place, cli.conf, listen))


def explained(result):
    """What it printed: by name; the answer's headers in a list."""
    said, headers = {}, []
    for line in result.stdout.splitlines():
        if line.startswith(" "):
            headers.append(tuple(line.strip().split(": ", 1)))
        else:
            name, value = line.split(None, 1)
            said[name] = value
    return said, headers


def test_explain_names_path_rule_session_answer_and_reason(cli):
    token = cli.issue("alice", "--client", "web", "--ttl", "60")
    result = cli.run("explain", "GET", "/admin//%70?q", token)
    said, headers = explained(result)
    assert result.returncode == REFUSED
    assert token not in result.stdout + result.stderr
    assert said["path"] == "/admin/p"
    assert said["rule"] == ('2 of 3: { path = "/admin/"; access = "session"; '
                            'users = [ "root" ]; }')
    session = cli.check(token)
    assert f'user alice, id {session["id"]}, client web, ttl ' \
        in said["session"]
    assert said["answer"] == "refused"
    assert headers[0] == ("Status", "403 Forbidden")
    assert said["why"] == "The rule for this path does not name the user."


@pytest.mark.parametrize("words, status, http, why", [
    (["GET", "/login"], DONE, 200, "public"),
    (["GET", "/app/"], REFUSED, 401, "needed"),
    (["GET", "/app/", "--client-accepts-html"], REFUSED, 302, "needed"),
    (["POST", "/app/", "--client-accepts-html"], REFUSED, 401, "needed"),
    (["GET", "/app/", NEVER_ISSUED], REFUSED, 401, "no such session"),
    (["GET", "/app/", "nonsense"], REFUSED, 401, "malformed"),
    (["GET", "/app/", ""], REFUSED, 401, "malformed"),
    (["GET", "/nowhere"], REFUSED, 403, "no rule"),
    (["GET", "/app/a%2fb"], REFUSED, 401, "needed"),
    (["GET", "/app%2fa"], REFUSED, 400, "rules differ"),
    (["GET", "/app/%2e./b"], REFUSED, 400, "dots"),
    (["delete", "/app/"], REFUSED, 400, "method"),
    (["G" * 33, "/app/"], REFUSED, 400, "method"),
    (["MOVE", "/app/"], REFUSED, 400, "needs a destination"),
    (["MOVE", "/app/", "--destination", "/x"], REFUSED, 403, "no rule"),
    (["MOVE", "http://h/app/", "--destination", "http://i/app/"], REFUSED,
     400, "host"),
    (["MOVE", "http://h/app/", "--destination", "http://h/app/b"], REFUSED,
     401, "needed"),
    (["GET", "https://host/app/x?y"], REFUSED, 401, "needed"),
    (["GET", "app"], REFUSED, 400, "no path"),
])
def test_explain_answers_by_rule(cli, words, status, http, why):
    result = cli.run("explain", *words)
    said, headers = explained(result)
    assert result.returncode == status, result
    assert headers[0][1].startswith(f"{http} ")
    assert why in said["why"]


def test_explain_as_subrequest_says_what_nginx_is_told(cli, gate):
    asked = {**fastcgi.request_of("/app/?a=1&b=2", HTTP_ACCEPT="text/html"),
             "LATCHKEY_ENDPOINT": "authorize"}
    reply = gate.ask(asked, role=fastcgi.RESPONDER)
    result = cli.run("explain", "GET", "/app/?a=1&b=2",
                     "--client-accepts-html", "--subrequest")
    assert result.returncode == REFUSED
    assert explained(result)[1] == reply.headers
    assert reply.header("Latchkey-Login") == (
        "/login?url=%2Fapp%2F%3Fa%3D1%26b%3D2")
    token = cli.issue("alice")
    result = cli.run("explain", "GET", "/app/", token, "--subrequest")
    assert ("Latchkey-User", "alice") in explained(result)[1]


@pytest.mark.parametrize("words", [
    [], ["GET"], ["GET", "/", "a", "b"], ["G T", "/"], ["", "/"],
    ["GET", ""], ["GET", "/", "--html"], ["GET", "/" + "x" * 16384]])
def test_explain_with_wrong_arguments_says_usage(cli, words):
    result = cli.run("explain", *words)
    assert (result.returncode, result.stdout) == (USAGE, "")


def test_explain_allowed_exits_0_and_takes_the_token_from_stdin(cli):
    token = cli.issue("alice")
    result = cli.run("explain", "GET", "/app/", "-", stdin=token + "\n")
    said, headers = explained(result)
    assert result.returncode == DONE
    assert said["answer"] == "allowed"
    assert ("Variable-LATCHKEY_USER", "alice") in headers


def test_explain_with_no_store_exits_3(place):
    conf = place.write("latchkey.conf", settings(
        f"127.0.0.1:{free_port()}", "127.0.0.1:9", RULES))
    cli = Latchkey(place, conf)
    result = cli.run("explain", "GET", "/app/", NEVER_ISSUED)
    assert result.returncode == STORE
    assert "503" in result.stdout
    # Where nothing need be found out, nothing is asked.
    assert cli.run("explain", "GET", "/login", NEVER_ISSUED).returncode == 0
    assert cli.run("explain", "GET", "/x", NEVER_ISSUED).returncode == 1


def test_explain_says_both_rules_of_a_move(cli):
    result = cli.run("explain", "MOVE", "/app/a", "--destination",
                     "/admin//b", cli.issue("alice"))
    lines = [line.split(None, 1) for line in result.stdout.splitlines()]
    assert ["path", "/app/a"] in lines and ["to", "/admin/b"] in lines
    rules = [said for name, said in lines if name == "rule"]
    assert [said[:6] for said in rules] == ["3 of 3", "2 of 3"]
    assert "does not name the user" in result.stdout


@pytest.mark.parametrize("path", [
    "/login", "/app/", "/app/x?y", "/admin/", "/admin/../app/", "/app/%00",
    "/app;x", "/nowhere", "//app//", "*"])
@pytest.mark.parametrize("user", [None, "alice", "root"])
def test_explain_says_what_the_gate_says(cli, gate, path, user):
    token = cli.issue(user) if user else None
    variables = {"HTTP_AUTHORIZATION": f"Bearer {token}"} if user else {}
    reply = gate.ask(fastcgi.request_of(path, **variables))
    words = [token] if user else []
    _, headers = explained(cli.run("explain", "GET", path, *words))
    assert headers == reply.headers
