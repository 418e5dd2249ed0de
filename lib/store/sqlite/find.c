/* The embedded store's half that finds sessions, and changes nothing. */
#include <string.h>

#include <sodium.h>

#include "session/record.h"
#include "session/user_id.h"
#include "store/sqlite/store.h"

/* Columns of what LK_SQL_FIND and LK_SQL_LIST select. */
enum {
	COLUMN_DIGEST = 0,
	COLUMN_USER,
	COLUMN_CLIENT,
	COLUMN_ISSUED,
	COLUMN_EXPIRES
};

/* The digest of a row, or NULL if it has none. */
static const uint8_t *
column_digest(sqlite3_stmt *row)
{
	const void *digest = sqlite3_column_blob(row, COLUMN_DIGEST);

	return (sqlite3_column_bytes(row, COLUMN_DIGEST) == LK_DIGEST_LEN
	        ? digest
	        : NULL);
}

/*
 * Read the session of a row with this digest, unless it is over.  Every field
 * is set, but for what follows the end of a string: clearing it all first
 * would take longer.
 */
static enum lk_status
read_session(const struct lk_sqlite_store *store, sqlite3_stmt *row,
    const uint8_t tag[LK_TAG_LEN], const uint8_t *digest,
    struct lk_session *session)
{
	const int64_t expires_ms = sqlite3_column_int64(row, COLUMN_EXPIRES);
	const int64_t now_ms = lk_sqlite_now_ms(store);

	if (digest == NULL)
		return (lk_sqlite_corrupt(store));
	if (expires_ms <= now_ms)
		return (LK_EXPIRED);
	if (!lk_sqlite_column_text(row, COLUMN_USER, session->user,
	        LK_USER_ID_MAX) ||
	    !lk_sqlite_column_text(row, COLUMN_CLIENT, session->client,
	        LK_CLIENT_MAX) ||
	    lk_user_id_check(session->user) != LK_OK)
		return (lk_sqlite_corrupt(store));
	lk_session_id(digest, tag, LK_TAG_LEN, session->id);
	session->issued_at = sqlite3_column_int64(row, COLUMN_ISSUED) / 1000000;
	lk_session_expiry(expires_ms, now_ms, session);
	return (LK_OK);
}

/* Whether the row found for ${key} is its session, and what it says. */
static enum lk_status
judge_row(const struct lk_sqlite_store *store, sqlite3_stmt *row,
    const struct lk_token_key *key, struct lk_session *session)
{
	const uint8_t *digest = column_digest(row);
	enum lk_status status = LK_FAULT;

	if (digest != NULL && crypto_verify_32(digest, key->digest) != 0)
		return (lk_sqlite_corrupt(store));
	status = read_session(store, row, key->tag, digest, session);
	if (status == LK_OK && key->shape == LK_SHAPE_GOSESSION &&
	    strcmp(key->user, session->user) != 0)
		status = lk_sqlite_corrupt(store);
	return (status);
}

/* Look a session up in the transaction under way. */
enum lk_status
lk_sqlite_find(struct lk_sqlite_store *store, const struct lk_token_key *key,
    struct lk_session *session)
{
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;
	bool row;

	status = lk_sqlite_db_find(store->db, key->tag, key->digest, &statement,
	    &row);
	if (status != LK_OK || !row)
		return (status == LK_OK ? LK_UNKNOWN : status);
	status = judge_row(store, statement, key, session);
	(void)sqlite3_reset(statement);
	return (status);
}

/* The same by public id: what was found is what was asked for. */
static enum lk_status
find_ref(struct lk_sqlite_store *store, const struct lk_session_ref *ref,
    struct lk_session *session)
{
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;
	bool row;

	status = lk_sqlite_db_find(store->db, ref->locator, ref->handle,
	    &statement, &row);
	if (status != LK_OK || !row)
		return (status == LK_OK ? LK_UNKNOWN : status);
	status = read_session(store, statement, ref->locator,
	    column_digest(statement), session);
	(void)sqlite3_reset(statement);
	return (status);
}

/* ---- Operations -------------------------------------------------------- */

enum lk_status
lk_sqlite_check(struct lk_store *base, const struct lk_token_key *key,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	enum lk_status status = LK_FAULT;

	status = lk_sqlite_db_look(store->db, deadline);
	if (status == LK_OK)
		status = lk_sqlite_db_looked(store->db,
		    lk_sqlite_find(store, key, session));
	return (status);
}

enum lk_status
lk_sqlite_check_id(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	enum lk_status status = LK_FAULT;

	if (ref->locator_len != LK_TAG_LEN)
		return (LK_MALFORMED);
	status = lk_sqlite_db_look(store->db, deadline);
	if (status == LK_OK)
		status = lk_sqlite_db_looked(store->db,
		    find_ref(store, ref, session));
	return (status);
}

enum lk_status
lk_sqlite_list(struct lk_store *base, const char *user,
    struct lk_deadline deadline, lk_session_fn *each, void *arg)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	sqlite3_stmt *statement = NULL;
	struct lk_session session;
	uint8_t tag[LK_TAG_LEN];
	enum lk_status status = LK_FAULT;
	bool row = false;

	lk_user_tag(user, tag);
	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN, deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sqlite_db_sql(store->db, LK_SQL_LIST, &statement);
	if (status == LK_OK) {
		lk_sqlite_bind_bytes(statement, 1, tag, LK_TAG_LEN);
		lk_sqlite_bind_number(statement, 2, lk_sqlite_now_ms(store));
		status = lk_sqlite_db_step(store->db, statement, &row);
	}
	while (status == LK_OK && row) {
		status = read_session(store, statement, tag,
		    column_digest(statement), &session);
		if (status == LK_OK)
			each(arg, &session, NULL);
		/* One that has just ended is left out. */
		if (status == LK_OK || status == LK_EXPIRED)
			status = lk_sqlite_db_step(store->db, statement, &row);
	}
	return (lk_sqlite_db_end(store->db, status));
}
