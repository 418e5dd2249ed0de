/* The embedded store's half that keeps users' cached records. */
#include "store/sqlite/store.h"

enum lk_status
lk_sqlite_find_user(struct lk_sqlite_store *store,
    const uint8_t tag[LK_TAG_LEN], struct lk_buf *record)
{
	sqlite3_stmt *row;
	enum lk_status status = LK_FAULT;

	status = LK_SQLITE_RUN(store->db, LK_SQL_USER_GET, &row,
	    LK_SQL_BYTES(tag, LK_TAG_LEN),
	    LK_SQL_NUMBER(lk_sqlite_now_ms(store)));
	if (row != NULL) {
		lk_buf_add(record, sqlite3_column_blob(row, 0),
		    (size_t)sqlite3_column_bytes(row, 0));
		if (record->failed)
			status = lk_sqlite_corrupt(store);
	}
	(void)sqlite3_reset(row);
	return (status);
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
		    lk_sqlite_find_user(store, tag, record));
	return (status);
}

enum lk_status
lk_sqlite_user_put(struct lk_store *base, const char *user, const char *record,
    size_t len, int64_t ttl, struct lk_deadline deadline)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	uint8_t tag[LK_TAG_LEN];
	enum lk_status status = LK_FAULT;

	lk_user_tag(user, tag);
	status = lk_sqlite_db_begin_adding(store->db, deadline);
	if (status != LK_OK)
		return (status);
	status = lk_sqlite_sweep_some(store, LK_SQL_SWEEP_USERS);
	if (status == LK_OK)
		status = LK_SQLITE_RUN(store->db, LK_SQL_USER_PUT, NULL,
		    LK_SQL_BYTES(tag, LK_TAG_LEN), LK_SQL_BYTES(record, len),
		    LK_SQL_NUMBER(lk_sqlite_now_ms(store) + ttl * 1000));
	return (lk_sqlite_db_end(store->db, status));
}

enum lk_status
lk_sqlite_user_delete(struct lk_store *base, const char *user,
    struct lk_deadline deadline, bool *deleted)
{
	struct lk_sqlite_store *store = lk_sqlite_store_of(base);
	uint8_t tag[LK_TAG_LEN];

	lk_user_tag(user, tag);
	return (lk_sqlite_delete(store, LK_SQL_USER_DELETE, tag, NULL, deadline,
	    deleted));
}
