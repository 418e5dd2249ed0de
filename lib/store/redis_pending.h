/*
 * Revocations that no replica is known to have: they are done on the master,
 * and would be undone if a replica without them took its place.  They are
 * kept, as the commands that they are, until a replica has them.
 *
 * A revocation names the run of Redis that has carried it out (INFO's run_id,
 * another one after each start).  While that run is the master it need only
 * be waited for; any other has to be told.
 */
#ifndef LK_REDIS_PENDING_H_
#define LK_REDIS_PENDING_H_

#include "redis_wire.h"

/* Most that are kept. */
#define LK_REDIS_PENDING_MAX 1024
/* The length of a run's name. */
#define LK_REDIS_RUN_LEN 40

struct lk_redis_pending_item {
	struct lk_redis_pending_item *next;
	struct lk_buf command; /* whole, as it is sent; may hold a token */
	char run[LK_REDIS_RUN_LEN + 1]; /* that has done it; "": none */
};

/** A list, oldest first.  All zero: empty. */
struct lk_redis_pending {
	struct lk_redis_pending_item *first;
	size_t n;
};

enum lk_pending_result {
	LK_PENDING_ADDED = 0,
	LK_PENDING_KNOWN, /* the same one is there; its run is updated */
	LK_PENDING_FULL   /* or out of memory: it is not kept */
};

/**
 * lk_redis_pending_add(pending, command, run):
 * Keep a copy of ${command}, which the run ${run} has carried out.
 */
enum lk_pending_result lk_redis_pending_add(struct lk_redis_pending *pending,
    const struct lk_redis_command *command, const char *run) LK_MUST_CHECK;

/**
 * lk_redis_pending_move(to, from):
 * Move all of ${from} to ${to}; returns how many found no room.
 */
size_t lk_redis_pending_move(struct lk_redis_pending *to,
    struct lk_redis_pending *from);

/**
 * lk_redis_pending_replay(pending, wire, wait_ms, deadline):
 * Tell the master at ${wire} what it does not know, and wait for a replica.
 * LK_OK if one has all of it now; LK_E_NOT_DURABLE if none has in time.  The
 * list stays as it is, but for the runs in it.
 */
enum lk_status lk_redis_pending_replay(struct lk_redis_pending *pending,
    struct lk_redis_wire *wire, int64_t wait_ms,
    struct lk_deadline deadline) LK_MUST_CHECK;

/** lk_redis_pending_clear(pending): Wipe and free what it holds. */
void lk_redis_pending_clear(struct lk_redis_pending *pending);

/**
 * lk_redis_run_of(wire, deadline, run):
 * The name of the run of Redis at ${wire}.
 */
enum lk_status lk_redis_run_of(struct lk_redis_wire *wire,
    struct lk_deadline deadline, char run[LK_REDIS_RUN_LEN + 1]) LK_MUST_CHECK;

#endif /* !LK_REDIS_PENDING_H_ */
