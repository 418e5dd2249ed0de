/* What the gate writes to its log, never a token, and counts. */
#ifndef GATE_REPORT_H_
#define GATE_REPORT_H_

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/log.h"
#include "process/metrics.h"
#include "verdict/decide.h"

/* Most denials of one kind that are logged one by one within a second. */
#define GATE_DENIALS_MAX 20

/** Lets so many lines through per interval and counts the others. */
struct gate_limiter {
	_Atomic int64_t next_ns;     /* when the next interval begins */
	_Atomic uint64_t passed;     /* lines of this one */
	_Atomic uint64_t suppressed; /* lines since it was last said */
};

/** Shared by all threads. */
struct gate_report {
	_Atomic(const struct lk_log *) log; /* changes with the settings */
	struct gate_limiter denials[GATE_REASON_COUNT];
	struct gate_limiter store;   /* sessions that could not be checked */
	struct gate_limiter refused; /* connections without a request */
	struct gate_metrics metrics;
};

/**
 * gate_limiter_pass(limiter, now_ns, interval_ns, max, suppressed):
 * Whether a line may be written at ${now_ns}, one of ${max} in an interval; if
 * so, ${suppressed} is how many were not since that was last said.
 */
bool gate_limiter_pass(struct gate_limiter *limiter, int64_t now_ns,
    int64_t interval_ns, uint64_t max, uint64_t *suppressed);

/**
 * gate_report_verdict(report, facts, verdict):
 * Count a verdict; gate_report_denial() unless it allows.
 */
void gate_report_verdict(struct gate_report *report,
    const struct gate_facts *facts, const struct gate_verdict *verdict);

/**
 * gate_report_denial(report, facts, verdict):
 * One line per denial.  Where those of one kind pour, the first
 * GATE_DENIALS_MAX of each second have one, and the others are summed up.
 */
void gate_report_denial(struct gate_report *report,
    const struct gate_facts *facts, const struct gate_verdict *verdict);

/**
 * gate_report_answer(report, began_ns, status, error):
 * The store answered ${status} to a question asked at ${began_ns}
 * (lk_monotonic_ns()): count it, and gate_report_store() if it is negative.
 */
void gate_report_answer(struct gate_report *report, int64_t began_ns,
    enum lk_status status, const char *error);

/**
 * gate_report_store(report, status, error):
 * A session could not be checked; at most one line every five seconds.
 */
void gate_report_store(struct gate_report *report, enum lk_status status,
    const char *error);

/**
 * gate_report_refused(report, reason):
 * A connection was dropped or refused before it was a request: count it, and
 * at most one line every second.
 */
void gate_report_refused(struct gate_report *report, const char *reason);

/**
 * gate_report_rest(report, now_ns):
 * Say of the denials how many had no line, if no later one does; false if
 * there is nothing left to be said.
 */
bool gate_report_rest(struct gate_report *report, int64_t now_ns);

#endif /* !GATE_REPORT_H_ */
