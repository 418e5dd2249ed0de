#include <stdlib.h>

#include "support/test.h"
#include "house/share.h"

static struct agent_shares shares;

static int
setup(void **state)
{
	(void)state;
	shares = (struct agent_shares){ .max = 3, .max_all = 5 };
	return (pthread_mutex_init(&shares.lock, NULL));
}

static int
teardown(void **state)
{
	(void)state;
	free(shares.v);
	return (pthread_mutex_destroy(&shares.lock));
}

#define SUITE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

static void
test_agent_share_is_each_users_own(void **state)
{
	int i;

	(void)state;
	for (i = 0; i < 3; i++)
		assert_true(agent_share_take(&shares, 33, true));
	assert_false(agent_share_take(&shares, 33, true));
	assert_true(agent_share_take(&shares, 34, true));
	agent_share_give(&shares, 33, true);
	assert_true(agent_share_take(&shares, 33, true));
	assert_false(agent_share_take(&shares, 33, true));
}

static void
test_agent_share_of_all_is_limited(void **state)
{
	uid_t uid;

	(void)state;
	for (uid = 0; uid < 5; uid++)
		assert_true(agent_share_take(&shares, uid, true));
	assert_false(agent_share_take(&shares, 5, true));
	agent_share_give(&shares, 2, true);
	assert_true(agent_share_take(&shares, 5, true));
}

/* Who is in a group may be thousands. */
static void
test_agent_share_of_groups_leaves_room_to_who_is_listed(void **state)
{
	uid_t uid;

	(void)state;
	for (uid = 0; uid < 2; uid++)
		assert_true(agent_share_take(&shares, uid, false));
	for (uid = 1; uid < 1000; uid++)
		assert_false(agent_share_take(&shares, uid, false));
	assert_int_equal(shares.n, 2);
	for (uid = 33; uid < 36; uid++)
		assert_true(agent_share_take(&shares, uid, true));
	agent_share_give(&shares, 33, true);
	assert_false(agent_share_take(&shares, 5, false));
	agent_share_give(&shares, 0, false);
	assert_true(agent_share_take(&shares, 5, false));
}

static void
test_agent_share_forgets_who_has_none(void **state)
{
	uid_t uid;

	(void)state;
	for (uid = 0; uid < 1000; uid++) {
		if (agent_share_take(&shares, uid, true))
			agent_share_give(&shares, uid, true);
	}
	assert_int_equal(shares.n, 0);
	assert_int_equal(shares.all, 0);
	assert_true(shares.room <= 16);
	/* Whom there was no room for is not kept either. */
	for (uid = 0; uid < 1000; uid++)
		(void)agent_share_take(&shares, uid, true);
	assert_int_equal(shares.n, 5);
}

#include "support/suite.h"
