/* What Sentinels say that keeps a change from being called durable. */
#include "support/test.h"
#include "store/redis/master/vote.h"

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
		bool failing_over, contradicted;
	} cases[] = {
		{ { old, old, old }, LK_ELECTION_MAJORITY, false, false },
		{ { old, old, silent }, LK_ELECTION_MAJORITY, false, false },
		{ { old, old, replacing }, LK_ELECTION_MAJORITY, true, false },
		{ { replacing, old, silent }, LK_ELECTION_MAJORITY, true,
		    false },
		{ { old, old, next }, LK_ELECTION_MAJORITY, false, true },
		{ { next, next, old }, LK_ELECTION_MAJORITY, false, true },
		{ { next, next, replacing }, LK_ELECTION_MAJORITY, true, true },
		{ { next, next, next }, LK_ELECTION_MAJORITY, false, false },
		{ { replacing, silent, silent }, LK_ELECTION_FEW, true, false },
	};
	struct lk_ballot ballot;

	EACH(c, cases) {
		ballot = lk_votes_count(c->votes, 3);
		assert_int_equal(ballot.election, c->election);
		assert_int_equal(ballot.failing_over, c->failing_over);
		assert_int_equal(ballot.contradicted, c->contradicted);
	}
}

#include "support/suite.h"
