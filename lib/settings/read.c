/*
 * The reader of a settings file, by the table: groups, values, arrays, and
 * lists of groups.  The only user of libconfig, with read_value.c; it knows of
 * each value what it is called and on which line it is.
 *
 * The text is wiped after it was read.  libconfig frees its own copy without
 * wiping it, so a password that must not linger in memory belongs into a
 * password file, which libconfig never sees.
 */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/trusted_file.h"
#include "base/typos.h"
#include "settings/read.h"

/* ---- Groups, and lists of them ----------------------------------------- */

/* Refuse a name that no key of its group has; see read_group(). */
static enum lk_status
refuse_name(const struct lk_target *to, const config_setting_t *value,
    size_t depth)
{
	const char *name = config_setting_name(value);
	const struct lk_setting *s, *first = to->s, *closest = NULL;
	size_t len, closest_len = 0, typos, least = LK_TYPOS_MAX + 1;
	char key[LK_READ_KEY_SIZE];

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
	lk_read_key(value, key);
	return (lk_fail(to->error, LK_E_SETTINGS,
	    "%s:%u: %s: unknown key%s%.*s%s", to->settings->path,
	    (unsigned int)config_setting_source_line(value), key,
	    closest == NULL ? "" : ", did you mean \"", (int)closest_len,
	    closest == NULL ? "" : closest->key, closest == NULL ? "" : "\"?"));
}

static enum lk_status read_group(const struct lk_target *to,
    const config_setting_t *group, size_t depth);

/* What the group of a row does not say: missed, or at its default. */
static enum lk_status
complete_row(const struct lk_target *to, const config_setting_t *group)
{
	enum lk_status status = LK_OK;
	const struct lk_setting *s;
	char key[LK_READ_KEY_SIZE];

	for (s = to->s; s->key != NULL && status == LK_OK; s++) {
		if (config_setting_get_member(group, s->key) != NULL)
			continue;
		if (s->missing == NULL) {
			status = lk_setting_set_default(s, to->base);
			continue;
		}
		lk_read_key(group, key);
		return (lk_fail(to->error, LK_E_SETTINGS,
		    "%s:%u: %s.%s: expected %s, got none", to->settings->path,
		    (unsigned int)config_setting_source_line(group), key,
		    s->key, s->missing));
	}
	return (status);
}

static enum lk_status
read_row(const struct lk_target *to, const config_setting_t *group, void *row)
{
	const struct lk_target within = { to->settings, to->error,
		to->s->members, row };
	enum lk_status status = LK_FAULT;
	const char *want, *got;

	if (!config_setting_is_group(group))
		return (lk_read_refuse(to, group, "a group", NULL));
	if ((status = read_group(&within, group, 0)) != LK_OK)
		return (status);
	if ((status = complete_row(&within, group)) != LK_OK)
		return (status);
	if (to->s->row_check == NULL || to->s->row_check(row, &want, &got))
		return (LK_OK);
	return (lk_read_refuse(to, group, want, got));
}

static enum lk_status
read_rows(const struct lk_target *to, const config_setting_t *list)
{
	const int n = config_setting_length(list);
	enum lk_status status = LK_FAULT;
	char *row;
	int i;

	if (!config_setting_is_list(list))
		return (lk_read_refuse(to, list, NULL, NULL));
	if ((status = lk_read_count(to, list)) != LK_OK || n == 0)
		return (status);
	status = lk_setting_set_rows(to->s, to->base, (size_t)n);
	row = lk_setting_rows(to->s, to->base).v;
	for (i = 0; i < n && status == LK_OK; i++, row += to->s->size)
		status = read_row(to,
		    config_setting_get_elem(list, (unsigned int)i), row);
	return (status);
}

static enum lk_status
read_value(const struct lk_target *to, const config_setting_t *value)
{
	if (!lk_read_in_row(to))
		to->settings->lines[to->s - lk_settings_table] = (int)
		    config_setting_source_line(value);
	return (to->s->type == LK_SETTING_ROWS ? read_rows(to, value)
	                                       : lk_read_value(to, value));
}

/*
 * Read the members of ${group}, whose own name is the first ${depth} bytes,
 * with their dot, of the key of ${to}, the first entry with these.
 */
static enum lk_status
read_group(const struct lk_target *to, const config_setting_t *group,
    size_t depth)
{
	int i, n = config_setting_length(group);
	enum lk_status status = LK_OK;
	struct lk_target below = *to;
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
			status = lk_read_refuse(&below, value, "a group", NULL);
	}
	return (status);
}

/* ---- The file ---------------------------------------------------------- */

static enum lk_status
parse(struct lk_settings *settings, char *text, struct lk_error *error)
{
	const struct lk_target all = { settings, error, lk_settings_table,
		settings };
	enum lk_status status = LK_FAULT;
	char near[LK_SCAN_NEAR_SIZE];
	config_t config;

	config_init(&config);
	if (config_read_string(&config, text) != CONFIG_TRUE) {
		lk_settings_scan_near(text, config_error_line(&config), near);
		status = lk_fail(error, LK_E_SETTINGS, "%s:%d: %s%s%s",
		    settings->path, config_error_line(&config),
		    config_error_text(&config), near[0] == '\0' ? "" : " near ",
		    near);
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
