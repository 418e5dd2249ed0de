"""The judge himself: a history that is in order, and for each promise one that
breaks it and nothing else."""

import pytest

from support import judge
from support.load import E_NOT_DURABLE, E_STORE, OK, UNKNOWN, Record

BOUND, LIMIT = 2, 8


def issued(*sessions):
    return [Record("issue", session, OK, 0, 1) for session in sessions]


def last(session, status):
    return Record("last", session, status, 90, 91)


GOOD = issued("0.0", "0.1", "0.2", "0.8") + [
    Record("check", "0.0", OK, 10, 11),
    # What could not be found out says nothing.
    Record("check", "0.0", E_STORE, 12, 13),
    Record("refresh", "0.0", OK, 14, 15),
    # Within the bound, and while it is being revoked.
    Record("revoke", "0.1", OK, 20, 22),
    Record("check", "0.1", OK, 21, 25),
    Record("check", "0.1", OK, 23.9, 24),
    Record("check", "0.1", UNKNOWN, 23, 23.5),
    # One of whom nobody knows whether it was; and one that is not durable.
    Record("revoke", "0.2", E_STORE, 30, 31),
    Record("check", "0.2", UNKNOWN, 32, 33),
    Record("revoke-all", "user-0-1", E_NOT_DURABLE, 34, 35),
    # Issued too late for that one to count.
    Record("issue", "0.9", OK, 34.5, 36),
    last("0.0", OK), last("0.1", UNKNOWN), last("0.2", UNKNOWN),
    last("0.8", E_STORE), last("0.8", UNKNOWN), last("0.9", OK)]

BROKEN = {
    "allowed after a revocation that was reported": [
        [Record("check", "0.1", OK, 24.1, 25)],
        [Record("refresh", "0.1", OK, 30, 31)],
        [Record("revoke-all", "user-0-0", OK, 92, 93),
         Record("check", "0.0", OK, 96, 97)],
    ],
    "revoked, and lives on": [
        # Not durable, so that at the time it was not wrong to allow it.
        [Record("revoke", "0.0", E_NOT_DURABLE, 40, 41)],
        [Record("revoke-all", "user-0-0", E_NOT_DURABLE, 40, 41)],
    ],
    "allowed after it was refused": [
        [Record("revoke", "0.0", E_STORE, 40, 41),
         Record("check", "0.0", UNKNOWN, 42, 43)],
    ],
    "refused without a reason": [
        [Record("check", "0.1", UNKNOWN, 10, 11)],
        issued("0.3") + [last("0.3", UNKNOWN)],
        # Of somebody else, and before it began.
        issued("1.0") + [Record("revoke", "1.0", OK, 50, 51),
                         Record("check", "1.0", UNKNOWN, 40, 41),
                         last("1.0", UNKNOWN)],
        # A revocation of all does not reach who comes later.
        [Record("issue", "0.10", OK, 36, 37), last("0.10", UNKNOWN)],
    ],
    "unanswered to the end": [issued("0.3") + [last("0.3", E_STORE)]],
    "not looked at in the end": [issued("0.3")],
    "slow": [[Record("check", "0.0", OK, 50, 58.1)]],
}


def broken_by(records, **options):
    return set(judge.judge(records, BOUND, LIMIT, **options))


def test_judge_finds_nothing_in_a_good_history():
    assert broken_by(GOOD) == set()


def test_judge_knows_a_broken_history_for_each_promise():
    assert set(BROKEN) == set(judge.PROMISES)


@pytest.mark.parametrize("name, added", [
    (name, added) for name, all_added in BROKEN.items()
    for added in all_added])
def test_judge_finds_each_broken_promise(name, added):
    assert name in broken_by(GOOD + added)


def test_judge_allows_nothing_once_all_is_over():
    assert broken_by(GOOD, over=23) == {
        "allowed after a revocation that was reported"}


def test_judge_that_forgives_losses_forgives_nothing_else():
    forgiven = "refused without a reason"
    for name, all_added in BROKEN.items():
        for added in all_added:
            found = broken_by(GOOD + added, forgiving=True)
            assert (name in found) == (name != forgiven)
