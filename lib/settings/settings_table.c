/* Every key there is, with its default and its limits. */
#include <stddef.h>

#include "settings/setting.h"

#define AT(member) offsetof(struct lk_settings, member)
#define TEXT(...) ((const char *const[]){ __VA_ARGS__, NULL })
#define NONE ((const char *const[]){ NULL })

/* Tables, set as they read best. */
/* clang-format off */

#define PATH_LEN 4095
#define ADDRESS_LEN 262 /* a host name of 255 bytes, brackets or colon, port */
#define USERNAME_LEN 128
#define ACCOUNT_LEN 64
#define PASSWORD_LEN 4096
#define TIMEOUT_MS 60000

static const char *const backends[] = { [LK_BACKEND_SQLITE] = "sqlite",
	[LK_BACKEND_REDIS] = "redis", [LK_BACKEND_SENTINEL] = "sentinel",
	NULL };
static const char *const durabilities[] = { [LK_DURABILITY_ACK] = "ack",
	[LK_DURABILITY_REPLICA] = "replica", NULL };
static const char *const layouts[] = { [LK_LAYOUT_LATCHKEY] = "latchkey",
	[LK_LAYOUT_GOSESSION] = "gosession", NULL };
static const char *const sources[] = { [LK_SOURCE_NONE] = "none",
	[LK_SOURCE_FILE] = "file", [LK_SOURCE_EXEC] = "exec",
	[LK_SOURCE_PASSWD] = "passwd", NULL };
static const char *const same_sites[] = { [LK_SAME_SITE_LAX] = "Lax",
	[LK_SAME_SITE_STRICT] = "Strict", [LK_SAME_SITE_NONE] = "None", NULL };
static const char *const log_sinks[] = { [LK_LOG_TO_STDERR] = "stderr",
	[LK_LOG_TO_SYSLOG] = "syslog", NULL };
static const char *const log_levels[] = { [LK_LOG_ERROR] = "error",
	[LK_LOG_WARN] = "warn", [LK_LOG_INFO] = "info",
	[LK_LOG_DEBUG] = "debug", NULL };
static const char *const log_formats[] = { [LK_LOG_TEXT] = "text",
	[LK_LOG_JSON] = "json", NULL };

const struct lk_setting lk_settings_table[] = {
	/* ---- store ---- */
	{ .key = "store.backend", .offset = AT(store.backend),
	    .type = LK_SETTING_ENUM, .names = backends,
	    .number = LK_BACKEND_SQLITE },
	{ .key = "store.durability", .offset = AT(store.durability),
	    .type = LK_SETTING_ENUM, .names = durabilities,
	    .number = LK_DURABILITY_ACK },
	{ .key = "store.durability_timeout_ms",
	    .offset = AT(store.durability_timeout_ms),
	    .type = LK_SETTING_INT, .min = 1, .max = TIMEOUT_MS,
	    .number = 100 },
	{ .key = "store.sqlite.path", .offset = AT(store.sqlite.path),
	    .type = LK_SETTING_STRING, .min = 1, .max = PATH_LEN,
	    .text = TEXT("/var/lib/latchkey/sessions.db"),
	    .check = lk_setting_is_path },
	{ .key = "store.sqlite.timeout_ms",
	    .offset = AT(store.sqlite.timeout_ms), .type = LK_SETTING_INT,
	    .min = 1, .max = 60000, .number = 500 },
	{ .key = "store.redis.address", .offset = AT(store.redis.address),
	    .type = LK_SETTING_STRING, .min = 1, .max = ADDRESS_LEN,
	    .text = TEXT("127.0.0.1:6379"), .check = lk_setting_is_address },
	{ .key = "store.redis.database", .offset = AT(store.redis.database),
	    .type = LK_SETTING_INT, .min = 0, .max = 1000000, .number = 0 },
	{ .key = "store.redis.username", .offset = AT(store.redis.username),
	    .type = LK_SETTING_STRING, .max = USERNAME_LEN, .text = NONE,
	    .check = lk_setting_is_word },
	{ .key = "store.redis.password", .offset = AT(store.redis.password),
	    .type = LK_SETTING_STRING, .max = PASSWORD_LEN, .text = NONE,
	    .secret = true },
	{ .key = "store.redis.password_file",
	    .offset = AT(store.redis.password_file),
	    .type = LK_SETTING_STRING, .max = PATH_LEN, .text = NONE,
	    .check = lk_setting_is_path },
	{ .key = "store.redis.layout", .offset = AT(store.redis.layout),
	    .type = LK_SETTING_ENUM, .names = layouts,
	    .number = LK_LAYOUT_LATCHKEY },
	{ .key = "store.redis.connect_timeout_ms",
	    .offset = AT(store.redis.connect_timeout_ms),
	    .type = LK_SETTING_INT, .min = 1, .max = TIMEOUT_MS,
	    .number = 200 },
	{ .key = "store.redis.command_timeout_ms",
	    .offset = AT(store.redis.command_timeout_ms),
	    .type = LK_SETTING_INT, .min = 1, .max = TIMEOUT_MS,
	    .number = 500 },
	{ .key = "store.sentinel.addresses",
	    .offset = AT(store.sentinel.addresses),
	    .type = LK_SETTING_STRINGS, .min = 1, .max = 16,
	    .text = TEXT("127.0.0.1:26379"), .check = lk_setting_is_address },
	{ .key = "store.sentinel.master", .offset = AT(store.sentinel.master),
	    .type = LK_SETTING_STRING, .min = 1, .max = 128,
	    .text = TEXT("mymaster"), .check = lk_setting_is_word },
	{ .key = "store.sentinel.username",
	    .offset = AT(store.sentinel.username),
	    .type = LK_SETTING_STRING, .max = USERNAME_LEN, .text = NONE,
	    .check = lk_setting_is_word },
	{ .key = "store.sentinel.password",
	    .offset = AT(store.sentinel.password),
	    .type = LK_SETTING_STRING, .max = PASSWORD_LEN, .text = NONE,
	    .secret = true },
	{ .key = "store.sentinel.password_file",
	    .offset = AT(store.sentinel.password_file),
	    .type = LK_SETTING_STRING, .max = PATH_LEN, .text = NONE,
	    .check = lk_setting_is_path },
	{ .key = "store.sentinel.staleness_ms",
	    .offset = AT(store.sentinel.staleness_ms),
	    .type = LK_SETTING_INT, .min = 500, .max = TIMEOUT_MS,
	    .number = 2000 },
	{ .key = "store.sentinel.require_confirmed",
	    .offset = AT(store.sentinel.require_confirmed),
	    .type = LK_SETTING_BOOL, .number = true },

	/* ---- session ---- */
	{ .key = "session.ttl", .offset = AT(session.ttl),
	    .type = LK_SETTING_INT, .min = LK_TTL_MIN, .max = LK_TTL_MAX,
	    .number = 604800 },
	{ .key = "session.single", .offset = AT(session.single),
	    .type = LK_SETTING_BOOL, .number = false },
	{ .key = "session.max_per_user", .offset = AT(session.max_per_user),
	    .type = LK_SETTING_INT, .min = 0, .max = 100000,
	    .number = 1000 },
	{ .key = "session.token_prefix", .offset = AT(session.token_prefix),
	    .type = LK_SETTING_STRING, .min = 1, .max = 64,
	    .text = TEXT("gosession-token"), .check = lk_setting_is_prefix },
	{ .key = "session.user_prefix", .offset = AT(session.user_prefix),
	    .type = LK_SETTING_STRING, .min = 1, .max = 64,
	    .text = TEXT("gosession-user"), .check = lk_setting_is_prefix },

	/* ---- user ---- */
	{ .key = "user.source", .offset = AT(user.source),
	    .type = LK_SETTING_ENUM, .names = sources,
	    .number = LK_SOURCE_NONE },
	{ .key = "user.ttl", .offset = AT(user.ttl), .type = LK_SETTING_INT,
	    .min = LK_TTL_MIN, .max = LK_TTL_MAX, .number = 3600 },
	{ .key = "user.path", .offset = AT(user.path),
	    .type = LK_SETTING_STRING, .max = PATH_LEN, .text = NONE,
	    .check = lk_setting_is_path },
	{ .key = "user.command", .offset = AT(user.command),
	    .type = LK_SETTING_STRINGS, .max = 32, .text = NONE },
	{ .key = "user.timeout_ms", .offset = AT(user.timeout_ms),
	    .type = LK_SETTING_INT, .min = 1, .max = TIMEOUT_MS,
	    .number = 2000 },

	/* ---- gate ---- */
	{ .key = "gate.listen", .offset = AT(gate.listen),
	    .type = LK_SETTING_STRING, .min = 1, .max = ADDRESS_LEN,
	    .text = TEXT("unix:/run/latchkey/gate.sock"),
	    .check = lk_setting_is_address },
	{ .key = "gate.socket_mode", .offset = AT(gate.socket_mode),
	    .type = LK_SETTING_INT, .min = 0, .max = 0777, .number = 0660,
	    .octal = true },
	{ .key = "gate.socket_group", .offset = AT(gate.socket_group),
	    .type = LK_SETTING_STRING, .max = ACCOUNT_LEN, .text = NONE,
	    .check = lk_setting_is_account },
	{ .key = "gate.allow_remote", .offset = AT(gate.allow_remote),
	    .type = LK_SETTING_BOOL, .number = false },
	{ .key = "gate.allow_uids", .offset = AT(gate.allow_uids),
	    .type = LK_SETTING_STRINGS, .max = 64, .numbers = true,
	    .text = NONE, .check = lk_setting_is_account },
	{ .key = "gate.user", .offset = AT(gate.user),
	    .type = LK_SETTING_STRING, .max = ACCOUNT_LEN, .text = NONE,
	    .check = lk_setting_is_account },
	{ .key = "gate.threads", .offset = AT(gate.threads),
	    .type = LK_SETTING_INT, .min = 1, .max = 256, .number = 4 },
	{ .key = "gate.tokens", .offset = AT(gate.tokens),
	    .type = LK_SETTING_STRINGS, .min = 1,
	    .max = LK_TOKEN_SOURCES_MAX,
	    .text = TEXT("bearer", "cookie", "header:X-Session-Token",
	    "basic"), .check = lk_setting_is_token_source },
	{ .key = "gate.realm", .offset = AT(gate.realm),
	    .type = LK_SETTING_STRING, .min = 1, .max = 128,
	    .text = TEXT("latchkey"), .check = lk_setting_is_quotable },
	{ .key = "gate.login_url", .offset = AT(gate.login_url),
	    .type = LK_SETTING_STRING, .max = 2048, .text = NONE,
	    .check = lk_setting_is_url },
	{ .key = "gate.expose_metrics", .offset = AT(gate.expose_metrics),
	    .type = LK_SETTING_BOOL, .number = false },
	{ .key = "gate.renew_below", .offset = AT(gate.renew_below),
	    .type = LK_SETTING_INT, .min = 0, .max = LK_TTL_MAX, .number = 0 },
	{ .key = "gate.detail", .offset = AT(gate.detail),
	    .type = LK_SETTING_BOOL, .number = false },
	{ .key = "gate.detail_max", .offset = AT(gate.detail_max),
	    .type = LK_SETTING_INT, .min = 2, .max = 6144, .number = 4096 },
	{ .key = "gate.rules", .offset = AT(gate.rules),
	    .type = LK_SETTING_RULES, .min = 1, .max = LK_RULES_MAX },

	/* ---- cookie ---- */
	{ .key = "cookie.name", .offset = AT(cookie.name),
	    .type = LK_SETTING_STRING, .min = 1, .max = 64,
	    .text = TEXT("latchkey"), .check = lk_setting_is_cookie_name },
	{ .key = "cookie.domain", .offset = AT(cookie.domain),
	    .type = LK_SETTING_STRING, .max = 253, .text = NONE,
	    .check = lk_setting_is_cookie_domain },
	{ .key = "cookie.path", .offset = AT(cookie.path),
	    .type = LK_SETTING_STRING, .min = 1, .max = 1024,
	    .text = TEXT("/"), .check = lk_setting_is_cookie_path },
	{ .key = "cookie.same_site", .offset = AT(cookie.same_site),
	    .type = LK_SETTING_ENUM, .names = same_sites,
	    .number = LK_SAME_SITE_LAX },
	{ .key = "cookie.secure", .offset = AT(cookie.secure),
	    .type = LK_SETTING_BOOL, .number = true },
	{ .key = "cookie.persistent", .offset = AT(cookie.persistent),
	    .type = LK_SETTING_BOOL, .number = true },

	/* ---- pam ---- */
	{ .key = "pam.prompt", .offset = AT(pam.prompt),
	    .type = LK_SETTING_STRING, .max = 256,
	    .text = TEXT("Session token: ") },
	{ .key = "pam.user_field", .offset = AT(pam.user_field),
	    .type = LK_SETTING_STRING, .max = 64, .text = NONE },

	/* ---- log ---- */
	{ .key = "log.to", .offset = AT(log.to), .type = LK_SETTING_ENUM,
	    .names = log_sinks, .number = LK_LOG_TO_STDERR },
	{ .key = "log.level", .offset = AT(log.level),
	    .type = LK_SETTING_ENUM, .names = log_levels,
	    .number = LK_LOG_INFO },
	{ .key = "log.format", .offset = AT(log.format),
	    .type = LK_SETTING_ENUM, .names = log_formats,
	    .number = LK_LOG_TEXT },

	{ .key = NULL }
};
