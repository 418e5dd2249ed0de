"""What `make install` leaves behind is usable, and can be removed."""

import os
import re
import subprocess
from pathlib import Path

import pytest

from support.place import BUILD, ROOT

SONAME = re.search(r"^SONAME\s*:= (\S+)",
                   (ROOT / "Makefile").read_text(), re.M)[1]

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
# Where this build looks for them: with another folder it would be another.
MODULES = (BUILD / "module_dir").read_text().strip()
PLACES = {
    f"{PREFIX}/bin": ["latchkey"],
    f"{PREFIX}/sbin": ["latchkey-fcgi", "latchkeyd"],
    f"{PREFIX}/include": ["latchkey.h"],
    f"{PREFIX}/lib": ["liblatchkey.a", "liblatchkey.so", SONAME,
                      "pkgconfig/latchkey.pc"],
    f"{PREFIX}/share/man": ["man1/latchkey.1", "man5/latchkey.conf.5",
                            "man8/latchkey-fcgi.8", "man8/latchkeyd.8",
                            "man8/pam_latchkey.8"],
    f"{PREFIX}/share/doc/latchkey": [
        "README.md", "CHANGES", "agent.md", "sqlite.md",
        "examples/latchkey.conf",
        "examples/lighttpd/latchkey.conf"],
    f"{PREFIX}/share/bash-completion/completions": ["latchkey"],
    f"{PREFIX}/share/zsh/site-functions": ["_latchkey"],
    # A prefix of one's own is none that systemd reads.
    "/etc/systemd/system": ["latchkey-fcgi-http.socket",
                            "latchkey-fcgi.service", "latchkey-fcgi.socket",
                            "latchkeyd.service", "latchkeyd.socket"],
    "/etc/sysusers.d": ["latchkey.conf"],
    "/etc/tmpfiles.d": ["latchkey.conf"],
    "/etc/apparmor.d": ["latchkey-fcgi", "abstractions/latchkey"],
    "/etc/latchkey": ["latchkey.conf"],
}


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
            f"B={os.path.relpath(BUILD, ROOT)}", f"MODULEDIR={MODULES}",
            f"PREFIX={PREFIX}", f"DESTDIR={root}"]


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
    for folder, files in PLACES.items():
        for name in files:
            assert f"{folder[1:]}/{name}" in names
    version = run(f"{root}{PREFIX}/bin/latchkey", "--version")
    assert pkg_config(root, "--modversion") in version
    page = (root / PREFIX[1:] / "share/man/man1/latchkey.1").read_text()
    assert f'"{version.strip()}"' in page.splitlines()[0]


def test_install_has_one_file_of_the_library_called_by_its_soname(root):
    """So ldconfig has no other version's to choose from after going back."""
    library = root / PREFIX[1:] / "lib" / SONAME
    assert not library.is_symlink()
    said = run("objdump", "-p", library)
    assert re.search(r"SONAME +(\S+)", said)[1] == SONAME
    assert os.readlink(library.with_name("liblatchkey.so")) == SONAME


def test_install_puts_the_module_where_libpam_looks(root):
    """Beside those of the system, wherever that has them."""
    modules = [name for name in installed(root)
               if name.endswith("/pam_latchkey.so")]
    assert len(modules) == 1
    assert (Path("/") / modules[0]).with_name("pam_unix.so").exists()


def test_install_leaves_settings_of_the_operators_alone(root):
    conf = root / "etc/latchkey/latchkey.conf"
    shipped = conf.read_text()
    conf.write_text("log = { level = \"debug\"; };\n")
    run(*make(root), "install", MAKEFLAGS="")
    run(*make(root), "uninstall", MAKEFLAGS="")
    assert installed(root) == ["etc/latchkey/latchkey.conf"]
    assert "debug" in conf.read_text()
    conf.write_text(shipped)


def test_install_has_settings_where_it_was_told_to_look(place):
    """SYSCONFDIR counts for what is compiled, too."""
    build = place.path / "b"
    made = build / "obj/pam/options.o"
    run("make", "-s", f"B={build}", "SYSCONFDIR=/opt/etc", made, MAKEFLAGS="")
    assert b"/opt/etc/latchkey/latchkey.conf\0" in made.read_bytes()
    run("make", "-s", f"B={build}", "SYSCONFDIR=/srv/etc", made, MAKEFLAGS="")
    assert b"/srv/etc/latchkey/latchkey.conf\0" in made.read_bytes()


def test_install_has_modules_where_it_was_told_to_look(place):
    """They are looked for below the prefix, or where MODULEDIR says."""
    build = place.path / "b"
    made = build / "obj/lib/store/module_dir.o"
    for words, folder in ((["PREFIX=/opt/a"], b"/opt/a/lib/latchkey"),
                          (["PREFIX=/usr", "LIBDIR=/usr/lib/m"],
                           b"/usr/lib/m/latchkey"),
                          (["MODULEDIR=/srv/m"], b"/srv/m")):
        run("make", "-s", f"B={build}", *words, made, MAKEFLAGS="")
        assert folder + b"\0" in made.read_bytes()


LIVE = """
set -e
mount -t tmpfs none "$1"
cd "$1"
mkdir upper work root
mount -t overlay -o lowerdir=/,upperdir=upper,workdir=work none root || exit 77
for folder in "$2" /proc /dev; do
    mkdir -p "root$folder"
    mount --rbind "$folder" "root$folder"
done
# (What was there before and is gone is a device there.)
ours() { find upper -name '*latchkey*' ! -type c | sort; }
ours > before
inside() { chroot root env -C "$@"; }
inside / sh -c '! getent passwd latchkey || userdel latchkey'
inside "$2" $3 PREFIX=/usr install
inside / latchkey doctor
inside / sh -c 'latchkey check "$(latchkey issue alice)"' | grep -q alice
inside / stat -c '%U %G %a' /var/lib/latchkey
inside "$2" $3 PREFIX=/usr uninstall
inside / getent passwd latchkey
inside / rm -r /var/lib/latchkey
inside "$2" $3 PREFIX=/usr install
inside "$2" $3 PREFIX=/usr uninstall
inside / sh -c '! getent passwd latchkey'
echo 'What is left:'
ours | comm -13 before -
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root")
def test_install_on_this_machine_makes_the_user_and_works(place):
    """On a copy of it that is thrown away, from install to uninstall."""
    folder = place.path / "live"
    folder.mkdir()
    words = " ".join([*make("")[:-1], "--no-print-directory"])
    done = subprocess.run(
        ["unshare", "--mount", "sh", "-c", LIVE, "live", folder, ROOT, words],
        text=True, capture_output=True, check=False, timeout=120,
        env={**place.environment(), "MAKEFLAGS": ""})
    if done.returncode == 77:
        pytest.skip(done.stderr)
    assert done.returncode == 0, done.stdout + done.stderr
    said, left = done.stdout.split("What is left:\n")
    assert "\nroot latchkey 2770\n" in said
    assert ("\nLeft: the sessions in /var/lib/latchkey and their user and "
            "group, latchkey\n") in said
    assert left == ""


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
    for daemon in ("latchkey-fcgi", "latchkeyd"):
        service = (root / f"etc/systemd/system/{daemon}.service").read_text()
        assert f"ExecStart={PREFIX}/sbin/{daemon} " in service


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
    for package in ("hiredis", "libconfig", "libsodium", "sqlite3", "fcgi",
                    "libmicrohttpd"):
        assert f"missing: {package}\n" in text
    assert "missing: false" not in text
    assert "missing: pkg-nothing" in make_in_vain(place,
                                                  PKG_CONFIG="pkg-nothing")


def test_make_without_the_library_of_a_module_leaves_that_out(place):
    command = place.write("pkg-config", """#!/bin/sh
        case "$*" in *libmariadb*) exit 1;; *) exec pkg-config "$@";; esac""")
    command.chmod(0o755)
    for words, without in (([], False), ([f"PKG_CONFIG={command}"], True)):
        told = run("make", "-n", f"B={place.path}/b", *words, "install",
                   MAKEFLAGS="")
        assert ("left out: the store in MariaDB" in told) == without
        assert ("store_mariadb.so" not in told) == without


def test_make_without_an_archive_names_it(place):
    compiler = place.write("cc", '''#!/bin/sh
        case "$*" in *-print-file-name=libsodium.a*) echo libsodium.a;;
        *) exec cc "$@";; esac''')
    compiler.chmod(0o755)
    text = make_in_vain(place, CC=compiler)
    assert "missing: libsodium.a" in text and text.count("missing:") == 1
