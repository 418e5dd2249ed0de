/* What the halves of the embedded store share. */
#ifndef LK_SQLITE_STORE_H_
#define LK_SQLITE_STORE_H_

#include "store/sqlite/db.h"
#include "store/store.h"

struct lk_sqlite_store {
	struct lk_store base;
	struct lk_sqlite_db *db;
	bool bare;        /* too little room: what ends leaves nothing behind */
	int64_t noted_us; /* when the last entry of a history was written */
};

/** lk_sqlite_store_of(store): the store that ${store} is the base of. */
struct lk_sqlite_store *lk_sqlite_store_of(struct lk_store *store);

/** lk_sqlite_now_ms(store): the clock that sessions live by. */
static inline int64_t
lk_sqlite_now_ms(const struct lk_sqlite_store *store)
{
	return (store->base.now_ms(store->base.arg));
}

/** lk_sqlite_corrupt(store): Explain and return LK_E_CORRUPT. */
enum lk_status lk_sqlite_corrupt(
    const struct lk_sqlite_store *store) LK_MUST_CHECK;

/**
 * lk_sqlite_column_text(statement, column, text, max):
 * Copy a column of text or bytes to ${text}, which has room for ${max} bytes
 * and a NUL; false if it does not fit or holds a NUL.
 */
bool lk_sqlite_column_text(sqlite3_stmt *statement, int column, char *text,
    size_t max);

/**
 * lk_sqlite_delete(store, sql, tag, handle, deadline, was_live):
 * Delete a row by its ${tag} and, unless that is NULL, ${handle}, in a
 * transaction; ${sql} returns whether it was live at the time of its third
 * parameter.
 */
enum lk_status lk_sqlite_delete(struct lk_sqlite_store *store,
    enum lk_sqlite_sql sql, const uint8_t tag[LK_TAG_LEN],
    const uint8_t *handle, struct lk_deadline deadline,
    bool *was_live) LK_MUST_CHECK;

/**
 * lk_sqlite_let_others(began_ns):
 * Leave the lock to others between two transactions of one operation, the last
 * of which began at ${began_ns}: longer than they wait between two looks.
 */
void lk_sqlite_let_others(int64_t began_ns);

/**
 * lk_sqlite_sweep_some(store, sql):
 * Clear away a few rows that expired long ago, in the transaction under way.
 */
enum lk_status lk_sqlite_sweep_some(struct lk_sqlite_store *store,
    enum lk_sqlite_sql sql) LK_MUST_CHECK;

/**
 * lk_sqlite_find(store, key, session):
 * Look a session up in the transaction under way.
 */
enum lk_status lk_sqlite_find(struct lk_sqlite_store *store,
    const struct lk_token_key *key, struct lk_session *session) LK_MUST_CHECK;

/**
 * lk_sqlite_find_user(store, tag, record):
 * Append a user's record, in the transaction under way.
 */
enum lk_status lk_sqlite_find_user(struct lk_sqlite_store *store,
    const uint8_t tag[LK_TAG_LEN], struct lk_buf *record) LK_MUST_CHECK;

/**
 * lk_sqlite_find_beside(store, tag, handle, session):
 * Fill in what stands beside a session, in the transaction under way.
 */
enum lk_status lk_sqlite_find_beside(struct lk_sqlite_store *store,
    const uint8_t tag[LK_TAG_LEN], const uint8_t handle[LK_HANDLE_LEN],
    struct lk_session *session) LK_MUST_CHECK;

/**
 * lk_sqlite_insert_beside(store, tag, handle, ends_ms, peer, agent):
 * Record beside a new session when it ends for good, LK_STORED_NEVER if it has
 * no such end, and where it comes from.
 */
enum lk_status lk_sqlite_insert_beside(struct lk_sqlite_store *store,
    const uint8_t tag[LK_TAG_LEN], const uint8_t handle[LK_HANDLE_LEN],
    int64_t ends_ms, const char *peer, const char *agent) LK_MUST_CHECK;

/**
 * lk_sqlite_number_of(store, sql, tag, limit, number):
 * The number that ${sql} says about the keys of ${tag}, which may go by
 * ${limit}; 0 if it says none.
 */
enum lk_status lk_sqlite_number_of(struct lk_sqlite_store *store,
    enum lk_sqlite_sql sql, const uint8_t tag[LK_TAG_LEN], int64_t limit,
    int64_t *number) LK_MUST_CHECK;

/** The operations: those that find sessions, */
LK_STORE_OP(check) lk_sqlite_check;
LK_STORE_OP(check_id) lk_sqlite_check_id;
LK_STORE_OP(list) lk_sqlite_list;
/** those on the past, */
LK_STORE_OP(history) lk_sqlite_history;
LK_STORE_OP(history_erase) lk_sqlite_history_erase;
LK_STORE_OP(ended) lk_sqlite_ended;
/** those that change them, */
LK_STORE_OP(issue) lk_sqlite_issue;
LK_STORE_OP(extend) lk_sqlite_extend;
LK_STORE_OP(revoke) lk_sqlite_revoke;
LK_STORE_OP(revoke_id) lk_sqlite_revoke_id;
LK_STORE_OP(revoke_all) lk_sqlite_revoke_all;
/** those on users' cached records, */
LK_STORE_OP(user_get) lk_sqlite_user_get;
LK_STORE_OP(user_put) lk_sqlite_user_put;
LK_STORE_OP(user_delete) lk_sqlite_user_delete;
/** and those on the store as a whole. */
LK_STORE_OP(walk) lk_sqlite_walk;
LK_STORE_OP(put) lk_sqlite_put;
LK_STORE_OP(sweep) lk_sqlite_sweep;
LK_STORE_OP(stats) lk_sqlite_stats;

#endif /* !LK_SQLITE_STORE_H_ */
