"""What the libraries and the PAM module show to others, and take from them."""

import ctypes
import re

import pytest

from support.place import BUILD
from tree import read, run

ENTRIES = {"pam_sm_authenticate", "pam_sm_setcred", "pam_sm_acct_mgmt",
           "pam_sm_open_session", "pam_sm_close_session"}
# All that the module is linked with: every other library is inside it.
NEEDED = {"libpam.so.0", "libc.so.6", "libm.so.6"}


def symbols(name, kinds):
    """Names without versions that `nm -D` lists as one of these kinds."""
    listed = run("nm", "-D", BUILD / name)
    assert listed.returncode == 0, listed.stderr
    return {match[1] for match in re.finditer(
        rf"^[0-9a-f ]{{16}} [{kinds}] ([^@\s]+)", listed.stdout, re.M)}


def test_exports_of_the_module_are_its_entry_points():
    assert symbols("pam_latchkey.so", "TDBRVWiuG") == ENTRIES


def test_exports_of_the_module_can_be_called():
    module = ctypes.CDLL(str(BUILD / "pam_latchkey.so"))
    for name in ENTRIES:
        assert getattr(module, name)
    for name in ("pam_sm_chauthtok", "lk_check", "redisReaderFeed",
                 "config_read_string", "sqlite3_open_v2", "sodium_init",
                 "pam_decide"):
        with pytest.raises(AttributeError):
            getattr(module, name)


def test_exports_module_takes_nothing_that_a_host_could_replace():
    listed = run("readelf", "-d", BUILD / "pam_latchkey.so").stdout
    assert set(re.findall(r"NEEDED.*\[(.*)\]", listed)) == NEEDED
    assert "TEXTREL" not in listed
    taken = symbols("pam_latchkey.so", "Uw")
    for name in ("getenv", "secure_getenv", "pthread_create", "signal",
                 "openlog", "setenv", "setlocale", "atexit"):
        assert name not in taken, name
    assert not [name for name in taken if re.match(
        r"lk_|redis|sqlite3|sodium|crypto_|config_|cJSON", name)]


def test_exports_module_starts_no_program():
    """Nor waits for one: it has none of the calls that could."""
    taken = symbols("pam_latchkey.so", "Uw")
    assert "recv" in taken
    assert not [name for name in taken if re.match(
        r"_?_?v?_?[fF]ork$|clone|exec[vl]|fexec|posix_spawn|popen$|system$|"
        r"wait|__wait|kill|syscall$|daemon$|pthread_atfork", name)], taken


def test_exports_of_the_library_are_its_header():
    declared = set(re.findall(r"LK_API[^;(]*?\b(lk_\w+)\(",
                              read("lib/latchkey.h")))
    assert len(declared) > 30
    assert symbols("liblatchkey.so.1", "TDBRVWiuG") - {"LATCHKEY_1"} == (
        declared)
