/* The embedded store's half that begins sessions, extends and ends them. */
#include <string.h>

#include "store/sqlite/store.h"

/* Most sessions of a user that end in one transaction; who has more has them
 * end in steps of fewer, so that nobody waits for long. */
#define ONCE 10000
#define STEP 500
/* The same once the disk is full: the log that each takes, a page or more for a
 * session, has room where the reserve was. */
#define FEW 64
/* How long finding out may take which of very many sessions are the oldest. */
#define TRIM_PATIENCE_MS 10000

/* ---- Beginning and going on -------------------------------------------- */

/* The number that ${sql} says about the keys of ${tag}, which may go by
 * ${limit}; 0 if it says none. */
static enum lk_status
number_of(struct lk_sqlite_store *store, enum lk_sqlite_sql sql,
    const uint8_t tag[LK_TAG_LEN], int64_t limit, int64_t *number)
{
	sqlite3_stmt *row;
	enum lk_status status = LK_FAULT;

	status = LK_SQLITE_RUN(store->db, sql, &row,
	    LK_SQL_BYTES(tag, LK_TAG_LEN), LK_SQL_NUMBER(limit));
	*number = row != NULL ? sqlite3_column_int64(row, 0) : 0;
	(void)sqlite3_reset(row);
	return (status);
}

/*
 * End the oldest sessions so that one more fits the limit; ${fits} is false,
 * and nothing ends, if they are too many for one transaction.
 */
static enum lk_status
make_room(struct lk_sqlite_store *store, const struct lk_issue_request *request,
    bool *fits)
{
	const int64_t stay = (int64_t)request->limits.per_user - 1;
	enum lk_status status = LK_FAULT;
	int64_t count;

	*fits = true;
	if (request->limits.per_user == 0)
		return (LK_OK);
	status = number_of(store, LK_SQL_COUNT, request->key->tag,
	    1 + (stay + STEP > ONCE ? stay + STEP : ONCE), &count);
	if (status != LK_OK || count <= stay)
		return (status);
	*fits = count <= ONCE || count <= stay + STEP;
	if (!*fits)
		return (LK_OK);
	return (LK_SQLITE_RUN(store->db, LK_SQL_EVICT, NULL,
	    LK_SQL_BYTES(request->key->tag, LK_TAG_LEN),
	    LK_SQL_NUMBER(lk_sqlite_now_ms(store)),
	    LK_SQL_NUMBER(count - stay)));
}

static enum lk_status
insert(struct lk_sqlite_store *store, const struct lk_issue_request *request,
    int64_t issued_us, int64_t expires_ms)
{
	return (LK_SQLITE_RUN(store->db, LK_SQL_INSERT, NULL,
	    LK_SQL_BYTES(request->key->tag, LK_TAG_LEN),
	    LK_SQL_BYTES(request->key->digest, LK_HANDLE_LEN),
	    LK_SQL_BYTES(request->key->digest, LK_DIGEST_LEN),
	    LK_SQL_BYTES(request->user, strlen(request->user)),
	    LK_SQL_TEXT(request->client), LK_SQL_NUMBER(issued_us),
	    LK_SQL_NUMBER(expires_ms)));
}

/* Begin it in the transaction under way, after every other of the user. */
static enum lk_status
begin_session(struct lk_sqlite_store *store,
    const struct lk_issue_request *request, struct lk_session *session)
{
	enum lk_status status = LK_OK;
	int64_t now_ms = lk_sqlite_now_ms(store), issued_us = now_ms * 1000;
	int64_t latest = 0;

	if (request->limits.per_user > 0)
		status = number_of(store, LK_SQL_NEWEST, request->key->tag, 0,
		    &latest);
	if (latest >= issued_us)
		issued_us = latest + 1;
	if (status == LK_OK)
		status = insert(store, request, issued_us,
		    now_ms + request->ttl * 1000);
	if (status == LK_OK)
		status = lk_sqlite_find(store, request->key, session);
	return (status);
}

enum lk_status
lk_sqlite_extend(struct lk_store *base, const struct lk_token_key *key,
    int64_t ttl, struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	enum lk_status status = LK_FAULT;

	status = lk_sqlite_db_begin_adding(store->db, deadline);
	if (status != LK_OK)
		return (status);
	status = LK_SQLITE_RUN(store->db, LK_SQL_EXTEND, NULL,
	    LK_SQL_BYTES(key->tag, LK_TAG_LEN),
	    LK_SQL_BYTES(key->digest, LK_HANDLE_LEN),
	    LK_SQL_NUMBER(lk_sqlite_now_ms(store)),
	    LK_SQL_NUMBER(lk_sqlite_now_ms(store) + ttl * 1000),
	    LK_SQL_BYTES(key->digest, LK_DIGEST_LEN));
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

static enum lk_status
revoke(struct lk_sqlite_store *store, const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], struct lk_deadline deadline,
    uint64_t *revoked)
{
	enum lk_status status = LK_FAULT;
	bool was_live;
	int attempt = 0;

	do
		status = lk_sqlite_delete(store, LK_SQL_REVOKE, tag, handle,
		    deadline, &was_live);
	while (try_again(store, status, attempt++));
	*revoked = was_live ? 1 : 0;
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

/* Which sessions of a user end: those behind a handle, up to some time. */
struct doomed {
	const uint8_t *tag;
	const struct lk_token_key *keep; /* is spared, unless it is NULL */
	int64_t until_us;
	size_t from_len; /* 0, or that of a handle */
	uint8_t from[LK_HANDLE_LEN];
};

/*
 * End ${most} of them; ${all} says whether there were fewer, and ${last} is the
 * last one's handle.
 */
static enum lk_status
revoke_some(struct lk_sqlite_store *store, const struct doomed *doomed,
    int most, bool *all, uint64_t *revoked, uint8_t last[LK_HANDLE_LEN])
{
	const int64_t now_ms = lk_sqlite_now_ms(store);
	sqlite3_stmt *row;
	enum lk_status status = LK_FAULT;
	const void *handle;
	int gone = 0;

	memset(last, 0, LK_HANDLE_LEN);
	status = LK_SQLITE_RUN(store->db, LK_SQL_REVOKE_SOME, &row,
	    LK_SQL_BYTES(doomed->tag, LK_TAG_LEN),
	    LK_SQL_NUMBER(doomed->until_us), LK_SQL_NUMBER(most),
	    LK_SQL_BYTES(doomed->keep == NULL ? NULL : doomed->keep->digest,
	        LK_HANDLE_LEN),
	    LK_SQL_BYTES(doomed->from, doomed->from_len));
	for (; row != NULL; status = lk_sqlite_db_next(store->db, &row)) {
		gone++;
		if (sqlite3_column_int64(row, 0) > now_ms)
			++*revoked;
		handle = sqlite3_column_blob(row, 1);
		if (sqlite3_column_bytes(row, 1) == LK_HANDLE_LEN &&
		    memcmp(handle, last, LK_HANDLE_LEN) > 0)
			memcpy(last, handle, LK_HANDLE_LEN);
	}
	*all = gone < most;
	return (status);
}

/*
 * Between two steps, of which the last began at ${began_ns}: let others have
 * the lock, who look for it more often than this takes.  LK_E_TIMEOUT if there
 * is no time for another.
 */
static enum lk_status
let_others(const struct lk_sqlite_store *store, struct lk_deadline deadline,
    int64_t began_ns, uint64_t ended)
{
	lk_sqlite_let_others(began_ns);
	if (lk_deadline_left_ms(deadline) > 0)
		return (LK_OK);
	return (lk_fail(store->base.error, LK_E_TIMEOUT,
	    "%llu sessions have ended, and not yet all: repeat it",
	    (unsigned long long)ended));
}

/*
 * One attempt at a step of a revoke-all; ${most} and the time until when are
 * set by the first, which has none.
 */
static enum lk_status
revoke_step(struct lk_sqlite_store *store, struct doomed *doomed,
    struct lk_deadline deadline, int *most, bool *all, uint64_t *revoked)
{
	int64_t latest = doomed->until_us, count = 0;
	uint8_t last[LK_HANDLE_LEN];
	enum lk_status status = LK_FAULT;

	*all = false;
	*revoked = 0;
	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN_IMMEDIATE,
	    deadline);
	if (status != LK_OK)
		return (status);
	if (*most == ONCE)
		status = number_of(store, LK_SQL_COUNT, doomed->tag, ONCE + 1,
		    &count);
	if (count > ONCE)
		*most = STEP;
	if (status == LK_OK)
		status = revoke_some(store, doomed, *most, all, revoked, last);
	/* What is issued from now on is spared, whatever clocks say. */
	if (status == LK_OK && !*all && doomed->until_us == INT64_MAX)
		status = number_of(store, LK_SQL_NEWEST, doomed->tag, 0,
		    &latest);
	if ((status = lk_sqlite_db_end(store->db, status)) == LK_OK)
		doomed->until_us = latest;
	else
		*revoked = 0;
	return (status);
}

enum lk_status
lk_sqlite_revoke_all(struct lk_store *base, const char *user,
    const struct lk_token_key *keep, struct lk_deadline deadline,
    uint64_t *revoked)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	uint8_t tag[LK_TAG_LEN];
	struct doomed doomed = { .tag = tag,
		.keep = keep,
		.until_us = INT64_MAX };
	enum lk_status status = LK_OK;
	int64_t began_ns;
	uint64_t count;
	int attempt, most = ONCE;
	bool all = false;

	*revoked = 0;
	lk_user_tag(user, tag);
	while (status == LK_OK && !all) {
		attempt = 0;
		began_ns = lk_monotonic_ns();
		do {
			status = revoke_step(store, &doomed, deadline, &most,
			    &all, &count);
			if (status == LK_E_STORE)
				most = FEW;
		} while (try_again(store, status, attempt++));
		*revoked += count;
		if (status == LK_OK && !all)
			status = let_others(store, deadline, began_ns,
			    *revoked);
	}
	return (status);
}

/* ---- Issuing ----------------------------------------------------------- */

/*
 * End so many sessions of a user who has very many that one more fits the
 * limit, in steps: those that were issued first.  Which these are is read where
 * it keeps nobody from writing, and may take longer than a step.
 */
static enum lk_status
trim(struct lk_sqlite_store *store, const struct lk_issue_request *request)
{
	const int64_t stay = (int64_t)request->limits.per_user - 1;
	struct doomed doomed = { .tag = request->key->tag };
	struct lk_deadline deadline = lk_deadline_in(TRIM_PATIENCE_MS);
	enum lk_status status = LK_FAULT;
	uint8_t last[LK_HANDLE_LEN];
	uint64_t ended = 0;
	bool all = false;
	int64_t over, began_ns;

	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN, deadline);
	if (status != LK_OK)
		return (status);
	status = number_of(store, LK_SQL_COUNT, doomed.tag, -1, &over);
	if (status == LK_OK)
		status = number_of(store, LK_SQL_OLD, doomed.tag, stay,
		    &doomed.until_us);
	status = lk_sqlite_db_end(store->db, status);
	deadline = lk_deadline_in(store->base.timeout_ms);
	for (over -= stay; status == LK_OK && !all && over > 0; over -= STEP) {
		began_ns = lk_monotonic_ns();
		status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN_IMMEDIATE,
		    deadline);
		if (status != LK_OK)
			break;
		status = revoke_some(store, &doomed,
		    over < STEP ? (int)over : STEP, &all, &ended, last);
		status = lk_sqlite_db_end(store->db, status);
		memcpy(doomed.from, last, sizeof(last));
		doomed.from_len = sizeof(last);
		if (status == LK_OK && over > STEP)
			status = let_others(store, deadline, began_ns, ended);
	}
	return (status);
}

enum lk_status
lk_sqlite_issue(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	enum lk_status status = LK_OK;
	bool fits = false;

	while (status == LK_OK && !fits) {
		status = lk_sqlite_db_begin_adding(store->db, deadline);
		if (status != LK_OK)
			break;
		status = lk_sqlite_sweep_some(store, LK_SQL_SWEEP_SESSIONS);
		if (status == LK_OK)
			status = make_room(store, request, &fits);
		if (status == LK_OK && fits)
			status = begin_session(store, request, session);
		status = lk_sqlite_db_end(store->db, status);
		if (status == LK_OK && !fits) {
			status = trim(store, request);
			deadline = lk_deadline_in(base->timeout_ms);
		}
	}
	return (status);
}
