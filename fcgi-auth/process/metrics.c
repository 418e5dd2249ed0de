#include <inttypes.h>

#include "process/metrics.h"

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

static const struct {
	const char *verdict;
	const char *reason;
} labels[GATE_REASON_COUNT] = {
	[GATE_REASON_OTHER] = { "unavailable", "other" },
	[GATE_REASON_SESSION] = { "allowed", "session" },
	[GATE_REASON_PUBLIC] = { "allowed", "public" },
	[GATE_REASON_NO_TOKEN] = { "denied", "no_token" },
	[GATE_REASON_MALFORMED] = { "denied", "malformed" },
	[GATE_REASON_CONFLICT] = { "denied", "conflict" },
	[GATE_REASON_UNKNOWN] = { "denied", "unknown" },
	[GATE_REASON_EXPIRED] = { "denied", "expired" },
	[GATE_REASON_OTHER_USER] = { "denied", "other_user" },
	[GATE_REASON_NO_USER] = { "denied", "no_user" },
	[GATE_REASON_LIMIT] = { "denied", "limit" },
	[GATE_REASON_RULE] = { "denied", "rule" },
	[GATE_REASON_BAD_REQUEST] = { "denied", "bad_request" },
	[GATE_REASON_STORE] = { "unavailable", "store" },
};

static const char *const results[GATE_RESULT_COUNT] = {
	[GATE_RESULT_DONE] = "done",
	[GATE_RESULT_REFUSED] = "refused",
	[GATE_RESULT_UNAVAILABLE] = "unavailable",
};

static const char *const errors[GATE_STATUS_ERRORS] = { "fault", "memory",
	"argument", "settings", "store", "timeout", "corrupt", "not_durable" };

_Static_assert(LK_E_NOT_DURABLE == -GATE_STATUS_ERRORS,
    "each negative status has a counter");

/* ---- Counting ---------------------------------------------------------- */

/* Why the bearer of what was sent is not let in. */
static enum gate_reason
reason_of_credentials(const struct gate_facts *facts)
{
	switch (facts->credentials->kind) {
	case GATE_CREDENTIALS_NONE:
		return (GATE_REASON_NO_TOKEN);
	case GATE_CREDENTIALS_BAD:
		return (GATE_REASON_MALFORMED);
	case GATE_CREDENTIALS_SEVERAL:
	case GATE_CREDENTIALS_TOO_MANY:
	case GATE_CREDENTIALS_CONFLICT:
		return (GATE_REASON_CONFLICT);
	case GATE_CREDENTIALS_ONE:
		break;
	}
	switch (facts->status) {
	case LK_OK:
		return (GATE_REASON_OTHER_USER);
	case LK_MALFORMED:
		return (GATE_REASON_MALFORMED);
	case LK_EXPIRED:
		return (GATE_REASON_EXPIRED);
	default:
		return (GATE_REASON_UNKNOWN);
	}
}

enum gate_reason
gate_metrics_reason(const struct gate_facts *facts,
    const struct gate_verdict *verdict)
{
	switch (verdict->http) {
	case 200:
		return (facts->status == LK_OK ? GATE_REASON_SESSION
		                               : GATE_REASON_PUBLIC);
	case 302:
	case 401:
		return (reason_of_credentials(facts));
	case 400:
		return (verdict->challenge != GATE_CHALLENGE_NONE
		        ? GATE_REASON_CONFLICT
		        : GATE_REASON_BAD_REQUEST);
	case 403:
		if (facts->status == LK_NO_USER)
			return (GATE_REASON_NO_USER);
		return (facts->status == LK_LIMIT ? GATE_REASON_LIMIT
		                                  : GATE_REASON_RULE);
	case 404:
		return (GATE_REASON_BAD_REQUEST);
	case 503:
		return (
		    facts->status < 0 ? GATE_REASON_STORE : GATE_REASON_OTHER);
	default:
		return (GATE_REASON_OTHER);
	}
}

const char *
gate_reason_name(enum gate_reason reason)
{
	return (labels[reason].reason);
}

void
gate_metrics_verdict(struct gate_metrics *metrics,
    const struct gate_facts *facts, const struct gate_verdict *verdict)
{
	gate_count(&metrics->verdicts[gate_metrics_reason(facts, verdict)]);
}

void
gate_metrics_endpoint(struct gate_metrics *metrics, enum gate_endpoint endpoint,
    unsigned int http)
{
	enum gate_result result = GATE_RESULT_REFUSED;

	if (http == 200 || http == 202)
		result = GATE_RESULT_DONE;
	else if (http == 503)
		result = GATE_RESULT_UNAVAILABLE;
	gate_count(&metrics->endpoints[endpoint][result]);
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

/* ---- Showing ----------------------------------------------------------- */

static uint64_t
read_counter(const gate_counter *counter)
{
	return (atomic_load_explicit(counter, memory_order_relaxed));
}

static void
print_head(struct lk_buf *out, const char *name, const char *type,
    const char *help)
{
	lk_buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", name, help, name,
	    type);
}

/* A metric that is one number. */
static void
print_one(struct lk_buf *out, const char *name, const char *type,
    const char *help, const gate_counter *counter)
{
	print_head(out, name, type, help);
	lk_buf_printf(out, "%s %" PRIu64 "\n", name, read_counter(counter));
}

static void
print_verdicts(const struct gate_metrics *metrics, struct lk_buf *out)
{
	size_t i;

	print_head(out, "latchkey_requests_total", "counter",
	    "Verdicts, and why.");
	for (i = 0; i < GATE_REASON_COUNT; i++)
		lk_buf_printf(out,
		    "latchkey_requests_total{verdict=\"%s\","
		    "reason=\"%s\"} %" PRIu64 "\n",
		    labels[i].verdict, labels[i].reason,
		    read_counter(&metrics->verdicts[i]));
}

static void
print_endpoints(const struct gate_metrics *metrics, struct lk_buf *out)
{
	size_t i, j;

	print_head(out, "latchkey_endpoint_requests_total", "counter",
	    "Requests at endpoints other than authorize.");
	for (i = 0; i < GATE_ENDPOINT_COUNT; i++) {
		if (i == GATE_ENDPOINT_AUTHORIZE)
			continue;
		for (j = 0; j < GATE_RESULT_COUNT; j++)
			lk_buf_printf(out,
			    "latchkey_endpoint_requests_total"
			    "{endpoint=\"%s\",result=\"%s\"} %" PRIu64 "\n",
			    gate_endpoint_name((enum gate_endpoint)i),
			    results[j],
			    read_counter(&metrics->endpoints[i][j]));
	}
}

static void
print_store(const struct gate_metrics *metrics, struct lk_buf *out)
{
	static const char name[] = "latchkey_store_seconds";
	uint64_t sum = 0, ns = read_counter(&metrics->latency_ns);
	size_t i;

	print_head(out, name, "histogram",
	    "Time the store took to answer, with the user source.");
	for (i = 0; i < GATE_LATENCY_BUCKETS; i++) {
		sum += read_counter(&metrics->latency[i]);
		lk_buf_printf(out, "%s_bucket{le=\"%s\"} %" PRIu64 "\n", name,
		    bounds[i].seconds, sum);
	}
	sum += read_counter(&metrics->latency[GATE_LATENCY_BUCKETS]);
	lk_buf_printf(out, "%s_bucket{le=\"+Inf\"} %" PRIu64 "\n", name, sum);
	lk_buf_printf(out, "%s_sum %" PRIu64 ".%09" PRIu64 "\n", name,
	    ns / 1000000000, ns % 1000000000);
	lk_buf_printf(out, "%s_count %" PRIu64 "\n", name, sum);

	print_head(out, "latchkey_store_errors_total", "counter",
	    "Questions that the store could not answer.");
	for (i = 0; i < GATE_STATUS_ERRORS; i++)
		lk_buf_printf(out,
		    "latchkey_store_errors_total{error=\"%s\"} "
		    "%" PRIu64 "\n",
		    errors[i], read_counter(&metrics->store_errors[i]));
}

static void
print_process(const struct gate_metrics *metrics, struct lk_buf *out)
{
	print_one(out, "latchkey_connections_accepted_total", "counter",
	    "Connections accepted.", &metrics->connections_accepted);
	print_one(out, "latchkey_connections_refused_total", "counter",
	    "Connections refused or dropped without a good request.",
	    &metrics->connections_refused);
	print_one(out, "latchkey_connections_waiting", "gauge",
	    "Connections that have not sent a whole request.",
	    &metrics->connections_waiting);
	print_one(out, "latchkey_queue_depth", "gauge",
	    "Requests that wait for a worker.", &metrics->queued);
	print_one(out, "latchkey_log_lines_dropped_total", "counter",
	    "Log lines that found no room, since nobody read them.",
	    &metrics->log_dropped);
	print_head(out, "latchkey_reloads_total", "counter",
	    "Reloads of the settings.");
	lk_buf_printf(out,
	    "latchkey_reloads_total{result=\"done\"} %" PRIu64
	    "\nlatchkey_reloads_total{result=\"failed\"} %" PRIu64 "\n",
	    read_counter(&metrics->reloads),
	    read_counter(&metrics->reloads_failed));
}

void
gate_metrics_print(const struct gate_metrics *metrics, struct lk_buf *out)
{
	print_head(out, "latchkey_info", "gauge", "The gate's version.");
	lk_buf_printf(out, "latchkey_info{version=\"%s\"} 1\n", lk_version());
	print_verdicts(metrics, out);
	print_endpoints(metrics, out);
	print_store(metrics, out);
	print_process(metrics, out);
}
