/* Scripts that Redis runs: every change is one, so that it is atomic. */
#ifndef LK_REDIS_SCRIPT_H_
#define LK_REDIS_SCRIPT_H_

#include "store/redis/layout/layout.h"
#include "store/redis/link.h"

struct lk_redis_store;

/** A script's keys and arguments. */
struct lk_redis_call {
	const struct lk_redis_script *script;
	struct lk_redis_command command; /* EVALSHA, for the moment */
	int later;  /* the argument of lk_redis_arg_later(), or 0 */
	bool blunt; /* done again later it would end what has begun since */

	/* Set by lk_redis_call_run(): an earlier try may have done its work. */
	bool repeated;
};

/**
 * lk_redis_call(call, script, keys):
 * Start a call of ${script} with ${keys} keys; append the keys and then the
 * arguments to ${call}->command.
 */
void lk_redis_call(struct lk_redis_call *call,
    const struct lk_redis_script *script, int keys);

/**
 * lk_redis_arg_later(call):
 * Append an argument that is empty now, for a script that answers a count, a
 * text, and perhaps more.  Should the call be carried over to another master,
 * the argument is the text then.
 */
void lk_redis_arg_later(struct lk_redis_call *call);

/**
 * lk_redis_count(reply):
 * The count that a script answers, alone or before a text; -1 if it is none.
 */
int64_t lk_redis_count(const struct lk_redis_reply *reply);

/** What a script does, and so what follows for its running. */
enum lk_redis_effect {
	LK_REDIS_STEPS,   /* a part of what another one is replicated with */
	LK_REDIS_ISSUES,  /* not to be run twice; replicated if so set */
	LK_REDIS_EXTENDS, /* replicated if so set */
	LK_REDIS_REVOKES  /* replicated if so set, and behind Sentinel always */
};

/**
 * lk_redis_call_run(link, call, effect, deadline, error, reply):
 * Run it by its SHA-1, and by its text if Redis does not know it (any more) or
 * if a replica is to have it.
 * Unless LK_OK, ${reply} is NULL; an error reply is a failure here.  The
 * caller frees ${reply}.  LK_E_NOT_DURABLE if it should be on a replica and
 * none has it in time; a revocation then has a ${reply} all the same, and the
 * watch knows of it.
 */
enum lk_status lk_redis_call_run(struct lk_redis_link *link,
    struct lk_redis_call *call, enum lk_redis_effect effect,
    struct lk_deadline deadline, struct lk_error *error,
    struct lk_redis_reply **reply) LK_MUST_CHECK;

/**
 * lk_redis_replicate(link, effect, deadline, error):
 * Nothing was left to be done, perhaps because it has been done before: if
 * ${effect} is to be replicated, wait until what there is is.  Statuses as
 * above.
 */
enum lk_status lk_redis_replicate(struct lk_redis_link *link,
    enum lk_redis_effect effect, struct lk_deadline deadline,
    struct lk_error *error) LK_MUST_CHECK;

/* ---- In steps, between which others are answered ----------------------- */

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
	const char *more[2]; /* further ones, or NULL */
	bool yields;         /* rest between two steps */
	bool blunt;          /* as in struct lk_redis_call */
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

#endif /* !LK_REDIS_SCRIPT_H_ */
