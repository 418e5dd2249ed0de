#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis/link.h"

/* Of the time that is left, where another attempt is to have some. */
#define FIRST_SHARE_PERCENT 67

/* A call that is under way. */
struct task {
	struct lk_redis_link *link;
	struct lk_redis_request *request;
	struct lk_deadline deadline; /* of the call */
	struct lk_deadline share;    /* what this attempt may have of it */
	struct lk_redis_reply **replies;
	struct lk_buf out; /* the request, and a fence or TIME behind it */
	size_t count;      /* of commands in it, but for TIME */
	bool timed;        /* TIME is in it */
	bool asks;         /* ASKING is in front of it */
	struct lk_redis_witnesses witnesses; /* that the fence waits for */
	enum lk_status status;               /* of the last attempt */
	enum lk_status refused;       /* LK_OK, or how an earlier one failed */
	struct lk_error refusal;      /* before its time was over, and why */
	bool was_dead;                /* it met a connection that was closed */
	bool waits_not;               /* the next attempt need not */
	int slot;                     /* of its keys */
	char ask[LK_REDIS_NAME_SIZE]; /* who is to be asked once, or "" */
	unsigned int redirects;
};

/* What became of an attempt. */
enum attempt {
	ATTEMPT_DONE,   /* there are replies */
	ATTEMPT_OVER,   /* it failed, and would fail again or must not be
	                      repeated */
	ATTEMPT_AGAIN,  /* it was not carried out */
	ATTEMPT_UNKNOWN /* it may have been carried out */
};

/* ---- Life -------------------------------------------------------------- */

struct lk_redis_wire *
lk_redis_link_add_wire(struct lk_redis_link *link)
{
	const struct lk_redis_manners manners = lk_redis_topology_manners(
	    link->watch->topology);
	struct lk_redis_wire *wire = malloc(sizeof(*wire));

	if (wire == NULL)
		return (NULL);
	lk_redis_wire_init(wire, &manners, link->error);
	wire->next = link->wires;
	link->wires = wire;
	return (wire);
}

/* Go by ${watch}, or by one of its own if that is NULL. */
static enum lk_status
go_by(struct lk_redis_link *link, struct lk_redis_watch *watch,
    const struct lk_log *log)
{
	const struct lk_watch base = { .settings = link->settings, .log = log };
	enum lk_status status = LK_OK;

	if (watch == NULL)
		status = lk_redis_watch_new(&base, &link->own, link->error);
	if (status != LK_OK)
		return (status);
	link->watch = watch != NULL ? watch : link->own;
	if ((link->wire = lk_redis_link_add_wire(link)) == NULL)
		return (lk_fail(link->error, LK_E_NOMEM, "out of memory"));
	(void)snprintf(link->wire->name, sizeof(link->wire->name), "%s",
	    link->watch->topology->ops->moves
	        ? "(not known)"
	        : link->settings->store.redis.address);
	return (LK_OK);
}

/* Close all, and free them. */
static void
drop_wires(struct lk_redis_link *link)
{
	struct lk_redis_wire *wire;

	while ((wire = link->wires) != NULL) {
		link->wires = wire->next;
		lk_redis_wire_drop(wire);
		free(wire);
	}
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
	link->settings = settings;
	link->error = error;
	if (watch != NULL && watch->settings != settings)
		status = lk_fail(error, LK_E_INVAL,
		    "the watch is one of other settings");
	else
		status = go_by(link,
		    watch == NULL ? NULL : lk_redis_watch_of(watch), log);
	if (status == LK_OK)
		*linkp = link;
	else
		lk_redis_link_free(link);
	return (status);
}

void
lk_redis_link_free(struct lk_redis_link *link)
{
	if (link == NULL)
		return;
	drop_wires(link);
	if (link->own != NULL)
		lk_watch_free(&link->own->base);
	free(link);
}

void
lk_redis_link_leave_parent(struct lk_redis_link *link)
{
	struct lk_redis_wire *wire;

	for (wire = link->wires; wire != NULL; wire = wire->next)
		lk_redis_wire_drop(wire);
	if (link->own != NULL) {
		lk_redis_watch_leave_parent(link->own);
		return;
	}
	(void)go_by(link, NULL, link->watch->base.log);
}

bool
lk_redis_link_replicates(const struct lk_redis_link *link, bool revokes)
{
	return (link->settings->store.durability == LK_DURABILITY_REPLICA ||
	    (revokes && link->watch->topology->ops->moves));
}

/* ---- What a reply means for another attempt ---------------------------- */

bool
lk_redis_is_passing(const struct lk_redis_link *link,
    const struct lk_redis_reply *reply)
{
	if (reply->type != LK_REDIS_ERROR)
		return (false);
	if (lk_redis_reply_is_error(reply, "LOADING") ||
	    lk_redis_reply_is_error(reply, "ERR max number of clients"))
		return (true);
	return (link->watch->topology->ops->moves &&
	    (lk_redis_reply_is_error(reply, "READONLY") ||
	        lk_redis_reply_is_error(reply, "MASTERDOWN") ||
	        lk_redis_reply_is_error(reply, "UNBLOCKED")));
}

void
lk_redis_reject(struct lk_redis_link *link, struct lk_redis_wire *wire)
{
	lk_redis_watch_suspect(link->watch, wire);
	lk_redis_wire_drop(wire);
}

/* A node of a cluster has carried nothing out, or not all of a script. */
static enum attempt
wait_for_slot(struct task *task, const char *why)
{
	struct lk_redis_link *link = task->link;

	task->status = lk_fail(link->error, LK_E_STORE, "redis at %s %s",
	    link->wire->name, why);
	lk_redis_free_replies(task->replies, task->count);
	return (ATTEMPT_AGAIN);
}

/*
 * Where several masters share the slots: what its first reply says of the slot;
 * DONE if it is an answer.
 */
static enum attempt
follow(struct task *task)
{
	static const char moving[] = "is moving the slot to another node";
	struct lk_redis_link *link = task->link;
	const struct lk_redis_reply *reply = task->replies[0];
	char name[LK_REDIS_NAME_SIZE];
	enum lk_redis_redirect redirect;

	if (lk_redis_reply_is_error(reply, "CLUSTERDOWN")) {
		lk_redis_watch_suspect(link->watch, link->wire);
		return (wait_for_slot(task,
		    "is cut off from the cluster, or that is down"));
	}
	/* Some of a script may have been done. */
	if (lk_redis_reply_is_error(reply, "ERR Script attempted to access")) {
		(void)wait_for_slot(task, moving);
		return (ATTEMPT_UNKNOWN);
	}
	if (task->request->pinned)
		return (ATTEMPT_DONE);
	if (lk_redis_reply_is_error(reply, "TRYAGAIN"))
		return (wait_for_slot(task, moving));
	redirect = lk_redis_redirect(reply, task->slot, link->wire->name, name);
	/* A script would find only a part of a user's keys there; commands
	 * that go together are sent again by themselves. */
	if (redirect == LK_REDIRECT_ASK && !task->request->plain)
		return (wait_for_slot(task, moving));
	if (redirect == LK_REDIRECT_ASK && task->count > 1)
		return (ATTEMPT_DONE);
	if (redirect == LK_REDIRECT_NONE)
		return (lk_redis_reply_is_error(reply, "MOVED") ||
		            lk_redis_reply_is_error(reply, "ASK ")
		        ? wait_for_slot(task, "sends us to nowhere")
		        : ATTEMPT_DONE);
	if (task->redirects++ == LK_REDIS_REDIRECTS_MAX) {
		(void)wait_for_slot(task,
		    "is not the last of those that send us on in a circle");
		return (ATTEMPT_OVER);
	}
	(void)wait_for_slot(task, "has not got the slot");
	if (redirect == LK_REDIRECT_ASK)
		memcpy(task->ask, name, sizeof(task->ask));
	else
		lk_redis_watch_moved(link->watch, task->slot, name);
	task->waits_not = true;
	return (ATTEMPT_AGAIN);
}

/* Look through the replies of an exchange that went well. */
static enum attempt
judge(struct task *task)
{
	struct lk_redis_link *link = task->link;
	enum attempt result = ATTEMPT_DONE;
	size_t i;

	if (link->watch->topology->ops->is_at != NULL && task->count > 0 &&
	    task->replies[0] != NULL)
		result = follow(task);
	if (result != ATTEMPT_DONE)
		return (result);
	for (i = 0; i < task->count && task->replies[i] != NULL; i++) {
		if (!lk_redis_is_passing(link, task->replies[i]))
			continue;
		task->status = lk_redis_reply_refusal(task->replies[i],
		    link->wire->name, link->error);
		lk_redis_free_replies(task->replies, task->count);
		lk_redis_reject(link, link->wire);
		/* The first tells of all, but for a fence behind a change. */
		return (i == 0 ? ATTEMPT_AGAIN : ATTEMPT_UNKNOWN);
	}
	return (ATTEMPT_DONE);
}

/* ---- A connection to the master ---------------------------------------- */

/*
 * Nothing is asked of a master before it has been told which revocations there
 * were; that replicas have them is up to who watches, if there is one.
 */
static void
replay_on_new(struct lk_redis_link *link, struct lk_deadline deadline)
{
	struct lk_redis_watch *watch = link->watch;
	const struct lk_error before = *link->error;
	enum lk_status status = LK_OK;

	if (!atomic_load(&watch->carried.remembers))
		return;
	if (atomic_load(&watch->running))
		status = lk_redis_carried_tell(&watch->carried, link->wire,
		    deadline);
	else
		status = lk_redis_carried_secure(&watch->carried, link->wire,
		    deadline);
	if (lk_redis_may_pass(status))
		lk_redis_wire_drop(link->wire);
	else
		*link->error = before;
}

static enum attempt
connect_to(struct lk_redis_link *link, const struct lk_redis_master *master,
    struct lk_deadline deadline, enum lk_status *status)
{
	struct lk_redis_wire *wire = link->wire;

	*status = lk_redis_wire_open(wire, &master->address, master->name,
	    master->generation, deadline);
	if (*status == LK_OK) {
		lk_redis_topology_met(link->watch->topology, master,
		    &wire->channel.stream);
		replay_on_new(link, deadline);
		if (lk_redis_wire_is_open(wire))
			return (ATTEMPT_DONE);
		*status = LK_E_STORE;
	}
	if (!lk_redis_may_pass(*status))
		return (ATTEMPT_OVER);
	lk_redis_reject(link, link->wire);
	/* A Redis that cannot be reached has no other in single mode, but one
	 * that is full of clients may have room soon. */
	return (link->watch->topology->ops->moves || wire->reached
	        ? ATTEMPT_AGAIN
	        : ATTEMPT_OVER);
}

/* Turn to one of the connections that is open to the master of the slot. */
static bool
has_wire(struct lk_redis_link *link, int slot)
{
	const struct lk_redis_topology *topology = link->watch->topology;
	struct lk_redis_wire *wire;

	for (wire = link->wires; wire != NULL; wire = wire->next) {
		if (!lk_redis_wire_is_open(wire) ||
		    !lk_redis_topology_is_fresh(topology, wire, slot))
			continue;
		link->wire = wire;
		return (true);
	}
	return (false);
}

/*
 * Turn to the connection that is the master's, open or not, and close those to
 * who is none any more.  False without memory.
 */
static bool
use_wire(struct lk_redis_link *link, const struct lk_redis_master *master)
{
	struct lk_redis_wire *wire, *spare = NULL;

	if (link->watch->topology->ops->is_at == NULL)
		return (true);
	for (wire = link->wires; wire != NULL; wire = wire->next) {
		if (wire->manners.generation == master->current)
			break;
		if (!lk_redis_wire_is_current(wire))
			lk_redis_wire_drop(wire);
		if (!lk_redis_wire_is_open(wire))
			spare = wire;
	}
	if (wire == NULL)
		wire = spare != NULL ? spare : lk_redis_link_add_wire(link);
	if (wire == NULL)
		return (false);
	wire->manners.generation = master->current;
	link->wire = wire;
	return (true);
}

/* Have a connection to the master, confirmed if that is called for, or to who
 * is to be asked this once. */
static enum attempt
get_ready(struct task *task)
{
	struct lk_redis_link *link = task->link;
	struct lk_redis_topology *topology = link->watch->topology;
	struct lk_redis_master master;
	bool found = true;

	task->status = LK_OK;
	if (task->ask[0] == '\0' && has_wire(link, task->slot))
		return (ATTEMPT_DONE);
	if (task->ask[0] != '\0')
		found = topology->ops->node(topology, task->ask, &master);
	else
		task->status = topology->ops->find(topology, task->slot,
		    task->share, &master, link->error);
	if (task->status != LK_OK)
		return (lk_redis_may_pass(task->status) ? ATTEMPT_AGAIN
		                                        : ATTEMPT_OVER);
	if (!found || !use_wire(link, &master)) {
		task->status = lk_fail(link->error, LK_E_NOMEM,
		    "no room for one more connection");
		return (ATTEMPT_OVER);
	}
	if (lk_redis_wire_is_open(link->wire) &&
	    link->wire->generation == master.generation)
		return (ATTEMPT_DONE);
	return (connect_to(link, &master, task->share, &task->status));
}

/* What a failed exchange means; ${kept}: on a connection from before. */
static enum attempt
after_failure(struct task *task, bool kept, const struct lk_redis_exchange *x)
{
	lk_redis_free_replies(task->replies, task->count);
	task->was_dead = kept && (!x->sent || x->peer_is_gone);
	if (!lk_redis_may_pass(task->status))
		return (ATTEMPT_OVER);
	lk_redis_reject(task->link, task->link->wire);
	/* In single mode there is nowhere else to go, unless it was only the
	 * old connection that was dead. */
	if (!task->link->watch->topology->ops->moves && !task->was_dead)
		return (ATTEMPT_OVER);
	return (x->sent ? ATTEMPT_UNKNOWN : ATTEMPT_AGAIN);
}

/*
 * Whether what was read is still good: the master was confirmed lately enough
 * before now, too.
 */
static enum attempt
confirm_answer(struct task *task)
{
	struct lk_redis_link *link = task->link;
	struct lk_redis_topology *topology = link->watch->topology;
	struct lk_redis_master master;

	/* Who was asked in place of the slot's master, or has it no more since
	 * it answered, is at least a master still. */
	if (topology->ops->is_at != NULL
	        ? lk_redis_wire_is_current(link->wire)
	        : lk_redis_topology_is_fresh(topology, link->wire, task->slot))
		return (ATTEMPT_DONE);
	task->status = topology->ops->find(topology, task->slot, task->deadline,
	    &master, link->error);
	if (task->status == LK_OK &&
	    master.current == link->wire->manners.generation &&
	    master.generation == link->wire->generation)
		return (ATTEMPT_DONE);
	if (task->status == LK_OK)
		task->status = lk_fail(link->error, LK_E_STORE,
		    "redis at %s is no longer the master", link->wire->name);
	lk_redis_free_replies(task->replies, task->count);
	lk_redis_wire_drop(link->wire);
	return (ATTEMPT_UNKNOWN);
}

/* Whether it is durable: replicas have it, and it will be the next master's. */
static enum attempt
weigh(struct task *task)
{
	struct lk_redis_link *link = task->link;
	struct lk_redis_topology *topology = link->watch->topology;
	struct lk_redis_request *request = task->request;
	struct lk_redis_fenced fenced;

	/* A change that was refused will be on no replica. */
	if (request->count > 0 && task->replies[0]->type == LK_REDIS_ERROR)
		return (ATTEMPT_DONE);
	lk_redis_fence_read(task->replies + request->count, link->wire->name,
	    &fenced, link->error);
	memcpy(request->history, fenced.past.history, sizeof(request->history));
	request->durable = fenced.acks > 0 &&
	    (topology->ops->outlasts == NULL ||
	        topology->ops->outlasts(topology, link->wire, &fenced,
	            task->witnesses, task->deadline, link->error));
	if (lk_redis_wire_is_current(link->wire))
		return (ATTEMPT_DONE);
	request->durable = false;
	if (!request->idempotent)
		return (ATTEMPT_DONE);
	task->status = lk_fail(link->error, LK_E_STORE,
	    "redis at %s is no longer the master", link->wire->name);
	lk_redis_free_replies(task->replies, task->count);
	return (ATTEMPT_UNKNOWN);
}

/* ---- One attempt ------------------------------------------------------- */

/* The fence of the store, or in a cluster of the slot. */
static void
fence_for(const struct task *task, struct lk_redis_fence *fence)
{
	const struct lk_redis_topology *topology = task->link->watch->topology;
	const char *key = NULL, *tag, *end;
	size_t len = 0;

	*fence = topology->fence;
	if (topology->ops->is_at != NULL && task->request->count > 0)
		key = lk_redis_key_of(task->request->commands, &len);
	tag = key == NULL ? NULL : memchr(key, '{', len);
	end = tag == NULL ? NULL : memchr(tag, '}', len - (size_t)(tag - key));
	if (end != NULL)
		lk_redis_fence_key(&topology->fence, tag + 1,
		    (size_t)(end - tag - 1), &fence->key);
}

/*
 * Write the request, and behind it the fence if replicas are to have it, or
 * TIME if the connection's clock is not known well enough.
 */
static bool
format(struct task *task)
{
	const struct lk_redis_request *request = task->request;
	struct lk_redis_topology *topology = task->link->watch->topology;
	const bool timed = request->timed &&
	    lk_redis_clock_is_due(&task->link->wire->clock);
	const bool asks = task->ask[0] != '\0';
	struct lk_redis_command time, asking;
	struct lk_redis_command fence[LK_REDIS_FENCE_COMMANDS];
	struct lk_redis_fence in_slot;

	if (task->out.len > 0 && !request->replicate && timed == task->timed &&
	    asks == task->asks)
		return (true);
	task->timed = timed;
	task->asks = asks;
	lk_buf_reset(&task->out);
	lk_redis_command(&asking, "ASKING");
	if (asks && lk_redis_command_format(&asking, 1, &task->out) != LK_OK)
		return (false);
	if (lk_redis_command_format(request->commands, request->count,
	        &task->out) != LK_OK)
		return (false);
	if (timed) {
		lk_redis_command(&time, "TIME");
		return (lk_redis_command_format(&time, 1, &task->out) == LK_OK);
	}
	if (!request->replicate)
		return (true);
	task->witnesses = topology->ops->witnesses(topology, task->link->wire,
	    request->revokes);
	fence_for(task, &in_slot);
	lk_redis_fence_commands(&in_slot, task->witnesses.asked, task->share,
	    fence);
	return (lk_redis_command_format(fence, LK_REDIS_FENCE_COMMANDS,
	            &task->out) == LK_OK);
}

/* Ask, on a connection that is in order. */
static enum attempt
exchange(struct task *task, bool kept)
{
	struct lk_redis_exchange x = { .timed = false };
	struct lk_redis_reply *asked[2] = { NULL };
	enum attempt result;

	memset(task->replies, 0, task->count * sizeof(struct lk_redis_reply *));
	if (!format(task)) {
		task->status = lk_fail(task->link->error, LK_E_NOMEM,
		    "out of memory");
		return (ATTEMPT_OVER);
	}
	x.timed = task->timed;
	/* It is one command if ASKING stands before it. */
	task->status = lk_redis_wire_exchange(task->link->wire, &task->out,
	    task->asks ? 2 : task->count, task->share,
	    task->asks ? asked : task->replies, &x);
	if (task->asks) {
		lk_redis_reply_free(asked[0]);
		task->replies[0] = asked[1];
		task->ask[0] = '\0';
	}
	/* If all but the fence has been answered, the change has been carried
	 * out, and no replica has it in time. */
	if (task->status != LK_OK &&
	    (task->status != LK_E_TIMEOUT || !task->request->replicate ||
	        x.replies < task->request->count))
		return (after_failure(task, kept, &x));
	task->status = LK_OK;
	task->request->time_status = x.time_status;
	result = judge(task);
	if (result == ATTEMPT_DONE)
		result = confirm_answer(task);
	if (result == ATTEMPT_DONE && task->request->replicate)
		result = weigh(task);
	return (result);
}

/* Try once.  Unless there are replies, ${task} has a status and the error says
 * why. */
static enum attempt
attempt(struct task *task)
{
	struct lk_redis_wire *wire;
	enum attempt result;
	unsigned int before;
	bool kept;

	task->was_dead = false;
	/* Nothing was sent yet: a connection that died is simply replaced.
	 * Calls that may be sent again save the look. */
	(void)has_wire(task->link, task->slot);
	wire = task->link->wire;
	before = wire->generation;
	if (lk_redis_wire_is_open(wire) &&
	    (!task->request->idempotent || task->request->revokes) &&
	    !lk_redis_wire_is_quiet(wire))
		lk_redis_wire_drop(wire);
	kept = lk_redis_wire_is_open(wire);
	result = get_ready(task);
	if (result != ATTEMPT_DONE)
		return (result);
	return (exchange(task,
	    kept && task->link->wire == wire && wire->generation == before));
}

/* ---- A call, of one attempt or several --------------------------------- */

/* Why there is no more time: what was met before says more than silence. */
static enum lk_status
explain(const struct task *task)
{
	if (task->status != LK_E_TIMEOUT || task->refused == LK_OK)
		return (task->status);
	*task->link->error = task->refusal;
	return (task->refused);
}

static enum lk_status
try_until_done(struct task *task)
{
	const struct lk_redis_watch *watch = task->link->watch;
	struct lk_redis_topology *topology = watch->topology;
	const bool idempotent = task->request->idempotent;
	unsigned int generation, tries = 0;
	enum attempt result;
	bool was_dead = false;

	for (;;) {
		task->waits_not = false;
		generation = atomic_load_explicit(&topology->generation,
		    memory_order_relaxed);
		task->share = task->deadline;
		/* Without anybody to notice that a master hangs, some of the
		 * time is kept for another one. */
		if (idempotent && topology->ops->moves &&
		    !atomic_load_explicit(&watch->running,
		        memory_order_relaxed))
			task->share = lk_deadline_part(task->deadline,
			    FIRST_SHARE_PERCENT);
		result = attempt(task);
		if (result == ATTEMPT_DONE)
			return (LK_OK);
		if (result == ATTEMPT_OVER ||
		    (result == ATTEMPT_UNKNOWN && !idempotent))
			return (explain(task));
		/* That an old connection was dead explains nothing. */
		if (task->status != LK_E_TIMEOUT && !task->was_dead) {
			task->refused = task->status;
			task->refusal = *task->link->error;
		}
		task->request->repeated |= result == ATTEMPT_UNKNOWN;
		if (task->waits_not && lk_deadline_left_ms(task->deadline) > 0)
			continue;
		if (task->was_dead && !was_dead)
			was_dead = true;
		else if (!lk_redis_topology_pause(topology, generation, tries,
		             task->deadline))
			return (explain(task));
		tries++;
	}
}

int
lk_redis_link_slot(const struct lk_redis_link *link,
    const struct lk_redis_command *command)
{
	return (link->watch->topology->ops->is_at == NULL
	        ? LK_REDIS_NO_SLOT
	        : lk_redis_slot_of(command));
}

enum lk_status
lk_redis_link_run(struct lk_redis_link *link, struct lk_redis_request *request,
    struct lk_deadline deadline, struct lk_redis_reply **replies)
{
	struct lk_redis_reply
	    *all[LK_REDIS_REPLICATE_MAX + LK_REDIS_FENCE_COMMANDS] = { NULL };
	struct task task = { .link = link,
		.request = request,
		.deadline = deadline,
		.replies = request->replicate ? all : replies,
		.out = LK_BUF_INIT(LK_REDIS_REPLY_MAX),
		.count = request->count };
	const int64_t began_ns = deadline.at_ns -
	    link->settings->store.redis.command_timeout_ms * 1000000;
	struct lk_redis_watch *watch = link->watch;
	struct lk_breaker *breaker;
	enum lk_status status = LK_FAULT;
	bool probe = false;

	if (request->replicate)
		task.count += LK_REDIS_FENCE_COMMANDS;
	request->durable = request->repeated = false;
	request->time_status = LK_OK;
	request->history[0] = '\0';
	memset(replies, 0, request->count * sizeof(struct lk_redis_reply *));
	task.slot = request->pinned ? request->slot
	    : request->count > 0 ? lk_redis_link_slot(link, request->commands)
	                         : LK_REDIS_NO_SLOT;
	breaker = lk_redis_watch_breaker(watch, task.slot);
	if (lk_breaker_is_barred(breaker) &&
	    !lk_breaker_admit(breaker, lk_monotonic_ns(), &probe))
		return (lk_fail(link->error, LK_E_STORE,
		    "the store has not answered several times in a row, and is "
		    "not asked for a moment"));
	status = try_until_done(&task);
	lk_redis_watch_note(watch, breaker, probe, !lk_redis_may_pass(status),
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
