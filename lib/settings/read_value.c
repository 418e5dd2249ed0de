/* The reader of single values and arrays, and what it says of wrong ones. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/escape.h"
#include "settings/read.h"

/* Room for any number as text. */
#define NUMBER_SIZE 24

/* ---- What to say ------------------------------------------------------- */

void
lk_read_key(const config_setting_t *value, char key[LK_READ_KEY_SIZE])
{
	const config_setting_t *parent = config_setting_parent(value);
	const char *name = config_setting_name(value);
	size_t len;

	key[0] = '\0';
	if (parent == NULL)
		return;
	lk_read_key(parent, key);
	len = strlen(key);
	if (name != NULL)
		(void)snprintf(key + len, LK_READ_KEY_SIZE - len, "%s%s",
		    len > 0 ? "." : "", name);
	else
		(void)snprintf(key + len, LK_READ_KEY_SIZE - len, "[%d]",
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

enum lk_status
lk_read_refuse(const struct lk_target *to, const config_setting_t *value,
    const char *want, const char *got)
{
	const config_setting_t *named = value;
	char key[LK_READ_KEY_SIZE], text[LK_SETTING_TEXT_MAX];

	if (config_setting_name(value) == NULL && !lk_read_in_row(to) &&
	    to->s->type != LK_SETTING_ROWS)
		named = config_setting_parent(value);
	lk_read_key(named, key);
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
refuse_number(const struct lk_target *to, const config_setting_t *value,
    long long number)
{
	char got[NUMBER_SIZE];

	(void)snprintf(got, sizeof(got), "%lld", number);
	return (lk_read_refuse(to, value, NULL, got));
}

static enum lk_status
refuse_text(const struct lk_target *to, const config_setting_t *value,
    const char *want, const char *text)
{
	char got[LK_SETTING_TEXT_MAX] = "a secret with some";

	if (!to->s->secret)
		lk_setting_quote(text, got);
	return (lk_read_refuse(to, value, want, got));
}

/* ---- Single values ----------------------------------------------------- */

static enum lk_status
read_bool(const struct lk_target *to, const config_setting_t *value)
{
	if (config_setting_type(value) != CONFIG_TYPE_BOOL)
		return (lk_read_refuse(to, value, NULL, NULL));
	*(bool *)lk_setting_at(to->s,
	    to->base) = config_setting_get_bool(value) != 0;
	return (LK_OK);
}

static bool
is_integer(const config_setting_t *value)
{
	return (config_setting_type(value) == CONFIG_TYPE_INT ||
	    config_setting_type(value) == CONFIG_TYPE_INT64);
}

static enum lk_status
read_int(const struct lk_target *to, const config_setting_t *value)
{
	long long number = config_setting_get_int64(value);

	if (!is_integer(value))
		return (lk_read_refuse(to, value, NULL, NULL));
	if (number < to->s->min || number > to->s->max)
		return (refuse_number(to, value, number));
	*(int64_t *)lk_setting_at(to->s, to->base) = number;
	return (LK_OK);
}

static enum lk_status
read_enum(const struct lk_target *to, const config_setting_t *value)
{
	const char *text = config_setting_get_string(value);
	int i;

	if (text == NULL)
		return (lk_read_refuse(to, value, NULL, NULL));
	for (i = 0; to->s->names[i] != NULL; i++) {
		if (strcmp(to->s->names[i], text) == 0) {
			*(int *)lk_setting_at(to->s, to->base) = i;
			return (LK_OK);
		}
	}
	return (refuse_text(to, value, NULL, text));
}

static enum lk_status
check_form(const struct lk_target *to, const config_setting_t *value,
    const char *text)
{
	const char *want;

	if (to->s->check == NULL || to->s->check(text, &want))
		return (LK_OK);
	return (refuse_text(to, value, want, text));
}

static enum lk_status
check_length(const struct lk_target *to, const config_setting_t *value,
    const char *text)
{
	const size_t len = strlen(text);

	if (to->s->type != LK_SETTING_STRING)
		return (len <= LK_SETTING_MEMBER_MAX
		        ? LK_OK
		        : lk_read_refuse(to, value,
		              "strings of at most 1024 bytes", "a longer one"));
	if (len < (size_t)to->s->min || len > (size_t)to->s->max)
		return (refuse_number(to, value, (long long)len));
	return (LK_OK);
}

/* The string of ${to}, or a member of its array. */
static enum lk_status
check_text(const struct lk_target *to, const config_setting_t *value,
    const char *text)
{
	enum lk_status status = LK_OK;

	/* In a row, the check has words of its own for all that is wrong. */
	if (lk_read_in_row(to))
		status = check_form(to, value, text);
	if (status == LK_OK)
		status = check_length(to, value, text);
	if (status == LK_OK && lk_has_control(text, strlen(text)))
		status = refuse_text(to, value,
		    "a string without control characters", text);
	/* An empty string stands for none wherever it is allowed. */
	if (status == LK_OK && !lk_read_in_row(to) &&
	    (text[0] != '\0' || to->s->type != LK_SETTING_STRING))
		status = check_form(to, value, text);
	return (status);
}

static enum lk_status
read_string(const struct lk_target *to, const config_setting_t *value)
{
	const char *text = config_setting_get_string(value);
	enum lk_status status = LK_FAULT;

	if (text == NULL)
		return (lk_read_refuse(to, value, NULL, NULL));
	if ((status = check_text(to, value, text)) != LK_OK)
		return (status);
	return (lk_setting_set_string(lk_setting_at(to->s, to->base), text));
}

/* ---- Arrays ------------------------------------------------------------ */

enum lk_status
lk_read_count(const struct lk_target *to, const config_setting_t *list)
{
	int n = config_setting_length(list);

	return (n >= to->s->min && n <= to->s->max
	        ? LK_OK
	        : refuse_number(to, list, n));
}

static enum lk_status
check_once(const struct lk_target *to, const config_setting_t *array,
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
		return (lk_read_refuse(to, array, want, got));
	}
	return (LK_OK);
}

/* A member as text, a number or boolean written to ${room}; or NULL. */
static const char *
member_text(const struct lk_target *to, const config_setting_t *member,
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
read_member(const struct lk_target *to, const config_setting_t *array,
    const config_setting_t *member, char room[NUMBER_SIZE], const char **text)
{
	if ((*text = member_text(to, member, room)) == NULL) {
		if (to->s->type == LK_SETTING_VALUES)
			return (lk_read_refuse(to, array, NULL,
			    "an array of others"));
		if (lk_read_in_row(to))
			return (lk_read_refuse(to, member, "a string", NULL));
		return (lk_read_refuse(to, member, "an array of strings",
		    "an array of others"));
	}
	/* What is no string has a form already. */
	if (*text == room && to->s->type == LK_SETTING_VALUES)
		return (LK_OK);
	return (check_text(to, member, *text));
}

static enum lk_status
set_texts(const struct lk_target *to, const config_setting_t *array,
    const char *const *v, size_t n)
{
	void *field = lk_setting_at(to->s, to->base);
	struct lk_values *values = field;

	if (to->s->type == LK_SETTING_STRINGS)
		return (lk_strings_set(field, v, n));
	/* All members of an array are of one type. */
	values->quoted = config_setting_type(config_setting_get_elem(array,
	                     0)) == CONFIG_TYPE_STRING;
	return (lk_strings_set(&values->texts, v, n));
}

/* STRINGS and VALUES. */
static enum lk_status
read_array(const struct lk_target *to, const config_setting_t *array)
{
	const int n = config_setting_length(array);
	enum lk_status status = LK_FAULT;
	char(*rooms)[NUMBER_SIZE] = NULL;
	const char **v = NULL;
	int i;

	if (!config_setting_is_array(array) &&
	    !(to->s->numbers && config_setting_is_list(array)))
		return (lk_read_refuse(to, array, NULL, NULL));
	if ((status = lk_read_count(to, array)) != LK_OK)
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
	if (status == LK_OK)
		status = set_texts(to, array, v, (size_t)n);
	free(rooms);
	free(v);
	return (status);
}

enum lk_status
lk_read_value(const struct lk_target *to, const config_setting_t *value)
{
	switch (to->s->type) {
	case LK_SETTING_BOOL:
		return (read_bool(to, value));
	case LK_SETTING_INT:
		return (read_int(to, value));
	case LK_SETTING_STRING:
		return (read_string(to, value));
	case LK_SETTING_ENUM:
		return (read_enum(to, value));
	case LK_SETTING_STRINGS:
	case LK_SETTING_VALUES:
		return (read_array(to, value));
	case LK_SETTING_ROWS:
		break;
	}
	return (LK_FAULT);
}
