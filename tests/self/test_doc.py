"""The pages of doc/ name what there is, and are found from the README."""

import re

import pytest

from support.place import BUILD, ROOT
from support.servers import Latchkey
from tree import files, read, run

PAGES = [path for path in files("doc/*.md")]
# Written to be read by who has the job; the others are references.
JOBS = [path for path in PAGES if f"]({path})" in read("README.md")
        and path.stem != "agent"]
each = pytest.mark.parametrize("page", PAGES, ids=str)


def test_doc_has_a_page_for_each_job():
    assert {path.stem for path in JOBS} >= {
        "start", "ssh", "mail", "from-gosession", "from-php-sessions",
        "sentinel", "containers", "watching", "sizing", "backup", "trouble",
        "dependencies"}


@each
def test_doc_names_files_that_are_there(page):
    text = read(page)
    for name in re.findall(r"\]\(([^)#:]+)\)", text):
        assert (ROOT / "doc" / name).exists(), name
    for name in re.findall(r"`(etc/[\w./-]+)`", text):
        assert (ROOT / name).exists(), name
    shown = {str(path.relative_to("etc")) for path in files("etc/**/*")}
    for name in re.findall(r"`((?:lighttpd|nginx|apache|caddy|haproxy)/"
                           r"[\w.-]+)`", text):
        assert name in shown, name


@each
def test_doc_names_settings_that_there_are(page, shared_place):
    conf = shared_place.write("empty.conf", "")
    known, groups = set(), []
    for line in Latchkey(shared_place, conf).must("config").splitlines():
        match = re.match(r"\s*(?:(\w+) = (\{$)?|(\};))", line)
        if match and match[3]:
            groups.pop()
        elif match:
            known.add(".".join([*groups, match[1]]))
            groups += [match[1]] if match[2] else []
    heads = {name.split(".")[0] for name in known}
    assert len(known) > 40
    named = [name for name in re.findall(r"`([a-z_]+(?:\.[a-z_]+)+)[` =]",
                                         read(page))
             if name.split(".")[0] in heads and not name.endswith((
                 ".db", ".lines", ".conf", ".cookie_path"))]
    assert [name for name in named if name not in known] == []


@each
def test_doc_names_verbs_that_there_are(page):
    verbs = re.findall(r"^  ([a-z][a-z-]*)",
                       run(BUILD / "latchkey", "--help").stdout, re.M)
    named = re.findall(r"(?:^    |`|\| |\$\()latchkey (?:-c \S+ )?"
                       r"([a-z][a-z-]*)", read(page), re.M)
    assert [name for name in named if name not in verbs] == []


def test_doc_of_dependencies_has_each_library():
    makefile = read("Makefile")
    wanted = " ".join(re.findall(r"^\w+_PKGS\s*:= ([a-z0-9 -]+)$", makefile,
                                 re.M)).split()
    rows = re.findall(r"^\| [^|]+ \| `([\w-]+)` \| ([^|]+) \|",
                      read("doc/dependencies.md"), re.M)
    assert {name for name, _ in rows} - {"-lpam"} == set(wanted)


@pytest.mark.parametrize("page", JOBS, ids=str)
def test_doc_is_short_and_in_short_sentences(page):
    text = read(page)
    assert len(text.splitlines()) <= 110
    prose = re.sub(r"^(?:    .*|\|.*|#.*)$", "", text, flags=re.M)
    for sentence in re.split(r"[.:;?!]\s|\n\s*\n|\n- ", prose):
        assert len(sentence.split()) <= 30, sentence
