#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "store/redis/wire/wire.h"

/* How a record of TLS begins that says what is wrong; no Redis reply does. */
#define TLS_ALERT 0x15
/* How long the time once asked for does: clocks are set, and drift. */
#define GOOD_FOR_NS INT64_C(60000000000)
/* Most digits of the seconds since 1970, and of microseconds. */
#define SECONDS_DIGITS_MAX 11
#define MICROSECONDS_DIGITS_MAX 6

/* ---- Channels ---------------------------------------------------------- */

bool
lk_redis_channel_start(struct lk_redis_channel *channel, const char *host)
{
	channel->got = 0;
	channel->spoke = false;
	if ((channel->tls != NULL &&
	        !lk_tls_wrap(channel->tls, &channel->stream, host)) ||
	    (channel->reader = lk_redis_reader_new()) == NULL)
		lk_stream_close(&channel->stream);
	return (lk_redis_channel_is_open(channel));
}

void
lk_redis_channel_close(struct lk_redis_channel *channel)
{
	lk_stream_close(&channel->stream);
	lk_redis_reader_free(channel->reader);
	channel->reader = NULL;
}

/* Feed the reader ${n} bytes, which are wiped, or see why there are none. */
static int
feed(struct lk_redis_channel *channel, char *bytes, ssize_t n)
{
	int error = 0;

	if (n <= 0)
		return (n == 0 || errno == EPIPE ? ECONNRESET : errno);
	if (!channel->spoke && channel->tls == NULL && bytes[0] == TLS_ALERT)
		return (EPROTONOSUPPORT);
	channel->spoke = true;
	channel->got += (size_t)n;
	if (channel->got > channel->most)
		error = EMSGSIZE;
	else if (redisReaderFeed(channel->reader, bytes, (size_t)n) != REDIS_OK)
		error = ENOMEM;
	sodium_memzero(bytes, (size_t)n);
	return (error);
}

int
lk_redis_channel_read(struct lk_redis_channel *channel)
{
	char bytes[LK_REDIS_READ_SIZE];

	return (feed(channel, bytes,
	    lk_stream_read(&channel->stream, bytes, sizeof(bytes))));
}

int
lk_redis_channel_receive(struct lk_redis_channel *channel,
    struct lk_deadline deadline)
{
	char bytes[LK_REDIS_READ_SIZE];

	return (feed(channel, bytes,
	    lk_stream_receive(&channel->stream, bytes, sizeof(bytes),
	        deadline)));
}

bool
lk_redis_channel_next(struct lk_redis_channel *channel,
    struct lk_redis_reply **reply)
{
	void *object = NULL;
	bool good = true;

	if (lk_redis_channel_has_more(channel))
		good = redisReaderGetReply(channel->reader, &object) ==
		    REDIS_OK;
	*reply = object;
	return (good);
}

/* ---- What went wrong --------------------------------------------------- */

enum lk_status
lk_redis_wire_failed(const struct lk_redis_wire *wire, const char *what,
    int error)
{
	const bool silent = wire->manners.tls != NULL && !wire->channel.spoke;

	if (error == EKEYREJECTED)
		return (
		    lk_fail(wire->error, LK_E_SETTINGS, "redis at %s: TLS: %s",
		        wire->name, wire->channel.stream.why));
	if (error == ETIMEDOUT)
		return (lk_fail(wire->error, LK_E_TIMEOUT,
		    "redis at %s: %s: no answer in time%s", wire->name, what,
		    silent ? "; it may speak no TLS at this port" : ""));
	if (error == ESTALE)
		return (lk_fail(wire->error, LK_E_STORE,
		    "redis at %s: %s: it is no longer the master", wire->name,
		    what));
	return (lk_fail(wire->error, LK_E_STORE, "redis at %s: %s: %s",
	    wire->name, what, strerror(error)));
}

enum lk_status
lk_redis_wire_read_failed(const struct lk_redis_wire *wire, int error)
{
	switch (error) {
	case ECONNRESET:
		return (lk_fail(wire->error, LK_E_STORE,
		    "redis at %s closed the connection%s", wire->name,
		    wire->channel.spoke ? ""
		        : wire->manners.tls != NULL
		        ? " before it said anything"
		        : " before it said anything, as a port for TLS does"));
	case EPROTONOSUPPORT:
		return (lk_fail(wire->error, LK_E_SETTINGS,
		    "redis at %s wants TLS (store.redis.tls.ca)", wire->name));
	case EMSGSIZE:
		return (lk_fail(wire->error, LK_E_CORRUPT,
		    "redis at %s: the reply is longer than %d bytes",
		    wire->name, LK_REDIS_REPLY_MAX));
	case EBADMSG:
		return (lk_fail(wire->error, LK_E_CORRUPT,
		    "redis at %s: not a Redis reply", wire->name));
	case EPROTO:
		return (lk_fail(wire->error, LK_E_CORRUPT,
		    "redis at %s: more replies than commands", wire->name));
	case ENOMEM:
		return (lk_fail(wire->error, LK_E_NOMEM, "out of memory"));
	default:
		return (lk_redis_wire_failed(wire, "read", error));
	}
}

/* ---- Sending commands and receiving replies ---------------------------- */

/* Receive one reply. */
static enum lk_status
receive_reply(struct lk_redis_wire *wire, struct lk_deadline deadline,
    struct lk_redis_reply **reply, struct lk_redis_exchange *x)
{
	struct lk_redis_channel *channel = &wire->channel;
	int error;

	for (;;) {
		if (!lk_redis_channel_next(channel, reply))
			return (lk_redis_wire_read_failed(wire, EBADMSG));
		if (*reply != NULL)
			return (LK_OK);
		error = lk_redis_channel_receive(channel, deadline);
		if (error == 0)
			continue;
		x->peer_is_gone = error == ECONNRESET && channel->got == 0;
		return (lk_redis_wire_read_failed(wire, error));
	}
}

enum lk_status
lk_redis_wire_take_time(struct lk_redis_wire *wire,
    const struct lk_redis_reply *reply)
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

	wire->channel.got = 0;
	while (status == LK_OK && x->replies < count) {
		status = receive_reply(wire, deadline, &replies[x->replies], x);
		x->replies += status == LK_OK ? 1 : 0;
	}
	if (status == LK_OK && x->timed)
		status = receive_reply(wire, deadline, &time, x);
	if (status != LK_OK)
		return (status);
	if (x->timed)
		x->time_status = lk_redis_wire_take_time(wire, time);
	lk_redis_reply_free(time);
	if (lk_redis_channel_has_more(&wire->channel))
		return (lk_redis_wire_read_failed(wire, EPROTO));
	return (LK_OK);
}

enum lk_status
lk_redis_wire_exchange(struct lk_redis_wire *wire, const struct lk_buf *out,
    size_t count, struct lk_deadline deadline, struct lk_redis_reply **replies,
    struct lk_redis_exchange *x)
{
	enum lk_status status = LK_FAULT;
	size_t sent;
	int error;

	*x = (struct lk_redis_exchange){ .timed = x->timed };
	error = lk_stream_send(&wire->channel.stream, out->data, out->len,
	    deadline, &sent);
	x->sent = sent > 0;
	x->peer_is_gone = error == EPIPE || error == ECONNRESET;
	if (error != 0)
		status = lk_redis_wire_failed(wire, "send", error);
	else
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

/* ---- Opening and closing, and saying who we are ------------------------ */

void
lk_redis_wire_init(struct lk_redis_wire *wire,
    const struct lk_redis_manners *manners, struct lk_error *error)
{
	memset(wire, 0, sizeof(*wire));
	wire->manners = *manners;
	wire->error = error;
	wire->channel.most = LK_REDIS_REPLY_MAX;
	wire->channel.tls = manners->tls;
}

void
lk_redis_wire_drop(struct lk_redis_wire *wire)
{
	lk_redis_channel_close(&wire->channel);
	wire->clock.until_ns = 0;
}

/* Have its stream, which is connected, in order. */
static enum lk_status
start(struct lk_redis_wire *wire, const char *host)
{
	struct lk_stream *stream = &wire->channel.stream;
	enum lk_status status = LK_OK;

	stream->epoch = wire->manners.generation;
	stream->born = wire->generation;
	if (!lk_stream_set_patience(stream,
	        wire->manners.settings->command_timeout_ms))
		status = lk_redis_wire_failed(wire, "connect", errno);
	else if (!lk_redis_channel_start(&wire->channel, host))
		status = lk_fail(wire->error, LK_E_NOMEM, "out of memory");
	if (status != LK_OK)
		lk_redis_wire_drop(wire);
	return (status);
}

enum lk_status
lk_redis_wire_take(struct lk_redis_wire *wire, int fd)
{
	lk_redis_wire_drop(wire);
	lk_stream_take(&wire->channel.stream, fd);
	return (start(wire, ""));
}

bool
lk_redis_wire_is_quiet(const struct lk_redis_wire *wire)
{
	return (lk_stream_is_quiet(&wire->channel.stream));
}

size_t
lk_redis_wire_hello(const struct lk_redis_wire *wire,
    struct lk_redis_command commands[LK_REDIS_HELLO_MAX])
{
	const struct lk_redis_settings *s = wire->manners.settings;
	size_t count = 0;

	count += lk_redis_command_auth(&commands[count], s->username,
	    s->password);
	if (s->database != 0) {
		lk_redis_command(&commands[count], "SELECT");
		lk_redis_arg_int(&commands[count++], s->database);
	}
	if (wire->manners.master)
		lk_redis_command(&commands[count++], "ROLE");
	return (count);
}

enum lk_status
lk_redis_wire_welcome(const struct lk_redis_wire *wire,
    struct lk_redis_reply *const *replies, size_t count)
{
	const struct lk_redis_reply *role;
	enum lk_status status = LK_OK;
	size_t i;

	for (i = 0; i < count && status == LK_OK; i++)
		status = lk_redis_reply_refusal(replies[i], wire->name,
		    wire->error);
	if (status != LK_OK || !wire->manners.master)
		return (status);
	role = replies[count - 1];
	if (role->type != LK_REDIS_ARRAY || role->elements == 0)
		return (lk_fail(wire->error, LK_E_CORRUPT,
		    "redis at %s: the answer to ROLE is none", wire->name));
	if (lk_redis_reply_is(role->element[0], "master"))
		return (LK_OK);
	return (lk_fail(wire->error, LK_E_STORE, "redis at %s is a %s",
	    wire->name,
	    lk_redis_reply_is(role->element[0], "slave") ? "replica"
	                                                 : "Sentinel"));
}

/* Say who we are and which database we want, in one write. */
static enum lk_status
log_in(struct lk_redis_wire *wire, struct lk_deadline deadline)
{
	struct lk_redis_command commands[LK_REDIS_HELLO_MAX];
	struct lk_redis_reply *replies[LK_REDIS_HELLO_MAX] = { NULL };
	const size_t count = lk_redis_wire_hello(wire, commands);
	enum lk_status status = LK_FAULT;

	if (count == 0)
		return (LK_OK);
	status = lk_redis_wire_ask(wire, commands, count, deadline, replies);
	if (status == LK_OK)
		status = lk_redis_wire_welcome(wire, replies, count);
	lk_redis_free_replies(replies, count);
	return (status);
}

enum lk_status
lk_redis_wire_open(struct lk_redis_wire *wire, const struct lk_address *address,
    const char *name, unsigned int generation, struct lk_deadline deadline)
{
	struct lk_deadline connect_deadline = lk_deadline_min(deadline,
	    lk_deadline_in(wire->manners.settings->connect_timeout_ms));
	const char *why;
	enum lk_status status = LK_FAULT;

	lk_redis_wire_drop(wire);
	if (name != wire->name)
		(void)snprintf(wire->name, sizeof(wire->name), "%s", name);
	wire->generation = generation;
	status = lk_stream_connect(&wire->channel.stream, address,
	    connect_deadline, &why);
	wire->reached = status == LK_OK;
	if (status != LK_OK)
		return (lk_fail(wire->error, status, "redis at %s: connect: %s",
		    wire->name, why));
	status = start(wire, address->host);
	if (status == LK_OK)
		/* Where there is another to go to, a hung one gets less. */
		status = log_in(wire,
		    wire->manners.master ? connect_deadline : deadline);
	if (status != LK_OK)
		lk_redis_wire_drop(wire);
	return (status);
}

/* ---- The clock there --------------------------------------------------- */

bool
lk_redis_clock_is_due(const struct lk_redis_clock *clock)
{
	return (lk_monotonic_ns() >= clock->until_ns);
}

static bool
read_number(const struct lk_redis_reply *reply, size_t digits, int64_t *number)
{
	size_t i;

	*number = 0;
	if (reply->type != LK_REDIS_STRING || reply->len == 0 ||
	    reply->len > digits)
		return (false);
	for (i = 0; i < reply->len; i++) {
		if (reply->text[i] < '0' || reply->text[i] > '9')
			return (false);
		*number = *number * 10 + (reply->text[i] - '0');
	}
	return (true);
}

enum lk_status
lk_redis_clock_set(struct lk_redis_clock *clock,
    const struct lk_redis_reply *reply)
{
	const int64_t now_ns = lk_monotonic_ns();
	int64_t s, us;

	if (reply->type != LK_REDIS_ARRAY || reply->elements != 2 ||
	    !read_number(reply->element[0], SECONDS_DIGITS_MAX, &s) ||
	    !read_number(reply->element[1], MICROSECONDS_DIGITS_MAX, &us))
		return (LK_E_CORRUPT);
	clock->ahead_us = s * 1000000 + us - now_ns / 1000;
	clock->until_ns = now_ns + GOOD_FOR_NS;
	return (LK_OK);
}

int64_t
lk_redis_clock_now_ms(const struct lk_redis_clock *clock)
{
	return ((lk_monotonic_ns() / 1000 + clock->ahead_us) / 1000);
}
