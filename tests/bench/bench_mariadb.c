/*
 * The store in MariaDB beside bare statements of libmariadb on a connection
 * alike: a check beside a prepared SELECT by the primary key, a login beside a
 * transaction of one INSERT, and beside one that locks and writes what a login
 * does.  The sides take turns, round by round.
 *
 *     bench_mariadb SETTINGS SOCKET DATABASE NAME
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <mysql.h>

#include "figure.h"
#include "latchkey.h"
#include "session/token.h"

#define USERS 1000
#define CHECKS 250 /* in a round */
#define ISSUES (USERS / ROUNDS)

static struct lk_token token[USERS];
static const char bare_select[] =
    "SELECT digest, user, client, issued_us, expires_ms"
    " FROM latchkey_session WHERE tag = ? AND handle = ?";
static const char bare_insert[] =
    "INSERT INTO bare (tag, handle, digest, user, client, issued_us,"
    " expires_ms, peer, agent) VALUES (?, ?, '', 'user', 'web', 1, 1, '', '')";
static const char bare_lock[] =
    "SELECT slot INTO @bare FROM latchkey_lock WHERE slot = 7 FOR UPDATE";
static const char bare_entry[] =
    "INSERT INTO bare_entry (tag, event, reason, client, peer, actor, since_us,"
    " time_us, handle, count, agent, user)"
    " VALUES (?, 'issued', '', 'web', '', '', 1, 1, ?, 1, '', 'user')";

static void
say(MYSQL *mysql, const char *text)
{
	if (mysql_query(mysql, text) != 0)
		die(mysql_error(mysql));
}

static MYSQL_STMT *
prepare(MYSQL *mysql, const char *text)
{
	MYSQL_STMT *stmt = mysql_stmt_init(mysql);

	if (stmt == NULL || mysql_stmt_prepare(stmt, text, strlen(text)) != 0)
		die(mysql_error(mysql));
	return (stmt);
}

/* Run it for the session of the ${n}th token, to its end. */
static void
execute(MYSQL_STMT *stmt, size_t n)
{
	char bytes[5][512];
	unsigned long len[5];
	MYSQL_BIND bind[2] = { { 0 } }, result[5] = { { 0 } };
	struct lk_token_key key;
	int i;

	if (lk_token_parse(&token[n], &key) != LK_OK)
		die("a token is none");
	bind[0].buffer_type = bind[1].buffer_type = MYSQL_TYPE_BLOB;
	bind[0].buffer = key.tag;
	bind[0].buffer_length = LK_TAG_LEN;
	bind[1].buffer = key.digest;
	bind[1].buffer_length = LK_HANDLE_LEN;
	if (mysql_stmt_bind_param(stmt, bind) != 0 ||
	    mysql_stmt_execute(stmt) != 0)
		die(mysql_stmt_error(stmt));
	if (mysql_stmt_field_count(stmt) == 0)
		return;
	for (i = 0; i < 5; i++) {
		result[i].buffer_type = MYSQL_TYPE_BLOB;
		result[i].buffer = bytes[i];
		result[i].buffer_length = sizeof(bytes[i]);
		result[i].length = &len[i];
	}
	if (mysql_stmt_bind_result(stmt, result) != 0 ||
	    mysql_stmt_store_result(stmt) != 0 || mysql_stmt_fetch(stmt) != 0)
		die("a SELECT gave nothing");
	(void)mysql_stmt_free_result(stmt);
}

static void
bench_issue(struct lk_manager *m, MYSQL *mysql, const char *name)
{
	double ours[ROUNDS], ratio[ROUNDS], whole[ROUNDS], start;
	MYSQL_STMT *insert = prepare(mysql, bare_insert);
	MYSQL_STMT *entry = prepare(mysql, bare_entry);
	char user[32], figure[64];
	size_t i, n = 0, until;

	for (i = 0; i < ROUNDS; i++) {
		start = seconds();
		for (until = n + ISSUES; n < until; n++) {
			(void)snprintf(user, sizeof(user), "%s%zu", name, n);
			if (lk_issue(m, user, NULL, &token[n], NULL) != LK_OK)
				die(lk_manager_error(m));
		}
		ours[i] = seconds() - start;
		start = seconds();
		for (n = until - ISSUES; n < until; n++) {
			say(mysql, "START TRANSACTION");
			execute(insert, n);
			say(mysql, "COMMIT");
		}
		ratio[i] = (seconds() - start) / ours[i];
		say(mysql, "DELETE FROM bare");
		start = seconds();
		for (n = until - ISSUES; n < until; n++) {
			say(mysql, "START TRANSACTION");
			say(mysql, bare_lock);
			execute(insert, n);
			execute(entry, n);
			say(mysql, "COMMIT");
		}
		whole[i] = (seconds() - start) / ours[i];
	}
	(void)mysql_stmt_close(insert);
	(void)mysql_stmt_close(entry);
	(void)snprintf(figure, sizeof(figure), "issue_mariadb_%s", name);
	print_figure(figure, ISSUES / median(ours, ROUNDS), "per_second");
	(void)snprintf(figure, sizeof(figure),
	    "issue_mariadb_%s_to_bare_insert", name);
	print_figure(figure, median(ratio, ROUNDS), "ratio");
	(void)snprintf(figure, sizeof(figure), "issue_mariadb_%s_to_bare_rows",
	    name);
	print_figure(figure, median(whole, ROUNDS), "ratio");
}

static void
bench_check(struct lk_manager *m, MYSQL *mysql, const char *name)
{
	double ours[ROUNDS], ratio[ROUNDS], start;
	MYSQL_STMT *select = prepare(mysql, bare_select);
	struct lk_session session;
	char figure[64];
	size_t i, n, at = 0;

	for (i = 0; i < ROUNDS; i++) {
		start = seconds();
		for (n = 0; n < CHECKS; n++, at = (at + 1) % USERS) {
			if (lk_check(m, &token[at], &session) != LK_OK)
				die(lk_manager_error(m));
		}
		ours[i] = seconds() - start;
		start = seconds();
		for (n = 0; n < CHECKS; n++)
			execute(select, (at + n) % USERS);
		ratio[i] = (seconds() - start) / ours[i];
	}
	(void)mysql_stmt_close(select);
	(void)snprintf(figure, sizeof(figure), "check_mariadb_%s", name);
	print_figure(figure, CHECKS / median(ours, ROUNDS), "per_second");
	(void)snprintf(figure, sizeof(figure),
	    "check_mariadb_%s_to_bare_select", name);
	print_goal(figure, median(ratio, ROUNDS), ">=", 0.8);
}

int
main(int argc, char **argv)
{
	struct lk_settings *settings;
	struct lk_manager *m;
	struct lk_error error;
	MYSQL *mysql = mysql_init(NULL);

	if (argc != 5)
		die("bench_mariadb SETTINGS SOCKET DATABASE NAME");
	if (lk_settings_load(argv[1], &settings, &error) != LK_OK ||
	    lk_manager_new(settings, NULL, &m, &error) != LK_OK)
		die(error.text);
	if (mysql == NULL ||
	    mysql_real_connect(mysql, NULL, "root", "", argv[3], 0, argv[2],
	        0) == NULL)
		die("no MariaDB");
	say(mysql, "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
	say(mysql, "CREATE TABLE IF NOT EXISTS bare LIKE latchkey_session");
	say(mysql,
	    "CREATE TABLE IF NOT EXISTS bare_entry"
	    " LIKE latchkey_history");
	say(mysql, "DELETE FROM bare_entry");
	bench_issue(m, mysql, argv[4]);
	bench_check(m, mysql, argv[4]);
	mysql_close(mysql);
	lk_manager_free(m);
	lk_settings_free(settings);
	return (0);
}
