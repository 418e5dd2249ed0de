/*
 * What outlasts a failover: when a change does, and the revocations that do not
 * yet and are carried over.
 */
#include <stdio.h>
#include <string.h>

#include "redis_fence.h"
#include "redis_watch.h"

/* Of the time that is left, what a WAIT may take. */
#define WAIT_SHARE_PERCENT 75

/* ---- Whether it does --------------------------------------------------- */

int64_t
lk_redis_watch_wait_ms(const struct lk_watch *watch,
    struct lk_deadline deadline)
{
	const int64_t most = lk_deadline_left_ms(
	    lk_deadline_part(deadline, WAIT_SHARE_PERCENT));
	const int64_t set = watch->settings->store.durability_timeout_ms;

	return (set < most ? set : most);
}

/* How many witnesses it takes, by what was found last; 0: none are enough. */
static size_t
witnesses_of(struct lk_watch *watch, unsigned int generation)
{
	size_t witnesses = 0;

	(void)pthread_mutex_lock(&watch->lock);
	if (atomic_load(&watch->generation) == generation && !watch->unsettled)
		witnesses = watch->witnesses;
	(void)pthread_mutex_unlock(&watch->lock);
	return (witnesses);
}

/* Whether as many replicas have it as must; more are waited for. */
static bool
is_witnessed(struct lk_watch *watch, struct lk_redis_wire *wire, size_t acks,
    size_t witnesses, struct lk_deadline deadline, struct lk_error *error)
{
	if (acks < witnesses &&
	    lk_redis_fence_run(wire, watch->settings, witnesses,
	        lk_redis_watch_wait_ms(watch, deadline), deadline,
	        &acks) != LK_OK)
		return (false);
	if (acks >= witnesses)
		return (true);
	lk_error_set(error,
	    "not every sentinel answers, and %zu of %zu replicas have it", acks,
	    witnesses);
	return (false);
}

bool
lk_redis_watch_outlasts(struct lk_watch *watch, struct lk_redis_wire *wire,
    size_t acks, struct lk_deadline deadline, struct lk_error *error)
{
	size_t witnesses;

	if (!watch->sentinel)
		return (true);
	if (lk_redis_watch_confirm(watch, lk_redis_watch_now(), deadline,
	        error) != LK_OK)
		return (false);
	witnesses = witnesses_of(watch, wire->generation);
	if (witnesses == 0) {
		lk_error_set(error, "another redis is or becomes the master");
		return (false);
	}
	if (!is_witnessed(watch, wire, acks, witnesses, deadline, error))
		return (false);
	if (lk_deadline_left_ms(deadline) > 0)
		return (true);
	lk_error_set(error, "it took too long to be sure");
	return (false);
}

/* ---- Revocations to be carried over ------------------------------------ */

void
lk_redis_watch_lose(const struct lk_watch *watch, size_t count)
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
lk_redis_watch_owe(struct lk_watch *watch,
    const struct lk_redis_command *command, const char *history, bool ended)
{
	enum lk_pending_result result;

	(void)pthread_mutex_lock(&watch->lock);
	result = lk_redis_pending_add(&watch->pending, command, history, ended);
	atomic_store(&watch->owes, watch->pending.n > 0 || watch->replaying);
	(void)pthread_mutex_unlock(&watch->lock);
	if (result == LK_PENDING_FULL && ended)
		lk_redis_watch_lose(watch, 1);
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
	lk_redis_watch_lose(watch,
	    lk_redis_pending_move(&watch->pending, from));
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
