/* What the halves of a store in tables share. */
#include <poll.h>

#include "store/sql/past.h"

/* How long an expired session is remembered. */
#define EXPIRED_KNOWN_MS 3600000
/* How long to leave the lock to others, and a quarter of what it was held. */
#define OTHERS_MS 3

struct lk_sql_store *
lk_sql_store_of(struct lk_store *base)
{
	/* The base is the first member. */
	return ((struct lk_sql_store *)base);
}

enum lk_status
lk_sql_corrupt(const struct lk_sql_store *store)
{
	return (lk_fail(store->base.error, LK_E_CORRUPT,
	    "%s: a row is not what latchkey writes", store->db->where));
}

bool
lk_sql_text(struct lk_sql_row *statement, int column, char *text, size_t max)
{
	const char *bytes = lk_sql_bytes(statement, column);
	size_t len = lk_sql_len(statement, column), i;

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
lk_sql_number_of(struct lk_sql_store *store, enum lk_sql sql,
    const uint8_t tag[LK_TAG_LEN], int64_t limit, int64_t *number)
{
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;

	status = LK_SQL_RUN(store->db, sql, &row, LK_SQL_BYTES(tag, LK_TAG_LEN),
	    LK_SQL_NUMBER(limit));
	*number = row != NULL ? lk_sql_number(row, 0) : 0;
	lk_sql_done(row);
	return (status);
}

enum lk_status
lk_sql_sweep_some(struct lk_sql_store *store, enum lk_sql sql, int rows)
{
	return (LK_SQL_RUN(store->db, sql, NULL,
	    LK_SQL_NUMBER(lk_sql_now_ms(store) - EXPIRED_KNOWN_MS),
	    LK_SQL_NUMBER(rows)));
}

enum lk_status
lk_sql_tidy(struct lk_sql_store *store, int rows)
{
	enum lk_status status = LK_FAULT;
	int swept;

	status = lk_sql_sweep_some(store, LK_SQL_SWEEP_SESSIONS, rows);
	return (
	    status != LK_OK ? status : lk_sql_sweep_past(store, rows, &swept));
}

void
lk_sql_let_others(int64_t began_ns)
{
	const int64_t took_ms = (lk_monotonic_ns() - began_ns) / 1000000;

	(void)poll(NULL, 0, OTHERS_MS + (int)(took_ms / 4));
}

enum lk_status
lk_sql_ping(struct lk_store *base, struct lk_deadline deadline)
{
	static const uint8_t nobody[LK_HANDLE_LEN];
	struct lk_sql_store *store = lk_sql_store_of(base);
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;

	status = lk_sql_look(store->db, deadline);
	if (status != LK_OK)
		return (status);
	/* It reads what every check reads. */
	status = lk_sql_row_of(store->db, nobody, nobody, &row);
	lk_sql_done(row);
	return (lk_sql_looked(store->db, status));
}
