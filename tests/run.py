#!/usr/bin/python3
"""Build everything, run every test, and end with `N passed, N failed`.

The tests written in C run in the plain build and in the one with sanitizers;
a test counts once, and as failed if it failed in either.  The programs are
tested in the build with sanitizers; what is installed (exports, examples) in
the plain one.  What failed is printed in full.
"""

import os
import re
import subprocess
import sys
import tempfile
import time
import xml.etree.ElementTree as ElementTree
from pathlib import Path

TESTS = Path(__file__).resolve().parent
ROOT = TESTS.parent
sys.path.insert(0, str(TESTS))

from support.place import Failed, Place  # noqa: E402
from support.servers import RedisServer  # noqa: E402

# A C program that takes longer than this hangs.
PROGRAM_SECONDS = 300


class Results:
    """The outcome of each test by its name."""

    def __init__(self):
        self.passed = {}

    def add(self, name, passed):
        self.passed[name] = self.passed.get(name, True) and passed

    def counts(self):
        passed = sum(self.passed.values())
        return passed, len(self.passed) - passed


def say(text):
    print(text, flush=True)


def suite_line(name, passed, failed, skipped, start):
    say(f"{name}: {passed} passed"
        + (f", {failed} FAILED" if failed else "")
        + (f", {skipped} skipped" if skipped else "")
        + f" ({time.monotonic() - start:.1f} s)")


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


def run_program(results, kind, program, environment):
    """Run one cmocka program and read its report (Test Anything Protocol)."""
    suite = f"{kind}/{program.name}"
    start = time.monotonic()
    try:
        done = subprocess.run(
            [program], cwd=ROOT, env=environment, text=True, errors="replace",
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL, timeout=PROGRAM_SECONDS, check=False)
        output, status = done.stdout, done.returncode
    except subprocess.TimeoutExpired as timeout:
        output = (timeout.stdout or b"").decode("utf-8", "replace")
        status = f"none after {PROGRAM_SECONDS} s"
    outcomes = re.findall(r"^(not ok|ok) \d+ - (\S+)([^\n]*)", output, re.M)
    planned = sum(map(int, re.findall(r"^1\.\.(\d+)", output, re.M)))
    passed = failed = skipped = 0
    for verdict, name, rest in outcomes:
        if "# SKIP" in rest:
            skipped += 1
            continue
        results.add(f"{suite}: {name}", verdict == "ok")
        passed += verdict == "ok"
        failed += verdict != "ok"
    if failed == 0 and (status != 0 or len(outcomes) != planned
                        or not outcomes):
        results.add(f"{suite}: ended with status {status} after "
                    f"{len(outcomes)} of {planned} tests", False)
        failed = 1
    suite_line(program.relative_to(ROOT), passed, failed, skipped, start)
    if failed:
        say(output + f"(exit status {status})")


def programs(folder):
    """The cmocka programs of one build: kind and path."""
    for source in sorted(TESTS.glob("unit/test_*.c")):
        yield "unit", ROOT / folder / "tests/unit" / source.stem
    for source in sorted(TESTS.glob("contract/test_*.c")):
        yield "contract", ROOT / folder / "tests/contract" / source.stem


def run_programs(results, folder):
    """Every cmocka program of one build, each in a place of its own."""
    for kind, program in programs(folder):
        with Place() as place:
            environment = place.environment()
            # Reports go to the output of the program, not to files.
            for name in ("ASAN_OPTIONS", "UBSAN_OPTIONS"):
                environment[name] = re.sub(r"log_path=[^:]*:", "",
                                           environment[name])
            environment["CMOCKA_MESSAGE_OUTPUT"] = "TAP"
            environment["TMPDIR"] = str(place.path)
            if kind == "contract":
                redis = place.add(RedisServer(place))
                environment["LK_TEST_REDIS_SOCKET"] = str(redis.socket)
                environment["LK_TEST_REDIS_PORT"] = str(redis.port)
            run_program(results, kind, program, environment)


# ---- Tests in Python -----------------------------------------------------


def run_pytest(results, suite, folder):
    """pytest over one folder of tests, with the programs of one build."""
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="latchkey-") as scratch:
        report = Path(scratch) / "report.xml"
        done = subprocess.run(
            [sys.executable, "-m", "pytest", "-q", "--tb=short",
             "--color=no", "-p", "no:cacheprovider", f"--junitxml={report}",
             f"--rootdir={TESTS}", str(TESTS / suite)],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, check=False,
            env={**os.environ, "LK_BUILD": folder,
                 "PYTHONDONTWRITEBYTECODE": "1"})
        cases = (list(ElementTree.parse(report).iter("testcase"))
                 if report.exists() else [])
    passed, failed, skips = set(), set(), []
    for case in cases:
        name = f"{case.get('classname')}.{case.get('name')}"
        skip = case.find("skipped")
        if case.find("failure") is not None or case.find("error") is not None:
            failed.add(name)
        elif skip is not None:
            skips.append(f"  skipped {name}: {skip.get('message')}")
        else:
            passed.add(name)
    # A test whose teardown fails is reported twice.
    passed -= failed
    if done.returncode != 0 and not failed:
        failed.add(f"pytest ended with status {done.returncode}")
    for name in passed | failed:
        results.add(f"{suite}: {name}", name in passed)
    suite_line(f"tests/{suite}", len(passed), len(failed), len(skips), start)
    for line in skips:
        say(line)
    if failed:
        say(done.stdout)


def python_suites():
    """Folders below tests/ with tests in Python; the quick ones first."""
    found = {path.parent.name for path in TESTS.glob("*/test_*.py")}
    return sorted(found, key=lambda name: (name != "self", name))


# ---- All together --------------------------------------------------------


def run_everything(results, plain, sanitized):
    plain_built = build(results, plain, False)
    sanitized_built = build(results, sanitized, True)
    if sanitized_built and not leaks_can_be_found(sanitized):
        say("LeakSanitizer cannot run here (it needs ptrace): "
            "memory leaks go unnoticed in this run")
        os.environ["LK_DETECT_LEAKS"] = "0"
    if plain_built:
        run_programs(results, plain)
    if sanitized_built:
        run_programs(results, sanitized)
    for suite in python_suites():
        folder = plain if suite == "self" else sanitized
        if plain_built and sanitized_built:
            run_pytest(results, suite, folder)


def main():
    plain = os.environ.get("LK_BUILD", "build")
    results = Results()
    try:
        run_everything(results, plain, f"{plain}/san")
    except Failed as failure:
        say(str(failure))
        results.add("test servers", False)
    passed, failed = results.counts()
    if failed:
        say("\nFailed:")
        for name, outcome in sorted(results.passed.items()):
            if not outcome:
                say(f"  {name}")
        say("")
    say(f"{passed} passed, {failed} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
