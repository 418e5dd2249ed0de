#!/usr/bin/python3
"""Break the code in one place after another, and say which breaks go unnoticed.

Each `*.patch` here is one small fault.  Lines above its diff say what it
breaks and which test must fail:

    Breaks: a reload is seen by newcomers only
    Promise: only users of `gate.allow_uids` are listened to
    Test: servers/test_gate_process.py::test_process_with_allow_uids_...
    Build: sanitized

A test in C is `unit/test_guard`, or `unit/test_guard::test_name` where that
one must fail.  `Promise` is how a promise in ARCHITECTURE.md begins, for each
of which there has to be a patch here.  `Build` is there where only sanitizers
notice.

Faults are tried in copies of the tree, a few at a time; words on the command
line choose patches by name.  What must fail has to pass without the fault:
each such test runs before, unless the first word is --passed, for who has just
run them all.  ccache is used if it is there.  Ends with `N caught, N alive`;
the exit status is 1 if one lives, or if one could not be tried for another
reason than that its test is skipped here.
"""

import os
import queue
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
sys.path.insert(0, str(HERE.parent))

import run  # noqa: E402

WORKERS = min(4, os.cpu_count() or 1)
C_SUITES = ("unit", "contract")
# What tests in Python run, besides the programs.
TOOLS = ("latchkey", "latchkey-fcgi", "latchkeyd", "pam/host",
         "failover/load")


class Mutant:
    """One patch: its heading as attributes, its diff as it is."""

    def __init__(self, path):
        self.name = path.stem
        self.path = path
        heading, mark, _ = path.read_text().partition("\n--- ")
        fields = dict(line.split(": ", 1) for line in heading.splitlines()
                      if ": " in line)
        unknown = set(fields) - {"Breaks", "Promise", "Test", "Build"}
        if unknown or not mark or not {"Breaks", "Test"} <= set(fields):
            raise ValueError(f"{path.name}: its heading is not one")
        self.breaks, self.test = fields["Breaks"], fields["Test"]
        self.promise = fields.get("Promise")
        self.sanitized = fields.get("Build") == "sanitized"

    def apply(self, tree, *options):
        """Change the tree; what patch(1) says if it cannot, or None."""
        done = subprocess.run(
            ["patch", "-p1", "-F0", "--force", "--no-backup-if-mismatch",
             "--silent", *options, "-i", self.path], cwd=tree,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
            check=False)
        return done.stdout or "no" if done.returncode else None

    def without(self):
        """What has to pass without it: a program in C runs whole anyway."""
        return (self.test.split("::")[0] if is_in_c(self.test) else self.test,
                self.sanitized)

    def touches(self):
        """The files it changes."""
        return [line.split()[1].split("/", 1)[1]
                for line in self.path.read_text().splitlines()
                if line.startswith("+++ ")]


def mutants(names=()):
    """All of them, or those that are named."""
    found = [Mutant(path) for path in sorted(HERE.glob("*.patch"))]
    unknown = set(names) - {mutant.name for mutant in found}
    if unknown:
        raise SystemExit(f"no such mutant: {' '.join(sorted(unknown))}")
    return [mutant for mutant in found if not names or mutant.name in names]


def compiler():
    """By ccache, one copy has what was compiled in another."""
    chosen = os.environ.get("CC", "cc")
    if shutil.which("ccache") and not chosen.startswith("ccache"):
        return f"ccache {chosen}"
    return chosen


def is_in_c(test):
    return test.split("/")[0] in C_SUITES and ".py" not in test


# ---- A copy of the tree --------------------------------------------------


class Tree:
    """A copy to break; what it runs is imported from it, not from here."""

    def __init__(self, path):
        self.path = path
        shutil.copytree(ROOT, path, symlinks=True, ignore=shutil.
                        ignore_patterns(".git", "__pycache__"))

    def restore(self, mutant):
        for name in mutant.touches():
            # As newer than what was built of the fault.
            shutil.copyfile(ROOT / name, self.path / name)

    def build(self, test, sanitized):
        """What the test needs; what went wrong, or None."""
        folder = "build/san" if sanitized else "build"
        wanted = ([f"{folder}/tests/{test.split('::')[0]}"] if is_in_c(test)
                  else ["all", *(f"{folder}/tests/{name}" for name in TOOLS)])
        # Real hosts load the module without sanitizers.
        for san, targets in ((True, wanted), (False, ["all"])) if (
                sanitized) else ((False, wanted),):
            done = subprocess.run(
                ["make", "-s", "--no-print-directory",
                 f"SAN={'1' if san else ''}", *targets], cwd=self.path,
                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                check=False, env={**os.environ, "CC": compiler(), "CI": "",
                                  "MAKEFLAGS": "", "CCACHE_NOHASHDIR": "1"})
            if done.returncode != 0:
                return done.stdout
        return None

    def outcome(self, test, sanitized):
        """Run it here: "passed", "failed", or why it did not run."""
        why = self.build(test, sanitized)
        if why is not None:
            return f"does not build:\n{why}"
        done = subprocess.run(
            [sys.executable, "tests/mutants/hunt.py", "--one", test,
             "build/san" if sanitized else "build"], cwd=self.path, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        return done.stdout.strip().rsplit("\n", 1)[-1]


def run_one(test, folder):
    """In a copy: run one test, and print what came of it as the last line."""
    results = run.Results()
    suite, _, rest = test.partition("/")
    wanted = ""
    if is_in_c(test):
        name, _, case = rest.partition("::")
        with run.Clusters() as clusters:
            run.Program(folder, suite, name,
                        clusters=clusters).run().report(results)
        # One that crashes does not say in which test.
        wanted = (f"{suite}/{name}: {case}",
                  f"{suite}/{name}: ended with ") if case else ""
    else:
        run.run_pytest(results, suite, [test], folder, "build")
    outcomes = [passed for name, passed in results.passed.items()
                if name.startswith(wanted)]
    if not all(outcomes):
        print("failed")
    elif outcomes:
        print("passed")
    elif results.skips:
        print(f"skipped: {next(iter(results.skips.values()))}")
    else:
        print("no such test")


# ---- All of them ---------------------------------------------------------


class Hunt:
    """Which are caught; a tree for each worker."""

    def __init__(self, trees):
        self.trees = queue.SimpleQueue()
        for tree in trees:
            self.trees.put(tree)

    def in_a_tree(self, task, *arguments):
        tree = self.trees.get()
        try:
            return task(tree, *arguments)
        finally:
            self.trees.put(tree)

    @staticmethod
    def unbroken(tree, key):
        return tree.outcome(*key)

    @staticmethod
    def broken(tree, mutant):
        why = mutant.apply(tree.path)
        try:
            return (f"does not apply: {why}" if why else
                    tree.outcome(mutant.test, mutant.sanitized))
        finally:
            tree.restore(mutant)

    def go(self, chosen, passed):
        """Try them, whose tests have passed before or are run first; how many
        were caught, live, and could not be tried."""
        counts = {"caught": 0, "ALIVE": 0, "skipped": 0, "not tried": 0}
        before, verdicts = {}, []

        def judge(one):
            said = "passed" if passed else before[one.without()].result()
            return self.say(one, f"without it: {said}" if said != "passed"
                            else self.in_a_tree(self.broken, one))
        # What a fault waits for is begun before it.
        with ThreadPoolExecutor(WORKERS) as pool:
            for one in chosen:
                key = one.without()
                if not passed and key not in before:
                    before[key] = pool.submit(self.in_a_tree, self.unbroken,
                                              key)
                verdicts.append(pool.submit(judge, one))
            for verdict in verdicts:
                counts[verdict.result()] += 1
        return counts

    @staticmethod
    def say(one, said):
        verdict = {"failed": "caught", "passed": "ALIVE"}.get(
            said, "skipped" if ": skipped" in said else "not tried")
        detail = "" if verdict == "caught" else f" ({said}; {one.test})"
        print(f"{verdict} {one.name}: {one.breaks}{detail}", flush=True)
        return verdict


def main():
    if sys.argv[1:2] == ["--one"]:
        run_one(*sys.argv[2:])
        return 0
    passed = sys.argv[1:2] == ["--passed"]
    chosen = mutants(sys.argv[2 if passed else 1:])
    with tempfile.TemporaryDirectory(prefix="latchkey-mutants-") as scratch:
        trees = [Tree(Path(scratch) / str(number))
                 for number in range(min(WORKERS, len(chosen)))]
        counts = Hunt(trees).go(chosen, passed)
    print(f"{counts['caught']} caught, {counts['ALIVE']} alive"
          + "".join(f", {counts[name]} {name}" for name in
                    ("skipped", "not tried") if counts[name]))
    return 1 if counts["ALIVE"] or counts["not tried"] else 0


if __name__ == "__main__":
    sys.exit(main())
