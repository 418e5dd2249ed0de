/* One deadline per operation, on the clock that nobody sets. */
#ifndef LK_DEADLINE_H_
#define LK_DEADLINE_H_

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct lk_deadline {
	int64_t at_ns; /* CLOCK_MONOTONIC */
};

static inline int64_t
lk_monotonic_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

/** lk_boottime_ns(): The same of a clock that goes on while the machine sleeps.
 */
static inline int64_t
lk_boottime_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000000000 + ts.tv_nsec);
}

/** lk_deadline_in(ms): the deadline ${ms} milliseconds from now. */
static inline struct lk_deadline
lk_deadline_in(int64_t ms)
{
	return ((struct lk_deadline){ lk_monotonic_ns() + ms * 1000000 });
}

/** lk_deadline_min(a, b): the earlier one. */
static inline struct lk_deadline
lk_deadline_min(struct lk_deadline a, struct lk_deadline b)
{
	return (a.at_ns < b.at_ns ? a : b);
}

/**
 * lk_deadline_left_ms(deadline):
 * Milliseconds left, rounded up, for poll(2); 0 once it has passed.
 */
static inline int
lk_deadline_left_ms(struct lk_deadline deadline)
{
	int64_t left = deadline.at_ns - lk_monotonic_ns();

	if (left <= 0)
		return (0);
	left = (left + 999999) / 1000000;
	return (left > INT32_MAX ? INT32_MAX : (int)left);
}

/**
 * lk_deadline_part(deadline, percent):
 * The deadline for what may take so much of the time that is left.
 */
static inline struct lk_deadline
lk_deadline_part(struct lk_deadline deadline, int percent)
{
	const int64_t now = lk_monotonic_ns();

	if (deadline.at_ns <= now)
		return (deadline);
	return ((struct lk_deadline){
	    now + (deadline.at_ns - now) / 100 * percent });
}

/** lk_cond_init(cond): One of the monotonic clock; that cannot fail. */
static inline void
lk_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;

	(void)pthread_condattr_init(&attr);
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	(void)pthread_cond_init(cond, &attr);
	(void)pthread_condattr_destroy(&attr);
}

/**
 * lk_cond_wait(cond, lock, deadline):
 * Wait for it, with the lock held; false at the deadline.
 */
static inline bool
lk_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock,
    struct lk_deadline deadline)
{
	const struct timespec until = {
		.tv_sec = (time_t)(deadline.at_ns / 1000000000),
		.tv_nsec = (long)(deadline.at_ns % 1000000000)
	};

	return (pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT);
}

/**
 * lk_rest(busy_ns):
 * Leave a store to others for twice the time that they were kept from it.
 */
static inline void
lk_rest(int64_t busy_ns)
{
	const int64_t ns = busy_ns * 2;
	const struct timespec ts = { .tv_sec = (time_t)(ns / 1000000000),
		.tv_nsec = (long)(ns % 1000000000) };

	(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, NULL);
}

#endif /* !LK_DEADLINE_H_ */
