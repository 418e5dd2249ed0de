/*
 * A Redis that answers anything.  Whatever it sends, a check must not allow,
 * not crash and not outlast its deadline.
 */
#include <poll.h>

#include "impostor.h"

#define HEX "0123456789abcdef0123456789abcdef"
#define QUICK "connect_timeout_ms = 50; command_timeout_ms = 50;"
/* Where the answer comes at once, and time is not what is tried. */
#define PATIENT "connect_timeout_ms = 5000; command_timeout_ms = 5000;"

/* Ask an impostor everything; nothing may come out well. */
static void
ask_everything(struct world *world, enum impostor_way way, const char *bytes,
    size_t len)
{
	struct impostor im;
	struct lk_session session;
	struct lk_token token, issued;
	struct lk_user user;
	uint64_t revoked;

	impostor_start(&im, way, bytes, len);
	world_settle_at(world, im.address, "", QUICK, "");
	world_token(&token, "alice_" HEX);
	assert_true(lk_check(world->m, &token, &session) != LK_OK);
	assert_string_equal(session.user, "");
	assert_true(
	    lk_check_user(world->m, &token, &session, &user) != LK_OK);
	assert_null(user.detail);
	assert_true(lk_refresh(world->m, &token, 60, &session) != LK_OK);
	assert_true(
	    lk_issue(world->m, "alice", NULL, &issued, &session) != LK_OK);
	assert_int_equal(issued.len, 0);
	/* A bare count is all that a revocation can be told. */
	if (lk_revoke(world->m, &token, NULL, &revoked) != LK_OK)
		assert_int_equal(revoked, 0);
	lk_manager_free(world->m);
	world->m = NULL;
	impostor_stop(&im);
}

static void
test_reply_of_any_shape_never_allows(void **state)
{
	static const char *const replies[] = { "+OK\r\n", "$5\r\nalice\r\n",
		"*0\r\n", "*-1\r\n", "*3\r\n$1\r\na\r\n$1\r\nb\r\n$1\r\nc\r\n",
		"-ERR no\r\n", "-NOAUTH x\r\n", "-\r\n", "-LOADING\r\n",
		"$536870912\r\n", "$9223372036854775807\r\n", "$-2\r\n",
		"$abc\r\n", "*1000000000\r\n", "*4097\r\n", "*2147483648\r\n",
		"*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n*1\r\n",
		"\r\n", "HTTP/1.1 200 OK\r\n\r\n", "_\r\n", "#t\r\n",
		",1.5\r\n", "(123\r\n", "%1\r\n+a\r\n+b\r\n", "~1\r\n+a\r\n",
		">1\r\n+a\r\n", "=5\r\ntxt:a\r\n", "|1\r\n+a\r\n+b\r\n",
		":99999999999999999999\r\n", ":x\r\n", ":\r\n",
		"$3\r\nabcde\r\n", "$100\r\nabc", "*2\r\n:1\r\n",
		"\xff\xfe\xfd",
		"+alice\r\n+alice\r\n+alice\r\n+alice\r\n+alice\r\n",
		"$1\r\nx\r\n:99999999999999\r\n:1\r\n$1\r\nx\r\n",
		":1\r\n:1\r\n:1\r\n:1\r\n:1\r\n:1\r\n" };
	struct world *world = *state;

	EACH(c, replies) {
		ask_everything(world, IMPOSTOR_STAYING, *c, strlen(*c));
		ask_everything(world, IMPOSTOR_CLOSING, *c, strlen(*c));
	}
}

static void
test_reply_of_random_bytes_never_allows(void **state)
{
	static const char first[] = "+-:$*";
	struct world *world = *state;
	unsigned int seed = 7;
	char bytes[256];
	size_t i, j;

	for (i = 0; i < 60; i++) {
		for (j = 0; j < sizeof(bytes); j++)
			bytes[j] = (char)(rand_r(&seed) & 0xff);
		bytes[0] = first[i % 5];
		ask_everything(world, IMPOSTOR_CLOSING, bytes, sizeof(bytes));
	}
}

static void
test_dripping_reply_ends_at_the_deadline(void **state)
{
	static const char digits[] = "$1000000\r\n000000";

	ask_everything(*state, IMPOSTOR_DRIPPING, digits, sizeof(digits) - 1);
}

static void
test_endless_line_ends_at_the_cap_or_the_deadline(void **state)
{
	static char line[65536];

	memset(line, 'a', sizeof(line));
	line[0] = '+';
	ask_everything(*state, IMPOSTOR_FLOODING, line, sizeof(line));
}

/* One user's list that is too long must not refuse everybody else. */
static void
test_reply_that_is_too_long_bars_nobody(void **state)
{
	static char line[65536];
	struct world *world = *state;
	struct impostor im;
	struct lk_session session;
	struct lk_token token;
	int i;

	memset(line, 'a', sizeof(line));
	memcpy(line, "$99999999\r\n", 11);
	impostor_start(&im, IMPOSTOR_FLOODING, line, sizeof(line));
	world_settle_at(world, im.address, "",
	    "connect_timeout_ms = 2000; command_timeout_ms = 20000;", "");
	world_token(&token, "alice_" HEX);
	for (i = 0; i < 8; i++) {
		assert_status(
		    LK_E_CORRUPT, lk_check(world->m, &token, &session));
		assert_non_null(strstr(
		    lk_manager_error(world->m), "the reply is longer than"));
	}
	impostor_stop(&im);
}

static void
test_silent_peer_times_out(void **state)
{
	struct world *world = *state;
	struct impostor im;
	struct lk_session session;
	struct lk_token token;

	impostor_start(&im, IMPOSTOR_STAYING, "", 0);
	world_settle_at(world, im.address, "", QUICK, "");
	world_token(&token, "alice_" HEX);
	assert_status(LK_E_TIMEOUT, lk_check(world->m, &token, &session));
	assert_status(LK_E_TIMEOUT, lk_check(world->m, &token, &session));
	/* A connection that failed was not used again. */
	while (im.connections < 2)
		(void)poll(NULL, 0, 5);
	impostor_stop(&im);
}

static void
test_port_for_tls_is_named(void **state)
{
	static const struct {
		enum impostor_way way;
		const char *bytes;
		enum lk_status status;
	} ports[] = { { IMPOSTOR_CLOSING, "", LK_E_STORE },
		{ IMPOSTOR_STAYING, "\x15\x03\x03", LK_E_SETTINGS } };
	struct world *world = *state;
	struct impostor im;
	struct lk_session session;
	struct lk_token token;
	size_t i;

	world_token(&token, "alice_" HEX);
	for (i = 0; i < 2; i++) {
		impostor_start(&im, ports[i].way, ports[i].bytes,
		    strlen(ports[i].bytes));
			world_settle_at(world, im.address, "", PATIENT, "");
		assert_status(ports[i].status,
		    lk_check(world->m, &token, &session));
		assert_non_null(strstr(lk_manager_error(world->m), "TLS"));
		impostor_stop(&im);
	}
}

static void
test_issue_with_a_lost_reply_is_not_sent_again(void **state)
{
	struct world *world = *state;
	struct impostor im;
	struct lk_token token;

	/* On a connection from before, or another would not be tried at all. */
	impostor_start(&im, IMPOSTOR_ONCE, "+PONG\r\n", 7);
	world_settle_at(world, im.address, "", PATIENT, "");
	assert_status(LK_OK, lk_ping(world->m));
	assert_status(
	    LK_E_STORE, lk_issue(world->m, "alice", NULL, &token, NULL));
	assert_int_equal(im.connections, 1);
	assert_int_equal(token.len, 0);
	impostor_stop(&im);
}

#define SUITE_TEST(name) cmocka_unit_test_setup(name, world_reset)
#define SUITE_RUN(tests, count) world_run(WORLD_REDIS, tests, count)
#include "support/suite.h"
