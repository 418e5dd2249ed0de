#include "store/redis/wire/clock.h"

#include "base/deadline.h"

/* How long the time once asked for does: clocks are set, and drift. */
#define GOOD_FOR_NS INT64_C(60000000000)
/* Most digits of the seconds since 1970, and of microseconds. */
#define SECONDS_DIGITS_MAX 11
#define MICROSECONDS_DIGITS_MAX 6

bool
lk_redis_clock_is_due(const struct lk_redis_clock *clock)
{
	return (lk_monotonic_ns() >= clock->until_ns);
}

static bool
read_number(const struct lk_redis_reply *reply, size_t digits, int64_t *number)
{
	size_t i;

	*number = 0;
	if (reply->type != LK_REDIS_STRING || reply->len == 0 ||
	    reply->len > digits)
		return (false);
	for (i = 0; i < reply->len; i++) {
		if (reply->text[i] < '0' || reply->text[i] > '9')
			return (false);
		*number = *number * 10 + (reply->text[i] - '0');
	}
	return (true);
}

enum lk_status
lk_redis_clock_set(struct lk_redis_clock *clock,
    const struct lk_redis_reply *reply)
{
	const int64_t now_ns = lk_monotonic_ns();
	int64_t s, us;

	if (reply->type != LK_REDIS_ARRAY || reply->elements != 2 ||
	    !read_number(reply->element[0], SECONDS_DIGITS_MAX, &s) ||
	    !read_number(reply->element[1], MICROSECONDS_DIGITS_MAX, &us))
		return (LK_E_CORRUPT);
	clock->ahead_us = s * 1000000 + us - now_ns / 1000;
	clock->until_ns = now_ns + GOOD_FOR_NS;
	return (LK_OK);
}

int64_t
lk_redis_clock_now_ms(const struct lk_redis_clock *clock)
{
	return ((lk_monotonic_ns() / 1000 + clock->ahead_us) / 1000);
}
