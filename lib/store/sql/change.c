/* The half that begins sessions, and extends them. */
#include <string.h>

#include "session/record.h"
#include "store/sql/revoke.h"

#define ONCE LK_SQL_ONCE
#define STEP LK_SQL_STEP
/* The kinds of a row, a comma behind each, and one in front. */
#define KINDS_TEXT_MAX (LK_KINDS_MAX * (LK_CLIENT_MAX + 1) + 1)
/* How long finding out may take which of very many sessions are the oldest. */
#define TRIM_PATIENCE_MS 10000
/* How many rows that have served their time an issue clears away. */
#define SWEEP_ROWS 16

/* ---- Beginning and going on -------------------------------------------- */

/* How many of the user's sessions may stay beside a new one; -1 where they end
 * for no new one. */
static int64_t
stay_of(const struct lk_issue_request *request)
{
	return (request->limits.user_refuses
	        ? -1
	        : (int64_t)request->limits.per_user - 1);
}

/* Up to how many of them are counted, which is one more than what one
 * transaction may end. */
static int64_t
most_of(const struct lk_issue_request *request)
{
	const int64_t stay = stay_of(request);

	return (1 + (stay + STEP > ONCE ? stay + STEP : ONCE));
}

/*
 * End the oldest of ${count} sessions, of which ${ended} have ended since they
 * were counted, so that one more fits the limit; ${fits} is false, and nothing
 * ends, if they are too many for one transaction.
 */
static enum lk_status
make_room(struct lk_sql_store *store, const struct lk_issue_request *request,
    int64_t count, int64_t ended, struct lk_sql_gone *gone, bool *fits)
{
	const int64_t stay = stay_of(request);
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;

	*fits = true;
	/* What the row's limit and the login itself have ended is gone. */
	if (stay < 0 || count - ended <= stay)
		return (LK_OK);
	*fits = count < most_of(request);
	if (!*fits)
		return (LK_OK);
	count -= ended;
	status = LK_SQL_RUN(store->db, LK_SQL_EVICT, &row,
	    LK_SQL_BYTES(request->key->tag, LK_TAG_LEN),
	    LK_SQL_NUMBER(lk_sql_now_ms(store)), LK_SQL_NUMBER(count - stay));
	return (
	    status != LK_OK ? status : lk_sql_end_sessions(store, row, gone));
}

/*
 * Run a statement about the live sessions of the kinds of ${row}: with ${gone}
 * LK_SQL_KIND_EVICT, which ends the ${most} that were issued first, else
 * LK_SQL_KIND_LIVE, which counts them.
 */
static enum lk_status
with_kinds(struct lk_sql_store *store, const uint8_t tag[LK_TAG_LEN],
    const struct lk_kinds *row, int64_t most, struct lk_sql_gone *gone,
    int64_t *count)
{
	struct lk_buf kinds = LK_BUF_INIT(KINDS_TEXT_MAX);
	struct lk_sql_row *found = NULL;
	enum lk_status status = LK_E_NOMEM;
	size_t i;

	/* No kind holds a comma. */
	lk_buf_str(&kinds, ",");
	for (i = 0; i < row->kinds.n; i++)
		lk_buf_printf(&kinds, "%s,", row->kinds.v[i]);
	if (!kinds.failed)
		status = LK_SQL_RUN(store->db,
		    gone != NULL ? LK_SQL_KIND_EVICT : LK_SQL_KIND_LIVE, &found,
		    LK_SQL_BYTES(tag, LK_TAG_LEN),
		    LK_SQL_NUMBER(lk_sql_now_ms(store)),
		    LK_SQL_TEXT(kinds.data), LK_SQL_NUMBER(most));
	if (status == LK_OK && gone != NULL)
		status = lk_sql_end_sessions(store, found, gone);
	else if (status == LK_OK && found != NULL)
		*count = lk_sql_number(found, 0);
	if (gone == NULL)
		lk_sql_done(found);
	lk_buf_free(&kinds);
	return (status);
}

/*
 * The row's limit, and whether the new session is refused by either.  Nothing
 * ends before that is known.
 */
static enum lk_status
make_room_in_row(struct lk_sql_store *store,
    const struct lk_issue_request *request, struct lk_sql_gone *gone)
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
		status = lk_sql_number_of(store, LK_SQL_LIVE, tag,
		    lk_sql_now_ms(store), &all);
	if (status == LK_OK && all - over >= (int64_t)limits->per_user &&
	    limits->user_refuses && limits->per_user > 0)
		return (LK_LIMIT);
	if (status == LK_OK && over > 0)
		status = with_kinds(store, tag, limits->row, over, gone, NULL);
	return (status);
}

/* What ${ends_ms} is in a row. */
static struct lk_sql_arg
end_of(int64_t ends_ms)
{
	return (ends_ms == LK_STORED_NEVER ? LK_SQL_BYTES(NULL, 0)
	                                   : LK_SQL_NUMBER(ends_ms));
}

enum lk_status
lk_sql_insert(struct lk_sql_store *store, enum lk_sql sql,
    const uint8_t tag[LK_TAG_LEN], const struct lk_stored *stored)
{
	return (LK_SQL_RUN(store->db, sql, NULL, LK_SQL_BYTES(tag, LK_TAG_LEN),
	    LK_SQL_BYTES(stored->digest, LK_HANDLE_LEN),
	    LK_SQL_BYTES(stored->digest, LK_DIGEST_LEN),
	    LK_SQL_BYTES(stored->user, strlen(stored->user)),
	    LK_SQL_TEXT(stored->client), LK_SQL_NUMBER(stored->issued_us),
	    LK_SQL_NUMBER(stored->expires_ms), end_of(stored->ends_ms),
	    LK_SQL_TEXT(stored->peer), LK_SQL_TEXT(stored->agent)));
}

/* Say what was begun. */
static void
fill(const struct lk_stored *stored, const uint8_t tag[LK_TAG_LEN],
    int64_t now_ms, struct lk_session *session)
{
	memset(session, 0, sizeof(*session));
	memcpy(session->user, stored->user, sizeof(session->user));
	memcpy(session->client, stored->client, sizeof(session->client));
	memcpy(session->peer, stored->peer, sizeof(session->peer));
	memcpy(session->agent, stored->agent, sizeof(session->agent));
	lk_session_id(stored->digest, tag, LK_TAG_LEN, session->id);
	session->issued_at = stored->issued_us / 1000000;
	if (stored->ends_ms != LK_STORED_NEVER)
		session->ends_by = (stored->ends_ms + 999) / 1000;
	lk_session_expiry(stored->expires_ms, now_ms, session);
}

/* Begin it in the transaction under way, after every other of the user. */
static enum lk_status
begin_session(struct lk_sql_store *store,
    const struct lk_issue_request *request, int64_t newest_us,
    const struct lk_sql_seen *seen, struct lk_session *session)
{
	const uint8_t *tag = request->key->tag;
	const int64_t now_ms = lk_sql_now_ms(store);
	struct lk_stored stored = { .kind = LK_STORED_SESSION,
		.issued_us = now_ms * 1000,
		.ends_ms = LK_STORED_NEVER };
	enum lk_status status = LK_OK;
	int64_t life = request->ttl;

	if (request->max_life > 0) {
		stored.ends_ms = now_ms + request->max_life * 1000;
		if (life > request->max_life)
			life = request->max_life;
	}
	stored.expires_ms = now_ms + life * 1000;
	memcpy(stored.digest, request->key->digest, LK_DIGEST_LEN);
	memcpy(stored.user, request->user, strlen(request->user));
	memcpy(stored.client, request->client, strlen(request->client));
	memcpy(stored.peer, request->origin.peer, sizeof(stored.peer));
	memcpy(stored.agent, request->origin.agent, sizeof(stored.agent));
	if (newest_us >= stored.issued_us)
		stored.issued_us = newest_us + 1;
	status = lk_sql_insert(store, LK_SQL_INSERT, tag, &stored);
	if (status == LK_OK)
		status = lk_sql_insert(store, LK_SQL_INSERT_BESIDE, tag,
		    &stored);
	if (status == LK_OK)
		status = lk_sql_note_issue(store, request, seen);
	if (status == LK_OK)
		fill(&stored, tag, now_ms, session);
	return (status);
}

/* Extend it, or what stands beside it, if it is live. */
static enum lk_status
extend(struct lk_sql_store *store, enum lk_sql sql,
    const struct lk_token_key *key, int64_t ttl, int64_t max_life)
{
	const int64_t now_ms = lk_sql_now_ms(store);

	return (LK_SQL_RUN(store->db, sql, NULL,
	    LK_SQL_BYTES(key->tag, LK_TAG_LEN),
	    LK_SQL_BYTES(key->digest, LK_HANDLE_LEN), LK_SQL_NUMBER(now_ms),
	    LK_SQL_NUMBER(now_ms + ttl * 1000),
	    LK_SQL_BYTES(key->digest, LK_DIGEST_LEN),
	    LK_SQL_NUMBER(max_life * 1000)));
}

enum lk_status
lk_sql_extend(struct lk_store *base, const struct lk_token_key *key,
    int64_t ttl, int64_t max_life, struct lk_deadline deadline,
    struct lk_session *session)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	enum lk_status status = LK_FAULT;

	status = lk_sql_begin(store->db, LK_SQL_ADD, NULL, deadline);
	if (status != LK_OK)
		return (status);
	status = extend(store, LK_SQL_EXTEND_BESIDE, key, ttl, max_life);
	if (status == LK_OK)
		status = extend(store, LK_SQL_EXTEND, key, ttl, max_life);
	/* It says as well why nothing was extended, if nothing was. */
	if (status == LK_OK)
		status = lk_sql_why(store, key,
		    lk_sql_find(store, key, session));
	if (status == LK_OK)
		status = lk_sql_find_beside(store, key->tag, key->digest,
		    session);
	return (lk_sql_end(store->db, status));
}

/* ---- Issuing ----------------------------------------------------------- */

/*
 * End so many sessions of a user who has very many that one more fits the
 * limit, in steps: those that were issued first.  Which these are is read where
 * it keeps nobody from writing, and may take longer than a step.
 */
static enum lk_status
trim(struct lk_sql_store *store, const struct lk_issue_request *request,
    struct lk_sql_gone *gone)
{
	const int64_t stay = stay_of(request);
	struct lk_sql_doomed doomed = { .keep = NULL };
	struct lk_deadline deadline = lk_deadline_in(TRIM_PATIENCE_MS);
	enum lk_status status = LK_FAULT;
	uint64_t ended = 0;
	int64_t over, began_ns;

	status = lk_sql_begin(store->db, LK_SQL_READ, NULL, deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sql_number_of(store, LK_SQL_COUNT, gone->tag, INT64_MAX,
	    &over);
	if (status == LK_OK)
		status = lk_sql_number_of(store, LK_SQL_OLD, gone->tag, stay,
		    &doomed.until_us);
	status = lk_sql_end(store->db, status);
	deadline = lk_deadline_in(store->base.timeout_ms);
	gone->rows = STEP;
	gone->together = true;
	for (over -= stay; status == LK_OK && gone->rows == STEP && over > 0;
	     over -= STEP) {
		began_ns = lk_monotonic_ns();
		status = lk_sql_begin(store->db, LK_SQL_CHANGE, gone->tag,
		    deadline);
		if (status != LK_OK)
			break;
		status = lk_sql_end(store->db,
		    lk_sql_end_some(store, &doomed,
		        over < STEP ? (int)over : STEP, gone));
		ended += gone->live;
		memcpy(doomed.from, gone->last, sizeof(doomed.from));
		doomed.from_len = sizeof(doomed.from);
		if (status == LK_OK && over > STEP)
			status = lk_sql_next_step(store, deadline, began_ns,
			    ended);
	}
	gone->together = false;
	return (status);
}

/* Make room and begin the session, in the transaction under way. */
static enum lk_status
issue(struct lk_sql_store *store, const struct lk_issue_request *request,
    struct lk_sql_gone *limited, bool *fits, struct lk_session *session)
{
	const struct lk_ending ending = { .reason = LK_REASON_REPLACED,
		.origin = limited->ending->origin };
	struct lk_sql_gone replaced = { .tag = request->key->tag,
		.ending = &ending,
		.told = true };
	struct lk_sql_seen seen;
	int64_t count = 0;
	bool ended;
	enum lk_status status = store->tidies
	    ? lk_sql_tidy(store, SWEEP_ROWS)
	    : LK_OK;

	*fits = false;
	limited->rows = 0;
	if (status == LK_OK)
		status = lk_sql_look_first(store, request, stay_of(request),
		    &seen);
	if (status == LK_OK && seen.too_many)
		status = lk_sql_number_of(store, LK_SQL_COUNT,
		    request->key->tag, most_of(request), &count);
	if (status == LK_OK && request->replaces != NULL)
		status = lk_sql_end_one(store, request->replaces->digest,
		    &replaced);
	if (status == LK_OK)
		status = make_room_in_row(store, request, limited);
	if (status == LK_OK)
		status = make_room(store, request, count,
		    replaced.rows + limited->rows, limited, fits);
	ended = replaced.rows + limited->rows > 0;
	if (status == LK_OK && *fits)
		status = begin_session(store, request, seen.newest_us,
		    ended ? NULL : &seen, session);
	return (status);
}

enum lk_status
lk_sql_issue(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	struct lk_ending ending = { .reason = LK_REASON_LIMIT,
		.origin = request->origin };
	struct lk_sql_gone gone = { .tag = request->key->tag,
		.ending = &ending,
		.told = true };
	struct lk_gone_mark before;
	enum lk_status status = LK_OK;
	bool fits = false;

	ending.origin.agent[0] = '\0';
	while (status == LK_OK && !fits) {
		before = lk_gone_mark(&store->base.gone);
		status = lk_sql_begin(store->db, LK_SQL_ADD, gone.tag,
		    deadline);
		if (status != LK_OK)
			break;
		status = issue(store, request, &gone, &fits, session);
		/* What is refused, or needs more steps, has changed nothing. */
		status = status == LK_OK && fits
		    ? lk_sql_end(store->db, status)
		    : lk_sql_undo(store->db, status);
		if (status != LK_OK || !fits)
			lk_gone_undo(&store->base.gone, before);
		if (status == LK_OK && !fits) {
			status = trim(store, request, &gone);
			deadline = lk_deadline_in(base->timeout_ms);
		}
	}
	return (status);
}
