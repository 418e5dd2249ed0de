/* The keys of layout `gosession`; gosession.c specifies them. */
#ifndef LK_REDIS_GOSESSION_H_
#define LK_REDIS_GOSESSION_H_

#include "store/redis/layout/scan.h"

/* Shortest life of a user's hash in seconds, from gosession. */
#define LK_REDIS_GOSESSION_INDEX_TTL 2592000

/**
 * The steps that drop what has expired from a user's hash, if their own
 * argument is "-1".
 */
extern const struct lk_redis_script *const lk_redis_gosession_trim;

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

/**
 * lk_redis_gosession_user_names(store, user, index, prefix):
 * Name a user's hash, and what the keys of his tokens begin with; LK_E_INVAL
 * if such an id cannot be in this layout.
 */
enum lk_status lk_redis_gosession_user_names(const struct lk_redis_store *store,
    const char *user, struct lk_redis_key *index,
    struct lk_redis_key *prefix) LK_MUST_CHECK;

/**
 * lk_redis_gosession_session(store, key, session):
 * What there is to say of a session of this layout, but when it ends.
 */
void lk_redis_gosession_session(const struct lk_redis_store *store,
    const struct lk_token_key *key, struct lk_session *session);

/**
 * lk_redis_gosession_page(store, index, place, deadline, page):
 * Get the next page of a user's hash, each token with what stands there behind
 * it, and move ${place} on.  The caller frees ${page}.
 */
enum lk_status lk_redis_gosession_page(struct lk_redis_store *store,
    const struct lk_redis_key *index, struct lk_place *place,
    struct lk_deadline deadline, struct lk_redis_reply **page) LK_MUST_CHECK;

/**
 * lk_redis_gosession_field(field, user, token, key):
 * Read a token of a page; false, unless it may be one of ${user}.
 */
bool lk_redis_gosession_field(const struct lk_redis_reply *field,
    const char *user, struct lk_token *token, struct lk_token_key *key);

/** The operation of this name; it has a file of its own. */
enum lk_status lk_redis_gosession_list(struct lk_store *store, const char *user,
    struct lk_deadline deadline, lk_session_fn *each, void *arg);

#endif /* !LK_REDIS_GOSESSION_H_ */
