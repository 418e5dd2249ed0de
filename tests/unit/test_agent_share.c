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
		assert_true(agent_share_take(&shares, 33));
	assert_false(agent_share_take(&shares, 33));
	assert_true(agent_share_take(&shares, 34));
	agent_share_give(&shares, 33);
	assert_true(agent_share_take(&shares, 33));
	assert_false(agent_share_take(&shares, 33));
}

static void
test_agent_share_of_all_is_limited(void **state)
{
	uid_t uid;

	(void)state;
	for (uid = 0; uid < 5; uid++)
		assert_true(agent_share_take(&shares, uid));
	assert_false(agent_share_take(&shares, 5));
	agent_share_give(&shares, 2);
	assert_true(agent_share_take(&shares, 5));
}

static void
test_agent_share_forgets_who_has_none(void **state)
{
	uid_t uid;

	(void)state;
	for (uid = 0; uid < 1000; uid++) {
		if (agent_share_take(&shares, uid))
			agent_share_give(&shares, uid);
	}
	assert_int_equal(shares.n, 0);
	assert_int_equal(shares.all, 0);
	assert_true(shares.room <= 16);
	/* Whom there was no room for is not kept either. */
	for (uid = 0; uid < 1000; uid++)
		(void)agent_share_take(&shares, uid);
	assert_int_equal(shares.n, 5);
}

#include "support/suite.h"
