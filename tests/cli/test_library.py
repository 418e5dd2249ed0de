"""SQLite, which is loaded for a store that is a file, and for no other."""

import re
import subprocess

import pytest

from support.place import BUILD, ROOT
from support.servers import Latchkey, embedded_settings, settings

USAGE = 2
NAME = "libsqlite3.so.0"

# As much of a library as anybody asks for.
OTHER = """
const char *sqlite3_libversion(void) {{ return ("3.36.0"); }}
int sqlite3_libversion_number(void) {{ return (3036000); }}
{}
"""


def functions():
    listed = (ROOT / "lib/store/sqlite/library.h").read_text()
    return [name for name in re.findall(r"\bF\((\w+)\)", listed)
            if not name.startswith("libversion")]


def old_library(place, names):
    source = place.write("old.c", OTHER.format("\n".join(
        f"void sqlite3_{name}(void) {{ __builtin_trap(); }}"
        for name in names)))
    subprocess.run(["cc", "-shared", "-fPIC", "-o", place.path / NAME, source],
                   check=True)


@pytest.fixture(params=["missing", "old", "cut"])
def instead(request, place):
    """What is found of it: what it says of that."""
    if request.param == "missing":
        place.write(NAME, "")
        return "none"
    if request.param == "old":
        old_library(place, functions())
        return "3.36.0"
    old_library(place, functions()[1:])
    return "none"


def command(place, text):
    return Latchkey(place, place.write("latchkey.conf", text),
                    ("env", f"LD_LIBRARY_PATH={place.path}"))


def test_library_that_is_none_finds_nothing_out_and_says_so(place, instead):
    cli = command(place, embedded_settings(place.path / "s/sessions.db",
                                           "127.0.0.1:9"))
    for words in (("check", f"lk_{'A' * 64}"), ("issue", "alice"), ("doctor",)):
        done = cli.run(*words)
        assert done.returncode == USAGE, done
        assert f"got {instead}; on Debian" in done.stderr, done
    assert not (place.path / "s/sessions.db").exists()


def test_library_is_not_asked_for_by_another_store(place, redis, instead):
    del instead
    cli = command(place, settings(redis.unix_address, "127.0.0.1:9"))
    assert cli.check(cli.issue("alice"))["user"] == "alice"


@pytest.mark.parametrize("program", [
    "latchkey", "latchkey-fcgi", "latchkeyd", "liblatchkey.so.1"])
def test_library_is_linked_to_nothing(program):
    listed = subprocess.run(["readelf", "-d", BUILD / program], check=True,
                            capture_output=True, text=True).stdout
    assert "libhiredis.so" in listed and "libsqlite3" not in listed
