#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "store/redis/layout/latchkey.h"
#include "store/redis/layout/scan.h"

/* Longest pattern: each byte of a prefix with a backslash. */
#define PATTERN_MAX (2 * LK_REDIS_KEY_MAX)

/* Append ${text} so that it stands for itself in a pattern. */
static void
add_literal(struct lk_buf *pattern, const char *text)
{
	for (; *text != '\0'; text++) {
		if (strchr("*?[]\\^", *text) != NULL)
			lk_buf_str(pattern, "\\");
		lk_buf_add(pattern, text, 1);
	}
}

static void
add_pattern(const struct lk_redis_store *store, enum lk_redis_keys keys,
    struct lk_buf *pattern)
{
	static const char *const endings[] = {
		[LK_REDIS_KEYS_SESSIONS] = "*" LK_REDIS_LATCHKEY_SESSION "*",
		[LK_REDIS_KEYS_USERS] = "*" LK_REDIS_LATCHKEY_USER,
		[LK_REDIS_KEYS_INDEXES] = "*" LK_REDIS_LATCHKEY_INDEX,
		[LK_REDIS_KEYS_ALL] = "*"
	};
	const struct lk_settings *settings = store->base.settings;

	if (store->base.shape != LK_SHAPE_GOSESSION) {
		lk_buf_str(pattern, LK_REDIS_LATCHKEY_NAMESPACE);
		lk_buf_str(pattern, endings[keys]);
		return;
	}
	add_literal(pattern,
	    keys == LK_REDIS_KEYS_USERS ? settings->session.user_prefix
	                                : settings->session.token_prefix);
	lk_buf_str(pattern, "_*");
}

/* The type that such keys have, or NULL. */
static const char *
type_of(const struct lk_redis_store *store, enum lk_redis_keys keys)
{
	if (keys == LK_REDIS_KEYS_ALL)
		return (NULL);
	if (keys != LK_REDIS_KEYS_INDEXES)
		return ("string");
	return (store->base.shape == LK_SHAPE_GOSESSION ? "hash" : "zset");
}

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
	const char *p;
	size_t i;

	*cursor = 0;
	if (reply->type != LK_REDIS_ARRAY || reply->elements != 2 ||
	    reply->element[0]->type != LK_REDIS_STRING ||
	    reply->element[0]->len == 0 ||
	    reply->element[0]->len >= LK_REDIS_CURSOR_SIZE ||
	    reply->element[1]->type != LK_REDIS_ARRAY)
		return (lk_redis_corrupt(store, "the answer to a scan"));
	for (p = reply->element[0]->text; *p >= '0' && *p <= '9'; p++)
		*cursor = *cursor * 10 + (uint64_t)(*p - '0');
	if (*p != '\0')
		return (lk_redis_corrupt(store, "the answer to a scan"));
	page = reply->element[1];
	for (i = 0; i < page->elements; i++) {
		if (page->element[i]->type != LK_REDIS_STRING)
			return (
			    lk_redis_corrupt(store, "the answer to a scan"));
	}
	return (LK_OK);
}

void
lk_redis_cursor(const struct lk_place *place, char text[LK_REDIS_CURSOR_SIZE])
{
	(void)snprintf(text, LK_REDIS_CURSOR_SIZE, "%" PRIu64, place->scanned);
}

enum lk_status
lk_redis_scan_run(struct lk_redis_store *store,
    const struct lk_redis_command *command, struct lk_place *place,
    struct lk_deadline deadline, struct lk_redis_reply **page)
{
	struct lk_redis_reply *reply = NULL;
	const int64_t began_ns = lk_monotonic_ns();
	enum lk_status status = LK_FAULT;
	uint64_t cursor;

	*page = NULL;
	status = lk_redis_run(store, command, 1, deadline, &reply);
	place->busy_ns += lk_monotonic_ns() - began_ns;
	if (status == LK_OK)
		status = read_page(store, reply, &cursor);
	if (status == LK_OK) {
		place->scanned = cursor;
		place->done = cursor == 0;
		place->part = part_of(cursor);
		*page = reply->element[1];
		reply->element[1] = NULL;
	}
	lk_redis_reply_free(reply);
	return (status);
}

enum lk_status
lk_redis_scan(struct lk_redis_store *store, enum lk_redis_keys keys,
    struct lk_place *place, struct lk_deadline deadline,
    struct lk_redis_reply **page)
{
	struct lk_buf pattern = LK_BUF_INIT(PATTERN_MAX);
	const char *type = type_of(store, keys);
	char cursor[LK_REDIS_CURSOR_SIZE];
	struct lk_redis_command command;
	enum lk_status status = LK_FAULT;

	*page = NULL;
	add_pattern(store, keys, &pattern);
	lk_redis_cursor(place, cursor);
	lk_redis_command(&command, "SCAN");
	lk_redis_arg_str(&command, cursor);
	lk_redis_arg_str(&command, "MATCH");
	lk_redis_arg_str(&command, pattern.failed ? "" : pattern.data);
	lk_redis_arg_str(&command, "COUNT");
	lk_redis_arg_int(&command, LK_REDIS_PAGE);
	if (type != NULL) {
		lk_redis_arg_str(&command, "TYPE");
		lk_redis_arg_str(&command, type);
	}
	status = pattern.failed
	    ? lk_fail(store->base.error, LK_E_NOMEM, "out of memory")
	    : lk_redis_scan_run(store, &command, place, deadline, page);
	lk_buf_free(&pattern);
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

bool
lk_redis_scanned_token(const struct lk_redis_store *store,
    const struct lk_redis_reply *key, struct lk_token *token,
    struct lk_token_key *token_key)
{
	const char *prefix = store->base.settings->session.token_prefix;
	const size_t len = strlen(prefix) + 1;

	lk_token_wipe(token);
	return (key->len > len && key->len <= LK_REDIS_KEY_MAX &&
	    memcmp(key->text, prefix, len - 1) == 0 &&
	    key->text[len - 1] == '_' &&
	    lk_token_set(token, key->text + len, key->len - len) == LK_OK &&
	    lk_token_parse(token, token_key) == LK_OK &&
	    token_key->shape == LK_SHAPE_GOSESSION);
}
