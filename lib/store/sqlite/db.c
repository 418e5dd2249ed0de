#include <stdlib.h>
#include <string.h>

#include "base/fd.h"
#include "store/sqlite/db.h"
#include "store/sqlite/family.h"
#include "store/sqlite/file.h"
#include "store/sqlite/library.h"
#include "store/sqlite/open.h"

/* How often to look whether the path still leads to the file. */
#define LOOK_EVERY_NS 1000000000

/* What a statement that ends sessions returns of each. */
#define GONE " RETURNING handle, digest, user, client, expires_ms"

/* The statements of transactions, beside those of enum lk_sql. */
enum { BEGIN = LK_SQL_N, BEGIN_IMMEDIATE, COMMIT, ROLLBACK, ALL };

/* A sort of entries. */
#define SORT "tag = ?1 AND event = ?2 AND reason = ?3 AND client = ?4"

static const char *const sql_text[ALL] = {
	[BEGIN] = "BEGIN",
	[BEGIN_IMMEDIATE] = "BEGIN IMMEDIATE",
	[COMMIT] = "COMMIT",
	[ROLLBACK] = "ROLLBACK",
	[LK_SQL_FIND] =
	    "SELECT digest, user, client, issued_us, expires_ms FROM session"
	    " WHERE tag = ?1 AND handle = ?2",
	[LK_SQL_FIND_EACH] = "SELECT tag, handle, digest, expires_ms"
	                     " FROM session WHERE tag = ?1 AND handle = ?2",
	[LK_SQL_NEWEST] = "SELECT max(issued_us) FROM session WHERE tag = ?1",
	[LK_SQL_COUNT] = "SELECT count(*) FROM"
	                 " (SELECT 1 FROM session WHERE tag = ?1 LIMIT ?2)",
	[LK_SQL_OLD] = "SELECT issued_us FROM session WHERE tag = ?1"
	               " ORDER BY issued_us DESC LIMIT 1 OFFSET ?2",
	/* The clock may be set back: what is over by it counts, and ends
	 * first. */
	[LK_SQL_EVICT] =
	    "DELETE FROM session WHERE tag = ?1 AND handle IN (SELECT handle"
	    " FROM (SELECT handle FROM session INDEXED BY session_by_issue"
	    "  WHERE tag = ?1 AND expires_ms <= ?2"
	    "  ORDER BY issued_us LIMIT ?3)"
	    " UNION ALL SELECT handle"
	    " FROM (SELECT handle FROM session INDEXED BY session_by_issue"
	    "  WHERE tag = ?1 AND expires_ms > ?2"
	    "  ORDER BY issued_us LIMIT ?3) LIMIT ?3)" GONE,
	/* Of some kinds or of all, what is live, and that alone. */
	[LK_SQL_LIVE] = "SELECT count(*) FROM session"
	                " INDEXED BY session_by_issue"
	                " WHERE tag = ?1 AND expires_ms > ?2",
	[LK_SQL_KIND_LIVE] = "SELECT count(*) FROM session"
	                     " INDEXED BY session_by_issue WHERE tag = ?1"
	                     " AND instr(?3, ',' || client || ',') > 0"
	                     " AND expires_ms > ?2",
	[LK_SQL_KIND_EVICT] =
	    "DELETE FROM session WHERE tag = ?1 AND handle IN"
	    " (SELECT handle FROM session INDEXED BY session_by_issue"
	    "  WHERE tag = ?1 AND instr(?3, ',' || client || ',') > 0"
	    "  AND expires_ms > ?2 ORDER BY issued_us LIMIT ?4)" GONE,
	[LK_SQL_INSERT] =
	    "INSERT INTO session (tag, handle, digest, user, client,"
	    " issued_us, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	[LK_SQL_INSERT_BESIDE] =
	    "INSERT INTO beside (tag, handle, ends_ms, peer, agent)"
	    " VALUES (?1, ?2, ?8, ?9, ?10)"
	    " ON CONFLICT (tag, handle) DO NOTHING",
	/* Its own end, if it has one, is kept by a trigger. */
	[LK_SQL_EXTEND] = "UPDATE session SET expires_ms = ?4"
	                  " WHERE tag = ?1 AND handle = ?2 AND expires_ms > ?3"
	                  " AND digest = ?5",
	/* One without a row is of the program before: its end is as of now. */
	[LK_SQL_EXTEND_BESIDE] =
	    "INSERT INTO beside (tag, handle, ends_ms, renewed_ms, peer, agent)"
	    " SELECT tag, handle, CASE WHEN ?6 > 0"
	    "  THEN issued_us / 1000 + ?6 END, ?3, '', '' FROM session"
	    " WHERE tag = ?1 AND handle = ?2 AND expires_ms > ?3"
	    " AND digest = ?5 ON CONFLICT (tag, handle) DO UPDATE"
	    " SET renewed_ms = excluded.renewed_ms",
	[LK_SQL_BESIDE] = "SELECT ends_ms, renewed_ms, peer, agent FROM beside"
	                  " WHERE tag = ?1 AND handle = ?2",
	[LK_SQL_REVOKE] =
	    "DELETE FROM session WHERE tag = ?1 AND handle = ?2" GONE,
	[LK_SQL_REVOKE_SOME] =
	    "DELETE FROM session WHERE tag = ?1 AND handle IN"
	    " (SELECT handle FROM session WHERE tag = ?1 AND handle > ?5"
	    "  AND issued_us <= ?2 AND handle IS NOT ?4"
	    "  LIMIT ?3)" GONE,
	[LK_SQL_ENDED_PUT] =
	    "INSERT OR REPLACE INTO ended"
	    " (tag, handle, digest, reason, ended_ms, until_ms)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	[LK_SQL_ENDED_FORGET] =
	    "DELETE FROM ended WHERE tag = ?1 AND handle = ?2",
	[LK_SQL_ENDED] = "SELECT digest, reason, ended_ms FROM ended"
	                 " WHERE tag = ?1 AND handle = ?2 AND until_ms > ?3",
	[LK_SQL_LOOK] = "SELECT (SELECT 1 FROM session WHERE tag = ?1"
	                "  LIMIT ?10 OFFSET ?11),"
	                " (SELECT max(issued_us) FROM session WHERE tag = ?1),"
	                " (SELECT max(since_us) FROM history WHERE " SORT
	                "  AND peer = ?5 AND actor = ?6 AND since_us > ?7),"
	                " (SELECT 1 FROM history WHERE " SORT
	                "  LIMIT 1 OFFSET ?8),"
	                " (SELECT 1 FROM history WHERE tag = ?1"
	                "  LIMIT 1 OFFSET ?9)",
	[LK_SQL_NOTE] =
	    "INSERT INTO history (tag, event, reason, client, peer, actor,"
	    " since_us, time_us, handle, count, agent, user)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11)"
	    " ON CONFLICT DO UPDATE SET count = count + excluded.count",
	[LK_SQL_NOTE_AGAIN] =
	    "UPDATE history SET count = count + ?9, time_us = ?7, handle = ?8,"
	    " agent = ?10 WHERE " SORT " AND peer = ?5 AND actor = ?6"
	    " AND since_us = ?11",
	[LK_SQL_NOTES_TRIM] = "DELETE FROM history WHERE " SORT
	                      " AND since_us <="
	                      " (SELECT since_us FROM history WHERE " SORT
	                      "  ORDER BY since_us DESC LIMIT 1 OFFSET ?5)",
	[LK_SQL_NOTES_TRIM_ALL] =
	    "DELETE FROM history WHERE tag = ?1 AND since_us <="
	    " (SELECT since_us FROM history WHERE tag = ?1"
	    "  ORDER BY since_us DESC LIMIT 1 OFFSET ?2)",
	[LK_SQL_HISTORY] =
	    "SELECT event, reason, client, peer, actor, agent, user, handle,"
	    " time_us, count FROM history WHERE tag = ?1 AND time_us > ?2"
	    " ORDER BY time_us DESC, since_us DESC",
	[LK_SQL_HISTORY_ERASE] = "DELETE FROM history WHERE tag = ?1",
	[LK_SQL_SWEEP_ENDED] =
	    "DELETE FROM ended WHERE (tag, handle) IN"
	    " (SELECT tag, handle FROM ended WHERE until_ms <= ?1 LIMIT ?2)",
	[LK_SQL_SWEEP_HISTORY] =
	    "DELETE FROM history"
	    " WHERE (tag, event, reason, client, peer, actor, since_us) IN"
	    " (SELECT tag, event, reason, client, peer, actor, since_us"
	    "  FROM history WHERE time_us <= ?1 LIMIT ?2)",
	[LK_SQL_LIST] =
	    "SELECT s.digest, s.user, s.client, s.issued_us, s.expires_ms,"
	    " b.ends_ms, b.renewed_ms, b.peer, b.agent FROM session AS s"
	    " LEFT JOIN beside AS b ON b.tag = s.tag AND b.handle = s.handle"
	    " WHERE s.tag = ?1 AND s.handle > ?2 ORDER BY s.handle LIMIT ?3",
	[LK_SQL_USER_GET] =
	    "SELECT record FROM user WHERE tag = ?1 AND expires_ms > ?2",
	[LK_SQL_USER_PUT] =
	    "INSERT INTO user (tag, record, expires_ms) VALUES (?1, ?2, ?3)"
	    " ON CONFLICT (tag) DO UPDATE SET record = excluded.record,"
	    " expires_ms = excluded.expires_ms",
	[LK_SQL_USER_EXPIRY] =
	    "SELECT expires_ms FROM user WHERE tag = ?1 AND expires_ms > ?2",
	[LK_SQL_USER_DELETE] = "DELETE FROM user WHERE tag = ?1",
	[LK_SQL_SWEEP_SESSIONS] =
	    "DELETE FROM session WHERE (tag, handle) IN"
	    " (SELECT tag, handle FROM session WHERE expires_ms < ?1"
	    "  LIMIT ?2)",
	[LK_SQL_SWEEP_USERS] =
	    "DELETE FROM user WHERE tag IN"
	    " (SELECT tag FROM user WHERE expires_ms < ?1 LIMIT ?2)",
	[LK_SQL_TOTAL] = "SELECT count(*) FROM session WHERE expires_ms > ?1",
	[LK_SQL_WALK_SESSIONS] =
	    "SELECT s.digest, s.user, s.client, s.issued_us, s.expires_ms,"
	    " s.tag, s.handle, b.ends_ms, b.peer, b.agent, b.handle IS NOT NULL"
	    " FROM session AS s"
	    " LEFT JOIN beside AS b ON b.tag = s.tag AND b.handle = s.handle"
	    " WHERE (s.tag, s.handle) > (?3, ?4) AND s.expires_ms > ?1"
	    " ORDER BY s.tag, s.handle LIMIT ?2",
	[LK_SQL_WALK_USERS] =
	    "SELECT record, expires_ms, tag FROM user"
	    " WHERE tag > ?3 AND expires_ms > ?1 ORDER BY tag LIMIT ?2",
	[LK_SQL_PUT] =
	    "INSERT INTO session (tag, handle, digest, user, client,"
	    " issued_us, expires_ms) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
	    " ON CONFLICT (tag, handle) DO UPDATE"
	    " SET expires_ms = excluded.expires_ms",
	[LK_SQL_STATS] =
	    "SELECT (SELECT count(*) FROM session WHERE expires_ms > ?1),"
	    " (SELECT count(*) FROM user WHERE expires_ms > ?1),"
	    " (SELECT page_count * page_size"
	    "  FROM pragma_page_count, pragma_page_size)",
};

/* A statement, and the row that it is at. */
struct statement {
	struct lk_sql_row row; /* the first member */
	sqlite3_stmt *inside;  /* NULL: it is not prepared */
};

struct lk_sqlite_db {
	struct lk_sql_db base; /* the first member */
	struct lk_sqlite_kin kin;

	/* Without a connection there are no statements. */
	sqlite3 *connection;
	struct statement statement[ALL];
	uint8_t tag[LK_TAG_LEN];       /* LK_SQL_FIND is bound to these */
	uint8_t handle[LK_HANDLE_LEN]; /* two from its preparation on */
	struct lk_sqlite_pace pace;
	struct lk_fd_hold hold; /* SQLite would fill what is closed for good */
	int64_t looked_ns;      /* deadline of who last looked at the path */
};

static struct lk_sqlite_db *
db_of(struct lk_sql_db *base)
{
	return ((struct lk_sqlite_db *)base);
}

/* ---- Connecting -------------------------------------------------------- */

static enum lk_status
fail(const struct lk_sqlite_db *db, int result)
{
	return (lk_sqlite_fail(db->base.error, db->base.where, db->connection,
	    result));
}

static void
disconnect(struct lk_sqlite_db *db)
{
	size_t i;

	for (i = 0; i < ALL; i++) {
		(void)lk_sqlite.finalize(db->statement[i].inside);
		db->statement[i].inside = NULL;
	}
	/* SQLite leaves a log alone that is now another file's. */
	(void)lk_sqlite.close_v2(db->connection);
	db->connection = NULL;
}

/*
 * Closing a parent's connection copies no log into the file, and what locks the
 * parent has are the parent's: closing takes none away.
 */
static void
drop(struct lk_sqlite_kin *kin, bool torn)
{
	struct lk_sqlite_db *db = (void *)((char *)kin -
	    offsetof(struct lk_sqlite_db, kin));
	size_t i;

	if (torn) {
		for (i = 0; i < ALL; i++)
			db->statement[i].inside = NULL;
		db->connection = NULL;
	} else if (db->connection != NULL) {
		(void)lk_sqlite.db_config(db->connection,
		    SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		disconnect(db);
	}
}

/* Open the file in this process. */
static enum lk_status
open_db(struct lk_sqlite_db *db)
{
	if (!lk_sqlite_family_is_ours())
		return (lk_fail(db->base.error, LK_E_STORE,
		    "%s: at the fork of this process another thread was using "
		    "a store",
		    db->base.where));
	return (lk_sqlite_open(db->base.where, &db->pace, db->base.error,
	    &db->connection));
}

/*
 * Whether it is time to look at the path: before something is written, and a
 * second after the last time, as deadlines have it.
 */
static bool
look_is_due(const struct lk_sqlite_db *db, bool writing)
{
	const int64_t since = db->pace.deadline.at_ns - db->looked_ns;

	return (writing || since >= LOOK_EVERY_NS || since < 0);
}

/*
 * Have the file open that the path leads to.  One that was put in its place
 * is noticed before anything is written, and within a second by who reads.
 */
static enum lk_status
connect_db(struct lk_sqlite_db *db, bool writing)
{
	enum lk_status status = LK_OK;

	db->kin.inside = true;
	if (db->connection != NULL && !look_is_due(db, writing))
		return (LK_OK);
	db->looked_ns = db->pace.deadline.at_ns;
	lk_fd_hold(&db->hold);
	if (db->connection != NULL && lk_sqlite_has_moved(db->connection))
		disconnect(db);
	while (db->connection == NULL && status == LK_OK) {
		/* While others make the file, or turn its log on, SQLite
		 * gives up without asking on_busy(). */
		status = open_db(db);
		if (status == LK_E_TIMEOUT && lk_sqlite_wait(&db->pace)) {
			db->base.error->text[0] = '\0';
			status = LK_OK;
		}
	}
	return (status);
}

/* The end of an operation. */
static void
leave(struct lk_sqlite_db *db)
{
	lk_fd_release(&db->hold);
	db->kin.inside = false;
}

/* ---- Columns ----------------------------------------------------------- */

static sqlite3_stmt *
inside(struct lk_sql_row *row)
{
	return (((struct statement *)row)->inside);
}

static int64_t
column_number(struct lk_sql_row *row, int column)
{
	return (lk_sqlite.column_int64(inside(row), column));
}

static const void *
column_bytes(struct lk_sql_row *row, int column)
{
	return (lk_sqlite.column_blob(inside(row), column));
}

static size_t
column_len(struct lk_sql_row *row, int column)
{
	return ((size_t)lk_sqlite.column_bytes(inside(row), column));
}

static bool
column_is_null(struct lk_sql_row *row, int column)
{
	return (lk_sqlite.column_type(inside(row), column) == SQLITE_NULL);
}

static void
column_done(struct lk_sql_row *row)
{
	(void)lk_sqlite.reset(inside(row));
}

static const struct lk_sql_columns columns = { .number = column_number,
	.bytes = column_bytes,
	.len = column_len,
	.is_null = column_is_null,
	.done = column_done };

/* ---- Using ------------------------------------------------------------- */

/* The statement, ready for all its parameters to be bound. */
static enum lk_status
prepare(struct lk_sqlite_db *db, int sql, struct statement **statement)
{
	struct statement *s = *statement = &db->statement[sql];
	int result;

	if (s->inside == NULL) {
		result = lk_sqlite.prepare_v3(db->connection, sql_text[sql], -1,
		    SQLITE_PREPARE_PERSISTENT, &s->inside, NULL);
		if (result != SQLITE_OK)
			return (fail(db, result));
	}
	if (lk_sqlite.stmt_busy(s->inside))
		(void)lk_sqlite.reset(s->inside);
	/* From here on its steps are counted: see on_progress(). */
	(void)lk_sqlite.stmt_status(s->inside, SQLITE_STMTSTATUS_VM_STEP, 1);
	return (LK_OK);
}

/* Move it on; ${row} is at its row then, or NULL. */
static enum lk_status
step(struct lk_sqlite_db *db, struct statement *statement,
    struct lk_sql_row **row)
{
	const int result = lk_sqlite.step(statement->inside);

	*row = result == SQLITE_ROW ? &statement->row : NULL;
	if (result == SQLITE_ROW)
		return (LK_OK);
	/* A statement that is left standing would hold its locks. */
	(void)lk_sqlite.reset(statement->inside);
	return (result == SQLITE_DONE ? LK_OK : fail(db, result));
}

static enum lk_status
sqlite_next(struct lk_sql_db *base, struct lk_sql_row **row)
{
	return (step(db_of(base), (struct statement *)*row, row));
}

static enum lk_status
run(struct lk_sqlite_db *db, int sql, const struct lk_sql_arg *args,
    size_t count, struct lk_sql_row **row)
{
	struct statement *statement = NULL;
	enum lk_status status = prepare(db, sql, &statement);
	struct lk_sql_row *at = NULL;
	int i, n = lk_sqlite.bind_parameter_count(statement->inside);

	/* What is bound is borrowed, which takes no memory: it cannot fail. */
	for (i = 0; i < n && i < (int)count; i++, args++) {
		if (args->type == LK_SQL_IS_NUMBER)
			(void)lk_sqlite.bind_int64(statement->inside, i + 1,
			    args->number);
		else if (args->type == LK_SQL_IS_TEXT)
			(void)lk_sqlite.bind_text(statement->inside, i + 1,
			    args->bytes, -1, SQLITE_STATIC);
		else
			(void)lk_sqlite.bind_blob64(statement->inside, i + 1,
			    args->bytes, (sqlite3_uint64)args->number,
			    SQLITE_STATIC);
	}
	if (status == LK_OK)
		status = step(db, statement, &at);
	if (row != NULL)
		*row = at;
	return (status);
}

static enum lk_status
sqlite_run(struct lk_sql_db *base, enum lk_sql sql,
    const struct lk_sql_arg *args, size_t count, struct lk_sql_row **row)
{
	return (run(db_of(base), (int)sql, args, count, row));
}

static enum lk_status
sqlite_each(struct lk_sql_db *base, enum lk_sql sql,
    const struct lk_sql_arg *args, size_t places, size_t count,
    lk_sql_row_fn *each, void *arg)
{
	struct lk_sql_row *row;
	enum lk_status status = LK_OK;

	for (; status == LK_OK && count > 0; count--, args += places) {
		status = run(db_of(base), (int)sql, args, places, &row);
		while (status == LK_OK && row != NULL) {
			each(arg, row);
			status = lk_sql_next(base, &row);
		}
	}
	return (status);
}

/*
 * What every check does.  Its parameters stay bound to bytes of ours, which
 * change between one run and the next: binding them anew takes 300
 * instructions.
 */
static enum lk_status
sqlite_row_of(struct lk_sql_db *base, const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], struct lk_sql_row **row)
{
	struct lk_sqlite_db *db = db_of(base);
	const bool bound = db->statement[LK_SQL_FIND].inside != NULL;
	struct statement *find = NULL;
	enum lk_status status = LK_FAULT;
	int result = SQLITE_OK;

	*row = NULL;
	if ((status = prepare(db, LK_SQL_FIND, &find)) != LK_OK)
		return (status);
	memcpy(db->tag, tag, LK_TAG_LEN);
	memcpy(db->handle, handle, LK_HANDLE_LEN);
	if (!bound) {
		result = lk_sqlite.bind_blob(find->inside, 1, db->tag,
		    LK_TAG_LEN, SQLITE_STATIC);
		if (result == SQLITE_OK)
			result = lk_sqlite.bind_blob(find->inside, 2,
			    db->handle, LK_HANDLE_LEN, SQLITE_STATIC);
	}
	if (result != SQLITE_OK) {
		(void)lk_sqlite.finalize(find->inside);
		find->inside = NULL;
		return (fail(db, result));
	}
	return (step(db, find, row));
}

/*
 * But for what the disk itself takes: only reading may be given up half-way,
 * and only where there is much of it.  There is one writer, whoever's sessions
 * it writes.  What adds to the store leaves room for revocations.
 */
static enum lk_status
sqlite_begin(struct lk_sql_db *base, enum lk_sql_aim aim, const uint8_t *tag,
    struct lk_deadline deadline)
{
	struct lk_sqlite_db *db = db_of(base);
	enum lk_status status = LK_FAULT;

	(void)tag;
	db->pace.deadline = deadline;
	db->pace.writing = aim != LK_SQL_READ;
	status = connect_db(db, db->pace.writing);
	if (status == LK_OK)
		status = run(db, db->pace.writing ? BEGIN_IMMEDIATE : BEGIN,
		    NULL, 0, NULL);
	if (status != LK_OK) {
		leave(db);
		return (status);
	}
	if (aim == LK_SQL_ADD)
		status = lk_sqlite_file_reserve(db->base.where, db->base.error);
	return (status == LK_OK ? status : lk_sql_end(base, status));
}

/*
 * With a connection in doubt, the next operation makes a new one.  It finds
 * room on a full disk if the log can begin anew.
 */
static void
give_up(struct lk_sqlite_db *db, enum lk_status status)
{
	lk_fd_hold(&db->hold);
	if (lk_sqlite.get_autocommit(db->connection) == 0)
		(void)lk_sqlite.exec(db->connection, "ROLLBACK", NULL, NULL,
		    NULL);
	if (status == LK_E_STORE)
		(void)lk_sqlite.wal_checkpoint_v2(db->connection, NULL,
		    SQLITE_CHECKPOINT_RESTART, NULL, NULL);
	if (status != LK_E_TIMEOUT)
		disconnect(db);
	leave(db);
}

/* Give up the room that is kept for revocations, and let the log have it. */
static void
make_room(struct lk_sqlite_db *db)
{
	lk_sqlite_file_give_reserve(db->base.where);
	/* What the log holds comes first: then it begins anew, in the room
	 * that it has. */
	if (connect_db(db, true) == LK_OK)
		(void)lk_sqlite.wal_checkpoint_v2(db->connection, NULL,
		    SQLITE_CHECKPOINT_RESTART, NULL, NULL);
	leave(db);
}

static enum lk_status
sqlite_end(struct lk_sql_db *base, enum lk_status status)
{
	struct lk_sqlite_db *db = db_of(base);
	enum lk_status end = LK_FAULT;
	size_t i;

	for (i = 0; i < ALL; i++)
		(void)lk_sqlite.reset(db->statement[i].inside);
	if (status >= 0) {
		end = run(db, COMMIT, NULL, 0, NULL);
		if (end == LK_OK) {
			leave(db);
			return (status);
		}
		status = end;
	}
	give_up(db, status);
	return (status);
}

static enum lk_status
sqlite_undo(struct lk_sql_db *base, enum lk_status status)
{
	struct lk_sqlite_db *db = db_of(base);
	enum lk_status end = LK_FAULT;
	size_t i;

	for (i = 0; i < ALL; i++)
		(void)lk_sqlite.reset(db->statement[i].inside);
	if (status < 0 || (end = run(db, ROLLBACK, NULL, 0, NULL)) != LK_OK) {
		status = status < 0 ? status : end;
		give_up(db, status);
	} else {
		leave(db);
	}
	return (status);
}

static enum lk_status
sqlite_look(struct lk_sql_db *base, struct lk_deadline deadline)
{
	struct lk_sqlite_db *db = db_of(base);
	enum lk_status status = LK_FAULT;

	db->pace.deadline = deadline;
	db->pace.writing = false;
	status = connect_db(db, false);
	lk_fd_release(&db->hold);
	db->kin.inside = status == LK_OK;
	return (status);
}

static enum lk_status
sqlite_looked(struct lk_sql_db *base, enum lk_status status)
{
	struct lk_sqlite_db *db = db_of(base);

	if (status < 0)
		give_up(db, status);
	db->kin.inside = false;
	return (status);
}

static enum lk_status
sqlite_changes(struct lk_sql_db *base, int *changes)
{
	*changes = lk_sqlite.changes(db_of(base)->connection);
	return (LK_OK);
}

static bool
sqlite_is_tight(struct lk_sql_db *base)
{
	return (lk_sqlite_file_is_tight(base->where));
}

/*
 * What makes the first attempt fail, such as a full disk, may be gone by the
 * second, see lk_sql_end(); the third has the room that was kept for it, and
 * leaves out what is not needed to end a session.
 */
static bool
sqlite_again(struct lk_sql_db *base, enum lk_status status, int attempt,
    struct lk_deadline deadline, bool *bare)
{
	(void)deadline;
	if (status != LK_E_STORE || attempt == 2)
		return (false);
	if (attempt == 1) {
		make_room(db_of(base));
		*bare = true;
	}
	return (true);
}

static const struct lk_sql_engine engine = { .begin = sqlite_begin,
	.end = sqlite_end,
	.undo = sqlite_undo,
	.look = sqlite_look,
	.looked = sqlite_looked,
	.run = sqlite_run,
	.each = sqlite_each,
	.next = sqlite_next,
	.row_of = sqlite_row_of,
	.changes = sqlite_changes,
	.is_tight = sqlite_is_tight,
	.again = sqlite_again };

/* ---- Making ------------------------------------------------------------ */

void
lk_sqlite_db_leave_parent(void)
{
	(void)lk_sqlite_family_is_ours();
}

enum lk_status
lk_sqlite_db_new(const char *path, struct lk_error *error,
    struct lk_sql_db **dbp)
{
	enum lk_status status = lk_sqlite_load(error);
	struct lk_sqlite_db *db;
	size_t i;

	*dbp = NULL;
	if (status != LK_OK)
		return (status);
	if ((db = calloc(1, sizeof(*db))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	db->base = (struct lk_sql_db){ &engine, error, path };
	for (i = 0; i < ALL; i++)
		db->statement[i].row.columns = &columns;
	db->kin.drop = drop;
	lk_sqlite_family_join(&db->kin);
	*dbp = &db->base;
	return (LK_OK);
}

void
lk_sqlite_db_free(struct lk_sql_db *base)
{
	struct lk_sqlite_db *db;

	if (base == NULL)
		return;
	db = db_of(base);
	lk_fd_hold(&db->hold);
	disconnect(db);
	lk_fd_release(&db->hold);
	lk_sqlite_family_leave(&db->kin);
	free(db);
}
