/* Inside of layout `latchkey`: its keys, and what is in files of its own. */
#ifndef LK_REDIS_LATCHKEY_H_
#define LK_REDIS_LATCHKEY_H_

#include "store/redis/layout/beside.h"
#include "store/redis/layout/scan.h"

#define LK_REDIS_LATCHKEY_NAMESPACE "latchkey:{"
/* What stands behind the user's tag in a key. */
#define LK_REDIS_LATCHKEY_SESSION "}:s:"
#define LK_REDIS_LATCHKEY_INDEX "}:i"
#define LK_REDIS_LATCHKEY_ORDER "}:o"
#define LK_REDIS_LATCHKEY_USER "}:u"
#define LK_REDIS_LATCHKEY_BESIDE "}:" LK_REDIS_BESIDE
#define LK_REDIS_LATCHKEY_ENDED "}:" LK_REDIS_ENDED

/* How long the index remembers an expired session. */
#define LK_REDIS_EXPIRED_KNOWN_MS 3600000

extern const struct lk_redis_layout lk_redis_latchkey;

/** lk_redis_latchkey_key(key, tag, part): Name one of a user's keys. */
void lk_redis_latchkey_key(struct lk_redis_key *key, const char *tag,
    const char *part);

/** lk_redis_latchkey_names(tag, handle, names): Name a session's keys. */
void lk_redis_latchkey_names(const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], struct lk_redis_names *names);

/**
 * lk_redis_latchkey_user_names(user, index, prefix):
 * Name a user's index, and what the keys of his sessions begin with, unless
 * ${prefix} is NULL.
 */
void lk_redis_latchkey_user_names(const char *user, struct lk_redis_key *index,
    struct lk_redis_key *prefix);

/** Members of the row. */
size_t lk_redis_latchkey_ask_why(struct lk_redis_names *names,
    struct lk_redis_command commands[LK_REDIS_WHY_MAX]);
enum lk_status lk_redis_latchkey_why(const struct lk_token_key *key,
    struct lk_redis_reply *const *replies, enum lk_reason *reason,
    const char **wrong);
LK_STORE_OP(list) lk_redis_latchkey_list;
extern const struct lk_redis_keyspace lk_redis_latchkey_keys;

#endif /* !LK_REDIS_LATCHKEY_H_ */
