/*
 * Going through all keys of a Redis, a page at a time.
 *
 * SCAN meets every key that is there from the first page to the last at least
 * once, and others perhaps.  Only the verbs about a store as a whole use it;
 * sessions are never found this way.
 */
#ifndef LK_REDIS_SCAN_H_
#define LK_REDIS_SCAN_H_

#include "store/redis/redis.h"

/* About how many keys a page has, and how many of them are asked about in one
 * write. */
#define LK_REDIS_PAGE 256
#define LK_REDIS_CHUNK 64

/** Which keys are looked for. */
enum lk_redis_keys {
	LK_REDIS_KEYS_SESSIONS = 0, /* strings, one for each session */
	LK_REDIS_KEYS_USERS,        /* strings, one for each user */
	LK_REDIS_KEYS_INDEXES,      /* one for each user with sessions */
	LK_REDIS_KEYS_ALL           /* of the layout, but gosession's users */
};

/* Room for a cursor as text. */
#define LK_REDIS_CURSOR_SIZE 21

/** lk_redis_cursor(place, text): The cursor to go on with. */
void lk_redis_cursor(const struct lk_place *place,
    char text[LK_REDIS_CURSOR_SIZE]);

/**
 * lk_redis_scan_run(store, command, place, deadline, page):
 * Run a SCAN or HSCAN and move ${place} on if it is answered.  ${page} is an
 * array of strings; the caller frees it.
 */
enum lk_status lk_redis_scan_run(struct lk_redis_store *store,
    const struct lk_redis_command *command, struct lk_place *place,
    struct lk_deadline deadline, struct lk_redis_reply **page) LK_MUST_CHECK;

/**
 * lk_redis_scan(store, keys, place, deadline, page):
 * Get the next page of keys and move ${place} on, to its `done` at the last.
 * ${page} is an array of strings that may be no keys of ours; the caller
 * frees it.
 */
enum lk_status lk_redis_scan(struct lk_redis_store *store,
    enum lk_redis_keys keys, struct lk_place *place,
    struct lk_deadline deadline, struct lk_redis_reply **page) LK_MUST_CHECK;

/**
 * lk_redis_scan_halves(place):
 * Turn the end of the sessions into the beginning of the users.
 */
void lk_redis_scan_halves(struct lk_place *place);

/**
 * lk_redis_scanned_token(store, key, token):
 * Take the token out of a key of layout `gosession`; false if it names
 * something else.
 */
bool lk_redis_scanned_token(const struct lk_redis_store *store,
    const struct lk_redis_reply *key, struct lk_token *token,
    struct lk_token_key *token_key);

/** The operations on the store as a whole, the same in both layouts. */
enum lk_status lk_redis_walk(struct lk_store *store, struct lk_place *place,
    struct lk_deadline deadline, lk_stored_fn *each, void *arg);
enum lk_status lk_redis_put(struct lk_store *store,
    const struct lk_stored *stored, size_t count, struct lk_deadline deadline,
    enum lk_put *results);
enum lk_status lk_redis_sweep(struct lk_store *store, struct lk_place *place,
    struct lk_deadline deadline, uint64_t *swept);
enum lk_status lk_redis_stats(struct lk_store *store, struct lk_place *place,
    struct lk_deadline deadline, struct lk_store_stats *stats);

#endif /* !LK_REDIS_SCAN_H_ */
