/* What INFO and the Sentinels say that lets a change be called durable. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "store/redis_info.h"
#include "store/redis_vote.h"

static void
test_replica_by_state_and_lag_is_in_step_or_not(void **state)
{
	static const struct {
		const char *state;
		const char *lag;
		size_t in_step;
	} cases[] = {
		{ "online", "0", 1 }, { "online", "1", 1 },
		/* At the turn of a second. */
		{ "online", "-1", 1 },
		{ "online", "2", 0 }, { "online", "10", 0 },
		{ "online", "-2", 0 }, { "online", "", 0 },
		{ "wait_bgsave", "0", 0 }, { "send_bulk", "0", 0 },
	};
	char info[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(info, sizeof(info),
		    "# Replication\r\nrole:master\r\nconnected_slaves:1\r\n"
		    "slave0:ip=10.0.0.2,port=6379,state=%s,offset=14,lag=%s"
		    "\r\n", cases[i].state, cases[i].lag);
		assert_int_equal(
		    lk_redis_info_replicas(info), cases[i].in_step);
	}
}

static void
test_replica_of_a_replica_does_not_count(void **state)
{
	(void)state;
	assert_int_equal(lk_redis_info_replicas(
	    "role:slave\r\n"
	    "slave0:ip=10.0.0.2,port=6379,state=online,offset=1,lag=0\r\n"),
	    0);
}

static struct lk_vote
vote(enum lk_vote_kind kind, const char *address, bool failing_over)
{
	struct lk_vote vote = { .kind = kind, .failing_over = failing_over };

	(void)snprintf(vote.address, sizeof(vote.address), "%s", address);
	return (vote);
}

static void
test_failover_that_any_sentinel_shows_is_seen(void **state)
{
	const struct lk_vote old = vote(LK_VOTE_NAMES, "old:1", false),
		replacing = vote(LK_VOTE_NAMES, "old:1", true),
		next = vote(LK_VOTE_NAMES, "next:1", false),
		silent = vote(LK_VOTE_SILENT, "", false);
	const struct {
		struct lk_vote votes[3];
		enum lk_election election;
		bool failing_over;
	} cases[] = {
		{ { old, old, old }, LK_ELECTION_MAJORITY, false },
		{ { old, old, silent }, LK_ELECTION_MAJORITY, false },
		{ { old, old, replacing }, LK_ELECTION_MAJORITY, true },
		{ { replacing, old, silent }, LK_ELECTION_MAJORITY, true },
		{ { old, old, next }, LK_ELECTION_MAJORITY, true },
		{ { next, next, old }, LK_ELECTION_MAJORITY, true },
		{ { next, next, next }, LK_ELECTION_MAJORITY, false },
		{ { replacing, silent, silent }, LK_ELECTION_FEW, true },
	};
	struct lk_ballot ballot;
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		ballot = lk_votes_count(cases[i].votes, 3);
		assert_int_equal(ballot.election, cases[i].election);
		assert_int_equal(ballot.failing_over, cases[i].failing_over);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_replica_by_state_and_lag_is_in_step_or_not),
		cmocka_unit_test(test_replica_of_a_replica_does_not_count),
		cmocka_unit_test(
		    test_failover_that_any_sentinel_shows_is_seen),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
