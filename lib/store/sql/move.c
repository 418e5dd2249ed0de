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

/* What is to become of a session, by what is in its place. */
static enum lk_status
look_up(struct lk_sql_store *store, const struct lk_stored *stored,
    const uint8_t tag[LK_TAG_LEN], enum lk_put *result)
{
	struct lk_sql_row *row;
	uint8_t digest[LK_DIGEST_LEN];
	enum lk_status status = LK_FAULT;

	status = lk_sql_row_of(store->db, tag, stored->digest, &row);
	if (row == NULL)
		*result = LK_PUT_NEW;
	else if (!column_bytes(row, COLUMN_DIGEST, digest, LK_DIGEST_LEN) ||
	    memcmp(digest, stored->digest, LK_DIGEST_LEN) != 0)
		*result = LK_PUT_CONFLICT;
	else
		*result = lk_sql_number(row, COLUMN_EXPIRES) <
		        stored->expires_ms
		    ? LK_PUT_LATER
		    : LK_PUT_KNOWN;
	lk_sql_done(row);
	return (status);
}

static enum lk_status
put_session(struct lk_sql_store *store, const struct lk_stored *stored,
    enum lk_put *result)
{
	uint8_t tag[LK_TAG_LEN];
	enum lk_status status = LK_FAULT;

	lk_user_tag(stored->user, tag);
	status = look_up(store, stored, tag, result);
	if (status != LK_OK ||
	    (*result != LK_PUT_NEW && *result != LK_PUT_LATER))
		return (status);
	status = lk_sql_insert(store, LK_SQL_PUT, tag, stored);
	if (status != LK_OK || *result != LK_PUT_NEW)
		return (status);
	/* It is there again. */
	status = LK_SQL_RUN(store->db, LK_SQL_ENDED_FORGET, NULL,
	    LK_SQL_BYTES(tag, LK_TAG_LEN),
	    LK_SQL_BYTES(stored->digest, LK_HANDLE_LEN));
	return (status != LK_OK || stored->ends_ms == 0
	        ? status
	        : lk_sql_insert(store, LK_SQL_INSERT_BESIDE, tag, stored));
}

static enum lk_status
put_user(struct lk_sql_store *store, const struct lk_stored *stored,
    enum lk_put *result)
{
	uint8_t tag[LK_TAG_LEN];
	enum lk_status status = LK_FAULT;
	int64_t known_ms;

	lk_user_tag(stored->user, tag);
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
	enum lk_status status = LK_FAULT;
	size_t i;

	status = lk_sql_begin(store->db, LK_SQL_ADD, NULL, deadline);
	if (status != LK_OK)
		return (status);
	for (i = 0; i < count && status == LK_OK; i++) {
		if (stored[i].expires_ms <= lk_sql_now_ms(store))
			results[i] = LK_PUT_EXPIRED;
		else if (stored[i].kind == LK_STORED_SESSION)
			status = put_session(store, &stored[i], &results[i]);
		else
			status = put_user(store, &stored[i], &results[i]);
	}
	return (lk_sql_end(store->db, status));
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
		some = count - at < PUT_ROWS ? count - at : PUT_ROWS;
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
		gone = lk_sql_changes(store->db);
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
