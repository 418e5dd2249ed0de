#include <stdlib.h>
#include <string.h>

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
test_agent_rate_says_how_long_to_wait(void **state)
{
	struct agent_rates *rates = fresh();
	const int64_t t = 500 * SECOND;

	(void)state;
	assert_int_equal(agent_rate_take(rates, 0, 33, true, 2, t), 0);
	assert_int_equal(
	    agent_rate_take(rates, 0, 33, true, 2, t + 10 * SECOND), 0);
	assert_int_equal(
	    agent_rate_take(rates, 0, 33, true, 2, t + 20 * SECOND), 45);
	assert_int_equal(
	    agent_rate_take(rates, 0, 33, true, 2, t + 65 * SECOND - 1), 1);
	assert_int_equal(
	    agent_rate_take(rates, 0, 33, true, 2, t + 65 * SECOND), 0);
	assert_int_equal(
	    agent_rate_take(rates, 0, 33, true, 2, t + 66 * SECOND), 9);
	assert_int_equal(
	    agent_rate_take(rates, 0, 33, true, 2, t + 75 * SECOND), 0);
	assert_int_equal(
	    agent_rate_take(rates, 0, 33, true, 2, t + 600 * SECOND), 0);
	done(rates);
}

/* Whoever asks whenever he may, has not had more in any minute; and after a
 * while without a question all at once. */
static void
test_agent_rate_holds_in_each_minute_wherever_it_begins(void **state)
{
	enum { SECONDS = 600, MOST = 10 };
	static const int begins[] = { 0, 1, 4, 5, 59 };
	unsigned int asked[SECONDS];
	int s, back, sum;

	(void)state;
	EACH(begin, begins) {
		struct agent_rates *rates = fresh();
		int all = 0;

		memset(asked, 0, sizeof(asked));
		for (s = *begin; s < SECONDS; s++) {
			while (agent_rate_take(rates, 0, 33, true, MOST,
			           (1000 + s) * SECOND + SECOND / 3) == 0)
				asked[s]++;
			sum = 0;
			for (back = 0; back < 60 && back <= s; back++)
				sum += (int)asked[s - back];
			assert_in_range(sum, 0, MOST);
			all += (int)asked[s];
		}
		assert_int_equal(asked[*begin], MOST);
		/* Nor much less. */
		assert_true(all >= MOST * ((SECONDS - *begin) / 65));
		done(rates);
	}
}

static void
test_agent_rate_is_of_each_row_and_user(void **state)
{
	struct agent_rates *rates = fresh();

	(void)state;
	assert_int_equal(agent_rate_take(rates, 0, 33, true, 1, SECOND), 0);
	assert_int_not_equal(agent_rate_take(rates, 0, 33, true, 1, SECOND), 0);
	assert_int_equal(agent_rate_take(rates, 1, 33, true, 1, SECOND), 0);
	assert_int_equal(agent_rate_take(rates, 0, 34, true, 1, SECOND), 0);
	done(rates);
}

static void
test_agent_rate_without_room_lets_nobody_more_in(void **state)
{
	struct agent_rates *rates = fresh();
	uid_t uid;

	(void)state;
	for (uid = 0; uid < AGENT_RATES_MAX; uid++)
		assert_int_equal(
		    agent_rate_take(rates, 0, uid, true, 1, SECOND), 0);
	assert_int_equal(agent_rate_take(rates, 0, uid, true, 1, SECOND), 60);
	/* Nobody's count is lost by that. */
	assert_int_not_equal(agent_rate_take(rates, 0, 0, true, 1, SECOND), 0);
	assert_int_equal(agent_rate_take(rates, 0, uid, true, 1, 66 * SECOND),
	    0);
	done(rates);
}

/* He may be as many users as he has subordinate ids. */
static void
test_agent_rate_of_a_group_leaves_room_for_who_is_listed(void **state)
{
	struct agent_rates *rates = fresh();
	uid_t uid;

	(void)state;
	for (uid = 100000; uid < 100000 + AGENT_RATES_MAX / 2; uid++)
		assert_int_equal(
		    agent_rate_take(rates, 0, uid, false, 1, SECOND), 0);
	assert_int_equal(agent_rate_take(rates, 0, uid, false, 1, SECOND), 60);
	assert_int_equal(agent_rate_take(rates, 1, 33, true, 1, SECOND), 0);
	assert_int_not_equal(agent_rate_take(rates, 1, 33, true, 1, SECOND), 0);
	done(rates);
}

#include "support/suite.h"
