#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis/link.h"

/* Of the time that is left, where another attempt is to have some. */
#define FIRST_SHARE_PERCENT 67

struct lk_redis_link {
	struct lk_redis_caller caller;
	struct lk_redis_watch *own; /* the caller's, if it is not shared */
};

/* ---- Life -------------------------------------------------------------- */

/* Go by ${watch}, or by one of its own if that is NULL. */
static enum lk_status
go_by(struct lk_redis_link *link, struct lk_redis_watch *watch,
    const struct lk_log *log)
{
	struct lk_redis_caller *caller = &link->caller;
	struct lk_redis_manners manners;
	enum lk_status status = LK_OK;

	if (watch == NULL)
		status = lk_redis_watch_new(caller->settings, log, &link->own,
		    caller->error);
	if (status != LK_OK)
		return (status);
	caller->watch = watch != NULL ? watch : link->own;
	manners = lk_redis_topology_manners(caller->watch->topology);
	lk_redis_wire_init(&caller->wire, &manners, caller->error);
	(void)snprintf(caller->wire.name, sizeof(caller->wire.name), "%s",
	    manners.master ? "(not known)"
	                   : caller->settings->store.redis.address);
	return (LK_OK);
}

enum lk_status
lk_redis_link_new(const struct lk_settings *settings, struct lk_watch *watch,
    const struct lk_log *log, struct lk_error *error,
    struct lk_redis_link **linkp)
{
	struct lk_redis_link *link = calloc(1, sizeof(*link));
	enum lk_status status = LK_FAULT;

	*linkp = NULL;
	if (link == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	link->caller.settings = settings;
	link->caller.error = error;
	if (watch != NULL && watch->settings != settings)
		status = lk_fail(error, LK_E_INVAL,
		    "the watch is one of other settings");
	else
		status = go_by(link,
		    watch == NULL ? NULL : lk_redis_watch_of(watch), log);
	if (status == LK_OK)
		*linkp = link;
	else
		free(link);
	return (status);
}

void
lk_redis_link_free(struct lk_redis_link *link)
{
	if (link == NULL)
		return;
	lk_redis_wire_drop(&link->caller.wire);
	lk_redis_watch_free(link->own);
	free(link);
}

void
lk_redis_link_drop(struct lk_redis_link *link)
{
	lk_redis_wire_drop(&link->caller.wire);
}

void
lk_redis_link_leave_parent(struct lk_redis_link *link)
{
	lk_redis_wire_drop(&link->caller.wire);
	if (link->own != NULL)
		lk_redis_watch_leave_parent(link->own);
	else
		(void)go_by(link, NULL, link->caller.watch->base.log);
}

struct lk_redis_caller *
lk_redis_link_caller(struct lk_redis_link *link)
{
	return (&link->caller);
}

const char *
lk_redis_link_name(const struct lk_redis_link *link)
{
	return (link->caller.wire.name);
}

const struct lk_redis_clock *
lk_redis_link_clock(const struct lk_redis_link *link)
{
	return (&link->caller.wire.clock);
}

enum lk_status
lk_redis_link_inspect(struct lk_redis_link *link, struct lk_deadline deadline,
    lk_finding_fn *each, void *arg)
{
	const struct lk_redis_topology *topology = link->caller.watch->topology;

	return (topology->ops->inspect(topology, deadline, each, arg,
	    link->caller.error));
}

bool
lk_redis_link_replicates(const struct lk_redis_link *link, bool revokes)
{
	return (
	    link->caller.settings->store.durability == LK_DURABILITY_REPLICA ||
	    (revokes && link->caller.watch->topology->ops->moves));
}

/* ---- A call, of one attempt or several --------------------------------- */

/*
 * How long one attempt may take.  Without anybody to notice that a master
 * hangs, some of the time is kept for another one.
 */
static struct lk_deadline
share_of(const struct lk_redis_task *task)
{
	const struct lk_redis_watch *watch = task->caller->watch;

	if (!task->request->idempotent || !watch->topology->ops->moves ||
	    atomic_load_explicit(&watch->running, memory_order_relaxed))
		return (task->deadline);
	return (lk_deadline_part(task->deadline, FIRST_SHARE_PERCENT));
}

/*
 * Note why an attempt failed, if it was not for want of time.  That an old
 * connection was dead explains nothing.
 */
static void
remember(struct lk_redis_task *task)
{
	if (task->status == LK_E_TIMEOUT || task->was_dead)
		return;
	task->refused = task->status;
	task->refusal = *task->caller->error;
}

/* Why there is no more time: what was met before says more than silence. */
static enum lk_status
explain(const struct lk_redis_task *task)
{
	if (task->status != LK_E_TIMEOUT || task->refused == LK_OK)
		return (task->status);
	*task->caller->error = task->refusal;
	return (task->refused);
}

static enum lk_status
try_until_done(struct lk_redis_task *task)
{
	struct lk_redis_topology *topology = task->caller->watch->topology;
	const bool idempotent = task->request->idempotent;
	unsigned int generation, tries = 0;
	enum lk_redis_attempt result;
	bool was_dead = false;

	for (;;) {
		generation = atomic_load_explicit(&topology->generation,
		    memory_order_relaxed);
		task->share = share_of(task);
		result = lk_redis_attempt(task);
		if (result == LK_ATTEMPT_DONE)
			return (LK_OK);
		if (result == LK_ATTEMPT_OVER ||
		    (result == LK_ATTEMPT_UNKNOWN && !idempotent))
			return (explain(task));
		remember(task);
		task->request->repeated |= result == LK_ATTEMPT_UNKNOWN;
		if (task->was_dead && !was_dead)
			was_dead = true;
		else if (!lk_redis_topology_pause(topology, generation, tries,
		             task->deadline))
			return (explain(task));
		tries++;
	}
}

enum lk_status
lk_redis_link_run(struct lk_redis_link *link, struct lk_redis_request *request,
    struct lk_deadline deadline, struct lk_redis_reply **replies)
{
	struct lk_redis_reply
	    *all[LK_REDIS_REPLICATE_MAX + LK_REDIS_FENCE_COMMANDS] = { NULL };
	struct lk_redis_task task = { .caller = &link->caller,
		.request = request,
		.deadline = deadline,
		.replies = request->replicate ? all : replies,
		.out = LK_BUF_INIT(LK_REDIS_REPLY_MAX),
		.count = request->count };
	const int64_t began_ns = deadline.at_ns -
	    link->caller.settings->store.redis.command_timeout_ms * 1000000;
	struct lk_redis_watch *watch = link->caller.watch;
	enum lk_status status = LK_FAULT;
	bool probe = false;

	if (request->replicate)
		task.count += LK_REDIS_FENCE_COMMANDS;
	request->durable = request->repeated = false;
	request->time_status = LK_OK;
	request->history[0] = '\0';
	memset(replies, 0, request->count * sizeof(struct lk_redis_reply *));
	if (lk_breaker_is_barred(&watch->breaker) &&
	    !lk_breaker_admit(&watch->breaker, lk_monotonic_ns(), &probe))
		return (lk_fail(link->caller.error, LK_E_STORE,
		    "the store has not answered several times in a row, and is "
		    "not asked for a moment"));
	status = try_until_done(&task);
	lk_redis_watch_note(watch, probe, !lk_redis_may_pass(status), began_ns);
	if (status == LK_OK && request->replicate) {
		memcpy(replies, all,
		    request->count * sizeof(struct lk_redis_reply *));
		lk_redis_free_replies(all + request->count,
		    LK_REDIS_FENCE_COMMANDS);
	}
	lk_buf_free(&task.out);
	return (status);
}

void
lk_redis_link_owe(struct lk_redis_link *link,
    const struct lk_redis_revocation *revocation)
{
	if (!revocation->durable || link->own == NULL)
		lk_redis_watch_owe(link->caller.watch, revocation);
}
