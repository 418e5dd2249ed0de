#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "store/redis/layout/scan.h"

/* Longest pattern: each byte of a prefix with a backslash. */
#define PATTERN_MAX (2 * LK_REDIS_KEY_MAX)
/* Room for a cursor as text. */
#define CURSOR_SIZE 21
/* How many indexes are swept in one write: each may take a while. */
#define SWEEP_CHUNK 8
/* How many keys are counted in one write, with up to two commands for each. */
#define COUNT_CHUNK (LK_REDIS_CHUNK / 2)
/* How long one index may take that is swept in many steps. */
#define LONG_PATIENCE_MS 600000

/* Called for some keys of a page, which may be none of ours. */
typedef enum lk_status chunk_fn(struct lk_redis_batch *batch,
    struct lk_redis_reply *const *keys, size_t count,
    struct lk_deadline deadline, void *arg);

/* ---- Many commands in one write ---------------------------------------- */

struct lk_redis_batch *
lk_redis_batch_new(struct lk_redis_store *store)
{
	struct lk_redis_batch *batch = calloc(1, sizeof(*batch));

	if (batch == NULL)
		lk_error_set(store->base.error, "out of memory");
	else
		batch->store = store;
	return (batch);
}

void
lk_redis_batch_free(struct lk_redis_batch *batch)
{
	if (batch == NULL)
		return;
	sodium_memzero(batch, sizeof(*batch));
	free(batch);
}

enum lk_status
lk_redis_batch_run(struct lk_redis_batch *batch, size_t count,
    struct lk_deadline deadline)
{
	const int64_t began_ns = lk_monotonic_ns();
	enum lk_status status = LK_FAULT;

	status = lk_redis_run(batch->store, batch->commands, count, deadline,
	    batch->replies);
	batch->busy_ns += lk_monotonic_ns() - began_ns;
	return (status);
}

void
lk_redis_call_begin(struct lk_redis_command *command,
    const struct lk_redis_script *script, bool sent, int keys)
{
	lk_redis_command(command, sent ? "EVALSHA" : "EVAL");
	lk_redis_arg_str(command, sent ? script->sha1 : script->text);
	lk_redis_arg_int(command, keys);
}

/* ---- Pages ------------------------------------------------------------- */

/*
 * How much of the keys a cursor has passed.  Redis counts it up from its
 * highest bit down, so that the bits in reverse are a fraction.
 */
static double
part_of(uint64_t cursor)
{
	double part = 0, weight = 0.5;

	for (; cursor != 0; cursor >>= 1) {
		part += (cursor & 1) != 0 ? weight : 0;
		weight /= 2;
	}
	return (part);
}

/* Read a cursor and check the page that came with it. */
static enum lk_status
read_page(struct lk_redis_store *store, const struct lk_redis_reply *reply,
    uint64_t *cursor)
{
	const struct lk_redis_reply *page;
	uint64_t next = 0;
	const char *p;
	size_t i;

	if (reply->type != LK_REDIS_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != LK_REDIS_STRING ||
	    reply->element[0]->len == 0 ||
	    reply->element[0]->len >= CURSOR_SIZE ||
	    reply->element[1]->type != LK_REDIS_ARRAY)
		return (lk_redis_corrupt(store, "the answer to a scan"));
	for (p = reply->element[0]->text; *p >= '0' && *p <= '9'; p++)
		next = next * 10 + (uint64_t)(*p - '0');
	if (*p != '\0')
		return (lk_redis_corrupt(store, "the answer to a scan"));
	page = reply->element[1];
	for (i = 0; i < page->elements; i++) {
		if (page->element[i]->type != LK_REDIS_STRING)
			return (
			    lk_redis_corrupt(store, "the answer to a scan"));
	}
	*cursor = next;
	return (LK_OK);
}

enum lk_status
lk_redis_scan(struct lk_redis_store *store, const struct lk_redis_key *key,
    const char *pattern, const char *type, uint64_t *cursor,
    struct lk_deadline deadline, struct lk_redis_reply **page)
{
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_command command;
	enum lk_status status = LK_FAULT;
	char from[CURSOR_SIZE];

	*page = NULL;
	(void)snprintf(from, sizeof(from), "%" PRIu64, *cursor);
	lk_redis_command(&command, key != NULL ? "HSCAN" : "SCAN");
	if (key != NULL)
		lk_redis_arg_key(&command, key);
	lk_redis_arg_str(&command, from);
	if (pattern != NULL) {
		lk_redis_arg_str(&command, "MATCH");
		lk_redis_arg_str(&command, pattern);
	}
	lk_redis_arg_str(&command, "COUNT");
	lk_redis_arg_int(&command, LK_REDIS_PAGE);
	if (type != NULL) {
		lk_redis_arg_str(&command, "TYPE");
		lk_redis_arg_str(&command, type);
	}
	status = lk_redis_run(store, &command, 1, deadline, &reply);
	if (status == LK_OK)
		status = read_page(store, reply, cursor);
	if (status == LK_OK) {
		*page = reply->element[1];
		reply->element[1] = NULL;
	}
	lk_redis_reply_free(reply);
	return (status);
}

/* ---- All keys ---------------------------------------------------------- */

/* Where a walk is: how far in one master, and which, if there are several. */
struct cursor {
	uint64_t cursor;
	uint64_t print; /* of how the slots are shared out; 0: at the start */
	int32_t slot;   /* the master's first */
};

_Static_assert(sizeof(struct cursor) <= LK_CURSOR_MAX, "a place has room");

/* What has moved from one master to another might have been met by nobody. */
static enum lk_status
say_moved(const struct lk_redis_store *store)
{
	return (lk_fail(store->base.error, LK_E_STORE,
	    "slots of the cluster were moved meanwhile: begin again"));
}

/*
 * Where several masters share the slots, turn to the one that it is at.
 */
static enum lk_status
pin(struct lk_redis_store *store, struct cursor *at,
    struct lk_deadline deadline)
{
	struct lk_redis_topology *topology = store->link->watch->topology;
	struct lk_redis_master master;
	enum lk_status status = LK_OK;
	uint64_t print = 0;
	int first;

	if (!lk_redis_is_spread(store))
		return (LK_OK);
	status = topology->ops->find(topology, LK_REDIS_NO_SLOT, deadline,
	    &master, store->base.error);
	if (status != LK_OK)
		return (status);
	first = topology->ops->next(topology, LK_REDIS_NO_SLOT, &print);
	if (at->print == 0) {
		at->slot = first;
		at->print = print;
	}
	if (at->print != print)
		return (say_moved(store));
	store->pinned = true;
	store->slot = at->slot;
	return (LK_OK);
}

/*
 * Where several masters share the slots: go on to the next one once all of this
 * one is done; the part of ${place} becomes that of all of them.
 */
static enum lk_status
go_on_to_next(const struct lk_redis_store *store, struct cursor *at,
    struct lk_place *place)
{
	struct lk_redis_topology *topology = store->link->watch->topology;
	uint64_t print;
	const int next = topology->ops->next(topology, at->slot, &print);
	const int end = next == LK_REDIS_NO_SLOT ? LK_REDIS_SLOTS : next;

	if (print != at->print)
		return (say_moved(store));
	if (at->cursor == 0)
		place->part = 1;
	place->part = (at->slot + place->part * (end - at->slot)) /
	    LK_REDIS_SLOTS;
	if (at->cursor == 0)
		at->slot = next;
	place->done = at->slot == LK_REDIS_NO_SLOT;
	return (LK_OK);
}

/* The next page of keys. */
static enum lk_status
next_page(struct lk_redis_store *store, enum lk_redis_keys keys,
    struct lk_place *place, struct lk_deadline deadline,
    struct lk_redis_reply **page)
{
	const struct lk_redis_layout *layout = store->layout;
	const char *const types[] = { [LK_REDIS_KEYS_SESSIONS] = "string",
		[LK_REDIS_KEYS_USERS] = "string",
		[LK_REDIS_KEYS_INDEXES] = layout->keys->index_type,
		[LK_REDIS_KEYS_ALL] = NULL };
	struct lk_buf pattern = LK_BUF_INIT(PATTERN_MAX);
	const double before = place->part;
	enum lk_status status = LK_FAULT;
	struct cursor at;

	memcpy(&at, place->cursor, sizeof(at));
	status = pin(store, &at, deadline);
	if (status != LK_OK)
		return (status);
	layout->keys->pattern(store->base.settings, keys, &pattern);
	if (pattern.failed)
		status = lk_fail(store->base.error, LK_E_NOMEM,
		    "out of memory");
	else
		status = lk_redis_scan(store, NULL, pattern.data, types[keys],
		    &at.cursor, deadline, page);
	lk_buf_free(&pattern);
	if (status != LK_OK)
		return (status);
	place->part = part_of(at.cursor);
	place->done = at.cursor == 0;
	if (store->pinned)
		status = go_on_to_next(store, &at, place);
	/* In a cluster the cursors of Redis 8 and Valkey 8 begin with the slot,
	 * which grows the other way: of a master's share that tells nothing. */
	if (place->part < before)
		place->part = before;
	if (status != LK_OK) {
		lk_redis_free_replies(page, 1);
		return (status);
	}
	if (place->done)
		memset(&at, 0, sizeof(at));
	memcpy(place->cursor, &at, sizeof(at));
	return (LK_OK);
}

/*
 * Get the next page of keys, call ${take} for each ${most} of them, and move
 * ${place} on, to its `done` at the last page.
 */
static enum lk_status
scan_chunks(struct lk_store *base, enum lk_redis_keys keys,
    struct lk_place *place, size_t most, struct lk_deadline deadline,
    chunk_fn *take, void *arg)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_batch *batch = lk_redis_batch_new(store);
	struct lk_redis_reply *page = NULL;
	const int64_t began_ns = lk_monotonic_ns();
	enum lk_status status = LK_FAULT;
	size_t i, count;

	if (batch == NULL)
		return (LK_E_NOMEM);
	status = next_page(store, keys, place, deadline, &page);
	batch->busy_ns = lk_monotonic_ns() - began_ns;
	for (i = 0; status == LK_OK && i < page->elements; i += count) {
		count = page->elements - i;
		if (count > most)
			count = most;
		status = take(batch, &page->element[i], count, deadline, arg);
	}
	store->pinned = false;
	place->busy_ns += batch->busy_ns;
	lk_redis_reply_free(page);
	lk_redis_batch_free(batch);
	return (status);
}

/* Turn the end of the sessions into the beginning of the users. */
static void
scan_halves(struct lk_place *place)
{
	if (!place->done || place->users)
		return;
	place->users = true;
	place->done = false;
	place->part = 0;
}

/* ---- Walking: what keys hold, asked for in few writes ------------------ */

/* A walk under way. */
struct walk {
	bool users;
	lk_stored_fn *each;
	void *arg;
};

static bool
read_user(struct lk_redis_reply *const *replies, struct lk_stored *stored)
{
	const struct lk_redis_reply *value = replies[0];
	const struct lk_redis_reply *expiry = replies[1];

	if (value->type == LK_REDIS_NIL || expiry->type != LK_REDIS_INTEGER ||
	    expiry->integer == -2)
		return (false);
	if (value->type != LK_REDIS_STRING || expiry->integer <= 0)
		return (true);
	stored->record = value->text;
	stored->record_len = value->len;
	stored->expires_ms = expiry->integer;
	stored->kind = LK_STORED_USER;
	return (true);
}

/* Ask about some keys in one write and hand out what they hold. */
static enum lk_status
walk_chunk(struct lk_redis_batch *batch, struct lk_redis_reply *const *keys,
    size_t count, struct lk_deadline deadline, void *arg)
{
	const struct lk_redis_layout *layout = batch->store->layout;
	const struct walk *w = arg;
	size_t asked[LK_REDIS_CHUNK], total = 0, at = 0, i;
	enum lk_status status = LK_FAULT;
	struct lk_redis_command *command;
	struct lk_stored stored;
	bool met;

	for (i = 0; i < count; i++, total += asked[i - 1]) {
		command = &batch->commands[total];
		asked[i] = 2;
		if (!w->users) {
			asked[i] = layout->keys->ask(
			    batch->store->base.settings, keys[i],
			    &batch->items[i], command);
			continue;
		}
		lk_redis_command(&command[0], "GET");
		lk_redis_arg(&command[0], keys[i]->text, keys[i]->len);
		lk_redis_command(&command[1], "PEXPIRETIME");
		lk_redis_arg(&command[1], keys[i]->text, keys[i]->len);
	}
	if (total == 0)
		return (LK_OK);
	status = lk_redis_batch_run(batch, total, deadline);
	if (status != LK_OK)
		return (status);
	for (i = 0; i < count; at += asked[i++]) {
		if (asked[i] == 0)
			continue;
		memset(&stored, 0, sizeof(stored));
		met = w->users ? read_user(&batch->replies[at], &stored)
		               : layout->keys->read(keys[i], &batch->items[i],
		                     &batch->replies[at], &stored);
		/* One that is over is none, whatever became of its key's
		 * expiry. */
		if (met &&
		    (stored.kind == LK_STORED_UNREADABLE ||
		        stored.expires_ms >
		            lk_redis_clock_now_ms(
		                &batch->store->link->wire->clock)))
			w->each(w->arg, &stored);
		lk_stored_wipe(&stored);
	}
	lk_redis_free_replies(batch->replies, total);
	return (LK_OK);
}

enum lk_status
lk_redis_walk(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, lk_stored_fn *each, void *arg)
{
	struct walk w = { .users = place->users, .each = each, .arg = arg };
	enum lk_status status = LK_FAULT;

	status = scan_chunks(base,
	    w.users ? LK_REDIS_KEYS_USERS : LK_REDIS_KEYS_SESSIONS, place,
	    LK_REDIS_CHUNK, deadline, walk_chunk, &w);
	scan_halves(place);
	return (status);
}

/* ---- Sweeping ---------------------------------------------------------- */

/* A sweep and what it has found so far. */
struct sweep {
	struct lk_redis_steps steps;
	struct lk_redis_key prefix;
	uint64_t *swept;
};

/*
 * Sweep an index that one step was not enough for.  The names that a scan gives
 * may be no keys of ours: of any length.
 */
static enum lk_status
sweep_long(struct lk_redis_store *store, const struct lk_redis_reply *key,
    struct sweep *sweep)
{
	struct lk_redis_key index;
	enum lk_status status = LK_FAULT;
	uint64_t count;

	lk_redis_key(&index, key->text, NULL);
	sweep->steps.index = &index;
	status = lk_redis_steps_run(store, &sweep->steps, LK_REDIS_STEPS,
	    lk_deadline_in(LONG_PATIENCE_MS), &count);
	*sweep->swept += count;
	return (status);
}

static enum lk_status
sweep_chunk(struct lk_redis_batch *batch, struct lk_redis_reply *const *keys,
    size_t count, struct lk_deadline deadline, void *arg)
{
	struct sweep *sweep = arg;
	struct lk_redis_command *command;
	const struct lk_redis_reply *reply;
	enum lk_status status = LK_FAULT;
	size_t i;

	for (i = 0; i < count; i++) {
		command = &batch->commands[i];
		lk_redis_call_begin(command, sweep->steps.script,
		    i > 0 && !lk_redis_is_spread(batch->store), 1);
		lk_redis_arg(command, keys[i]->text, keys[i]->len);
		lk_redis_arg_key(command, &sweep->prefix);
		lk_redis_arg_str(command, "");
		lk_redis_arg_str(command, "");
		lk_redis_arg_str(command, sweep->steps.own);
	}
	status = lk_redis_batch_run(batch, count, deadline);
	if (status != LK_OK)
		return (status);
	for (i = 0; i < count && status == LK_OK; i++) {
		reply = batch->replies[i];
		if (lk_redis_count(reply) > 0)
			*sweep->swept += (uint64_t)lk_redis_count(reply);
		if (reply->type == LK_REDIS_ARRAY && reply->elements == 3 &&
		    reply->element[2]->len > 0)
			status = sweep_long(batch->store, keys[i], sweep);
	}
	lk_redis_free_replies(batch->replies, count);
	return (status);
}

/* Redis clears records and users away by itself; the indexes remain. */
enum lk_status
lk_redis_sweep(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, uint64_t *swept)
{
	const struct lk_redis_layout *layout = lk_redis_store_of(base)->layout;
	struct sweep sweep = { .swept = swept };

	sweep.steps.script = layout->sweep_script;
	sweep.steps.own = "-1";
	sweep.steps.yields = true;
	sweep.steps.prefix = &sweep.prefix;
	if (layout->keys->sweep_prefix != NULL)
		layout->keys->sweep_prefix(base->settings, &sweep.prefix);
	return (scan_chunks(base, LK_REDIS_KEYS_INDEXES, place, SWEEP_CHUNK,
	    deadline, sweep_chunk, &sweep));
}

/* ---- Counting ---------------------------------------------------------- */

static enum lk_status
count_chunk(struct lk_redis_batch *batch, struct lk_redis_reply *const *keys,
    size_t count, struct lk_deadline deadline, void *arg)
{
	const struct lk_redis_layout *layout = batch->store->layout;
	struct lk_store_stats *stats = arg;
	enum lk_stored_kind kinds[COUNT_CHUNK];
	size_t asked[COUNT_CHUNK], total = count, i;
	enum lk_status status = LK_FAULT;

	for (i = 0; i < count; i++) {
		lk_redis_command(&batch->commands[i], "MEMORY");
		lk_redis_arg_str(&batch->commands[i], "USAGE");
		lk_redis_arg(&batch->commands[i], keys[i]->text, keys[i]->len);
		asked[i] = layout->keys->kind(batch->store->base.settings,
		               keys[i], &batch->items[i],
		               &batch->commands[total], &kinds[i])
		    ? total++
		    : 0;
	}
	status = lk_redis_batch_run(batch, total, deadline);
	if (status != LK_OK)
		return (status);
	for (i = 0; i < count; i++) {
		if (batch->replies[i]->type != LK_REDIS_INTEGER)
			continue;
		stats->bytes += (uint64_t)batch->replies[i]->integer;
		if (asked[i] > 0 && batch->replies[asked[i]]->integer != 1)
			continue;
		stats->sessions += kinds[i] == LK_STORED_SESSION;
		stats->users += kinds[i] == LK_STORED_USER;
	}
	lk_redis_free_replies(batch->replies, total);
	return (LK_OK);
}

enum lk_status
lk_redis_stats(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, struct lk_store_stats *stats)
{
	enum lk_status status = LK_FAULT;

	status = scan_chunks(base,
	    place->users ? LK_REDIS_KEYS_USERS : LK_REDIS_KEYS_ALL, place,
	    COUNT_CHUNK, deadline, count_chunk, stats);
	if (lk_redis_store_of(base)->layout->keys->users_apart)
		scan_halves(place);
	return (status);
}
