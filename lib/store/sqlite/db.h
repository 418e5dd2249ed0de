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
	LK_SQL_LIVE,
	LK_SQL_KIND_LIVE,
	LK_SQL_KIND_EVICT,
	LK_SQL_INSERT,
	LK_SQL_INSERT_BESIDE,
	LK_SQL_EXTEND,
	LK_SQL_EXTEND_BESIDE,
	LK_SQL_BESIDE,
	LK_SQL_END,
	LK_SQL_END_FORGET,
	LK_SQL_ENDED,
	LK_SQL_NOTE,
	LK_SQL_NOTE_AGAIN,
	LK_SQL_NOTES_TRIM,
	LK_SQL_NOTES_TRIM_ALL,
	LK_SQL_HISTORY,
	LK_SQL_HISTORY_ERASE,
	LK_SQL_SWEEP_ENDED,
	LK_SQL_SWEEP_HISTORY,
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
 * lk_sqlite_db_undo(db, status):
 * End it with nothing changed, whatever ${status} is.
 */
enum lk_status lk_sqlite_db_undo(struct lk_sqlite_db *db,
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

/** What a parameter is bound to, borrowed until the statement is done. */
struct lk_sqlite_arg {
	enum { LK_SQLITE_NUMBER = 0, LK_SQLITE_BYTES, LK_SQLITE_TEXT } type;
	int64_t number;    /* or the length of the bytes */
	const void *bytes; /* NULL: it is null */
};

#define LK_SQL_NUMBER(value) ((struct lk_sqlite_arg){ .number = (value) })
#define LK_SQL_BYTES(start, len) \
	((struct lk_sqlite_arg){ LK_SQLITE_BYTES, (int64_t)(len), (start) })
#define LK_SQL_TEXT(text) ((struct lk_sqlite_arg){ LK_SQLITE_TEXT, 0, (text) })

/**
 * lk_sqlite_db_run(db, sql, args, count, row):
 * Run a statement to its first row, with as many of the parameters as it has.
 * ${row}, which may be NULL if it returns none, is at it, or NULL: there is
 * none.
 */
enum lk_status lk_sqlite_db_run(struct lk_sqlite_db *db, enum lk_sqlite_sql sql,
    const struct lk_sqlite_arg *args, size_t count,
    sqlite3_stmt **row) LK_MUST_CHECK;

/** LK_SQLITE_RUN(db, sql, row, LK_SQL_..., ...): the same, inline. */
#define LK_SQLITE_RUN(db, sql, row, ...)                            \
	lk_sqlite_db_run((db), (sql),                               \
	    (const struct lk_sqlite_arg[]){ __VA_ARGS__ },          \
	    sizeof((const struct lk_sqlite_arg[]){ __VA_ARGS__ }) / \
	        sizeof(struct lk_sqlite_arg),                       \
	    (row))

/** lk_sqlite_db_next(db, row): Move ${row} on, to NULL after the last. */
enum lk_status lk_sqlite_db_next(struct lk_sqlite_db *db,
    sqlite3_stmt **row) LK_MUST_CHECK;

/**
 * lk_sqlite_db_find(db, tag, handle, row):
 * lk_sqlite_db_run() of LK_SQL_FIND, which nobody else may use: the row of a
 * session.  It is to be reset if there is one.
 */
enum lk_status lk_sqlite_db_find(struct lk_sqlite_db *db,
    const uint8_t tag[LK_TAG_LEN], const uint8_t handle[LK_HANDLE_LEN],
    sqlite3_stmt **row) LK_MUST_CHECK;

/** lk_sqlite_db_changes(db): Rows the last statement changed. */
int lk_sqlite_db_changes(const struct lk_sqlite_db *db);

#endif /* !LK_SQLITE_DB_H_ */
