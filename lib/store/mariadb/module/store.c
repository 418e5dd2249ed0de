/*
 * The store in MariaDB or MySQL: lib/store/sql over libmariadb, as a module.
 *
 * A change is one transaction of READ COMMITTED; those of one user's sessions
 * follow each other, since each first takes the lock of his that is a row of
 * latchkey_lock.  A check is one read by the primary key.  Sessions live by the
 * server's clock.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "module_build.h"
#include "store/mariadb/module/db.h"
#include "store/mariadb/module/look.h"
#include "store/mariadb/module/schema.h"
#include "store/module.h"
#include "store/sql/store.h"

/* How many logins in 256 clear away what expired long ago, and how much. */
#define TIDYING_LOGINS 4
#define TIDY_ROWS 256
/* How long making the tables may take. */
#define INIT_MS 30000

static struct lk_sql_db *
db_of(struct lk_store *base)
{
	return (lk_sql_store_of(base)->db);
}

static int64_t
server_now_ms(void *db)
{
	return (lk_mariadb_wire_now_ms(lk_mariadb_db_wire(db)));
}

/* ---- Changes: one that another was in the way of is made once more ------ */

/* AGAIN(base, deadline, call): ${call} until it is not to be repeated. */
#define AGAIN(base, deadline, call)                                            \
	do {                                                                   \
		enum lk_status status_;                                        \
                                                                               \
		do                                                             \
			status_ = (call);                                      \
		while (lk_mariadb_db_again(db_of(base), status_, (deadline))); \
		return (status_);                                              \
	} while (false)

static enum lk_status
issue(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	AGAIN(base, deadline, lk_sql_issue(base, request, deadline, session));
}

static enum lk_status
extend(struct lk_store *base, const struct lk_token_key *key, int64_t ttl,
    int64_t max_life, struct lk_deadline deadline, struct lk_session *session)
{
	AGAIN(base, deadline,
	    lk_sql_extend(base, key, ttl, max_life, deadline, session));
}

static enum lk_status
history_erase(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, uint64_t *erased)
{
	AGAIN(base, deadline,
	    lk_sql_history_erase(base, ref, deadline, erased));
}

static enum lk_status
user_put(struct lk_store *base, const char *user, const char *record,
    size_t len, int64_t ttl, struct lk_deadline deadline)
{
	AGAIN(base, deadline,
	    lk_sql_user_put(base, user, record, len, ttl, deadline));
}

static enum lk_status
user_delete(struct lk_store *base, const char *user,
    struct lk_deadline deadline, bool *deleted)
{
	AGAIN(base, deadline,
	    lk_sql_user_delete(base, user, deadline, deleted));
}

static enum lk_status
put(struct lk_store *base, const struct lk_stored *stored, size_t count,
    struct lk_deadline deadline, enum lk_put *results)
{
	AGAIN(base, deadline,
	    lk_sql_put(base, stored, count, deadline, results));
}

static enum lk_status
sweep(struct lk_store *base, struct lk_place *place,
    struct lk_deadline deadline, uint64_t *swept)
{
	AGAIN(base, deadline, lk_sql_sweep(base, place, deadline, swept));
}

/*
 * Whoever logs in clears away, now and then and beside his own change, some of
 * what expired long ago.  That he cannot is nobody's concern.
 */
static enum lk_status
issue_and_tidy(struct lk_store *base, const struct lk_issue_request *request,
    struct lk_deadline deadline, struct lk_session *session)
{
	const enum lk_status status = issue(base, request, deadline, session);
	struct lk_sql_store *store = lk_sql_store_of(base);
	struct lk_error kept;
	enum lk_status tidied = LK_FAULT;

	if (status != LK_OK ||
	    request->key->digest[LK_DIGEST_LEN - 1] >= TIDYING_LOGINS)
		return (status);
	kept = *base->error;
	tidied = lk_sql_begin(store->db, LK_SQL_CHANGE, NULL, deadline);
	if (tidied == LK_OK) {
		tidied = lk_sql_tidy(store, TIDY_ROWS);
		if (tidied == LK_OK)
			tidied = lk_sql_sweep_some(store, LK_SQL_SWEEP_USERS,
			    TIDY_ROWS);
		tidied = lk_sql_end(store->db, tidied);
	}
	*base->error = kept;
	return (status);
}

/* ---- The store --------------------------------------------------------- */

static enum lk_status
inspect(struct lk_store *base, struct lk_deadline deadline, lk_finding_fn *each,
    void *arg)
{
	return (lk_mariadb_look_at_server(lk_sql_store_of(base), deadline, each,
	    arg));
}

static void
leave_parent(struct lk_store *base)
{
	lk_mariadb_db_leave_parent(db_of(base));
}

static void
free_store(struct lk_store *base)
{
	lk_mariadb_db_free(db_of(base));
	free(base);
}

static const struct lk_store_ops ops = { .name = "mariadb",
	.ping = lk_sql_ping,
	.inspect = inspect,
	.issue = issue_and_tidy,
	.check = lk_sql_check,
	.check_id = lk_sql_check_id,
	.extend = extend,
	.revoke = lk_sql_revoke,
	.revoke_id = lk_sql_revoke_id,
	.revoke_all = lk_sql_revoke_all,
	.list = lk_sql_list,
	.history = lk_sql_history,
	.history_erase = history_erase,
	.ended = lk_sql_ended,
	.user_get = lk_sql_user_get,
	.user_put = user_put,
	.user_delete = user_delete,
	.walk = lk_sql_walk,
	.put = put,
	.sweep = sweep,
	.stats = lk_sql_stats,
	.leave_parent = leave_parent,
	.free = free_store };

static enum lk_status
open_store(const struct lk_store *base, struct lk_store **storep)
{
	struct lk_sql_store *store = calloc(1, sizeof(*store));
	enum lk_status status = LK_FAULT;

	*storep = NULL;
	if (store == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	store->base = *base;
	store->base.ops = &ops;
	store->base.shape = LK_SHAPE_LATCHKEY;
	store->base.timeout_ms =
	    base->settings->store.mariadb.command_timeout_ms;
	status = lk_mariadb_db_new(base->settings, base->error, &store->db);
	if (status != LK_OK) {
		free(store);
		return (status);
	}
	store->base.now_ms = server_now_ms;
	store->base.arg = store->db;
	*storep = &store->base;
	return (LK_OK);
}

/* What makes it, and what its user may do there, for whoever runs that. */
static void
show(const struct lk_settings *settings, struct lk_buf *shown)
{
	const char *const *text;

	lk_buf_printf(shown, "-- In the database %s:\n",
	    settings->store.mariadb.database);
	for (text = lk_mariadb_schema; *text != NULL; text++)
		lk_buf_printf(shown, "%s;\n", *text);
	lk_buf_str(shown, "\n-- What the user of the settings may do there:\n");
	for (text = lk_mariadb_tables; *text != NULL; text++)
		lk_buf_printf(shown,
		    "GRANT SELECT, INSERT, UPDATE, DELETE ON %s TO '%s'@"
		    "'localhost';\n",
		    *text, settings->store.mariadb.username);
	lk_buf_printf(shown,
	    "GRANT SELECT, UPDATE ON latchkey_lock TO '%s'@'localhost';\n",
	    settings->store.mariadb.username);
	lk_buf_printf(shown,
	    "GRANT SELECT ON latchkey_version TO '%s'@'localhost';\n",
	    settings->store.mariadb.username);
}

static enum lk_status
init_store(const struct lk_settings *settings, struct lk_buf *shown,
    struct lk_error *error)
{
	struct lk_mariadb_wire wire = { .settings = settings, .error = error };
	const char *const *text;
	enum lk_status status = LK_OK;

	if (shown != NULL) {
		show(settings, shown);
		return (LK_OK);
	}
	status = lk_mariadb_wire_connect(&wire, lk_deadline_in(INIT_MS));
	for (text = lk_mariadb_schema; status == LK_OK && *text != NULL; text++)
		status = lk_mariadb_wire_say(&wire, *text);
	lk_mariadb_wire_drop(&wire);
	return (status);
}

extern const struct lk_store_module lk_store_module;

__attribute__((visibility("default")))
const struct lk_store_module lk_store_module = { .build = LK_MODULE_BUILD,
	.open = open_store,
	.init = init_store };
