/* The embedded store's half that keeps users' cached records. */
#include "store/sqlite/store.h"

/* Append a user's record in the transaction under way. */
static enum lk_status
find_user(struct lk_sqlite_store *store, const uint8_t tag[LK_TAG_LEN],
    struct lk_buf *record)
{
	sqlite3_stmt *statement = NULL;
	enum lk_status status = LK_FAULT;
	bool row;

	status = lk_sqlite_db_sql(store->db, LK_SQL_USER_GET, &statement);
	if (status != LK_OK)
		return (status);
	lk_sqlite_bind_bytes(statement, 1, tag, LK_TAG_LEN);
	lk_sqlite_bind_number(statement, 2, lk_sqlite_now_ms(store));
	status = lk_sqlite_db_step(store->db, statement, &row);
	if (status == LK_OK && row) {
		lk_buf_add(record, sqlite3_column_blob(statement, 0),
		    (size_t)sqlite3_column_bytes(statement, 0));
		if (record->failed)
			status = lk_sqlite_corrupt(store);
	}
	(void)sqlite3_reset(statement);
	return (status);
}

enum lk_status
lk_sqlite_check_user(struct lk_store *base, const struct lk_token_key *key,
    struct lk_deadline deadline, struct lk_session *session,
    struct lk_buf *record)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	enum lk_status status = LK_FAULT;

	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN, deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sqlite_find(store, key, session);
	if (status == LK_OK)
		status = find_user(store, key->tag, record);
	return (lk_sqlite_db_end(store->db, status));
}

enum lk_status
lk_sqlite_user_get(struct lk_store *base, const char *user,
    struct lk_deadline deadline, struct lk_buf *record)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	uint8_t tag[LK_TAG_LEN];
	enum lk_status status = LK_FAULT;

	lk_user_tag(user, tag);
	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN, deadline);
	if (status == LK_OK)
		status = lk_sqlite_db_end(store->db,
		    find_user(store, tag, record));
	return (status);
}

enum lk_status
lk_sqlite_user_put(struct lk_store *base, const char *user, const char *record,
    size_t len, int64_t ttl, struct lk_deadline deadline)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	sqlite3_stmt *statement = NULL;
	uint8_t tag[LK_TAG_LEN];
	enum lk_status status = LK_FAULT;

	lk_user_tag(user, tag);
	status = lk_sqlite_db_begin_adding(store->db, deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sqlite_sweep_some(store, LK_SQL_SWEEP_USERS);
	if (status == LK_OK)
		status = lk_sqlite_db_sql(store->db, LK_SQL_USER_PUT,
		    &statement);
	if (status == LK_OK) {
		lk_sqlite_bind_bytes(statement, 1, tag, LK_TAG_LEN);
		lk_sqlite_bind_bytes(statement, 2, record, len);
		lk_sqlite_bind_number(statement, 3,
		    lk_sqlite_now_ms(store) + ttl * 1000);
		status = lk_sqlite_change(store, statement);
	}
	return (lk_sqlite_db_end(store->db, status));
}

enum lk_status
lk_sqlite_user_delete(struct lk_store *base, const char *user,
    struct lk_deadline deadline, bool *deleted)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	sqlite3_stmt *statement = NULL;
	uint8_t tag[LK_TAG_LEN];
	enum lk_status status = LK_FAULT;
	bool was_live = false;

	*deleted = false;
	lk_user_tag(user, tag);
	status = lk_sqlite_db_begin(store->db, LK_SQL_BEGIN_IMMEDIATE,
	    deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sqlite_db_sql(store->db, LK_SQL_USER_DELETE, &statement);
	if (status == LK_OK) {
		lk_sqlite_bind_bytes(statement, 1, tag, LK_TAG_LEN);
		lk_sqlite_bind_number(statement, 2, lk_sqlite_now_ms(store));
		status = lk_sqlite_delete(store, statement, &was_live);
	}
	status = lk_sqlite_db_end(store->db, status);
	*deleted = status == LK_OK && was_live;
	return (status);
}
