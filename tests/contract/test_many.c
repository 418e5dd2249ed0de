/*
 * A user with very many sessions: what takes a while makes nobody else wait.
 * How long Redis is held is told by what it was asked to do: nothing that goes
 * through many sessions is one command.
 */
#include <inttypes.h>
#include <time.h>

#include <sodium.h>

#include "base/base64url.h"
#include "world.h"

/* More than what ends in one step, and a little more than that. */
#define MANY 12500
#define MORE 11500
/* Most sessions that one step of many ends. */
#define STEP 1000

/* The line of the session number ${n} of ${user}. */
static void
session_line(char line[512], const char *user, unsigned int n, int64_t now_s)
{
	uint8_t digest[32];
	char token[128], text[44];

	(void)snprintf(token, sizeof(token), "%s_%032x", user, n);
	(void)crypto_hash_sha256(
	    digest, (const unsigned char *)token, strlen(token));
	lk_base64url(digest, sizeof(digest), text);
	/* Some end together, and who was issued last need not end last. */
	(void)snprintf(line, 512,
	    "{\"type\":\"session\",\"user\":\"%s\",\"client\":\"\","
	    "\"issued_us\":%" PRId64 ",\"expires_ms\":%" PRId64
	    ",\"digest\":\"%s\",\"token\":\"%s\"}",
	    user, (now_s - 100000 + n) * 1000000,
	    (now_s + 600 + (n * 7919) % 10000) * 1000, text, token);
}

/* Give ${user} so many sessions, whatever the limits. */
static void
fill(struct world *world, const char *user, unsigned int count)
{
	static const char header[] =
	    "{\"type\":\"header\",\"format\":\"latchkey-sessions\","
	    "\"version\":1}";
	const int64_t now_s = (int64_t)time(NULL);
	struct lk_import_state state;
	struct lk_import *importing;
	char line[512];
	unsigned int n;

	assert_status(LK_OK, lk_import_new(world->m, &importing));
	assert_status(
	    LK_OK, lk_import_line(importing, header, strlen(header)));
	for (n = 0; n < count; n++) {
		session_line(line, user, n, now_s);
		assert_status(
		    LK_OK, lk_import_line(importing, line, strlen(line)));
	}
	assert_status(LK_OK, lk_import_flush(importing));
	lk_import_state(importing, &state);
	assert_int_equal(state.sessions, count);
	lk_import_free(importing);
}

/* How many scripts Redis has run; 0 of the embedded store. */
static long long
scripts_run(struct world *world)
{
	static const char *const names[] = { "cmdstat_eval:calls=",
		"cmdstat_evalsha:calls=" };
	long long calls, total = 0;
	const char *at;
	char *info;
	size_t i;

	if (!world_is_redis(world))
		return (0);
	info = world_text(world, "INFO commandstats");
	for (i = 0; i < 2; i++) {
		if ((at = strstr(info, names[i])) == NULL)
			continue;
		calls = strtoll(at + strlen(names[i]), NULL, 10);
		total += calls;
	}
	free(info);
	return (total);
}

/* What a list must be. */
struct expected {
	size_t count;
	int64_t last;
	char id[LK_SESSION_ID_MAX + 1]; /* of some session */
};

static void
take_session(void *arg, const struct lk_session *session,
    const struct lk_token *token)
{
	struct expected *expected = arg;

	(void)token;
	assert_true(session->expires_at >= expected->last);
	assert_string_equal(session->user, "alice");
	expected->last = session->expires_at;
	if (expected->count++ == MANY / 2)
		memcpy(expected->id, session->id, sizeof(session->id));
}

static void
test_many_sessions_are_listed_and_ended_page_by_page(
    void **state)
{
	struct world *world = *state;
	struct expected expected = { .count = 0 };
	struct lk_session session;
	struct lk_token bob;
	uint64_t revoked;
	long long before;

	fill(world, "alice", MANY);
	world_issue(world, "bob", 600, &bob, NULL);
	before = scripts_run(world);
	assert_status(
	    LK_OK, lk_list(world->m, "alice", take_session, &expected));
	assert_int_equal(expected.count, MANY);
	assert_status(LK_OK, lk_check_id(world->m, expected.id, &session));
	assert_string_equal(session.id, expected.id);
	assert_int_equal(scripts_run(world), before);

	assert_status(
	    LK_OK, lk_revoke_id(world->m, expected.id, NULL, &revoked));
	assert_int_equal(revoked, 1);
	assert_true(lk_check_id(world->m, expected.id, &session) > 0);

	before = scripts_run(world);
	assert_status(
	    LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, MANY - 1);
	if (world_is_redis(world))
		assert_true(scripts_run(world) - before >=
		    (MANY - 10000) / STEP);
	assert_int_equal(world_count(world, "alice"), 0);
	assert_status(LK_OK, world_check(world, &bob, &session));
}

static void
test_revoke_others_of_very_many_leaves_this_one(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;

	world_settle(world, "max_per_user = 0;", "", "");
	world_issue(world, "alice", 86400, &token, NULL);
	fill(world, "alice", MANY);
	assert_status(
	    LK_OK, lk_revoke_others(world->m, &token, NULL, &revoked));
	assert_int_equal(revoked, MANY);
	assert_int_equal(world_count(world, "alice"), 1);
	assert_status(LK_OK, world_check(world, &token, &session));
}

static void
count_told(void *arg, const char *id)
{
	assert_true(id[0] != '\0');
	++*(size_t *)arg;
}

static void
test_login_of_a_user_with_very_many_leaves_the_limit(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	size_t told = 0;

	fill(world, "alice", MORE);
	world_settle(world, "max_per_user = 10500;", "", "");
	world_issue(world, "alice", 86400, &token, NULL);
	assert_int_equal(world_count(world, "alice"), 10500);
	assert_status(LK_OK, world_check(world, &token, &session));
	world_settle(world, "max_per_user = 3;", "", "");
	world_issue(world, "alice", 86400, &token, NULL);
	/* Of very many, all are counted and some are told. */
	assert_int_equal(lk_issue_ended(world->m, count_told, &told), 10498);
	assert_in_range(told, 1, LK_ISSUE_ENDED_MAX);
	assert_int_equal(world_count(world, "alice"), 3);
	assert_status(LK_OK, world_check(world, &token, &session));
}

static void
test_single_mode_turned_on_late_leaves_one(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	const long long before = scripts_run(world);

	fill(world, "alice", MORE);
	world_settle(world, "single = true;", "", "");
	world_issue(world, "alice", 600, &token, NULL);
	assert_status(LK_OK, world_check(world, &token, &session));
	assert_int_equal(world_count(world, "alice"), 1);
	if (world_is_redis(world))
		assert_true(scripts_run(world) - before >=
		    (MORE - 10000) / STEP);
}

static void
test_revoke_all_without_time_for_it_goes_on_when_repeated(void **state)
{
	struct world *world = *state;
	uint64_t revoked, total = 0;
	enum lk_status status = LK_E_TIMEOUT;
	int repeated = 0;

	if (!world_is_single(world)) {
		print_message("# skipped: this is asked of a single Redis\n");
		skip();
	}
	fill(world, "alice", MORE);
	world_settle(world, "",
	    "connect_timeout_ms = 5000; command_timeout_ms = 8;", "");
	/* On a slow machine it may seem not to answer. */
	while (status == LK_E_TIMEOUT || status == LK_E_STORE) {
		status = lk_revoke_all(world->m, "alice", NULL, &revoked);
		total += revoked;
		if (status == LK_OK)
			break;
		repeated++;
		assert_true(lk_manager_error(world->m)[0] != '\0');
	}
	assert_status(LK_OK, status);
	assert_true(repeated > 0);
	assert_true(total <= MORE);
	world_settle(world, "", "", "");
	assert_int_equal(world_count(world, "alice"), 0);
}

/* What is issued while a revoke-all goes on bears a later time. */
static void
test_revoke_all_in_steps_spares_what_is_issued_meanwhile(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked;
	char *key, *record, *rest;

	if (!world_is_redis(world) || world_is_gosession(world)) {
		print_message("# skipped: no steps, or no times\n");
		skip();
	}
	world_issue(world, "alice", 86400, &token, &session);
	key = world_text(world,
	    "EVAL %s 0", "return redis.call('KEYS', 'latchkey:{*}:s:*')[1]");
	record = world_text(world, "GET %s", key);
	assert_non_null(record);
	rest = strchr(record + 2, ' ');
	assert_non_null(rest);
	freeReplyObject(world_redis(world, "SET %s %s%lld%s KEEPTTL", key,
	    "1 ", ((long long)time(NULL) + 3600) * 1000000, rest));
	fill(world, "alice", MORE);
	assert_status(
	    LK_OK, lk_revoke_all(world->m, "alice", NULL, &revoked));
	assert_int_equal(revoked, MORE);
	assert_status(LK_OK, world_check(world, &token, &session));
	assert_int_equal(world_count(world, "alice"), 1);
	free(record);
	free(key);
}

/* Put as many expired sessions into the index of ${user} as MANY. */
static void
fill_with_expired(struct world *world)
{
	static const char latchkey[] =
	    "local key = redis.call('KEYS', 'latchkey:{*}:i')[1] "
	    "for i = 1, tonumber(ARGV[1]) do "
	    "redis.call('ZADD', key, 1000 + i, 'h' .. i) end";
	static const char gosession[] =
	    "for i = 1, tonumber(ARGV[1]) do "
	    "redis.call('HSET', 'gosession-token_alice', 'alice_' .. i, 1) "
	    "end";

	freeReplyObject(world_redis(world, "EVAL %s 0 %d",
	    world_is_gosession(world) ? gosession : latchkey, MANY));
}

static void
test_sweep_of_very_many_goes_in_steps(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;
	uint64_t swept;
	long long before;

	if (!world_is_redis(world)) {
		print_message("# skipped: SQLite sweeps in transactions\n");
		skip();
	}
	world_issue(world, "alice", 600, &token, NULL);
	fill_with_expired(world);
	before = scripts_run(world);
	assert_status(LK_OK, lk_store_sweep(world->m, &swept));
	assert_int_equal(swept, MANY);
	assert_true(scripts_run(world) - before >= MANY / STEP);
	assert_status(LK_OK, world_check(world, &token, &session));
}

/* A limit that refuses counts what lives, and ends none of it. */
static void
test_limit_that_refuses_ends_none_of_very_many(void **state)
{
	struct world *world = *state;
	struct lk_token token;

	fill(world, "alice", MORE);
	world_settle(world, "max_per_user = 11500; on_limit = \"refuse\";", "",
	    "");
	assert_status(
	    LK_LIMIT, lk_issue(world->m, "alice", NULL, &token, NULL));
	assert_int_equal(world_count(world, "alice"), MORE);
	world_settle(world, "max_per_user = 11501; on_limit = \"refuse\";", "",
	    "");
	world_issue(world, "alice", 600, &token, NULL);
	assert_int_equal(world_count(world, "alice"), MORE + 1);
	if (!world_is_gosession(world))
		return;
	world_settle(world, "max_per_user = 2; on_limit = \"refuse\";", "", "");
	freeReplyObject(world_redis(world, "FLUSHALL"));
	world_issue(world, "alice", 600, &token, NULL);
	fill_with_expired(world);
	world_issue(world, "alice", 600, &token, NULL);
	assert_status(
	    LK_LIMIT, lk_issue(world->m, "alice", NULL, &token, NULL));
}

/* A login forgets some of them, and not all at once. */
static void
test_login_forgets_very_many_in_steps(void **state)
{
	struct world *world = *state;
	struct lk_token token;

	if (!world_is_redis(world) || world_is_gosession(world)) {
		print_message("# skipped: no order is kept here\n");
		skip();
	}
	world_issue(world, "alice", 600, &token, NULL);
	fill_with_expired(world);
	world_issue(world, "alice", 600, &token, NULL);
	assert_int_equal(world_int(world, "EVAL %s 0",
	                     "return redis.call('ZCARD', redis.call("
	                     "'KEYS', 'latchkey:{*}:i')[1])"),
	    MANY + 2 - STEP);
	assert_int_equal(world_count(world, "alice"), 2);
}

/* ---- The embedded store, by the looks at a manager's clock -------------- */

/* A manager's clock, which counts the looks at it and does something at one. */
struct ticking {
	struct world *world;
	int looks;
	int revoke_at; /* end all of alice's sessions then; 0: never */
	uint64_t revoked;
};

static int64_t
ticking_now_ms(void *arg)
{
	struct ticking *t = arg;
	struct timespec ts;

	if (++t->looks == t->revoke_at)
		assert_status(LK_OK,
		    lk_revoke_all(t->world->m, "alice", NULL, &t->revoked));
	clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000);
}

/* A second manager of the store, with such a clock. */
static struct lk_manager *
ticking_manager(struct ticking *t)
{
	const struct lk_surroundings around = { .now_ms = ticking_now_ms,
		.arg = t };
	struct lk_manager *m = NULL;
	struct lk_error error = { "" };

	if (!world_is_sqlite(t->world)) {
		print_message("# skipped: Redis has a clock of its own\n");
		skip();
	}
	if (lk_manager_new(t->world->settings, &around, &m, &error) != LK_OK)
		fail_msg("%s", error.text);
	return (m);
}

/* What another ends while pages are read is in none of those that follow. */
static void
test_list_of_many_lets_a_writer_in_between_pages(void **state)
{
	struct ticking t = { .world = *state, .revoke_at = 10 };
	struct lk_manager *m = ticking_manager(&t);
	struct expected expected = { .count = 0 };

	fill(t.world, "alice", 2500);
	assert_status(LK_OK, lk_list(m, "alice", take_session, &expected));
	assert_int_equal(t.revoked, 2500);
	assert_in_range(expected.count, 1, 1000);
	lk_manager_free(m);
}

/* Each step looks at the clock once. */
static void
test_ends_of_very_many_are_small_transactions(void **state)
{
	struct ticking t = { .world = *state };
	struct lk_manager *m = ticking_manager(&t);
	struct lk_session session;
	struct lk_token token;
	uint64_t revoked, total = 0;
	enum lk_status status;

	fill(t.world, "alice", MANY);
	do {
		status = lk_revoke_all(m, "alice", NULL, &revoked);
		total += revoked;
	} while (status == LK_E_TIMEOUT);
	assert_status(LK_OK, status);
	assert_int_equal(total, MANY);
	assert_true(t.looks >= MANY / STEP);
	lk_manager_free(m);

	fill(t.world, "alice", MANY);
	world_settle(t.world, "max_per_user = 3;", "", "");
	m = ticking_manager(&t);
	t.looks = 0;
	while ((status = lk_issue(m, "alice", NULL, &token, &session)) ==
	    LK_E_TIMEOUT)
		continue;
	assert_status(LK_OK, status);
	assert_true(t.looks >= MANY / STEP);
	assert_int_equal(world_count(t.world, "alice"), 3);
	assert_status(LK_OK, lk_check(m, &token, &session));
	lk_manager_free(m);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_LEAN, tests, count)
#include "support/suite.h"
