/* A value, by its entry in the table; and how to talk of it. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "settings/table.h"

/* How much of a value a message repeats. */
#define QUOTE_MAX 48
#define FILE_SUFFIX "_file"

/* ---- Life -------------------------------------------------------------- */

/* Lists of rows differ in the type that one of their members points to. */
struct lk_rows
lk_setting_rows(const struct lk_setting *setting, const void *base)
{
	struct lk_rows rows;

	memcpy(&rows, lk_setting_of(setting, base), sizeof(rows));
	return (rows);
}

static void
wipe_string(char **field)
{
	if (*field != NULL)
		sodium_memzero(*field, strlen(*field));
	free(*field);
	*field = NULL;
}

enum lk_status
lk_setting_set_string(char **field, const char *text)
{
	char *copy = strdup(text);

	if (copy == NULL)
		return (LK_E_NOMEM);
	wipe_string(field);
	*field = copy;
	return (LK_OK);
}

enum lk_status
lk_setting_set_rows(const struct lk_setting *setting, void *base, size_t n)
{
	struct lk_rows rows = { calloc(n, setting->size), n };

	if (rows.v == NULL)
		return (LK_E_NOMEM);
	memcpy(lk_setting_at(setting, base), &rows, sizeof(rows));
	return (LK_OK);
}

static enum lk_status
set_default_rows(const struct lk_setting *setting, void *base)
{
	enum lk_status status = LK_OK;
	const struct lk_setting *s;
	struct lk_rows rows;
	size_t i;

	if (setting->number == 0)
		return (LK_OK);
	status = lk_setting_set_rows(setting, base, (size_t)setting->number);
	rows = lk_setting_rows(setting, base);
	for (i = 0; i < rows.n && status == LK_OK; i++) {
		for (s = setting->members; s->key != NULL && status == LK_OK;
		     s++)
			status = lk_setting_set_default(s,
			    (char *)rows.v + i * setting->size);
	}
	return (status);
}

enum lk_status
lk_setting_set_default(const struct lk_setting *setting, void *base)
{
	void *field = lk_setting_at(setting, base);
	size_t n = 0;

	switch (setting->type) {
	case LK_SETTING_BOOL:
		*(bool *)field = setting->number != 0;
		return (LK_OK);
	case LK_SETTING_INT:
		*(int64_t *)field = setting->number;
		return (LK_OK);
	case LK_SETTING_ENUM:
		*(int *)field = (int)setting->number;
		return (LK_OK);
	case LK_SETTING_STRING:
		if (setting->text == NULL)
			return (LK_OK);
		return (lk_setting_set_string(field,
		    setting->text[0] == NULL ? "" : setting->text[0]));
	case LK_SETTING_STRINGS:
		if (setting->text == NULL)
			return (LK_OK);
		while (setting->text[n] != NULL)
			n++;
		return (lk_strings_set(field, setting->text, n));
	case LK_SETTING_VALUES:
		return (LK_OK);
	case LK_SETTING_ROWS:
		return (set_default_rows(setting, base));
	}
	return (LK_FAULT);
}

static void
clear_rows(const struct lk_setting *setting, void *base)
{
	struct lk_rows rows = lk_setting_rows(setting, base);
	const struct lk_setting *s;
	size_t i;

	for (i = 0; i < rows.n; i++) {
		for (s = setting->members; s->key != NULL; s++)
			lk_setting_clear(s, (char *)rows.v + i * setting->size);
	}
	free(rows.v);
	memset(lk_setting_at(setting, base), 0, sizeof(rows));
}

void
lk_setting_clear(const struct lk_setting *setting, void *base)
{
	void *field = lk_setting_at(setting, base);

	if (setting->type == LK_SETTING_STRING)
		wipe_string(field);
	else if (setting->type == LK_SETTING_STRINGS)
		lk_strings_free(field);
	else if (setting->type == LK_SETTING_VALUES)
		lk_strings_free(&((struct lk_values *)field)->texts);
	else if (setting->type == LK_SETTING_ROWS)
		clear_rows(setting, base);
}

const char *
lk_setting_file_of(const struct lk_setting *setting, const void *base)
{
	const struct lk_setting *next = setting + 1;
	size_t len = strlen(setting->key);

	if (next->key == NULL || strncmp(next->key, setting->key, len) != 0 ||
	    strcmp(next->key + len, FILE_SUFFIX) != 0)
		return ("");
	return (*(char *const *)lk_setting_of(next, base));
}

/* ---- What is said ------------------------------------------------------ */

/* "one of" and the names. */
static void
want_names(const char *const *names, char text[LK_SETTING_TEXT_MAX])
{
	size_t i, len;

	(void)snprintf(text, LK_SETTING_TEXT_MAX, "one of");
	for (i = 0; names[i] != NULL; i++) {
		len = strlen(text);
		(void)snprintf(text + len, LK_SETTING_TEXT_MAX - len,
		    "%s \"%s\"", i > 0 ? "," : "", names[i]);
	}
}

void
lk_setting_want(const struct lk_setting *setting,
    char text[LK_SETTING_TEXT_MAX])
{
	const long long min = setting->min, max = setting->max;
	const size_t size = LK_SETTING_TEXT_MAX;

	if (setting->want != NULL)
		(void)snprintf(text, size, "%s", setting->want);
	else if (setting->octal)
		(void)snprintf(text, size,
		    "an octal number from 0 to 0%llo that starts with 0",
		    (unsigned long long)max);
	else if (setting->type == LK_SETTING_BOOL)
		(void)snprintf(text, size, "true or false");
	else if (setting->type == LK_SETTING_INT)
		(void)snprintf(text, size, "an integer from %lld to %lld", min,
		    max);
	else if (setting->type == LK_SETTING_STRING)
		(void)snprintf(text, size, "a string of %lld to %lld bytes",
		    min, max);
	else if (setting->type == LK_SETTING_ENUM)
		want_names(setting->names, text);
	else if (setting->type == LK_SETTING_ROWS)
		(void)snprintf(text, size, "a list of %lld to %lld groups", min,
		    max);
	else
		(void)snprintf(text, size,
		    "an array of %lld to %lld %sstrings%s", min, max,
		    setting->numbers ? "numbers or " : "",
		    setting->type == LK_SETTING_VALUES
		        ? ", integers or booleans"
		        : "");
}

void
lk_setting_quote(const char *value, char text[LK_SETTING_TEXT_MAX])
{
	size_t i, len = strlen(value);
	char *p = text;

	*p++ = '"';
	for (i = 0; i < len && i < QUOTE_MAX; i++) {
		*p = value[i];
		if (*p < ' ' || *p > '~')
			*p = '?';
		p++;
	}
	(void)snprintf(p, LK_SETTING_TEXT_MAX - (size_t)(p - text), "%s\"",
	    len > QUOTE_MAX ? "..." : "");
}
