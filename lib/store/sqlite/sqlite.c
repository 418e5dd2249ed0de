/*
 * The embedded store: one SQLite file for one machine, shared by every
 * process that may write to its folder.
 *
 * A change is one immediate transaction that is on the disk before it is
 * reported; a check is one read that waits for nobody.  Expired sessions stay
 * for an hour, so that a bearer can be told "expired"; then whoever writes
 * clears some of them away.
 */
#include <stdio.h>
#include <stdlib.h>

#include "store/backend.h"
#include "store/sql/store.h"
#include "store/sqlite/db.h"
#include "store/sqlite/library.h"

static enum lk_status
sqlite_inspect(struct lk_store *base, struct lk_deadline deadline,
    lk_finding_fn *each, void *arg)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;
	char text[LK_ERROR_MAX];

	status = lk_sql_begin(store->db, LK_SQL_READ, NULL, deadline);
	if (status != LK_OK)
		return (status);
	status = LK_SQL_RUN(store->db, LK_SQL_TOTAL, &row,
	    LK_SQL_NUMBER(lk_sql_now_ms(store)));
	if (row != NULL) {
		(void)snprintf(text, sizeof(text),
		    "SQLite %s, %lld live sessions in %s",
		    lk_sqlite.libversion(), (long long)lk_sql_number(row, 0),
		    base->settings->store.sqlite.path);
		each(arg, LK_FINDING_GOOD, text);
	}
	return (lk_sql_end(store->db, status));
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
	lk_sqlite_db_free(lk_sql_store_of(base)->db);
	free(base);
}

static const struct lk_store_ops sqlite_ops = { .name = "sqlite",
	.inspect = sqlite_inspect,
	.leave_parent = sqlite_leave_parent,
	.free = sqlite_free,
	LK_SQL_OPS };

static enum lk_status
sqlite_open(const struct lk_store *base, struct lk_store **storep)
{
	struct lk_sql_store *store = calloc(1, sizeof(*store));
	enum lk_status status = LK_FAULT;

	*storep = NULL;
	if (store == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	store->base = *base;
	store->base.ops = &sqlite_ops;
	store->base.shape = LK_SHAPE_LATCHKEY;
	store->tidies = true;
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
