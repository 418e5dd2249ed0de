"""The command, the gate and the PAM module while a MariaDB is in each kind of
trouble, and afterwards; the gate is not restarted in between."""

import base64
import contextlib
import hashlib
import itertools
import json
import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from support import fastcgi
from support.certificates import Authority
from support.mariadb import (PASSWORD, MariadbAgent, MariadbGate,
                             MariadbLatchkey, MariadbServer, SmallDisk,
                             need_module, settings)
from support.pamtester import SERVICE_ERR
from support.place import (BUILD, PATIENCE, ROOT, Place, connect,
                           wait_until)
from support.proxy import Proxy
from support.servers import Latchkey
from support.wrapped import Wrapped

QUICK = "connect_timeout_ms = 1500; command_timeout_ms = 1500;"
NEVER_ISSUED = "lk_" + "A" * 64


class Site:
    """A MariaDB with a store in it, the command, and a gate."""

    def __init__(self, place):
        need_module()
        self.place = place
        self.server = place.add(MariadbServer(place))
        self.server.make_store(place)
        listen = f"unix:{place.path}/gate.sock"
        self.conf = place.write("maria.conf", settings(
            self.server.address, times=QUICK,
            extra=f'gate = {{ listen = "{listen}"; }};'))
        self.gate = place.add(MariadbGate(place, self.conf, listen))
        self.cli = MariadbLatchkey(place, self.conf)

    def other(self, name, text):
        """The command with other settings."""
        return MariadbLatchkey(self.place, self.place.write(name, text))

    def request(self, token):
        return self.gate.ask(fastcgi.request_of(
            HTTP_AUTHORIZATION=f"Bearer {token}")).status


@pytest.fixture(scope="module")
def site():
    with Place() as place:
        yield Site(place)


# ---- What can be wrong, and how it is let in and out ---------------------


@contextlib.contextmanager
def killed(site):
    site.server.kill()
    yield
    site.server.start()


@contextlib.contextmanager
def hung(site):
    with site.server.frozen():
        yield


@contextlib.contextmanager
def read_only(site):
    site.server.run("SET GLOBAL read_only = 1")
    yield
    site.server.run("SET GLOBAL read_only = 0")


@contextlib.contextmanager
def locked_out(site):
    site.server.run("ALTER USER latchkey@localhost ACCOUNT LOCK")
    kick(site)
    yield
    site.server.run("ALTER USER latchkey@localhost ACCOUNT UNLOCK")


@contextlib.contextmanager
def nothing_granted(site):
    site.server.run("REVOKE ALL ON lk.latchkey_session FROM "
                    "latchkey@localhost")
    yield
    site.server.run("GRANT SELECT, INSERT, UPDATE, DELETE ON "
                    "lk.latchkey_session TO latchkey@localhost")


@contextlib.contextmanager
def no_tables(site):
    site.server.run("RENAME TABLE lk.latchkey_version TO lk.elsewhere")
    kick(site)
    yield
    site.server.run("RENAME TABLE lk.elsewhere TO lk.latchkey_version")


@contextlib.contextmanager
def crowded(site):
    """Strangers have all connections that there are."""
    kick(site)
    site.server.run("SET GLOBAL max_connections = 10")
    with contextlib.ExitStack() as stack:
        for _ in range(12):
            stack.enter_context(contextlib.suppress(OSError))
            stack.enter_context(connect(site.server.address))
        yield
    wait_until(lambda: site.server.run("SET GLOBAL max_connections = 400",
                                       check=False).returncode == 0, "room")


def kick(site):
    """End the connections that there are."""
    for number in site.server.say(
            "SELECT id FROM information_schema.processlist "
            "WHERE user = 'latchkey'").split():
        site.server.run(f"KILL {number}", check=False)


TROUBLES = [
    (killed, 3, "("),
    (hung, 3, "in time"),
    (read_only, 3, "no replica at work"),
    (locked_out, 3, "locked"),
    (nothing_granted, 2, "store init --print"),
    (no_tables, 2, "store init"),
    (crowded, 3, "onnections"),
]


@pytest.mark.parametrize("trouble,code,words", TROUBLES,
                         ids=[t[0].__name__ for t in TROUBLES])
def test_mariadb_in_trouble_lets_nobody_in_and_is_said(
        site, trouble, code, words):
    live, doomed = site.cli.issue("alice"), site.cli.issue("alice")
    assert site.request(live) == 200
    with trouble(site):
        work = {"check": ("check", live), "issue": ("issue", "bob"),
                "revoke": ("revoke", doomed), "dead": ("check", NEVER_ISSUED)}
        with ThreadPoolExecutor(len(work)) as pool:
            done = dict(zip(work, pool.map(
                lambda words: site.cli.run(*words), work.values())))
        # A gate that has looked lately may not have seen it yet.
        wait_until(lambda: site.request(live) == 503, "the gate to notice")
        assert site.request(NEVER_ISSUED) == 503
    for name, result in done.items():
        assert (name, result.returncode) == (name, code), result.stderr
        assert words in result.stderr
        assert result.stdout == ""
    wait_until(lambda: site.request(live) == 200, "the gate to recover")
    assert site.cli.must("revoke", doomed) == "1"


@pytest.mark.parametrize("change,words", [
    ({"password": "wrong"}, "denied"),
    ({"database": "elsewhere"}, "denied"),
], ids=["password", "database"])
def test_mariadb_wrong_settings_are_said(site, change, words):
    cli = site.other("wrong.conf", settings(site.server.address, **change))
    result = cli.run("check", NEVER_ISSUED)
    assert result.returncode == 2, result.stderr
    assert words in result.stderr
    assert "sesame" not in result.stderr


def test_mariadb_connection_that_was_ended_is_made_anew(site):
    live = site.cli.issue("alice")
    assert site.request(live) == 200
    kick(site)
    assert site.request(live) == 200
    site.server.kill()
    site.server.start()
    assert site.request(live) == 200


def test_mariadb_doctor_is_content(site):
    result = site.cli.run("doctor")
    assert "live sessions in lk" in result.stdout, result.stderr
    assert "may do more" not in result.stdout


SERVERS_TIME = b"UNIX_TIMESTAMP(SYSDATE(6)) * 1000000"


@pytest.mark.parametrize("said,heard,words", [
    (b"READ COMMITTED", b"SERIALIZABLE  ", "not READ COMMITTED"),
    (SERVERS_TIME, b"(UNIX_TIMESTAMP(NOW(6))+60)*1000000 ", "ms ahead of"),
    (SERVERS_TIME, b"(UNIX_TIMESTAMP(NOW(6))-60)*1000000 ", "ms behind"),
    (b"nothing at all", b"nothing at all", None),
], ids=["isolation", "ahead", "behind", "nothing"])
def test_mariadb_doctor_says_what_something_between_changes(
        site, said, heard, words):
    assert len(said) == len(heard)
    proxy = site.place.add(Proxy(site.server.address, reword=(said, heard)))
    cli = site.other("between.conf", settings(proxy.address))
    shown = cli.run("doctor").stdout
    assert "live sessions in lk" in shown
    for each in ("not READ COMMITTED", "ms ahead of", "ms behind"):
        assert (each in shown) == (each == words), shown


def test_mariadb_init_may_be_run_again(site):
    site.server.run("GRANT ALL ON lk.* TO latchkey@localhost")
    live = site.cli.issue("alice")
    assert site.cli.must("store", "init") == ""
    site.cli.check(live)


def test_mariadb_on_a_full_disk_ends_sessions_and_makes_none(place):
    need_module()
    server = place.add(SmallDisk(place))
    server.make_store(place)
    cli = MariadbLatchkey(place, place.write("full.conf", settings(
        server.address)))
    live = cli.issue("alice")
    doomed = [cli.issue("bob") for _ in range(3)]
    many = [cli.issue("carol") for _ in range(3)]
    server.fill()
    for _ in range(2):
        result = cli.run("issue", "dave")
        assert (result.returncode, result.stdout) == (3, ""), result.stderr
        assert "full" in result.stderr
    cli.check(live)
    for token in doomed:
        assert cli.must("revoke", token) == "1"
        assert cli.run("check", token).returncode == 1
    assert cli.must("revoke-all", "carol") == "3"
    for token in many:
        assert cli.run("check", token).returncode == 1
    server.empty()
    cli.check(live)
    cli.check(cli.issue("dave"))


# ---- Others ---------------------------------------------------------------


def test_mariadb_replica_is_told_apart_until_it_takes_over(place):
    need_module()
    primary = place.add(MariadbServer(place, options=(
        "--server-id=1", "--log-bin=log")))
    replica = place.add(MariadbServer(place, options=(
        "--server-id=2", "--read-only=1")))
    primary.run("CREATE USER other@localhost IDENTIFIED BY 'other';"
                "GRANT REPLICATION SLAVE ON *.* TO other@localhost")
    replica.run("CHANGE MASTER TO MASTER_HOST = '127.0.0.1', MASTER_PORT = "
                f"{primary.port}, MASTER_USER = 'other', MASTER_PASSWORD = "
                "'other', MASTER_USE_GTID = slave_pos; START SLAVE")
    primary.make_store(place)
    there, here = (MariadbLatchkey(place, place.write(
        f"{server.port}.conf", settings(server.address)))
        for server in (primary, replica))
    live, dead = there.issue("alice"), there.issue("alice")
    there.must("revoke", dead)
    wait_until(lambda: replica.run(
        "SELECT 1 FROM lk.latchkey_ended", check=False).stdout, "the replica")
    for words in (("check", live), ("check", dead), ("issue", "bob"),
                  ("revoke", live)):
        result = here.run(*words)
        assert (result.returncode, result.stdout) == (3, "")
        assert "it is a replica, and read-only" in result.stderr
    replica.run("SET GLOBAL read_only = 0")
    assert "it is a replica" in here.run("doctor").stdout
    primary.kill()
    replica.run("STOP SLAVE; RESET SLAVE ALL")
    here.check(live)
    assert here.run("check", dead).returncode == 1
    assert "it is a replica" not in here.run("doctor").stdout


def test_mariadb_client_that_is_killed_leaves_no_lock(site):
    """In the midst of its change, after which the user's next login is done
    as if it had not been."""
    site.cli.issue("mallory")
    holder = subprocess.Popen(
        [site.server.client, "--no-defaults", "--skip-ssl", "-uroot",
         f"-S{site.server.socket}", "lk", "-N", "--unbuffered"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    with holder:
        holder.stdin.write("START TRANSACTION;\n"
                           "SELECT count(*) FROM latchkey_lock FOR UPDATE;\n")
        holder.stdin.flush()
        holder.stdout.readline()
        with subprocess.Popen([site.cli.program, "-c", site.conf, "issue",
                               "mallory"], stderr=subprocess.DEVNULL,
                              env=site.place.environment()) as login:
            wait_until(lambda: site.server.say(
                "SELECT count(*) FROM information_schema.processlist"
                " WHERE user = 'latchkey' AND command = 'Query'") != "0",
                "the login to wait")
            login.kill()
        holder.stdin.close()
    assert site.cli.must("revoke-all", "mallory") == "1"
    site.cli.check(site.cli.issue("mallory"))


def test_mariadb_lock_that_is_not_there_is_said(site):
    """Rather than that nothing is locked; whoever makes the tables again has
    it back."""
    live = site.cli.issue("alice")
    site.server.run("DELETE FROM lk.latchkey_lock")
    site.cli.check(live)
    for words in (("issue", "alice"), ("revoke", live)):
        result = site.cli.run(*words)
        assert (result.returncode, result.stdout) == (2, "")
        assert "store init" in result.stderr
    site.server.run("GRANT ALL ON lk.* TO latchkey@localhost")
    site.cli.must("store", "init")
    assert site.server.say("SELECT count(*) FROM lk.latchkey_lock") == "4096"
    assert site.cli.must("revoke", live) == "1"


def test_mariadb_tables_of_another_version_are_refused(site):
    """Those of one before are brought forward, with the sessions in them."""
    live = site.cli.issue("alice")

    def refused(words):
        kick(site)
        for verb in (("check", live), ("issue", "bob"), ("revoke", live)):
            result = site.cli.run(*verb)
            assert (result.returncode, result.stdout) == (2, "")
            assert words in result.stderr

    site.server.run("GRANT ALL ON lk.* TO latchkey@localhost;"
                    "UPDATE lk.latchkey_version SET version = 3")
    refused("of a later version")
    site.cli.must("store", "init")
    refused("of a later version")
    site.server.run("UPDATE lk.latchkey_version SET version = 1;"
                    "DROP TABLE lk.latchkey_lock;"
                    "CREATE TABLE lk.latchkey_owner (tag BINARY(16) NOT NULL"
                    " PRIMARY KEY, epoch BIGINT NOT NULL)")
    refused("store init")
    site.cli.must("store", "init")
    site.cli.check(live)
    assert "owner" not in site.server.say("SHOW TABLES IN lk")
    assert site.cli.must("revoke", live) == "1"


def test_mariadb_and_a_file_take_each_others_sessions(site):
    """Moved there and back, and nobody is logged out."""
    conf = site.place.write("file.conf", 'store = { sqlite = { path = "'
                            f'{site.place.path}/moved.db"; }}; }};\n')
    file = Latchkey(site.place, conf)
    tokens = [site.cli.issue(f"user{n % 7}") for n in range(50)]
    ended = site.cli.issue("user0")
    site.cli.must("revoke", ended)
    file.must("store", "import", stdin=site.cli.must("store", "export"))
    more = [file.issue(f"user{n % 7}") for n in range(50)]
    for table in ("session", "ended", "history"):
        site.server.run(f"DELETE FROM lk.latchkey_{table}")
    site.cli.must("store", "import", stdin=file.must("store", "export"))
    for cli in (file, site.cli):
        assert cli.run("check", ended).returncode == 1
        for token in tokens:
            cli.check(token)
    for token in more:
        site.cli.check(token)


# ---- What is said to the server ------------------------------------------


class Ear(Proxy):
    """Keeps what is said to the server, write by write, and ends all of it
    once that is more than `most` bytes."""

    most = None

    def __init__(self, target, reword=None):
        super().__init__(target, reword=reword)
        self.heard = []

    def ask(self, server, data):
        self.heard.append(data)
        if self.most is not None and sum(map(len, self.heard)) > self.most:
            raise OSError("cut off")
        super().ask(server, data)

    def changes(self):
        """What was said from the first transaction on, and that forgotten."""
        heard = list(itertools.dropwhile(
            lambda data: b"START TRANSACTION" not in data, self.heard))
        self.heard = []
        return [data[5:] for data in heard
                if data[4:5] == b"\3" and not data.startswith(b"SET ", 5)]


def by_ear(site, name, **reword):
    ear = site.place.add(Ear(site.server.address, **reword))
    return ear, site.other(name, settings(ear.address))


def test_mariadb_change_takes_few_round_trips(site):
    """The first has the lock, and what there is to be known; the last the
    COMMIT."""
    ear, cli = by_ear(site, "trips.conf")
    for words, trips in ((("issue", "trip"), 2), (("issue", "trip"), 2),
                         (("refresh",), 3), (("revoke",), 3),
                         (("revoke-all", "trip"), 4)):
        token = () if len(words) > 1 else (site.cli.issue("trip"),)
        cli.must(*words, *token)
        texts = ear.changes()
        assert len(texts) == trips, texts
        assert b"COMMIT" not in b"".join(texts[:-1])
        assert texts[-1].endswith(b"COMMIT")
        if words[0] != "refresh":
            assert b"FOR UPDATE; SELECT" in texts[0]


MODES = [b"STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION", b"ORACLE",
         b"ANSI_QUOTES,NO_BACKSLASH_ESCAPES", b""]
NAMES = ["o'hara\"\\", "x';DROP/**/TABLE/**/latchkey_lock;#", "\\';--",
         "`\u00e4\u2019?1[a]%s%n"]


@pytest.mark.parametrize("mode", MODES, ids=lambda mode: mode.decode() or "no")
def test_mariadb_is_told_names_as_digits(site, mode):
    """So that none is text of a statement, whatever the server's modes."""
    said = b"'" + MODES[0] + b"'"
    ear, cli = by_ear(site, "modes.conf", reword=(
        said, (b"'" + mode + b"'").ljust(len(said))))
    for name in NAMES:
        agent = f"agent of {name}"
        token = cli.issue(name, "--agent", agent)
        cli.must("refresh", token)
        entry, = json.loads(cli.must("history", name, "--json"))[:1]
        assert entry["agent"] == agent
        assert cli.must("revoke", token) == "1"
        cli.issue(name)
        assert cli.must("revoke-all", name) == "1"
        texts = ear.changes()
        assert any(b"INSERT" in text for text in texts)
        for text in texts:
            assert name.encode() not in text
            quoted = b"".join(text.split(b"'")[1::2])
            assert set(quoted) <= set(b"0123456789abcdef"), text


def lines_of(user, count):
    """To be imported, and the digests in them."""
    now_us = time.time_ns() // 1000
    digests = [hashlib.sha256(f"{user}{n}".encode()).digest()
               for n in range(count)]
    lines = [{"type": "header", "format": "latchkey-sessions", "version": 1}]
    lines += [{"type": "session", "user": user, "client": "web",
               "issued_us": now_us - count + n,
               "expires_ms": now_us // 1000 + 86_400_000, "ends_ms": None,
               "digest": base64.urlsafe_b64encode(digest).rstrip(b"=").decode()}
              for n, digest in enumerate(digests)]
    return "\n".join(map(json.dumps, [*lines, {"type": "end"}])) + "\n"


def statements(site):
    """How many the server has run, by their sort."""
    return {name: int(count) for name, count in (
        line.split("\t") for line in site.server.say(
            "SHOW GLOBAL STATUS LIKE 'Com\\_%'").splitlines())}


def sessions_of(site, user):
    return int(site.server.say("SELECT count(*) FROM lk.latchkey_session "
                               f"WHERE user = '{user}'"))


def test_mariadb_takes_many_sessions_in_few_statements(site):
    """In packets that any server takes, and ends them so."""
    site.server.run("SET GLOBAL max_allowed_packet = 131072")
    before = statements(site)
    site.cli.must("store", "import", stdin=lines_of("many", 2000))
    imported = statements(site)
    assert sessions_of(site, "many") == 2000
    assert site.cli.must("revoke-all", "many") == "2000"
    ended = statements(site)
    site.server.run("SET GLOBAL max_allowed_packet = DEFAULT")
    for sort, most in (("select", 60), ("insert", 40), ("delete", 40),
                       ("stmt_execute", 0)):
        assert imported[f"Com_{sort}"] - before[f"Com_{sort}"] <= most, sort
    assert ended["Com_insert"] - imported["Com_insert"] <= 30
    assert site.server.say(
        "SELECT count(*) FROM lk.latchkey_ended JOIN lk.latchkey_history"
        " USING (tag) WHERE user = 'many' AND count = 2000") == "2000"
    assert sessions_of(site, "many") == 0


@pytest.mark.parametrize("most", [2_000, 90_000, 250_000, 600_000])
def test_mariadb_import_that_is_cut_off_has_left_nothing_by_halves(site, most):
    user = f"cut{most}"
    ear, cli = by_ear(site, "cut.conf")
    ear.most = most
    lines = lines_of(user, 2000)
    result = cli.run("store", "import", stdin=lines)
    assert result.returncode == 3, result.stderr
    wait_until(lambda: site.server.say(
        "SELECT count(*) FROM information_schema.innodb_trx") == "0", "its end")
    there = sessions_of(site, user)
    assert there % 256 == 0 and there < 2000
    site.cli.must("store", "import", stdin=lines)
    assert sessions_of(site, user) == 2000


def test_mariadb_connection_that_was_ended_changes_sessions_anew(site):
    """One that an agent has kept, for each change."""
    listen = f"unix:{site.place.path}/kept.sock"
    site.place.add(MariadbAgent(site.place, site.place.write(
        "kept-agent.conf", settings(site.server.address, extra=(
            f'agent = {{ listen = "{listen}"; callers = ( {{ users = [ "root" '
            '];\n  may = [ "check", "issue", "refresh", "revoke" ]; } ); };'))),
        listen))
    cli = Latchkey(site.place, site.place.write(
        "kept.conf", 'store = { backend = "agent"; agent = { address = '
                     f'"{listen}"; }}; }};\n'))
    tokens = [cli.issue("kept") for _ in range(3)]
    for words in (("issue", "kept"), ("refresh", tokens[0]),
                  ("revoke", tokens[1])):
        kick(site)
        cli.must(*words)
    assert sessions_of(site, "kept") == 3


# ---- A server that lies --------------------------------------------------

GREETING = (b"\x0a10.11.19-MariaDB\0\x01\0\0\0abcdefgh\0\xff\xf7\x2d\x02\0"
            b"\xff\x81\x15" + b"\0" * 10 + b"ijklmnopqrst\0")
OK = b"\0\0\0\x02\0\0\0"
SECRET = "a-secret-of-mine"


def packet(number, body):
    return len(body).to_bytes(3, "little") + bytes([number]) + body


class Liar:
    """Greets, asks for the password by `method`, and answers what follows by
    `answer`; remembers all that it got."""

    def __init__(self, place, method=b"mysql_native_password", answer=OK,
                 greets_with=b"mysql_native_password",
                 nonce=b"ABCDEFGHIJKLMNOPQRST\0"):
        self.method, self.answer = method, answer
        self.nonce = nonce
        self.greets_with = greets_with
        self.heard = self.proof = b""
        self.path = place.path / "liar.sock"
        self.path.unlink(missing_ok=True)
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(5)

    def serve(self):
        peer, _ = self.listener.accept()
        peer.settimeout(10)
        with peer, contextlib.suppress(OSError):
            peer.sendall(packet(0, GREETING + self.greets_with + b"\0"))
            self.heard += peer.recv(65536)
            if self.method is not None:
                peer.sendall(packet(2, b"\xfe" + self.method + b"\0"
                                    + self.nonce))
                self.proof = got = peer.recv(65536)
                self.heard += got
                peer.sendall(packet(4 if got else 3, OK))
            else:
                peer.sendall(packet(2, OK))
            while got := peer.recv(65536):
                self.heard += got
                peer.sendall(packet(1, self.answer))
                if self.answer[:1] == b"\xfb":
                    self.heard += peer.recv(65536)


def meet(place, liar):
    """What the command says to it."""
    need_module()
    conf = place.write("liar.conf", settings(
        f"unix:{liar.path}", password=SECRET, times=QUICK))
    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(liar.serve)
        result = MariadbLatchkey(place, conf).run("check", NEVER_ISSUED)
        liar.listener.close()
        served.result()
    assert result.returncode in (2, 3), result.stderr
    assert result.stdout == ""
    assert SECRET not in result.stderr
    return result


METHODS = (b"mysql_clear_password", b"dialog", b"mysql_old_password",
           b"sha256_password", b"caching_sha2_password",
           b"../../../tmp/evil", b"auth_gssapi_client", b"")


@pytest.mark.parametrize("first", [False, True], ids=["switched", "greeted"])
@pytest.mark.parametrize("method", METHODS, ids=lambda m: m.decode() or "none")
def test_mariadb_that_lies_does_not_get_the_password(place, method, first):
    liar = (Liar(place, None, greets_with=method) if first
            else Liar(place, method))
    meet(place, liar)
    assert SECRET.encode() not in liar.heard


def test_mariadb_method_that_is_a_library_is_found(place):
    """In libmariadb's own folder."""
    liar = Liar(place, b"client_ed25519", nonce=b"N" * 32)
    meet(place, liar)
    # A signature, which shows nothing.
    assert liar.proof[:4] == b"\x40\0\0\3" and len(liar.proof) == 68
    assert SECRET.encode() not in liar.heard


@pytest.mark.parametrize("path", [b"/etc/passwd", b"/proc/self/environ"])
def test_mariadb_that_lies_does_not_get_a_file(place, path):
    liar = Liar(place, None, answer=b"\xfb" + path)
    meet(place, liar)
    assert b"root:" not in liar.heard and b"PATH=" not in liar.heard


@pytest.mark.parametrize("answer", [
    b"", b"\xff", b"\xff\x15\x04", b"\x01", b"\xfe" * 9, b"\xff" * 4000,
    b"\x03" + b"A" * 40, OK * 100, bytes(range(256)),
    OK[:3] + b"\x0a" + OK[4:],
    b"\xfc\xff\xff" + b"\0" * 60, b"\xfe\0\0\0\0\0\0\0\x7f"],
    ids=lambda answer: answer[:8].hex() or "nothing")
def test_mariadb_that_talks_nonsense_is_an_outage(place, answer):
    meet(place, Liar(place, None, answer=answer))


COLUMN = (b"\x03def" + b"\0" * 3 + b"\x01a\0\x0c\x21\0\x40\0\0\0"
          b"\xfd\0\0\0\0\0")


END, END_MORE = b"\xfe\0\0\x02\0", b"\xfe\0\0\x0a\0"
MORE, LOCKED_MORE = b"\0\0\0\x0a\0\0\0", b"\0\1\0\x0a\0\0\0"
IN_THE_WAY = b"\xff\xbd\x04#40001in the way"


def rows(*values, end=END):
    """One row of so many columns, packet by packet."""
    return [bytes([len(values)]), *[COLUMN] * len(values), END,
            b"".join(bytes([len(value)]) + value if value is not None
                     else b"\xfb" for value in values), end]


LOOKED = [MORE, LOCKED_MORE, *rows(*[None] * 5)]
WRITTEN = [MORE, MORE, OK]


class Teller(Liar):
    """Is as it should be up to the first change, to which it has `first` to
    say, and `last` to what ends with COMMIT; then it hangs up, unless that is
    all that there is to say."""

    def __init__(self, place, first, last):
        super().__init__(place, None)
        self.first, self.last = first, last

    def answer_to(self, asked):
        if asked.endswith(b"; COMMIT"):
            return self.last
        if b"START TRANSACTION" in asked:
            return self.first
        return (rows(b"2", b"1796000000000000", b"0")
                if b"latchkey_version" in asked else [OK])

    def serve(self):
        with contextlib.suppress(OSError):
            while True:
                self.speak_with(self.listener.accept()[0])

    def speak_with(self, peer):
        peer.settimeout(10)
        with peer, contextlib.suppress(OSError):
            peer.sendall(packet(0, GREETING + self.greets_with + b"\0"))
            peer.recv(65536)
            peer.sendall(packet(2, OK))
            while got := peer.recv(65536):
                self.heard += got
                bodies = self.answer_to(got)
                peer.sendall(b"".join(
                    packet(n, body) for n, body in enumerate(bodies, 1)
                    if body is not None))
                if bodies[-1] is None:
                    break


def tell(place, first, last):
    teller = Teller(place, first, last)
    conf = place.write("teller.conf", settings(
        f"unix:{teller.path}", times=QUICK))
    with ThreadPoolExecutor(1) as pool:
        served = pool.submit(teller.serve)
        result = MariadbLatchkey(place, conf).run("issue", "alice")
        teller.listener.shutdown(socket.SHUT_RDWR)
        served.result()
    return teller, result


def test_mariadb_that_tells_what_it_should_is_believed(place):
    need_module()
    _, result = tell(place, LOOKED, WRITTEN)
    assert (result.returncode, result.stderr) == (0, "")


@pytest.mark.parametrize("first", [
    [OK], [MORE, b"\0\1\0\2\0\0\0"], [*LOOKED[:-1], END_MORE, OK],
    [*LOOKED[:-1], END_MORE, *rows(b"1")], rows(b"1"), [MORE, *rows(b"1")],
    [MORE, LOCKED_MORE, OK], [MORE, LOCKED_MORE, MORE, OK],
    [MORE, MORE, *rows(*[None] * 5)], [IN_THE_WAY], [MORE, IN_THE_WAY],
    [MORE, LOCKED_MORE, IN_THE_WAY], [None], [MORE, None],
    [MORE, LOCKED_MORE, None], [*LOOKED[:-1], None], LOOKED[:-1]],
    ids=str)
def test_mariadb_that_tells_otherwise_ends_the_change(place, first):
    need_module()
    teller, result = tell(place, first, WRITTEN)
    assert result.returncode in (2, 3), result.stderr
    assert result.stdout == ""
    assert b"; COMMIT" not in teller.heard


@pytest.mark.parametrize("last", [
    [OK], [MORE, OK], [*WRITTEN[:-1], MORE, OK], [MORE, *rows(b"1")],
    [IN_THE_WAY], [MORE, MORE, IN_THE_WAY], [None], [MORE, MORE, None],
    [MORE, MORE]], ids=str)
def test_mariadb_that_tells_otherwise_of_a_commit_lets_nobody_in(place, last):
    """And is told it once, but for what it has given up itself."""
    need_module()
    teller, result = tell(place, LOOKED, last)
    assert result.returncode == 3, result.stderr
    assert result.stdout == ""
    assert (IN_THE_WAY in last) or teller.heard.count(b"; COMMIT") == 1


def without_end(first, body):
    """Packets that begin with the number `first`, about a megabyte at once."""
    numbers = itertools.chain(range(first, 256), range(first))
    together = b"".join(packet(number, body) for number in numbers)
    return together * max(1, (1 << 20) // len(together))


ENDLESS = {
    "rows": (packet(1, b"\x03") + packet(2, COLUMN) + packet(3, COLUMN)
             + packet(4, COLUMN) + packet(5, b"\xfe\0\0\x02\0"),
             without_end(6, b"\x01a\x01b\x01c")),
    "wide rows": (packet(1, b"\x01") + packet(2, COLUMN)
                  + packet(3, b"\xfe\0\0\x02\0"),
                  without_end(4, b"\xfc\xff\xff" + b"a" * 0xffff)),
    "columns": (packet(1, b"\xfe" + b"\xff" * 4 + b"\0" * 4),
                without_end(2, COLUMN)),
    "results": (b"", without_end(1, b"\0\0\0\x0a\0\0\0")),
    "a packet": (b"", b"\xff\xff\xff\1" + b"a" * 0xffffff),
}


class Babbler(Liar):
    """Answers without an end after `at` answers that are as they should be."""

    def __init__(self, place, head, body, at):
        super().__init__(place, None)
        self.head, self.body, self.at = head, body, at
        self.said = 0

    def serve(self):
        peer, _ = self.listener.accept()
        end = time.monotonic() + PATIENCE
        with peer, contextlib.suppress(OSError):
            peer.sendall(packet(0, GREETING + self.greets_with + b"\0"))
            peer.recv(65536)
            for n in range(self.at):
                peer.sendall(packet(2 if n == 0 else 1, OK))
                peer.recv(65536)
            peer.sendall(self.head)
            while time.monotonic() < end:
                self.said += peer.send(self.body)


@pytest.mark.parametrize("at", [0, 1, 3], ids=["login", "manners", "vitals"])
@pytest.mark.parametrize("kind", ENDLESS)
def test_mariadb_that_never_ends_is_cut_off(place, kind, at):
    babbler = Babbler(place, *ENDLESS[kind], at)
    began = time.monotonic()
    meet(place, babbler)
    # The deadlines are 1.5 seconds each.
    assert time.monotonic() - began < PATIENCE / 2
    assert babbler.said < 64 << 20


# ---- Over a network ------------------------------------------------------


def test_mariadb_by_tls_is_who_the_settings_name(place):
    need_module()
    ours, others = Authority(place), Authority(place, "others")
    certificate = ours.certify("mariadb", "IP:127.0.0.2,DNS:localhost")
    certificate.key.chmod(0o644)
    place.path.chmod(0o755)
    server = place.add(MariadbServer(place, options=(
        f"--ssl-cert={certificate.crt}", f"--ssl-key={certificate.key}",
        "--bind-address=*", "--skip-name-resolve")))
    server.make_store(place)
    server.run(f"CREATE USER latchkey@'127.0.0.%' IDENTIFIED BY '{PASSWORD}'"
               " REQUIRE SSL; GRANT ALL ON lk.* TO latchkey@'127.0.0.%'")

    def ask(host, tls):
        conf = place.write("tls.conf", settings(
            f"{host}:{server.port}", more=tls))
        return MariadbLatchkey(place, conf).run("issue", "alice")

    trusting = f'tls = {{ ca = "{ours.crt}"; }};'
    assert ask("127.0.0.2", trusting).returncode == 0
    assert ask("127.0.0.2", "").returncode in (2, 3)
    for host, tls in (("127.0.0.3", trusting),
                      ("127.0.0.2", f'tls = {{ ca = "{others.crt}"; }};')):
        result = ask(host, tls)
        assert result.returncode == 3, result.stderr
        assert "ertificate" in result.stderr or "SSL" in result.stderr

    # A child that closes its parent's connection says nothing there.
    server.run("ALTER USER latchkey@'127.0.0.%' IDENTIFIED BY 'sesame';"
               "GRANT ALL ON *.* TO latchkey@'127.0.0.%'")
    done = subprocess.run(
        [BUILD / "tests/contract/test_fork"], cwd=ROOT, text=True,
        capture_output=True, timeout=PATIENCE, check=False,
        env={**place.environment(), "TMPDIR": str(place.path),
             "LK_TEST_WORLD": "mariadb",
             "LK_TEST_MARIADB": str(server.socket),
             "LK_TEST_MARIADB_TLS": f"127.0.0.2:{server.port}",
             "LK_TEST_MARIADB_CA": str(ours.crt)})
    assert done.returncode == 0, done.stdout + done.stderr


# ---- The module ----------------------------------------------------------


def test_mariadb_module_of_others_is_not_loaded(place):
    """The plain command looks where nothing is installed."""
    conf = place.write("none.conf", settings("127.0.0.1:1"))
    result = Latchkey(place, conf).run("check", NEVER_ISSUED)
    assert result.returncode == 2
    assert "store_mariadb.so" in result.stderr


def test_mariadb_is_nothing_that_pam_loads(place):
    conf = place.write("pam.conf", settings("127.0.0.1:1"))
    pam = Wrapped(place, conf, service="latchkey-mariadb")
    outcome = pam.attempt("alice", NEVER_ISSUED, "authenticate")
    assert SERVICE_ERR in outcome.output
    assert "agent" in outcome.log


def test_mariadb_lets_pam_in_by_the_agent(site):
    """PAM itself loads no module: see above."""
    listen = f"unix:{site.place.path}/agent.sock"
    agent = MariadbAgent(site.place, site.place.write(
        "latchkeyd.conf", settings(site.server.address, extra=(
            f'agent = {{ listen = "{listen}"; callers = ( {{ users = [ "root" '
            '];\n  may = [ "check" ]; } ); };'))), listen)
    pam = Wrapped(site.place, site.place.write(
        "by-agent.conf", 'store = { backend = "agent"; agent = { address = '
                         f'"{listen}"; }}; }};\n'), service="latchkey-agent")
    live, ended = site.cli.issue("alice"), site.cli.issue("alice")
    site.cli.must("revoke", ended)
    site.place.add(agent)
    assert pam.ask("alice", live)
    assert not pam.ask("bob", live)
    assert not pam.ask("alice", ended)
    with site.server.frozen():
        assert not pam.ask("alice", live, "authenticate")
    assert pam.ask("alice", live)
