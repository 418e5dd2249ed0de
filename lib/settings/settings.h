/*
 * The face of this folder: the settings, one struct, filled from one table and
 * then const.  table.c says which keys there are, check.c what they must be;
 * scan.c and read.c read a file, print.c writes one.  What a store asks of its
 * own settings stands with the store; lib/load.h is the whole of it.
 */
#ifndef LK_SETTINGS_H_
#define LK_SETTINGS_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/log.h"
#include "base/string_list.h"
#include "base/tls.h"
#include "base/turns.h"
#include "latchkey.h"
#include "session/caller.h"
#include "session/cookie.h"
#include "session/kinds.h"
#include "session/rule.h"
#include "session/token_source.h"

/* Where settings are if nobody says otherwise. */
#ifndef LK_SYSCONFDIR
#define LK_SYSCONFDIR "/etc"
#endif
#define LK_SETTINGS_PATH LK_SYSCONFDIR "/latchkey/latchkey.conf"
/* And those of the agent, which others need not read. */
#define LK_AGENT_SETTINGS_PATH LK_SYSCONFDIR "/latchkey/latchkeyd.conf"
/* Largest settings file, in bytes. */
#define LK_SETTINGS_FILE_MAX 262144
/* Most keys there are. */
#define LK_SETTINGS_MAX 128
/* Most Sentinels. */
#define LK_SENTINELS_MAX 16
/* Most nodes of a Redis Cluster to begin with. */
#define LK_CLUSTER_SEEDS_MAX 16

enum lk_backend_name {
	LK_BACKEND_SQLITE = 0,
	LK_BACKEND_REDIS,
	LK_BACKEND_SENTINEL,
	LK_BACKEND_MARIADB,
	LK_BACKEND_AGENT,
	LK_BACKEND_CLUSTER
};
enum lk_durability { LK_DURABILITY_ACK = 0, LK_DURABILITY_REPLICA };
enum lk_layout { LK_LAYOUT_LATCHKEY = 0, LK_LAYOUT_GOSESSION };
enum lk_source {
	LK_SOURCE_NONE = 0,
	LK_SOURCE_FILE,
	LK_SOURCE_EXEC,
	LK_SOURCE_PASSWD
};
enum lk_jwt_check_by { LK_JWT_BY_STORE = 0, LK_JWT_OFFLINE };
/** What becomes of a client kind that no row has. */
enum lk_unlisted { LK_UNLISTED_ALLOW = 0, LK_UNLISTED_REFUSE };
/** Who checks passwords for the endpoint `login`. */
enum lk_login_check { LK_LOGIN_OFF = 0, LK_LOGIN_SASLAUTHD, LK_LOGIN_EXEC };
/** Which names are a user's, where who checks them does not say it. */
enum lk_login_names { LK_NAMES_PLAIN = 0, LK_NAMES_FOLD, LK_NAMES_EXACT };
enum lk_log_to { LK_LOG_TO_STDERR = 0, LK_LOG_TO_SYSLOG };

struct lk_jwt_keys;

struct lk_redis_settings {
	char *address; /* "host:port", "[ipv6]:port" or "unix:/path" */
	int64_t database;
	char *username;
	char *password; /* password_file's content is copied here */
	char *password_file;
	int layout; /* enum lk_layout */
	int64_t connect_timeout_ms;
	int64_t command_timeout_ms; /* the one deadline of an operation */
	struct lk_tls_settings tls;
};

struct lk_login_settings {
	int check;    /* enum lk_login_check */
	char *socket; /* of saslauthd */
	char *service;
	char *realm;
	int names; /* enum lk_login_names */
	struct lk_strings command;
	int64_t timeout_ms; /* for all of a check */
	int64_t per_minute; /* failures, of one user from one address */
	char *client;       /* kind of the sessions */
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
			struct lk_tls_settings tls;
		} sentinel;
		struct {
			char *address; /* "host:port", ... or "unix:/path" */
			char *database;
			char *username;
			char *password;
			char *password_file;
			int64_t connect_timeout_ms;
			int64_t command_timeout_ms;
			struct lk_tls_settings tls; /* its name is NULL */
		} mariadb;
		struct {
			char *address;
			char *user; /* whose it must be, unless root's */
			int64_t timeout_ms;
		} agent;
		struct {
			struct lk_strings addresses;
		} cluster;
	} store;
	struct {
		int64_t ttl;
		int64_t max_life; /* seconds; 0: none */
		bool single;
		int64_t max_per_user; /* 0: no limit; in layout gosession unless
		                         set */
		int on_limit;         /* enum lk_on_limit */
		int unlisted;         /* enum lk_unlisted */
		struct lk_kinds_rows clients;
		int64_t reasons; /* seconds; 0: none are kept */
		struct {
			int64_t keep; /* entries of each sort; 0: none */
			int64_t ttl;  /* seconds */
		} history;
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
		struct {
			char *listen; /* "": nowhere */
			struct lk_strings allow_uids;
		} http;
		struct lk_strings tokens;
		struct lk_token_sources sources; /* the same, read */
		char *realm;
		char *login_url;
		bool expose_metrics; /* whether the endpoints `health`
		                        and `metrics` answer */
		int64_t renew_below; /* seconds; 0: never */
		bool detail;
		int64_t detail_max; /* bytes */
		struct lk_told_list headers;
		struct lk_login_settings login;
		struct {
			bool show;   /* whether the endpoint `page` answers */
			char *title; /* of all pages; "": their own */
			char *style; /* file of CSS behind ours; "": none */
		} page;
		struct {
			int64_t max; /* who may ask the endpoint `watch` at
			                once; 0: there is none */
		} watch;
		struct lk_rules rules;
	} gate;
	struct {
		char *listen;
		int64_t socket_mode;
		char *user; /* whom to become if started as root */
		int64_t threads;
		struct lk_callers callers;
		struct lk_strings next_hosts; /* where a login may go on */
	} agent;
	struct lk_cookie cookie;
	struct {
		char *issuer; /* "": there are no access tokens */
		struct lk_strings audience;
		int64_t ttl;
		int64_t leeway; /* seconds */
		struct lk_strings verify;
		char *sign;
		int check; /* enum lk_jwt_check_by */
		struct lk_strings claims;
		struct lk_jwt_keys *keys; /* of `verify`; NULL: no issuer */
	} jwt;
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
	int lines[LK_SETTINGS_MAX]; /* where the file sets each; 0: it does not
	                             */
	bool empty;                 /* that file sets nothing */
	struct lk_turns *turns; /* of the managers that share these settings */
	char hint[128];         /* what was set to no effect, in words; or "" */
};

/**
 * lk_settings_new(settings, error):
 * Every setting at its default.
 */
enum lk_status lk_settings_new(struct lk_settings **settings,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_settings_read(path, settings, error):
 * What the file says, key by key, and else the defaults.  LK_E_SETTINGS with
 * file, line, key and what was expected.
 */
enum lk_status lk_settings_read(const char *path, struct lk_settings **settings,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_settings_check(settings, error):
 * Check what spans keys of more than one group, or of one that is no store's:
 * a source needs its path, a cookie must not contradict itself.
 */
enum lk_status lk_settings_check(const struct lk_settings *settings,
    struct lk_error *error) LK_MUST_CHECK;

/** What holds for sessions of one client kind. */
struct lk_policy {
	const struct lk_kinds *row; /* NULL: the kind is in none */
	int64_t ttl;                /* without another wish */
	int64_t max_life;           /* seconds; 0: none */
	int64_t renew_below;        /* seconds; 0: never */
	bool row_refuses;           /* a login at the limit of the row */
};

/**
 * lk_settings_policy(settings, client):
 * What holds for ${client}, "" if the kind is not known: what its row sets,
 * else what is set for all.  A ttl is never longer than the life.
 */
struct lk_policy lk_settings_policy(const struct lk_settings *settings,
    const char *client);

/**
 * lk_settings_print(settings, out):
 * Append the effective settings to ${out} as a libconfig file that says the
 * same, every secret that is set replaced by "********".
 */
void lk_settings_print(const struct lk_settings *settings, struct lk_buf *out);

/** lk_settings_print_rule(rule, out): one rule of them, on one line. */
void lk_settings_print_rule(const struct lk_rule *rule, struct lk_buf *out);

/** lk_settings_hold_secret(settings): whether a secret stands in their file. */
bool lk_settings_hold_secret(const struct lk_settings *settings);

/**
 * lk_settings_put(settings, key, text):
 * Put a copy of ${text} in place of the string ${key}.  LK_E_NOMEM leaves it as
 * it was.
 */
enum lk_status lk_settings_put(struct lk_settings *settings, const char *key,
    const char *text) LK_MUST_CHECK;

/* ---- For a store's checks of its own ----------------------------------- */

/** lk_settings_line(settings, key): where the file sets it; 0: it does not. */
int lk_settings_line(const struct lk_settings *settings, const char *key);

/**
 * lk_settings_refuse(settings, key, because, error, format, ...):
 * Say "FILE:LINE: KEY: " and the rest, and return LK_E_SETTINGS.  A key that
 * is not set is missed where ${because} was.
 */
enum lk_status lk_settings_refuse(const struct lk_settings *settings,
    const char *key, const char *because, struct lk_error *error,
    const char *format, ...)
    __attribute__((format(printf, 5, 6))) LK_MUST_CHECK;

/**
 * lk_settings_read_secret(settings, key, error):
 * Read the file that KEY_file names, if one is, as the value of the secret
 * ${key}, which must not be set beside it.
 */
enum lk_status lk_settings_read_secret(struct lk_settings *settings,
    const char *key, struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_settings_check_tls(settings, tls, group, error):
 * Whether the ${tls} of ${group} is switched on if anything of it is set, and
 * a certificate has its key.
 */
enum lk_status lk_settings_check_tls(const struct lk_settings *settings,
    const struct lk_tls_settings *tls, const char *group,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_settings_check_no_path(settings, address, tls, key, error):
 * Whether ${address}, of ${key}, has a name that ${tls} can verify, if that is
 * switched on.
 */
enum lk_status lk_settings_check_no_path(const struct lk_settings *settings,
    const char *address, const struct lk_tls_settings *tls, const char *key,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_settings_hint_unused(settings, key):
 * Hint, unless something else is hinted at, that ${key} has no effect with this
 * backend, if it is not at its default, which is one text or a list of one.
 */
void lk_settings_hint_unused(struct lk_settings *settings, const char *key);

#endif /* !LK_SETTINGS_H_ */
