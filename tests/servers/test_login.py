"""The endpoint `login`: a form, a password that another checks, a session that
the agent issues."""

import re
import socket
import subprocess
import threading
from urllib.parse import quote

import pytest

from support import fastcgi
from support.house import hang_up
from support.login import (FORM, PASSWORDS, LoginHouse, program, words_of)
from support.place import ROOT, Daemon, Place, connect, wait_until
from support.servers import find_program

JWT_SHAPED = "eyJhbGciOiJFZERTQSJ9.e30." + "A" * 86


@pytest.fixture(scope="module")
def logins():
    """Shared: each test asks from an address of its own."""
    with Place() as place:
        house = LoginHouse(place, "per_minute = 5;")
        yield house
        house.assert_no_secrets_in_logs()


@pytest.fixture(scope="module")
def programs():
    """The same with a program that checks."""
    with Place() as place:
        house = LoginHouse(place, "per_minute = 50;" + program(place),
                           checker=None)
        yield house
        house.assert_no_secrets_in_logs()


def note_of(reply):
    """What a page says first."""
    found = re.search(r'class="note [a-z]+" role="([a-z]+)" id="note">([^<]*)',
                      reply.body)
    return found.group(2) if found else None


def assert_is_form(reply, status, url=None):
    assert reply.status == status, reply.body
    assert reply.header("Content-Type") == "text/html; charset=utf-8"
    assert 'type="password"' in reply.body
    assert reply.header("Set-Cookie") is None
    assert ('name="url"' in reply.body) == (url is not None)


def test_login_form_is_a_page_for_people(logins):
    reply = logins.ask("login", QUERY_STRING="url=%2Fa%3Fx%3D%22%3E%3Cb%3E")
    assert_is_form(reply, 200, "/a")
    assert 'value="/a?x=&quot;&gt;&lt;b&gt;"' in reply.body
    policy = reply.header("Content-Security-Policy")
    assert "unsafe" not in policy and "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy and "script" not in policy
    assert reply.header("X-Frame-Options") == "DENY"
    assert reply.header("Cache-Control") == "no-store"
    assert "<script" not in reply.body and " on" not in re.findall(
        r"<[a-z][^>]*>", reply.body)
    for field in re.findall(r'<input id="([a-z]+)"', reply.body):
        assert f'<label for="{field}">' in reply.body


def test_login_right_password_is_a_session_and_goes_on(logins):
    reply = logins.log_in(url="/deep/page?x=1&y=%2F#", peer="192.0.2.10",
                          HTTP_USER_AGENT="a browser" * 100)
    assert reply.status == 303
    assert reply.header("Location") == "/deep/page?x=1&y=%2F#"
    token = logins.cookie_of(reply)
    attributes = reply.header("Set-Cookie").split("; ")[1:]
    assert attributes == ["Max-Age=604800", "Path=/", "HttpOnly",
                          "SameSite=Lax", "Secure"]
    session = logins.cli.check(token)
    assert (session["user"], session["client"]) == ("alice", "web")
    listed = logins.cli.must("list", "alice", "--json")
    assert "192.0.2.10" in listed and "a browser" in listed


def test_login_password_of_any_bytes_arrives_as_it_is(logins):
    assert logins.log_in("bob", peer="192.0.2.11").status == 303


@pytest.mark.parametrize("user, password", [
    ("alice", "wrong"), ("alice", ""), ("alice", "x" * 256),
    ("alice", JWT_SHAPED), ("alice", "lk_" + "A" * 64),
    ("nobody-there", "wrong"), ("", "wrong"), ("Alice", None),
    ("ALICE", PASSWORDS["alice"]), ("alice@REALM", PASSWORDS["alice"]),
    ("Carol", None), ("alice ", PASSWORDS["alice"]),
    ("DOMAIN\\alice", PASSWORDS["alice"]), ("-alice", PASSWORDS["alice"]),
    ("al\u0131ce", PASSWORDS["alice"]), ("alic\u00e9", PASSWORDS["alice"])])
def test_login_wrong_password_and_no_user_are_answered_alike(
        logins, user, password, request):
    peer = f"2001:db8:{abs(hash(request.node.name)) % 65536:x}::1"
    reply = logins.log_in(user, password or "x", peer=peer)
    assert_is_form(reply, 401)
    assert note_of(reply) == "The name or the password is wrong."
    other = logins.log_in("somebody", "wrong", peer=peer)
    assert [name for name, _ in reply.headers] == [
        name for name, _ in other.headers]
    assert re.sub(r'value="[^"]*"|(auto)?focus| aria-[^>]*', "",
                  reply.body) == re.sub(
        r'value="[^"]*"|(auto)?focus| aria-[^>]*', "", other.body)


def test_login_what_cannot_be_a_password_is_asked_of_nobody(programs):
    """A token that PAM would take must not become another session; with an
    empty password many a directory says yes."""
    place = programs.place
    mark = place.write("asked", "", 0o666)
    mark.chmod(0o666)
    (place.path / "check").write_text(
        f"#!/bin/sh\necho yes > {mark}\necho alice\n")
    token = programs.cli.issue("alice")
    try:
        for password in (token, "", "x" * 256):
            assert programs.log_in("alice", password).status == 401
        assert mark.read_text() == ""
        assert programs.log_in("alice", "anything").status == 303
        assert mark.read_text() == "yes\n"
    finally:
        program(place)


@pytest.mark.parametrize("body, kind", [
    (b"user=alice&password=x&password=y", FORM),
    (b"user=alice&user=bob&password=x", FORM),
    (b"user=alice&password=x&other=1", FORM),
    (b"user=alice&password=%zz", FORM), (b"user=alice&password=a%00b", FORM),
    (b"user=alice&password", FORM), (b"user=alice&password=x&", FORM),
    (b"user=alice&password=x", "text/plain"),
    (b"user=alice&password=x", "multipart/form-data; boundary=x"),
    (b"user=alice&password=x", FORM + "x"),
    (b'{"user":"alice","password":"x"}', "application/json")])
def test_login_body_that_is_no_such_form_is_refused(logins, body, kind):
    assert logins.ask("login", body, kind=kind).status == 400


def test_login_body_that_is_cut_is_refused(logins):
    body = b"user=alice&password=x"
    assert logins.ask("login", body, length=len(body) + 1).status == 400
    assert logins.ask("login", body, length=len(body) - 1).status == 400


def test_login_body_has_a_bound(logins):
    start = b"user=a&password=b&url="
    fits = start + b"x" * (8192 - len(start))
    assert logins.ask("login", fits, peer="192.0.2.12").status == 401
    assert logins.ask("login", fits + b"x").status == 413
    assert logins.ask("login", fits * 7).status == 413
    # Elsewhere a body is nobody's business, as ever.
    assert logins.ask("session", fits * 7, method="GET").status == 401


def test_login_body_in_pieces_is_waited_for_by_no_thread(logins):
    """More of them than there are threads do not hold up a whole one."""
    parameters = {"REQUEST_METHOD": "POST", "LATCHKEY_ENDPOINT": "login",
                  "REQUEST_URI": "/session/login"}
    head = (fastcgi.begin(fastcgi.RESPONDER) + fastcgi.stream(
        fastcgi.PARAMS, fastcgi.pairs(parameters))
        + fastcgi.record(fastcgi.STDIN, b"user=alice&pass"))
    slow = [connect(logins.listen) for _ in range(20)]
    try:
        for sock in slow:
            sock.sendall(head)
        assert logins.log_in(peer="192.0.2.13").status == 303
    finally:
        for sock in slow:
            sock.close()


def test_login_needs_a_whole_body_alone(logins):
    """A request that says more, or something else, is none."""
    parameters = {"REQUEST_METHOD": "POST", "LATCHKEY_ENDPOINT": "login",
                  "REQUEST_URI": "/session/login", "CONTENT_TYPE": FORM}
    head = fastcgi.begin(fastcgi.RESPONDER) + fastcgi.stream(
        fastcgi.PARAMS, fastcgi.pairs(parameters))
    body = fastcgi.record(fastcgi.STDIN, b"user=alice&password=x")
    end = fastcgi.record(fastcgi.STDIN)
    for records in (body + fastcgi.record(fastcgi.DATA, b"x") + end,
                    body + fastcgi.record(fastcgi.ABORT),
                    body + end + fastcgi.whole({})):
        assert fastcgi.send(logins.listen, head + records,
                            finish=False).status == 400


@pytest.mark.parametrize("headers, status", [
    ({"HTTP_SEC_FETCH_SITE": "same-origin"}, 303),
    ({"HTTP_SEC_FETCH_SITE": "none"}, 303),
    ({"HTTP_SEC_FETCH_SITE": "cross-site"}, 403),
    ({"HTTP_SEC_FETCH_SITE": "same-site"}, 403),
    ({"HTTP_SEC_FETCH_SITE": None, "HTTP_ORIGIN": "http://site.example"},
     303),
    ({"HTTP_SEC_FETCH_SITE": None, "HTTP_ORIGIN": "http://evil.example"},
     403),
    ({"HTTP_SEC_FETCH_SITE": None, "HTTP_ORIGIN": "null"}, 403),
    ({"HTTP_SEC_FETCH_SITE": None, "HTTP_X_LATCHKEY_REQUEST": "1"}, 303),
    # Nothing that a browser sends by itself is there, nor what says it is ours.
    ({"HTTP_SEC_FETCH_SITE": None}, 403),
    ({"HTTP_SEC_FETCH_SITE": None, "HTTP_AUTHORIZATION": "Bearer x"}, 403)])
def test_login_by_another_sites_page_is_refused(logins, headers, status):
    reply = logins.log_in(peer="192.0.2.14", **headers)
    assert reply.status == status
    if status == 303:
        logins.cookie_of(reply)


@pytest.mark.parametrize("url, location", [
    ("/a?b=c&d=e", "/a?b=c&d=e"), ("", "/"), ("//evil.example/", "/"),
    ("/\\evil.example", "/"), ("https://evil.example/x", "/"),
    ("javascript:alert(1)", "/"), ("/%2f/evil.example", "/"),
    ("/\t/evil.example", "/"), ("/x\r\nSet-Cookie: a=b", "/"),
    ("///evil.example", "/"), ("/..//evil.example", "/"),
    ("http:evil.example", "/"), ("@evil.example", "/"),
    ("http://www.example:8080/x?y", "/x?y"),
    ("/" + "x" * 5000, "/")])
def test_login_goes_nowhere_else(logins, url, location):
    reply = logins.log_in(url=url, peer="192.0.2.15")
    assert (reply.status, reply.header("Location")) == (303, location)
    logins.cookie_of(reply)


def test_login_again_ends_the_session_before(logins):
    first = logins.cookie_of(logins.log_in(peer="192.0.2.16"))
    second = logins.cookie_of(logins.log_in(
        peer="192.0.2.16", HTTP_COOKIE=f"latchkey={first}"))
    reply = logins.ask("session", HTTP_COOKIE=f"latchkey={first}")
    assert (reply.status, reply.header("Latchkey-Reason")) == (401, "replaced")
    assert logins.ask("session",
                      HTTP_COOKIE=f"latchkey={second}").status == 200


def test_login_ends_a_planted_session_of_another_user(logins):
    planted = logins.cli.issue("mallory")
    reply = logins.log_in(peer="192.0.2.17",
                          HTTP_COOKIE=f"latchkey={planted}")
    assert logins.cli.check(logins.cookie_of(reply))["user"] == "alice"
    assert logins.cli.run("check", "-", stdin=planted).returncode == 1


def test_login_leaves_one_of_several_live_sessions(logins):
    """With two of them a browser would have none, and could not log in."""
    tokens = [logins.cli.issue("alice") for _ in range(2)]
    reply = logins.log_in(peer="192.0.2.18", HTTP_COOKIE="; ".join(
        f"latchkey={token}" for token in tokens))
    assert reply.status == 303
    for token in tokens:
        assert logins.cli.run("check", "-", stdin=token).returncode == 1
    logins.cli.check(logins.cookie_of(reply))


def test_login_form_says_why_the_last_session_ended(logins):
    token = logins.cookie_of(logins.log_in(peer="192.0.2.19"))
    logins.cli.must("revoke", "-", stdin=token)
    reply = logins.ask("login", HTTP_COOKIE=f"latchkey={token}")
    assert note_of(reply) == "It was ended from elsewhere."
    assert note_of(logins.ask("login")) is None


def test_login_too_many_failures_of_one_user_from_one_address(logins):
    peers = ["2001:db8:1:2::1", "2001:db8:1:2:ffff::2", "::ffff:192.0.2.20",
             "192.0.2.20"]
    for same in (peers[:2], peers[2:]):
        for number in range(5):
            assert logins.log_in("bob", "wrong",
                                 peer=same[number % 2]).status == 401
        reply = logins.log_in("bob", peer=same[0])
        assert_is_form(reply, 429)
        assert 0 < int(reply.header("Retry-After")) <= 60
        # Another spelling is the same, another user another, and a stranger
        # locks nobody out.
        assert logins.log_in("BOB", "wrong", peer=same[1]).status == 429
        assert logins.log_in("alice", peer=same[0]).status == 303
    assert logins.log_in("bob", peer="2001:db8:1:3::1").status == 303
    assert logins.log_in("bob", peer="192.0.2.21").status == 303


def test_login_too_many_failures_of_one_address(logins):
    for number in range(25):
        assert logins.log_in(f"user{number}", "wrong",
                             peer="192.0.2.22").status == 401
    assert logins.log_in("alice", peer="192.0.2.22").status == 429
    assert logins.log_in("alice", peer="192.0.2.23").status == 303


def test_login_at_once_has_no_more_tries_than_one_by_one(programs):
    replies = []

    def attempt():
        replies.append(programs.log_in("mallory", "wrong",
                                       peer="192.0.2.24").status)

    threads = [threading.Thread(target=attempt) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(replies) == [401] * 50 + [429] * 10


def test_login_right_passwords_are_not_counted(logins):
    for _ in range(12):
        assert logins.log_in(peer="192.0.2.25").status == 303


@pytest.mark.parametrize("name", ["broken", "silent"])
def test_login_checker_that_fails_says_nothing_of_the_password(
        programs, name):
    for _ in range(60):
        reply = programs.log_in(name, "anything", peer="192.0.2.26")
        assert_is_form(reply, 503)
        assert reply.header("Retry-After") == "2"


def test_login_program_says_whose_it_is(programs):
    for name in ("alice", "Alice", "ALICE@example.org"):
        reply = programs.log_in(name, PASSWORDS["alice"], peer="192.0.2.27")
        assert reply.status == 303, name
        assert programs.cli.check(
            programs.cookie_of(reply))["user"] == "alice"
    reply = programs.log_in("bob", peer="192.0.2.27")
    assert programs.cli.check(programs.cookie_of(reply))["user"] == "bob"


def test_login_program_gets_the_password_on_no_command_line(programs):
    place = programs.place
    seen = place.path / "seen"
    seen.touch()
    seen.chmod(0o666)
    (place.path / "check").write_text(
        "#!/bin/sh\n"
        "{ tr '\\0' '\\n' < /proc/$$/cmdline; env; ls /proc/$$/fd; } "
        f"> {seen}\n"
        "echo alice\n")
    try:
        assert programs.log_in(peer="192.0.2.28").status == 303
        assert PASSWORDS["alice"] not in seen.read_text()
        assert "first" in seen.read_text().split("\n")
    finally:
        program(place)


@pytest.mark.parametrize("threads, failures", [(2, 0), (4, 3)])
def test_login_slow_checker_holds_up_nothing_else(place, threads, failures):
    """Nor, where there is more than one turn, who logs in from elsewhere."""
    house = LoginHouse(
        place, "timeout_ms = 60000;" + program(place), checker=None,
        gate=f"threads = {threads};")
    token = house.cli.issue("alice")
    for _ in range(failures):
        assert house.log_in("alice", "wrong").status == 401
    slow = []
    for _ in range(6):
        thread = threading.Thread(target=house.log_in,
                                  args=("slow", "anything"))
        thread.start()
        slow.append(thread)
    wait_until(lambda: "check first" in subprocess.run(
        ["ps", "-eo", "args"], capture_output=True, text=True,
        check=True).stdout, "the program to be asked")
    for _ in range(20):
        assert house.ask("sessions",
                         HTTP_COOKIE=f"latchkey={token}").status == 200
    if failures > 0:
        assert house.log_in(peer="192.0.2.2").status == 303
    house.gate.kill()
    for thread in slow:
        thread.join()


def test_login_checker_has_one_deadline(place):
    house = LoginHouse(place, "timeout_ms = 300;" + program(place),
                       checker=None)
    assert house.log_in("slow", "anything").status == 503


class FakeSaslauthd(Daemon):
    """One that answers what it is told to."""

    name = "fake-saslauthd"
    answers = {b"yes": b"\0\2OK", b"reason": b"\0\7OK good", b"no": b"\0\2NO",
               b"cut": b"\0\5OK", b"short": b"\0", b"odd": b"\0\3OKA",
               b"none": b"\0\0", b"huge": b"\xff\xffOK",
               b"trouble": b"\0\x1bNO saslauthd internal error",
               b"hangup": b""}

    def __init__(self, place):
        super().__init__(place)
        self.socket = place.path / "mux"
        self.server = socket.socket(socket.AF_UNIX)
        self.server.bind(str(self.socket))
        self.server.listen(8)
        self.socket.chmod(0o666)

    def start(self):
        threading.Thread(target=self.serve, daemon=True).start()
        return self

    def stop(self):
        self.server.close()

    def serve(self):
        while True:
            try:
                sock, _ = self.server.accept()
            except OSError:
                return
            with sock:
                said = []
                for _ in range(4):
                    size = int.from_bytes(sock.recv(2, socket.MSG_WAITALL))
                    said.append(sock.recv(size, socket.MSG_WAITALL)
                                if size else b"")
                sock.sendall(self.answers.get(said[1], b"\0\2NO"))
                self.said = said


def test_login_takes_only_what_saslauthd_answers(place):
    house = LoginHouse(place, 'realm = "EXAMPLE"; service = "door";',
                       checker=FakeSaslauthd)
    for word, status in (("yes", 303), ("reason", 303), ("no", 401),
                         ("cut", 503), ("short", 503), ("odd", 503),
                         ("none", 503), ("huge", 503), ("trouble", 503),
                         ("hangup", 503)):
        assert house.log_in("alice", word).status == status, word
    assert house.checker.said == [b"alice", b"hangup", b"door", b"EXAMPLE"]


def test_login_tells_passwords_to_nobody_but_root(place):
    """Whoever has put a socket there hears none."""
    theirs = place.path / "theirs"
    theirs.mkdir()
    theirs.chmod(0o777)
    ready, heard = theirs / "mux", theirs / "heard"
    house = LoginHouse(place, f'socket = "{ready}";', checker=None)
    with subprocess.Popen(
            ["setpriv", "--reuid=65533", "--regid=65533", "--clear-groups",
             "/usr/bin/python3", "-c",
             "import socket, sys\n"
             "s = socket.socket(socket.AF_UNIX)\ns.bind(sys.argv[1])\n"
             "import os; os.chmod(sys.argv[1], 0o666)\n"
             "s.listen(1)\nc = s.accept()[0]\n"
             "open(sys.argv[2], 'wb').write(c.recv(4096))\n",
             ready, heard]) as process:
        wait_until(ready.exists, "the socket")
        assert house.log_in().status == 503
        process.wait()
    assert heard.read_bytes() == b""


def test_login_by_the_gates_row_and_no_more(place):
    house = LoginHouse(place, 'client = "web";',
                       caller='clients = [ "web" ]; not_users = [ "root" ]; '
                       'max_ttl = 600;')
    reply = house.log_in("root")
    assert_is_form(reply, 403)
    assert note_of(reply) == "This account cannot sign in here."
    assert "Max-Age=600;" in house.log_in("alice").header("Set-Cookie")
    house.agent.stop()
    assert_is_form(house.log_in("alice"), 503)


@pytest.mark.parametrize("login, good, bad", [
    ('names = "fold"; realm = "Example.org";',
     ["alice", "Alice", "alice@example.org", "ALICE@EXAMPLE.ORG"],
     ["alice@other.org", "alice@example.org@example.org", "@example.org",
      "al\u0131ce", "alice@example.org "]),
    ('names = "exact";', ["alice", "Carol"], ["Alice", "carol"])])
def test_login_names_are_folded_as_the_settings_say(place, login, good, bad):
    house = LoginHouse(place, login + "per_minute = 10;")
    for name in good:
        password = PASSWORDS["Carol" if name == "Carol" else "alice"]
        reply = house.log_in(name, password)
        assert reply.status == 303, name
        user = house.cli.check(house.cookie_of(reply))["user"]
        assert user == ("Carol" if name == "Carol" else "alice")
    for name in bad:
        assert house.log_in(name, PASSWORDS["alice"]).status == 401, name
    # Nor are there more tries for one user by more spellings.
    for number in range(10):
        assert house.log_in("alice", number, peer="192.0.2.2").status == 401
    for name in good:
        assert house.log_in(name, "wrong", peer="192.0.2.2").status == (
            401 if name == "Carol" else 429), name


def test_login_is_not_there_until_it_is_configured(place):
    house = LoginHouse(place, 'check = "";', checker=None)
    assert house.ask("login").status == 404
    assert house.log_in().status == 404


def test_login_other_methods_are_refused(logins):
    reply = logins.ask("login", method="PUT")
    assert (reply.status, reply.header("Allow")) == (405, "GET, HEAD, POST")


@pytest.mark.parametrize("form", ["text", "json"])
def test_login_lines_ban_with_fail2ban(place, form):
    """As its filter reads them, whatever is typed as a name."""
    regex = find_program("fail2ban-regex")
    house = LoginHouse(place)
    if form == "json":
        house.conf.write_text(house.conf.read_text().replace(
            'log = { level', 'log = { format = "json"; level'))
        hang_up(house.gate)
    names = ["alice", "x peer=203.0.113.9 reason=wrong z",
             'y" peer=203.0.113.9 msg="login refused', "lk_" + "A" * 64]
    for name in names:
        house.log_in(name, "wrong", peer="192.0.2.30")
    house.log_in("alice", "wrong", peer="2001:db8::30")
    house.log_in("alice", peer="192.0.2.31")
    log = house.gate.log
    lines = log.read_text()
    assert "lk_" not in lines and "wrong password" not in lines
    for text in (lines, "\n".join(
            f"Nov 27 22:24:23 host latchkey-fcgi[42]: {line}"
            for line in lines.splitlines()) + "\n"):
        log_copy = place.write("auth.log", text)
        said = subprocess.run(
            [regex, "--print-all-matched", log_copy,
             ROOT / "etc/fail2ban/filter.d/latchkey.conf"],
            capture_output=True, text=True, check=False).stdout
        assert f"{len(names) + 1} matched" in said, said
        assert "203.0.113.9" not in re.findall(
            r'peer"?[=:]"?([^\s"]+)', said)[:1]
    data = subprocess.run(
        [regex, "-o", "ip", log, ROOT / "etc/fail2ban/filter.d/latchkey.conf"],
        capture_output=True, text=True, check=False).stdout
    assert sorted(set(data.split())) == ["192.0.2.30", "2001:db8::30"]


# ---- The page --------------------------------------------------------------

def test_page_lists_ends_and_says_what_happened(logins):
    peer = "192.0.2.40"
    own = logins.cookie_of(logins.log_in("bob", peer=peer))
    other = logins.cookie_of(logins.log_in(
        "bob", peer=peer,
        HTTP_USER_AGENT="Mozilla/5.0 (X11; Linux x86_64; rv:140.0) "
        "Gecko/20100101 Firefox/140.0"))
    page = logins.page(own)
    assert page.status == 200
    assert page.body.count("this one") == 1
    assert "Firefox on Linux" in page.body and peer in page.body
    words = words_of(page.body)
    mine = logins.cli.check(own)["id"]
    assert words[0].startswith(f"end={mine}&word=")
    theirs = next(word for word in words
                  if logins.cli.check(other)["id"] in word)
    reply = logins.post_page(own, theirs)
    assert (reply.status, reply.header("Location")) == (303, "?done=1")
    refused = logins.ask("session", HTTP_COOKIE=f"latchkey={other}")
    assert refused.header("Latchkey-Reason") == "revoked"
    page = logins.page(own, "done=1")
    assert note_of(page) == "That session has ended."
    assert "It was ended from elsewhere." in page.body
    # Once more is as wished.
    assert logins.post_page(own, theirs).status == 303
    reply = logins.post_page(own, words[0])
    assert (reply.status, reply.header("Location")) == (303, "/session/login")
    assert reply.header("Set-Cookie").startswith("latchkey=; Max-Age=1; ")
    assert logins.page(own).status == 302
    # What is left for a second is nobody's, and a logout with it is done.
    assert logins.page("").status == 302


def test_page_ends_all_others(logins):
    tokens = [logins.cli.issue("dora") for _ in range(4)]
    words = words_of(logins.page(tokens[0]).body)
    assert words[-1].startswith("end=others&word=")
    assert logins.post_page(tokens[0], words[-1]).status == 303
    assert logins.cli.check(tokens[0])["user"] == "dora"
    for token in tokens[1:]:
        reply = logins.ask("session", HTTP_COOKIE=f"latchkey={token}")
        assert reply.header("Latchkey-Reason") == "logout-others"
    assert "end=others" not in logins.page(tokens[0]).body


def test_page_changes_nothing_without_its_word(logins):
    own, other = logins.cli.issue("erin"), logins.cli.issue("erin")
    stranger = logins.cli.issue("mallory")
    word = words_of(logins.page(own).body)[0].partition("&word=")[2]
    theirs = words_of(logins.page(stranger).body)[0].partition("&word=")[2]
    end = "end=" + logins.cli.check(other)["id"]
    for query, headers in (
            (end, {}), (f"{end}&word=", {}), (f"{end}&word={theirs}", {}),
            (f"{end}&word={word[:-1]}", {}), (f"{end}&word={word}A", {}),
            (f"{end}&word={word}&word={word}", {}),
            (f"{end}&word={word}", {"HTTP_SEC_FETCH_SITE": "cross-site"}),
            (f"{end}&word={word}", {"HTTP_SEC_FETCH_SITE": "same-site"})):
        assert logins.post_page(own, query, **headers).status == 403, query
    assert logins.post_page(own, f"word={word}").status == 400
    # A GET changes nothing, whatever it says.
    assert logins.page(own, f"{end}&word={word}").status == 200
    assert logins.cli.check(other)["user"] == "erin"
    # Of a session that is somebody else's it ends nothing.
    stray = "end=" + logins.cli.check(stranger)["id"]
    assert logins.post_page(own, f"{stray}&word={word}").status == 303
    assert logins.cli.check(stranger)["user"] == "mallory"
    assert logins.post_page(own, f"{end}&word={word}").status == 303
    assert logins.cli.run("check", "-", stdin=other).returncode == 1


def test_page_word_outlives_a_reload_and_is_each_gates(logins):
    token = logins.cli.issue("frank")
    before = words_of(logins.page(token).body)
    logins.gate.stop()
    logins.gate.start()
    assert words_of(logins.page(token).body) == before


def test_page_without_a_session_leads_to_the_login(logins):
    reply = logins.page("x", HTTP_SEC_FETCH_MODE="navigate",
                        HTTP_SEC_FETCH_SITE="none")
    assert (reply.status, reply.header("Location")) == (
        302, "/session/login?url=" + quote("/session/page?", safe=""))
    reply = logins.ask("page", HTTP_ACCEPT="application/json")
    assert reply.status == 401


def test_page_of_very_many_sessions_is_bounded(logins):
    from test_endpoints import issue_many
    token = logins.cli.issue("many")
    issue_many(logins, "many", 10000)
    page = logins.page(token)
    assert page.status == 200
    assert page.body.count('id="session') == 51
    assert "Of 10000 other sessions the newest 50 are shown." in page.body
    assert len(page.body) < 128 * 1024


def test_page_shows_what_others_chose_as_text(logins):
    token = logins.cli.issue("<b>&\"'", "--agent", "<i>\u202ex", "--peer",
                             "<u>'\"")
    page = logins.page(token).body
    assert "<b>" not in page and "<i>" not in page and "<u>" not in page
    assert "\u202e" not in page


def test_page_is_not_there_until_it_is_configured(place):
    house = LoginHouse(place, checker=None, show=False)
    token = house.cli.issue("alice")
    assert house.page(token).status == 404
