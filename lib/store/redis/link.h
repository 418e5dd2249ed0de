/*
 * How one manager talks to its Redis: to which server, on what connection,
 * what is tried again, and when it is not tried at all.
 *
 * In single mode a call that finds its connection in order is one send and one
 * receive.  Behind Sentinel the same, as long as the watch has the master
 * confirmed lately enough; each new connection is to a Redis that says it is a
 * master, and one to a master that is none any more is not used again.
 *
 * All of a call, whatever it takes, has one deadline.  Within it, what was
 * surely not carried out is tried again, and so is what may be carried out
 * twice; nothing else.
 */
#ifndef LK_REDIS_LINK_H_
#define LK_REDIS_LINK_H_

#include "store/redis/attempt.h"

struct lk_redis_link;

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

/** lk_redis_link_drop(link): Close its connection; the next call makes another.
 */
void lk_redis_link_drop(struct lk_redis_link *link);

/**
 * lk_redis_link_leave_parent(link):
 * In a child process: drop what is connected.  A watch that it shares is the
 * parent's, and held by it for all one knows: it has its own from now on.
 */
void lk_redis_link_leave_parent(struct lk_redis_link *link);

/** lk_redis_link_caller(link): What its attempts go by, for who does not wait.
 */
struct lk_redis_caller *lk_redis_link_caller(struct lk_redis_link *link);

/** lk_redis_link_name(link): the address in use, for messages. */
const char *lk_redis_link_name(const struct lk_redis_link *link);

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
 * lk_redis_link_owe(link, revocation):
 * It was just carried out: let the watch carry it over.  One that is durable is
 * for a watch that others go by as well.
 */
void lk_redis_link_owe(struct lk_redis_link *link,
    const struct lk_redis_revocation *revocation);

/**
 * lk_redis_link_clock(link):
 * That of the Redis that a timed request was answered by last.
 */
const struct lk_redis_clock *lk_redis_link_clock(
    const struct lk_redis_link *link);

/**
 * lk_redis_link_inspect(link, deadline, each, arg):
 * Say of whoever says which Redis is the master what there is to be said.
 */
enum lk_status lk_redis_link_inspect(struct lk_redis_link *link,
    struct lk_deadline deadline, lk_finding_fn *each, void *arg) LK_MUST_CHECK;

/**
 * lk_redis_link_replicates(link, revokes):
 * Whether a replica must have a change: each, if it is so set, and one that
 * ${revokes} wherever another Redis can become the master.
 */
bool lk_redis_link_replicates(const struct lk_redis_link *link, bool revokes);

#endif /* !LK_REDIS_LINK_H_ */
