#include <string.h>

#include "base/json.h"
#include "session/user.h"
#include "verdict/detail.h"

/* Longest name between the dots of a field, and longest string. */
#define NAME_SIZE (LK_RULE_FIELD_MAX + 1)
#define VALUE_SIZE 1025

/* Whether one JSON value is one of those required. */
static bool
is_any_of(const struct lk_values *any, const char *value, size_t len)
{
	const struct lk_strings *texts = &any->texts;
	char text[VALUE_SIZE];
	size_t i;

	if (any->quoted)
		return (lk_json_text(value, len, text, sizeof(text)) &&
		    lk_strings_have(texts, text));
	for (i = 0; i < texts->n; i++) {
		if (strlen(texts->v[i]) == len &&
		    memcmp(texts->v[i], value, len) == 0)
			return (true);
	}
	return (false);
}

/* Go down from ${value} to the member that ${field} names. */
static bool
find_field(const char *field, const char **value, size_t *len)
{
	char name[NAME_SIZE];
	size_t name_len;

	for (;;) {
		name_len = strcspn(field, ".");
		if (name_len >= sizeof(name))
			return (false);
		memcpy(name, field, name_len);
		name[name_len] = '\0';
		if (!lk_json_member(*value, *len, name, value, len))
			return (false);
		if (field[name_len] == '\0')
			return (true);
		field += name_len + 1;
	}
}

bool
gate_requirement_holds(const struct lk_requirement *require, const char *detail)
{
	size_t len = strlen(detail), at = 0, element_len;
	const char *value = detail, *element;

	if (!find_field(require->field, &value, &len))
		return (false);
	if (is_any_of(&require->any, value, len))
		return (true);
	while (lk_json_element(value, len, &at, &element, &element_len)) {
		if (is_any_of(&require->any, element, element_len))
			return (true);
	}
	return (false);
}

/* Whether it can stand in a header, or between the commas of one. */
static bool
is_told_alike(const char *text, bool among)
{
	if (text[0] == '\0')
		return (!among);
	return (lk_user_id_fits(text) && (!among || strchr(text, ',') == NULL));
}

/* Append one value, alone or ${among} others. */
static bool
add_value(const char *value, size_t len, bool among, struct lk_buf *out)
{
	char text[VALUE_SIZE];

	switch (value[0]) {
	case '"':
		if (!lk_json_text(value, len, text, sizeof(text)) ||
		    !is_told_alike(text, among))
			return (false);
		lk_buf_str(out, text);
		return (true);
	case '{':
	case '[':
		return (false);
	case 'n':
		return (!among);
	default:
		lk_buf_add(out, value, len);
		return (true);
	}
}

bool
gate_told_value(const char *field, const char *detail, struct lk_buf *out)
{
	size_t len = strlen(detail), at = 0, element_len;
	const char *value = detail, *element, *between = "";

	if (!find_field(field, &value, &len))
		return (true);
	if (value[0] != '[')
		return (add_value(value, len, false, out) && !out->failed);
	while (lk_json_element(value, len, &at, &element, &element_len)) {
		lk_buf_str(out, between);
		if (!add_value(element, element_len, true, out))
			return (false);
		between = ",";
	}
	return (!out->failed);
}
