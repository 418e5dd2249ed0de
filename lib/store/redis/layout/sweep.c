/* Clearing away what expired in a Redis, and counting what did not. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "store/redis/layout/gosession.h"
#include "store/redis/layout/latchkey.h"
#include "store/redis/layout/steps.h"

#include "redis_sweep_scripts.h"

/* How many indexes are swept in one write: each may take a while. */
#define SWEEP_CHUNK 8
/* How many keys are counted in one write, with up to two commands for each. */
#define COUNT_CHUNK (LK_REDIS_CHUNK / 2)
/* How long one index may take that is swept in many steps. */
#define LONG_PATIENCE_MS 600000

/* A session of layout gosession, which a command is about. */
struct listed {
	struct lk_token token;
	struct lk_redis_gosession_names names;
};

/* A write of many commands.  It is large, so it is allocated. */
struct chunk {
	struct lk_redis_command commands[LK_REDIS_CHUNK];
	struct lk_redis_reply *replies[LK_REDIS_CHUNK];
	struct listed listed[COUNT_CHUNK];
};

/* Take one chunk of a page's keys. */
typedef enum lk_status chunk_fn(struct lk_redis_store *store,
    struct chunk *chunk, struct lk_redis_reply *const *keys, size_t count,
    struct lk_deadline deadline, void *result);

static enum lk_status
each_chunk(struct lk_redis_store *store, enum lk_redis_keys keys,
    struct lk_place *place, size_t most, struct lk_deadline deadline,
    chunk_fn *take, void *result)
{
	struct lk_redis_reply *page = NULL;
	struct chunk *chunk = calloc(1, sizeof(*chunk));
	enum lk_status status = LK_FAULT;
	int64_t began_ns;
	size_t i, count;

	if (chunk == NULL)
		return (
		    lk_fail(store->base.error, LK_E_NOMEM, "out of memory"));
	status = lk_redis_scan(store, keys, place, deadline, &page);
	for (i = 0; status == LK_OK && i < page->elements; i += count) {
		count = page->elements - i;
		if (count > most)
			count = most;
		began_ns = lk_monotonic_ns();
		status = take(store, chunk, &page->element[i], count, deadline,
		    result);
		place->busy_ns += lk_monotonic_ns() - began_ns;
	}
	lk_redis_reply_free(page);
	sodium_memzero(chunk, sizeof(*chunk));
	free(chunk);
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
sweep_chunk(struct lk_redis_store *store, struct chunk *chunk,
    struct lk_redis_reply *const *keys, size_t count,
    struct lk_deadline deadline, void *result)
{
	struct sweep *sweep = result;
	const struct lk_redis_reply *reply;
	enum lk_status status = LK_FAULT;
	size_t i;

	for (i = 0; i < count; i++) {
		/* The text goes with the first call; Redis then knows it. */
		lk_redis_command(&chunk->commands[i],
		    i == 0 ? "EVAL" : "EVALSHA");
		lk_redis_arg_str(&chunk->commands[i],
		    i == 0 ? sweep->steps.script->text
		           : sweep->steps.script->sha1);
		lk_redis_arg_int(&chunk->commands[i], 1);
		lk_redis_arg(&chunk->commands[i], keys[i]->text, keys[i]->len);
		lk_redis_arg_key(&chunk->commands[i], &sweep->prefix);
		lk_redis_arg_str(&chunk->commands[i], "");
		lk_redis_arg_str(&chunk->commands[i], "");
		lk_redis_arg_str(&chunk->commands[i], sweep->steps.own);
	}
	status = lk_redis_run(store, chunk->commands, count, deadline,
	    chunk->replies);
	if (status != LK_OK)
		return (status);
	for (i = 0; i < count && status == LK_OK; i++) {
		reply = chunk->replies[i];
		if (lk_redis_count(reply) > 0)
			*sweep->swept += (uint64_t)lk_redis_count(reply);
		if (reply->type == LK_REDIS_ARRAY && reply->elements == 3 &&
		    reply->element[2]->len > 0)
			status = sweep_long(store, keys[i], sweep);
	}
	lk_redis_free_replies(chunk->replies, count);
	return (status);
}

/* Redis clears records and users away by itself; the indexes remain. */
enum lk_status
lk_redis_sweep(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, uint64_t *swept)
{
	struct sweep sweep = { .swept = swept };

	sweep.steps.script = base->shape == LK_SHAPE_GOSESSION
	    ? lk_redis_gosession_trim
	    : &sweep_latchkey_script;
	sweep.steps.own = "-1";
	sweep.steps.yields = true;
	sweep.steps.prefix = &sweep.prefix;
	lk_redis_key(&sweep.prefix, base->settings->session.token_prefix, "_",
	    NULL);
	return (each_chunk(lk_redis_store_of(base), LK_REDIS_KEYS_INDEXES,
	    place, SWEEP_CHUNK, deadline, sweep_chunk, &sweep));
}

/* ---- Counting ---------------------------------------------------------- */

/*
 * Ask whether the index knows the session that a key of layout gosession
 * names, since one that it does not know is none; false if it names none.
 */
static bool
ask_listed(const struct lk_redis_store *store, const struct lk_redis_reply *key,
    struct listed *listed, struct lk_redis_command *command)
{
	struct lk_token_key token_key;

	if (!lk_redis_scanned_token(store, key, &listed->token, &token_key) ||
	    lk_redis_gosession_names(store, &token_key, &listed->names) !=
	        LK_OK)
		return (false);
	lk_redis_command(command, "HEXISTS");
	lk_redis_arg_key(command, &listed->names.index);
	lk_redis_arg(command, listed->token.text, listed->token.len);
	return (true);
}

/* What a key of layout latchkey is, by its name. */
static void
count_latchkey(const struct lk_redis_reply *key, struct lk_store_stats *stats)
{
	const size_t tag_end = sizeof(LK_REDIS_LATCHKEY_NAMESPACE) - 1 +
	    LK_TAG_TEXT_LEN;
	const char *part = key->len > tag_end ? key->text + tag_end : "";

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
	const bool gosession = store->base.shape == LK_SHAPE_GOSESSION;
	const struct count *c = result;
	size_t asked[COUNT_CHUNK], total = count, i;
	enum lk_status status = LK_FAULT;

	for (i = 0; i < count; i++) {
		lk_redis_command(&chunk->commands[i], "MEMORY");
		lk_redis_arg_str(&chunk->commands[i], "USAGE");
		lk_redis_arg(&chunk->commands[i], keys[i]->text, keys[i]->len);
		asked[i] = 0;
		if (gosession && !c->users &&
		    ask_listed(store, keys[i], &chunk->listed[i],
		        &chunk->commands[total]))
			asked[i] = total++;
	}
	status = lk_redis_run(store, chunk->commands, total, deadline,
	    chunk->replies);
	if (status != LK_OK)
		return (status);
	for (i = 0; i < count; i++) {
		if (chunk->replies[i]->type != LK_REDIS_INTEGER)
			continue;
		c->stats->bytes += (uint64_t)chunk->replies[i]->integer;
		if (!gosession)
			count_latchkey(keys[i], c->stats);
		else if (c->users)
			c->stats->users++;
		else if (asked[i] > 0 && chunk->replies[asked[i]]->integer == 1)
			c->stats->sessions++;
	}
	lk_redis_free_replies(chunk->replies, total);
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
	    COUNT_CHUNK, deadline, count_chunk, &c);
	/* In layout latchkey, the users were among all keys. */
	if (base->shape == LK_SHAPE_GOSESSION)
		lk_redis_scan_halves(place);
	return (status);
}
