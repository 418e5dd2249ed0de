#include <string.h>

#include "store/breaker.h"

#define MS_NS INT64_C(1000000)

void
lk_breaker_init(struct lk_breaker *breaker)
{
	memset(breaker, 0, sizeof(*breaker));
	(void)pthread_mutex_init(&breaker->lock, NULL);
}

void
lk_breaker_destroy(struct lk_breaker *breaker)
{
	(void)pthread_mutex_destroy(&breaker->lock);
}

bool
lk_breaker_admit(struct lk_breaker *breaker, int64_t now_ns, bool *probe)
{
	bool closed;

	(void)pthread_mutex_lock(&breaker->lock);
	closed = breaker->until_ns == 0;
	*probe = !closed && !breaker->probing && now_ns >= breaker->until_ns;
	breaker->probing |= *probe;
	(void)pthread_mutex_unlock(&breaker->lock);
	return (closed || *probe);
}

/* The lock is held. */
static void
open_for(struct lk_breaker *breaker, int64_t now_ns, int64_t span_ns)
{
	if (span_ns > LK_BREAKER_OPEN_MAX_MS * MS_NS)
		span_ns = LK_BREAKER_OPEN_MAX_MS * MS_NS;
	breaker->span_ns = span_ns;
	breaker->until_ns = now_ns + span_ns;
}

/* An operation failed slowly; the lock is held. */
static void
count_failure(struct lk_breaker *breaker, int64_t now_ns, bool probe)
{
	int64_t oldest_ns;

	if (probe && breaker->probing) {
		breaker->probing = false;
		open_for(breaker, now_ns, 2 * breaker->span_ns);
		return;
	}
	/* One that was admitted before it was opened says nothing new. */
	if (breaker->until_ns != 0)
		return;
	breaker->failed_ns[breaker->next] = now_ns;
	breaker->next = (breaker->next + 1) % LK_BREAKER_FAILURES;
	oldest_ns = breaker->failed_ns[breaker->next];
	if (oldest_ns != 0 &&
	    now_ns - oldest_ns <= LK_BREAKER_WINDOW_MS * MS_NS)
		open_for(breaker, now_ns, LK_BREAKER_OPEN_MS * MS_NS);
}

bool
lk_breaker_note(struct lk_breaker *breaker, bool probe, bool answered,
    int64_t began_ns, int64_t now_ns)
{
	bool was_barred, barred;

	if (answered) {
		if (probe || lk_breaker_is_barred(breaker))
			(void)lk_breaker_close(breaker);
		return (false);
	}
	if (!probe && now_ns - began_ns < LK_BREAKER_SLOW_MS * MS_NS)
		return (false);
	(void)pthread_mutex_lock(&breaker->lock);
	count_failure(breaker, now_ns, probe);
	barred = breaker->until_ns != 0;
	was_barred = atomic_exchange(&breaker->barred, barred);
	(void)pthread_mutex_unlock(&breaker->lock);
	return (barred && !was_barred);
}

bool
lk_breaker_close(struct lk_breaker *breaker)
{
	bool was_barred;

	(void)pthread_mutex_lock(&breaker->lock);
	was_barred = atomic_exchange(&breaker->barred, false);
	memset(breaker->failed_ns, 0, sizeof(breaker->failed_ns));
	breaker->next = 0;
	breaker->until_ns = breaker->span_ns = 0;
	breaker->probing = false;
	(void)pthread_mutex_unlock(&breaker->lock);
	return (was_barred);
}

/* ---- Between two tries ------------------------------------------------- */

int64_t
lk_backoff_ms(unsigned int attempt, uint32_t random)
{
	int64_t span = LK_BACKOFF_MAX_MS;

	if (attempt < 4 && (LK_BACKOFF_MS << attempt) < LK_BACKOFF_MAX_MS)
		span = LK_BACKOFF_MS << attempt;
	return (span / 2 + (int64_t)(random % (uint32_t)(span / 2 + 1)));
}
