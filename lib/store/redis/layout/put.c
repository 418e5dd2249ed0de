/*
 * Putting sessions and users into a Redis as another store had them: one
 * script for each, many in one write.
 */
#include "store/redis/layout/scan.h"

#include "redis_put_scripts.h"

/* The scripts' results are numbers of enum lk_put. */
_Static_assert(LK_PUT_NEW == 1 && LK_PUT_LATER == 2 && LK_PUT_KNOWN == 3 &&
        LK_PUT_EXPIRED == 4 && LK_PUT_CONFLICT == 7,
    "lua/*_put.lua and put_user.lua return these numbers");

/* A write under way, and where its results go. */
struct put {
	struct lk_redis_batch *batch;
	size_t count;
	enum lk_put *results[LK_REDIS_CHUNK];
	bool user_sent, session_sent; /* the script's text */
	bool apart;                   /* each may go to another master */
};

static enum lk_put
put_user(const struct lk_redis_store *store, const struct lk_stored *stored,
    struct lk_redis_item *item, struct lk_redis_command *command)
{
	if (store->layout->keys->user_key(store->base.settings, stored->user,
	        &item->names.user, NULL) != LK_OK)
		return (LK_PUT_UNFIT_USER);
	lk_redis_arg_key(command, &item->names.user);
	lk_redis_arg(command, stored->record, stored->record_len);
	lk_redis_arg_int(command, stored->expires_ms);
	return (LK_PUT_NOT);
}

/* Add one to the write, unless this layout cannot have it. */
static void
add(struct put *put, const struct lk_stored *stored, enum lk_put *result)
{
	struct lk_redis_item *item = &put->batch->items[put->count];
	struct lk_redis_command *command = &put->batch->commands[put->count];
	const struct lk_redis_store *store = put->batch->store;
	const bool user = stored->kind == LK_STORED_USER;
	bool *sent = user ? &put->user_sent : &put->session_sent;

	if (user) {
		lk_redis_call_begin(command, &put_user_script, *sent, 1);
		*result = put_user(store, stored, item, command);
	} else {
		lk_redis_call_begin(command, store->layout->put_script, *sent,
		    2);
		*result = store->layout->keys->put(store->base.settings, stored,
		    item, command);
	}
	if (*result != LK_PUT_NOT)
		return;
	*sent = !put->apart;
	put->results[put->count++] = result;
}

/* Send what was added, and note what became of it. */
static enum lk_status
send_added(struct put *put, struct lk_deadline deadline)
{
	struct lk_redis_batch *batch = put->batch;
	const struct lk_redis_reply *reply;
	enum lk_status status = LK_OK;
	size_t i;

	if (put->count > 0)
		status = lk_redis_batch_run(batch, put->count, deadline);
	if (status != LK_OK)
		return (status);
	for (i = 0; i < put->count; i++) {
		reply = batch->replies[i];
		if (reply->type != LK_REDIS_INTEGER ||
		    reply->integer <= LK_PUT_NOT || reply->integer >= LK_PUT_N)
			status = lk_redis_corrupt(batch->store, "a result");
		else
			*put->results[i] = (enum lk_put)reply->integer;
	}
	lk_redis_free_replies(batch->replies, put->count);
	put->count = 0;
	put->user_sent = put->session_sent = false;
	return (status);
}

enum lk_status
lk_redis_put(struct lk_store *base, const struct lk_stored *stored,
    size_t count, struct lk_deadline deadline, enum lk_put *results)
{
	struct put put = { .batch = lk_redis_batch_new(lk_redis_store_of(base)),
		.apart = lk_redis_is_spread(lk_redis_store_of(base)) };
	enum lk_status status = LK_OK;
	size_t i;

	if (put.batch == NULL)
		return (LK_E_NOMEM);
	for (i = 0; i < count && status == LK_OK; i++) {
		add(&put, &stored[i], &results[i]);
		if (put.count == LK_REDIS_CHUNK)
			status = send_added(&put, deadline);
	}
	if (status == LK_OK)
		status = send_added(&put, deadline);
	lk_redis_batch_free(put.batch);
	return (status);
}
