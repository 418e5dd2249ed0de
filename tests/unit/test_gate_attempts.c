#include "support/test.h"
#include "endpoints/attempts.h"

#define PER_MINUTE 3

static struct gate_attempts attempts;

static struct gate_attempts_word
attempt(const char *user, const char *peer, uint32_t now)
{
	return (gate_attempts_begin(&attempts, user, peer, PER_MINUTE, now));
}

static void
fail_often(const char *user, const char *peer, uint32_t now, int times)
{
	for (; times > 0; times--)
		assert_false(attempt(user, peer, now).refused);
}

static void
begin_anew(void)
{
	memset(&attempts, 0, sizeof(attempts));
}

static void
test_gate_attempts_of_one_user_from_one_address_are_so_many(void **state)
{
	struct gate_attempts_word word;

	begin_anew();
	fail_often("alice", "192.0.2.1", 100, PER_MINUTE);
	word = attempt("alice", "192.0.2.1", 130);
	assert_true(word.refused);
	assert_int_equal(word.wait, GATE_ATTEMPTS_WINDOW - 30);
	/* Another user, another address, and nobody locked out. */
	fail_often("bob", "192.0.2.1", 130, 1);
	fail_often("alice", "192.0.2.2", 130, 1);
	fail_often("alice", "192.0.2.1", 100 + GATE_ATTEMPTS_WINDOW, 1);
}

static void
test_gate_attempts_refused_do_not_prolong_it(void **state)
{
	int i;

	begin_anew();
	fail_often("alice", "192.0.2.1", 100, PER_MINUTE);
	for (i = 0; i < 100; i++)
		assert_true(attempt("alice", "192.0.2.1", 159).refused);
	fail_often("alice", "192.0.2.1", 160, 1);
}

static void
test_gate_attempts_of_one_address_are_so_many(void **state)
{
	char user[16];
	int i;

	begin_anew();
	for (i = 0; i < PER_MINUTE * GATE_ATTEMPTS_USERS; i++) {
		(void)snprintf(user, sizeof(user), "user%d", i);
		fail_often(user, "192.0.2.1", 100, 1);
	}
	assert_true(attempt("another", "192.0.2.1", 100).refused);
	fail_often("another", "192.0.2.2", 100, 1);
}

static const struct {
	const char *first, *second;
	bool same;
} addresses[] = {
	{ "192.0.2.1", "192.0.2.1", true },
	{ "192.0.2.1", "192.0.2.2", false },
	{ "192.0.2.1", "::ffff:192.0.2.1", true },
	{ "::ffff:192.0.2.1", "::ffff:192.0.2.2", false },
	{ "2001:db8:1:2::1", "2001:db8:1:2:3:4:5:6", true },
	{ "2001:db8:1:2::1", "2001:0DB8:1:2::", true },
	{ "2001:db8:1:2::1", "2001:db8:1:3::1", false },
	{ "192.0.2.1", "c000:201::", false },
	/* What is no address is one of all who have none. */
	{ NULL, "", true },
	{ NULL, "unix:", true },
	{ NULL, "0.0.0.0", false },
};

static void
test_gate_attempts_count_by_network(void **state)
{
	size_t i;

	for (i = 0; i < sizeof(addresses) / sizeof(addresses[0]); i++) {
		begin_anew();
		fail_often("alice", addresses[i].first, 100, PER_MINUTE);
		if (attempt("alice", addresses[i].second, 100).refused !=
		    addresses[i].same)
			fail_msg("%s", addresses[i].second);
	}
}

static void
test_gate_attempts_know_a_user_in_any_case(void **state)
{
	begin_anew();
	fail_often("alice", "192.0.2.1", 100, PER_MINUTE);
	assert_true(attempt("ALICE", "192.0.2.1", 100).refused);
}

static void
test_gate_attempts_of_one_user_from_everywhere_only_slow_down(void **state)
{
	char peer[32];
	unsigned int slowest = 0;
	struct gate_attempts_word word;
	int i;

	begin_anew();
	for (i = 0; i < 200; i++) {
		(void)snprintf(peer, sizeof(peer), "192.0.2.%d", i);
		word = attempt("alice", peer, 100);
		assert_false(word.refused);
		assert_true(word.slow >= slowest);
		if (i <= PER_MINUTE)
			assert_int_equal(word.slow, 0);
		slowest = word.slow;
	}
	assert_int_equal(slowest, GATE_ATTEMPTS_DELAY_MS);
	assert_int_equal(attempt("bob", "192.0.2.201", 100).slow, 0);
	assert_int_equal(attempt("alice", "192.0.2.202",
	                     100 + GATE_ATTEMPTS_WINDOW)
	                     .slow,
	    0);
}

static void
test_gate_attempts_that_are_forgiven_count_for_nothing(void **state)
{
	int i;

	begin_anew();
	for (i = 0; i < 100; i++) {
		fail_often("alice", "192.0.2.1", 100, 1);
		gate_attempts_forgive(&attempts, "Alice", "192.0.2.1", 100);
	}
	fail_often("alice", "192.0.2.1", 100, PER_MINUTE);
	assert_true(attempt("alice", "192.0.2.1", 100).refused);
	/* Nobody has more than he began with. */
	gate_attempts_forgive(&attempts, "bob", "192.0.2.9", 100);
	fail_often("bob", "192.0.2.9", 100, PER_MINUTE);
	assert_true(attempt("bob", "192.0.2.9", 100).refused);
}

static void
test_gate_attempts_of_many_forget_those_with_the_fewest(void **state)
{
	char user[24], peer[40];
	int i;

	begin_anew();
	fail_often("alice", "192.0.2.1", 100, PER_MINUTE);
	for (i = 0; i < 20 * GATE_ATTEMPTS_SETS; i++) {
		(void)snprintf(user, sizeof(user), "user%d", i);
		(void)snprintf(peer, sizeof(peer), "2001:db8:%x:%x::", i >> 8,
		    i & 0xff);
		(void)attempt(user, peer, 100);
	}
	assert_true(attempt("alice", "192.0.2.1", 100).refused);
}

#include "support/suite.h"
