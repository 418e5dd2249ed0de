#include <inttypes.h>
#include <stdio.h>

#include "base/deadline.h"
#include "endpoints/tally.h"

#define SECOND_NS INT64_C(1000000000)
/* Longest path in a line. */
#define PATH_MAX_LOGGED 512

static const char *const results[GATE_RESULT_COUNT] = {
	[GATE_RESULT_DONE] = "done",
	[GATE_RESULT_REFUSED] = "refused",
	[GATE_RESULT_UNAVAILABLE] = "unavailable",
};

/* ---- Counting, and saying it in the log -------------------------------- */

void
gate_tally_denial(struct gate_tally *tally, const struct gate_facts *facts,
    const struct gate_verdict *verdict)
{
	const struct gate_request *request = facts->request;
	const struct lk_session *session = facts->status == LK_OK
	    ? facts->session
	    : NULL;
	const enum gate_reason kind = gate_reason_of(facts, verdict);
	char http[12], path[PATH_MAX_LOGGED], count[GATE_LIMITER_SAID];
	uint64_t suppressed;

	if (!gate_limiter_pass(&tally->denials[kind], lk_monotonic_ns(),
	        SECOND_NS, GATE_DENIALS_MAX, &suppressed))
		return;
	(void)snprintf(http, sizeof(http), "%u", verdict->http);
	gate_request_path(request, path, sizeof(path));
	LK_LOG(tally->events.log, LK_LOG_INFO, "request denied",
	    { "status", http }, { "reason", verdict->reason },
	    { "session", session == NULL ? NULL : session->id },
	    { "user", session == NULL ? NULL : session->user },
	    { "method", request->method }, { "path", path },
	    { "peer", request->peer }, { "trace", gate_request_trace(request) },
	    { "request_id", gate_request_id(request) },
	    { "suppressed", gate_limiter_said(suppressed, count) });
}

void
gate_tally_verdict(struct gate_tally *tally, const struct gate_facts *facts,
    const struct gate_verdict *verdict)
{
	gate_count(&tally->verdicts[gate_reason_of(facts, verdict)]);
	if (verdict->http != 200)
		gate_tally_denial(tally, facts, verdict);
}

void
gate_tally_endpoint(struct gate_tally *tally, enum gate_endpoint endpoint,
    unsigned int http)
{
	enum gate_result result = GATE_RESULT_REFUSED;

	if (http == 200 || http == 202 || http == 303)
		result = GATE_RESULT_DONE;
	else if (http == 503)
		result = GATE_RESULT_UNAVAILABLE;
	gate_count(&tally->endpoints[endpoint][result]);
}

bool
gate_tally_rest(struct gate_tally *tally, int64_t now_ns)
{
	struct gate_limiter *limiter;
	uint64_t suppressed;
	bool left = false;
	char count[GATE_LIMITER_SAID];
	int kind;

	for (kind = 0; kind < GATE_REASON_COUNT; kind++) {
		limiter = &tally->denials[kind];
		if (atomic_load(&limiter->suppressed) == 0)
			continue;
		if (now_ns < atomic_load(&limiter->next_ns)) {
			left = true;
			continue;
		}
		suppressed = atomic_exchange(&limiter->suppressed, 0);
		/* Another thread may have been first. */
		if (suppressed == 0)
			continue;
		LK_LOG(tally->events.log, LK_LOG_INFO, "requests denied",
		    { "reason", gate_reason_name((enum gate_reason)kind) },
		    { "suppressed", gate_limiter_said(suppressed, count) });
	}
	return (left);
}

/* ---- Showing ----------------------------------------------------------- */

void
gate_tally_print(const struct gate_tally *tally, struct lk_buf *out)
{
	size_t i, j;

	gate_metrics_head(out, "latchkey_info", "gauge", "The gate's version.");
	lk_buf_printf(out, "latchkey_info{version=\"%s\"} 1\n", lk_version());

	gate_metrics_head(out, "latchkey_requests_total", "counter",
	    "Verdicts, and why.");
	for (i = 0; i < GATE_REASON_COUNT; i++)
		lk_buf_printf(out,
		    "latchkey_requests_total{verdict=\"%s\","
		    "reason=\"%s\"} %" PRIu64 "\n",
		    gate_reason_outcome((enum gate_reason)i),
		    gate_reason_name((enum gate_reason)i),
		    gate_counted(&tally->verdicts[i]));

	gate_metrics_head(out, "latchkey_endpoint_requests_total", "counter",
	    "Requests at endpoints other than authorize.");
	for (i = 0; i < GATE_ENDPOINT_COUNT; i++) {
		if (i == GATE_ENDPOINT_AUTHORIZE)
			continue;
		for (j = 0; j < GATE_RESULT_COUNT; j++)
			lk_buf_printf(out,
			    "latchkey_endpoint_requests_total"
			    "{endpoint=\"%s\",result=\"%s\"} %" PRIu64 "\n",
			    gate_endpoint_name((enum gate_endpoint)i),
			    results[j], gate_counted(&tally->endpoints[i][j]));
	}
	gate_metrics_print_one(out, "latchkey_http_connections", "gauge",
	    "Connections that are open by HTTP.", &tally->http_connections);
	gate_metrics_print_one(out, "latchkey_watches", "gauge",
	    "Requests that wait for the end of a session.",
	    &tally->again[GATE_AGAIN_WATCH]);
	gate_metrics_print(&tally->events.metrics, out);
}
