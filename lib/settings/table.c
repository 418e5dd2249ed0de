/*
 * Every key there is, with its default and its limits; a value by its entry,
 * and how to talk of it.
 */
#include <assert.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "settings/table.h"

/* How much of a value a message repeats. */
#define QUOTE_MAX 48
#define FILE_SUFFIX "_file"

/* Tables, set as they read best. */
/* clang-format off */

#define TLS_FILES(group) \
	{ KEY(store.group.tls.ca), STRING(0, PATH_LEN, NONE), \
	    .check = lk_form_is_ca }, \
	{ KEY(store.group.tls.cert), STRING(0, PATH_LEN, NONE), \
	    .check = lk_form_is_path }, \
	{ KEY(store.group.tls.key), STRING(0, PATH_LEN, NONE), \
	    .check = lk_form_is_path }
#define TLS(group) \
	TLS_FILES(group), \
	{ KEY(store.group.tls.name), STRING(0, LK_HOST_MAX, NONE), \
	    .check = lk_form_is_word }

/* An entry begins with its member, which is its key, and with its type. */
#define KEY(member) \
	.key = #member, .len = sizeof(#member) - 1, \
	.offset = offsetof(struct lk_settings, member)
#define IN(row, member) \
	.key = #member, .len = sizeof(#member) - 1, \
	.offset = offsetof(struct row, member)
#define BOOL(is) .type = LK_SETTING_BOOL, .number = (is)
#define INT(least, most, is) \
	.type = LK_SETTING_INT, .min = (least), .max = (most), .number = (is)
#define ENUM(list, is) .type = LK_SETTING_ENUM, .names = (list), .number = (is)
#define STRING(least, most, is) \
	.type = LK_SETTING_STRING, .min = (least), .max = (most), .text = (is)
#define STRINGS(least, most, is) \
	.type = LK_SETTING_STRINGS, .min = (least), .max = (most), .text = (is)
#define ROWS(least, most, count, row, of) \
	.type = LK_SETTING_ROWS, .min = (least), .max = (most), \
	.number = (count), .members = (of), .size = sizeof(struct row)
#define TEXT(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NONE ((const char *const[]){ NULL })

#define PATH_LEN 4095
#define ADDRESS_LEN 262 /* a host name of 255 bytes, brackets or colon, port */
#define AGENT_ADDRESS "unix:/run/latchkey/agent.sock"
#define USERNAME_LEN 128
#define ACCOUNT_LEN 64
#define URL_LEN 2048
#define PASSWORD_LEN 4096
#define TIMEOUT_MS 60000

static const char *const backends[] = { [LK_BACKEND_SQLITE] = "sqlite",
	[LK_BACKEND_REDIS] = "redis", [LK_BACKEND_SENTINEL] = "sentinel",
	[LK_BACKEND_MARIADB] = "mariadb", [LK_BACKEND_AGENT] = "agent",
	[LK_BACKEND_CLUSTER] = "cluster", NULL };
static const char *const durabilities[] = { [LK_DURABILITY_ACK] = "ack",
	[LK_DURABILITY_REPLICA] = "replica", NULL };
static const char *const layouts[] = { [LK_LAYOUT_LATCHKEY] = "latchkey",
	[LK_LAYOUT_GOSESSION] = "gosession", NULL };
static const char *const sources[] = { [LK_SOURCE_NONE] = "none",
	[LK_SOURCE_FILE] = "file", [LK_SOURCE_EXEC] = "exec",
	[LK_SOURCE_PASSWD] = "passwd", NULL };
static const char *const jwt_checks[] = { [LK_JWT_BY_STORE] = "store",
	[LK_JWT_OFFLINE] = "offline", NULL };
static const char *const unlisted[] = { [LK_UNLISTED_ALLOW] = "allow",
	[LK_UNLISTED_REFUSE] = "refuse", NULL };
static const char *const login_checks[] = { [LK_LOGIN_OFF] = "",
	[LK_LOGIN_SASLAUTHD] = "saslauthd", [LK_LOGIN_EXEC] = "exec", NULL };
static const char *const login_names[] = { [LK_NAMES_PLAIN] = "plain",
	[LK_NAMES_FOLD] = "fold", [LK_NAMES_EXACT] = "exact", NULL };
static const char *const log_sinks[] = { [LK_LOG_TO_STDERR] = "stderr",
	[LK_LOG_TO_SYSLOG] = "syslog", NULL };
static const char *const log_levels[] = { [LK_LOG_ERROR] = "error",
	[LK_LOG_WARN] = "warn", [LK_LOG_INFO] = "info",
	[LK_LOG_DEBUG] = "debug", NULL };
static const char *const log_formats[] = { [LK_LOG_TEXT] = "text",
	[LK_LOG_JSON] = "json", NULL };

/* ---- Rows -------------------------------------------------------------- */

static const struct lk_setting requirement_members[] = {
	{ IN(lk_requirement, field), STRING(1, LK_RULE_FIELD_MAX, NULL),
	    .check = lk_rule_field_check, .want = "a string",
	    .missing = "a member of the detail" },
	{ IN(lk_requirement, any), .type = LK_SETTING_VALUES, .min = 1,
	    .max = LK_RULE_LIST_MAX, .check = lk_form_is_value,
	    .missing = "an array of values" },
	{ .key = NULL }
};

#define ACCESS "\"public\", \"session\" or \"deny\""

const struct lk_setting lk_rule_members[] = {
	{ IN(lk_rule, hosts), STRINGS(1, LK_RULE_LIST_MAX, NULL),
	    .check = lk_rule_host_check },
	{ IN(lk_rule, path), STRING(1, LK_RULE_PATH_MAX, TEXT("/")),
	    .check = lk_rule_path_check, .want = "a string",
	    .missing = "a path" },
	{ IN(lk_rule, access), ENUM(lk_access_names, LK_ACCESS_SESSION),
	    .want = ACCESS, .missing = ACCESS },
	{ IN(lk_rule, methods), STRINGS(1, LK_RULE_LIST_MAX, NULL),
	    .check = lk_rule_method_check },
	{ IN(lk_rule, users), STRINGS(1, LK_RULE_LIST_MAX, NULL),
	    .check = lk_form_is_user },
	{ IN(lk_rule, clients), STRINGS(1, LK_RULE_LIST_MAX, NULL),
	    .check = lk_form_is_client },
	{ IN(lk_rule, require), ROWS(1, LK_RULE_REQUIRE_MAX, 0, lk_requirement,
	    requirement_members) },
	{ IN(lk_rule, login_url), STRING(0, URL_LEN, NONE),
	    .check = lk_form_is_url },
	{ .key = NULL }
};

static const struct lk_setting told_members[] = {
	{ IN(lk_told, name), STRING(1, LK_TOLD_NAME_MAX, NULL),
	    .check = lk_told_name_check, .want = "a string",
	    .missing = "a header's name" },
	{ IN(lk_told, field), STRING(1, LK_RULE_FIELD_MAX, NULL),
	    .check = lk_rule_field_check, .want = "a string",
	    .missing = "a member of the detail" },
	{ .key = NULL }
};

static const struct lk_setting kinds_members[] = {
	{ IN(lk_kinds, kinds), STRINGS(1, LK_KINDS_MAX, NULL),
	    .check = lk_form_is_client, .once = "each kind",
	    .missing = "an array of client kinds" },
	{ IN(lk_kinds, max), INT(1, 100000, 0),
	    .missing = "an integer from 1 to 100000" },
	{ IN(lk_kinds, ttl), INT(LK_TTL_MIN, LK_TTL_MAX, LK_KINDS_UNSET) },
	{ IN(lk_kinds, max_life), INT(0, LK_TTL_MAX, LK_KINDS_UNSET) },
	{ IN(lk_kinds, renew_below), INT(0, LK_TTL_MAX, LK_KINDS_UNSET) },
	{ IN(lk_kinds, on_limit), ENUM(lk_on_limit_names, LK_KINDS_UNSET) },
	{ .key = NULL }
};

static const struct lk_setting caller_members[] = {
	{ IN(lk_caller, users), STRINGS(1, LK_CALLER_LIST_MAX, NULL),
	    .numbers = true, .check = lk_form_is_account },
	{ IN(lk_caller, groups), STRINGS(1, LK_CALLER_LIST_MAX, NULL),
	    .numbers = true, .check = lk_form_is_account },
	{ IN(lk_caller, may), STRINGS(1, 16, NULL), .check = lk_may_check,
	    .once = "each verb", .missing = "an array of what they may do" },
	{ IN(lk_caller, clients), STRINGS(1, LK_CALLER_LIST_MAX, NULL),
	    .check = lk_form_is_client },
	{ IN(lk_caller, min_uid), INT(1, INT32_MAX, 0) },
	{ IN(lk_caller, not_users), STRINGS(1, LK_CALLER_LIST_MAX, NULL),
	    .check = lk_form_is_user },
	{ IN(lk_caller, max_ttl), INT(LK_TTL_MIN, LK_TTL_MAX, 0) },
	{ IN(lk_caller, per_minute), INT(1, 1000000, 0) },
	{ .key = NULL }
};

/* ---- Keys -------------------------------------------------------------- */

/* The keys of a group stand together, and a secret before its KEY_file. */
const struct lk_setting lk_settings_table[] = {
	{ KEY(store.backend), ENUM(backends, LK_BACKEND_SQLITE) },
	{ KEY(store.durability), ENUM(durabilities, LK_DURABILITY_ACK) },
	{ KEY(store.durability_timeout_ms), INT(1, TIMEOUT_MS, 100) },

	{ KEY(store.sqlite.path),
	    STRING(1, PATH_LEN, TEXT("/var/lib/latchkey/sessions.db")),
	    .check = lk_form_is_path },
	{ KEY(store.sqlite.timeout_ms), INT(1, TIMEOUT_MS, 500) },

	{ KEY(store.redis.address),
	    STRING(1, ADDRESS_LEN, TEXT("127.0.0.1:6379")),
	    .check = lk_form_is_address },
	{ KEY(store.redis.database), INT(0, 1000000, 0) },
	{ KEY(store.redis.username), STRING(0, USERNAME_LEN, NONE),
	    .check = lk_form_is_word },
	{ KEY(store.redis.password), STRING(0, PASSWORD_LEN, NONE),
	    .secret = true },
	{ KEY(store.redis.password_file), STRING(0, PATH_LEN, NONE),
	    .check = lk_form_is_path },
	{ KEY(store.redis.layout), ENUM(layouts, LK_LAYOUT_LATCHKEY) },
	{ KEY(store.redis.connect_timeout_ms), INT(1, TIMEOUT_MS, 200) },
	{ KEY(store.redis.command_timeout_ms), INT(1, TIMEOUT_MS, 500) },
	TLS(redis),

	{ KEY(store.sentinel.addresses),
	    STRINGS(1, LK_SENTINELS_MAX, TEXT("127.0.0.1:26379")),
	    .check = lk_form_is_address, .once = "each Sentinel" },
	{ KEY(store.sentinel.master), STRING(1, 128, TEXT("mymaster")),
	    .check = lk_form_is_word },
	{ KEY(store.sentinel.username), STRING(0, USERNAME_LEN, NONE),
	    .check = lk_form_is_word },
	{ KEY(store.sentinel.password), STRING(0, PASSWORD_LEN, NONE),
	    .secret = true },
	{ KEY(store.sentinel.password_file), STRING(0, PATH_LEN, NONE),
	    .check = lk_form_is_path },
	{ KEY(store.sentinel.staleness_ms), INT(500, TIMEOUT_MS, 2000) },
	{ KEY(store.sentinel.require_confirmed), BOOL(true) },
	TLS(sentinel),

	{ KEY(store.mariadb.address),
	    STRING(1, ADDRESS_LEN, TEXT("unix:/run/mysqld/mysqld.sock")),
	    .check = lk_form_is_address },
	{ KEY(store.mariadb.database), STRING(1, 64, TEXT("latchkey")),
	    .check = lk_form_is_word },
	{ KEY(store.mariadb.username), STRING(1, USERNAME_LEN,
	    TEXT("latchkey")), .check = lk_form_is_word },
	{ KEY(store.mariadb.password), STRING(0, PASSWORD_LEN, NONE),
	    .secret = true },
	{ KEY(store.mariadb.password_file), STRING(0, PATH_LEN, NONE),
	    .check = lk_form_is_path },
	{ KEY(store.mariadb.connect_timeout_ms), INT(1, TIMEOUT_MS, 500) },
	{ KEY(store.mariadb.command_timeout_ms), INT(1, TIMEOUT_MS, 1000) },
	TLS_FILES(mariadb),
	{ KEY(store.agent.address), STRING(1, ADDRESS_LEN, TEXT(AGENT_ADDRESS)),
	    .check = lk_form_is_unix },
	{ KEY(store.agent.user), STRING(1, ACCOUNT_LEN, TEXT("latchkey")),
	    .check = lk_form_is_account },
	{ KEY(store.agent.timeout_ms), INT(1, TIMEOUT_MS, 500) },

	{ KEY(store.cluster.addresses),
	    STRINGS(1, LK_CLUSTER_SEEDS_MAX, TEXT("127.0.0.1:6379")),
	    .check = lk_form_is_address, .once = "each node" },

	{ KEY(session.ttl), INT(LK_TTL_MIN, LK_TTL_MAX, 604800) },
	{ KEY(session.max_life), INT(0, LK_TTL_MAX, 0) },
	{ KEY(session.single), BOOL(false) },
	{ KEY(session.max_per_user), INT(0, 100000, 1000) },
	{ KEY(session.on_limit), ENUM(lk_on_limit_names, LK_ON_LIMIT_OLDEST) },
	{ KEY(session.unlisted), ENUM(unlisted, LK_UNLISTED_ALLOW) },
	{ KEY(session.clients), ROWS(0, LK_KINDS_ROWS_MAX, 0, lk_kinds,
	    kinds_members), .row_check = lk_kinds_check,
	    .want = "a list of at most " LK_DIGITS_OF(LK_KINDS_ROWS_MAX)
	    " rows, each a group" },
	{ KEY(session.reasons), INT(0, LK_TTL_MAX, 86400) },
	{ KEY(session.history.keep), INT(0, 1000, 50) },
	{ KEY(session.history.ttl), INT(1, LK_TTL_MAX, 7776000) },
	{ KEY(session.token_prefix), STRING(1, 64, TEXT("gosession-token")),
	    .check = lk_form_is_prefix },
	{ KEY(session.user_prefix), STRING(1, 64, TEXT("gosession-user")),
	    .check = lk_form_is_prefix },

	{ KEY(user.source), ENUM(sources, LK_SOURCE_NONE) },
	{ KEY(user.ttl), INT(LK_TTL_MIN, LK_TTL_MAX, 3600) },
	{ KEY(user.path), STRING(0, PATH_LEN, NONE), .check = lk_form_is_path },
	{ KEY(user.command), STRINGS(0, 32, NONE) },
	{ KEY(user.timeout_ms), INT(1, TIMEOUT_MS, 2000) },

	{ KEY(gate.listen),
	    STRING(1, ADDRESS_LEN, TEXT("unix:/run/latchkey/gate.sock")),
	    .check = lk_form_is_address },
	{ KEY(gate.socket_mode), INT(0, 0777, 0660), .octal = true },
	{ KEY(gate.socket_group), STRING(0, ACCOUNT_LEN, NONE),
	    .check = lk_form_is_account },
	{ KEY(gate.allow_remote), BOOL(false) },
	{ KEY(gate.allow_uids), STRINGS(0, 64, NONE), .numbers = true,
	    .check = lk_form_is_account },
	{ KEY(gate.user), STRING(0, ACCOUNT_LEN, NONE),
	    .check = lk_form_is_account },
	{ KEY(gate.threads), INT(1, 256, 4) },
	{ KEY(gate.http.listen), STRING(0, ADDRESS_LEN, NONE),
	    .check = lk_form_is_address },
	{ KEY(gate.http.allow_uids), STRINGS(0, 64, NONE), .numbers = true,
	    .check = lk_form_is_account },
	{ KEY(gate.tokens), STRINGS(1, LK_TOKEN_SOURCES_MAX, TEXT("bearer",
	    "cookie", "header:X-Session-Token", "basic")),
	    .check = lk_form_is_token_source },
	{ KEY(gate.realm), STRING(1, 128, TEXT("latchkey")),
	    .check = lk_form_is_quotable },
	{ KEY(gate.login_url), STRING(0, URL_LEN, NONE),
	    .check = lk_form_is_url },
	{ KEY(gate.expose_metrics), BOOL(false) },
	{ KEY(gate.renew_below), INT(0, LK_TTL_MAX, 0) },
	{ KEY(gate.detail), BOOL(false) },
	{ KEY(gate.detail_max), INT(2, 6144, 4096) },
	{ KEY(gate.headers), ROWS(0, LK_TOLD_MAX, 0, lk_told, told_members),
	    .want = "a list of at most " LK_DIGITS_OF(LK_TOLD_MAX)
	    " headers, each a group" },
	{ KEY(gate.login.check), ENUM(login_checks, LK_LOGIN_OFF) },
	{ KEY(gate.login.socket),
	    STRING(1, LK_UNIX_PATH_MAX, TEXT("/run/saslauthd/mux")),
	    .check = lk_form_is_path },
	{ KEY(gate.login.service), STRING(1, 64, TEXT("latchkey")),
	    .check = lk_form_is_word },
	{ KEY(gate.login.realm), STRING(0, 253, NONE),
	    .check = lk_form_is_word },
	{ KEY(gate.login.names), ENUM(login_names, LK_NAMES_PLAIN) },
	{ KEY(gate.login.command), STRINGS(0, 32, NONE) },
	{ KEY(gate.login.timeout_ms), INT(1, TIMEOUT_MS, 3000) },
	{ KEY(gate.login.per_minute), INT(1, 100000, 10) },
	{ KEY(gate.login.client), STRING(1, LK_CLIENT_MAX, TEXT("web")),
	    .check = lk_form_is_client },
	{ KEY(gate.page.show), BOOL(false) },
	{ KEY(gate.page.title), STRING(0, 128, NONE),
	    .check = lk_form_is_title },
	{ KEY(gate.page.style), STRING(0, PATH_LEN, NONE),
	    .check = lk_form_is_path },
	{ KEY(gate.watch.max), INT(0, 100000, 0) },
	{ KEY(gate.rules), ROWS(1, LK_RULES_MAX, 1, lk_rule, lk_rule_members),
	    .row_check = lk_rule_check,
	    .want = "a list of 1 to " LK_DIGITS_OF(LK_RULES_MAX)
	    " rules, each a group" },

	{ KEY(agent.listen),
	    STRING(1, ADDRESS_LEN, TEXT(AGENT_ADDRESS)),
	    .check = lk_form_is_unix },
	{ KEY(agent.socket_mode), INT(0, 0777, 0666), .octal = true },
	{ KEY(agent.user), STRING(0, ACCOUNT_LEN, NONE),
	    .check = lk_form_is_account },
	{ KEY(agent.threads), INT(1, 256, 4) },
	{ KEY(agent.callers), ROWS(0, LK_CALLERS_MAX, 0, lk_caller,
	    caller_members), .row_check = lk_caller_check,
	    .want = "a list of at most " LK_DIGITS_OF(LK_CALLERS_MAX)
	    " rows, each a group" },
	{ KEY(agent.next_hosts), STRINGS(0, 64, NONE),
	    .check = lk_form_is_web_host },

	{ KEY(cookie.name), STRING(1, 64, TEXT("latchkey")),
	    .check = lk_form_is_cookie_name },
	{ KEY(cookie.domain), STRING(0, 253, NONE),
	    .check = lk_form_is_cookie_domain },
	{ KEY(cookie.path), STRING(1, 1024, TEXT("/")),
	    .check = lk_form_is_cookie_path },
	{ KEY(cookie.same_site), ENUM(lk_same_site_names, LK_SAME_SITE_LAX) },
	{ KEY(cookie.secure), BOOL(true) },
	{ KEY(cookie.persistent), BOOL(true) },

	{ KEY(jwt.issuer), STRING(0, 512, NONE), .check = lk_form_is_word },
	{ KEY(jwt.audience), STRINGS(0, 16, NONE), .check = lk_form_is_audience,
	    .once = "each audience" },
	{ KEY(jwt.ttl), INT(1, 86400, 300) },
	{ KEY(jwt.leeway), INT(0, 60, 30) },
	{ KEY(jwt.verify),
	    STRINGS(1, 16, TEXT(LK_SYSCONFDIR "/latchkey/jwt/keys.json")),
	    .check = lk_form_is_path },
	{ KEY(jwt.sign), STRING(0, PATH_LEN, NONE), .check = lk_form_is_path },
	{ KEY(jwt.check), ENUM(jwt_checks, LK_JWT_BY_STORE) },
	{ KEY(jwt.claims), STRINGS(0, 16, NONE), .check = lk_form_is_claim,
	    .once = "each claim" },

	{ KEY(pam.prompt), STRING(0, 256, TEXT("Session token: ")) },
	{ KEY(pam.user_field), STRING(0, 64, NONE) },

	{ KEY(log.to), ENUM(log_sinks, LK_LOG_TO_STDERR) },
	{ KEY(log.level), ENUM(log_levels, LK_LOG_INFO) },
	{ KEY(log.format), ENUM(log_formats, LK_LOG_TEXT) },

	{ .key = NULL }
};

/* clang-format on */

static_assert(sizeof(lk_settings_table) / sizeof(lk_settings_table[0]) <=
        LK_SETTINGS_MAX,
    "LK_SETTINGS_MAX");

const struct lk_setting *
lk_setting_below(const struct lk_setting *first, size_t depth, const char *name)
{
	const struct lk_setting *s;
	size_t len = strlen(name), end = depth + len;

	for (s = first; s->key != NULL; s++) {
		if (s->len >= end &&
		    (s->key[end] == '\0' || s->key[end] == '.') &&
		    memcmp(s->key + depth, name, len) == 0 &&
		    memcmp(s->key, first->key, depth) == 0)
			return (s);
	}
	return (NULL);
}

const struct lk_setting *
lk_setting_find(const char *key)
{
	const struct lk_setting *s;
	size_t len = strlen(key);

	for (s = lk_settings_table; s->key != NULL; s++) {
		if (s->len == len && memcmp(s->key, key, len) == 0)
			return (s);
	}
	return (NULL);
}

/* ---- Values ------------------------------------------------------------ */

/* Lists of rows differ in the type that one of their members points to. */
struct lk_rows
lk_setting_rows(const struct lk_setting *setting, const void *base)
{
	struct lk_rows rows;

	memcpy(&rows, lk_setting_of(setting, base), sizeof(rows));
	return (rows);
}

/* An address of its own: what is borrowed is told by it. */
static const char empty[] = "";

/* The default of a STRING, which a value borrows; NULL is none. */
static const char *
default_of(const struct lk_setting *setting)
{
	return (setting->text == NULL      ? NULL
	        : setting->text[0] == NULL ? empty
	                                   : setting->text[0]);
}

/* Put ${text} there as it is, in place of what is wiped and freed unless it is
 * borrowed. */
static void
put_string(const struct lk_setting *setting, void *base, const char *text)
{
	char *old;

	memcpy(&old, lk_setting_of(setting, base), sizeof(old));
	memcpy(lk_setting_at(setting, base), &text, sizeof(text));
	if (old == NULL || old == default_of(setting))
		return;
	sodium_memzero(old, strlen(old));
	free(old);
}

enum lk_status
lk_setting_set_string(const struct lk_setting *setting, void *base,
    const char *text)
{
	const char *copy = strdup(text);

	if (copy == NULL)
		return (LK_E_NOMEM);
	put_string(setting, base, copy);
	return (LK_OK);
}

enum lk_status
lk_setting_set_rows(const struct lk_setting *setting, void *base, size_t n)
{
	struct lk_rows rows = { calloc(n, setting->size), n };

	if (rows.v == NULL)
		return (LK_E_NOMEM);
	memcpy(lk_setting_at(setting, base), &rows, sizeof(rows));
	return (LK_OK);
}

static enum lk_status
set_default_rows(const struct lk_setting *setting, void *base)
{
	enum lk_status status = LK_OK;
	const struct lk_setting *s;
	struct lk_rows rows;
	size_t i;

	if (setting->number == 0)
		return (LK_OK);
	status = lk_setting_set_rows(setting, base, (size_t)setting->number);
	rows = lk_setting_rows(setting, base);
	for (i = 0; i < rows.n && status == LK_OK; i++) {
		for (s = setting->members; s->key != NULL && status == LK_OK;
		     s++)
			status = lk_setting_set_default(s,
			    (char *)rows.v + i * setting->size);
	}
	return (status);
}

/* A default list is the table's own, but for one without members. */
static void
set_default_list(const struct lk_setting *setting, struct lk_strings *list)
{
	if (setting->text == NULL || setting->text[0] == NULL)
		return;
	memcpy(&list->v, &setting->text, sizeof(list->v));
	while (list->v[list->n] != NULL)
		list->n++;
}

static void
clear_list(const struct lk_setting *setting, struct lk_strings *list)
{
	if ((const char *const *)list->v == setting->text)
		*list = (struct lk_strings){ NULL, 0 };
	else
		lk_strings_free(list);
}

enum lk_status
lk_setting_set_default(const struct lk_setting *setting, void *base)
{
	void *field = lk_setting_at(setting, base);

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
		put_string(setting, base, default_of(setting));
		return (LK_OK);
	case LK_SETTING_STRINGS:
		set_default_list(setting, field);
		return (LK_OK);
	case LK_SETTING_VALUES:
		return (LK_OK);
	case LK_SETTING_ROWS:
		return (set_default_rows(setting, base));
	}
	return (LK_FAULT);
}

static void
clear_rows(const struct lk_setting *setting, void *base)
{
	struct lk_rows rows = lk_setting_rows(setting, base);
	const struct lk_setting *s;
	size_t i;

	for (i = 0; i < rows.n; i++) {
		for (s = setting->members; s->key != NULL; s++)
			lk_setting_clear(s, (char *)rows.v + i * setting->size);
	}
	free(rows.v);
	memset(lk_setting_at(setting, base), 0, sizeof(rows));
}

void
lk_setting_clear(const struct lk_setting *setting, void *base)
{
	void *field = lk_setting_at(setting, base);

	if (setting->type == LK_SETTING_STRING)
		put_string(setting, base, NULL);
	else if (setting->type == LK_SETTING_STRINGS)
		clear_list(setting, field);
	else if (setting->type == LK_SETTING_VALUES)
		lk_strings_free(&((struct lk_values *)field)->texts);
	else if (setting->type == LK_SETTING_ROWS)
		clear_rows(setting, base);
}

const char *
lk_setting_file_of(const struct lk_setting *setting, const void *base)
{
	const struct lk_setting *next = setting + 1;
	size_t len = strlen(setting->key);

	if (next->key == NULL || strncmp(next->key, setting->key, len) != 0 ||
	    strcmp(next->key + len, FILE_SUFFIX) != 0)
		return ("");
	return (*(char *const *)lk_setting_of(next, base));
}

/* ---- What is said ------------------------------------------------------ */

/* "one of" and the names. */
static void
want_names(const char *const *names, char text[LK_SETTING_TEXT_MAX])
{
	size_t i, len;

	(void)snprintf(text, LK_SETTING_TEXT_MAX, "one of");
	for (i = 0; names[i] != NULL; i++) {
		len = strlen(text);
		(void)snprintf(text + len, LK_SETTING_TEXT_MAX - len,
		    "%s \"%s\"", i > 0 ? "," : "", names[i]);
	}
}

void
lk_setting_want(const struct lk_setting *setting,
    char text[LK_SETTING_TEXT_MAX])
{
	const long long min = setting->min, max = setting->max;
	const size_t size = LK_SETTING_TEXT_MAX;

	if (setting->want != NULL)
		(void)snprintf(text, size, "%s", setting->want);
	else if (setting->octal)
		(void)snprintf(text, size,
		    "an octal number from 0 to 0%llo that starts with 0",
		    (unsigned long long)max);
	else if (setting->type == LK_SETTING_BOOL)
		(void)snprintf(text, size, "true or false");
	else if (setting->type == LK_SETTING_INT)
		(void)snprintf(text, size, "an integer from %lld to %lld", min,
		    max);
	else if (setting->type == LK_SETTING_STRING)
		(void)snprintf(text, size, "a string of %lld to %lld bytes",
		    min, max);
	else if (setting->type == LK_SETTING_ENUM)
		want_names(setting->names, text);
	else if (setting->type == LK_SETTING_ROWS)
		(void)snprintf(text, size, "a list of %lld to %lld groups", min,
		    max);
	else
		(void)snprintf(text, size,
		    "an array of %lld to %lld %sstrings%s", min, max,
		    setting->numbers ? "numbers or " : "",
		    setting->type == LK_SETTING_VALUES
		        ? ", integers or booleans"
		        : "");
}

void
lk_setting_quote(const char *value, char text[LK_SETTING_TEXT_MAX])
{
	size_t i, len = strlen(value);
	char *p = text;

	*p++ = '"';
	for (i = 0; i < len && i < QUOTE_MAX; i++) {
		*p = value[i];
		if (*p < ' ' || *p > '~')
			*p = '?';
		p++;
	}
	(void)snprintf(p, LK_SETTING_TEXT_MAX - (size_t)(p - text), "%s\"",
	    len > QUOTE_MAX ? "..." : "");
}
