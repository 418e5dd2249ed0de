/*
 * Walking through all sessions and users of a Redis: a page of keys, then
 * what they hold, asked for in few writes.
 */
#include <string.h>

#include "store/redis/layout/scan.h"

/* A walk under way. */
struct walk {
	bool users;
	lk_stored_fn *each;
	void *arg;
};

/* Ask about a user's cached record. */
static size_t
ask_user(const struct lk_redis_reply *key, struct lk_redis_command commands[2])
{
	lk_redis_command(&commands[0], "GET");
	lk_redis_arg(&commands[0], key->text, key->len);
	lk_redis_command(&commands[1], "PEXPIRETIME");
	lk_redis_arg(&commands[1], key->text, key->len);
	return (2);
}

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

/* Whether it is none any more, whatever became of its key's expiry. */
static bool
is_over(const struct lk_redis_store *store, const struct lk_stored *stored)
{
	return (stored->kind != LK_STORED_UNREADABLE &&
	    stored->expires_ms <=
	        lk_redis_clock_now_ms(&store->link->wire.clock));
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
	struct lk_stored stored;
	bool met;

	for (i = 0; i < count; i++) {
		asked[i] = w->users
		    ? ask_user(keys[i], &batch->commands[total])
		    : layout->ask(batch->store->base.settings, keys[i],
		          &batch->items[i], &batch->commands[total]);
		total += asked[i];
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
		               : layout->read(keys[i], &batch->items[i],
		                     &batch->replies[at], &stored);
		if (met && !is_over(batch->store, &stored))
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

	status = lk_redis_scan_chunks(base,
	    w.users ? LK_REDIS_KEYS_USERS : LK_REDIS_KEYS_SESSIONS, place,
	    LK_REDIS_CHUNK, deadline, walk_chunk, &w);
	lk_redis_scan_halves(place);
	return (status);
}
