"""The gate as a process that lives long, among hostile and busy peers."""

import contextlib
import json
import os
import pwd
import re
import signal
import socket
import subprocess
import threading
import time

import pytest

from support import fastcgi, http
from support.house import (House, assert_allows, hang_up, is_closed, keep,
                           log_has, read_answer, status_of)
from support.place import (BUILD, PATIENCE, PLAIN, Daemon, accepts, connect,
                           free_port, wait_until)
from support.servers import Gate, Latchkey, find_program, impatient, settings

ROOT_ONLY = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


# ---- Hostile peers -------------------------------------------------------


def flood(sock, data):
    """Send until it is all gone or the other side has had enough."""
    sent = 0
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        while sent < len(data):
            sent += sock.send(data[sent:sent + 65536])
    return sent


def test_process_with_54_mb_of_parameters_refuses_early(house):
    gate = house.gate()
    pairs = fastcgi.pair("X", "v" * 60000)
    data = fastcgi.begin() + fastcgi.record(fastcgi.PARAMS, pairs) * 900
    assert len(data) > 54_000_000
    with connect(gate.address) as sock:
        assert flood(sock, data) < 5_000_000
        assert_allows(house, gate)
    assert_allows(house, gate)


HOSTILE = {
    "four GET_VALUES": fastcgi.record(
        fastcgi.GET_VALUES, fastcgi.pairs([("FCGI_MAX_CONNS", "")] * 4),
        request=0) * 4,
    "length near 2^31": fastcgi.begin() + fastcgi.stream(
        fastcgi.PARAMS, b"\xff\xff\xff\xff\xff\xff\xff\xfe" + b"x" * 64),
    "truncated PARAMS": fastcgi.begin() + fastcgi.record(
        fastcgi.PARAMS, fastcgi.pair("REQUEST_URI", "/"))[:-1],
    "unknown type": fastcgi.begin() + fastcgi.record(99, b"x" * 99),
    "unknown management": fastcgi.record(99, b"x" * 99, request=0) * 99,
    "second BEGIN": fastcgi.begin() * 2 + fastcgi.record(fastcgi.PARAMS),
}


@pytest.mark.parametrize("case", sorted(HOSTILE))
def test_process_among_many_hostile_peers_serves_others(house, case):
    gate = house.gate("threads = 2;")
    with contextlib.ExitStack() as stack:
        for _ in range(20):
            sock = stack.enter_context(connect(gate.address))
            flood(sock, HOSTILE[case])
        # They are all still there.
        for _ in range(3):
            assert_allows(house, gate)
    pid = gate.process.pid
    assert_allows(house, gate)
    assert gate.process.pid == pid


def test_process_has_no_more_loops_than_cores(house):
    """More would wake each other, and wait for their turn on a core."""
    def begin(*prefix):
        gate = house.gate("threads = 8;", prefix=prefix)
        # The last thread that starts is a loop.
        assert_allows(house, gate)
        return gate

    def threads(gate):
        return len(os.listdir(f"/proc/{gate.process.pid}/task"))

    cores = os.sched_getaffinity(0)
    gate = begin("taskset", "-c", str(min(cores)))
    all_of_them = threads(gate) + min(len(cores), 8) - 1
    gate.stop()
    gate = begin()
    wait_until(lambda: threads(gate) >= all_of_them, "its threads")
    assert threads(gate) == all_of_them


def resident_kb(pid):
    with open(f"/proc/{pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


@contextlib.contextmanager
def many_files(count):
    """Let this process and those it starts have so many descriptors."""
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count + 200:
        pytest.skip(f"the limit on descriptors is {hard}")
    resource.setrlimit(resource.RLIMIT_NOFILE, (count + 200, hard))
    yield
    resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def connect_patiently(address):
    """Connect; EAGAIN is a unix socket's way to say: not so fast."""
    def attempt():
        with contextlib.suppress(BlockingIOError):
            return connect(address)
    return wait_until(attempt, "room in the backlog")


class PlainGate(Gate):
    """One whose memory is measured, so without sanitizers."""

    def __init__(self, *args, **options):
        super().__init__(*args, **options)
        self.argv = [PLAIN / "latchkey-fcgi", *self.argv[1:]]


def test_process_with_10000_silent_peers_answers_and_stays_small(house):
    if "san" in PLAIN.name:
        pytest.skip("needs the build without sanitizers")
    with many_files(10000), contextlib.ExitStack() as stack:
        gate = house.place.add(PlainGate(house.place, house.conf,
                                         house.listen))
        assert_allows(house, gate)
        before = resident_kb(gate.process.pid)
        socks = [stack.enter_context(connect_patiently(gate.address))
                 for _ in range(10000)]
        fresh = stack.enter_context(connect(gate.address))
        fresh.sendall(fastcgi.whole(house.parameters()))
        reply = fastcgi.parse(fastcgi.receive(fresh))
        grown = resident_kb(gate.process.pid) - before
        # It was answered before those before it were even given up.
        for sock in socks[-1000:]:
            sock.setblocking(False)
            with pytest.raises(BlockingIOError):
                sock.recv(1)
        assert reply.status == 200
        assert grown < 10 * 1024


# ---- Standard streams that are closed ------------------------------------


@pytest.mark.parametrize("closed", [
    "<&-", ">&-", "2>&-", "<&- >&-", "<&- 2>&-", ">&- 2>&-", "<&- >&- 2>&-"])
def test_process_with_closed_streams_has_nothing_in_their_place(
        house, closed):
    """Neither what it opens itself nor a program that it starts."""
    seen = house.place.path / "seen"
    program = house.place.write(
        "source", "#!/bin/sh\nreadlink /proc/$$/fd/0 /proc/$$/fd/2 > "
        f"{seen}\necho '{{\"roles\":[\"admin\"]}}'\n", 0o755)
    gate = house.gate(
        'rules = ( { path = "/"; access = "session"; require = '
        '( { field = "roles"; any = [ "admin" ]; } ); } );',
        f'user = {{ source = "exec"; command = [ "{program}" ]; }};\n'
        'log = { level = "debug"; };\n',
        prefix=("/bin/sh", "-c", f'exec "$@" {closed}', "sh"))
    with connect(gate.address) as kept:
        kept.sendall(keep(house.parameters(LATCHKEY_ENDPOINT="authorize")))
        assert read_answer(kept).status == 200
        for fd, is_closed_by in enumerate(("<&-", ">&-", "2>&-")):
            if is_closed_by in closed.split():
                where = os.readlink(f"/proc/{gate.process.pid}/fd/{fd}")
                assert where == "/", (fd, where)
    assert seen.read_text() == "/dev/null\n" * 2
    gate.process.send_signal(signal.SIGHUP)
    assert_allows(house, gate)


# ---- Kept connections ----------------------------------------------------


@pytest.mark.parametrize("body", [b"", b"x" * 5, b"y" * 30000],
                         ids=["no body", "short body", "body of 30 KB"])
def test_process_with_kept_connection_answers_each_request(house, body):
    gate = house.gate("threads = 1;")
    with connect(gate.address) as sock:
        first = None
        for turn in range(20):
            sock.sendall(keep(house.parameters(f"/{turn}"), body))
            answer = read_answer(sock)
            assert answer is not None, turn
            first = first or answer
            assert (answer.status, answer.body) == (first.status, first.body)
    assert_allows(house, gate)


def test_process_with_kept_connection_gives_each_its_verdict(house):
    """One connection for everybody, as a web server keeps it."""
    gate = house.gate("threads = 2;")
    bob = house.cli.issue("bob")
    verdict = {"LATCHKEY_ENDPOINT": "authorize"}

    def ask(sock, **variables):
        sock.sendall(keep(fastcgi.request_of("/", **verdict, **variables)))
        answer = read_answer(sock)
        return answer.status, answer.header("Latchkey-User")

    with connect(gate.address) as sock:
        for _ in range(5):
            for user, token in (("alice", house.token), ("bob", bob)):
                bearer = f"Bearer {token}"
                assert ask(sock, HTTP_AUTHORIZATION=bearer) == (200, user)
                assert ask(sock)[0] == 401
        house.cli.revoke(bob)
        assert ask(sock, HTTP_AUTHORIZATION=f"Bearer {bob}")[0] == 401
        sock.sendall(keep(fastcgi.request_of("/")))
        assert read_answer(sock).status == 404


@pytest.mark.parametrize("endpoint", ["authorize", "session"])
def test_process_on_sigterm_answers_all_in_the_queue(house, endpoint):
    """And all whose check is under way."""
    gate = house.gate("threads = 1;")
    assert_allows(house, gate)
    data = keep(house.parameters(LATCHKEY_ENDPOINT=endpoint))
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(gate.address))
                 for _ in range(6)]
        with house.redis.frozen():
            for sock in socks:
                sock.sendall(data)
            # The door goes by their order: it has looked at all of them.
            with connect(gate.address) as last:
                last.sendall(b"\0" * 8)
                assert is_closed(last)
            gate.process.send_signal(signal.SIGTERM)
            wait_until(lambda: not accepts(gate.address), "the end")
        for sock in socks:
            assert read_answer(sock).status == 200
            assert is_closed(sock)
    assert gate.process.wait(PATIENCE) == 0


def store_errors(gate):
    """How many questions the store did not answer."""
    text = gate.ask(fastcgi.request_of(LATCHKEY_ENDPOINT="metrics"),
                    role=fastcgi.RESPONDER).body
    return sum(int(line.split()[1]) for line in text.splitlines()
               if line.startswith("latchkey_store_errors_total{"))


def test_process_asks_nothing_for_who_has_hung_up(house):
    """Each would take a worker as long as a store that hangs may take."""
    house.write()
    house.conf.write_text(impatient(house.conf.read_text(), 1500).replace(
        "listen =", "threads = 1; expose_metrics = true; listen ="))
    gate = house.place.add(Gate(house.place, house.conf, house.listen))
    assert_allows(house, gate)
    data = keep(house.parameters(LATCHKEY_ENDPOINT="session"))
    with contextlib.ExitStack() as stack:
        first, *gone, last = [stack.enter_context(connect(gate.address))
                              for _ in range(6)]
        with house.redis.frozen():
            for sock in (first, *gone, last):
                sock.sendall(data)
            # The door goes by their order: it has looked at all of them.
            with connect(gate.address) as sock:
                sock.sendall(b"\0" * 8)
                assert is_closed(sock)
            for sock in gone:
                sock.close()
            assert read_answer(first).status == 503
            assert read_answer(last).status == 503
    assert store_errors(gate) == 2


def holds(pid, what):
    """Whether it is anywhere in the memory that a process has written."""
    with open(f"/proc/{pid}/maps") as maps, \
            open(f"/proc/{pid}/mem", "rb", 0) as memory:
        for line in maps:
            spans, rights = line.split()[:2]
            if not rights.startswith("rw"):
                continue
            start, end = (int(at, 16) for at in spans.split("-"))
            memory.seek(start)
            with contextlib.suppress(OSError):
                if what in memory.read(end - start):
                    return True
    return False


@ROOT_ONLY
def test_process_keeps_no_parameter_with_a_token(house):
    """libfcgi joins a name and its value; what it gives back is wiped."""
    house.write("threads = 2;")
    gate = house.place.add(PlainGate(house.place, house.conf, house.listen))
    for _ in range(20):
        assert_allows(house, gate)
    # So that it is seen where it would be.
    assert holds(gate.process.pid, house.listen.encode())
    assert not holds(gate.process.pid, f"=Bearer {house.token}".encode())


def test_process_with_kept_connections_holds_no_thread(house):
    gate = house.gate("threads = 1;")
    with contextlib.ExitStack() as stack:
        socks = [stack.enter_context(connect(gate.address))
                 for _ in range(50)]
        for _ in range(3):
            for sock in socks:
                sock.sendall(keep(house.parameters()))
                assert read_answer(sock) is not None
            assert_allows(house, gate)


def test_process_with_kept_authorizer_closes_after_its_answer(house):
    gate = house.gate()
    request = keep(house.parameters(), role=fastcgi.AUTHORIZER)
    with connect(gate.address) as sock:
        sock.sendall(request)
        assert read_answer(sock).status == 200
        # A kept one would answer again, and close only after a while.
        with contextlib.suppress(ConnectionError):
            sock.sendall(request)
        assert is_closed(sock)


def test_process_with_pipelined_requests_answers_first_and_closes(house):
    gate = house.gate()
    with connect(gate.address) as sock:
        sock.sendall(keep(house.parameters()) * 2)
        data = fastcgi.receive(sock)
    # One whole answer, and no part of a second one.
    assert fastcgi.parse(data) is not None
    ends = data.count(fastcgi.record(fastcgi.END, b"\0" * 8)[:8])
    assert ends == 1


def test_process_with_kept_connection_judges_the_next_request_anew(house):
    gate = house.gate()
    with connect(gate.address) as sock:
        sock.sendall(keep(house.parameters()))
        assert read_answer(sock) is not None
        sock.sendall(HOSTILE["four GET_VALUES"])
        with contextlib.suppress(ConnectionResetError):
            assert sock.recv(1) == b""
    assert_allows(house, gate)


def test_process_on_sigterm_lets_go_of_kept_connections(house):
    gate = house.gate()
    with connect(gate.address) as sock:
        sock.sendall(keep(house.parameters()))
        assert read_answer(sock) is not None
        gate.stop()
        assert sock.recv(1) == b""


class Nginx(Daemon):
    """nginx that passes everything to the gate on kept connections."""

    name = "nginx"

    def __init__(self, place, gate):
        super().__init__(place)
        self.port = free_port()
        self.conf = place.write("nginx.conf", f"""
            daemon off; master_process off; pid {place.path}/nginx.pid;
            error_log stderr info;
            events {{ worker_connections 512; }}
            http {{
              access_log off;
              client_body_temp_path {place.path}/b;
              proxy_temp_path {place.path}/p;
              fastcgi_temp_path {place.path}/f;
              uwsgi_temp_path {place.path}/u;
              scgi_temp_path {place.path}/s;
              upstream gate {{ server {gate}; keepalive 4; }}
              server {{
                listen 127.0.0.1:{self.port};
                location / {{
                  fastcgi_pass gate;
                  fastcgi_keep_conn on;
                  fastcgi_next_upstream off;
                  fastcgi_param REQUEST_METHOD $request_method;
                  fastcgi_param REQUEST_URI $request_uri;
                }}
              }}
            }}
            """)
        self.argv = [find_program("nginx"), "-c", self.conf, "-e", "stderr"]

    def ready(self):
        return accepts(f"127.0.0.1:{self.port}")


def connections_of(pid):
    """How many sockets the process has open."""
    count = 0
    for name in os.listdir(f"/proc/{pid}/fd"):
        with contextlib.suppress(OSError):
            count += os.readlink(f"/proc/{pid}/fd/{name}").startswith("socket")
    return count


def test_process_behind_nginx_that_keeps_connections_answers(house):
    gate = house.gate("threads = 1;")
    nginx = house.place.add(Nginx(house.place, house.listen))
    address = f"127.0.0.1:{nginx.port}"
    before = connections_of(gate.process.pid)
    statuses = set()
    for turn in range(60):
        method = ("HEAD", "POST", "GET")[turn % 3]
        statuses.add(http.request(address, f"/{turn}", method=method).status)
    # Never nginx's own 502; one connection did for all of them.
    assert len(statuses) == 1 and statuses.pop() < 500
    assert connections_of(gate.process.pid) == before + 1
    assert "upstream" not in nginx.output()
    assert_allows(house, gate)


# ---- Who may ask ---------------------------------------------------------


def test_process_with_own_user_in_allow_uids_allows(house):
    me = os.geteuid()
    for uids in (f"( {me} )", f'( {me}, "4000000000" )',
                 f'[ "{pwd.getpwuid(me).pw_name}" ]'):
        gate = house.gate(f"allow_uids = {uids};")
        assert_allows(house, gate)
        gate.stop()


def test_process_without_own_user_in_allow_uids_hangs_up(house):
    gate = house.gate(f"allow_uids = [ {os.geteuid() + 1} ];")
    assert fastcgi.send(gate.address, fastcgi.whole(
        house.parameters()), finish=False) is None
    log_has(gate, "gate.allow_uids")
    # The list is one of the settings that SIGHUP brings.
    house.write()
    gate.process.send_signal(signal.SIGHUP)
    log_has(gate, "settings reloaded")
    assert_allows(house, gate)


def test_process_on_tcp_with_allow_uids_refuses_all(place):
    house = House(place, f"127.0.0.1:{free_port()}")
    gate = house.gate(f"allow_uids = [ {os.geteuid()} ];")
    assert fastcgi.send(gate.address, fastcgi.whole(
        house.parameters()), finish=False) is None


def run_gate(house, **options):
    return subprocess.run(
        [BUILD / "latchkey-fcgi", "-c", house.conf], timeout=PATIENCE,
        capture_output=True, text=True, check=False,
        **{"env": house.place.environment(),
           "stdin": subprocess.DEVNULL, **options})


@pytest.mark.parametrize("extra, said", [
    ('allow_uids = [ "no-such-user-here" ];', "no-such-user-here"),
    ("allow_uids = [ -1 ];", "allow_uids"),
    ('allow_uids = [ "4294967295" ];', "allow_uids")])
def test_process_with_wrong_allow_uids_refuses_to_start(house, extra, said):
    house.write(extra)
    result = run_gate(house)
    assert result.returncode == 2
    assert said in result.stderr


def test_process_on_remote_address_wants_allow_remote(place):
    port = free_port()
    house = House(place)
    house.listen = f"0.0.0.0:{port}"
    house.write()
    result = run_gate(house)
    assert result.returncode == 2
    assert "latchkey.conf:" in result.stderr
    assert "gate.listen" in result.stderr
    assert "allow_remote" in result.stderr
    house.write("allow_remote = true;")
    gate = place.add(Gate(place, house.conf, f"127.0.0.1:{port}"))
    assert_allows(house, gate)


# ---- Reloading -----------------------------------------------------------


def realm_of(gate):
    challenge = gate.ask(fastcgi.request_of()).all("WWW-Authenticate")[0]
    return re.search(r'realm="(\w+)"', challenge).group(1)


def test_process_on_sighup_takes_new_settings(house):
    gate = house.gate('realm = "before";')
    assert realm_of(gate) == "before"
    house.write('realm = "after";')
    hang_up(gate)
    for _ in range(8):
        assert realm_of(gate) == "after"
    assert_allows(house, gate)


def test_process_on_sighup_takes_another_store(house):
    gate = house.gate()
    assert_allows(house, gate)
    os.mkdir(house.place.path / "other")
    redis, house.redis = house.redis, None
    house.place.write("latchkey.conf", settings(
        f"unix:{house.place.path}/nobody.sock", house.listen))
    hang_up(gate)
    assert gate.ask(house.parameters()).status == 503
    house.redis = redis
    house.write()
    hang_up(gate)
    assert_allows(house, gate)


def test_process_on_sighup_with_bad_settings_keeps_the_old(house):
    gate = house.gate('realm = "before";')
    failed = "settings not reloaded"
    house.write('realm = "after"; nonsense = 1;')
    hang_up(gate, failed)
    assert "latchkey.conf:2" in gate.output()
    assert "gate.nonsense" in gate.output()
    house.conf.unlink()
    hang_up(gate, failed)
    assert realm_of(gate) == "before"
    assert_allows(house, gate)


@pytest.mark.parametrize("rest", ["", " \n", "# was here\n"])
def test_process_on_sighup_takes_no_file_that_was_emptied(house, rest):
    """It is about to be written, or the disk is full."""
    gate = house.gate('rules = ( { path = "/"; access = "deny"; } );')
    text = house.conf.read_text()
    house.conf.write_text(rest)
    hang_up(gate, "settings not reloaded")
    assert "expected settings, as there were before" in gate.output()
    assert gate.ask(house.parameters()).status == 403
    house.conf.write_text(text.replace("deny", "session"))
    hang_up(gate)
    assert_allows(house, gate)


@pytest.fixture
def bare_gate(house):
    """A gate without `-c` in an /etc of its own, and its settings file."""
    if os.geteuid() != 0:
        pytest.skip("an /etc of one's own needs root")
    etc, run = (house.place.path / name for name in ("own-etc", "own-run"))
    (etc / "latchkey").mkdir(parents=True)
    (run / "latchkey").mkdir(parents=True)
    (etc / "passwd").write_text("root:x:0:0::/root:/bin/sh\n")
    house.listen = f"unix:{run}/latchkey/gate.sock"
    gate = Gate(house.place, house.conf, house.listen, prefix=(
        "unshare", "--mount", "--propagation", "private", "sh", "-c",
        f"mount --bind {etc} /etc && mount --bind {run} /run && "
        'mount -t tmpfs tmpfs /var/lib && exec "$@"', "sh"))
    gate.argv = gate.argv[:-2]
    house.write('rules = ( { path = "/"; access = "deny"; } );')
    return gate, etc / "latchkey/latchkey.conf"


@pytest.mark.parametrize("found", ["at the start", "at a reload"])
def test_process_without_c_takes_no_defaults_for_a_file_that_is_gone(
        house, bare_gate, found):
    """An editor renames the file before it writes the new one."""
    gate, conf = bare_gate
    text = house.conf.read_text()
    if found == "at the start":
        conf.write_text(text)
        house.place.add(gate)
    else:
        house.place.add(gate)
        conf.write_text(text)
        hang_up(gate)
    assert gate.ask(house.parameters()).status == 403
    for lead_nowhere in (lambda: None, lambda: conf.symlink_to("gone")):
        conf.unlink()
        lead_nowhere()
        hang_up(gate, "settings not reloaded")
        assert gate.ask(house.parameters()).status == 403
        conf.unlink(missing_ok=True)
        conf.write_text(text)
    conf.write_text(text.replace("deny", "session"))
    hang_up(gate)
    assert_allows(house, gate)


def test_process_says_that_a_setting_has_no_effect(place):
    listen = f"unix:{place.path}/gate.sock"
    conf = place.write("latchkey.conf", f'''
        store = {{ sqlite = {{ path = "{place.path}/sessions.db"; }};
                   redis = {{ address = "unix:{place.path}/r"; }}; }};
        gate = {{ listen = "{listen}"; }};''')
    gate = place.add(Gate(place, conf, listen))
    said = "store.redis.address has no effect with store.backend"
    log_has(gate, said)
    doctor = Latchkey(place, conf).run("doctor")
    assert f"hint  settings: {said}" in doctor.stdout, doctor


def test_process_on_sighup_names_what_needs_a_restart(house):
    gate = house.gate("threads = 2;")
    old = house.listen
    house.listen = f"unix:{house.place.path}/new.sock"
    house.write("threads = 3;")
    hang_up(gate)
    assert "gate.listen gate.threads" in gate.output()
    house.listen = old
    assert not (house.place.path / "new.sock").exists()
    assert_allows(house, gate)


def test_process_on_sighup_changes_its_log(house):
    gate = house.gate()
    house.write(more='log = { format = "json"; };\n')
    hang_up(gate)
    assert gate.ask(fastcgi.request_of("/here")).status == 401
    log_has(gate, '"/here"')
    lines = [line for line in gate.output().splitlines() if "/here" in line]
    assert json.loads(lines[-1])["path"] == "/here"


def test_process_with_sighup_every_50_ms_loses_no_request(house):
    gate = house.gate("threads = 3;")
    answers, clients = [], 4

    def client():
        for _ in range(800):
            try:
                reply = gate.ask(house.parameters())
                answers.append(None if reply is None else reply.status)
            except OSError as error:
                answers.append(error)

    threads = [threading.Thread(target=client) for _ in range(clients)]
    for thread in threads:
        thread.start()
    signals = 0
    while signals < 3 or any(thread.is_alive() for thread in threads):
        gate.process.send_signal(signal.SIGHUP)
        signals += 1
        time.sleep(0.05)
    for thread in threads:
        thread.join(PATIENCE)
    assert [answer for answer in answers if answer != 200] == []
    assert len(answers) == 800 * clients
    log_has(gate, "settings reloaded")
    assert "not reloaded" not in gate.output()


def test_process_idle_lets_go_of_the_old_store_on_sighup(house):
    """An idle worker does not sit on a connection of yesterday's settings."""
    gate = house.gate("threads = 2;")
    for _ in range(8):
        assert_allows(house, gate)

    def clients():
        with connect(house.redis.unix_address) as sock:
            sock.sendall(b"CLIENT LIST\r\n")
            return sock.recv(65536).count(b" laddr=") - 1

    assert clients() > 0
    hang_up(gate)
    wait_until(lambda: clients() == 0, "the old connections to end")


# ---- Service managers ----------------------------------------------------


def start_like_systemd(house, listener, notify=None, pid=None):
    """Run the gate with a listening socket as descriptor 3."""
    environment = dict(house.place.environment(), LISTEN_FDS="1",
                       LISTEN_FDNAMES="latchkey-fcgi.socket")
    if notify:
        environment["NOTIFY_SOCKET"] = notify
    script = ('exec 3<&"$1"; export LISTEN_PID=${2:-$$}; '
              'exec "$3" -c "$4" 1<&- 2>"$5"')
    log = house.place.path / "systemd.log"
    return subprocess.Popen(
        ["bash", "-c", script, "start", str(listener.fileno()), pid or "",
         str(BUILD / "latchkey-fcgi"), str(house.conf), str(log)],
        pass_fds=[listener.fileno()], env=environment,
        stdin=subprocess.DEVNULL)


@contextlib.contextmanager
def started(process):
    try:
        yield process
        process.terminate()
        assert process.wait(PATIENCE) == 0
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


@pytest.fixture
def notified(house):
    """Two sockets that are told how far a gate is: a file and an abstract."""
    with contextlib.ExitStack() as stack:
        pairs = []
        for address in (str(house.place.path / "notify"),
                        f"\0latchkey-{os.getpid()}-notify"):
            sock = stack.enter_context(
                socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))
            sock.bind(address)
            sock.settimeout(PATIENCE)
            pairs.append((sock, address.replace("\0", "@")))
        yield pairs


def listening(path):
    sock = socket.socket(socket.AF_UNIX)
    sock.bind(path)
    sock.listen()
    return sock


@pytest.mark.parametrize("kind", [0, 1], ids=["path", "abstract"])
def test_process_with_passed_socket_serves_and_tells(house, notified, kind):
    told, name = notified[kind]
    path = str(house.place.path / "passed.sock")
    with listening(path) as listener, started(
            start_like_systemd(house, listener, name)) as process:
        assert told.recv(4096) == b"READY=1\n"
        reply = fastcgi.ask(f"unix:{path}", house.parameters())
        assert reply.status == 200
        said = (house.place.path / "systemd.log").read_text()
        assert f"address=unix:{path}" in said
        assert "gate.listen is not used" in said and house.listen in said
        process.send_signal(signal.SIGHUP)
        reloading = told.recv(4096)
        assert re.fullmatch(rb"RELOADING=1\nMONOTONIC_USEC=\d+\n", reloading)
        assert told.recv(4096) == b"READY=1\n"
        process.terminate()
        assert told.recv(4096) == b"STOPPING=1\n"
    # The socket is the service manager's.
    assert os.path.exists(path)
    assert not os.path.exists(house.place.path / "gate.sock")


def test_process_with_socket_meant_for_another_opens_its_own(house, notified):
    told, name = notified[0]
    path = str(house.place.path / "passed.sock")
    with listening(path) as listener, started(
            start_like_systemd(house, listener, name, pid="1")):
        assert told.recv(4096) == b"READY=1\n"
        assert fastcgi.ask(house.listen, house.parameters()).status == 200


def test_process_with_passed_remote_socket_refuses_to_start(house):
    with socket.socket() as listener:
        listener.bind(("0.0.0.0", 0))
        listener.listen()
        process = start_like_systemd(house, listener)
        assert process.wait(PATIENCE) == 2
    assert "allow_remote" in (house.place.path / "systemd.log").read_text()


@pytest.mark.parametrize("kind", [socket.SOCK_DGRAM, socket.SOCK_STREAM],
                         ids=["datagram", "not listening"])
def test_process_with_passed_wrong_socket_refuses_to_start(house, kind):
    with socket.socket(socket.AF_UNIX, kind) as sock:
        process = start_like_systemd(house, sock)
        assert process.wait(PATIENCE) == 2
    assert "LISTEN_FDS" in (house.place.path / "systemd.log").read_text()


# ---- Privileges ----------------------------------------------------------


@ROOT_ONLY
def test_process_with_user_becomes_it_for_good(house):
    nobody = pwd.getpwnam("nobody")
    os.chmod(house.place.path, 0o755)
    os.chmod(house.redis.socket, 0o777)
    gate = house.gate('user = "nobody";')
    # Its socket is there before the change; it answers only after it.
    assert_allows(house, gate)
    status = status_of(gate.process.pid)
    assert set(status["Uid"].split()) == {str(nobody.pw_uid)}
    assert set(status["Gid"].split()) == {str(nobody.pw_gid)}
    assert "0" not in status["Groups"].split()
    assert int(status["CapEff"], 16) == int(status["CapPrm"], 16) == 0
    found = os.stat(house.place.path / "gate.sock")
    assert (found.st_uid, found.st_gid) == (nobody.pw_uid, nobody.pw_gid)
    assert_allows(house, gate)
    # Settings that this user may not read: the old ones stay.
    hang_up(gate, "settings not reloaded")
    assert_allows(house, gate)


@ROOT_ONLY
@pytest.mark.parametrize("user", ["root", "0", "no-such-user-here"])
def test_process_with_wrong_user_refuses_to_start(house, user):
    house.write(f'user = "{user}";')
    result = run_gate(house)
    assert result.returncode == 2
    assert "gate.user" in result.stderr
    assert not (house.place.path / "gate.sock").exists()
