#include <stddef.h>

#include "question/rate.h"

#define SECOND_NS INT64_C(1000000000)
#define MINUTE_NS (60 * SECOND_NS)

/* The one of ${row} and ${uid}, or one that nobody needs; NULL: none. */
static struct agent_rate *
find(struct agent_rates *rates, size_t row, uid_t uid, int64_t now_ns)
{
	struct agent_rate *rate, *unused = NULL;
	size_t i;

	for (i = 0; i < AGENT_RATES_MAX; i++) {
		rate = &rates->v[i];
		if (rate->began_ns != 0 && rate->row == row && rate->uid == uid)
			return (rate);
		if (unused == NULL &&
		    (rate->began_ns == 0 ||
		        now_ns - rate->began_ns >= MINUTE_NS))
			unused = rate;
	}
	if (unused != NULL)
		*unused = (struct agent_rate){ .row = row, .uid = uid };
	return (unused);
}

unsigned int
agent_rate_take(struct agent_rates *rates, size_t row, uid_t uid,
    int64_t per_minute, int64_t now_ns)
{
	struct agent_rate *rate;
	unsigned int wait = 0;

	(void)pthread_mutex_lock(&rates->lock);
	rate = find(rates, row, uid, now_ns);
	if (rate == NULL) {
		wait = 60;
	} else {
		if (rate->began_ns == 0 ||
		    now_ns - rate->began_ns >= MINUTE_NS) {
			rate->began_ns = now_ns;
			rate->n = 0;
		}
		if (rate->n < per_minute)
			rate->n++;
		else
			wait = (unsigned int)((rate->began_ns + MINUTE_NS -
			                          now_ns + SECOND_NS - 1) /
			    SECOND_NS);
	}
	(void)pthread_mutex_unlock(&rates->lock);
	return (wait);
}
