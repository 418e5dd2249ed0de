/*
 * Listing a user's sessions in layout `latchkey`: a page of the index, then its
 * records, asked for in one write.  No script does it, which would let nobody
 * else be answered meanwhile.
 *
 * The index is in the order of expiry and handle, and changes while it is gone
 * through.  So each page begins with the last entry of the one before; if what
 * stands there comes later, something before it has gone, and it is looked for
 * farther in front.
 */
#include <stdlib.h>
#include <string.h>

#include "session/record.h"
#include "store/redis/layout/latchkey.h"

/* A list under way.  It is large, so it is allocated. */
struct list {
	struct lk_redis_store *store;
	const char *user;
	uint8_t tag[LK_TAG_LEN];
	struct lk_redis_key index;
	struct lk_redis_key prefix;
	struct lk_redis_key beside;
	lk_session_fn *each;
	void *arg;

	/* The page that holds the last entry that is done, and where. */
	struct lk_redis_reply *last_page;
	size_t last;

	struct lk_redis_key keys[LK_REDIS_PAGE];
	struct lk_redis_command commands[2 * LK_REDIS_PAGE];
	struct lk_redis_reply *replies[2 * LK_REDIS_PAGE];
};

/* Get a page: handles, each with its score behind it. */
static enum lk_status
get_page(struct list *list, size_t rank, struct lk_deadline deadline,
    struct lk_redis_reply **page)
{
	struct lk_redis_command command;
	enum lk_status status = LK_FAULT;
	size_t i;

	lk_redis_command(&command, "ZRANGE");
	lk_redis_arg_key(&command, &list->index);
	lk_redis_arg_int(&command, (int64_t)rank);
	lk_redis_arg_int(&command, (int64_t)rank + LK_REDIS_PAGE - 1);
	lk_redis_arg_str(&command, "WITHSCORES");
	status = lk_redis_run(list->store, &command, 1, deadline, page);
	if (status != LK_OK)
		return (status);
	if ((*page)->type != LK_REDIS_ARRAY || (*page)->elements % 2 != 0 ||
	    (*page)->elements > 2 * (size_t)LK_REDIS_PAGE)
		status = lk_redis_corrupt(list->store, "an index");
	for (i = 0; status == LK_OK && i < (*page)->elements; i++) {
		if ((*page)->element[i]->type != LK_REDIS_STRING)
			status = lk_redis_corrupt(list->store, "an index");
	}
	if (status != LK_OK)
		lk_redis_free_replies(page, 1);
	return (status);
}

/* Whether the entry at ${at} of ${page} does not come after the last one. */
static bool
is_done(const struct list *list, const struct lk_redis_reply *page, size_t at)
{
	const struct lk_redis_reply *handle = page->element[at], *last;
	double score, last_score;
	int order;

	if (list->last_page == NULL)
		return (false);
	last = list->last_page->element[list->last];
	score = strtod(page->element[at + 1]->text, NULL);
	last_score = strtod(list->last_page->element[list->last + 1]->text,
	    NULL);
	if (score < last_score || score > last_score)
		return (score < last_score);
	order = memcmp(handle->text, last->text,
	    handle->len < last->len ? handle->len : last->len);
	return (order != 0 ? order < 0 : handle->len <= last->len);
}

/* Hand out the session of a record, which must be what its key says. */
static enum lk_status
take_record(struct list *list, const struct lk_redis_key *key,
    struct lk_redis_reply *const *replies)
{
	const struct lk_redis_reply *reply = replies[0];
	struct lk_redis_names names;
	struct lk_redis_beside beside;
	struct lk_session session;
	struct lk_record record;
	uint8_t digest[LK_DIGEST_LEN];

	if (reply->type == LK_REDIS_NIL)
		return (LK_OK);
	if (reply->type != LK_REDIS_STRING ||
	    lk_record_parse(reply->text, reply->len, &record) != LK_OK ||
	    strcmp(record.user, list->user) != 0 ||
	    lk_record_digest(&record, digest) != LK_OK)
		return (lk_redis_corrupt(list->store, "a session's record"));
	lk_redis_latchkey_names(list->tag, digest, &names);
	if (strcmp(names.session.text, key->text) != 0)
		return (lk_redis_corrupt(list->store, "a session's record"));
	lk_record_session(&record, digest, list->tag, &session);
	if (!lk_redis_beside_read(replies[1], 0, &beside))
		return (lk_redis_corrupt(list->store,
		    "what stands beside a session"));
	lk_redis_beside_fill_in(&beside, &session);
	if (lk_redis_left(&list->store->link->wire->clock, record.expires_ms,
	        &session) == LK_OK)
		list->each(list->arg, &session, NULL);
	return (LK_OK);
}

/* Hand out the sessions of a page's entries that are not done. */
static enum lk_status
take_page(struct list *list, const struct lk_redis_reply *page,
    struct lk_deadline deadline)
{
	enum lk_status status = LK_OK;
	size_t i, count = 0;

	for (i = 0; i < page->elements; i += 2) {
		if (is_done(list, page, i) ||
		    page->element[i]->len != LK_HANDLE_TEXT_LEN)
			continue;
		lk_redis_key(&list->keys[count], list->prefix.text,
		    page->element[i]->text, NULL);
		lk_redis_command(&list->commands[2 * count], "GET");
		lk_redis_arg_key(&list->commands[2 * count],
		    &list->keys[count]);
		lk_redis_command(&list->commands[2 * count + 1], "HGET");
		lk_redis_arg_key(&list->commands[2 * count + 1], &list->beside);
		lk_redis_arg_str(&list->commands[2 * count + 1],
		    page->element[i]->text);
		count++;
	}
	if (count > 0)
		status = lk_redis_run(list->store, list->commands, 2 * count,
		    deadline, list->replies);
	if (status != LK_OK || count == 0)
		return (status);
	for (i = 0; i < count && status == LK_OK; i++)
		status = take_record(list, &list->keys[i],
		    &list->replies[2 * i]);
	lk_redis_free_replies(list->replies, 2 * count);
	return (status);
}

/* ${page}, which is not empty, is done; it belongs to ${list} now, or is
 * freed. */
static void
move_on(struct list *list, struct lk_redis_reply *page)
{
	if (is_done(list, page, page->elements - 2)) {
		lk_redis_reply_free(page);
		return;
	}
	lk_redis_reply_free(list->last_page);
	list->last_page = page;
	list->last = page->elements - 2;
}

static enum lk_status
list_all(struct list *list, struct lk_deadline deadline)
{
	struct lk_redis_reply *page = NULL;
	struct lk_deadline soon;
	enum lk_status status = LK_OK;
	size_t rank = 0, elements = 2 * (size_t)LK_REDIS_PAGE;

	while (status == LK_OK && elements == 2 * (size_t)LK_REDIS_PAGE) {
		soon = lk_deadline_min(deadline,
		    lk_deadline_in(list->store->base.timeout_ms));
		status = get_page(list, rank, soon, &page);
		if (status != LK_OK)
			break;
		if (rank > 0 &&
		    (page->elements == 0 || !is_done(list, page, 0))) {
			lk_redis_free_replies(&page, 1);
			rank -= rank < LK_REDIS_PAGE ? rank : LK_REDIS_PAGE;
			continue;
		}
		elements = page->elements;
		status = take_page(list, page, soon);
		if (elements > 0)
			move_on(list, page);
		else
			lk_redis_reply_free(page);
		rank += LK_REDIS_PAGE - 1;
	}
	return (status);
}

enum lk_status
lk_redis_latchkey_list(struct lk_store *base, const char *user,
    struct lk_deadline deadline, lk_session_fn *each, void *arg)
{
	struct list *list = calloc(1, sizeof(*list));
	char tag[LK_TAG_TEXT_LEN + 1];
	enum lk_status status = LK_FAULT;

	if (list == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	list->store = lk_redis_store_of(base);
	list->user = user;
	list->each = each;
	list->arg = arg;
	lk_user_tag(user, list->tag);
	lk_redis_latchkey_user_names(user, &list->index, &list->prefix);
	lk_base64url(list->tag, LK_TAG_LEN, tag);
	lk_redis_latchkey_key(&list->beside, tag, LK_REDIS_LATCHKEY_BESIDE);
	status = list_all(list, deadline);
	lk_redis_reply_free(list->last_page);
	free(list);
	return (status);
}
