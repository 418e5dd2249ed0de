"""What `make install` leaves behind is usable, and can be removed."""

import os
import subprocess

import pytest

from support.place import BUILD, ROOT

PROGRAM = """
#include <stdio.h>
#include <latchkey.h>
int main(void)
{
	struct lk_token token;
	printf("%s %s\\n", lk_version(), lk_status_name(
	    lk_token_set(&token, "x\\ty", 3)));
	return (0);
}
"""


def run(*argv, **environment):
    result = subprocess.run(
        [str(word) for word in argv], cwd=ROOT, capture_output=True,
        text=True, check=False, env={**os.environ, **environment})
    assert result.returncode == 0, result.stdout + result.stderr
    return result.stdout


def installed(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*")
                  if not path.is_dir())


PREFIX = "/opt/latchkey"


@pytest.fixture
def root(place):
    """An installation below a folder, all of it."""
    root = place.path / "root"
    run(*make(root), "install", MAKEFLAGS="")
    yield root
    run(*make(root), "uninstall", MAKEFLAGS="")
    assert installed(root) == []


def make(root):
    return [os.environ.get("MAKE", "make"), "-s", "SAN=",
            f"B={os.path.relpath(BUILD, ROOT)}", f"PREFIX={PREFIX}",
            f"DESTDIR={root}"]


def test_uninstall_leaves_a_module_that_a_service_names(root):
    """Without it nobody could log in there."""
    service = root / "etc/pam.d/sshd"
    service.parent.mkdir(parents=True)
    before = installed(root)
    service.write_text("account required pam_latchkey.so\n")
    done = subprocess.run([*make(root), "uninstall"], cwd=ROOT, text=True,
                          capture_output=True, check=False,
                          env={**os.environ, "MAKEFLAGS": ""})
    assert done.returncode != 0
    assert "account required pam_latchkey.so" in done.stdout
    service.unlink()
    assert installed(root) == before


def pkg_config(root, *words):
    return run("pkg-config", *words, "latchkey",
               PKG_CONFIG_PATH=f"{root}{PREFIX}/lib/pkgconfig",
               PKG_CONFIG_SYSROOT_DIR=str(root)).strip()


def test_install_has_everything(root):
    names = installed(root)
    for name in ("bin/latchkey", "sbin/latchkey-fcgi", "include/latchkey.h",
                 "lib/security/pam_latchkey.so",
                 "lib/liblatchkey.a", "lib/liblatchkey.so",
                 "lib/liblatchkey.so.0", "lib/pkgconfig/latchkey.pc",
                 "share/man/man1/latchkey.1",
                 "share/man/man5/latchkey.conf.5",
                 "share/man/man8/latchkey-fcgi.8",
                 "share/doc/latchkey/examples/latchkey.conf",
                 "share/doc/latchkey/examples/lighttpd/latchkey.conf"):
        assert f"{PREFIX[1:]}/{name}" in names
    version = run(f"{root}{PREFIX}/bin/latchkey", "--version")
    assert pkg_config(root, "--modversion") in version


def test_install_lets_a_program_be_built(root, place):
    source = place.write("program.c", PROGRAM)
    program = place.path / "program"
    run("cc", "-o", program, source,
        *pkg_config(root, "--cflags", "--libs").split())
    printed = run(program, LD_LIBRARY_PATH=f"{root}{PREFIX}/lib")
    assert printed.split(" ", 1)[1] == "malformed\n"


def test_install_lets_a_program_take_the_archive(root, place):
    """Debian has an archive of every other library but cJSON."""
    source = place.write("program.c", PROGRAM)
    program = place.path / "program"
    libraries = pkg_config(root, "--static", "--libs").replace(
        "-llatchkey", "-Wl,-Bstatic -llatchkey -Wl,-Bdynamic").split()
    run("cc", "-o", program, source, *pkg_config(root, "--cflags").split(),
        *libraries)
    assert run(program).split(" ", 1)[1] == "malformed\n"


def test_install_names_the_places_it_installs_to(root):
    for path in (root / PREFIX[1:] / "share").rglob("*"):
        if path.is_file():
            assert "/usr/local/s" not in path.read_text(), path
    service = (root / PREFIX[1:] / "share/doc/latchkey/examples/systemd"
               / "latchkey-fcgi.service").read_text()
    assert f"ExecStart={PREFIX}/sbin/latchkey-fcgi " in service


# ---- What is missing -----------------------------------------------------


def make_in_vain(place, **variables):
    done = subprocess.run(
        [os.environ.get("MAKE", "make"), "-s", f"B={place.path}/b",
         *(f"{name}={value}" for name, value in variables.items())],
        cwd=ROOT, text=True, capture_output=True, check=False,
        env={**os.environ, "MAKEFLAGS": ""})
    assert done.returncode != 0
    assert "make deps-build" in done.stderr
    return done.stderr


def test_make_without_a_library_says_how_to_get_it(place):
    text = make_in_vain(place, PKG_CONFIG="false")
    for package in ("hiredis", "libconfig", "libsodium", "sqlite3", "fcgi"):
        assert f"missing: {package}\n" in text
    assert "missing: false" not in text
    assert "missing: pkg-nothing" in make_in_vain(place,
                                                  PKG_CONFIG="pkg-nothing")


def test_make_without_an_archive_names_it(place):
    compiler = place.write("cc", '''#!/bin/sh
        case "$*" in *-print-file-name=libsodium.a*) echo libsodium.a;;
        *) exec cc "$@";; esac''')
    compiler.chmod(0o755)
    text = make_in_vain(place, CC=compiler)
    assert "missing: libsodium.a" in text and text.count("missing:") == 1
