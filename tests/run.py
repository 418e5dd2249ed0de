#!/usr/bin/python3
"""Build everything, run every test, say what was skipped and why, and end with
`N passed, N failed, N skipped`.

Words on the command line choose tests: `unit/test_guard` a program in C,
`servers` or `servers/test_gate.py::test_name` what pytest knows by that name.

The tests written in C run in the plain build and in the one with sanitizers;
a test counts once, and as failed if it failed in either.  The programs are
tested in the build with sanitizers; what is installed (exports, examples) in
the plain one.  What failed is printed in full.
"""

import contextlib
import os
import queue
import re
import subprocess
import sys
import tempfile
import threading
import time
import xml.etree.ElementTree as ElementTree
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
sys.path.insert(0, str(TESTS))

from support.certificates import Authority, redis_options  # noqa: E402
from support.mariadb import MariadbServer  # noqa: E402
from support.place import (Failed, NotInstalled, Place,  # noqa: E402
                           free_port)
from support.redis_cluster import CALM_MS, RedisCluster  # noqa: E402
from support.servers import RedisServer, redis_program  # noqa: E402

# A C program that takes longer than this hangs.
PROGRAM_SECONDS = 600

# About so much of a suite in Python runs at once.
PART_BYTES = 120_000

# What MariaDB has a minute's work of is left to `make check-mysql`.
SLOW_IN_MARIADB = ("test_many",)


class Results:
    """The outcome of each test by its name."""

    def __init__(self):
        self.passed = {}
        self.skips = {}
        self.lock = threading.Lock()

    def add(self, name, passed):
        with self.lock:
            self.passed[name] = self.passed.get(name, True) and passed

    def skip(self, name, why):
        """What was skipped in one build may yet run in the other."""
        self.skips[name] = why

    def close(self):
        """Say what failed and what was skipped; whether all is well."""
        failed = sorted(name for name, passed in self.passed.items()
                        if not passed)
        skipped = sorted(set(self.skips) - set(self.passed))
        for title, lines in (
                ("Failed", failed),
                ("Skipped", [f"{name}: {self.skips[name]}"
                             for name in skipped])):
            if lines:
                say("\n  ".join([f"\n{title}:", *lines]) + "\n")
        passed = len(self.passed) - len(failed)
        say(f"{passed} passed, {len(failed)} failed"
            + (f", {len(skipped)} skipped" if skipped else ""))
        return bool(passed) and not failed


def say(text):
    print(text, flush=True)


def suite_line(name, passed, failed, skipped, seconds):
    say(f"{name}: {passed} passed"
        + (f", {failed} FAILED" if failed else "")
        + (f", {skipped} skipped" if skipped else "")
        + f" ({seconds:.1f} s)")


# ---- Building ------------------------------------------------------------


def build(results, folder, sanitize):
    """Run make for one variant; whether it succeeded."""
    argv = [os.environ.get("MAKE", "make"), "-s", "--no-print-directory",
            f"SAN={'1' if sanitize else ''}", f"B={folder}", "all", "tests"]
    if "jobserver" not in os.environ.get("MAKEFLAGS", ""):
        argv.insert(1, f"-j{os.cpu_count()}")
    done = subprocess.run(argv, cwd=ROOT, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    passed = done.returncode == 0
    results.add(f"build {folder}", passed)
    say(f"build {folder}: {'done' if passed else 'FAILED'}")
    if not passed or "warning:" in done.stdout:
        say(done.stdout)
    return passed


def leaks_can_be_found(folder):
    """Whether LeakSanitizer runs here: it needs ptrace."""
    with Place() as place:
        done = subprocess.run(
            [ROOT / folder / "latchkey", "--version"], text=True,
            env=place.environment(), capture_output=True, check=False)
        reports = "".join(path.read_text()
                          for path in place.path.glob("sanitizer.*"))
        for path in place.path.glob("sanitizer.*"):
            path.unlink()
    return "LeakSanitizer has encountered a fatal" not in (
        reports + done.stderr)


# ---- Tests in C ----------------------------------------------------------


class Clusters:
    """Redis Clusters, each lent to one program at a time: a context manager
    that has as many as programs run at once."""

    def __init__(self):
        self.stack = contextlib.ExitStack()
        self.idle = queue.SimpleQueue()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stack.close()

    @contextlib.contextmanager
    def lend(self):
        """The ports of one's nodes."""
        try:
            cluster = self.idle.get_nowait()
        except queue.Empty:
            cluster = RedisCluster(self.stack.enter_context(Place()),
                                   timeout=CALM_MS)
        try:
            yield " ".join(str(node.port) for node in cluster.nodes)
        finally:
            self.idle.put(cluster)


class Program:
    """A cmocka program of one build, and what came of running it; `more`
    of its environment says where a MariaDB is, and `clusters` may lend one."""

    def __init__(self, folder, kind, name, more=None, clusters=None):
        self.kind = kind
        self.more = more or {}
        self.clusters = clusters
        self.path = Path(folder) / "tests" / kind / name
        self.suite = f"{kind}/{name}"

    def run(self):
        """Run it in a place of its own; returns itself."""
        start = time.monotonic()
        with Place() as place:
            environment = place.environment()
            # Reports go to the output of the program, not to files.
            for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS", "TSAN_OPTIONS"):
                environment[name] = re.sub(r"log_path=[^:]*:", "",
                                           environment[name])
            environment["CMOCKA_MESSAGE_OUTPUT"] = "TAP"
            environment["TMPDIR"] = str(place.path)
            if self.kind == "contract":
                authority, port = Authority(place), free_port()
                redis = place.add(RedisServer(place, options=redis_options(
                    port, authority.certify("redis"), authority)))
                environment["LK_TEST_REDIS_TLS"] = f"127.0.0.1:{port}"
                environment["LK_TEST_REDIS_CA"] = str(authority.crt)
                environment["LK_TEST_REDIS_SOCKET"] = str(redis.socket)
                environment["LK_TEST_REDIS_PORT"] = str(redis.port)
                environment["LK_REDIS_SERVER"] = redis_program()
                environment.update(self.more)
            lends = self.kind == "contract" and self.clusters is not None
            with (self.clusters.lend() if lends
                  else contextlib.nullcontext("")) as ports:
                environment["LK_TEST_REDIS_NODES"] = ports
                self.execute(environment)
        self.seconds = time.monotonic() - start
        return self

    def execute(self, environment):
        try:
            done = subprocess.run(
                [ROOT / self.path], cwd=ROOT, env=environment, text=True,
                errors="replace", stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                timeout=PROGRAM_SECONDS, check=False)
            self.output, self.status = done.stdout, done.returncode
        except subprocess.TimeoutExpired as timeout:
            self.output = (timeout.stdout or b"").decode("utf-8", "replace")
            self.status = f"none after {PROGRAM_SECONDS} s"

    def report(self, results):
        """Read its output, in the Test Anything Protocol."""
        verdicts, skipped, planned, group = {}, 0, 0, 0
        why = "it says no more"
        for line in self.output.splitlines():
            if line.startswith("# skipped: "):
                why = line[len("# skipped: "):]
            if line.startswith("1.."):
                # The same tests may run as several groups, one for a store.
                planned += int(line[3:])
                group += 1
            # "ok 1 - test_this", "not ok 2 # SKIP test_that".
            found = re.match(r"(not ok|ok) \d+ (?:- )?(\S+)", line)
            if not found:
                continue
            skips = "# SKIP" in line
            name = line.split()[-1] if skips else found[2]
            if group > 1:
                name = f"{name} (group {group})"
            if skips:
                skipped += 1
                results.skip(f"{self.suite}: {name}", why)
            else:
                verdicts[name] = found[1] == "ok"
        ran = len(verdicts) + skipped
        if all(verdicts.values()) and (
                self.status != 0 or ran == 0 or ran != planned):
            verdicts[f"ended with status {self.status} after "
                     f"{ran} of {planned} tests"] = False
        for name, passed in verdicts.items():
            results.add(f"{self.suite}: {name}", passed)
        passed = sum(verdicts.values())
        failed = len(verdicts) - passed
        suite_line(self.path, passed, failed, skipped, self.seconds)
        if failed:
            say(f"{self.output}(exit status {self.status})")


def programs(folders, only, stores):
    """The cmocka programs of these builds; for some there are more stores."""
    def program_of(folder, kind, name):
        maria, clusters = stores.get(folder, ({}, None))
        return Program(folder, kind, name,
                       {} if name in SLOW_IN_MARIADB else maria, clusters)

    return [program_of(folder, kind, source.stem)
            for folder in folders for kind in ("unit", "contract")
            for source in sorted(TESTS.glob(f"{kind}/test_*.c"))
            if not only or {kind, f"{kind}/{source.stem}"} & set(only)]


# ---- Tests in Python -----------------------------------------------------


def run_pytest(results, suite, names, folder, plain):
    """pytest over tests of one folder, with the programs of one build."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="latchkey-") as scratch:
        report = Path(scratch) / "report.xml"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--tb=short",
             "--color=no", "-p", "no:cacheprovider", f"--junitxml={report}",
             f"--rootdir={TESTS}", *(str(TESTS / name) for name in names)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
            env={**os.environ, "LK_BUILD": folder, "LK_PLAIN": plain,
                 "PYTHONDONTWRITEBYTECODE": "1"})
        cases = (list(ElementTree.parse(report).iter("testcase"))
                 if report.exists() else [])
    passed, failed, skipped = set(), set(), {}
    for case in cases:
        name = f"{case.get('classname')}.{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed.add(name)
        elif skip is not None:
            skipped[name] = skip.get("message").removeprefix("Skipped: ")
        else:
            passed.add(name)
    # A test whose teardown fails is reported twice.
    passed -= failed
    if done.returncode != 0 and not failed:
        failed.add(f"pytest ended with status {done.returncode}")
    for name in passed | failed:
        results.add(f"{suite}: {name}", name in passed)
    for name, why in skipped.items():
        results.skip(f"{suite}: {name}", why)
    suite_line(f"tests/{suite}", len(passed), len(failed), len(skipped),
               time.monotonic() - start)
    if failed:
        say(done.stdout)


def python_suites(only):
    """Folders below tests/ with tests in Python, the long ones first and in
    parts, and what is to be run of each."""
    found = []
    for folder in {path.parent for path in TESTS.glob("*/test_*.py")}:
        suite = folder.name
        if suite in only or not only:
            found += [(size, suite, names) for size, names in parts(folder)]
        names = [name for name in only if ".py" in name
                 and name.startswith(f"{suite}/")]
        if names:
            found.append((0, suite, names))
    for _, suite, names in sorted(found, reverse=True):
        yield suite, names


def parts(folder):
    """The files of a folder in parts of about the same size, none of which
    takes much longer than the others."""
    rest = sorted((path.stat().st_size, f"{folder.name}/{path.name}")
                  for path in folder.glob("test_*.py"))
    count = 1 + sum(size for size, _ in rest) // PART_BYTES
    made = [(0, [])] * count
    for size, name in reversed(rest):
        made.sort()
        made[0] = (made[0][0] + size, [*made[0][1], name])
    return made


# ---- All together --------------------------------------------------------


def run_everything(results, plain, sanitized, only):
    plain_built = build(results, plain, False)
    sanitized_built = build(results, sanitized, True)
    if sanitized_built and not leaks_can_be_found(sanitized):
        say("LeakSanitizer cannot run here (it needs ptrace): "
            "memory leaks go unnoticed in this run")
        os.environ["LK_DETECT_LEAKS"] = "0"
    folders = [folder for folder, built in (
        (plain, plain_built), (sanitized, sanitized_built)) if built]
    if not folders:
        return
    with Place() as place, Clusters() as clusters:
        run_beside(results, folders, only, {
            folders[-1]: (one_mariadb(place), clusters)})


def one_mariadb(place):
    """What says where it is, in which each program has a database."""
    try:
        server = place.add(MariadbServer(place))
    except NotInstalled as why:
        say(f"contract tests leave out MariaDB: {why}")
        return {}
    return {"LK_TEST_MARIADB": str(server.socket)}


def run_beside(results, folders, only, stores):
    """All tests there are of these builds.  Most of them wait for servers most
    of the time: one more at once than there are processors.  The long ones come
    first, so that none is left alone at the end."""
    with ThreadPoolExecutor(min(3, (os.cpu_count() or 1) + 1)) as pool:
        running = [pool.submit(run_pytest, results, suite, names,
                               folders[0] if suite == "self" else folders[1],
                               folders[0])
                   for suite, names in python_suites(only)
                   if len(folders) == 2]
        running += [pool.submit(lambda one: one.run().report(results), one)
                    for one in programs(folders, only, stores)]
        for done in running:
            done.result()


def main():
    plain = os.environ.get("LK_BUILD", "build")
    results = Results()
    try:
        run_everything(results, plain, f"{plain}/san", sys.argv[1:])
    except Failed as failure:
        say(str(failure))
        results.add("test servers", False)
    return 0 if results.close() else 1


if __name__ == "__main__":
    sys.exit(main())
