/* The keys of layout `gosession`; redis_gosession.c specifies them. */
#ifndef LK_REDIS_GOSESSION_H_
#define LK_REDIS_GOSESSION_H_

#include "redis_store.h"

/* Shortest life of a user's hash in seconds, from gosession. */
#define LK_REDIS_GOSESSION_INDEX_TTL 2592000

/** The names that belong to a session.  They hold its token: wipe them. */
struct lk_redis_gosession_names {
	const struct lk_token *token; /* borrowed */
	struct lk_redis_key token_key;
	struct lk_redis_key index;
	struct lk_redis_key value; /* of the token key, and the user's key */
};

/**
 * lk_redis_gosession_names(store, key, names):
 * Name a session's keys; LK_MALFORMED unless it is one of gosession's tokens.
 */
enum lk_status lk_redis_gosession_names(const struct lk_redis_store *store,
    const struct lk_token_key *key,
    struct lk_redis_gosession_names *names) LK_MUST_CHECK;

#endif /* !LK_REDIS_GOSESSION_H_ */
