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

/* The next page of keys. */
static enum lk_status
next_page(struct lk_redis_store *store, enum lk_redis_keys keys,
    struct lk_place *place, struct lk_deadline deadline,
    struct lk_redis_reply **page)
{
	const struct lk_redis_layout *layout = store->layout;
	const char *const types[] = { [LK_REDIS_KEYS_SESSIONS] = "string",
		[LK_REDIS_KEYS_USERS] = "string",
		[LK_REDIS_KEYS_INDEXES] = layout->index_type,
		[LK_REDIS_KEYS_ALL] = NULL };
	struct lk_buf pattern = LK_BUF_INIT(PATTERN_MAX);
	enum lk_status status = LK_FAULT;
	uint64_t cursor;

	memcpy(&cursor, place->cursor, sizeof(cursor));
	layout->pattern(store->base.settings, keys, &pattern);
	if (pattern.failed)
		status = lk_fail(store->base.error, LK_E_NOMEM,
		    "out of memory");
	else
		status = lk_redis_scan(store, NULL, pattern.data, types[keys],
		    &cursor, deadline, page);
	lk_buf_free(&pattern);
	if (status != LK_OK)
		return (status);
	memcpy(place->cursor, &cursor, sizeof(cursor));
	place->done = cursor == 0;
	place->part = part_of(cursor);
	return (LK_OK);
}

enum lk_status
lk_redis_scan_chunks(struct lk_store *base, enum lk_redis_keys keys,
    struct lk_place *place, size_t most, struct lk_deadline deadline,
    lk_redis_chunk_fn *take, void *arg)
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
	place->busy_ns += batch->busy_ns;
	lk_redis_reply_free(page);
	lk_redis_batch_free(batch);
	return (status);
}

void
lk_redis_scan_halves(struct lk_place *place)
{
	if (!place->done || place->users)
		return;
	place->users = true;
	place->done = false;
	place->part = 0;
}
