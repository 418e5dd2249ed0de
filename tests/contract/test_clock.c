/*
 * Sessions live by the clock of their store, whatever that of the host says
 * which asks, and whatever became of their keys' expiry.
 */
#include <time.h>

#include "world.h"

static int64_t
skewed_now_ms(void *arg)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t)ts.tv_sec * 1000 + *(const int64_t *)arg);
}

/* Have the world's manager at a host whose clock is wrong by ${skew} ms. */
static void
skew(struct world *world, int64_t *skew)
{
	const struct lk_surroundings around = { .now_ms = skewed_now_ms,
		.arg = skew };
	struct lk_error error = { "" };

	lk_manager_free(world->m);
	world->m = NULL;
	if (lk_manager_new(world->settings, &around, &world->m, &error) !=
	    LK_OK)
		fail_msg("%s", error.text);
}

/* The only session of a list. */
struct listed {
	struct lk_session session;
	int count;
};

static void
take_listed(
    void *arg, const struct lk_session *session, const struct lk_token *token)
{
	struct listed *listed = arg;

	(void)token;
	listed->session = *session;
	listed->count++;
}

static void
test_ttl_is_by_the_clock_of_the_store(void **state)
{
	struct world *world = *state;
	int64_t skews[] = { -900000, 900000, 0 };
	struct lk_session session, first;
	struct lk_token token;
	struct lk_user user;
	struct listed listed;
	size_t i;

	for (i = 0; i < 3; i++) {
		assert_int_equal(world_reset(state), 0);
		assert_status(
		    LK_OK, lk_user_put(world->m, "alice", "{}", 60));
		skew(world, &skews[i]);
		world_issue(world, "alice", 600, &token, &first);
		assert_int_equal(first.ttl, 600);
		skew(world, &skews[i]);
		assert_status(LK_OK, world_check(world, &token, &session));
		world_assert_ttl(session.ttl, 600);
		assert_int_equal(session.expires_at, first.expires_at);
		skew(world, &skews[i]);
		assert_status(
		    LK_OK, lk_check_id(world->m, first.id, &session));
		world_assert_ttl(session.ttl, 600);
		skew(world, &skews[i]);
		assert_status(LK_OK,
		    lk_check_user(world->m, &token, &session, &user));
		lk_user_clear(&user);
		world_assert_ttl(session.ttl, 600);
		skew(world, &skews[i]);
		memset(&listed, 0, sizeof(listed));
		assert_status(LK_OK,
		    lk_list(world->m, "alice", take_listed, &listed));
		assert_int_equal(listed.count, 1);
		world_assert_ttl(listed.session.ttl, 600);
		skew(world, &skews[i]);
		assert_status(
		    LK_OK, lk_refresh(world->m, &token, 300, &session));
		assert_int_equal(session.ttl, 300);
		assert_status(LK_OK, world_check(world, &token, &session));
		world_assert_ttl(session.ttl, 300);
	}
}

/* Once known, it goes on without the host's. */
static void
test_ttl_counts_down_by_the_clock_of_the_store(void **state)
{
	struct world *world = *state;
	int64_t ahead = 0;
	struct lk_session session;
	struct lk_token token;

	skew(world, &ahead);
	world_issue(world, "alice", 600, &token, NULL);
	assert_status(LK_OK, world_check(world, &token, &session));
	ahead = 900000;
	assert_status(LK_OK, world_check(world, &token, &session));
	world_assert_ttl(session.ttl, 600);
}

/* Have the keys of sessions no expiry, or one that is far away. */
static void
meddle(struct world *world, bool forever)
{
	freeReplyObject(world_redis(world, "EVAL %s 0 %s",
	    "for _, key in ipairs(redis.call('KEYS', '*:s:*')) do\n"
	    "  if ARGV[1] == '1' then redis.call('PERSIST', key)\n"
	    "  else redis.call('EXPIRE', key, 999999) end\n"
	    "end",
	    forever ? "1" : "0"));
}

/* Make the record of the only session one that ended a second ago. */
static void
end_record(struct world *world)
{
	freeReplyObject(world_redis(world, "EVAL %s 0",
	    "local key = redis.call('KEYS', '*:s:*')[1]\n"
	    "local text = redis.call('GET', key)\n"
	    "local issued, rest = text:match('^1 (%d+) %d+ (.+)$')\n"
	    "local ends = string.format('%.0f', redis.call('TIME')[1] * 1000 "
	    "- 1000)\n"
	    "redis.call('SET', key, '1 ' .. issued .. ' ' .. ends .. ' ' .. "
	    "rest, 'KEEPTTL')"));
}

static void
drop_lines(void *arg, const char *lines, size_t len)
{
	(void)arg;
	(void)lines;
	(void)len;
}

/* How many sessions an export has. */
static uint64_t
exported(struct world *world)
{
	struct lk_export_state state = { .done = false };
	struct lk_export *exporting;

	assert_status(LK_OK, lk_export_new(world->m, false, &exporting));
	while (!state.done)
		assert_status(LK_OK,
		    lk_export_some(exporting, drop_lines, NULL, &state));
	lk_export_free(exporting);
	assert_int_equal(state.unreadable, 0);
	return (state.sessions);
}

static void
test_record_that_is_over_is_refused_whatever_its_key_says(void **state)
{
	struct world *world = *state;
	int64_t skews[] = { -900000, 900000 };
	struct lk_session session, issued;
	struct lk_token token;
	struct lk_user user;
	size_t i;

	if (world_is_gosession(world))
		return; /* there is no record but the key */
	for (i = 0; i < 4; i++) {
		assert_int_equal(world_reset(state), 0);
		assert_status(
		    LK_OK, lk_user_put(world->m, "alice", "{}", 60));
		skew(world, &skews[i / 2]);
		world_issue(world, "alice", 600, &token, &issued);
		meddle(world, i % 2 == 0);
		assert_status(LK_OK, world_check(world, &token, &session));
		assert_int_equal(exported(world), 1);
		end_record(world);
		assert_int_equal(exported(world), 0);
		assert_status(LK_EXPIRED, world_check(world, &token, &session));
		assert_status(
		    LK_EXPIRED, lk_check_id(world->m, issued.id, &session));
		assert_status(LK_EXPIRED,
		    lk_check_user(world->m, &token, &session, &user));
		assert_int_equal(world_count(world, "alice"), 0);
		assert_status(
		    LK_EXPIRED, lk_refresh(world->m, &token, 60, &session));
		assert_status(LK_EXPIRED, world_check(world, &token, &session));
	}
}

static void
test_session_without_key_expiry_ends_when_its_record_does(void **state)
{
	struct world *world = *state;
	struct lk_session session;
	struct lk_token token;

	if (world_is_gosession(world)) {
		world_issue(world, "alice", 600, &token, &session);
		freeReplyObject(world_redis(
		    world, "PERSIST gosession-token_%s", token.text));
		assert_status(
		    LK_E_CORRUPT, world_check(world, &token, &session));
		return;
	}
	world_issue(world, "alice", 1, &token, NULL);
	meddle(world, true);
	assert_status(LK_EXPIRED, world_wait_for_end(world, &token));
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_REDIS, tests, count)
#include "support/suite.h"
