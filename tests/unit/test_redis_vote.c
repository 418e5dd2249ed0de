#include <hiredis/hiredis.h>

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

/* ---- What one says ------------------------------------------------------ */

/* Feed an array of words, each behind a blank but the first. */
static void
feed_words(redisReader *reader, const char *words)
{
	char text[512];
	const char *at;
	size_t len, n = 0;
	int used;

	for (at = words; at != NULL; at = strchr(at + 1, ' '))
		n++;
	used = snprintf(text, sizeof(text), "*%zu\r\n", n);
	for (at = words; n > 0; n--, at += len + 1) {
		len = strcspn(at, " ");
		used += snprintf(text + used, sizeof(text) - (size_t)used,
		    "$%zu\r\n%.*s\r\n", len, (int)len, at);
	}
	assert_int_equal(redisReaderFeed(reader, text, (size_t)used), REDIS_OK);
}

/* Add what has been fed, behind which ${more} come, to the vote. */
static void
take_fed(redisReader *reader, size_t more, struct lk_vote *vote)
{
	void *reply = NULL;

	assert_int_equal(redisReaderGetReply(reader, &reply), REDIS_OK);
	assert_non_null(reply);
	lk_redis_vote_read(reply, more, vote);
	lk_redis_reply_free(reply);
}

#define HERE "10.0.0.1 6379"
#define STATE(host, flags) \
	"ip " host " port 6379 flags " flags " num-other-sentinels 2"
#define WELL STATE("10.0.0.1", "master")

static void
test_redis_vote_is_what_one_sentinel_says(void **state)
{
	static const struct {
		const char *named, *described;
		const char *replicas[3]; /* their flags */
		enum lk_vote_kind kind;
		bool failing_over;
		size_t sentinels, up;
	} cases[] = {
		{ HERE, WELL, { NULL }, LK_VOTE_NAMES, false, 3, 0 },
		{ HERE, WELL, { "slave", "slave,s_down", "slave,o_down" },
		    LK_VOTE_NAMES, false, 3, 1 },
		/* The one that is chosen may have been told already. */
		{ HERE, WELL, { "slave,s_down,promoted", "slave" },
		    LK_VOTE_NAMES, false, 3, 2 },
		{ HERE, STATE("10.0.0.1", "master,failover_in_progress"),
		    { NULL }, LK_VOTE_NAMES, true, 3, 0 },
		/* It names the next one, and describes the one before. */
		{ HERE, STATE("10.0.0.2", "master,failover_in_progress"),
		    { NULL }, LK_VOTE_NAMES, false, 3, 0 },
		{ HERE, "ip 10.0.0.1 port 6379 flags master", { NULL },
		    LK_VOTE_NAMES, false, 0, 0 },
		{ HERE, WELL " num-other-sentinels 5", { NULL }, LK_VOTE_NAMES,
		    false, 3, 0 },
		{ HERE, "num-other-sentinels 999 " WELL, { NULL },
		    LK_VOTE_NAMES, false, 1000, 0 },
		{ HERE, "num-other-sentinels 1000 " WELL, { NULL },
		    LK_VOTE_NAMES, false, 0, 0 },
		{ HERE, "num-other-sentinels -1 " WELL, { NULL },
		    LK_VOTE_NAMES, false, 0, 0 },
		/* What is no answer is a vote for nobody. */
		{ "10.0.0.1", WELL, { NULL }, LK_VOTE_BROKEN, false, 0, 0 },
		{ HERE " x", WELL, { NULL }, LK_VOTE_BROKEN, false, 0, 0 },
		{ "10.0.0.1 65536", WELL, { NULL }, LK_VOTE_BROKEN, false, 0,
		    0 },
		{ "10.0.0.1 +6379", WELL, { NULL }, LK_VOTE_BROKEN, false, 0,
		    0 },
		{ "unix 6379", WELL, { NULL }, LK_VOTE_BROKEN, false, 0, 0 },
		{ HERE, "ip 10.0.0.1 port 6379", { NULL }, LK_VOTE_BROKEN,
		    false, 0, 0 },
		{ HERE, "flags master", { NULL }, LK_VOTE_BROKEN, false, 0,
		    0 },
	};
	redisReader *reader;
	struct lk_vote vote;
	char words[64];
	size_t i, n;

	EACH(c, cases) {
		memset(&vote, 0, sizeof(vote));
		assert_non_null(reader = lk_redis_reader_new());
		feed_words(reader, c->named);
		take_fed(reader, 2, &vote);
		assert_int_not_equal(vote.kind, LK_VOTE_NAMES);
		feed_words(reader, c->described);
		take_fed(reader, 1, &vote);
		assert_int_not_equal(vote.kind, LK_VOTE_NAMES);
		for (n = 0; n < 3 && c->replicas[n] != NULL; n++)
			continue;
		(void)snprintf(words, sizeof(words), "*%zu\r\n", n);
		assert_int_equal(
		    redisReaderFeed(reader, words, strlen(words)), REDIS_OK);
		for (i = 0; i < n; i++) {
			(void)snprintf(words, sizeof(words), "port 1 flags %s",
			    c->replicas[i]);
			feed_words(reader, words);
		}
		take_fed(reader, 0, &vote);
		if (vote.kind != c->kind)
			fail_msg("%s; %s: %d", c->named, c->described,
			    (int)vote.kind);
		assert_string_equal(vote.address,
		    c->kind == LK_VOTE_NAMES ? "10.0.0.1:6379" : "");
		if (c->kind == LK_VOTE_NAMES) {
			assert_int_equal(vote.failing_over, c->failing_over);
			assert_int_equal(vote.sentinels, c->sentinels);
			assert_int_equal(vote.replicas, c->up);
		}
		lk_redis_reader_free(reader);
	}
}

/* Whatever is said behind it, as by one who lets nobody in and goes on. */
static void
test_redis_vote_first_thing_that_is_wrong_counts(void **state)
{
	static const struct {
		const char *says;
		enum lk_vote_kind kind;
	} cases[] = {
		{ "-NOAUTH Authentication required.\r\n", LK_VOTE_CREDENTIALS },
		{ "-NOPERM x\r\n", LK_VOTE_CREDENTIALS },
		{ "-IDONTKNOW x\r\n", LK_VOTE_UNKNOWN },
		{ "-ERR unknown command\r\n", LK_VOTE_NO_SENTINEL },
		{ "-ERR x\r\n", LK_VOTE_BROKEN },
		{ "$-1\r\n", LK_VOTE_UNKNOWN },
		{ ":1\r\n", LK_VOTE_BROKEN },
		/* A NUL, which would end what is read of it. */
		{ "*2\r\n$9\r\n10.0.0.1\0\r\n$4\r\n6379\r\n", LK_VOTE_BROKEN },
	};
	redisReader *reader;
	struct lk_vote vote;

	EACH(c, cases) {
		memset(&vote, 0, sizeof(vote));
		assert_non_null(reader = lk_redis_reader_new());
		assert_int_equal(redisReaderFeed(reader, c->says,
		    c->says[0] == '*' ? 29 : strlen(c->says)), REDIS_OK);
		take_fed(reader, 2, &vote);
		assert_int_equal(vote.kind, c->kind);
		feed_words(reader, HERE);
		take_fed(reader, 2, &vote);
		feed_words(reader, WELL);
		take_fed(reader, 1, &vote);
		assert_int_equal(redisReaderFeed(reader, "*0\r\n", 4),
		    REDIS_OK);
		take_fed(reader, 0, &vote);
		assert_int_equal(vote.kind, c->kind);
		assert_string_equal(vote.address, "");
		lk_redis_reader_free(reader);
	}
}

#include "support/suite.h"
