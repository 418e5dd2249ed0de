#include <stdlib.h>

#include "support/test.h"
#include "question/rate.h"

#define SECOND INT64_C(1000000000)

static struct agent_rates *
fresh(void)
{
	struct agent_rates *rates = calloc(1, sizeof(*rates));

	assert_non_null(rates);
	(void)pthread_mutex_init(&rates->lock, NULL);
	return (rates);
}

static void
done(struct agent_rates *rates)
{
	(void)pthread_mutex_destroy(&rates->lock);
	free(rates);
}

static void
test_agent_rate_counts_a_minute_from_its_first_question(void **state)
{
	struct agent_rates *rates = fresh();
	const int64_t t = 5 * SECOND;

	(void)state;
	assert_int_equal(agent_rate_take(rates, 0, 33, 2, t), 0);
	assert_int_equal(agent_rate_take(rates, 0, 33, 2, t + 10 * SECOND), 0);
	assert_int_equal(agent_rate_take(rates, 0, 33, 2, t + 20 * SECOND),
	    40);
	assert_int_equal(agent_rate_take(rates, 0, 33, 2,
	                     t + 60 * SECOND - 1), 1);
	assert_int_equal(agent_rate_take(rates, 0, 33, 2, t + 60 * SECOND), 0);
	assert_int_equal(agent_rate_take(rates, 0, 33, 2, t + 61 * SECOND), 0);
	assert_int_equal(agent_rate_take(rates, 0, 33, 2, t + 62 * SECOND),
	    58);
	done(rates);
}

static void
test_agent_rate_is_of_each_row_and_user(void **state)
{
	struct agent_rates *rates = fresh();

	(void)state;
	assert_int_equal(agent_rate_take(rates, 0, 33, 1, SECOND), 0);
	assert_int_not_equal(agent_rate_take(rates, 0, 33, 1, SECOND), 0);
	assert_int_equal(agent_rate_take(rates, 1, 33, 1, SECOND), 0);
	assert_int_equal(agent_rate_take(rates, 0, 34, 1, SECOND), 0);
	done(rates);
}

static void
test_agent_rate_without_room_lets_nobody_more_in(void **state)
{
	struct agent_rates *rates = fresh();
	uid_t uid;

	(void)state;
	for (uid = 0; uid < AGENT_RATES_MAX; uid++)
		assert_int_equal(agent_rate_take(rates, 0, uid, 1, SECOND), 0);
	assert_int_equal(agent_rate_take(rates, 0, uid, 1, SECOND), 60);
	/* Nobody's count is lost by that. */
	assert_int_not_equal(agent_rate_take(rates, 0, 0, 1, SECOND), 0);
	assert_int_equal(agent_rate_take(rates, 0, uid, 1, 61 * SECOND), 0);
	done(rates);
}

#include "support/suite.h"
