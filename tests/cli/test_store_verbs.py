"""`latchkey store`: counting, clearing, and moving sessions between stores."""

import base64
import hashlib
import json
import os
import pty
import subprocess
import time

import pytest

from support.place import BUILD
from support.servers import PATIENT, Latchkey, RedisServer

DONE, REFUSED, USAGE, STORE = 0, 1, 2, 3
STORES = ("sqlite", "latchkey", "gosession")
# How many are moved at once; by hand it was a million.
MANY = {"sqlite": 100_000, "latchkey": 30_000, "gosession": 30_000}


@pytest.fixture
def stores(redis, place):
    """The command with each kind of store, every one of them empty."""
    redis.command("FLUSHALL")

    def cli(name, text):
        return Latchkey(place, place.write(f"{name}.conf", text))

    (place.path / "db").mkdir(mode=0o700)
    found = {"sqlite": cli("sqlite", f'''
        store = {{ backend = "sqlite";
                   sqlite = {{ path = "{place.path}/db/sessions.db";
                               timeout_ms = 20000; }}; }};''')}
    for database, layout in enumerate(("latchkey", "gosession")):
        found[layout] = cli(layout, f'''
            store = {{ backend = "redis";
                       redis = {{ address = "{redis.unix_address}";
                                  database = {database};
                                  {PATIENT}
                                  layout = "{layout}"; }}; }};''')
    return found


def export(cli, *options):
    return cli.must("store", "export", *options) + "\n"


def take(cli, text, status=DONE):
    """Import; what it says became of the lines, and what it complained."""
    result = cli.run("store", "import", stdin=text)
    assert result.returncode == status, result
    return json.loads(result.stdout), result.stderr


def line_of(user, token, expires_ms, with_token=True):
    digest = base64.urlsafe_b64encode(hashlib.sha256(token.encode()).digest())
    line = {"type": "session", "user": user, "client": "", "issued_us": None,
            "expires_ms": expires_ms, "digest": digest.decode().rstrip("=")}
    if with_token:
        line["token"] = token
    return json.dumps(line) + "\n"


HEADER = '{"type":"header","format":"latchkey-sessions","version":1}\n'
END = '{"type":"end"}\n'


def soon():
    return int(time.time() + 600) * 1000


# ---- Moving --------------------------------------------------------------


@pytest.mark.parametrize("target", STORES)
@pytest.mark.parametrize("source", STORES)
def test_sessions_move_from_any_store_to_any_other(stores, place, source,
                                                 target):
    here, there = stores[source], stores[target]
    tokens = [here.issue("alice", "--ttl", "500"), here.issue("bob")]
    users = place.write("users.json", '{"alice": {"n": 1}}')
    here.conf.write_text(here.conf.read_text() +
                         f'user = {{ source = "file"; path = "{users}"; }};')
    here.must("user", "load", "alice")
    before = [here.check(token) for token in tokens]
    options = ["--tokens"] if source == "gosession" else []
    text = export(here, *options)
    if source == target:
        assert take(here, text)[0]["known"] == 3
        return
    if target == "gosession":
        counts, complaint = take(there, text, REFUSED)
        assert counts["left_out"] == 2
        assert "left out 2: layout \"gosession\" keeps tokens" in complaint
        assert counts["users"] == 1
        return
    counts, complaint = take(there, text)
    assert counts == {"sessions": 2, "users": 1, "known": 0, "expired": 0,
                      "left_out": 0}
    assert complaint == ""
    for token, old in zip(tokens, before):
        new = there.check(token)
        assert new["user"] == old["user"]
        assert new["expires_at"] == old["expires_at"]
        assert new["issued_at"] == old["issued_at"]
        assert there.revoke(token) == 1
    assert '"detail":{"n":1}' in there.must("user", "get", "alice")


@pytest.mark.parametrize("target", ("sqlite", "latchkey"))
def test_gosession_moves_without_its_tokens_being_shown(stores, target):
    token = stores["gosession"].issue("alice")
    text = export(stores["gosession"])
    assert token not in text and '"token"' not in text
    assert take(stores[target], text)[0]["sessions"] == 1
    assert stores[target].check(token)["user"] == "alice"


def test_gosession_moves_to_gosession_with_its_tokens(stores, redis):
    cli = stores["gosession"]
    token = cli.issue("alice")
    text = export(cli, "--tokens")
    assert token in text
    redis.command("FLUSHALL")
    assert take(cli, text)[0]["sessions"] == 1
    assert cli.check(token)["user"] == "alice"


def test_import_again_changes_nothing_and_never_shortens(stores):
    cli = stores["sqlite"]
    token = cli.issue("alice", "--ttl", "100")
    text = export(cli)
    cli.must("refresh", token, "--ttl", "1000")
    after = cli.check(token)["expires_at"]
    assert take(cli, text)[0] == {"sessions": 0, "users": 0, "known": 1,
                                  "expired": 0, "left_out": 0}
    assert cli.check(token)["expires_at"] == after


def test_import_of_what_is_over_leaves_it_out(stores):
    token = "carol_" + "0" * 32
    text = HEADER + line_of("carol", token, 1000) + END
    for cli in stores.values():
        counts, complaint = take(cli, text)
        assert (counts["expired"], counts["sessions"]) == (1, 0)
        assert complaint == ""


def test_import_reads_a_file(stores, place):
    cli = stores["sqlite"]
    path = place.write("lines", HEADER + END)
    assert cli.run("store", "import", str(path)).returncode == DONE
    assert cli.run("store", "import", "--", str(path)).returncode == DONE
    result = cli.run("store", "import", str(place.path / "none"))
    assert result.returncode == USAGE and "No such file" in result.stderr
    result = cli.run("store", "import", str(place.path))
    assert result.returncode == USAGE and "cannot read" in result.stderr


# ---- What is wrong -------------------------------------------------------


@pytest.mark.parametrize("change, complaint", [
    (lambda line: line.replace('"carol"', '" carol"', 1), "at an end"),
    (lambda line: line.replace('"carol"', '"carol\\u00a0"', 1), "at an end"),
    (lambda line: line.replace('"carol"', '"ca\\u0085rol"', 1), "control"),
    (lambda line: line.replace("{", '{"user":"dave",', 1), "no name twice"),
    (lambda line: line.replace("{", '{"us\\u0065r":"dave",', 1),
     "no name twice")])
def test_import_of_what_two_would_read_apart_is_refused(
        stores, change, complaint):
    line = change(line_of("carol", "carol_" + "1" * 32, soon()))
    for cli in stores.values():
        counts, said = take(cli, HEADER + line + END, USAGE)
        assert counts["sessions"] == 0
        assert "line 2: expected" in said and complaint in said


@pytest.mark.parametrize("name", STORES)
def test_wrong_line_is_named_and_those_before_it_stay(stores, name):
    cli = stores[name]
    tokens = [f"carol_{number:032x}" for number in range(5)]
    lines = [line_of("carol", token, soon()) for token in tokens]
    lines[3] = '{"type":"session","user":"carol"}\n'
    counts, complaint = take(cli, HEADER + "".join(lines) + END, USAGE)
    assert counts["sessions"] == 3
    assert 'line 5: expected "expires_ms"' in complaint
    assert cli.check(tokens[2])["user"] == "carol"
    assert cli.run("check", tokens[4]).returncode == REFUSED


def test_lines_cut_off_are_said_to_be(stores):
    text = HEADER + line_of("carol", "carol_" + "0" * 32, soon()) + END
    counts, complaint = take(stores["sqlite"], text[:-len(END)], USAGE)
    assert counts["sessions"] == 1 and "line 3: " in complaint
    assert "cut off" in complaint
    _, complaint = take(stores["sqlite"], text[:-len(END) - 20], USAGE)
    assert "line 2: expected one JSON object" in complaint
    take(stores["sqlite"], text.rstrip("\n"))


@pytest.mark.parametrize("text", (
    "x" * 200_000, "x" * 200_000 + "\n", "\n", "\0\n", "{}\n", END, HEADER * 2,
    HEADER + END + END))
def test_other_input_is_refused(stores, text):
    _, complaint = take(stores["sqlite"], text, USAGE)
    assert complaint.count("\n") == 1 and " line " in complaint


def test_nothing_at_all_is_refused(stores):
    take(stores["sqlite"], "", USAGE)


def test_tokens_are_for_gosession_and_for_no_other_eyes(stores, place):
    for name in ("sqlite", "latchkey"):
        result = stores[name].run("store", "export", "--tokens")
        assert (result.returncode, result.stdout) == (USAGE, "")
        assert "gosession" in result.stderr
    for mode, status in ((0o644, USAGE), (0o600, DONE)):
        path = place.write("lines", "", mode)
        with open(path, "w") as out:
            result = subprocess.run(
                [BUILD / "latchkey", "-c", stores["gosession"].conf, "store",
                 "export", "--tokens"], stdout=out, stderr=subprocess.PIPE,
                text=True, env=place.environment(), check=False)
        assert result.returncode == status
        assert (path.read_text() == "") == (status == USAGE)
        assert ("umask" in result.stderr) == (status == USAGE)


def test_wrong_usage_is_status_2(stores):
    for words in ((), ("other",), ("stats", "x"), ("sweep", "x"),
                  ("export", "x"), ("import", "a", "b"), ("stats", "--x")):
        result = stores["sqlite"].run("store", *words)
        assert (result.returncode, result.stdout) == (USAGE, ""), words


def test_store_away_is_status_3(place):
    cli = Latchkey(place, place.write("away.conf", '''
        store = { backend = "redis";
                  redis = { address = "unix:/nonexistent/socket"; }; };'''))
    for words in (("stats",), ("sweep",), ("export",)):
        assert cli.run("store", *words).returncode == STORE
    text = HEADER + line_of("carol", "carol_" + "0" * 32, soon()) + END
    counts, _ = take(cli, text, STORE)
    assert counts["sessions"] == 0


def test_acl_user_who_may_scan_can_move(place):
    redis = place.add(RedisServer(place, password="hunter2", users=[
        "app on >secret ~latchkey:* -@all +@read +@write +@scripting +time",
        "some on >secret ~latchkey:* -@all +@read +@write +@scripting +time "
        "-scan"]))
    for user, status in (("app", DONE), ("some", USAGE)):
        cli = Latchkey(place, place.write(f"{user}.conf", f'''
            store = {{ backend = "redis"; redis = {{
                address = "{redis.unix_address}"; username = "{user}";
                password = "secret"; {PATIENT} }}; }};'''))
        token = cli.issue("alice")
        assert cli.check(token)["user"] == "alice"
        for action in ("stats", "sweep", "export"):
            assert cli.run("store", action).returncode == status


# ---- Counting and clearing -----------------------------------------------


@pytest.mark.parametrize("name", STORES)
def test_stats_and_sweep_say_what_is_there(stores, name):
    cli = stores[name]
    cli.issue("alice", "--ttl", "1")
    token = cli.issue("bob")
    while len(cli.must("list", "alice")) > 0:
        time.sleep(0.05)
    stats = json.loads(cli.must("store", "stats"))
    assert set(stats) == {"store", "sessions", "users", "bytes"}
    assert name in stats["store"]
    assert (stats["sessions"], stats["users"]) == (1, 0)
    assert stats["bytes"] > 0
    assert int(cli.must("store", "sweep")) == 1
    assert int(cli.must("store", "sweep")) == 0
    assert cli.check(token)["user"] == "bob"


# ---- Many ----------------------------------------------------------------


def run_big(place, cli, words, source, target):
    """Run it from file to file; its exit status and its peak of memory."""
    environment = place.environment()
    # Freed memory that a sanitizer keeps is none of the program's.
    environment["ASAN_OPTIONS"] += ":quarantine_size_mb=1"
    with open(source) as stdin, open(target, "w") as stdout:
        process = subprocess.Popen(
            [BUILD / "latchkey", "-c", cli.conf, *words], stdin=stdin,
            stdout=stdout, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    return process.returncode, usage.ru_maxrss


@pytest.mark.parametrize("name", STORES)
def test_many_sessions_move_in_bounded_memory(stores, place, name):
    ends = soon()

    def write(file, count):
        with open(place.path / file, "w") as lines:
            lines.write(HEADER)
            for number in range(count):
                user = f"user{number // 3}"
                lines.write(line_of(user, f"{user}_{number:032x}", ends))
            lines.write(END)
        return place.path / file

    result, peaks = place.path / "result", {"import": [], "export": []}
    for lines in (write("few", 1000), write("many", MANY[name])):
        for action in ("import", "export"):
            status, peak = run_big(place, stores[name], ("store", action),
                                   lines, result)
            assert status == DONE, (action, result.read_text()[-500:])
            peaks[action].append(peak)
    assert sum(1 for _ in open(result)) == MANY[name] + 2
    for action, (few, many) in peaks.items():
        assert many - few < 8192, (action, few, many)


# ---- Progress ------------------------------------------------------------


def on_terminal(place, cli, *words):
    """What it writes to a terminal that is its standard error."""
    try:
        ours, theirs = pty.openpty()
    except OSError:
        pytest.skip("this machine has no terminals")
    with subprocess.Popen([BUILD / "latchkey", "-c", cli.conf, *words],
                          stdin=subprocess.DEVNULL,
                          stdout=subprocess.DEVNULL, stderr=theirs,
                          env=place.environment()) as process:
        os.close(theirs)
        seen = b""
        while True:
            try:
                data = os.read(ours, 4096)
            except OSError:  # the other end is closed
                break
            if not data:
                break
            seen += data
        os.close(ours)
        assert process.wait() == DONE
    return seen.decode()


def test_progress_is_for_terminals_only(stores, place):
    cli = stores["sqlite"]
    cli.issue("alice")
    seen = on_terminal(place, cli, "store", "export")
    assert "sessions" in seen and " %" in seen and "\r" in seen
    assert seen.endswith("\r\x1b[K")
    result = cli.run("store", "export")
    assert result.stderr == ""
    path = place.write("lines", result.stdout)
    assert " %" in on_terminal(place, cli, "store", "import", str(path))
    assert cli.run("store", "import", str(path)).stderr == ""
