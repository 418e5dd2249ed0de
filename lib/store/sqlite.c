/*
 * The embedded store: one SQLite file for one machine, shared by every
 * process that may write to its folder.
 *
 * A change is one immediate transaction that is on the disk before it is
 * reported; a check is one read that waits for nobody.  Expired sessions stay
 * for an hour, so that a bearer can be told "expired"; then whoever writes
 * clears some of them away.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "session.h"
#include "sqlite_store.h"

/* How long an expired session is remembered, and how many rows that are
 * older a change clears away. */
#define EXPIRED_KNOWN_MS 3600000
#define SWEEP_ROWS 16

/* Columns of what LK_SQL_CHECK and LK_SQL_LIST select. */
enum {
	COLUMN_DIGEST = 0,
	COLUMN_USER,
	COLUMN_CLIENT,
	COLUMN_ISSUED,
	COLUMN_EXPIRES
};

struct lk_sqlite_store *
lk_sqlite_store_of(struct lk_store *base)
{
	/* The base is the first member. */
	return ((struct lk_sqlite_store *)base);
}

int64_t
lk_sqlite_now_ms(const struct lk_sqlite_store *store)
{
	return (store->base.now_ms(store->base.arg));
}

enum lk_status
lk_sqlite_corrupt(const struct lk_sqlite_store *store)
{
	return (lk_fail(store->base.error, LK_E_CORRUPT,
	    "%s: a row is not what latchkey writes",
	    store->base.settings->store.sqlite.path));
}

/* ---- Statements -------------------------------------------------------- */

/* What is bound is borrowed, which takes no memory: it cannot fail. */
void
lk_sqlite_bind_bytes(sqlite3_stmt *statement, int at, const void *bytes,
    size_t len)
{
	(void)sqlite3_bind_blob64(statement, at, bytes, (sqlite3_uint64)len,
	    SQLITE_STATIC);
}

void
lk_sqlite_bind_number(sqlite3_stmt *statement, int at, int64_t number)
{
	(void)sqlite3_bind_int64(statement, at, number);
}

/* Run a statement that changes rows. */
enum lk_status
lk_sqlite_change(struct lk_sqlite_store *store, sqlite3_stmt *statement)
{
	bool row;

	return (lk_sqlite_db_step(store->db, statement, &row));
}

bool
lk_sqlite_column_text(sqlite3_stmt *statement, int column, char *text,
    size_t max)
{
	const void *bytes = sqlite3_column_blob(statement, column);
	size_t len = (size_t)sqlite3_column_bytes(statement, column);

	if (len > max || (len > 0 && memchr(bytes, '\0', len) != NULL))
		return (false);
	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	return (true);
}

/* The digest of a row, or NULL if it has none. */
static const uint8_t *
column_digest(sqlite3_stmt *row)
{
	const void *digest = sqlite3_column_blob(row, COLUMN_DIGEST);

	return (sqlite3_column_bytes(row, COLUMN_DIGEST) == LK_DIGEST_LEN
	        ? digest
	        : NULL);
}

/* Read the session of a row with this digest. */
static enum lk_status
read_session(const struct lk_sqlite_store *store, sqlite3_stmt *row,
    const uint8_t tag[LK_TAG_LEN], const uint8_t *digest, int64_t now_ms,
    struct lk_session *session)
{
	memset(session, 0, sizeof(*session));
	if (digest == NULL ||
	    !lk_sqlite_column_text(row, COLUMN_USER, session->user,
	        LK_USER_ID_MAX) ||
	    !lk_sqlite_column_text(row, COLUMN_CLIENT, session->client,
	        LK_CLIENT_MAX) ||
	    lk_user_id_check(session->user) != LK_OK)
		return (lk_sqlite_corrupt(store));
	lk_session_id(digest, tag, LK_TAG_LEN, session->id);
	session->issued_at = sqlite3_column_int64(row, COLUMN_ISSUED) / 1000000;
	lk_session_expiry(sqlite3_column_int64(row, COLUMN_EXPIRES), now_ms,
	    session);
	return (LK_OK);
}

/* Whether the row found for ${key} is its session, and what it says. */
static enum lk_status
judge_row(const struct lk_sqlite_store *store, sqlite3_stmt *row,
    const struct lk_token_key *key, struct lk_session *session)
{
	const uint8_t *digest = column_digest(row);
	const int64_t now_ms = lk_sqlite_now_ms(store);
	enum lk_status status = LK_FAULT;

	if (digest == NULL)
		return (lk_sqlite_corrupt(store));
	if (sodium_memcmp(digest, key->digest, LK_DIGEST_LEN) != 0)
		return (LK_UNKNOWN);
	if (sqlite3_column_int64(row, COLUMN_EXPIRES) <= now_ms)
		return (LK_EXPIRED);
	status = read_session(store, row, key->tag, digest, now_ms, session);
	if (status == LK_OK && key->shape == LK_SHAPE_GOSESSION &&
	    strcmp(key->user, session->user) != 0)
		status = lk_sqlite_corrupt(store);
	return (status);
}

/* Find the row of a handle; LK_OK and LK_SQL_CHECK at it, to be reset. */
static enum lk_status
find_row(struct lk_sqlite_store *store, const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], sqlite3_stmt **statement)
{
	enum lk_status status = LK_FAULT;
	bool row;

	status = lk_sqlite_db_sql(store->db, LK_SQL_CHECK, statement);
	if (status != LK_OK)
		return (status);
	lk_sqlite_bind_bytes(*statement, 1, tag, LK_TAG_LEN);
	lk_sqlite_bind_bytes(*statement, 2, handle, LK_HANDLE_LEN);
	status = lk_sqlite_db_step(store->db, *statement, &row);
	return (status == LK_OK && !row ? LK_UNKNOWN : status);
}

/* Look a session up in the transaction under way. */
enum lk_status
lk_sqlite_find(struct lk_sqlite_store *store, const struct lk_token_key *key,
    struct lk_session *session)
{
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;

	status = find_row(store, key->tag, key->digest, &statement);
	if (status != LK_OK)
		return (status);
	status = judge_row(store, statement, key, session);
	(void)sqlite3_reset(statement);
	return (status);
}

/* The same by public id: what was found is what was asked for. */
static enum lk_status
find_ref(struct lk_sqlite_store *store, const struct lk_session_ref *ref,
    struct lk_session *session)
{
	const int64_t now_ms = lk_sqlite_now_ms(store);
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;

	status = find_row(store, ref->locator, ref->handle, &statement);
	if (status != LK_OK)
		return (status);
	if (sqlite3_column_int64(statement, COLUMN_EXPIRES) <= now_ms)
		status = LK_EXPIRED;
	else
		status = read_session(store, statement, ref->locator,
		    column_digest(statement), now_ms, session);
	(void)sqlite3_reset(statement);
	return (status);
}

/* Clear away a few rows that expired long ago. */
enum lk_status
lk_sqlite_sweep_some(struct lk_sqlite_store *store, enum lk_sqlite_sql sql)
{
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;

	status = lk_sqlite_db_sql(store->db, sql, &statement);
	if (status != LK_OK)
		return (status);
	lk_sqlite_bind_number(statement, 1,
	    lk_sqlite_now_ms(store) - EXPIRED_KNOWN_MS);
	lk_sqlite_bind_number(statement, 2, SWEEP_ROWS);
	return (lk_sqlite_change(store, statement));
}

/* ---- Sessions ---------------------------------------------------------- */

static enum lk_status
sqlite_ping(struct lk_store *base, struct lk_deadline deadline)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	enum lk_status status = LK_FAULT;

	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN, deadline);
	return (status == LK_OK ? lk_sqlite_db_end(store->db, status) : status);
}

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

static enum lk_status
sqlite_issue(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	enum lk_status status = LK_FAULT;
	int64_t issued_us, expires_ms;

	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN_IMMEDIATE,
	    deadline);
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

static enum lk_status
sqlite_check(struct lk_store *base, const struct lk_token_key *key,
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

static enum lk_status
sqlite_check_id(struct lk_store *base, const struct lk_session_ref *ref,
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

static enum lk_status
sqlite_extend(struct lk_store *base, const struct lk_token_key *key,
    int64_t ttl, struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;

	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN_IMMEDIATE,
	    deadline);
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

/* One attempt to end a session. */
static enum lk_status
revoke_once(struct lk_sqlite_store *store, const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], struct lk_deadline deadline,
    uint64_t *revoked)
{
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;
	int count = 0;

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
		status = lk_sqlite_change(store, statement);
		count = lk_sqlite_db_changes(store->db);
	}
	status = lk_sqlite_db_end(store->db, status);
	if (status == LK_OK)
		*revoked = (uint64_t)count;
	return (status);
}

/*
 * End a session.  What makes the first attempt fail, such as a full disk, may
 * be gone by the second: see lk_sqlite_db_end().
 */
static enum lk_status
revoke(struct lk_sqlite_store *store, const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], struct lk_deadline deadline,
    uint64_t *revoked)
{
	enum lk_status status = revoke_once(store, tag, handle, deadline,
	    revoked);

	if (status == LK_E_STORE)
		status = revoke_once(store, tag, handle, deadline, revoked);
	return (status);
}

static enum lk_status
sqlite_revoke(struct lk_store *base, const struct lk_token_key *key,
    struct lk_deadline deadline, uint64_t *revoked)
{
	return (revoke(lk_sqlite_store_of(base), key->tag, key->digest,
	    deadline, revoked));
}

static enum lk_status
sqlite_revoke_id(struct lk_store *base, const struct lk_session_ref *ref,
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

static enum lk_status
sqlite_revoke_all(struct lk_store *base, const char *user,
    struct lk_deadline deadline, uint64_t *revoked)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	enum lk_status status = revoke_all_once(store, user, deadline, revoked);

	/* As in revoke(). */
	if (status == LK_E_STORE)
		status = revoke_all_once(store, user, deadline, revoked);
	return (status);
}

static enum lk_status
sqlite_list(struct lk_store *base, const char *user,
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
		    column_digest(statement), lk_sqlite_now_ms(store),
		    &session);
		if (status == LK_OK)
			each(arg, &session, NULL);
		if (status == LK_OK)
			status = lk_sqlite_db_step(store->db, statement, &row);
	}
	return (lk_sqlite_db_end(store->db, status));
}

/* ---- The store --------------------------------------------------------- */

static enum lk_status
sqlite_inspect(struct lk_store *base, struct lk_deadline deadline,
    lk_finding_fn *each, void *arg)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;
	char text[LK_ERROR_MAX];
	bool row;

	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN, deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sqlite_db_sql(store->db, LK_SQL_TOTAL, &statement);
	if (status == LK_OK) {
		lk_sqlite_bind_number(statement, 1, lk_sqlite_now_ms(store));
		status = lk_sqlite_db_step(store->db, statement, &row);
	}
	if (status == LK_OK && row) {
		(void)snprintf(text, sizeof(text),
		    "SQLite %s, %lld live sessions in %s", sqlite3_libversion(),
		    (long long)sqlite3_column_int64(statement, 0),
		    base->settings->store.sqlite.path);
		each(arg, LK_FINDING_GOOD, text);
	}
	return (lk_sqlite_db_end(store->db, status));
}

static void
sqlite_free(struct lk_store *base)
{
	lk_sqlite_db_free(lk_sqlite_store_of(base)->db);
	free(base);
}

static const struct lk_store_ops sqlite_ops = { .name = "sqlite",
	.ping = sqlite_ping,
	.inspect = sqlite_inspect,
	.issue = sqlite_issue,
	.check = sqlite_check,
	.check_id = sqlite_check_id,
	.check_user = lk_sqlite_check_user,
	.extend = sqlite_extend,
	.revoke = sqlite_revoke,
	.revoke_id = sqlite_revoke_id,
	.revoke_all = sqlite_revoke_all,
	.list = sqlite_list,
	.user_get = lk_sqlite_user_get,
	.user_put = lk_sqlite_user_put,
	.user_delete = lk_sqlite_user_delete,
	.walk = lk_sqlite_walk,
	.put = lk_sqlite_put,
	.sweep = lk_sqlite_sweep,
	.stats = lk_sqlite_stats,
	.free = sqlite_free };

enum lk_status
lk_sqlite_store_open(const struct lk_store *base, struct lk_store **storep)
{
	struct lk_sqlite_store *store = calloc(1, sizeof(*store));
	enum lk_status status = LK_FAULT;

	*storep = NULL;
	if (store == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	store->base = *base;
	store->base.ops = &sqlite_ops;
	store->base.shape = LK_SHAPE_LATCHKEY;
	store->base.timeout_ms = base->settings->store.sqlite.timeout_ms;
	status = lk_sqlite_db_new(base->settings->store.sqlite.path,
	    base->error, &store->db);
	if (status != LK_OK) {
		free(store);
		return (status);
	}
	*storep = &store->base;
	return (LK_OK);
}
