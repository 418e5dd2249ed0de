/*
 * The store as a whole: walked through, put into, swept and counted.
 *
 * A walk goes by the primary key, a page and a transaction at a time, so that
 * it holds nobody up and the log behind it can be cut.
 */
#include <string.h>

#include "session/user.h"
#include "store/sql/past.h"

/* How many rows a walk hands out at once: a user's may be long. */
#define WALK_SESSIONS 256
#define WALK_USERS 32
/* How many rows a sweep clears away in one transaction, and how many are put
 * in one. */
#define SWEEP_ROWS 256
#define PUT_ROWS 256

/* Columns of LK_SQL_WALK_SESSIONS, and of LK_SQL_WALK_USERS. */
enum {
	COLUMN_DIGEST = 0,
	COLUMN_USER,
	COLUMN_CLIENT,
	COLUMN_ISSUED,
	COLUMN_EXPIRES,
	COLUMN_TAG,
	COLUMN_HANDLE,
	COLUMN_ENDS,
	COLUMN_PEER,
	COLUMN_AGENT,
	COLUMN_IS_BESIDE
};
enum { COLUMN_RECORD = 0, COLUMN_USER_EXPIRES, COLUMN_USER_TAG };

/* Copy a column of exactly ${len} bytes. */
static bool
column_bytes(struct lk_sql_row *row, int column, uint8_t *bytes, size_t len)
{
	const void *value = lk_sql_bytes(row, column);

	if (value == NULL || lk_sql_len(row, column) != len)
		return (false);
	memcpy(bytes, value, len);
	return (true);
}

/* ---- Walking ----------------------------------------------------------- */

/* Read a session's row; it is unreadable unless all of it is ours. */
static void
read_session(struct lk_sql_row *row, struct lk_stored *stored)
{
	uint8_t tag[LK_TAG_LEN], own[LK_TAG_LEN];

	memset(stored, 0, sizeof(*stored));
	if (!column_bytes(row, COLUMN_DIGEST, stored->digest, LK_DIGEST_LEN) ||
	    !column_bytes(row, COLUMN_TAG, tag, LK_TAG_LEN) ||
	    !lk_sql_text(row, COLUMN_USER, stored->user, LK_USER_ID_MAX) ||
	    !lk_sql_text(row, COLUMN_CLIENT, stored->client, LK_CLIENT_MAX) ||
	    lk_user_id_check(stored->user) != LK_OK)
		return;
	lk_user_tag(stored->user, own);
	if (memcmp(own, tag, LK_TAG_LEN) != 0)
		return;
	stored->issued_us = lk_sql_number(row, COLUMN_ISSUED);
	stored->expires_ms = lk_sql_number(row, COLUMN_EXPIRES);
	if (lk_sql_number(row, COLUMN_IS_BESIDE) != 0)
		stored->ends_ms = lk_sql_is_null(row, COLUMN_ENDS)
		    ? LK_STORED_NEVER
		    : lk_sql_number(row, COLUMN_ENDS);
	if (!lk_sql_text(row, COLUMN_PEER, stored->peer, LK_PEER_MAX) ||
	    !lk_sql_text(row, COLUMN_AGENT, stored->agent, LK_AGENT_MAX))
		return;
	stored->kind = LK_STORED_SESSION;
}

/* Where a walk is: at the last row of its half, if it has begun. */
struct cursor {
	bool begun;
	uint8_t tag[LK_TAG_LEN];
	uint8_t handle[LK_HANDLE_LEN];
};

_Static_assert(sizeof(struct cursor) <= LK_CURSOR_MAX, "a place has room");

/* Hand out the row of the walk's statement, and move on to it. */
static bool
take_row(struct lk_sql_row *row, struct lk_place *place, lk_stored_fn *each,
    void *arg)
{
	struct cursor at = { .begun = true };
	struct lk_stored stored;
	bool ok;

	if (place->users) {
		memset(&stored, 0, sizeof(stored));
		stored.kind = LK_STORED_USER;
		stored.record = lk_sql_bytes(row, COLUMN_RECORD);
		stored.record_len = lk_sql_len(row, COLUMN_RECORD);
		stored.expires_ms = lk_sql_number(row, COLUMN_USER_EXPIRES);
		ok = column_bytes(row, COLUMN_USER_TAG, at.tag, LK_TAG_LEN);
	} else {
		read_session(row, &stored);
		ok = column_bytes(row, COLUMN_TAG, at.tag, LK_TAG_LEN) &&
		    column_bytes(row, COLUMN_HANDLE, at.handle, LK_HANDLE_LEN);
	}
	if (ok)
		each(arg, &stored);
	lk_stored_wipe(&stored);
	memcpy(place->cursor, &at, sizeof(at));
	/* Tags are digests: how far it is among all that there could be. */
	place->part = (double)(at.tag[0] << 8 | at.tag[1]) / 65536.0;
	return (ok);
}

/* Go on with the users once the sessions are done. */
static void
next_half(struct lk_place *place)
{
	const bool users = place->users;

	memset(place, 0, sizeof(*place));
	place->users = true;
	place->done = users;
}

enum lk_status
lk_sql_walk(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, lk_stored_fn *each, void *arg)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	const int64_t rows = place->users ? WALK_USERS : WALK_SESSIONS;
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;
	struct cursor from;
	int64_t met = 0;

	/* What is bound stays as it is until the statement is done. */
	memcpy(&from, place->cursor, sizeof(from));
	status = lk_sql_begin(store->db, LK_SQL_READ, NULL, deadline);
	if (status != LK_OK)
		return (status);
	status = LK_SQL_RUN(store->db,
	    place->users ? LK_SQL_WALK_USERS : LK_SQL_WALK_SESSIONS, &row,
	    LK_SQL_NUMBER(lk_sql_now_ms(store)), LK_SQL_NUMBER(rows),
	    LK_SQL_BYTES(from.tag, from.begun ? LK_TAG_LEN : 0),
	    LK_SQL_BYTES(from.handle, from.begun ? LK_HANDLE_LEN : 0));
	while (status == LK_OK && row != NULL) {
		met++;
		if (!take_row(row, place, each, arg))
			status = lk_sql_corrupt(store);
		else
			status = lk_sql_next(store->db, &row);
	}
	if (status == LK_OK && met < rows)
		next_half(place);
	return (lk_sql_end(store->db, status));
}

/* ---- Putting ----------------------------------------------------------- */

/* Some that are put together, none of them twice. */
struct batch {
	const struct lk_stored *stored;
	enum lk_put *results;
	size_t count;
	uint8_t tag[PUT_ROWS][LK_TAG_LEN];
};

/* What is to become of a session, by what is in its place. */
static void
take_known(void *arg, struct lk_sql_row *row)
{
	const struct batch *batch = arg;
	uint8_t tag[LK_TAG_LEN], handle[LK_HANDLE_LEN], digest[LK_DIGEST_LEN];
	size_t i;

	if (!column_bytes(row, 0, tag, LK_TAG_LEN) ||
	    !column_bytes(row, 1, handle, LK_HANDLE_LEN))
		return;
	for (i = 0; i < batch->count; i++) {
		if (batch->stored[i].kind != LK_STORED_SESSION ||
		    batch->results[i] == LK_PUT_EXPIRED ||
		    memcmp(batch->stored[i].digest, handle, LK_HANDLE_LEN) !=
		        0 ||
		    memcmp(batch->tag[i], tag, LK_TAG_LEN) != 0)
			continue;
		if (!column_bytes(row, 2, digest, LK_DIGEST_LEN) ||
		    memcmp(digest, batch->stored[i].digest, LK_DIGEST_LEN) != 0)
			batch->results[i] = LK_PUT_CONFLICT;
		else
			batch->results[i] = lk_sql_number(row, 3) <
			        batch->stored[i].expires_ms
			    ? LK_PUT_LATER
			    : LK_PUT_KNOWN;
	}
}

/* Find out what is to become of each. */
static enum lk_status
look_up(struct lk_sql_store *store, struct batch *batch)
{
	const int64_t now_ms = lk_sql_now_ms(store);
	struct lk_sql_arg args[2 * PUT_ROWS];
	size_t i, n = 0;

	for (i = 0; i < batch->count; i++) {
		batch->results[i] = batch->stored[i].expires_ms <= now_ms
		    ? LK_PUT_EXPIRED
		    : LK_PUT_NEW;
		lk_user_tag(batch->stored[i].user, batch->tag[i]);
		if (batch->results[i] == LK_PUT_EXPIRED ||
		    batch->stored[i].kind != LK_STORED_SESSION)
			continue;
		args[n++] = LK_SQL_BYTES(batch->tag[i], LK_TAG_LEN);
		args[n++] = LK_SQL_BYTES(batch->stored[i].digest,
		    LK_HANDLE_LEN);
	}
	return (lk_sql_each(store->db, LK_SQL_FIND_EACH, args, 2, n / 2,
	    take_known, batch));
}

/* Put those that are sessions: each first, then what goes with it. */
static enum lk_status
put_sessions(struct lk_sql_store *store, const struct batch *batch,
    enum lk_sql sql)
{
	const struct lk_stored *stored;
	enum lk_status status = LK_OK;
	size_t i;

	for (i = 0; i < batch->count && status == LK_OK; i++) {
		stored = &batch->stored[i];
		if (stored->kind != LK_STORED_SESSION ||
		    (batch->results[i] != LK_PUT_NEW &&
		        (batch->results[i] != LK_PUT_LATER ||
		            sql != LK_SQL_PUT)))
			continue;
		/* One that was ended is there again. */
		if (sql == LK_SQL_ENDED_FORGET)
			status = LK_SQL_RUN(store->db, sql, NULL,
			    LK_SQL_BYTES(batch->tag[i], LK_TAG_LEN),
			    LK_SQL_BYTES(stored->digest, LK_HANDLE_LEN));
		else if (sql == LK_SQL_PUT || stored->ends_ms != 0)
			status = lk_sql_insert(store, sql, batch->tag[i],
			    stored);
	}
	return (status);
}

static enum lk_status
put_user(struct lk_sql_store *store, const struct lk_stored *stored,
    const uint8_t tag[LK_TAG_LEN], enum lk_put *result)
{
	enum lk_status status = LK_FAULT;
	int64_t known_ms;

	status = lk_sql_number_of(store, LK_SQL_USER_EXPIRY, tag,
	    stored->expires_ms - 1, &known_ms);
	*result = known_ms > 0 ? LK_PUT_KNOWN : LK_PUT_NEW;
	if (status != LK_OK || *result == LK_PUT_KNOWN)
		return (status);
	return (LK_SQL_RUN(store->db, LK_SQL_USER_PUT, NULL,
	    LK_SQL_BYTES(tag, LK_TAG_LEN),
	    LK_SQL_BYTES(stored->record, stored->record_len),
	    LK_SQL_NUMBER(stored->expires_ms)));
}

/* Put some in one transaction. */
static enum lk_status
put_some(struct lk_sql_store *store, const struct lk_stored *stored,
    size_t count, struct lk_deadline deadline, enum lk_put *results)
{
	static const enum lk_sql parts[] = { LK_SQL_PUT, LK_SQL_ENDED_FORGET,
		LK_SQL_INSERT_BESIDE };
	struct batch batch = { stored, results, count, { { 0 } } };
	enum lk_status status = LK_FAULT;
	size_t i;

	status = lk_sql_begin(store->db, LK_SQL_ADD, NULL, deadline);
	if (status != LK_OK)
		return (status);
	status = look_up(store, &batch);
	for (i = 0; i < sizeof(parts) / sizeof(*parts) && status == LK_OK; i++)
		status = put_sessions(store, &batch, parts[i]);
	for (i = 0; i < count && status == LK_OK; i++) {
		if (stored[i].kind == LK_STORED_USER &&
		    results[i] != LK_PUT_EXPIRED)
			status = put_user(store, &stored[i], batch.tag[i],
			    &results[i]);
	}
	return (lk_sql_end(store->db, status));
}

/* How many can be put together: none of them is there twice. */
static size_t
apart(const struct lk_stored *stored, size_t count)
{
	size_t i, n;

	for (n = 1; n < count && n < PUT_ROWS; n++) {
		for (i = 0; i < n; i++) {
			if (stored[n].kind == LK_STORED_SESSION &&
			    stored[i].kind == LK_STORED_SESSION &&
			    memcmp(stored[n].digest, stored[i].digest,
			        LK_HANDLE_LEN) == 0)
				return (n);
		}
	}
	return (n);
}

enum lk_status
lk_sql_put(struct lk_store *base, const struct lk_stored *stored, size_t count,
    struct lk_deadline deadline, enum lk_put *results)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	enum lk_status status = LK_OK;
	int64_t began_ns = 0;
	size_t at, some;

	for (at = 0; status == LK_OK && at < count; at += some) {
		if (at > 0) {
			lk_sql_let_others(began_ns);
			deadline = lk_deadline_in(base->timeout_ms);
		}
		some = apart(stored + at, count - at);
		began_ns = lk_monotonic_ns();
		status = put_some(store, stored + at, some, deadline,
		    results + at);
	}
	return (status);
}

/* ---- Sweeping and counting --------------------------------------------- */

enum lk_status
lk_sql_sweep(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, uint64_t *swept)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	enum lk_status status = LK_FAULT;
	int64_t began_ns;
	int gone = 0, past = 0;

	status = lk_sql_begin(store->db, LK_SQL_CHANGE, NULL, deadline);
	if (status != LK_OK)
		return (status);
	began_ns = lk_monotonic_ns();
	status = LK_SQL_RUN(store->db,
	    place->users ? LK_SQL_SWEEP_USERS : LK_SQL_SWEEP_SESSIONS, NULL,
	    LK_SQL_NUMBER(lk_sql_now_ms(store) + 1), LK_SQL_NUMBER(SWEEP_ROWS));
	if (status == LK_OK)
		status = lk_sql_changes(store->db, &gone);
	if (status == LK_OK)
		status = lk_sql_sweep_past(store, SWEEP_ROWS, &past);
	status = lk_sql_end(store->db, status);
	if (status != LK_OK)
		return (status);
	*swept += (uint64_t)gone;
	if (gone < SWEEP_ROWS && past < SWEEP_ROWS)
		next_half(place);
	/* Who reads keeps nobody from it, but there is one writer. */
	place->busy_ns = lk_monotonic_ns() - began_ns;
	return (LK_OK);
}

enum lk_status
lk_sql_stats(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, struct lk_store_stats *stats)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;

	status = lk_sql_begin(store->db, LK_SQL_READ, NULL, deadline);
	if (status != LK_OK)
		return (status);
	status = LK_SQL_RUN(store->db, LK_SQL_STATS, &row,
	    LK_SQL_NUMBER(lk_sql_now_ms(store)));
	if (row != NULL) {
		stats->sessions = (uint64_t)lk_sql_number(row, 0);
		stats->users = (uint64_t)lk_sql_number(row, 1);
		stats->bytes = (uint64_t)lk_sql_number(row, 2);
	}
	place->done = true;
	return (lk_sql_end(store->db, status));
}
