/*
 * Knowing that replicas have a change, whoever made it.
 *
 * WAIT waits for what its own connection has written last; before Redis 7.2 it
 * waited for its connection's last command.  A change that finds nothing left
 * to do writes nothing, and a WAIT behind it would be answered at once, however
 * much the replicas still lack: an earlier try of the same change, or somebody
 * else's, would be taken for replicated.  So there is a fence before each WAIT:
 * a write that changes nothing, behind all that was written before.  Behind
 * the WAIT the master says which history all of this is part of.
 */
#ifndef LK_REDIS_FENCE_H_
#define LK_REDIS_FENCE_H_

#include "store/redis/layout/layout.h"
#include "store/redis/wire/wire.h"

/* Commands of a fence: the write, the WAIT and the question for the past. */
#define LK_REDIS_FENCE_COMMANDS 3
/* The length of a history's name. */
#define LK_REDIS_HISTORY_LEN 40

/**
 * What a master says of its past: the name of its history, which is INFO's
 * master_replid, another one after each start and each promotion ("": it says
 * none); and how many replicas have been given a whole copy of it since it was
 * started, which each one gets that has been elsewhere meanwhile.
 */
struct lk_redis_past {
	char history[LK_REDIS_HISTORY_LEN + 1];
	int64_t copies;
	int64_t replicas; /* that are connected */
};

/** How fences are made in one store. */
struct lk_redis_fence {
	struct lk_redis_key key; /* that is written, nobody's */
	int64_t patience_ms;     /* what a replica may take */
};

/**
 * lk_redis_fence_commands(fence, replicas, deadline, commands):
 * Make those that wait until so many replicas have all that the master has by
 * then, but no longer than they may take, and so that the answer comes by the
 * deadline.  They borrow the key.
 */
void lk_redis_fence_commands(const struct lk_redis_fence *fence,
    size_t replicas, struct lk_deadline deadline,
    struct lk_redis_command commands[LK_REDIS_FENCE_COMMANDS]);

/**
 * lk_redis_fence_key(fence, tag, len, key):
 * The same key with a hash tag, so that it is in that tag's slot.
 */
void lk_redis_fence_key(const struct lk_redis_fence *fence, const char *tag,
    size_t len, struct lk_redis_key *key);

/** What came of a fence. */
struct lk_redis_fenced {
	size_t acks; /* how many replicas have it */
	struct lk_redis_past past;
};

/**
 * lk_redis_fence_read(replies, name, fenced, error):
 * Read the replies of the Redis at ${name}, of which the last ones may be NULL;
 * if no replica has it, the reason is in ${error}.
 */
void lk_redis_fence_read(
    struct lk_redis_reply *const replies[LK_REDIS_FENCE_COMMANDS],
    const char *name, struct lk_redis_fenced *fenced, struct lk_error *error);

/**
 * lk_redis_fence_run(fence, wire, replicas, deadline, fenced):
 * Do it on a connection, apart from any change.
 */
enum lk_status lk_redis_fence_run(const struct lk_redis_fence *fence,
    struct lk_redis_wire *wire, size_t replicas, struct lk_deadline deadline,
    struct lk_redis_fenced *fenced) LK_MUST_CHECK;

/**
 * lk_redis_past_command(command): Make the question for a master's past.
 * lk_redis_past_read(reply, past): Read the answer; false, and no history, if
 * it is not what a master says.
 */
void lk_redis_past_command(struct lk_redis_command *command);
bool lk_redis_past_read(const struct lk_redis_reply *reply,
    struct lk_redis_past *past);

/**
 * lk_redis_past_ask(wire, deadline, past):
 * The past of the master at ${wire}; LK_E_STORE if it is none.
 */
enum lk_status lk_redis_past_ask(struct lk_redis_wire *wire,
    struct lk_deadline deadline, struct lk_redis_past *past) LK_MUST_CHECK;

#endif /* !LK_REDIS_FENCE_H_ */
