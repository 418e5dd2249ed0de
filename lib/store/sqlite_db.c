#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include "sqlite_db.h"
#include "sqlite_file.h"

/* How long to wait between two looks at a lock. */
#define LOCK_WAIT_MS 2
/* How many virtual machine steps between two looks at the deadline. */
#define PROGRESS_STEPS 10000
/* The write-ahead log is cut to this after a checkpoint. */
#define LOG_LIMIT "4194304"
#define SCHEMA_VERSION 1

/*
 * A session is found by tag and handle; all of a user's lie side by side.
 * Times are as in lib/session.h.
 */
static const char schema[] =
    "CREATE TABLE session ("
    " tag BLOB NOT NULL, handle BLOB NOT NULL, digest BLOB NOT NULL,"
    " user BLOB NOT NULL, client TEXT NOT NULL,"
    " issued_us INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
    " PRIMARY KEY (tag, handle)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX session_by_expiry ON session (expires_ms);"
    "CREATE TABLE user ("
    " tag BLOB NOT NULL PRIMARY KEY, record BLOB NOT NULL,"
    " expires_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX user_by_expiry ON user (expires_ms);"
    "PRAGMA application_id = 1818977657;"
    "PRAGMA user_version = 1;";

/* "lkey", in the header of every store file. */
#define APPLICATION_ID 0x6c6b6579
_Static_assert(APPLICATION_ID == 1818977657, "the schema says so");

static const char settings[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA journal_size_limit = " LOG_LIMIT ";"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cell_size_check = ON;"
    "PRAGMA temp_store = MEMORY;";

static const char *const sql_text[LK_SQL_N] = {
	[LK_SQL_BEGIN] = "BEGIN",
	[LK_SQL_BEGIN_IMMEDIATE] = "BEGIN IMMEDIATE",
	[LK_SQL_COMMIT] = "COMMIT",
	[LK_SQL_ROLLBACK] = "ROLLBACK",
	[LK_SQL_CHECK] =
	    "SELECT digest, user, client, issued_us, expires_ms FROM session"
	    " WHERE tag = ?1 AND handle = ?2",
	[LK_SQL_NEWEST] = "SELECT max(issued_us) FROM session WHERE tag = ?1",
	[LK_SQL_EVICT] =
	    "DELETE FROM session WHERE tag = ?1 AND handle IN"
	    " (SELECT handle FROM session WHERE tag = ?1 AND expires_ms > ?2"
	    "  ORDER BY issued_us DESC LIMIT -1 OFFSET ?3)",
	[LK_SQL_INSERT] =
	    "INSERT INTO session (tag, handle, digest, user, client,"
	    " issued_us, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[LK_SQL_EXTEND] = "UPDATE session SET expires_ms = ?4"
	                  " WHERE tag = ?1 AND handle = ?2 AND expires_ms > ?3"
	                  " AND digest = ?5",
	[LK_SQL_REVOKE] = "DELETE FROM session"
	                  " WHERE tag = ?1 AND handle = ?2 AND expires_ms > ?3",
	[LK_SQL_COUNT] =
	    "SELECT count(*) FROM session WHERE tag = ?1 AND expires_ms > ?2",
	[LK_SQL_REVOKE_ALL] = "DELETE FROM session WHERE tag = ?1",
	[LK_SQL_LIST] =
	    "SELECT digest, user, client, issued_us, expires_ms FROM session"
	    " WHERE tag = ?1 AND expires_ms > ?2 ORDER BY expires_ms",
	[LK_SQL_USER_GET] =
	    "SELECT record FROM user WHERE tag = ?1 AND expires_ms > ?2",
	[LK_SQL_USER_PUT] =
	    "INSERT INTO user (tag, record, expires_ms) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT (tag) DO UPDATE SET record = excluded.record,"
	    " expires_ms = excluded.expires_ms",
	[LK_SQL_USER_DELETE] =
	    "DELETE FROM user WHERE tag = ?1 AND expires_ms > ?2",
	[LK_SQL_SWEEP_SESSIONS] =
	    "DELETE FROM session WHERE (tag, handle) IN"
	    " (SELECT tag, handle FROM session WHERE expires_ms < ?1"
	    "  LIMIT ?2)",
	[LK_SQL_SWEEP_USERS] =
	    "DELETE FROM user WHERE tag IN"
	    " (SELECT tag FROM user WHERE expires_ms < ?1 LIMIT ?2)",
	[LK_SQL_TOTAL] = "SELECT count(*) FROM session WHERE expires_ms > ?1",
	[LK_SQL_WALK_SESSIONS] =
	    "SELECT digest, user, client, issued_us, expires_ms, tag, handle"
	    " FROM session WHERE (tag, handle) > (?3, ?4) AND expires_ms > ?1"
	    " ORDER BY tag, handle LIMIT ?2",
	[LK_SQL_WALK_USERS] =
	    "SELECT record, expires_ms, tag FROM user"
	    " WHERE tag > ?3 AND expires_ms > ?1 ORDER BY tag LIMIT ?2",
	[LK_SQL_PUT] =
	    "INSERT INTO session (tag, handle, digest, user, client,"
	    " issued_us, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
	    " ON CONFLICT (tag, handle) DO UPDATE"
	    " SET expires_ms = excluded.expires_ms",
	[LK_SQL_USER_OFFER] =
	    "INSERT INTO user (tag, record, expires_ms) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT (tag) DO UPDATE SET record = excluded.record,"
	    " expires_ms = excluded.expires_ms"
	    " WHERE excluded.expires_ms > user.expires_ms",
	[LK_SQL_STATS] =
	    "SELECT (SELECT count(*) FROM session WHERE expires_ms > ?1),"
	    " (SELECT count(*) FROM user WHERE expires_ms > ?1),"
	    " (SELECT page_count * page_size"
	    "  FROM pragma_page_count, pragma_page_size)",
};

struct lk_sqlite_db {
	/* Static data. */
	const char *path;
	struct lk_error *error;

	/* Dynamic data.  Without a connection there are no statements. */
	sqlite3 *connection;
	sqlite3_stmt *statement[LK_SQL_N];
	struct lk_deadline deadline; /* of the transaction under way */
};

/* ---- Waiting ----------------------------------------------------------- */

/* Somebody else has the lock: wait a little, unless the time is over. */
static int
on_busy(void *arg, int times)
{
	const struct lk_sqlite_db *db = arg;

	(void)times;
	if (lk_deadline_left_ms(db->deadline) == 0)
		return (0);
	(void)poll(NULL, 0, LOCK_WAIT_MS);
	return (1);
}

static int
on_progress(void *arg)
{
	const struct lk_sqlite_db *db = arg;

	return (lk_deadline_left_ms(db->deadline) == 0);
}

/* ---- Errors ------------------------------------------------------------ */

static void
disconnect(struct lk_sqlite_db *db)
{
	size_t i;

	for (i = 0; i < LK_SQL_N; i++) {
		(void)sqlite3_finalize(db->statement[i]);
		db->statement[i] = NULL;
	}
	(void)sqlite3_close_v2(db->connection);
	db->connection = NULL;
}

/* What a result other than OK, ROW and DONE means. */
static enum lk_status
fail(struct lk_sqlite_db *db, int result)
{
	switch (result & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_INTERRUPT:
		return (lk_fail(db->error, LK_E_TIMEOUT,
		    "%s: another process holds it for too long", db->path));
	case SQLITE_FULL:
		return (lk_fail(db->error, LK_E_STORE, "%s: the disk is full",
		    db->path));
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return (lk_fail(db->error, LK_E_STORE,
		    "%s: it or its folder cannot be written to", db->path));
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return (lk_fail(db->error, LK_E_CORRUPT,
		    "%s: the file is damaged", db->path));
	case SQLITE_NOMEM:
		return (lk_fail(db->error, LK_E_NOMEM, "out of memory"));
	default:
		return (lk_fail(db->error, LK_E_STORE, "%s: %s", db->path,
		    sqlite3_errstr(result)));
	}
}

/* ---- Opening ----------------------------------------------------------- */

/* The number that a PRAGMA answers. */
static enum lk_status
read_number(struct lk_sqlite_db *db, const char *pragma, int *number)
{
	sqlite3_stmt *statement = NULL;
	int result;

	result = sqlite3_prepare_v2(db->connection, pragma, -1, &statement,
	    NULL);
	if (result == SQLITE_OK)
		result = sqlite3_step(statement);
	*number = result == SQLITE_ROW ? sqlite3_column_int(statement, 0) : 0;
	(void)sqlite3_finalize(statement);
	return (result == SQLITE_ROW ? LK_OK : fail(db, result));
}

/* A file with something in it must be one of ours, before it is changed. */
static enum lk_status
check_owner(struct lk_sqlite_db *db)
{
	int id = 0, tables = 0;
	enum lk_status status = LK_FAULT;

	status = read_number(db, "SELECT count(*) FROM sqlite_schema", &tables);
	if (status == LK_OK && tables > 0)
		status = read_number(db, "PRAGMA application_id", &id);
	if (status == LK_OK && tables > 0 && id != APPLICATION_ID)
		status = lk_fail(db->error, LK_E_CORRUPT,
		    "%s: a database of some other program", db->path);
	return (status);
}

static enum lk_status
execute(struct lk_sqlite_db *db, const char *text)
{
	int result = sqlite3_exec(db->connection, text, NULL, NULL, NULL);

	return (result == SQLITE_OK ? LK_OK : fail(db, result));
}

/*
 * Make the tables if the file is new.  The version is looked at again once
 * nobody else can make them.
 */
static enum lk_status
prepare_schema(struct lk_sqlite_db *db)
{
	static const char pragma[] = "PRAGMA user_version";
	enum lk_status status = LK_FAULT, end = LK_FAULT;
	int version;

	status = read_number(db, pragma, &version);
	if (status != LK_OK || version == SCHEMA_VERSION)
		return (status);
	if (version > SCHEMA_VERSION)
		return (lk_fail(db->error, LK_E_SETTINGS,
		    "%s: made by a later version of latchkey", db->path));
	if ((status = execute(db, "BEGIN IMMEDIATE")) != LK_OK)
		return (status);
	status = read_number(db, pragma, &version);
	if (status == LK_OK && version == 0)
		status = execute(db, schema);
	end = execute(db, status == LK_OK ? "COMMIT" : "ROLLBACK");
	return (status == LK_OK ? end : status);
}

static enum lk_status
connect_db(struct lk_sqlite_db *db)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
	    SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE;
	enum lk_status status = LK_FAULT;
	int result;

	status = lk_sqlite_file_prepare(db->path, db->error);
	if (status != LK_OK)
		return (status);
	result = sqlite3_open_v2(db->path, &db->connection, flags, NULL);
	if (result != SQLITE_OK) {
		status = fail(db, result);
		goto out;
	}
	(void)sqlite3_extended_result_codes(db->connection, 1);
	(void)sqlite3_busy_handler(db->connection, on_busy, db);
	sqlite3_progress_handler(db->connection, PROGRESS_STEPS, on_progress,
	    db);
	(void)sqlite3_db_config(db->connection, SQLITE_DBCONFIG_DEFENSIVE, 1,
	    NULL);
	status = check_owner(db);
	if (status == LK_OK)
		status = execute(db, settings);
	if (status == LK_OK)
		status = prepare_schema(db);
out:
	if (status != LK_OK)
		disconnect(db);
	return (status);
}

enum lk_status
lk_sqlite_db_new(const char *path, struct lk_error *error,
    struct lk_sqlite_db **dbp)
{
	struct lk_sqlite_db *db = calloc(1, sizeof(*db));

	*dbp = db;
	if (db == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	db->path = path;
	db->error = error;
	return (LK_OK);
}

void
lk_sqlite_db_free(struct lk_sqlite_db *db)
{
	if (db == NULL)
		return;
	disconnect(db);
	free(db);
}

/* ---- Using ------------------------------------------------------------- */

enum lk_status
lk_sqlite_db_sql(struct lk_sqlite_db *db, enum lk_sqlite_sql sql,
    sqlite3_stmt **statement)
{
	int result;

	if (db->statement[sql] == NULL) {
		result = sqlite3_prepare_v3(db->connection, sql_text[sql], -1,
		    SQLITE_PREPARE_PERSISTENT, &db->statement[sql], NULL);
		if (result != SQLITE_OK)
			return (fail(db, result));
	}
	*statement = db->statement[sql];
	(void)sqlite3_reset(*statement);
	(void)sqlite3_clear_bindings(*statement);
	return (LK_OK);
}

enum lk_status
lk_sqlite_db_step(struct lk_sqlite_db *db, sqlite3_stmt *statement, bool *row)
{
	int result = sqlite3_step(statement);

	*row = result == SQLITE_ROW;
	if (*row)
		return (LK_OK);
	/* A statement that is left standing would hold its locks. */
	(void)sqlite3_reset(statement);
	return (result == SQLITE_DONE ? LK_OK : fail(db, result));
}

/* Run a statement that takes and gives nothing. */
static enum lk_status
run(struct lk_sqlite_db *db, enum lk_sqlite_sql sql)
{
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;
	bool row;

	status = lk_sqlite_db_sql(db, sql, &statement);
	if (status == LK_OK)
		status = lk_sqlite_db_step(db, statement, &row);
	return (status);
}

enum lk_status
lk_sqlite_db_begin(struct lk_sqlite_db *db, enum lk_sqlite_sql sql,
    struct lk_deadline deadline)
{
	enum lk_status status = LK_OK;

	db->deadline = deadline;
	while (db->connection == NULL && status == LK_OK) {
		/* While others make the file, or turn its log on, SQLite
		 * gives up without asking on_busy(). */
		status = connect_db(db);
		if (status == LK_E_TIMEOUT && on_busy(db, 0) != 0)
			status = LK_OK;
	}
	if (status == LK_OK)
		status = run(db, sql);
	return (status);
}

enum lk_status
lk_sqlite_db_end(struct lk_sqlite_db *db, enum lk_status status)
{
	enum lk_status end = LK_FAULT;
	size_t i;

	for (i = 0; i < LK_SQL_N; i++)
		(void)sqlite3_reset(db->statement[i]);
	if (status >= 0) {
		if ((end = run(db, LK_SQL_COMMIT)) == LK_OK)
			return (status);
		status = end;
	}
	/* With a connection in doubt, the next operation makes a new one. */
	if (sqlite3_get_autocommit(db->connection) == 0)
		(void)sqlite3_exec(db->connection, "ROLLBACK", NULL, NULL,
		    NULL);
	if (status != LK_E_TIMEOUT)
		disconnect(db);
	return (status);
}

int
lk_sqlite_db_changes(const struct lk_sqlite_db *db)
{
	return (sqlite3_changes(db->connection));
}
