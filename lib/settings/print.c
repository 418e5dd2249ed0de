/* The settings as a libconfig file that says the same. */
#include <inttypes.h>
#include <string.h>

#include "base/escape.h"
#include "settings/table.h"

#define MASK "********"

/* ---- Values ------------------------------------------------------------ */

static void
print_text(const char *text, struct lk_buf *out)
{
	char shown[LK_ESCAPE_SIZE];
	size_t n, i;

	lk_buf_str(out, "\"");
	for (; *text != '\0'; text += n) {
		n = lk_escape_next(LK_ESCAPE_QUOTED, text, strlen(text), shown);
		if (*text == '"' || *text == '\\' ||
		    strncmp(shown, text, n) == 0) {
			lk_buf_str(out, shown);
			continue;
		}
		/* libconfig knows no other escape. */
		for (i = 0; i < n; i++)
			lk_buf_printf(out, "\\x%02x", (unsigned char)text[i]);
	}
	lk_buf_str(out, "\"");
}

static void
print_array(const struct lk_strings *list, bool quoted, struct lk_buf *out)
{
	size_t i;

	lk_buf_str(out, "[");
	for (i = 0; i < list->n; i++) {
		lk_buf_str(out, i > 0 ? ", " : " ");
		if (quoted)
			print_text(list->v[i], out);
		else
			lk_buf_str(out, list->v[i]);
	}
	lk_buf_str(out, " ]");
}

static void
indent(size_t depth, struct lk_buf *out)
{
	while (depth-- > 0)
		lk_buf_str(out, "\t");
}

static void print_row(const struct lk_setting *members, const void *row,
    struct lk_buf *out);

/* Each on a line, ${depth} tabs from the margin; with 0 all on one. */
static void
print_rows(const struct lk_setting *s, const void *base, size_t depth,
    struct lk_buf *out)
{
	const struct lk_rows rows = lk_setting_rows(s, base);
	const char *row = rows.v;
	size_t i;

	if (rows.n == 0)
		depth = 0;
	lk_buf_str(out, "(");
	for (i = 0; i < rows.n; i++, row += s->size) {
		lk_buf_str(out, i > 0 ? "," : "");
		lk_buf_str(out, depth > 0 ? "\n" : " ");
		indent(depth, out);
		print_row(s->members, row, out);
	}
	lk_buf_str(out, depth > 0 ? "\n" : " ");
	indent(depth > 0 ? depth - 1 : 0, out);
	lk_buf_str(out, ")");
}

static void
print_value(const struct lk_setting *s, const void *base, size_t depth,
    struct lk_buf *out)
{
	const void *field = lk_setting_of(s, base);
	const struct lk_values *values = field;
	const char *text;

	switch (s->type) {
	case LK_SETTING_BOOL:
		lk_buf_str(out, *(const bool *)field ? "true" : "false");
		break;
	case LK_SETTING_INT:
		if (s->octal)
			lk_buf_printf(out, "0%" PRIo64,
			    (uint64_t) * (const int64_t *)field);
		else
			lk_buf_printf(out, "%" PRId64, *(const int64_t *)field);
		break;
	case LK_SETTING_ENUM:
		print_text(s->names[*(const int *)field], out);
		break;
	case LK_SETTING_STRING:
		text = *(char *const *)field;
		/* A secret from a file is left out: it is that file's, and a
		 * settings file that has both would be refused. */
		if (s->secret && text[0] != '\0')
			text = lk_setting_file_of(s, base)[0] != '\0'
			    ? ""
			    : MASK;
		print_text(text, out);
		break;
	case LK_SETTING_STRINGS:
		print_array(field, true, out);
		break;
	case LK_SETTING_VALUES:
		print_array(&values->texts, values->quoted, out);
		break;
	case LK_SETTING_ROWS:
		print_rows(s, base, depth, out);
		break;
	}
}

/* Whether a member of a row says nothing: it is unset, or an empty list. */
static bool
is_left_out(const struct lk_setting *s, const void *row)
{
	const void *field = lk_setting_of(s, row);

	if (s->type == LK_SETTING_STRINGS)
		return (((const struct lk_strings *)field)->n == 0);
	if (s->type == LK_SETTING_STRING)
		return ((*(char *const *)field)[0] == '\0');
	if (s->type == LK_SETTING_INT)
		return (*(const int64_t *)field < s->min);
	if (s->type == LK_SETTING_ENUM)
		return (*(const int *)field < 0);
	return (s->type == LK_SETTING_ROWS && lk_setting_rows(s, row).n == 0);
}

static void
print_row(const struct lk_setting *members, const void *row, struct lk_buf *out)
{
	const struct lk_setting *s;

	lk_buf_str(out, "{ ");
	for (s = members; s->key != NULL; s++) {
		if (is_left_out(s, row))
			continue;
		lk_buf_printf(out, "%s = ", s->key);
		print_value(s, row, 0, out);
		lk_buf_str(out, "; ");
	}
	lk_buf_str(out, "}");
}

/* ---- Groups ------------------------------------------------------------ */

/* How many leading groups two keys have in common. */
static size_t
common_depth(const char *a, const char *b)
{
	size_t depth = 0;

	for (; *a != '\0' && *a == *b; a++, b++) {
		if (*a == '.')
			depth++;
	}
	return (depth);
}

static size_t
depth_of(const char *key)
{
	return (common_depth(key, key));
}

static void
close_groups(size_t from, size_t to, struct lk_buf *out)
{
	while (from-- > to) {
		indent(from, out);
		lk_buf_str(out, "};\n");
	}
}

/* Open the groups of ${key} below ${depth}; returns its last name. */
static const char *
open_groups(const char *key, size_t depth, struct lk_buf *out)
{
	const char *dot;
	size_t i;

	for (i = 0; (dot = strchr(key, '.')) != NULL; i++, key = dot + 1) {
		if (i < depth)
			continue;
		indent(i, out);
		lk_buf_add(out, key, (size_t)(dot - key));
		lk_buf_str(out, " = {\n");
	}
	return (key);
}

void
lk_settings_print(const struct lk_settings *settings, struct lk_buf *out)
{
	const struct lk_setting *s;
	const char *name, *before = "";
	size_t common, depth;

	for (s = lk_settings_table; s->key != NULL; s++) {
		common = common_depth(before, s->key);
		depth = depth_of(s->key);
		close_groups(depth_of(before), common, out);
		name = open_groups(s->key, common, out);
		indent(depth, out);
		lk_buf_printf(out, "%s = ", name);
		print_value(s, settings, depth + 1, out);
		lk_buf_str(out, ";\n");
		before = s->key;
	}
	close_groups(depth_of(before), 0, out);
}

void
lk_settings_print_rule(const struct lk_rule *rule, struct lk_buf *out)
{
	print_row(lk_rule_members, rule, out);
}
