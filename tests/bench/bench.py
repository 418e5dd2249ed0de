#!/usr/bin/python3
"""Run the benchmarks of the library against stores of their own."""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from support.certificates import (Authority, as_settings,  # noqa: E402
                                  redis_options)
from support.place import BUILD, Place, free_port  # noqa: E402
from support.servers import (Latchkey, RedisServer,  # noqa: E402
                             settings)


def bench_pam(place, redis, name, address):
    """Logins by the PAM module, over one transport to Redis."""
    conf = place.write("pam.conf", settings(address, "unix:/nowhere")
                       + 'log = { level = "warn"; };\n')
    redis.command("FLUSHALL")
    token = Latchkey(place, conf).issue("alice")
    # Of one session there is one record, and one index beside it.
    key, = (key for key in redis.keys() if b":s:" in key)
    bare = address.removeprefix("unix:").removeprefix("127.0.0.1:")
    for service, words in (
            ("ours", f"{BUILD}/pam_latchkey.so conf={conf}"),
            ("bare", f"{BUILD}/bench/pam_bare.so {bare} {key.decode()}")):
        place.write(f"pam.d/{service}", f"auth required {words}\n")
    return subprocess.run(
        [BUILD / "bench" / "bench_pam", place.path / "pam.d", "ours", "bare",
         name], input=token.encode() + b"\n", check=False).returncode


def bench_tls():
    """Checks by TLS, beside plain ones of the same Redis."""
    with Place() as place:
        authority, port = Authority(place), free_port()
        redis = place.add(RedisServer(place, options=redis_options(
            port, authority.certify("redis"), authority)))
        confs = [place.write(name, f'''store = {{ backend = "redis"; redis = {{
            address = "{address}"; {tls} }}; }};''')
            for name, address, tls in (
                ("plain.conf", redis.address, ""),
                ("tls.conf", f"127.0.0.1:{port}", as_settings(authority)))]
        return subprocess.run([BUILD / "bench" / "bench_tls", *confs],
                              check=False).returncode


def main():
    sessions = os.environ.get("SESSIONS", "100000")
    with Place() as place:
        redis = place.add(RedisServer(place))
        commands = [
            ["bench_library", redis.socket, str(redis.port)],
            ["bench_jwt", place.path],
            ["bench_store", place.path, redis.socket, sessions]]
        wanted = sys.argv[1:]
        codes = [
            subprocess.run([BUILD / "bench" / name, *arguments],
                           check=False).returncode
            for name, *arguments in commands if not wanted or name in wanted]
        if not wanted or "bench_pam" in wanted:
            codes += [bench_pam(place, redis, *transport)
                      for transport in (("tcp", redis.address),
                                        ("unix", redis.unix_address))]
    if not wanted or "bench_tls" in wanted:
        codes.append(bench_tls())
    return max(codes, default=2)


if __name__ == "__main__":
    sys.exit(main())
