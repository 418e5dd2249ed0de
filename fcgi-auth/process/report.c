#include <inttypes.h>
#include <stdio.h>

#include "base/deadline.h"
#include "process/report.h"

#define SECOND_NS INT64_C(1000000000)
#define STORE_INTERVAL_NS (5 * SECOND_NS)
#define REFUSED_INTERVAL_NS SECOND_NS
/* Longest path in a line. */
#define PATH_MAX_LOGGED 512

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

/* The value of a `suppressed` field; NULL, which leaves it out, if 0. */
static const char *
count_text(uint64_t count, char text[24])
{
	if (count == 0)
		return (NULL);
	(void)snprintf(text, 24, "%" PRIu64, count);
	return (text);
}

void
gate_report_denial(struct gate_report *report, const struct gate_facts *facts,
    const struct gate_verdict *verdict)
{
	const struct gate_request *request = facts->request;
	const struct lk_session *session = facts->status == LK_OK
	    ? facts->session
	    : NULL;
	const enum gate_reason kind = gate_metrics_reason(facts, verdict);
	char http[12], path[PATH_MAX_LOGGED], count[24];
	uint64_t suppressed;

	if (!gate_limiter_pass(&report->denials[kind], lk_monotonic_ns(),
	        SECOND_NS, GATE_DENIALS_MAX, &suppressed))
		return;
	(void)snprintf(http, sizeof(http), "%u", verdict->http);
	gate_request_path(request, path, sizeof(path));
	LK_LOG(report->log, LK_LOG_INFO, "request denied", { "status", http },
	    { "reason", verdict->reason },
	    { "session", session == NULL ? NULL : session->id },
	    { "user", session == NULL ? NULL : session->user },
	    { "method", request->method }, { "path", path },
	    { "peer", request->peer },
	    { "suppressed", count_text(suppressed, count) });
}

void
gate_report_verdict(struct gate_report *report, const struct gate_facts *facts,
    const struct gate_verdict *verdict)
{
	gate_metrics_verdict(&report->metrics, facts, verdict);
	if (verdict->http != 200)
		gate_report_denial(report, facts, verdict);
}

void
gate_report_answer(struct gate_report *report, int64_t began_ns,
    enum lk_status status, const char *error)
{
	gate_metrics_store(&report->metrics, lk_monotonic_ns() - began_ns,
	    status);
	if (status < 0)
		gate_report_store(report, status, error);
}

void
gate_report_store(struct gate_report *report, enum lk_status status,
    const char *error)
{
	uint64_t suppressed;
	char count[24];

	if (!gate_limiter_pass(&report->store, lk_monotonic_ns(),
	        STORE_INTERVAL_NS, 1, &suppressed))
		return;
	LK_LOG(report->log, LK_LOG_WARN,
	    status == LK_E_NOT_DURABLE ? "change is not yet durable"
	                               : "session could not be checked",
	    { "reason", lk_status_name(status) }, { "error", error },
	    { "suppressed", count_text(suppressed, count) });
}

void
gate_report_refused(struct gate_report *report, const char *reason)
{
	uint64_t suppressed;
	char count[24];

	gate_count(&report->metrics.connections_refused);
	if (!gate_limiter_pass(&report->refused, lk_monotonic_ns(),
	        REFUSED_INTERVAL_NS, 1, &suppressed))
		return;
	LK_LOG(report->log, LK_LOG_INFO, "connection refused",
	    { "reason", reason },
	    { "suppressed", count_text(suppressed, count) });
}

bool
gate_report_rest(struct gate_report *report, int64_t now_ns)
{
	struct gate_limiter *limiter;
	uint64_t suppressed;
	bool left = false;
	char count[24];
	int kind;

	for (kind = 0; kind < GATE_REASON_COUNT; kind++) {
		limiter = &report->denials[kind];
		if (atomic_load(&limiter->suppressed) == 0)
			continue;
		if (now_ns < atomic_load(&limiter->next_ns)) {
			left = true;
			continue;
		}
		suppressed = atomic_exchange(&limiter->suppressed, 0);
		LK_LOG(report->log, LK_LOG_INFO, "requests denied",
		    { "reason", gate_reason_name((enum gate_reason)kind) },
		    { "suppressed", count_text(suppressed, count) });
	}
	return (left);
}
