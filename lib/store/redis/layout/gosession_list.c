/*
 * Going through a user's tokens in layout `gosession`: a page of his hash,
 * which is in no order, and then what is asked about each, in one write.  No
 * script does it, which would let nobody else be answered meanwhile.
 */
#include <stdlib.h>
#include <string.h>

#include "store/redis/layout/gosession.h"

/* Commands that are asked about one token. */
#define QUESTIONS 3
/* Most bytes of tokens that one list has. */
#define TOKENS_MAX (512 * 1024 * 1024)

/* A session of a list: its token is among the list's bytes, and behind it what
 * stands beside the session, if something does. */
struct entry {
	int64_t expires_ms;
	size_t offset;
	size_t len;
	size_t beside_len;
};

/* A list under way. */
struct list {
	struct lk_redis_store *store;
	struct lk_redis_batch *batch;
	const char *user;
	struct lk_buf tokens;
	struct lk_buf entries;
};

/* Take what was answered about a token. */
static enum lk_status
take_answer(struct list *list, const struct lk_redis_item *item,
    struct lk_redis_reply *const replies[QUESTIONS])
{
	const struct lk_redis_reply *value = replies[0], *expiry = replies[1];
	const struct lk_redis_reply *text = replies[2];
	struct lk_redis_beside beside;
	struct entry entry = { .offset = list->tokens.len,
		.len = item->token.len };

	if (expiry->type != LK_REDIS_INTEGER)
		return (lk_redis_corrupt(list->store, "a session's expiry"));
	if (value->type == LK_REDIS_NIL || expiry->integer == -2)
		return (LK_OK);
	if (!lk_redis_reply_is(value, item->names.user.text) ||
	    expiry->integer <= 0)
		return (lk_redis_corrupt(list->store, "a session"));
	entry.expires_ms = expiry->integer;
	if (!lk_redis_gosession_beside(text, &beside, &entry.expires_ms))
		return (lk_redis_corrupt(list->store,
		    "what stands beside a session"));
	lk_buf_add(&list->tokens, item->token.text, item->token.len);
	if (text->type == LK_REDIS_STRING) {
		entry.beside_len = text->len;
		lk_buf_add(&list->tokens, text->text, text->len);
	}
	lk_buf_add(&list->entries, &entry, sizeof(entry));
	if (list->tokens.failed || list->entries.failed)
		return (lk_fail(list->store->base.error, LK_E_NOMEM,
		    "out of memory"));
	return (LK_OK);
}

/* Ask about the tokens collected, and keep those that live. */
static enum lk_status
ask(struct list *list, size_t count, struct lk_deadline deadline)
{
	struct lk_redis_command *command;
	enum lk_status status = LK_FAULT;
	size_t i;

	if (count == 0)
		return (LK_OK);
	for (i = 0; i < count; i++) {
		command = &list->batch->commands[i * QUESTIONS];
		lk_redis_command(&command[0], "GET");
		lk_redis_arg_key(&command[0],
		    &list->batch->items[i].names.session);
		lk_redis_command(&command[1], "PEXPIRETIME");
		lk_redis_arg_key(&command[1],
		    &list->batch->items[i].names.session);
		lk_redis_gosession_ask_beside(&list->batch->items[i].names,
		    &command[2]);
	}
	status = lk_redis_batch_run(list->batch, count * QUESTIONS, deadline);
	if (status != LK_OK)
		return (status);
	for (i = 0; i < count && status == LK_OK; i++)
		status = take_answer(list, &list->batch->items[i],
		    &list->batch->replies[i * QUESTIONS]);
	lk_redis_free_replies(list->batch->replies, count * QUESTIONS);
	return (status);
}

/* What has no token's shape in a user's hash was never a session. */
static enum lk_status
take_page(struct list *list, const struct lk_redis_reply *page,
    struct lk_deadline deadline)
{
	enum lk_status status = LK_OK;
	struct lk_redis_item *item;
	size_t i, count = 0;

	for (i = 0; i < page->elements && status == LK_OK; i += 2) {
		item = &list->batch->items[count];
		if (!lk_redis_gosession_field(page->element[i], list->user,
		        &item->token, &item->key) ||
		    lk_redis_gosession_names(list->store->base.settings,
		        &item->key, &item->names) != LK_OK)
			continue;
		if (++count == LK_REDIS_CHUNK) {
			status = ask(list, count, deadline);
			count = 0;
		}
	}
	return (status == LK_OK ? ask(list, count, deadline) : status);
}

/* By expiry; the same token, which a scan may meet twice, side by side. */
static int
compare(const void *one, const void *other, void *tokens)
{
	const struct entry *a = one, *b = other;
	const char *text = tokens;
	int order;

	if (a->expires_ms != b->expires_ms)
		return (a->expires_ms < b->expires_ms ? -1 : 1);
	order = memcmp(text + a->offset, text + b->offset,
	    a->len < b->len ? a->len : b->len);
	if (order == 0 && a->len != b->len)
		order = a->len < b->len ? -1 : 1;
	return (order);
}

/* Read what stands beside the session of an entry. */
static void
read_beside(const struct list *list, const struct entry *entry,
    struct lk_session *session)
{
	const struct lk_redis_reply text = {
		.type = entry->beside_len > 0 ? LK_REDIS_STRING : LK_REDIS_NIL,
		.text = list->tokens.data + entry->offset + entry->len,
		.len = entry->beside_len
	};
	struct lk_redis_beside beside;
	int64_t expires_ms = entry->expires_ms;

	if (lk_redis_gosession_beside(&text, &beside, &expires_ms))
		lk_redis_beside_fill_in(&beside, session);
}

static void
hand_out(struct list *list, lk_session_fn *each, void *arg)
{
	struct entry *entries = (struct entry *)(void *)list->entries.data;
	const size_t count = list->entries.len / sizeof(*entries);
	struct lk_session session;
	struct lk_token_key key;
	struct lk_token token;
	size_t i;

	if (count == 0)
		return;
	qsort_r(entries, count, sizeof(*entries), compare, list->tokens.data);
	for (i = 0; i < count; i++) {
		if (i > 0 &&
		    compare(&entries[i - 1], &entries[i], list->tokens.data) ==
		        0)
			continue;
		if (lk_token_set(&token, list->tokens.data + entries[i].offset,
		        entries[i].len) != LK_OK ||
		    lk_token_parse(&token, &key) != LK_OK)
			continue;
		lk_redis_gosession_session(&key, &session);
		read_beside(list, &entries[i], &session);
		if (lk_redis_left(&list->store->link->wire->clock,
		        entries[i].expires_ms, &session) == LK_OK)
			each(arg, &session, &token);
		lk_token_wipe(&token);
	}
}

enum lk_status
lk_redis_gosession_list(struct lk_store *base, const char *user,
    struct lk_deadline deadline, lk_session_fn *each, void *arg)
{
	struct lk_redis_store *store = lk_redis_store_of(base);
	struct list list = { .store = store,
		.batch = lk_redis_batch_new(store),
		.user = user,
		.tokens = LK_BUF_INIT(TOKENS_MAX),
		.entries = LK_BUF_INIT(TOKENS_MAX) };
	struct lk_redis_reply *page = NULL;
	struct lk_redis_key index, prefix;
	struct lk_deadline soon;
	enum lk_status status = LK_FAULT;
	uint64_t cursor = 0;

	if (list.batch == NULL)
		return (LK_E_NOMEM);
	status = lk_redis_gosession_user_names(store, user, &index, &prefix);
	do {
		soon = lk_deadline_min(deadline,
		    lk_deadline_in(base->timeout_ms));
		if (status == LK_OK)
			status = lk_redis_scan(store, &index, NULL, NULL,
			    &cursor, soon, &page);
		if (status == LK_OK)
			status = take_page(&list, page, soon);
		lk_redis_free_replies(&page, 1);
	} while (status == LK_OK && cursor != 0);
	if (status == LK_OK)
		hand_out(&list, each, arg);
	lk_buf_free(&list.tokens);
	lk_buf_free(&list.entries);
	lk_redis_batch_free(list.batch);
	return (status);
}
