/*
 * One attempt at a call, the inside of link.h: have a connection to the master,
 * ask, and say what became of it.  Whether there is another one is the link's
 * to decide.
 */
#ifndef LK_REDIS_ATTEMPT_H_
#define LK_REDIS_ATTEMPT_H_

#include "store/redis/master/watch.h"

/** One call: commands that go out in one write, and how. */
struct lk_redis_request {
	const struct lk_redis_command *commands;
	size_t count;
	bool idempotent; /* may be sent again, carried out or not */
	bool exact;      /* but what the second time answers means less */
	bool replicate;  /* ask for a replica to have it; `durable` says */
	bool everywhere; /* all replicas that are not down must */
	bool timed;      /* the connection's clock is to be known; not together
	                    with `replicate` */

	/* Set by the attempts. */
	bool durable;  /* replicas have it, and will be asked to be the next
	                  master; if not, the caller's error says why */
	bool repeated; /* an earlier try may have been carried out already */
	enum lk_status time_status; /* LK_OK, or why it is not known; if
	                  the replies are none of errors, the caller's error
	                  says so too */
	char history[LK_REDIS_HISTORY_LEN + 1]; /* of the master that has
	                  carried it out, if it was to be replicated; or "" */
};

/* Most commands of a request to be replicated; it may have none, and then asks
 * for what others have done. */
#define LK_REDIS_REPLICATE_MAX 2

/** Whoever calls. */
struct lk_redis_caller {
	/* Static data. */
	const struct lk_settings *settings;
	struct lk_error *error;

	/* Dynamic data. */
	struct lk_redis_watch *watch;
	struct lk_redis_wire wire; /* its generation is the master's */
};

/** A call that is under way. */
struct lk_redis_task {
	struct lk_redis_caller *caller;
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
 * lk_redis_reject(caller):
 * Something speaks against the connection, which is dropped, and against the
 * master.
 */
void lk_redis_reject(struct lk_redis_caller *caller);

/**
 * lk_redis_is_passing(caller, reply):
 * Whether a command was not carried out for a reason that may pass soon: Redis
 * starts, is full of clients, or, behind Sentinel, is not the master any more.
 */
bool lk_redis_is_passing(const struct lk_redis_caller *caller,
    const struct lk_redis_reply *reply);

/**
 * lk_redis_attempt(task):
 * Try once.  Unless there are replies, ${task} has a status and the caller's
 * error says why.  With a fence behind the request, the request says whether
 * it is durable.
 */
enum lk_redis_attempt lk_redis_attempt(struct lk_redis_task *task);

#endif /* !LK_REDIS_ATTEMPT_H_ */
