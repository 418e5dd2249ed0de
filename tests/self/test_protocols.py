"""The pages under doc/ say what the code keeps, key by key."""

import json
import re

import pytest

from support.servers import Latchkey
from tree import files, read

LAYOUTS = "lib/store/redis/layout"
SCRIPTS = {path.stem: read(path) for path in files(f"{LAYOUTS}/lua/*.lua")}


def number(name, *paths):
    """The number that a constant of C has."""
    for path in paths:
        found = re.search(rf"#define {name} (\w+)", read(path))
        if found:
            return int(found[1], 0)
    raise AssertionError(name)


def table(page, first):
    """The cells of the table's rows whose first cell matches."""
    return [[cell.strip() for cell in line.strip("|").split("|")]
            for line in read(page).splitlines()
            if re.match(rf"\| {first}", line)]


@pytest.mark.parametrize("layout", ["latchkey", "gosession"])
def test_protocols_name_every_script_of_a_layout(layout):
    page = read(f"doc/layout-{layout}.md")
    told = set(re.findall(rf"`({layout}_\w+)`", page))
    assert told == {name for name in SCRIPTS if name.startswith(layout)}


def beside():
    """What the keys beside a user's sessions end in, in both layouts."""
    named = re.findall(r'#define LK_REDIS_(?:BESIDE|ENDED|HISTORY) "(.+)"',
                       read(f"{LAYOUTS}/beside.h"))
    assert len(named) == 3
    return {*named, "h:"}


def test_protocols_latchkey_names_every_key():
    named = dict(re.findall(r'#define LK_REDIS_LATCHKEY_(\w+) "([^"]+)"\n',
                            read(f"{LAYOUTS}/latchkey.h")))
    keys = read(f"{LAYOUTS}/latchkey_keys.c")
    space = named.pop("NAMESPACE")
    parts = {*named.values(), "}:k:", *(f"}}:{part}" for part in beside())}
    told = {re.sub("(HANDLE|CLIENT|SORT)$", "", row[0].strip("`"))
            for row in table("doc/layout-latchkey.md", "`latchkey:")}
    assert told == ({f"{space}TAG{part}" for part in parts}
                    | {space + re.search(r'"(}:fence)"', keys)[1]})


def test_protocols_latchkey_has_the_record_of_the_scripts():
    page = read("doc/layout-latchkey.md")
    assert "    1 ISSUED EXPIRES DIGEST CLIENT USER\n" in page
    assert "'1 %s %s %s %s %s', issued_us, digits(expires),\n\tdigest, " \
        in SCRIPTS["latchkey_issue"]
    digits = number("LK_RECORD_DIGITS_MAX", "lib/session/record.h")
    assert f"at most {digits}." in page
    assert number("LK_REDIS_EXPIRED_KNOWN_MS",
                  f"{LAYOUTS}/latchkey.h") == 3600000


def test_protocols_gosession_names_its_prefixes_and_lives():
    page, settings = read("doc/layout-gosession.md"), read("etc/latchkey.conf")
    for key in ("token_prefix", "user_prefix"):
        default = re.search(rf'\b{key} = "([^"]+)"', settings)[1]
        assert re.search(rf"`session\.{key}`, by default `{default}`", page)
    ttl = number("LK_REDIS_GOSESSION_INDEX_TTL", f"{LAYOUTS}/gosession.h")
    assert f"({ttl} s)" in page
    assert '"__fence"' in read(f"{LAYOUTS}/gosession_keys.c")
    assert "`TOKENPREFIX__fence`" in page


@pytest.mark.parametrize("layout", ["latchkey", "gosession"])
def test_protocols_say_how_many_end_at_once(layout):
    """What each script calls ONCE and STEP."""
    page = read(f"doc/layout-{layout}.md")
    for name in (f"{layout}_issue", f"{layout}_revoke_all"):
        names, values = re.search(
            r"local (\w+(?:, \w+)*, ONCE|ONCE)((?:, \w+)*) = (.*)",
            SCRIPTS[name]).group(1, 3)
        once = values.split(", ")[names.split(", ").index("ONCE")]
        assert f"{int(once):,}" in page, name


def test_protocols_sqlite_has_the_tables_and_their_marks():
    page, source = read("doc/sqlite.md"), read("lib/store/sqlite/open.c")
    schema = "".join(re.findall(
        r'"(.*)"', re.search(r"schema\[\] =\n(.*?);\n\n", source, re.S)[1]))
    tables = " ".join(line.strip() for line in page.splitlines()
                      if line.startswith("    "))
    beside = "".join(re.findall(
        r'"(.*)"', re.search(r"beside\[\] =\n(.*?);\n\n", source, re.S)[1]))
    made = schema[:schema.index("PRAGMA")] + beside
    assert re.sub(r"\s+", "", made) == re.sub(r"\s+", "", tables)
    for pragma in ("application_id", "user_version"):
        value = re.search(rf"{pragma} = (\d+)", schema)[1]
        assert re.search(rf"`PRAGMA {pragma}` \| {value}\b", page)
    assert f'| {number("RESERVE_SIZE", "lib/store/sqlite/file.c")} bytes' \
        in page
    for rows, path in (("PAGE_ROWS", "find.c"), ("WALK_SESSIONS", "move.c"),
                       ("PUT_ROWS", "move.c"), ("SWEEP_ROWS", "move.c"),
                       ("LK_SQL_STEP", "revoke.h")):
        assert str(number(rows, f"lib/store/sql/{path}")) in page, rows


def test_protocols_export_has_the_lines_that_the_code_writes():
    lines = [json.loads(line) for line in read("doc/export.md").splitlines()
             if line.startswith("    {")]
    header, session, user, end = lines
    face = read("lib/session/export_line.h")
    assert header["format"] == re.search(
        r'LK_EXPORT_FORMAT "(.+)"', face)[1]
    assert header["version"] == number(
        "LK_EXPORT_VERSION", "lib/session/export_line.h")
    written = set(re.findall(r'\\"(\w+)\\":',
                             read("lib/session/export_line.c")))
    assert set().union(*lines) | {"token"} == written
    assert number("LK_EXPORT_LINE_MAX", "lib/latchkey.h") == 73728
    assert [line["type"] for line in (session, user, end)] == [
        "session", "user", "end"]


def test_protocols_export_is_taken_as_it_stands(place):
    """The lines of the page, with an end that is still to come."""
    text = re.sub(r'("expires_ms":)\d+', r"\g<1>1900000000123", "".join(
        line.strip() + "\n" for line in read("doc/export.md").splitlines()
        if line.startswith("    {")))
    conf = place.write("conf", f"""
        store = {{ sqlite = {{ path = "{place.path}/store/db"; }}; }};""")
    answer = json.loads(
        Latchkey(place, conf).must("store", "import", "-", stdin=text))
    assert (answer["sessions"], answer["users"]) == (1, 1)


def test_protocols_agent_has_every_verb_and_field():
    page = read("doc/agent.md")
    source = read("agent/question/question.c")
    verbs = re.findall(r'\] = \{ "((?!none)[a-z-]+)", "(\w+)"', source)
    assert len(verbs) == 16
    told = [(row[0].strip("`").split()[1].removeprefix("/v1/"),
             row[0].strip("`").split()[0])
            for row in table("doc/agent.md", "`(?:GET|POST) /v1/")]
    assert told == verbs
    fields = re.findall(r'\] = \{ "([a-z_]+)"',
                        read("agent/question/fields.c"))
    assert fields == [row[0].strip("`") for row in table(
        "doc/agent.md", "`[a-z_]+` ")]
    answered = set(re.findall(r"\(wrong, ([0-9]{3}),", source)) | set(
        re.findall(r"return \(([0-9]{3})\)", read("agent/answer/answer.c")))
    assert all(re.search(rf"\b{http}\b", page) for http in answered)
