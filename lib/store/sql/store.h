/*
 * A store that keeps sessions in tables, whichever database these are in: see
 * db.h.  What its halves share.
 */
#ifndef LK_SQL_STORE_H_
#define LK_SQL_STORE_H_

#include "store/sql/db.h"
#include "store/store.h"

struct lk_sql_store {
	struct lk_store base;
	struct lk_sql_db *db;
	bool tidies;      /* a login clears away some that are over */
	bool bare;        /* too little room: what ends leaves nothing behind */
	int64_t noted_us; /* when the last entry of a history was written */
};

/** lk_sql_store_of(store): the store that ${store} is the base of. */
struct lk_sql_store *lk_sql_store_of(struct lk_store *store);

/** lk_sql_now_ms(store): the clock that sessions live by. */
static inline int64_t
lk_sql_now_ms(const struct lk_sql_store *store)
{
	return (store->base.now_ms(store->base.arg));
}

/** lk_sql_corrupt(store): Explain and return LK_E_CORRUPT. */
enum lk_status lk_sql_corrupt(const struct lk_sql_store *store) LK_MUST_CHECK;

/**
 * lk_sql_text(statement, column, text, max):
 * Copy a column of text or bytes to ${text}, which has room for ${max} bytes
 * and a NUL; false if it does not fit or holds a NUL.
 */
bool lk_sql_text(struct lk_sql_row *statement, int column, char *text,
    size_t max);

/**
 * lk_sql_let_others(began_ns):
 * Leave the lock to others between two transactions of one operation, the last
 * of which began at ${began_ns}: longer than they wait between two looks.
 */
void lk_sql_let_others(int64_t began_ns);

/**
 * lk_sql_sweep_some(store, sql, rows):
 * Clear away so many rows that expired long ago, in the transaction under way.
 */
enum lk_status lk_sql_sweep_some(struct lk_sql_store *store, enum lk_sql sql,
    int rows) LK_MUST_CHECK;

/**
 * lk_sql_tidy(store, rows):
 * So many of each: sessions, what they left behind, and their history.
 */
enum lk_status lk_sql_tidy(struct lk_sql_store *store, int rows) LK_MUST_CHECK;

/**
 * lk_sql_find(store, key, session):
 * Look a session up in the transaction under way.
 */
enum lk_status lk_sql_find(struct lk_sql_store *store,
    const struct lk_token_key *key, struct lk_session *session) LK_MUST_CHECK;

/**
 * lk_sql_find_user(store, tag, record):
 * Append a user's record, in the transaction under way.
 */
enum lk_status lk_sql_find_user(struct lk_sql_store *store,
    const uint8_t tag[LK_TAG_LEN], struct lk_buf *record) LK_MUST_CHECK;

/**
 * lk_sql_find_beside(store, tag, handle, session):
 * Fill in what stands beside a session, in the transaction under way.
 */
enum lk_status lk_sql_find_beside(struct lk_sql_store *store,
    const uint8_t tag[LK_TAG_LEN], const uint8_t handle[LK_HANDLE_LEN],
    struct lk_session *session) LK_MUST_CHECK;

/**
 * lk_sql_insert(store, sql, tag, stored):
 * Write a session, or what stands beside it, by LK_SQL_INSERT, its _BESIDE or
 * LK_SQL_PUT.
 */
enum lk_status lk_sql_insert(struct lk_sql_store *store, enum lk_sql sql,
    const uint8_t tag[LK_TAG_LEN],
    const struct lk_stored *stored) LK_MUST_CHECK;

/**
 * lk_sql_number_of(store, sql, tag, limit, number):
 * The number that ${sql} says about the keys of ${tag}, which may go by
 * ${limit}; 0 if it says none.
 */
enum lk_status lk_sql_number_of(struct lk_sql_store *store, enum lk_sql sql,
    const uint8_t tag[LK_TAG_LEN], int64_t limit,
    int64_t *number) LK_MUST_CHECK;

/** The operations: those that find sessions, */
LK_STORE_OP(ping) lk_sql_ping;
LK_STORE_OP(check) lk_sql_check;
LK_STORE_OP(check_id) lk_sql_check_id;
LK_STORE_OP(list) lk_sql_list;
/** those on the past, */
LK_STORE_OP(history) lk_sql_history;
LK_STORE_OP(history_erase) lk_sql_history_erase;
LK_STORE_OP(ended) lk_sql_ended;
/** those that change them, */
LK_STORE_OP(issue) lk_sql_issue;
LK_STORE_OP(extend) lk_sql_extend;
LK_STORE_OP(revoke) lk_sql_revoke;
LK_STORE_OP(revoke_id) lk_sql_revoke_id;
LK_STORE_OP(revoke_all) lk_sql_revoke_all;
/** those on users' cached records, */
LK_STORE_OP(user_get) lk_sql_user_get;
LK_STORE_OP(user_put) lk_sql_user_put;
LK_STORE_OP(user_delete) lk_sql_user_delete;
/** and those on the store as a whole. */
LK_STORE_OP(walk) lk_sql_walk;
LK_STORE_OP(put) lk_sql_put;
LK_STORE_OP(sweep) lk_sql_sweep;
LK_STORE_OP(stats) lk_sql_stats;

/** LK_SQL_OPS: All of them in a table of operations. */
#define LK_SQL_OPS                                                         \
	.ping = lk_sql_ping, .issue = lk_sql_issue, .check = lk_sql_check, \
	.check_id = lk_sql_check_id, .extend = lk_sql_extend,              \
	.revoke = lk_sql_revoke, .revoke_id = lk_sql_revoke_id,            \
	.revoke_all = lk_sql_revoke_all, .list = lk_sql_list,              \
	.history = lk_sql_history, .history_erase = lk_sql_history_erase,  \
	.ended = lk_sql_ended, .user_get = lk_sql_user_get,                \
	.user_put = lk_sql_user_put, .user_delete = lk_sql_user_delete,    \
	.walk = lk_sql_walk, .put = lk_sql_put, .sweep = lk_sql_sweep,     \
	.stats = lk_sql_stats

#endif /* !LK_SQL_STORE_H_ */
