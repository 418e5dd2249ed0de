"""Every example file is one that works."""

from support.place import BUILD
from support.servers import (Latchkey, RedisServer, find_program,
                             replace_values)
from tree import files, read, run

SETTINGS = files("etc/*.conf")
LIGHTTPD = files("etc/lighttpd/*.conf")
SCRIPTS = files("lib/store/lua/*.lua")


def test_examples_settings_are_accepted(place):
    assert SETTINGS
    for path in SETTINGS:
        conf = place.write(path.name, read(path))
        result = Latchkey(place, conf).run("config")
        assert result.returncode == 0, result.stderr
        assert "address" in result.stdout


def test_examples_settings_show_every_key_at_its_default(place):
    text = read("etc/latchkey.conf")
    shown = Latchkey(place, place.write("shown.conf", text)).must("config")
    empty = Latchkey(place, place.write("empty.conf", "")).must("config")
    assert shown == empty
    keys = {line.split("=")[0].strip() for line in empty.splitlines()
            if "=" in line}
    assert {key for key in keys if f"{key} =" not in text} == set()


def test_examples_lighttpd_are_accepted(place):
    assert LIGHTTPD
    for path in LIGHTTPD:
        text = read(path)
        if "bin-path" in text:
            program = f"{BUILD}/latchkey-fcgi"
            text = replace_values(text, {"bin-path": program})
        conf = place.write(path.name, text)
        result = run(find_program("lighttpd"), "-tt", "-f", conf)
        assert result.returncode == 0, result.stderr
        assert result.stdout + result.stderr in ("", "Syntax OK\n"), path


def test_examples_scripts_compile(place):
    redis = place.add(RedisServer(place))
    assert SCRIPTS
    for path in SCRIPTS:
        assert len(redis.command("SCRIPT", "LOAD", read(path))) == 40, path


def test_examples_pam_are_all_run_by_a_test():
    """By its name: as a host's service, or as one of the stacks."""
    hosts = "\n".join(read(path) for path in files("tests/support/*.py"))
    stacks = read("tests/pam/test_stacks.py")
    names = [path.name for path in files("etc/pam.d/*")]
    assert len(names) >= 8
    assert [name for name in names
            if f'service = "{name}"' not in hosts
            and f'"{name}"' not in stacks] == []
