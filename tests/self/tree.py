"""The tree as text, for the tests that read it."""

import re
import subprocess

from support.place import ROOT

SKIPPED = {".git", "build", "__pycache__", ".pytest_cache", "corpus"}


def files(*patterns):
    """Files of the tree that match, relative to its root."""
    found = set()
    for pattern in patterns:
        for path in ROOT.glob(pattern):
            path = path.relative_to(ROOT)
            if not SKIPPED & set(path.parts) and (ROOT / path).is_file():
                found.add(path)
    return sorted(found)


def read(path):
    return (ROOT / path).read_text()


def code(path):
    """A C file without its comments."""
    return re.sub(r"/\*.*?\*/|//[^\n]*", "", read(path), flags=re.S)


def includes(path):
    """What a C file includes, without the brackets or quotes."""
    return re.findall(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]', code(path), re.M)


def run(*argv, stdin=None):
    return subprocess.run([str(word) for word in argv], input=stdin,
                          capture_output=True, text=True, cwd=ROOT,
                          check=False)
