#include <inttypes.h>
#include <stdio.h>

#include "base/deadline.h"
#include "process/events.h"

#define SECOND_NS INT64_C(1000000000)
#define STORE_INTERVAL_NS (5 * SECOND_NS)
#define TURNED_AWAY_INTERVAL_NS SECOND_NS

/* Upper bounds of the latency's buckets. */
static const struct {
	int64_t ns;
	const char *seconds;
} bounds[GATE_LATENCY_BUCKETS] = {
	{ 100000, "0.0001" },
	{ 250000, "0.00025" },
	{ 500000, "0.0005" },
	{ 1000000, "0.001" },
	{ 2500000, "0.0025" },
	{ 5000000, "0.005" },
	{ 10000000, "0.01" },
	{ 50000000, "0.05" },
	{ 250000000, "0.25" },
	{ 1000000000, "1" },
};

static const char *const errors[GATE_STATUS_ERRORS] = { "fault", "memory",
	"argument", "settings", "store", "timeout", "corrupt", "not_durable",
	"would_wait" };

_Static_assert(LK_E_WOULD_WAIT == -GATE_STATUS_ERRORS,
    "each negative status has a counter");

/* ---- Saying and counting ----------------------------------------------- */

bool
gate_limiter_pass(struct gate_limiter *limiter, int64_t now_ns,
    int64_t interval_ns, uint64_t max, uint64_t *suppressed)
{
	int64_t next = atomic_load(&limiter->next_ns);

	*suppressed = 0;
	if (now_ns >= next &&
	    atomic_compare_exchange_strong(&limiter->next_ns, &next,
	        now_ns + interval_ns)) {
		atomic_store(&limiter->passed, 1);
		*suppressed = atomic_exchange(&limiter->suppressed, 0);
		return (true);
	}
	if (atomic_fetch_add(&limiter->passed, 1) < max)
		return (true);
	(void)atomic_fetch_add(&limiter->suppressed, 1);
	return (false);
}

const char *
gate_limiter_said(uint64_t suppressed, char text[GATE_LIMITER_SAID])
{
	if (suppressed == 0)
		return (NULL);
	(void)snprintf(text, GATE_LIMITER_SAID, "%" PRIu64, suppressed);
	return (text);
}

void
gate_metrics_store(struct gate_metrics *metrics, int64_t took_ns,
    enum lk_status status)
{
	size_t i = 0;

	while (i < GATE_LATENCY_BUCKETS && took_ns > bounds[i].ns)
		i++;
	gate_count(&metrics->latency[i]);
	(void)atomic_fetch_add_explicit(&metrics->latency_ns, (uint64_t)took_ns,
	    memory_order_relaxed);
	if (status < 0 && status >= -GATE_STATUS_ERRORS)
		gate_count(&metrics->store_errors[-status - 1]);
}

int64_t
gate_events_asked(struct gate_events *events, int64_t began_ns,
    enum lk_status status, const char *error)
{
	const int64_t now = lk_monotonic_ns();

	gate_metrics_store(&events->metrics, now - began_ns, status);
	if (status < 0)
		gate_events_store(events, status, error);
	return (now);
}

void
gate_events_store(struct gate_events *events, enum lk_status status,
    const char *error)
{
	uint64_t suppressed;
	char count[GATE_LIMITER_SAID];

	if (!gate_limiter_pass(&events->store, lk_monotonic_ns(),
	        STORE_INTERVAL_NS, 1, &suppressed))
		return;
	LK_LOG(events->log, LK_LOG_WARN,
	    status == LK_E_NOT_DURABLE ? "change is not yet durable"
	                               : "session could not be checked",
	    { "reason", lk_status_name(status) }, { "error", error },
	    { "suppressed", gate_limiter_said(suppressed, count) });
}

void
gate_events_turned_away(struct gate_events *events, const char *reason)
{
	uint64_t suppressed;
	char count[GATE_LIMITER_SAID];

	gate_count(&events->metrics.connections_refused);
	if (!gate_limiter_pass(&events->turned_away, lk_monotonic_ns(),
	        TURNED_AWAY_INTERVAL_NS, 1, &suppressed))
		return;
	LK_LOG(events->log, LK_LOG_INFO, "connection refused",
	    { "reason", reason },
	    { "suppressed", gate_limiter_said(suppressed, count) });
}

/* ---- Showing ----------------------------------------------------------- */

void
gate_metrics_head(struct lk_buf *out, const char *name, const char *type,
    const char *help)
{
	lk_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	    type);
}

void
gate_metrics_print_one(struct lk_buf *out, const char *name, const char *type,
    const char *help, const gate_counter *counter)
{
	gate_metrics_head(out, name, type, help);
	lk_buf_printf(out, "%s %" PRIu64 "\n", name, gate_counted(counter));
}

void
gate_metrics_print(const struct gate_metrics *metrics, struct lk_buf *out)
{
	static const char name[] = "latchkey_store_seconds";
	uint64_t sum = 0, ns = gate_counted(&metrics->latency_ns);
	size_t i;

	gate_metrics_head(out, name, "histogram",
	    "Time the store took to answer, with the user source.");
	for (i = 0; i < GATE_LATENCY_BUCKETS; i++) {
		sum += gate_counted(&metrics->latency[i]);
		lk_buf_printf(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
		    bounds[i].seconds, sum);
	}
	sum += gate_counted(&metrics->latency[GATE_LATENCY_BUCKETS]);
	lk_buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, sum);
	lk_buf_printf(out, "%s_sum %" PRIu64 ".%09" PRIu64 "\n", name,
	    ns / 1000000000, ns % 1000000000);
	lk_buf_printf(out, "%s_count %" PRIu64 "\n", name, sum);

	gate_metrics_head(out, "latchkey_store_errors_total", "counter",
	    "Questions that the store could not answer.");
	for (i = 0; i < GATE_STATUS_ERRORS; i++)
		lk_buf_printf(out,
		    "latchkey_store_errors_total{error=\"%s\"} "
		    "%" PRIu64 "\n",
		    errors[i], gate_counted(&metrics->store_errors[i]));

	gate_metrics_print_one(out, "latchkey_connections_accepted_total",
	    "counter", "Connections accepted.", &metrics->connections_accepted);
	gate_metrics_print_one(out, "latchkey_connections_refused_total",
	    "counter", "Connections refused or dropped without a good request.",
	    &metrics->connections_refused);
	gate_metrics_print_one(out, "latchkey_connections_waiting", "gauge",
	    "Connections that have not sent a whole request.",
	    &metrics->connections_waiting);
	gate_metrics_print_one(out, "latchkey_queue_depth", "gauge",
	    "Requests that wait for a worker.", &metrics->queued);
	gate_metrics_print_one(out, "latchkey_log_lines_dropped_total",
	    "counter", "Log lines that found no room, since nobody read them.",
	    &metrics->log_dropped);
	gate_metrics_head(out, "latchkey_reloads_total", "counter",
	    "Reloads of the settings.");
	lk_buf_printf(out,
	    "latchkey_reloads_total{result=\"done\"} %" PRIu64
	    "\nlatchkey_reloads_total{result=\"failed\"} %" PRIu64 "\n",
	    gate_counted(&metrics->reloads),
	    gate_counted(&metrics->reloads_failed));
}
