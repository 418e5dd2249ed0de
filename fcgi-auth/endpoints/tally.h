/* What requests come to: counted, and each denial said in the log. */
#ifndef GATE_TALLY_H_
#define GATE_TALLY_H_

#include "endpoints/attempts.h"
#include "endpoints/endpoint.h"
#include "process/process.h"
#include "verdict/verdict.h"

/* Most denials of one kind that are logged one by one within a second. */
#define GATE_DENIALS_MAX 20

/** How an endpoint answered. */
enum gate_result {
	GATE_RESULT_DONE = 0,
	GATE_RESULT_REFUSED,
	GATE_RESULT_UNAVAILABLE,
	GATE_RESULT_COUNT
};

/** Why a request is to be asked again; each has places of its own. */
enum gate_again {
	GATE_AGAIN_LOGIN = 0, /* a password has no turn yet */
	GATE_AGAIN_WATCH,     /* its session still lives */
	GATE_AGAIN_COUNT
};

/** All zero at first but the log; shared by all threads. */
struct gate_tally {
	struct gate_events events;
	struct gate_limiter denials[GATE_REASON_COUNT];
	struct gate_limiter logins;   /* that are refused */
	struct gate_limiter checkers; /* of passwords that cannot */
	struct gate_attempts attempts;
	atomic_int checking; /* passwords, at the moment */
	gate_counter verdicts[GATE_REASON_COUNT];
	gate_counter http_connections;        /* now */
	gate_counter again[GATE_AGAIN_COUNT]; /* that wait for it now */
	gate_counter endpoints[GATE_ENDPOINT_COUNT][GATE_RESULT_COUNT];
};

/**
 * gate_tally_verdict(tally, facts, verdict):
 * Count a verdict; gate_tally_denial() unless it allows.
 */
void gate_tally_verdict(struct gate_tally *tally,
    const struct gate_facts *facts, const struct gate_verdict *verdict);

/**
 * gate_tally_denial(tally, facts, verdict):
 * One line per denial.  Where those of one kind pour, the first
 * GATE_DENIALS_MAX of each second have one, and the others are summed up.
 */
void gate_tally_denial(struct gate_tally *tally, const struct gate_facts *facts,
    const struct gate_verdict *verdict);

/** gate_tally_endpoint(tally, endpoint, http): Count an endpoint's reply. */
void gate_tally_endpoint(struct gate_tally *tally, enum gate_endpoint endpoint,
    unsigned int http);

/**
 * gate_tally_rest(tally, now_ns):
 * Say of the denials how many had no line, if no later one does; false if
 * there is nothing left to be said.
 */
bool gate_tally_rest(struct gate_tally *tally, int64_t now_ns);

/** gate_tally_print(tally, out): Append all metrics to ${out}. */
void gate_tally_print(const struct gate_tally *tally, struct lk_buf *out);

#endif /* !GATE_TALLY_H_ */
