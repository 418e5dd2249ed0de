#include <inttypes.h>
#include <stdio.h>

#include "answer/tally.h"
#include "base/deadline.h"

#define SECOND_NS INT64_C(1000000000)
/* Most refusals that are said one by one within a second. */
#define REFUSED_MAX 20
#define NUMBER_SIZE 24

/* What is answered; the last is for all else. */
static const unsigned int answers[AGENT_HTTP_COUNT] = { 200, 201, 202, 400, 401,
	403, 404, 405, 409, 413, 415, 429, 503, 0 };

void
agent_tally_count(struct agent_tally *tally, enum agent_verb verb,
    unsigned int http)
{
	size_t i = 0;

	while (answers[i] != http && answers[i] != 0)
		i++;
	gate_count(&tally->requests[verb][i]);
}

/* ---- The log ------------------------------------------------------------- */

/* A number of the system's as text. */
static const char *
number(int64_t value, char text[NUMBER_SIZE])
{
	(void)snprintf(text, NUMBER_SIZE, "%" PRId64, value);
	return (text);
}

void
agent_tally_refused(struct agent_tally *tally,
    const struct agent_caller *caller, enum agent_verb verb, const char *why)
{
	char uid[NUMBER_SIZE], pid[NUMBER_SIZE], count[GATE_LIMITER_SAID];
	uint64_t suppressed;

	if (!gate_limiter_pass(&tally->refused, lk_monotonic_ns(), SECOND_NS,
	        REFUSED_MAX, &suppressed))
		return;
	LK_LOG(tally->events.log, LK_LOG_WARN, "question refused",
	    { "verb", agent_verb_name(verb) }, { "reason", why },
	    { "uid", number(caller->uid, uid) },
	    { "pid", number(caller->pid, pid) },
	    { "suppressed", gate_limiter_said(suppressed, count) });
}

void
agent_tally_change(struct agent_tally *tally, const struct agent_caller *caller,
    const struct agent_change *change)
{
	char uid[NUMBER_SIZE], pid[NUMBER_SIZE];

	LK_LOG(tally->events.log, LK_LOG_INFO, change->message,
	    { "user", change->user }, { "session", change->session },
	    { "client", change->client }, { "count", change->count },
	    { "durable", change->durable }, { "reason", change->reason },
	    { "peer", change->peer }, { "agent", change->agent },
	    { "uid", number(caller->uid, uid) },
	    { "pid", number(caller->pid, pid) });
}

/* ---- Showing ------------------------------------------------------------- */

void
agent_tally_print(const struct agent_tally *tally, struct lk_buf *out)
{
	uint64_t n;
	size_t i, j;

	gate_metrics_head(out, "latchkey_info", "gauge",
	    "The agent's version.");
	lk_buf_printf(out, "latchkey_info{version=\"%s\"} 1\n", lk_version());
	gate_metrics_head(out, "latchkey_agent_connections", "gauge",
	    "Connections that are open.");
	lk_buf_printf(out, "latchkey_agent_connections %" PRIu64 "\n",
	    gate_counted(&tally->connections));
	gate_metrics_head(out, "latchkey_agent_requests_total", "counter",
	    "Questions, and how they were answered.");
	for (i = 0; i < AGENT_VERB_COUNT; i++) {
		for (j = 0; j < AGENT_HTTP_COUNT; j++) {
			n = gate_counted(&tally->requests[i][j]);
			if (n > 0)
				lk_buf_printf(out,
				    "latchkey_agent_requests_total"
				    "{verb=\"%s\",status=\"%u\"} %" PRIu64 "\n",
				    agent_verb_name((enum agent_verb)i),
				    answers[j], n);
		}
	}
	gate_metrics_print(&tally->events.metrics, out);
}
