/* Inside of layout `gosession`: its keys, and what is in files of its own. */
#ifndef LK_REDIS_GOSESSION_H_
#define LK_REDIS_GOSESSION_H_

#include "store/redis/layout/scan.h"

/* Shortest life of a user's hash in seconds, from gosession. */
#define LK_REDIS_GOSESSION_INDEX_TTL 2592000

/* How many commands say whether a session lives. */
#define LK_REDIS_GOSESSION_LIVES 3

extern const struct lk_redis_layout lk_redis_gosession;

/**
 * lk_redis_gosession_names(settings, key, names):
 * Name a session's keys; LK_MALFORMED unless it is one of gosession's tokens.
 * They hold its token: wipe them.
 */
enum lk_status lk_redis_gosession_names(const struct lk_settings *settings,
    const struct lk_token_key *key, struct lk_redis_names *names) LK_MUST_CHECK;

/**
 * lk_redis_gosession_user_names(store, user, index, prefix):
 * Name a user's hash, and what the keys of his tokens begin with; LK_E_INVAL
 * if such an id cannot be in this layout.
 */
enum lk_status lk_redis_gosession_user_names(const struct lk_redis_store *store,
    const char *user, struct lk_redis_key *index,
    struct lk_redis_key *prefix) LK_MUST_CHECK;

/**
 * lk_redis_gosession_ask_names(names, commands):
 * The commands that say whether a session lives: the value of its token's key,
 * when that expires, and whether the user's hash has the token.
 */
void lk_redis_gosession_ask_names(const struct lk_redis_names *names,
    struct lk_redis_command commands[LK_REDIS_GOSESSION_LIVES]);

/**
 * lk_redis_gosession_ask_beside(names, command),
 * lk_redis_gosession_beside(reply, beside, expires_ms):
 * Ask what stands beside a session, and read it: it ends no later than it may
 * for good, whoever has refreshed it.  False if it is not as latchkey writes
 * it.
 */
void lk_redis_gosession_ask_beside(struct lk_redis_names *names,
    struct lk_redis_command *command);
bool lk_redis_gosession_beside(const struct lk_redis_reply *reply,
    struct lk_redis_beside *beside, int64_t *expires_ms);

/**
 * lk_redis_gosession_session(key, session):
 * What there is to say of a session of this layout, but when it ends.
 */
void lk_redis_gosession_session(const struct lk_token_key *key,
    struct lk_session *session);

/**
 * lk_redis_gosession_field(field, user, token, key):
 * Read a token of a page of a user's hash; false, unless it may be his.
 */
bool lk_redis_gosession_field(const struct lk_redis_reply *field,
    const char *user, struct lk_token *token, struct lk_token_key *key);

/** Members of the row. */
size_t lk_redis_gosession_ask_why(struct lk_redis_names *names,
    struct lk_redis_command commands[LK_REDIS_WHY_MAX]);
enum lk_status lk_redis_gosession_why(const struct lk_token_key *key,
    struct lk_redis_reply *const *replies, enum lk_reason *reason,
    const char **wrong);
LK_STORE_OP(list) lk_redis_gosession_list;
extern const struct lk_redis_keyspace lk_redis_gosession_keys;

#endif /* !LK_REDIS_GOSESSION_H_ */
