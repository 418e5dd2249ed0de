"""The AppArmor profiles are ones that its parser takes."""

import shutil

import pytest

from tree import files, read, run

PROFILES = [path for path in files("etc/apparmor.d/*")]


def test_apparmor_has_a_profile_for_each_service():
    assert [path.name for path in PROFILES] == [
        path.stem for path in files("etc/systemd/*.service")]


@pytest.mark.parametrize("profile", PROFILES, ids=lambda path: path.name)
def test_apparmor_parser_takes_the_profile(profile):
    if shutil.which("apparmor_parser") is None:
        pytest.skip("no apparmor_parser")
    result = run("apparmor_parser", "--skip-kernel-load", "--skip-cache",
                 "--base", "/etc/apparmor.d", "--Include", "etc/apparmor.d",
                 profile)
    # A kernel without AppArmor is said, and is no fault of the profile.
    said = [line for line in result.stderr.splitlines()
            if not line.startswith("Cache read/write disabled")]
    assert (result.returncode, said) == (0, [])
    # Everything that it starts is said by name, and that is nothing.
    for path in (profile, "etc/apparmor.d/abstractions/latchkey"):
        assert not [line for line in read(path).splitlines()
                    if line.rstrip(",").split()[-1:] and line.endswith("x,")]
