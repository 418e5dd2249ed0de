/*
 * One attempt at a call, the inside of link.h: have a connection to the
 * master, ask, and say what became of it.  Whether there is another one is the
 * link's to decide.
 */
#ifndef LK_REDIS_ATTEMPT_H_
#define LK_REDIS_ATTEMPT_H_

#include "store/redis/link.h"
#include "store/redis/master/fence.h"

struct lk_redis_link {
	/* Static data. */
	const struct lk_settings *settings;
	struct lk_error *error;
	struct lk_watch *watch;
	struct lk_watch *own; /* the same, if it is not shared */
	bool orphan;          /* it is a parent's, and there is no other yet */

	/* Dynamic data. */
	struct lk_redis_wire wire; /* its generation is the master's */
};

/** A call of the link that is under way. */
struct lk_redis_task {
	struct lk_redis_link *link;
	struct lk_redis_request *request;
	struct lk_deadline deadline; /* of the call */
	struct lk_deadline share;    /* what this attempt may have of it */
	struct lk_redis_reply **replies;
	struct lk_buf out; /* the request, and a fence or TIME behind it */
	size_t count;      /* of commands in it, but for TIME */
	bool timed;        /* TIME is in it */
	struct lk_redis_witnesses witnesses; /* that the fence waits for */
	enum lk_status status;               /* of the last attempt */
	enum lk_status refused;  /* LK_OK, or how an earlier one failed */
	struct lk_error refusal; /* before its time was over, and why */
	bool was_dead;           /* it met a connection that was closed */
};

/** What became of an attempt. */
enum lk_redis_attempt {
	LK_ATTEMPT_DONE,   /* there are replies */
	LK_ATTEMPT_OVER,   /* it failed, and would fail again or must not be
	                      repeated */
	LK_ATTEMPT_AGAIN,  /* it was not carried out */
	LK_ATTEMPT_UNKNOWN /* it may have been carried out */
};

/** lk_redis_may_pass(status): whether another attempt makes sense. */
static inline bool
lk_redis_may_pass(enum lk_status status)
{
	return (status == LK_E_STORE || status == LK_E_TIMEOUT);
}

/**
 * lk_redis_link_reject(link):
 * Something speaks against the connection, which is dropped, and against the
 * master.
 */
void lk_redis_link_reject(struct lk_redis_link *link);

/**
 * lk_redis_is_passing(link, reply):
 * Whether a command was not carried out for a reason that may pass soon: Redis
 * starts, is full of clients, or, behind Sentinel, is not the master any more.
 */
bool lk_redis_is_passing(const struct lk_redis_link *link,
    const struct lk_redis_reply *reply);

/**
 * lk_redis_attempt(task):
 * Try once.  Unless there are replies, ${task} has a status and the link's
 * error says why.  With a fence behind the request, the request says whether
 * it is durable.
 */
enum lk_redis_attempt lk_redis_attempt(struct lk_redis_task *task);

#endif /* !LK_REDIS_ATTEMPT_H_ */
