/*
 * What outlasts a failover: when a change does, and the revocations that do not
 * yet and are carried over.
 */
#include <stdio.h>
#include <string.h>

#include "store/redis/master/fence.h"
#include "store/redis/master/watch.h"

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

struct lk_redis_witnesses
lk_redis_watch_witnesses(struct lk_watch *watch, bool all)
{
	struct lk_redis_witnesses witnesses = { .all = all, .asked = 1 };

	(void)pthread_mutex_lock(&watch->lock);
	if (watch->sentinel && (all || watch->known.cautious) &&
	    watch->known.replicas > 1)
		witnesses.asked = watch->known.replicas;
	(void)pthread_mutex_unlock(&watch->lock);
	return (witnesses);
}

/* How many must have it, by what was found last; 0: none are enough. */
static size_t
wanted(struct lk_watch *watch, unsigned int generation, bool all)
{
	size_t count = 0;

	(void)pthread_mutex_lock(&watch->lock);
	if (atomic_load(&watch->generation) == generation &&
	    !watch->known.unsettled)
		count = (all || watch->known.cautious) &&
		        watch->known.replicas > 1
		    ? watch->known.replicas
		    : 1;
	(void)pthread_mutex_unlock(&watch->lock);
	return (count);
}

/* Whether as many replicas have it as must; more are waited for. */
static bool
is_witnessed(struct lk_watch *watch, struct lk_redis_wire *wire,
    struct lk_redis_fenced fenced, size_t asked, size_t count,
    struct lk_deadline deadline, struct lk_error *error)
{
	if (fenced.acks < count && asked < count &&
	    lk_redis_fence_run(wire, watch->settings, count,
	        lk_redis_watch_wait_ms(watch, deadline), deadline,
	        &fenced) != LK_OK)
		return (false);
	if (fenced.acks >= count)
		return (true);
	lk_error_set(error, "%zu of %zu replicas have it", fenced.acks, count);
	return (false);
}

bool
lk_redis_watch_outlasts(struct lk_watch *watch, struct lk_redis_wire *wire,
    size_t acks, struct lk_redis_witnesses witnesses,
    struct lk_deadline deadline, struct lk_error *error)
{
	const struct lk_redis_fenced fenced = { .acks = acks };
	size_t count;

	if (!watch->sentinel)
		return (true);
	if (lk_redis_watch_confirm(watch, lk_redis_watch_now(), deadline,
	        error) != LK_OK)
		return (false);
	count = wanted(watch, wire->generation, witnesses.all);
	if (count == 0) {
		lk_error_set(error, "another redis is or becomes the master");
		return (false);
	}
	if (!is_witnessed(watch, wire, fenced, witnesses.asked, count, deadline,
	        error))
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
    const struct lk_redis_revocation *revocation)
{
	enum lk_pending_result result;

	(void)pthread_mutex_lock(&watch->lock);
	result = lk_redis_pending_add(&watch->pending, revocation);
	if (watch->pending.owed > 0)
		atomic_store(&watch->owes, true);
	if (watch->pending.n > 0)
		atomic_store(&watch->remembers, true);
	(void)pthread_mutex_unlock(&watch->lock);
	if (result == LK_PENDING_FULL && revocation->ended &&
	    !revocation->durable)
		lk_redis_watch_lose(watch, 1);
	if (!revocation->durable)
		lk_redis_watch_wake(watch);
}

/* Take all there are; the lock is held. */
static void
take_locked(struct lk_watch *watch, struct lk_redis_pending *taken)
{
	*taken = watch->pending;
	memset(&watch->pending, 0, sizeof(watch->pending));
	watch->replaying = true;
}

/* Have what was taken again, in front of what has come since. */
static void
put_back(struct lk_watch *watch, struct lk_redis_pending *taken)
{
	(void)pthread_mutex_lock(&watch->lock);
	lk_redis_watch_lose(watch,
	    lk_redis_pending_move(taken, &watch->pending));
	watch->pending = *taken;
	watch->replaying = false;
	atomic_store(&watch->owes, watch->pending.owed > 0);
	atomic_store(&watch->remembers, watch->pending.n > 0);
	(void)pthread_cond_broadcast(&watch->changed);
	(void)pthread_mutex_unlock(&watch->lock);
}

enum lk_status
lk_redis_watch_tell(struct lk_watch *watch, struct lk_redis_wire *wire,
    struct lk_deadline deadline)
{
	struct lk_redis_pending taken = { .n = 0 };
	enum lk_status status = LK_FAULT;
	bool busy;

	(void)pthread_mutex_lock(&watch->lock);
	while (watch->replaying && lk_redis_watch_wait(watch, deadline))
		continue;
	busy = watch->replaying;
	if (!busy && watch->pending.n > 0)
		take_locked(watch, &taken);
	(void)pthread_mutex_unlock(&watch->lock);
	if (busy)
		return (lk_fail(wire->error, LK_E_TIMEOUT,
		    "redis at %s: it is being told of revocations",
		    wire->name));
	if (taken.n == 0)
		return (LK_OK);
	status = lk_redis_pending_replay(&taken, wire, deadline);
	if (status == LK_E_NOT_DURABLE)
		LK_LOG(watch->log, LK_LOG_WARN,
		    "revocations are refused by another master",
		    { "error", wire->error->text });
	put_back(watch, &taken);
	return (status);
}

bool
lk_redis_watch_is_told(struct lk_watch *watch, const char *history)
{
	const struct lk_redis_pending_item *item;
	bool told;

	(void)pthread_mutex_lock(&watch->lock);
	told = !watch->replaying;
	for (item = watch->pending.first; item != NULL && told;
	     item = item->next)
		told = strcmp(item->history, history) == 0;
	(void)pthread_mutex_unlock(&watch->lock);
	return (told);
}

/* Replicas have what the master of that history had by then. */
static void
settle(struct lk_watch *watch, const char *history, int64_t before_ns,
    const char *master)
{
	char number[24];
	size_t count;

	(void)pthread_mutex_lock(&watch->lock);
	count = lk_redis_pending_settle(&watch->pending, history, before_ns);
	if (!watch->replaying)
		atomic_store(&watch->owes, watch->pending.owed > 0);
	(void)pthread_mutex_unlock(&watch->lock);
	(void)snprintf(number, sizeof(number), "%zu", count);
	if (count > 0)
		LK_LOG(watch->log, LK_LOG_INFO,
		    "revocations have reached a replica", { "count", number },
		    { "master", master });
}

enum lk_status
lk_redis_watch_replay(struct lk_watch *watch, struct lk_redis_wire *wire,
    struct lk_deadline deadline)
{
	const struct lk_redis_witnesses witnesses = lk_redis_watch_witnesses(
	    watch, true);
	struct lk_redis_fenced fenced;
	enum lk_status status = LK_FAULT;
	int64_t began_ns;

	status = lk_redis_watch_tell(watch, wire, deadline);
	if ((status != LK_OK && status != LK_E_NOT_DURABLE) ||
	    !atomic_load(&watch->owes))
		return (status);
	began_ns = lk_monotonic_ns();
	status = lk_redis_fence_run(wire, watch->settings, witnesses.asked,
	    lk_redis_watch_wait_ms(watch, deadline), deadline, &fenced);
	if (status == LK_OK && fenced.acks > 0 &&
	    lk_redis_watch_outlasts(watch, wire, fenced.acks, witnesses,
	        deadline, wire->error))
		settle(watch, fenced.past.history, began_ns, wire->name);
	return (status == LK_OK && atomic_load(&watch->owes) ? LK_E_NOT_DURABLE
	                                                     : status);
}

/* ---- What passes to another watch -------------------------------------- */

static bool
same(const char *a, const char *b)
{
	return (strcmp(a, b) == 0);
}

/* How many of one list are in the other. */
static size_t
count_common(const struct lk_strings *a, const struct lk_strings *b)
{
	size_t i, j, n = 0;

	for (i = 0; i < a->n; i++) {
		for (j = 0; j < b->n && !same(a->v[i], b->v[j]);)
			j++;
		n += j < b->n;
	}
	return (n);
}

/* Whether both settings name the same sessions of the same store. */
static bool
is_same_store(const struct lk_settings *a, const struct lk_settings *b)
{
	if (a->store.backend != b->store.backend ||
	    a->store.redis.database != b->store.redis.database ||
	    lk_redis_layout_of(a) != lk_redis_layout_of(b) ||
	    !lk_redis_layout_of(a)->is_same(a, b))
		return (false);
	/* One Sentinel knows one master of a name. */
	if (a->store.backend == LK_BACKEND_SENTINEL)
		return (
		    same(a->store.sentinel.master, b->store.sentinel.master) &&
		    count_common(&a->store.sentinel.addresses,
		        &b->store.sentinel.addresses) > 0);
	return (same(a->store.redis.address, b->store.redis.address));
}

/* Whether a majority of one list is a majority of the other. */
static bool
is_same_jury(const struct lk_settings *a, const struct lk_settings *b)
{
	const struct lk_strings *one = &a->store.sentinel.addresses;
	const struct lk_strings *other = &b->store.sentinel.addresses;

	return (one->n == other->n && count_common(one, other) == one->n &&
	    count_common(other, one) == one->n);
}

void
lk_watch_take(struct lk_watch *watch, struct lk_watch *from)
{
	struct lk_redis_pending taken = { .n = 0 };
	size_t lost;

	if (!is_same_store(watch->settings, from->settings))
		return;
	if (watch->sentinel && is_same_jury(watch->settings, from->settings))
		lk_redis_watch_learn(watch, from);
	(void)pthread_mutex_lock(&from->lock);
	/* What is just being told the master stays. */
	if (!from->replaying) {
		taken = from->pending;
		memset(&from->pending, 0, sizeof(from->pending));
		atomic_store(&from->owes, false);
		atomic_store(&from->remembers, false);
	}
	(void)pthread_mutex_unlock(&from->lock);
	(void)pthread_mutex_lock(&watch->lock);
	lost = lk_redis_pending_move(&watch->pending, &taken);
	if (watch->pending.owed > 0)
		atomic_store(&watch->owes, true);
	if (watch->pending.n > 0)
		atomic_store(&watch->remembers, true);
	(void)pthread_mutex_unlock(&watch->lock);
	lk_redis_watch_lose(watch, lost);
	lk_redis_watch_wake(watch);
}
