/*
 * The face of this folder: what the operations of the Redis store share,
 * whichever its layout: the key of a session comes from its token alone, so
 * that one write asks for all that a check needs.
 */
#ifndef LK_REDIS_STORE_H_
#define LK_REDIS_STORE_H_

#include "store/redis/layout/layout.h"
#include "store/redis/link.h"
#include "store/redis/script.h"
#include "store/store.h"

struct lk_store_checks;

struct lk_redis_store {
	struct lk_store base;
	struct lk_redis_link *link;
	const struct lk_redis_layout *layout;
	/* In a cluster: what goes through the whole store is at the master of
	 * that slot, whatever its keys. */
	bool pinned;
	int slot;
};

/** The operations that are the same in both. */
LK_STORE_OP(ping) lk_redis_ping;
LK_STORE_OP(inspect) lk_redis_inspect;
LK_STORE_OP(check) lk_redis_check;
LK_STORE_OP(history) lk_redis_history;
LK_STORE_OP(history_erase) lk_redis_history_erase;
LK_STORE_OP(ended) lk_redis_ended;
LK_STORE_OP(user_get) lk_redis_user_get;
LK_STORE_OP(user_put) lk_redis_user_put;
LK_STORE_OP(user_delete) lk_redis_user_delete;
LK_STORE_OP(leave_parent) lk_redis_leave_parent;
LK_STORE_OP(free) lk_redis_free;

/* Their places in a layout's table, with those of layout/scan.h. */
#define LK_REDIS_SAME_OPS                                                      \
	.ping = lk_redis_ping, .inspect = lk_redis_inspect,                    \
	.check = lk_redis_check, .history = lk_redis_history,                  \
	.history_erase = lk_redis_history_erase, .ended = lk_redis_ended,      \
	.user_get = lk_redis_user_get, .user_put = lk_redis_user_put,          \
	.user_delete = lk_redis_user_delete, .walk = lk_redis_walk,            \
	.put = lk_redis_put, .sweep = lk_redis_sweep, .stats = lk_redis_stats, \
	.leave_parent = lk_redis_leave_parent, .free = lk_redis_free

/** lk_redis_checks_new(base, checks): The row's `checks`; see checks.c. */
enum lk_status lk_redis_checks_new(const struct lk_store *base,
    struct lk_store_checks **checks);

/** lk_redis_store_of(store): the Redis store that ${store} is the base of. */
struct lk_redis_store *lk_redis_store_of(struct lk_store *store);

/**
 * lk_redis_is_spread(store): whether several masters have its keys.
 */
static inline bool
lk_redis_is_spread(const struct lk_redis_store *store)
{
	return (store->link->watch->topology->ops->is_at != NULL);
}

/**
 * lk_redis_run(store, commands, count, deadline, replies):
 * Run commands that may be sent twice in one write, and with them know Redis'
 * clock; an error reply fails them all.  In a cluster those whose keys are not
 * where the others' are go by themselves.  The caller frees the replies if
 * LK_OK.
 */
enum lk_status lk_redis_run(struct lk_redis_store *store,
    const struct lk_redis_command *commands, size_t count,
    struct lk_deadline deadline, struct lk_redis_reply **replies) LK_MUST_CHECK;

/**
 * lk_redis_run_why(store, key, names, deadline):
 * Take the second look at a session that is unknown: LK_UNKNOWN or LK_EXPIRED.
 * Unless ${key} is NULL the store is told why it ended, if that is known.
 */
enum lk_status lk_redis_run_why(struct lk_redis_store *store,
    const struct lk_token_key *key, struct lk_redis_names *names,
    struct lk_deadline deadline) LK_MUST_CHECK;

/**
 * lk_redis_left(clock, expires_ms, session):
 * Fill in when a session ends that was read just now, and what is left by the
 * clock of its Redis; LK_EXPIRED if that is nothing, whatever became of its
 * key's expiry.
 */
enum lk_status lk_redis_left(const struct lk_redis_clock *clock,
    int64_t expires_ms, struct lk_session *session) LK_MUST_CHECK;

/**
 * lk_redis_revoke(store, call, deadline, revoked):
 * Run a script that ends sessions and answers how many; at least one if that
 * was said to an earlier try, whose answer was lost.
 */
enum lk_status lk_redis_revoke(struct lk_redis_store *store,
    struct lk_redis_call *call, struct lk_deadline deadline,
    uint64_t *revoked) LK_MUST_CHECK;

/**
 * lk_redis_user_record(reply, record):
 * Append what a GET of a user's key answered; NULL, or what is not as latchkey
 * writes it.
 */
const char *lk_redis_user_record(const struct lk_redis_reply *reply,
    struct lk_buf *record);

/**
 * lk_redis_corrupt(store, what):
 * Explain and return LK_E_CORRUPT.  It may be the answer to somebody else's
 * question, so the connection is dropped.
 */
enum lk_status lk_redis_corrupt(struct lk_redis_store *store,
    const char *what) LK_MUST_CHECK;

#endif /* !LK_REDIS_STORE_H_ */
