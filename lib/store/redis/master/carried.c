#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "store/redis/master/carried.h"

#define MS_NS INT64_C(1000000)
/* Longest command: a script and its keys and arguments. */
#define COMMAND_MAX 16384
/* Longest of all but the script. */
#define ARGS_MAX 8192

/* How many a master is told in one write: one after the other, those of ten
 * minutes would take it longer than anybody waits. */
#define TOGETHER 16

/* ---- The list ---------------------------------------------------------- */

static void
item_free(struct lk_redis_pending_item *item)
{
	sodium_memzero(item->args, item->size);
	free(item);
}

/* Whether ${arg} is told by ${script} alone. */
static bool
is_script(const char *script, int arg)
{
	return (script != NULL && arg == 1);
}

/* A copy of what is to be kept, or NULL. */
static struct lk_redis_pending_item *
item_new(const struct lk_redis_revocation *revocation)
{
	const struct lk_redis_command *command = revocation->command;
	struct lk_redis_pending_item *item;
	size_t size = 0;
	uint16_t len;
	char *at;
	int i;

	for (i = 0; i < command->argc; i++) {
		if (!is_script(revocation->script, i))
			size += sizeof(len) + command->len[i];
	}
	if (size > ARGS_MAX || (item = calloc(1, sizeof(*item) + size)) == NULL)
		return (NULL);
	item->script = revocation->script;
	item->argc = command->argc;
	item->size = size;
	at = item->args;
	for (i = 0; i < command->argc; i++) {
		if (is_script(item->script, i))
			continue;
		len = (uint16_t)command->len[i];
		memcpy(at, &len, sizeof(len));
		memcpy(at + sizeof(len), command->argv[i], len);
		at += sizeof(len) + len;
	}
	return (item);
}

/* The command that it is, of which everything is borrowed. */
static void
item_command(const struct lk_redis_pending_item *item,
    struct lk_redis_command *command)
{
	const char *at = item->args;
	uint16_t len;
	int i;

	command->argc = 0;
	for (i = 0; i < item->argc; i++) {
		if (is_script(item->script, i)) {
			lk_redis_arg_str(command, item->script);
			continue;
		}
		memcpy(&len, at, sizeof(len));
		lk_redis_arg(command, at + sizeof(len), len);
		at += sizeof(len) + len;
	}
}

/* Whether both are one revocation. */
static bool
is_same(const struct lk_redis_pending_item *item,
    const struct lk_redis_pending_item *other)
{
	return (item->script == other->script && item->argc == other->argc &&
	    item->size == other->size &&
	    memcmp(item->args, other->args, item->size) == 0);
}

static void
item_done_by(struct lk_redis_pending_item *item, const char *history)
{
	memset(item->history, 0, sizeof(item->history));
	item->since_ns = lk_monotonic_ns();
	if (strlen(history) == LK_REDIS_HISTORY_LEN)
		memcpy(item->history, history, LK_REDIS_HISTORY_LEN);
}

static void
set_durable(struct lk_redis_pending *pending,
    struct lk_redis_pending_item *item, bool durable)
{
	pending->owed += item->durable;
	pending->owed -= durable;
	item->durable = durable;
	item->since_ns = lk_monotonic_ns();
}

/* Take out the item at ${p}. */
static void
drop(struct lk_redis_pending *pending, struct lk_redis_pending_item **p)
{
	struct lk_redis_pending_item *item = *p;

	*p = item->next;
	pending->n--;
	pending->owed -= !item->durable;
	item_free(item);
}

/* Forget those that have been durable for long enough. */
static void
drop_old(struct lk_redis_pending *pending)
{
	struct lk_redis_pending_item **p = &pending->first;
	const int64_t then = lk_monotonic_ns() - LK_REDIS_PENDING_MS * MS_NS;

	while (*p != NULL) {
		if ((*p)->durable && (*p)->since_ns < then)
			drop(pending, p);
		else
			p = &(*p)->next;
	}
}

/* Give up the oldest that ${item} is more than; false if there is none. */
static bool
make_room(struct lk_redis_pending *pending,
    const struct lk_redis_pending_item *item)
{
	struct lk_redis_pending_item **p, **spare = NULL;

	for (p = &pending->first; *p != NULL; p = &(*p)->next) {
		if ((*p)->durable) {
			spare = p;
			break;
		}
		if (spare == NULL && item->ended && !(*p)->ended)
			spare = p;
	}
	if (spare == NULL)
		return (false);
	drop(pending, spare);
	return (true);
}

/* Hang in ${item}, which then belongs to the list or is gone. */
static enum lk_pending_result
insert(struct lk_redis_pending *pending, struct lk_redis_pending_item *item)
{
	struct lk_redis_pending_item **p;

	for (p = &pending->first; *p != NULL; p = &(*p)->next) {
		if (!is_same(*p, item))
			continue;
		memcpy((*p)->history, item->history, sizeof(item->history));
		(*p)->ended |= item->ended;
		set_durable(pending, *p, item->durable);
		item_free(item);
		return (LK_PENDING_KNOWN);
	}
	if (pending->n >= LK_REDIS_PENDING_MAX && !make_room(pending, item)) {
		item_free(item);
		return (LK_PENDING_FULL);
	}
	for (p = &pending->first; *p != NULL; p = &(*p)->next)
		continue;
	item->next = NULL;
	*p = item;
	pending->n++;
	pending->owed += !item->durable;
	return (LK_PENDING_ADDED);
}

enum lk_pending_result
lk_redis_pending_add(struct lk_redis_pending *pending,
    const struct lk_redis_revocation *revocation)
{
	struct lk_redis_pending_item *item = item_new(revocation);

	if (item == NULL)
		return (LK_PENDING_FULL);
	drop_old(pending);
	item_done_by(item, revocation->history);
	item->slot = lk_redis_slot_of(revocation->command);
	item->ended = revocation->ended;
	item->durable = revocation->durable;
	return (insert(pending, item));
}

size_t
lk_redis_pending_move(struct lk_redis_pending *to,
    struct lk_redis_pending *from)
{
	struct lk_redis_pending_item *item, *next;
	size_t lost = 0;
	bool durable;

	for (item = from->first; item != NULL; item = next) {
		next = item->next;
		durable = item->durable;
		lost += insert(to, item) == LK_PENDING_FULL && !durable;
	}
	memset(from, 0, sizeof(*from));
	drop_old(to);
	return (lost);
}

void
lk_redis_pending_owed_first(struct lk_redis_pending *pending)
{
	struct lk_redis_pending_item *durable = NULL, *item;
	struct lk_redis_pending_item **owed = &pending->first,
				     **rest = &durable;

	for (item = pending->first; item != NULL; item = item->next) {
		*(item->durable ? rest : owed) = item;
		if (item->durable)
			rest = &item->next;
		else
			owed = &item->next;
	}
	*rest = NULL;
	*owed = durable;
}

void
lk_redis_pending_clear(struct lk_redis_pending *pending)
{
	struct lk_redis_pending_item *item, *next;

	for (item = pending->first; item != NULL; item = next) {
		next = item->next;
		item_free(item);
	}
	memset(pending, 0, sizeof(*pending));
}

size_t
lk_redis_pending_reached(struct lk_redis_pending *pending, const char *history,
    int64_t before_ns)
{
	struct lk_redis_pending_item *item;
	const size_t owed = pending->owed;

	for (item = pending->first; item != NULL; item = item->next) {
		if (!item->durable && item->since_ns < before_ns &&
		    history[0] != '\0' && strcmp(item->history, history) == 0)
			set_durable(pending, item, true);
	}
	return (owed - pending->owed);
}

/* ---- Keeping them ------------------------------------------------------ */

/* Show what there is, in the list or taken from it; the lock is held. */
static void
show(struct lk_redis_carried *carried)
{
	const bool taken = carried->telling;

	atomic_store(&carried->owes,
	    carried->pending.owed > 0 ||
	        (taken && atomic_load(&carried->owes)));
	atomic_store(&carried->remembers, carried->pending.n > 0 || taken);
}

static void
log_lost(const struct lk_redis_carried *carried, size_t count)
{
	char number[24];

	if (count == 0)
		return;
	(void)snprintf(number, sizeof(number), "%zu", count);
	LK_LOG(carried->topology->log, LK_LOG_ERROR,
	    "revocations that no replica has are not remembered any more: "
	    "a failover would undo them",
	    { "count", number });
}

void
lk_redis_carried_init(struct lk_redis_carried *carried,
    struct lk_redis_topology *topology)
{
	memset(carried, 0, sizeof(*carried));
	carried->topology = topology;
	lk_cond_init(&carried->told);
	(void)pthread_mutex_init(&carried->lock, NULL);
}

void
lk_redis_carried_forget(struct lk_redis_carried *carried)
{
	lk_redis_pending_clear(&carried->pending);
	show(carried);
}

void
lk_redis_carried_destroy(struct lk_redis_carried *carried)
{
	log_lost(carried, carried->pending.owed);
	lk_redis_pending_clear(&carried->pending);
	(void)pthread_cond_destroy(&carried->told);
	(void)pthread_mutex_destroy(&carried->lock);
}

void
lk_redis_carried_add(struct lk_redis_carried *carried,
    const struct lk_redis_revocation *revocation)
{
	enum lk_pending_result result;

	(void)pthread_mutex_lock(&carried->lock);
	result = lk_redis_pending_add(&carried->pending, revocation);
	show(carried);
	(void)pthread_mutex_unlock(&carried->lock);
	if (result == LK_PENDING_FULL && revocation->ended &&
	    !revocation->durable)
		log_lost(carried, 1);
}

void
lk_redis_carried_take(struct lk_redis_carried *carried,
    struct lk_redis_carried *from)
{
	struct lk_redis_pending taken = { .n = 0 };

	(void)pthread_mutex_lock(&from->lock);
	if (!from->telling) {
		taken = from->pending;
		memset(&from->pending, 0, sizeof(from->pending));
		show(from);
	}
	(void)pthread_mutex_unlock(&from->lock);
	(void)pthread_mutex_lock(&carried->lock);
	log_lost(carried, lk_redis_pending_move(&carried->pending, &taken));
	show(carried);
	(void)pthread_mutex_unlock(&carried->lock);
}

/* ---- Telling a master -------------------------------------------------- */

/* Whether the master at ${wire} has its sessions, where there are several. */
static bool
is_in_slots(const struct lk_redis_topology *topology,
    const struct lk_redis_wire *wire, const struct lk_redis_pending_item *item)
{
	return (topology->ops->is_at == NULL ||
	    topology->ops->is_at(topology, wire, item->slot));
}

/* Tell the master some that it does not have, in one write. */
static enum lk_status
replay_some(struct lk_redis_pending_item *const *items, size_t n,
    struct lk_redis_wire *wire, const char *history,
    struct lk_deadline deadline, bool *refused)
{
	struct lk_buf sent = LK_BUF_INIT(TOGETHER * COMMAND_MAX);
	struct lk_redis_reply *replies[TOGETHER] = { NULL };
	struct lk_redis_exchange x = { .timed = false };
	struct lk_redis_command command;
	enum lk_status status = LK_OK;
	size_t i;

	for (i = 0; i < n && status == LK_OK; i++) {
		item_command(items[i], &command);
		status = lk_redis_command_format(&command, 1, &sent);
	}
	if (status == LK_OK)
		status = lk_redis_wire_exchange(wire, &sent, n, deadline,
		    replies, &x);
	lk_buf_free(&sent);
	for (i = 0; i < x.replies && i < n; i++) {
		if (lk_redis_reply_refusal(replies[i], wire->name,
		        wire->error) != LK_OK)
			*refused = true;
		else
			item_done_by(items[i], history);
	}
	lk_redis_free_replies(replies, n);
	return (status);
}

/*
 * Tell the master what it does not have; that is not durable then.  LK_OK if it
 * has all then; LK_E_NOT_DURABLE if it has refused some, and the wire's error
 * says why.  Nothing is taken off the list.
 */
static enum lk_status
replay(const struct lk_redis_topology *topology,
    struct lk_redis_pending *pending, struct lk_redis_wire *wire,
    struct lk_deadline deadline)
{
	struct lk_redis_pending_item *items[TOGETHER], *item;
	struct lk_redis_past past;
	enum lk_status status = LK_FAULT;
	bool refused = false;
	size_t n;

	status = lk_redis_past_ask(wire, deadline, &past);
	lk_redis_pending_owed_first(pending);
	item = pending->first;
	while (status == LK_OK && item != NULL) {
		for (n = 0; n < TOGETHER && item != NULL; item = item->next) {
			if (strcmp(item->history, past.history) == 0 ||
			    !is_in_slots(topology, wire, item))
				continue;
			set_durable(pending, item, false);
			items[n++] = item;
		}
		if (n > 0)
			status = replay_some(items, n, wire, past.history,
			    deadline, &refused);
	}
	return (status == LK_OK && refused ? LK_E_NOT_DURABLE : status);
}

enum lk_status
lk_redis_carried_tell(struct lk_redis_carried *carried,
    struct lk_redis_wire *wire, struct lk_deadline deadline)
{
	struct lk_redis_pending taken = { .n = 0 };
	enum lk_status status = LK_FAULT;
	bool busy;

	(void)pthread_mutex_lock(&carried->lock);
	while (carried->telling &&
	    lk_cond_wait(&carried->told, &carried->lock, deadline))
		continue;
	busy = carried->telling;
	if (!busy && carried->pending.n > 0) {
		taken = carried->pending;
		memset(&carried->pending, 0, sizeof(carried->pending));
		carried->telling = true;
	}
	(void)pthread_mutex_unlock(&carried->lock);
	if (busy)
		return (lk_fail(wire->error, LK_E_TIMEOUT,
		    "redis at %s: it is being told of revocations",
		    wire->name));
	if (taken.n == 0)
		return (LK_OK);
	status = replay(carried->topology, &taken, wire, deadline);
	if (status == LK_E_NOT_DURABLE)
		LK_LOG(carried->topology->log, LK_LOG_WARN,
		    "revocations are refused by another master",
		    { "error", wire->error->text });
	/* What was taken is there again, in front of what has come since. */
	(void)pthread_mutex_lock(&carried->lock);
	log_lost(carried, lk_redis_pending_move(&taken, &carried->pending));
	carried->pending = taken;
	carried->telling = false;
	show(carried);
	(void)pthread_cond_broadcast(&carried->told);
	(void)pthread_mutex_unlock(&carried->lock);
	return (status);
}

bool
lk_redis_carried_is_told(struct lk_redis_carried *carried,
    const struct lk_redis_wire *wire, const char *history)
{
	const struct lk_redis_pending_item *item;
	bool told;

	(void)pthread_mutex_lock(&carried->lock);
	told = !carried->telling;
	for (item = carried->pending.first; item != NULL && told;
	     item = item->next)
		told = strcmp(item->history, history) == 0 ||
		    !is_in_slots(carried->topology, wire, item);
	(void)pthread_mutex_unlock(&carried->lock);
	return (told);
}

/* Replicas have what the master of that history had by then. */
static void
note_reached(struct lk_redis_carried *carried, const char *history,
    int64_t before_ns, const char *master)
{
	char number[24];
	size_t count;

	(void)pthread_mutex_lock(&carried->lock);
	count = lk_redis_pending_reached(&carried->pending, history, before_ns);
	show(carried);
	(void)pthread_mutex_unlock(&carried->lock);
	(void)snprintf(number, sizeof(number), "%zu", count);
	if (count > 0)
		LK_LOG(carried->topology->log, LK_LOG_INFO,
		    "revocations have reached a replica", { "count", number },
		    { "master", master });
}

enum lk_status
lk_redis_carried_secure(struct lk_redis_carried *carried,
    struct lk_redis_wire *wire, struct lk_deadline deadline)
{
	struct lk_redis_topology *topology = carried->topology;
	const struct lk_redis_witnesses witnesses = topology->ops->witnesses(
	    topology, wire, true);
	struct lk_redis_fence fence = topology->fence;
	struct lk_redis_fenced fenced;
	enum lk_status status = LK_FAULT;
	int64_t began_ns;

	status = lk_redis_carried_tell(carried, wire, deadline);
	if ((status != LK_OK && status != LK_E_NOT_DURABLE) ||
	    !atomic_load(&carried->owes))
		return (status);
	if (topology->ops->fence_at != NULL &&
	    !topology->ops->fence_at(topology, wire, &fence.key))
		return (LK_OK);
	began_ns = lk_monotonic_ns();
	status = lk_redis_fence_run(&fence, wire, witnesses.asked, deadline,
	    &fenced);
	if (status == LK_OK && fenced.acks > 0 &&
	    (topology->ops->outlasts == NULL ||
	        topology->ops->outlasts(topology, wire, &fenced, witnesses,
	            deadline, wire->error)))
		note_reached(carried, fenced.past.history, began_ns,
		    wire->name);
	if (status == LK_OK && atomic_load(&carried->owes))
		status = LK_E_NOT_DURABLE;
	return (status);
}
