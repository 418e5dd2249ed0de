#include <inttypes.h>
#include <stdio.h>

#include "base/deadline.h"
#include "process/events.h"

#define SECOND_NS INT64_C(1000000000)
#define STORE_INTERVAL_NS (5 * SECOND_NS)
#define TURNED_AWAY_INTERVAL_NS SECOND_NS

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
gate_events_asked(struct gate_events *events, int64_t began_ns,
    enum lk_status status, const char *error)
{
	gate_metrics_store(&events->metrics, lk_monotonic_ns() - began_ns,
	    status);
	if (status < 0)
		gate_events_store(events, status, error);
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
