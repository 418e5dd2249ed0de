/* The keys of layout `latchkey`; latchkey.c specifies them. */
#ifndef LK_REDIS_LATCHKEY_H_
#define LK_REDIS_LATCHKEY_H_

#include "store/redis/redis.h"

/* What every key begins with, and what stands behind the user's tag. */
#define LK_REDIS_LATCHKEY_NAMESPACE "latchkey:{"
#define LK_REDIS_LATCHKEY_SESSION "}:s:"
#define LK_REDIS_LATCHKEY_INDEX "}:i"
#define LK_REDIS_LATCHKEY_ORDER "}:o"
#define LK_REDIS_LATCHKEY_USER "}:u"

/* How long the index remembers an expired session. */
#define LK_REDIS_EXPIRED_KNOWN_MS 3600000

/** The names that belong to one session of one user. */
struct lk_redis_latchkey_names {
	char tag[LK_TAG_TEXT_LEN + 1];
	char handle[LK_HANDLE_TEXT_LEN + 1];
	struct lk_redis_key record;
	struct lk_redis_key index;
};

/** lk_redis_latchkey_names(tag, handle, names): Name a session's keys. */
void lk_redis_latchkey_names(const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], struct lk_redis_latchkey_names *names);

/**
 * lk_redis_latchkey_user_names(user, index, prefix):
 * Name a user's index, and what the keys of his sessions begin with.
 */
void lk_redis_latchkey_user_names(const char *user, struct lk_redis_key *index,
    struct lk_redis_key *prefix);

/** The operation of this name; it has a file of its own. */
enum lk_status lk_redis_latchkey_list(struct lk_store *store, const char *user,
    struct lk_deadline deadline, lk_session_fn *each, void *arg);

#endif /* !LK_REDIS_LATCHKEY_H_ */
