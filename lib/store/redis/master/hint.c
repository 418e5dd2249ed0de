#include <sys/socket.h>

#include <netinet/in.h>
#include <netinet/tcp.h>

#include <errno.h>
#include <unistd.h>

#include <hiredis/hiredis.h>

#include "base/connect.h"
#include "store/redis/master/hint.h"
#include "store/redis/wire/command.h"

/* Longest message, and longest question, with a password in it. */
#define MESSAGE_MAX 4096
#define QUESTION_MAX 16384

void
lk_redis_hint_close(struct lk_redis_hint *hint)
{
	if (hint->fd >= 0)
		(void)close(hint->fd);
	hint->fd = -1;
	lk_redis_reader_free(hint->reader);
	hint->reader = NULL;
	hint->unread = 0;
}

/*
 * Notice a Sentinel whose machine is gone: it will never say so.  It is nothing
 * to a unix socket.
 */
static bool
keep_alive(int fd)
{
	static const struct {
		int level, option, value;
	} options[] = { { SOL_SOCKET, SO_KEEPALIVE, 1 },
		{ IPPROTO_TCP, TCP_KEEPIDLE, 5 },
		{ IPPROTO_TCP, TCP_KEEPINTVL, 2 },
		{ IPPROTO_TCP, TCP_KEEPCNT, 3 } };
	size_t i;

	for (i = 0; i < sizeof(options) / sizeof(options[0]); i++) {
		if (setsockopt(fd, options[i].level, options[i].option,
		        &options[i].value, sizeof(options[i].value)) != 0 &&
		    errno != EOPNOTSUPP && errno != ENOPROTOOPT)
			return (false);
	}
	return (true);
}

static bool
subscribe(const struct lk_redis_hint *hint, const struct lk_settings *settings)
{
	struct lk_buf out = LK_BUF_INIT(QUESTION_MAX);
	struct lk_redis_command commands[2];
	size_t count = 0;
	bool done;

	count += lk_redis_command_auth(&commands[count],
	    settings->store.sentinel.username,
	    settings->store.sentinel.password);
	lk_redis_command(&commands[count], "SUBSCRIBE");
	lk_redis_arg_str(&commands[count++], "+switch-master");
	done = lk_redis_command_format(commands, count, &out) == LK_OK &&
	    send(hint->fd, out.data, out.len, MSG_NOSIGNAL | MSG_DONTWAIT) ==
	        (ssize_t)out.len;
	lk_buf_free(&out);
	return (done);
}

bool
lk_redis_hint_open(struct lk_redis_hint *hint,
    const struct lk_settings *settings, struct lk_deadline deadline)
{
	const struct lk_strings *all = &settings->store.sentinel.addresses;
	struct lk_address address;
	const char *why;

	lk_redis_hint_close(hint);
	if (lk_address_parse(all->v[hint->next++ % all->n], &address) !=
	        LK_OK ||
	    lk_connect(&address, deadline, &hint->fd, &why) != LK_OK)
		return (false);
	hint->reader = lk_redis_reader_new();
	if (hint->reader != NULL && keep_alive(hint->fd) &&
	    subscribe(hint, settings))
		return (true);
	lk_redis_hint_close(hint);
	return (false);
}

/* Whether ${reply} is a message, and not the answer to a command. */
static bool
is_message(const struct lk_redis_reply *reply)
{
	return (reply->type == LK_REDIS_ARRAY && reply->elements == 3 &&
	    lk_redis_reply_is(reply->element[0], "message"));
}

/* Take whole replies out of the reader; false if they end in rubbish. */
static bool
read_whole(struct lk_redis_hint *hint, bool *message)
{
	struct lk_redis_reply *reply;
	void *object;
	bool refused = false;

	for (;;) {
		object = NULL;
		if (redisReaderGetReply(hint->reader, &object) != REDIS_OK)
			return (false);
		if ((reply = object) == NULL)
			return (!refused && hint->unread <= MESSAGE_MAX);
		hint->unread = 0;
		*message |= is_message(reply);
		refused |= reply->type == LK_REDIS_ERROR;
		lk_redis_reply_free(reply);
	}
}

bool
lk_redis_hint_read(struct lk_redis_hint *hint)
{
	char bytes[MESSAGE_MAX];
	bool message = false;
	ssize_t n;

	n = recv(hint->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return (false);
	if (n > 0)
		hint->unread += (size_t)n;
	if (n <= 0 ||
	    redisReaderFeed(hint->reader, bytes, (size_t)n) != REDIS_OK ||
	    !read_whole(hint, &message))
		lk_redis_hint_close(hint);
	return (message);
}
