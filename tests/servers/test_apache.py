"""What is Apache's own about asking the gate."""

import pytest

from support.carry import basic, bearer, cookie


@pytest.fixture
def apache(site):
    return site.front("apache")


def lines(reply):
    return reply.body.splitlines()


def test_apache_passes_the_answer_on(apache):
    reply = apache.get(headers=bearer("garbage"))
    assert 'error="invalid_token"' in reply.all("WWW-Authenticate")[0]
    assert reply.header("Cache-Control") == "no-store"
    assert reply.body == "The session token is malformed.\n"


def test_apache_passes_retry_after_on(own_site):
    apache = own_site.front("apache")
    token = own_site.cli.issue("alice")
    assert apache.get(headers=bearer(token)).status == 200
    own_site.redis.stop()
    reply = apache.get(headers=bearer(token))
    assert reply.status == 503
    assert int(reply.header("Retry-After")) > 0


@pytest.mark.parametrize("name", ["apache", "apache-spawning"])
@pytest.mark.parametrize("user", ["user name", "a_b-c.d@e", "x" * 256,
                                  "josé", '"quoted"'])
def test_apache_with_unusual_user_passes_name(site, name, user):
    apache = site.front(name)
    token = site.cli.issue(user)
    seen = lines(apache.get("/page.cgi", cookie(token)))
    assert f"LATCHKEY_USER={user}" in seen
    assert f"REMOTE_USER={user}" in seen


def test_apache_without_user_on_public_page_tells_nobody(site):
    for name in ("apache", "apache-basic", "apache-spawning"):
        apache = site.front(name)
        token = site.cli.issue("alice")
        reply = apache.get("/public/", basic(token))
        assert (reply.status, reply.body) == (200, "a public page\n")


def test_apache_basic_needs_the_user_of_the_session(site):
    apache = site.front("apache-basic")
    token = site.cli.issue("alice")
    assert apache.get(headers=basic(token, "alice")).status == 200
    for user in ("", "bob", "Alice", "alice "):
        assert apache.get(headers=basic(token, user)).status == 401, user


def test_apache_basic_answers_with_its_own_challenge(site):
    apache = site.front("apache-basic")
    for headers in ((), basic("garbage")):
        assert apache.get(headers=headers).header(
            "WWW-Authenticate") == 'Basic realm="latchkey"'


def test_apache_basic_asks_twice(site):
    """To check the password, and to authorize."""
    apache = site.front("apache-basic")
    token = site.cli.issue("alice")
    other = site.cli.issue("alice")
    headers = basic(token) + cookie(other)
    assert apache.get(headers=headers).status == 401
    assert apache.get(headers=basic(token) + cookie(token)).status == 200


def test_apache_spawning_hides_what_the_gate_said(site):
    apache = site.front("apache-spawning")
    reply = apache.get("/page.cgi", bearer(site.cli.issue("alice")))
    assert reply.status == 200
    assert not [name for name, _ in reply.headers
                if name.lower().startswith("variable-")]
    assert "LATCHKEY_USER=alice" in lines(reply)


def test_apache_with_script_arguments_runs_no_options(site, apache):
    """A query without = becomes arguments of a CGI program, not of a gate."""
    for name in ("apache", "apache-spawning"):
        assert site.front(name).get("/page.cgi?-c+/dev/null").status == 401
