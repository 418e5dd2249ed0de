/* The half that finds sessions, and changes nothing. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "session/record.h"
#include "session/user.h"
#include "store/sql/past.h"

/* How many rows one transaction of a list reads, and how many bytes a list may
 * take. */
#define PAGE_ROWS 1000
#define LIST_MAX (512 * 1024 * 1024)

/* Columns of what LK_SQL_FIND and LK_SQL_LIST select. */
enum {
	COLUMN_DIGEST = 0,
	COLUMN_USER,
	COLUMN_CLIENT,
	COLUMN_ISSUED,
	COLUMN_EXPIRES,
	COLUMN_BESIDE /* the first of what stands beside it; in lists only */
};

/* The digest of a row, or NULL if it has none. */
static const uint8_t *
column_digest(struct lk_sql_row *row)
{
	const void *digest = lk_sql_bytes(row, COLUMN_DIGEST);

	return (
	    lk_sql_len(row, COLUMN_DIGEST) == LK_DIGEST_LEN ? digest : NULL);
}

/*
 * Read the session of a row with this digest, unless it is over.  Every field
 * is set, but for what follows the end of a string: clearing it all first
 * would take longer.
 */
static enum lk_status
read_session(const struct lk_sql_store *store, struct lk_sql_row *row,
    const uint8_t tag[LK_TAG_LEN], const uint8_t *digest,
    struct lk_session *session)
{
	const int64_t expires_ms = lk_sql_number(row, COLUMN_EXPIRES);
	const int64_t now_ms = lk_sql_now_ms(store);

	if (digest == NULL)
		return (lk_sql_corrupt(store));
	if (expires_ms <= now_ms)
		return (LK_EXPIRED);
	if (!lk_sql_text(row, COLUMN_USER, session->user, LK_USER_ID_MAX) ||
	    !lk_sql_text(row, COLUMN_CLIENT, session->client, LK_CLIENT_MAX) ||
	    lk_user_id_check(session->user) != LK_OK)
		return (lk_sql_corrupt(store));
	lk_session_id(digest, tag, LK_TAG_LEN, session->id);
	session->issued_at = lk_sql_number(row, COLUMN_ISSUED) / 1000000;
	lk_session_beside_unknown(session);
	lk_session_expiry(expires_ms, now_ms, session);
	return (LK_OK);
}

/* Whether the row found for ${key} is its session, and what it says. */
static enum lk_status
judge_row(const struct lk_sql_store *store, struct lk_sql_row *row,
    const struct lk_token_key *key, struct lk_session *session)
{
	const uint8_t *digest = column_digest(row);
	enum lk_status status = LK_FAULT;

	if (digest != NULL && !lk_token_key_fits(key, digest))
		return (lk_sql_corrupt(store));
	status = read_session(store, row, key->tag, digest, session);
	if (status == LK_OK && key->user[0] != '\0' &&
	    strcmp(key->user, session->user) != 0)
		status = lk_sql_corrupt(store);
	return (status);
}

enum lk_status
lk_sql_find(struct lk_sql_store *store, const struct lk_token_key *key,
    struct lk_session *session)
{
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;

	status = lk_sql_row_of(store->db, key->tag, key->digest, &row);
	if (row == NULL)
		return (status == LK_OK ? LK_UNKNOWN : status);
	status = judge_row(store, row, key, session);
	lk_sql_done(row);
	return (status);
}

/* ---- What stands beside it ---------------------------------------------- */

/* Read it, in columns from ${column} on; false if it is none of ours. */
static bool
read_beside(struct lk_sql_row *row, int column, struct lk_session *session)
{
	session->ends_by = (lk_sql_number(row, column) + 999) / 1000;
	session->renewed_at = lk_sql_number(row, column + 1) / 1000;
	return (lk_sql_text(row, column + 2, session->peer, LK_PEER_MAX) &&
	    lk_sql_text(row, column + 3, session->agent, LK_AGENT_MAX));
}

enum lk_status
lk_sql_find_beside(struct lk_sql_store *store, const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], struct lk_session *session)
{
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;

	status = LK_SQL_RUN(store->db, LK_SQL_BESIDE, &row,
	    LK_SQL_BYTES(tag, LK_TAG_LEN), LK_SQL_BYTES(handle, LK_HANDLE_LEN));
	if (row != NULL && !read_beside(row, 0, session))
		status = lk_sql_corrupt(store);
	lk_sql_done(row);
	return (status);
}

/* ---- Operations -------------------------------------------------------- */

enum lk_status
lk_sql_check(struct lk_store *base, const struct lk_token_key *key,
    struct lk_deadline deadline, struct lk_session *session,
    struct lk_buf *record)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	enum lk_status status = LK_FAULT;

	status = record == NULL
	    ? lk_sql_look(store->db, deadline)
	    : lk_sql_begin(store->db, LK_SQL_READ, NULL, deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sql_why(store, key, lk_sql_find(store, key, session));
	if (record == NULL)
		return (lk_sql_looked(store->db, status));
	if (status == LK_OK)
		status = lk_sql_find_user(store, key->tag, record);
	return (lk_sql_end(store->db, status));
}

enum lk_status
lk_sql_check_id(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;

	if (ref->locator_len != LK_TAG_LEN)
		return (LK_MALFORMED);
	status = lk_sql_begin(store->db, LK_SQL_READ, NULL, deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sql_row_of(store->db, ref->locator, ref->handle, &row);
	if (row != NULL)
		/* What was found is what was asked for. */
		status = read_session(store, row, ref->locator,
		    column_digest(row), session);
	else if (status == LK_OK)
		status = LK_UNKNOWN;
	lk_sql_done(row);
	if (status == LK_OK)
		status = lk_sql_find_beside(store, ref->locator, ref->handle,
		    session);
	return (lk_sql_end(store->db, status));
}

/* ---- Lists ------------------------------------------------------------- */

/*
 * A list is read in the order of the primary key, a page and a transaction at a
 * time, so that the log behind it can be cut, and handed out by expiry.  What
 * lives all the while is in it once, with the end that it had when its page was
 * read.
 */

/* A session of a list. */
struct entry {
	int64_t expires_ms;
	int64_t issued_us;
	uint8_t handle[LK_HANDLE_LEN];
	char client[LK_CLIENT_MAX + 1];
	char peer[LK_PEER_MAX + 1];
	char agent[LK_AGENT_MAX + 1];
	int64_t renewed_at, ends_by;
};

/* By expiry. */
static int
compare(const void *one, const void *other)
{
	const struct entry *a = one, *b = other;

	if (a->expires_ms != b->expires_ms)
		return (a->expires_ms < b->expires_ms ? -1 : 1);
	return (memcmp(a->handle, b->handle, LK_HANDLE_LEN));
}

/* Take the row of a page; ${last} is its handle then. */
static enum lk_status
take_row(struct lk_sql_store *store, struct lk_sql_row *row,
    const uint8_t tag[LK_TAG_LEN], uint8_t last[LK_HANDLE_LEN],
    struct lk_buf *entries)
{
	struct entry entry = { .expires_ms = lk_sql_number(row, COLUMN_EXPIRES),
		.issued_us = lk_sql_number(row, COLUMN_ISSUED) };
	const uint8_t *digest = column_digest(row);
	struct lk_session session;
	enum lk_status status = LK_FAULT;

	status = read_session(store, row, tag, digest, &session);
	if (status < 0)
		return (status);
	memcpy(last, digest, LK_HANDLE_LEN);
	/* One that is over is left out. */
	if (status != LK_OK)
		return (LK_OK);
	memcpy(entry.handle, digest, LK_HANDLE_LEN);
	memcpy(entry.client, session.client, sizeof(entry.client));
	if (!read_beside(row, COLUMN_BESIDE, &session))
		return (lk_sql_corrupt(store));
	memcpy(entry.peer, session.peer, sizeof(entry.peer));
	memcpy(entry.agent, session.agent, sizeof(entry.agent));
	entry.renewed_at = session.renewed_at;
	entry.ends_by = session.ends_by;
	lk_buf_add(entries, &entry, sizeof(entry));
	if (entries->failed)
		return (
		    lk_fail(store->base.error, LK_E_NOMEM, "out of memory"));
	return (LK_OK);
}

/* Read the page behind ${last}, or the first one; ${rows} is how many it had.
 */
static enum lk_status
read_page(struct lk_sql_store *store, const uint8_t tag[LK_TAG_LEN],
    uint8_t last[LK_HANDLE_LEN], struct lk_deadline deadline,
    struct lk_buf *entries, int *rows)
{
	const size_t from_len = *rows == 0 ? 0 : LK_HANDLE_LEN;
	uint8_t from[LK_HANDLE_LEN];
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;

	*rows = 0;
	memcpy(from, last, sizeof(from));
	status = lk_sql_begin(store->db, LK_SQL_READ, NULL, deadline);
	if (status != LK_OK)
		return (status);
	status = LK_SQL_RUN(store->db, LK_SQL_LIST, &row,
	    LK_SQL_BYTES(tag, LK_TAG_LEN), LK_SQL_BYTES(from, from_len),
	    LK_SQL_NUMBER(PAGE_ROWS));
	while (status == LK_OK && row != NULL) {
		++*rows;
		status = take_row(store, row, tag, last, entries);
		if (status == LK_OK)
			status = lk_sql_next(store->db, &row);
	}
	return (lk_sql_end(store->db, status));
}

static void
hand_out(const struct lk_sql_store *store, const char *user,
    const uint8_t tag[LK_TAG_LEN], struct lk_buf *list, lk_session_fn *each,
    void *arg)
{
	struct entry *entries = (struct entry *)(void *)list->data;
	const size_t count = list->len / sizeof(*entries);
	const int64_t now_ms = lk_sql_now_ms(store);
	struct lk_session session;
	size_t i;

	if (count > 0)
		qsort(entries, count, sizeof(*entries), compare);
	for (i = 0; i < count; i++) {
		if (entries[i].expires_ms <= now_ms)
			continue;
		memset(&session, 0, sizeof(session));
		memcpy(session.user, user, strlen(user) + 1);
		memcpy(session.client, entries[i].client,
		    sizeof(session.client));
		memcpy(session.peer, entries[i].peer, sizeof(session.peer));
		memcpy(session.agent, entries[i].agent, sizeof(session.agent));
		session.renewed_at = entries[i].renewed_at;
		session.ends_by = entries[i].ends_by;
		lk_session_id(entries[i].handle, tag, LK_TAG_LEN, session.id);
		session.issued_at = entries[i].issued_us / 1000000;
		lk_session_expiry(entries[i].expires_ms, now_ms, &session);
		each(arg, &session, NULL);
	}
}

enum lk_status
lk_sql_list(struct lk_store *base, const char *user,
    struct lk_deadline deadline, lk_session_fn *each, void *arg)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	struct lk_buf entries = LK_BUF_INIT(LIST_MAX);
	uint8_t tag[LK_TAG_LEN], last[LK_HANDLE_LEN] = { 0 };
	enum lk_status status = LK_OK;
	int rows = 0;

	lk_user_tag(user, tag);
	do
		status = read_page(store, tag, last,
		    lk_deadline_min(deadline, lk_deadline_in(base->timeout_ms)),
		    &entries, &rows);
	while (status == LK_OK && rows == PAGE_ROWS);
	if (status == LK_OK)
		hand_out(store, user, tag, &entries, each, arg);
	lk_buf_free(&entries);
	return (status);
}
