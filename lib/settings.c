/* Settings as a whole: defaults, what spans keys, printing, freeing. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "error.h"
#include "settings.h"
#include "trusted_file.h"

#define MASK "********"
/* Longest password file. */
#define PASSWORD_FILE_MAX 1024

/* ---- Members by their place in the table ------------------------------- */

static void *
member(struct lk_settings *settings, const struct lk_setting *setting)
{
	return ((char *)settings + setting->offset);
}

static const void *
const_member(
    const struct lk_settings *settings, const struct lk_setting *setting)
{
	return ((const char *)settings + setting->offset);
}

/* ---- Life -------------------------------------------------------------- */

static bool
copy_strings(const char *const *from, struct lk_strings *to)
{
	size_t n = 0;

	while (from[n] != NULL)
		n++;
	if ((to->v = calloc(n + 1, sizeof(char *))) == NULL)
		return (false);
	for (; to->n < n; to->n++) {
		if ((to->v[to->n] = strdup(from[to->n])) == NULL)
			return (false);
	}
	return (true);
}

static bool
set_default(struct lk_settings *settings, const struct lk_setting *setting)
{
	void *m = member(settings, setting);

	switch (setting->type) {
	case LK_SETTING_BOOL:
		*(bool *)m = setting->number != 0;
		return (true);
	case LK_SETTING_INT:
		*(int64_t *)m = setting->number;
		return (true);
	case LK_SETTING_ENUM:
		*(int *)m = (int)setting->number;
		return (true);
	case LK_SETTING_STRING:
		return ((*(char **)m = strdup(setting->text[0])) != NULL);
	case LK_SETTING_STRINGS:
		return (copy_strings(setting->text, m));
	}
	return (false);
}

enum lk_status
lk_settings_new(struct lk_settings **settingsp, struct lk_error *error)
{
	struct lk_settings *settings = calloc(1, sizeof(*settings));
	const struct lk_setting *s;

	*settingsp = NULL;
	if (settings == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	for (s = lk_settings_table; s->key != NULL; s++) {
		if (!set_default(settings, s)) {
			lk_settings_free(settings);
			return (lk_fail(error, LK_E_NOMEM, "out of memory"));
		}
	}
	*settingsp = settings;
	return (LK_OK);
}

static void
free_string(char *text)
{
	if (text != NULL)
		sodium_memzero(text, strlen(text));
	free(text);
}

void
lk_strings_free(struct lk_strings *strings)
{
	size_t i;

	for (i = 0; i < strings->n; i++)
		free_string(strings->v[i]);
	free(strings->v);
	*strings = (struct lk_strings){ NULL, 0 };
}

void
lk_settings_free(struct lk_settings *settings)
{
	const struct lk_setting *s;

	if (settings == NULL)
		return;
	for (s = lk_settings_table; s->key != NULL; s++) {
		if (s->type == LK_SETTING_STRING)
			free_string(*(char **)member(settings, s));
		else if (s->type == LK_SETTING_STRINGS)
			lk_strings_free(member(settings, s));
	}
	free(settings->path);
	free(settings);
}

enum lk_status
lk_settings_defaults(struct lk_settings **settings, struct lk_error *error)
{
	return (lk_settings_new(settings, error));
}

/* ---- What spans keys --------------------------------------------------- */

/* What every complaint below needs. */
struct check {
	struct lk_settings *settings;
	lk_settings_line *line;
	const void *arg;
	struct lk_error *error;
};

/* `FILE:LINE: KEY: expected WHAT`, without the line if the key is not set. */
static enum lk_status
complain(const struct check *c, const char *key, const char *what)
{
	const char *path =
	    c->settings->path != NULL ? c->settings->path : "settings";
	int line = c->line(c->arg, key);

	if (line > 0)
		return (lk_fail(c->error, LK_E_SETTINGS,
		    "%s:%d: %s: expected %s", path, line, key, what));
	return (lk_fail(c->error, LK_E_SETTINGS, "%s: %s: expected %s", path,
	    key, what));
}

static enum lk_status
check_backend(const struct check *c)
{
	if (c->settings->store.backend == LK_BACKEND_REDIS)
		return (LK_OK);
	return (complain(c, "store.backend",
	    "\"redis\": this release has no other store"));
}

/* Replace a password by the content of its file, if one is named. */
static enum lk_status
read_password(const struct check *c, const char *file_key, const char *path,
    char **password)
{
	struct lk_buf content = LK_BUF_INIT(PASSWORD_FILE_MAX);
	enum lk_status status = LK_FAULT;
	struct lk_error why = { "" };
	char *text;

	if (path[0] == '\0')
		return (LK_OK);
	if ((*password)[0] != '\0')
		return (complain(
		    c, file_key, "either a password or a password_file"));
	status = lk_trusted_file_read_secret(path, &content, &why);
	if (status != LK_OK) {
		(void)complain(c, file_key, why.text);
		goto out;
	}
	if (content.len > 0 && content.data[content.len - 1] == '\n')
		content.data[--content.len] = '\0';
	if (content.len == 0 || strcspn(content.data, "\r\n") < content.len ||
	    memchr(content.data, '\0', content.len) != NULL) {
		status = complain(c, file_key, "a file of one line");
		goto out;
	}
	if ((text = lk_buf_take(&content)) == NULL) {
		status = lk_fail(c->error, LK_E_NOMEM, "out of memory");
		goto out;
	}
	free_string(*password);
	*password = text;
out:
	lk_buf_free(&content);
	return (status);
}

static enum lk_status
check_source(const struct check *c)
{
	const struct lk_settings *s = c->settings;

	if (s->user.source == LK_SOURCE_FILE && s->user.path[0] == '\0')
		return (complain(c, "user.path",
		    "the user file, since user.source is \"file\""));
	if (s->user.source == LK_SOURCE_EXEC &&
	    (s->user.command.n == 0 || s->user.command.v[0][0] != '/'))
		return (complain(c, "user.command",
		    "the absolute path of a program and its arguments, since "
		    "user.source is \"exec\""));
	return (LK_OK);
}

/* As gosession does, which keeps underscores for its own use. */
static void
replace_underscores(char *prefix)
{
	for (; *prefix != '\0'; prefix++) {
		if (*prefix == '_')
			*prefix = '-';
	}
}

static enum lk_status
check_prefixes(const struct check *c)
{
	struct lk_settings *s = c->settings;

	replace_underscores(s->session.token_prefix);
	replace_underscores(s->session.user_prefix);
	if (strcmp(s->session.token_prefix, s->session.user_prefix) != 0)
		return (LK_OK);
	return (complain(c, "session.user_prefix",
	    "another prefix than session.token_prefix"));
}

enum lk_status
lk_settings_validate(struct lk_settings *settings, lk_settings_line *line,
    const void *arg, struct lk_error *error)
{
	const struct check c = { settings, line, arg, error };
	enum lk_status status = LK_FAULT;

	if ((status = check_backend(&c)) != LK_OK ||
	    (status = check_source(&c)) != LK_OK ||
	    (status = check_prefixes(&c)) != LK_OK)
		return (status);
	status = read_password(&c, "store.redis.password_file",
	    settings->store.redis.password_file,
	    &settings->store.redis.password);
	if (status == LK_OK)
		status = read_password(&c, "store.sentinel.password_file",
		    settings->store.sentinel.password_file,
		    &settings->store.sentinel.password);
	return (status);
}

/* ---- Printing ---------------------------------------------------------- */

static void
print_string(const char *text, struct lk_buf *out)
{
	lk_buf_str(out, "\"");
	for (; *text != '\0'; text++) {
		if (*text == '"' || *text == '\\')
			lk_buf_str(out, "\\");
		lk_buf_add(out, text, 1);
	}
	lk_buf_str(out, "\"");
}

static void
print_strings(const struct lk_strings *strings, struct lk_buf *out)
{
	size_t i;

	lk_buf_str(out, "[");
	for (i = 0; i < strings->n; i++) {
		lk_buf_str(out, i > 0 ? ", " : " ");
		print_string(strings->v[i], out);
	}
	lk_buf_str(out, " ]");
}

static void
print_value(const struct lk_settings *settings,
    const struct lk_setting *setting, struct lk_buf *out)
{
	const void *m = const_member(settings, setting);
	const char *text;

	switch (setting->type) {
	case LK_SETTING_BOOL:
		lk_buf_str(out, *(const bool *)m ? "true" : "false");
		break;
	case LK_SETTING_INT:
		lk_buf_printf(out, setting->octal ? "0%03llo" : "%lld",
		    (long long)*(const int64_t *)m);
		break;
	case LK_SETTING_ENUM:
		print_string(setting->names[*(const int *)m], out);
		break;
	case LK_SETTING_STRING:
		text = *(char *const *)m;
		print_string(
		    setting->secret && text[0] != '\0' ? MASK : text, out);
		break;
	case LK_SETTING_STRINGS:
		print_strings(m, out);
		break;
	}
}

static void
indent(struct lk_buf *out, int depth)
{
	for (; depth > 0; depth--)
		lk_buf_str(out, "  ");
}

/* How many whole groups two keys share, and how many ${key} has. */
static int
shared_groups(const char *key, const char *previous, int *groups)
{
	int shared = 0;
	bool same = true;
	size_t i;

	*groups = 0;
	for (i = 0; key[i] != '\0'; i++) {
		same = same && previous[i] == key[i];
		if (key[i] != '.')
			continue;
		++*groups;
		if (same)
			shared++;
		else
			same = false;
	}
	return (shared);
}

/* Close the groups of ${previous} and open those of ${key}. */
static int
print_groups(const char *key, const char *previous, int depth,
    struct lk_buf *out)
{
	int groups, shared = shared_groups(key, previous, &groups), i;
	const char *name = key;
	size_t len;

	while (depth > shared) {
		indent(out, --depth);
		lk_buf_str(out, "};\n");
	}
	for (i = 0; i < groups; i++) {
		len = strcspn(name, ".");
		if (i >= shared) {
			indent(out, depth++);
			lk_buf_add(out, name, len);
			lk_buf_str(out, " = {\n");
		}
		name += len + 1;
	}
	return (depth);
}

void
lk_settings_print(const struct lk_settings *settings, struct lk_buf *out)
{
	const struct lk_setting *s;
	const char *previous = "";
	int depth = 0;

	for (s = lk_settings_table; s->key != NULL; s++) {
		depth = print_groups(s->key, previous, depth, out);
		indent(out, depth);
		lk_buf_str(out, strrchr(s->key, '.') + 1);
		lk_buf_str(out, " = ");
		print_value(settings, s, out);
		lk_buf_str(out, ";\n");
		previous = s->key;
	}
	while (depth > 0) {
		indent(out, --depth);
		lk_buf_str(out, "};\n");
	}
}
