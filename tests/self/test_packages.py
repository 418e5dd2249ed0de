"""What Debian's packages are made of fits the tree, and so does the tarball."""

import os
import re
import shutil
import subprocess
from fnmatch import fnmatch

import pytest

from support.place import BUILD, ROOT
from tree import files, read

MAKEFILE = read("Makefile")
VERSION = re.search(r"^VERSION\s*:= (\S+)$", MAKEFILE, re.M)[1]
SONAME = re.search(r"^SONAME\s*:= (\S+)$", MAKEFILE, re.M)[1]
LIBRARY = SONAME.replace(".so.", "")


def stanzas():
    """The stanzas of debian/control, the source's first."""
    return [dict(re.findall(r"^([A-Za-z-]+):((?:.*\n)(?: .*\n)*)",
                            f"{part}\n", re.M))
            for part in read("debian/control").split("\n\n")]


def test_packages_are_of_this_version_and_soname():
    assert read("debian/changelog").startswith(f"latchkey ({VERSION}) ")
    names = [stanza["Package"].strip() for stanza in stanzas()[1:]]
    assert LIBRARY in names
    assert {path.name.split(".")[0] for path in files("debian/*.install")} == (
        set(names))


def test_packages_symbols_are_those_of_the_header():
    declared = set(re.findall(r"LK_API[^;(]*?\b(lk_\w+)\(",
                              read("lib/latchkey.h")))
    head, *lines = read(f"debian/{LIBRARY}.symbols").splitlines()
    assert head == f"{SONAME} {LIBRARY} #MINVER#"
    found = [re.fullmatch(r" (\w+)@(LATCHKEY_\d+) (\S+)", line)
             for line in lines]
    assert all(found)
    versions = set(re.findall(r"^(LATCHKEY_\d+)", read("lib/latchkey.map"),
                              re.M))
    assert {match[1] for match in found} == declared | versions
    assert {match[2] for match in found} == versions


def test_packages_are_built_with_all_that_building_takes():
    wanted = re.search(r"^BUILD_DEBS := ((?:.*\\\n)*.*)", MAKEFILE, re.M)[1]
    named = re.findall(r"[a-z0-9][a-z0-9.+-]*", stanzas()[0]["Build-Depends"])
    # Of build-essential, and the new name of pkg-config.
    known = {"gcc", "libc6-dev", "binutils", "pkg-config"}
    assert set(wanted.replace("\\", "").split()) - known <= set(named)
    assert "pkgconf" in named


def test_packages_bring_what_their_programs_load():
    """Of which dpkg-shlibdeps knows nothing."""
    oldest = re.search(r"^#define OLDEST (\d)0(\d\d)000$",
                       read("lib/store/sqlite/library.c"), re.M)
    for stanza in stanzas()[1:]:
        name = stanza["Package"].strip()
        wanted = name == LIBRARY or re.search(
            r"s?bin/latchkey", read(f"debian/{name}.install"))
        assert bool(wanted) == (
            f"libsqlite3-0 (>= {oldest[1]}.{oldest[2]})"
            in stanza.get("Depends", "")), name


def test_packages_have_each_file_that_is_installed_once(place):
    """A program that nobody thought of is noticed here."""
    root = place.path / "root"
    # This build looks for modules there, and one with another folder would be
    # another.
    compiled = (BUILD / "module_dir").read_text().strip()
    rules = read("debian/rules")
    places = re.search(r"^PLACES := ((?:.*\\\n)*.*)", rules, re.M)[1]
    words = places.replace("\\\n", " ").replace(
        "$(DEB_HOST_MULTIARCH)", "m").split()
    done = subprocess.run(
        [os.environ.get("MAKE", "make"), "-s", "SAN=",
         f"B={os.path.relpath(BUILD, ROOT)}", f"DESTDIR={root}",
         f"MODULEDIR={compiled}", "install",
         *(word for word in words if "$" not in word)], cwd=ROOT, text=True,
        capture_output=True, check=False,
        env={**os.environ, "MAKEFLAGS": ""})
    assert done.returncode == 0, done.stderr
    # Without debian/tmp/ the tree's own etc/ would be taken.
    patterns = [line.split()[0].removeprefix("debian/tmp/")
                for path in files("debian/*.install", "debian/not-installed")
                for line in read(path).splitlines()
                if not re.match(r"debian/(?!tmp/)", line)]
    assert not [path for path in patterns if (ROOT / path).exists()
                and not any(f"debian/tmp/{path}\n" in read(file)
                            for file in files("debian/*.install"))]
    names = [str(path.relative_to(root)).replace(
                 f"{compiled[1:]}/", "usr/lib/m/latchkey/")
             for path in root.rglob("*") if not path.is_dir()]
    owners = {name: [pattern for pattern in patterns
                     if fnmatch(name, pattern)] for name in names}
    assert [name for name, found in owners.items() if len(found) != 1] == []
    assert [pattern for pattern in patterns
            if not any(fnmatch(name, pattern) for name in names)] == []


def tarball(tree, mask):
    build = tree / "build"
    done = subprocess.run(
        ["sh", "-c", f"umask {mask} && exec make -s B={build} dist"], cwd=tree,
        capture_output=True, text=True, check=False,
        env={**os.environ, "MAKEFLAGS": "", "SOURCE_DATE_EPOCH": "1000000000"})
    assert done.returncode == 0, done.stderr
    path = build / f"dist/latchkey-{VERSION}.tar.gz"
    assert done.stdout == f"{path}\n"
    return path


def test_packages_tarball_of_one_tree_is_the_same_bit_for_bit(place):
    first = tarball(copy(place.path / "a", 0o022), "022")
    other = tarball(copy(place.path / "elsewhere/b", 0o077), "077")
    assert first.read_bytes() == other.read_bytes()
    # And it has what it takes to make it again.
    subprocess.run(["tar", "-xzf", first, "-C", place.path], check=True)
    again = tarball(place.path / f"latchkey-{VERSION}", "027")
    assert first.read_bytes() == again.read_bytes()


def copy(tree, mask):
    """A copy without its history, of other times and modes."""
    shutil.copytree(ROOT, tree, copy_function=shutil.copy,
                    ignore=shutil.ignore_patterns(
                        ".git", "build", "__pycache__", "storm-*",
                        ".pytest_cache"))
    for path in tree.rglob("*"):
        path.chmod(path.stat().st_mode & ~mask)
    return tree


@pytest.mark.skipif(shutil.which("dpkg-parsechangelog") is None,
                    reason="no dpkg-dev")
def test_packages_changelog_is_one_that_dpkg_reads():
    done = subprocess.run(["dpkg-parsechangelog", "-SVersion"], cwd=ROOT,
                          text=True, capture_output=True, check=False)
    assert (done.stdout.strip(), done.stderr) == (VERSION, "")
