#include <string.h>

#include "store/redis/layout/steps.h"

/* Longest text on where to go on. */
#define PLACE_MAX 64

/* Where the next step begins.  "" before the first, and after the last. */
struct place {
	char text[PLACE_MAX + 1];
};

/* Read where to go on. */
static enum lk_status
read_place(struct lk_redis_store *store, const struct lk_redis_reply *reply,
    struct place *place)
{
	const struct lk_redis_reply *at;

	if (reply->type != LK_REDIS_ARRAY || reply->elements != 3 ||
	    lk_redis_count(reply) < 0 ||
	    (at = reply->element[2])->type != LK_REDIS_STRING ||
	    at->len > PLACE_MAX)
		return (lk_redis_corrupt(store, "the answer to a step"));
	memcpy(place->text, at->text, at->len);
	place->text[at->len] = '\0';
	return (LK_OK);
}

/* One step, from ${at}; ${next} is where the next one begins. */
static enum lk_status
step(struct lk_redis_store *store, const struct lk_redis_steps *steps,
    enum lk_redis_effect effect, struct lk_deadline deadline,
    const struct place *at, struct place *next, uint64_t *count)
{
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_call call;
	enum lk_status status = LK_FAULT, end = LK_FAULT;
	int64_t ended;

	next->text[0] = '\0';
	lk_redis_call(&call, steps->script, 1);
	call.blunt = steps->blunt;
	lk_redis_arg_key(&call.command, steps->index);
	lk_redis_arg_key(&call.command, steps->prefix);
	lk_redis_arg_later(&call);
	lk_redis_arg_str(&call.command, at->text);
	lk_redis_arg_str(&call.command, steps->own);
	status = lk_redis_call_run(store->link, &call, effect, deadline,
	    store->base.error, &reply);
	if (reply == NULL)
		return (status);
	if ((end = read_place(store, reply, next)) != LK_OK)
		status = end;
	else {
		ended = lk_redis_count(reply);
		/* An earlier try, whose answer was lost, ended some. */
		*count += ended == 0 && call.repeated ? 1 : (uint64_t)ended;
	}
	lk_redis_reply_free(reply);
	return (status);
}

enum lk_status
lk_redis_steps_run(struct lk_redis_store *store,
    const struct lk_redis_steps *steps, enum lk_redis_effect effect,
    struct lk_deadline deadline, uint64_t *count)
{
	struct place at = { "" }, next;
	enum lk_redis_effect now = effect;
	enum lk_status status = LK_FAULT;
	int64_t began_ns, took_ns;

	*count = 0;
	for (;;) {
		began_ns = lk_monotonic_ns();
		status = step(store, steps, now,
		    lk_deadline_min(deadline,
		        lk_deadline_in(store->base.timeout_ms)),
		    &at, &next, count);
		if ((status != LK_OK && status != LK_E_NOT_DURABLE) ||
		    (next.text[0] == '\0' && now == effect))
			return (status);
		/* One that is begun too late would cost the connection. */
		took_ns = lk_monotonic_ns() - began_ns;
		if (deadline.at_ns - began_ns < 3 * took_ns)
			return (lk_fail(store->base.error, LK_E_TIMEOUT,
			    "%llu sessions have ended, and not yet all: "
			    "repeat it",
			    (unsigned long long)*count));
		if (steps->yields)
			lk_rest(took_ns);
		/* Who has the last step has all of them, so only that one is
		 * replicated.  It is known for the last when it is done. */
		now = next.text[0] == '\0' ? effect : LK_REDIS_STEPS;
		if (next.text[0] != '\0')
			at = next;
	}
}
