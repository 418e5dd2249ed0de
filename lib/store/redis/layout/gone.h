/* Inside of the layouts: what an issue has ended. */
#ifndef LK_REDIS_GONE_H_
#define LK_REDIS_GONE_H_

#include "store/redis/redis.h"

/** Note what a script says of a session that it has ended; false if it is none
 * of the user of ${key}. */
typedef bool lk_redis_gone_fn(struct lk_gone *gone,
    const struct lk_token_key *key, const struct lk_redis_reply *said);

/**
 * lk_redis_note_gone(store, reply, key, each):
 * Note which sessions the issue of ${key}'s has ended: how many is the fourth
 * that its script answers, and which, as far as they are told, the fifth.
 */
enum lk_status lk_redis_note_gone(struct lk_redis_store *store,
    const struct lk_redis_reply *reply, const struct lk_token_key *key,
    lk_redis_gone_fn *each) LK_MUST_CHECK;

#endif /* !LK_REDIS_GONE_H_ */
