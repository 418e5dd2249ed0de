/* What the halves of the embedded store share. */
#ifndef LK_SQLITE_STORE_H_
#define LK_SQLITE_STORE_H_

#include "store/sqlite/db.h"
#include "store/store.h"

struct lk_sqlite_store {
	struct lk_store base;
	struct lk_sqlite_db *db;
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
 * lk_sqlite_bind_bytes(statement, at, bytes, len),
 * lk_sqlite_bind_number(statement, at, number):
 * Bind parameter ${at}; ${bytes} are borrowed until the step.
 */
void lk_sqlite_bind_bytes(sqlite3_stmt *statement, int at, const void *bytes,
    size_t len);
void lk_sqlite_bind_number(sqlite3_stmt *statement, int at, int64_t number);

/**
 * lk_sqlite_column_text(statement, column, text, max):
 * Copy a column of text or bytes to ${text}, which has room for ${max} bytes
 * and a NUL; false if it does not fit or holds a NUL.
 */
bool lk_sqlite_column_text(sqlite3_stmt *statement, int column, char *text,
    size_t max);

/** lk_sqlite_change(store, statement): Run one that changes rows. */
enum lk_status lk_sqlite_change(struct lk_sqlite_store *store,
    sqlite3_stmt *statement) LK_MUST_CHECK;

/**
 * lk_sqlite_delete(store, statement, was_live):
 * Run one that deletes a row and returns whether that was live.
 */
enum lk_status lk_sqlite_delete(struct lk_sqlite_store *store,
    sqlite3_stmt *statement, bool *was_live) LK_MUST_CHECK;

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

/** The operations that find sessions. */
enum lk_status lk_sqlite_check(struct lk_store *store,
    const struct lk_token_key *key, struct lk_deadline deadline,
    struct lk_session *session);
enum lk_status lk_sqlite_check_id(struct lk_store *store,
    const struct lk_session_ref *ref, struct lk_deadline deadline,
    struct lk_session *session);
enum lk_status lk_sqlite_list(struct lk_store *store, const char *user,
    struct lk_deadline deadline, lk_session_fn *each, void *arg);

/** The operations that change them. */
enum lk_status lk_sqlite_issue(struct lk_store *store,
    const struct lk_issue_request *request, struct lk_deadline deadline,
    struct lk_session *session);
enum lk_status lk_sqlite_extend(struct lk_store *store,
    const struct lk_token_key *key, int64_t ttl, struct lk_deadline deadline,
    struct lk_session *session);
enum lk_status lk_sqlite_revoke(struct lk_store *store,
    const struct lk_token_key *key, struct lk_deadline deadline,
    uint64_t *revoked);
enum lk_status lk_sqlite_revoke_id(struct lk_store *store,
    const struct lk_session_ref *ref, struct lk_deadline deadline,
    uint64_t *revoked);
enum lk_status lk_sqlite_revoke_all(struct lk_store *store, const char *user,
    const struct lk_token_key *keep, struct lk_deadline deadline,
    uint64_t *revoked);

/** The operations on users' cached records. */
enum lk_status lk_sqlite_check_user(struct lk_store *store,
    const struct lk_token_key *key, struct lk_deadline deadline,
    struct lk_session *session, struct lk_buf *record);
enum lk_status lk_sqlite_user_get(struct lk_store *store, const char *user,
    struct lk_deadline deadline, struct lk_buf *record);
enum lk_status lk_sqlite_user_put(struct lk_store *store, const char *user,
    const char *record, size_t len, int64_t ttl, struct lk_deadline deadline);
enum lk_status lk_sqlite_user_delete(struct lk_store *store, const char *user,
    struct lk_deadline deadline, bool *deleted);

/** The operations on the store as a whole. */
enum lk_status lk_sqlite_walk(struct lk_store *store, struct lk_place *place,
    struct lk_deadline deadline, lk_stored_fn *each, void *arg);
enum lk_status lk_sqlite_put(struct lk_store *store,
    const struct lk_stored *stored, size_t count, struct lk_deadline deadline,
    enum lk_put *results);
enum lk_status lk_sqlite_sweep(struct lk_store *store, struct lk_place *place,
    struct lk_deadline deadline, uint64_t *swept);
enum lk_status lk_sqlite_stats(struct lk_store *store, struct lk_place *place,
    struct lk_deadline deadline, struct lk_store_stats *stats);

#endif /* !LK_SQLITE_STORE_H_ */
