/*
 * Revocations that a failover could undo.  They are kept, as the commands that
 * they are: until replicas have them, and then some minutes longer, as the next
 * master may be one that has never heard of them, such as an earlier master
 * that has come back and not followed yet.
 *
 * A revocation names the history of the master that has carried it out.  A
 * master of the same history has it and need only be waited for; any other is
 * told again, also one that was the master before and has been a replica
 * meanwhile.
 */
#ifndef LK_REDIS_PENDING_H_
#define LK_REDIS_PENDING_H_

#include "store/redis/master/fence.h"

/* Most that are kept, and how long one that replicas have is. */
#define LK_REDIS_PENDING_MAX 4096
#define LK_REDIS_PENDING_MS (10 * 60 * 1000)

struct lk_redis_pending_item {
	struct lk_redis_pending_item *next;
	struct lk_buf command; /* whole, as it is sent; may hold a token */
	char history[LK_REDIS_HISTORY_LEN + 1]; /* that has it; "": none */
	bool ended;       /* it has ended sessions, or may have */
	bool durable;     /* replicas have it */
	int64_t since_ns; /* when that history, or being durable, was noted, by
	                     lk_monotonic_ns() */
};

/** A list, oldest first.  All zero: empty. */
struct lk_redis_pending {
	struct lk_redis_pending_item *first;
	size_t n;
	size_t owed; /* those that are not durable */
};

enum lk_pending_result {
	LK_PENDING_ADDED = 0,
	LK_PENDING_KNOWN, /* the same one is there; it is updated */
	LK_PENDING_FULL   /* or out of memory: it is not kept */
};

/** What is to be kept. */
struct lk_redis_revocation {
	const struct lk_redis_command *command;
	const char *history; /* of the master that has carried it out, or "" */
	bool ended;          /* it has ended sessions there, or may have */
	bool durable;        /* replicas have it */
};

/**
 * lk_redis_pending_add(pending, revocation):
 * Keep a copy.  One that has ended nothing is kept for what an earlier try, or
 * somebody else, may have ended.  In a full list the oldest makes room that is
 * durable, or, for one that has ended something, that has not.
 */
enum lk_pending_result lk_redis_pending_add(struct lk_redis_pending *pending,
    const struct lk_redis_revocation *revocation) LK_MUST_CHECK;

/**
 * lk_redis_pending_move(to, from):
 * Move all of ${from} to ${to}, and forget what need not be kept any longer;
 * returns how many that are not durable found no room.
 */
size_t lk_redis_pending_move(struct lk_redis_pending *to,
    struct lk_redis_pending *from);

/**
 * lk_redis_pending_replay(pending, wire, deadline):
 * Tell the master at ${wire} what it does not have; that is not durable then.
 * LK_OK if it has all then; LK_E_NOT_DURABLE if it has refused some, and the
 * wire's error says why.  Nothing is taken off the list.
 */
enum lk_status lk_redis_pending_replay(struct lk_redis_pending *pending,
    struct lk_redis_wire *wire, struct lk_deadline deadline) LK_MUST_CHECK;

/**
 * lk_redis_pending_reached(pending, history, before_ns):
 * Replicas have what the master of ${history} had by then: it is durable.
 * Returns how many were not before.
 */
size_t lk_redis_pending_reached(struct lk_redis_pending *pending,
    const char *history, int64_t before_ns);

/** lk_redis_pending_clear(pending): Wipe and free what it holds. */
void lk_redis_pending_clear(struct lk_redis_pending *pending);

#endif /* !LK_REDIS_PENDING_H_ */
