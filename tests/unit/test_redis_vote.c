#include "support/test.h"
#include "store/redis/master/vote.h"

#define VOTERS_MAX 5

/*
 * A vote is a letter: a capital is an address named, `-` silent, `u` no
 * connection, `b` rubbish, `n` no such master, `c` credentials refused, `r` a
 * Redis, `t` one that is listed before, `o` no answer but an end.
 */
static size_t
read_votes(const char *letters, struct lk_vote votes[VOTERS_MAX])
{
	/* In the enumeration's order. */
	static const char kinds[] = "-ubNncrtso";
	size_t i;

	memset(votes, 0, VOTERS_MAX * sizeof(*votes));
	for (i = 0; letters[i] != '\0'; i++) {
		if (letters[i] >= 'A' && letters[i] <= 'Z') {
			votes[i].kind = LK_VOTE_NAMES;
			(void)snprintf(votes[i].address,
			    sizeof(votes[i].address), "%c:1", letters[i]);
			continue;
		}
		votes[i].kind =
		    (enum lk_vote_kind)(strchr(kinds, letters[i]) - kinds);
	}
	return (i);
}

static void
test_redis_vote_outcome_follows_from_all_votes(void **state)
{
	static const struct {
		const char *votes;
		enum lk_election election;
		const char *address;
		enum lk_status status; /* if there is no majority */
		const char *why;
	} cases[] = {
		/* A majority of all, whatever the others say. */
		{ "A", LK_ELECTION_MAJORITY, "A:1", LK_OK, NULL },
		{ "AA-", LK_ELECTION_MAJORITY, "A:1", LK_OK, NULL },
		{ "AAB", LK_ELECTION_MAJORITY, "A:1", LK_OK, NULL },
		{ "BAA", LK_ELECTION_MAJORITY, "A:1", LK_OK, NULL },
		{ "Anc", LK_ELECTION_NONE, "A:1", LK_E_SETTINGS, "password" },
		{ "cAA", LK_ELECTION_MAJORITY, "A:1", LK_OK, NULL },
		{ "AAABB", LK_ELECTION_MAJORITY, "A:1", LK_OK, NULL },
		/* Half is none. */
		{ "AB", LK_ELECTION_NONE, "A:1", LK_E_STORE, "disagree" },
		{ "AABB", LK_ELECTION_NONE, "A:1", LK_E_STORE, "disagree" },
		{ "AABB-", LK_ELECTION_NONE, "A:1", LK_E_STORE, "disagree" },
		{ "ABC", LK_ELECTION_NONE, "A:1", LK_E_STORE, "disagree" },
		/* Few that agree, and the others say nothing. */
		{ "A-", LK_ELECTION_FEW, "A:1", LK_E_STORE, "only 1 of 2" },
		{ "A--", LK_ELECTION_FEW, "A:1", LK_E_STORE, "only 1 of 3" },
		{ "uAb", LK_ELECTION_FEW, "A:1", LK_E_STORE, "only 1 of 3" },
		/* By TLS it may be anybody who speaks. */
		{ "Ass", LK_ELECTION_FEW, "A:1", LK_E_SETTINGS, "tls expects" },
		{ "AA---", LK_ELECTION_FEW, "A:1", LK_E_STORE, "only 2 of 5" },
		{ "AB---", LK_ELECTION_NONE, "A:1", LK_E_STORE, "disagree" },
		{ "A-n", LK_ELECTION_NONE, "A:1", LK_E_STORE,
		    "1 of 3: each knows no master" },
		{ "n--", LK_ELECTION_FEW, "", LK_E_STORE,
		    "only 1 of 3 sentinels can be reached, which is no "
		    "majority; 1 of 3: each knows no master" },
		{ "nn-", LK_ELECTION_NONE, "", LK_E_SETTINGS,
		    "store.sentinel.master" },
		{ "nr-", LK_ELECTION_NONE, "", LK_E_SETTINGS,
		    "1 of 3: each knows no master" },
		/* Nobody says anything. */
		{ "---", LK_ELECTION_FEW, "", LK_E_TIMEOUT, "no sentinel" },
		{ "u-u", LK_ELECTION_FEW, "", LK_E_TIMEOUT, "no sentinel" },
		{ "uuu", LK_ELECTION_FEW, "", LK_E_STORE, "no sentinel" },
		{ "ubb", LK_ELECTION_FEW, "", LK_E_STORE, "no sentinel" },
		/* One that is listed twice has one vote. */
		{ "At-", LK_ELECTION_FEW, "A:1", LK_E_STORE,
		    "1 of 3: each is listed twice" },
		{ "Att", LK_ELECTION_FEW, "A:1", LK_E_SETTINGS,
		    "listed twice" },
		{ "AtA", LK_ELECTION_MAJORITY, "A:1", LK_OK, NULL },
		{ "oAo", LK_ELECTION_FEW, "A:1", LK_E_STORE, "only 1 of 3" },
		/* What is to be mended is named. */
		{ "nnn", LK_ELECTION_NONE, "", LK_E_SETTINGS,
		    "store.sentinel.master" },
		{ "ccc", LK_ELECTION_NONE, "", LK_E_SETTINGS,
		    "store.sentinel.password" },
		{ "ccn", LK_ELECTION_NONE, "", LK_E_SETTINGS,
		    "store.sentinel.password" },
		{ "rrr", LK_ELECTION_NONE, "", LK_E_SETTINGS,
		    "store.sentinel.addresses" },
	};
	struct lk_vote votes[VOTERS_MAX];
	struct lk_ballot ballot;
	struct lk_error error;
	size_t total;

	EACH(c, cases) {
		total = read_votes(c->votes, votes);
		ballot = lk_votes_count(votes, total);
		if (ballot.election != c->election ||
		    strcmp(ballot.address, c->address) != 0)
			fail_msg("%s: election %d, \"%s\"", c->votes,
			    (int)ballot.election, ballot.address);
		if (c->why == NULL)
			continue;
		if (lk_votes_explain(votes, &ballot, "m", &error) !=
		        c->status || strstr(error.text, c->why) == NULL)
			fail_msg("%s: %s", c->votes, error.text);
	}
}

static void
test_redis_vote_two_majorities_always_meet(void **state)
{
	size_t total;

	for (total = 1; total <= 16; total++)
		assert_true(2 * lk_votes_majority(total) > total);
	assert_int_equal(lk_votes_majority(1), 1);
	assert_int_equal(lk_votes_majority(2), 2);
	assert_int_equal(lk_votes_majority(3), 2);
	assert_int_equal(lk_votes_majority(5), 3);
}

static void
test_redis_vote_listed_majority_overlaps_each_of_all(void **state)
{
	/* By how many are listed and how many there are: the fewest of those
	 * listed that are a majority, and the fewest of all that are one, have
	 * more than there are only if they share one. */
	static const bool overlap[6][6] = {
		{ false },
		{ false, true, true, false, false, false },
		{ false, true, true, true, true, false },
		{ false, true, true, true, true, false },
		{ false, true, true, true, true, true },
		{ false, true, true, true, true, true },
	};
	size_t listed, known;

	for (listed = 1; listed < 6; listed++) {
		for (known = 1; known < 6; known++)
			assert_int_equal(lk_votes_overlap(listed, known),
			    overlap[listed][known]);
	}
}

static void
test_redis_vote_most_sentinels_that_one_knows_count(void **state)
{
	struct lk_vote votes[VOTERS_MAX];

	assert_int_equal(read_votes("AAu", votes), 3);
	assert_int_equal(lk_votes_count(votes, 3).known, 0);
	votes[0].sentinels = 3;
	votes[1].sentinels = 5;
	assert_int_equal(lk_votes_count(votes, 3).known, 5);
}

#include "support/suite.h"
