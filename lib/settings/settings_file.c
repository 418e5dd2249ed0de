/*
 * The settings file.  Values that are rules are read by settings_rules.c; the
 * two are the only users of libconfig.
 *
 * The text is wiped after it was read.  libconfig frees its own copy without
 * wiping it, so a password that must not linger in memory belongs into a
 * password file, which libconfig never sees.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/trusted_file.h"
#include "base/typos.h"
#include "settings/setting.h"
#include "settings/settings_reader.h"
#include "settings/settings_scan.h"

/* Longest member of an array, in bytes. */
#define MEMBER_MAX 1024
/* Room for any number as text. */
#define NUMBER_SIZE 24
#define MEMBER_WANT "strings of at most 1024 bytes"
/* Longest known group, a dot, and the longest name that the scanner passes. */
#define KEY_SIZE (64 + LK_SCAN_NAME_MAX)

/* ---- What to say ------------------------------------------------------- */

enum lk_status
lk_reader_refuse(const struct lk_reader *r, const config_setting_t *value,
    const char *key, const char *want, const char *got)
{
	return (lk_fail(r->error, LK_E_SETTINGS,
	    "%s:%u: %s: expected %s, got %s", r->path,
	    (unsigned int)config_setting_source_line(value), key, want, got));
}

const char *
lk_reader_type(const config_setting_t *value)
{
	switch (config_setting_type(value)) {
	case CONFIG_TYPE_GROUP:
		return ("a group");
	case CONFIG_TYPE_INT:
	case CONFIG_TYPE_INT64:
		return ("an integer");
	case CONFIG_TYPE_FLOAT:
		return ("a float");
	case CONFIG_TYPE_STRING:
		return ("a string");
	case CONFIG_TYPE_BOOL:
		return ("a boolean");
	case CONFIG_TYPE_ARRAY:
		return ("an array");
	default:
		return ("a list");
	}
}

static enum lk_status
refuse_type(const struct lk_reader *r, const config_setting_t *value,
    const struct lk_setting *s)
{
	char want[LK_SETTING_TEXT_MAX];

	lk_setting_want(s, want);
	return (
	    lk_reader_refuse(r, value, s->key, want, lk_reader_type(value)));
}

/* The length of ${key} up to as many dots as ${like} has; 0 if it has less. */
static size_t
cut_like(const char *key, const char *like)
{
	const char *end = key;

	for (; (like = strchr(like, '.')) != NULL; like++) {
		if ((end = strchr(end, '.')) == NULL)
			return (0);
		end++;
	}
	return ((size_t)(end - key) + strcspn(end, "."));
}

static enum lk_status
refuse_key(const struct lk_reader *r, const config_setting_t *value,
    const char *key)
{
	const struct lk_setting *s, *closest = NULL;
	size_t len, typos, least = LK_TYPOS_MAX + 1;

	for (s = lk_settings_table; s->key != NULL; s++) {
		if ((len = cut_like(s->key, key)) == 0)
			continue;
		typos = lk_typos(key, strlen(key), s->key, len);
		if (typos < least) {
			least = typos;
			closest = s;
		}
	}
	if (closest == NULL)
		return (lk_fail(r->error, LK_E_SETTINGS,
		    "%s:%u: %s: unknown key", r->path,
		    (unsigned int)config_setting_source_line(value), key));
	return (lk_fail(r->error, LK_E_SETTINGS,
	    "%s:%u: %s: unknown key, did you mean \"%.*s\"?", r->path,
	    (unsigned int)config_setting_source_line(value), key,
	    (int)cut_like(closest->key, key), closest->key));
}

/* ---- Values ------------------------------------------------------------ */

static enum lk_status
check_text(const struct lk_reader *r, const config_setting_t *value,
    const struct lk_setting *s, const char *text)
{
	char got[LK_SETTING_TEXT_MAX] = "a secret with some";
	const char *want;

	if (!s->secret)
		lk_setting_quote(text, got);
	if (lk_has_control(text, strlen(text)))
		return (lk_reader_refuse(r, value, s->key,
		    "a string without control characters", got));
	if (s->check != NULL && !s->check(text, &want))
		return (lk_reader_refuse(r, value, s->key, want, got));
	return (LK_OK);
}

static enum lk_status
read_string(const struct lk_reader *r, const config_setting_t *value,
    const struct lk_setting *s)
{
	char want[LK_SETTING_TEXT_MAX], got[LK_SETTING_TEXT_MAX];
	const char *text = config_setting_get_string(value);
	enum lk_status status = LK_FAULT;
	size_t len;

	if (text == NULL)
		return (refuse_type(r, value, s));
	len = strlen(text);
	if (len < (size_t)s->min || len > (size_t)s->max) {
		lk_setting_want(s, want);
		(void)snprintf(got, sizeof(got), "%zu", len);
		return (lk_reader_refuse(r, value, s->key, want, got));
	}
	/* Empty stands for none wherever it is allowed. */
	if (len > 0 && (status = check_text(r, value, s, text)) != LK_OK)
		return (status);
	return (lk_setting_set_string(lk_setting_at(r->settings, s), text));
}

/* The text of a member of a list, for numbers written to ${room}; or NULL. */
static const char *
member_text(const config_setting_t *value, const struct lk_setting *s,
    char room[NUMBER_SIZE])
{
	int type = config_setting_type(value);

	if (!s->numbers ||
	    (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64))
		return (config_setting_get_string(value));
	(void)snprintf(room, NUMBER_SIZE, "%lld",
	    (long long)config_setting_get_int64(value));
	return (room);
}

static enum lk_status
check_member(const struct lk_reader *r, const config_setting_t *value,
    const struct lk_setting *s, const char *text)
{
	if (text == NULL)
		return (lk_reader_refuse(r, value, s->key,
		    "an array of strings", "an array of others"));
	if (strlen(text) > MEMBER_MAX)
		return (lk_reader_refuse(r, value, s->key, MEMBER_WANT,
		    "a longer one"));
	return (check_text(r, value, s, text));
}

static enum lk_status
read_strings(const struct lk_reader *r, const config_setting_t *value,
    const struct lk_setting *s)
{
	char want[LK_SETTING_TEXT_MAX], got[LK_SETTING_TEXT_MAX];
	int i, n = config_setting_length(value);
	enum lk_status status = LK_OK;
	char(*numbers)[NUMBER_SIZE] = NULL;
	const config_setting_t *member;
	const char **v = NULL;

	if (!config_setting_is_array(value) &&
	    !(s->numbers && config_setting_is_list(value)))
		return (refuse_type(r, value, s));
	if (n < s->min || n > s->max) {
		lk_setting_want(s, want);
		(void)snprintf(got, sizeof(got), "%d", n);
		return (lk_reader_refuse(r, value, s->key, want, got));
	}
	v = calloc((size_t)n + 1, sizeof(*v));
	numbers = calloc((size_t)n + 1, sizeof(*numbers));
	if (v == NULL || numbers == NULL)
		status = LK_E_NOMEM;
	for (i = 0; i < n && status == LK_OK; i++) {
		member = config_setting_get_elem(value, (unsigned int)i);
		v[i] = member_text(member, s, numbers[i]);
		status = check_member(r, member, s, v[i]);
	}
	if (status == LK_OK)
		status = lk_strings_set(lk_setting_at(r->settings, s), v,
		    (size_t)n);
	free(numbers);
	free(v);
	return (status);
}

static enum lk_status
read_int(const struct lk_reader *r, const config_setting_t *value,
    const struct lk_setting *s)
{
	char want[LK_SETTING_TEXT_MAX], got[LK_SETTING_TEXT_MAX];
	int type = config_setting_type(value);
	long long number = config_setting_get_int64(value);

	if (type != CONFIG_TYPE_INT && type != CONFIG_TYPE_INT64)
		return (refuse_type(r, value, s));
	if (number < s->min || number > s->max) {
		lk_setting_want(s, want);
		(void)snprintf(got, sizeof(got), "%lld", number);
		return (lk_reader_refuse(r, value, s->key, want, got));
	}
	*(int64_t *)lk_setting_at(r->settings, s) = number;
	return (LK_OK);
}

static enum lk_status
read_enum(const struct lk_reader *r, const config_setting_t *value,
    const struct lk_setting *s)
{
	char want[LK_SETTING_TEXT_MAX], got[LK_SETTING_TEXT_MAX];
	const char *text = config_setting_get_string(value);
	int i;

	if (text == NULL)
		return (refuse_type(r, value, s));
	for (i = 0; s->names[i] != NULL; i++) {
		if (strcmp(s->names[i], text) == 0) {
			*(int *)lk_setting_at(r->settings, s) = i;
			return (LK_OK);
		}
	}
	lk_setting_want(s, want);
	lk_setting_quote(text, got);
	return (lk_reader_refuse(r, value, s->key, want, got));
}

static enum lk_status
read_bool(const struct lk_reader *r, const config_setting_t *value,
    const struct lk_setting *s)
{
	if (config_setting_type(value) != CONFIG_TYPE_BOOL)
		return (refuse_type(r, value, s));
	*(bool *)lk_setting_at(r->settings,
	    s) = config_setting_get_bool(value) != 0;
	return (LK_OK);
}

static enum lk_status
read_rules(const struct lk_reader *r, const config_setting_t *value,
    const struct lk_setting *s)
{
	char want[LK_SETTING_TEXT_MAX], got[LK_SETTING_TEXT_MAX];
	int n = config_setting_length(value);

	if (!config_setting_is_list(value))
		return (refuse_type(r, value, s));
	if (n < s->min || n > s->max) {
		lk_setting_want(s, want);
		(void)snprintf(got, sizeof(got), "%d", n);
		return (lk_reader_refuse(r, value, s->key, want, got));
	}
	return (
	    lk_reader_rules(r, value, s->key, lk_setting_at(r->settings, s)));
}

static enum lk_status
read_value(const struct lk_reader *r, const config_setting_t *value,
    const struct lk_setting *s)
{
	switch (s->type) {
	case LK_SETTING_BOOL:
		return (read_bool(r, value, s));
	case LK_SETTING_INT:
		return (read_int(r, value, s));
	case LK_SETTING_STRING:
		return (read_string(r, value, s));
	case LK_SETTING_ENUM:
		return (read_enum(r, value, s));
	case LK_SETTING_STRINGS:
		return (read_strings(r, value, s));
	case LK_SETTING_RULES:
		return (read_rules(r, value, s));
	}
	return (LK_FAULT);
}

/* ---- The tree ---------------------------------------------------------- */

static enum lk_status read_group(const struct lk_reader *r,
    const config_setting_t *group, const char *prefix);

/* It goes no deeper than the table's keys do. */
static enum lk_status
read_setting(const struct lk_reader *r, const config_setting_t *value,
    const char *key)
{
	const struct lk_setting *s = lk_setting_find(key);

	if (s != NULL)
		return (read_value(r, value, s));
	if (!lk_setting_is_group(key, strlen(key)))
		return (refuse_key(r, value, key));
	if (!config_setting_is_group(value))
		return (lk_reader_refuse(r, value, key, "a group",
		    lk_reader_type(value)));
	return (read_group(r, value, key));
}

static enum lk_status
read_group(const struct lk_reader *r, const config_setting_t *group,
    const char *prefix)
{
	const config_setting_t *value;
	enum lk_status status = LK_OK;
	char key[KEY_SIZE];
	int i, n = config_setting_length(group);

	for (i = 0; i < n && status == LK_OK; i++) {
		value = config_setting_get_elem(group, (unsigned int)i);
		(void)snprintf(key, sizeof(key), "%s%s%s", prefix,
		    prefix[0] == '\0' ? "" : ".", config_setting_name(value));
		status = read_setting(r, value, key);
	}
	return (status);
}

/* ---- The file ---------------------------------------------------------- */

static int
line_of(const void *arg, const char *key)
{
	const config_setting_t *value = config_lookup(arg, key);

	return (value == NULL ? 0 : (int)config_setting_source_line(value));
}

static enum lk_status
parse(const struct lk_reader *r, char *text)
{
	enum lk_status status = LK_FAULT;
	char near[LK_SCAN_NEAR_SIZE];
	config_t config;

	config_init(&config);
	if (config_read_string(&config, text) != CONFIG_TRUE) {
		lk_settings_scan_near(text, config_error_line(&config), near);
		status = lk_fail(r->error, LK_E_SETTINGS, "%s:%d: %s%s%s",
		    r->path, config_error_line(&config),
		    config_error_text(&config), near[0] == '\0' ? "" : " near ",
		    near);
		goto out;
	}
	r->settings->empty = config_setting_length(
	                         config_root_setting(&config)) == 0;
	status = read_group(r, config_root_setting(&config), "");
	if (status == LK_E_NOMEM)
		lk_error_set(r->error, "out of memory");
	if (status == LK_OK)
		status = lk_settings_validate(r->settings, line_of, &config,
		    r->error);
out:
	config_destroy(&config);
	return (status);
}

/* The text of the file, fit for libconfig. */
static enum lk_status
read_text(const char *path, struct lk_buf *text, struct lk_error *error)
{
	enum lk_status status = lk_trusted_file_read(path, text, error);

	if (status != LK_OK)
		return (status);
	status = lk_settings_scan(path, text->data, text->len, error);
	if (status != LK_OK)
		return (status);
	/* libconfig 1.5 knows a comment only by the newline behind it. */
	text->max++;
	if (text->len == 0 || text->data[text->len - 1] != '\n')
		lk_buf_str(text, "\n");
	return (
	    text->failed ? lk_fail(error, LK_E_NOMEM, "out of memory") : LK_OK);
}

enum lk_status
lk_settings_load(const char *path, struct lk_settings **settings,
    struct lk_error *error)
{
	struct lk_buf text = LK_BUF_INIT(LK_SETTINGS_FILE_MAX);
	struct lk_reader r = { .path = path, .error = error };
	enum lk_status status = LK_FAULT;

	*settings = NULL;
	if ((status = read_text(path, &text, error)) != LK_OK)
		goto out;
	if ((status = lk_settings_new(&r.settings, error)) != LK_OK)
		goto out;
	status = lk_setting_set_string(&r.settings->path, path);
	if (status != LK_OK) {
		lk_error_set(error, "out of memory");
		goto out;
	}
	if ((status = parse(&r, text.data)) != LK_OK)
		goto out;
	*settings = r.settings;
	r.settings = NULL;
out:
	lk_settings_free(r.settings);
	lk_buf_free(&text);
	return (status);
}

enum lk_status
lk_settings_load_default(struct lk_settings **settings, struct lk_error *error)
{
	if (lk_trusted_file_absent(LK_SETTINGS_PATH))
		return (lk_settings_new(settings, error));
	return (lk_settings_load(LK_SETTINGS_PATH, settings, error));
}
