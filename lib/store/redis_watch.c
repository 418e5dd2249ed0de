#include <sys/eventfd.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "redis_fence.h"
#include "redis_watch.h"

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
	(void)snprintf(watch->address, sizeof(watch->address), "%s",
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
		watch->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
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

static void
log_lost(const struct lk_watch *watch, size_t count)
{
	char number[24];

	if (count == 0)
		return;
	(void)snprintf(number, sizeof(number), "%zu", count);
	LK_LOG(watch->log, LK_LOG_ERROR,
	    "revocations that no replica has are not remembered any more: "
	    "a failover would undo them",
	    { "count", number });
}

void
lk_watch_free(struct lk_watch *watch)
{
	if (watch == NULL)
		return;
	log_lost(watch, watch->pending.n);
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

/* ---- Revocations to be carried over ------------------------------------ */

void
lk_redis_watch_owe(struct lk_watch *watch,
    const struct lk_redis_command *command, const char *history, bool ended)
{
	enum lk_pending_result result;

	(void)pthread_mutex_lock(&watch->lock);
	result = lk_redis_pending_add(&watch->pending, command, history, ended);
	atomic_store(&watch->owes, watch->pending.n > 0 || watch->replaying);
	(void)pthread_mutex_unlock(&watch->lock);
	if (result == LK_PENDING_FULL && ended)
		log_lost(watch, 1);
	lk_redis_watch_wake(watch);
}

/* Take all that is pending, unless somebody has. */
static bool
take(struct lk_watch *watch, struct lk_redis_pending *taken)
{
	bool done = false;

	(void)pthread_mutex_lock(&watch->lock);
	if (!watch->replaying && watch->pending.n > 0) {
		*taken = watch->pending;
		memset(&watch->pending, 0, sizeof(watch->pending));
		watch->replaying = done = true;
	}
	(void)pthread_mutex_unlock(&watch->lock);
	return (done);
}

/* Add what somebody had taken; the lock is held. */
static void
add_locked(struct lk_watch *watch, struct lk_redis_pending *from)
{
	log_lost(watch, lk_redis_pending_move(&watch->pending, from));
	atomic_store(&watch->owes, watch->pending.n > 0 || watch->replaying);
}

/* Put back what was taken and is still pending. */
static void
put_back(struct lk_watch *watch, struct lk_redis_pending *taken)
{
	(void)pthread_mutex_lock(&watch->lock);
	watch->replaying = false;
	add_locked(watch, taken);
	(void)pthread_mutex_unlock(&watch->lock);
}

/* Tell the master at the wire, and see to it that it is durable. */
static enum lk_status
carry_over(struct lk_watch *watch, struct lk_redis_pending *taken,
    struct lk_redis_wire *wire, struct lk_deadline deadline)
{
	enum lk_status status = LK_FAULT;
	size_t acks = 0;

	status = lk_redis_pending_replay(taken, wire, deadline);
	if (status == LK_OK)
		status = lk_redis_fence_run(wire, watch->settings, 1,
		    lk_redis_watch_wait_ms(watch, deadline), deadline, &acks);
	if (status == LK_OK &&
	    (acks == 0 ||
	        !lk_redis_watch_outlasts(watch, wire, acks, deadline,
	            wire->error)))
		status = LK_E_NOT_DURABLE;
	return (status);
}

enum lk_status
lk_redis_watch_replay(struct lk_watch *watch, struct lk_redis_wire *wire,
    struct lk_deadline deadline)
{
	struct lk_redis_pending taken;
	enum lk_status status = LK_FAULT;
	char number[24];

	if (!take(watch, &taken))
		return (LK_OK);
	status = carry_over(watch, &taken, wire, deadline);
	if (status == LK_OK) {
		(void)snprintf(number, sizeof(number), "%zu",
		    lk_redis_pending_settle(&taken));
		LK_LOG(watch->log, LK_LOG_INFO,
		    "revocations have reached a replica", { "count", number },
		    { "master", wire->name });
	}
	if (status == LK_OK && taken.n > 0) {
		LK_LOG(watch->log, LK_LOG_WARN,
		    "revocations are refused by another master",
		    { "error", wire->error->text });
		status = LK_E_NOT_DURABLE;
	}
	put_back(watch, &taken);
	return (status);
}

static bool
same(const char *a, const char *b)
{
	return (strcmp(a, b) == 0);
}

/* Whether both settings name the same sessions of the same store. */
static bool
is_same_store(const struct lk_settings *a, const struct lk_settings *b)
{
	if (a->store.backend != b->store.backend ||
	    a->store.redis.database != b->store.redis.database ||
	    a->store.redis.layout != b->store.redis.layout)
		return (false);
	if (a->store.redis.layout == LK_LAYOUT_GOSESSION &&
	    (!same(a->session.token_prefix, b->session.token_prefix) ||
	        !same(a->session.user_prefix, b->session.user_prefix)))
		return (false);
	if (a->store.backend == LK_BACKEND_SENTINEL)
		return (
		    same(a->store.sentinel.master, b->store.sentinel.master));
	return (same(a->store.redis.address, b->store.redis.address));
}

void
lk_watch_take(struct lk_watch *watch, struct lk_watch *from)
{
	struct lk_redis_pending taken;

	if (!is_same_store(watch->settings, from->settings) ||
	    !take(from, &taken))
		return;
	(void)pthread_mutex_lock(&watch->lock);
	add_locked(watch, &taken);
	(void)pthread_mutex_unlock(&watch->lock);
	put_back(from, &taken);
	lk_redis_watch_wake(watch);
}
