/* The half that ends sessions. */
#include <string.h>

#include "store/sql/revoke.h"

/* How many end in one step once the disk is full: the log that each takes,
 * two pages or more for a session, has room where the reserve was. */
#define FEW 32

enum lk_status
lk_sql_end_one(struct lk_sql_store *store, const uint8_t handle[LK_HANDLE_LEN],
    struct lk_sql_gone *gone)
{
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;

	status = LK_SQL_RUN(store->db, LK_SQL_REVOKE, &row,
	    LK_SQL_BYTES(gone->tag, LK_TAG_LEN),
	    LK_SQL_BYTES(handle, LK_HANDLE_LEN));
	return (
	    status != LK_OK ? status : lk_sql_end_sessions(store, row, gone));
}

/* One attempt to end a session. */
static enum lk_status
revoke_once(struct lk_sql_store *store, const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], const struct lk_ending *ending,
    struct lk_deadline deadline, uint64_t *revoked)
{
	struct lk_sql_gone gone = { .tag = tag, .ending = ending };
	enum lk_status status = LK_FAULT;

	*revoked = 0;
	status = lk_sql_begin(store->db, LK_SQL_CHANGE, tag, deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sql_end(store->db, lk_sql_end_one(store, handle, &gone));
	if (status == LK_OK)
		*revoked = gone.live;
	return (status);
}

static enum lk_status
revoke(struct lk_sql_store *store, const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], const struct lk_ending *ending,
    struct lk_deadline deadline, uint64_t *revoked)
{
	enum lk_status status = LK_FAULT;
	int attempt = 0;

	store->bare = lk_sql_is_tight(store->db);
	do
		status = revoke_once(store, tag, handle, ending, deadline,
		    revoked);
	while (
	    lk_sql_again(store->db, status, attempt++, deadline, &store->bare));
	store->bare = false;
	return (status);
}

enum lk_status
lk_sql_revoke(struct lk_store *base, const struct lk_token_key *key,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	return (revoke(lk_sql_store_of(base), key->tag, key->digest, ending,
	    deadline, revoked));
}

enum lk_status
lk_sql_revoke_id(struct lk_store *base, const struct lk_session_ref *ref,
    const struct lk_ending *ending, struct lk_deadline deadline,
    uint64_t *revoked)
{
	*revoked = 0;
	if (ref->locator_len != LK_TAG_LEN)
		return (LK_MALFORMED);
	return (revoke(lk_sql_store_of(base), ref->locator, ref->handle, ending,
	    deadline, revoked));
}

enum lk_status
lk_sql_end_some(struct lk_sql_store *store, const struct lk_sql_doomed *doomed,
    int most, struct lk_sql_gone *gone)
{
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;

	status = LK_SQL_RUN(store->db, LK_SQL_REVOKE_SOME, &row,
	    LK_SQL_BYTES(gone->tag, LK_TAG_LEN),
	    LK_SQL_NUMBER(doomed->until_us), LK_SQL_NUMBER(most),
	    LK_SQL_BYTES(doomed->keep == NULL ? NULL : doomed->keep->digest,
	        LK_HANDLE_LEN),
	    LK_SQL_BYTES(doomed->from, doomed->from_len));
	return (
	    status != LK_OK ? status : lk_sql_end_sessions(store, row, gone));
}

enum lk_status
lk_sql_next_step(const struct lk_sql_store *store, struct lk_deadline deadline,
    int64_t began_ns, uint64_t ended)
{
	lk_sql_let_others(began_ns);
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
revoke_step(struct lk_sql_store *store, struct lk_sql_doomed *doomed,
    struct lk_deadline deadline, int *most, struct lk_sql_gone *gone)
{
	int64_t latest = doomed->until_us, count = 0;
	enum lk_status status = LK_FAULT;

	gone->rows = 0;
	gone->live = 0;
	status = lk_sql_begin(store->db, LK_SQL_CHANGE, gone->tag, deadline);
	if (status != LK_OK)
		return (status);
	if (*most == LK_SQL_ONCE)
		status = lk_sql_number_of(store, LK_SQL_COUNT, gone->tag,
		    LK_SQL_ONCE + 1, &count);
	if (count > LK_SQL_ONCE)
		*most = LK_SQL_STEP;
	if (status == LK_OK)
		status = lk_sql_end_some(store, doomed, *most, gone);
	/* What is issued from now on is spared, whatever clocks say. */
	if (status == LK_OK && gone->rows == *most &&
	    doomed->until_us == INT64_MAX)
		status = lk_sql_number_of(store, LK_SQL_NEWEST, gone->tag, 0,
		    &latest);
	if ((status = lk_sql_end(store->db, status)) == LK_OK)
		doomed->until_us = latest;
	else
		gone->live = 0;
	return (status);
}

enum lk_status
lk_sql_revoke_all(struct lk_store *base, const char *user,
    const struct lk_token_key *keep, const struct lk_ending *ending,
    struct lk_deadline deadline, uint64_t *revoked)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	uint8_t tag[LK_TAG_LEN];
	struct lk_sql_doomed doomed = { .keep = keep, .until_us = INT64_MAX };
	struct lk_sql_gone gone = { .tag = tag,
		.ending = ending,
		.together = true };
	enum lk_status status = LK_OK;
	int64_t began_ns;
	int attempt, most = LK_SQL_ONCE;
	bool all = false;

	*revoked = 0;
	store->bare = lk_sql_is_tight(store->db);
	lk_user_tag(user, tag);
	while (status == LK_OK && !all) {
		attempt = 0;
		began_ns = lk_monotonic_ns();
		do {
			status = revoke_step(store, &doomed, deadline, &most,
			    &gone);
			if (status == LK_E_STORE)
				most = FEW;
		} while (lk_sql_again(store->db, status, attempt++, deadline,
		    &store->bare));
		*revoked += gone.live;
		all = gone.rows < most;
		if (status == LK_OK && !all)
			status = lk_sql_next_step(store, deadline, began_ns,
			    *revoked);
	}
	store->bare = false;
	return (status);
}
