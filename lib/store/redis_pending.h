/*
 * Revocations that no replica is known to have: they are done on the master,
 * and would be undone if a replica without them took its place.  They are
 * kept, as the commands that they are, until a replica has them.
 *
 * A revocation names the history of the master that has carried it out: INFO's
 * master_replid, another one after each start and each promotion.  A master of
 * the same history has it and need only be waited for; any other is told again,
 * also one that was the master before and has been a replica meanwhile.
 */
#ifndef LK_REDIS_PENDING_H_
#define LK_REDIS_PENDING_H_

#include "redis_wire.h"

/* Most that are kept. */
#define LK_REDIS_PENDING_MAX 1024
/* The length of a history's name. */
#define LK_REDIS_HISTORY_LEN 40

struct lk_redis_pending_item {
	struct lk_redis_pending_item *next;
	struct lk_buf command; /* whole, as it is sent; may hold a token */
	char history[LK_REDIS_HISTORY_LEN + 1]; /* that has it; "": none */
	bool ended;   /* it has ended sessions, or may have */
	bool refused; /* by an error reply, when it was told last */
};

/** A list, oldest first.  All zero: empty. */
struct lk_redis_pending {
	struct lk_redis_pending_item *first;
	size_t n;
};

enum lk_pending_result {
	LK_PENDING_ADDED = 0,
	LK_PENDING_KNOWN, /* the same one is there; it is updated */
	LK_PENDING_FULL   /* or out of memory: it is not kept */
};

/**
 * lk_redis_pending_add(pending, command, history, ended):
 * Keep a copy of ${command}, which the master of ${history} has carried out and
 * which has ${ended} sessions there, or may have.  One that has not is kept for
 * what an earlier try, or somebody else, may have ended; in a full list it
 * makes room for one that has.
 */
enum lk_pending_result lk_redis_pending_add(struct lk_redis_pending *pending,
    const struct lk_redis_command *command, const char *history,
    bool ended) LK_MUST_CHECK;

/**
 * lk_redis_pending_move(to, from):
 * Move all of ${from} to ${to}; returns how many found no room.
 */
size_t lk_redis_pending_move(struct lk_redis_pending *to,
    struct lk_redis_pending *from);

/**
 * lk_redis_pending_replay(pending, wire, deadline):
 * Tell the master at ${wire} what it does not have.  LK_OK if it could be told
 * all of it, although it may have refused some.  The list stays as it is, but
 * for what its items say of themselves.
 */
enum lk_status lk_redis_pending_replay(struct lk_redis_pending *pending,
    struct lk_redis_wire *wire, struct lk_deadline deadline) LK_MUST_CHECK;

/**
 * lk_redis_pending_settle(pending):
 * Replicas have what was told: forget it.  What was refused stays; returns how
 * many were forgotten.
 */
size_t lk_redis_pending_settle(struct lk_redis_pending *pending);

/** lk_redis_pending_clear(pending): Wipe and free what it holds. */
void lk_redis_pending_clear(struct lk_redis_pending *pending);

/**
 * lk_redis_history_of(wire, deadline, history):
 * The name of the history of the master at ${wire}; "" unless LK_OK.
 */
enum lk_status lk_redis_history_of(struct lk_redis_wire *wire,
    struct lk_deadline deadline,
    char history[LK_REDIS_HISTORY_LEN + 1]) LK_MUST_CHECK;

#endif /* !LK_REDIS_PENDING_H_ */
