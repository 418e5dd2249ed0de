/*
 * Failing at once while a store is known not to answer, and how long to wait
 * between two tries.  The time is an argument, in nanoseconds.
 *
 * Only failures that took their time are counted.  One that is refused at once
 * costs nobody anything, and the next try may well succeed.
 */
#ifndef LK_BREAKER_H_
#define LK_BREAKER_H_

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* So many failures within so long open it for so long, doubling up to so
 * long. */
#define LK_BREAKER_FAILURES 5
#define LK_BREAKER_WINDOW_MS 1000
#define LK_BREAKER_OPEN_MS 250
#define LK_BREAKER_OPEN_MAX_MS 2000
/* What takes less is not counted. */
#define LK_BREAKER_SLOW_MS 20

/** One that any number of threads share. */
struct lk_breaker {
	atomic_bool barred; /* it is open: not all operations are admitted */
	pthread_mutex_t lock;

	/* Under the lock. */
	int64_t failed_ns[LK_BREAKER_FAILURES]; /* the last ones, a ring */
	size_t next;                            /* in the ring */
	int64_t until_ns;                       /* open until then; 0: closed */
	int64_t span_ns; /* for how long it was opened last */
	bool probing;    /* one operation is finding out */
};

/** lk_breaker_init(breaker), lk_breaker_destroy(breaker): It starts closed. */
void lk_breaker_init(struct lk_breaker *breaker);
void lk_breaker_destroy(struct lk_breaker *breaker);

/** lk_breaker_is_barred(breaker): whether it is not closed. */
static inline bool
lk_breaker_is_barred(const struct lk_breaker *breaker)
{
	return (atomic_load_explicit(&breaker->barred, memory_order_relaxed));
}

/**
 * lk_breaker_admit(breaker, now_ns, probe):
 * Whether an operation may ask the store; ${probe} says whether it is the one
 * that finds out for all.  It must tell then what came of it.
 */
bool lk_breaker_admit(struct lk_breaker *breaker, int64_t now_ns, bool *probe);

/**
 * lk_breaker_note(breaker, probe, answered, began_ns, now_ns):
 * What came of an operation that began then: whether the store ${answered} at
 * all.  True if it is now that not all are admitted any more.
 */
bool lk_breaker_note(struct lk_breaker *breaker, bool probe, bool answered,
    int64_t began_ns, int64_t now_ns);

/** lk_breaker_close(breaker): Admit all again; whether not all were. */
bool lk_breaker_close(struct lk_breaker *breaker);

/* The first wait, and the longest. */
#define LK_BACKOFF_MS 20
#define LK_BACKOFF_MAX_MS 250

/**
 * lk_backoff_ms(attempt, random):
 * How long to wait after the failed ${attempt}, counted from 0: min(250, 20 *
 * 2^attempt) ms, half of it fixed, half of it by ${random}.
 */
int64_t lk_backoff_ms(unsigned int attempt, uint32_t random);

#endif /* !LK_BREAKER_H_ */
