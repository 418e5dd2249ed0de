/*
 * What befalls the process: said in its log, at most so often, and counted.
 * Never a token.  Counters are atomic and independent of each other: counting
 * takes no lock, and what is shown together (Prometheus' text format 0.0.4)
 * need not be of one moment.
 */
#ifndef GATE_EVENTS_H_
#define GATE_EVENTS_H_

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"

#define GATE_LATENCY_BUCKETS 10
#define GATE_STATUS_ERRORS 9 /* LK_FAULT to LK_E_WOULD_WAIT */

typedef _Atomic uint64_t gate_counter;

/** All zero at first; shared by all threads. */
struct gate_metrics {
	gate_counter latency[GATE_LATENCY_BUCKETS + 1]; /* last: above all */
	gate_counter latency_ns;
	gate_counter store_errors[GATE_STATUS_ERRORS];

	gate_counter connections_accepted;
	gate_counter connections_refused; /* or dropped without a request */
	gate_counter connections_waiting; /* now, for a whole request */
	gate_counter queued;              /* now, for a worker */
	gate_counter log_dropped;         /* lines */
	gate_counter reloads;
	gate_counter reloads_failed;
};

/** gate_count(counter): one more; how many there were before. */
static inline uint64_t
gate_count(gate_counter *counter)
{
	return (atomic_fetch_add_explicit(counter, 1, memory_order_relaxed));
}

/** gate_counted(counter): how many. */
static inline uint64_t
gate_counted(const gate_counter *counter)
{
	return (atomic_load_explicit(counter, memory_order_relaxed));
}

/** gate_count_down(counter): one less of what is there now. */
static inline void
gate_count_down(gate_counter *counter)
{
	(void)atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
}

/**
 * gate_metrics_store(metrics, took_ns, status):
 * The store, and the user source if it was asked, took ${took_ns} to answer
 * ${status}.
 */
void gate_metrics_store(struct gate_metrics *metrics, int64_t took_ns,
    enum lk_status status);

/** gate_metrics_print(metrics, out): Append everything to ${out}. */
void gate_metrics_print(const struct gate_metrics *metrics, struct lk_buf *out);

/** gate_metrics_head(out, name, type, help): Append a metric's first lines. */
void gate_metrics_head(struct lk_buf *out, const char *name, const char *type,
    const char *help);

/** gate_metrics_print_one(out, name, type, help, counter): Append a metric that
 * is one number. */
void gate_metrics_print_one(struct lk_buf *out, const char *name,
    const char *type, const char *help, const gate_counter *counter);

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
 * What time it is now.
 */
int64_t gate_events_asked(struct gate_events *events, int64_t began_ns,
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
