/*
 * The reader of a settings file, by the table: groups, values, arrays, and
 * lists of groups.  The only user of libconfig; it knows of each value what it
 * is called and on which line it is.
 *
 * The text is wiped after it was read.  libconfig frees its own copy without
 * wiping it, so a password that must not linger in memory belongs into a
 * password file, which libconfig never sees.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libconfig.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/string_list.h"
#include "base/trusted_file.h"
#include "settings/table.h"

/* Deepest known groups and rows, and the longest name the scanner passes. */
#define KEY_SIZE (128 + LK_SCAN_NAME_MAX)
/* Room for any number as text. */
#define NUMBER_SIZE 24

/* What a value is read as, and into; everything is borrowed. */
struct target {
	struct lk_settings *settings; /* of the file that is read */
	struct lk_error *error;
	const struct lk_setting *s;
	void *base; /* the settings, or a row */
};

/* Whether it is a row that is read into. */
static bool
is_in_row(const struct target *to)
{
	return (to->base != to->settings);
}

/* ---- What to say ------------------------------------------------------- */

/* What the file calls it: names with dots between, members of lists by number.
 */
static void
key_of(const config_setting_t *value, char key[KEY_SIZE])
{
	const config_setting_t *parent = config_setting_parent(value);
	const char *name = config_setting_name(value);
	size_t len;

	key[0] = '\0';
	if (parent == NULL)
		return;
	key_of(parent, key);
	len = strlen(key);
	if (name != NULL)
		(void)snprintf(key + len, KEY_SIZE - len, "%s%s",
		    len > 0 ? "." : "", name);
	else
		(void)snprintf(key + len, KEY_SIZE - len, "[%d]",
		    config_setting_index(value));
}

static const char *
type_of(const config_setting_t *value)
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

/*
 * Say "FILE:LINE: KEY: expected WANT, got GOT" of ${value}, which is that of
 * ${to} or a member of it.  With ${want} NULL it is what the table says, with
 * ${got} NULL the type that ${value} has.  Members of arrays are told apart in
 * rows only.
 */
static enum lk_status
refuse(const struct target *to, const config_setting_t *value, const char *want,
    const char *got)
{
	const config_setting_t *named = value;
	char key[KEY_SIZE], text[LK_SETTING_TEXT_MAX];

	if (config_setting_name(value) == NULL && !is_in_row(to) &&
	    to->s->type != LK_SETTING_ROWS)
		named = config_setting_parent(value);
	key_of(named, key);
	if (want == NULL) {
		lk_setting_want(to->s, text);
		want = text;
	}
	return (lk_fail(to->error, LK_E_SETTINGS,
	    "%s:%u: %s: expected %s, got %s", to->settings->path,
	    (unsigned int)config_setting_source_line(value), key, want,
	    got != NULL ? got : type_of(value)));
}

static enum lk_status
refuse_number(const struct target *to, const config_setting_t *value,
    long long number)
{
	char got[NUMBER_SIZE];

	(void)snprintf(got, sizeof(got), "%lld", number);
	return (refuse(to, value, NULL, got));
}

static enum lk_status
refuse_text(const struct target *to, const config_setting_t *value,
    const char *want, const char *text)
{
	char got[LK_SETTING_TEXT_MAX] = "a secret with some";

	if (!to->s->secret)
		lk_setting_quote(text, got);
	return (refuse(to, value, want, got));
}

/* ---- Single values ----------------------------------------------------- */

static bool
is_integer(const config_setting_t *value)
{
	return (config_setting_type(value) == CONFIG_TYPE_INT ||
	    config_setting_type(value) == CONFIG_TYPE_INT64);
}

static enum lk_status
read_enum(const struct target *to, const config_setting_t *value)
{
	const char *text = config_setting_get_string(value);
	int i;

	if (text == NULL)
		return (refuse(to, value, NULL, NULL));
	for (i = 0; to->s->names[i] != NULL; i++) {
		if (strcmp(to->s->names[i], text) == 0) {
			*(int *)lk_setting_at(to->s, to->base) = i;
			return (LK_OK);
		}
	}
	return (refuse_text(to, value, NULL, text));
}

static enum lk_status
check_form(const struct target *to, const config_setting_t *value,
    const char *text)
{
	const char *want;

	if (to->s->check == NULL || to->s->check(text, &want))
		return (LK_OK);
	return (refuse_text(to, value, want, text));
}

static enum lk_status
check_length(const struct target *to, const config_setting_t *value,
    const char *text)
{
	const size_t len = strlen(text);

	if (to->s->type != LK_SETTING_STRING)
		return (len <= LK_SETTING_MEMBER_MAX
		        ? LK_OK
		        : refuse(to, value, "strings of at most 1024 bytes",
		              "a longer one"));
	if (len < (size_t)to->s->min || len > (size_t)to->s->max)
		return (refuse_number(to, value, (long long)len));
	return (LK_OK);
}

/* The string of ${to}, or a member of its array. */
static enum lk_status
check_text(const struct target *to, const config_setting_t *value,
    const char *text)
{
	enum lk_status status = LK_OK;

	/* In a row, the check has words of its own for all that is wrong. */
	if (is_in_row(to))
		status = check_form(to, value, text);
	if (status == LK_OK)
		status = check_length(to, value, text);
	if (status == LK_OK && lk_has_control(text, strlen(text)))
		status = refuse_text(to, value,
		    "a string without control characters", text);
	/* An empty string stands for none wherever it is allowed. */
	if (status == LK_OK && !is_in_row(to) &&
	    (text[0] != '\0' || to->s->type != LK_SETTING_STRING))
		status = check_form(to, value, text);
	return (status);
}

/* ---- Arrays ------------------------------------------------------------ */

/* Whether a list has as many members as it may. */
static enum lk_status
check_count(const struct target *to, const config_setting_t *list)
{
	int n = config_setting_length(list);

	return (n >= to->s->min && n <= to->s->max
	        ? LK_OK
	        : refuse_number(to, list, n));
}

static enum lk_status
check_once(const struct target *to, const config_setting_t *array,
    const char *const *v, size_t n)
{
	char got[LK_SETTING_TEXT_MAX], quoted[LK_SETTING_TEXT_MAX];
	char want[LK_SETTING_TEXT_MAX];
	size_t i, j;

	for (i = 0; to->s->once != NULL && i < n; i++) {
		for (j = 0; j < i && strcmp(v[i], v[j]) != 0; j++)
			continue;
		if (j == i)
			continue;
		lk_setting_quote(v[i], quoted);
		(void)snprintf(want, sizeof(want), "%s once", to->s->once);
		(void)snprintf(got, sizeof(got), "%.100s again", quoted);
		return (refuse(to, array, want, got));
	}
	return (LK_OK);
}

/* A member as text, a number or boolean written to ${room}; or NULL. */
static const char *
member_text(const struct target *to, const config_setting_t *member,
    char room[NUMBER_SIZE])
{
	const bool any = to->s->type == LK_SETTING_VALUES;

	if ((any || to->s->numbers) && is_integer(member))
		(void)snprintf(room, NUMBER_SIZE, "%lld",
		    (long long)config_setting_get_int64(member));
	else if (any && config_setting_type(member) == CONFIG_TYPE_BOOL)
		(void)snprintf(room, NUMBER_SIZE, "%s",
		    config_setting_get_bool(member) ? "true" : "false");
	else
		return (config_setting_get_string(member));
	return (room);
}

static enum lk_status
read_member(const struct target *to, const config_setting_t *array,
    const config_setting_t *member, char room[NUMBER_SIZE], const char **text)
{
	if ((*text = member_text(to, member, room)) == NULL) {
		if (to->s->type == LK_SETTING_VALUES)
			return (refuse(to, array, NULL, "an array of others"));
		if (is_in_row(to))
			return (refuse(to, member, "a string", NULL));
		return (refuse(to, member, "an array of strings",
		    "an array of others"));
	}
	/* What is no string has a form already. */
	if (*text == room && to->s->type == LK_SETTING_VALUES)
		return (LK_OK);
	return (check_text(to, member, *text));
}

/* STRINGS and VALUES. */
static enum lk_status
read_array(const struct target *to, const config_setting_t *array)
{
	const int n = config_setting_length(array);
	void *field = lk_setting_at(to->s, to->base);
	struct lk_values *values = field;
	enum lk_status status = LK_FAULT;
	char(*rooms)[NUMBER_SIZE] = NULL;
	const char **v = NULL;
	int i;

	if (!config_setting_is_array(array) &&
	    !(to->s->numbers && config_setting_is_list(array)))
		return (refuse(to, array, NULL, NULL));
	if ((status = check_count(to, array)) != LK_OK)
		return (status);
	v = calloc((size_t)n + 1, sizeof(*v));
	rooms = calloc((size_t)n + 1, sizeof(*rooms));
	if (v == NULL || rooms == NULL)
		status = LK_E_NOMEM;
	for (i = 0; i < n && status == LK_OK; i++)
		status = read_member(to, array,
		    config_setting_get_elem(array, (unsigned int)i), rooms[i],
		    &v[i]);
	if (status == LK_OK)
		status = check_once(to, array, v, (size_t)n);
	if (status == LK_OK && to->s->type == LK_SETTING_STRINGS) {
		status = lk_strings_set(field, v, (size_t)n);
	} else if (status == LK_OK) {
		/* All members of an array are of one type. */
		values->quoted = config_setting_type(config_setting_get_elem(
		                     array, 0)) == CONFIG_TYPE_STRING;
		status = lk_strings_set(&values->texts, v, (size_t)n);
	}
	free(rooms);
	free(v);
	return (status);
}

/* ---- Groups, and lists of them ----------------------------------------- */

/* Refuse a name that no key of its group has; see read_group(). */
static enum lk_status
refuse_name(const struct target *to, const config_setting_t *value,
    size_t depth)
{
	const char *name = config_setting_name(value);
	const struct lk_setting *s, *first = to->s, *closest = NULL;
	size_t len, closest_len = 0, typos, least = LK_TYPOS_MAX + 1;
	char key[KEY_SIZE];

	for (s = first;
	     s->key != NULL && strncmp(s->key, first->key, depth) == 0; s++) {
		len = strcspn(s->key + depth, ".");
		typos = lk_typos(name, strlen(name), s->key + depth, len);
		if (typos < least) {
			least = typos;
			closest = s;
			closest_len = depth + len;
		}
	}
	key_of(value, key);
	return (lk_fail(to->error, LK_E_SETTINGS,
	    "%s:%u: %s: unknown key%s%.*s%s", to->settings->path,
	    (unsigned int)config_setting_source_line(value), key,
	    closest == NULL ? "" : ", did you mean \"", (int)closest_len,
	    closest == NULL ? "" : closest->key, closest == NULL ? "" : "\"?"));
}

static enum lk_status read_group(const struct target *to,
    const config_setting_t *group, size_t depth);

/* What the group of a row does not say: missed, or at its default. */
static enum lk_status
complete_row(const struct target *to, const config_setting_t *group)
{
	enum lk_status status = LK_OK;
	const struct lk_setting *s;
	char key[KEY_SIZE];

	for (s = to->s; s->key != NULL && status == LK_OK; s++) {
		if (config_setting_get_member(group, s->key) != NULL)
			continue;
		if (s->missing == NULL) {
			status = lk_setting_set_default(s, to->base);
			continue;
		}
		key_of(group, key);
		return (lk_fail(to->error, LK_E_SETTINGS,
		    "%s:%u: %s.%s: expected %s, got none", to->settings->path,
		    (unsigned int)config_setting_source_line(group), key,
		    s->key, s->missing));
	}
	return (status);
}

static enum lk_status
read_row(const struct target *to, const config_setting_t *group, void *row)
{
	const struct target within = { to->settings, to->error, to->s->members,
		row };
	enum lk_status status = LK_FAULT;
	const char *want, *got;

	if (!config_setting_is_group(group))
		return (refuse(to, group, "a group", NULL));
	if ((status = read_group(&within, group, 0)) != LK_OK)
		return (status);
	if ((status = complete_row(&within, group)) != LK_OK)
		return (status);
	if (to->s->row_check == NULL || to->s->row_check(row, &want, &got))
		return (LK_OK);
	return (refuse(to, group, want, got));
}

static enum lk_status
read_rows(const struct target *to, const config_setting_t *list)
{
	const int n = config_setting_length(list);
	enum lk_status status = LK_FAULT;
	char *row;
	int i;

	if (!config_setting_is_list(list))
		return (refuse(to, list, NULL, NULL));
	if ((status = check_count(to, list)) != LK_OK || n == 0)
		return (status);
	status = lk_setting_set_rows(to->s, to->base, (size_t)n);
	row = lk_setting_rows(to->s, to->base).v;
	for (i = 0; i < n && status == LK_OK; i++, row += to->s->size)
		status = read_row(to,
		    config_setting_get_elem(list, (unsigned int)i), row);
	return (status);
}

static enum lk_status
read_value(const struct target *to, const config_setting_t *value)
{
	const long long number = config_setting_get_int64(value);
	const char *text = config_setting_get_string(value);
	void *field = lk_setting_at(to->s, to->base);
	enum lk_status status = LK_FAULT;

	if (!is_in_row(to))
		to->settings->lines[to->s - lk_settings_table] = (int)
		    config_setting_source_line(value);
	switch (to->s->type) {
	case LK_SETTING_BOOL:
		if (config_setting_type(value) != CONFIG_TYPE_BOOL)
			return (refuse(to, value, NULL, NULL));
		*(bool *)field = config_setting_get_bool(value) != 0;
		return (LK_OK);
	case LK_SETTING_INT:
		if (!is_integer(value))
			return (refuse(to, value, NULL, NULL));
		if (number < to->s->min || number > to->s->max)
			return (refuse_number(to, value, number));
		*(int64_t *)field = number;
		return (LK_OK);
	case LK_SETTING_STRING:
		if (text == NULL)
			return (refuse(to, value, NULL, NULL));
		status = check_text(to, value, text);
		return (status == LK_OK
		        ? lk_setting_set_string(to->s, to->base, text)
		        : status);
	case LK_SETTING_ENUM:
		return (read_enum(to, value));
	case LK_SETTING_STRINGS:
	case LK_SETTING_VALUES:
		return (read_array(to, value));
	case LK_SETTING_ROWS:
		return (read_rows(to, value));
	}
	return (LK_FAULT);
}

/*
 * Read the members of ${group}, whose own name is the first ${depth} bytes,
 * with their dot, of the key of ${to}, the first entry with these.
 */
static enum lk_status
read_group(const struct target *to, const config_setting_t *group, size_t depth)
{
	int i, n = config_setting_length(group);
	enum lk_status status = LK_OK;
	struct target below = *to;
	const config_setting_t *value;
	size_t len;

	for (i = 0; i < n && status == LK_OK; i++) {
		value = config_setting_get_elem(group, (unsigned int)i);
		len = depth + strlen(config_setting_name(value));
		below.s = lk_setting_below(to->s, depth,
		    config_setting_name(value));
		if (below.s == NULL)
			status = refuse_name(to, value, depth);
		else if (below.s->key[len] == '\0')
			status = read_value(&below, value);
		else if (config_setting_is_group(value))
			status = read_group(&below, value, len + 1);
		else
			status = refuse(&below, value, "a group", NULL);
	}
	return (status);
}

/* ---- The file ---------------------------------------------------------- */

static enum lk_status
parse(struct lk_settings *settings, char *text, struct lk_error *error)
{
	const struct target all = { settings, error, lk_settings_table,
		settings };
	enum lk_status status = LK_FAULT;
	char near[LK_SCAN_NEAR_SIZE];
	const char *why;
	config_t config;

	config_init(&config);
	if (config_read_string(&config, text) != CONFIG_TRUE) {
		why = config_error_text(&config);
		lk_settings_scan_near(text, config_error_line(&config), near);
		status = lk_fail(error, LK_E_SETTINGS, "%s:%d: %s%s%s%s",
		    settings->path, config_error_line(&config), why,
		    near[0] == '\0' ? "" : " near ", near,
		    strncmp(why, "duplicate", 9) == 0
		        ? ": each stands once in its group, and each group once"
		        : "");
		goto out;
	}
	settings->empty = config_setting_length(config_root_setting(&config)) ==
	    0;
	status = read_group(&all, config_root_setting(&config), 0);
	if (status == LK_OK)
		status = lk_settings_complete(settings);
	if (status == LK_E_NOMEM)
		lk_error_set(error, "out of memory");
out:
	config_destroy(&config);
	return (status);
}

enum lk_status
lk_settings_parse(const char *path, struct lk_buf *text,
    struct lk_settings **settings, struct lk_error *error)
{
	struct lk_settings *new = NULL;
	enum lk_status status = LK_FAULT;

	*settings = NULL;
	status = lk_settings_scan(path, text->data, text->len, error);
	if (status != LK_OK)
		return (status);
	/* libconfig 1.5 knows a comment only by the newline behind it. */
	text->max++;
	if (text->len == 0 || text->data[text->len - 1] != '\n')
		lk_buf_str(text, "\n");
	if (text->failed)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	if ((status = lk_settings_alloc(path, &new, error)) != LK_OK)
		return (status);
	if ((status = parse(new, text->data, error)) == LK_OK)
		*settings = new;
	else
		lk_settings_free(new);
	return (status);
}

enum lk_status
lk_settings_read(const char *path, struct lk_settings **settings,
    struct lk_error *error)
{
	struct lk_buf text = LK_BUF_INIT(LK_SETTINGS_FILE_MAX);
	enum lk_status status = lk_trusted_file_read(path, &text, error);

	*settings = NULL;
	if (status == LK_OK)
		status = lk_settings_parse(path, &text, settings, error);
	lk_buf_free(&text);
	return (status);
}
