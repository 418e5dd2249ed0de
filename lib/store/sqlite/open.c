#include <sys/stat.h>
#include <sys/statvfs.h>

#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "store/sqlite/file.h"
#include "store/sqlite/library.h"
#include "store/sqlite/open.h"

/* How long to wait between two looks at a lock. */
#define LOCK_WAIT_MS 2
/* How many virtual machine steps between two looks at the deadline. */
#define PROGRESS_STEPS 10000

/*
 * The write-ahead log is copied into the file whenever it has LOG_PAGES, and
 * then begins anew as soon as nobody reads it.  While others write and read
 * without a pause that moment never comes: at LOG_PAGES_MAX a writer makes it
 * come, holding the others back, for so long, and not more often than so.
 */
#define LOG_PAGES 1000
#define LOG_PAGES_MAX 4000
#define LOG_RESTART_MS 50
#define LOG_RESTART_EVERY_NS 1000000000
/* A log that begins anew is cut to this many bytes. */
#define LOG_LIMIT "4194304"

/* What a connection keeps of the file at most: the inner pages of a tree of
 * some million sessions, so that a check reads one page. */
#define CACHE_KIB "8192"

#define SCHEMA_VERSION 1
/* "lkey", in the header of every store file. */
#define APPLICATION_ID 0x6c6b6579
_Static_assert(APPLICATION_ID == 1818977657, "the schema says so");

/* doc/sqlite.md specifies it.  All of a user's sessions lie side by side. */
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

/*
 * What stands beside it, since the version before has a file without: in tables
 * of its own, which triggers keep true whichever program changes a session.  A
 * row of `beside` says what a session's own row has no room for, among it when
 * it ends for good (NULL: it has no such end), one of `ended` why a session
 * did.
 */
static const char beside[] =
    "CREATE INDEX session_by_issue"
    " ON session (tag, issued_us, client, expires_ms);"
    "CREATE TABLE beside ("
    " tag BLOB NOT NULL, handle BLOB NOT NULL,"
    " ends_ms INTEGER, renewed_ms INTEGER,"
    " peer TEXT NOT NULL, agent TEXT NOT NULL,"
    " PRIMARY KEY (tag, handle)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE ended ("
    " tag BLOB NOT NULL, handle BLOB NOT NULL, digest BLOB NOT NULL,"
    " reason TEXT NOT NULL, ended_ms INTEGER NOT NULL,"
    " until_ms INTEGER NOT NULL,"
    " PRIMARY KEY (tag, handle)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX ended_by_time ON ended (until_ms);"
    "CREATE TABLE history ("
    " tag BLOB NOT NULL, event TEXT NOT NULL, reason TEXT NOT NULL,"
    " client TEXT NOT NULL, peer TEXT NOT NULL, actor TEXT NOT NULL,"
    " since_us INTEGER NOT NULL, time_us INTEGER NOT NULL,"
    " handle BLOB NOT NULL, count INTEGER NOT NULL,"
    " agent TEXT NOT NULL, user BLOB NOT NULL,"
    " PRIMARY KEY (tag, event, reason, client, peer, actor, since_us))"
    " STRICT, WITHOUT ROWID;"
    "CREATE INDEX history_by_time ON history (time_us);"
    "CREATE TRIGGER session_gone AFTER DELETE ON session BEGIN"
    " DELETE FROM beside WHERE tag = old.tag AND handle = old.handle; END;"
    "CREATE TRIGGER session_extended AFTER UPDATE OF expires_ms ON session"
    " BEGIN UPDATE session SET expires_ms = b.ends_ms FROM beside AS b"
    " WHERE session.tag = new.tag AND session.handle = new.handle"
    " AND b.tag = new.tag AND b.handle = new.handle"
    " AND b.ends_ms < new.expires_ms; END;";

static const char settings[] =
    "PRAGMA journal_mode = WAL;"
    "PRAGMA synchronous = FULL;"
    "PRAGMA journal_size_limit = " LOG_LIMIT ";"
    "PRAGMA trusted_schema = OFF;"
    "PRAGMA cache_size = -" CACHE_KIB ";"
    "PRAGMA temp_store = MEMORY;";

/* A connection that is being opened. */
struct opening {
	const char *path;
	struct lk_error *error;
	sqlite3 *connection;
};

/* ---- Waiting ----------------------------------------------------------- */

bool
lk_sqlite_wait(const struct lk_sqlite_pace *pace)
{
	if (lk_deadline_left_ms(pace->deadline) == 0)
		return (false);
	(void)poll(NULL, 0, LOCK_WAIT_MS);
	return (true);
}

/* Somebody else has the lock. */
static int
on_busy(void *pace, int times)
{
	(void)times;
	return (lk_sqlite_wait(pace));
}

/*
 * A statement has taken so many steps.  One that reads may be given up; what is
 * being written is nearly done, and after a commit it is too late.
 */
static int
on_progress(void *arg)
{
	const struct lk_sqlite_pace *pace = arg;

	return (!pace->writing && lk_deadline_left_ms(pace->deadline) == 0);
}

/* Something was committed, and the log has so many pages. */
static int
on_commit(void *arg, sqlite3 *connection, const char *name, int pages)
{
	struct lk_sqlite_pace *pace = arg;
	const struct lk_deadline kept = pace->deadline;
	const int64_t now = lk_monotonic_ns();
	int mode = SQLITE_CHECKPOINT_PASSIVE;

	if (pages < LOG_PAGES)
		return (SQLITE_OK);
	if (pages >= LOG_PAGES_MAX &&
	    now - pace->restarted_ns >= LOG_RESTART_EVERY_NS) {
		mode = SQLITE_CHECKPOINT_RESTART;
		pace->restarted_ns = now;
		pace->deadline = lk_deadline_min(kept,
		    lk_deadline_in(LOG_RESTART_MS));
	}
	/* What was committed is safe; another will do it if we cannot. */
	(void)lk_sqlite.wal_checkpoint_v2(connection, name, mode, NULL, NULL);
	pace->deadline = kept;
	return (SQLITE_OK);
}

/* ---- Errors ------------------------------------------------------------ */

static bool
is_read_only(const char *path)
{
	struct statvfs fs;

	return (statvfs(path, &fs) == 0 && (fs.f_flag & ST_RDONLY) != 0);
}

enum lk_status
lk_sqlite_fail(struct lk_error *error, const char *path, sqlite3 *connection,
    int result)
{
	int number = connection != NULL
	    ? lk_sqlite.system_errno(connection)
	    : 0;

	switch (result & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return (lk_fail(error, LK_E_TIMEOUT,
		    "%s: another process holds it for too long", path));
	case SQLITE_INTERRUPT:
		return (lk_fail(error, LK_E_TIMEOUT,
		    "%s: there is too much to read in the time", path));
	case SQLITE_FULL:
		return (
		    lk_fail(error, LK_E_STORE, "%s: the disk is full", path));
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
		return (lk_fail(error, LK_E_STORE, "%s: %s", path,
		    is_read_only(path)
		        ? "its file system is read-only"
		        : "it, its folder or a file beside it cannot "
		          "be written to"));
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_FORMAT:
		return (lk_fail(error, LK_E_CORRUPT,
		    "%s: the file is damaged, or no store", path));
	case SQLITE_NOMEM:
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	default:
		if (number != 0)
			return (lk_sqlite_file_fail(path,
			    lk_sqlite.errstr(result), number, error));
		return (lk_fail(error, LK_E_STORE, "%s: %s", path,
		    lk_sqlite.errstr(result)));
	}
}

static enum lk_status
fail(const struct opening *o, int result)
{
	return (lk_sqlite_fail(o->error, o->path, o->connection, result));
}

/* ---- Opening ----------------------------------------------------------- */

/* The number that a statement answers. */
static enum lk_status
read_number(const struct opening *o, const char *text, int *number)
{
	sqlite3_stmt *statement = NULL;
	int result;

	result = lk_sqlite.prepare_v2(o->connection, text, -1, &statement,
	    NULL);
	if (result == SQLITE_OK)
		result = lk_sqlite.step(statement);
	*number = result == SQLITE_ROW ? lk_sqlite.column_int(statement, 0) : 0;
	(void)lk_sqlite.finalize(statement);
	return (result == SQLITE_ROW ? LK_OK : fail(o, result));
}

static enum lk_status
execute(const struct opening *o, const char *text)
{
	int result = lk_sqlite.exec(o->connection, text, NULL, NULL, NULL);

	return (result == SQLITE_OK ? LK_OK : fail(o, result));
}

/* A file with something in it must be one of ours, before it is changed. */
static enum lk_status
check_owner(const struct opening *o)
{
	int id = 0, tables = 0, version = 0;
	enum lk_status status = LK_FAULT;

	status = read_number(o, "SELECT count(*) FROM sqlite_schema", &tables);
	if (status == LK_OK)
		status = read_number(o, "PRAGMA application_id", &id);
	if (status == LK_OK)
		status = read_number(o, "PRAGMA user_version", &version);
	if (status != LK_OK)
		return (status);
	if (id != APPLICATION_ID && (tables > 0 || id != 0))
		return (lk_fail(o->error, LK_E_CORRUPT,
		    "%s: a database of some other program", o->path));
	if (version > SCHEMA_VERSION)
		return (lk_fail(o->error, LK_E_SETTINGS,
		    "%s: made by a later version of latchkey", o->path));
	return (LK_OK);
}

/* Make what ${text} makes, unless the number of ${pragma} is there already. */
static enum lk_status
make(const struct opening *o, const char *pragma, int number, const char *text)
{
	enum lk_status status = LK_FAULT, end = LK_FAULT;
	int is;

	status = read_number(o, pragma, &is);
	if (status != LK_OK || is == number)
		return (status);
	if ((status = execute(o, "BEGIN IMMEDIATE")) != LK_OK)
		return (status);
	/* Now nobody else can make it. */
	status = read_number(o, pragma, &is);
	if (status == LK_OK && is != number)
		status = execute(o, text);
	end = execute(o, status == LK_OK ? "COMMIT" : "ROLLBACK");
	return (status == LK_OK ? end : status);
}

/* Make the tables of a new file. */
static enum lk_status
make_tables(const struct opening *o)
{
	return (make(o, "PRAGMA user_version", SCHEMA_VERSION, schema));
}

/* Make those that a file of the version before has not. */
static enum lk_status
make_tables_beside(const struct opening *o)
{
	return (
	    make(o, "SELECT count(*) FROM sqlite_schema WHERE name = 'beside'",
	        1, beside));
}

/*
 * Make what tables there are not.  On a full disk those of this version get the
 * room that is kept for revocations, which without them nobody could ask for.
 */
static enum lk_status
prepare_schema(const struct opening *o)
{
	enum lk_status status = make_tables(o);

	if (status != LK_OK)
		return (status);
	status = make_tables_beside(o);
	if (status != LK_E_STORE || !lk_sqlite_file_is_tight(o->path))
		return (status);
	lk_sqlite_file_give_reserve(o->path);
	status = make_tables_beside(o);
	if (status == LK_E_STORE)
		return (lk_fail(o->error, LK_E_STORE,
		    "%s: the disk is too full for the tables that this "
		    "version adds",
		    o->path));
	return (status);
}

/* Whether a log with something in it lies beside the file. */
static bool
has_log(const char *path)
{
	char log[PATH_MAX + sizeof("-wal")];
	struct stat st;

	(void)snprintf(log, sizeof(log), "%s-wal", path);
	return (lstat(log, &st) == 0 && st.st_size > 0);
}

/* Copy the log into the file when the last connection is closed, or not. */
static void
keep_log(sqlite3 *connection, int keep)
{
	(void)lk_sqlite.db_config(connection, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE,
	    keep, NULL);
}

/*
 * Leave the log, emptied, and its index there when the last connection is
 * closed: on a full disk nobody could make them anew, and so even look.
 */
static void
keep_names(sqlite3 *connection)
{
	int keep = 1;

	(void)lk_sqlite.file_control(connection, NULL, SQLITE_FCNTL_PERSIST_WAL,
	    &keep);
}

static void
set_handlers(sqlite3 *connection, struct lk_sqlite_pace *pace)
{
	(void)lk_sqlite.extended_result_codes(connection, 1);
	(void)lk_sqlite.busy_handler(connection, on_busy, pace);
	lk_sqlite.progress_handler(connection, PROGRESS_STEPS, on_progress,
	    pace);
	(void)lk_sqlite.wal_hook(connection, on_commit, pace);
	(void)lk_sqlite.db_config(connection, SQLITE_DBCONFIG_DEFENSIVE, 1,
	    NULL);
}

enum lk_status
lk_sqlite_open(const char *path, struct lk_sqlite_pace *pace,
    struct lk_error *error, sqlite3 **connection)
{
	const int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX |
	    SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_PRIVATECACHE;
	struct opening o = { .path = path, .error = error };
	enum lk_status status = LK_FAULT;
	int result;

	*connection = NULL;
	status = lk_sqlite_file_prepare(path, error);
	if (status != LK_OK)
		return (status);
	result = lk_sqlite.open_v2(path, &o.connection, flags, NULL);
	if (result != SQLITE_OK) {
		status = fail(&o, result);
		goto out;
	}
	set_handlers(o.connection, pace);
	keep_names(o.connection);
	keep_log(o.connection, has_log(path));
	status = check_owner(&o);
	if (status == LK_OK)
		status = execute(&o, settings);
	if (status == LK_OK)
		status = prepare_schema(&o);
	if (status != LK_OK)
		goto out;
	keep_log(o.connection, 0);
	*connection = o.connection;
	o.connection = NULL;
out:
	(void)lk_sqlite.close_v2(o.connection);
	return (status);
}

bool
lk_sqlite_has_moved(sqlite3 *connection)
{
	int moved = 0;

	return (lk_sqlite.file_control(connection, NULL, SQLITE_FCNTL_HAS_MOVED,
	            &moved) != SQLITE_OK ||
	    moved != 0);
}
