/*
 * Checks that wait for nothing: many are under way on one connection, each at
 * a place of its own in the order in which Redis answers.
 *
 * Nobody is told an answer that may be another's.  In layout latchkey what is
 * read names its session, and one that is unknown is asked for a second time,
 * behind all that was sent before it: had its first reply been lost, doubled or
 * taken for another's, a reply would have met a question that it does not fit
 * by then.  Layout gosession's replies name none, so one check is sent at a
 * time.  A reply that does not fit, one too many, or an error fails all that
 * are under way and drops the connection.
 *
 * A check that nobody waits for any more, since its time was over or it was
 * given up, keeps its place until its reply has come.
 */
#include <errno.h>
#include <stdlib.h>

#include "store/redis/checking.h"
#include "store/redis/redis.h"

/* How often another master is looked for while an answer is awaited. */
#define LOOK_NS INT64_C(50000000)

struct lk_redis_checks *
lk_redis_checks_of(struct lk_store_checks *base)
{
	/* The base is the first member. */
	return ((struct lk_redis_checks *)base);
}

/* ---- The connection ---------------------------------------------------- */

static void
send_some(struct lk_redis_checks *c)
{
	struct lk_redis_wire *wire = &c->dial.caller->wire;
	int error;

	lk_redis_checks_ask_time(c);
	if (c->dial.state != LK_DIAL_READY)
		return;
	error = lk_redis_order_send(&c->order, &wire->channel.stream);
	if (error != 0)
		lk_redis_checks_send_again(c,
		    lk_redis_wire_failed(wire, "send", error));
}

static void
receive_some(struct lk_redis_checks *c)
{
	struct lk_redis_channel *channel = &c->dial.caller->wire.channel;
	size_t before;
	bool more = true;
	int error;

	while (more && c->dial.state == LK_DIAL_READY) {
		before = channel->got;
		error = lk_redis_channel_read(channel);
		if (error == EAGAIN)
			return;
		if (error != 0) {
			error == ECONNRESET
			    ? lk_redis_checks_send_again(c,
			          lk_redis_wire_read_failed(
			              &c->dial.caller->wire, error))
			    : lk_redis_checks_fail(c,
			          lk_redis_wire_read_failed(
			              &c->dial.caller->wire, error));
			return;
		}
		more = channel->got - before == LK_REDIS_READ_SIZE;
		lk_redis_checks_take(c);
	}
}

/* Whether it is too silent to be believed to answer any more. */
static int64_t
silent_at(const struct lk_redis_checks *c)
{
	const int64_t ms = c->base.settings->store.redis.command_timeout_ms;

	return (lk_redis_order_is_owed(&c->order)
	        ? c->order.heard_ns + 2 * ms * 1000000
	        : INT64_MAX);
}

/* Leave what is the master no more. */
static void
leave_old(struct lk_redis_checks *c)
{
	struct lk_redis_caller *caller = c->dial.caller;

	if (c->dial.state != LK_DIAL_CLOSED &&
	    atomic_load_explicit(&caller->watch->topology->generation,
	        memory_order_acquire) != caller->wire.generation)
		lk_redis_checks_send_again(c,
		    lk_redis_wire_failed(&caller->wire, "read", ESTALE));
}

static void
redis_go_on(struct lk_store_checks *base, short events)
{
	struct lk_redis_checks *c = lk_redis_checks_of(base);
	struct lk_redis_caller *caller = c->dial.caller;
	const int64_t now_ns = lk_monotonic_ns();
	enum lk_status status = LK_OK;

	lk_redis_checks_expire(c, now_ns);
	leave_old(c);
	if (c->dial.state == LK_DIAL_CLOSED)
		return;
	if (c->dial.state == LK_DIAL_READY && now_ns >= silent_at(c))
		lk_redis_checks_send_again(c,
		    lk_redis_wire_failed(&caller->wire, "read", ETIMEDOUT));
	if (c->dial.state == LK_DIAL_READY && events != 0)
		receive_some(c);
	if (c->dial.state != LK_DIAL_READY) {
		status = lk_redis_dial_go_on(&c->dial);
		if (status != LK_OK)
			lk_redis_checks_fail(c, status);
	}
	if (c->dial.state == LK_DIAL_READY)
		send_some(c);
}

/* ---- The rest of the operations ---------------------------------------- */

static enum lk_status
redis_start(struct lk_store_checks *base, const struct lk_token_key *key,
    bool user, void *whose)
{
	struct lk_redis_checks *c = lk_redis_checks_of(base);
	struct lk_redis_caller *caller = c->dial.caller;
	struct lk_redis_check *check;
	enum lk_status status = LK_FAULT;

	leave_old(c);
	if (lk_redis_order_is_full(&c->order) ||
	    lk_breaker_is_barred(&caller->watch->breaker) ||
	    (c->dial.state != LK_DIAL_CLOSED &&
	        !lk_redis_topology_is_fresh(caller->watch->topology,
	            caller->wire.generation)))
		return (LK_E_WOULD_WAIT);
	if ((status = lk_redis_dial_begin(&c->dial)) != LK_OK)
		return (status);
	if ((check = malloc(sizeof(*check))) == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	check->whose = whose;
	check->began_ns = lk_monotonic_ns();
	check->deadline.at_ns = check->began_ns +
	    base->settings->store.redis.command_timeout_ms * 1000000;
	check->key = *key;
	check->user = user;
	check->again = check->asker.resent = false;
	check->record = (struct lk_buf)LK_BUF_INIT(LK_USER_RECORD_MAX);
	if ((status = lk_redis_checks_put(c, check)) != LK_OK) {
		free(check);
		return (status);
	}
	check->key.token = NULL;
	return (LK_OK);
}

static void
redis_wants(struct lk_store_checks *base, struct lk_checks_wants *wants)
{
	struct lk_redis_checks *c = lk_redis_checks_of(base);
	const struct lk_redis_check *first = c->waiting.first;
	struct pollfd p = { .fd = -1 };
	int64_t until_ns = silent_at(c);

	if (c->dial.state == LK_DIAL_READY)
		p = lk_stream_poll(&c->dial.caller->wire.channel.stream,
		    (short)(POLLIN |
		        (lk_redis_order_may_send(&c->order) ? POLLOUT : 0)));
	else if (c->dial.state != LK_DIAL_CLOSED) {
		p = lk_redis_dial_poll(&c->dial);
		until_ns = c->dial.deadline.at_ns;
	}
	if (first != NULL && first->deadline.at_ns < until_ns)
		until_ns = first->deadline.at_ns;
	if (first != NULL && c->dial.caller->wire.manners.master &&
	    lk_monotonic_ns() + LOOK_NS < until_ns)
		until_ns = lk_monotonic_ns() + LOOK_NS;
	if (c->done.first != NULL || (p.fd >= 0 && p.events == 0))
		until_ns = 0;
	*wants = (struct lk_checks_wants){ .fd = p.fd,
		.events = p.events,
		.serial = c->dial.serial,
		.until_ns = until_ns };
}

static void
redis_leave_parent(struct lk_store_checks *base)
{
	struct lk_redis_checks *c = lk_redis_checks_of(base);

	lk_redis_link_leave_parent(c->link);
	lk_redis_checks_fail(c, LK_E_WOULD_WAIT);
}

static void
redis_free(struct lk_store_checks *base)
{
	struct lk_redis_checks *c = lk_redis_checks_of(base);
	struct lk_store_checked checked;

	lk_redis_checks_fail(c, LK_E_WOULD_WAIT);
	while (lk_redis_checks_finish(base, &checked))
		lk_buf_free(&checked.record);
	lk_redis_order_free(&c->order);
	lk_redis_link_free(c->link);
	free(c);
}

static const struct lk_store_checks_ops redis_ops = { .start = redis_start,
	.wants = redis_wants,
	.go_on = redis_go_on,
	.finish = lk_redis_checks_finish,
	.give_up = lk_redis_checks_give_up,
	.leave_parent = redis_leave_parent,
	.free = redis_free };

enum lk_status
lk_redis_checks_new(const struct lk_store *base,
    struct lk_store_checks **checksp)
{
	struct lk_redis_checks *c = calloc(1, sizeof(*c));
	enum lk_status status = LK_FAULT;

	*checksp = NULL;
	if (c == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	status = lk_redis_link_new(base->settings, base->watch, base->log,
	    base->error, &c->link);
	if (status != LK_OK) {
		free(c);
		return (status);
	}
	c->base.ops = &redis_ops;
	c->base.settings = base->settings;
	c->base.error = base->error;
	c->dial.caller = lk_redis_link_caller(c->link);
	c->layout = lk_redis_layout_of(base->settings);
	c->time.place = LK_REDIS_NOWHERE;
	lk_redis_order_init(&c->order, !c->layout->names_itself);
	*checksp = &c->base;
	return (LK_OK);
}
