#include <string.h>

#include "store/redis/attempt.h"

/* ---- What a reply means for another attempt ---------------------------- */

bool
lk_redis_is_passing(const struct lk_redis_caller *caller,
    const struct lk_redis_reply *reply)
{
	if (reply->type != LK_REDIS_ERROR)
		return (false);
	if (lk_redis_reply_is_error(reply, "LOADING") ||
	    lk_redis_reply_is_error(reply, "ERR max number of clients"))
		return (true);
	return (caller->watch->topology->ops->moves &&
	    (lk_redis_reply_is_error(reply, "READONLY") ||
	        lk_redis_reply_is_error(reply, "MASTERDOWN") ||
	        lk_redis_reply_is_error(reply, "UNBLOCKED")));
}

void
lk_redis_reject(struct lk_redis_caller *caller)
{
	lk_redis_watch_suspect(caller->watch, caller->wire.generation);
	lk_redis_wire_drop(&caller->wire);
}

/* Look through the replies of an exchange that went well. */
static enum lk_redis_attempt
judge(struct lk_redis_task *task)
{
	struct lk_redis_caller *caller = task->caller;
	size_t i;

	for (i = 0; i < task->count && task->replies[i] != NULL; i++) {
		if (!lk_redis_is_passing(caller, task->replies[i]))
			continue;
		task->status = lk_redis_reply_refusal(task->replies[i],
		    caller->wire.name, caller->error);
		lk_redis_free_replies(task->replies, task->count);
		lk_redis_reject(caller);
		/* The first tells of all, but for a fence behind a change. */
		return (i == 0 ? LK_ATTEMPT_AGAIN : LK_ATTEMPT_UNKNOWN);
	}
	return (LK_ATTEMPT_DONE);
}

/* ---- A connection to the master ---------------------------------------- */

static enum lk_status
find(struct lk_redis_caller *caller, struct lk_deadline deadline,
    struct lk_redis_master *master)
{
	struct lk_redis_topology *topology = caller->watch->topology;

	return (topology->ops->find(topology, deadline, master, caller->error));
}

/*
 * Nothing is asked of a master before it has been told which revocations there
 * were; that replicas have them is up to who watches, if there is one.
 */
static void
replay_on_new(struct lk_redis_caller *caller, struct lk_deadline deadline)
{
	struct lk_redis_watch *watch = caller->watch;
	const struct lk_error before = *caller->error;
	enum lk_status status = LK_OK;

	if (!atomic_load(&watch->carried.remembers))
		return;
	if (atomic_load(&watch->running))
		status = lk_redis_carried_tell(&watch->carried, &caller->wire,
		    deadline);
	else
		status = lk_redis_carried_secure(&watch->carried, &caller->wire,
		    deadline);
	if (lk_redis_may_pass(status))
		lk_redis_wire_drop(&caller->wire);
	else
		*caller->error = before;
}

static enum lk_redis_attempt
connect_to(struct lk_redis_caller *caller, const struct lk_redis_master *master,
    struct lk_deadline deadline, enum lk_status *status)
{
	struct lk_redis_wire *wire = &caller->wire;

	*status = lk_redis_wire_open(wire, &master->address, master->name,
	    master->generation, deadline);
	if (*status == LK_OK) {
		lk_redis_topology_met(caller->watch->topology, master,
		    &wire->channel.stream);
		replay_on_new(caller, deadline);
		if (lk_redis_wire_is_open(wire))
			return (LK_ATTEMPT_DONE);
		*status = LK_E_STORE;
	}
	if (!lk_redis_may_pass(*status))
		return (LK_ATTEMPT_OVER);
	lk_redis_reject(caller);
	/* A Redis that cannot be reached has no other in single mode, but one
	 * that is full of clients may have room soon. */
	return (caller->watch->topology->ops->moves || wire->reached
	        ? LK_ATTEMPT_AGAIN
	        : LK_ATTEMPT_OVER);
}

/* Have a connection to the master, confirmed if that is called for. */
static enum lk_redis_attempt
get_ready(struct lk_redis_caller *caller, struct lk_deadline deadline,
    enum lk_status *status)
{
	struct lk_redis_wire *wire = &caller->wire;
	struct lk_redis_master master;

	if (lk_redis_wire_is_open(wire) &&
	    lk_redis_topology_is_fresh(caller->watch->topology,
	        wire->generation))
		return (LK_ATTEMPT_DONE);
	*status = find(caller, deadline, &master);
	if (*status != LK_OK)
		return (lk_redis_may_pass(*status) ? LK_ATTEMPT_AGAIN
		                                   : LK_ATTEMPT_OVER);
	if (lk_redis_wire_is_open(wire) &&
	    wire->generation == master.generation)
		return (LK_ATTEMPT_DONE);
	return (connect_to(caller, &master, deadline, status));
}

/* What a failed exchange means; ${kept}: on a connection from before. */
static enum lk_redis_attempt
after_failure(struct lk_redis_task *task, bool kept,
    const struct lk_redis_exchange *x)
{
	lk_redis_free_replies(task->replies, task->count);
	task->was_dead = kept && (!x->sent || x->peer_is_gone);
	if (!lk_redis_may_pass(task->status))
		return (LK_ATTEMPT_OVER);
	lk_redis_reject(task->caller);
	/* In single mode there is nowhere else to go, unless it was only the
	 * old connection that was dead. */
	if (!task->caller->watch->topology->ops->moves && !task->was_dead)
		return (LK_ATTEMPT_OVER);
	return (x->sent ? LK_ATTEMPT_UNKNOWN : LK_ATTEMPT_AGAIN);
}

/*
 * Whether what was read is still good: the master was confirmed lately enough
 * before now, too.
 */
static enum lk_redis_attempt
confirm_answer(struct lk_redis_task *task)
{
	struct lk_redis_caller *caller = task->caller;
	struct lk_redis_master master;

	if (lk_redis_topology_is_fresh(caller->watch->topology,
	        caller->wire.generation))
		return (LK_ATTEMPT_DONE);
	task->status = find(caller, task->deadline, &master);
	if (task->status == LK_OK &&
	    master.generation == caller->wire.generation)
		return (LK_ATTEMPT_DONE);
	if (task->status == LK_OK)
		task->status = lk_fail(caller->error, LK_E_STORE,
		    "redis at %s is no longer the master", caller->wire.name);
	lk_redis_free_replies(task->replies, task->count);
	lk_redis_wire_drop(&caller->wire);
	return (LK_ATTEMPT_UNKNOWN);
}

/* Whether it is durable: replicas have it, and it will be the next master's. */
static enum lk_redis_attempt
weigh(struct lk_redis_task *task)
{
	struct lk_redis_caller *caller = task->caller;
	struct lk_redis_topology *topology = caller->watch->topology;
	struct lk_redis_request *request = task->request;
	struct lk_redis_fenced fenced;

	/* A change that was refused will be on no replica. */
	if (request->count > 0 && task->replies[0]->type == LK_REDIS_ERROR)
		return (LK_ATTEMPT_DONE);
	lk_redis_fence_read(task->replies + request->count, caller->wire.name,
	    &fenced, caller->error);
	memcpy(request->history, fenced.past.history, sizeof(request->history));
	request->durable = fenced.acks > 0 &&
	    topology->ops->outlasts(topology, &caller->wire, fenced.acks,
	        task->witnesses, task->deadline, caller->error);
	if (atomic_load(&topology->generation) == caller->wire.generation)
		return (LK_ATTEMPT_DONE);
	request->durable = false;
	if (!request->idempotent)
		return (LK_ATTEMPT_DONE);
	task->status = lk_fail(caller->error, LK_E_STORE,
	    "redis at %s is no longer the master", caller->wire.name);
	lk_redis_free_replies(task->replies, task->count);
	return (LK_ATTEMPT_UNKNOWN);
}

/* ---- One attempt ------------------------------------------------------- */

/*
 * Whether all but the fence has been answered: the change has been carried out
 * then, and no replica has it in time.
 */
static bool
only_fence_is_missing(const struct lk_redis_task *task,
    const struct lk_redis_exchange *x)
{
	return (task->status == LK_E_TIMEOUT && task->request->replicate &&
	    x->replies >= task->request->count);
}

/*
 * Write the request, and behind it the fence if replicas are to have it, or
 * TIME if the connection's clock is not known well enough.
 */
static bool
format(struct lk_redis_task *task)
{
	const struct lk_redis_request *request = task->request;
	struct lk_redis_topology *topology = task->caller->watch->topology;
	const bool timed = request->timed &&
	    lk_redis_clock_is_due(&task->caller->wire.clock);
	struct lk_redis_command time;
	struct lk_redis_fence fence;

	if (task->out.len > 0 && !request->replicate && timed == task->timed)
		return (true);
	task->timed = timed;
	lk_buf_reset(&task->out);
	if (lk_redis_command_format(request->commands, request->count,
	        &task->out) != LK_OK)
		return (false);
	if (timed) {
		lk_redis_command(&time, "TIME");
		return (lk_redis_command_format(&time, 1, &task->out) == LK_OK);
	}
	if (!request->replicate)
		return (true);
	task->witnesses = topology->ops->witnesses(topology,
	    request->everywhere);
	lk_redis_fence(&fence, task->caller->settings, task->witnesses.asked,
	    lk_redis_wait_ms(topology->settings, task->share));
	return (lk_redis_command_format(fence.commands, LK_REDIS_FENCE_COMMANDS,
	            &task->out) == LK_OK);
}

/* Ask, on a connection that is in order. */
static enum lk_redis_attempt
exchange(struct lk_redis_task *task, bool kept)
{
	struct lk_redis_exchange x = { .timed = false };
	enum lk_redis_attempt result;

	memset(task->replies, 0, task->count * sizeof(struct lk_redis_reply *));
	if (!format(task)) {
		task->status = lk_fail(task->caller->error, LK_E_NOMEM,
		    "out of memory");
		return (LK_ATTEMPT_OVER);
	}
	x.timed = task->timed;
	task->status = lk_redis_wire_exchange(&task->caller->wire, &task->out,
	    task->count, task->share, task->replies, &x);
	if (task->status != LK_OK && !only_fence_is_missing(task, &x))
		return (after_failure(task, kept, &x));
	task->status = LK_OK;
	task->request->time_status = x.time_status;
	result = judge(task);
	if (result == LK_ATTEMPT_DONE)
		result = confirm_answer(task);
	if (result == LK_ATTEMPT_DONE && task->request->replicate)
		result = weigh(task);
	return (result);
}

enum lk_redis_attempt
lk_redis_attempt(struct lk_redis_task *task)
{
	struct lk_redis_wire *wire = &task->caller->wire;
	enum lk_redis_attempt result;
	const unsigned int before = wire->generation;
	bool kept;

	task->was_dead = false;
	/* Nothing was sent yet: a connection that died is simply replaced.
	 * Calls that may be sent again save the look. */
	if (lk_redis_wire_is_open(wire) &&
	    (!task->request->idempotent || task->request->exact) &&
	    !lk_redis_wire_is_quiet(wire))
		lk_redis_wire_drop(wire);
	kept = lk_redis_wire_is_open(wire);
	result = get_ready(task->caller, task->share, &task->status);
	if (result != LK_ATTEMPT_DONE)
		return (result);
	return (exchange(task, kept && wire->generation == before));
}
