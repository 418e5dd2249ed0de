#!/usr/bin/python3
"""Run the benchmarks of the library against stores of their own."""

import os
import re
import resource
import shutil
import subprocess
import sys
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from figure import say  # noqa: E402
from peers.go import build_go  # noqa: E402
from support import mariadb  # noqa: E402
from support.agent import Agent  # noqa: E402
from support.certificates import (Authority, as_settings,  # noqa: E402
                                  redis_options)
from support.mariadb import MariadbServer  # noqa: E402
from support.place import BUILD, Place, free_port  # noqa: E402
from support.redis_cluster import RedisCluster  # noqa: E402
from support.sentinel import Cluster  # noqa: E402
from support.servers import (Latchkey, RedisServer,  # noqa: E402
                             embedded_settings, settings)


def bench_pam(place, redis, name, address):
    """Logins by the PAM module, over one transport to Redis."""
    conf = place.write("pam.conf", settings(address, "unix:/nowhere")
                       + 'log = { level = "warn"; };\n')
    redis.command("FLUSHALL")
    token = Latchkey(place, conf).issue("alice")
    # Of one session there is one record, and one index beside it.
    key, = (key for key in redis.keys() if b":s:" in key)
    bare = address.removeprefix("unix:").removeprefix("127.0.0.1:")
    for service, words in (
            ("ours", f"{BUILD}/pam_latchkey.so conf={conf}"),
            ("bare", f"{BUILD}/bench/pam_bare.so {bare} {key.decode()}")):
        place.write(f"pam.d/{service}", f"auth required {words}\n")
    return subprocess.run(
        [BUILD / "bench" / "bench_pam", place.path / "pam.d", "ours", "bare",
         name, "1.3"], input=token.encode() + b"\n", check=False).returncode


def instructions(place, *argv):
    """How many a program takes from its start to its end."""
    out = place.path / "callgrind.out"
    subprocess.run(["valgrind", "--tool=callgrind",
                    f"--callgrind-out-file={out}", *argv], check=True,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    return int(re.search(r"^(?:summary|totals): (\d+)", out.read_text(),
                         re.M)[1])


def cpu(*argv):
    """Microseconds of it that a program takes, a hundred times over."""
    def spent():
        children = resource.getrusage(resource.RUSAGE_CHILDREN)
        return children.ru_utime + children.ru_stime
    before = spent()
    for _ in range(100):
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL)
    return (spent() - before) / 100 * 1e6


def bench_cold(place, redis):
    """The command from its start to its end, in time of a processor, beside
    a program that does nothing, and in instructions."""
    say("cold_nothing_cpu", cpu("/bin/true"), "us")
    for name, text, goal in (
            ("redis", settings(redis.unix_address, "unix:/nowhere"),
             ("<=", 1.0)),
            ("sqlite", embedded_settings(place.path / "cold/sessions.db",
                                         "unix:/nowhere"), None)):
        conf = place.write(f"cold-{name}.conf", text)
        command = Latchkey(place, conf)
        token = command.issue("alice")
        argv = [BUILD / "latchkey", "-c", conf, "check", token]
        say(f"cold_check_{name}_cpu", cpu(*argv), "us")
        if shutil.which("valgrind") is None:
            print("bench cold: valgrind is not installed", flush=True)
            continue
        say(f"cold_check_{name}", instructions(place, *argv) / 1e6,
            "million instructions", goal)
    return 0


def by_agent(place, name, conf):
    """An agent of these settings, and the settings of who asks it."""
    address = f"unix:{place.path}/{name}.sock"
    agent = place.add(Agent(place, place.write(
        f"{name}-agent.conf", conf.read_text()
        + f'agent = {{ listen = "{address}"; }};\n'), address))
    rollup = Path(f"/proc/{agent.process.pid}/smaps_rollup").read_text()
    say(f"agent_{name}_idle", int(re.search(r"Rss: +(\d+)", rollup)[1]) / 1024,
        "MB", ("<=", 8))
    return place.write(f"{name}-client.conf", f'''store = {{
        backend = "agent"; agent = {{ address = "{address}";
        user = "{os.getuid()}"; timeout_ms = 5000; }}; }};
        log = {{ level = "warn"; }};\n''')


def bench_agent(name, conf, place, goal):
    """Checks and logins by an agent, beside those without."""
    ours = by_agent(place, name, conf)
    codes = [subprocess.run(
        [BUILD / "bench" / "bench_way", name, conf, f"agent_{name}", ours],
        check=False).returncode]
    if goal is None:
        return codes
    token = Latchkey(place, conf).issue("alice")
    for service, path in (("ours", ours), ("direct", conf)):
        place.write(f"pam.d/{service}", "auth required "
                    f"{BUILD}/pam_latchkey.so conf={path}\n")
    codes.append(subprocess.run(
        [BUILD / "bench" / "bench_pam", place.path / "pam.d", "ours",
         "direct", f"agent_{name}", goal], input=token.encode() + b"\n",
        check=False).returncode)
    return codes


def bench_agents():
    """The same over each way to a store."""
    codes = []
    with Place() as place:
        redis = place.add(RedisServer(place))
        for name, text, goal in (
                ("unix", settings(redis.unix_address, "unix:/nowhere"), None),
                ("tcp", settings(redis.address, "unix:/nowhere"), "1.0"),
                ("sqlite", embedded_settings(place.path / "store/sessions.db",
                                             "unix:/nowhere"), None)):
            conf = place.write(f"{name}.conf", text
                               + 'log = { level = "warn"; };\n')
            codes += bench_agent(name, conf, place, goal)
    with Place() as place:
        conf = place.write("sentinel.conf", Cluster(place).store_settings()
                           + 'log = { level = "warn"; };\n')
        codes += bench_agent("sentinel", conf, place, "0.5")
    return codes


def bench_tls():
    """Checks by TLS, beside plain ones of the same Redis."""
    with Place() as place:
        authority, port = Authority(place), free_port()
        redis = place.add(RedisServer(place, options=redis_options(
            port, authority.certify("redis"), authority)))
        confs = [place.write(name, f'''store = {{ backend = "redis"; redis = {{
            address = "{address}"; {tls} }}; }};''')
            for name, address, tls in (
                ("plain.conf", redis.address, ""),
                ("tls.conf", f"127.0.0.1:{port}", as_settings(authority)))]
        return subprocess.run(
            [BUILD / "bench" / "bench_way", "plain", confs[0], "tls",
             confs[1]], check=False).returncode


def bench_cluster():
    """Checks in a Redis Cluster, beside those of one Redis."""
    with Place() as place:
        redis = place.add(RedisServer(place))
        cluster = RedisCluster(place, replicas=0)
        confs = [place.write(f"{name}.conf", text
                             + 'log = { level = "warn"; };\n')
                 for name, text in (
                     ("single", settings(redis.address, "unix:/nowhere")),
                     ("cluster", cluster.settings()))]
        return subprocess.run(
            [BUILD / "bench" / "bench_way", "single", confs[0], "cluster",
             confs[1]], check=False).returncode


def bench_changes():
    """Refreshes and revocations, beside what gosession sends for one: by its
    client, and in one write from C.  All take turns, round by round."""
    with Place() as place:
        redis = place.add(RedisServer(place))
        program = BUILD / "bench" / "bench_change"
        theirs = [[program, "multi", redis.socket]]
        if shutil.which("go"):
            theirs.append([build_go(place, "multi"), redis.socket])
        else:
            print("bench change: go is not installed", flush=True)
        for layout in "latchkey", "gosession":
            conf = place.write(f"{layout}.conf", f'''store = {{
                backend = "redis"; redis = {{ layout = "{layout}";
                address = "{redis.unix_address}"; }}; }};
                log = {{ level = "warn"; }};\n''')
            for threads in "1", "4":
                bench_change(redis, [[program, "ours", conf], *theirs],
                             threads, f"{layout}_{threads}")
    return 0


def bench_change(redis, sides, threads, name):
    """One layout and number of threads."""
    rates = [[] for _ in sides]
    for _ in range(7):
        for side, rate in zip(sides, rates):
            redis.command("FLUSHALL")
            rate.append([float(word) for word in subprocess.run(
                [*side, threads], check=True, capture_output=True,
                text=True).stdout.split()])
    for at, change in enumerate(("refresh", "revoke")):
        say(f"{change}_{name}", median(r[at] for r in rates[0]), "per_second")
        for peer, rate in zip(("multi_in_c", "gosession"), rates[1:]):
            say(f"{change}_{name}_to_{peer}", median(
                a[at] / b[at] for a, b in zip(rates[0], rate)), "ratio",
                (">=", 0.75) if change == "refresh" else None)


def bench_mariadb():
    """Checks and logins in MariaDB, with few sessions and many, in turns."""
    program = BUILD / "bench" / "bench_mariadb"
    if not program.exists():
        print("bench mariadb: left out, libmariadb is not installed",
              flush=True)
        return [0]
    codes, rates = [], {"1000": [], "1000000": []}
    with Place() as place:
        server = place.add(MariadbServer(place, options=(
            "--innodb-buffer-pool-size=1G", "--innodb-log-file-size=256M")))
        server.make_store(place)
        shown = mariadb.MariadbLatchkey(place, place.write(
            "maria.conf", mariadb.settings(f"unix:{server.socket}"))).must(
                "store", "init", "--print")
        for name in rates:
            server.run(f"CREATE DATABASE lk{name}")
            server.run(shown, database=f"lk{name}")
            place.write(f"{name}.conf", mariadb.settings(
                f"unix:{server.socket}", database=f"lk{name}"))
        # In the order of the key, which spares the filling most of its time.
        server.run(
            "SET unique_checks = 0; INSERT INTO latchkey_session SELECT"
            " UNHEX(CONCAT(LPAD(HEX(seq * 4294), 8, '0'), LEFT(MD5(seq), 24))),"
            " UNHEX(MD5(-seq)), REPEAT('x', 32), CONCAT('user', seq), 'web', 1,"
            " (UNIX_TIMESTAMP() + 604800) * 1000, NULL, NULL, '', ''"
            " FROM seq_1_to_1000000", database="lk1000000")
        for _ in range(3):
            for name, rate in rates.items():
                done = subprocess.run(
                    [program, place.path / f"{name}.conf", server.socket,
                     f"lk{name}", name], check=False, capture_output=True,
                    text=True)
                print(done.stdout, done.stderr, sep="", end="", flush=True)
                codes.append(done.returncode)
                rate += map(float, re.findall(
                    rf"check_mariadb_{name} (\S+)", done.stdout))
    if len(rates["1000000"]) == 3:
        say("check_mariadb_1000000_to_1000", median(
            few / many for few, many in zip(*rates.values())), "ratio",
            ("<=", 1.5))
    return codes


def main():
    sessions = os.environ.get("SESSIONS", "100000")
    with Place() as place:
        redis = place.add(RedisServer(place))
        commands = [
            ["bench_library", redis.socket, str(redis.port)],
            ["bench_jwt", place.path],
            ["bench_store", place.path, redis.socket, sessions]]
        wanted = sys.argv[1:]
        codes = [
            subprocess.run([BUILD / "bench" / name, *arguments],
                           check=False).returncode
            for name, *arguments in commands if not wanted or name in wanted]
        if not wanted or "bench_pam" in wanted:
            codes += [bench_pam(place, redis, *transport)
                      for transport in (("tcp", redis.address),
                                        ("unix", redis.unix_address))]
        if not wanted or "bench_cold" in wanted:
            codes.append(bench_cold(place, redis))
    if not wanted or "bench_change" in wanted:
        codes.append(bench_changes())
    if not wanted or "bench_tls" in wanted:
        codes.append(bench_tls())
    if not wanted or "bench_cluster" in wanted:
        codes.append(bench_cluster())
    if not wanted or "bench_mariadb" in wanted:
        codes += bench_mariadb()
    if not wanted or "bench_agent" in wanted:
        codes += bench_agents()
    return max(codes, default=2)


if __name__ == "__main__":
    sys.exit(main())
