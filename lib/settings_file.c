/* Reading settings from a libconfig file: the only user of libconfig. */
#include <stdlib.h>
#include <string.h>

#include <libconfig.h>

#include "error.h"
#include "settings.h"
#include "settings_scan.h"
#include "trusted_file.h"

#define KEY_MAX 127
#define TABLE_MAX 64
/* Most of a value that a message repeats. */
#define ECHO_MAX 40

struct reader {
	const char *path;
	struct lk_error *error;
	struct lk_settings *settings;
	int line[TABLE_MAX]; /* where each key of the table was set, or 0 */
};

static int
line_of(const void *arg, const char *key)
{
	const struct reader *r = arg;
	size_t i;

	for (i = 0; lk_settings_table[i].key != NULL; i++) {
		if (strcmp(lk_settings_table[i].key, key) == 0)
			return (r->line[i]);
	}
	return (0);
}

static enum lk_status
complain(const struct reader *r, const config_setting_t *s, const char *key,
    const char *expected, const char *got)
{
	return (lk_fail(r->error, LK_E_SETTINGS,
	    "%s:%d: %s: expected %s, got %.*s", r->path,
	    (int)config_setting_source_line(s), key, expected, ECHO_MAX,
	    got));
}

static const char *
type_name(const config_setting_t *s)
{
	switch (config_setting_type(s)) {
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return ("a number");
	case CONFIG_TYPE_FLOAT:
		return ("a number with a point");
	case CONFIG_TYPE_STRING:
		return ("a string");
	case CONFIG_TYPE_BOOL:
		return ("true or false");
	case CONFIG_TYPE_ARRAY:
	case CONFIG_TYPE_LIST:
		return ("a list");
	case CONFIG_TYPE_GROUP:
		return ("a group");
	default:
		return ("nothing");
	}
}

/* ---- Values ------------------------------------------------------------ */

static enum lk_status
read_int(const struct reader *r, const struct lk_setting *t,
    const config_setting_t *s, int64_t *value)
{
	char expected[64], got[32];
	long long number;

	if (t->octal)
		(void)snprintf(expected, sizeof(expected),
		    "an octal number from %llo to 0%llo", (long long)t->min,
		    (long long)t->max);
	else
		(void)snprintf(expected, sizeof(expected),
		    "a number from %lld to %lld", (long long)t->min,
		    (long long)t->max);
	if (config_setting_type(s) != CONFIG_TYPE_INT &&
	    config_setting_type(s) != CONFIG_TYPE_INT64)
		return (complain(r, s, t->key, expected, type_name(s)));
	number = config_setting_get_int64(s);
	if (number < t->min || number > t->max) {
		(void)snprintf(got, sizeof(got), t->octal ? "0%llo" : "%lld",
		    number);
		return (complain(r, s, t->key, expected, got));
	}
	*value = number;
	return (LK_OK);
}

/* Whether a string may stand there at all; else say why not. */
static enum lk_status
check_string(const struct reader *r, const struct lk_setting *t,
    const config_setting_t *s, const char *text)
{
	const char *want = "a fit value", *p;
	char expected[64];

	for (p = text; *p != '\0'; p++) {
		if ((unsigned char)*p < 0x20 || *p == 0x7f)
			return (complain(r, s, t->key,
			    "text without control characters", "one"));
	}
	if (t->type == LK_SETTING_STRING && p - text > t->max) {
		(void)snprintf(expected, sizeof(expected),
		    "at most %lld bytes", (long long)t->max);
		return (complain(r, s, t->key, expected, "more"));
	}
	if (t->check == NULL || t->check(text, &want))
		return (LK_OK);
	return (complain(
	    r, s, t->key, want, t->secret ? "something else" : text));
}

static enum lk_status
read_string(const struct reader *r, const struct lk_setting *t,
    const config_setting_t *s, char **value)
{
	const char *text;
	enum lk_status status = LK_FAULT;
	char *copy;

	if (config_setting_type(s) != CONFIG_TYPE_STRING)
		return (complain(r, s, t->key, "a string", type_name(s)));
	text = config_setting_get_string(s);
	if ((status = check_string(r, t, s, text)) != LK_OK)
		return (status);
	if ((copy = strdup(text)) == NULL)
		return (lk_fail(r->error, LK_E_NOMEM, "out of memory"));
	free(*value);
	*value = copy;
	return (LK_OK);
}

static enum lk_status
read_enum(const struct reader *r, const struct lk_setting *t,
    const config_setting_t *s, int *value)
{
	struct lk_buf expected = LK_BUF_INIT(LK_ERROR_MAX);
	const char *text = NULL;
	enum lk_status status = LK_FAULT;
	int i;

	if (config_setting_type(s) == CONFIG_TYPE_STRING)
		text = config_setting_get_string(s);
	for (i = 0; t->names[i] != NULL; i++) {
		if (text != NULL && strcmp(text, t->names[i]) == 0) {
			*value = i;
			lk_buf_free(&expected);
			return (LK_OK);
		}
		lk_buf_printf(&expected, "%s\"%s\"",
		    i == 0                     ? ""
		    : t->names[i + 1] == NULL ? " or "
		                               : ", ",
		    t->names[i]);
	}
	status = complain(r, s, t->key,
	    expected.failed ? "another value" : expected.data,
	    text != NULL ? text : type_name(s));
	lk_buf_free(&expected);
	return (status);
}

static enum lk_status
read_strings(const struct reader *r, const struct lk_setting *t,
    const config_setting_t *s, struct lk_strings *value)
{
	struct lk_strings list = { NULL, 0 };
	enum lk_status status = LK_FAULT;
	const config_setting_t *element;
	char expected[64];
	size_t i, n;

	if (config_setting_type(s) != CONFIG_TYPE_ARRAY &&
	    config_setting_type(s) != CONFIG_TYPE_LIST)
		return (complain(
		    r, s, t->key, "a list of strings", type_name(s)));
	n = (size_t)config_setting_length(s);
	if (n > (size_t)t->max || (n == 0 && t->check != NULL)) {
		(void)snprintf(expected, sizeof(expected),
		    "1 to %lld strings", (long long)t->max);
		return (complain(r, s, t->key, expected,
		    n == 0 ? "none" : "more"));
	}
	if ((list.v = calloc(n + 1, sizeof(char *))) == NULL)
		return (lk_fail(r->error, LK_E_NOMEM, "out of memory"));
	for (status = LK_OK; list.n < n && status == LK_OK; list.n++) {
		element = config_setting_get_elem(s, (unsigned int)list.n);
		status = read_string(r, t, element, &list.v[list.n]);
		for (i = 0; i < list.n && status == LK_OK; i++) {
			if (t->check != NULL &&
			    strcmp(list.v[i], list.v[list.n]) == 0)
				status = complain(r, s, t->key,
				    "each string once", list.v[i]);
		}
	}
	if (status == LK_OK) {
		struct lk_strings old = *value;

		*value = list;
		list = old;
	}
	lk_strings_free(&list);
	return (status);
}

static enum lk_status
read_value(struct reader *r, const struct lk_setting *t,
    const config_setting_t *s)
{
	void *m = (char *)r->settings + t->offset;

	r->line[t - lk_settings_table] = (int)config_setting_source_line(s);
	switch (t->type) {
	case LK_SETTING_BOOL:
		if (config_setting_type(s) != CONFIG_TYPE_BOOL)
			return (complain(
			    r, s, t->key, "true or false", type_name(s)));
		*(bool *)m = config_setting_get_bool(s) != 0;
		return (LK_OK);
	case LK_SETTING_INT:
		return (read_int(r, t, s, m));
	case LK_SETTING_STRING:
		return (read_string(r, t, s, m));
	case LK_SETTING_ENUM:
		return (read_enum(r, t, s, m));
	case LK_SETTING_STRINGS:
		return (read_strings(r, t, s, m));
	}
	return (LK_FAULT);
}

/* ---- Keys -------------------------------------------------------------- */

static const struct lk_setting *
find_setting(const char *key)
{
	const struct lk_setting *t;

	for (t = lk_settings_table; t->key != NULL; t++) {
		if (strcmp(t->key, key) == 0)
			return (t);
	}
	return (NULL);
}

static bool
is_group(const char *key)
{
	const size_t len = strlen(key);
	const struct lk_setting *t;

	for (t = lk_settings_table; t->key != NULL; t++) {
		if (strncmp(t->key, key, len) == 0 && t->key[len] == '.')
			return (true);
	}
	return (false);
}

static enum lk_status read_group(struct reader *r, const char *prefix,
    const config_setting_t *group);

static enum lk_status
read_member(struct reader *r, const char *prefix, const config_setting_t *s)
{
	const struct lk_setting *t;
	char key[KEY_MAX + 1];

	(void)snprintf(key, sizeof(key), "%s%s%s", prefix,
	    prefix[0] != '\0' ? "." : "", config_setting_name(s));
	if ((t = find_setting(key)) != NULL)
		return (read_value(r, t, s));
	if (!is_group(key))
		return (lk_fail(r->error, LK_E_SETTINGS,
		    "%s:%d: %s: unknown key", r->path,
		    (int)config_setting_source_line(s), key));
	if (config_setting_type(s) != CONFIG_TYPE_GROUP)
		return (complain(r, s, key, "a group", type_name(s)));
	return (read_group(r, key, s));
}

static enum lk_status
read_group(
    struct reader *r, const char *prefix, const config_setting_t *group)
{
	enum lk_status status = LK_OK;
	int i, n = config_setting_length(group);

	for (i = 0; i < n && status == LK_OK; i++)
		status = read_member(r, prefix,
		    config_setting_get_elem(group, (unsigned int)i));
	return (status);
}

static enum lk_status
parse(struct reader *r, const char *text)
{
	enum lk_status status = LK_FAULT;
	config_t config;

	config_init(&config);
	if (config_read_string(&config, text) != CONFIG_TRUE)
		status = lk_fail(r->error, LK_E_SETTINGS, "%s:%d: %s", r->path,
		    config_error_line(&config), config_error_text(&config));
	else
		status = read_group(r, "", config_root_setting(&config));
	config_destroy(&config);
	return (status);
}

enum lk_status
lk_settings_load(const char *path, struct lk_settings **settings,
    struct lk_error *error)
{
	struct lk_buf text = LK_BUF_INIT(LK_SETTINGS_FILE_MAX);
	struct reader r = { .path = path, .error = error };
	enum lk_status status = LK_FAULT;

	*settings = NULL;
	if ((status = lk_settings_new(&r.settings, error)) != LK_OK)
		return (status);
	status = lk_trusted_file_read(path, &text, error);
	if (status == LK_OK)
		status = lk_settings_scan(path, &text, error);
	if (status == LK_OK)
		status = parse(&r, text.len > 0 ? text.data : "");
	if (status == LK_OK && (r.settings->path = strdup(path)) == NULL)
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
	if (status == LK_OK)
		status = lk_settings_validate(r.settings, line_of, &r, error);
	lk_buf_free(&text);
	if (status != LK_OK) {
		lk_settings_free(r.settings);
		r.settings = NULL;
	}
	*settings = r.settings;
	return (status);
}
