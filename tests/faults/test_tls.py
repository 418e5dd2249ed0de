"""What TLS to a Redis or a Sentinel is held to: nobody is talked to who is not
whom the settings name, and who is refused is told why in plain words."""

import contextlib
import os
import re
import signal
import socket
import ssl
import threading

import pytest

from support import fastcgi
from support.agent import Agent
from support.certificates import Authority, as_settings, redis_options
from support.pamtester import SERVICE_ERR
from support.place import Place, free_port, wait_until
from support.proxy import DRIP, HALF, SWALLOW, Proxy
from support.sentinel import Cluster
from support.servers import PATIENT, Gate, Latchkey, RedisServer
from support.wrapped import Wrapped

OK, USAGE, STORE = 0, 2, 3
QUICK = "connect_timeout_ms = 500; command_timeout_ms = 1000;"


class Setup:
    """An authority, and a Redis that it has certified."""

    def __init__(self, place):
        self.place = place
        self.authority = Authority(place)
        self.redis, self.address = self.serve(self.authority.certify("redis"))

    def serve(self, certificate, clients="no", *options):
        port = free_port()
        redis = RedisServer(self.place, options=[
            *redis_options(port, certificate, self.authority, clients),
            *options])
        redis.socket = self.place.path / f"redis-{port}.sock"
        conf = self.place.write(f"redis-{port}.conf",
                                redis.argv[1].read_text().replace(
                                    "redis.sock", redis.socket.name))
        redis.argv = [redis.argv[0], conf]
        return self.place.add(redis), f"127.0.0.1:{port}"

    def cli(self, address, tls, timeouts=PATIENT):
        return Latchkey(self.place, self.place.write("latchkey.conf", f'''
            store = {{ backend = "redis"; redis = {{ address = "{address}";
                {timeouts} {tls} }}; }};'''))

    def refusal(self, address, tls, status=USAGE, timeouts=PATIENT):
        """What a login is told that cannot be."""
        result = self.cli(address, tls, timeouts).run("issue", "alice")
        assert (result.returncode, result.stdout) == (status, ""), result
        return result.stderr


@pytest.fixture
def setup(place):
    return Setup(place)


def test_tls_with_the_right_authority_works(setup):
    cli = setup.cli(setup.address, as_settings(setup.authority))
    token = cli.issue("alice")
    assert cli.check(token)["user"] == "alice"
    assert "TLS, by a certificate that is valid until" in cli.run(
        "doctor").stdout


def test_tls_of_an_authority_that_is_not_ours_is_refused(setup):
    other = Authority(setup.place, "other")
    assert "TLS: self-signed certificate in certificate chain" in setup.refusal(
        setup.address, as_settings(other))


def test_tls_by_itself_signed_is_refused(setup):
    _, address = setup.serve(Authority(setup.place, "alone"))
    assert "TLS: self-signed certificate" in setup.refusal(
        address, as_settings(setup.authority))


@pytest.mark.parametrize("names", ["DNS:redis.example", "IP:127.0.0.2",
                                   "DNS:127.0.0.1", "DNS:*.0.0.1"])
def test_tls_of_another_name_is_refused(setup, names):
    _, address = setup.serve(setup.authority.certify("other", names))
    assert "mismatch" in setup.refusal(address, as_settings(setup.authority))


def test_tls_with_a_name_of_the_settings_is_that_name(setup):
    _, address = setup.serve(setup.authority.certify(
        "named", "DNS:redis.example"))
    tls = as_settings(setup.authority, name="redis.example")
    assert setup.cli(address, tls).issue("alice")
    tls = as_settings(setup.authority, name="edis.example")
    assert "hostname mismatch" in setup.refusal(address, tls)
    # What the address says does not count beside it.
    assert "hostname mismatch" in setup.refusal(
        setup.address, as_settings(setup.authority, name="redis.example"))


def test_tls_heeds_no_settings_of_openssl(setup):
    """Neither those of the system nor whichever the environment names."""
    cli = setup.cli(setup.address, as_settings(setup.authority))
    conf = setup.place.write("openssl.cnf", """
        openssl_conf = all
        [all]
        ssl_conf = ssl
        [ssl]
        system_default = none
        [none]
        MaxProtocol = TLSv1.1
        """)
    cli.prefix = ["env", f"OPENSSL_CONF={conf}"]
    assert cli.issue("alice")


def test_tls_of_part_of_a_name_is_refused(setup):
    _, address = setup.serve(setup.authority.certify(
        "some", "DNS:re*.db.example"))
    assert "hostname mismatch" in setup.refusal(
        address, as_settings(setup.authority, name="redis.db.example"))


@pytest.mark.parametrize("names", ["DNS:redis.example", "IP:127.0.0.2"])
def test_tls_of_a_common_name_alone_is_refused(setup, names):
    """Even if no other name of a host stands in the certificate."""
    _, address = setup.serve(setup.authority.certify("localhost", names))
    assert "hostname mismatch" in setup.refusal(
        address.replace("127.0.0.1", "localhost"),
        as_settings(setup.authority))


def test_tls_that_has_ended_is_refused(setup):
    _, address = setup.serve(setup.authority.certify("ended", days=0))
    assert "TLS: certificate has expired" in setup.refusal(
        address, as_settings(setup.authority))


def test_tls_wants_a_client_certificate_and_says_so(setup):
    own = setup.authority.certify("client", "DNS:client")
    _, address = setup.serve(setup.authority.certify("strict"), "yes")
    assert setup.cli(address, as_settings(setup.authority, own)).issue("alice")
    assert "it wants a client certificate (tls.cert)" in setup.refusal(
        address, as_settings(setup.authority))
    stranger = Authority(setup.place, "stranger").certify("client")
    assert "it refuses our certificate (tls.cert)" in setup.refusal(
        address, as_settings(setup.authority, stranger))


def test_tls_to_a_plain_port_is_no_talk(setup):
    said = setup.refusal(setup.redis.address, as_settings(setup.authority),
                         STORE, QUICK)
    assert "it may speak no TLS at this port" in said


def test_plain_to_a_port_of_tls_hints_at_it(setup):
    said = setup.cli(setup.address, "").run("issue", "alice").stderr
    assert "TLS" in said


def test_tls_older_than_1_2_is_refused(setup):
    _, address = setup.serve(
        setup.authority.certify("old"), "no", 'tls-protocols "TLSv1.1"',
        'tls-ciphers "DEFAULT@SECLEVEL=0"')
    assert "TLS" in setup.refusal(address, as_settings(setup.authority))


class Downgrader(Proxy):
    """Takes out of a greeting (RFC 8446, 4.1.2) that its client knows TLS 1.3,
    so that the server chooses 1.2."""

    def ask(self, server, data):
        super().ask(server, without_versions(data))


def without_versions(greeting):
    """A first record without its extension supported_versions; the name of
    an extension that nobody knows stands there instead."""
    if greeting[:1] != b"\x16" or greeting[5:6] != b"\x01":
        return greeting
    changed = re.sub(rb"\x00\x2b(?=\x00[\x03-\x09][\x02-\x08]\x03\x04)",
                     lambda _: b"\xfa\xfa", greeting)
    assert changed != greeting
    return changed


def test_tls_that_somebody_in_the_middle_makes_older_is_refused(setup):
    proxy = setup.place.add(Downgrader(setup.address))
    said = setup.refusal(proxy.address, as_settings(setup.authority))
    assert "somebody in between has made TLS older" in said


def test_tls_whose_greeting_is_answered_in_plain_is_refused(setup):
    """Nobody in the middle has us go on without TLS, whatever he answers."""
    listener = socket.create_server(("127.0.0.1", 0))
    heard = []

    def serve():
        while True:
            peer, _ = listener.accept()
            heard.append(peer.recv(65536))
            peer.sendall(b"+OK\r\n" * 8)
            with contextlib.suppress(OSError):
                while data := peer.recv(65536):
                    heard.append(data)

    threading.Thread(target=serve, daemon=True).start()
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    said = setup.refusal(address, as_settings(setup.authority))
    assert "TLS" in said
    assert heard[0].startswith(b"\x16\x03")
    assert not any(word in data.upper() for data in heard
                   for word in (b"HELLO", b"AUTH", b"PING", b"ALICE"))


def test_tls_that_is_silent_or_drips_ends_at_the_deadline(setup):
    """One deadline holds, however little of a handshake comes."""
    proxy = setup.place.add(Proxy(setup.address))
    tls = as_settings(setup.authority)
    for proxy.mode in (SWALLOW, DRIP):
        said = setup.refusal(proxy.address, tls, STORE, QUICK)
        assert "no answer in time" in said


def test_tls_that_ends_half_way_is_no_answer(setup):
    proxy = setup.place.add(Proxy(setup.address))
    proxy.mode = HALF
    assert "closed the connection" in setup.refusal(
        proxy.address, as_settings(setup.authority))


@pytest.mark.parametrize("stall", [False, True], ids=["closed", "stalled"])
def test_tls_that_is_cut_is_no_answer(setup, stall):
    """At each point of a conversation, in the midst of a record as well, and
    whether the peer closes the connection there or only says no more."""
    listener = socket.create_server(("127.0.0.1", 0))
    most = [0]

    def carry(source, target):
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                target.sendall(data)
            target.shutdown(socket.SHUT_RDWR)

    def answer(ours, theirs, left):
        with contextlib.suppress(OSError):
            while left > 0 and (data := theirs.recv(left)):
                ours.sendall(data)
                left -= len(data)
            if not stall:
                ours.shutdown(socket.SHUT_RDWR)

    def serve():
        while True:
            ours, _ = listener.accept()
            theirs = socket.create_connection(setup.address.split(":"))
            for work in ((carry, ours, theirs),
                         (answer, ours, theirs, most[0])):
                threading.Thread(target=work[0], args=work[1:],
                                 daemon=True).start()

    threading.Thread(target=serve, daemon=True).start()
    address = f"127.0.0.1:{listener.getsockname()[1]}"
    cli = setup.cli(address, as_settings(setup.authority), QUICK)
    whole = handshake_size(setup.address)
    for most[0] in (0, 1, 5, 100, whole // 2, whole + 1, whole + 3,
                    whole + 20):
        assert cli.run("issue", "alice").returncode in (USAGE, STORE)


def handshake_size(address):
    """How much a Redis says before it answers anything."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    tls = context.wrap_bio(incoming, outgoing)
    size = 0
    host, port = address.split(":")
    with socket.create_connection((host, int(port))) as sock:
        sock.settimeout(1)
        with contextlib.suppress(TimeoutError):
            while True:
                with contextlib.suppress(ssl.SSLWantReadError):
                    tls.do_handshake()
                sock.sendall(outgoing.read())
                size += incoming.write(sock.recv(65536))
    return size


@pytest.mark.parametrize("tls, words", [
    ('tls = { ca = "/nowhere/ca.crt"; };', "store.redis.tls.ca: "),
    ('tls = { ca = "ca.crt"; };', 'expected an absolute path, or "system"'),
    ('tls = { ca = "{conf}"; };', "a file of certificates in PEM"),
    ('tls = { ca = "{ca}"; cert = "{ca}"; };',
     "store.redis.tls.key: expected a file, since store.redis.tls.cert is "
     "set, got none"),
    ('tls = { name = "redis"; };',
     "store.redis.tls.ca: expected a file, since store.redis.tls.name is "
     "set, got none"),
    ('tls = { ca = "{ca}"; cert = "{ca}"; key = "{other}"; };',
     "the certificate's private key"),
])
def test_tls_settings_that_are_wrong_say_which(setup, tls, words):
    other = setup.authority.certify("other").key
    conf = setup.place.write("nothing.pem", "nothing\n")
    for name, path in (("{ca}", setup.authority.crt), ("{conf}", conf),
                       ("{other}", other)):
        tls = tls.replace(name, str(path))
    assert words in setup.refusal(setup.address, tls)


def test_tls_to_a_path_is_an_error(setup):
    assert "expected host:port, since TLS is switched on" in setup.refusal(
        f"unix:{setup.redis.socket}", as_settings(setup.authority))


def test_tls_key_that_everybody_may_read_is_refused(setup):
    own = setup.authority.certify("client", "DNS:client")
    own.key.chmod(0o644)
    assert "store.redis.tls.key: " in setup.refusal(
        setup.address, as_settings(setup.authority, own))


def test_gate_takes_new_certificates_by_a_reload(setup):
    old = setup.authority
    place, ca = setup.place, setup.place.path / "ca.crt"
    ca.write_bytes(old.crt.read_bytes())
    listen = f"unix:{place.path}/gate.sock"
    conf = place.write("gate.conf", f'''
        store = {{ backend = "redis"; redis = {{ address = "{setup.address}";
            {PATIENT} tls = {{ ca = "{ca}"; }}; }}; }};
        gate = {{ listen = "{listen}"; }};''')
    gate = place.add(Gate(place, conf, listen))
    token = Latchkey(place, conf).issue("alice")
    ask = {"HTTP_AUTHORIZATION": f"Bearer {token}"}

    def status():
        return gate.ask(fastcgi.request_of(**ask)).status
    assert status() == 200
    ca.write_bytes(Authority(place, "new").crt.read_bytes())
    gate.process.send_signal(signal.SIGHUP)
    wait_until(lambda: status() == 503, "the new authority to count")
    ca.write_bytes(old.crt.read_bytes())
    gate.process.send_signal(signal.SIGHUP)
    wait_until(lambda: status() == 200, "the old authority to count again")


# ---- As people rent it ---------------------------------------------------


class Silent(Proxy):
    """A Redis whose INFO leaves out what some who let it keep to themselves."""

    def _answer(self, client, data):
        super()._answer(client, re.sub(
            rb"(?m)^(maxmemory_policy|aof_enabled|role):", rb"#\1", data))


def rented(place, port, rules, certificate, authority):
    """A Redis as it is let: TLS only, a user of one's own without the commands
    that administer, and no CONFIG for anybody."""
    return RedisServer(place, users=[
        "default on >operators ~* &* +@all",
        f"tenant on >rent {rules}"], options=[
            "rename-command CONFIG \"\"", "port 0",
            *redis_options(port, certificate, authority)])


@pytest.mark.parametrize("rules, status, words", [
    ("~* &* +@all -@admin -@dangerous +info", OK, "it is a master"),
    ("~* &* +@all -@admin -@dangerous", OK, "(NOPERM: info)"),
    ("~* &* +@all -@admin -@dangerous +info -eval -evalsha", USAGE,
     "(NOPERM: evalsha)"),
], ids=["works", "no-info", "no-scripts"])
def test_redis_that_is_rented_works_or_doctor_says_what_is_missing(
        place, rules, status, words):
    authority, port = Authority(place), free_port()
    redis = rented(place, port, rules, authority.certify("redis"), authority)
    redis.password = "operators"
    place.add(redis)
    cli = Latchkey(place, place.write("latchkey.conf", f'''
        store = {{ backend = "redis"; redis = {{ address = "localhost:{port}";
            username = "tenant"; password = "rent";
            {PATIENT} {as_settings(authority)} }}; }};'''))
    said = cli.run("doctor")
    assert said.returncode == status, said
    assert words in said.stdout
    if status == OK:
        assert cli.check(cli.issue("alice"))["user"] == "alice"


def test_doctor_says_what_info_leaves_out(setup):
    proxy = setup.place.add(Silent(setup.redis.address))
    said = setup.cli(proxy.address, "").run("doctor")
    assert said.returncode == OK, said
    for name in ("maxmemory", "aof_enabled", "role"):
        assert f"INFO does not tell {name}: " in said.stdout


# ---- Behind Sentinel -----------------------------------------------------


@pytest.fixture(scope="module")
def cluster():
    with Place() as place:
        yield Cluster(place, authority=Authority(place))


def settle(cluster, redis=None, sentinel=None, timeouts=PATIENT):
    """The command, with these groups `tls`, or the right ones."""
    right = as_settings(cluster.nodes[0].authority)
    conf = cluster.place.write("latchkey.conf", cluster.store_settings(
        redis=timeouts + (right if redis is None else redis),
        sentinel=right if sentinel is None else sentinel))
    return Latchkey(cluster.place, conf)


def test_sentinel_by_tls_works(cluster):
    cli = settle(cluster)
    token = cli.issue("alice")
    assert cli.check(token)["user"] == "alice"
    said = cli.run("doctor")
    assert said.returncode == OK, said.stdout
    assert "3 of 3 sentinels name" in said.stdout


def test_sentinel_of_another_authority_has_no_vote(cluster):
    other = as_settings(Authority(cluster.place, "other"))
    result = settle(cluster, sentinel=other).run("issue", "alice")
    assert result.returncode == USAGE
    assert "is not whom store.sentinel.tls expects" in result.stderr
    result = settle(cluster, redis=as_settings(Authority(
        cluster.place, "third"))).run("issue", "alice")
    assert result.returncode == USAGE
    assert "TLS: self-signed certificate" in result.stderr


def test_sentinel_spoken_to_in_plain_hints_at_tls(cluster):
    cli = settle(cluster, redis="", sentinel="", timeouts=QUICK)
    assert cli.run("issue", "alice").returncode in (USAGE, STORE)
    assert "as a port for TLS does" in cli.run("doctor").stdout


def test_sentinel_by_tls_fails_over(cluster):
    """A gate goes on by itself, and finds the next master by TLS."""
    place, old = cluster.place, cluster.master()
    listen = f"unix:{place.path}/gate.sock"
    cli = settle(cluster)
    conf = place.write("gate.conf", cli.conf.read_text()
                       + f'gate = {{ listen = "{listen}"; }};')
    gate = place.add(Gate(place, conf, listen))
    token = cli.issue("alice")
    ask = fastcgi.request_of(HTTP_AUTHORIZATION=f"Bearer {token}")
    assert gate.ask(ask).status == 200
    old.kill()
    cluster.wait_for_failover(old)
    wait_until(lambda: gate.ask(ask).status == 200, "the next master")


# ---- In a guest ----------------------------------------------------------


def test_pam_speaks_no_tls_and_says_so(setup):
    cli = setup.cli(setup.address, as_settings(setup.authority))
    token = cli.issue("alice")
    outcome = Wrapped(setup.place, cli.conf).attempt(
        "alice", token, "authenticate")
    assert outcome.code == SERVICE_ERR, outcome
    assert "the PAM module speaks no TLS" in outcome.log
    # As it says, the agent does.
    address = f"unix:{setup.place.path}/agent.sock"
    conf = setup.place.write("latchkeyd.conf", cli.conf.read_text()
                             + f'agent = {{ listen = "{address}"; }};\n')
    setup.place.add(Agent(setup.place, conf, address))
    client = setup.place.write(
        "client.conf", 'store = { backend = "agent"; agent = { '
        f'address = "{address}"; timeout_ms = 20000; user = "{os.getuid()}"; '
        '}; };\n')
    assert Wrapped(setup.place, client).attempt(
        "alice", token, "authenticate").status == 0
