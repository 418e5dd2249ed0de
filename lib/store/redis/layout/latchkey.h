/* Inside of layout `latchkey`: its keys, and what is in files of its own. */
#ifndef LK_REDIS_LATCHKEY_H_
#define LK_REDIS_LATCHKEY_H_

#include "store/redis/layout/scan.h"

#define LK_REDIS_LATCHKEY_NAMESPACE "latchkey:{"
/* What stands behind the user's tag in a key. */
#define LK_REDIS_LATCHKEY_SESSION "}:s:"
#define LK_REDIS_LATCHKEY_INDEX "}:i"
#define LK_REDIS_LATCHKEY_ORDER "}:o"
#define LK_REDIS_LATCHKEY_USER "}:u"
#define LK_REDIS_LATCHKEY_BESIDE "}:m"
#define LK_REDIS_LATCHKEY_ENDED "}:d:"
#define LK_REDIS_LATCHKEY_HISTORY "}:h"

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

/** What stands beside a session's record; all zero if nothing is known. */
struct lk_redis_beside {
	int64_t ends_ms;    /* as in struct lk_stored */
	int64_t renewed_ms; /* 0: not known */
	char peer[LK_PEER_MAX + 1];
	char agent[LK_AGENT_MAX + 1];
};

/**
 * lk_redis_latchkey_how(settings, origin, how):
 * Write the argument of that name that scripts take (lua/beside.lua).
 */
void lk_redis_latchkey_how(const struct lk_settings *settings,
    const struct lk_origin *origin, char how[LK_REDIS_HOW_MAX + 1]);

/**
 * lk_redis_latchkey_beside(reply, beside),
 * lk_redis_latchkey_fill_in(reply, session):
 * Read what stands beside a session.  False if it is not as latchkey writes it.
 */
bool lk_redis_latchkey_beside(const struct lk_redis_reply *reply,
    struct lk_redis_beside *beside);
bool lk_redis_latchkey_fill_in(const struct lk_redis_reply *reply,
    struct lk_session *session);

/** Members of the row. */
size_t lk_redis_latchkey_ask_why(struct lk_redis_names *names,
    struct lk_redis_command commands[LK_REDIS_WHY_MAX]);
enum lk_status lk_redis_latchkey_why(const struct lk_token_key *key,
    struct lk_redis_reply *const *replies, enum lk_reason *reason,
    const char **wrong);
LK_STORE_OP(ended) lk_redis_latchkey_ended;
LK_STORE_OP(history) lk_redis_latchkey_history;
LK_STORE_OP(history_erase) lk_redis_latchkey_history_erase;
LK_STORE_OP(list) lk_redis_latchkey_list;
extern const struct lk_redis_keyspace lk_redis_latchkey_keys;

#endif /* !LK_REDIS_LATCHKEY_H_ */
