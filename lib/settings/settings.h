/*
 * The settings: one struct, filled from one table, validated once, then
 * const.  settings_table.c says which keys exist, setting_check.c what single
 * values look like; settings_scan.c and settings_file.c read a file;
 * settings_validate.c checks what spans keys; settings.c gives the defaults
 * and prints.
 */
#ifndef LK_SETTINGS_H_
#define LK_SETTINGS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/string_list.h"
#include "base/turns.h"
#include "latchkey.h"
#include "session/rule.h"
#include "session/token_source.h"

/* Largest settings file, in bytes. */
/* Where settings are if nobody says otherwise. */
#define LK_SETTINGS_PATH "/etc/latchkey/latchkey.conf"
#define LK_SETTINGS_FILE_MAX 262144

enum lk_backend_name {
	LK_BACKEND_SQLITE = 0,
	LK_BACKEND_REDIS,
	LK_BACKEND_SENTINEL
};
enum lk_durability { LK_DURABILITY_ACK = 0, LK_DURABILITY_REPLICA };
enum lk_layout { LK_LAYOUT_LATCHKEY = 0, LK_LAYOUT_GOSESSION };
enum lk_source {
	LK_SOURCE_NONE = 0,
	LK_SOURCE_FILE,
	LK_SOURCE_EXEC,
	LK_SOURCE_PASSWD
};
enum lk_same_site {
	LK_SAME_SITE_LAX = 0,
	LK_SAME_SITE_STRICT,
	LK_SAME_SITE_NONE
};
enum lk_log_to { LK_LOG_TO_STDERR = 0, LK_LOG_TO_SYSLOG };

struct lk_redis_settings {
	char *address; /* "host:port", "[ipv6]:port" or "unix:/path" */
	int64_t database;
	char *username;
	char *password; /* password_file's content is copied here */
	char *password_file;
	int layout; /* enum lk_layout */
	int64_t connect_timeout_ms;
	int64_t command_timeout_ms; /* the one deadline of an operation */
};

struct lk_settings {
	struct {
		int backend;    /* enum lk_backend_name */
		int durability; /* enum lk_durability */
		int64_t durability_timeout_ms;
		struct {
			char *path;
			int64_t timeout_ms;
		} sqlite;
		struct lk_redis_settings redis;
		struct {
			struct lk_strings addresses;
			char *master;
			char *username;
			char *password;
			char *password_file;
			int64_t staleness_ms;
			bool require_confirmed;
		} sentinel;
	} store;
	struct {
		int64_t ttl;
		bool single;
		int64_t max_per_user; /* 0: no limit; in layout gosession unless
		                         set */
		char *token_prefix;
		char *user_prefix;
	} session;
	struct {
		int source; /* enum lk_source */
		int64_t ttl;
		char *path;
		struct lk_strings command;
		int64_t timeout_ms;
	} user;
	struct {
		char *listen;
		int64_t socket_mode;
		char *socket_group; /* of the socket file, by name or number */
		bool allow_remote;  /* `listen` may be no loopback address */
		struct lk_strings allow_uids; /* names or numbers of users */
		char *user; /* whom to become if started as root */
		int64_t threads;
		struct lk_strings tokens;
		struct lk_token_sources sources; /* the same, read */
		char *realm;
		char *login_url;
		bool expose_metrics; /* whether the endpoints `health`
		                        and `metrics` answer */
		int64_t renew_below; /* seconds; 0: never */
		bool detail;
		int64_t detail_max; /* bytes */
		struct lk_rules rules;
	} gate;
	struct {
		char *name;
		char *domain; /* "": the host that set it */
		char *path;
		int same_site; /* enum lk_same_site */
		bool secure;
		bool persistent; /* it lives as long as its session */
	} cookie;
	struct {
		char *prompt;
		char *user_field;
	} pam;
	struct {
		int to;     /* enum lk_log_to */
		int level;  /* enum lk_log_level */
		int format; /* enum lk_log_format */
	} log;
	char *path; /* the file they came from, or NULL for the defaults */
	bool empty; /* that file sets nothing */
	struct lk_turns *turns; /* of the managers that share these settings */
	char hint[128];         /* what was set to no effect, in words; or "" */
};

/**
 * lk_settings_print(settings, out):
 * Append the effective settings to ${out} as a libconfig file that says the
 * same, every secret that is set replaced by "********".
 */
void lk_settings_print(const struct lk_settings *settings, struct lk_buf *out);

/* ---- The table, for the reader, the printer and the manual's test ------ */

enum lk_setting_type {
	LK_SETTING_BOOL,    /* bool */
	LK_SETTING_INT,     /* int64_t within min..max */
	LK_SETTING_STRING,  /* char * of at most max bytes */
	LK_SETTING_ENUM,    /* int, an index of names */
	LK_SETTING_STRINGS, /* struct lk_strings of at most max members */
	LK_SETTING_RULES    /* struct lk_rules; the default is one rule */
};

/**
 * Say in ${want} what was expected and return false if ${value} is not fit.
 */
typedef bool lk_setting_check(const char *value, const char **want);

struct lk_setting {
	const char *key; /* "store.redis.database" */
	size_t offset;   /* in struct lk_settings */
	enum lk_setting_type type;
	bool secret;      /* masked when printed */
	bool octal;       /* a file mode: read and printed as octal */
	bool numbers;     /* LK_SETTING_STRINGS: a member may be a number,
	                     taken as its decimal text */
	int64_t min, max; /* of LK_SETTING_INT; bytes of a string, members
	                     of a list */
	int64_t number;   /* default of BOOL, INT, ENUM */
	const char *const *text;  /* default: one string, or NULL-ended list */
	const char *const *names; /* LK_SETTING_ENUM: NULL-ended */
	lk_setting_check *check;  /* of the string unless it is empty, or of
	                             each member */
};

/** The keys, ended by one whose key is NULL. */
extern const struct lk_setting lk_settings_table[];

/**
 * lk_settings_load_default(settings, error):
 * Load LK_SETTINGS_PATH, or the defaults if there surely is no such file.  A
 * link that leads nowhere, or a folder that cannot be looked at, is an error:
 * who ends sessions by it must not end those of another store.
 */
enum lk_status lk_settings_load_default(struct lk_settings **settings,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_settings_new(settings, error):
 * Every setting at its default.
 */
enum lk_status lk_settings_new(struct lk_settings **settings,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * Where in a file a key was set, for lk_settings_validate()'s messages: a
 * line number, or 0 if it was not.
 */
typedef int lk_settings_line(const void *arg, const char *key);

/**
 * lk_settings_validate(settings, line, arg, error):
 * Check what spans keys (a source needs its path, a password stands in one
 * place only) and read password files.  Every `_` in the session prefixes
 * becomes `-`, as the Go library has it.  LK_E_SETTINGS with file, line, key
 * and what was expected.  ${line} may be NULL.
 */
enum lk_status lk_settings_validate(struct lk_settings *settings,
    lk_settings_line *line, const void *arg,
    struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_SETTINGS_H_ */
