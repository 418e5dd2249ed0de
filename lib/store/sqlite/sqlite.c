/*
 * The embedded store: one SQLite file for one machine, shared by every
 * process that may write to its folder.
 *
 * A change is one immediate transaction that is on the disk before it is
 * reported; a check is one read that waits for nobody.  Expired sessions stay
 * for an hour, so that a bearer can be told "expired"; then whoever writes
 * clears some of them away.
 */
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/backend.h"
#include "store/sqlite/past.h"

/* How long an expired session is remembered, and how many rows that are
 * older a change clears away. */
#define EXPIRED_KNOWN_MS 3600000
#define SWEEP_ROWS 16
/* How long to leave the lock to others, and a quarter of what it was held. */
#define OTHERS_MS 3

struct lk_sqlite_store *
lk_sqlite_store_of(struct lk_store *base)
{
	/* The base is the first member. */
	return ((struct lk_sqlite_store *)base);
}

enum lk_status
lk_sqlite_corrupt(const struct lk_sqlite_store *store)
{
	return (lk_fail(store->base.error, LK_E_CORRUPT,
	    "%s: a row is not what latchkey writes",
	    store->base.settings->store.sqlite.path));
}

/* ---- Statements -------------------------------------------------------- */

bool
lk_sqlite_column_text(sqlite3_stmt *statement, int column, char *text,
    size_t max)
{
	const char *bytes = sqlite3_column_blob(statement, column);
	size_t len = (size_t)sqlite3_column_bytes(statement, column), i;

	if (len > max)
		return (false);
	for (i = 0; i < len; i++) {
		if ((text[i] = bytes[i]) == '\0')
			return (false);
	}
	text[len] = '\0';
	return (true);
}

enum lk_status
lk_sqlite_number_of(struct lk_sqlite_store *store, enum lk_sqlite_sql sql,
    const uint8_t tag[LK_TAG_LEN], int64_t limit, int64_t *number)
{
	sqlite3_stmt *row;
	enum lk_status status = LK_FAULT;

	status = LK_SQLITE_RUN(store->db, sql, &row,
	    LK_SQL_BYTES(tag, LK_TAG_LEN), LK_SQL_NUMBER(limit));
	*number = row != NULL ? sqlite3_column_int64(row, 0) : 0;
	(void)sqlite3_reset(row);
	return (status);
}

/* The clock that says whether it was live may be set back. */
enum lk_status
lk_sqlite_delete(struct lk_sqlite_store *store, enum lk_sqlite_sql sql,
    const uint8_t tag[LK_TAG_LEN], const uint8_t *handle,
    struct lk_deadline deadline, bool *was_live)
{
	sqlite3_stmt *row = NULL;
	enum lk_status status = LK_FAULT;
	bool live = false;

	*was_live = false;
	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN_IMMEDIATE,
	    deadline);
	if (status != LK_OK)
		return (status);
	status = LK_SQLITE_RUN(store->db, sql, &row,
	    LK_SQL_BYTES(tag, LK_TAG_LEN), LK_SQL_BYTES(handle, LK_HANDLE_LEN),
	    LK_SQL_NUMBER(lk_sqlite_now_ms(store)));
	if (row != NULL) {
		live = sqlite3_column_int(row, 0) != 0;
		status = lk_sqlite_db_next(store->db, &row);
	}
	status = lk_sqlite_db_end(store->db, status);
	*was_live = status == LK_OK && live;
	return (status);
}

enum lk_status
lk_sqlite_sweep_some(struct lk_sqlite_store *store, enum lk_sqlite_sql sql)
{
	return (LK_SQLITE_RUN(store->db, sql, NULL,
	    LK_SQL_NUMBER(lk_sqlite_now_ms(store) - EXPIRED_KNOWN_MS),
	    LK_SQL_NUMBER(SWEEP_ROWS)));
}

void
lk_sqlite_let_others(int64_t began_ns)
{
	const int64_t took_ms = (lk_monotonic_ns() - began_ns) / 1000000;

	(void)poll(NULL, 0, OTHERS_MS + (int)(took_ms / 4));
}

/* ---- The store --------------------------------------------------------- */

static enum lk_status
sqlite_ping(struct lk_store *base, struct lk_deadline deadline)
{
	static const uint8_t nobody[LK_HANDLE_LEN];
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	sqlite3_stmt *row;
	enum lk_status status = LK_FAULT;

	status = lk_sqlite_db_look(store->db, deadline);
	if (status != LK_OK)
		return (status);
	/* It reads what every check reads. */
	status = lk_sqlite_db_find(store->db, nobody, nobody, &row);
	(void)sqlite3_reset(row);
	return (lk_sqlite_db_looked(store->db, status));
}

static enum lk_status
sqlite_inspect(struct lk_store *base, struct lk_deadline deadline,
    lk_finding_fn *each, void *arg)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	sqlite3_stmt *row;
	enum lk_status status = LK_FAULT;
	char text[LK_ERROR_MAX];

	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN, deadline);
	if (status != LK_OK)
		return (status);
	status = LK_SQLITE_RUN(store->db, LK_SQL_TOTAL, &row,
	    LK_SQL_NUMBER(lk_sqlite_now_ms(store)));
	if (row != NULL) {
		(void)snprintf(text, sizeof(text),
		    "SQLite %s, %lld live sessions in %s", sqlite3_libversion(),
		    (long long)sqlite3_column_int64(row, 0),
		    base->settings->store.sqlite.path);
		each(arg, LK_FINDING_GOOD, text);
	}
	return (lk_sqlite_db_end(store->db, status));
}

static void
sqlite_leave_parent(struct lk_store *base)
{
	(void)base;
	lk_sqlite_db_leave_parent();
}

static void
sqlite_free(struct lk_store *base)
{
	lk_sqlite_db_free(lk_sqlite_store_of(base)->db);
	free(base);
}

static const struct lk_store_ops sqlite_ops = { .name = "sqlite",
	.ping = sqlite_ping,
	.inspect = sqlite_inspect,
	.issue = lk_sqlite_issue,
	.check = lk_sqlite_check,
	.check_id = lk_sqlite_check_id,
	.extend = lk_sqlite_extend,
	.revoke = lk_sqlite_revoke,
	.revoke_id = lk_sqlite_revoke_id,
	.revoke_all = lk_sqlite_revoke_all,
	.list = lk_sqlite_list,
	.history = lk_sqlite_history,
	.history_erase = lk_sqlite_history_erase,
	.ended = lk_sqlite_ended,
	.user_get = lk_sqlite_user_get,
	.user_put = lk_sqlite_user_put,
	.user_delete = lk_sqlite_user_delete,
	.walk = lk_sqlite_walk,
	.put = lk_sqlite_put,
	.sweep = lk_sqlite_sweep,
	.stats = lk_sqlite_stats,
	.leave_parent = sqlite_leave_parent,
	.free = sqlite_free };

static enum lk_status
sqlite_open(const struct lk_store *base, struct lk_store **storep)
{
	struct lk_sqlite_store *store = calloc(1, sizeof(*store));
	enum lk_status status = LK_FAULT;

	*storep = NULL;
	if (store == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	store->base = *base;
	store->base.ops = &sqlite_ops;
	store->base.shape = LK_SHAPE_LATCHKEY;
	store->base.timeout_ms = base->settings->store.sqlite.timeout_ms;
	status = lk_sqlite_db_new(base->settings->store.sqlite.path,
	    base->error, &store->db);
	if (status != LK_OK) {
		free(store);
		return (status);
	}
	*storep = &store->base;
	return (LK_OK);
}

/* It has no replicas; what it reports is on its disk. */
static enum lk_status
check_settings(struct lk_settings *settings, struct lk_error *error)
{
	static const char key[] = "store.durability";

	if (settings->store.durability == LK_DURABILITY_ACK ||
	    settings->store.backend != LK_BACKEND_SQLITE)
		return (LK_OK);
	return (lk_settings_refuse(settings, key, key, error,
	    "expected \"ack\", since store.backend \"sqlite\" has no "
	    "replicas, got \"replica\""));
}

const struct lk_backend lk_sqlite_backend = { .open = sqlite_open,
	.where = "store.sqlite.path",
	.check = check_settings };
