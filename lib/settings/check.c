/*
 * What the settings must be: what single strings look like, each check saying
 * what it accepts; and what spans keys, but for what a store asks of its own
 * (backend.h).
 */
#include <arpa/inet.h>

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/address.h"
#include "base/escape.h"
#include "session/record.h"
#include "session/token_source.h"
#include "session/user.h"
#include "settings/table.h"

#define ALPHA "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
#define DIGIT "0123456789"

#define NAME_MAX_LEN 64
/* (uid_t)-1, which system calls take for "leave it". */
#define UID_NOBODY_AT_ALL UINT32_MAX

/* What follows ${prefix} in ${text}, or NULL. */
static const char *
after(const char *text, const char *prefix)
{
	size_t len = strlen(prefix);

	return (strncmp(text, prefix, len) == 0 ? text + len : NULL);
}

/* Whether all bytes are printable ASCII and none is one of ${but}. */
static bool
is_printable(const char *text, const char *but)
{
	for (; *text != '\0'; text++) {
		if (*text < ' ' || *text > '~' || strchr(but, *text) != NULL)
			return (false);
	}
	return (true);
}

bool
lk_form_is_address(const char *value, const char **want)
{
	struct lk_address address;

	*want = "host:port, [ipv6]:port or unix:/path (at most 107 bytes)";
	return (lk_address_parse(value, &address) == LK_OK);
}

bool
lk_form_is_unix(const char *value, const char **want)
{
	struct lk_address address;

	*want = "unix:/path (at most 107 bytes)";
	return (lk_address_parse(value, &address) == LK_OK && address.is_unix);
}

bool
lk_form_is_web_host(const char *value, const char **want)
{
	struct lk_address address;

	*want = "a host as URLs name it, such as example.org or "
	        "example.org:8443";
	return (strpbrk(value, ":]") == NULL
	        ? value[strspn(value, ALPHA DIGIT ".-")] == '\0'
	        : lk_address_parse(value, &address) == LK_OK &&
	            !address.is_unix);
}

bool
lk_form_is_path(const char *value, const char **want)
{
	*want = "an absolute path";
	return (value[0] == '/');
}

bool
lk_form_is_ca(const char *value, const char **want)
{
	*want = "an absolute path, or \"system\"";
	return (value[0] == '/' || strcmp(value, "system") == 0);
}

bool
lk_form_is_account(const char *value, const char **want)
{
	size_t len = strlen(value);

	*want = "the name or number of a user of this system";
	if (strspn(value, DIGIT) == len)
		return (len > 0 && len <= 10 &&
		    strtoull(value, NULL, 10) < UID_NOBODY_AT_ALL);
	return (len <= NAME_MAX_LEN && value[0] != '-' &&
	    strspn(value, ALPHA DIGIT "._-$@") == len);
}

bool
lk_form_is_token_source(const char *value, const char **want)
{
	struct lk_token_source source;

	*want = "\"bearer\", \"basic\", \"cookie\", \"cookie:NAME\" or "
	        "\"header:NAME\"";
	return (lk_token_source_parse(value, "any", &source));
}

bool
lk_form_is_cookie_name(const char *value, const char **want)
{
	*want = "1 to 64 of the characters that a cookie's name may have";
	return (lk_token_source_is_name(value));
}

bool
lk_form_is_cookie_domain(const char *value, const char **want)
{
	unsigned char number[4];

	*want = "the name of a host, such as example.org";
	return (inet_pton(AF_INET, value, number) != 1 &&
	    lk_host_is_name(value[0] == '.' ? value + 1 : value));
}

bool
lk_form_is_cookie_path(const char *value, const char **want)
{
	*want = "an absolute path of printable ASCII without spaces and "
	        "semicolons";
	return (value[0] == '/' && is_printable(value, " ;"));
}

bool
lk_form_is_url(const char *value, const char **want)
{
	const char *host;

	*want = "an http:// or https:// URL, or an absolute path";
	if (!is_printable(value, " \"'`<>\\^{|}"))
		return (false);
	if (value[0] == '/')
		/* "//host" would name another host. */
		return (value[1] != '/');
	if ((host = after(value, "https://")) == NULL &&
	    (host = after(value, "http://")) == NULL)
		return (false);
	return (host[0] != '\0' && strchr("/?#:@", host[0]) == NULL);
}

bool
lk_form_is_prefix(const char *value, const char **want)
{
	*want = "printable ASCII without spaces and braces";
	return (is_printable(value, " {}"));
}

bool
lk_form_is_word(const char *value, const char **want)
{
	*want = "printable ASCII without spaces";
	return (is_printable(value, " "));
}

bool
lk_form_is_title(const char *value, const char **want)
{
	*want = "UTF-8 without control characters";
	return (value[0] == '\0' || lk_user_id_fits(value));
}

bool
lk_form_is_quotable(const char *value, const char **want)
{
	*want = "printable ASCII without quotes and backslashes";
	return (is_printable(value, "\"\\"));
}

bool
lk_form_is_user(const char *value, const char **want)
{
	*want = "a user id of " LK_USER_ID_WANT;
	return (lk_user_id_fits(value));
}

bool
lk_form_is_client(const char *value, const char **want)
{
	*want = "a client kind: 1 to 32 of A-Z a-z 0-9 . _ -";
	return (value[0] != '\0' && lk_client_check(value) == LK_OK);
}

bool
lk_form_is_audience(const char *value, const char **want)
{
	*want = "1 to 512 bytes of printable ASCII without spaces";
	return (value[0] != '\0' && strlen(value) <= 512 &&
	    is_printable(value, " "));
}

bool
lk_form_is_claim(const char *value, const char **want)
{
	static const char *const ours[] = { "iss", "sub", "aud", "exp", "nbf",
		"iat", "jti", "sid", "client_id" };
	size_t i;

	*want = "a member of the detail of 1 to 64 bytes of printable ASCII, "
	        "and none of iss, sub, aud, exp, nbf, iat, jti, sid, client_id";
	for (i = 0; i < sizeof(ours) / sizeof(ours[0]); i++) {
		if (strcmp(value, ours[i]) == 0)
			return (false);
	}
	return (value[0] != '\0' && strlen(value) <= NAME_MAX_LEN &&
	    is_printable(value, " \"\\"));
}

bool
lk_form_is_value(const char *value, const char **want)
{
	*want = "at most 1024 bytes without control characters";
	return (strlen(value) <= LK_SETTING_MEMBER_MAX &&
	    !lk_has_control(value, strlen(value)));
}

/* ---- What spans keys ---------------------------------------------------- */

/* A program of its own, which ${wanted} says is asked. */
static enum lk_status
check_command(const struct lk_settings *settings, const char *key,
    const struct lk_strings *command, bool wanted, const char *because,
    struct lk_error *error)
{
	char got[LK_SETTING_TEXT_MAX];

	if (wanted && command->n == 0)
		return (lk_settings_refuse(settings, key, because, error,
		    "expected a program and its arguments, since %s is "
		    "\"exec\", got none",
		    because));
	if (command->n == 0 || command->v[0][0] == '/')
		return (LK_OK);
	lk_setting_quote(command->v[0], got);
	return (lk_settings_refuse(settings, key, key, error,
	    "expected the absolute path of a program first, got %s", got));
}

static enum lk_status
check_user(const struct lk_settings *settings, struct lk_error *error)
{
	if (settings->user.source == LK_SOURCE_FILE &&
	    settings->user.path[0] == '\0')
		return (lk_settings_refuse(settings, "user.path", "user.source",
		    error,
		    "expected an absolute path, since user.source is \"file\", "
		    "got none"));
	return (check_command(settings, "user.command", &settings->user.command,
	    settings->user.source == LK_SOURCE_EXEC, "user.source", error));
}

/* A login hands out a cookie, which the gate must then look for. */
static enum lk_status
check_login(const struct lk_settings *settings, struct lk_error *error)
{
	static const char check[] = "gate.login.check";
	const struct lk_login_settings *login = &settings->gate.login;
	const struct lk_token_sources *sources = &settings->gate.sources;
	size_t i;

	for (i = 0; i < sources->n && login->check != LK_LOGIN_OFF; i++) {
		if (sources->v[i].place == LK_TOKEN_COOKIE &&
		    strcmp(sources->v[i].name, settings->cookie.name) == 0)
			break;
	}
	if (i == sources->n && login->check != LK_LOGIN_OFF)
		return (lk_settings_refuse(settings, "gate.tokens", check,
		    error,
		    "expected \"cookie\" among them, since a login sets it, "
		    "got none"));
	return (check_command(settings, "gate.login.command", &login->command,
	    login->check == LK_LOGIN_EXEC, check, error));
}

/* All were read but for those that look where another does. */
static enum lk_status
check_tokens(const struct lk_settings *settings, struct lk_error *error)
{
	const struct lk_strings *tokens = &settings->gate.tokens;
	char got[LK_SETTING_TEXT_MAX];

	if (settings->gate.sources.n == tokens->n)
		return (LK_OK);
	lk_setting_quote(tokens->v[settings->gate.sources.n], got);
	return (lk_settings_refuse(settings, "gate.tokens", "gate.tokens",
	    error, "expected each place once, got %s again", got));
}

/* What browsers would not take is never set. */
static enum lk_status
check_cookie(const struct lk_settings *settings, struct lk_error *error)
{
	const char *key, *want;

	if (lk_cookie_check(&settings->cookie, &key, &want) == LK_OK)
		return (LK_OK);
	return (lk_settings_refuse(settings, key, "cookie.name", error,
	    "expected %s", want));
}

/*
 * A renewed session has session.ttl left, so that it must be more than what
 * is renewed: otherwise every request would renew it again.
 */
static enum lk_status
check_renewal(const struct lk_settings *settings, struct lk_error *error)
{
	const int64_t ttl = lk_settings_policy(settings, "").ttl;

	if (settings->gate.renew_below < ttl)
		return (LK_OK);
	return (lk_settings_refuse(settings, "gate.renew_below", "session.ttl",
	    error,
	    "expected less than session.ttl, which is %" PRId64
	    ", got %" PRId64,
	    ttl, settings->gate.renew_below));
}

/* A row is all that is said of its kinds, and lets them be renewed. */
static enum lk_status
check_row(const struct lk_settings *settings, size_t i, struct lk_error *error)
{
	const struct lk_kinds_rows *rows = &settings->session.clients;
	const struct lk_strings *kinds = &rows->v[i].kinds;
	struct lk_policy policy;
	char got[LK_SETTING_TEXT_MAX];
	size_t j;

	for (j = 0; j < kinds->n; j++) {
		if (lk_kinds_find(rows, kinds->v[j]) == &rows->v[i])
			continue;
		lk_setting_quote(kinds->v[j], got);
		return (lk_settings_refuse(settings, "session.clients",
		    "session.clients", error,
		    "expected each kind in one row, got %s again", got));
	}
	policy = lk_settings_policy(settings, kinds->v[0]);
	if (policy.max_life > 0 && rows->v[i].ttl > policy.max_life)
		return (lk_settings_refuse(settings, "session.clients",
		    "session.max_life", error,
		    "expected rows with a ttl of at most session.max_life, "
		    "which is %" PRId64 ", got %" PRId64,
		    policy.max_life, (int64_t)rows->v[i].ttl));
	if (policy.renew_below < policy.ttl)
		return (LK_OK);
	lk_setting_quote(kinds->v[0], got);
	return (lk_settings_refuse(settings, "session.clients",
	    "gate.renew_below", error,
	    "expected kinds renewed below less than their ttl, which is "
	    "%" PRId64 " for %s, got %" PRId64,
	    policy.ttl, got, policy.renew_below));
}

static enum lk_status
check_sessions(const struct lk_settings *settings, struct lk_error *error)
{
	const int64_t ttl = settings->session.ttl;
	const int64_t life = settings->session.max_life;
	enum lk_status status = LK_OK;
	size_t i;

	if (life > 0 && ttl > life &&
	    lk_settings_line(settings, "session.ttl") > 0)
		return (lk_settings_refuse(settings, "session.max_life",
		    "session.ttl", error,
		    "expected no less than session.ttl, which is %" PRId64
		    ", got %" PRId64,
		    ttl, life));
	if (settings->session.single &&
	    settings->session.on_limit == LK_ON_LIMIT_REFUSE)
		return (lk_settings_refuse(settings, "session.on_limit",
		    "session.on_limit", error,
		    "expected \"oldest\", since session.single lets each "
		    "login end the others, got \"refuse\""));
	for (i = 0; i < settings->session.clients.n && status == LK_OK; i++)
		status = check_row(settings, i, error);
	return (status);
}

static enum lk_status
check_headers(const struct lk_settings *settings, struct lk_error *error)
{
	const struct lk_told_list *headers = &settings->gate.headers;
	char got[LK_SETTING_TEXT_MAX];
	size_t i, j;

	for (i = 1; i < headers->n; i++) {
		for (j = 0; j < i; j++) {
			if (strcasecmp(headers->v[i].name,
			        headers->v[j].name) != 0)
				continue;
			lk_setting_quote(headers->v[i].name, got);
			return (lk_settings_refuse(settings, "gate.headers",
			    "gate.headers", error,
			    "expected each header once, got %s again", got));
		}
	}
	return (LK_OK);
}

static enum lk_status
check_http_listen(const struct lk_settings *settings, struct lk_error *error)
{
	const char *listen = settings->gate.http.listen;
	char got[LK_SETTING_TEXT_MAX];
	struct lk_address address;

	if (listen[0] == '\0' ||
	    (lk_address_parse(listen, &address) == LK_OK &&
	        lk_address_is_loopback(&address)))
		return (LK_OK);
	lk_setting_quote(listen, got);
	return (lk_settings_refuse(settings, "gate.http.listen",
	    "gate.http.listen", error,
	    "expected unix:/path or a loopback address, got %s", got));
}

static enum lk_status
check_listen(const struct lk_settings *settings, struct lk_error *error)
{
	const char *listen = settings->gate.listen;
	char got[LK_SETTING_TEXT_MAX];
	struct lk_address address;

	if (settings->gate.allow_remote ||
	    (lk_address_parse(listen, &address) == LK_OK &&
	        lk_address_is_loopback(&address)))
		return (LK_OK);
	lk_setting_quote(listen, got);
	return (lk_settings_refuse(settings, "gate.listen", "gate.listen",
	    error,
	    "expected unix:/path or a loopback address, since FastCGI has "
	    "neither encryption nor a password (gate.allow_remote = true "
	    "allows it), got %s",
	    got));
}

enum lk_status
lk_settings_check(const struct lk_settings *settings, struct lk_error *error)
{
	static enum lk_status (*const checks[])(const struct lk_settings *,
	    struct lk_error *) = { check_user, check_tokens, check_cookie,
		check_login, check_renewal, check_sessions, check_headers,
		check_listen, check_http_listen };
	enum lk_status status = LK_OK;
	size_t i;

	for (i = 0; i < sizeof(checks) / sizeof(checks[0]) && status == LK_OK;
	     i++)
		status = checks[i](settings, error);
	return (status);
}
