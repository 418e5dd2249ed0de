/*
 * The revocations of a process that are carried over to each new master: a list
 * (pending.h) that threads share, and what tells it.
 */
#ifndef LK_REDIS_CARRIED_H_
#define LK_REDIS_CARRIED_H_

#include "store/redis/master/pending.h"
#include "store/redis/master/topology.h"

struct lk_redis_carried {
	/* Static data. */
	const struct lk_log *log;
	struct lk_redis_topology *topology;

	/* Looked at without the lock. */
	atomic_bool owes;      /* some are not durable */
	atomic_bool remembers; /* there are any */

	/* Under the lock; `told` is signalled when a master has been told. */
	pthread_mutex_t lock;
	pthread_cond_t told;
	struct lk_redis_pending pending;
	bool telling; /* somebody has taken it to tell it the master */
};

/**
 * lk_redis_carried_init(carried, log, topology):
 * None yet; ${topology} says when they are durable.  False if there is no lock
 * to be had.
 */
bool lk_redis_carried_init(struct lk_redis_carried *carried,
    const struct lk_log *log, struct lk_redis_topology *topology);

/**
 * lk_redis_carried_destroy(carried): Wipe and free, and log what is lost.
 * lk_redis_carried_forget(carried): They are a parent process's.
 */
void lk_redis_carried_destroy(struct lk_redis_carried *carried);
void lk_redis_carried_forget(struct lk_redis_carried *carried);

/**
 * lk_redis_carried_add(carried, revocation):
 * Remember it, as lk_redis_pending_add() does.
 */
void lk_redis_carried_add(struct lk_redis_carried *carried,
    const struct lk_redis_revocation *revocation);

/**
 * lk_redis_carried_take(carried, from):
 * Take over what ${from} has, but what is just being told the master.
 */
void lk_redis_carried_take(struct lk_redis_carried *carried,
    struct lk_redis_carried *from);

/**
 * lk_redis_carried_tell(carried, wire, deadline):
 * Tell the master at ${wire} which of the revocations it does not have, unless
 * somebody else is at it: then wait until that is done.
 */
enum lk_status lk_redis_carried_tell(struct lk_redis_carried *carried,
    struct lk_redis_wire *wire, struct lk_deadline deadline) LK_MUST_CHECK;

/**
 * lk_redis_carried_is_told(carried, history):
 * Whether the master of ${history} has been told of all revocations.
 */
bool lk_redis_carried_is_told(struct lk_redis_carried *carried,
    const char *history);

/**
 * lk_redis_carried_secure(carried, wire, deadline):
 * The same, and see to it that what is not durable is; LK_OK if all is.
 */
enum lk_status lk_redis_carried_secure(struct lk_redis_carried *carried,
    struct lk_redis_wire *wire, struct lk_deadline deadline) LK_MUST_CHECK;

#endif /* !LK_REDIS_CARRIED_H_ */
