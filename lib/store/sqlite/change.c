/* The embedded store's half that begins sessions, and extends them. */
#include <string.h>

#include "store/sqlite/revoke.h"

#define ONCE LK_SQLITE_ONCE
#define STEP LK_SQLITE_STEP
/* The kinds of a row as JSON: each with quotes and a comma, and brackets. */
#define KINDS_TEXT_MAX (LK_KINDS_MAX * (LK_CLIENT_MAX + 3) + 2)
/* How long finding out may take which of very many sessions are the oldest. */
#define TRIM_PATIENCE_MS 10000
/* How many rows that have served their time an issue clears away. */
#define SWEEP_ROWS 16

/* ---- Beginning and going on -------------------------------------------- */

/*
 * End the oldest sessions so that one more fits the limit; ${fits} is false,
 * and nothing ends, if they are too many for one transaction.
 */
static enum lk_status
make_room(struct lk_sqlite_store *store, const struct lk_issue_request *request,
    struct lk_sqlite_gone *gone, bool *fits)
{
	const int64_t stay = (int64_t)request->limits.per_user - 1;
	sqlite3_stmt *row;
	enum lk_status status = LK_FAULT;
	int64_t count;

	*fits = true;
	if (request->limits.per_user == 0 || request->limits.user_refuses)
		return (LK_OK);
	status = lk_sqlite_number_of(store, LK_SQL_COUNT, request->key->tag,
	    1 + (stay + STEP > ONCE ? stay + STEP : ONCE), &count);
	if (status != LK_OK || count <= stay)
		return (status);
	*fits = count <= ONCE || count <= stay + STEP;
	if (!*fits)
		return (LK_OK);
	status = LK_SQLITE_RUN(store->db, LK_SQL_EVICT, &row,
	    LK_SQL_BYTES(request->key->tag, LK_TAG_LEN),
	    LK_SQL_NUMBER(lk_sqlite_now_ms(store)),
	    LK_SQL_NUMBER(count - stay));
	return (status != LK_OK ? status
	                        : lk_sqlite_end_sessions(store, row, gone));
}

/*
 * Run a statement about the live sessions of the kinds of ${row}: with ${gone}
 * LK_SQL_KIND_EVICT, which ends the ${most} that were issued first, else
 * LK_SQL_KIND_LIVE, which counts them.
 */
static enum lk_status
with_kinds(struct lk_sqlite_store *store, const uint8_t tag[LK_TAG_LEN],
    const struct lk_kinds *row, int64_t most, struct lk_sqlite_gone *gone,
    int64_t *count)
{
	struct lk_buf kinds = LK_BUF_INIT(KINDS_TEXT_MAX);
	sqlite3_stmt *found = NULL;
	enum lk_status status = LK_E_NOMEM;
	size_t i;

	/* No kind holds what JSON would escape. */
	for (i = 0; i < row->kinds.n; i++)
		lk_buf_printf(&kinds, "%s\"%s\"", i == 0 ? "[" : ",",
		    row->kinds.v[i]);
	lk_buf_str(&kinds, "]");
	if (!kinds.failed)
		status = LK_SQLITE_RUN(store->db,
		    gone != NULL ? LK_SQL_KIND_EVICT : LK_SQL_KIND_LIVE, &found,
		    LK_SQL_BYTES(tag, LK_TAG_LEN),
		    LK_SQL_NUMBER(lk_sqlite_now_ms(store)),
		    LK_SQL_TEXT(kinds.data), LK_SQL_NUMBER(most));
	if (status == LK_OK && gone != NULL)
		status = lk_sqlite_end_sessions(store, found, gone);
	else if (status == LK_OK && found != NULL)
		*count = sqlite3_column_int64(found, 0);
	if (gone == NULL)
		(void)sqlite3_reset(found);
	lk_buf_free(&kinds);
	return (status);
}

/*
 * The row's limit, and whether the new session is refused by either.  Nothing
 * ends before that is known.
 */
static enum lk_status
make_room_in_row(struct lk_sqlite_store *store,
    const struct lk_issue_request *request, struct lk_sqlite_gone *gone)
{
	const struct lk_limits *limits = &request->limits;
	const uint8_t *tag = request->key->tag;
	enum lk_status status = LK_OK;
	int64_t over = 0, all = 0;

	if (limits->row != NULL) {
		status = with_kinds(store, tag, limits->row, 0, NULL, &over);
		over -= limits->row->max - 1;
	}
	if (status == LK_OK && over > 0 && limits->row_refuses)
		return (LK_LIMIT);
	if (over < 0)
		over = 0;
	if (status == LK_OK && limits->user_refuses && limits->per_user > 0)
		status = lk_sqlite_number_of(store, LK_SQL_LIVE, tag,
		    lk_sqlite_now_ms(store), &all);
	if (status == LK_OK && all - over >= (int64_t)limits->per_user &&
	    limits->user_refuses && limits->per_user > 0)
		return (LK_LIMIT);
	if (status == LK_OK && over > 0)
		status = with_kinds(store, tag, limits->row, over, gone, NULL);
	return (status);
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

enum lk_status
lk_sqlite_insert_beside(struct lk_sqlite_store *store,
    const uint8_t tag[LK_TAG_LEN], const uint8_t handle[LK_HANDLE_LEN],
    int64_t ends_ms, const char *peer, const char *agent)
{
	return (LK_SQLITE_RUN(store->db, LK_SQL_INSERT_BESIDE, NULL,
	    LK_SQL_BYTES(tag, LK_TAG_LEN), LK_SQL_BYTES(handle, LK_HANDLE_LEN),
	    ends_ms == LK_STORED_NEVER ? LK_SQL_BYTES(NULL, 0)
	                               : LK_SQL_NUMBER(ends_ms),
	    LK_SQL_TEXT(peer), LK_SQL_TEXT(agent)));
}

/* Begin it in the transaction under way, after every other of the user. */
static enum lk_status
begin_session(struct lk_sqlite_store *store,
    const struct lk_issue_request *request, struct lk_session *session)
{
	enum lk_status status = LK_OK;
	int64_t now_ms = lk_sqlite_now_ms(store), issued_us = now_ms * 1000;
	int64_t latest = 0, life = request->ttl;

	if (request->max_life > 0 && life > request->max_life)
		life = request->max_life;
	if (request->limits.per_user > 0 || request->limits.row != NULL)
		status = lk_sqlite_number_of(store, LK_SQL_NEWEST,
		    request->key->tag, 0, &latest);
	if (latest >= issued_us)
		issued_us = latest + 1;
	if (status == LK_OK)
		status = insert(store, request, issued_us,
		    now_ms + life * 1000);
	if (status == LK_OK)
		status = lk_sqlite_insert_beside(store, request->key->tag,
		    request->key->digest,
		    request->max_life == 0 ? LK_STORED_NEVER
		                           : now_ms + request->max_life * 1000,
		    request->origin.peer, request->origin.agent);
	if (status == LK_OK)
		status = lk_sqlite_note_issue(store, request);
	if (status == LK_OK)
		status = lk_sqlite_find(store, request->key, session);
	if (status == LK_OK)
		status = lk_sqlite_find_beside(store, request->key->tag,
		    request->key->digest, session);
	return (status);
}

/* Extend it, or what stands beside it, if it is live. */
static enum lk_status
extend(struct lk_sqlite_store *store, enum lk_sqlite_sql sql,
    const struct lk_token_key *key, int64_t number)
{
	return (LK_SQLITE_RUN(store->db, sql, NULL,
	    LK_SQL_BYTES(key->tag, LK_TAG_LEN),
	    LK_SQL_BYTES(key->digest, LK_HANDLE_LEN),
	    LK_SQL_NUMBER(lk_sqlite_now_ms(store)), LK_SQL_NUMBER(number),
	    LK_SQL_BYTES(key->digest, LK_DIGEST_LEN)));
}

enum lk_status
lk_sqlite_extend(struct lk_store *base, const struct lk_token_key *key,
    int64_t ttl, int64_t max_life, struct lk_deadline deadline,
    struct lk_session *session)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	enum lk_status status = LK_FAULT;

	status = lk_sqlite_db_begin_adding(store->db, deadline);
	if (status != LK_OK)
		return (status);
	status = extend(store, LK_SQL_EXTEND_BESIDE, key, max_life * 1000);
	if (status == LK_OK)
		status = extend(store, LK_SQL_EXTEND, key,
		    lk_sqlite_now_ms(store) + ttl * 1000);
	/* It says as well why nothing was extended, if nothing was. */
	if (status == LK_OK)
		status = lk_sqlite_why(store, key,
		    lk_sqlite_find(store, key, session));
	if (status == LK_OK)
		status = lk_sqlite_find_beside(store, key->tag, key->digest,
		    session);
	return (lk_sqlite_db_end(store->db, status));
}

/* ---- Issuing ----------------------------------------------------------- */

/*
 * End so many sessions of a user who has very many that one more fits the
 * limit, in steps: those that were issued first.  Which these are is read where
 * it keeps nobody from writing, and may take longer than a step.
 */
static enum lk_status
trim(struct lk_sqlite_store *store, const struct lk_issue_request *request,
    struct lk_sqlite_gone *gone)
{
	const int64_t stay = (int64_t)request->limits.per_user - 1;
	struct lk_sqlite_doomed doomed = { .keep = NULL };
	struct lk_deadline deadline = lk_deadline_in(TRIM_PATIENCE_MS);
	enum lk_status status = LK_FAULT;
	uint64_t ended = 0;
	int64_t over, began_ns;

	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN, deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sqlite_number_of(store, LK_SQL_COUNT, gone->tag, -1, &over);
	if (status == LK_OK)
		status = lk_sqlite_number_of(store, LK_SQL_OLD, gone->tag, stay,
		    &doomed.until_us);
	status = lk_sqlite_db_end(store->db, status);
	deadline = lk_deadline_in(store->base.timeout_ms);
	gone->rows = STEP;
	gone->together = true;
	for (over -= stay; status == LK_OK && gone->rows == STEP && over > 0;
	     over -= STEP) {
		began_ns = lk_monotonic_ns();
		status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN_IMMEDIATE,
		    deadline);
		if (status != LK_OK)
			break;
		status = lk_sqlite_db_end(store->db,
		    lk_sqlite_end_some(store, &doomed,
		        over < STEP ? (int)over : STEP, gone));
		ended += gone->live;
		memcpy(doomed.from, gone->last, sizeof(doomed.from));
		doomed.from_len = sizeof(doomed.from);
		if (status == LK_OK && over > STEP)
			status = lk_sqlite_next_step(store, deadline, began_ns,
			    ended);
	}
	gone->together = false;
	return (status);
}

/* Clear away a few rows of each table that have served their time. */
static enum lk_status
sweep_some(struct lk_sqlite_store *store)
{
	enum lk_status status = LK_FAULT;
	int swept;

	status = lk_sqlite_sweep_some(store, LK_SQL_SWEEP_SESSIONS);
	return (status != LK_OK
	        ? status
	        : lk_sqlite_sweep_past(store, SWEEP_ROWS, &swept));
}

/* Make room and begin the session, in the transaction under way. */
static enum lk_status
issue(struct lk_sqlite_store *store, const struct lk_issue_request *request,
    struct lk_sqlite_gone *limited, bool *fits, struct lk_session *session)
{
	const struct lk_ending ending = { .reason = LK_REASON_REPLACED,
		.origin = limited->ending->origin };
	struct lk_sqlite_gone replaced = { .tag = request->key->tag,
		.ending = &ending,
		.told = true };
	enum lk_status status = sweep_some(store);

	*fits = false;
	if (status == LK_OK && request->replaces != NULL)
		status = lk_sqlite_end_one(store, request->replaces->digest,
		    &replaced);
	if (status == LK_OK)
		status = make_room_in_row(store, request, limited);
	if (status == LK_OK)
		status = make_room(store, request, limited, fits);
	if (status == LK_OK && *fits)
		status = begin_session(store, request, session);
	return (status);
}

enum lk_status
lk_sqlite_issue(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	struct lk_ending ending = { .reason = LK_REASON_LIMIT,
		.origin = request->origin };
	struct lk_sqlite_gone gone = { .tag = request->key->tag,
		.ending = &ending,
		.told = true };
	struct lk_gone_mark before;
	enum lk_status status = LK_OK;
	bool fits = false;

	ending.origin.agent[0] = '\0';
	while (status == LK_OK && !fits) {
		before = lk_gone_mark(&store->base.gone);
		status = lk_sqlite_db_begin_adding(store->db, deadline);
		if (status != LK_OK)
			break;
		status = issue(store, request, &gone, &fits, session);
		/* What is refused, or needs more steps, has changed nothing. */
		status = status == LK_OK && fits
		    ? lk_sqlite_db_end(store->db, status)
		    : lk_sqlite_db_undo(store->db, status);
		if (status != LK_OK || !fits)
			lk_gone_undo(&store->base.gone, before);
		if (status == LK_OK && !fits) {
			status = trim(store, request, &gone);
			deadline = lk_deadline_in(base->timeout_ms);
		}
	}
	return (status);
}
