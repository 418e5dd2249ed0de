/* What checks that do not wait leave to a manager, and when no longer. */
#include "nodes.h"
#include "world.h"

/* A token that was never issued. */
static void
never_issued(const struct world *world, struct lk_token *token)
{
	world_token(token,
	    world_is_gosession(world)
	        ? "alice_0123456789abcdef0123456789abcdef"
	        : "lk_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	          "AAAAAAAAAAAA");
}

/* Checks that go by ${watch}, or by one of their own. */
static struct lk_checks *
checks_of(struct world *world, struct lk_watch *watch)
{
	const struct lk_surroundings around = { .watch = watch };
	struct lk_error error = { "" };
	struct lk_checks *checks = NULL;

	if (lk_checks_new(world->settings, &around, &checks, &error) != LK_OK)
		fail_msg("%s", error.text);
	return (checks);
}

static void
test_checks_without_a_watch_need_a_known_address(void **state)
{
	struct world *world = *state;
	struct lk_checks *checks = checks_of(world, NULL);
	const bool single = world_is_single(world);
	struct lk_checks_wants wants;
	struct lk_session session;
	struct lk_token token;

	never_issued(world, &token);
	assert_status(single ? LK_UNKNOWN : LK_E_WOULD_WAIT,
	    world_check_by(checks, &token, &session, NULL));
	lk_checks_wants(checks, &wants);
	assert_int_equal(wants.fd >= 0, single);
	world_token(&token, "no token");
	assert_status(LK_MALFORMED,
	    world_check_by(checks, &token, &session, NULL));
	lk_checks_free(checks);
}

/* Looking a name up may take long, so a manager does. */
static void
test_checks_at_a_host_name_follow_a_manager(void **state)
{
	struct world *world = *state;
	struct lk_surroundings around = { .log = NULL };
	struct lk_error error = { "" };
	struct lk_manager *m = NULL;
	struct lk_checks *checks;
	struct lk_session session;
	struct lk_token token;
	char address[64];

	if (!world_is_single(world))
		return; /* no host name there */
	(void)snprintf(address, sizeof(address), "localhost:%s",
	    getenv("LK_TEST_REDIS_PORT"));
	world_settle_at(world, address, "", "", "");
	assert_int_equal(lk_watch_new(world->settings, NULL, &around.watch,
	                     &error),
	    LK_OK);
	checks = checks_of(world, around.watch);
	never_issued(world, &token);
	assert_status(LK_E_WOULD_WAIT,
	    world_check_by(checks, &token, &session, NULL));
	assert_int_equal(lk_manager_new(world->settings, &around, &m, &error),
	    LK_OK);
	assert_status(LK_OK, lk_ping(m));
	assert_status(LK_UNKNOWN,
	    world_check_by(checks, &token, &session, NULL));
	lk_checks_free(checks);
	lk_manager_free(m);
	lk_watch_free(around.watch);
}

/* Check with what is cached of the user, asking until it is under way. */
static enum lk_status
check_with_detail(struct world *world, struct lk_checks *checks,
    const struct lk_token *token, struct lk_checked *checked)
{
	struct lk_checks_wants wants;

	do {
		assert_status(LK_OK, lk_ping(world->finder));
	} while (lk_check_start(checks, token, true, checks) != LK_OK);
	while (!lk_check_finish(checks, checked)) {
		lk_checks_wants(checks, &wants);
		lk_checks_go_on(checks, wants.events);
	}
	return (checked->status);
}

static void
test_checks_detail_that_is_not_cached_is_a_managers(void **state)
{
	struct world *world = *state;
	struct lk_checked checked;
	struct lk_checks *checks;
	struct lk_session session;
	struct lk_token token;

	if (!world_is_redis(world) && world->nodes == NULL)
		return; /* it has no such checks */
	world_issue(world, "alice", 600, &token, NULL);
	assert_status(LK_OK, world_check(world, &token, &session));
	checks = checks_of(world, world->watch);
	assert_status(LK_E_WOULD_WAIT,
	    check_with_detail(world, checks, &token, &checked));
	assert_null(checked.user.detail);
	assert_status(LK_OK, lk_user_put(world->m, "alice", "[1]", 60));
	/* The master may have to be confirmed again. */
	while (check_with_detail(world, checks, &token, &checked) ==
	    LK_E_WOULD_WAIT)
		continue;
	assert_status(LK_OK, checked.status);
	assert_string_equal(checked.session.user, "alice");
	assert_string_equal(checked.user.detail, "[1]");
	lk_user_clear(&checked.user);
	lk_checks_free(checks);
}

/* Nothing is left to a manager: it is sent on, with ASKING or for good. */
static void
test_checks_go_where_a_slot_is_moved_to(void **state)
{
	struct world *world = *state;
	char tag[LK_TAG_TEXT_LEN + 1];
	struct lk_session session;
	struct lk_token token;
	int slot = nodes_slot("alice", tag), from, to;

	if (world->nodes == NULL)
		return;
	world_issue(world, "alice", 600, &token, NULL);
	assert_status(LK_OK, world_check(world, &token, &session));
	from = nodes_owner(world->nodes, tag);
	to = (from + 1) % MASTERS;
	nodes_move_begin(world->nodes, slot, from, to);
	do {
		assert_status(LK_OK,
		    world_check_by(world->checks, &token, &session, NULL));
		assert_string_equal(session.user, "alice");
	} while (nodes_move_key(world->nodes, slot, from, to));
	nodes_move_end(world->nodes, slot, from, to);
	assert_status(LK_OK,
	    world_check_by(world->checks, &token, &session, NULL));
	assert_string_equal(session.user, "alice");
}

/* Who has a part of a user's keys knows nothing of the rest.  Which goes first
 * is not for us to say: of several users, it is either. */
static void
test_checks_of_part_of_a_slot_are_a_managers(void **state)
{
	struct world *world = *state;
	char tag[LK_TAG_TEXT_LEN + 1], name[] = "user-0";
	struct lk_checked checked;
	struct lk_session session;
	struct lk_token token;
	enum lk_status status;
	size_t left = 0;
	int slot, from, to;

	if (world->nodes == NULL)
		return;
	for (; name[5] < '8'; name[5]++) {
		world_issue(world, name, 600, &token, NULL);
		assert_status(LK_OK, lk_user_put(world->m, name, "[1]", 600));
		assert_status(LK_OK, world_check(world, &token, &session));
		slot = nodes_slot(name, tag);
		from = nodes_owner(world->nodes, tag);
		to = (from + 1) % MASTERS;
		nodes_move_begin(world->nodes, slot, from, to);
		do {
			status = check_with_detail(world, world->checks,
			    &token, &checked);
			left += status == LK_E_WOULD_WAIT;
			if (status == LK_E_WOULD_WAIT)
				continue;
			assert_status(LK_OK, status);
			assert_string_equal(checked.session.user, name);
			assert_string_equal(checked.user.detail, "[1]");
			lk_user_clear(&checked.user);
		} while (nodes_move_key(world->nodes, slot, from, to));
		nodes_move_end(world->nodes, slot, from, to);
	}
	assert_true(left >= 8);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_ALL, (tests), (count))
#include "support/suite.h"
