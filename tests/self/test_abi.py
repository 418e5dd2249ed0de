"""The library only gains: a program that was compiled with it goes on."""

import platform

import pytest

from support.abi import differences
from tree import read

HEADER = read("lib/latchkey.h")

pytestmark = pytest.mark.skipif(platform.machine() != "x86_64",
                                reason="the reference is of x86-64")


def test_abi_is_that_of_the_reference_and_more(place):
    assert differences(HEADER, place.path) == "", (
        "make abi takes it for the new reference")


@pytest.mark.parametrize("old, new", [
    ("uint64_t *revoked", "uint32_t *revoked"),
    ("int64_t ttl;", "int32_t ttl; char more[4];"),
    ("LK_EXPIRED = 3,", "LK_EXPIRED = 30,"),
    ("LK_API enum lk_status lk_check_id(", "enum lk_status lk_check_id(")])
def test_abi_of_another_library_is_noticed(place, old, new):
    assert old in HEADER
    assert differences(HEADER.replace(old, new), place.path)


def test_abi_may_gain(place):
    more = HEADER.replace("LK_API enum lk_status lk_check_id(",
                          "LK_API int lk_more(void);\n"
                          "LK_API enum lk_status lk_check_id(")
    assert differences(more, place.path) == ""
