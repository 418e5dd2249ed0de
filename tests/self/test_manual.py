"""The manual says what the programs do, and all of it."""

import os
import re
import subprocess

import pytest

from support.place import BUILD
from support.servers import Latchkey, find_program
from tree import code, files, read, run

PAGES = files("man/*.[1-8]")
COMMAND, GATE = "man/latchkey.1", "man/latchkey-fcgi.8"
AGENT = "man/latchkeyd.8"
SETTINGS = "man/latchkey.conf.5"

# What the program says of every setting: its key, and what it takes.
TABLE = """
#include <stdio.h>
#include "settings/table.h"
int main(void)
{
	char want[LK_SETTING_TEXT_MAX];
	const struct lk_setting *s;

	for (s = lk_settings_table; s->key != NULL; s++) {
		lk_setting_want(s, want);
		printf("%s\\t%s\\n", s->key, want);
	}
	return (0);
}
"""
PACKAGES = ("hiredis", "libconfig", "libcjson", "libsodium")


def plain(text):
    """Text of a page as a reader sees it, one line as it is."""
    for escape, character in (("\\-", "-"), ("\\(dq", '"'), ("\\e", "\\"),
                              ("\\&", "")):
        text = text.replace(escape, character)
    text = re.sub(r"\\f[BIRP]", "", text)
    assert "\\" not in text.replace("\\\\", ""), text
    return text


def rendered(page):
    """All of a page as it is shown, with single spaces."""
    shown = run("mandoc", "-T", "utf8", "-O", "width=1000", page)
    assert shown.returncode == 0, shown.stderr
    return " ".join(re.sub(".\b", "", shown.stdout).split())


def examples(page):
    return [block.replace("\\e", "\\").replace("\\-", "-").replace("\\&", "")
            for block in re.findall(r"^\.EX\n(.*?)^\.EE$", read(page),
                                    re.M | re.S)]


# ---- The pages themselves ------------------------------------------------


def test_manual_has_the_pages():
    assert {COMMAND, GATE, SETTINGS} <= {str(page) for page in PAGES}


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_manual_linters_find_nothing(page):
    result = run("mandoc", "-T", "lint", "-W", "style", page)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")
    result = run("groff", "-man", "-Tutf8", "-ww", "-z", page)
    assert (result.returncode, result.stdout, result.stderr) == (0, "", "")


@pytest.mark.parametrize("page", PAGES, ids=str)
def test_manual_pages_have_a_head_that_takes_the_version(page):
    name, section = page.stem, page.suffix[1:]
    head = plain(read(page).splitlines()[0])
    assert re.fullmatch(rf'\.TH {re.escape(name.upper())} {section} '
                        r'\d{4}-\d\d-\d\d "latchkey" "[\w ]+"', head)


# ---- Settings ------------------------------------------------------------


def parse(text):
    """The settings of a file by dotted key, each as it is written."""
    text = re.sub(r'("[^"\n]*")|#[^\n]*', lambda m: m[1] or "", text)
    found, groups = {}, []
    token = re.compile(r"\s*(?:([a-z_]+)\s*=\s*(\{)?|(\}\s*;))")
    at = 0
    while text[at:].strip():
        match = token.match(text, at)
        assert match, text[at:at + 80]
        at = match.end()
        if match[3]:
            groups.pop()
        elif match[2]:
            groups.append(match[1])
        else:
            value = re.compile(r"\s*(\(.*?\)(?=;)|[^;]*);", re.S)
            match, name = value.match(text, at), match[1]
            at = match.end()
            key = ".".join([*groups, name])
            assert key not in found
            found[key] = " ".join(match[1].split())
    assert not groups
    return found


@pytest.fixture(scope="module")
def table(shared_place):
    """What the program takes for each key, by dotted key, in its order."""
    source = shared_place.write("table.c", TABLE)
    program = shared_place.path / "table"
    flags = [flag for option in ("--cflags", "--libs")
             for flag in run("pkg-config", option, *PACKAGES).stdout.split()]
    built = run("cc", "-std=c11", "-D_GNU_SOURCE", "-Ilib", "-o", program,
                source, BUILD / "liblatchkey.a", *flags)
    assert built.returncode == 0, built.stderr
    return dict(line.split("\t")
                for line in run(program).stdout.splitlines())


@pytest.fixture(scope="module")
def defaults(shared_place):
    conf = shared_place.write("empty.conf", "")
    return parse(Latchkey(shared_place, conf).must("config"))


def entries():
    """The page's entries for settings: their keys, with what is said first.
    """
    found = re.findall(r"^\.TP\n\.B ([a-z_]+(?:\.[a-z_]+)+)\n(.*?)\n\.",
                       read(SETTINGS), re.M | re.S)
    return [(key, plain(" ".join(said.split()))) for key, said in found]


def test_manual_settings_are_those_of_the_table(table):
    assert [key for key, _ in entries()] == list(table)


def test_manual_settings_have_the_programs_ranges_and_defaults(
        table, defaults):
    assert list(defaults) == list(table)
    assert dict(entries()) == {
        key: f"{want}, by default {defaults[key]}"
        for key, want in table.items()}


def test_manual_example_file_has_every_setting_at_its_default(defaults):
    assert parse(read("etc/latchkey.conf")) == defaults


def test_manual_settings_say_what_takes_a_restart():
    names = read("fcgi-auth/process/generation.c").split("fixed_names")[1]
    fixed = re.findall(r'"([\w.]+)"', names.split("}")[0])
    gate = [f"gate.{name}" for name in fixed]
    # Nobody need be in a group to ask the agent, and it has one socket.
    agent = [f"agent.{name}" for name in fixed
             if name not in ("socket_group", "http.listen")]
    takes = gate + agent
    assert fixed
    text = read(SETTINGS).split("\n.SH SETTINGS\n")[1]
    found = [entry.split("\n")[0] for entry in text.split("\n.TP\n.B ")
             if "\nTakes a restart.\n" in f"{entry}\n"]
    assert sorted(found) == sorted(takes)
    for page, keys in ((SETTINGS, takes), (GATE, gate), (AGENT, agent)):
        assert all(key in rendered(page) for key in keys), page


def test_manual_rules_have_every_member():
    members = re.findall(r"\{ IN\((?!lk_kinds|lk_caller|lk_told)\w+, (\w+)\)",
                         read("lib/settings/table.c"))
    assert len(members) == 10
    rules = read(SETTINGS).split("\n.SH RULES\n")[1].split("\n.SH ")[0]
    for member in members:
        assert re.search(rf"^\.BR? {member}\b", rules, re.M), member


def test_manual_callers_have_every_member():
    members = re.findall(r"\{ IN\(lk_caller, (\w+)\)",
                         read("lib/settings/table.c"))
    assert len(members) == 8
    rows = read(SETTINGS).split("\n.B agent.callers\n")[1].split("\n.B agent.")
    for member in members:
        assert re.search(rf"^\.BR? .*\b{member}\b", rows[0], re.M), member


# ---- Programs ------------------------------------------------------------


def entry_heads(page):
    """The first lines of the entries of a page."""
    return [plain(re.sub(r"^\.B[IR]* ", "", line)).replace('"', "")
            for line in re.findall(r"^\.T[PQ]\n(.*)$", read(page), re.M)]


def test_manual_command_has_every_verb():
    """One by one, those of several actions action by action."""
    help_text = run(BUILD / "latchkey", "--help").stdout
    verbs = set()
    for verb, arguments in re.findall(r"^  ([a-z][a-z-]*)(?: (.*))?$",
                                      help_text, re.M):
        actions = re.findall(r"(?:^|\|)([a-z]+)", arguments)
        verbs |= {f"{verb} {action}".strip() for action in actions or [""]}
    assert len(verbs) > 12
    # An entry within another one, indented, is no verb.
    section = read(COMMAND).split("\n.SH VERBS\n")[1].split("\n.SH ")[0]
    section = re.sub(r"^\.RS$.*?^\.RE$", "", section, flags=re.M | re.S)
    heads = [re.match(r"(?:\.B )?([a-z-]+(?: [a-z]+)?)", plain(line))[1]
             for line in re.findall(r"^\.T[PQ]\n(.*)$", section, re.M)]
    assert set(heads) == verbs


def test_manual_command_has_every_option():
    known = {option for path in files("ctl/*.c")
             for option in re.findall(r'"(--[a-z][a-z-]+)', code(path))}
    known |= set(re.findall(r"--[a-z][a-z-]+",
                            run(BUILD / "latchkey", "--help").stdout))
    assert len(known) > 8
    options = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+",
                             plain_source(COMMAND)))
    assert options == known
    for option in ("-c", "-h", "-V"):
        assert any(head.split()[0] == option
                   for head in entry_heads(COMMAND)), option


def plain_source(page):
    return read(page).replace("\\-", "-")


@pytest.mark.parametrize("page", [GATE, AGENT])
def test_manual_daemon_has_every_option(page):
    known = re.findall(r'\{ "([a-z]+)", \w+_argument,\s*NULL, \'(.)\' \}',
                       read("fcgi-auth/process/command.c"))
    assert len(known) == 3
    heads = [head.split()[0] for head in entry_heads(page)
             if head.startswith("-")]
    assert sorted(heads) == sorted(
        [f"--{name}" for name, _ in known] + [f"-{c}" for _, c in known])


def test_manual_gate_has_an_entry_for_every_endpoint():
    known = names_in("fcgi-auth/endpoints/endpoint.c",
                     r'\] = "((?!none)[a-z-]+)"')
    section = read(GATE).split("\n.SH ENDPOINTS\n")[1].split("\n.SS ")[0]
    entries = re.findall(r"^\.TP\n\.BR (\S+) ", section, re.M)
    assert sorted(plain(name) for name in entries) == sorted(known)


def names_in(path, pattern):
    found = set(re.findall(pattern, code(path)))
    assert found, pattern
    return found


@pytest.mark.parametrize("path, pattern", [
    ("fcgi-auth/endpoints/tally.c", r'"(latchkey_[a-z_]+)["{]'),
    ("fcgi-auth/process/events.c", r'"(latchkey_[a-z_]+)["{]'),
    ("fcgi-auth/verdict/verdict_reply.c",
     r'"(?:Variable-)?([A-Za-z]+[-_][A-Za-z_]+)",'),
    ("fcgi-auth/endpoints/tally.c", r'LK_LOG_\w+,\s*"([a-z ]+)"'),
    ("fcgi-auth/process/process.c", r'LK_LOG_\w+,\s*"([a-z, ]+)"'),
    ("fcgi-auth/process/events.c", r'LK_LOG_\w+,\s*"([a-z ]+)"'),
    ("fcgi-auth/main.c", r'LK_LOG_\w+,\s*"([a-z ]+)"'),
    ("fcgi-auth/process/environment.c", r'"((?:LISTEN|NOTIFY)_[A-Z_]+)"'),
    ("fcgi-auth/main.c", r'"((?:LATCHKEY|GATEWAY)_[A-Z_]+)"'),
    ("fcgi-auth/verdict/request.c", r'first_of\(request, "(?:HTTP_)?(\w+)"\)'),
    ("fcgi-auth/verdict/reply.c", r"Status: ([0-9]{3}) "),
])
def test_manual_gate_has_every(path, pattern):
    text = rendered(GATE)
    folded = text.upper().replace("-", "_")
    assert [name for name in names_in(path, pattern)
            if name not in text and name not in folded] == []


@pytest.mark.parametrize("path, pattern", [
    ("agent/question/question.c", r'\] = \{ "((?!none)[a-z-]+)"'),
    ("agent/question/fields.c", r'\] = \{ "([a-z_]+)"'),
    ("agent/question/question.c", r'\(wrong, ([0-9]{3}),'),
    ("agent/answer/answer.c", r'(?:return \(|answer, )([0-9]{3})\b'),
    ("lib/session/caller.c", r'\{ "([a-z]+)", LK_MAY'),
    ("agent/answer/tally.c", r'"(latchkey_[a-z_]+)["{ ]'),
    ("agent/answer/tally.c", r'LK_LOG_\w+,\s*"([a-z ]+)"'),
    ("agent/answer/session.c", r'\.message = "([a-z ]+)"'),
    ("agent/answer/end.c", r'\.message = "([a-z ]+)"'),
    ("agent/answer/access.c", r'\.message = "([a-z ]+)"'),
    ("agent/main.c", r'LK_LOG_\w+,\s*"([a-z ]+)"'),
    ("agent/house/http.c", r'_number\(response, "([A-Z][A-Za-z-]+)"'),
    ("fcgi-auth/process/environment.c", r'"((?:LISTEN|NOTIFY)_[A-Z_]+)"'),
])
def test_manual_agent_has_every(path, pattern):
    text = rendered(AGENT)
    assert [name for name in names_in(path, pattern)
            if name not in text] == []


# ---- Examples ------------------------------------------------------------


def commands(page):
    """What is typed in the examples of a page, and what should be shown."""
    found = []
    for block in examples(page):
        if not block.startswith("$ "):
            continue
        for line in block.splitlines():
            if line.startswith("$ "):
                found.append((line[2:], []))
            else:
                found[-1][1].append(line)
    return found


def expected(lines):
    """A pattern for output in which ... stands for anything."""
    pattern = ""
    for line in lines:
        if line.strip() == "...":
            pattern += "(?:.*\n)*"
        else:
            pattern += re.escape(line).replace(r"\.\.\.", ".*") + "\n"
    return pattern


def type_in(place, lines):
    """Give a shell these commands; what each of them showed."""
    programs = place.path / "bin"
    for name in ("latchkey", "old", "new"):
        place.write(f"{name}.conf", f'store = {{ sqlite = {{ path = '
                    f'"{place.path}/{name}/sessions.db"; }}; }};')
    place.write("bin/latchkey", f'#!/bin/sh\nexec {BUILD}/latchkey '
                f'-c {place.path}/latchkey.conf "$@"\n', 0o755)
    os.symlink(BUILD / "latchkey-fcgi", programs / "latchkey-fcgi")
    script = "".join(f"printf '\\036'\n{line}\n" for line in lines)
    done = subprocess.run(
        ["sh", "-c", script.replace("/etc/latchkey", str(place.path))],
        cwd=place.path, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT, text=True, check=False, timeout=60,
        env={**place.environment(),
             "PATH": f"{programs}:{place.environment()['PATH']}"})
    return done.stdout.replace("\r\n", "\n").split("\036")[1:]


@pytest.mark.parametrize("page", [COMMAND, GATE, SETTINGS])
def test_manual_commands_show_what_the_page_says(place, page):
    typed = commands(page)
    assert typed
    shown = type_in(place, [line for line, _ in typed])
    assert len(shown) == len(typed)
    for (line, lines), text in zip(typed, shown):
        assert re.fullmatch(expected(lines), text), (line, text)


def test_manual_settings_examples_are_accepted(place):
    tried = 0
    for name in ("redis.password", "sentinel.password"):
        place.write(name, "secret\n")
    for block in examples(SETTINGS):
        if block.startswith("$ "):
            continue
        if block.startswith("{"):
            users = place.write("users.json", block)
            continue
        conf = place.write("latchkey.conf", block.replace(
            "/etc/latchkey", str(place.path)))
        result = Latchkey(place, conf).run("config")
        assert result.returncode == 0, (block, result.stderr)
        tried += 1
    assert tried > 3
    conf = place.write("latchkey.conf", f'store = {{ sqlite = {{ path = '
                       f'"{place.path}/s/sessions.db"; }}; }}; user = {{ '
                       f'source = "file"; path = "{users}"; }};')
    assert '["admin","staff"]' in Latchkey(place, conf).must(
        "user", "load", "alice")


def test_manual_lighttpd_example_is_accepted(place):
    blocks = [block for block in examples(GATE)
              if block.startswith("server.modules")]
    assert len(blocks) == 1
    conf = place.write(
        "lighttpd.conf", f'server.modules = ()\nserver.document-root = '
        f'"{place.path}"\nserver.port = 8080\n{blocks[0]}')
    result = run(find_program("lighttpd"), "-tt", "-f", conf)
    assert result.returncode == 0, result.stderr


# ---- The PAM module ------------------------------------------------------

MODULE = "man/pam_latchkey.8"


def test_manual_of_the_module_has_an_entry_for_each_option():
    section = read(MODULE).split(".SH OPTIONS\n")[1].split(".SH ")[0]
    entries = re.findall(r"^\.TP\n\.BI? (\w+)", section, re.M)
    table = code("pam/options.c").split("} table[] = {")[1].split("};")[0]
    assert sorted(entries) == sorted(re.findall(r'\{ "(\w+)"', table))


def test_manual_of_the_module_shows_the_stacks_that_are_tested():
    def lines(text):
        return [" ".join(re.sub(r"\[prompt=[^]]*\]", "", line).split())
                for line in text.splitlines()
                if line.startswith(("auth", "account"))]

    shown = [lines(block) for block in examples(MODULE)]
    assert shown == [lines(read(f"etc/pam.d/{name}")) for name in (
        "service-or-password", "dovecot", "service-outage")]
    assert [[line for line in block if line.startswith("auth")]
            for block in shown] == [
                lines(read(f"etc/pam.d/latchkey-{name}"))
                for name in ("or-password", "only", "outage")]


# ---- The library ---------------------------------------------------------

LIBRARY = BUILD / "man3"


def test_manual_of_the_library_has_every_function_as_the_header_has_it():
    declared = re.findall(r"LK_API ([^;]*?\b(lk_\w+)\([^;]*?\))"
                          r"(?: LK_MUST_CHECK)?;",
                          re.sub(r"/\*.*?\*/", "", read("lib/latchkey.h"),
                                 flags=re.S))
    assert len(declared) > 50
    for prototype, name in declared:
        source = re.fullmatch(r"\.so man3/(.*)\n",
                              (LIBRARY / f"{name}.3").read_text())
        page = LIBRARY / source[1]
        assert f"\n.SS {name}()\n" in page.read_text()
        assert f"{' '.join(prototype.split())};" in rendered(page)
        assert f" {name}() " in rendered(page)
    assert {path.stem for path in LIBRARY.glob("lk_*.3")} == {
        name for _, name in declared}


@pytest.mark.parametrize("kind", ["mandoc", "groff"])
def test_manual_linters_find_nothing_in_the_librarys(kind):
    pages = sorted(LIBRARY.glob("latchkey-*.3"))
    assert len(pages) > 10
    for page in pages:
        result = run(*(["mandoc", "-T", "lint", "-W", "style"]
                       if kind == "mandoc" else
                       ["groff", "-man", "-Tutf8", "-ww", "-z"]), page)
        assert (result.returncode, result.stdout, result.stderr) == (
            0, "", "")
        assert "${" not in page.read_text()
