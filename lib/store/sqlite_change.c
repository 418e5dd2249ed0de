/* The embedded store's half that begins sessions, extends and ends them. */
#include <string.h>

#include "sqlite_store.h"

/* ---- Beginning and going on -------------------------------------------- */

/*
 * End the oldest sessions so that one more fits the limit, and say when the
 * new one begins: after every other of the user, however fast they come.
 */
static enum lk_status
make_room(struct lk_sqlite_store *store, const struct lk_issue_request *request,
    int64_t *issued_us)
{
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;
	bool row;

	if (request->limits.per_user == 0)
		return (LK_OK);
	status = lk_sqlite_db_sql(store->db, LK_SQL_NEWEST, &statement);
	if (status != LK_OK)
		return (status);
	lk_sqlite_bind_bytes(statement, 1, request->key->tag, LK_TAG_LEN);
	status = lk_sqlite_db_step(store->db, statement, &row);
	if (status == LK_OK && row &&
	    sqlite3_column_int64(statement, 0) >= *issued_us)
		*issued_us = sqlite3_column_int64(statement, 0) + 1;
	(void)sqlite3_reset(statement);
	if (status == LK_OK)
		status = lk_sqlite_db_sql(store->db, LK_SQL_EVICT, &statement);
	if (status != LK_OK)
		return (status);
	lk_sqlite_bind_bytes(statement, 1, request->key->tag, LK_TAG_LEN);
	lk_sqlite_bind_number(statement, 2, lk_sqlite_now_ms(store));
	lk_sqlite_bind_number(statement, 3,
	    (int64_t)request->limits.per_user - 1);
	return (lk_sqlite_change(store, statement));
}

static enum lk_status
insert(struct lk_sqlite_store *store, const struct lk_issue_request *request,
    int64_t issued_us, int64_t expires_ms)
{
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;

	status = lk_sqlite_db_sql(store->db, LK_SQL_INSERT, &statement);
	if (status != LK_OK)
		return (status);
	lk_sqlite_bind_bytes(statement, 1, request->key->tag, LK_TAG_LEN);
	lk_sqlite_bind_bytes(statement, 2, request->key->digest, LK_HANDLE_LEN);
	lk_sqlite_bind_bytes(statement, 3, request->key->digest, LK_DIGEST_LEN);
	lk_sqlite_bind_bytes(statement, 4, request->user,
	    strlen(request->user));
	(void)sqlite3_bind_text(statement, 5, request->client, -1,
	    SQLITE_STATIC);
	lk_sqlite_bind_number(statement, 6, issued_us);
	lk_sqlite_bind_number(statement, 7, expires_ms);
	return (lk_sqlite_change(store, statement));
}

enum lk_status
lk_sqlite_issue(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	enum lk_status status = LK_FAULT;
	int64_t issued_us, expires_ms;

	status = lk_sqlite_db_begin_adding(store->db, deadline);
	if (status != LK_OK)
		return (status);
	issued_us = lk_sqlite_now_ms(store) * 1000;
	expires_ms = lk_sqlite_now_ms(store) + request->ttl * 1000;
	if ((status = lk_sqlite_sweep_some(store, LK_SQL_SWEEP_SESSIONS)) ==
	        LK_OK &&
	    (status = make_room(store, request, &issued_us)) == LK_OK &&
	    (status = insert(store, request, issued_us, expires_ms)) == LK_OK)
		status = lk_sqlite_find(store, request->key, session);
	return (lk_sqlite_db_end(store->db, status));
}

enum lk_status
lk_sqlite_extend(struct lk_store *base, const struct lk_token_key *key,
    int64_t ttl, struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;

	status = lk_sqlite_db_begin_adding(store->db, deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sqlite_db_sql(store->db, LK_SQL_EXTEND, &statement);
	if (status == LK_OK) {
		lk_sqlite_bind_bytes(statement, 1, key->tag, LK_TAG_LEN);
		lk_sqlite_bind_bytes(statement, 2, key->digest, LK_HANDLE_LEN);
		lk_sqlite_bind_number(statement, 3, lk_sqlite_now_ms(store));
		lk_sqlite_bind_number(statement, 4,
		    lk_sqlite_now_ms(store) + ttl * 1000);
		lk_sqlite_bind_bytes(statement, 5, key->digest, LK_DIGEST_LEN);
		status = lk_sqlite_change(store, statement);
	}
	/* It says as well why nothing was extended, if nothing was. */
	if (status == LK_OK)
		status = lk_sqlite_find(store, key, session);
	return (lk_sqlite_db_end(store->db, status));
}

/* ---- Revocation -------------------------------------------------------- */

/*
 * Whether to try once more.  What makes the first attempt fail, such as a full
 * disk, may be gone by the second, see lk_sqlite_db_end(); the third has the
 * room that was kept for it.
 */
static bool
try_again(struct lk_sqlite_store *store, enum lk_status status, int attempt)
{
	if (status != LK_E_STORE || attempt == 2)
		return (false);
	if (attempt == 1)
		lk_sqlite_db_make_room(store->db);
	return (true);
}

/* One attempt to end a session. */
static enum lk_status
revoke_once(struct lk_sqlite_store *store, const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], struct lk_deadline deadline,
    uint64_t *revoked)
{
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;
	bool was_live = false;

	*revoked = 0;
	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN_IMMEDIATE,
	    deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sqlite_db_sql(store->db, LK_SQL_REVOKE, &statement);
	if (status == LK_OK) {
		lk_sqlite_bind_bytes(statement, 1, tag, LK_TAG_LEN);
		lk_sqlite_bind_bytes(statement, 2, handle, LK_HANDLE_LEN);
		lk_sqlite_bind_number(statement, 3, lk_sqlite_now_ms(store));
		status = lk_sqlite_delete(store, statement, &was_live);
	}
	status = lk_sqlite_db_end(store->db, status);
	if (status == LK_OK)
		*revoked = was_live ? 1 : 0;
	return (status);
}

static enum lk_status
revoke(struct lk_sqlite_store *store, const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], struct lk_deadline deadline,
    uint64_t *revoked)
{
	enum lk_status status = LK_FAULT;
	int attempt = 0;

	do
		status = revoke_once(store, tag, handle, deadline, revoked);
	while (try_again(store, status, attempt++));
	return (status);
}

enum lk_status
lk_sqlite_revoke(struct lk_store *base, const struct lk_token_key *key,
    struct lk_deadline deadline, uint64_t *revoked)
{
	return (revoke(lk_sqlite_store_of(base), key->tag, key->digest,
	    deadline, revoked));
}

enum lk_status
lk_sqlite_revoke_id(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, uint64_t *revoked)
{
	*revoked = 0;
	if (ref->locator_len != LK_TAG_LEN)
		return (LK_MALFORMED);
	return (revoke(lk_sqlite_store_of(base), ref->locator, ref->handle,
	    deadline, revoked));
}

/* How many live sessions there are in the keys of ${tag}. */
static enum lk_status
count_live(struct lk_sqlite_store *store, const uint8_t tag[LK_TAG_LEN],
    uint64_t *count)
{
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;
	bool row;

	*count = 0;
	status = lk_sqlite_db_sql(store->db, LK_SQL_COUNT, &statement);
	if (status != LK_OK)
		return (status);
	lk_sqlite_bind_bytes(statement, 1, tag, LK_TAG_LEN);
	lk_sqlite_bind_number(statement, 2, lk_sqlite_now_ms(store));
	status = lk_sqlite_db_step(store->db, statement, &row);
	if (status == LK_OK && row)
		*count = (uint64_t)sqlite3_column_int64(statement, 0);
	(void)sqlite3_reset(statement);
	return (status);
}

/* One attempt to end all sessions of a user. */
static enum lk_status
revoke_all_once(struct lk_sqlite_store *store, const char *user,
    struct lk_deadline deadline, uint64_t *revoked)
{
	sqlite3_stmt *statement = NULL;
	uint8_t tag[LK_TAG_LEN];
	enum lk_status status = LK_FAULT;
	uint64_t count = 0;

	*revoked = 0;
	lk_user_tag(user, tag);
	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN_IMMEDIATE,
	    deadline);
	if (status != LK_OK)
		return (status);
	status = count_live(store, tag, &count);
	if (status == LK_OK)
		status = lk_sqlite_db_sql(store->db, LK_SQL_REVOKE_ALL,
		    &statement);
	if (status == LK_OK) {
		lk_sqlite_bind_bytes(statement, 1, tag, LK_TAG_LEN);
		status = lk_sqlite_change(store, statement);
	}
	status = lk_sqlite_db_end(store->db, status);
	if (status == LK_OK)
		*revoked = count;
	return (status);
}

enum lk_status
lk_sqlite_revoke_all(struct lk_store *base, const char *user,
    struct lk_deadline deadline, uint64_t *revoked)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	enum lk_status status = LK_FAULT;
	int attempt = 0;

	do
		status = revoke_all_once(store, user, deadline, revoked);
	while (try_again(store, status, attempt++));
	return (status);
}
