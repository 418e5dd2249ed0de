/*
 * What the process counts, and how it is shown (Prometheus' text format
 * 0.0.4).  Counters are atomic and independent of each other: counting takes
 * no lock, and what is shown together need not be of one moment.
 */
#ifndef GATE_METRICS_H_
#define GATE_METRICS_H_

#include <stdatomic.h>
#include <stdint.h>

#include "base/buf.h"
#include "latchkey.h"

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

/** gate_count(counter): one more. */
static inline void
gate_count(gate_counter *counter)
{
	(void)atomic_fetch_add_explicit(counter, 1, memory_order_relaxed);
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

#endif /* !GATE_METRICS_H_ */
