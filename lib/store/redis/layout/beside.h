/* Inside of the layouts: what stands beside sessions, in keys of its own. */
#ifndef LK_REDIS_BESIDE_H_
#define LK_REDIS_BESIDE_H_

#include "session/origin.h"
#include "store/redis/layout/layout.h"

/* What stands behind a user's base (struct lk_redis_keyspace) in such a key. */
#define LK_REDIS_BESIDE "m"
#define LK_REDIS_ENDED "d:"
#define LK_REDIS_HISTORY "h"

/* A handle and a digest. */
#define LK_REDIS_NAMED_MAX (LK_HANDLE_TEXT_LEN + 1 + LK_DIGEST_TEXT_LEN)

/**
 * lk_redis_named(digest, text):
 * Write the handle and the digest of a session that scripts take; nothing if
 * ${digest} is NULL.
 */
void lk_redis_named(const uint8_t *digest, char text[LK_REDIS_NAMED_MAX + 1]);

/** What stands beside a session; all zero if nothing is known. */
struct lk_redis_beside {
	int64_t ends_ms;    /* as in struct lk_stored */
	int64_t renewed_ms; /* 0: not known */
	char peer[LK_PEER_MAX + 1];
	char agent[LK_AGENT_MAX + 1];
};

/**
 * lk_redis_how(settings, origin, how):
 * Write the argument of that name that scripts take (lua/past.lua).
 */
void lk_redis_how(const struct lk_settings *settings,
    const struct lk_origin *origin, char how[LK_REDIS_HOW_MAX + 1]);

/** lk_redis_stored_how(settings, stored, how): For one that is put in. */
void lk_redis_stored_how(const struct lk_settings *settings,
    const struct lk_stored *stored, char how[LK_REDIS_HOW_MAX + 1]);

/** lk_redis_arg_ends(command, ends_ms): Append when one ends for good. */
void lk_redis_arg_ends(struct lk_redis_command *command, int64_t ends_ms);

/**
 * lk_redis_beside_read(reply, before, beside):
 * Read what stands beside a session, behind ${before} words, at most two.
 * False if it is not as latchkey writes it.
 */
bool lk_redis_beside_read(const struct lk_redis_reply *reply, size_t before,
    struct lk_redis_beside *beside);

/** lk_redis_beside_fill_in(beside, session): Say so of a session. */
void lk_redis_beside_fill_in(const struct lk_redis_beside *beside,
    struct lk_session *session);

/**
 * lk_redis_ended_read(reply, digest, len, reason, ms):
 * Read why and when a session ended, whose digest must begin with the ${len}
 * characters of ${digest}: LK_REASON_NONE if nothing is there.  NULL, or what
 * is not as latchkey writes it.
 */
const char *lk_redis_ended_read(const struct lk_redis_reply *reply,
    const char *digest, size_t len, enum lk_reason *reason, int64_t *ms);

#endif /* !LK_REDIS_BESIDE_H_ */
