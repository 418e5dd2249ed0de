#!/usr/bin/python3
"""What the gate costs, side by side with a stock no-op of libfcgi.

Each web server serves one small page: without an authorizer, behind a no-op
that denies or allows, behind the gate that denies, and behind the gate that
allows after one check in Redis.  All of it runs in turns, several rounds; a
figure is the median over the rounds, and a ratio the median of the ratios of
each round.  CPU is that of every process but the client: web server, gate or
no-op, and Redis.
"""

import argparse
import os
import re
import signal
import statistics
import subprocess
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figure import say  # noqa: E402
from support import fastcgi, http  # noqa: E402
from support.lighttpd import LighttpdAlone  # noqa: E402
from support.place import (BUILD, Daemon, Failed, Place,  # noqa: E402
                           accepts, connect, free_port)
from support.servers import (Gate, Latchkey, RedisServer,  # noqa: E402
                             find_program, settings)

THREADS = 4
CONNECTIONS = 16
TICK_US = 1_000_000 / os.sysconf("SC_CLK_TCK")
PAGE = "a protected page\n"


class Noop(Daemon):
    """The no-op, which answers every request with one status."""

    def __init__(self, place, status):
        self.name = f"noop-{status}"
        super().__init__(place)
        self.socket = place.path / f"{self.name}.sock"
        self.argv = [BUILD / "bench/noop", self.socket, THREADS, status]
        self.good = (0, -15)

    @property
    def address(self):
        return f"unix:{self.socket}"

    def ready(self):
        return accepts(self.address)


class WebNoop(Daemon):
    """A server by HTTP that allows: libmicrohttpd's, or a bare loop."""

    def __init__(self, place, way):
        self.name = f"noop-{way}"
        super().__init__(place)
        self.address = f"unix:{place.path}/{self.name}.sock"
        self.argv = [BUILD / "bench/web_noop", way,
                     self.address.removeprefix("unix:")]
        self.good = (-15,)

    def ready(self):
        return accepts(self.address)


class Nginx(Daemon):
    """nginx with one page, behind auth_request if there is an authorizer."""

    module = http = ""

    def guard(self, gate):
        """What of the server, and of the page, has the gate asked."""
        return f"""
            location = /_latchkey {{
              internal;
              fastcgi_pass {gate};
              fastcgi_pass_request_body off;
              fastcgi_param CONTENT_LENGTH "";
              fastcgi_param LATCHKEY_ENDPOINT authorize;
              fastcgi_param REQUEST_METHOD $request_method;
              fastcgi_param REQUEST_URI $request_uri;
              fastcgi_param REMOTE_ADDR $remote_addr;
            }}""", "auth_request /_latchkey;"

    def __init__(self, place, name, gate=None):
        self.name = f"nginx-{name}"
        super().__init__(place)
        self.port = free_port()
        folder = place.path / self.name
        folder.mkdir()
        folder.joinpath("page").write_text(PAGE)
        temporary = "".join(f"{kind}_temp_path {folder}/{kind};\n"
                            for kind in ("client_body", "proxy", "fastcgi",
                                         "uwsgi", "scgi"))
        server, page = self.guard(gate) if gate else ("", "")
        conf = place.write(f"{self.name}.conf", f"""
            {self.module}
            daemon off; master_process off; pid {folder}/pid;
            error_log stderr crit;
            events {{ worker_connections 512; }}
            http {{
              access_log off; keepalive_requests 1000000000;
              {temporary}
              {self.http}
              server {{
                server_name localhost;
                listen 127.0.0.1:{self.port}; root {folder};{server}
                location / {{
                  {page}
                }}
              }}
            }}
            """)
        self.argv = [find_program("nginx"), "-c", conf, "-e", "stderr"]

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"

    def ready(self):
        return accepts(self.address)


class NginxHttp(Nginx):
    """The same that asks by HTTP, on connections that it keeps."""

    def guard(self, gate):
        self.http = f"""
            upstream latchkey {{ server {gate}; keepalive 64; }}"""
        return """
            location = /_latchkey {
              internal;
              proxy_pass http://latchkey/authorize;
              proxy_method HEAD;
              proxy_http_version 1.1;
              proxy_pass_request_body off;
              proxy_set_header Connection "";
              proxy_set_header Content-Length "";
              proxy_set_header X-Latchkey-Method $request_method;
              proxy_set_header X-Latchkey-Uri $request_uri;
              proxy_set_header X-Latchkey-Host $server_name;
              proxy_set_header X-Latchkey-Peer $remote_addr;
            }""", "auth_request /_latchkey;"


class Light(LighttpdAlone):
    """lighttpd with the project's example, or without its authorizer."""

    def __init__(self, place, name, gate):
        self.folder = place.path / f"lighttpd-{name}"
        self.folder.mkdir()
        with_gate = gate or "unix:/nowhere"
        inner = Folder(self.folder)
        super().__init__(inner, "latchkey.conf", {}, gate=with_gate)
        self.place = place
        text = self.conf.read_text()
        text = re.sub(r"^server\.modules \+= .*\n", "", text, flags=re.M)
        text = re.sub(r"^accesslog\..*\n", "", text, flags=re.M)
        text += ("server.max-keep-alive-requests = 1000000\n"
                 if "max-keep-alive" not in text else "")
        if gate is None:
            text = text[:text.index('$HTTP["url"]')] + (
                "server.max-keep-alive-requests = 1000000\n")
        self.conf.write_text(text)
        (self.pages / "page").write_text(PAGE)


class Folder:
    """As much of a Place as a server's files need."""

    def __init__(self, path):
        self.path = path

    write = Place.write


def cpu_us(daemons):
    """CPU time of these processes until now, all threads, system too, and of
    their children."""
    pids, total = [daemon.process.pid for daemon in daemons], 0
    for pid in pids:
        process = Path(f"/proc/{pid}")
        fields = process.joinpath("stat").read_text().rsplit(")", 1)[1].split()
        total += (int(fields[11]) + int(fields[12])) * TICK_US
        pids += [int(child) for child in process.joinpath(
            f"task/{pid}/children").read_text().split()]
    return total


def bearer(token):
    return ("Authorization", f"Bearer {token}")


def wrk(address, seconds, header=None):
    """Requests and those not answered 2xx of one run."""
    argv = ["wrk", "-t1", f"-c{CONNECTIONS}", f"-d{seconds}s"]
    if header:
        argv += ["-H", ": ".join(header)]
    done = subprocess.run([*argv, f"http://{address}/page"], check=True,
                          capture_output=True, text=True).stdout
    requests = int(re.search(r"(\d+) requests in", done).group(1))
    refused = re.search(r"Non-2xx or 3xx responses: (\d+)", done)
    errors = re.search(r"Socket errors: (.*)", done)
    if errors:
        raise Failed(f"wrk: {errors.group(0)}")
    return requests, int(refused.group(1)) if refused else 0


class Case:
    """One way to serve the page, and what it took in each round."""

    def __init__(self, name, server, behind=(), header=None, allowed=True):
        self.name = name
        self.server = server
        self.daemons = [server, *behind]
        self.header = header
        self.allowed = allowed
        self.rates = []
        self.cpu = []

    def check(self):
        reply = http.send(self.server.address, http.head_of(
            "/page", [self.header] if self.header else [],
            host=self.server.address))
        if (reply.status, self.allowed) not in ((200, True), (401, False)):
            raise Failed(f"{self.name} answers {reply.status}")

    def run(self, seconds):
        before, start = cpu_us(self.daemons), time.monotonic()
        requests, refused = wrk(self.server.address, seconds, self.header)
        took = time.monotonic() - start
        if refused != (0 if self.allowed else requests):
            raise Failed(f"{self.name}: {refused} of {requests} refused")
        self.rates.append(requests / took)
        self.cpu.append((cpu_us(self.daemons) - before) / requests)

    def say(self):
        say(f"gate.{self.name}.rate", statistics.median(self.rates), "req/s")
        say(f"gate.{self.name}.cpu", statistics.median(self.cpu), "us/req")


def run_in_turns(cases, options):
    for case in cases:
        case.check()
    for _ in range(options.rounds):
        for case in cases:
            case.run(options.seconds)


def ratio(name, case, base, goal=None, of="cpu"):
    say(f"gate.{name}", statistics.median(
        mine / other for mine, other in zip(getattr(case, of),
                                            getattr(base, of))), "x", goal)


def resident_mb(daemon):
    with open(f"/proc/{daemon.process.pid}/status") as status:
        return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1)) / 1024


class Bench:
    """Redis, two gates and two no-ops, and the web servers before them."""

    def __init__(self, place):
        self.place = place
        self.redis = place.add(RedisServer(place))
        self.gates = {
            "unix": self.start_gate("unix", self.redis.unix_address),
            "tcp": self.start_gate("tcp", self.redis.address)}
        self.noops = {status: place.add(Noop(place, status))
                      for status in (401, 200)}
        self.token = Latchkey(place, self.conf("unix")).issue("alice")
        self.bearer = bearer(self.token)

    @staticmethod
    def http(listen):
        """Where a gate that listens there listens for HTTP."""
        return listen.replace(".sock", "-http.sock")

    def conf(self, name):
        return self.place.path / f"gate-{name}.conf"

    def start_gate(self, name, redis):
        listen = f"unix:{self.place.path}/gate-{name}.sock"
        # Denials are not logged: nor does the no-op.
        self.place.write(f"gate-{name}.conf", settings(
            redis, listen, f"threads = {THREADS}; "
            f'http = {{ listen = "{self.http(listen)}"; }};')
            + 'log = { level = "warn"; };\n')
        gate = self.place.add(Gate(self.place, self.conf(name), listen,
                                   name=f"gate-{name}"))
        say(f"gate.idle-rss.{name}", resident_mb(gate), "MB", ("<=", 8))
        return gate

    def cases(self, kind, server):
        """The cases of one web server, all running."""
        def case(name, behind=(), gate=None, **options):
            web = self.place.add(server(self.place, name, gate))
            return Case(f"{kind}.{name}", web, behind, **options)

        noop, gates = self.noops, self.gates
        return {
            "open": case("open"),
            "noop-deny": case("noop-deny", [noop[401]], noop[401].address,
                              allowed=False),
            "noop-allow": case("noop-allow", [noop[200]], noop[200].address),
            "deny": case("deny", [gates["unix"], self.redis],
                         gates["unix"].address, allowed=False),
            "allow-unix": case("allow-unix", [gates["unix"], self.redis],
                               gates["unix"].address, header=self.bearer),
            "allow-tcp": case("allow-tcp", [gates["tcp"], self.redis],
                              gates["tcp"].address, header=self.bearer),
        }

    def http_cases(self):
        """nginx by HTTP instead, for what it opens."""
        def case(name, way, **options):
            gate = self.gates[way]
            web = self.place.add(NginxHttp(self.place, name,
                                           self.http(gate.address)))
            return Case(f"nginx.{name}", web, [gate, self.redis], **options)

        def floor(way):
            noop = self.place.add(WebNoop(self.place, way))
            web = self.place.add(NginxHttp(self.place, f"noop-{way}",
                                           noop.address))
            return Case(f"nginx.noop-{way}", web, [noop])

        return {"noop-http": floor("http"), "noop-plain": floor("plain"),
                "http-deny": case("http-deny", "unix", allowed=False),
                **{f"http-{way}": case(f"http-{way}", way,
                                       header=self.bearer)
                   for way in ("unix", "tcp")}}

    @staticmethod
    def compare_http(cases, base):
        for one in cases.values():
            one.say()
        ratio("nginx.http-deny-over-noop", cases["http-deny"],
              base["noop-deny"], ("<=", 0.55))
        for way in ("http", "plain"):
            ratio(f"nginx.noop-{way}-over-noop", cases[f"noop-{way}"],
                  base["noop-allow"])
        for way in ("unix", "tcp"):
            ratio(f"nginx.http-{way}-over-noop", cases[f"http-{way}"],
                  base["noop-allow"], ("<=", 0.75))

    def compare(self, kind, cases):
        for one in cases.values():
            one.say()
        ratio(f"{kind}.deny-over-noop", cases["deny"], cases["noop-deny"],
              ("<=", 0.8))
        for way in ("unix", "tcp"):
            ratio(f"{kind}.allow-{way}-over-noop", cases[f"allow-{way}"],
                  cases["noop-allow"], ("<=", 1.15))
            ratio(f"{kind}.allow-{way}-over-open", cases[f"allow-{way}"],
                  cases["open"])

    def reloads(self, seconds):
        """Requests that were lost under load with a SIGHUP each second."""
        gate, done = self.gates["unix"], threading.Event()
        parameters = fastcgi.request_of(
            "/", HTTP_AUTHORIZATION=f"Bearer {self.token}")
        counts = {"all": 0, "lost": 0}
        lock = threading.Lock()

        def client():
            while not done.is_set():
                try:
                    reply = gate.ask(parameters)
                    good = reply is not None and reply.status == 200
                except OSError:
                    good = False
                with lock:
                    counts["all"] += 1
                    counts["lost"] += not good

        clients = [threading.Thread(target=client) for _ in range(4)]
        for one in clients:
            one.start()
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            gate.process.send_signal(signal.SIGHUP)
            time.sleep(1)
        done.set()
        for one in clients:
            one.join()
        say("gate.reload.requests", counts["all"], "req")
        say("gate.reload.lost", counts["lost"], "req", ("<=", 0))

    def fresh(self, count):
        """How long a fresh request takes among silent connections."""
        gate, socks = self.gates["unix"], []
        data = fastcgi.whole(fastcgi.request_of())
        before = resident_mb(gate)
        try:
            while len(socks) < count:
                try:
                    socks.append(connect(gate.address))
                except BlockingIOError:
                    time.sleep(0.001)
            with connect(gate.address) as sock:
                start = time.monotonic()
                sock.sendall(data)
                fastcgi.receive(sock)
                took = time.monotonic() - start
            grown = resident_mb(gate) - before
        finally:
            for sock in socks:
                sock.close()
        say(f"gate.fresh-among-{count}", took * 1000, "ms", ("<=", 100))
        say(f"gate.rss-of-{count}", grown, "MB", ("<=", 10))


def allow_files(count):
    """Whether this process may open so many, after asking for it."""
    import resource
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < count:
        return False
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, count), hard))
    return True


def options_of(what):
    options = argparse.ArgumentParser(description=what.splitlines()[0])
    options.add_argument("--rounds", type=int, default=5)
    options.add_argument("--seconds", type=int, default=2,
                         help="of each case in each round")
    return options


def main():
    options = options_of(__doc__)
    options.add_argument("--reload-seconds", type=int, default=10)
    options = options.parse_args()
    find_program("wrk")
    with Place() as place:
        many = allow_files(10500)
        bench = Bench(place)
        suites = {"lighttpd": bench.cases("lighttpd", Light),
                  "nginx": bench.cases("nginx", Nginx)}
        by_http = bench.http_cases()
        run_in_turns([case for suite in [*suites.values(), by_http]
                      for case in suite.values()], options)
        bench.compare_http(by_http, suites["nginx"])
        for kind, suite in suites.items():
            bench.compare(kind, suite)
        if many:
            bench.fresh(10000)
        bench.reloads(options.reload_seconds)
    return 0


if __name__ == "__main__":
    sys.exit(main())
