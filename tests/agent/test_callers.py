"""Who may ask the agent for what, told by who connected."""

import os
from pathlib import Path

import pytest

from support.agent import Agent, Line, ask, connect_as
from support.house import hang_up, log_has
from support.place import Failed

POSTGRES, LOGIN, APP, STRANGER, NOBODY = 4001, 4002, 4003, 4004, 65534
CALLERS = f'''
  {{ users = [ "{POSTGRES}" ]; may = [ "check" ]; }},
  {{ users = [ "{LOGIN}" ]; may = [ "issue", "revoke", "list" ];
     clients = [ "web" ]; not_users = [ "admin" ]; max_ttl = 86400; }},
  {{ groups = [ "{APP}" ]; may = [ "refresh", "user" ]; max_ttl = 60; }}'''


@pytest.fixture
def tokens(house):
    house.agent(CALLERS)
    return {name: house.ask("issue", {"user": name, "client": client}).json
            for name, client in (("alice", "web"), ("admin", "web"),
                                 ("bob", "ssh"))}


def questions(tokens):
    alice, admin, bob = (tokens[name] for name in ("alice", "admin", "bob"))
    return [
        ("check", {"token": alice["token"]}),
        ("check-id", {"id": bob["id"]}),
        ("issue", {"user": "alice", "client": "web"}),
        ("issue", {"user": "admin", "client": "web"}),
        ("issue", {"user": "alice", "client": "ssh"}),
        ("issue", {"user": "alice"}),
        ("issue", {"user": "alice", "client": "web", "ttl": 86401}),
        ("refresh", {"token": bob["token"], "ttl": 60}),
        ("refresh", {"token": bob["token"], "ttl": 61}),
        ("sessions", {"user": "bob"}),
        ("sessions", {"user": "admin"}),
        ("user", {"user": "alice", "detail": "{}"}),
        ("revoke", {"id": admin["id"]}),
        ("revoke", {"id": bob["id"]}),
        ("revoke", {"id": alice["id"]}),
        ("revoke-all", {"user": "admin"}),
        ("logout-others", {"token": admin["token"]}),
        ("health", None),
    ]


S, F = "settings are wrong", "forbidden"
EXPECTED = {
    POSTGRES: [200, 200, S, S, S, S, S, S, S, S, S, S, S, S, S, S, S, 200],
    LOGIN: [S, S, 201, F, F, F, F, S, S, 200, F, S, F, F, 200, F, 200, 200],
    APP: [S, S, S, S, S, S, S, 200, F, S, S, 200, S, S, S, S, S, 200],
    STRANGER: [S] * 18,
    NOBODY: [S] * 18,
}


@pytest.mark.parametrize("uid", EXPECTED)
def test_caller_may_what_his_row_says(house, tokens, uid):
    for (verb, fields), want in zip(questions(tokens), EXPECTED[uid],
                                    strict=True):
        answer = house.ask(verb, fields, uid=uid)
        if isinstance(want, int):
            assert answer.status == want, (verb, fields, answer.body)
        else:
            assert (answer.status, answer.json["status"]) == (403, want), (
                verb, fields)


def test_caller_sees_and_ends_sessions_of_his_kinds_alone(house, tokens):
    web = house.ask("issue", {"user": "bob", "client": "web"}).json
    assert [s["id"] for s in house.ask(
        "sessions", {"user": "bob"}, uid=LOGIN).json] == [web["id"]]
    # Bounds hold whatever token is sent along, and his is not of such a kind.
    assert house.ask("revoke-all", {
        "user": "admin", "token": web["token"]}, uid=LOGIN).status == 403
    assert house.ask("revoke-all", {
        "user": "bob", "token": tokens["bob"]["token"]}, uid=LOGIN).json == {
            "revoked": 1}
    assert house.ask("check", {"token": web["token"]}).status == 401
    assert house.ask("check", {"token": tokens["bob"]["token"]}).status == 200


def test_caller_without_a_ttl_gets_the_shortest(house, tokens):
    issued = house.ask("issue", {"user": "alice", "client": "web"},
                       uid=LOGIN).json
    assert "Max-Age=86400;" in issued["set_cookie"]
    token = {"token": tokens["bob"]["token"]}
    assert house.ask("refresh", token, uid=APP).json["ttl"] == 60


def test_caller_is_who_connected_with_the_groups_of_then(house, tokens):
    token = {"token": tokens["bob"]["token"]}
    with connect_as(house.address, STRANGER, groups=(9, APP)) as sock:
        # This process is root, and asks on the stranger's connection.
        line = Line(sock)
        assert line.ask("refresh", token).status == 200
        assert line.ask("check", token).status == 403
    with connect_as(house.address, STRANGER, groups=range(5000, 5100)) as sock:
        assert Line(sock).ask("refresh", token).status == 403
    with connect_as(house.address, STRANGER, gid=APP) as sock:
        assert Line(sock).ask("refresh", token).status == 200
    with connect_as(house.address, STRANGER, gid=NOBODY,
                    groups=(NOBODY,)) as sock:
        assert Line(sock).ask("refresh", token).status == 403


def test_caller_on_a_kept_connection_goes_by_new_settings(house):
    agent = house.agent(CALLERS)
    with connect_as(house.address, POSTGRES) as sock:
        line = Line(sock)
        assert line.ask("check", {"token": "x"}).status == 401
        house.write("")
        hang_up(agent)
        assert line.ask("check", {"token": "x"}).status == 403
        house.write(CALLERS)
        hang_up(agent)
        assert line.ask("check", {"token": "x"}).status == 401
        house.write("{ users = [ \"ghost-of-nobody\" ]; may = [ \"check\" ]; }")
        hang_up(agent, "settings not reloaded")
        assert line.ask("check", {"token": "x"}).status == 401
    assert 'agent.callers: row 1: users: no user \\"ghost-of-nobody\\"' in (
        agent.output())


@pytest.mark.parametrize("row, said", [
    ('{ users = [ "65534" ]; may = [ "check" ]; }', "65534, which stands"),
    ('{ groups = [ 65534 ]; may = [ "check" ]; }', "65534, which stands"),
    ('{ groups = [ "no-such-group" ]; may = [ "check" ]; }',
     'row 1: groups: no group "no-such-group"'),
])
def test_caller_who_stands_for_nobody_is_an_error(house, row, said):
    with pytest.raises(Failed, match=f"status 2\n.*{said}"):
        house.agent(row)
    house.place.daemons.pop()


def test_caller_over_per_minute_waits(house):
    house.agent(f'{{ users = [ "{POSTGRES}", "{APP}" ]; may = [ "check" ]; '
                'per_minute = 2; }')
    for _ in range(2):
        assert house.ask("check", {"token": "x"}, uid=POSTGRES).status == 401
    more = house.ask("check", {"token": "x"}, uid=POSTGRES)
    assert (more.status, more.json["status"]) == (429, "over a limit")
    assert 0 < int(more.headers["Retry-After"]) <= 65
    assert house.ask("check", {"token": "x"}, uid=APP).status == 401
    assert house.ask("check", {"token": "x"}).status == 401


# ---- Accounts --------------------------------------------------------------

MIN_UID = f'''{{ users = [ "{LOGIN}" ]; may = [ "issue", "revoke", "list" ];
                min_uid = 30; }},
              {{ users = [ "{LOGIN}" ]; may = [ "check" ]; }}'''


def test_account_below_min_uid_or_without_one_is_forbidden(house):
    house.agent(MIN_UID)
    for user, status in (("www-data", 201), ("daemon", 403), ("root", 403),
                         ("no-such-account", 403), ("0", 403), ("33", 403),
                         ("WWW-DATA", 403)):
        answer = house.ask("issue", {"user": user}, uid=LOGIN)
        assert answer.status == status, user
    daemon = house.ask("issue", {"user": "daemon"}).json
    mine = house.ask("issue", {"user": "www-data"}).json
    assert house.ask("revoke", {"id": daemon["id"]}, uid=LOGIN).status == 403
    assert house.ask("revoke", {"id": mine["id"]}, uid=LOGIN).status == 200
    assert house.ask("sessions", {"user": "root"}, uid=LOGIN).status == 403


def in_a_house_of_its_own(place, fifo):
    """What runs a program where looking accounts up takes for ever."""
    os.mkfifo(fifo)
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c",
            f'mount --bind {fifo} /etc/passwd && exec "$@"', "sh"]


def test_account_that_nobody_can_look_up_holds_nobody_else(house):
    fifo = house.place.path / "passwd"
    agent = house.agent(MIN_UID, agent="threads = 4;",
                        prefix=in_a_house_of_its_own(house.place, fifo))
    try:
        lines = [Line(connect_as(house.address, LOGIN)) for _ in range(6)]
        answers = []
        for line in lines:
            answers.append(line.ask("issue", {"user": "www-data"}))
            # Who needs no account is answered meanwhile.
            assert house.ask("check", {"token": "lk_x"},
                             uid=LOGIN).status == 401
            assert house.ask("issue", {"user": "alice"}).status == 201
        for answer in answers:
            assert answer.status == 503, answer.body
            assert answer.headers["Retry-After"] == "2"
            assert "token" not in answer.json
        assert agent.running()
        # Nor does it hold the end.
        agent.stop()
        assert "agent stopped" in agent.output()
    finally:
        # Whoever may still look finds an empty file.
        os.close(os.open(fifo, os.O_RDWR | os.O_NONBLOCK))


# ---- Whom the agent becomes -------------------------------------------------


def test_agent_with_user_becomes_it_and_lets_it_ask_all(house):
    (house.place.path / "redis.sock").chmod(0o777)
    agent = house.agent(agent='user = "daemon"; threads = 1;')
    log_has(agent, "agent started")
    status = Path(f"/proc/{agent.process.pid}/status").read_text()
    assert "\nUid:\t1\t1\t1\t1\n" in status
    assert house.ask("issue", {"user": "root"}, uid=1).status == 201
    assert house.ask("issue", {"user": "root"}, uid=STRANGER).status == 403


def handing(make):
    """What starts a program with the socket that ${make} makes."""
    return ["python3", "-c",
            f"import os, socket, sys; s = {make}; os.dup2(s.fileno(), 3); "
            "os.set_inheritable(3, True); os.environ.update("
            "LISTEN_FDS='1', LISTEN_PID=str(os.getpid())); "
            "os.execv(sys.argv[1], sys.argv[1:])"]


def test_agent_refuses_a_socket_of_a_network(house, place):
    house.write()
    agent = Agent(place, house.conf, house.address,
                  handing("socket.create_server(('127.0.0.1', 0))"))
    with pytest.raises(Failed, match="status 2\n.*inherited socket: Address "
                                     "family not supported"):
        agent.start()


def test_agent_takes_a_socket_that_is_passed(house, place):
    house.write()
    path = house.address.removeprefix("unix:")
    agent = place.add(Agent(place, house.conf, house.address, handing(
        f"socket.create_server('{path}', family=socket.AF_UNIX)")))
    log_has(agent, "agent started")
    assert ask(house.address, "health").status == 200
    agent.stop()
    # It is not the agent's to remove.
    assert os.path.exists(path)
