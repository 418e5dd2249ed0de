#include <string.h>

#include "store/redis/redis.h"

/* Longest text on where the next step begins. */
#define PLACE_MAX 64

void
lk_redis_call(struct lk_redis_call *call, const struct lk_redis_script *script,
    int keys)
{
	call->script = script;
	call->later = 0;
	call->blunt = false;
	lk_redis_command(&call->command, "EVALSHA");
	lk_redis_arg_str(&call->command, script->sha1);
	lk_redis_arg_int(&call->command, keys);
}

void
lk_redis_arg_later(struct lk_redis_call *call)
{
	call->later = call->command.argc;
	lk_redis_arg_str(&call->command, "");
}

int64_t
lk_redis_count(const struct lk_redis_reply *reply)
{
	if (reply->type == LK_REDIS_ARRAY && reply->elements >= 2 &&
	    reply->element[1]->type == LK_REDIS_STRING)
		reply = reply->element[0];
	return (reply->type == LK_REDIS_INTEGER && reply->integer >= 0
	        ? reply->integer
	        : -1);
}

/* Name the script by its text from now on. */
static void
call_by_text(struct lk_redis_call *call)
{
	call->command.argv[0] = "EVAL";
	call->command.len[0] = strlen("EVAL");
	call->command.argv[1] = call->script->text;
	call->command.len[1] = strlen(call->script->text);
}

/* Whether a replica must have it. */
static bool
must_replicate(const struct lk_redis_link *link, enum lk_redis_effect effect)
{
	return (effect != LK_REDIS_STEPS &&
	    lk_redis_link_replicates(link, effect == LK_REDIS_REVOKES));
}

/* Put what that is before the reason. */
static enum lk_status
say_not_durable(struct lk_error *error, enum lk_redis_effect effect)
{
	const struct lk_error why = *error;

	return (lk_fail(error, LK_E_NOT_DURABLE, "%snot yet durable: %s",
	    effect == LK_REDIS_REVOKES ? "revoked, " : "", why.text));
}

/*
 * A script has ended sessions: let the next master know.  Without a ${reply} it
 * may have, for all that anybody has heard; of a call that lacks what the reply
 * would have said nothing can be told then.  One that is durable is for a watch
 * that others go by as well.
 */
static void
owe(struct lk_redis_link *link, struct lk_redis_call *call,
    const struct lk_redis_reply *reply, const struct lk_redis_request *request)
{
	const struct lk_redis_revocation revocation = {
		.command = &call->command,
		.script = call->script->text,
		.history = reply == NULL ? "" : request->history,
		.ended = reply == NULL || call->repeated ||
		    lk_redis_count(reply) > 0,
		.durable = reply != NULL && request->durable
	};

	if (reply == NULL && (!call->repeated || call->later != 0))
		return;
	/* What replicas have is told again for good measure only. */
	if (revocation.durable && (call->blunt || !revocation.ended))
		return;
	/* Fill in what was left open for another master. */
	if (reply != NULL && call->later != 0 &&
	    reply->type == LK_REDIS_ARRAY && lk_redis_count(reply) >= 0) {
		call->command.argv[call->later] = reply->element[1]->text;
		call->command.len[call->later] = reply->element[1]->len;
	}
	if (!revocation.durable || link->own == NULL)
		lk_redis_watch_owe(link->watch, &revocation);
}

enum lk_status
lk_redis_replicate(struct lk_redis_link *link, enum lk_redis_effect effect,
    struct lk_deadline deadline, struct lk_error *error)
{
	struct lk_redis_request request = { .idempotent = true,
		.revokes = effect == LK_REDIS_REVOKES,
		.replicate = must_replicate(link, effect) };
	struct lk_redis_reply *none = NULL;
	enum lk_status status = LK_OK;

	if (request.replicate)
		status = lk_redis_link_run(link, &request, deadline, &none);
	if (status == LK_OK && request.replicate && !request.durable)
		status = say_not_durable(error, effect);
	return (status);
}

enum lk_status
lk_redis_call_run(struct lk_redis_link *link, struct lk_redis_call *call,
    enum lk_redis_effect effect, struct lk_deadline deadline,
    struct lk_error *error, struct lk_redis_reply **reply)
{
	struct lk_redis_request request = { .commands = &call->command,
		.count = 1,
		.idempotent = effect != LK_REDIS_ISSUES,
		.revokes = effect == LK_REDIS_REVOKES,
		.replicate = must_replicate(link, effect) };
	enum lk_status status = LK_FAULT;

	/* That it is not known would be said only once nobody waits for a
	 * replica any more, and after a failover it is not known. */
	if (request.replicate)
		call_by_text(call);
	status = lk_redis_link_run(link, &request, deadline, reply);
	if (status == LK_OK && lk_redis_reply_is_error(*reply, "NOSCRIPT")) {
		lk_redis_reply_free(*reply);
		call_by_text(call);
		status = lk_redis_link_run(link, &request, deadline, reply);
	}
	if (status == LK_OK)
		status = lk_redis_reply_refusal(*reply, link->wire->name,
		    error);
	call->repeated = request.repeated;
	if (request.replicate && effect == LK_REDIS_REVOKES)
		owe(link, call, status == LK_OK ? *reply : NULL, &request);
	if (status == LK_OK && request.replicate && !request.durable)
		status = say_not_durable(error, effect);
	if (status != LK_OK &&
	    !(status == LK_E_NOT_DURABLE && effect == LK_REDIS_REVOKES)) {
		lk_redis_reply_free(*reply);
		*reply = NULL;
	}
	return (status);
}

/* ---- In steps ---------------------------------------------------------- */

/* One step, from ${at}; ${next} is where the next one begins. */
static enum lk_status
step(struct lk_redis_store *store, const struct lk_redis_steps *steps,
    enum lk_redis_effect effect, struct lk_deadline deadline, const char *at,
    char next[PLACE_MAX + 1], uint64_t *count)
{
	struct lk_redis_reply *reply = NULL;
	const struct lk_redis_reply *place;
	struct lk_redis_call call;
	enum lk_status status = LK_FAULT;
	int64_t ended;
	size_t i;

	next[0] = '\0';
	lk_redis_call(&call, steps->script, 1);
	call.blunt = steps->blunt;
	lk_redis_arg_key(&call.command, steps->index);
	lk_redis_arg_key(&call.command, steps->prefix);
	lk_redis_arg_later(&call);
	lk_redis_arg_str(&call.command, at);
	lk_redis_arg_str(&call.command, steps->own);
	for (i = 0; i < 2 && steps->more[i] != NULL; i++)
		lk_redis_arg_str(&call.command, steps->more[i]);
	status = lk_redis_call_run(store->link, &call, effect, deadline,
	    store->base.error, &reply);
	if (reply == NULL)
		return (status);
	ended = lk_redis_count(reply);
	if (ended < 0 || reply->type != LK_REDIS_ARRAY ||
	    reply->elements != 3 ||
	    (place = reply->element[2])->type != LK_REDIS_STRING ||
	    place->len > PLACE_MAX)
		status = lk_redis_corrupt(store, "the answer to a step");
	else {
		memcpy(next, place->text, place->len + 1);
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
	/* Where a step begins: "" before the first, and after the last. */
	char at[PLACE_MAX + 1] = "", next[PLACE_MAX + 1];
	enum lk_redis_effect now = effect;
	enum lk_status status = LK_FAULT;
	int64_t began_ns, took_ns;

	*count = 0;
	for (;;) {
		began_ns = lk_monotonic_ns();
		status = step(store, steps, now,
		    lk_deadline_min(deadline,
		        lk_deadline_in(store->base.timeout_ms)),
		    at, next, count);
		if ((status != LK_OK && status != LK_E_NOT_DURABLE) ||
		    (next[0] == '\0' && now == effect))
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
		now = next[0] == '\0' ? effect : LK_REDIS_STEPS;
		if (next[0] != '\0')
			memcpy(at, next, sizeof(at));
	}
}
