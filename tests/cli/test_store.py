"""The command against Redis in every way that the settings can name it."""

import socket

import pytest

from support.access import access_settings, keygen
from support.place import free_port, wait_until
from support.proxy import Proxy
from support.servers import PATIENT, Latchkey, RedisServer

DONE, REFUSED, USAGE, STORE = 0, 1, 2, 3


def cli_of(place, redis="", rest="", patience=PATIENT):
    conf = place.write("latchkey.conf",
                       'store = { backend = "redis"; '
                       f"redis = {{ {redis} {patience} }}; }};\n{rest}\n")
    return Latchkey(place, conf)


def works(cli):
    token = cli.issue("alice")
    assert cli.check(token)["user"] == "alice"
    assert cli.revoke(token) == 1


def fails(cli, status, *words):
    result = cli.run("issue", "alice")
    assert result.returncode == status, result
    assert result.stdout == "" and result.stderr.count("\n") == 1
    for word in words:
        assert word in result.stderr


def ipv6_works():
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
        return True
    except OSError:
        return False


def test_unix_socket_and_tcp_work(place):
    redis = place.add(RedisServer(place))
    works(cli_of(place, f'address = "unix:{redis.socket}";'))
    works(cli_of(place, f'address = "127.0.0.1:{redis.port}";'))


def localhost_resolves():
    try:
        return socket.gethostbyname("localhost") == "127.0.0.1"
    except OSError:
        return False


@pytest.mark.skipif(not localhost_resolves(),
                    reason="this machine does not know localhost")
def test_host_name_works(place):
    redis = place.add(RedisServer(place))
    works(cli_of(place, f'address = "localhost:{redis.port}";'))


@pytest.mark.skipif(not ipv6_works(), reason="this machine has no ::1")
def test_ipv6_works(place):
    redis = place.add(RedisServer(place, options=["bind 127.0.0.1 ::1"]))
    works(cli_of(place, f'address = "[::1]:{redis.port}";'))


def test_password_works_and_is_needed(place):
    redis = place.add(RedisServer(place, password="hunter2"))
    address = f'address = "{redis.unix_address}";'
    works(cli_of(place, f'{address} password = "hunter2";'))
    place.write("secret", "hunter2\n")
    works(cli_of(place,
                 f'{address} password_file = "{place.path}/secret";'))
    fails(cli_of(place, address), USAGE, "wants a password")
    fails(cli_of(place, f'{address} password = "wrong-one";'), USAGE,
          "store.redis.password")


def test_password_where_none_is_set_is_said(place):
    redis = place.add(RedisServer(place))
    fails(cli_of(place, f'address = "{redis.unix_address}"; '
                        'password = "hunter2";'), USAGE, "no password")


def test_password_is_never_shown(place):
    redis = place.add(RedisServer(place, password="hunter2"))
    cli = cli_of(place, f'address = "{redis.unix_address}"; '
                        'password = "hunter2";')
    assert "hunter2" not in cli.must("config")
    result = cli.run("doctor")
    assert "hunter2" not in result.stdout + result.stderr
    cli = cli_of(place, f'address = "{redis.unix_address}"; '
                        'password = "other-secret";')
    result = cli.run("issue", "alice")
    assert "other-secret" not in result.stdout + result.stderr


def test_acl_user_works_and_its_limits_are_said(place):
    redis = place.add(RedisServer(place, password="hunter2", users=[
        "app on >secret ~latchkey:* -@all +@read +@write +@scripting +ping "
        "+info +time",
        "weak on >secret ~latchkey:* -@all +get"]))
    address = f'address = "{redis.unix_address}"; password = "secret";'
    works(cli_of(place, f'{address} username = "app";'))
    fails(cli_of(place, f'{address} username = "weak";'), USAGE, "ACL")
    fails(cli_of(place, f'{address} username = "nobody";'), USAGE,
          "store.redis.username")


def test_database_number_is_used(place):
    redis = place.add(RedisServer(place))
    address = f'address = "{redis.unix_address}";'
    three = cli_of(place, f"{address} database = 3;")
    token = three.issue("alice")
    assert three.check(token)["user"] == "alice"
    result = cli_of(place, address).run("check", token)
    assert result.returncode == REFUSED
    fails(cli_of(place, f"{address} database = 99;"), USAGE, "database")


def test_store_away_is_status_3_and_comes_back(place):
    redis = place.add(RedisServer(place))
    cli = cli_of(place, f'address = "{redis.unix_address}";')
    works(cli)
    redis.stop()
    fails(cli, STORE, str(redis.socket))
    result = cli.run("check", "lk_" + "A" * 64)
    assert (result.returncode, result.stdout) == (STORE, "")
    redis.start()
    works(cli)


def test_nobody_on_the_port_is_status_3(place):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port = sock.getsockname()[1]
        fails(cli_of(place, f'address = "127.0.0.1:{port}";'), STORE,
              "connect")


def test_something_else_on_the_port_is_status_3(place):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        # It accepts, by its backlog, and never answers.
        fails(cli_of(place, f'address = "127.0.0.1:{port}";',
                     patience="command_timeout_ms = 100;"), STORE, "in time")


def test_host_that_does_not_exist_is_status_3(place):
    fails(cli_of(place, 'address = "no-such-host.invalid:6379";'), STORE,
          "host name")


def test_cluster_node_is_a_settings_error(place):
    redis = place.add(RedisServer(place, options=[
        "cluster-enabled yes", f"cluster-port {free_port()}"]))
    cli = cli_of(place, f'address = "{redis.unix_address}";')
    result = cli.run("issue", "alice")
    # It has no slots yet, and says so before anything else.
    assert result.returncode == USAGE
    assert "cluster" in result.stderr


def test_replica_is_said_to_be_one(place):
    master = place.add(RedisServer(place))
    (place.path / "replica").mkdir()

    class Elsewhere:
        """The same place, for a second Redis."""
        path = place.path / "replica"

        @staticmethod
        def write(name, text):
            return place.write(f"replica/{name}", text)

        @staticmethod
        def environment():
            return place.environment()

    replica = RedisServer(Elsewhere(),
                          options=[f"replicaof 127.0.0.1 {master.port}"])
    place.add(replica)
    wait_until(lambda: b"master_link_status:up" in replica.command(
        "INFO", "replication"), "the replica to follow")
    fails(cli_of(place, f'address = "{replica.unix_address}";'), STORE,
          "replica")


# ---- doctor --------------------------------------------------------------


def test_doctor_of_a_good_setup_says_ok(place):
    redis = place.add(RedisServer(place, options=["appendonly yes"]))
    result = cli_of(place, f'address = "{redis.unix_address}";').run("doctor")
    assert result.returncode == DONE, result
    # Whether a gate runs on this machine is not the point.
    lines = [line for line in result.stdout.splitlines()
             if not line.startswith("hint  gate.listen: ")]
    assert all(line.startswith("ok ") for line in lines), lines
    subjects = {line.split()[1] for line in lines} - {"gate.listen:"}
    assert subjects == {"settings:", "permissions:", "store:", "session:"}
    # The index remembers an hour, and why it ended is kept for a minute.
    assert redis.command("DBSIZE") <= 2


def test_doctor_names_what_is_wrong(place):
    redis = place.add(RedisServer(place, options=[
        "maxmemory 100mb", "maxmemory-policy allkeys-lru"]))
    result = cli_of(place, f'address = "{redis.unix_address}";').run("doctor")
    assert result.returncode == USAGE
    assert "WRONG store: maxmemory-policy allkeys-lru" in result.stdout
    assert "hint  store: append-only file is off" in result.stdout


def test_doctor_of_a_store_away_is_status_3(place):
    result = cli_of(place, 'address = "unix:/nonexistent/socket";').run(
        "doctor")
    assert result.returncode == STORE
    assert "WRONG store: redis at unix:/nonexistent/socket" in result.stdout


def test_doctor_of_wrong_settings_is_status_2(place):
    result = cli_of(place, "database = -1;").run("doctor")
    assert result.returncode == USAGE
    assert "latchkey.conf:1: store.redis.database" in result.stderr


def test_doctor_sees_a_password_that_everybody_can_read(place):
    redis = place.add(RedisServer(place, password="hunter2"))
    cli = cli_of(place, f'address = "{redis.unix_address}"; '
                        'password = "hunter2";')
    cli.conf.chmod(0o644)
    result = cli.run("doctor")
    assert result.returncode == USAGE
    assert "WRONG permissions:" in result.stdout


def test_doctor_hints_at_a_host_name(place):
    result = cli_of(place, 'address = "localhost:1";').run("doctor")
    assert result.returncode == STORE
    redis = place.add(RedisServer(place))
    if localhost_resolves():
        result = cli_of(place, f'address = "localhost:{redis.port}";').run(
            "doctor")
        assert "hint  store: store.redis.address: localhost" in result.stdout


@pytest.mark.parametrize("ahead, leeway, warns", [
    (0, 30, False), (10, 30, False), (20, 30, True), (-20, 30, True),
    (0, 0, False), (2, 0, True)])
def test_doctor_hints_at_clocks_that_differ(place, ahead, leeway, warns):
    """By more than half the leeway that access tokens have."""
    redis = place.add(RedisServer(place))
    proxy = place.add(Proxy(redis.address, ahead))
    jwt = access_settings(keygen(place, "key"), leeway=leeway)
    address = f'address = "{proxy.address}";'
    said = cli_of(place, address, jwt).run("doctor").stdout
    assert ("ok    store: its clock agrees" in said) != warns, said
    way = "ahead of" if ahead > 0 else "behind"
    assert (f"s {way} this host's: expected at most half of jwt.leeway"
            in said) == warns, said
    assert "its clock" not in cli_of(place, address).run("doctor").stdout


def test_doctor_wants_a_replica_where_the_settings_do(place):
    redis = place.add(RedisServer(place))
    conf = place.write("latchkey.conf", f'''
        store = {{ backend = "redis"; durability = "replica";
                   redis = {{ address = "{redis.unix_address}";
                              {PATIENT} }}; }};''')
    result = Latchkey(place, conf).run("doctor")
    assert result.returncode == STORE
    assert "WRONG store: 0 replicas in step" in result.stdout
    assert "hint  store: min-replicas-to-write is not set" in result.stdout
    assert "WRONG session: not yet durable" in result.stdout


def test_doctor_lists_each_sentinel(place):
    redis = place.add(RedisServer(place))
    conf = place.write("latchkey.conf", f'''
        store = {{ backend = "sentinel";
            redis = {{ command_timeout_ms = 3000; }}; sentinel = {{ addresses =
            [ "127.0.0.1:1", "127.0.0.1:{redis.port}" ]; }}; }};''')
    result = Latchkey(place, conf).run("doctor")
    assert result.returncode == USAGE
    assert ("WRONG store: sentinel at 127.0.0.1:1 cannot be reached"
            in result.stdout)
    assert (f"WRONG store: sentinel at 127.0.0.1:{redis.port} is a Redis "
            "and no Sentinel (store.sentinel.addresses)" in result.stdout)
    assert "sentinels for \"mymaster\": 1 of 2" in result.stdout
