/*
 * Connections to the embedded store's file: opened safely, with our settings
 * and tables, how long they wait, how long their log may grow, and what their
 * errors mean.
 */
#ifndef LK_SQLITE_OPEN_H_
#define LK_SQLITE_OPEN_H_

#include <sqlite3.h>

#include "base/deadline.h"
#include "base/error.h"

/** What the handlers of a connection go by. */
struct lk_sqlite_pace {
	struct lk_deadline deadline; /* of the transaction under way */
	bool writing;                /* so it goes on beyond that */
	int64_t restarted_ns;        /* when the log was last made to restart */
};

/**
 * lk_sqlite_open(path, pace, error, connection):
 * Open the file, and make it if need be.  A file that is none of ours is left
 * as it was.  ${pace} must outlive the connection.  LK_E_TIMEOUT while others
 * make it: try again, by lk_sqlite_wait().
 */
enum lk_status lk_sqlite_open(const char *path, struct lk_sqlite_pace *pace,
    struct lk_error *error, sqlite3 **connection) LK_MUST_CHECK;

/**
 * lk_sqlite_has_moved(connection):
 * Whether its path no longer leads to the file that it has open.
 */
bool lk_sqlite_has_moved(sqlite3 *connection);

/** lk_sqlite_wait(pace): Wait a little; false once the time is over. */
bool lk_sqlite_wait(const struct lk_sqlite_pace *pace);

/**
 * lk_sqlite_fail(error, path, connection, result):
 * Explain a result of SQLite other than OK, ROW and DONE.  ${connection} may
 * be NULL.
 */
enum lk_status lk_sqlite_fail(struct lk_error *error, const char *path,
    sqlite3 *connection, int result) LK_MUST_CHECK;

#endif /* !LK_SQLITE_OPEN_H_ */
