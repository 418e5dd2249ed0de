/*
 * The embedded store's connection, its statements, and the transactions they
 * run in.
 */
#ifndef LK_SQLITE_DB_H_
#define LK_SQLITE_DB_H_

#include <sqlite3.h>

#include "base/deadline.h"
#include "base/error.h"
#include "session/token.h"

/** The statements, prepared when first used. */
enum lk_sqlite_sql {
	LK_SQL_BEGIN = 0,
	LK_SQL_BEGIN_IMMEDIATE,
	LK_SQL_COMMIT,
	LK_SQL_ROLLBACK,
	LK_SQL_FIND,
	LK_SQL_NEWEST,
	LK_SQL_COUNT,
	LK_SQL_OLD,
	LK_SQL_EVICT,
	LK_SQL_INSERT,
	LK_SQL_EXTEND,
	LK_SQL_REVOKE,
	LK_SQL_REVOKE_SOME,
	LK_SQL_LIST,
	LK_SQL_USER_GET,
	LK_SQL_USER_PUT,
	LK_SQL_USER_DELETE,
	LK_SQL_SWEEP_SESSIONS,
	LK_SQL_SWEEP_USERS,
	LK_SQL_TOTAL,
	LK_SQL_WALK_SESSIONS,
	LK_SQL_WALK_USERS,
	LK_SQL_PUT,
	LK_SQL_USER_OFFER,
	LK_SQL_STATS,
	LK_SQL_N
};

struct lk_sqlite_db;

/**
 * lk_sqlite_db_new(path, error, db):
 * A store file that is opened, and made if need be, when first used.
 * ${path} and ${error} must outlive it.
 */
enum lk_status lk_sqlite_db_new(const char *path, struct lk_error *error,
    struct lk_sqlite_db **db) LK_MUST_CHECK;

/** lk_sqlite_db_free(db): Close and free.  NULL is fine. */
void lk_sqlite_db_free(struct lk_sqlite_db *db);

/**
 * lk_sqlite_db_leave_parent():
 * In a child process: let go of every file that the parent had open, and leave
 * the logs to it.  If another thread of the parent's was inside an operation,
 * that cannot be done, and LK_E_STORE is all that operations return from then
 * on.
 */
void lk_sqlite_db_leave_parent(void);

/**
 * lk_sqlite_db_begin(db, sql, deadline):
 * Open the file if it is not, and begin a transaction with LK_SQL_BEGIN (for
 * reading) or LK_SQL_BEGIN_IMMEDIATE (for writing).  Everything up to
 * lk_sqlite_db_end() keeps ${deadline}, but for what the disk itself takes:
 * only reading may be given up half-way, and only where there is much of it.
 */
enum lk_status lk_sqlite_db_begin(struct lk_sqlite_db *db,
    enum lk_sqlite_sql sql, struct lk_deadline deadline) LK_MUST_CHECK;

/**
 * lk_sqlite_db_begin_adding(db, deadline):
 * The same for a transaction that adds to the store: LK_E_STORE unless there
 * is room left for revocations.
 */
enum lk_status lk_sqlite_db_begin_adding(struct lk_sqlite_db *db,
    struct lk_deadline deadline) LK_MUST_CHECK;

/**
 * lk_sqlite_db_make_room(db):
 * Give up the room that is kept for revocations, and let the log have it.
 */
void lk_sqlite_db_make_room(struct lk_sqlite_db *db);

/**
 * lk_sqlite_db_end(db, status):
 * Commit if ${status} is not negative, else roll back.  Returns ${status},
 * or why nothing was committed: only then is nothing changed.  After
 * LK_E_STORE another attempt may do better: it has a new connection, and a
 * log that begins anew if that was possible.
 */
enum lk_status lk_sqlite_db_end(struct lk_sqlite_db *db,
    enum lk_status status) LK_MUST_CHECK;

/**
 * lk_sqlite_db_look(db, deadline),
 * lk_sqlite_db_looked(db, status):
 * The same around one statement that reads, and that is reset in between: it
 * needs no transaction.
 */
enum lk_status lk_sqlite_db_look(struct lk_sqlite_db *db,
    struct lk_deadline deadline) LK_MUST_CHECK;
enum lk_status lk_sqlite_db_looked(struct lk_sqlite_db *db,
    enum lk_status status) LK_MUST_CHECK;

/**
 * lk_sqlite_db_sql(db, sql, statement):
 * The statement, ready for all its parameters to be bound; it belongs to
 * ${db}.
 */
enum lk_status lk_sqlite_db_sql(struct lk_sqlite_db *db, enum lk_sqlite_sql sql,
    sqlite3_stmt **statement) LK_MUST_CHECK;

/**
 * lk_sqlite_db_step(db, statement, row):
 * Run it to its next row; ${row} is false, and the statement reset, if there
 * is none.
 */
enum lk_status lk_sqlite_db_step(struct lk_sqlite_db *db,
    sqlite3_stmt *statement, bool *row) LK_MUST_CHECK;

/**
 * lk_sqlite_db_find(db, tag, handle, statement, row):
 * The same of LK_SQL_FIND, which no other function may use: bring it to the
 * row of a session.  It is to be reset if there is one.
 */
enum lk_status lk_sqlite_db_find(struct lk_sqlite_db *db,
    const uint8_t tag[LK_TAG_LEN], const uint8_t handle[LK_HANDLE_LEN],
    sqlite3_stmt **statement, bool *row) LK_MUST_CHECK;

/** lk_sqlite_db_changes(db): Rows the last statement changed. */
int lk_sqlite_db_changes(const struct lk_sqlite_db *db);

#endif /* !LK_SQLITE_DB_H_ */
