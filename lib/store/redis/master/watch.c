#include <sys/eventfd.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/fd.h"
#include "store/redis/master/watch.h"

#define MS_NS INT64_C(1000000)

/* ---- Life -------------------------------------------------------------- */

static bool
init_lock(struct lk_watch *watch)
{
	pthread_condattr_t attr;
	bool done;

	if (pthread_condattr_init(&attr) != 0)
		return (false);
	done = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
	    pthread_cond_init(&watch->changed, &attr) == 0;
	(void)pthread_condattr_destroy(&attr);
	if (!done)
		return (false);
	if (pthread_mutex_init(&watch->lock, NULL) == 0)
		return (true);
	(void)pthread_cond_destroy(&watch->changed);
	return (false);
}

/* Where the master is, or how to find out. */
static enum lk_status
init_master(struct lk_watch *watch, struct lk_error *error)
{
	const struct lk_settings *settings = watch->settings;
	const struct lk_redis_manners manners = {
		.settings = &settings->store.redis,
		.master = true
	};

	lk_redis_wire_init(&watch->wire, &manners, NULL);
	watch->sentinel = settings->store.backend == LK_BACKEND_SENTINEL;
	watch->bound_ns = settings->store.sentinel.staleness_ms * MS_NS;
	if (watch->sentinel)
		return (
		    lk_redis_sentinels_new(settings, &watch->sentinels, error));
	(void)snprintf(watch->known.address, sizeof(watch->known.address), "%s",
	    settings->store.redis.address);
	atomic_store(&watch->generation, 1);
	return (LK_OK);
}

enum lk_status
lk_redis_watch_new(const struct lk_settings *settings, const struct lk_log *log,
    bool wakes, struct lk_watch **watchp, struct lk_error *error)
{
	struct lk_watch *watch = calloc(1, sizeof(*watch));
	enum lk_status status = LK_FAULT;

	*watchp = NULL;
	if (watch == NULL || !init_lock(watch)) {
		free(watch);
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	}
	watch->settings = settings;
	watch->log = log;
	watch->wake = -1;
	status = init_master(watch, error);
	if (status == LK_OK && wakes) {
		watch->wake = lk_fd_above(
		    eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
		if (watch->wake < 0)
			status = lk_fail(error, LK_E_NOMEM, "no descriptor");
	}
	if (status == LK_OK)
		*watchp = watch;
	else
		lk_watch_free(watch);
	return (status);
}

enum lk_status
lk_watch_new(const struct lk_settings *settings, const struct lk_log *log,
    struct lk_watch **watch, struct lk_error *error)
{
	*watch = NULL;
	if (sodium_init() < 0)
		return (lk_fail(error, LK_E_STORE, "no random source"));
	return (lk_redis_watch_new(settings, log, true, watch, error));
}

void
lk_watch_free(struct lk_watch *watch)
{
	if (watch == NULL)
		return;
	lk_redis_watch_lose(watch, watch->pending.owed);
	lk_redis_pending_clear(&watch->pending);
	lk_redis_sentinels_free(watch->sentinels);
	lk_redis_wire_drop(&watch->wire);
	if (watch->wake >= 0)
		(void)close(watch->wake);
	(void)pthread_cond_destroy(&watch->changed);
	(void)pthread_mutex_destroy(&watch->lock);
	free(watch);
}

void
lk_redis_watch_leave_parent(struct lk_watch *watch)
{
	lk_redis_sentinels_close(watch->sentinels);
	lk_redis_wire_drop(&watch->wire);
	lk_redis_pending_clear(&watch->pending);
	atomic_store(&watch->owes, false);
	atomic_store(&watch->remembers, false);
}

void
lk_redis_watch_wake(struct lk_watch *watch)
{
	const uint64_t one = 1;

	/* It fails only if it is awake already. */
	if (watch->wake >= 0 && write(watch->wake, &one, sizeof(one)) < 0)
		return;
}

void
lk_watch_stop(struct lk_watch *watch)
{
	atomic_store(&watch->stopping, true);
	lk_redis_watch_wake(watch);
}

/* ---- Whether to ask at all --------------------------------------------- */

enum lk_status
lk_redis_watch_admit(struct lk_watch *watch, bool *probe,
    struct lk_error *error)
{
	bool admitted;

	*probe = false;
	if (!atomic_load_explicit(&watch->barred, memory_order_relaxed))
		return (LK_OK);
	(void)pthread_mutex_lock(&watch->lock);
	admitted = lk_breaker_admit(&watch->breaker, lk_monotonic_ns(), probe);
	(void)pthread_mutex_unlock(&watch->lock);
	if (admitted)
		return (LK_OK);
	return (lk_fail(error, LK_E_STORE,
	    "the store has not answered several times in a row, and is not "
	    "asked for a moment"));
}

void
lk_redis_watch_settle(struct lk_watch *watch, bool probe, bool answered,
    int64_t began_ns)
{
	int64_t now;

	if (answered) {
		if (!probe &&
		    !atomic_load_explicit(&watch->barred, memory_order_relaxed))
			return;
		(void)pthread_mutex_lock(&watch->lock);
		lk_breaker_close(&watch->breaker);
	} else {
		now = lk_monotonic_ns();
		if (!probe && now - began_ns < LK_BREAKER_SLOW_MS * MS_NS)
			return;
		(void)pthread_mutex_lock(&watch->lock);
		lk_breaker_failed(&watch->breaker, now, probe);
	}
	atomic_store(&watch->barred, !lk_breaker_is_closed(&watch->breaker));
	(void)pthread_mutex_unlock(&watch->lock);
}
