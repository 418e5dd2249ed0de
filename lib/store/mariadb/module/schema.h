/*
 * The tables, which doc/mariadb.md specifies, and every statement about them.
 */
#ifndef LK_MARIADB_SCHEMA_H_
#define LK_MARIADB_SCHEMA_H_

#include "store/sql/db.h"

/* The version of the tables. */
#define LK_MARIADB_SCHEMA 2

/* Their version, the time of the server in microseconds, whether it is
 * read-only. */
#define LK_MARIADB_VITALS                                           \
	"SELECT version, CAST(UNIX_TIMESTAMP(SYSDATE(6)) * 1000000" \
	" AS SIGNED), @@GLOBAL.read_only FROM latchkey_version"

/** What makes the tables, statement by statement, ended by NULL.  Each can be
 * run again. */
extern const char *const lk_mariadb_schema[];

/** The tables that sessions are kept in, ended by NULL. */
extern const char *const lk_mariadb_tables[];

/** A statement of an engine's.  What is in brackets may stand there again, for
 * further rows. */
struct lk_mariadb_text {
	const char *text; /* NULL: there is nothing to do */
	/* What ends sessions is rows first, which are locked by this, and then
	 * ${text}; NULL: it ends none. */
	const char *rows;
};

extern const struct lk_mariadb_text lk_mariadb_texts[LK_SQL_N];

/* What begins a transaction, and behind it, in the same write, what locks a
 * user's sessions by the first 12 bits of his tag: it is about one row. */
#define LK_MARIADB_START "START TRANSACTION"
#define LK_MARIADB_LOCK                                   \
	"; SELECT slot INTO @latchkey FROM latchkey_lock" \
	" WHERE slot = %u FOR UPDATE"

#endif /* !LK_MARIADB_SCHEMA_H_ */
