/* How often each caller may ask: `per_minute` of a row.  No I/O. */
#ifndef AGENT_RATE_H_
#define AGENT_RATE_H_

#include <sys/types.h>

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Most callers that are counted at once, of all rows. */
#define AGENT_RATES_MAX 1024
/* A minute is counted in so many parts, and the one under way. */
#define AGENT_RATE_PARTS 12

/** All zero at first but the lock; any number of threads may use them. */
struct agent_rates {
	pthread_mutex_t lock;
	struct agent_rate {
		int64_t part; /* the last that is counted; 0: nobody's */
		size_t row;
		uid_t uid;
		uint32_t n[AGENT_RATE_PARTS + 1]; /* a ring */
	} v[AGENT_RATES_MAX];
};

/**
 * agent_rate_take(rates, row, uid, listed, per_minute, now_ns):
 * Count one more question of ${uid} that ${row} permits.  0, or the seconds
 * until it may be asked: no minute, wherever it begins, has more than
 * ${per_minute}.  They may come at once; then it takes up to 65 seconds until
 * the next.  Who finds no room, since too many others are counted, waits as
 * well; one who is not ${listed} by himself, but of a group, has half of it, as
 * he may be thousands (subuid(5)).
 */
unsigned int agent_rate_take(struct agent_rates *rates, size_t row, uid_t uid,
    bool listed, int64_t per_minute, int64_t now_ns);

#endif /* !AGENT_RATE_H_ */
