"""What is compiled by other C libraries and for other machines as well."""

import shutil
import subprocess
from pathlib import Path

import pytest

from support.place import BUILD, ROOT
from tree import files

SOURCES = [path for path in files("lib/**/*.c", "fcgi-auth/**/*.c",
                                  "ctl/*.c", "pam/*.c")]
FLAGS = ["-std=c11", "-D_GNU_SOURCE", '-DLK_VERSION="0"',
         '-DLK_MODULE_DIR="/"', '-DLK_MARIADB_PLUGINS="/"', "-Ilib",
         "-Ifcgi-auth", f"-I{BUILD}/gen", "-fsyntax-only", "-Wall", "-Wextra",
         "-Wpedantic", "-Wconversion", "-Wno-missing-field-initializers",
         "-Werror"]
# Headers of Linux and of other libraries, beside those of a C library.
BORROWED = ["asm", "asm-generic", "linux", "cjson", "curl", "fastcgi.h",
            "fcgi*.h", "hiredis", "libconfig.h", "mariadb", "microhttpd.h",
            "openssl", "security", "sodium*", "sqlite3.h"]


def include_folders():
    triplet = subprocess.run(["gcc", "-print-multiarch"], text=True,
                             capture_output=True, check=True).stdout.strip()
    return [Path("/usr/include"), Path("/usr/include") / triplet]


def compile_all(compiler, *folders):
    """What it says of our files; these folders' headers come last."""
    done = subprocess.run(
        [*compiler, *FLAGS, *(f"-idirafter{folder}{below}" for folder in folders
           for below in ("", "/mariadb")),
         *map(str, SOURCES)],
        cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("musl-gcc") is None,
                    reason="musl-tools is not installed")
def test_portability_musl_has_what_we_call(place):
    borrowed = []
    for folder in include_folders():
        borrowed.append(place.path / f"include-{len(borrowed)}")
        borrowed[-1].mkdir()
        for path in [path for name in BORROWED for path in folder.glob(name)]:
            (borrowed[-1] / path.name).symlink_to(path)
    compile_all(["musl-gcc"], *borrowed)


def test_portability_32_bits_lose_nothing(place):
    """Debian has no headers of its own for them but in gcc-multilib."""
    stub = place.path / "gnu/stubs-32.h"
    stub.parent.mkdir()
    stub.touch()
    probe = subprocess.run(["gcc", "-m32", "-fsyntax-only", "-x", "c", "-"],
                           input="int x;", text=True, capture_output=True,
                           check=False)
    if probe.returncode != 0:
        pytest.skip("this gcc does not compile for 32 bits")
    compile_all(["gcc", "-m32"], *include_folders(), place.path)
