/*
 * How one manager talks to its Redis: to which server, on what connection,
 * what is tried again, and when it is not tried at all.
 *
 * In single mode a call that finds its connection in order is one send and one
 * receive.  In a cluster too, on that of several connections that is to the
 * master of its slot.  Behind Sentinel the same, as long as the watch has the
 * master confirmed lately enough; each new connection is to a Redis that says
 * it is a master, and one to a master that is none any more is not used again.
 *
 * All of a call, whatever it takes, has one deadline.  Within it, what was
 * surely not carried out is tried again, and so is what may be carried out
 * twice; nothing else.
 */
#ifndef LK_REDIS_LINK_H_
#define LK_REDIS_LINK_H_

#include "store/redis/master/watch.h"

/** One manager's, or that of its checks. */
struct lk_redis_link {
	/* Static data. */
	const struct lk_settings *settings;
	struct lk_error *error;

	/* Dynamic data. */
	struct lk_redis_watch *watch;
	struct lk_redis_watch *own;  /* the same, if it is not shared */
	struct lk_redis_wire *wires; /* its own; several only in a cluster */
	struct lk_redis_wire *wire;  /* of these, the one that was used last;
	                                its generation is the master's */
};

/**
 * lk_redis_link_new(settings, watch, log, error, link):
 * A link that connects when first used.  Without a ${watch} it has its own.
 * All but ${link} must outlive it; every failure is explained in ${error}.
 */
enum lk_status lk_redis_link_new(const struct lk_settings *settings,
    struct lk_watch *watch, const struct lk_log *log, struct lk_error *error,
    struct lk_redis_link **link) LK_MUST_CHECK;

/** lk_redis_link_free(link): Close and free.  NULL is fine. */
void lk_redis_link_free(struct lk_redis_link *link);

/**
 * lk_redis_link_leave_parent(link):
 * In a child process: drop what is connected.  A watch that it shares is the
 * parent's, and held by it for all one knows: it has its own from now on.
 */
void lk_redis_link_leave_parent(struct lk_redis_link *link);

/** One call: commands that go out in one write, and how. */
struct lk_redis_request {
	const struct lk_redis_command *commands;
	size_t count;
	bool idempotent; /* may be sent again, carried out or not */
	bool replicate;  /* ask for a replica to have it; `durable` says */
	bool revokes; /* all replicas that are not down must; what is answered
	                 the second time means less */
	bool timed;   /* the connection's clock is to be known; not together
	                 with `replicate` */
	bool plain;   /* each of its commands may be sent by itself, and to
	                 whom a slot is just moved to */
	bool pinned;  /* it goes to the master of `slot`, whatever its keys, and
	                 what is moved from there is so answered */
	int slot;

	/* Set by the attempts. */
	bool durable;  /* replicas have it, and will be asked to be the next
	                  master; if not, the link's error says why */
	bool repeated; /* an earlier try may have been carried out already */
	enum lk_status time_status; /* LK_OK, or why it is not known; if
	                  the replies are none of errors, the link's error
	                  says so too */
	char history[LK_REDIS_HISTORY_LEN + 1]; /* of the master that has
	                  carried it out, if it was to be replicated; or "" */
};

/* Most commands of a request to be replicated; it may have none, and then asks
 * for what others have done. */
#define LK_REDIS_REPLICATE_MAX 2

/**
 * lk_redis_link_run(link, request, deadline, replies):
 * Send the request in one write and read as many replies as it has commands,
 * connecting first if need be.  Error replies are replies, unless they mean
 * that it was not carried out and may be tried again: the caller looks at
 * them, and frees all with lk_redis_free_replies().  Any negative status
 * closes the connection; LK_E_CORRUPT is what is no Redis reply.
 */
enum lk_status lk_redis_link_run(struct lk_redis_link *link,
    struct lk_redis_request *request, struct lk_deadline deadline,
    struct lk_redis_reply **replies) LK_MUST_CHECK;

/**
 * lk_redis_link_replicates(link, revokes):
 * Whether a replica must have a change: each, if it is so set, and one that
 * ${revokes} wherever another Redis can become the master.
 */
bool lk_redis_link_replicates(const struct lk_redis_link *link, bool revokes);

/**
 * lk_redis_link_slot(link, command):
 * The slot of its key, where that says who is to be asked.
 */
int lk_redis_link_slot(const struct lk_redis_link *link,
    const struct lk_redis_command *command);

/* ---- For who does not wait --------------------------------------------- */

/** lk_redis_may_pass(status): whether another attempt makes sense. */
static inline bool
lk_redis_may_pass(enum lk_status status)
{
	return (status == LK_E_STORE || status == LK_E_TIMEOUT);
}

/**
 * lk_redis_link_add_wire(link):
 * One more connection, which is closed, and the link's own; NULL without
 * memory.
 */
struct lk_redis_wire *lk_redis_link_add_wire(struct lk_redis_link *link);

/**
 * lk_redis_reject(link, wire):
 * Something speaks against a connection, which is dropped, and against its
 * master.
 */
void lk_redis_reject(struct lk_redis_link *link, struct lk_redis_wire *wire);

/**
 * lk_redis_is_passing(link, reply):
 * Whether a command was not carried out for a reason that may pass soon: Redis
 * starts, is full of clients, or, behind Sentinel, is not the master any more.
 */
bool lk_redis_is_passing(const struct lk_redis_link *link,
    const struct lk_redis_reply *reply);

#endif /* !LK_REDIS_LINK_H_ */
