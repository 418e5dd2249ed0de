#include <stdio.h>
#include <string.h>

#include "store/redis/master/carried.h"

/* Show what there is, in the list or taken from it; the lock is held. */
static void
show(struct lk_redis_carried *carried)
{
	const bool taken = carried->telling;

	atomic_store(&carried->owes,
	    carried->pending.owed > 0 ||
	        (taken && atomic_load(&carried->owes)));
	atomic_store(&carried->remembers, carried->pending.n > 0 || taken);
}

static void
log_lost(const struct lk_redis_carried *carried, size_t count)
{
	char number[24];

	if (count == 0)
		return;
	(void)snprintf(number, sizeof(number), "%zu", count);
	LK_LOG(carried->log, LK_LOG_ERROR,
	    "revocations that no replica has are not remembered any more: "
	    "a failover would undo them",
	    { "count", number });
}

/* ---- Keeping them ------------------------------------------------------ */

bool
lk_redis_carried_init(struct lk_redis_carried *carried,
    const struct lk_log *log, struct lk_redis_topology *topology)
{
	memset(carried, 0, sizeof(*carried));
	carried->log = log;
	carried->topology = topology;
	if (!lk_redis_cond_init(&carried->told))
		return (false);
	if (pthread_mutex_init(&carried->lock, NULL) == 0)
		return (true);
	(void)pthread_cond_destroy(&carried->told);
	return (false);
}

void
lk_redis_carried_forget(struct lk_redis_carried *carried)
{
	lk_redis_pending_clear(&carried->pending);
	show(carried);
}

void
lk_redis_carried_destroy(struct lk_redis_carried *carried)
{
	log_lost(carried, carried->pending.owed);
	lk_redis_pending_clear(&carried->pending);
	(void)pthread_cond_destroy(&carried->told);
	(void)pthread_mutex_destroy(&carried->lock);
}

void
lk_redis_carried_add(struct lk_redis_carried *carried,
    const struct lk_redis_revocation *revocation)
{
	enum lk_pending_result result;

	(void)pthread_mutex_lock(&carried->lock);
	result = lk_redis_pending_add(&carried->pending, revocation);
	show(carried);
	(void)pthread_mutex_unlock(&carried->lock);
	if (result == LK_PENDING_FULL && revocation->ended &&
	    !revocation->durable)
		log_lost(carried, 1);
}

void
lk_redis_carried_take(struct lk_redis_carried *carried,
    struct lk_redis_carried *from)
{
	struct lk_redis_pending taken = { .n = 0 };

	(void)pthread_mutex_lock(&from->lock);
	if (!from->telling) {
		taken = from->pending;
		memset(&from->pending, 0, sizeof(from->pending));
		show(from);
	}
	(void)pthread_mutex_unlock(&from->lock);
	(void)pthread_mutex_lock(&carried->lock);
	log_lost(carried, lk_redis_pending_move(&carried->pending, &taken));
	show(carried);
	(void)pthread_mutex_unlock(&carried->lock);
}

/* ---- Telling a master -------------------------------------------------- */

/* Take all there are, unless somebody else has; the lock is held. */
static void
take_all(struct lk_redis_carried *carried, struct lk_redis_pending *taken)
{
	*taken = carried->pending;
	memset(&carried->pending, 0, sizeof(carried->pending));
	carried->telling = true;
}

/* Have what was taken again, in front of what has come since. */
static void
put_back(struct lk_redis_carried *carried, struct lk_redis_pending *taken)
{
	(void)pthread_mutex_lock(&carried->lock);
	log_lost(carried, lk_redis_pending_move(taken, &carried->pending));
	carried->pending = *taken;
	carried->telling = false;
	show(carried);
	(void)pthread_cond_broadcast(&carried->told);
	(void)pthread_mutex_unlock(&carried->lock);
}

enum lk_status
lk_redis_carried_tell(struct lk_redis_carried *carried,
    struct lk_redis_wire *wire, struct lk_deadline deadline)
{
	struct lk_redis_pending taken = { .n = 0 };
	enum lk_status status = LK_FAULT;
	bool busy;

	(void)pthread_mutex_lock(&carried->lock);
	while (carried->telling &&
	    lk_redis_cond_wait(&carried->told, &carried->lock, deadline))
		continue;
	busy = carried->telling;
	if (!busy && carried->pending.n > 0)
		take_all(carried, &taken);
	(void)pthread_mutex_unlock(&carried->lock);
	if (busy)
		return (lk_fail(wire->error, LK_E_TIMEOUT,
		    "redis at %s: it is being told of revocations",
		    wire->name));
	if (taken.n == 0)
		return (LK_OK);
	status = lk_redis_pending_replay(&taken, wire, deadline);
	if (status == LK_E_NOT_DURABLE)
		LK_LOG(carried->log, LK_LOG_WARN,
		    "revocations are refused by another master",
		    { "error", wire->error->text });
	put_back(carried, &taken);
	return (status);
}

bool
lk_redis_carried_is_told(struct lk_redis_carried *carried, const char *history)
{
	const struct lk_redis_pending_item *item;
	bool told;

	(void)pthread_mutex_lock(&carried->lock);
	told = !carried->telling;
	for (item = carried->pending.first; item != NULL && told;
	     item = item->next)
		told = strcmp(item->history, history) == 0;
	(void)pthread_mutex_unlock(&carried->lock);
	return (told);
}

/* Replicas have what the master of that history had by then. */
static void
note_reached(struct lk_redis_carried *carried, const char *history,
    int64_t before_ns, const char *master)
{
	char number[24];
	size_t count;

	(void)pthread_mutex_lock(&carried->lock);
	count = lk_redis_pending_reached(&carried->pending, history, before_ns);
	show(carried);
	(void)pthread_mutex_unlock(&carried->lock);
	(void)snprintf(number, sizeof(number), "%zu", count);
	if (count > 0)
		LK_LOG(carried->log, LK_LOG_INFO,
		    "revocations have reached a replica", { "count", number },
		    { "master", master });
}

enum lk_status
lk_redis_carried_secure(struct lk_redis_carried *carried,
    struct lk_redis_wire *wire, struct lk_deadline deadline)
{
	struct lk_redis_topology *topology = carried->topology;
	const struct lk_redis_witnesses witnesses = topology->ops->witnesses(
	    topology, true);
	struct lk_redis_fenced fenced;
	enum lk_status status = LK_FAULT;
	int64_t began_ns;

	status = lk_redis_carried_tell(carried, wire, deadline);
	if ((status != LK_OK && status != LK_E_NOT_DURABLE) ||
	    !atomic_load(&carried->owes))
		return (status);
	began_ns = lk_monotonic_ns();
	status = lk_redis_fence_run(wire, topology->settings, witnesses.asked,
	    lk_redis_wait_ms(topology->settings, deadline), deadline, &fenced);
	if (status == LK_OK && fenced.acks > 0 &&
	    topology->ops->outlasts(topology, wire, fenced.acks, witnesses,
	        deadline, wire->error))
		note_reached(carried, fenced.past.history, began_ns,
		    wire->name);
	if (status == LK_OK && atomic_load(&carried->owes))
		status = LK_E_NOT_DURABLE;
	return (status);
}
