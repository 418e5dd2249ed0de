#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_link.h"

struct lk_redis_link {
	/* Static data. */
	const struct lk_settings *settings;
	struct lk_error *error;
	struct lk_watch *watch;
	struct lk_watch *own; /* the same, if it is not shared */

	/* Dynamic data. */
	struct lk_redis_wire wire; /* its era is the master's generation */
};

/** A call under way. */
struct call {
	struct lk_redis_link *link;
	struct lk_redis_request *request;
	struct lk_deadline deadline;
	struct lk_redis_reply **replies;
	struct lk_buf out;       /* the request, and a WAIT behind it */
	size_t count;            /* of commands in it */
	enum lk_status status;   /* of the last attempt */
	enum lk_status refused;  /* LK_OK, or what Redis last said of an */
	struct lk_error refusal; /* earlier one, and why */
	bool was_dead;           /* it met a connection that was closed */
};

/** What became of one attempt. */
enum attempt {
	DONE,   /* there are replies */
	OVER,   /* it failed, and would fail again or must not be repeated */
	AGAIN,  /* it was not carried out */
	UNKNOWN /* it may have been carried out */
};

/* ---- Life -------------------------------------------------------------- */

enum lk_status
lk_redis_link_new(const struct lk_settings *settings, struct lk_watch *watch,
    const struct lk_log *log, struct lk_error *error,
    struct lk_redis_link **linkp)
{
	struct lk_redis_link *link = calloc(1, sizeof(*link));
	struct lk_redis_manners manners = {
		.settings = &settings->store.redis
	};
	enum lk_status status = LK_OK;

	*linkp = NULL;
	if (link == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	if (watch != NULL && watch->settings != settings)
		status = lk_fail(error, LK_E_INVAL,
		    "the watch is one of other settings");
	else if (watch == NULL)
		status = lk_redis_watch_new(settings, log, false, &link->own,
		    error);
	if (status != LK_OK) {
		free(link);
		return (status);
	}
	link->settings = settings;
	link->error = error;
	link->watch = watch != NULL ? watch : link->own;
	manners.master = link->watch->sentinel;
	manners.era = link->watch->sentinel ? &link->watch->generation : NULL;
	lk_redis_wire_init(&link->wire, &manners, error);
	(void)snprintf(link->wire.name, sizeof(link->wire.name), "%s",
	    link->watch->sentinel ? "(not known)"
	                          : settings->store.redis.address);
	*linkp = link;
	return (LK_OK);
}

void
lk_redis_link_free(struct lk_redis_link *link)
{
	if (link == NULL)
		return;
	lk_redis_wire_drop(&link->wire);
	lk_watch_free(link->own);
	free(link);
}

const char *
lk_redis_link_name(const struct lk_redis_link *link)
{
	return (link->wire.name);
}

struct lk_watch *
lk_redis_link_watch(const struct lk_redis_link *link)
{
	return (link->watch);
}

/* ---- What a reply means for another attempt ---------------------------- */

static bool
is_error(const struct lk_redis_reply *reply, const char *prefix)
{
	return (reply->type == LK_REDIS_ERROR &&
	    strncmp(reply->text, prefix, strlen(prefix)) == 0);
}

/*
 * Whether a command was not carried out for a reason that may pass soon: Redis
 * starts, is full of clients, or, behind Sentinel, is not the master any more.
 */
static bool
is_passing(const struct lk_redis_link *link, const struct lk_redis_reply *reply)
{
	if (reply->type != LK_REDIS_ERROR)
		return (false);
	if (is_error(reply, "LOADING") ||
	    is_error(reply, "ERR max number of clients"))
		return (true);
	return (link->watch->sentinel &&
	    (is_error(reply, "READONLY") || is_error(reply, "MASTERDOWN") ||
	        is_error(reply, "UNBLOCKED")));
}

/* Whether a failure may pass, so that another attempt makes sense. */
static bool
may_pass(enum lk_status status)
{
	return (status == LK_E_STORE || status == LK_E_TIMEOUT);
}

/* Something speaks against the connection and against the master. */
static void
reject(struct lk_redis_link *link)
{
	lk_redis_watch_suspect(link->watch, link->wire.era);
	lk_redis_wire_drop(&link->wire);
}

/* Look through the replies of an exchange that went well. */
static enum attempt
judge(struct call *call)
{
	struct lk_redis_link *link = call->link;
	size_t i;

	for (i = 0; i < call->count; i++) {
		if (!is_passing(link, call->replies[i]))
			continue;
		call->status = lk_redis_reply_refusal(call->replies[i],
		    link->wire.name, link->error);
		call->refused = call->status;
		call->refusal = *link->error;
		lk_redis_free_replies(call->replies, call->count);
		reject(link);
		/* The first tells of all, but for a WAIT behind a change. */
		return (i == 0 ? AGAIN : UNKNOWN);
	}
	return (DONE);
}

/* ---- One attempt ------------------------------------------------------- */

/* Carry over what is pending, if nobody else does. */
static void
replay_on_new(struct lk_redis_link *link, struct lk_deadline deadline)
{
	const struct lk_error before = *link->error;

	if (atomic_load(&link->watch->owes) &&
	    !atomic_load(&link->watch->running) &&
	    lk_redis_watch_replay(link->watch, &link->wire, deadline) != LK_OK)
		*link->error = before;
}

static enum attempt
connect_to(struct lk_redis_link *link, const struct lk_redis_master *master,
    struct lk_deadline deadline, enum lk_status *status)
{
	struct lk_redis_wire *wire = &link->wire;

	*status = lk_redis_wire_open(wire, &master->address, master->name,
	    master->generation, deadline);
	if (*status == LK_OK) {
		replay_on_new(link, deadline);
		if (lk_redis_wire_is_open(wire))
			return (DONE);
		*status = lk_fail(link->error, LK_E_STORE,
		    "redis at %s closed the connection", wire->name);
	}
	if (!may_pass(*status))
		return (OVER);
	reject(link);
	/* A Redis that cannot be reached has no other in single mode, but one
	 * that is full of clients may have room soon. */
	return (link->watch->sentinel || wire->reached ? AGAIN : OVER);
}

/* Have a connection to the master, confirmed if that is called for. */
static enum attempt
get_ready(struct lk_redis_link *link, struct lk_deadline deadline,
    enum lk_status *status)
{
	struct lk_redis_wire *wire = &link->wire;
	struct lk_redis_master master;

	if (lk_redis_wire_is_open(wire) &&
	    lk_redis_watch_is_fresh(link->watch, wire->era))
		return (DONE);
	*status = lk_redis_watch_find(link->watch, deadline, &master,
	    link->error);
	if (*status != LK_OK)
		return (may_pass(*status) ? AGAIN : OVER);
	if (lk_redis_wire_is_open(wire) && wire->era == master.generation)
		return (DONE);
	return (connect_to(link, &master, deadline, status));
}

/* What a failed exchange means; ${kept}: on a connection from before. */
static enum attempt
after_failure(struct call *call, bool kept, const struct lk_redis_exchange *x)
{
	call->was_dead = kept && (!x->sent || x->peer_is_gone);
	if (!may_pass(call->status))
		return (OVER);
	reject(call->link);
	/* In single mode there is nowhere else to go, unless it was only the
	 * old connection that was dead. */
	if (!call->link->watch->sentinel && !call->was_dead)
		return (OVER);
	return (x->sent ? UNKNOWN : AGAIN);
}

/*
 * Whether what was read is still good: the master was confirmed lately enough
 * before now, too.
 */
static enum attempt
confirm_answer(struct call *call)
{
	struct lk_redis_link *link = call->link;
	struct lk_redis_master master;

	if (lk_redis_watch_is_fresh(link->watch, link->wire.era))
		return (DONE);
	call->status = lk_redis_watch_find(link->watch, call->deadline, &master,
	    link->error);
	if (call->status == LK_OK && master.generation == link->wire.era)
		return (DONE);
	if (call->status == LK_OK)
		call->status = lk_fail(link->error, LK_E_STORE,
		    "redis at %s is no longer the master", link->wire.name);
	lk_redis_free_replies(call->replies, call->count);
	lk_redis_wire_drop(&link->wire);
	return (UNKNOWN);
}

/*
 * How long one attempt may take.  Without anybody to notice that a master
 * hangs, some of the time is kept for another one.
 */
static struct lk_deadline
share_of(const struct call *call)
{
	if (!call->request->idempotent || !call->link->watch->sentinel ||
	    atomic_load_explicit(&call->link->watch->running,
	        memory_order_relaxed))
		return (call->deadline);
	return (lk_deadline_min(call->deadline,
	    lk_deadline_in(
	        (int64_t)lk_deadline_left_ms(call->deadline) * 2 / 3)));
}

static enum attempt
attempt(struct call *call)
{
	struct lk_redis_wire *wire = &call->link->wire;
	const struct lk_deadline deadline = share_of(call);
	struct lk_redis_exchange x;
	enum attempt result;
	unsigned int era = wire->era;
	bool kept;

	call->was_dead = false;
	/* Nothing was sent yet: a connection that died is simply replaced.
	 * Idempotent calls save the look, they may be sent again. */
	if (lk_redis_wire_is_open(wire) && !call->request->idempotent &&
	    !lk_redis_wire_is_quiet(wire))
		lk_redis_wire_drop(wire);
	kept = lk_redis_wire_is_open(wire);
	result = get_ready(call->link, deadline, &call->status);
	if (result != DONE)
		return (result);
	kept = kept && wire->era == era;
	call->status = lk_redis_wire_exchange(wire, &call->out, call->count,
	    deadline, call->replies, &x);
	if (call->status != LK_OK)
		return (after_failure(call, kept, &x));
	result = judge(call);
	if (result == DONE && call->link->watch->sentinel)
		result = confirm_answer(call);
	return (result);
}

/* ---- Replicas ---------------------------------------------------------- */

/* Write the request, and behind it how long a replica is waited for. */
static bool
format(struct call *call)
{
	const struct lk_redis_request *request = call->request;
	int64_t wait_ms = lk_deadline_left_ms(call->deadline) * INT64_C(3) / 4;
	struct lk_redis_command wait;

	if (!request->replicate)
		return (lk_redis_command_format(request->commands,
		            request->count, &call->out) == LK_OK);
	if (wait_ms > call->link->settings->store.durability_timeout_ms)
		wait_ms = call->link->settings->store.durability_timeout_ms;
	lk_redis_command(&wait, "WAIT");
	lk_redis_arg_int(&wait, 1);
	lk_redis_arg_int(&wait, wait_ms > 0 ? wait_ms : 1);
	lk_buf_reset(&call->out);
	return (lk_redis_command_format(request->commands, request->count,
	            &call->out) == LK_OK &&
	    lk_redis_command_format(&wait, 1, &call->out) == LK_OK);
}

/* Whether it is durable: a replica has it, and it will be the next master's. */
static enum attempt
weigh(struct call *call)
{
	struct lk_watch *watch = call->link->watch;
	const struct lk_redis_reply *wait = call->replies[call->count - 1];
	struct lk_error *error = call->link->error;

	/* A change that was refused will be on no replica. */
	if (call->replies[0]->type == LK_REDIS_ERROR)
		return (DONE);
	if (wait->type != LK_REDIS_INTEGER || wait->integer < 1)
		lk_error_set(error, "redis at %s: no replica has it in time",
		    call->link->wire.name);
	else
		call->request->durable = lk_redis_watch_outlasts(watch,
		    call->link->wire.era, call->deadline, error);
	if (atomic_load(&watch->generation) == call->link->wire.era)
		return (DONE);
	call->request->durable = false;
	if (!call->request->idempotent)
		return (DONE);
	call->status = lk_fail(error, LK_E_STORE,
	    "redis at %s is no longer the master", call->link->wire.name);
	lk_redis_free_replies(call->replies, call->count);
	return (UNKNOWN);
}

/* ---- All of it --------------------------------------------------------- */

/* Why there is no more time: what Redis has said says more than silence. */
static enum lk_status
explain(const struct call *call)
{
	if (call->status != LK_E_TIMEOUT || call->refused == LK_OK)
		return (call->status);
	*call->link->error = call->refusal;
	return (call->refused);
}

static enum lk_status
try_until_done(struct call *call)
{
	struct lk_redis_link *link = call->link;
	unsigned int tries = 0;
	enum attempt result;
	unsigned int generation;
	bool was_dead = false;

	for (;;) {
		generation = atomic_load_explicit(&link->watch->generation,
		    memory_order_relaxed);
		if ((tries == 0 || call->request->replicate) && !format(call))
			return (
			    lk_fail(link->error, LK_E_NOMEM, "out of memory"));
		result = attempt(call);
		if (result == DONE && call->request->replicate)
			result = weigh(call);
		if (result == DONE)
			return (LK_OK);
		if (result == OVER ||
		    (result == UNKNOWN && !call->request->idempotent))
			return (explain(call));
		if (call->was_dead && !was_dead)
			was_dead = true;
		else if (!lk_redis_watch_pause(link->watch, generation, tries,
		             call->deadline))
			return (explain(call));
		tries++;
	}
}

enum lk_status
lk_redis_link_run(struct lk_redis_link *link, struct lk_redis_request *request,
    struct lk_deadline deadline, struct lk_redis_reply **replies)
{
	struct lk_redis_reply *all[LK_REDIS_REPLICATE_MAX + 1] = { NULL };
	struct call call = { .link = link,
		.request = request,
		.deadline = deadline,
		.replies = request->replicate ? all : replies,
		.out = LK_BUF_INIT(LK_REDIS_REPLY_MAX),
		.count = request->count + request->replicate };
	const int64_t began_ns = deadline.at_ns -
	    link->settings->store.redis.command_timeout_ms * 1000000;
	enum lk_status status = LK_FAULT;
	bool probe;

	request->durable = false;
	memset(replies, 0, request->count * sizeof(struct lk_redis_reply *));
	status = lk_redis_watch_admit(link->watch, &probe, link->error);
	if (status != LK_OK)
		return (status);
	status = try_until_done(&call);
	lk_redis_watch_settle(link->watch, probe, !may_pass(status), began_ns);
	if (status == LK_OK && request->replicate) {
		memcpy(replies, all,
		    request->count * sizeof(struct lk_redis_reply *));
		lk_redis_reply_free(all[request->count]);
	}
	lk_buf_free(&call.out);
	return (status);
}

void
lk_redis_link_owe(struct lk_redis_link *link,
    const struct lk_redis_command *command, struct lk_deadline deadline)
{
	const struct lk_error before = *link->error;
	char run[LK_REDIS_RUN_LEN + 1] = "";

	if (lk_redis_wire_is_open(&link->wire) &&
	    lk_redis_run_of(&link->wire, deadline, run) != LK_OK)
		*link->error = before;
	lk_redis_watch_owe(link->watch, command, run);
}
