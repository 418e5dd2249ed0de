#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "redis_attempt.h"

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
	return (lk_deadline_min(task->deadline,
	    lk_deadline_in(
	        (int64_t)lk_deadline_left_ms(task->deadline) * 2 / 3)));
}

/* Write the request, and behind it how long a replica is waited for. */
static bool
format(struct lk_redis_task *task)
{
	const struct lk_redis_request *request = task->request;
	int64_t wait_ms = lk_deadline_left_ms(task->share) * INT64_C(3) / 4;
	struct lk_redis_command wait;

	if (!request->replicate)
		return (lk_redis_command_format(request->commands,
		            request->count, &task->out) == LK_OK);
	if (wait_ms > task->link->settings->store.durability_timeout_ms)
		wait_ms = task->link->settings->store.durability_timeout_ms;
	lk_redis_command(&wait, "WAIT");
	lk_redis_arg_int(&wait, 1);
	lk_redis_arg_int(&wait, wait_ms > 0 ? wait_ms : 1);
	lk_buf_reset(&task->out);
	return (lk_redis_command_format(request->commands, request->count,
	            &task->out) == LK_OK &&
	    lk_redis_command_format(&wait, 1, &task->out) == LK_OK);
}

/* Why there is no more time: what Redis has said says more than silence. */
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
		if ((tries == 0 || task->request->replicate) && !format(task))
			return (
			    lk_fail(link->error, LK_E_NOMEM, "out of memory"));
		result = lk_redis_attempt(task);
		if (result == LK_ATTEMPT_DONE)
			return (LK_OK);
		if (result == LK_ATTEMPT_OVER ||
		    (result == LK_ATTEMPT_UNKNOWN && !idempotent))
			return (explain(task));
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
	struct lk_redis_reply *all[LK_REDIS_REPLICATE_MAX + 1] = { NULL };
	struct lk_redis_task task = { .link = link,
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
	status = try_until_done(&task);
	lk_redis_watch_settle(link->watch, probe, !lk_redis_may_pass(status),
	    began_ns);
	if (status == LK_OK && request->replicate) {
		memcpy(replies, all,
		    request->count * sizeof(struct lk_redis_reply *));
		lk_redis_reply_free(all[request->count]);
	}
	lk_buf_free(&task.out);
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
