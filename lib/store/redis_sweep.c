/* Clearing away what expired in a Redis, and counting what did not. */
#include <stdlib.h>
#include <string.h>

#include "redis_latchkey.h"
#include "redis_scan.h"

#include "redis_sweep_scripts.h"

/* A write of many commands.  It is large, so it is allocated. */
struct chunk {
	struct lk_redis_command commands[LK_REDIS_CHUNK];
	struct lk_redis_reply *replies[LK_REDIS_CHUNK];
};

/* Take one chunk of a page's keys. */
typedef enum lk_status chunk_fn(struct lk_redis_store *store,
    struct chunk *chunk, struct lk_redis_reply *const *keys, size_t count,
    struct lk_deadline deadline, void *result);

static enum lk_status
each_chunk(struct lk_redis_store *store, enum lk_redis_keys keys,
    struct lk_place *place, struct lk_deadline deadline, chunk_fn *take,
    void *result)
{
	struct lk_redis_reply *page = NULL;
	struct chunk *chunk = calloc(1, sizeof(*chunk));
	enum lk_status status = LK_FAULT;
	size_t i, count;

	if (chunk == NULL)
		return (
		    lk_fail(store->base.error, LK_E_NOMEM, "out of memory"));
	status = lk_redis_scan(store, keys, place, deadline, &page);
	for (i = 0; status == LK_OK && i < page->elements; i += count) {
		count = page->elements - i;
		if (count > LK_REDIS_CHUNK)
			count = LK_REDIS_CHUNK;
		status = take(store, chunk, &page->element[i], count, deadline,
		    result);
	}
	lk_redis_reply_free(page);
	free(chunk);
	return (status);
}

/* ---- Sweeping ---------------------------------------------------------- */

static enum lk_status
sweep_chunk(struct lk_redis_store *store, struct chunk *chunk,
    struct lk_redis_reply *const *keys, size_t count,
    struct lk_deadline deadline, void *result)
{
	const bool gosession = store->base.shape == LK_SHAPE_GOSESSION;
	const struct lk_redis_script *script = gosession
	    ? &sweep_gosession_script
	    : &sweep_latchkey_script;
	struct lk_redis_key prefix;
	enum lk_status status = LK_FAULT;
	uint64_t *swept = result;
	size_t i;

	lk_redis_key(&prefix, store->base.settings->session.token_prefix, "_",
	    NULL);
	for (i = 0; i < count; i++) {
		/* The text goes with the first call; Redis then knows it. */
		lk_redis_command(&chunk->commands[i],
		    i == 0 ? "EVAL" : "EVALSHA");
		lk_redis_arg_str(&chunk->commands[i],
		    i == 0 ? script->text : script->sha1);
		lk_redis_arg_int(&chunk->commands[i], 1);
		lk_redis_arg(&chunk->commands[i], keys[i]->text, keys[i]->len);
		if (gosession)
			lk_redis_arg_key(&chunk->commands[i], &prefix);
	}
	status = lk_redis_run(store, chunk->commands, count, deadline,
	    chunk->replies);
	if (status != LK_OK)
		return (status);
	for (i = 0; i < count; i++) {
		if (chunk->replies[i]->type == LK_REDIS_INTEGER)
			*swept += (uint64_t)chunk->replies[i]->integer;
	}
	lk_redis_free_replies(chunk->replies, count);
	return (LK_OK);
}

/* Redis clears records and users away by itself; the indexes remain. */
enum lk_status
lk_redis_sweep(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, uint64_t *swept)
{
	return (each_chunk(lk_redis_store_of(base), LK_REDIS_KEYS_INDEXES,
	    place, deadline, sweep_chunk, swept));
}

/* ---- Counting ---------------------------------------------------------- */

/* What a key of the layout is, by its name. */
static void
count_key(const struct lk_redis_store *store, const struct lk_redis_reply *key,
    bool users, struct lk_store_stats *stats)
{
	const size_t tag_end = sizeof(LK_REDIS_LATCHKEY_NAMESPACE) - 1 +
	    LK_TAG_TEXT_LEN;
	const char *part;
	struct lk_token_key token_key;
	struct lk_token token;

	if (store->base.shape == LK_SHAPE_GOSESSION) {
		if (users)
			stats->users++;
		else if (lk_redis_scanned_token(store, key, &token, &token_key))
			stats->sessions++;
		lk_token_wipe(&token);
		return;
	}
	part = key->len > tag_end ? key->text + tag_end : "";
	if (strncmp(part, LK_REDIS_LATCHKEY_SESSION,
	        strlen(LK_REDIS_LATCHKEY_SESSION)) == 0)
		stats->sessions++;
	else if (strcmp(part, LK_REDIS_LATCHKEY_USER) == 0)
		stats->users++;
}

struct count {
	struct lk_store_stats *stats;
	bool users;
};

static enum lk_status
count_chunk(struct lk_redis_store *store, struct chunk *chunk,
    struct lk_redis_reply *const *keys, size_t count,
    struct lk_deadline deadline, void *result)
{
	const struct count *c = result;
	enum lk_status status = LK_FAULT;
	size_t i;

	for (i = 0; i < count; i++) {
		lk_redis_command(&chunk->commands[i], "MEMORY");
		lk_redis_arg_str(&chunk->commands[i], "USAGE");
		lk_redis_arg(&chunk->commands[i], keys[i]->text, keys[i]->len);
	}
	status = lk_redis_run(store, chunk->commands, count, deadline,
	    chunk->replies);
	if (status != LK_OK)
		return (status);
	for (i = 0; i < count; i++) {
		if (chunk->replies[i]->type != LK_REDIS_INTEGER)
			continue;
		c->stats->bytes += (uint64_t)chunk->replies[i]->integer;
		count_key(store, keys[i], c->users, c->stats);
	}
	lk_redis_free_replies(chunk->replies, count);
	return (LK_OK);
}

enum lk_status
lk_redis_stats(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, struct lk_store_stats *stats)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct count c = { stats, place->users };
	enum lk_status status = LK_FAULT;

	status = each_chunk(store,
	    place->users ? LK_REDIS_KEYS_USERS : LK_REDIS_KEYS_ALL, place,
	    deadline, count_chunk, &c);
	/* In layout latchkey, the users were among all keys. */
	if (base->shape == LK_SHAPE_GOSESSION)
		lk_redis_scan_halves(place);
	return (status);
}
