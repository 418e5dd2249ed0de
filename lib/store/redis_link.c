#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <hiredis/hiredis.h>
#include <sodium.h>

#include "connect.h"
#include "redis_link.h"

/* What is read from the socket at once. */
#define READ_SIZE 16384
/* How far an operation may outlast its deadline, for a system call less. */
#define DEADLINE_SLACK_MS 5
/* AUTH and SELECT. */
#define HANDSHAKE_MAX 2

struct lk_redis_link {
	/* Static data. */
	const struct lk_redis_settings *settings;
	struct lk_error *error;
	struct lk_address address;

	/* Dynamic data.  fd is -1 exactly if reader is NULL, and then nothing
	 * is connected; otherwise nothing is on its way in either direction
	 * between two calls. */
	int fd;
	redisReader *reader;
};

/* How an exchange ended, apart from its status. */
struct exchange {
	size_t replies;    /* how many were read */
	bool peer_is_gone; /* EOF, reset or broken pipe, and no reply at all */
};

/* ---- Life -------------------------------------------------------------- */

enum lk_status
lk_redis_link_new(const struct lk_redis_settings *settings,
    struct lk_error *error, struct lk_redis_link **linkp)
{
	struct lk_redis_link *link = calloc(1, sizeof(*link));

	*linkp = NULL;
	if (link == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	if (lk_address_parse(settings->address, &link->address) != LK_OK) {
		free(link);
		return (lk_fail(error, LK_E_SETTINGS,
		    "store.redis.address: expected host:port, [ipv6]:port or "
		    "unix:/path"));
	}
	link->settings = settings;
	link->error = error;
	link->fd = -1;
	*linkp = link;
	return (LK_OK);
}

static void
link_drop(struct lk_redis_link *link)
{
	if (link->fd >= 0)
		(void)close(link->fd);
	link->fd = -1;
	lk_redis_reader_free(link->reader);
	link->reader = NULL;
}

void
lk_redis_link_free(struct lk_redis_link *link)
{
	if (link == NULL)
		return;
	link_drop(link);
	free(link);
}

const char *
lk_redis_link_name(const struct lk_redis_link *link)
{
	return (link->settings->address);
}

/* Explain a failed system call. */
static enum lk_status
link_fail(const struct lk_redis_link *link, const char *what, int error)
{
	return (lk_fail(link->error, LK_E_STORE, "redis at %s: %s: %s",
	    link->settings->address, what, strerror(error)));
}

static enum lk_status
link_timed_out(const struct lk_redis_link *link, const char *what)
{
	return (lk_fail(link->error, LK_E_TIMEOUT,
	    "redis at %s: %s: no answer in time", link->settings->address,
	    what));
}

/* ---- Talking ----------------------------------------------------------- */

static bool
is_gone(int error)
{
	return (error == EPIPE || error == ECONNRESET);
}

static enum lk_status
send_all(struct lk_redis_link *link, const struct lk_buf *out,
    struct lk_deadline deadline, struct exchange *x)
{
	size_t sent = 0;
	ssize_t n;
	int error;

	while (sent < out->len) {
		n = send(link->fd, out->data + sent, out->len - sent,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN) {
			x->peer_is_gone = is_gone(errno);
			return (link_fail(link, "send", errno));
		}
		if ((error = lk_wait(link->fd, POLLOUT, deadline)) != 0)
			return (error == ETIMEDOUT
			        ? link_timed_out(link, "send")
			        : link_fail(link, "send", error));
	}
	return (LK_OK);
}

/*
 * Take bytes as soon as there are some; 0 at the end, or -1 and errno.
 *
 * The first time in an operation that has all of its time left, the socket's
 * own time-out, which is the same, does for the deadline: that saves a system
 * call, a tenth of what a check costs.
 */
static ssize_t
receive_bytes(struct lk_redis_link *link, char *bytes, size_t size,
    struct lk_deadline deadline, bool first)
{
	ssize_t n;

	if (first &&
	    lk_deadline_left_ms(deadline) + DEADLINE_SLACK_MS >=
	        link->settings->command_timeout_ms) {
		n = recv(link->fd, bytes, size, 0);
		if (n >= 0 || errno != EINTR) {
			if (n < 0 && errno == EAGAIN)
				errno = ETIMEDOUT;
			return (n);
		}
	}
	do {
		if ((errno = lk_wait(link->fd, POLLIN, deadline)) != 0)
			return (-1);
		n = recv(link->fd, bytes, size, MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	return (n);
}

/* Take bytes and feed them to the reader. */
static enum lk_status
receive_some(struct lk_redis_link *link, struct lk_deadline deadline,
    size_t *total, struct exchange *x)
{
	char bytes[READ_SIZE];
	enum lk_status status = LK_FAULT;
	ssize_t n;

	n = receive_bytes(link, bytes, sizeof(bytes), deadline, *total == 0);
	if (n < 0 && errno == ETIMEDOUT)
		return (link_timed_out(link, "read"));
	if (n <= 0) {
		x->peer_is_gone = x->replies == 0 && *total == 0 &&
		    (n == 0 || is_gone(errno));
		return (n < 0 ? link_fail(link, "read", errno)
		              : lk_fail(link->error, LK_E_STORE,
		                    "redis at %s closed the connection",
		                    link->settings->address));
	}
	*total += (size_t)n;
	if (*total > LK_REDIS_REPLY_MAX)
		status = lk_fail(link->error, LK_E_STORE,
		    "redis at %s: the reply is longer than %d bytes",
		    link->settings->address, LK_REDIS_REPLY_MAX);
	else if (redisReaderFeed(link->reader, bytes, (size_t)n) != REDIS_OK)
		status = lk_fail(link->error, LK_E_NOMEM, "out of memory");
	else
		status = LK_OK;
	sodium_memzero(bytes, (size_t)n);
	return (status);
}

static enum lk_status
receive_all(struct lk_redis_link *link, size_t count,
    struct lk_deadline deadline, struct lk_redis_reply **replies,
    struct exchange *x)
{
	enum lk_status status = LK_FAULT;
	size_t total = 0;
	void *reply;

	while (x->replies < count) {
		reply = NULL;
		if (redisReaderGetReply(link->reader, &reply) != REDIS_OK)
			return (lk_fail(link->error, LK_E_CORRUPT,
			    "redis at %s: not a Redis reply",
			    link->settings->address));
		if (reply != NULL) {
			replies[x->replies++] = reply;
			continue;
		}
		status = receive_some(link, deadline, &total, x);
		if (status != LK_OK)
			return (status);
	}
	if (link->reader->pos < link->reader->len)
		return (lk_fail(link->error, LK_E_CORRUPT,
		    "redis at %s: more replies than commands",
		    link->settings->address));
	return (LK_OK);
}

/* One write, ${count} replies; on failure none of them and no connection. */
static enum lk_status
exchange(struct lk_redis_link *link, const struct lk_buf *out, size_t count,
    struct lk_deadline deadline, struct lk_redis_reply **replies,
    struct exchange *x)
{
	enum lk_status status = LK_FAULT;

	memset(x, 0, sizeof(*x));
	status = send_all(link, out, deadline, x);
	if (status == LK_OK)
		status = receive_all(link, count, deadline, replies, x);
	if (status != LK_OK) {
		lk_redis_free_replies(replies, x->replies);
		link_drop(link);
	}
	return (status);
}

/* Say who we are and which database we want, in one write. */
static enum lk_status
handshake(struct lk_redis_link *link, struct lk_deadline deadline)
{
	const struct lk_redis_settings *s = link->settings;
	struct lk_redis_command commands[HANDSHAKE_MAX];
	struct lk_redis_reply *replies[HANDSHAKE_MAX] = { NULL };
	struct lk_buf out = LK_BUF_INIT(LK_REDIS_REPLY_MAX);
	struct exchange x;
	enum lk_status status = LK_OK;
	size_t count = 0, i;

	if (s->password[0] != '\0') {
		lk_redis_command(&commands[count], "AUTH");
		if (s->username[0] != '\0')
			lk_redis_arg_str(&commands[count], s->username);
		lk_redis_arg_str(&commands[count++], s->password);
	}
	if (s->database != 0) {
		lk_redis_command(&commands[count], "SELECT");
		lk_redis_arg_int(&commands[count++], s->database);
	}
	if (count == 0)
		return (LK_OK);
	status = lk_redis_command_format(commands, count, &out);
	if (status == LK_OK)
		status = exchange(link, &out, count, deadline, replies, &x);
	for (i = 0; i < count && status == LK_OK; i++)
		status = lk_redis_reply_refusal(replies[i], s->address,
		    link->error);
	lk_redis_free_replies(replies, count);
	lk_buf_free(&out);
	return (status);
}

/*
 * Let a blocking recv() last as long as an operation may, for receive_bytes();
 * everything else says MSG_DONTWAIT.
 */
static bool
set_patience(struct lk_redis_link *link)
{
	const int64_t ms = link->settings->command_timeout_ms;
	const struct timeval patience = { .tv_sec = ms / 1000,
		.tv_usec = (ms % 1000) * 1000 };

	return (setsockopt(link->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	            sizeof(patience)) == 0 &&
	    fcntl(link->fd, F_SETFL, 0) == 0);
}

static enum lk_status
link_connect(struct lk_redis_link *link, struct lk_deadline deadline)
{
	struct lk_deadline connect_deadline = lk_deadline_min(deadline,
	    lk_deadline_in(link->settings->connect_timeout_ms));
	const char *why;
	enum lk_status status = LK_FAULT;

	status = lk_connect(&link->address, connect_deadline, &link->fd, &why);
	if (status != LK_OK)
		return (lk_fail(link->error, status, "redis at %s: connect: %s",
		    link->settings->address, why));
	if (!set_patience(link))
		status = link_fail(link, "connect", errno);
	else if ((link->reader = lk_redis_reader_new()) == NULL)
		status = lk_fail(link->error, LK_E_NOMEM, "out of memory");
	else
		status = handshake(link, deadline);
	if (status != LK_OK)
		link_drop(link);
	return (status);
}

/*
 * Whether an idle connection can still be written to: the peer has neither
 * closed it nor said anything.
 */
static bool
is_quiet(int fd)
{
	char byte;

	return (
	    recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN);
}

enum lk_status
lk_redis_link_run(struct lk_redis_link *link,
    const struct lk_redis_command *commands, size_t count, bool idempotent,
    struct lk_deadline deadline, struct lk_redis_reply **replies)
{
	struct lk_buf out = LK_BUF_INIT(LK_REDIS_REPLY_MAX);
	enum lk_status status = LK_FAULT;
	struct exchange x;
	bool kept;

	memset(replies, 0, count * sizeof(struct lk_redis_reply *));
	if (lk_redis_command_format(commands, count, &out) != LK_OK) {
		status = lk_fail(link->error, LK_E_NOMEM, "out of memory");
		goto out;
	}
	/* Nothing was sent yet: a connection that died is simply replaced.
	 * Idempotent calls save the look, they may be sent again. */
	if (link->fd >= 0 && !idempotent && !is_quiet(link->fd))
		link_drop(link);
	kept = link->fd >= 0 && link->reader != NULL;
	if (kept) {
		status = exchange(link, &out, count, deadline, replies, &x);
		if (status == LK_OK || !idempotent || !x.peer_is_gone)
			goto out;
	}
	status = link_connect(link, deadline);
	if (status == LK_OK)
		status = exchange(link, &out, count, deadline, replies, &x);
out:
	lk_buf_free(&out);
	return (status);
}
