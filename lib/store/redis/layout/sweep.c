/* Clearing away what expired in a Redis, and counting what did not. */
#include "store/redis/layout/scan.h"
#include "store/redis/layout/steps.h"

/* How many indexes are swept in one write: each may take a while. */
#define SWEEP_CHUNK 8
/* How many keys are counted in one write, with up to two commands for each. */
#define COUNT_CHUNK (LK_REDIS_CHUNK / 2)
/* How long one index may take that is swept in many steps. */
#define LONG_PATIENCE_MS 600000

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
		lk_redis_call_begin(command, sweep->steps.script, i > 0, 1);
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
	layout->sweep_prefix(base->settings, &sweep.prefix);
	return (lk_redis_scan_chunks(base, LK_REDIS_KEYS_INDEXES, place,
	    SWEEP_CHUNK, deadline, sweep_chunk, &sweep));
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
		asked[i] = layout->kind(batch->store->base.settings, keys[i],
		               &batch->items[i], &batch->commands[total],
		               &kinds[i])
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

	status = lk_redis_scan_chunks(base,
	    place->users ? LK_REDIS_KEYS_USERS : LK_REDIS_KEYS_ALL, place,
	    COUNT_CHUNK, deadline, count_chunk, stats);
	if (lk_redis_store_of(base)->layout->users_apart)
		lk_redis_scan_halves(place);
	return (status);
}
