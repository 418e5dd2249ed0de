#include "maria.h"

#ifdef LK_WITH_MARIADB

#include <mysql.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "contract/children.h"
#include "store/backend.h"

struct maria {
	MYSQL *mysql;
	char address[128];
	char database[32];
};

bool
maria_is_here(void)
{
	return (getenv("LK_TEST_MARIADB") != NULL);
}

void
maria_run(struct maria *maria, const char *text)
{
	if (mysql_query(maria->mysql, text) != 0)
		fail_msg("%s: %s", text, mysql_error(maria->mysql));
}

static void run(struct maria *, const char *, ...)
    __attribute__((format(printf, 2, 3)));

static void
run(struct maria *maria, const char *format, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	maria_run(maria, text);
}

/* As its administrator has it from `latchkey store init --print`. */
static void
make_tables(struct maria *maria)
{
	struct lk_buf shown = LK_BUF_INIT(65536);
	struct lk_settings *settings;
	struct lk_error error = { "" };
	char *text, *next;

	assert_int_equal(lk_settings_defaults(&settings, &error), LK_OK);
	if (lk_mariadb_backend.init(settings, &shown, &error) != LK_OK)
		fail_msg("%s", error.text);
	lk_settings_free(settings);
	for (text = shown.data; (next = strstr(text, ";\n")) != NULL;
	     text = next + 2) {
		*next = '\0';
		maria_run(maria, text);
	}
	lk_buf_free(&shown);
}

struct maria *
maria_open(void)
{
	struct maria *maria = calloc(1, sizeof(*maria));
	const char *path = getenv("LK_TEST_MARIADB");
	const char *by_tls = getenv("LK_TEST_MARIADB_TLS");

	assert_non_null(maria);
	(void)snprintf(maria->address, sizeof(maria->address), "%s%s",
	    by_tls != NULL ? "" : "unix:", by_tls != NULL ? by_tls : path);
	(void)snprintf(maria->database, sizeof(maria->database), "lk_%ld",
	    (long)getpid());
	maria->mysql = mysql_init(NULL);
	assert_non_null(maria->mysql);
	if (mysql_real_connect(maria->mysql, NULL, "root", "", NULL, 0, path,
	        0) == NULL)
		fail_msg("%s", mysql_error(maria->mysql));
	run(maria, "DROP DATABASE IF EXISTS %s", maria->database);
	run(maria, "CREATE DATABASE %s", maria->database);
	run(maria, "USE %s", maria->database);
	run(maria,
	    "CREATE USER IF NOT EXISTS latchkey@localhost"
	    " IDENTIFIED BY 'sesame'");
	make_tables(maria);
	return (maria);
}

const char *
maria_address(const struct maria *maria)
{
	return (maria->address);
}

const char *
maria_ca(const struct maria *maria)
{
	const char *ca = getenv("LK_TEST_MARIADB_CA");

	(void)maria;
	return (ca != NULL ? ca : "");
}

const char *
maria_database(const struct maria *maria)
{
	return (maria->database);
}

void
maria_empty(struct maria *maria)
{
	static const char *const tables[] = { "session", "user", "ended",
		"history" };
	size_t i;

	for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		run(maria, "DELETE FROM latchkey_%s", tables[i]);
}

void
maria_close(struct maria *maria)
{
	run(maria, "DROP DATABASE %s", maria->database);
	mysql_close(maria->mysql);
	free(maria);
}

#else

#include <stddef.h>

bool
maria_is_here(void)
{
	return (false);
}

struct maria *
maria_open(void)
{
	return (NULL);
}

const char *
maria_address(const struct maria *maria)
{
	(void)maria;
	return ("");
}

const char *
maria_database(const struct maria *maria)
{
	(void)maria;
	return ("");
}

const char *
maria_ca(const struct maria *maria)
{
	(void)maria;
	return ("");
}

void
maria_run(struct maria *maria, const char *text)
{
	(void)maria;
	(void)text;
}

void
maria_empty(struct maria *maria)
{
	(void)maria;
}

void
maria_close(struct maria *maria)
{
	(void)maria;
}

#endif
