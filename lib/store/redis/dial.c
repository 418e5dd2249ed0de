#include <errno.h>
#include <stdio.h>

#include "store/redis/dial.h"

/* Longest greeting, with a password in it. */
#define GREETING_SIZE_MAX 16384

void
lk_redis_dial_close(struct lk_redis_dial *dial)
{
	lk_redis_wire_drop(dial->wire);
	lk_redis_free_replies(dial->replies, LK_REDIS_GREETING_MAX);
	lk_buf_free(&dial->out);
	dial->state = LK_DIAL_CLOSED;
}

/*
 * It failed.  Where there may be another master, or room soon, whoever can wait
 * tries again.
 */
static enum lk_status
fail(struct lk_redis_dial *dial, enum lk_status status)
{
	const bool reached = dial->state == LK_DIAL_GREETING;

	lk_redis_dial_close(dial);
	if (!lk_redis_may_pass(status))
		return (status);
	lk_redis_reject(dial->link, dial->wire);
	return (dial->wire->manners.master || (reached && status == LK_E_STORE)
	        ? LK_E_WOULD_WAIT
	        : status);
}

/* ---- Connecting -------------------------------------------------------- */

/* Put the greeting together; false without memory. */
static bool
greet(struct lk_redis_dial *dial)
{
	struct lk_redis_command commands[LK_REDIS_GREETING_MAX];
	size_t count = lk_redis_wire_hello(dial->wire, commands);

	lk_redis_command(&commands[count++], "TIME");
	dial->remembers = atomic_load(&dial->link->watch->carried.remembers);
	if (dial->remembers)
		lk_redis_past_command(&commands[count++]);
	dial->count = count;
	dial->got = dial->sent = 0;
	dial->out = (struct lk_buf)LK_BUF_INIT(GREETING_SIZE_MAX);
	return (lk_redis_command_format(commands, count, &dial->out) == LK_OK);
}

/* It is connected. */
static void
connected(struct lk_redis_dial *dial)
{
	const struct lk_redis_manners *manners = &dial->wire->manners;

	dial->state = LK_DIAL_GREETING;
	/* Where there is another to go to, a hung one gets no more. */
	if (!manners->master)
		dial->deadline = lk_deadline_in(
		    manners->settings->command_timeout_ms);
}

enum lk_status
lk_redis_dial_begin(struct lk_redis_dial *dial, struct lk_redis_master *master)
{
	struct lk_redis_wire *wire = dial->wire;
	struct lk_endpoint endpoint;
	int error;

	if (!lk_redis_topology_knows(dial->link->watch->topology, master,
	        &endpoint))
		return (LK_E_WOULD_WAIT);
	(void)snprintf(wire->name, sizeof(wire->name), "%s", master->name);
	wire->manners.generation = master->current;
	wire->generation = master->generation;
	error = lk_stream_begin(&wire->channel.stream, &endpoint);
	/* The backlog of a unix socket is full: it may have room soon. */
	if (error == EAGAIN)
		return (LK_E_WOULD_WAIT);
	dial->state = LK_DIAL_CONNECTING;
	dial->serial++;
	dial->deadline = lk_deadline_in(
	    wire->manners.settings->connect_timeout_ms);
	if (error != 0 && error != EINPROGRESS)
		return (
		    fail(dial, lk_redis_wire_failed(wire, "connect", error)));
	if (!lk_redis_channel_start(&wire->channel, master->address.host) ||
	    !greet(dial))
		return (
		    fail(dial, lk_redis_wire_failed(wire, "connect", ENOMEM)));
	wire->channel.most = LK_REDIS_REPLY_MAX;
	if (error == 0)
		connected(dial);
	return (LK_OK);
}

/* ---- Logging in -------------------------------------------------------- */

/* Look through the replies, which are all there. */
static enum lk_status
welcome(struct lk_redis_dial *dial)
{
	struct lk_redis_wire *wire = dial->wire;
	const size_t hello = dial->count - (dial->remembers ? 2 : 1);
	enum lk_status status = LK_FAULT;
	struct lk_redis_past past;

	status = lk_redis_wire_welcome(wire, dial->replies, hello);
	if (status == LK_OK)
		status = lk_redis_wire_take_time(wire, dial->replies[hello]);
	if (status == LK_OK && lk_redis_channel_has_more(&wire->channel))
		status = lk_redis_wire_read_failed(wire, EPROTO);
	if (status != LK_OK)
		return (fail(dial, status));
	/* A master that has not been told of all revocations is told by who
	 * can wait for that. */
	if (dial->remembers &&
	    (!lk_redis_past_read(dial->replies[hello + 1], &past) ||
	        !lk_redis_carried_is_told(&dial->link->watch->carried, wire,
	            past.history))) {
		lk_redis_dial_close(dial);
		return (LK_E_WOULD_WAIT);
	}
	lk_redis_free_replies(dial->replies, LK_REDIS_GREETING_MAX);
	lk_buf_free(&dial->out);
	dial->state = LK_DIAL_READY;
	return (LK_OK);
}

/* Send what is left of the greeting, and take what is answered. */
static enum lk_status
converse(struct lk_redis_dial *dial)
{
	struct lk_redis_wire *wire = dial->wire;
	struct lk_redis_channel *channel = &wire->channel;
	ssize_t n = 0;
	int error;

	if (dial->sent < dial->out.len)
		n = lk_stream_write(&channel->stream,
		    dial->out.data + dial->sent, dial->out.len - dial->sent);
	if (n < 0 && errno != EAGAIN)
		return (fail(dial, lk_redis_wire_failed(wire, "send", errno)));
	dial->sent += n > 0 ? (size_t)n : 0;
	error = lk_redis_channel_read(channel);
	if (error == EAGAIN)
		return (LK_OK);
	if (error != 0)
		return (fail(dial, lk_redis_wire_read_failed(wire, error)));
	while (dial->got < dial->count) {
		if (!lk_redis_channel_next(channel, &dial->replies[dial->got]))
			return (fail(dial,
			    lk_redis_wire_read_failed(wire, EBADMSG)));
		if (dial->replies[dial->got] == NULL)
			return (LK_OK);
		dial->got++;
	}
	return (welcome(dial));
}

enum lk_status
lk_redis_dial_go_on(struct lk_redis_dial *dial)
{
	struct lk_redis_wire *wire = dial->wire;
	struct pollfd p = lk_stream_poll(&wire->channel.stream, POLLOUT);
	int error;

	/* Is it known to be connected, or not to be? */
	if (dial->state == LK_DIAL_CONNECTING &&
	    (p.events == 0 || poll(&p, 1, 0) != 0)) {
		error = lk_stream_go_on(&wire->channel.stream);
		if (error != 0)
			return (fail(dial,
			    lk_redis_wire_failed(wire, "connect", error)));
		connected(dial);
	}
	if ((dial->state == LK_DIAL_CONNECTING ||
	        dial->state == LK_DIAL_GREETING) &&
	    lk_deadline_left_ms(dial->deadline) == 0)
		return (fail(dial,
		    lk_redis_wire_failed(wire, "connect", ETIMEDOUT)));
	return (dial->state == LK_DIAL_GREETING ? converse(dial) : LK_OK);
}

struct pollfd
lk_redis_dial_poll(const struct lk_redis_dial *dial)
{
	const bool unsent = dial->sent < dial->out.len;

	return (lk_stream_poll(&dial->wire->channel.stream,
	    (short)(POLLIN | (unsent ? POLLOUT : 0))));
}
