/*
 * Walking through all sessions and users of a Redis: a page of keys, then
 * what they hold, asked for in few writes.
 */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "session/record.h"
#include "store/redis/layout/gosession.h"
#include "store/redis/layout/latchkey.h"
#include "store/redis/layout/scan.h"

/* Most commands that are asked about one key. */
#define QUESTIONS_MAX 3

/* A key that is asked about, and what its layout has to know of it. */
struct question {
	const struct lk_redis_reply *key;
	struct lk_token token; /* layout gosession */
	struct lk_token_key token_key;
	struct lk_redis_gosession_names names;
};

/* Chunks of one walk.  It is large, so it is allocated. */
struct walk {
	struct lk_redis_store *store;
	struct lk_place *place;
	bool users;
	lk_stored_fn *each;
	void *arg;
	struct question questions[LK_REDIS_CHUNK];
	struct lk_redis_command commands[LK_REDIS_CHUNK * QUESTIONS_MAX];
	struct lk_redis_reply *replies[LK_REDIS_CHUNK * QUESTIONS_MAX];
};

static bool
is_gosession(const struct walk *w)
{
	return (w->store->base.shape == LK_SHAPE_GOSESSION);
}

static void
ask(struct lk_redis_command *command, const char *name,
    const struct lk_redis_reply *key)
{
	lk_redis_command(command, name);
	lk_redis_arg(command, key->text, key->len);
}

/* Ask about a key; how many commands that takes, 0 if it is none of ours. */
static size_t
ask_about(const struct walk *w, struct question *q,
    struct lk_redis_command *commands)
{
	if (w->users || is_gosession(w)) {
		ask(&commands[0], "GET", q->key);
		ask(&commands[1], "PEXPIRETIME", q->key);
	}
	if (w->users)
		return (2);
	if (!is_gosession(w)) {
		ask(&commands[0], "GET", q->key);
		return (1);
	}
	if (!lk_redis_scanned_token(w->store, q->key, &q->token,
	        &q->token_key) ||
	    lk_redis_gosession_names(w->store, &q->token_key, &q->names) !=
	        LK_OK)
		return (0);
	lk_redis_command(&commands[2], "HEXISTS");
	lk_redis_arg_key(&commands[2], &q->names.index);
	lk_redis_arg(&commands[2], q->token.text, q->token.len);
	return (3);
}

static bool
is_nil(const struct lk_redis_reply *reply)
{
	return (reply->type == LK_REDIS_NIL);
}

/* A session of layout latchkey: its record must be what its key says. */
static bool
read_latchkey(const struct question *q, struct lk_redis_reply *const *replies,
    struct lk_stored *stored)
{
	struct lk_redis_latchkey_names names;
	struct lk_record record;
	uint8_t tag[LK_TAG_LEN];

	if (is_nil(replies[0]))
		return (false);
	if (replies[0]->type != LK_REDIS_STRING ||
	    lk_record_parse(replies[0]->text, replies[0]->len, &record) !=
	        LK_OK ||
	    lk_record_digest(&record, stored->digest) != LK_OK)
		return (true);
	lk_user_tag(record.user, tag);
	lk_redis_latchkey_names(tag, stored->digest, &names);
	if (names.record.len != q->key->len ||
	    memcmp(names.record.text, q->key->text, q->key->len) != 0)
		return (true);
	memcpy(stored->user, record.user, sizeof(stored->user));
	memcpy(stored->client, record.client, sizeof(stored->client));
	stored->issued_us = record.issued_us;
	stored->expires_ms = record.expires_ms;
	stored->kind = LK_STORED_SESSION;
	return (true);
}

/* A session of layout gosession lives if its user's hash knows it. */
static bool
read_gosession(const struct question *q, struct lk_redis_reply *const *replies,
    struct lk_stored *stored)
{
	const struct lk_redis_reply *value = replies[0];
	const struct lk_redis_reply *expiry = replies[1];
	const struct lk_redis_reply *listed = replies[2];

	if (is_nil(value) || expiry->type != LK_REDIS_INTEGER ||
	    expiry->integer == -2 || listed->type != LK_REDIS_INTEGER ||
	    listed->integer != 1)
		return (false);
	if (!lk_redis_reply_is(value, q->names.value.text) ||
	    expiry->integer <= 0 || q->token.len > LK_STORED_TOKEN_MAX)
		return (true);
	memcpy(stored->user, q->token_key.user, sizeof(stored->user));
	memcpy(stored->digest, q->token_key.digest, LK_DIGEST_LEN);
	memcpy(stored->token, q->token.text, q->token.len + 1);
	stored->expires_ms = expiry->integer;
	stored->kind = LK_STORED_SESSION;
	return (true);
}

static bool
read_user(struct lk_redis_reply *const *replies, struct lk_stored *stored)
{
	const struct lk_redis_reply *value = replies[0];
	const struct lk_redis_reply *expiry = replies[1];

	if (is_nil(value) || expiry->type != LK_REDIS_INTEGER ||
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

/* Hand out what a key holds, unless it has gone meanwhile. */
static void
read_answer(const struct walk *w, const struct question *q,
    struct lk_redis_reply *const *replies)
{
	struct lk_stored stored;
	bool met;

	memset(&stored, 0, sizeof(stored));
	if (w->users)
		met = read_user(replies, &stored);
	else if (is_gosession(w))
		met = read_gosession(q, replies, &stored);
	else
		met = read_latchkey(q, replies, &stored);
	if (met)
		w->each(w->arg, &stored);
	lk_stored_wipe(&stored);
}

/* Ask about some keys in one write and hand out what they hold. */
static enum lk_status
walk_chunk(struct walk *w, struct lk_redis_reply *const *keys, size_t count,
    struct lk_deadline deadline)
{
	size_t asked[LK_REDIS_CHUNK], total = 0, at = 0, i;
	enum lk_status status = LK_FAULT;
	int64_t began_ns;

	for (i = 0; i < count; i++) {
		w->questions[i].key = keys[i];
		asked[i] = ask_about(w, &w->questions[i], &w->commands[total]);
		total += asked[i];
	}
	if (total == 0)
		return (LK_OK);
	began_ns = lk_monotonic_ns();
	status = lk_redis_run(w->store, w->commands, total, deadline,
	    w->replies);
	w->place->busy_ns += lk_monotonic_ns() - began_ns;
	if (status != LK_OK)
		return (status);
	for (i = 0; i < count; i++) {
		if (asked[i] > 0)
			read_answer(w, &w->questions[i], &w->replies[at]);
		at += asked[i];
	}
	lk_redis_free_replies(w->replies, total);
	return (LK_OK);
}

enum lk_status
lk_redis_walk(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, lk_stored_fn *each, void *arg)
{
	struct lk_redis_reply *page = NULL;
	struct walk *w = calloc(1, sizeof(*w));
	enum lk_status status = LK_FAULT;
	size_t i, count;

	if (w == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	w->store = lk_redis_store_of(base);
	w->place = place;
	w->users = place->users;
	w->each = each;
	w->arg = arg;
	status = lk_redis_scan(w->store,
	    w->users ? LK_REDIS_KEYS_USERS : LK_REDIS_KEYS_SESSIONS, place,
	    deadline, &page);
	for (i = 0; status == LK_OK && i < page->elements; i += count) {
		count = page->elements - i;
		if (count > LK_REDIS_CHUNK)
			count = LK_REDIS_CHUNK;
		status = walk_chunk(w, &page->element[i], count, deadline);
	}
	lk_redis_scan_halves(place);
	lk_redis_reply_free(page);
	sodium_memzero(w, sizeof(*w));
	free(w);
	return (status);
}
