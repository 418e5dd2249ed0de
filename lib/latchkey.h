/*
 * latchkey: one session for every door.
 *
 * A manager issues, checks, refreshes, lists and revokes sessions that live
 * in a store (Redis, or on one machine a file).  The bearer of a session
 * holds a token; everybody else sees only its public session id.
 *
 * Threads: settings are immutable after loading and may be shared by any
 * number of threads.  A manager owns a connection and belongs to one thread
 * at a time; make one for each thread.  Nothing here is safe to call in a
 * signal handler, and no function raises SIGPIPE, reads the environment or
 * changes a signal disposition.
 *
 * Forks: a child that inherits a manager may use and free it, as its parent
 * may: the manager notices and opens a connection of the child's own, with a
 * watch of its own if it was given one.  Another thread must not be inside it
 * at the fork.  With the embedded store none may be inside any manager: such a
 * child gets LK_E_STORE from all that use that store, until it has called
 * exec().  Settings may be used and freed in a child; a watch may not.
 *
 * Strings are NUL-terminated and belong to whoever holds the struct they are
 * in.  Out-parameters come last and are zeroed unless LK_OK is returned; the
 * one exception is ${revoked}, which counts what has surely ended, whatever is
 * returned.
 * Times are seconds since 1970-01-01 00:00 UTC by the store's clock.
 */
#ifndef LATCHKEY_H_
#define LATCHKEY_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define LK_API __attribute__((visibility("default")))
#define LK_MUST_CHECK __attribute__((warn_unused_result))

/* Longest token, user id, client kind and public session id, in bytes. */
#define LK_TOKEN_MAX 4096
#define LK_USER_ID_MAX 256
#define LK_CLIENT_MAX 32
#define LK_SESSION_ID_MAX 363
/* Longest address, program and actor that are recorded of a login or an end;
 * what is longer is cut. */
#define LK_PEER_MAX 63
#define LK_AGENT_MAX 127
#define LK_ACTOR_MAX 63
/* Longest `detail` JSON of a user, in bytes. */
#define LK_DETAIL_MAX 65536
/* Longest error text. */
#define LK_ERROR_MAX 512
/* Shortest and longest life of a session or of cached user info: 1 s and
 * ten years. */
#define LK_TTL_MIN 1
#define LK_TTL_MAX 315360000

/**
 * The outcome of every operation.  0: allowed or done.  Positive: the bearer
 * or the request is refused.  Negative: we could not find out; this must
 * neither open a door nor read as a logout.
 */
enum lk_status {
	LK_OK = 0,
	LK_MALFORMED = 1, /* not a token (or id) of this store's kind */
	LK_UNKNOWN = 2,   /* never issued, or revoked */
	LK_EXPIRED = 3,   /* was live, and its time is over */
	LK_NO_USER = 4,   /* the user source says there is no such user */
	LK_FORBIDDEN = 5, /* known, and not allowed to do this */
	LK_LIMIT = 6,     /* over a limit */
	LK_FAULT = -1,    /* not decided: the initial value of every verdict */
	LK_E_NOMEM = -2,  /* out of memory */
	LK_E_INVAL = -3,  /* an argument is out of its range */
	LK_E_SETTINGS = -4, /* settings, credentials or store mode are wrong */
	LK_E_STORE = -5,    /* the store or the user source cannot answer */
	LK_E_TIMEOUT = -6,  /* no answer within the deadline */
	LK_E_CORRUPT = -7,  /* the store answered something that is not ours */
	LK_E_NOT_DURABLE = -8, /* done, but no replica is known to have it */
	LK_E_WOULD_WAIT = -9   /* not without waiting: ask a manager */
};

/**
 * lk_status_name(status):
 * Return a short static English name of ${status}, such as "expired".
 */
LK_API const char *lk_status_name(enum lk_status status);

/** lk_version(): Return the library's version, such as "0.1.0". */
LK_API const char *lk_version(void);

/** What went wrong, in one line of plain text without secrets. */
struct lk_error {
	char text[LK_ERROR_MAX];
};

/* ---- Tokens ---------------------------------------------------------- */

/** A bearer's secret.  Wipe it with lk_token_wipe() as soon as possible. */
struct lk_token {
	size_t len;                  /* bytes in text, without the NUL */
	char text[LK_TOKEN_MAX + 1]; /* NUL-terminated */
};

/**
 * lk_token_set(token, text, len):
 * Copy the ${len} bytes at ${text}, which need no NUL, into ${token}.
 * LK_MALFORMED, and a zeroed token, if they are empty, longer than
 * LK_TOKEN_MAX, or contain a control character (0x00-0x1f, 0x7f).
 */
LK_API enum lk_status lk_token_set(struct lk_token *token, const char *text,
    size_t len) LK_MUST_CHECK;

/** lk_token_wipe(token): Overwrite all of ${token} with zeros. */
LK_API void lk_token_wipe(struct lk_token *token);

/* ---- Sessions and users ---------------------------------------------- */

/** What a token stands for.  Nothing in it is secret. */
struct lk_session {
	char user[LK_USER_ID_MAX + 1];
	char id[LK_SESSION_ID_MAX + 1]; /* public; enough to revoke it */
	char client[LK_CLIENT_MAX + 1]; /* "" if none was given */
	int64_t issued_at;  /* 0 if the store's layout does not record it */
	int64_t expires_at; /* dead from this second on */
	int64_t ttl;        /* seconds left when looked up, by the store's
	                       clock, rounded up, >= 1 */
	/* A check by token leaves these unknown, "" and 0: they stand beside
	 * what it reads. */
	char peer[LK_PEER_MAX + 1];   /* address of the login, or "" */
	char agent[LK_AGENT_MAX + 1]; /* program of the login, or "" */
	int64_t renewed_at;           /* last extended; 0: never */
	int64_t ends_by; /* what extends it does not outlive this; 0: none */
};

/** Why a session ended before its time. */
enum lk_reason {
	LK_REASON_NONE = 0,     /* it did not, or that is not known */
	LK_REASON_LIMIT,        /* for a newer one, at a limit */
	LK_REASON_REPLACED,     /* for one that was issued in its place */
	LK_REASON_REVOKED,      /* by id, by the command, from a page */
	LK_REASON_LOGOUT,       /* by its bearer */
	LK_REASON_LOGOUT_ALL,   /* by a bearer who ended all of the user's */
	LK_REASON_LOGOUT_OTHERS /* by one who ended all but his own */
};

/**
 * lk_reason_name(reason):
 * Return its short static name, such as "logout-all"; "" for LK_REASON_NONE.
 */
LK_API const char *lk_reason_name(enum lk_reason reason);

/** A user as the user source knows it. */
struct lk_user {
	char id[LK_USER_ID_MAX + 1];
	char *detail; /* compact JSON, never NULL after LK_OK; freed by
	                 lk_user_clear() */
};

/** lk_user_clear(user): Free what ${user} holds and zero it.  NULL is fine. */
LK_API void lk_user_clear(struct lk_user *user);

/* ---- Settings -------------------------------------------------------- */

struct lk_settings;

/**
 * lk_settings_load(path, settings, error):
 * Read and validate the libconfig file ${path}, which must be absolute, a
 * regular file reached without a final symbolic link, owned by root or the
 * effective user and not writable by group or others.  LK_E_SETTINGS with
 * file, line, key and what was expected in ${error} if anything is wrong.
 * The caller frees ${settings} with lk_settings_free(), after every manager
 * that was made of it.
 */
LK_API enum lk_status lk_settings_load(const char *path,
    struct lk_settings **settings, struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_settings_defaults(settings, error):
 * The settings of an empty file.
 */
LK_API enum lk_status lk_settings_defaults(struct lk_settings **settings,
    struct lk_error *error) LK_MUST_CHECK;

/** lk_settings_free(settings): Wipe and free ${settings}.  NULL is fine. */
LK_API void lk_settings_free(struct lk_settings *settings);

/* ---- The log --------------------------------------------------------- */

enum lk_log_level { LK_LOG_ERROR = 0, LK_LOG_WARN, LK_LOG_INFO, LK_LOG_DEBUG };

enum lk_log_format { LK_LOG_TEXT = 0, LK_LOG_JSON };

/** Takes one line, without its newline.  Any thread may call it. */
typedef void lk_log_sink(void *arg, enum lk_log_level level, const char *line);

/**
 * Where the library says what it does: sessions issued and revoked, who is the
 * master, revocations that may be lost.  Lines are logfmt or JSON objects (RFC
 * 8259), printable and at most 4095 bytes, and hold no secret.
 */
struct lk_log {
	enum lk_log_level level; /* what is less urgent is dropped */
	enum lk_log_format format;
	lk_log_sink *sink;
	void *arg; /* handed to the sink */
};

/**
 * lk_log_stderr(arg, level, line):
 * A sink that writes each line to stderr in one write(2), and drops it if that
 * fails.  Whoever uses it ignores SIGPIPE.
 */
LK_API void lk_log_stderr(void *arg, enum lk_log_level level, const char *line);

/**
 * lk_log_syslog(arg, level, line):
 * A sink that calls syslog(3); whoever uses it opened it.
 */
LK_API void lk_log_syslog(void *arg, enum lk_log_level level, const char *line);

/* ---- The watch ------------------------------------------------------- */

struct lk_watch;

/**
 * What a process knows of its store's servers, shared by its managers: behind
 * Sentinel which Redis is the master and when that was last confirmed; whether
 * the store is known not to answer; and the revocations that no replica is
 * known to have.  A manager without one has its own and finds everything out
 * within its operations.  A program that lives on does better to make one,
 * give it to all of its managers and let lk_watch_run() have a thread: then
 * checks find the master confirmed, a failover is noticed at once, and
 * revocations are carried over it.
 *
 * Any number of threads may use a watch.
 */

/**
 * lk_watch_new(settings, log, watch, error):
 * Make a watch for managers of these very ${settings}.  It connects to nothing
 * yet.  ${settings} and ${log}, which may be NULL, must outlive it.
 */
LK_API enum lk_status lk_watch_new(const struct lk_settings *settings,
    const struct lk_log *log, struct lk_watch **watch,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_watch_run(watch):
 * Watch the store's servers until lk_watch_stop(), in one thread of the
 * program's; it takes that to do without a majority of the Sentinels for a
 * while.  Returns at once if the store has none to be watched: only
 * Sentinel, and a Redis with `store.durability = "replica"`, have.
 */
LK_API void lk_watch_run(struct lk_watch *watch);

/**
 * lk_watch_stop(watch):
 * Let lk_watch_run() return, also one that is called later: within a second or
 * so, and what a look-up of a host name may take.
 */
LK_API void lk_watch_stop(struct lk_watch *watch);

/**
 * lk_watch_take(watch, from):
 * Take over the revocations that ${from} has to carry over, if both are of the
 * same store (behind Sentinel: the same name at a Sentinel that both settings
 * list); otherwise they stay.  A new watch of the same Sentinels also learns
 * which Redis is the master, and when it was confirmed.  ${from} may be in use;
 * what it notes later takes another call.
 */
LK_API void lk_watch_take(struct lk_watch *watch, struct lk_watch *from);

/**
 * lk_watch_free(watch):
 * Free ${watch}, after its managers and lk_watch_run(), and log an error if
 * revocations are lost with it.  NULL is fine.
 */
LK_API void lk_watch_free(struct lk_watch *watch);

/* ---- The manager ----------------------------------------------------- */

struct lk_manager;

/**
 * What a manager takes from its surroundings.  A NULL member, or a NULL
 * pointer to all of it, means: no log, the system's clock, libsodium's
 * random source.  The clock is that of a store in a file; sessions in Redis go
 * by the clock there.
 */
struct lk_surroundings {
	const struct lk_log *log;     /* must outlive the manager */
	int64_t (*now_ms)(void *arg); /* milliseconds since 1970 UTC */
	void (*random)(void *arg, void *bytes, size_t len);
	void *arg;              /* handed to now_ms and random */
	struct lk_watch *watch; /* of the same settings; must outlive it.  NULL:
	                           one of its own */
};

/**
 * lk_manager_new(settings, surroundings, manager, error):
 * Make a manager.  It connects at its first operation, and again by itself
 * whenever a connection was lost.  ${settings} must outlive it.
 */
LK_API enum lk_status lk_manager_new(const struct lk_settings *settings,
    const struct lk_surroundings *surroundings, struct lk_manager **manager,
    struct lk_error *error) LK_MUST_CHECK;

/** lk_manager_free(manager): Close and free ${manager}.  NULL is fine. */
LK_API void lk_manager_free(struct lk_manager *manager);

/**
 * lk_manager_error(manager):
 * One line on why the last operation returned a negative status, or refused an
 * access token, which is not for its bearer to know; else "".  Valid until the
 * next call with ${manager}.
 */
LK_API const char *lk_manager_error(const struct lk_manager *manager);

/**
 * lk_ping(manager):
 * LK_OK if the store answers, so that sessions can be checked; that it takes
 * changes as well is not asked.
 */
LK_API enum lk_status lk_ping(struct lk_manager *manager) LK_MUST_CHECK;

/** How good a finding of lk_inspect() is. */
enum lk_finding { LK_FINDING_GOOD = 0, LK_FINDING_DOUBTFUL, LK_FINDING_BAD };

/** Called once for each finding, with one line of text without secrets. */
typedef void lk_finding_fn(void *arg, enum lk_finding finding,
    const char *text);

/**
 * lk_inspect(manager, each, arg):
 * Ask the store what it is and whether it is set up to keep sessions safely,
 * and call ${each} for every finding.  Negative if it does not answer.
 */
LK_API enum lk_status lk_inspect(struct lk_manager *manager,
    lk_finding_fn *each, void *arg) LK_MUST_CHECK;

/**
 * lk_keeps_tokens(manager):
 * Whether the store keeps tokens in clear, so that lists and exports can have
 * them: layout `gosession` does.
 */
LK_API bool lk_keeps_tokens(const struct lk_manager *manager);

/* ---- Sessions: the operations ---------------------------------------- */

/** How to issue a session.  All zero means: the settings' defaults. */
struct lk_issue_options {
	int64_t ttl;        /* seconds, or 0 for `session.ttl` */
	const char *client; /* kind, 1-32 of [A-Za-z0-9._-], or NULL */
	const char *peer;   /* address of the login, or NULL */
	const char *agent;  /* program of the login, or NULL */
	const char *actor;  /* who issues it, a word for the history, or NULL */
	const struct lk_token *replaces; /* the session before it, which ends,
	                                    or NULL */
	int64_t max_life; /* seconds after which it ends, whoever extends it, if
	                     the settings do not end it before; 0: as these */
};

/** How to revoke a session.  All zero is fine. */
struct lk_revoke_options {
	const char *reason; /* for the log, or NULL; the bearer is told
	                       "logout", "logout-all" or "logout-others" as
	                       they are, and "revoked" for anything else */
	const char *peer;   /* whose wish it was: the address, or NULL */
	const char *actor;  /* and a word for the history, or NULL */
	const char *user;   /* lk_revoke_id() ends a session of this user only,
	                       and says 0 of any other; NULL: anybody's */
};

/**
 * lk_issue(manager, user, options, token, session):
 * Start a session for ${user} (1-256 bytes, no control characters; in layout
 * `gosession` also no underscore).  In single mode, or over
 * `session.max_per_user`, the user's oldest sessions end in the same atomic
 * step (of more than 10,000 in Redis those that end first, and many of them in
 * steps before it).  A negative status other than LK_E_INVAL leaves it open
 * whether the store did it: nobody holds the token, so it harms nobody.  One of
 * them is LK_E_NOT_DURABLE, if `store.durability` asks for a replica and none
 * has the session in time.  ${options} and ${session} may be NULL.
 */
LK_API enum lk_status lk_issue(struct lk_manager *manager, const char *user,
    const struct lk_issue_options *options, struct lk_token *token,
    struct lk_session *session) LK_MUST_CHECK;

/* Of so many sessions at most lk_issue_ended() tells the ids. */
#define LK_ISSUE_ENDED_MAX 1000

/** Called with the public id of a session that ended. */
typedef void lk_gone_fn(void *arg, const char *id);

/**
 * lk_issue_ended(manager, each, arg):
 * Call ${each}, unless it is NULL, for the sessions that the last operation has
 * ended if that was an lk_issue(): what it replaced, and what was over a limit,
 * as far as they lived.  Returns how many these were.  Of very many, that took
 * steps before it, some are not told of.
 */
LK_API uint64_t lk_issue_ended(const struct lk_manager *manager,
    lk_gone_fn *each, void *arg);

/**
 * lk_check(manager, token, session):
 * Look up ${token}.  If its session is live, copy it to ${session} and return
 * LK_OK; LK_MALFORMED, LK_UNKNOWN or LK_EXPIRED if the bearer is refused;
 * negative if the store could not answer.
 */
LK_API enum lk_status lk_check(struct lk_manager *manager,
    const struct lk_token *token, struct lk_session *session) LK_MUST_CHECK;

/**
 * lk_check_id(manager, id, session):
 * As lk_check(), by public session id: whether a session that somebody was
 * let in with earlier still lives.  An id is no secret, and so never proves
 * who its bearer is.
 */
LK_API enum lk_status lk_check_id(struct lk_manager *manager, const char *id,
    struct lk_session *session) LK_MUST_CHECK;

/**
 * lk_check_user(manager, token, session, user):
 * As lk_check(), and hand out the user's info from the cache in the store,
 * or else from the user source, then cached for `user.ttl`.  LK_NO_USER if
 * the source knows no such user.  Without a source and with nothing cached
 * the detail is "null".  A process whose ids differ, as one that is set-uid,
 * asks no program (LK_E_STORE) and caches nothing.  What cannot be cached, as
 * by who may not write to the store, is handed out all the same.  At most half
 * of the managers that share settings ask their source at once, and none for a
 * moment after it hung; LK_E_STORE for the others.  The caller calls
 * lk_user_clear() on ${user}.
 */
LK_API enum lk_status lk_check_user(struct lk_manager *manager,
    const struct lk_token *token, struct lk_session *session,
    struct lk_user *user) LK_MUST_CHECK;

/**
 * lk_check_user_ttl(manager, token, ttl, session, user):
 * The same, and what the source says is cached for ${ttl} seconds this time (0:
 * `user.ttl`).  Less than 0: as lk_check(), and ${user} is empty.
 */
LK_API enum lk_status lk_check_user_ttl(struct lk_manager *manager,
    const struct lk_token *token, int64_t ttl, struct lk_session *session,
    struct lk_user *user) LK_MUST_CHECK;

/**
 * lk_check_id_user(manager, id, session, user):
 * The same as lk_check_user() by public session id; see lk_check_id().
 */
LK_API enum lk_status lk_check_id_user(struct lk_manager *manager,
    const char *id, struct lk_session *session,
    struct lk_user *user) LK_MUST_CHECK;

/**
 * lk_refresh(manager, token, ttl, session):
 * Let a live session end ${ttl} seconds from now (0: `session.ttl`).  It
 * never creates or revives one: LK_UNKNOWN or LK_EXPIRED otherwise.
 * LK_E_NOT_DURABLE as in lk_issue(): it ends later, unless a failover undoes
 * that.
 */
LK_API enum lk_status lk_refresh(struct lk_manager *manager,
    const struct lk_token *token, int64_t ttl,
    struct lk_session *session) LK_MUST_CHECK;

/**
 * lk_revoke(manager, token, options, revoked):
 * End the session of ${token}; every later check refuses it.  ${revoked} is
 * the number of sessions that were live and are not any more: 1, or 0 if
 * there was none (which is LK_OK: it is as asked).  After a retry on a broken
 * connection it may be 0 although this call ended the session.  LK_MALFORMED
 * if it is no token.
 *
 * Behind Sentinel, or if `store.durability` asks for it, LK_OK means that a
 * replica has it too.  LK_E_NOT_DURABLE means that the session has ended, that
 * ${revoked} counts it, and that a failover could undo it; the manager's watch
 * carries it over to the next master, if it is run.
 */
LK_API enum lk_status lk_revoke(struct lk_manager *manager,
    const struct lk_token *token, const struct lk_revoke_options *options,
    uint64_t *revoked) LK_MUST_CHECK;

/**
 * lk_revoke_id(manager, id, options, revoked):
 * As lk_revoke(), by public session id.
 */
LK_API enum lk_status lk_revoke_id(struct lk_manager *manager, const char *id,
    const struct lk_revoke_options *options, uint64_t *revoked) LK_MUST_CHECK;

/**
 * lk_revoke_all(manager, user, options, revoked):
 * End all sessions of ${user}: up to 10,000 in one atomic step, more in
 * several, between which others are served.  LK_OK only when all have ended
 * that were issued before the call; in several steps what is issued meanwhile
 * is spared, but for layout `gosession`, which does not record when that was.
 * LK_E_TIMEOUT if there was no time for all: ${revoked} have ended, and doing
 * it again goes on.  The embedded store on a full disk takes small steps.
 */
LK_API enum lk_status lk_revoke_all(struct lk_manager *manager,
    const char *user, const struct lk_revoke_options *options,
    uint64_t *revoked) LK_MUST_CHECK;

/**
 * lk_revoke_others(manager, token, options, revoked):
 * End all sessions of the user of ${token} but that one, as lk_revoke_all()
 * does.  If ${token} has no live session nothing ends, and it says why, as
 * lk_check() does.
 */
LK_API enum lk_status lk_revoke_others(struct lk_manager *manager,
    const struct lk_token *token, const struct lk_revoke_options *options,
    uint64_t *revoked) LK_MUST_CHECK;

/**
 * lk_ended(manager):
 * Why the session ended whose token the last lk_check(), lk_check_user(),
 * lk_refresh() or lk_revoke_others() refused, if the store knows
 * (`session.reasons`).  Only who holds the token is to be told.
 */
LK_API enum lk_reason lk_ended(const struct lk_manager *manager);

/**
 * Called once for each session of a list.  ${token} is NULL unless the store
 * keeps tokens in clear (layout `gosession`).  It must not call the manager.
 */
typedef void lk_session_fn(void *arg, const struct lk_session *session,
    const struct lk_token *token);

/**
 * lk_list(manager, user, each, arg):
 * Call ${each} for every live session of ${user}, in order of expiry.  If it
 * fails, some may have been handed out already.  Long lists are read page by
 * page: what is refreshed meanwhile may come twice or not at all.  Each page
 * has the usual deadline, and all of them ten seconds.
 */
LK_API enum lk_status lk_list(struct lk_manager *manager, const char *user,
    lk_session_fn *each, void *arg) LK_MUST_CHECK;

/* ---- History ----------------------------------------------------------- */

/** What happened to a user's sessions. */
enum lk_event { LK_EVENT_ISSUED = 0, LK_EVENT_ENDED };

/** An entry of a user's history.  Nothing in it is secret. */
struct lk_entry {
	int64_t time; /* of the last, if it stands for several */
	enum lk_event event;
	enum lk_reason reason; /* of LK_EVENT_ENDED */
	char user[LK_USER_ID_MAX + 1];
	char id[LK_SESSION_ID_MAX + 1]; /* of the last; "": of several at once
	                                 */
	char client[LK_CLIENT_MAX + 1]; /* "" if none, or several */
	char peer[LK_PEER_MAX + 1];
	char agent[LK_AGENT_MAX + 1];
	char actor[LK_ACTOR_MAX + 1];
	uint64_t count; /* how many it stands for */
};

/** Called once for each entry.  It must not call the manager. */
typedef void lk_entry_fn(void *arg, const struct lk_entry *entry);

/**
 * lk_history(manager, user, each, arg):
 * Call ${each} for what is recorded of ${user}'s sessions, the newest first:
 * `session.history.keep` entries of each sort (event, reason and client kind)
 * for `session.history.ttl` seconds.  Logins, and ends, alike within an hour
 * are one entry with a count.
 */
LK_API enum lk_status lk_history(struct lk_manager *manager, const char *user,
    lk_entry_fn *each, void *arg) LK_MUST_CHECK;

/**
 * lk_history_erase(manager, user, erased):
 * Forget ${user}'s history; ${erased} is the number of entries there were.
 */
LK_API enum lk_status lk_history_erase(struct lk_manager *manager,
    const char *user, uint64_t *erased) LK_MUST_CHECK;

/** What is known of a session, by its public id. */
struct lk_why {
	bool live;
	struct lk_session session; /* if it is */
	bool issued, ended;        /* whether these are known */
	struct lk_entry issue;
	struct lk_entry end; /* its user may be "", its peer and the rest too */
};

/**
 * lk_why(manager, id, why):
 * Find out what became of a session; LK_UNKNOWN if nothing is known.  It is for
 * who administers sessions, not for who presents an id.
 */
LK_API enum lk_status lk_why(struct lk_manager *manager, const char *id,
    struct lk_why *why) LK_MUST_CHECK;

/* ---- Access tokens ---------------------------------------------------- */

/** How to issue an access token.  All zero means: the settings' defaults. */
struct lk_access_options {
	const char *audience; /* one of `jwt.audience`; NULL: the first */
	int64_t ttl;          /* seconds, at most `jwt.ttl`, or 0 for that */
};

/**
 * lk_access_issue(manager, token, options, access, session):
 * Sign an access token for the live session of ${token}: a JWT (RFC 9068) that
 * whoever has the public key can verify, as lk_access_verify() does, and that
 * lk_check() and its likes take as well.  It ends no later than the session.
 * ${session}, unless NULL, says what it says.  An access token is no ${token}:
 * it obtains none, and refreshes and revokes nothing.  LK_E_SETTINGS without a
 * key to sign with (`jwt.sign`), which is read anew each time.
 */
LK_API enum lk_status lk_access_issue(struct lk_manager *manager,
    const struct lk_token *token, const struct lk_access_options *options,
    struct lk_token *access, struct lk_session *session) LK_MUST_CHECK;

/**
 * lk_access_verify(settings, access, now, session, why):
 * Verify ${access} without a store, by the public keys of `jwt.verify`, at the
 * time ${now} (0: the system's); what it says of its session is in ${session},
 * whose expires_at is the token's own end, and lies in the past within
 * `jwt.leeway`.  Whether the session was revoked since is not known here.
 * LK_MALFORMED, LK_UNKNOWN (not signed by us, or not for here) or LK_EXPIRED;
 * ${why}, unless NULL, says more, which is not for its bearer to know.
 */
LK_API enum lk_status lk_access_verify(const struct lk_settings *settings,
    const struct lk_token *access, int64_t now, struct lk_session *session,
    struct lk_error *why) LK_MUST_CHECK;

/* ---- Checks without waiting ------------------------------------------- */

/* Most checks that are under way at once on one connection; in a Redis Cluster
 * there is one to each master. */
#define LK_CHECKS_MAX 1024

struct lk_checks;

/**
 * Checks for a loop of poll(2) or epoll(7): many are under way at once on one
 * connection, each with the deadline of an operation, and no function waits.
 * What cannot be found out so is LK_E_WOULD_WAIT: then a manager of the same
 * settings must be asked, by a thread that may wait.  It is said
 *
 * - by stores that have no such checks, as the embedded one;
 * - behind Sentinel, while the master is not confirmed lately enough;
 * - in a Redis Cluster, while nobody has said who has which slot, and for a
 *   user of whose keys only some have been moved with their slot yet;
 * - while the store is known not to answer, starts, or is full of clients;
 * - as long as no manager of the same watch has connected to a server that is
 *   given by a host name, since only looking it up says where that is;
 * - for a new connection to a server that must be told of revocations first;
 * - where the detail of a user is asked for that is not cached;
 * - for an access token that is checked offline, or whose session is one of
 *   layout `gosession`;
 * - with LK_CHECKS_MAX checks under way.
 *
 * The watch must therefore be one that managers use as well, or
 * lk_watch_run().  A connection belongs to one thread, as a manager does, and a
 * child process has another: what its parent had under way is LK_E_WOULD_WAIT
 * there.
 *
 * A loop does this, over and over:
 *
 *     lk_check_start() for each check that it has, then lk_checks_go_on(), so
 *         that they go out in one write;
 *     lk_check_finish() until it is false;
 *     lk_checks_wants(), and wait for that and for all else;
 *     lk_checks_go_on() with the events of its descriptor, 0 if there are none.
 */

/** What to wait for. */
struct lk_checks_wants {
	int fd;              /* -1: for nothing but time */
	short events;        /* POLLIN, POLLOUT; epoll's have the same values */
	unsigned int serial; /* another one: it is another descriptor, maybe of
	                        the same number, to be registered anew */
	int64_t until_ns;    /* but no longer, by CLOCK_MONOTONIC; 0: not at
	                        all; INT64_MAX: for ever */
};

/** What came of a check. */
struct lk_checked {
	void *whose;               /* as it was started with */
	enum lk_status status;     /* as that of lk_check(), or
	                              LK_E_WOULD_WAIT */
	enum lk_reason ended;      /* as lk_ended() says */
	struct lk_session session; /* zeroed unless LK_OK */
	struct lk_user user;       /* empty unless LK_OK, and if no detail was
	                              asked for; freed by lk_user_clear() */
};

/**
 * lk_checks_new(settings, surroundings, checks, error):
 * Have no check under way yet; connects when one is started.  ${settings} and
 * the watch of ${surroundings}, which may be NULL, must outlive it; but for the
 * clock, by which access tokens are judged, nothing else of these is used.
 */
LK_API enum lk_status lk_checks_new(const struct lk_settings *settings,
    const struct lk_surroundings *surroundings, struct lk_checks **checks,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_checks_free(checks):
 * Close and free ${checks}, and forget what is under way.  NULL is fine.
 */
LK_API void lk_checks_free(struct lk_checks *checks);

/**
 * lk_checks_error(checks):
 * One line on what failed last with a negative status other than
 * LK_E_WOULD_WAIT, or "".  Valid until the next call with ${checks}.
 */
LK_API const char *lk_checks_error(const struct lk_checks *checks);

/**
 * lk_check_start(checks, token, detail, whose):
 * Start to check ${token}, which is not needed any longer then, as lk_check()
 * does, or with ${detail} as lk_check_user() does.  LK_OK: it is under way, and
 * lk_check_finish() will tell what comes of it, with ${whose}.  Any other
 * status is the outcome, such as LK_MALFORMED and LK_E_WOULD_WAIT.
 */
LK_API enum lk_status lk_check_start(struct lk_checks *checks,
    const struct lk_token *token, bool detail, void *whose) LK_MUST_CHECK;

/** lk_checks_wants(checks, wants): What to wait for before going on. */
LK_API void lk_checks_wants(struct lk_checks *checks,
    struct lk_checks_wants *wants);

/**
 * lk_checks_go_on(checks, events):
 * Do what can be done now: send, receive, connect, see whose time is over.
 * ${events} are what poll(2) or epoll(7) said of the descriptor.
 */
LK_API void lk_checks_go_on(struct lk_checks *checks, short events);

/**
 * lk_check_finish(checks, checked):
 * Take the next check that is finished; false if there is none.
 */
LK_API bool lk_check_finish(struct lk_checks *checks,
    struct lk_checked *checked);

/**
 * lk_check_give_up(checks, whose):
 * Forget one check of ${whose}, since nobody waits for it any more: it will not
 * be finished.  False if there is none.
 */
LK_API bool lk_check_give_up(struct lk_checks *checks, const void *whose);

/* ---- User info ------------------------------------------------------- */

/**
 * A user source of the application's own.  It sets ${detail} to JSON text of
 * at most LK_DETAIL_MAX bytes from malloc(), which the library frees, and
 * returns LK_OK; LK_NO_USER if there is no such user; negative if it cannot
 * tell.
 */
typedef enum lk_status lk_user_loader(void *arg, const char *id, char **detail);

/**
 * lk_set_user_loader(manager, loader, arg):
 * Use ${loader} instead of the settings' user source; NULL goes back to it.
 */
LK_API void lk_set_user_loader(struct lk_manager *manager,
    lk_user_loader *loader, void *arg);

/**
 * lk_user_load(manager, id, ttl, user):
 * Ask the user source for ${id}, cache the answer for ${ttl} seconds (0:
 * `user.ttl`) and hand it out; see lk_check_user() for who does not cache.
 * LK_NO_USER drops what was cached.  LK_E_SETTINGS if there is no source.
 */
LK_API enum lk_status lk_user_load(struct lk_manager *manager, const char *id,
    int64_t ttl, struct lk_user *user) LK_MUST_CHECK;

/**
 * lk_user_refresh(manager, ids, count, ttl, each):
 * lk_user_load() for every one of ${count} ids; ${each}, unless NULL, is an
 * array of ${count} statuses.  LK_OK if all were loaded, else the first
 * status that was not LK_OK; the remaining ids are tried all the same.
 */
LK_API enum lk_status lk_user_refresh(struct lk_manager *manager,
    const char *const *ids, size_t count, int64_t ttl,
    enum lk_status *each) LK_MUST_CHECK;

/**
 * lk_user_get(manager, id, user):
 * The cached info of ${id}, or LK_NO_USER if nothing is cached.
 */
LK_API enum lk_status lk_user_get(struct lk_manager *manager, const char *id,
    struct lk_user *user) LK_MUST_CHECK;

/**
 * lk_user_put(manager, id, detail, ttl):
 * Cache ${detail}, JSON text, for user ${id} for ${ttl} seconds (0:
 * `user.ttl`).
 */
LK_API enum lk_status lk_user_put(struct lk_manager *manager, const char *id,
    const char *detail, int64_t ttl) LK_MUST_CHECK;

/**
 * lk_user_delete(manager, id, deleted):
 * Forget the cached info of ${id}; ${deleted} says whether there was any.
 */
LK_API enum lk_status lk_user_delete(struct lk_manager *manager, const char *id,
    bool *deleted) LK_MUST_CHECK;

/* ---- The store as a whole --------------------------------------------- */

/** What a store holds. */
struct lk_store_stats {
	const char *store; /* "sqlite", "redis/latchkey", "redis/gosession" */
	uint64_t sessions; /* that are live */
	uint64_t users;    /* whose info is cached */
	uint64_t bytes;    /* of memory or disk that all of it takes, about */
};

/**
 * lk_store_stats(manager, stats):
 * Count what the store holds.  It takes time in proportion; what changes
 * meanwhile may be counted or not.
 */
LK_API enum lk_status lk_store_stats(struct lk_manager *manager,
    struct lk_store_stats *stats) LK_MUST_CHECK;

/**
 * lk_store_sweep(manager, swept):
 * Clear all that has expired away now, which otherwise happens little by
 * little; ${swept} counts sessions and users.  A bearer of what is gone is
 * told "unknown" from then on, no longer "expired".
 */
LK_API enum lk_status lk_store_sweep(struct lk_manager *manager,
    uint64_t *swept) LK_MUST_CHECK;

/* ---- Moving sessions from store to store ------------------------------- */

/* Longest line of an export, in bytes, with its end. */
#define LK_EXPORT_LINE_MAX 73728

struct lk_export;

/** How far an export is. */
struct lk_export_state {
	uint64_t sessions; /* written so far */
	uint64_t users;
	uint64_t unreadable; /* left out: not what latchkey writes */
	double part;         /* about how much is done, 0 to 1 */
	bool done;
};

/** Called with whole lines.  It must not call the manager. */
typedef void lk_lines_fn(void *arg, const char *lines, size_t len);

/**
 * lk_export_new(manager, tokens, exporting):
 * Start to write every live session and every cached user as lines of JSON:
 * a header, then one line for each, then an end.  They hold digests, and with
 * ${tokens} also the tokens that the store keeps in clear (layout
 * `gosession`): whoever reads those can use them.  ${manager} must outlive
 * it.  The caller frees ${exporting} with lk_export_free().
 */
LK_API enum lk_status lk_export_new(struct lk_manager *manager, bool tokens,
    struct lk_export **exporting) LK_MUST_CHECK;

/**
 * lk_export_some(exporting, each, arg, state):
 * Write some more, until ${state} says done.  Memory is bounded whatever the
 * store holds.  It is no snapshot: what is issued, refreshed or revoked
 * meanwhile may be in it or not, and the same session may come twice.
 */
LK_API enum lk_status lk_export_some(struct lk_export *exporting,
    lk_lines_fn *each, void *arg, struct lk_export_state *state) LK_MUST_CHECK;

/** lk_export_free(exporting): Wipe and free.  NULL is fine. */
LK_API void lk_export_free(struct lk_export *exporting);

struct lk_import;

/** What became of the lines so far. */
struct lk_import_state {
	uint64_t lines;
	uint64_t sessions; /* taken over, or made to end later */
	uint64_t users;
	uint64_t known;      /* were there, and stay as they were */
	uint64_t expired;    /* left out: over */
	uint64_t no_token;   /* left out: layout `gosession` needs the token */
	uint64_t unfit_user; /* left out: a user id that cannot stand there */
	uint64_t conflict;   /* left out: something else is in its place */
	bool done;           /* the end line was read */
};

/**
 * lk_import_new(manager, importing):
 * Start to take over what lk_export_some() wrote.  Sessions keep their
 * tokens, times and client kinds; limits do not apply until the next login.
 * What is there already stays as it is, but ends at the later of both times;
 * a user's info is replaced by one that is cached for longer.  So the same
 * lines may be taken over again.  A session that was revoked here after the
 * export lives again.  ${manager} must outlive it.  The caller frees
 * ${importing} with lk_import_free().
 */
LK_API enum lk_status lk_import_new(struct lk_manager *manager,
    struct lk_import **importing) LK_MUST_CHECK;

/**
 * lk_import_line(importing, line, len):
 * Take one line, without its end.  LK_E_INVAL if it is wrong, which
 * lk_manager_error() explains with the line's number.  Lines are put into the
 * store many at once, some later than they are taken.
 */
LK_API enum lk_status lk_import_line(struct lk_import *importing,
    const char *line, size_t len) LK_MUST_CHECK;

/**
 * lk_import_flush(importing):
 * Put everything that was taken into the store, also after a wrong line.
 */
LK_API enum lk_status lk_import_flush(
    struct lk_import *importing) LK_MUST_CHECK;

/**
 * lk_import_state(importing, state):
 * What has surely become of the lines that were taken.
 */
LK_API void lk_import_state(const struct lk_import *importing,
    struct lk_import_state *state);

/** lk_import_free(importing): Wipe and free.  NULL is fine. */
LK_API void lk_import_free(struct lk_import *importing);

#ifdef __cplusplus
}
#endif

#endif /* !LATCHKEY_H_ */
