/*
 * The face of this folder: struct lk_watch of a Redis store, what the managers
 * of a process know together of the servers behind it.  topology.h is who the
 * master is, breaker.h whether to ask at all, carried.h the revocations that a
 * failover could undo; fence.h is how replicas are known to have something.
 * None of these knows of the watch, and each is changed by itself alone.
 */
#ifndef LK_REDIS_WATCH_H_
#define LK_REDIS_WATCH_H_

#include "store/redis/master/carried.h"
#include "store/watch.h"

struct lk_redis_watch {
	struct lk_watch base;
	const struct lk_redis_keyspace *keys; /* of its sessions */
	struct lk_redis_topology *topology;
	struct lk_breaker breaker;
	struct lk_redis_carried carried;
	int wake; /* eventfd to wake lk_watch_run(), or -1 */
	atomic_bool running;
	atomic_bool stopping;
};

/** lk_redis_watch_of(watch): The one that ${watch} is the base of. */
static inline struct lk_redis_watch *
lk_redis_watch_of(struct lk_watch *watch)
{
	/* The base is the first member. */
	return ((struct lk_redis_watch *)watch);
}

/** lk_redis_watch_make(base, watch, error): As the backend's `watch`. */
enum lk_status lk_redis_watch_make(const struct lk_watch *base,
    struct lk_watch **watch, struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_redis_watch_new(base, watch, error):
 * One of a single manager's, which no thread runs.
 */
enum lk_status lk_redis_watch_new(const struct lk_watch *base,
    struct lk_redis_watch **watch, struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_redis_watch_leave_parent(watch):
 * In a child process: drop what a watch that was no other thread's is connected
 * to, and the revocations, which the parent carries over.
 */
void lk_redis_watch_leave_parent(struct lk_redis_watch *watch);

/**
 * lk_redis_watch_suspect(watch, wire):
 * Something speaks against the master at ${wire}.
 */
void lk_redis_watch_suspect(struct lk_redis_watch *watch,
    const struct lk_redis_wire *wire);

/**
 * lk_redis_watch_moved(watch, slot, name):
 * A node has said that the slot is that of the one at ${name}.
 */
void lk_redis_watch_moved(struct lk_redis_watch *watch, int slot,
    const char *name);

/**
 * lk_redis_watch_breaker(watch, slot):
 * Whether to ask the master of the slot.
 */
struct lk_breaker *lk_redis_watch_breaker(struct lk_redis_watch *watch,
    int slot);

/**
 * lk_redis_watch_note(watch, breaker, probe, answered, began_ns):
 * As lk_breaker_note() of one of its breakers, and say so once it bars the way.
 */
void lk_redis_watch_note(struct lk_redis_watch *watch,
    struct lk_breaker *breaker, bool probe, bool answered, int64_t began_ns);

/**
 * lk_redis_watch_owe(watch, revocation):
 * Carry it over.
 */
void lk_redis_watch_owe(struct lk_redis_watch *watch,
    const struct lk_redis_revocation *revocation);

#endif /* !LK_REDIS_WATCH_H_ */
