/*
 * A real store to hold a manager to its promises: settings written to a file
 * of its own, a manager made of them, and, unless the store is a file beside
 * it, a hand of our own in the Redis that the test run started and named in
 * LK_TEST_REDIS_SOCKET and LK_TEST_REDIS_PORT (for TLS: at LK_TEST_REDIS_TLS,
 * certified by LK_TEST_REDIS_CA), or in the master of a cluster of our own.  In
 * a Redis Cluster we have no hand.
 * With LK_TEST_REDIS_PASSWORD the managers are Redis users named like their
 * layout, and there is neither TLS nor a cluster; our own hand never is.
 * Where the agent is asked, the settings are his, and so is the Redis.
 */
#ifndef WORLD_H_
#define WORLD_H_

#include <hiredis/hiredis.h>

#include "latchkey.h"
#include "support/temp_dir.h"

struct cluster;
struct maria;
struct nodes;

struct world {
	const char *layout;         /* "sqlite" is a store without one */
	struct temp_dir folder;     /* private; a new one for each test */
	const char *dir;            /* its path */
	struct cluster *cluster;    /* behind Sentinel, else NULL */
	struct nodes *nodes;        /* of a Redis Cluster, else NULL */
	bool tls;
	struct maria *maria;        /* its database, else NULL */
	bool by_agent;              /* latchkeyd has the store, and is asked */
	pid_t agent;                /* it, while it runs, else 0 */
	struct lk_settings *settings;
	struct lk_manager *m;
	/* For checks that do not wait, and whoever finds the master for them.
	 */
	struct lk_watch *watch;
	struct lk_manager *finder;
	struct lk_checks *checks;
	redisContext *redis;        /* for looking and meddling */
};

/* Assert that ${expression} has the status ${expected}, and name both. */
#define assert_status(expected, expression)                                \
	world_assert_status(                                               \
	    (expected), (expression), #expression, __FILE__, __LINE__)
void world_assert_status(enum lk_status expected, enum lk_status status,
    const char *what, const char *file, int line);

/*
 * Assert that a session which has just been given ${whole} seconds has about
 * that left.  A second more is possible: the time of Redis is known to be later
 * by what its answer took on its way.
 */
#define world_assert_ttl(ttl, whole) \
	assert_in_range((ttl), (whole) - 10, (whole) + 1)

/* Group fixtures: a world for one store, or one layout of it. */
int world_open_sqlite(void **state);
int world_open_latchkey(void **state);
int world_open_gosession(void **state);
int world_open_sentinel(void **state);
int world_open_tls(void **state);
int world_open_agent(void **state);
int world_open_cluster(void **state);
int world_close(void **state);

/* Which stores and layouts to run tests over; WORLD_REDIS: a single Redis, in
 * any layout; WORLD_REDISES: that and a cluster; WORLD_LEAN: all but a cluster,
 * whose six nodes are slow at very much; WORLD_SESSIONS: all, and the agent,
 * who keeps what is about a store as a whole to himself. */
enum world_which {
	WORLD_ALL,
	WORLD_REDIS,
	WORLD_REDISES,
	WORLD_LEAN,
	WORLD_SESSIONS
};

/*
 * Run the tests over each of these, a group each; returns how many failed.
 */
int world_run(enum world_which which, const struct CMUnitTest *tests,
    size_t count);

/* Test fixture: an empty database and a manager with default settings. */
int world_reset(void **state);

/*
 * Use other settings: ${session} is what stands in the group `session`,
 * ${redis} what stands in `store.redis` besides address and layout (nothing
 * to the embedded store), ${rest} whole groups.  Each may be "".
 */
void world_settle(struct world *world, const char *session,
    const char *redis, const char *rest);

/* As world_settle(), but at ${address} instead of the test run's Redis, or with
 * that node of a cluster to begin with. */
void world_settle_at(struct world *world, const char *address,
    const char *session, const char *redis, const char *rest);

/* Another manager of the same settings. */
struct lk_manager *world_manager(const struct world *world);

/* Where the embedded store is. */
const char *world_store_path(const struct world *world);

/* Let it be at ${path}, and make a manager of its own for it. */
struct lk_manager *world_manager_at(struct world *world, const char *path);

/* Issue 100 sessions, and close everything: the file holds all there is. */
void world_fill_store(struct world *world);

/* A command to the Redis; the caller frees the reply, which is no error. */
redisReply *world_redis(struct world *world, const char *format, ...);
/* The same for an integer or a string; world_text() is freed by the caller */
long long world_int(struct world *world, const char *format, ...);
char *world_text(struct world *world, const char *format, ...);

/* Issue a session with ${ttl}, or fail. */
void world_issue(struct world *world, const char *user, int64_t ttl,
    struct lk_token *token, struct lk_session *session);

/* Make a token of a string. */
void world_token(struct lk_token *token, const char *text);

/*
 * Check by the world's manager, and, unless the store is embedded, by checks
 * that do not wait as well: both must say the same.
 */
enum lk_status world_check(struct world *world, const struct lk_token *token,
    struct lk_session *session);

/* The latter alone, of checks by which nothing else is under way; ${ended},
 * unless NULL, is why the session did. */
enum lk_status world_check_by(struct lk_checks *checks,
    const struct lk_token *token, struct lk_session *session,
    enum lk_reason *ended);

/* How many live sessions a user has, by lk_list(). */
size_t world_count(struct world *world, const char *user);

/* Check until the session is no longer live, and return why it is not. */
enum lk_status world_wait_for_end(struct world *world,
    const struct lk_token *token);

bool world_is_gosession(const struct world *world);
bool world_is_sqlite(const struct world *world);
/* Whether we have a hand in its Redis, and whether that is a single one. */
bool world_is_redis(const struct world *world);
bool world_is_single(const struct world *world);

#endif /* !WORLD_H_ */
