/*
 * A database under a store that keeps sessions in tables: its statements and
 * the transactions they run in.  What the statements mean is here and in
 * doc/sqlite.md; each engine has its own text of them, and its own way to run
 * it.  lib/store/sql is the store, and the same over every engine.
 */
#ifndef LK_SQL_DB_H_
#define LK_SQL_DB_H_

#include <stddef.h>

#include "base/deadline.h"
#include "base/error.h"
#include "session/token.h"

/**
 * The statements.  Their parameters are numbered; a statement may leave out
 * the last ones.  One for which an engine has no text has nothing to do there.
 */
enum lk_sql {
	/* digest, user, client, issued_us, expires_ms of (tag, handle) */
	LK_SQL_FIND = 0,
	/* tag, handle, digest, expires_ms of each (tag, handle) */
	LK_SQL_FIND_EACH,
	/* One number each: the newest issue of (tag), how many rows of (tag)
	 * there are up to (limit), when the one behind the (n) newest was
	 * issued. */
	LK_SQL_NEWEST,
	LK_SQL_COUNT,
	LK_SQL_OLD,
	/* End (3: how many) of (1: tag), what is over at (2: now) first, then
	 * by issue. */
	LK_SQL_EVICT,
	/* How many of (1: tag) live at (2: now), and of those the ones whose
	 * kind is among (3: kinds, a comma before, between and behind them). */
	LK_SQL_LIVE,
	LK_SQL_KIND_LIVE,
	/* End the (4: how many) of these that were issued first. */
	LK_SQL_KIND_EVICT,
	/* (1: tag, handle, digest, user, client, 6: issued_us, expires_ms,
	 * 8: ends_ms, peer, 10: agent); ends_ms is null if there is no such
	 * end, and 0 if it was not recorded. */
	LK_SQL_INSERT,
	LK_SQL_INSERT_BESIDE,
	/* (1: tag, handle, 3: now, 4: expires_ms, 5: digest, 6: max_life in
	 * ms): extend what lives, up to the end of its own. */
	LK_SQL_EXTEND_BESIDE,
	LK_SQL_EXTEND,
	/* ends_ms, renewed_ms, peer, agent of (tag, handle) */
	LK_SQL_BESIDE,
	/* What ended: (tag, handle, digest, reason, ended_ms, until_ms);
	 * forget it; digest, reason, ended_ms of (1: tag, 2: handle, 3: now) */
	LK_SQL_ENDED_PUT,
	LK_SQL_ENDED_FORGET,
	LK_SQL_ENDED,
	/* What a change of (1: tag) has to know first, in one row: whether he
	 * has sessions behind the first (11: how many), if (10: 1, or 0) that
	 * counts; the newest issue; since_us of the entry that one of (1: tag,
	 * event, reason, client, peer, actor) later than (7: time_us) repeats,
	 * or nothing; whether there are entries behind the first (8: how many)
	 * of its sort, and behind (9: how many) of all of his. */
	LK_SQL_LOOK,
	/* The history: an entry (1: tag, event, reason, client, peer, actor,
	 * 7: time_us, handle, 9: count, agent, 11: user); the same to the
	 * one of its name since (11: since_us); drop all of its sort but the
	 * (5: how many) newest, and of (1: tag) but the (2: how many) newest.
	 */
	LK_SQL_NOTE,
	LK_SQL_NOTE_AGAIN,
	LK_SQL_NOTES_TRIM,
	LK_SQL_NOTES_TRIM_ALL,
	/* event, reason, client, peer, actor, agent, user, handle, time_us,
	 * count of (1: tag), later than (2: time_us), the newest first */
	LK_SQL_HISTORY,
	LK_SQL_HISTORY_ERASE,
	LK_SQL_SWEEP_ENDED,
	LK_SQL_SWEEP_HISTORY,
	/* End the session (tag, handle). */
	LK_SQL_REVOKE,
	/* End (3: how many) of (1: tag) behind (5: a handle, or nothing),
	 * issued up to (2: time_us), but not (4: handle). */
	LK_SQL_REVOKE_SOME,
	/* FIND's and BESIDE's columns of (1: tag) behind (2: handle, or
	 * nothing), (3: how many) */
	LK_SQL_LIST,
	/* Users' records: (1: tag, 2: now); (tag, record, expires_ms); the
	 * expiry of (1: tag) if it is later than (2: now); delete (1: tag) */
	LK_SQL_USER_GET,
	LK_SQL_USER_PUT,
	LK_SQL_USER_EXPIRY,
	LK_SQL_USER_DELETE,
	/* Clear away (2: how many) that were over at (1: then); an engine may
	 * leave out, but for a sweep, whatever is not of (3: tag). */
	LK_SQL_SWEEP_SESSIONS,
	LK_SQL_SWEEP_USERS,
	/* Live at (1: now): how many; live sessions' digest, user, client,
	 * issued_us, expires_ms, tag, handle, ends_ms, peer, agent, and whether
	 * these were recorded, (2: how many) behind (3: tag, 4: handle, or
	 * nothing); users' record, expires_ms, tag, alike. */
	LK_SQL_TOTAL,
	LK_SQL_WALK_SESSIONS,
	LK_SQL_WALK_USERS,
	/* As INSERT, but of one that is there only expires_ms. */
	LK_SQL_PUT,
	/* How many sessions and users live at (1: now), and bytes of all */
	LK_SQL_STATS,
	LK_SQL_N
};

struct lk_sql_row;

/** What is asked of a row: number, text or bytes of its columns. */
struct lk_sql_columns {
	int64_t (*number)(struct lk_sql_row *row, int column);
	/* NULL if there are none; lent until the row moves. */
	const void *(*bytes)(struct lk_sql_row *row, int column);
	size_t (*len)(struct lk_sql_row *row, int column);
	bool (*is_null)(struct lk_sql_row *row, int column);
	/* The statement is not asked for more. */
	void (*done)(struct lk_sql_row *row);
};

/** The row that a statement is at: the first member of an engine's own. */
struct lk_sql_row {
	const struct lk_sql_columns *columns;
};

/** What a parameter is bound to, borrowed until the statement is done. */
struct lk_sql_arg {
	enum { LK_SQL_IS_NUMBER = 0, LK_SQL_IS_BYTES, LK_SQL_IS_TEXT } type;
	int64_t number;    /* or the length of the bytes */
	const void *bytes; /* NULL: it is null */
};

#define LK_SQL_NUMBER(value) ((struct lk_sql_arg){ .number = (value) })
#define LK_SQL_BYTES(start, len) \
	((struct lk_sql_arg){ LK_SQL_IS_BYTES, (int64_t)(len), (start) })
#define LK_SQL_TEXT(text) ((struct lk_sql_arg){ LK_SQL_IS_TEXT, 0, (text) })

/** What a transaction is for. */
enum lk_sql_aim {
	LK_SQL_READ = 0,
	LK_SQL_CHANGE,
	LK_SQL_ADD /* what is added needs room */
};

struct lk_sql_db;

/** Called for a row, which is the caller's. */
typedef void lk_sql_row_fn(void *arg, struct lk_sql_row *row);

/** An engine; see the functions of the same names. */
struct lk_sql_engine {
	enum lk_status (*begin)(struct lk_sql_db *db, enum lk_sql_aim aim,
	    const uint8_t *tag, struct lk_deadline deadline);
	enum lk_status (*end)(struct lk_sql_db *db, enum lk_status status);
	enum lk_status (*undo)(struct lk_sql_db *db, enum lk_status status);
	enum lk_status (
	    *look)(struct lk_sql_db *db, struct lk_deadline deadline);
	enum lk_status (*looked)(struct lk_sql_db *db, enum lk_status status);
	enum lk_status (*run)(struct lk_sql_db *db, enum lk_sql sql,
	    const struct lk_sql_arg *args, size_t count,
	    struct lk_sql_row **row);
	enum lk_status (*each)(struct lk_sql_db *db, enum lk_sql sql,
	    const struct lk_sql_arg *args, size_t places, size_t count,
	    lk_sql_row_fn *each, void *arg);
	enum lk_status (*next)(struct lk_sql_db *db, struct lk_sql_row **row);
	enum lk_status (*row_of)(struct lk_sql_db *db,
	    const uint8_t tag[LK_TAG_LEN], const uint8_t handle[LK_HANDLE_LEN],
	    struct lk_sql_row **row);
	enum lk_status (*changes)(struct lk_sql_db *db, int *changes);
	bool (*is_tight)(struct lk_sql_db *db);
	bool (*again)(struct lk_sql_db *db, enum lk_status status, int attempt,
	    struct lk_deadline deadline, bool *bare);
};

/** The first member of an engine's own. */
struct lk_sql_db {
	const struct lk_sql_engine *engine;
	struct lk_error *error;
	const char *where; /* for messages; of the settings */
};

/**
 * lk_sql_begin(db, aim, tag, deadline):
 * Begin a transaction.  One that changes sessions of a user keeps everybody
 * else from his; ${tag} is his, or NULL if it is about nobody alone.
 * Everything up to lk_sql_end() keeps ${deadline}, but for what a disk takes.
 */
static inline enum lk_status
lk_sql_begin(struct lk_sql_db *db, enum lk_sql_aim aim, const uint8_t *tag,
    struct lk_deadline deadline)
{
	return (db->engine->begin(db, aim, tag, deadline));
}

/**
 * lk_sql_end(db, status):
 * Commit if ${status} is not negative, else roll back.  Returns ${status},
 * or why nothing was committed: only then is nothing changed.  After
 * LK_E_STORE another attempt may do better.
 */
static inline enum lk_status
lk_sql_end(struct lk_sql_db *db, enum lk_status status)
{
	return (db->engine->end(db, status));
}

/** lk_sql_undo(db, status): End it with nothing changed, whatever it is. */
static inline enum lk_status
lk_sql_undo(struct lk_sql_db *db, enum lk_status status)
{
	return (db->engine->undo(db, status));
}

/**
 * lk_sql_look(db, deadline), lk_sql_looked(db, status):
 * The same around statements that only read, one after the other, each done
 * before the next: they need no transaction.
 */
static inline enum lk_status
lk_sql_look(struct lk_sql_db *db, struct lk_deadline deadline)
{
	return (db->engine->look(db, deadline));
}

static inline enum lk_status
lk_sql_looked(struct lk_sql_db *db, enum lk_status status)
{
	return (db->engine->looked(db, status));
}

/**
 * lk_sql_run(db, sql, args, count, row):
 * Run a statement to its first row, with as many of the parameters as it has.
 * ${row} is at it, or NULL: there is none.  Other statements may run meanwhile.
 * Of a statement that never returns any ${row} is NULL, and in a transaction
 * it may wait until rows are asked for, or the end: so may what goes wrong.
 */
static inline enum lk_status
lk_sql_run(struct lk_sql_db *db, enum lk_sql sql, const struct lk_sql_arg *args,
    size_t count, struct lk_sql_row **row)
{
	return (db->engine->run(db, sql, args, count, row));
}

/** LK_SQL_RUN(db, sql, row, LK_SQL_..., ...): the same, inline. */
#define LK_SQL_RUN(db, sql, row, ...)                                       \
	lk_sql_run((db), (sql), (const struct lk_sql_arg[]){ __VA_ARGS__ }, \
	    sizeof((const struct lk_sql_arg[]){ __VA_ARGS__ }) /            \
	        sizeof(struct lk_sql_arg),                                  \
	    (row))

/**
 * lk_sql_each(db, sql, args, places, count, each, arg):
 * In a transaction, run a statement ${count} times, with ${places} parameters
 * each time, and call ${each} for all rows there are, in no order.
 */
static inline enum lk_status
lk_sql_each(struct lk_sql_db *db, enum lk_sql sql,
    const struct lk_sql_arg *args, size_t places, size_t count,
    lk_sql_row_fn *each, void *arg)
{
	return (db->engine->each(db, sql, args, places, count, each, arg));
}

/** lk_sql_next(db, row): Move ${row} on, to NULL after the last. */
static inline enum lk_status
lk_sql_next(struct lk_sql_db *db, struct lk_sql_row **row)
{
	return (db->engine->next(db, row));
}

/**
 * lk_sql_row_of(db, tag, handle, row):
 * lk_sql_run() of LK_SQL_FIND, which nobody else may use: the row of a
 * session.
 */
static inline enum lk_status
lk_sql_row_of(struct lk_sql_db *db, const uint8_t tag[LK_TAG_LEN],
    const uint8_t handle[LK_HANDLE_LEN], struct lk_sql_row **row)
{
	return (db->engine->row_of(db, tag, handle, row));
}

/** lk_sql_changes(db, changes): Be done with what may wait, and say how many
 * rows the last statement changed, or found so. */
static inline enum lk_status
lk_sql_changes(struct lk_sql_db *db, int *changes)
{
	return (db->engine->changes(db, changes));
}

/** lk_sql_is_tight(db): whether there is too little room for more than needed.
 */
static inline bool
lk_sql_is_tight(struct lk_sql_db *db)
{
	return (db->engine->is_tight(db));
}

/**
 * lk_sql_again(db, status, attempt, deadline, bare):
 * Whether to try a step that ends sessions once more; with ${bare} set it is
 * to leave out what is not needed to end them.
 */
static inline bool
lk_sql_again(struct lk_sql_db *db, enum lk_status status, int attempt,
    struct lk_deadline deadline, bool *bare)
{
	return (db->engine->again(db, status, attempt, deadline, bare));
}

/* ---- Columns ----------------------------------------------------------- */

static inline int64_t
lk_sql_number(struct lk_sql_row *row, int column)
{
	return (row->columns->number(row, column));
}

static inline const void *
lk_sql_bytes(struct lk_sql_row *row, int column)
{
	return (row->columns->bytes(row, column));
}

static inline size_t
lk_sql_len(struct lk_sql_row *row, int column)
{
	return (row->columns->len(row, column));
}

static inline bool
lk_sql_is_null(struct lk_sql_row *row, int column)
{
	return (row->columns->is_null(row, column));
}

/** lk_sql_done(row): The statement is not asked for more.  NULL is fine. */
static inline void
lk_sql_done(struct lk_sql_row *row)
{
	if (row != NULL)
		row->columns->done(row);
}

#endif /* !LK_SQL_DB_H_ */
