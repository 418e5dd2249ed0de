/*
 * Ending many sessions of one user: in one step if they are not very many, and
 * else in several, between which others are answered.
 */
#ifndef LK_REDIS_STEPS_H_
#define LK_REDIS_STEPS_H_

#include "store/redis/redis.h"

/* Most sessions of a user that end in one step; the scripts say so too. */
#define LK_REDIS_ONCE 10000

/**
 * A script that takes a user's index and, as arguments, a prefix, the one of
 * lk_redis_arg_later(), where an earlier step ended, and one of its own; and
 * that answers a count, a text for that second argument, and where to go on.
 */
struct lk_redis_steps {
	const struct lk_redis_script *script;
	const struct lk_redis_key *index;
	const struct lk_redis_key *prefix;
	const char *own;
	bool yields; /* rest between two steps */
	bool blunt;  /* as in struct lk_redis_call */
};

/**
 * lk_redis_steps_run(store, steps, effect, deadline, count):
 * Run it until nothing is left.  ${count} adds up what the steps answered,
 * also if one fails; LK_E_TIMEOUT if there was no time for all of them: doing
 * it again goes on.  What they do together is replicated as ${effect} says.
 */
enum lk_status lk_redis_steps_run(struct lk_redis_store *store,
    const struct lk_redis_steps *steps, enum lk_redis_effect effect,
    struct lk_deadline deadline, uint64_t *count) LK_MUST_CHECK;

#endif /* !LK_REDIS_STEPS_H_ */
