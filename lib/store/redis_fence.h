/*
 * Knowing that replicas have a change, whoever made it.
 *
 * WAIT waits for what its own connection has written last; before Redis 7.2 it
 * waited for its connection's last command.  A change that finds nothing left
 * to do writes nothing, and a WAIT behind it would be answered at once, however
 * much the replicas still lack: an earlier try of the same change, or somebody
 * else's, would be taken for replicated.  So there is a fence before each WAIT:
 * a write that changes nothing, behind all that was written before.
 */
#ifndef LK_REDIS_FENCE_H_
#define LK_REDIS_FENCE_H_

#include "redis_wire.h"

/* Commands of a fence, the WAIT included. */
#define LK_REDIS_FENCE_COMMANDS 2
#define LK_REDIS_FENCE_KEY_SIZE 80

/** They point into each other: not to be copied. */
struct lk_redis_fence {
	struct lk_redis_command commands[LK_REDIS_FENCE_COMMANDS];
	char key[LK_REDIS_FENCE_KEY_SIZE];
};

/**
 * lk_redis_fence(fence, settings, replicas, wait_ms):
 * Make the commands that wait until so many replicas have all that the master
 * has by then, but no longer than ${wait_ms}, and at least 1.
 */
void lk_redis_fence(struct lk_redis_fence *fence,
    const struct lk_settings *settings, size_t replicas, int64_t wait_ms);

/**
 * lk_redis_fence_acks(replies, name, error):
 * How many replicas have it, by the replies of the Redis at ${name}, of which
 * the last ones may be NULL; 0 and the reason in ${error} if none.
 */
size_t lk_redis_fence_acks(
    struct lk_redis_reply *const replies[LK_REDIS_FENCE_COMMANDS],
    const char *name, struct lk_error *error);

/**
 * lk_redis_fence_run(wire, settings, replicas, wait_ms, deadline, acks):
 * Do it on a connection, apart from any change.
 */
enum lk_status lk_redis_fence_run(struct lk_redis_wire *wire,
    const struct lk_settings *settings, size_t replicas, int64_t wait_ms,
    struct lk_deadline deadline, size_t *acks) LK_MUST_CHECK;

#endif /* !LK_REDIS_FENCE_H_ */
