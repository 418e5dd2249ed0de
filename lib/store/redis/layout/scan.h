/*
 * Inside of the layouts: going through all keys of a Redis, a page at a time.
 *
 * SCAN meets every key that is there from the first page to the last at least
 * once, and others perhaps.  Only the verbs about a store as a whole use it;
 * sessions are never found this way.
 */
#ifndef LK_REDIS_SCAN_H_
#define LK_REDIS_SCAN_H_

#include "store/redis/layout/beside.h"
#include "store/redis/redis.h"

/* About how many keys a page has, and how many of them are asked about in one
 * write. */
#define LK_REDIS_PAGE 256
#define LK_REDIS_CHUNK 64

/** A session that commands are about, and what they borrow of it. */
struct lk_redis_item {
	struct lk_redis_names names;
	char named[LK_REDIS_NAMED_MAX + 1]; /* its handle and digest */
	char how[LK_REDIS_HOW_MAX + 1];
	struct lk_token token; /* layout gosession, and its key */
	struct lk_token_key key;
};

/** Many commands in one write. */
struct lk_redis_batch {
	struct lk_redis_store *store;
	struct lk_redis_item items[LK_REDIS_CHUNK];
	struct lk_redis_command
	    commands[LK_REDIS_CHUNK * LK_REDIS_QUESTIONS_MAX];
	struct lk_redis_reply *replies[LK_REDIS_CHUNK * LK_REDIS_QUESTIONS_MAX];
	int64_t busy_ns; /* that Redis has spent on it */
};

/**
 * lk_redis_batch_new(store), lk_redis_batch_free(batch):
 * A batch is large, so it is allocated, and may hold tokens, so it is wiped.
 * NULL if there is no memory; then that is explained.
 */
struct lk_redis_batch *lk_redis_batch_new(struct lk_redis_store *store);
void lk_redis_batch_free(struct lk_redis_batch *batch);

/**
 * lk_redis_batch_run(batch, count, deadline):
 * lk_redis_run() for its first ${count} commands.
 */
enum lk_status lk_redis_batch_run(struct lk_redis_batch *batch, size_t count,
    struct lk_deadline deadline) LK_MUST_CHECK;

/**
 * lk_redis_scan(store, key, pattern, type, cursor, deadline, page):
 * Run a SCAN, or an HSCAN of ${key} unless that is NULL, from ${cursor} on,
 * with ${pattern} and ${type} unless they are NULL.  ${cursor} moves on if it
 * is answered, to 0 at the last page.  ${page} is an array of strings; the
 * caller frees it.
 */
enum lk_status lk_redis_scan(struct lk_redis_store *store,
    const struct lk_redis_key *key, const char *pattern, const char *type,
    uint64_t *cursor, struct lk_deadline deadline,
    struct lk_redis_reply **page) LK_MUST_CHECK;

/**
 * lk_redis_call_begin(command, script, sent, keys):
 * Begin the call of a script among many in one write: its text goes with the
 * first, if ${sent} is false; Redis then knows it.
 */
void lk_redis_call_begin(struct lk_redis_command *command,
    const struct lk_redis_script *script, bool sent, int keys);

/** The operations on the store as a whole, the same in both layouts. */
LK_STORE_OP(walk) lk_redis_walk;
LK_STORE_OP(put) lk_redis_put;
LK_STORE_OP(sweep) lk_redis_sweep;
LK_STORE_OP(stats) lk_redis_stats;

#endif /* !LK_REDIS_SCAN_H_ */
