"""What the headers promise."""

import re

import pytest

from support.place import BUILD
from tree import code, files, read, run

HEADERS = files("lib/**/*.h", "fcgi-auth/**/*.h", "agent/**/*.h", "ctl/*.h",
                "pam/*.h")
PACKAGES = ("hiredis", "libconfig", "libcjson", "libsodium", "fcgi",
            "libmicrohttpd", "libmariadb")


def test_header_alone_compiles():
    flags = run("pkg-config", "--cflags", *PACKAGES).stdout.split()
    errors = {}
    for header in HEADERS:
        result = run("cc", "-std=c11", "-D_GNU_SOURCE", "-Wall", "-Wextra",
                     "-Werror", "-Ilib", "-Ifcgi-auth", "-Iagent", *flags,
                     "-fsyntax-only", "-x", "c", "-",
                     stdin=f'#include "{header}"\n')
        if result.returncode != 0:
            errors[str(header)] = result.stderr
    assert errors == {}
    assert HEADERS


def test_header_has_a_guard():
    guard = re.compile(r"\s*#ifndef (\w+)\n#define \1\n")
    assert [path for path in HEADERS if not guard.match(code(path))] == []


def test_header_public_compiles_as_cxx_too():
    if run("sh", "-c", "command -v c++").returncode != 0:
        pytest.skip("no C++ compiler")
    result = run("c++", "-Wall", "-Werror", "-fsyntax-only", "-x", "c++",
                 "-", stdin='#include "lib/latchkey.h"\n')
    assert result.returncode == 0, result.stderr


def test_header_public_declares_exactly_what_is_exported():
    declared = set(re.findall(r"^LK_API\b[^;(]*?\b(\w+)\s*\(",
                              read("lib/latchkey.h"), re.M))
    assert len(declared) > 20
    assert all(name.startswith("lk_") for name in declared)
    found = run("nm", "-D", "--defined-only", "--format=posix",
                BUILD / "liblatchkey.so.1")
    assert found.returncode == 0, found.stderr
    symbols = [line.split() for line in found.stdout.splitlines()]
    # "A" is the version node of the export map.
    assert {name.split("@")[0] for name, kind, *_ in symbols
            if kind != "A"} == declared
