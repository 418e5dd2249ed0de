/*
 * What both layouts keep beside their sessions: where one came from and when it
 * ends for good, why one ended, and a user's history.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/base64url.h"
#include "session/record.h"
#include "store/redis/layout/beside.h"
#include "store/redis/layout/scan.h"

#include "redis_history_scripts.h"

/* Sorts of entries that are asked for in one write. */
#define SORTS_AT_ONCE 16
/* Most sorts, and entries of one, that are looked at. */
#define SORTS_MAX 4096
#define ENTRIES_MAX 10000
/* Most words in front of what is known of a live session. */
#define BEFORE_MAX 2
/* Words of an entry, of which the last may hold blanks. */
#define WORDS_MAX 7
#define US_OF_SECOND 1000000

/* ---- Words ------------------------------------------------------------- */

struct word {
	const char *text;
	size_t len;
};

/* Split a reply's text at blanks: exactly ${count} words, the last of which may
 * be empty and have blanks in it. */
static bool
split(const struct lk_redis_reply *reply, struct word words[], size_t count)
{
	const char *p, *end, *blank;
	size_t i;

	if (reply->type != LK_REDIS_STRING ||
	    memchr(reply->text, '\0', reply->len) != NULL)
		return (false);
	p = reply->text;
	end = p + reply->len;
	for (i = 0; i + 1 < count; i++) {
		blank = memchr(p, ' ', (size_t)(end - p));
		if (blank == NULL || blank == p)
			return (false);
		words[i] = (struct word){ p, (size_t)(blank - p) };
		p = blank + 1;
	}
	words[i] = (struct word){ p, (size_t)(end - p) };
	return (true);
}

static bool
is(const struct word *word, const char *text)
{
	return (strlen(text) == word->len &&
	    memcmp(word->text, text, word->len) == 0);
}

static bool
read_number(const struct word *word, int64_t *number)
{
	size_t i;

	*number = 0;
	for (i = 0; i < word->len; i++) {
		if (word->text[i] < '0' || word->text[i] > '9')
			return (false);
		*number = *number * 10 + (word->text[i] - '0');
	}
	return (word->len > 0 && word->len <= LK_RECORD_DIGITS_MAX);
}

/* Copy a word, of which `-` is none; false if it is too long. */
static bool
read_word(const struct word *word, char *to, size_t max)
{
	const size_t len = is(word, "-") ? 0 : word->len;

	if (len > max)
		return (false);
	memcpy(to, word->text, len);
	to[len] = '\0';
	return (true);
}

/* ---- Of a live session ------------------------------------------------- */

void
lk_redis_named(const uint8_t *digest, char text[LK_REDIS_NAMED_MAX + 1])
{
	text[0] = '\0';
	if (digest == NULL)
		return;
	lk_base64url(digest, LK_HANDLE_LEN, text);
	text[LK_HANDLE_TEXT_LEN] = ' ';
	lk_base64url(digest, LK_DIGEST_LEN, text + LK_HANDLE_TEXT_LEN + 1);
}

void
lk_redis_how(const struct lk_settings *settings, const struct lk_origin *origin,
    char how[LK_REDIS_HOW_MAX + 1])
{
	(void)snprintf(how, LK_REDIS_HOW_MAX + 1,
	    "%" PRId64 " %" PRId64 " %" PRId64 " %s %s %s",
	    (int64_t)settings->session.history.keep,
	    (int64_t)settings->session.history.ttl * 1000,
	    (int64_t)settings->session.reasons * 1000,
	    origin->peer[0] != '\0' ? origin->peer : "-",
	    origin->actor[0] != '\0' ? origin->actor : "-", origin->agent);
}

void
lk_redis_stored_how(const struct lk_settings *settings,
    const struct lk_stored *stored, char how[LK_REDIS_HOW_MAX + 1])
{
	struct lk_origin origin = { .actor = "" };

	memcpy(origin.peer, stored->peer, sizeof(origin.peer));
	memcpy(origin.agent, stored->agent, sizeof(origin.agent));
	lk_redis_how(settings, &origin, how);
}

void
lk_redis_arg_ends(struct lk_redis_command *command, int64_t ends_ms)
{
	if (ends_ms == 0 || ends_ms == LK_STORED_NEVER)
		lk_redis_arg_str(command, ends_ms == 0 ? "-" : "never");
	else
		lk_redis_arg_int(command, ends_ms);
}

bool
lk_redis_beside_read(const struct lk_redis_reply *reply, size_t before,
    struct lk_redis_beside *beside)
{
	struct word all[BEFORE_MAX + 5], *words = all + before;

	memset(beside, 0, sizeof(*beside));
	if (reply->type == LK_REDIS_NIL)
		return (true);
	if (!split(reply, all, before + 5))
		return (false);
	if (is(&words[1], "never"))
		beside->ends_ms = LK_STORED_NEVER;
	else if (!is(&words[1], "-") &&
	    !read_number(&words[1], &beside->ends_ms))
		return (false);
	if (!is(&words[2], "-") && !read_number(&words[2], &beside->renewed_ms))
		return (false);
	return (read_word(&words[3], beside->peer, LK_PEER_MAX) &&
	    read_word(&words[4], beside->agent, LK_AGENT_MAX));
}

void
lk_redis_beside_fill_in(const struct lk_redis_beside *beside,
    struct lk_session *session)
{
	memcpy(session->peer, beside->peer, sizeof(session->peer));
	memcpy(session->agent, beside->agent, sizeof(session->agent));
	session->renewed_at = beside->renewed_ms / 1000;
	session->ends_by = beside->ends_ms == LK_STORED_NEVER
	    ? 0
	    : (beside->ends_ms + 999) / 1000;
}

/* ---- Of one that has ended --------------------------------------------- */

const char *
lk_redis_ended_read(const struct lk_redis_reply *reply, const char *digest,
    size_t len, enum lk_reason *reason, int64_t *ms)
{
	struct word words[4];

	*reason = LK_REASON_NONE;
	if (reply->type == LK_REDIS_NIL)
		return (NULL);
	if (!split(reply, words, 4) || !is(&words[0], "1") ||
	    !read_number(&words[1], ms) || words[3].len < len ||
	    (*reason = lk_reason_of(words[2].text, words[2].len)) ==
	        LK_REASON_NONE)
		return ("why a session ended");
	if (sodium_memcmp(words[3].text, digest, len) != 0) {
		*reason = LK_REASON_NONE;
		return ("a session's digest");
	}
	return (NULL);
}

enum lk_status
lk_redis_ended(struct lk_store *base_store, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_entry *entry)
{
	struct lk_redis_store *store = lk_redis_store_of(base_store);
	struct lk_redis_command command;
	struct lk_redis_reply *reply = NULL;
	char handle[LK_HANDLE_TEXT_LEN + 1];
	struct lk_redis_key base, key;
	const char *wrong = NULL;
	enum lk_status status = LK_FAULT;
	int64_t ms = 0;

	memset(entry, 0, sizeof(*entry));
	if ((status = store->layout->keys->beside(base_store->settings, ref,
	         &base, base_store->error)) != LK_OK)
		return (status);
	lk_base64url(ref->handle, LK_HANDLE_LEN, handle);
	lk_redis_key(&key, base.text, LK_REDIS_ENDED, handle, NULL);
	lk_redis_command(&command, "GET");
	lk_redis_arg_key(&command, &key);
	status = lk_redis_run(store, &command, 1, deadline, &reply);
	if (status != LK_OK)
		return (status);
	/* A handle is the beginning of a digest, but for its last character. */
	wrong = lk_redis_ended_read(reply, handle, LK_HANDLE_TEXT_LEN - 1,
	    &entry->reason, &ms);
	lk_redis_reply_free(reply);
	if (wrong != NULL)
		return (lk_redis_corrupt(store, wrong));
	entry->event = LK_EVENT_ENDED;
	entry->time = ms / 1000;
	return (entry->reason == LK_REASON_NONE ? LK_UNKNOWN : LK_OK);
}

/* ---- History ----------------------------------------------------------- */

struct dated {
	int64_t us;
	struct lk_entry entry;
};

/* A history that is being read. */
struct reading {
	struct lk_redis_store *store;
	const struct lk_session_ref *ref;
	struct lk_redis_key key;
	char user[LK_USER_ID_MAX + 1];
	int64_t since_us;
	struct dated *all;
	size_t n, room;
};

/* Name the hash of a user's history. */
static enum lk_status
name_history(struct lk_redis_store *store, const struct lk_session_ref *ref,
    struct lk_redis_key *key)
{
	struct lk_redis_key base;
	const enum lk_status status = store->layout->keys->beside(
	    store->base.settings, ref, &base, store->base.error);

	if (status == LK_OK)
		lk_redis_key(key, base.text, LK_REDIS_HISTORY, NULL);
	return (status);
}

/* What the name of a sort says: event, reason, client. */
static bool
read_sort(const struct lk_redis_reply *sort, struct lk_entry *entry)
{
	struct word words[3];

	if (!split(sort, words, 3) ||
	    !read_word(&words[2], entry->client, LK_CLIENT_MAX))
		return (false);
	entry->event = is(&words[0], "issued")
	    ? LK_EVENT_ISSUED
	    : LK_EVENT_ENDED;
	entry->reason = lk_reason_of(words[1].text, words[1].len);
	return ((is(&words[0], "issued") && is(&words[1], "-")) ||
	    (is(&words[0], "ended") && entry->reason != LK_REASON_NONE));
}

static bool
read_entry(const struct reading *reading, const struct lk_redis_reply *text,
    struct dated *dated)
{
	struct lk_entry *entry = &dated->entry;
	uint8_t handle[LK_HANDLE_LEN];
	struct word words[WORDS_MAX];
	int64_t first, count;
	size_t len;

	if (!split(text, words, WORDS_MAX) || !read_number(&words[0], &first) ||
	    !read_number(&words[1], &dated->us) ||
	    !read_number(&words[2], &count) ||
	    !read_word(&words[4], entry->peer, LK_PEER_MAX) ||
	    !read_word(&words[5], entry->actor, LK_ACTOR_MAX) ||
	    !read_word(&words[6], entry->agent, LK_AGENT_MAX))
		return (false);
	if (!is(&words[3], "-")) {
		if (lk_base64url_decode(words[3].text, words[3].len, handle,
		        LK_HANDLE_LEN, &len) != LK_OK ||
		    len != LK_HANDLE_LEN)
			return (false);
		lk_session_id(handle, reading->ref->locator,
		    reading->ref->locator_len, entry->id);
	}
	memcpy(entry->user, reading->user, sizeof(entry->user));
	entry->time = dated->us / US_OF_SECOND;
	entry->count = (uint64_t)count;
	return (true);
}

/* Take the entries of a sort. */
static enum lk_status
take_sort(struct reading *reading, const struct lk_redis_reply *sort,
    const struct lk_redis_reply *entries)
{
	struct lk_entry of_sort = { .time = 0 };
	struct dated *more;
	size_t i;

	if (!read_sort(sort, &of_sort) || entries->type != LK_REDIS_ARRAY ||
	    entries->elements > ENTRIES_MAX)
		return (lk_redis_corrupt(reading->store, "a history"));
	if (reading->n + entries->elements > reading->room) {
		reading->room = 2 * reading->room + entries->elements;
		more = realloc(reading->all,
		    reading->room * sizeof(reading->all[0]));
		if (more == NULL)
			return (lk_fail(reading->store->base.error, LK_E_NOMEM,
			    "out of memory"));
		reading->all = more;
	}
	for (i = 0; i < entries->elements; i++) {
		reading->all[reading->n].entry = of_sort;
		if (!read_entry(reading, entries->element[i],
		        &reading->all[reading->n]))
			return (lk_redis_corrupt(reading->store, "a history"));
		if (reading->all[reading->n].us > reading->since_us)
			reading->n++;
	}
	return (LK_OK);
}

/* Ask for some sorts, whose names are every second of ${fields}. */
static enum lk_status
read_some(struct reading *reading, struct lk_redis_reply *const *fields,
    size_t count, struct lk_deadline deadline)
{
	struct lk_redis_command commands[SORTS_AT_ONCE];
	struct lk_redis_reply *replies[SORTS_AT_ONCE] = { NULL };
	struct lk_redis_key keys[SORTS_AT_ONCE];
	enum lk_status status = LK_OK;
	size_t i, n = 0;
	const struct lk_redis_reply *sorts[SORTS_AT_ONCE];

	for (i = 0; i < count; i++) {
		if (lk_redis_reply_is(fields[2 * i], "-"))
			continue;
		sorts[n] = fields[2 * i];
		lk_redis_key(&keys[n], reading->key.text, ":", sorts[n]->text,
		    NULL);
		lk_redis_command(&commands[n], "LRANGE");
		lk_redis_arg_key(&commands[n], &keys[n]);
		lk_redis_arg_int(&commands[n], 0);
		lk_redis_arg_int(&commands[n], -1);
		n++;
	}
	if (n > 0)
		status = lk_redis_run(reading->store, commands, n, deadline,
		    replies);
	for (i = 0; i < n && status == LK_OK; i++)
		status = take_sort(reading, sorts[i], replies[i]);
	lk_redis_free_replies(replies, n);
	return (status);
}

/* The newest first; of one step, what began for what ended. */
static int
compare(const void *a, const void *b)
{
	const struct dated *one = a, *other = b;

	if (one->us != other->us)
		return (one->us < other->us ? 1 : -1);
	return ((one->entry.event == LK_EVENT_ENDED) -
	    (other->entry.event == LK_EVENT_ENDED));
}

/* Read all sorts, of which ${all} are the names, each with nothing behind it
 * but the user behind `-`. */
static enum lk_status
read_all(struct reading *reading, const struct lk_redis_reply *all,
    struct lk_deadline deadline)
{
	enum lk_status status = LK_OK;
	size_t i, n = all->elements / 2;

	if (all->type != LK_REDIS_ARRAY || all->elements % 2 != 0 ||
	    n > SORTS_MAX)
		return (lk_redis_corrupt(reading->store, "a history"));
	for (i = 0; i < all->elements; i++) {
		if (all->element[i]->type != LK_REDIS_STRING)
			return (lk_redis_corrupt(reading->store, "a history"));
		if (i % 2 == 1 && lk_redis_reply_is(all->element[i - 1], "-"))
			(void)snprintf(reading->user, sizeof(reading->user),
			    "%s", all->element[i]->text);
	}
	for (i = 0; i < n && status == LK_OK; i += SORTS_AT_ONCE)
		status = read_some(reading, all->element + 2 * i,
		    n - i < SORTS_AT_ONCE ? n - i : SORTS_AT_ONCE, deadline);
	if (status == LK_OK && reading->n > 0)
		qsort(reading->all, reading->n, sizeof(reading->all[0]),
		    compare);
	return (status);
}

enum lk_status
lk_redis_history(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, lk_entry_fn *each, void *arg)
{
	struct reading reading = { .store = lk_redis_store_of(base),
		.ref = ref };
	struct lk_redis_reply *all = NULL;
	struct lk_redis_command command;
	enum lk_status status = LK_FAULT;
	size_t i;

	status = name_history(reading.store, ref, &reading.key);
	if (status != LK_OK)
		return (status);
	lk_redis_command(&command, "HGETALL");
	lk_redis_arg_key(&command, &reading.key);
	status = lk_redis_run(reading.store, &command, 1, deadline, &all);
	if (status != LK_OK)
		return (status);
	reading.since_us = 1000 *
	        lk_redis_clock_now_ms(&reading.store->link->wire->clock) -
	    US_OF_SECOND * (int64_t)base->settings->session.history.ttl;
	status = read_all(&reading, all, deadline);
	for (i = 0; i < reading.n && status == LK_OK; i++)
		each(arg, &reading.all[i].entry);
	free(reading.all);
	lk_redis_reply_free(all);
	return (status);
}

enum lk_status
lk_redis_history_erase(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, uint64_t *erased)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_call call;
	struct lk_redis_key key;
	enum lk_status status = LK_FAULT;

	*erased = 0;
	if ((status = name_history(store, ref, &key)) != LK_OK)
		return (status);
	lk_redis_call(&call, &history_erase_script, 1);
	lk_redis_arg_key(&call.command, &key);
	status = lk_redis_call_run(store->link, &call, LK_REDIS_EXTENDS,
	    deadline, base->error, &reply);
	if (status == LK_OK && lk_redis_count(reply) < 0)
		status = lk_redis_corrupt(store, "a count");
	if (status == LK_OK)
		*erased = (uint64_t)lk_redis_count(reply);
	lk_redis_reply_free(reply);
	return (status);
}
