/*
 * One connection to one Redis: how long it is waited for, what can be done
 * without waiting, and what its errors mean.
 */
#include <sys/socket.h>

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <unistd.h>

#include "support/test.h"
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

/* ---- Without waiting --------------------------------------------------- */

/* A channel to a peer that is ${peer}. */
static void
open_channel(struct lk_redis_channel *channel, int *peer)
{
	int fd[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
	*channel = (struct lk_redis_channel){ .most = 64 };
	lk_stream_take(&channel->stream, fd[0]);
	assert_true(lk_redis_channel_start(channel, ""));
	*peer = fd[1];
}

/* Let the peer say that, and read it. */
static int
read_what_says(struct lk_redis_channel *channel, int peer, const char *text)
{
	assert_int_equal(write(peer, text, strlen(text)), strlen(text));
	return (lk_redis_channel_read(channel));
}

static void
test_redis_channel_replies_come_whole_and_in_order(void **state)
{
	static const char *const parts[] = { "+o", "ne\r\n$3\r\nt", "wo",
		"\r\n:3\r\n-four\r\n" };
	static const char *const texts[] = { "one", "two", NULL, "four" };
	struct lk_redis_channel channel;
	struct lk_redis_reply *reply;
	size_t i, n = 0;
	int peer;

	open_channel(&channel, &peer);
	assert_int_equal(
	    lk_stream_poll(&channel.stream, POLLIN).events, POLLIN);
	for (i = 0; i < 4; i++) {
		assert_int_equal(lk_redis_channel_read(&channel), EAGAIN);
		assert_int_equal(read_what_says(&channel, peer, parts[i]), 0);
		for (;;) {
			assert_true(lk_redis_channel_next(&channel, &reply));
			if (reply == NULL)
				break;
			assert_int_equal(reply->type == LK_REDIS_INTEGER,
			    texts[n] == NULL);
			if (texts[n] != NULL)
				assert_string_equal(reply->text, texts[n]);
			lk_redis_reply_free(reply);
			n++;
		}
		assert_true(lk_redis_channel_has_more(&channel) == (i < 3));
	}
	assert_int_equal(n, 4);
	(void)close(peer);
	assert_int_equal(lk_redis_channel_read(&channel), ECONNRESET);
	lk_redis_channel_close(&channel);
	assert_int_equal(lk_stream_poll(&channel.stream, POLLIN).fd, -1);
}

static void
test_redis_channel_peer_of_another_kind_is_told_apart(void **state)
{
	static const struct {
		const char *says;
		int error;
		bool reply;
	} cases[] = {
		{ "\x15\x03\x01", EPROTONOSUPPORT, false },
		{ "HTTP/1.1 400 Bad Request\r\n", 0, false },
		{ "+0123456789012345678901234567890123456789012345678901234567"
		  "89\r\n",
		    0, true },
		{ "+0123456789012345678901234567890123456789012345678901234567"
		  "890123\r\n",
		    EMSGSIZE, true },
	};
	struct lk_redis_channel channel;
	struct lk_redis_reply *reply;
	int peer;

	EACH(c, cases) {
		open_channel(&channel, &peer);
		assert_int_equal(read_what_says(&channel, peer, c->says),
		    c->error);
		if (c->error == 0) {
			assert_int_equal(
			    lk_redis_channel_next(&channel, &reply), c->reply);
			lk_redis_reply_free(reply);
		}
		lk_redis_channel_close(&channel);
		(void)close(peer);
	}
}

static void
test_stream_writes_what_can_be_sent_and_no_more(void **state)
{
	static const char bytes[1 << 16];
	struct lk_redis_channel channel;
	struct pollfd p;
	ssize_t n;
	int peer;

	open_channel(&channel, &peer);
	do {
		n = lk_stream_write(&channel.stream, bytes, sizeof(bytes));
	} while (n > 0);
	assert_int_equal(errno, EAGAIN);
	p = lk_stream_poll(&channel.stream, POLLOUT);
	assert_false(lk_stream_is_due(&p));
	assert_int_equal(poll(&p, 1, 0), 0);
	(void)close(peer);
	assert_int_equal(
	    lk_stream_write(&channel.stream, bytes, sizeof(bytes)), -1);
	assert_int_equal(errno, EPIPE);
	lk_redis_channel_close(&channel);
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

	EACH(c, cases) {
		(void)snprintf(text, sizeof(text), "%s", c->text);
		reply.text = text;
		reply.len = strlen(text);
		if (lk_redis_reply_refusal(&reply, "here", &error) !=
		    c->status)
			fail_msg("%s: %s", text, error.text);
	}
}

#include "support/suite.h"
