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
#include <string.h>

#include "store/checks.h"
#include "store/redis/dial.h"
#include "store/redis/order.h"
#include "store/redis/redis.h"

/* How often another master is looked for while an answer is awaited. */
#define LOOK_NS INT64_C(50000000)

struct check {
	struct lk_redis_asker asker; /* its first member */
	struct check *next;          /* in one of the lists */
	struct check *before;
	void *whose;
	struct lk_deadline deadline;
	int64_t began_ns;
	struct lk_token_key key;
	struct lk_token token; /* where keys are made of it; else not there */
	bool user;             /* his record is asked for */
	bool again;            /* it is the second look */
	size_t first;          /* commands of the first look */

	/* Once it is finished. */
	enum lk_status status;
	enum lk_reason ended;
	struct lk_session session;
	struct lk_buf record;
};

struct check_list {
	struct check *first;
	struct check *last;
};

struct checks {
	struct lk_store_checks base;
	const struct lk_redis_layout *layout;
	struct lk_redis_dial dial;
	struct check_list waiting; /* in the order of their deadlines */
	struct check_list done;

	struct lk_redis_order order;
	struct lk_redis_asker time; /* asks for the clock */
};

_Static_assert(LK_REDIS_ORDER_REPLIES >= LK_REDIS_LOOK_MAX,
    "an answer has room for all replies to a check");

static struct checks *
checks_of(struct lk_store_checks *base)
{
	/* The base is the first member. */
	return ((struct checks *)base);
}

/* ---- Lists ------------------------------------------------------------- */

static void
list_add(struct check_list *list, struct check *check)
{
	check->next = NULL;
	check->before = list->last;
	*(list->last != NULL ? &list->last->next : &list->first) = check;
	list->last = check;
}

static void
list_remove(struct check_list *list, struct check *check)
{
	*(check != list->first ? &check->before->next
	                       : &list->first) = check->next;
	*(check != list->last ? &check->next->before
	                      : &list->last) = check->before;
}

static struct check *
list_find(const struct check_list *list, const void *whose)
{
	struct check *check = list->first;

	while (check != NULL && check->whose != whose)
		check = check->next;
	return (check);
}

/* It is asked about no more. */
static void
wipe_token(struct check *check)
{
	if (check->key.token != NULL)
		lk_token_wipe(&check->token);
	check->key.token = NULL;
}

/* It is over for who waits for it. */
static void
done(struct checks *c, struct check *check, enum lk_status status)
{
	wipe_token(check);
	check->status = status;
	list_remove(&c->waiting, check);
	list_add(&c->done, check);
}

static void
tell_breaker(struct checks *c, const struct check *check, bool answered)
{
	lk_redis_watch_note(c->dial.link->watch, &c->dial.link->watch->breaker,
	    false, answered, check->began_ns);
}

/* ---- What is on its way ------------------------------------------------ */

/* All that are under way end so, and the connection is dropped. */
static void
fail_all(struct checks *c, enum lk_status status)
{
	struct check *check;

	lk_redis_dial_close(&c->dial);
	lk_redis_order_clear(&c->order);
	while ((check = c->waiting.first) != NULL) {
		if (status != LK_E_WOULD_WAIT)
			tell_breaker(c, check, !lk_redis_may_pass(status));
		done(c, check, status);
	}
}

/* Ask about a session, for the first time or again. */
static enum lk_status
ask(struct checks *c, struct check *check)
{
	const struct lk_redis_layout *layout = c->layout;
	struct lk_redis_look look;
	enum lk_status status = LK_FAULT;

	status = layout->check(c->base.settings, &check->key, check->user,
	    &look);
	if (status != LK_OK)
		return (status);
	check->first = look.count;
	if (check->again)
		look.count += layout->ask_why(&look.names,
		    &look.commands[look.count]);
	if (!lk_redis_order_put(&c->order, &check->asker, look.commands,
	        look.count))
		status = lk_fail(c->base.error, LK_E_NOMEM, "out of memory");
	lk_redis_look_wipe(&look);
	return (status);
}

/* Ask for the time as well, if that is due and there is a place for it. */
static void
ask_time(struct checks *c)
{
	struct lk_redis_clock *clock = &c->dial.link->wire->clock;
	struct lk_redis_command time;

	if (lk_redis_order_is_empty(&c->order) ||
	    lk_redis_order_is_full(&c->order) || !lk_redis_clock_is_due(clock))
		return;
	/* Not again before this one was answered. */
	clock->until_ns = INT64_MAX;
	lk_redis_command(&time, "TIME");
	if (!lk_redis_order_put(&c->order, &c->time, &time, 1))
		fail_all(c,
		    lk_fail(c->base.error, LK_E_NOMEM, "out of memory"));
}

/*
 * The connection is gone, and nothing was wrong but that.  What was sent is
 * sent once more on another, since asking twice changes nothing; what was sent
 * twice ends with ${status}.
 */
static void
send_again(struct checks *c, enum lk_status status)
{
	struct check *check, *next;

	if (!lk_redis_order_is_empty(&c->order))
		lk_redis_reject(c->dial.link);
	lk_redis_dial_close(&c->dial);
	lk_redis_order_leave(&c->order, &c->time);
	lk_redis_order_rewind(&c->order);
	for (check = c->waiting.first; check != NULL; check = next) {
		next = check->next;
		if (check->asker.place != LK_REDIS_NOWHERE)
			continue;
		tell_breaker(c, check, false);
		done(c, check, status);
	}
	if (lk_redis_order_is_empty(&c->order))
		return;
	if ((status = lk_redis_dial_begin(&c->dial)) != LK_OK)
		fail_all(c, status);
}

/* ---- What is answered -------------------------------------------------- */

/*
 * What does not fit a reply that the refusal of a check is not read from, or
 * NULL: a cached record is JSON.  Else the session's own record may stand
 * there, in the place of another reply.
 */
static const char *
find_misplaced(const struct check *check, struct lk_redis_reply *const *replies)
{
	const struct lk_redis_reply *user = replies[check->first - 1];

	if (check->user && user->type != LK_REDIS_NIL &&
	    (user->type != LK_REDIS_STRING || user->text[0] != '{'))
		return ("a user's record");
	return (NULL);
}

/* What the replies say that are there for a check. */
static void
read_answer(struct checks *c, struct check *check)
{
	const struct lk_redis_layout *layout = c->layout;
	const struct lk_redis_wire *wire = c->dial.link->wire;
	const char *wrong = NULL;
	enum lk_status status = LK_FAULT, why;

	status = layout->checked(c->base.settings, &check->key,
	    c->order.replies, &wire->clock, &check->session, &wrong);
	if (status == LK_OK && check->user)
		wrong = lk_redis_user_record(c->order.replies[check->first - 1],
		    &check->record);
	else if (status > 0)
		wrong = find_misplaced(check, c->order.replies);
	if (wrong == NULL && check->again) {
		why = layout->why(&check->key, &c->order.replies[check->first],
		    &check->ended, &wrong);
		status = status == LK_UNKNOWN ? why : status;
	}
	if (wrong != NULL) {
		/* It is none of ours, or not what was asked for. */
		fail_all(c,
		    lk_fail(c->base.error, LK_E_CORRUPT,
		        "redis at %s: %s is not what latchkey writes",
		        wire->name, wrong));
		return;
	}
	if (status == LK_UNKNOWN && !check->again &&
	    lk_redis_asks_why(layout, c->base.settings)) {
		check->again = true;
		if ((status = ask(c, check)) != LK_OK)
			fail_all(c, status);
		return;
	}
	tell_breaker(c, check, true);
	/* Somebody must ask for the master first, or a source for the user. */
	if (!lk_redis_topology_is_fresh(c->dial.link->watch->topology, wire,
	        LK_REDIS_NO_SLOT) ||
	    (status == LK_OK && check->user && check->record.len == 0))
		status = LK_E_WOULD_WAIT;
	done(c, check, status);
}

/* An error among the replies to one question; false if there is none. */
static bool
is_refused(struct checks *c, size_t count)
{
	struct lk_redis_link *link = c->dial.link;
	enum lk_status status = LK_FAULT;
	size_t i;

	for (i = 0; i < count; i++) {
		status = lk_redis_reply_refusal(c->order.replies[i],
		    link->wire->name, c->base.error);
		if (status == LK_OK)
			continue;
		if (lk_redis_is_passing(link, c->order.replies[i])) {
			lk_redis_reject(link);
			status = LK_E_WOULD_WAIT;
		}
		fail_all(c, status);
		return (true);
	}
	return (false);
}

/* How many of the replies for a check must be none of an error: where that the
 * session is unknown is said already, nobody need be told why. */
static size_t
must_read(const struct checks *c, const struct check *check)
{
	return (check->again && c->layout->first_tells ? check->first
	                                               : c->order.got);
}

/* All replies to the question at the head are there. */
static void
take_answer(struct checks *c)
{
	struct lk_redis_asker *asker;
	enum lk_status status = LK_OK;
	size_t count = c->order.got;

	lk_redis_order_next(&c->order, &asker);
	if (asker != NULL && asker != &c->time)
		count = must_read(c, (struct check *)asker);
	if (is_refused(c, count))
		return;
	if (asker == &c->time)
		status = lk_redis_wire_take_time(c->dial.link->wire,
		    c->order.replies[0]);
	else if (asker != NULL)
		read_answer(c, (struct check *)asker);
	if (status != LK_OK)
		fail_all(c, status);
	lk_redis_order_read(&c->order);
}

/* Take the replies that have come whole. */
static void
take_replies(struct checks *c)
{
	struct lk_redis_wire *wire = c->dial.link->wire;
	struct lk_redis_reply *reply;
	enum lk_redis_order_reply makes;

	while (c->dial.state == LK_DIAL_READY) {
		if (!lk_redis_channel_next(&wire->channel, &reply)) {
			fail_all(c, lk_redis_wire_read_failed(wire, EBADMSG));
			return;
		}
		if (reply == NULL)
			return;
		wire->channel.got = 0;
		makes = lk_redis_order_take(&c->order, reply);
		if (makes == LK_ORDER_ANSWER)
			take_answer(c);
		else if (makes == LK_ORDER_TOO_MANY)
			fail_all(c, lk_redis_wire_read_failed(wire, EPROTO));
	}
}

/* ---- What is over ------------------------------------------------------- */

/* End those whose time is over. */
static void
expire(struct checks *c, int64_t now_ns)
{
	struct lk_redis_link *link = c->dial.link;
	struct check *check = c->waiting.first;

	if (check == NULL || check->deadline.at_ns > now_ns)
		return;
	lk_redis_watch_suspect(link->watch, link->wire);
	(void)lk_redis_wire_failed(link->wire, "read", ETIMEDOUT);
	for (; check != NULL && check->deadline.at_ns <= now_ns;
	     check = c->waiting.first) {
		lk_redis_order_leave(&c->order, &check->asker);
		tell_breaker(c, check, false);
		done(c, check, LK_E_TIMEOUT);
	}
}

static bool
redis_finish(struct lk_store_checks *base, struct lk_store_checked *checked)
{
	struct checks *c = checks_of(base);
	struct check *check = c->done.first;

	if (check == NULL)
		return (false);
	list_remove(&c->done, check);
	checked->whose = check->whose;
	checked->status = check->status;
	checked->record = check->record;
	checked->ended = check->status == LK_UNKNOWN
	    ? check->ended
	    : LK_REASON_NONE;
	if (check->status == LK_OK)
		checked->session = check->session;
	free(check);
	return (true);
}

static bool
redis_give_up(struct lk_store_checks *base, const void *whose)
{
	struct checks *c = checks_of(base);
	struct check_list *list = &c->waiting;
	struct check *check = list_find(list, whose);

	if (check != NULL) {
		lk_redis_order_leave(&c->order, &check->asker);
		wipe_token(check);
	} else {
		list = &c->done;
		check = list_find(list, whose);
	}
	if (check == NULL)
		return (false);
	list_remove(list, check);
	lk_buf_free(&check->record);
	free(check);
	return (true);
}

/* ---- The connection ---------------------------------------------------- */

static void
receive_some(struct checks *c)
{
	struct lk_redis_wire *wire = c->dial.link->wire;
	enum lk_status status = LK_FAULT;
	size_t before;
	bool more = true;
	int error;

	while (more && c->dial.state == LK_DIAL_READY) {
		before = wire->channel.got;
		error = lk_redis_channel_read(&wire->channel);
		if (error == EAGAIN)
			return;
		if (error != 0) {
			status = lk_redis_wire_read_failed(wire, error);
			(error == ECONNRESET ? send_again : fail_all)(c,
			    status);
			return;
		}
		more = wire->channel.got - before == LK_REDIS_READ_SIZE;
		take_replies(c);
	}
}

/* Whether it is too silent to be believed to answer any more. */
static int64_t
silent_at(const struct checks *c)
{
	const int64_t ms = c->base.settings->store.redis.command_timeout_ms;

	return (lk_redis_order_is_owed(&c->order)
	        ? c->order.heard_ns + 2 * ms * 1000000
	        : INT64_MAX);
}

/* Leave what is the master no more. */
static void
leave_old(struct checks *c)
{
	struct lk_redis_link *link = c->dial.link;

	if (c->dial.state != LK_DIAL_CLOSED &&
	    atomic_load_explicit(&link->watch->topology->generation,
	        memory_order_acquire) != link->wire->generation)
		send_again(c, lk_redis_wire_failed(link->wire, "read", ESTALE));
}

static void
redis_go_on(struct lk_store_checks *base, short events)
{
	struct checks *c = checks_of(base);
	struct lk_redis_link *link = c->dial.link;
	const int64_t now_ns = lk_monotonic_ns();
	enum lk_status status = LK_OK;
	int error;

	expire(c, now_ns);
	leave_old(c);
	if (c->dial.state == LK_DIAL_CLOSED)
		return;
	if (c->dial.state == LK_DIAL_READY && now_ns >= silent_at(c))
		send_again(c,
		    lk_redis_wire_failed(link->wire, "read", ETIMEDOUT));
	if (c->dial.state == LK_DIAL_READY && events != 0)
		receive_some(c);
	if (c->dial.state != LK_DIAL_READY) {
		status = lk_redis_dial_go_on(&c->dial);
		if (status != LK_OK)
			fail_all(c, status);
	}
	if (c->dial.state == LK_DIAL_READY)
		ask_time(c);
	if (c->dial.state != LK_DIAL_READY)
		return;
	error = lk_redis_order_send(&c->order, &link->wire->channel.stream);
	if (error != 0)
		send_again(c, lk_redis_wire_failed(link->wire, "send", error));
}

/* ---- The rest of the operations ---------------------------------------- */

static enum lk_status
redis_start(struct lk_store_checks *base, const struct lk_token_key *key,
    bool user, void *whose)
{
	struct checks *c = checks_of(base);
	struct lk_redis_link *link = c->dial.link;
	struct check *check;
	enum lk_status status = LK_FAULT;

	leave_old(c);
	if (lk_redis_order_is_full(&c->order) ||
	    lk_breaker_is_barred(&link->watch->breaker) ||
	    (c->dial.state != LK_DIAL_CLOSED &&
	        !lk_redis_topology_is_fresh(link->watch->topology, link->wire,
	            LK_REDIS_NO_SLOT)))
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
	check->ended = LK_REASON_NONE;
	check->record = (struct lk_buf)LK_BUF_INIT(LK_USER_RECORD_MAX);
	if ((status = ask(c, check)) != LK_OK) {
		free(check);
		return (status);
	}
	list_add(&c->waiting, check);
	check->key.token = NULL;
	if (c->layout->keeps_tokens &&
	    lk_token_set(&check->token, key->token->text, key->token->len) ==
	        LK_OK)
		check->key.token = &check->token;
	return (LK_OK);
}

static void
redis_wants(struct lk_store_checks *base, struct lk_checks_wants *wants)
{
	struct checks *c = checks_of(base);
	const struct check *first = c->waiting.first;
	struct pollfd p = { .fd = -1 };
	int64_t until_ns = silent_at(c);

	if (c->dial.state == LK_DIAL_READY)
		p = lk_stream_poll(&c->dial.link->wire->channel.stream,
		    (short)(POLLIN |
		        (lk_redis_order_may_send(&c->order) ? POLLOUT : 0)));
	else if (c->dial.state != LK_DIAL_CLOSED) {
		p = lk_redis_dial_poll(&c->dial);
		until_ns = c->dial.deadline.at_ns;
	}
	if (first != NULL && first->deadline.at_ns < until_ns)
		until_ns = first->deadline.at_ns;
	if (first != NULL && c->dial.link->wire->manners.master &&
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
	struct checks *c = checks_of(base);

	lk_redis_link_leave_parent(c->dial.link);
	fail_all(c, LK_E_WOULD_WAIT);
}

static void
redis_free(struct lk_store_checks *base)
{
	struct checks *c = checks_of(base);
	struct lk_store_checked checked;

	fail_all(c, LK_E_WOULD_WAIT);
	while (redis_finish(base, &checked))
		lk_buf_free(&checked.record);
	lk_redis_order_free(&c->order);
	lk_redis_link_free(c->dial.link);
	free(c);
}

static const struct lk_store_checks_ops redis_ops = { .start = redis_start,
	.wants = redis_wants,
	.go_on = redis_go_on,
	.finish = redis_finish,
	.give_up = redis_give_up,
	.leave_parent = redis_leave_parent,
	.free = redis_free };

enum lk_status
lk_redis_checks_new(const struct lk_store *base,
    struct lk_store_checks **checksp)
{
	struct checks *c = calloc(1, sizeof(*c));
	enum lk_status status = LK_FAULT;

	*checksp = NULL;
	if (c == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	status = lk_redis_link_new(base->settings, base->watch, base->log,
	    base->error, &c->dial.link);
	if (status != LK_OK) {
		free(c);
		return (status);
	}
	c->base.ops = &redis_ops;
	c->base.settings = base->settings;
	c->base.error = base->error;
	c->layout = lk_redis_layout_of(base->settings);
	c->time.place = LK_REDIS_NOWHERE;
	lk_redis_order_init(&c->order, !c->layout->names_itself);
	*checksp = &c->base;
	return (LK_OK);
}
