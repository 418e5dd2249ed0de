/*
 * Checks that do not wait, at a Redis that is this test itself: one thread is
 * both, and says what it likes, when it likes.
 */
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <errno.h>
#include <poll.h>

#include "session/token.h"
#include "support/temp_dir.h"

/* Long enough for any machine; nothing waits for it but a test that fails. */
#define PATIENCE_MS 20000
#define SLOW "command_timeout_ms = 30000; connect_timeout_ms = 30000;"
/* So long that what is said in time is heard in time. */
#define QUICK "command_timeout_ms = 1000; connect_timeout_ms = 1000;"
#define TIME "*2\r\n$10\r\n1700000000\r\n$1\r\n0\r\n"
#define NOW_MS INT64_C(1700000000000)
#define NIL "$-1\r\n"

struct scene {
	struct temp_dir dir;
	struct lk_settings *settings;
	struct lk_checks *checks;
	int listener;
	int peer; /* -1: it has not connected, or was closed */
	char *heard; /* what came of it that no test has asked for yet */
	size_t heard_len;
};

static struct scene scene;

#define HEARD_SIZE (1 << 21)

/* ---- The Redis --------------------------------------------------------- */

static void
scene_open(const char *redis)
{
	struct sockaddr_un sun = { .sun_family = AF_UNIX };
	struct lk_error error = { "" };
	char text[1024];

	temp_dir_make(&scene.dir);
	(void)snprintf(sun.sun_path, sizeof(sun.sun_path), "%s/redis",
	    scene.dir.path);
	scene.listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(scene.listener, (struct sockaddr *)&sun,
	                     sizeof(sun)),
	    0);
	assert_int_equal(listen(scene.listener, 8), 0);
	scene.peer = -1;
	scene.heard = malloc(HEARD_SIZE);
	scene.heard_len = 0;
	assert_non_null(scene.heard);
	(void)snprintf(text, sizeof(text),
	    "store = { backend = \"redis\"; redis = { address = "
	    "\"unix:%s/redis\"; %s }; };\n",
	    scene.dir.path, redis);
	if (lk_settings_load(temp_write(&scene.dir, "conf", text,
	                         strlen(text), 0600),
	        &scene.settings, &error) != LK_OK)
		fail_msg("%s", error.text);
	assert_int_equal(lk_checks_new(scene.settings, NULL, &scene.checks,
	                     &error),
	    LK_OK);
}

static void
scene_hang_up(void)
{
	assert_int_equal(close(scene.peer), 0);
	scene.peer = -1;
	scene.heard_len = 0;
}

static void
scene_close(void)
{
	lk_checks_free(scene.checks);
	lk_settings_free(scene.settings);
	if (scene.peer >= 0)
		scene_hang_up();
	(void)close(scene.listener);
	free(scene.heard);
	temp_dir_remove(&scene.dir);
}

static void
scene_again(const char *redis)
{
	scene_close();
	scene_open(redis);
}

static int
setup(void **state)
{
	scene_open(SLOW);
	return (0);
}

static int
teardown(void **state)
{
	scene_close();
	return (0);
}

/*
 * One turn of the loop: wait for what either side wants, and go on.  What it
 * says of its own descriptor is what poll(2) said.
 */
static void
turn(int wait_ms)
{
	struct lk_checks_wants wants;
	struct pollfd p[3];
	ssize_t n;

	lk_checks_wants(scene.checks, &wants);
	p[0] = (struct pollfd){ .fd = wants.fd, .events = wants.events };
	p[1] = (struct pollfd){ .fd = scene.peer < 0 ? scene.listener : -1,
		.events = POLLIN };
	p[2] = (struct pollfd){ .fd = scene.peer, .events = POLLIN };
	if (poll(p, 3, wait_ms) == 0 && wait_ms == PATIENCE_MS)
		fail_msg("nothing has come");
	if (p[1].revents != 0) {
		scene.peer = accept(scene.listener, NULL, NULL);
		assert_true(scene.peer >= 0);
	} else if (p[2].revents != 0) {
		n = recv(scene.peer, scene.heard + scene.heard_len,
		    HEARD_SIZE - scene.heard_len, MSG_DONTWAIT);
		if (n <= 0)
			scene_hang_up();
		else
			scene.heard_len += (size_t)n;
	}
	lk_checks_go_on(scene.checks, p[0].revents);
}

/* How long the first whole command is that was heard; 0: there is none. */
static size_t
first_command(size_t from)
{
	const char *at = scene.heard + from, *end =
	    scene.heard + scene.heard_len;
	long args, len;
	char *after;

	if (at == end || at[0] != '*')
		return (0);
	args = strtol(at + 1, &after, 10) + 0;
	at = after + 2;
	for (; args > 0; args--) {
		if (at >= end || at[0] != '$')
			return (0);
		len = strtol(at + 1, &after, 10);
		at = after + 2 + len + 2;
	}
	return (at > end ? 0 : (size_t)(at - scene.heard) - from);
}

/* Go on until so many commands have come, and take them. */
static void
hear(size_t count)
{
	size_t i, len = 0, all = 0;

	scene.heard[scene.heard_len] = '\0';
	for (i = 0; i < count; all += len, i++) {
		while ((len = first_command(all)) == 0) {
			turn(PATIENCE_MS);
			scene.heard[scene.heard_len] = '\0';
		}
	}
	memmove(scene.heard, scene.heard + all, scene.heard_len - all);
	scene.heard_len -= all;
	scene.heard[scene.heard_len] = '\0';
}

static void
say(const char *text)
{
	const size_t len = strlen(text);

	assert_int_equal(send(scene.peer, text, len, MSG_NOSIGNAL), len);
}

/* Let it connect, and answer what is asked at first. */
static void
greet(void)
{
	hear(1);
	say(TIME);
}

/* Nothing else has been asked. */
static void
hear_nothing_else(void)
{
	turn(0);
	turn(0);
	assert_int_equal(scene.heard_len, 0);
}

/* ---- Tokens ------------------------------------------------------------ */

/* The token of user ${n}, u0 and so on, in one of the two shapes. */
static void
token_of(int n, bool gosession, struct lk_token *token)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef";
	char text[LK_TOKEN_LATCHKEY_LEN + 1] = "lk_";

	if (gosession) {
		(void)snprintf(text, sizeof(text), "u%d_%032x", n,
		    (unsigned int)n + 1);
	} else {
		memset(text + 3, 'A', LK_TOKEN_LATCHKEY_LEN - 3);
		text[10] = digits[n % 32];
		text[40] = digits[n / 32 % 32];
		text[50] = digits[n / 1024];
	}
	assert_int_equal(lk_token_set(token, text, strlen(text)), LK_OK);
}

/* Say the record of the session of user ${n}, which ends in ${left_ms}. */
static void
say_record(int n, int64_t left_ms)
{
	char digest[LK_DIGEST_TEXT_LEN + 1], record[256], reply[300];
	struct lk_token_key key;
	struct lk_token token;

	token_of(n, false, &token);
	assert_int_equal(lk_token_parse(&token, &key), LK_OK);
	lk_base64url(key.digest, LK_DIGEST_LEN, digest);
	(void)snprintf(record, sizeof(record),
	    "1 1699999999000000 %lld %s - u%d",
	    (long long)(NOW_MS + left_ms), digest, n);
	(void)snprintf(reply, sizeof(reply), "$%zu\r\n%s\r\n", strlen(record),
	    record);
	say(reply);
}

/* ---- Checks ------------------------------------------------------------ */

static char whose[LK_CHECKS_MAX + 1]; /* one byte for each user */

static enum lk_status
try_start(int n, bool detail)
{
	struct lk_token token;
	enum lk_status status;

	token_of(n, false, &token);
	status = lk_check_start(scene.checks, &token, detail, &whose[n]);
	lk_token_wipe(&token);
	return (status);
}

static void
start(int n)
{
	assert_int_equal(try_start(n, false), LK_OK);
}

/* Start the checks of these users, and hear the command of each. */
static void
ask(int first, int last)
{
	int n;

	for (n = first; n <= last; n++)
		start(n);
	hear((size_t)(last - first + 1));
}

/* Say their records. */
static void
say_records(int first, int last)
{
	int n;

	for (n = first; n <= last; n++)
		say_record(n, 5000);
}

/* Go on until a check is finished, which is user ${n}'s and ends so. */
static void
finish_with(int n, enum lk_status status,
    struct lk_checked *checked)
{
	while (!lk_check_finish(scene.checks, checked))
		turn(10);
	assert_ptr_equal(checked->whose, &whose[n]);
	if (checked->status != status)
		fail_msg("user %d: expected \"%s\", got \"%s\": %s", n,
		    lk_status_name(status), lk_status_name(checked->status),
		    lk_checks_error(scene.checks));
	if (status != LK_OK)
		assert_string_equal(checked->session.user, "");
}

static void
finish(int n, enum lk_status status)
{
	struct lk_checked checked;
	char user[16];

	finish_with(n, status, &checked);
	(void)snprintf(user, sizeof(user), "u%d", n);
	if (status == LK_OK)
		assert_string_equal(checked.session.user, user);
	lk_user_clear(&checked.user);
}

/* Go on until theirs are finished, in this order, and all end so. */
static void
finish_all(int first, int last, enum lk_status status)
{
	int n;

	for (n = first; n <= last; n++)
		finish(n, status);
}

static void
finish_nothing(void)
{
	struct lk_checked checked;

	turn(0);
	turn(0);
	assert_false(lk_check_finish(scene.checks, &checked));
	assert_int_equal(checked.status, LK_FAULT);
}

/* ---- The order of replies ----------------------------------------------- */

/* Connect, by the check of user 0, who is let in. */
static void
connect_first(void)
{
	start(0);
	greet();
	hear(1);
	say_record(0, 5000);
	finish(0, LK_OK);
}

static void
test_checks_of_one_turn_are_one_write_and_answered_in_order(void **state)
{
	int n;

	connect_first();
	for (n = 1; n < 9; n++)
		start(n);
	lk_checks_go_on(scene.checks, 0);
	/* All that there is to read came with one write. */
	turn(PATIENCE_MS);
	hear(8);
	say_records(1, 8);
	finish_all(1, 8, LK_OK);
	hear_nothing_else();
}

static void
test_checks_reply_in_any_parts_is_one_reply(void **state)
{
	char text[400];
	ssize_t len;
	int pair[2], i, j;

	connect_first();
	ask(1, 2);
	/* What would be said, to be said otherwise. */
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	i = scene.peer;
	scene.peer = pair[0];
	say_records(1, 2);
	scene.peer = i;
	len = read(pair[1], text, sizeof(text));
	for (j = 0; j < (int)len; j++) {
		assert_int_equal(send(scene.peer, &text[j], 1, 0), 1);
		turn(0);
	}
	finish_all(1, 2, LK_OK);
	(void)close(pair[0]);
	(void)close(pair[1]);
}

/* What is said instead of user 1's record, with users 2 and 3 under way. */
static void
test_checks_reply_that_does_not_fit_fails_all_and_drops_the_connection(
    void **state)
{
	static const struct {
		const char *says; /* NULL: the record of user 2 */
		enum lk_status status;
	} cases[] = { { NULL, LK_E_CORRUPT }, { "$1\r\nx\r\n", LK_E_CORRUPT },
		{ ":1\r\n", LK_E_CORRUPT }, { "*0\r\n", LK_E_CORRUPT },
		{ "?\r\n", LK_E_CORRUPT }, { "-ERR no\r\n", LK_E_STORE },
		{ "-WRONGTYPE x\r\n", LK_E_CORRUPT },
		{ "-NOPERM x\r\n", LK_E_SETTINGS },
		{ "-LOADING x\r\n", LK_E_WOULD_WAIT } };

	EACH(c, cases) {
		scene_again(SLOW);
		connect_first();
		ask(1, 3);
		if (c->says == NULL)
			say_record(2, 5000);
		else
			say(c->says);
		say_records(2, 3);
		finish_all(1, 3, c->status);
		while (scene.peer >= 0)
			turn(PATIENCE_MS);
		connect_first();
	}
}

static void
test_checks_one_reply_too_many_drops_the_connection(void **state)
{
	connect_first();
	/* With nothing under way. */
	say_record(0, 5000);
	while (scene.peer >= 0)
		turn(PATIENCE_MS);
	finish_nothing();
	/* Behind one that was asked for, before the next was sent. */
	connect_first();
	ask(1, 1);
	start(2);
	say_records(1, 2);
	lk_checks_go_on(scene.checks, POLLIN);
	finish(1, LK_OK);
	finish(2, LK_E_CORRUPT);
}

static void
test_checks_one_that_timed_out_keeps_its_place(void **state)
{
	scene_again(QUICK);
	connect_first();
	ask(1, 1);
	finish(1, LK_E_TIMEOUT);
	ask(2, 2);
	say_records(1, 2);
	finish(2, LK_OK);
	finish_nothing();
	assert_true(scene.peer >= 0);
}

static void
test_checks_given_up_keeps_its_place_and_is_not_finished(void **state)
{
	int n;

	connect_first();
	for (n = 1; n < 5; n++)
		start(n);
	assert_true(lk_check_give_up(scene.checks, &whose[2]));
	assert_false(lk_check_give_up(scene.checks, &whose[2]));
	hear(4);
	assert_true(lk_check_give_up(scene.checks, &whose[3]));
	say_records(1, 4);
	/* One that is finished, and not taken yet. */
	turn(PATIENCE_MS);
	while (!lk_check_give_up(scene.checks, &whose[1]))
		turn(PATIENCE_MS);
	finish(4, LK_OK);
	finish_nothing();
}

/* ---- What a reply means ------------------------------------------------- */

static void
test_checks_session_that_is_unknown_is_asked_for_again(void **state)
{
	connect_first();
	ask(1, 3);
	say(NIL NIL NIL);
	/* A GET, a ZSCORE and why it ended, each. */
	hear(9);
	finish_nothing();
	say(NIL NIL NIL NIL "$1\r\n1\r\n" NIL);
	say_record(3, 5000);
	say(NIL NIL);
	finish(1, LK_UNKNOWN);
	finish(2, LK_EXPIRED);
	finish(3, LK_OK);
}

/* Replies one place too late never refuse who is live. */
static void
test_checks_swapped_replies_refuse_nobody(void **state)
{
	connect_first();
	ask(1, 2);
	say(NIL);
	say_record(1, 5000);
	finish_all(1, 2, LK_E_CORRUPT);
}

/* Its own record where the user's belongs refuses nobody, first or later. */
static void
test_checks_replies_swapped_within_one_answer_refuse_nobody(void **state)
{
	int second;

	for (second = 0; second < 2; second++) {
		scene_again(SLOW);
		connect_first();
		assert_int_equal(try_start(1, true), LK_OK);
		hear(2);
		if (second) {
			say(NIL NIL);
			hear(4);
		}
		say(NIL);
		say_record(1, 5000);
		say(second ? NIL NIL : "");
		finish(1, LK_E_CORRUPT);
	}
}

static void
test_checks_session_ends_by_the_clock_of_its_redis(void **state)
{
	struct lk_checked checked;

	start(1);
	start(2);
	greet();
	hear(2);
	say_record(1, 3600000);
	say_record(2, -1);
	finish_with(1, LK_OK, &checked);
	assert_in_range(checked.session.ttl, 3500, 3600);
	assert_int_equal(checked.session.expires_at, NOW_MS / 1000 + 3600);
	finish(2, LK_EXPIRED);
}

static void
test_checks_token_of_no_shape_is_malformed_at_once(void **state)
{
	struct lk_token token;

	assert_int_equal(lk_token_set(&token, "lk_", 3), LK_OK);
	assert_int_equal(
	    lk_check_start(scene.checks, &token, false, NULL), LK_MALFORMED);
	finish_nothing();
}

static void
test_checks_detail_is_that_of_the_user_or_a_managers_to_find(void **state)
{
	struct lk_checked checked;
	int n;

	connect_first();
	for (n = 1; n < 4; n++)
		assert_int_equal(try_start(n, true), LK_OK);
	hear(6);
	say_record(1, 5000);
	say("$26\r\n{\"id\":\"u1\",\"detail\":[1,2]}\r\n");
	say_record(2, 5000);
	say(NIL);
	say_record(3, 5000);
	say("$26\r\n{\"id\":\"u1\",\"detail\":[1,2]}\r\n");
	finish_with(1, LK_OK, &checked);
	assert_string_equal(checked.user.id, "u1");
	assert_string_equal(checked.user.detail, "[1,2]");
	lk_user_clear(&checked.user);
	finish(2, LK_E_WOULD_WAIT);
	finish(3, LK_E_CORRUPT);
}

/* Its replies do not name the session that they are about. */
static void
test_checks_layout_gosession_is_asked_one_by_one(void **state)
{
	struct lk_token token;
	struct lk_checked checked;
	char text[128];
	int n;

	scene_again(SLOW "layout = \"gosession\";");
	for (n = 0; n < 3; n++) {
		token_of(n, true, &token);
		assert_int_equal(lk_check_start(scene.checks, &token, false,
		                     &whose[n]),
		    LK_OK);
	}
	greet();
	for (n = 0; n < 3; n++) {
		hear(3);
		hear_nothing_else();
		(void)snprintf(text, sizeof(text),
		    "$17\r\ngosession-user_u%d\r\n:%lld\r\n:%d\r\n", n,
		    (long long)(NOW_MS + 5000), n == 1 ? 0 : 1);
		say(text);
		if (n != 1)
			finish_with(n, LK_OK, &checked);
	}
	/* Who is unknown is told so, though why may not be read. */
	hear(5);
	hear_nothing_else();
	say("$-1\r\n:-2\r\n:0\r\n-NOPERM no rights\r\n$-1\r\n");
	finish_with(1, LK_UNKNOWN, &checked);
	assert_int_equal(checked.ended, LK_REASON_NONE);
}

/* ---- The connection ----------------------------------------------------- */

static void
test_checks_kept_connection_that_was_closed_is_replaced_once(void **state)
{
	connect_first();
	ask(1, 2);
	say_record(1, 5000);
	finish(1, LK_OK);
	scene_hang_up();
	start(3);
	/* What was not answered is sent again, and what is new as well. */
	greet();
	hear(2);
	hear_nothing_else();
	say_record(2, 5000);
	finish(2, LK_OK);
	scene_hang_up();
	start(4);
	greet();
	hear(2);
	scene_hang_up();
	/* User 3's was sent twice. */
	finish(3, LK_E_STORE);
	greet();
	hear(1);
	say_record(4, 5000);
	finish(4, LK_OK);
}

static void
test_checks_idle_connection_that_is_closed_fails_nobody(void **state)
{
	connect_first();
	scene_hang_up();
	finish_nothing();
	connect_first();
}

static void
test_checks_nobody_there_fails_at_once(void **state)
{
	(void)close(scene.listener);
	scene.listener = -1;
	assert_int_equal(try_start(1, false), LK_E_STORE);
	assert_non_null(strstr(lk_checks_error(scene.checks), "connect"));
	finish_nothing();
}

static void
test_checks_greeting_that_is_refused_fails_all(void **state)
{
	static const struct {
		const char *says[3]; /* to AUTH, SELECT and TIME */
		enum lk_status status;
	} cases[] = {
		{ { "-WRONGPASS x\r\n", "+OK\r\n", TIME }, LK_E_SETTINGS },
		{ { "+OK\r\n", "-ERR DB index is out of range\r\n", TIME },
		    LK_E_SETTINGS },
		{ { "+OK\r\n", "+OK\r\n", "-NOPERM x\r\n" }, LK_E_SETTINGS },
		{ { "+OK\r\n", "+OK\r\n", "+OK\r\n" }, LK_E_CORRUPT },
		{ { "+OK\r\n", "+OK\r\n", TIME TIME }, LK_E_CORRUPT },
		{ { "\x15\x03\x01", "", "" }, LK_E_SETTINGS },
		{ { "-ERR max number of clients reached\r\n", "+OK\r\n",
		      TIME },
		    LK_E_WOULD_WAIT },
		{ { "-LOADING x\r\n", "+OK\r\n", TIME }, LK_E_WOULD_WAIT },
	};
	size_t j;

	EACH(c, cases) {
		scene_again(
		    SLOW "username = \"me\"; password = \"x\"; database = 3;");
		start(1);
		start(2);
		hear(3);
		/* Nothing is asked of who has not let us in. */
		hear_nothing_else();
		for (j = 0; j < 3; j++)
			say(c->says[j]);
		finish_all(1, 2, c->status);
	}
}

static void
test_checks_silent_connection_is_replaced(void **state)
{
	scene_again(QUICK);
	connect_first();
	ask(1, 1);
	finish(1, LK_E_TIMEOUT);
	while (scene.peer >= 0)
		turn(10);
	connect_first();
}

static void
test_checks_many_that_time_out_are_left_to_a_manager(void **state)
{
	enum lk_status status = LK_OK;
	int n, tries;

	/* It is so for a moment alone, and this process may miss it. */
	for (tries = 0; tries < 10 && status != LK_E_WOULD_WAIT; tries++) {
		scene_again(QUICK);
		connect_first();
		for (n = 1; n < 6; n++)
			start(n);
		finish_all(1, 5, LK_E_TIMEOUT);
		status = try_start(6, false);
	}
	assert_int_equal(status, LK_E_WOULD_WAIT);
}

static void
test_checks_beyond_the_most_are_left_to_a_manager(void **state)
{
	int n;

	connect_first();
	for (n = 0; n < LK_CHECKS_MAX; n++)
		start(n);
	assert_int_equal(try_start(n, false), LK_E_WOULD_WAIT);
	hear(LK_CHECKS_MAX);
	for (n = 0; n < LK_CHECKS_MAX; n++) {
		say_record(n, 5000);
		turn(0);
	}
	finish_all(0, LK_CHECKS_MAX - 1, LK_OK);
	start(n);
}

static void
test_checks_child_leaves_its_parents_connection_alone(void **state)
{
	struct lk_checked checked;
	int status;
	pid_t pid;

	connect_first();
	ask(1, 1);
	if ((pid = fork()) == 0) {
		status = !lk_check_finish(scene.checks, &checked) ||
		    checked.status != LK_E_WOULD_WAIT ||
		    checked.whose != &whose[1] ||
		    lk_check_finish(scene.checks, &checked) ||
		    try_start(2, false) != LK_OK;
		lk_checks_go_on(scene.checks, 0);
		lk_checks_free(scene.checks);
		_exit(status);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	hear_nothing_else();
	say_record(1, 5000);
	finish(1, LK_OK);
}

#define SUITE_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#include "support/suite.h"
