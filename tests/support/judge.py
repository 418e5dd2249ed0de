"""The judge: what a history of operations shows that must never be.

He knows nothing but the records, and so can be asked long after.  Each of
PROMISES is one of WHAT IS PROMISED in latchkey.conf(5), and a function that
returns the records which break it; tests/failover/test_judge.py has a history
that breaks each.
"""

import collections

from support.load import E_NOT_DURABLE, OK, of

# Sessions of one user, by tests/failover/load.c.
SESSIONS_OF_A_USER = 8
# What says that a session lives.
ALLOWING = ("check", "refresh", "last")


def user_of(session):
    """The user of a session `worker.number`; None where all are one's."""
    worker, _, number = session.partition(".")
    return (f"user-{worker}-{int(number) // SESSIONS_OF_A_USER}" if number
            else None)


class History:
    """Records, and what follows from them for each session."""

    def __init__(self, records):
        self.records = records
        self.issued = {record.session: record
                       for record in of(records, "issue")
                       if record.status == OK}
        self.all_of = collections.defaultdict(list)
        for session in self.issued:
            self.all_of[user_of(session)].append(session)

    def ends(self, *statuses):
        """For each session the ends of which such a status was reported, or
        any at all: when it was first tried, and when first reported."""
        found = {}
        for record in of(self.records, "revoke", "revoke-all"):
            if statuses and record.status not in statuses:
                continue
            for session in self._ended_by(record, not statuses):
                began, ended = found.get(session, (record.began,
                                                   record.ended))
                found[session] = (min(began, record.began),
                                  min(ended, record.ended))
        return found

    def _ended_by(self, record, perhaps):
        if record.what == "revoke":
            return [record.session]
        # What was issued meanwhile may have been ended or not.
        return [session for session in self.all_of[record.session]
                if (self.issued[session].began <= record.ended if perhaps
                    else self.issued[session].ended <= record.began)]


def undue(history, bound, over=float("inf")):
    """What was allowed after the session was reported revoked for good: later
    than the bound after that, or at all once everything is over."""
    ends = history.ends(OK)
    return [record for record in of(history.records, *ALLOWING)
            if record.status == OK and record.session in ends
            and record.began > ends[record.session][1]
            and (record.began > ends[record.session][1] + bound
                 or record.began > over)]


def revived(history, *statuses):
    """Sessions that were reported revoked, durably or not, and live on."""
    ends = history.ends(*(statuses or (OK, E_NOT_DURABLE)))
    return [record for record in of(history.records, "last")
            if record.status == OK and record.session in ends]


def refused(history):
    """What was refused although nobody had begun to end the session."""
    ends = history.ends()
    return [record for record in of(history.records, *ALLOWING)
            if record.status > OK and record.ended <
            ends.get(record.session, (float("inf"),))[0]]


def lost(history):
    """Sessions that somebody holds and nobody revoked, and that are gone."""
    return of(refused(history), "last")


def wavering(history, bound):
    """What was allowed later than the bound after it had been refused."""
    gone = {}
    for record in of(history.records, *ALLOWING):
        if record.status > OK:
            when = gone.get(record.session, record.ended)
            gone[record.session] = min(when, record.ended)
    return [record for record in of(history.records, *ALLOWING)
            if record.status == OK and record.session in gone
            and record.began > gone[record.session] + bound]


def undecided(history):
    """Sessions of which in the end there was no answer to be had."""
    final = {record.session: record
             for record in of(history.records, "last")}
    return [record for record in final.values() if record.status < OK]


def forgotten(history):
    """Sessions that nobody looked at in the end."""
    seen = {record.session for record in of(history.records, "last")}
    return [record for record in of(history.records, "issue")
            if record.status == OK and record.session not in seen]


def slow(history, limit):
    return [record for record in history.records
            if record.ended - record.began > limit]


WAVERING = "allowed after it was refused"
PROMISES = {
    "allowed after a revocation that was reported": undue,
    "revoked, and lives on": revived,
    WAVERING: wavering,
    "refused without a reason": refused,
    "unanswered to the end": undecided,
    "not looked at in the end": forgotten,
    "slow": slow,
}


def judge(records, bound, limit, over=float("inf"), forgiving=False):
    """What breaks a promise, by the promise.

    With `forgiving` sessions may be lost: more than one failure at a time may
    leave nobody who had them.
    """
    history = History(records)
    arguments = {undue: (bound, over), wavering: (bound,), slow: (limit,)}
    found = {name: promise(history, *arguments.get(promise, ()))
             for name, promise in PROMISES.items()
             if not (forgiving and promise is refused)}
    return {name: those for name, those in found.items() if those}
