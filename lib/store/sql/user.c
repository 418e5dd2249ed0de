/* The half that keeps users' cached records. */
#include "store/sql/store.h"

/* How many rows that expired long ago putting one clears away. */
#define SWEEP_ROWS 16

enum lk_status
lk_sql_find_user(struct lk_sql_store *store, const uint8_t tag[LK_TAG_LEN],
    struct lk_buf *record)
{
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;

	status = LK_SQL_RUN(store->db, LK_SQL_USER_GET, &row,
	    LK_SQL_BYTES(tag, LK_TAG_LEN), LK_SQL_NUMBER(lk_sql_now_ms(store)));
	if (row != NULL) {
		lk_buf_add(record, lk_sql_bytes(row, 0), lk_sql_len(row, 0));
		if (record->failed)
			status = lk_sql_corrupt(store);
	}
	lk_sql_done(row);
	return (status);
}

enum lk_status
lk_sql_user_get(struct lk_store *base, const char *user,
    struct lk_deadline deadline, struct lk_buf *record)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	uint8_t tag[LK_TAG_LEN];
	enum lk_status status = LK_FAULT;

	lk_user_tag(user, tag);
	status = lk_sql_begin(store->db, LK_SQL_READ, NULL, deadline);
	if (status == LK_OK)
		status = lk_sql_end(store->db,
		    lk_sql_find_user(store, tag, record));
	return (status);
}

enum lk_status
lk_sql_user_put(struct lk_store *base, const char *user, const char *record,
    size_t len, int64_t ttl, struct lk_deadline deadline)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	uint8_t tag[LK_TAG_LEN];
	enum lk_status status = LK_FAULT;

	lk_user_tag(user, tag);
	status = lk_sql_begin(store->db, LK_SQL_ADD, NULL, deadline);
	if (status != LK_OK)
		return (status);
	status = store->tidies
	    ? lk_sql_sweep_some(store, LK_SQL_SWEEP_USERS, SWEEP_ROWS)
	    : LK_OK;
	if (status == LK_OK)
		status = LK_SQL_RUN(store->db, LK_SQL_USER_PUT, NULL,
		    LK_SQL_BYTES(tag, LK_TAG_LEN), LK_SQL_BYTES(record, len),
		    LK_SQL_NUMBER(lk_sql_now_ms(store) + ttl * 1000));
	return (lk_sql_end(store->db, status));
}

enum lk_status
lk_sql_user_delete(struct lk_store *base, const char *user,
    struct lk_deadline deadline, bool *deleted)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	uint8_t tag[LK_TAG_LEN];
	enum lk_status status = LK_FAULT;
	int64_t live_ms = 0;

	*deleted = false;
	lk_user_tag(user, tag);
	status = lk_sql_begin(store->db, LK_SQL_CHANGE, NULL, deadline);
	if (status != LK_OK)
		return (status);
	/* The clock that says whether it was live may be set back. */
	status = lk_sql_number_of(store, LK_SQL_USER_EXPIRY, tag,
	    lk_sql_now_ms(store), &live_ms);
	if (status == LK_OK)
		status = LK_SQL_RUN(store->db, LK_SQL_USER_DELETE, NULL,
		    LK_SQL_BYTES(tag, LK_TAG_LEN));
	status = lk_sql_end(store->db, status);
	*deleted = status == LK_OK && live_ms > 0;
	return (status);
}
