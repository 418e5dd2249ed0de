#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis/attempt.h"

/* Of the time that is left, where another attempt is to have some. */
#define FIRST_SHARE_PERCENT 67

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
	manners.generation = link->watch->sentinel
	    ? &link->watch->generation
	    : NULL;
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

void
lk_redis_link_drop(struct lk_redis_link *link)
{
	lk_redis_wire_drop(&link->wire);
}

/* Have a watch of its own instead of the parent's. */
static bool
get_own_watch(struct lk_redis_link *link)
{
	const struct lk_watch *parents = link->watch;

	link->orphan = lk_redis_watch_new(link->settings, parents->log, false,
	                   &link->own, link->error) != LK_OK;
	if (link->orphan)
		return (false);
	link->watch = link->own;
	link->wire.manners.generation = link->watch->sentinel
	    ? &link->watch->generation
	    : NULL;
	return (true);
}

void
lk_redis_link_leave_parent(struct lk_redis_link *link)
{
	lk_redis_wire_drop(&link->wire);
	if (link->own != NULL)
		lk_redis_watch_leave_parent(link->own);
	else
		(void)get_own_watch(link);
}

const char *
lk_redis_link_name(const struct lk_redis_link *link)
{
	return (link->wire.name);
}

const struct lk_redis_clock *
lk_redis_link_clock(const struct lk_redis_link *link)
{
	return (&link->wire.clock);
}

struct lk_watch *
lk_redis_link_watch(const struct lk_redis_link *link)
{
	return (link->watch);
}

/* ---- A call, of one attempt or several --------------------------------- */

/*
 * How long one attempt may take.  Without anybody to notice that a master
 * hangs, some of the time is kept for another one.
 */
static struct lk_deadline
share_of(const struct lk_redis_task *task)
{
	if (!task->request->idempotent || !task->link->watch->sentinel ||
	    atomic_load_explicit(&task->link->watch->running,
	        memory_order_relaxed))
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
	task->refusal = *task->link->error;
}

/* Why there is no more time: what was met before says more than silence. */
static enum lk_status
explain(const struct lk_redis_task *task)
{
	if (task->status != LK_E_TIMEOUT || task->refused == LK_OK)
		return (task->status);
	*task->link->error = task->refusal;
	return (task->refused);
}

static enum lk_status
try_until_done(struct lk_redis_task *task)
{
	struct lk_redis_link *link = task->link;
	const bool idempotent = task->request->idempotent;
	unsigned int generation, tries = 0;
	enum lk_redis_attempt result;
	bool was_dead = false;

	for (;;) {
		generation = atomic_load_explicit(&link->watch->generation,
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
		else if (!lk_redis_watch_pause(link->watch, generation, tries,
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
	struct lk_redis_task task = { .link = link,
		.request = request,
		.deadline = deadline,
		.replies = request->replicate ? all : replies,
		.out = LK_BUF_INIT(LK_REDIS_REPLY_MAX),
		.count = request->count };
	const int64_t began_ns = deadline.at_ns -
	    link->settings->store.redis.command_timeout_ms * 1000000;
	enum lk_status status = LK_FAULT;
	bool probe;

	if (request->replicate)
		task.count += LK_REDIS_FENCE_COMMANDS;
	request->durable = request->repeated = false;
	request->time_status = LK_OK;
	request->history[0] = '\0';
	memset(replies, 0, request->count * sizeof(struct lk_redis_reply *));
	status = lk_redis_watch_admit(link->watch, &probe, link->error);
	if (status != LK_OK)
		return (status);
	status = try_until_done(&task);
	lk_redis_watch_settle(link->watch, probe, !lk_redis_may_pass(status),
	    began_ns);
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
		lk_redis_watch_owe(link->watch, revocation);
}
