#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "store/mariadb/module/db.h"
#include "store/mariadb/module/look.h"
#include "store/mariadb/module/schema.h"

/* By how much clocks may differ that nobody minds. */
#define CLOCKS_DIFFER_MS 1000
#define ANSWER_MAX 128

/* What was asked, and answered: texts of one row. */
struct answer {
	unsigned int count;
	char text[4][ANSWER_MAX];
};

static void
take(void *arg, char **texts, unsigned int count)
{
	struct answer *answer = arg;
	unsigned int i;

	for (i = 0; i < count && i < 4; i++)
		(void)snprintf(answer->text[i], ANSWER_MAX, "%s",
		    texts[i] != NULL ? texts[i] : "");
	answer->count = i;
}

struct look {
	struct lk_mariadb_wire *wire;
	lk_finding_fn *each;
	void *arg;
};

static void
find(const struct look *look, enum lk_finding finding, const char *text)
{
	look->each(look->arg, finding, text);
}

/* What it keeps of what it has said is done. */
static enum lk_status
look_at_disk(const struct look *look)
{
	struct answer answer = { .count = 0 };
	enum lk_status status = LK_FAULT;

	status = lk_mariadb_wire_ask(look->wire,
	    "SELECT @@GLOBAL.innodb_flush_log_at_trx_commit,"
	    " @@GLOBAL.log_bin, @@GLOBAL.sync_binlog",
	    take, &answer);
	if (status != LK_OK)
		return (status);
	if (strcmp(answer.text[0], "1") != 0)
		find(look, LK_FINDING_BAD,
		    "innodb_flush_log_at_trx_commit is not 1: what the server "
		    "says is done, a crash undoes, logouts too");
	else if (strcmp(answer.text[1], "0") != 0 &&
	    strcmp(answer.text[2], "1") != 0)
		find(look, LK_FINDING_DOUBTFUL,
		    "sync_binlog is not 1: after a crash its replicas may have "
		    "what it has not");
	return (LK_OK);
}

static enum lk_status
look_at_role(const struct look *look)
{
	bool replicates;
	enum lk_status status = lk_mariadb_wire_replicates(look->wire,
	    &replicates);

	if (status == LK_OK && replicates)
		find(look, LK_FINDING_BAD,
		    "it is a replica: sessions are checked and changed at the "
		    "primary alone");
	return (status);
}

static enum lk_status
look_at_isolation(const struct look *look)
{
	struct answer answer = { .count = 0 };
	enum lk_status status = LK_FAULT;

	status = lk_mariadb_wire_ask(look->wire,
	    "SHOW SESSION VARIABLES WHERE Variable_name IN"
	    " ('tx_isolation', 'transaction_isolation')",
	    take, &answer);
	if (status == LK_OK && strcmp(answer.text[1], "READ-COMMITTED") != 0)
		find(look, LK_FINDING_BAD,
		    "transactions are not READ COMMITTED, whatever was asked "
		    "for: something between changes it");
	return (status);
}

static void
look_at_clock(const struct look *look)
{
	struct timespec ts;
	char text[LK_ERROR_MAX];
	int64_t ahead_ms;

	(void)clock_gettime(CLOCK_REALTIME, &ts);
	ahead_ms = lk_mariadb_wire_now_ms(look->wire) -
	    (int64_t)ts.tv_sec * 1000 - ts.tv_nsec / 1000000;
	if (llabs(ahead_ms) < CLOCKS_DIFFER_MS)
		return;
	(void)snprintf(text, sizeof(text),
	    "its clock is %lld ms %s this machine's: sessions live by it",
	    (long long)llabs(ahead_ms), ahead_ms > 0 ? "ahead of" : "behind");
	find(look, LK_FINDING_DOUBTFUL, text);
}

/* What is needed of each table, tried where it changes nothing. */
static enum lk_status
look_at_grants(const struct look *look)
{
	static const char *const tries[] = { "SELECT 1 FROM %s WHERE 1 = 0",
		"INSERT INTO %s SELECT * FROM %s WHERE 1 = 0",
		"UPDATE %s SET tag = tag WHERE 1 = 0",
		"DELETE FROM %s WHERE 1 = 0" };
	struct answer answer;
	char query[ANSWER_MAX];
	const char *const *table;
	enum lk_status status = LK_OK;
	size_t i;

	for (table = lk_mariadb_tables; status == LK_OK && *table != NULL;
	     table++) {
		for (i = 0; status == LK_OK && i < 4; i++) {
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
			(void)snprintf(query, sizeof(query), tries[i], *table,
			    *table);
#pragma GCC diagnostic pop
			status = i == 0
			    ? lk_mariadb_wire_ask(look->wire, query, take,
			          &answer)
			    : lk_mariadb_wire_say(look->wire, query);
		}
	}
	return (status != LK_OK
	        ? status
	        : lk_mariadb_wire_ask(look->wire,
	              "SELECT slot FROM latchkey_lock WHERE 1 = 0 FOR UPDATE",
	              take, &answer));
}

/* Called for each line of SHOW GRANTS. */
static void
take_grant(void *arg, char **texts, unsigned int count)
{
	bool *much = arg;

	if (count > 0 && texts[0] != NULL &&
	    strstr(texts[0], " ON *.*") != NULL &&
	    strncmp(texts[0], "GRANT USAGE ON", strlen("GRANT USAGE ON")) != 0)
		*much = true;
}

enum lk_status
lk_mariadb_look_at_server(struct lk_sql_store *store,
    struct lk_deadline deadline, lk_finding_fn *each, void *arg)
{
	const struct look look = { lk_mariadb_db_wire(store->db), each, arg };
	struct answer version = { .count = 0 };
	char text[LK_ERROR_MAX];
	struct lk_sql_row *row;
	enum lk_status status = lk_sql_look(store->db, deadline);
	bool much = false;

	if (status == LK_OK)
		status = lk_mariadb_wire_ask(look.wire, "SELECT VERSION()",
		    take, &version);
	if (status == LK_OK)
		status = LK_SQL_RUN(store->db, LK_SQL_TOTAL, &row,
		    LK_SQL_NUMBER(lk_sql_now_ms(store)));
	if (status == LK_OK && row != NULL) {
		(void)snprintf(text, sizeof(text),
		    "MariaDB %s, %lld live sessions in %s at %s",
		    version.text[0], (long long)lk_sql_number(row, 0),
		    store->base.settings->store.mariadb.database,
		    store->db->where);
		lk_sql_done(row);
		find(&look, LK_FINDING_GOOD, text);
	}
	if (status == LK_OK)
		status = look_at_grants(&look);
	if (status == LK_OK)
		status = lk_mariadb_wire_ask(look.wire, "SHOW GRANTS",
		    take_grant, &much);
	if (status == LK_OK && much)
		find(&look, LK_FINDING_DOUBTFUL,
		    "its user may do more than it needs to; `latchkey store "
		    "init --print` shows what it needs");
	if (status == LK_OK)
		status = look_at_isolation(&look);
	if (status == LK_OK)
		status = look_at_disk(&look);
	if (status == LK_OK)
		status = look_at_role(&look);
	if (status == LK_OK)
		look_at_clock(&look);
	return (lk_sql_looked(store->db, status));
}
