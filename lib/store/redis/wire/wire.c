#include <sys/socket.h>

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <hiredis/hiredis.h>
#include <sodium.h>

#include "base/connect.h"
#include "store/redis/wire/wire.h"

/* What is read from the socket at once. */
#define READ_SIZE 16384
/* How a record of TLS begins that says what is wrong; no Redis reply does. */
#define TLS_ALERT 0x15
/* How far an operation may outlast its deadline, for a system call less. */
#define DEADLINE_SLACK_MS 5
/* How long the peer's silence lasts before the generation is looked at again.
 */
#define GENERATION_MS 50

/* ---- Life -------------------------------------------------------------- */

void
lk_redis_wire_init(struct lk_redis_wire *wire,
    const struct lk_redis_manners *manners, struct lk_error *error)
{
	memset(wire, 0, sizeof(*wire));
	wire->manners = *manners;
	wire->error = error;
	wire->fd = -1;
}

void
lk_redis_wire_drop(struct lk_redis_wire *wire)
{
	if (wire->fd >= 0)
		(void)close(wire->fd);
	wire->fd = -1;
	lk_redis_reader_free(wire->reader);
	wire->reader = NULL;
	wire->clock.until_ns = 0;
}

/* Explain a failed system call. */
static enum lk_status
wire_fail(const struct lk_redis_wire *wire, const char *what, int error)
{
	if (error == ETIMEDOUT)
		return (lk_fail(wire->error, LK_E_TIMEOUT,
		    "redis at %s: %s: no answer in time", wire->name, what));
	if (error == ESTALE)
		return (lk_fail(wire->error, LK_E_STORE,
		    "redis at %s: %s: it is no longer the master", wire->name,
		    what));
	return (lk_fail(wire->error, LK_E_STORE, "redis at %s: %s: %s",
	    wire->name, what, strerror(error)));
}

/* ---- Waiting ----------------------------------------------------------- */

/* How long a blocking recv() may last. */
static int64_t
patience_ms(const struct lk_redis_wire *wire)
{
	const int64_t ms = wire->manners.settings->command_timeout_ms;

	return (wire->manners.generation != NULL && ms > GENERATION_MS
	        ? GENERATION_MS
	        : ms);
}

static bool
is_outdated(const struct lk_redis_wire *wire)
{
	return (wire->manners.generation != NULL &&
	    atomic_load_explicit(wire->manners.generation,
	        memory_order_acquire) != wire->generation);
}

/* As lk_wait(); ESTALE once the master is another one. */
static int
wire_wait(const struct lk_redis_wire *wire, short events,
    struct lk_deadline deadline)
{
	struct lk_deadline slice = deadline;
	int error;

	for (;;) {
		if (is_outdated(wire))
			return (ESTALE);
		if (wire->manners.generation != NULL)
			slice = lk_deadline_min(deadline,
			    lk_deadline_in(GENERATION_MS));
		error = lk_wait(wire->fd, events, slice);
		if (error != ETIMEDOUT || slice.at_ns == deadline.at_ns)
			return (error);
	}
}

/*
 * Let a blocking recv() last as long as it may, for receive_bytes(); everything
 * else says MSG_DONTWAIT.
 */
static bool
set_patience(const struct lk_redis_wire *wire)
{
	const int64_t ms = patience_ms(wire);
	const struct timeval patience = { .tv_sec = (time_t)(ms / 1000),
		.tv_usec = (suseconds_t)((ms % 1000) * 1000) };

	return (setsockopt(wire->fd, SOL_SOCKET, SO_RCVTIMEO, &patience,
	            sizeof(patience)) == 0 &&
	    fcntl(wire->fd, F_SETFL, 0) == 0);
}

enum lk_status
lk_redis_wire_take(struct lk_redis_wire *wire, int fd)
{
	enum lk_status status = LK_OK;

	lk_redis_wire_drop(wire);
	wire->fd = fd;
	wire->spoke = false;
	if (!set_patience(wire))
		status = wire_fail(wire, "connect", errno);
	else if ((wire->reader = lk_redis_reader_new()) == NULL)
		status = lk_fail(wire->error, LK_E_NOMEM, "out of memory");
	if (status != LK_OK)
		lk_redis_wire_drop(wire);
	return (status);
}

bool
lk_redis_wire_is_quiet(const struct lk_redis_wire *wire)
{
	char byte;

	return (recv(wire->fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) < 0 &&
	    errno == EAGAIN);
}

/* ---- Talking ----------------------------------------------------------- */

static bool
is_gone(int error)
{
	return (error == EPIPE || error == ECONNRESET);
}

static enum lk_status
send_all(struct lk_redis_wire *wire, const struct lk_buf *out,
    struct lk_deadline deadline, struct lk_redis_exchange *x)
{
	size_t sent = 0;
	ssize_t n;
	int error;

	while (sent < out->len) {
		n = send(wire->fd, out->data + sent, out->len - sent,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			sent += (size_t)n;
			x->sent = true;
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN) {
			x->peer_is_gone = is_gone(errno);
			return (wire_fail(wire, "send", errno));
		}
		if ((error = wire_wait(wire, POLLOUT, deadline)) != 0)
			return (wire_fail(wire, "send", error));
	}
	return (LK_OK);
}

/*
 * Take bytes as soon as there are some; 0 at the end, or -1 and errno.
 *
 * The first time in an operation that has all of its time left, the socket's
 * own time-out, which is no longer, does for the deadline: that saves a system
 * call, a tenth of what a check costs.
 */
static ssize_t
receive_bytes(struct lk_redis_wire *wire, char *bytes, size_t size,
    struct lk_deadline deadline, bool first)
{
	const int64_t patience = patience_ms(wire);
	ssize_t n;

	if (first &&
	    lk_deadline_left_ms(deadline) + DEADLINE_SLACK_MS >= patience) {
		n = recv(wire->fd, bytes, size, 0);
		if (n >= 0 || (errno != EINTR && errno != EAGAIN))
			return (n);
	}
	do {
		if ((errno = wire_wait(wire, POLLIN, deadline)) != 0)
			return (-1);
		n = recv(wire->fd, bytes, size, MSG_DONTWAIT);
	} while (n < 0 && (errno == EINTR || errno == EAGAIN));
	return (n);
}

/* Take bytes and feed them to the reader. */
static enum lk_status
receive_some(struct lk_redis_wire *wire, struct lk_deadline deadline,
    size_t *total, struct lk_redis_exchange *x)
{
	char bytes[READ_SIZE];
	enum lk_status status = LK_FAULT;
	ssize_t n;

	n = receive_bytes(wire, bytes, sizeof(bytes), deadline, *total == 0);
	if (n <= 0) {
		x->peer_is_gone = x->replies == 0 && *total == 0 &&
		    (n == 0 || is_gone(errno));
		return (n < 0 && !is_gone(errno)
		        ? wire_fail(wire, "read", errno)
		        : lk_fail(wire->error, LK_E_STORE,
		              "redis at %s closed the connection%s", wire->name,
		              wire->spoke ? ""
		                          : " before it said anything, as a "
		                            "port for TLS does"));
	}
	if (!wire->spoke && bytes[0] == TLS_ALERT)
		return (lk_fail(wire->error, LK_E_SETTINGS,
		    "redis at %s wants TLS, which latchkey does not speak",
		    wire->name));
	wire->spoke = true;
	*total += (size_t)n;
	if (*total > LK_REDIS_REPLY_MAX)
		status = lk_fail(wire->error, LK_E_CORRUPT,
		    "redis at %s: the reply is longer than %d bytes",
		    wire->name, LK_REDIS_REPLY_MAX);
	else if (redisReaderFeed(wire->reader, bytes, (size_t)n) != REDIS_OK)
		status = lk_fail(wire->error, LK_E_NOMEM, "out of memory");
	else
		status = LK_OK;
	sodium_memzero(bytes, (size_t)n);
	return (status);
}

/* Receive one reply; ${total} counts the bytes of all of an exchange. */
static enum lk_status
receive_reply(struct lk_redis_wire *wire, struct lk_deadline deadline,
    size_t *total, struct lk_redis_reply **replyp, struct lk_redis_exchange *x)
{
	enum lk_status status = LK_OK;
	void *reply = NULL;

	while (status == LK_OK) {
		if (redisReaderGetReply(wire->reader, &reply) != REDIS_OK)
			return (lk_fail(wire->error, LK_E_CORRUPT,
			    "redis at %s: not a Redis reply", wire->name));
		if (reply != NULL)
			break;
		status = receive_some(wire, deadline, total, x);
	}
	*replyp = reply;
	return (status);
}

/* Take what TIME answered. */
static enum lk_status
take_time(struct lk_redis_wire *wire, const struct lk_redis_reply *reply)
{
	if (reply->type == LK_REDIS_ERROR)
		return (lk_redis_reply_refusal(reply, wire->name, wire->error));
	if (lk_redis_clock_set(&wire->clock, reply) == LK_OK)
		return (LK_OK);
	return (lk_fail(wire->error, LK_E_CORRUPT,
	    "redis at %s: the answer to TIME is not a time", wire->name));
}

static enum lk_status
receive_all(struct lk_redis_wire *wire, size_t count,
    struct lk_deadline deadline, struct lk_redis_reply **replies,
    struct lk_redis_exchange *x)
{
	struct lk_redis_reply *time = NULL;
	enum lk_status status = LK_OK;
	size_t total = 0;

	while (status == LK_OK && x->replies < count) {
		status = receive_reply(wire, deadline, &total,
		    &replies[x->replies], x);
		x->replies += status == LK_OK ? 1 : 0;
	}
	if (status == LK_OK && x->timed)
		status = receive_reply(wire, deadline, &total, &time, x);
	if (status != LK_OK)
		return (status);
	if (x->timed)
		x->time_status = take_time(wire, time);
	lk_redis_reply_free(time);
	if (wire->reader->pos < wire->reader->len)
		return (lk_fail(wire->error, LK_E_CORRUPT,
		    "redis at %s: more replies than commands", wire->name));
	return (LK_OK);
}

enum lk_status
lk_redis_wire_exchange(struct lk_redis_wire *wire, const struct lk_buf *out,
    size_t count, struct lk_deadline deadline, struct lk_redis_reply **replies,
    struct lk_redis_exchange *x)
{
	enum lk_status status = LK_FAULT;

	*x = (struct lk_redis_exchange){ .timed = x->timed };
	status = send_all(wire, out, deadline, x);
	if (status == LK_OK)
		status = receive_all(wire, count, deadline, replies, x);
	if (status != LK_OK)
		lk_redis_wire_drop(wire);
	return (status);
}

enum lk_status
lk_redis_wire_ask(struct lk_redis_wire *wire,
    const struct lk_redis_command *commands, size_t count,
    struct lk_deadline deadline, struct lk_redis_reply **replies)
{
	struct lk_buf out = LK_BUF_INIT(LK_REDIS_REPLY_MAX);
	struct lk_redis_exchange x = { .timed = false };
	enum lk_status status = LK_FAULT;
	size_t i;

	memset(replies, 0, count * sizeof(struct lk_redis_reply *));
	if (lk_redis_command_format(commands, count, &out) != LK_OK)
		status = lk_fail(wire->error, LK_E_NOMEM, "out of memory");
	else
		status = lk_redis_wire_exchange(wire, &out, count, deadline,
		    replies, &x);
	for (i = 0; i < count && status == LK_OK; i++)
		status = lk_redis_reply_refusal(replies[i], wire->name,
		    wire->error);
	if (status != LK_OK)
		lk_redis_free_replies(replies, count);
	lk_buf_free(&out);
	return (status);
}
