#!/usr/bin/python3
"""Move many sessions from Redis to MariaDB, on to a file, and all the way back:
each line of what is exported stays as it was, and nobody is logged out.

    move.py [N]: 100,000 sessions unless it says otherwise
"""

import base64
import hashlib
import json
import os
import random
import subprocess
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from support.mariadb import (MariadbLatchkey, MariadbServer,  # noqa: E402
                             need_module)
from support.mariadb import settings as in_mariadb  # noqa: E402
from support.place import Place  # noqa: E402
from support.servers import (Latchkey, RedisServer,  # noqa: E402
                             embedded_settings, settings)

HEADER = {"type": "header", "format": "latchkey-sessions", "version": 1,
          "store": "made", "tokens": False}
SAMPLE = 200


def text_of(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def make(n):
    """Sessions of a day, as lines to import, and their tokens."""
    now_us = time.time_ns() // 1000
    lines, tokens = [json.dumps(HEADER)], []
    for i in range(n):
        user = f"user{i // 3}"
        tag = hashlib.sha256(user.encode()).digest()[:16]
        token = "lk_" + text_of(tag + os.urandom(32))
        tokens.append(token)
        lines.append(json.dumps({
            "type": "session", "user": user, "client": ("", "web")[i % 2],
            "issued_us": now_us - n + i,
            "expires_ms": now_us // 1000 + 86_400_000 + i,
            "digest": text_of(hashlib.sha256(token.encode()).digest()),
            "ends_ms": None}))
    return "\n".join([*lines, '{"type":"end"}', ""]), tokens


def sessions_of(exported):
    return sorted(line for line in exported.splitlines()
                  if '"type":"session"' in line)


def move_on(name, cli, verb, text=""):
    """Import the text, or export, as a person does, who waits for it."""
    began = time.monotonic()
    done = subprocess.run(
        cli.enter(cli.program, "-c", cli.conf, "store", verb), input=text,
        stdout=subprocess.PIPE, env=cli.place.environment(), text=True,
        check=True)
    print(f"{name}: {verb}ed in {time.monotonic() - began:.1f} s", flush=True)
    return done.stdout


def move(place, n):
    need_module()
    server = place.add(MariadbServer(place))
    server.make_store(place)
    redis = place.add(RedisServer(place))
    in_redis = Latchkey(place, place.write("to-redis.conf", settings(
        redis.address, f"unix:{place.path}/none")))
    clis = {
        "redis": in_redis,
        "mariadb": MariadbLatchkey(place, place.write(
            "to-mariadb.conf", in_mariadb(server.address))),
        "file": Latchkey(place, place.write("to-file.conf", embedded_settings(
            f"{place.path}/moved.db", f"unix:{place.path}/none"))),
        "mariadb again": MariadbLatchkey(place, place.write(
            "again.conf", in_mariadb(server.address, database="again"))),
        "redis again": in_redis}
    server.run("CREATE DATABASE again")
    shown = clis["mariadb again"].must("store", "init", "--print")
    server.run(shown, database="again")

    carried, tokens = make(n)
    ended = [in_redis.issue("mallory") for _ in range(3)]
    for token in ended:
        in_redis.must("revoke", token)
    first = None
    for name, cli in clis.items():
        if name == "redis again":
            redis.command("FLUSHALL")
        move_on(name, cli, "import", carried)
        carried = move_on(name, cli, "export")
        first = first or sessions_of(carried)
        assert len(first) == n, len(first)
        assert sessions_of(carried) == first, name
        for token in random.sample(tokens, SAMPLE):
            cli.check(token)
        for token in ended:
            assert cli.run("check", token).returncode == 1, name


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with Place() as place:
        move(place, n)
    print(f"{n} sessions moved, each line as it was, nobody logged out")


if __name__ == "__main__":
    main()
