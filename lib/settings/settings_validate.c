/* What spans keys, and the password files. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/address.h"
#include "base/error.h"
#include "base/escape.h"
#include "base/trusted_file.h"
#include "session/cookie.h"
#include "settings/setting.h"

/* Largest password file, in bytes. */
#define PASSWORD_FILE_MAX 4096
/* Room for "FILE:LINE: KEY: ". */
#define PLACE_MAX 384

struct validation {
	struct lk_settings *settings;
	lk_settings_line *line;
	const void *arg;
	struct lk_error *error;
	char place[PLACE_MAX];
};

/*
 * Where the trouble with ${key} is.  A key that is missing is missed where
 * ${because} was set.
 */
static const char *
place(struct validation *v, const char *key, const char *because)
{
	const char *path = v->settings->path;
	int line = 0;

	if (v->line != NULL)
		line = v->line(v->arg, key);
	if (v->line != NULL && line == 0)
		line = v->line(v->arg, because);
	if (path == NULL)
		(void)snprintf(v->place, sizeof(v->place), "defaults: %s", key);
	else if (line == 0)
		(void)snprintf(v->place, sizeof(v->place), "%s: %s", path, key);
	else
		(void)snprintf(v->place, sizeof(v->place), "%s:%d: %s", path,
		    line, key);
	return (v->place);
}

/* The embedded store has no replicas; what it reports is on its disk. */
static enum lk_status
validate_durability(struct validation *v)
{
	static const char key[] = "store.durability";
	const struct lk_settings *settings = v->settings;

	if (settings->store.durability == LK_DURABILITY_ACK ||
	    settings->store.backend != LK_BACKEND_SQLITE)
		return (LK_OK);
	return (lk_fail(v->error, LK_E_SETTINGS,
	    "%s: expected \"ack\", since store.backend \"sqlite\" has no "
	    "replicas, got \"%s\"",
	    place(v, key, key),
	    lk_setting_find(key)->names[settings->store.durability]));
}

/* One Sentinel that is asked twice would have two votes. */
static enum lk_status
validate_sentinels(struct validation *v)
{
	static const char key[] = "store.sentinel.addresses";
	const struct lk_strings *all = &v->settings->store.sentinel.addresses;
	char got[LK_SETTING_TEXT_MAX];
	size_t i, j;

	for (i = 0; i < all->n; i++) {
		for (j = 0; j < i; j++) {
			if (strcmp(all->v[i], all->v[j]) != 0)
				continue;
			lk_setting_quote(all->v[i], got);
			return (lk_fail(v->error, LK_E_SETTINGS,
			    "%s: expected each Sentinel once, got %s again",
			    place(v, key, key), got));
		}
	}
	return (LK_OK);
}

/* Strip one newline and take the rest of ${content} as the password. */
static enum lk_status
take_password(struct validation *v, const char *file_key,
    struct lk_buf *content, char **password)
{
	size_t len = content->len;

	if (len > 0 && content->data[len - 1] == '\n')
		content->data[--len] = '\0';
	if (len == 0)
		return (lk_fail(v->error, LK_E_SETTINGS,
		    "%s: expected a file with a password, got an empty one",
		    place(v, file_key, file_key)));
	if (lk_has_control(content->data, len))
		return (lk_fail(v->error, LK_E_SETTINGS,
		    "%s: expected a file of one line without control "
		    "characters, got another",
		    place(v, file_key, file_key)));
	if (lk_setting_set_string(password, content->data) != LK_OK)
		return (lk_fail(v->error, LK_E_NOMEM, "out of memory"));
	return (LK_OK);
}

/* A password stands in the settings or in a file of its own. */
static enum lk_status
validate_password(struct validation *v, const char *key, const char *file_key,
    const char *path, char **password)
{
	struct lk_buf content = LK_BUF_INIT(PASSWORD_FILE_MAX);
	struct lk_error why = { "" };
	enum lk_status status = LK_FAULT;

	if (path[0] == '\0')
		return (LK_OK);
	if ((*password)[0] != '\0')
		return (lk_fail(v->error, LK_E_SETTINGS,
		    "%s: expected only one of %s and %s, got both",
		    place(v, file_key, key), key, file_key));
	status = lk_trusted_file_read_secret(path, &content, &why);
	if (status == LK_OK)
		status = take_password(v, file_key, &content, password);
	else
		lk_error_set(v->error, "%s: %s", place(v, file_key, file_key),
		    why.text);
	lk_buf_free(&content);
	return (status);
}

static enum lk_status
validate_prefixes(struct validation *v)
{
	if (strcmp(v->settings->session.token_prefix,
	        v->settings->session.user_prefix) != 0)
		return (LK_OK);
	return (lk_fail(v->error, LK_E_SETTINGS,
	    "%s: expected another prefix than session.token_prefix, got the "
	    "same",
	    place(v, "session.user_prefix", "session.token_prefix")));
}

static enum lk_status
validate_user(struct validation *v)
{
	const struct lk_settings *settings = v->settings;
	const struct lk_strings *command = &settings->user.command;
	char got[LK_SETTING_TEXT_MAX];

	if (settings->user.source == LK_SOURCE_FILE &&
	    settings->user.path[0] == '\0')
		return (lk_fail(v->error, LK_E_SETTINGS,
		    "%s: expected an absolute path, since user.source is "
		    "\"file\", got none",
		    place(v, "user.path", "user.source")));
	if (settings->user.source == LK_SOURCE_EXEC && command->n == 0)
		return (lk_fail(v->error, LK_E_SETTINGS,
		    "%s: expected a program and its arguments, since "
		    "user.source is \"exec\", got none",
		    place(v, "user.command", "user.source")));
	if (command->n == 0 || command->v[0][0] == '/')
		return (LK_OK);
	lk_setting_quote(command->v[0], got);
	return (lk_fail(v->error, LK_E_SETTINGS,
	    "%s: expected the absolute path of a program first, got %s",
	    place(v, "user.command", "user.command"), got));
}

static enum lk_status
validate_tokens(struct validation *v)
{
	struct lk_settings *settings = v->settings;
	const struct lk_strings *tokens = &settings->gate.tokens;
	char got[LK_SETTING_TEXT_MAX];
	size_t n;

	n = lk_token_sources_read(tokens, settings->cookie.name,
	    &settings->gate.sources);
	if (n == tokens->n)
		return (LK_OK);
	lk_setting_quote(tokens->v[n], got);
	return (lk_fail(v->error, LK_E_SETTINGS,
	    "%s: expected each place once, got %s again",
	    place(v, "gate.tokens", "gate.tokens"), got));
}

/* What browsers would not take is never set. */
static enum lk_status
validate_cookie(struct validation *v)
{
	const char *key, *want;

	if (lk_cookie_check(v->settings, &key, &want) == LK_OK)
		return (LK_OK);
	return (lk_fail(v->error, LK_E_SETTINGS, "%s: expected %s",
	    place(v, key, "cookie.name"), want));
}

/*
 * A renewed session has session.ttl left, so that it must be more than what
 * is renewed: otherwise every request would renew it again.
 */
static enum lk_status
validate_renewal(struct validation *v)
{
	const struct lk_settings *settings = v->settings;

	if (settings->gate.renew_below < settings->session.ttl)
		return (LK_OK);
	return (lk_fail(v->error, LK_E_SETTINGS,
	    "%s: expected less than session.ttl, which is %" PRId64
	    ", got %" PRId64,
	    place(v, "gate.renew_below", "session.ttl"), settings->session.ttl,
	    settings->gate.renew_below));
}

static enum lk_status
validate_listen(struct validation *v)
{
	const char *listen = v->settings->gate.listen;
	struct lk_address address;
	char got[LK_SETTING_TEXT_MAX];

	if (v->settings->gate.allow_remote ||
	    (lk_address_parse(listen, &address) == LK_OK &&
	        lk_address_is_loopback(&address)))
		return (LK_OK);
	lk_setting_quote(listen, got);
	return (lk_fail(v->error, LK_E_SETTINGS,
	    "%s: expected unix:/path or a loopback address, since FastCGI has "
	    "neither encryption nor a password (gate.allow_remote = true "
	    "allows it), got %s",
	    place(v, "gate.listen", "gate.listen"), got));
}

/* Layout `gosession` separates with `_`; its prefixes have `-` instead. */
static void
normalise_prefix(char *prefix)
{
	for (; *prefix != '\0'; prefix++) {
		if (*prefix == '_')
			*prefix = '-';
	}
}

/*
 * Services that share layout `gosession` set no limit, and would have their
 * users' sessions ended by ours.
 */
static void
fit_limit(struct validation *v)
{
	static const char key[] = "session.max_per_user";
	struct lk_settings *s = v->settings;

	if (s->store.backend != LK_BACKEND_SQLITE &&
	    s->store.redis.layout == LK_LAYOUT_GOSESSION && v->line != NULL &&
	    v->line(v->arg, key) == 0)
		s->session.max_per_user = 0;
}

/* Say it if a store is set up that is not the one in use. */
static void
note_unused_store(struct lk_settings *settings)
{
	static const struct {
		const char *key;
		int backend; /* that goes by it */
	} keys[] = { { "store.redis.address", LK_BACKEND_REDIS },
		{ "store.sentinel.addresses", LK_BACKEND_SENTINEL },
		{ "store.sqlite.path", LK_BACKEND_SQLITE } };
	const struct lk_setting *s;
	const void *field;
	const struct lk_strings *list;
	const char *first;
	size_t i;

	for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
		s = lk_setting_find(keys[i].key);
		field = lk_setting_of(settings, s);
		list = field;
		first = s->type == LK_SETTING_STRINGS
		    ? (list->n == 1 ? list->v[0] : "")
		    : *(char *const *)field;
		if (strcmp(first, s->text[0]) == 0 ||
		    keys[i].backend == settings->store.backend)
			continue;
		s = lk_setting_find("store.backend");
		(void)snprintf(settings->hint, sizeof(settings->hint),
		    "%s has no effect with store.backend = \"%s\"", keys[i].key,
		    s->names[settings->store.backend]);
		return;
	}
}

enum lk_status
lk_settings_validate(struct lk_settings *settings, lk_settings_line *line,
    const void *arg, struct lk_error *error)
{
	struct validation v = { .settings = settings,
		.line = line,
		.arg = arg,
		.error = error };
	struct lk_redis_settings *redis = &settings->store.redis;
	enum lk_status status = LK_FAULT;

	note_unused_store(settings);
	normalise_prefix(settings->session.token_prefix);
	normalise_prefix(settings->session.user_prefix);
	fit_limit(&v);
	if ((status = validate_durability(&v)) != LK_OK)
		return (status);
	if ((status = validate_sentinels(&v)) != LK_OK)
		return (status);
	if ((status = validate_prefixes(&v)) != LK_OK)
		return (status);
	if ((status = validate_user(&v)) != LK_OK)
		return (status);
	if ((status = validate_tokens(&v)) != LK_OK)
		return (status);
	if ((status = validate_cookie(&v)) != LK_OK)
		return (status);
	if ((status = validate_renewal(&v)) != LK_OK)
		return (status);
	if ((status = validate_listen(&v)) != LK_OK)
		return (status);
	status = validate_password(&v, "store.redis.password",
	    "store.redis.password_file", redis->password_file,
	    &redis->password);
	if (status != LK_OK || settings->store.backend != LK_BACKEND_SENTINEL)
		return (status);
	return (validate_password(&v, "store.sentinel.password",
	    "store.sentinel.password_file",
	    settings->store.sentinel.password_file,
	    &settings->store.sentinel.password));
}
