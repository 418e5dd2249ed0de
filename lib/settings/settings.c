#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/error.h"
#include "base/escape.h"
#include "settings/setting.h"

#define MASK "********"
#define FILE_SUFFIX "_file"

/* ---- Life -------------------------------------------------------------- */

static size_t
count_texts(const char *const *text)
{
	size_t n = 0;

	while (text[n] != NULL)
		n++;
	return (n);
}

static enum lk_status
set_default(struct lk_settings *settings, const struct lk_setting *setting)
{
	void *field = lk_setting_at(settings, setting);

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
		return (lk_setting_set_string(field,
		    setting->text[0] == NULL ? "" : setting->text[0]));
	case LK_SETTING_STRINGS:
		return (lk_strings_set(field, setting->text,
		    count_texts(setting->text)));
	case LK_SETTING_RULES:
		return (lk_rules_default(field));
	}
	return (LK_FAULT);
}

enum lk_status
lk_settings_new(struct lk_settings **settings, struct lk_error *error)
{
	struct lk_settings *new;
	const struct lk_setting *s;

	*settings = NULL;
	if ((new = calloc(1, sizeof(*new))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	if ((new->turns = lk_turns_new()) == NULL) {
		free(new);
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	}
	for (s = lk_settings_table; s->key != NULL; s++) {
		if (set_default(new, s) != LK_OK) {
			lk_settings_free(new);
			return (lk_fail(error, LK_E_NOMEM, "out of memory"));
		}
	}
	*settings = new;
	return (LK_OK);
}

enum lk_status
lk_settings_defaults(struct lk_settings **settings, struct lk_error *error)
{
	enum lk_status status = lk_settings_new(settings, error);
	struct lk_settings *new = *settings;

	if (status == LK_OK)
		(void)lk_token_sources_read(&new->gate.tokens, new->cookie.name,
		    &new->gate.sources);
	return (status);
}

void
lk_settings_free(struct lk_settings *settings)
{
	const struct lk_setting *s;

	if (settings == NULL)
		return;
	for (s = lk_settings_table; s->key != NULL; s++)
		lk_setting_clear(settings, s);
	free(settings->path);
	lk_turns_free(settings->turns);
	sodium_memzero(settings, sizeof(*settings));
	free(settings);
}

/* ---- Printing ---------------------------------------------------------- */

void
lk_setting_print_text(const char *text, struct lk_buf *out)
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

void
lk_setting_print_texts(const struct lk_strings *list, struct lk_buf *out)
{
	size_t i;

	lk_buf_str(out, "[");
	for (i = 0; i < list->n; i++) {
		lk_buf_str(out, i > 0 ? ", " : " ");
		lk_setting_print_text(list->v[i], out);
	}
	lk_buf_str(out, " ]");
}

static void
print_rules(const struct lk_rules *rules, struct lk_buf *out)
{
	size_t i;

	lk_buf_str(out, "(");
	for (i = 0; i < rules->n; i++) {
		lk_buf_str(out, i > 0 ? ",\n\t\t" : "\n\t\t");
		lk_rule_print(&rules->v[i], out);
	}
	lk_buf_str(out, "\n\t)");
}

/* Whether the file named by the key KEY_file gave the value of KEY. */
static bool
comes_from_file(const struct lk_settings *settings, const char *key)
{
	const struct lk_setting *s;
	size_t len = strlen(key);

	for (s = lk_settings_table; s->key != NULL; s++) {
		if (strncmp(s->key, key, len) == 0 &&
		    strcmp(s->key + len, FILE_SUFFIX) == 0)
			return ((*(char *const *)lk_setting_of(settings,
			            s))[0] != '\0');
	}
	return (false);
}

/*
 * A secret from a file is left out: it is that file's, and a settings file
 * that has both would be refused.
 */
static void
print_secret(const struct lk_settings *settings, const char *key,
    const char *secret, struct lk_buf *out)
{
	if (secret[0] == '\0' || comes_from_file(settings, key))
		lk_buf_str(out, "\"\"");
	else
		lk_buf_str(out, "\"" MASK "\"");
}

static void
print_value(const struct lk_settings *settings, const struct lk_setting *s,
    struct lk_buf *out)
{
	const void *field = lk_setting_of(settings, s);

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
		lk_setting_print_text(s->names[*(const int *)field], out);
		break;
	case LK_SETTING_STRING:
		if (s->secret)
			print_secret(settings, s->key, *(char *const *)field,
			    out);
		else
			lk_setting_print_text(*(char *const *)field, out);
		break;
	case LK_SETTING_STRINGS:
		lk_setting_print_texts(field, out);
		break;
	case LK_SETTING_RULES:
		print_rules(field, out);
		break;
	}
}

static void
indent(size_t depth, struct lk_buf *out)
{
	while (depth-- > 0)
		lk_buf_str(out, "\t");
}

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
	size_t common;

	for (s = lk_settings_table; s->key != NULL; s++) {
		common = common_depth(before, s->key);
		close_groups(depth_of(before), common, out);
		name = open_groups(s->key, common, out);
		indent(depth_of(s->key), out);
		lk_buf_printf(out, "%s = ", name);
		print_value(settings, s, out);
		lk_buf_str(out, ";\n");
		before = s->key;
	}
	close_groups(depth_of(before), 0, out);
}
