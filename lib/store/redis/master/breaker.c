#include <string.h>

#include "base/deadline.h"
#include "store/redis/master/breaker.h"

#define MS_NS INT64_C(1000000)

bool
lk_breaker_is_closed(const struct lk_breaker *breaker)
{
	return (breaker->until_ns == 0);
}

bool
lk_breaker_admit(struct lk_breaker *breaker, int64_t now_ns, bool *probe)
{
	*probe = false;
	if (lk_breaker_is_closed(breaker))
		return (true);
	if (breaker->probing || now_ns < breaker->until_ns)
		return (false);
	breaker->probing = *probe = true;
	return (true);
}

static void
open_for(struct lk_breaker *breaker, int64_t now_ns, int64_t span_ns)
{
	if (span_ns > LK_BREAKER_OPEN_MAX_MS * MS_NS)
		span_ns = LK_BREAKER_OPEN_MAX_MS * MS_NS;
	breaker->span_ns = span_ns;
	breaker->until_ns = now_ns + span_ns;
}

void
lk_breaker_failed(struct lk_breaker *breaker, int64_t now_ns, bool probe)
{
	int64_t oldest_ns;

	if (probe && breaker->probing) {
		breaker->probing = false;
		open_for(breaker, now_ns, 2 * breaker->span_ns);
		return;
	}
	/* One that was admitted before it was opened says nothing new. */
	if (!lk_breaker_is_closed(breaker))
		return;
	breaker->failed_ns[breaker->next] = now_ns;
	breaker->next = (breaker->next + 1) % LK_BREAKER_FAILURES;
	oldest_ns = breaker->failed_ns[breaker->next];
	if (oldest_ns != 0 &&
	    now_ns - oldest_ns <= LK_BREAKER_WINDOW_MS * MS_NS)
		open_for(breaker, now_ns, LK_BREAKER_OPEN_MS * MS_NS);
}

void
lk_breaker_close(struct lk_breaker *breaker)
{
	memset(breaker, 0, sizeof(*breaker));
}

/* ---- Shared by threads ------------------------------------------------- */

bool
lk_shared_breaker_init(struct lk_shared_breaker *breaker)
{
	memset(breaker, 0, sizeof(*breaker));
	return (pthread_mutex_init(&breaker->lock, NULL) == 0);
}

void
lk_shared_breaker_destroy(struct lk_shared_breaker *breaker)
{
	(void)pthread_mutex_destroy(&breaker->lock);
}

bool
lk_shared_breaker_admit(struct lk_shared_breaker *breaker, bool *probe)
{
	bool admitted;

	*probe = false;
	if (!lk_shared_breaker_is_barred(breaker))
		return (true);
	(void)pthread_mutex_lock(&breaker->lock);
	admitted = lk_breaker_admit(&breaker->breaker, lk_monotonic_ns(),
	    probe);
	(void)pthread_mutex_unlock(&breaker->lock);
	return (admitted);
}

bool
lk_shared_breaker_note(struct lk_shared_breaker *breaker, bool probe,
    bool answered, int64_t began_ns)
{
	int64_t now;
	bool was_barred, barred;

	if (answered) {
		if (probe || lk_shared_breaker_is_barred(breaker))
			(void)lk_shared_breaker_close(breaker);
		return (false);
	}
	now = lk_monotonic_ns();
	if (!probe && now - began_ns < LK_BREAKER_SLOW_MS * MS_NS)
		return (false);
	(void)pthread_mutex_lock(&breaker->lock);
	lk_breaker_failed(&breaker->breaker, now, probe);
	barred = !lk_breaker_is_closed(&breaker->breaker);
	was_barred = atomic_exchange(&breaker->barred, barred);
	(void)pthread_mutex_unlock(&breaker->lock);
	return (barred && !was_barred);
}

bool
lk_shared_breaker_close(struct lk_shared_breaker *breaker)
{
	bool was_open;

	(void)pthread_mutex_lock(&breaker->lock);
	was_open = !lk_breaker_is_closed(&breaker->breaker);
	lk_breaker_close(&breaker->breaker);
	atomic_store(&breaker->barred, false);
	(void)pthread_mutex_unlock(&breaker->lock);
	return (was_open);
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
