/* The settings as a whole: their life, and what is said of one of them. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/trusted_file.h"
#include "settings/table.h"

/* Largest password file, in bytes. */
#define PASSWORD_FILE_MAX 4096

/* ---- Life -------------------------------------------------------------- */

enum lk_status
lk_settings_alloc(const char *path, struct lk_settings **settings,
    struct lk_error *error)
{
	struct lk_settings *new = calloc(1, sizeof(*new));

	*settings = NULL;
	if (new == NULL || (new->turns = lk_turns_new()) == NULL ||
	    (path != NULL && (new->path = strdup(path)) == NULL)) {
		lk_settings_free(new);
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	}
	*settings = new;
	return (LK_OK);
}

enum lk_status
lk_settings_complete(struct lk_settings *settings)
{
	enum lk_status status = LK_OK;
	const struct lk_setting *s;

	for (s = lk_settings_table; s->key != NULL && status == LK_OK; s++) {
		if (settings->lines[s - lk_settings_table] == 0)
			status = lk_setting_set_default(s, settings);
	}
	if (status == LK_OK)
		(void)lk_token_sources_read(&settings->gate.tokens,
		    settings->cookie.name, &settings->gate.sources);
	return (status);
}

enum lk_status
lk_settings_defaults(struct lk_settings **settings, struct lk_error *error)
{
	enum lk_status status = lk_settings_alloc(NULL, settings, error);

	if (status != LK_OK || lk_settings_complete(*settings) == LK_OK)
		return (status);
	lk_settings_free(*settings);
	*settings = NULL;
	return (lk_fail(error, LK_E_NOMEM, "out of memory"));
}

void
lk_settings_free(struct lk_settings *settings)
{
	const struct lk_setting *s;

	if (settings == NULL)
		return;
	for (s = lk_settings_table; s->key != NULL; s++)
		lk_setting_clear(s, settings);
	free(settings->jwt.keys);
	free(settings->path);
	lk_turns_free(settings->turns);
	sodium_memzero(settings, sizeof(*settings));
	free(settings);
}

/* ---- One of them ------------------------------------------------------- */

int
lk_settings_line(const struct lk_settings *settings, const char *key)
{
	return (settings->lines[lk_setting_find(key) - lk_settings_table]);
}

enum lk_status
lk_settings_put(struct lk_settings *settings, const char *key, const char *text)
{
	return (lk_setting_set_string(lk_setting_find(key), settings, text));
}

enum lk_status
lk_settings_refuse(const struct lk_settings *settings, const char *key,
    const char *because, struct lk_error *error, const char *format, ...)
{
	char where[16] = "", text[LK_ERROR_MAX];
	int line = lk_settings_line(settings, key);
	va_list ap;

	if (line == 0)
		line = lk_settings_line(settings, because);
	if (line != 0)
		(void)snprintf(where, sizeof(where), ":%d", line);
	va_start(ap, format);
	(void)vsnprintf(text, sizeof(text), format, ap);
	va_end(ap);
	return (lk_fail(error, LK_E_SETTINGS, "%s%s: %s: %s",
	    settings->path == NULL ? "defaults" : settings->path, where, key,
	    text));
}

/*
 * What of TLS must go together; ${group} is "store.redis.tls" or Sentinel's.
 * Where it is switched off, a certificate would be sent to nobody.
 */
enum lk_status
lk_settings_check_tls(const struct lk_settings *settings,
    const struct lk_tls_settings *tls, const char *group,
    struct lk_error *error)
{
	const bool paired = (tls->cert[0] == '\0') == (tls->key[0] == '\0');
	char key[64], because[64];

	if (tls->ca[0] != '\0' && paired)
		return (LK_OK);
	if (tls->ca[0] == '\0' && tls->cert[0] == '\0' && tls->key[0] == '\0' &&
	    (tls->name == NULL || tls->name[0] == '\0'))
		return (LK_OK);
	(void)snprintf(because, sizeof(because), "%s.%s", group,
	    tls->cert[0] != '\0'      ? "cert"
	        : tls->key[0] != '\0' ? "key"
	                              : "name");
	(void)snprintf(key, sizeof(key), "%s.%s", group,
	    tls->ca[0] == '\0'         ? "ca"
	        : tls->cert[0] == '\0' ? "cert"
	                               : "key");
	return (lk_settings_refuse(settings, key, because, error,
	    "expected a file, since %s is set, got none", because));
}

/* There is no name to verify at a path. */
enum lk_status
lk_settings_check_no_path(const struct lk_settings *settings,
    const char *address, const struct lk_tls_settings *tls, const char *key,
    struct lk_error *error)
{
	if (tls->ca[0] == '\0' || strncmp(address, "unix:", 5) != 0)
		return (LK_OK);
	return (lk_settings_refuse(settings, key, key, error,
	    "expected host:port, since TLS is switched on, got a path"));
}

void
lk_settings_hint_unused(struct lk_settings *settings, const char *key)
{
	const struct lk_setting *s = lk_setting_find(key);
	const void *field = lk_setting_of(s, settings);
	const struct lk_strings *list = field;
	const char *text = s->type == LK_SETTING_STRING ? *(char *const *)field
	    : list->n == 1                              ? list->v[0]
	                                                : "";

	if (settings->hint[0] != '\0' || strcmp(text, s->text[0]) == 0)
		return;
	s = lk_setting_find("store.backend");
	(void)snprintf(settings->hint, sizeof(settings->hint),
	    "%s has no effect with store.backend = \"%s\"", key,
	    s->names[settings->store.backend]);
}

/* ---- Secrets ----------------------------------------------------------- */

bool
lk_settings_hold_secret(const struct lk_settings *settings)
{
	const struct lk_setting *s;

	for (s = lk_settings_table; s->key != NULL; s++) {
		if (s->secret && lk_setting_file_of(s, settings)[0] == '\0' &&
		    (*(char *const *)lk_setting_of(s, settings))[0] != '\0')
			return (true);
	}
	return (false);
}

/* Strip one newline and take the rest of ${content} as the secret ${s}. */
static enum lk_status
take_secret(struct lk_settings *settings, const struct lk_setting *s,
    struct lk_buf *content, struct lk_error *error)
{
	const char *file = s[1].key;
	size_t len = content->len;

	if (len > 0 && content->data[len - 1] == '\n')
		content->data[--len] = '\0';
	if (len == 0)
		return (lk_settings_refuse(settings, file, file, error,
		    "expected a file with a password, got an empty one"));
	if (lk_has_control(content->data, len))
		return (lk_settings_refuse(settings, file, file, error,
		    "expected a file of one line without control characters, "
		    "got another"));
	if (lk_setting_set_string(s, settings, content->data) != LK_OK)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	return (LK_OK);
}

enum lk_status
lk_settings_read_secret(struct lk_settings *settings, const char *key,
    struct lk_error *error)
{
	const struct lk_setting *s = lk_setting_find(key);
	const char *path = lk_setting_file_of(s, settings), *file = s[1].key;
	struct lk_buf content = LK_BUF_INIT(PASSWORD_FILE_MAX);
	enum lk_status status = LK_FAULT;
	struct lk_error why = { "" };

	if (path[0] == '\0')
		return (LK_OK);
	if ((*(char *const *)lk_setting_of(s, settings))[0] != '\0')
		return (lk_settings_refuse(settings, file, key, error,
		    "expected only one of %s and %s, got both", key, file));
	status = lk_trusted_file_read_secret(path, &content, &why);
	if (status == LK_OK)
		status = take_secret(settings, s, &content, error);
	else if (lk_settings_refuse(settings, file, file, error, "%s",
	             why.text) != status)
		status = LK_E_NOMEM;
	lk_buf_free(&content);
	return (status);
}
