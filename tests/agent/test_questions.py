"""What the agent answers, question by question."""

import json

import pytest

from support.access import access_settings, keygen
from support.house import log_has

TAKEN_BACK = "latchkey=; Max-Age=1; Path=/; HttpOnly; SameSite=Lax; Secure"
CALLER, OTHER = 4001, 4002
BESIDE = ("peer", "agent", "renewed_at", "ends_by")


@pytest.fixture
def agent(house):
    users = house.place.write("users.json", '{"alice": {"mail": "a@x"}}')
    return house.agent(
        agent='threads = 2; next_hosts = [ "app.example.org" ];',
        more=f'user = {{ source = "file"; path = "{users}"; }};\n')


@pytest.mark.parametrize("form", [True, False], ids=["form", "json"])
def test_session_goes_its_way(agent, house, form):
    issued = house.ask("issue", {"user": "alice", "client": "web", "ttl": 60,
                                 "peer": "192.0.2.1", "agent": "Browser",
                                 "url": "https://app.example.org/x?y=1"},
                       form=form)
    assert issued.status == 201
    said = issued.json
    assert set(said) == {"token", "id", "issued_at", "expires_at", "ttl",
                         "set_cookie", "next", "ended"}
    assert said["ended"] == []
    assert said["next"] == "/x?y=1"
    assert said["set_cookie"] == (
        f"latchkey={said['token']}; Max-Age=60; Path=/; HttpOnly; "
        "SameSite=Lax; Secure")
    token = {"token": said["token"]}

    checked = house.ask("check", token, form=form)
    assert checked.status == 200
    by_command = house.cli.check(said["token"])
    assert {**checked.json, "ttl": 0} == {**by_command, "ttl": 0}
    assert checked.json["client"] == "web"
    assert "detail" not in checked.json
    detailed = house.ask("check", {**token, "detail": 1}, form=form)
    assert detailed.json["detail"] == {"mail": "a@x"}
    by_id = house.ask("check-id", {"id": said["id"], "detail": 1}, form=form)
    # A check by token does not look at what stands beside the session.
    assert {**by_id.json, "ttl": 0} == {
        **detailed.json, "ttl": 0,
        **{name: by_id.json[name] for name in BESIDE}}

    later = house.ask("refresh", {**token, "ttl": 600}, form=form)
    assert later.status == 200
    assert later.json["expires_at"] > said["expires_at"]

    listed = house.ask("sessions", {"user": "alice"})
    assert [s["id"] for s in listed.json] == [said["id"]]
    assert listed.headers["Latchkey-Sessions"] == "1"

    ended = house.ask("revoke", {**token, "reason": "logout"}, form=form)
    assert (ended.status, ended.json) == (
        200, {"revoked": 1, "set_cookie": TAKEN_BACK})
    assert house.ask("revoke", token, form=form).json["revoked"] == 0
    assert house.ask("sessions", {"user": "alice"}).json == []
    refused = house.ask("check", token, form=form)
    assert (refused.status, refused.json["reason"]) == (401, "logout")
    assert "reason" not in house.ask("check-id", {"id": said["id"]}).json
    assert refused.json["status"] == "unknown"
    assert refused.headers["WWW-Authenticate"].startswith("Bearer ")
    assert house.ask("refresh", token, form=form).status == 401


def issue(house, user, client="web"):
    return house.ask("issue", {"user": user, "client": client}).json


def test_session_before_the_login_ends_with_it(agent, house):
    first, second = issue(house, "alice"), issue(house, "bob")
    before, other = first["token"], second["token"]
    for replaces, ended in ((before, [first["id"]]), (other, [second["id"]]),
                            (before, []), ("", []), ("n0t a t0ken", [])):
        said = house.ask("issue", {"user": "alice", "replaces": replaces})
        assert (said.status, said.json["ended"]) == (201, ended)
    for token in (before, other):
        refused = house.ask("check", {"token": token})
        assert (refused.status, refused.json["reason"]) == (401, "replaced")
    assert len(house.ask("sessions", {"user": "alice"}).json) == 5


def test_session_ends_by_id_with_all_and_with_the_others(agent, house):
    one, two, three = (issue(house, "alice") for _ in range(3))
    other = issue(house, "bob")
    assert house.ask("revoke", {"id": one["id"]}).json == {"revoked": 1}
    assert house.ask("logout-others",
                     {"token": two["token"]}).json == {"revoked": 1}
    assert house.ask("check", {"token": three["token"]}).status == 401
    assert house.ask("revoke-all", {"user": "alice"}).json == {"revoked": 1}
    assert house.ask("logout-others", {"token": two["token"]}).status == 401
    assert house.ask("check", {"token": other["token"]}).status == 200


def test_only_who_ends_his_own_session_is_to_forget_it(agent, house):
    """Not the administrator who ends another's."""
    admin, alice = issue(house, "admin"), issue(house, "alice")
    everything = {"user": "alice", "token": admin["token"]}
    assert house.ask("revoke-all", everything).json == {"revoked": 1}
    assert house.ask("check", {"token": admin["token"]}).status == 200
    # Nor is what has ended already a reason to.
    for token in (alice["token"], "lk_" + "A" * 64):
        assert house.ask("revoke-all", {
            "user": "alice", "token": token}).json == {"revoked": 0}
    again = issue(house, "alice")
    everything = {"user": "alice", "token": "x"}
    assert house.ask("revoke-all", everything).status == 401
    everything["token"] = again["token"]
    assert house.ask("revoke-all", everything).json == {
        "revoked": 1, "set_cookie": TAKEN_BACK}


def test_holder_of_a_token_is_told_why_his_session_ended(agent, house):
    kept, gone = (issue(house, "alice") for _ in range(2))
    house.ask("logout-others", {"token": kept["token"]})
    for verb in ("check", "refresh", "logout-others"):
        refused = house.ask(verb, {"token": gone["token"]})
        assert refused.json["reason"] == "logout-others"
        assert refused.headers["Latchkey-Reason"] == "logout-others"
        assert refused.headers["WWW-Authenticate"].endswith(
            'error="invalid_token", error_description="logout-others"')
    by_id = house.ask("check-id", {"id": gone["id"]})
    assert (by_id.status, "reason" in by_id.json) == (401, False)
    never = house.ask("check", {"token": "hunter2"})
    assert "reason" not in never.json
    assert "Latchkey-Reason" not in never.headers


@pytest.mark.parametrize("before", ["alice", "bob"])
def test_login_ends_the_session_before_it(agent, house, before):
    old = issue(house, before)["token"]
    new = house.ask("issue", {"user": "alice", "replaces": old})
    assert new.status == 201
    assert house.ask("check", {"token": old}).json["reason"] == "replaced"
    # Whatever else the browser sent is in nobody's way.
    for dead in (old, "hunter2", "", "x" * 4000):
        again = house.ask("issue", {"user": "alice", "replaces": dead})
        assert again.status == 201
    assert house.ask("check", {"token": new.json["token"]}).status == 200


def test_history_is_the_users_and_of_the_rows_kinds(house):
    house.agent(f'{{ users = [ "{CALLER}" ]; may = [ "list" ]; '
                'clients = [ "ios" ]; }')
    for client in ("web", "ios"):
        issue(house, "alice", client)
    issue(house, "bob", "ios")
    everything = house.ask("history", {"user": "alice"}).json
    assert sorted(entry["client"] for entry in everything) == ["ios", "web"]
    assert {(entry["event"], entry["actor"]) for entry in everything} == {
        ("issued", "agent:0")}
    some = house.ask("history", {"user": "alice"}, uid=CALLER).json
    assert [entry["client"] for entry in some] == ["ios"]
    assert house.ask("history", {"user": "carol"}).json == []


def test_row_ends_for_good_what_it_issued(house):
    """However often the session is extended by others."""
    house.agent(f'{{ users = [ "{CALLER}" ]; may = [ "issue", "refresh" ]; '
                'max_ttl = 600; }',
                more='session = { clients = ( { kinds = [ "ios" ]; max = 9; '
                     'ttl = 60; } ); };')
    made = house.ask("issue", {"user": "alice"}, uid=CALLER).json
    token = {"token": made["token"]}
    assert house.ask("check-id", {"id": made["id"]}).json["ends_by"] == (
        made["expires_at"])
    later = house.ask("refresh", {**token, "ttl": 604800}).json
    assert later["expires_at"] == made["expires_at"]
    # The life of its kind is the smaller bound, or the row's is.
    for client, ttl in (("ios", 60), ("web", 600)):
        made = house.ask("issue", {"user": "bob", "client": client},
                         uid=CALLER).json
        for verb, uid in (("check", 0), ("refresh", CALLER)):
            found = house.ask(verb, {"token": made["token"]},
                              uid=uid or None).json
            # A second more is possible: Redis is heard of late.
            assert ttl - 30 < found["ttl"] <= ttl + 1, (client, verb)


def test_user_is_loaded_set_and_refused(agent, house):
    loaded = house.ask("user", {"user": "alice"})
    assert loaded.json == {"id": "alice", "detail": {"mail": "a@x"}}
    assert house.ask("user", {"user": "carol"}).status == 404
    assert house.ask("user", {"user": "carol"}).json["status"] == (
        "no such user")
    put = house.ask("user", {"user": "carol", "detail": {"n": [1, 2]}})
    assert put.json == {"id": "carol", "detail": {"n": [1, 2]}}
    token = issue(house, "carol")["token"]
    found = house.ask("check", {"token": token, "detail": True})
    assert found.json["detail"] == {"n": [1, 2]}
    ghost = issue(house, "ghost")["token"]
    assert house.ask("check", {"token": ghost, "detail": 1}).status == 404
    assert house.ask("check", {"token": ghost}).status == 200


def test_answers_are_stored_nowhere_and_errors_say_why(agent, house):
    for verb, fields, status, name in (
            ("check", {"token": "hunter2"}, 401, "malformed"),
            ("check-id", {"id": "?"}, 401, "malformed"),
            ("revoke", {"id": "?"}, 401, "malformed"),
            ("check", {}, 400, "invalid argument"),
            ("issue", {"user": "a", "ttl": 0}, 400, "invalid argument"),
            ("nothing", {}, 404, "invalid argument"),
            ("revoke-all", {"user": "a", "reason": "x"}, 400,
             "invalid argument")):
        answer = house.ask(verb, fields)
        assert (answer.status, answer.json["status"]) == (status, name), verb
        assert answer.json["message"]
        assert answer.headers["Cache-Control"] == "no-store"
        assert answer.headers["Content-Type"] == "application/json"
    wrong = house.ask("check", {"token": "x"}, method="PUT")
    assert (wrong.status, wrong.headers["Allow"]) == (405, "POST")
    wrong = house.ask("check", {"token": "x"},
                      headers={"Content-Type": "text/plain"})
    assert wrong.status == 415
    assert house.ask("check", {"token": "x" * 65536}).status == 413


def test_health_and_metrics_tell_of_the_agent(agent, house):
    assert house.ask("health").json == {"store": "ok"}
    issue(house, "alice")
    house.ask("check", {"token": "x"})
    text = house.ask("metrics").body
    for line in ('latchkey_agent_requests_total{verb="issue",status="201"} 1',
                 'latchkey_agent_requests_total{verb="check",status="401"} 1',
                 'latchkey_agent_connections ', 'latchkey_reloads_total',
                 'latchkey_store_seconds_count 2'):
        assert line in text
    house.redis.stop()
    broken = house.ask("health")
    assert (broken.status, broken.json) == (503, {"store": "unavailable"})
    assert broken.headers["Retry-After"] == "2"


def test_log_has_a_line_a_change_and_no_token(agent, house):
    one = house.ask("issue", {"user": "alice", "client": "web",
                              "peer": "192.0.2.1", "agent": "B\nrowser"})
    token = one.json["token"]
    house.ask("refresh", {"token": token})
    house.ask("revoke", {"token": token, "reason": "logout",
                         "peer": "192.0.2.9"})
    log_has(agent, "sessions revoked")
    text = agent.output()
    changes = [line for line in text.splitlines() if " pid=" in line]
    assert len(changes) == 3
    assert all(" uid=0 pid=" in line for line in changes)
    assert "client=web peer=192.0.2.1 agent=\"B\\nrowser\"" in changes[0]
    assert "session refreshed" in changes[1]
    assert "count=1 reason=logout peer=192.0.2.9" in changes[2]
    assert token not in text
    assert json.dumps(token) not in text


def test_access_token_is_issued_checked_and_introspected(house):
    key = keygen(house.place, "jwt.json")
    agent = house.agent(
        f'{{ users = [ "{CALLER}" ]; may = [ "token" ]; max_ttl = 60; }},'
        f'{{ users = [ "{OTHER}" ]; may = [ "check" ]; }}',
        more=access_settings(key))
    session = issue(house, "alice")
    token = {"token": session["token"]}
    made = house.ask("token", {**token, "audience": "web"}, uid=CALLER)
    assert made.status == 200
    assert (made.json["token_type"], made.json["expires_in"]) == ("Bearer", 60)
    access = {"token": made.json["access_token"]}
    assert house.ask("token", {**token, "ttl": 61}, uid=CALLER).status == 403
    assert house.ask("token", {**token, "audience": "x"}).status == 400
    assert house.ask("token", access).status == 401
    assert house.ask("refresh", access).status == 401
    assert house.ask("revoke", access).status == 401
    house.ask("token", token)

    plain = house.ask("introspect", {**token, "token_type_hint": "x"},
                      uid=OTHER)
    assert plain.json == {
        "active": True, "token_type": "Bearer", "sub": "alice",
        "sid": session["id"], "client_id": "web",
        "iat": plain.json["iat"], "exp": session["expires_at"]}
    access = {"token": house.ask("token", token).json["access_token"]}
    assert house.ask("check", access, uid=OTHER).json["user"] == "alice"
    assert house.ask("introspect", access).json["sid"] == session["id"]
    house.ask("revoke", token)
    for dead in (token, access, {"token": "hunter2"}):
        answer = house.ask("introspect", dead, uid=OTHER)
        assert (answer.status, answer.json) == (200, {"active": False})
    assert house.ask("check", access).status == 401
    assert house.ask("token", token).status == 401
    log_has(agent, "access token issued")
    assert access["token"] not in agent.output()
    house.redis.stop()
    assert house.ask("introspect", token).status == 503


def test_access_token_without_a_key_cannot_be_issued(house):
    house.agent()
    token = issue(house, "alice")["token"]
    answer = house.ask("token", {"token": token})
    assert (answer.status, answer.json["status"]) == (
        503, "settings are wrong")
