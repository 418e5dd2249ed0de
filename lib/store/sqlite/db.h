/*
 * The embedded store's connection: the engine of lib/store/sql over a file.
 */
#ifndef LK_SQLITE_DB_H_
#define LK_SQLITE_DB_H_

#include "store/sql/db.h"

/**
 * lk_sqlite_db_new(path, error, db):
 * A store file that is opened, and made if need be, when first used.
 * ${path} and ${error} must outlive it.
 */
enum lk_status lk_sqlite_db_new(const char *path, struct lk_error *error,
    struct lk_sql_db **db) LK_MUST_CHECK;

/** lk_sqlite_db_free(db): Close and free.  NULL is fine. */
void lk_sqlite_db_free(struct lk_sql_db *db);

/**
 * lk_sqlite_db_leave_parent():
 * In a child process: let go of every file that the parent had open, and leave
 * the logs to it.  If another thread of the parent's was inside an operation,
 * that cannot be done, and LK_E_STORE is all that operations return from then
 * on.
 */
void lk_sqlite_db_leave_parent(void);

#endif /* !LK_SQLITE_DB_H_ */
