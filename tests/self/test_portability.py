"""What is compiled by other C libraries and for other machines as well."""

import shutil
import subprocess

import pytest

from support.place import BUILD, ROOT
from tree import files

SOURCES = [path for path in files("lib/**/*.c", "fcgi-auth/**/*.c",
                                  "ctl/*.c", "pam/*.c")]
FLAGS = ["-std=c11", "-D_GNU_SOURCE", '-DLK_VERSION="0"', "-Ilib",
         "-Ifcgi-auth", f"-I{BUILD}/gen", "-fsyntax-only", "-Wall", "-Wextra",
         "-Wpedantic", "-Wconversion", "-Werror"]


def compile_all(compiler, *flags):
    """What it says of our files; other libraries' headers come last."""
    triplet = subprocess.run(["gcc", "-print-multiarch"], text=True,
                             capture_output=True, check=True).stdout.strip()
    done = subprocess.run(
        [*compiler, *FLAGS, *flags, "-idirafter", "/usr/include",
         "-idirafter", f"/usr/include/{triplet}", *map(str, SOURCES)],
        cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("musl-gcc") is None,
                    reason="musl-tools is not installed")
def test_portability_musl_has_what_we_call():
    compile_all(["musl-gcc"])


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
    compile_all(["gcc", "-m32"], f"-I{place.path}")
