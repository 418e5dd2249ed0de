"""What a node of a Redis Cluster says that is not so.

It is one that has the password, or sits on the way to one.  It may keep us
from finding out; it does not make us go on for ever, and where TLS is switched
on it does not make us give the password to somebody else.
"""

import socket
import ssl

import pytest

from support import fastcgi
from support.certificates import Authority
from support.liar import LyingNode, slots
from support.place import wait_until
from support.servers import Gate, Latchkey

TOKEN = "lk_K9gGyX8OAK8aH8Myj6djqd1apLwpu1WU0OZnbjucejZ8K3G2CppPI6OErCzrIIV5"
UNKNOWN, STORE = 1, 3
PASSWORD = "password-of-the-cluster"
REDIRECTS_MAX = 5


def settings(nodes, redis=""):
    seeds = ", ".join(f'"{node.address}"' for node in nodes)
    return f"""
        store = {{ backend = "cluster";
            cluster = {{ addresses = [ {seeds} ]; }};
            redis = {{ username = "latchkey"; password = "{PASSWORD}";
                connect_timeout_ms = 800; command_timeout_ms = 800; {redis} }};
        }};"""


@pytest.fixture(name="nodes")
def _nodes(place):
    return [place.add(LyingNode()) for _ in range(2)]


@pytest.fixture(name="cli")
def _cli(place, nodes):
    return Latchkey(place, place.write("latchkey.conf", settings(nodes[:1])))


@pytest.mark.parametrize("word", ["MOVED", "ASK"])
@pytest.mark.parametrize("to_itself", [False, True])
def test_lying_node_sends_us_round_in_circles(nodes, cli, word, to_itself):
    for node, other in zip(nodes, nodes if to_itself else nodes[::-1]):
        node.word = word
        node.moved = other.host, other.port
    done = cli.run("check", TOKEN)
    assert done.returncode == STORE, done
    assert "in a circle" in done.stderr
    asked = sum(node.asked("GET") for node in nodes)
    assert 0 < asked <= REDIRECTS_MAX + 1
    # It is no memory of theirs: the next is asked as if nothing had been.
    nodes[0].moved = nodes[1].moved = None
    assert cli.run("check", TOKEN).returncode == UNKNOWN


@pytest.mark.parametrize("where", [
    ("unix:/run/redis", 1), ("/run/redis.sock", 1), ("127.0.0.1", 0),
    ("127.0.0.1", 65536), ("a b", 1)])
def test_lying_node_sends_us_to_what_is_no_host(nodes, cli, where):
    nodes[0].moved = where
    done = cli.run("check", TOKEN)
    assert done.returncode == STORE, done


@pytest.mark.parametrize("says", [
    b"", b"*1\r\n*3\r\n:0\r\n:163", b"*0\r\n", b"*1000000000\r\n",
    slots((0, 9000, "127.0.0.1", 1), (9000, 16383, "127.0.0.1", 2)),
    slots(*((n, n, "127.0.0.1", 1) for n in range(16384))),
    slots((0, 16384, "127.0.0.1", 1)),
    slots((0, 16383, "/run/redis.sock", 1)),
    b"-ERR unknown command\r\n"],
    ids=["silent", "cut", "none", "huge", "overlapping", "scattered",
         "too-many", "path", "error"])
def test_lying_node_has_no_map(nodes, cli, says):
    nodes[0].map = says
    done = cli.run("check", TOKEN)
    # That some commands are missing is a matter of settings.
    assert done.returncode in (2, STORE), done
    assert nodes[0].asked("GET") == 0


def test_lying_node_leaves_slots_out(nodes, cli):
    nodes[0].map = slots((0, 0, nodes[0].host, nodes[0].port))
    done = cli.run("check", TOKEN)
    assert done.returncode == STORE, done
    assert "no node of the cluster has slot" in done.stderr


def test_lying_node_unmakes_no_map_that_is_known(place, nodes):
    """A gate that knows who has what goes on by it, and by MOVED."""
    listen = f"unix:{place.path}/gate.sock"
    gate = place.add(Gate(place, place.write(
        "gate.conf", settings(nodes[:1])
        + f'gate = {{ listen = "{listen}"; }};'), listen))
    ask = fastcgi.request_of(HTTP_AUTHORIZATION=f"Bearer {TOKEN}")
    wait_until(lambda: gate.ask(ask).status == 401, "the gate to know a map")
    for node in nodes:
        node.map = slots((0, 9000, "127.0.0.1", 1), (9000, 16383, "x", 2))
    nodes[0].moved = nodes[1].host, nodes[1].port
    assert gate.ask(ask).status == 401
    assert nodes[1].asked("GET") > 0
    wait_until(lambda: all(["CLUSTER", "SLOTS"] in node.heard
                           for node in nodes),
               "both to be asked for the map")
    assert gate.ask(ask).status == 401


def test_lying_node_gives_the_password_to_nobody_else_over_tls(place):
    """Whom it sends us to must prove his name before he hears a word."""
    ours, others = Authority(place, "ours"), Authority(place, "others")
    contexts = []
    for authority in (ours, others):
        leaf = authority.certify("node")
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(leaf.crt, leaf.key)
        contexts.append(context)
    node, other = (place.add(LyingNode(context)) for context in contexts)
    cli = Latchkey(place, place.write("latchkey.conf", settings(
        [node], f'tls = {{ ca = "{ours.crt}"; }};')))
    assert cli.run("check", TOKEN).returncode == UNKNOWN
    assert node.asked("AUTH") > 0
    node.moved = other.host, other.port
    done = cli.run("check", TOKEN)
    assert done.returncode == 2, done
    assert "certificate" in done.stderr
    assert other.heard == []
    # Nor does he who speaks no TLS at all.
    with socket.create_server(("127.0.0.1", 0)) as plain:
        node.moved = plain.getsockname()
        assert cli.run("check", TOKEN).returncode in (2, STORE)
        plain.settimeout(20)
        with plain.accept()[0] as peer:
            peer.settimeout(20)
            assert PASSWORD.encode() not in peer.recv(65536)
