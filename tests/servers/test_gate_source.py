"""A user source that hangs, behind a gate with other things to do."""

import threading

from support import fastcgi
from support.place import wait_until

RULES = """threads = 4; rules = (
  { path = "/plain/"; access = "session"; },
  { path = "/"; access = "session";
    require = ( { field = "roles"; any = [ "admin" ]; } ); } );"""


def source_of(house, text, timeout_ms):
    """Settings with a program as user source."""
    program = house.place.write("source", f"#!/bin/sh\n{text}\n", 0o755)
    house.more = ('log = { level = "debug"; };\nuser = { source = "exec"; '
                  f'command = [ "{program}" ]; '
                  f'timeout_ms = {timeout_ms}; }};\n')


def test_source_that_hangs_holds_up_no_page_that_needs_it_not(house):
    """More pages that need it than there are threads, and one that does not.
    """
    started = house.place.path / "started"
    hang = house.place.write("hang", "")
    source_of(house, f"echo x >> {started}; "
              f"while [ -e {hang} ]; do sleep 0.02; done; exit 1", 60000)
    gate = house.gate(RULES, more=house.more)
    tokens = [house.cli.issue(f"user{n}") for n in range(8)]
    answers = {}

    def ask(path, token):
        return gate.ask(fastcgi.request_of(
            path, HTTP_AUTHORIZATION=f"Bearer {token}")).status

    def need(n):
        answers[n] = ask("/needs", tokens[n])

    threads = [threading.Thread(target=need, args=(n,)) for n in range(8)]
    for thread in threads:
        thread.start()
    # Those that find no room are answered while the first still hang.
    wait_until(lambda: len(answers) >= 6, "answers to those without a turn")
    hanging = [thread for thread in threads if thread.is_alive()]
    for n in range(50):
        assert ask("/plain/", tokens[n % 8]) == 200
    assert len(hanging) == 2
    assert all(thread.is_alive() for thread in hanging)
    hang.unlink()
    for thread in threads:
        thread.join()
    assert set(answers.values()) == {503}
    assert started.read_text() == "x\n" * 2


def test_source_that_answers_again_is_asked_again(house):
    asked = house.place.write("asked", "")
    hang = house.place.write("hang", "")
    source_of(house, f"echo $1 >> {asked}; "
              f"if [ -e {hang} ]; then exec sleep 60; fi; "
              "echo '{\"roles\":[\"admin\"]}'", 1000)
    gate = house.gate(RULES, more=house.more)
    users = {f"user{n}": house.cli.issue(f"user{n}") for n in range(20)}

    def is_closed():
        """Whether one more user is turned away without a question."""
        user, token = users.popitem()
        assert gate.ask(fastcgi.request_of(
            "/needs", HTTP_AUTHORIZATION=f"Bearer {token}")).status == 503
        return user not in asked.read_text().split()

    wait_until(is_closed, "the source not to be asked any more")
    hang.unlink()
    wait_until(lambda: gate.ask(house.parameters("/needs")).status == 200,
               "the source to be asked again")
