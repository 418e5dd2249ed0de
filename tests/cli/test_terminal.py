"""Nothing that others chose moves the cursor of who looks at it."""

import json
import os
import socketserver
import subprocess
import threading

import pytest

from support.place import BUILD
from support.servers import Latchkey, settings

# What a terminal obeys, or does not show as it is.
HIDDEN = ("\x1b[31m\x7f\x80\x9b\u00ad\u061c\u200b\u200e\u200f\u2028\u2029"
          "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff"
          "\U000e0001\U000e0041\U000e007f")
# Of these, what may stand within a user id.
IN_ID = "".join(c for c in HIDDEN if ord(c) >= 0xa0)


def shown(text):
    """Whether a terminal shows all of it."""
    return not any(c in text for c in HIDDEN if not c.isprintable()
                   or ord(c) > 0x7f)


@pytest.fixture
def cli(store_text, place):
    users = {f"a{IN_ID}b": {"name": HIDDEN, HIDDEN: [HIDDEN]}}
    place.write("users.json", json.dumps(users, ensure_ascii=False))
    return Latchkey(place, place.write("latchkey.conf", store_text + f'''
        user = {{ source = "file"; path = "{place.path}/users.json"; }};'''))


def test_every_answer_shows_what_others_chose(cli):
    user = f"a{IN_ID}b"
    detail = {"name": HIDDEN, HIDDEN: [HIDDEN]}
    token = cli.must("issue", user)
    texts = [cli.must(*words) for words in (
        ["check", token], ["check", token, "--user"], ["refresh", token],
        ["list", user], ["list", user, "--json"], ["user", "load", user],
        ["user", "get", user], ["user", "refresh", user],
        ["user", "delete", user], ["config"], ["store", "export"])]
    for text in texts:
        assert shown(text), text
    assert json.loads(texts[0])["user"] == user
    assert json.loads(texts[1])["detail"] == detail
    assert json.loads(texts[4])[0]["user"] == user
    assert json.loads(texts[6]) == {"id": user, "detail": detail}
    done = cli.run("explain", "GET", f"/{IN_ID}", token)
    assert shown(done.stdout)
    assert "\\u202e" in done.stdout


def test_every_error_shows_what_others_chose(cli):
    for words in (["user", "get", f"x{IN_ID}y"], ["revoke-all", IN_ID],
                  ["issue", HIDDEN], ["list", HIDDEN], [HIDDEN],
                  ["issue", "--" + HIDDEN], ["check", HIDDEN],
                  ["store", "import", f"/nowhere/{HIDDEN}"],
                  ["explain", HIDDEN, "/"], ["explain", "GET", HIDDEN]):
        done = cli.run(*words)
        assert done.returncode != 0
        assert shown(done.stderr) and shown(done.stdout), done
    done = subprocess.run([BUILD / "latchkey", "-c", f"/nowhere/{HIDDEN}",
                           "config"], capture_output=True, check=False)
    assert done.returncode == 2 and shown(done.stderr.decode())
    raw = subprocess.run([os.fsencode(BUILD / "latchkey"), b"-c",
                          os.fsencode(cli.conf), b"user", b"get",
                          b"x\xff\x9by"], capture_output=True, check=False)
    assert raw.returncode != 0 and raw.stderr.isascii()


class Insolent(socketserver.BaseRequestHandler):
    """A server that says the same to everything."""

    def handle(self):
        while self.request.recv(4096):
            self.request.sendall(f"-{HIDDEN} so{HIDDEN}there\r\n".encode())


def test_error_of_redis_shows_what_it_said(place):
    """What a server says is as foreign as what a user does."""
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), Insolent) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        cli = Latchkey(place, place.write("latchkey.conf", settings(
            f"127.0.0.1:{server.server_address[1]}", "127.0.0.1:9")))
        done = cli.run("list", "alice")
        server.shutdown()
    assert done.returncode in (2, 3)
    assert shown(done.stderr)
