/*
 * What befalls the process: said in its log, at most so often, and counted.
 * Never a token.
 */
#ifndef GATE_EVENTS_H_
#define GATE_EVENTS_H_

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "process/metrics.h"

/** Lets so many lines through per interval and counts the others. */
struct gate_limiter {
	_Atomic int64_t next_ns;     /* when the next interval begins */
	_Atomic uint64_t passed;     /* lines of this one */
	_Atomic uint64_t suppressed; /* lines since it was last said */
};

/** Shared by all threads. */
struct gate_events {
	_Atomic(const struct lk_log *) log; /* changes with the settings */
	struct gate_limiter store; /* sessions that could not be checked */
	struct gate_limiter turned_away; /* connections */
	struct gate_metrics metrics;
};

/**
 * gate_limiter_pass(limiter, now_ns, interval_ns, max, suppressed):
 * Whether a line may be written at ${now_ns}, one of ${max} in an interval; if
 * so, ${suppressed} is how many were not since that was last said.
 */
bool gate_limiter_pass(struct gate_limiter *limiter, int64_t now_ns,
    int64_t interval_ns, uint64_t max, uint64_t *suppressed);

/* Room for a number. */
#define GATE_LIMITER_SAID 24

/**
 * gate_limiter_said(suppressed, text):
 * The value of a line's field `suppressed`; NULL, which leaves it out, if 0.
 */
const char *gate_limiter_said(uint64_t suppressed,
    char text[GATE_LIMITER_SAID]);

/**
 * gate_events_asked(events, began_ns, status, error):
 * The store answered ${status} to a question asked at ${began_ns}
 * (lk_monotonic_ns()): count it, and gate_events_store() if it is negative.
 */
void gate_events_asked(struct gate_events *events, int64_t began_ns,
    enum lk_status status, const char *error);

/**
 * gate_events_store(events, status, error):
 * A session could not be checked; at most one line every five seconds.
 */
void gate_events_store(struct gate_events *events, enum lk_status status,
    const char *error);

/**
 * gate_events_turned_away(events, reason):
 * A connection was dropped or refused before it was a request: count it, and
 * at most one line every second.
 */
void gate_events_turned_away(struct gate_events *events, const char *reason);

#endif /* !GATE_EVENTS_H_ */
