/* Every setting that exists, and what may stand in it. */
#include <stddef.h>
#include <string.h>

#include "address.h"
#include "settings.h"

#define AT(member) offsetof(struct lk_settings, member)
#define TEXT(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NAMES TEXT

/* Longest of what has no limit of its own. */
#define STRING_MAX 255
#define PATH_LENGTH_MAX 4095
#define SECRET_MAX 1023

/* ---- Checks ------------------------------------------------------------ */

static bool
is_address(const char *value, const char **want)
{
	struct lk_address address;

	*want = "host:port, [ipv6]:port or unix:/path";
	return (lk_address_parse(value, &address) == LK_OK);
}

static bool
is_absolute(const char *value, const char **want)
{
	*want = "an absolute path";
	return (value[0] == '/');
}

static bool
is_absolute_or_empty(const char *value, const char **want)
{
	return (value[0] == '\0' || is_absolute(value, want));
}

/* A key's prefix must be readable and must not look like a hash tag. */
static bool
is_prefix(const char *value, const char **want)
{
	const char *p;

	*want = "1 to 64 printable characters without space, { or }";
	for (p = value; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~' || *p == '{' || *p == '}')
			return (false);
	}
	return (p > value && p - value <= 64);
}

/* token of RFC 9110, section 5.6.2: names of headers and cookies. */
static bool
is_http_token(const char *text)
{
	return (text[0] != '\0' &&
	    text[strspn(text,
	        "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZ")] == '\0');
}

static bool
is_token_source(const char *value, const char **want)
{
	*want = "\"bearer\", \"basic\", \"cookie:NAME\" or \"header:NAME\"";
	if (strncmp(value, "cookie:", 7) == 0)
		return (is_http_token(value + 7));
	if (strncmp(value, "header:", 7) == 0)
		return (is_http_token(value + 7));
	return (strcmp(value, "bearer") == 0 || strcmp(value, "basic") == 0);
}

/* Where browsers are sent: it ends up in a Location header. */
static bool
is_login_url(const char *value, const char **want)
{
	const char *p;

	*want = "an absolute path, or an http or https URL";
	for (p = value; *p != '\0'; p++) {
		if (*p <= ' ' || *p > '~' || strchr("\"<>\\^`{|}", *p) != NULL)
			return (false);
	}
	if (value[0] == '/')
		return (value[1] != '/');
	return (value[0] == '\0' || strncmp(value, "https://", 8) == 0 ||
	    strncmp(value, "http://", 7) == 0);
}

static bool
is_printable(const char *value, const char **want)
{
	const char *p;

	*want = "printable ASCII characters";
	for (p = value; *p != '\0'; p++) {
		if (*p < ' ' || *p > '~')
			return (false);
	}
	return (p > value);
}

static bool
is_name_or_empty(const char *value, const char **want)
{
	*want = "letters, digits, . _ or -";
	return (value[strspn(value,
	            "0123456789abcdefghijklmnopqrstuvwxyz"
	            "ABCDEFGHIJKLMNOPQRSTUVWXYZ._-")] == '\0');
}

static bool
is_name(const char *value, const char **want)
{
	return (is_name_or_empty(value, want) && value[0] != '\0');
}

/* ---- The table --------------------------------------------------------- */

#define BOOL(key_, member_, default_)                                       \
	{ .key = (key_), .offset = AT(member_), .type = LK_SETTING_BOOL,    \
	  .number = (default_) }
#define INT(key_, member_, min_, max_, default_)                            \
	{ .key = (key_), .offset = AT(member_), .type = LK_SETTING_INT,     \
	  .min = (min_), .max = (max_), .number = (default_) }
#define MODE(key_, member_, default_)                                       \
	{ .key = (key_), .offset = AT(member_), .type = LK_SETTING_INT,     \
	  .octal = true, .max = 0777, .number = (default_) }
#define STRING(key_, member_, max_, default_, check_)                       \
	{ .key = (key_), .offset = AT(member_), .type = LK_SETTING_STRING,  \
	  .max = (max_), .text = TEXT(default_), .check = (check_) }
#define SECRET(key_, member_)                                               \
	{ .key = (key_), .offset = AT(member_), .type = LK_SETTING_STRING,  \
	  .secret = true, .max = SECRET_MAX, .text = TEXT("") }
#define ENUM(key_, member_, default_, ...)                                  \
	{ .key = (key_), .offset = AT(member_), .type = LK_SETTING_ENUM,    \
	  .number = (default_), .names = NAMES(__VA_ARGS__) }
#define STRINGS(key_, member_, max_, check_, ...)                           \
	{ .key = (key_), .offset = AT(member_), .type = LK_SETTING_STRINGS, \
	  .max = (max_), .text = TEXT(__VA_ARGS__), .check = (check_) }

/* Keys of one group stand together: the printer opens each group once. */
const struct lk_setting lk_settings_table[] = {
	ENUM("store.backend", store.backend, LK_BACKEND_REDIS, "sqlite",
	    "redis", "sentinel"),
	STRING("store.sqlite.path", store.sqlite.path, PATH_LENGTH_MAX,
	    "/var/lib/latchkey/sessions.db", is_absolute),
	STRING("store.redis.address", store.redis.address, STRING_MAX,
	    "127.0.0.1:6379", is_address),
	INT("store.redis.database", store.redis.database, 0, 1000000, 0),
	STRING("store.redis.username", store.redis.username, STRING_MAX, "",
	    NULL),
	SECRET("store.redis.password", store.redis.password),
	STRING("store.redis.password_file", store.redis.password_file,
	    PATH_LENGTH_MAX, "", is_absolute_or_empty),
	ENUM("store.redis.layout", store.redis.layout, LK_LAYOUT_LATCHKEY,
	    "latchkey", "gosession"),
	INT("store.redis.connect_timeout_ms", store.redis.connect_timeout_ms,
	    1, 60000, 200),
	INT("store.redis.command_timeout_ms", store.redis.command_timeout_ms,
	    1, 60000, 500),
	STRINGS("store.sentinel.addresses", store.sentinel.addresses, 32,
	    is_address, "127.0.0.1:26379"),
	STRING("store.sentinel.master", store.sentinel.master, STRING_MAX,
	    "mymaster", is_name),
	STRING("store.sentinel.username", store.sentinel.username, STRING_MAX,
	    "", NULL),
	SECRET("store.sentinel.password", store.sentinel.password),
	STRING("store.sentinel.password_file", store.sentinel.password_file,
	    PATH_LENGTH_MAX, "", is_absolute_or_empty),

	INT("session.ttl", session.ttl, LK_TTL_MIN, LK_TTL_MAX, 604800),
	BOOL("session.single", session.single, false),
	INT("session.max_per_user", session.max_per_user, 0, 100000, 0),
	STRING("session.token_prefix", session.token_prefix, 64,
	    "gosession-token", is_prefix),
	STRING("session.user_prefix", session.user_prefix, 64,
	    "gosession-user", is_prefix),

	ENUM("user.source", user.source, LK_SOURCE_NONE, "none", "file",
	    "exec", "passwd"),
	INT("user.ttl", user.ttl, LK_TTL_MIN, LK_TTL_MAX, 3600),
	STRING("user.path", user.path, PATH_LENGTH_MAX, "",
	    is_absolute_or_empty),
	{ .key = "user.command", .offset = AT(user.command),
	    .type = LK_SETTING_STRINGS, .max = 64, .text = TEXT(NULL) },
	INT("user.timeout_ms", user.timeout_ms, 1, 60000, 2000),

	STRING("gate.listen", gate.listen, STRING_MAX,
	    "unix:/run/latchkey/gate.sock", is_address),
	MODE("gate.socket_mode", gate.socket_mode, 0660),
	INT("gate.threads", gate.threads, 1, 256, 4),
	STRINGS("gate.tokens", gate.tokens, 16, is_token_source, "bearer",
	    "cookie:session", "header:X-Session-Token", "basic"),
	STRING("gate.realm", gate.realm, STRING_MAX, "latchkey",
	    is_printable),
	STRING("gate.login_url", gate.login_url, 2047, "", is_login_url),

	STRING("pam.prompt", pam.prompt, STRING_MAX, "Session token: ", NULL),
	STRING("pam.user_field", pam.user_field, STRING_MAX, "",
	    is_name_or_empty),

	ENUM("log.to", log.to, LK_LOG_TO_STDERR, "stderr", "syslog"),
	ENUM("log.level", log.level, LK_LOG_INFO, "error", "warn", "info",
	    "debug"),
	ENUM("log.format", log.format, LK_LOG_TEXT, "text", "json"),
	{ .key = NULL }
};
