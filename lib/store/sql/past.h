/*
 * What ended sessions leave behind in the store, and the history of a
 * user's.  Each is written by the transaction of the change itself.
 */
#ifndef LK_SQL_PAST_H_
#define LK_SQL_PAST_H_

#include "store/sql/store.h"

/** The sessions that one statement ends, and what came of it. */
struct lk_sql_gone {
	const uint8_t *tag;
	const struct lk_ending *ending; /* lent */
	bool together;                  /* they are one entry of the history */
	bool told;                      /* those that lived are noted in the
	                                   store's base */

	int rows;
	uint64_t live;               /* of these */
	uint8_t last[LK_HANDLE_LEN]; /* the greatest handle of them */
};

/**
 * lk_sql_end_sessions(store, row, gone):
 * Go on with a statement that ends sessions, and whose rows are handle, digest,
 * user, client and expires_ms of each, at ${row}, which is
 * NULL if it has none, and keep of each session that was live why it ended.
 */
enum lk_status lk_sql_end_sessions(struct lk_sql_store *store,
    struct lk_sql_row *row, struct lk_sql_gone *gone) LK_MUST_CHECK;

/** What a change of a user's has to know of him first. */
struct lk_sql_seen {
	bool too_many;     /* sessions, for one more */
	int64_t newest_us; /* issue; 0 if there is none */
	int64_t again_us;  /* since when there is the entry that another
	                      repeats; 0 if there is none */
	bool sort_is_full, all_are_full; /* of entries, up to what is kept */
};

/**
 * lk_sql_look_first(store, request, stay, seen):
 * What a login has to know; ${stay} sessions are not too many, if it is not
 * negative.
 */
enum lk_status lk_sql_look_first(struct lk_sql_store *store,
    const struct lk_issue_request *request, int64_t stay,
    struct lk_sql_seen *seen) LK_MUST_CHECK;

/**
 * lk_sql_note_issue(store, request, seen):
 * Have the history say it, to which nothing was added since ${seen}, or NULL.
 */
enum lk_status lk_sql_note_issue(struct lk_sql_store *store,
    const struct lk_issue_request *request,
    const struct lk_sql_seen *seen) LK_MUST_CHECK;

/**
 * lk_sql_why(store, key, status):
 * If ${status} is LK_UNKNOWN, find out whether the session ended, and why.
 * Returns ${status}, or what went wrong.
 */
enum lk_status lk_sql_why(struct lk_sql_store *store,
    const struct lk_token_key *key, enum lk_status status) LK_MUST_CHECK;

/**
 * lk_sql_sweep_past(store, rows, swept):
 * Clear away so many of each that have served their time; ${swept} is the
 * greater number of both.
 */
enum lk_status lk_sql_sweep_past(struct lk_sql_store *store, int rows,
    int *swept) LK_MUST_CHECK;

#endif /* !LK_SQL_PAST_H_ */
