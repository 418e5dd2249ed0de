/*
 * A Redis behind Sentinel: found, confirmed, lost and found again.  One
 * cluster serves all of these tests; what one stops, it starts again.
 */
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "cluster.h"
#include "impostor.h"
#include "settings/settings.h"
#include "support/temp_dir.h"

/*
 * Long enough for a slow machine under a sanitizer; no test waits for it.  The
 * others are for operations that fail, which take all of it: nothing may depend
 * on their time being enough.
 */
#define PATIENT "connect_timeout_ms = 2000; command_timeout_ms = 10000;"
#define STEADY "connect_timeout_ms = 1000; command_timeout_ms = 2000;"
#define QUICK "connect_timeout_ms = 200; command_timeout_ms = 500;"
#define PATIENCE_S 120

struct stage {
	struct cluster cluster;
	struct temp_dir dir;
	struct lk_settings *settings;
	struct lk_manager *m;

	/* If there is a watch. */
	struct lk_watch *watch;
	pthread_t thread;
	struct lk_log log;
	atomic_int carried; /* times that revocations reached a replica */
	atomic_int changes; /* of the master */
	atomic_int lost;    /* times that revocations were given up */
	atomic_int vouched; /* times that a replica's word began to do */
};

static void
sink(void *arg, enum lk_log_level level, const char *line)
{
	struct stage *stage = arg;

	(void)level;
	stage->carried += strstr(line, "have reached a replica") != NULL;
	stage->changes += strstr(line, "another redis is the master") != NULL;
	stage->lost += strstr(line, "not remembered any more") != NULL;
	stage->vouched += strstr(line, "can confirm the master") != NULL;
}

/* ---- Settings ---------------------------------------------------------- */

static void
unsettle(struct stage *stage)
{
	lk_manager_free(stage->m);
	stage->m = NULL;
	if (stage->watch != NULL) {
		lk_watch_stop(stage->watch);
		assert_int_equal(pthread_join(stage->thread, NULL), 0);
		lk_watch_free(stage->watch);
		stage->watch = NULL;
	}
	lk_settings_free(stage->settings);
	stage->settings = NULL;
}

static struct lk_manager *
manager_of(struct stage *stage)
{
	const struct lk_surroundings around = { .log = &stage->log,
		.watch = stage->watch };
	struct lk_error error = { "" };
	struct lk_manager *m;

	if (lk_manager_new(stage->settings, &around, &m, &error) != LK_OK)
		fail_msg("%s", error.text);
	return (m);
}

static void
load(struct stage *stage, const char *text, size_t len,
    struct lk_settings **settings)
{
	struct lk_error error = { "" };

	if (lk_settings_load(temp_write(&stage->dir, "conf", text, len, 0600),
	        settings, &error) != LK_OK)
		fail_msg("%s", error.text);
}

/*
 * Use other settings: ${store}, ${redis} and ${sentinel} stand in the groups
 * of these names, the last one whole.
 */
static void
settle_at(struct stage *stage, const char *store, const char *redis,
    const char *sentinel)
{
	char text[1024];
	int len = snprintf(text, sizeof(text),
	    "store = { backend = \"sentinel\"; %s\n"
	    "  redis = { %s };\n  sentinel = { %s }; };\n",
	    store, redis, sentinel);

	unsettle(stage);
	load(stage, text, (size_t)len, &stage->settings);
	stage->log = (struct lk_log){ .level = LK_LOG_DEBUG,
		.sink = sink,
		.arg = stage };
	stage->m = manager_of(stage);
}

static void
settle(struct stage *stage, const char *store, const char *redis,
    const char *sentinel)
{
	char all_redis[256], all_sentinel[512];

	(void)snprintf(all_redis, sizeof(all_redis), "password = \"%s\"; %s",
	    CLUSTER_REDIS_PASSWORD, redis);
	(void)snprintf(all_sentinel, sizeof(all_sentinel),
	    "%s password = \"%s\"; %s", cluster_addresses(&stage->cluster),
	    CLUSTER_PASSWORD, sentinel);
	settle_at(stage, store, all_redis, all_sentinel);
}

static void *
watch_main(void *arg)
{
	lk_watch_run(arg);
	return (NULL);
}

/* Watch the servers of these settings, with a manager that uses the watch. */
static void
watch(struct stage *stage)
{
	struct lk_error error = { "" };

	lk_manager_free(stage->m);
	stage->m = NULL;
	stage->carried = stage->changes = stage->lost = stage->vouched = 0;
	if (lk_watch_new(stage->settings, &stage->log, &stage->watch, &error) !=
	    LK_OK)
		fail_msg("%s", error.text);
	assert_int_equal(
	    pthread_create(&stage->thread, NULL, watch_main, stage->watch), 0);
	stage->m = manager_of(stage);
}

static int
stage_open(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));

	assert_non_null(stage);
	temp_dir_make(&stage->dir);
	cluster_start(&stage->cluster);
	*state = stage;
	return (0);
}

static int
stage_close(void **state)
{
	struct stage *stage = *state;

	unsettle(stage);
	temp_dir_remove(&stage->dir);
	cluster_stop(&stage->cluster);
	free(stage);
	return (0);
}

/* Before each test: all is well. */
static int
stage_reset(void **state)
{
	struct stage *stage = *state;

	unsettle(stage);
	cluster_settle(&stage->cluster);
	settle(stage, "", PATIENT, "");
	return (0);
}

/* Whatever a test has stopped goes on, even if it has failed. */
static int
stage_resume(void **state)
{
	struct stage *stage = *state;

	unsettle(stage);
	cluster_resume(&stage->cluster);
	return (0);
}

/* ---- Helpers ----------------------------------------------------------- */

static void
kill_sentinels(struct stage *stage)
{
	size_t i;

	for (i = 0; i < CLUSTER_SENTINELS; i++)
		server_kill(&stage->cluster.sentinels[i]);
}

static void
give_up(const struct stage *stage, enum lk_status status, time_t end)
{
	if (time(NULL) > end)
		fail_msg("still \"%s\": %s", lk_status_name(status),
		    lk_manager_error(stage->m));
	(void)poll(NULL, 0, 5);
}

/* Issue a session; the replica may take its time. */
static void
issue(struct stage *stage, const char *user, struct lk_token *token,
    struct lk_session *session)
{
	const time_t end = time(NULL) + PATIENCE_S;
	enum lk_status status = LK_FAULT;

	while ((status = lk_issue(stage->m, user, NULL, token, session)) !=
	    LK_OK)
		give_up(stage, status, end);
}

/* Check until there is an answer, and return it. */
static enum lk_status
answer(struct stage *stage, const struct lk_token *token)
{
	const time_t end = time(NULL) + PATIENCE_S;
	struct lk_session session;
	enum lk_status status = LK_FAULT;

	while ((status = lk_check(stage->m, token, &session)) < 0)
		give_up(stage, status, end);
	return (status);
}

static void
assert_error_has(const struct stage *stage, const char *part)
{
	const char *error = lk_manager_error(stage->m);

	if (strstr(error, part) == NULL)
		fail_msg("expected \"%s\" in \"%s\"", part, error);
}

/* Check until it is ${wanted}, or for too long. */
static void
await_check(struct stage *stage, const struct lk_token *token,
    enum lk_status wanted)
{
	const time_t end = time(NULL) + PATIENCE_S;
	struct lk_session session;
	enum lk_status status = LK_FAULT;

	while ((status = lk_check(stage->m, token, &session)) != wanted)
		give_up(stage, status, end);
}

/* Check until it cannot be known, for a reason with ${part} in it. */
static void
await_denial(struct stage *stage, const struct lk_token *token,
    const char *part)
{
	const time_t end = time(NULL) + PATIENCE_S;
	struct lk_session session;
	enum lk_status status = LK_FAULT;

	while ((status = lk_check(stage->m, token, &session)) >= 0 ||
	    strstr(lk_manager_error(stage->m), part) == NULL)
		give_up(stage, status, end);
}

static void
await_at_least(atomic_int *count, int wanted)
{
	const time_t end = time(NULL) + PATIENCE_S;

	while (*count < wanted) {
		if (time(NULL) > end)
			fail_msg("waited %d s", PATIENCE_S);
		(void)poll(NULL, 0, 5);
	}
}

/* ---- All is well ------------------------------------------------------- */

static void
test_sentinel_operations_reach_the_master(void **state)
{
	struct stage *stage = *state;
	struct lk_token token, other;
	struct lk_session session;
	struct lk_store_stats stats;
	struct lk_user user;
	uint64_t revoked;

	assert_status(LK_OK, lk_ping(stage->m));
	issue(stage, "alice", &token, NULL);
	issue(stage, "alice", &other, NULL);
	assert_status(LK_OK, lk_check(stage->m, &token, &session));
	assert_string_equal(session.user, "alice");
	assert_status(LK_OK, lk_refresh(stage->m, &token, 60, &session));
	assert_status(LK_OK, lk_user_put(stage->m, "alice", "{}", 60));
	assert_status(
	    LK_OK, lk_check_user(stage->m, &token, &session, &user));
	assert_string_equal(user.detail, "{}");
	lk_user_clear(&user);
	assert_status(LK_OK, lk_store_stats(stage->m, &stats));
	assert_int_equal(stats.sessions, 2);
	assert_status(LK_OK, lk_revoke(stage->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_UNKNOWN, lk_check(stage->m, &token, &session));
	assert_status(
	    LK_OK, lk_revoke_all(stage->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_UNKNOWN, lk_check(stage->m, &other, &session));
}

static void
test_sentinel_database_and_layout_are_as_set(void **state)
{
	struct stage *stage = *state;
	struct lk_token token;
	struct lk_session session;
	redisContext *redis;
	redisReply *reply;
	uint64_t revoked;

	settle(stage, "", PATIENT "database = 3; layout = \"gosession\";", "");
	issue(stage, "alice", &token, NULL);
	assert_status(LK_OK, lk_check(stage->m, &token, &session));
	redis = server_connect(cluster_master(&stage->cluster));
	assert_non_null(redis);
	freeReplyObject(redisCommand(redis, "SELECT 3"));
	reply = redisCommand(redis, "EXISTS gosession-token_%s", token.text);
	assert_non_null(reply);
	assert_int_equal(reply->integer, 1);
	freeReplyObject(reply);
	redisFree(redis);
	assert_status(LK_OK, lk_revoke(stage->m, &token, NULL, &revoked));
}

static void
test_sentinel_durable_changes_are_on_the_replica(void **state)
{
	struct stage *stage = *state;
	struct lk_token token;
	struct lk_session session;
	redisContext *redis;
	redisReply *reply;
	uint64_t revoked;
	int keys, i;

	settle(stage, "durability = \"replica\";", PATIENT "database = 5;",
	    "");
	redis = server_connect(cluster_replica(&stage->cluster));
	assert_non_null(redis);
	freeReplyObject(redisCommand(redis, "SELECT 5"));
	for (i = 0; i < 20; i++) {
		issue(stage, "alice", &token, NULL);
		reply = redisCommand(redis, "KEYS *}:[is]*");
		keys = (int)reply->elements;
		freeReplyObject(reply);
		assert_int_equal(keys, 2);
		assert_status(
		    LK_OK, lk_refresh(stage->m, &token, 90, &session));
		assert_status(
		    LK_OK, lk_revoke(stage->m, &token, NULL, &revoked));
		reply = redisCommand(redis, "KEYS *}:[is]*");
		keys = (int)reply->elements;
		freeReplyObject(reply);
		assert_int_equal(keys, 0);
	}
	redisFree(redis);
}

/* ---- What is wrong is said --------------------------------------------- */

static void
test_sentinel_wrong_settings_are_named(void **state)
{
	struct stage *stage = *state;
	const char *addresses = cluster_addresses(&stage->cluster);
	char sentinel[512];

	settle(stage, "", PATIENT, "master = \"other\";");
	assert_status(LK_E_SETTINGS, lk_ping(stage->m));
	assert_error_has(stage, "store.sentinel.master");

	(void)snprintf(sentinel, sizeof(sentinel), "%s password = \"no\";",
	    addresses);
	settle_at(stage, "", PATIENT, sentinel);
	assert_status(LK_E_SETTINGS, lk_ping(stage->m));
	assert_error_has(stage, "store.sentinel.password");

	settle_at(stage, "", PATIENT, addresses);
	assert_status(LK_E_SETTINGS, lk_ping(stage->m));
	assert_error_has(stage, "store.sentinel.password");

	(void)snprintf(sentinel, sizeof(sentinel), "%s password = \"%s\";",
	    addresses, CLUSTER_PASSWORD);
	settle_at(stage, "", PATIENT "password = \"no\";", sentinel);
	assert_status(LK_E_SETTINGS, lk_ping(stage->m));
	assert_error_has(stage, "store.redis.password");

	(void)snprintf(sentinel, sizeof(sentinel),
	    "addresses = [ \"127.0.0.1:%d\" ];",
	    stage->cluster.redis[0].port);
	settle_at(stage, "", PATIENT, sentinel);
	assert_status(LK_E_SETTINGS, lk_ping(stage->m));

	settle_at(stage, "", QUICK, "addresses = [ \"127.0.0.1:1\" ];");
	assert_true(lk_ping(stage->m) < 0);
	assert_error_has(stage, "no sentinel of 1 can be reached");
}

/* Let three false Sentinels name addresses, or say anything else. */
static void
settle_liars(struct stage *stage, struct impostor liars[3],
    enum impostor_way way, const char *const said[3], const char *redis)
{
	char sentinel[256];
	size_t i;

	for (i = 0; i < 3; i++)
		impostor_start(&liars[i], way, said[i], strlen(said[i]));
	(void)snprintf(sentinel, sizeof(sentinel),
	    "addresses = [ \"127.0.0.1:%d\", \"127.0.0.1:%d\", "
	    "\"127.0.0.1:%d\" ];",
	    liars[0].port, liars[1].port, liars[2].port);
	settle_at(stage, "", redis, sentinel);
}

static void
stop_liars(struct stage *stage, struct impostor liars[3])
{
	size_t i;

	unsettle(stage);
	for (i = 0; i < 3; i++)
		impostor_dismiss(&liars[i]);
	for (i = 0; i < 3; i++)
		impostor_stop(&liars[i]);
}

static void
test_sentinel_naming_a_replica_or_several_is_no_master(void **state)
{
	struct stage *stage = *state;
	char one[256], two[256], redis[256];
	const char *const same[3] = { one, one, one };
	const char *const mixed[3] = { one, two,
		"*-1\r\n-ERR No such master with that name\r\n"
		"-ERR No such master with that name\r\n" };
	struct impostor liars[3];
	struct lk_token token;

	impostor_naming(cluster_replica(&stage->cluster)->port, one);
	impostor_naming(cluster_master(&stage->cluster)->port, two);
	(void)snprintf(redis, sizeof(redis), "%s password = \"%s\";", QUICK,
	    CLUSTER_REDIS_PASSWORD);
	settle_liars(stage, liars, IMPOSTOR_ALWAYS, same, redis);
	world_token(&token, "alice_0123456789abcdef0123456789abcdef");
	await_denial(stage, &token, "replica");
	assert_true(lk_issue(stage->m, "alice", NULL, &token, NULL) < 0);
	stop_liars(stage, liars);

	settle_liars(stage, liars, IMPOSTOR_ALWAYS, mixed, redis);
	assert_true(lk_ping(stage->m) < 0);
	stop_liars(stage, liars);
}

static void
test_sentinel_hostile_answers_end_by_the_deadline(void **state)
{
	static char line[70000];
	static const char *const answers[] = { "+OK\r\n", "$5\r\nalice\r\n",
		"*0\r\n", "*-1\r\n", ":1\r\n", "-ERR no\r\n", "-\r\n",
		"*2\r\n$1\r\na\r\n$1\r\nb\r\n",
		"*2\r\n$9\r\n127.0.0.1\r\n$6\r\n123456\r\n",
		"*2\r\n$9\r\n127.0.0.1\r\n$1\r\n0\r\n",
		"*2\r\n$9\r\n127.0.0.1\r\n:6379\r\n",
		"*2\r\n$9\r\nunix:/tmp\r\n$4\r\n6379\r\n",
		"*2\r\n$0\r\n\r\n$4\r\n6379\r\n", "*2\r\n*-1\r\n*-1\r\n",
		"*3\r\n$1\r\na\r\n$1\r\n1\r\n$1\r\n1\r\n",
		"$536870912\r\n", "*2147483648\r\n", "HTTP/1.1 200 OK\r\n\r\n",
		"\xff\xfe",
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n" };
	struct stage *stage = *state;
	const char *said[3];
	struct impostor liars[3];
	struct lk_session session;
	struct lk_token token;
	time_t began;
	size_t i, way;

	memset(line, 'a', sizeof(line) - 1);
	line[0] = '+';
	world_token(&token, "alice_0123456789abcdef0123456789abcdef");
	for (i = 0; i <= COUNT(answers); i++) {
		for (way = IMPOSTOR_ALWAYS; way <= IMPOSTOR_FLOODING; way++) {
			said[0] = said[1] = said[2] =
			    i < COUNT(answers)
			    ? answers[i]
			    : line;
			settle_liars(stage, liars, (enum impostor_way)way, said,
			    "connect_timeout_ms = 20; "
			    "command_timeout_ms = 40;");
			began = time(NULL);
			assert_true(
			    lk_check(stage->m, &token, &session) < 0);
			/* Without a deadline some would go on for ever. */
			assert_true(time(NULL) - began < PATIENCE_S);
			assert_string_equal(session.user, "");
			stop_liars(stage, liars);
		}
	}
}

static void
test_sentinel_that_hangs_does_not_hold_up_the_others(void **state)
{
	struct stage *stage = *state;
	struct lk_token token;
	struct lk_session session;

	server_freeze(&stage->cluster.sentinels[0]);
	issue(stage, "alice", &token, NULL);
	assert_status(LK_OK, lk_check(stage->m, &token, &session));
	server_thaw(&stage->cluster.sentinels[0]);
}

/* ---- Confirmation ------------------------------------------------------ */

static void
test_sentinels_all_gone_good_replica_goes_on(void **state)
{
	struct stage *stage = *state;
	struct lk_token token;
	struct lk_session session;
	uint64_t revoked;
	size_t i;

	settle(stage, "durability_timeout_ms = 7000;", PATIENT, "");
	watch(stage);
	issue(stage, "alice", &token, NULL);
	await_at_least(&stage->vouched, 1);
	kill_sentinels(stage);
	/* After the bound it takes the replica to confirm a check. */
	for (i = 0; i < 2; i++) {
		(void)poll(NULL, 0, 2001);
		await_check(stage, &token, LK_OK);
	}
	assert_status(LK_OK, lk_revoke(stage->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_UNKNOWN, answer(stage, &token));
	/* Who comes now finds none. */
	settle(stage, "", QUICK, "");
	assert_true(lk_check(stage->m, &token, &session) < 0);
	assert_error_has(stage, "no sentinel of 3");
	cluster_resume(&stage->cluster);
}

static void
tell(const struct server *server, const char *format, int number)
{
	redisContext *redis = server_connect(server);

	assert_non_null(redis);
	freeReplyObject(redisCommand(redis, format, number));
	redisFree(redis);
}

/* Wait until it follows its master again. */
static void
await_link(const struct server *replica)
{
	const time_t end = time(NULL) + PATIENCE_S;
	redisContext *redis = server_connect(replica);
	redisReply *reply;
	bool up = false;

	assert_non_null(redis);
	while (!up) {
		assert_true(time(NULL) <= end);
		reply = redisCommand(redis, "INFO replication");
		up = reply != NULL && reply->type == REDIS_REPLY_STRING &&
		    strstr(reply->str, "master_link_status:up") != NULL;
		freeReplyObject(reply);
		(void)poll(NULL, 0, 5);
	}
	redisFree(redis);
}

/* The replica may have been another master's meanwhile. */
static void
test_sentinels_gone_replica_that_was_elsewhere_is_no_witness(void **state)
{
	struct stage *stage = *state;
	struct server *master = cluster_master(&stage->cluster);
	struct server *replica = cluster_replica(&stage->cluster);
	struct lk_token token;

	/* Time enough that nobody misses the replica while it is away. */
	settle(stage, "", QUICK, "staleness_ms = 6000;");
	watch(stage);
	issue(stage, "alice", &token, NULL);
	await_at_least(&stage->vouched, 1);
	kill_sentinels(stage);
	assert_status(LK_OK, answer(stage, &token));
	tell(replica, "REPLICAOF NO ONE", 0);
	tell(replica, "SET elsewhere %d", 1);
	tell(replica, "REPLICAOF 127.0.0.1 %d", master->port);
	await_link(replica);
	await_denial(stage, &token, "0 of 3 sentinels can be reached");
	cluster_resume(&stage->cluster);
	await_check(stage, &token, LK_OK);
}

static void
test_sentinels_and_replica_gone_is_denied_unless_allowed(void **state)
{
	struct stage *stage = *state;
	struct server *replica = cluster_replica(&stage->cluster);
	struct lk_token token, second;
	struct lk_session session;
	struct lk_settings *before;
	struct lk_manager *free_manager;

	settle(stage, "", PATIENT, "staleness_ms = 500; "
	    "require_confirmed = false;");
	issue(stage, "alice", &token, NULL);
	/* A second one, of other settings, beside it. */
	before = stage->settings;
	free_manager = stage->m;
	stage->settings = NULL;
	stage->m = NULL;
	settle(stage, "", QUICK, "staleness_ms = 500;");
	await_check(stage, &token, LK_OK);
	kill_sentinels(stage);
	server_kill(replica);
	await_denial(stage, &token,
	    "cannot confirm which Redis is the master: 0 of 3 sentinels");
	assert_true(lk_issue(stage->m, "alice", NULL, &second, NULL) < 0);
	assert_status(LK_OK, lk_check(free_manager, &token, &session));
	lk_manager_free(free_manager);
	lk_settings_free(before);

	cluster_resume(&stage->cluster);
	await_check(stage, &token, LK_OK);
}

/* ---- Durability -------------------------------------------------------- */

/* Revoke until a replica has it, or for too long. */
static void
await_durable(struct stage *stage, const struct lk_token *token)
{
	const time_t end = time(NULL) + PATIENCE_S;
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	while ((status = lk_revoke(stage->m, token, NULL, &revoked)) != LK_OK)
		give_up(stage, status, end);
}

static void
hang_replica(struct stage *stage, const char *redis)
{
	struct server *replica = cluster_replica(&stage->cluster);
	struct lk_token token, other, second, kept, dropped;
	struct lk_session session;
	struct lk_manager *m;
	uint64_t revoked;

	settle(stage, "durability = \"replica\"; durability_timeout_ms = 50;",
	    redis, "");
	watch(stage);
	issue(stage, "alice", &token, NULL);
	issue(stage, "alice", &other, &session);
	issue(stage, "carol", &kept, NULL);
	issue(stage, "carol", &dropped, NULL);
	server_freeze(replica);
	assert_status(LK_E_NOT_DURABLE,
	    lk_issue(stage->m, "alice", NULL, &second, NULL));
	assert_int_equal(second.len, 0);
	assert_status(LK_E_NOT_DURABLE,
	    lk_refresh(stage->m, &token, 60, NULL));
	assert_status(LK_E_NOT_DURABLE,
	    lk_revoke_id(stage->m, session.id, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_error_has(stage, "revoked, not yet durable");
	assert_status(LK_E_NOT_DURABLE,
	    lk_revoke(stage->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_UNKNOWN, lk_check(stage->m, &token, &session));
	/* Nor is it for who has nothing left to do, on a new connection. */
	m = manager_of(stage);
	assert_status(
	    LK_E_NOT_DURABLE, lk_revoke(m, &token, NULL, &revoked));
	assert_int_equal(revoked, 0);
	lk_manager_free(m);
	m = manager_of(stage);
	assert_status(
	    LK_E_NOT_DURABLE, lk_revoke_all(m, "nobody", NULL, &revoked));
	assert_int_equal(revoked, 0);
	assert_status(
	    LK_E_NOT_DURABLE, lk_revoke_others(m, &kept, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_status(LK_OK, lk_check(m, &kept, &session));
	lk_manager_free(m);
	assert_int_equal(stage->carried, 0);
	server_thaw(replica);
	await_at_least(&stage->carried, 1);
	await_durable(stage, &token);
	unsettle(stage);
	assert_int_equal(stage->lost, 0);
}

static void
test_sentinel_hung_replica_makes_nothing_durable(void **state)
{
	hang_replica(*state, PATIENT);
}

static void
test_sentinel_hung_replica_in_gosession_is_no_witness(void **state)
{
	hang_replica(*state, PATIENT "layout = \"gosession\";");
}

static void
test_sentinel_revocation_without_a_watch_is_lost_loudly(void **state)
{
	struct stage *stage = *state;
	struct server *replica = cluster_replica(&stage->cluster);
	struct lk_token token;
	uint64_t revoked;

	settle(stage, "durability_timeout_ms = 50;", PATIENT, "");
	stage->lost = 0;
	issue(stage, "alice", &token, NULL);
	server_freeze(replica);
	assert_status(LK_E_NOT_DURABLE,
	    lk_revoke(stage->m, &token, NULL, &revoked));
	assert_int_equal(revoked, 1);
	unsettle(stage);
	assert_int_equal(stage->lost, 1);
	server_thaw(replica);
}

struct revocation {
	struct stage *stage;
	const struct lk_token *token;
};

static void *
revoke_main(void *arg)
{
	const struct revocation *revocation = arg;
	uint64_t revoked;

	return ((void *)(intptr_t)lk_revoke(revocation->stage->m,
	    revocation->token, NULL, &revoked));
}

/* Wait until somebody waits for the replicas of ${master}. */
static void
await_wait(struct stage *stage, const struct server *master)
{
	const time_t end = time(NULL) + PATIENCE_S;
	redisContext *redis = server_connect(master);
	bool waits = false;
	redisReply *reply;

	assert_non_null(redis);
	while (!waits) {
		reply = redisCommand(redis, "INFO clients");
		assert_non_null(reply);
		waits = strstr(reply->str, "blocked_clients:1") != NULL;
		freeReplyObject(reply);
		if (!waits)
			give_up(stage, LK_FAULT, end);
	}
	redisFree(redis);
}

/* It was carried out, and then nobody could say of which master. */
static void
test_sentinel_revocation_of_unknown_end_is_kept_too(void **state)
{
	struct stage *stage = *state;
	struct server *replica = cluster_replica(&stage->cluster);
	struct server *master = cluster_master(&stage->cluster);
	struct lk_token token;
	struct revocation revocation = { stage, &token };
	pthread_t thread;
	void *status;

	settle(stage, "durability_timeout_ms = 3000;",
	    "connect_timeout_ms = 1000; command_timeout_ms = 6000;",
	    "staleness_ms = 500;");
	stage->lost = 0;
	issue(stage, "alice", &token, NULL);
	server_freeze(replica);
	assert_int_equal(
	    pthread_create(&thread, NULL, revoke_main, &revocation), 0);
	await_wait(stage, master);
	kill_sentinels(stage);
	assert_int_equal(pthread_join(thread, &status), 0);
	assert_true((intptr_t)status < 0);
	assert_int_not_equal((intptr_t)status, LK_E_NOT_DURABLE);
	unsettle(stage);
	assert_int_equal(stage->lost, 1);
	server_thaw(replica);
}

/* Whoever stops the watch waits for no more than a step of it. */
static void
test_sentinel_watch_waits_for_a_second_at_most(void **state)
{
	struct stage *stage = *state;
	struct server *replica = cluster_replica(&stage->cluster);
	redisContext *monitor;
	redisReply *reply;
	struct lk_token token;
	uint64_t revoked;
	const char *wait;
	long ms = 0;

	settle(stage, "durability_timeout_ms = 60000;", STEADY, "");
	watch(stage);
	issue(stage, "alice", &token, NULL);
	server_freeze(replica);
	assert_status(LK_E_NOT_DURABLE,
	    lk_revoke(stage->m, &token, NULL, &revoked));
	monitor = server_connect(cluster_master(&stage->cluster));
	assert_non_null(monitor);
	(void)redisSetTimeout(monitor,
	    (struct timeval){ .tv_sec = PATIENCE_S });
	freeReplyObject(redisCommand(monitor, "MONITOR"));
	/* By then nobody waits but the watch. */
	while (ms == 0) {
		assert_int_equal(
		    redisGetReply(monitor, (void **)&reply), REDIS_OK);
		wait = strstr(reply->str, "\"WAIT\" \"1\" \"");
		if (wait != NULL)
			ms = strtol(wait + strlen("\"WAIT\" \"1\" \""), NULL,
			    10);
		freeReplyObject(reply);
	}
	assert_in_range(ms, 1, 1000);
	redisFree(monitor);
	server_thaw(replica);
}

static void
test_sentinel_pending_ones_pass_to_the_next_watch(void **state)
{
	struct stage *stage = *state;
	struct server *replica = cluster_replica(&stage->cluster);
	struct lk_watch *first = NULL, *second = NULL;
	struct lk_surroundings around = { .log = &stage->log };
	struct lk_token token;
	struct lk_manager *m;
	pthread_t thread;
	uint64_t revoked;

	settle(stage, "durability_timeout_ms = 50;", PATIENT, "");
	stage->lost = stage->carried = 0;
	issue(stage, "alice", &token, NULL);
	assert_status(LK_OK,
	    lk_watch_new(stage->settings, &stage->log, &first, NULL));
	assert_status(LK_OK,
	    lk_watch_new(stage->settings, &stage->log, &second, NULL));
	around.watch = first;
	assert_status(
	    LK_OK, lk_manager_new(stage->settings, &around, &m, NULL));
	server_freeze(replica);
	assert_status(
	    LK_E_NOT_DURABLE, lk_revoke(m, &token, NULL, &revoked));
	lk_manager_free(m);
	lk_watch_take(second, first);
	/* As when the second could not be started, and then could. */
	lk_watch_take(first, second);
	lk_watch_take(second, first);
	lk_watch_free(first);
	assert_int_equal(stage->lost, 0);
	server_thaw(replica);
	assert_int_equal(pthread_create(&thread, NULL, watch_main, second), 0);
	await_at_least(&stage->carried, 1);
	lk_watch_stop(second);
	assert_int_equal(pthread_join(thread, NULL), 0);
	lk_watch_free(second);
	assert_int_equal(stage->lost, 0);
}

static void
test_sentinel_pending_ones_go_to_no_other_cluster(void **state)
{
	static const char elsewhere[] = "store = { backend = \"sentinel\"; "
	    "sentinel = { addresses = [ \"127.0.0.1:1\" ]; }; };\n";
	struct stage *stage = *state;
	struct server *replica = cluster_replica(&stage->cluster);
	struct lk_settings *other = NULL;
	struct lk_watch *next = NULL;
	struct lk_token token;
	uint64_t revoked;

	settle(stage, "durability_timeout_ms = 50;", PATIENT, "");
	watch(stage);
	issue(stage, "alice", &token, NULL);
	server_freeze(replica);
	assert_status(LK_E_NOT_DURABLE,
	    lk_revoke(stage->m, &token, NULL, &revoked));
	/* The same name at other Sentinels. */
	load(stage, elsewhere, strlen(elsewhere), &other);
	assert_status(LK_OK, lk_watch_new(other, &stage->log, &next, NULL));
	lk_watch_take(next, stage->watch);
	lk_watch_free(next);
	lk_settings_free(other);
	assert_int_equal(stage->lost, 0);
	unsettle(stage);
	assert_int_equal(stage->lost, 1);
	server_thaw(replica);
}

/* ---- Failover ---------------------------------------------------------- */

/* Revoke, where no replica can have it, until that is said. */
static void
revoke_alone(struct stage *stage, const struct lk_token *token)
{
	const time_t end = time(NULL) + PATIENCE_S;
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	while ((status = lk_revoke(stage->m, token, NULL, &revoked)) !=
	    LK_E_NOT_DURABLE) {
		assert_true(status < 0);
		give_up(stage, status, end);
	}
}

/* The master is lost to a manager with a watch and to one without. */
static void
fail_over(struct stage *stage, void lose(struct server *))
{
	struct server *old = cluster_master(&stage->cluster);
	struct lk_manager *managers[2];
	struct lk_token kept[2], gone[2];
	size_t i;

	settle(stage, "durability = \"replica\";", STEADY, "");
	managers[1] = stage->m;
	stage->m = NULL;
	watch(stage);
	managers[0] = stage->m;
	for (i = 0; i < 2; i++) {
		stage->m = managers[i];
		issue(stage, "alice", &kept[i], NULL);
		issue(stage, "alice", &gone[i], NULL);
		await_durable(stage, &gone[i]);
	}
	lose(old);
	cluster_fail_over(&stage->cluster, old);
	for (i = 0; i < 2; i++) {
		stage->m = managers[i];
		await_check(stage, &kept[i], LK_OK);
		assert_status(LK_UNKNOWN, answer(stage, &gone[i]));
		/* A change finds its script; but no replica is there yet. */
		revoke_alone(stage, &kept[i]);
	}
	cluster_rejoin(&stage->cluster, old);
	await_at_least(&stage->carried, 1);
	cluster_settle(&stage->cluster);
	for (i = 0; i < 2; i++) {
		stage->m = managers[i];
		await_durable(stage, &kept[i]);
		assert_status(LK_UNKNOWN, answer(stage, &kept[i]));
	}
	lk_manager_free(managers[1]);
	stage->m = managers[0];
	unsettle(stage);
	/* Noted by both; from one to the other, however often. */
	assert_true(stage->changes >= 2 && stage->changes % 2 == 0);
}

static void
test_sentinel_killed_master_is_followed(void **state)
{
	fail_over(*state, server_kill);
}

static void
test_sentinel_hung_master_is_followed(void **state)
{
	fail_over(*state, server_freeze);
}

/* Ask by checks that do not wait until they say something. */
static enum lk_status
answer_by(struct stage *stage, struct lk_checks *checks,
    const struct lk_token *token)
{
	const time_t end = time(NULL) + PATIENCE_S;
	struct lk_session session;
	enum lk_status status = LK_FAULT;

	while ((status = world_check_by(checks, token, &session, NULL)) < 0)
		give_up(stage, status, end);
	return (status);
}

static void
test_sentinel_checks_that_do_not_wait_follow_a_failover(void **state)
{
	struct stage *stage = *state;
	struct server *old = cluster_master(&stage->cluster);
	struct lk_surroundings around = { .log = NULL };
	struct lk_error error = { "" };
	struct lk_checks *checks = NULL;
	struct lk_session session;
	struct lk_token kept, gone;

	settle(stage, "durability = \"replica\";", STEADY, "");
	watch(stage);
	around.watch = stage->watch;
	assert_status(LK_OK,
	    lk_checks_new(stage->settings, &around, &checks, &error));
	issue(stage, "alice", &kept, NULL);
	issue(stage, "bob", &gone, NULL);
	assert_status(LK_OK, answer_by(stage, checks, &kept));
	assert_status(LK_OK, answer_by(stage, checks, &gone));
	await_durable(stage, &gone);
	assert_status(LK_UNKNOWN, answer_by(stage, checks, &gone));
	server_freeze(old);
	/* Nothing is known of a master that hangs, and of none. */
	while (world_check_by(checks, &kept, &session, NULL) == LK_OK)
		(void)poll(NULL, 0, 5);
	cluster_fail_over(&stage->cluster, old);
	assert_status(LK_OK, answer_by(stage, checks, &kept));
	assert_status(LK_UNKNOWN, answer_by(stage, checks, &gone));
	lk_checks_free(checks);
	server_thaw(old);
	cluster_rejoin(&stage->cluster, old);
}

static void
test_sentinel_pending_revocation_follows_a_failover(void **state)
{
	struct stage *stage = *state;
	struct server *old = cluster_master(&stage->cluster);
	struct server *replica = cluster_replica(&stage->cluster);
	struct lk_token token, all;
	redisContext *redis;
	uint64_t revoked;

	settle(stage, "durability_timeout_ms = 50; durability = \"replica\";",
	    STEADY, "");
	watch(stage);
	issue(stage, "alice", &token, NULL);
	issue(stage, "bob", &all, NULL);
	/* The replica has the sessions, and is cut off from their ends. */
	server_freeze(replica);
	redis = server_connect(old);
	assert_non_null(redis);
	freeReplyObject(redisCommand(redis, "CLIENT KILL TYPE replica"));
	redisFree(redis);
	revoke_alone(stage, &token);
	assert_status(LK_E_NOT_DURABLE,
	    lk_revoke_all(stage->m, "bob", NULL, &revoked));
	server_kill(old);
	server_thaw(replica);
	cluster_fail_over(&stage->cluster, old);
	await_at_least(&stage->changes, 1);
	await_check(stage, &token, LK_UNKNOWN);
	await_check(stage, &all, LK_UNKNOWN);
	cluster_rejoin(&stage->cluster, old);
	await_at_least(&stage->carried, 1);
	assert_status(LK_UNKNOWN, answer(stage, &token));
}

static void
count_ended(void *arg, const struct lk_entry *entry)
{
	*(uint64_t *)arg += entry->event == LK_EVENT_ENDED ? entry->count : 0;
}

/* What stands beside the keys of gosession is where these are. */
static void
test_sentinel_reasons_of_gosession_follow_a_failover(void **state)
{
	struct stage *stage = *state;
	struct server *old = cluster_master(&stage->cluster);
	struct lk_session session;
	struct lk_token gone, kept;
	uint64_t ended = 0;

	settle(stage, "durability = \"replica\";",
	    STEADY "layout = \"gosession\";", "");
	watch(stage);
	stage->settings->session.max_life = 1000;
	issue(stage, "dora", &gone, NULL);
	await_durable(stage, &gone);
	issue(stage, "dora", &kept, NULL);
	server_kill(old);
	cluster_fail_over(&stage->cluster, old);
	await_check(stage, &gone, LK_UNKNOWN);
	assert_status(LK_UNKNOWN, answer(stage, &gone));
	assert_int_equal(lk_ended(stage->m), LK_REASON_REVOKED);
	while (lk_history(stage->m, "dora", count_ended, &ended) < 0)
		ended = 0;
	assert_int_equal(ended, 1);
	cluster_rejoin(&stage->cluster, old);
	cluster_settle(&stage->cluster);
	while (lk_refresh(stage->m, &kept, 9000, &session) < 0)
		(void)poll(NULL, 0, 5);
	world_assert_ttl(session.ttl, 1000);
}

#define SUITE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, stage_reset, stage_resume)
#define SUITE_OPEN stage_open
#define SUITE_CLOSE stage_close
#include "support/suite.h"
