#include <stddef.h>
#include <string.h>

#include "question/rate.h"

#define SECOND_NS INT64_C(1000000000)
#define PART_NS (60 * SECOND_NS / AGENT_RATE_PARTS)
#define RING (AGENT_RATE_PARTS + 1)

/* Whether nothing of what it counted counts any more. */
static bool
is_over(const struct agent_rate *rate, int64_t part)
{
	return (rate->part == 0 || part - rate->part >= RING);
}

/* The one of ${row} and ${uid}, or one that nobody needs; NULL: none. */
static struct agent_rate *
find(struct agent_rates *rates, size_t row, uid_t uid, bool listed,
    int64_t part)
{
	struct agent_rate *rate, *unused = NULL;
	size_t i;

	for (i = listed ? 0 : AGENT_RATES_MAX / 2; i < AGENT_RATES_MAX; i++) {
		rate = &rates->v[i];
		if (rate->part != 0 && rate->row == row && rate->uid == uid)
			return (rate);
		if (unused == NULL && is_over(rate, part))
			unused = rate;
	}
	if (unused != NULL)
		*unused = (struct agent_rate){ .row = row, .uid = uid };
	return (unused);
}

/* Let it count up to ${part}, and forget what is too long ago. */
static void
go_on(struct agent_rate *rate, int64_t part)
{
	if (is_over(rate, part)) {
		memset(rate->n, 0, sizeof(rate->n));
		rate->part = part;
	}
	while (rate->part < part)
		rate->n[++rate->part % RING] = 0;
}

/* Count one more, or 0, or in how many parts some will be forgotten. */
static int64_t
take(struct agent_rate *rate, int64_t per_minute)
{
	int64_t sum = 0, oldest = 0, ago;

	for (ago = RING - 1; ago >= 0; ago--) {
		sum += rate->n[(rate->part - ago + RING) % RING];
		if (oldest == 0 && sum > 0)
			oldest = RING - ago;
	}
	if (sum >= per_minute)
		return (oldest);
	rate->n[rate->part % RING]++;
	return (0);
}

unsigned int
agent_rate_take(struct agent_rates *rates, size_t row, uid_t uid, bool listed,
    int64_t per_minute, int64_t now_ns)
{
	/* The first is none. */
	const int64_t part = now_ns / PART_NS + RING;
	struct agent_rate *rate;
	int64_t parts = 0;

	(void)pthread_mutex_lock(&rates->lock);
	rate = find(rates, row, uid, listed, part);
	if (rate != NULL) {
		go_on(rate, part);
		parts = take(rate, per_minute);
	}
	(void)pthread_mutex_unlock(&rates->lock);
	if (rate == NULL)
		return (60);
	/* Till the end of the last of them. */
	return (parts == 0
	        ? 0
	        : (unsigned int)((parts * PART_NS - now_ns % PART_NS +
	                             SECOND_NS - 1) /
	              SECOND_NS));
}
