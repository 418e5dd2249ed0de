/*
 * The clock of the Redis at the other end of a connection, by which sessions
 * live.  It is asked for now and then, by a TIME in the same write as other
 * commands, and goes on with the clock that nobody sets in between.
 */
#ifndef LK_REDIS_CLOCK_H_
#define LK_REDIS_CLOCK_H_

#include "store/redis/wire/reply.h"

struct lk_redis_clock {
	int64_t ahead_us; /* of the monotonic clock */
	int64_t until_ns; /* when it is to be asked for again; 0: not known */
};

/** lk_redis_clock_is_due(clock): whether it is to be asked for. */
bool lk_redis_clock_is_due(const struct lk_redis_clock *clock);

/**
 * lk_redis_clock_set(clock, reply):
 * Take what TIME answered just now.  LK_E_CORRUPT if it is no time.
 */
enum lk_status lk_redis_clock_set(struct lk_redis_clock *clock,
    const struct lk_redis_reply *reply) LK_MUST_CHECK;

/** lk_redis_clock_now_ms(clock): Milliseconds since 1970 UTC there. */
int64_t lk_redis_clock_now_ms(const struct lk_redis_clock *clock);

#endif /* !LK_REDIS_CLOCK_H_ */
