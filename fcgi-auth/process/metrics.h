/*
 * What the gate counts, and how it is shown (Prometheus' text format 0.0.4).
 * Counters are atomic and independent of each other: counting takes no lock,
 * and what is shown together need not be of one moment.
 */
#ifndef GATE_METRICS_H_
#define GATE_METRICS_H_

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "endpoints/endpoint.h"
#include "verdict/decide.h"

/** Why a verdict is as it is. */
enum gate_reason {
	GATE_REASON_OTHER = 0,
	GATE_REASON_SESSION, /* allowed: a live session */
	GATE_REASON_PUBLIC,  /* allowed without one */
	GATE_REASON_NO_TOKEN,
	GATE_REASON_MALFORMED,
	GATE_REASON_CONFLICT,
	GATE_REASON_UNKNOWN,
	GATE_REASON_EXPIRED,
	GATE_REASON_OTHER_USER,
	GATE_REASON_NO_USER,
	GATE_REASON_LIMIT,
	GATE_REASON_RULE,
	GATE_REASON_BAD_REQUEST,
	GATE_REASON_STORE, /* could not find out */
	GATE_REASON_COUNT
};

/** How an endpoint answered. */
enum gate_result {
	GATE_RESULT_DONE = 0,
	GATE_RESULT_REFUSED,
	GATE_RESULT_UNAVAILABLE,
	GATE_RESULT_COUNT
};

#define GATE_LATENCY_BUCKETS 10
#define GATE_STATUS_ERRORS 8 /* LK_FAULT to LK_E_NOT_DURABLE */

typedef _Atomic uint64_t gate_counter;

/** All zero at first; shared by all threads. */
struct gate_metrics {
	gate_counter verdicts[GATE_REASON_COUNT];
	gate_counter endpoints[GATE_ENDPOINT_COUNT][GATE_RESULT_COUNT];
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

/** gate_count(counter): one more. */
static inline void
gate_count(gate_counter *counter)
{
	(void)atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
}

/** gate_count_down(counter): one less of what is there now. */
static inline void
gate_count_down(gate_counter *counter)
{
	(void)atomic_fetch_sub_explicit(counter, 1, memory_order_relaxed);
}

/** gate_metrics_reason(facts, verdict): Why ${verdict} is as it is. */
enum gate_reason gate_metrics_reason(const struct gate_facts *facts,
    const struct gate_verdict *verdict);

/** gate_reason_name(reason): As the metrics and the log call it. */
const char *gate_reason_name(enum gate_reason reason);

/** gate_metrics_verdict(metrics, facts, verdict): Count a verdict. */
void gate_metrics_verdict(struct gate_metrics *metrics,
    const struct gate_facts *facts, const struct gate_verdict *verdict);

/** gate_metrics_endpoint(metrics, endpoint, http): Count an answer. */
void gate_metrics_endpoint(struct gate_metrics *metrics,
    enum gate_endpoint endpoint, unsigned int http);

/**
 * gate_metrics_store(metrics, took_ns, status):
 * The store, and the user source if it was asked, took ${took_ns} to answer
 * ${status}.
 */
void gate_metrics_store(struct gate_metrics *metrics, int64_t took_ns,
    enum lk_status status);

/** gate_metrics_print(metrics, out): Append everything to ${out}. */
void gate_metrics_print(const struct gate_metrics *metrics, struct lk_buf *out);

#endif /* !GATE_METRICS_H_ */
