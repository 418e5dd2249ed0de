#include "store/mariadb/module/schema.h"

#define MADE " ENGINE = InnoDB ROW_FORMAT = DYNAMIC DEFAULT CHARSET = binary"

/* 0 to 15. */
#define SIXTEEN                                                        \
	"(SELECT 0 AS n UNION SELECT 1 UNION SELECT 2 UNION SELECT 3"  \
	" UNION SELECT 4 UNION SELECT 5 UNION SELECT 6 UNION SELECT 7" \
	" UNION SELECT 8 UNION SELECT 9 UNION SELECT 10"               \
	" UNION SELECT 11 UNION SELECT 12 UNION SELECT 13"             \
	" UNION SELECT 14 UNION SELECT 15) AS "

const char *const lk_mariadb_schema[] = {
	"CREATE TABLE IF NOT EXISTS latchkey_session ("
	" tag BINARY(16) NOT NULL, handle BINARY(16) NOT NULL,"
	" digest BINARY(32) NOT NULL, user VARBINARY(256) NOT NULL,"
	" client VARBINARY(32) NOT NULL, issued_us BIGINT NOT NULL,"
	" expires_ms BIGINT NOT NULL, ends_ms BIGINT, renewed_ms BIGINT,"
	" peer VARBINARY(63) NOT NULL, agent VARBINARY(127) NOT NULL,"
	" PRIMARY KEY (tag, handle),"
	" KEY by_issue (tag, issued_us), KEY by_expiry (expires_ms))" MADE,
	"CREATE TABLE IF NOT EXISTS latchkey_lock ("
	" slot SMALLINT UNSIGNED NOT NULL PRIMARY KEY)" MADE,
	"INSERT IGNORE INTO latchkey_lock (slot)"
	" SELECT 256 * a.n + 16 * b.n + c.n FROM " SIXTEEN "a, " SIXTEEN
	"b, " SIXTEEN "c",
	"CREATE TABLE IF NOT EXISTS latchkey_user ("
	" tag BINARY(16) NOT NULL PRIMARY KEY, record MEDIUMBLOB NOT NULL,"
	" expires_ms BIGINT NOT NULL, KEY by_expiry (expires_ms))" MADE,
	"CREATE TABLE IF NOT EXISTS latchkey_ended ("
	" tag BINARY(16) NOT NULL, handle BINARY(16) NOT NULL,"
	" digest BINARY(32) NOT NULL, reason VARBINARY(16) NOT NULL,"
	" ended_ms BIGINT NOT NULL, until_ms BIGINT NOT NULL,"
	" PRIMARY KEY (tag, handle), KEY by_time (until_ms))" MADE,
	"CREATE TABLE IF NOT EXISTS latchkey_history ("
	" tag BINARY(16) NOT NULL, event VARBINARY(16) NOT NULL,"
	" reason VARBINARY(16) NOT NULL, client VARBINARY(32) NOT NULL,"
	" peer VARBINARY(63) NOT NULL, actor VARBINARY(63) NOT NULL,"
	" since_us BIGINT NOT NULL, time_us BIGINT NOT NULL,"
	" handle VARBINARY(16) NOT NULL, count BIGINT NOT NULL,"
	" agent VARBINARY(127) NOT NULL, user VARBINARY(256) NOT NULL,"
	" PRIMARY KEY (tag, event, reason, client, peer, actor, since_us),"
	" KEY by_time (time_us))" MADE,
	"CREATE TABLE IF NOT EXISTS latchkey_version ("
	" one TINYINT NOT NULL PRIMARY KEY, version INT NOT NULL)" MADE,
	/* Before version 2 there was no other lock, and what knows it alone
	 * changes nothing from here on. */
	"DROP TABLE IF EXISTS latchkey_owner",
	"INSERT INTO latchkey_version (one, version) VALUES (1, 2)"
	" ON DUPLICATE KEY UPDATE version = GREATEST(version, 2)",
	NULL
};

const char *const lk_mariadb_tables[] = { "latchkey_session", "latchkey_user",
	"latchkey_ended", "latchkey_history", NULL };

/* A statement that ends the sessions that ${which} says. */
#define ENDS(which)                                                   \
	{                                                             \
		"DELETE FROM latchkey_session " which,                \
		    "SELECT handle, digest, user, client, expires_ms" \
		    " FROM latchkey_session " which " FOR UPDATE"     \
	}
/* One that ends none. */
#define PLAIN(text)          \
	{                    \
		(text), NULL \
	}
/* Whether the kind of a row is among those of the third parameter. */
#define OF_KINDS "LOCATE(CONCAT(',', client, ','), ?3) > 0"
/* A sort of entries. */
#define SORT "tag = ?1 AND event = ?2 AND reason = ?3 AND client = ?4"
#define INSERT_SESSION                                                     \
	"INSERT INTO latchkey_session (tag, handle, digest, user, client," \
	" issued_us, expires_ms, ends_ms, peer, agent)"                    \
	" VALUES [(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)]"

/*
 * No subquery of a statement that changes a table is about that table, which
 * MySQL refuses, unless it is a derived one.
 */
const struct lk_mariadb_text lk_mariadb_texts[LK_SQL_N] = {
	[LK_SQL_FIND] = PLAIN(
	    "SELECT digest, user, client, issued_us, expires_ms"
	    " FROM latchkey_session WHERE tag = ?1 AND handle = ?2"),
	[LK_SQL_FIND_EACH] = PLAIN(
	    "SELECT tag, handle, digest, expires_ms FROM latchkey_session"
	    " WHERE [(tag = ?1 AND handle = ?2)]"),
	[LK_SQL_NEWEST] = PLAIN(
	    "SELECT max(issued_us) FROM latchkey_session WHERE tag = ?1"),
	[LK_SQL_COUNT] = PLAIN(
	    "SELECT count(*) FROM (SELECT 1 FROM latchkey_session"
	    " WHERE tag = ?1 LIMIT ?2) AS found"),
	[LK_SQL_OLD] = PLAIN(
	    "SELECT issued_us FROM latchkey_session WHERE tag = ?1"
	    " ORDER BY issued_us DESC LIMIT 1 OFFSET ?2"),
	[LK_SQL_EVICT] = ENDS(
	    "WHERE tag = ?1 ORDER BY expires_ms > ?2, issued_us, handle"
	    " LIMIT ?3"),
	[LK_SQL_LIVE] = PLAIN("SELECT count(*) FROM latchkey_session"
	                      " WHERE tag = ?1 AND expires_ms > ?2"),
	[LK_SQL_KIND_LIVE] = PLAIN(
	    "SELECT count(*) FROM latchkey_session"
	    " WHERE tag = ?1 AND expires_ms > ?2 AND " OF_KINDS),
	[LK_SQL_KIND_EVICT] = ENDS(
	    "WHERE tag = ?1 AND expires_ms > ?2 AND " OF_KINDS
	    " ORDER BY issued_us, handle LIMIT ?4"),
	[LK_SQL_INSERT] = PLAIN(INSERT_SESSION),
	[LK_SQL_INSERT_BESIDE] = PLAIN(NULL),
	[LK_SQL_EXTEND_BESIDE] = PLAIN(NULL),
	[LK_SQL_EXTEND] = PLAIN(
	    "UPDATE latchkey_session SET renewed_ms = ?3, ends_ms = CASE"
	    " WHEN ends_ms <> 0 THEN ends_ms"
	    " WHEN ends_ms = 0 AND ?6 > 0 THEN issued_us DIV 1000 + ?6 END,"
	    " expires_ms = LEAST(?4, COALESCE(ends_ms, ?4))"
	    " WHERE tag = ?1 AND handle = ?2 AND digest = ?5"
	    " AND expires_ms > ?3"),
	[LK_SQL_BESIDE] = PLAIN(
	    "SELECT ends_ms, renewed_ms, peer, agent FROM latchkey_session"
	    " WHERE tag = ?1 AND handle = ?2"),
	[LK_SQL_ENDED_PUT] = PLAIN(
	    "INSERT INTO latchkey_ended"
	    " (tag, handle, digest, reason, ended_ms, until_ms)"
	    " VALUES [(?1, ?2, ?3, ?4, ?5, ?6)]"
	    " ON DUPLICATE KEY UPDATE digest = VALUES(digest),"
	    " reason = VALUES(reason), ended_ms = VALUES(ended_ms),"
	    " until_ms = VALUES(until_ms)"),
	[LK_SQL_ENDED_FORGET] = PLAIN(
	    "DELETE FROM latchkey_ended WHERE [(tag = ?1 AND handle = ?2)]"),
	[LK_SQL_ENDED] = PLAIN(
	    "SELECT digest, reason, ended_ms FROM latchkey_ended"
	    " WHERE tag = ?1 AND handle = ?2 AND until_ms > ?3"),
	[LK_SQL_LOOK] = PLAIN(
	    "SELECT (SELECT 1 FROM latchkey_session WHERE tag = ?1"
	    "  LIMIT ?10 OFFSET ?11),"
	    " (SELECT max(issued_us) FROM latchkey_session WHERE tag = ?1),"
	    " (SELECT max(since_us) FROM latchkey_history WHERE " SORT
	    "  AND peer = ?5 AND actor = ?6 AND since_us > ?7),"
	    " (SELECT 1 FROM latchkey_history WHERE " SORT
	    "  LIMIT 1 OFFSET ?8),"
	    " (SELECT 1 FROM latchkey_history WHERE tag = ?1"
	    "  LIMIT 1 OFFSET ?9)"),
	[LK_SQL_NOTE] = PLAIN(
	    "INSERT INTO latchkey_history (tag, event, reason, client, peer,"
	    " actor, since_us, time_us, handle, count, agent, user)"
	    " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7, ?8, ?9, ?10, ?11)"
	    " ON DUPLICATE KEY UPDATE count = count + VALUES(count)"),
	[LK_SQL_NOTE_AGAIN] = PLAIN(
	    "UPDATE latchkey_history SET count = count + ?9, time_us = ?7,"
	    " handle = ?8, agent = ?10 WHERE " SORT
	    " AND peer = ?5 AND actor = ?6 AND since_us = ?11"),
	[LK_SQL_NOTES_TRIM] = PLAIN(
	    "DELETE FROM latchkey_history WHERE " SORT " AND since_us <="
	    " (SELECT since_us FROM (SELECT since_us FROM latchkey_history"
	    " WHERE " SORT " ORDER BY since_us DESC LIMIT 1 OFFSET ?5)"
	    " AS kept)"),
	[LK_SQL_NOTES_TRIM_ALL] = PLAIN(
	    "DELETE FROM latchkey_history WHERE tag = ?1 AND since_us <="
	    " (SELECT since_us FROM (SELECT since_us FROM latchkey_history"
	    " WHERE tag = ?1 ORDER BY since_us DESC LIMIT 1 OFFSET ?2)"
	    " AS kept)"),
	[LK_SQL_HISTORY] = PLAIN(
	    "SELECT event, reason, client, peer, actor, agent, user, handle,"
	    " time_us, count FROM latchkey_history"
	    " WHERE tag = ?1 AND time_us > ?2"
	    " ORDER BY time_us DESC, since_us DESC"),
	[LK_SQL_HISTORY_ERASE] = PLAIN(
	    "DELETE FROM latchkey_history WHERE tag = ?1"),
	[LK_SQL_SWEEP_ENDED] = PLAIN(
	    "DELETE FROM latchkey_ended WHERE until_ms <= ?1"
	    " ORDER BY until_ms LIMIT ?2"),
	[LK_SQL_SWEEP_HISTORY] = PLAIN(
	    "DELETE FROM latchkey_history WHERE time_us <= ?1"
	    " ORDER BY time_us LIMIT ?2"),
	[LK_SQL_REVOKE] = ENDS("WHERE tag = ?1 AND handle = ?2"),
	[LK_SQL_REVOKE_SOME] = ENDS(
	    "WHERE tag = ?1 AND handle > ?5 AND issued_us <= ?2"
	    " AND NOT (handle <=> ?4) ORDER BY handle LIMIT ?3"),
	[LK_SQL_LIST] = PLAIN(
	    "SELECT digest, user, client, issued_us, expires_ms, ends_ms,"
	    " renewed_ms, peer, agent FROM latchkey_session"
	    " WHERE tag = ?1 AND handle > ?2 ORDER BY handle LIMIT ?3"),
	[LK_SQL_USER_GET] = PLAIN("SELECT record FROM latchkey_user"
	                          " WHERE tag = ?1 AND expires_ms > ?2"),
	[LK_SQL_USER_PUT] = PLAIN(
	    "INSERT INTO latchkey_user (tag, record, expires_ms)"
	    " VALUES (?1, ?2, ?3) ON DUPLICATE KEY UPDATE"
	    " record = VALUES(record), expires_ms = VALUES(expires_ms)"),
	[LK_SQL_USER_EXPIRY] = PLAIN("SELECT expires_ms FROM latchkey_user"
	                             " WHERE tag = ?1 AND expires_ms > ?2"),
	[LK_SQL_USER_DELETE] = PLAIN(
	    "DELETE FROM latchkey_user WHERE tag = ?1"),
	[LK_SQL_SWEEP_SESSIONS] = PLAIN(
	    "DELETE FROM latchkey_session WHERE expires_ms < ?1"
	    " ORDER BY expires_ms LIMIT ?2"),
	[LK_SQL_SWEEP_USERS] = PLAIN(
	    "DELETE FROM latchkey_user WHERE expires_ms < ?1"
	    " ORDER BY expires_ms LIMIT ?2"),
	[LK_SQL_TOTAL] = PLAIN(
	    "SELECT count(*) FROM latchkey_session WHERE expires_ms > ?1"),
	/* The row that a page begins behind may be gone. */
	[LK_SQL_WALK_SESSIONS] = PLAIN(
	    "SELECT digest, user, client, issued_us, expires_ms, tag, handle,"
	    " ends_ms, peer, agent, ends_ms IS NULL OR ends_ms <> 0"
	    " FROM latchkey_session WHERE tag >= ?3"
	    " AND (tag > ?3 OR handle > ?4) AND expires_ms > ?1"
	    " ORDER BY tag, handle LIMIT ?2"),
	[LK_SQL_WALK_USERS] = PLAIN(
	    "SELECT record, expires_ms, tag FROM latchkey_user"
	    " WHERE tag > ?3 AND expires_ms > ?1 ORDER BY tag LIMIT ?2"),
	[LK_SQL_PUT] = PLAIN(INSERT_SESSION
	    " ON DUPLICATE KEY UPDATE"
	    " expires_ms = GREATEST(expires_ms, LEAST(VALUES(expires_ms),"
	    " COALESCE(NULLIF(ends_ms, 0), VALUES(expires_ms))))"),
	[LK_SQL_STATS] = PLAIN(
	    "SELECT (SELECT count(*) FROM latchkey_session"
	    "  WHERE expires_ms > ?1),"
	    " (SELECT count(*) FROM latchkey_user WHERE expires_ms > ?1),"
	    " (SELECT CAST(sum(data_length + index_length) AS SIGNED)"
	    "  FROM information_schema.tables WHERE table_schema = DATABASE()"
	    "  AND table_name LIKE 'latchkey\\_%')"),
};
