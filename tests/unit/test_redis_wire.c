/* One socket to one Redis: how long it is waited for, and what its errors mean.
 */
#include <sys/socket.h>

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "store/redis/wire/wire.h"

#define COMMAND_MS 50

/* Answer one question, later than a command's time-out. */
static void *
answer_late(void *arg)
{
	const int fd = *(int *)arg;
	char question[256];

	if (read(fd, question, sizeof(question)) > 0 &&
	    poll(NULL, 0, 2 * COMMAND_MS) == 0)
		(void)send(fd, "+PONG\r\n", 7, MSG_NOSIGNAL);
	return (NULL);
}

static void
test_redis_wire_first_byte_has_the_time_of_the_operation(void **state)
{
	const struct lk_redis_settings settings = { .command_timeout_ms =
		                                        COMMAND_MS };
	const struct lk_redis_manners manners = { .settings = &settings };
	struct lk_error error = { "" };
	struct lk_redis_command command;
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_wire wire;
	pthread_t thread;
	int fd[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	lk_redis_wire_init(&wire, &manners, &error);
	assert_int_equal(lk_redis_wire_take(&wire, fd[0]), LK_OK);
	assert_int_equal(
	    pthread_create(&thread, NULL, answer_late, &fd[1]), 0);
	lk_redis_command(&command, "PING");
	assert_int_equal(lk_redis_wire_ask(&wire, &command, 1,
	                     lk_deadline_in(60000), &reply),
	    LK_OK);
	assert_true(lk_redis_reply_is(reply, "PONG"));
	lk_redis_reply_free(reply);
	assert_int_equal(pthread_join(thread, NULL), 0);
	lk_redis_wire_drop(&wire);
	(void)close(fd[1]);
}

/* As Redis 7.0, 7.2 and 8 and Valkey say it. */
static void
test_redis_refusal_that_must_be_mended_is_one_of_settings(void **state)
{
	static const struct {
		const char *text;
		enum lk_status status;
	} cases[] = {
		{ "LOADING Redis is loading the dataset", LK_E_STORE },
		{ "OOM command not allowed when used memory > 'maxmemory'.",
		    LK_E_STORE },
		{ "ERR unknown command 'EVALSHA', with args beginning with: ",
		    LK_E_SETTINGS },
		{ "ERR Unknown Redis command called from script script: 6e04, "
		  "on @user_script:1.",
		    LK_E_SETTINGS },
		{ "ERR Unknown command called from script script: 6e04, on "
		  "@user_script:1.",
		    LK_E_SETTINGS },
		{ "NOPERM User app has no permissions to run the 'get' command",
		    LK_E_SETTINGS },
		{ "ERR The user executing the script can't run this command or "
		  "subcommand script: a792, on @user_script:1.",
		    LK_E_SETTINGS },
		{ "ERR The user executing the script can't access at least one "
		  "of the keys mentioned in the command arguments",
		    LK_E_SETTINGS },
		{ "ERR ACL failure in script: User app has no permissions to "
		  "run the 'set' command script: a792, on @user_script:1.",
		    LK_E_SETTINGS },
		{ "CROSSSLOT Keys in request don't hash to the same slot",
		    LK_E_SETTINGS },
		{ "DENIED Redis is running in protected mode because ...",
		    LK_E_SETTINGS },
		{ "ERR something else", LK_E_STORE },
	};
	struct lk_redis_reply reply = { .type = LK_REDIS_ERROR };
	struct lk_error error;
	char text[256];
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s", cases[i].text);
		reply.text = text;
		reply.len = strlen(text);
		if (lk_redis_reply_refusal(&reply, "here", &error) !=
		    cases[i].status)
			fail_msg("%s: %s", text, error.text);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
		    test_redis_wire_first_byte_has_the_time_of_the_operation),
		cmocka_unit_test(
		    test_redis_refusal_that_must_be_mended_is_one_of_settings),
	};

	return (cmocka_run_group_tests(tests, NULL, NULL));
}
