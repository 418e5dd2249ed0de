/*
 * Revocations that a failover could undo: those of a process, which are carried
 * over to each new master.  They are kept, as commands, a script by its
 * address: until replicas have them, and then some minutes longer, as the next
 * master may be one that has never heard of them, such as an earlier master
 * that has come back and not followed yet.
 *
 * A revocation names the history of the master that has carried it out.  A
 * master of the same history has it and need only be waited for; any other is
 * told again, also one that was the master before and has been a replica
 * meanwhile.
 */
#ifndef LK_REDIS_CARRIED_H_
#define LK_REDIS_CARRIED_H_

#include "store/redis/master/topology.h"

/* Most that are kept, and how long one that replicas have is. */
#define LK_REDIS_PENDING_MAX 4096
#define LK_REDIS_PENDING_MS (10 * 60 * 1000)

struct lk_redis_pending_item {
	struct lk_redis_pending_item *next;
	const char *script;                     /* its text, or NULL: none */
	int argc;                               /* of the command, with that */
	size_t size;                            /* of `args` */
	char history[LK_REDIS_HISTORY_LEN + 1]; /* that has it; "": none */
	int slot;                               /* of its sessions */
	bool ended;       /* it has ended sessions, or may have */
	bool durable;     /* replicas have it */
	int64_t since_ns; /* when that history, or being durable, was noted, by
	                     lk_monotonic_ns() */
	char args[];      /* all but the script, each behind its length;
	                     may hold a token */
};

/** A list, of each kind the oldest first.  All zero: empty. */
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
	const char *script;  /* its text, if the first argument is one: borrowed
	                        for ever */
	const char *history; /* of the master that has carried it out, or "" */
	bool ended;          /* it has ended sessions there, or may have */
	bool durable;        /* replicas have it */
};

struct lk_redis_carried {
	/* Static data. */
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
 * lk_redis_carried_init(carried, topology):
 * None yet; ${topology} says when they are durable.
 */
void lk_redis_carried_init(struct lk_redis_carried *carried,
    struct lk_redis_topology *topology);

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
 * Tell the master at ${wire} which of the revocations, of those that are in its
 * slots, it does not have, unless somebody else is at it: then wait until that
 * is done.
 */
enum lk_status lk_redis_carried_tell(struct lk_redis_carried *carried,
    struct lk_redis_wire *wire, struct lk_deadline deadline) LK_MUST_CHECK;

/**
 * lk_redis_carried_is_told(carried, wire, history):
 * Whether the master at ${wire}, of that ${history}, has been told of all
 * revocations that are in its slots.
 */
bool lk_redis_carried_is_told(struct lk_redis_carried *carried,
    const struct lk_redis_wire *wire, const char *history);

/**
 * lk_redis_carried_secure(carried, wire, deadline):
 * The same, and see to it that what is not durable is; LK_OK if all is.
 */
enum lk_status lk_redis_carried_secure(struct lk_redis_carried *carried,
    struct lk_redis_wire *wire, struct lk_deadline deadline) LK_MUST_CHECK;

/* ---- The list, of which threads know nothing --------------------------- */

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
 * lk_redis_pending_reached(pending, history, before_ns):
 * Replicas have what the master of ${history} had by then: it is durable.
 * Returns how many were not before.
 */
size_t lk_redis_pending_reached(struct lk_redis_pending *pending,
    const char *history, int64_t before_ns);

/**
 * lk_redis_pending_owed_first(pending):
 * Put those that are not durable in front, each kind in its order: a master may
 * well have the others.
 */
void lk_redis_pending_owed_first(struct lk_redis_pending *pending);

/** lk_redis_pending_clear(pending): Wipe and free what it holds. */
void lk_redis_pending_clear(struct lk_redis_pending *pending);

#endif /* !LK_REDIS_CARRIED_H_ */
