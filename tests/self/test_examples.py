"""Every example file is one that works."""

import re

from support.place import BUILD, ROOT
from support.lighttpd import replace_values
from support.servers import Latchkey, RedisServer, find_program
from tree import files, read, run

SETTINGS = files("etc/*.conf")
LIGHTTPD = files("etc/lighttpd/*.conf")
SCRIPTS = files("lib/store/redis/layout/lua/*.lua")
SERVERS = (*(f"etc/lighttpd/{name}" for name in (
    "05-latchkey.conf", "latchkey.conf", "latchkey-spawned.conf")),
    *(f"etc/apache/{name}" for name in (
        "latchkey.conf", "latchkey-basic.conf", "latchkey-spawned.conf")),
    "etc/nginx/latchkey.conf", "etc/caddy/Caddyfile",
    "etc/haproxy/latchkey.cfg")


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


def test_examples_of_redis_are_users_and_comments():
    for path in files("etc/redis/*.conf"):
        lines = [line for line in read(path).splitlines() if line]
        assert [line for line in lines if line[0] != "#"
                and not re.match("user \\S+ on >CHANGE-ME ", line)] == [], path
        assert len([line for line in lines if line[0] != "#"]) == 1, path


def test_examples_lighttpd_are_accepted(place):
    assert len(LIGHTTPD) == 3
    for path in LIGHTTPD:
        text = read(path).replace("/etc/lighttpd/latchkey-forget.sh",
                                  f"{ROOT}/etc/lighttpd/latchkey-forget.sh")
        if "bin-path" in text:
            program = f"{BUILD}/latchkey-fcgi"
            text = replace_values(text, {"bin-path": program})
        if "server.port" not in text:
            text = (f'server.modules = ()\nserver.document-root = "/"\n'
                    f'server.port = 80\n{text}')
        conf = place.write(path.name, text)
        result = run(find_program("lighttpd"), "-tt", "-f", conf)
        assert result.returncode == 0, result.stderr
        assert result.stdout + result.stderr in ("", "Syntax OK\n"), path


def test_examples_of_lighttpd_and_the_readme_say_the_same():
    """The lines that protect, of which the README shows the shortest."""
    recipe = read("etc/lighttpd/05-latchkey.conf")
    whole = read("etc/lighttpd/latchkey.conf")
    readme = re.sub(r"\s+", "", read("README.md"))
    block = re.search(r'(?ms)^\$HTTP\["url"\] !~.*?^\t\) \) \)', recipe).group()
    assert block in whole
    assert re.sub(r"\s+", "", block).rstrip(")") in readme
    for line in (r"server\.modules := .*", r"include_shell .*forget.*"):
        line = re.search(f"(?m)^{line}", recipe).group()
        assert re.sub(r"\s+", "", line) in readme


def test_examples_of_web_servers_end_in_what_must_be_refused():
    """Nobody sees from inside whether a server asks."""
    for name in SERVERS:
        text = read(name)
        assert "must say 401:\n#\tcurl " in text, name


def test_examples_of_web_servers_are_all_started_by_a_test():
    """By their names, in whole or as a part of one that is."""
    started = "\n".join(read(path) for path in files("tests/support/*.py"))
    whole = "\n".join(read(name) for name in SERVERS)
    servers = ("lighttpd", "apache", "nginx", "caddy", "haproxy")
    names = [path for server in servers for path in files(f"etc/{server}/*")]
    assert len(names) == 18, names
    assert [path for path in names
            if f"{path.parent.name}/{path.name}" not in started
            and f"/{path.name}" not in whole] == []


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
