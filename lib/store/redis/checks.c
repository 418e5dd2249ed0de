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
 * are under way on its connection, and drops that.
 *
 * In a cluster a check goes to the master of its slot, and on to whom that
 * sends it, as a new question there.  Where a part of what it asks about has
 * moved, or it is sent on too often, it is left to who can wait.
 *
 * A check that nobody waits for any more, since its time was over or it was
 * given up, keeps its place until its reply has come.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/checks.h"
#include "store/redis/lane.h"
#include "store/redis/redis.h"

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

	struct lk_redis_lane *lane; /* NULL: it has been asked on none yet */
	struct lk_breaker *breaker; /* of who was asked first */
	int slot;                   /* where that says who is to be asked */
	bool asking;            /* not its master is, but this once another */
	unsigned int redirects; /* how often it was sent on */

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
	struct lk_redis_link *link;
	struct lk_redis_lanes lanes;
	struct check_list waiting; /* in the order of their deadlines */
	struct check_list done;
};

_Static_assert(LK_REDIS_ORDER_REPLIES >= 2 * LK_REDIS_LOOK_MAX,
    "an answer has room for all replies to a check, with ASKING before each");

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
	lk_redis_watch_note(c->link->watch, check->breaker, false, answered,
	    check->began_ns);
}

/* ---- What is on its way ------------------------------------------------ */

/* All that are under way on a connection end so, and it is dropped. */
static void
fail_lane(struct checks *c, struct lk_redis_lane *lane, enum lk_status status)
{
	struct check *check, *next;

	lk_redis_dial_close(&lane->dial);
	lk_redis_order_clear(&lane->order);
	for (check = c->waiting.first; check != NULL; check = next) {
		next = check->next;
		if (check->lane != lane)
			continue;
		if (status != LK_E_WOULD_WAIT)
			tell_breaker(c, check, !lk_redis_may_pass(status));
		done(c, check, status);
	}
}

/* Put the question on a connection, with ASKING before each of its commands if
 * it is not to the slot's master. */
static enum lk_status
put(struct checks *c, struct check *check, const struct lk_redis_look *look)
{
	struct lk_redis_order *order = &check->lane->order;
	struct lk_redis_command commands[2 * LK_REDIS_LOOK_MAX];
	bool put;
	size_t i;

	for (i = 0; i < look->count && check->asking; i++) {
		lk_redis_command(&commands[2 * i], "ASKING");
		commands[2 * i + 1] = look->commands[i];
	}
	if (lk_redis_order_is_full(order))
		return (LK_E_WOULD_WAIT);
	put = check->asking
	    ? lk_redis_order_put(order, &check->asker, commands, 2 * i)
	    : lk_redis_order_put(order, &check->asker, look->commands,
	          look->count);
	return (
	    put ? LK_OK : lk_fail(c->base.error, LK_E_NOMEM, "out of memory"));
}

/* Ask about a session, for the first time or again: the master of its slot, or
 * this once ${whom}, unless that is NULL. */
static enum lk_status
ask(struct checks *c, struct check *check, struct lk_redis_master *whom)
{
	const struct lk_redis_layout *layout = c->layout;
	struct lk_redis_look look;
	enum lk_status status = LK_FAULT;

	status = layout->check(c->base.settings, &check->key, check->user,
	    &look);
	if (status != LK_OK)
		return (status);
	check->slot = lk_redis_link_slot(c->link, look.commands);
	check->first = look.count;
	check->asking = whom != NULL;
	if (check->again)
		look.count += layout->ask_why(&look.names,
		    &look.commands[look.count]);
	if (check->lane == NULL) {
		check->breaker = lk_redis_watch_breaker(c->link->watch,
		    check->slot);
		if (lk_breaker_is_barred(check->breaker))
			status = LK_E_WOULD_WAIT;
	}
	if (status == LK_OK)
		status = whom != NULL
		    ? lk_redis_lanes_to(&c->lanes, whom, &check->lane)
		    : lk_redis_lanes_find(&c->lanes, check->slot, &check->lane);
	if (status == LK_OK)
		status = put(c, check, &look);
	lk_redis_look_wipe(&look);
	return (status);
}

/* Ask again, or let it end by what hinders that. */
static void
ask_again(struct checks *c, struct check *check, struct lk_redis_master *whom)
{
	const enum lk_status status = ask(c, check, whom);

	if (status != LK_OK)
		done(c, check, status);
}

/* Ask for the time as well, if that is due and there is a place for it. */
static void
ask_time(struct checks *c, struct lk_redis_lane *lane)
{
	struct lk_redis_clock *clock = &lane->dial.wire->clock;
	struct lk_redis_command time;

	if (lk_redis_order_is_empty(&lane->order) ||
	    lk_redis_order_is_full(&lane->order) ||
	    !lk_redis_clock_is_due(clock))
		return;
	/* Not again before this one was answered. */
	clock->until_ns = INT64_MAX;
	lk_redis_command(&time, "TIME");
	if (!lk_redis_order_put(&lane->order, &lane->time, &time, 1))
		fail_lane(c, lane,
		    lk_fail(c->base.error, LK_E_NOMEM, "out of memory"));
}

/*
 * The connection is gone, and nothing was wrong but that.  What was sent is
 * sent once more on another, since asking twice changes nothing; what was sent
 * twice ends with ${status}.
 */
static void
send_again(struct checks *c, struct lk_redis_lane *lane, enum lk_status status)
{
	struct check *check, *next;

	if (!lk_redis_order_is_empty(&lane->order))
		lk_redis_reject(c->link, lane->dial.wire);
	lk_redis_dial_close(&lane->dial);
	lk_redis_order_lose(&lane->order);
	for (check = c->waiting.first; check != NULL; check = next) {
		next = check->next;
		if (check->lane != lane ||
		    check->asker.place != LK_REDIS_NOWHERE)
			continue;
		if (check->asker.lost <= 1) {
			ask_again(c, check, NULL);
			continue;
		}
		tell_breaker(c, check, false);
		done(c, check, status);
	}
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
	const struct lk_redis_wire *wire = check->lane->dial.wire;
	struct lk_redis_reply *const *replies = check->lane->order.replies;
	const char *wrong = NULL;
	enum lk_status status = LK_FAULT, why;

	status = layout->checked(c->base.settings, &check->key, replies,
	    &wire->clock, &check->session, &wrong);
	if (status == LK_OK && check->user)
		wrong = lk_redis_user_record(replies[check->first - 1],
		    &check->record);
	else if (status > 0)
		wrong = find_misplaced(check, replies);
	if (wrong == NULL && check->again) {
		why = layout->why(&check->key, &replies[check->first],
		    &check->ended, &wrong);
		status = status == LK_UNKNOWN ? why : status;
	}
	if (wrong != NULL) {
		/* It is none of ours, or not what was asked for. */
		fail_lane(c, check->lane,
		    lk_fail(c->base.error, LK_E_CORRUPT,
		        "redis at %s: %s is not what latchkey writes",
		        wire->name, wrong));
		return;
	}
	if (status == LK_UNKNOWN && !check->again &&
	    lk_redis_asks_why(layout, c->base.settings)) {
		check->again = true;
		ask_again(c, check, NULL);
		return;
	}
	tell_breaker(c, check, true);
	/* Somebody must ask for the master first, or a source for the user. */
	if (!lk_redis_topology_is_fresh(c->link->watch->topology, wire,
	        LK_REDIS_NO_SLOT) ||
	    (status == LK_OK && check->user && check->record.len == 0))
		status = LK_E_WOULD_WAIT;
	done(c, check, status);
}

/* Let go of what ASKING was answered, but for a refusal; false if that is no
 * answer to it. */
static bool
drop_asking(struct lk_redis_order *order)
{
	struct lk_redis_reply **from = order->replies;
	bool refused;
	size_t i;

	for (i = 0; 2 * i < order->got; i++, from += 2) {
		refused = from[0]->type == LK_REDIS_ERROR;
		if (!refused && !lk_redis_reply_is(from[0], "OK"))
			return (false);
		lk_redis_reply_free(from[refused ? 1 : 0]);
		order->replies[i] = from[refused ? 0 : 1];
		if (i > 0)
			from[0] = NULL;
		from[1] = NULL;
	}
	order->got = i;
	return (true);
}

/*
 * Who was asked has not got all of what he was asked about: ask who has it, if
 * he says so of all.  A part that is just being moved nobody has whole.
 */
static void
go_elsewhere(struct checks *c, struct check *check)
{
	const struct lk_redis_lane *lane = check->lane;
	const struct lk_redis_reply *first = NULL, *reply;
	struct lk_redis_topology *topology = c->link->watch->topology;
	enum lk_redis_redirect redirect = LK_REDIRECT_NONE;
	char name[LK_REDIS_NAME_SIZE];
	struct lk_redis_master master;
	size_t i, same = 0;

	for (i = 0; i < lane->order.got; i++) {
		reply = lane->order.replies[i];
		if (first == NULL && lk_redis_is_elsewhere(reply))
			first = reply;
		same += first != NULL && reply->type == LK_REDIS_ERROR &&
		    strcmp(reply->text, first->text) == 0;
	}
	if (first == NULL) {
		done(c, check, LK_E_WOULD_WAIT);
		return;
	}
	if (lk_redis_reply_is_error(first, "CLUSTERDOWN"))
		lk_redis_watch_suspect(c->link->watch, lane->dial.wire);
	if (check->redirects++ < LK_REDIS_REDIRECTS_MAX)
		redirect = lk_redis_redirect(first, check->slot,
		    lane->dial.wire->name, name);
	if (redirect == LK_REDIRECT_MOVED) {
		lk_redis_watch_moved(c->link->watch, check->slot, name);
		ask_again(c, check, NULL);
	} else if (redirect == LK_REDIRECT_ASK && same == lane->order.got &&
	    topology->ops->node(topology, name, &master)) {
		ask_again(c, check, &master);
	} else
		done(c, check, LK_E_WOULD_WAIT);
}

/* Whether one of the replies says that of a slot. */
static bool
is_elsewhere(const struct checks *c, const struct lk_redis_lane *lane)
{
	size_t i;

	for (i = 0; i < lane->order.got; i++) {
		if (lk_redis_is_elsewhere(lane->order.replies[i]))
			return (c->link->watch->topology->ops->is_at != NULL);
	}
	return (false);
}

/* An error among the replies to one question; false if there is none. */
static bool
is_refused(struct checks *c, struct lk_redis_lane *lane, size_t count)
{
	struct lk_redis_wire *wire = lane->dial.wire;
	enum lk_status status = LK_FAULT;
	size_t i;

	for (i = 0; i < count; i++) {
		status = lk_redis_reply_refusal(lane->order.replies[i],
		    wire->name, c->base.error);
		if (status == LK_OK)
			continue;
		if (lk_redis_is_passing(c->link, lane->order.replies[i])) {
			lk_redis_reject(c->link, wire);
			status = LK_E_WOULD_WAIT;
		}
		fail_lane(c, lane, status);
		return (true);
	}
	return (false);
}

/* How many of the replies for a check must be none of an error: where that the
 * session is unknown is said already, nobody need be told why. */
static size_t
must_read(const struct checks *c, const struct check *check)
{
	return (check->again && c->layout->first_tells
	        ? check->first
	        : check->lane->order.got);
}

/* All replies to the question at the head are there. */
static void
take_answer(struct checks *c, struct lk_redis_lane *lane)
{
	struct lk_redis_order *order = &lane->order;
	struct lk_redis_asker *asker;
	struct check *check = NULL;
	enum lk_status status = LK_OK;

	lk_redis_order_next(order, &asker);
	if (asker != NULL && asker != &lane->time)
		check = (struct check *)asker;
	if (check != NULL && check->asking && !drop_asking(order))
		status = lk_redis_wire_read_failed(lane->dial.wire, EPROTO);
	else if (is_elsewhere(c, lane)) {
		if (check != NULL)
			go_elsewhere(c, check);
	} else if (is_refused(c, lane,
	               check != NULL ? must_read(c, check) : order->got))
		return;
	else if (check != NULL)
		read_answer(c, check);
	else if (asker != NULL)
		status = lk_redis_wire_take_time(lane->dial.wire,
		    order->replies[0]);
	if (status != LK_OK)
		fail_lane(c, lane, status);
	lk_redis_order_read(order);
}

/* Take the replies that have come whole. */
static void
take_replies(struct checks *c, struct lk_redis_lane *lane)
{
	struct lk_redis_wire *wire = lane->dial.wire;
	struct lk_redis_reply *reply;
	enum lk_redis_order_reply makes;

	while (lane->dial.state == LK_DIAL_READY) {
		if (!lk_redis_channel_next(&wire->channel, &reply)) {
			fail_lane(c, lane,
			    lk_redis_wire_read_failed(wire, EBADMSG));
			return;
		}
		if (reply == NULL)
			return;
		wire->channel.got = 0;
		makes = lk_redis_order_take(&lane->order, reply);
		if (makes == LK_ORDER_ANSWER)
			take_answer(c, lane);
		else if (makes == LK_ORDER_TOO_MANY)
			fail_lane(c, lane,
			    lk_redis_wire_read_failed(wire, EPROTO));
	}
}

/* ---- What is over ------------------------------------------------------- */

/* End those whose time is over. */
static void
expire(struct checks *c, int64_t now_ns)
{
	struct check *check;

	for (check = c->waiting.first;
	     check != NULL && check->deadline.at_ns <= now_ns;
	     check = c->waiting.first) {
		lk_redis_watch_suspect(c->link->watch, check->lane->dial.wire);
		(void)lk_redis_wire_failed(check->lane->dial.wire, "read",
		    ETIMEDOUT);
		lk_redis_order_leave(&check->lane->order, &check->asker);
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
		lk_redis_order_leave(&check->lane->order, &check->asker);
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

/* ---- Its connections ---------------------------------------------------- */

static void
receive_some(struct checks *c, struct lk_redis_lane *lane)
{
	struct lk_redis_wire *wire = lane->dial.wire;
	enum lk_status status = LK_FAULT;
	size_t before;
	bool more = true;
	int error;

	while (more && lane->dial.state == LK_DIAL_READY) {
		before = wire->channel.got;
		error = lk_redis_channel_read(&wire->channel);
		if (error == EAGAIN)
			return;
		if (error != 0) {
			status = lk_redis_wire_read_failed(wire, error);
			(error == ECONNRESET ? send_again : fail_lane)(c, lane,
			    status);
			return;
		}
		more = wire->channel.got - before == LK_REDIS_READ_SIZE;
		take_replies(c, lane);
	}
}

/* Leave what are masters no more. */
static void
leave_old(struct checks *c)
{
	struct lk_redis_lane *lane;

	for (lane = c->lanes.first; lane != NULL; lane = lane->next) {
		if (lk_redis_lane_is_old(lane))
			send_again(c, lane,
			    lk_redis_wire_failed(lane->dial.wire, "read",
			        ESTALE));
	}
}

/* Do what can be done now on one connection. */
static void
go_on(struct checks *c, struct lk_redis_lane *lane)
{
	struct lk_redis_wire *wire = lane->dial.wire;
	enum lk_status status = LK_OK;
	int error;

	if (lane->dial.state == LK_DIAL_CLOSED)
		return;
	if (lane->dial.state == LK_DIAL_READY &&
	    lk_monotonic_ns() >= lk_redis_lane_silent_ns(lane))
		send_again(c, lane,
		    lk_redis_wire_failed(wire, "read", ETIMEDOUT));
	if (lane->dial.state == LK_DIAL_READY && lane->ready != 0)
		receive_some(c, lane);
	if (lane->dial.state != LK_DIAL_READY) {
		status = lk_redis_dial_go_on(&lane->dial);
		if (status != LK_OK)
			fail_lane(c, lane, status);
	}
	if (lane->dial.state == LK_DIAL_READY)
		ask_time(c, lane);
	if (lane->dial.state != LK_DIAL_READY)
		return;
	error = lk_redis_lane_send(lane);
	if (error != 0)
		send_again(c, lane, lk_redis_wire_failed(wire, "send", error));
}

static void
redis_go_on(struct lk_store_checks *base, short events)
{
	struct checks *c = checks_of(base);
	struct lk_redis_lane *lane;

	expire(c, lk_monotonic_ns());
	leave_old(c);
	lk_redis_lanes_hear(&c->lanes, events);
	for (lane = c->lanes.first; lane != NULL; lane = lane->next)
		go_on(c, lane);
}

/* ---- The rest of the operations ---------------------------------------- */

static enum lk_status
redis_start(struct lk_store_checks *base, const struct lk_token_key *key,
    bool user, void *whose)
{
	struct checks *c = checks_of(base);
	struct check *check;
	enum lk_status status = LK_FAULT;

	leave_old(c);
	if ((check = malloc(sizeof(*check))) == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	check->whose = whose;
	check->began_ns = lk_monotonic_ns();
	check->deadline.at_ns = check->began_ns +
	    base->settings->store.redis.command_timeout_ms * 1000000;
	check->key = *key;
	check->user = user;
	check->again = false;
	check->asker = (struct lk_redis_asker){ .place = LK_REDIS_NOWHERE };
	check->lane = NULL;
	check->redirects = 0;
	check->ended = LK_REASON_NONE;
	check->record = (struct lk_buf)LK_BUF_INIT(LK_USER_RECORD_MAX);
	if ((status = ask(c, check, NULL)) != LK_OK) {
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

	lk_redis_lanes_wants(&c->lanes, wants);
	if (first != NULL && first->deadline.at_ns < wants->until_ns)
		wants->until_ns = first->deadline.at_ns;
	if (c->done.first != NULL)
		wants->until_ns = 0;
}

/* All end so that somebody else is to be asked. */
static void
leave_all(struct checks *c)
{
	lk_redis_lanes_clear(&c->lanes);
	while (c->waiting.first != NULL)
		done(c, c->waiting.first, LK_E_WOULD_WAIT);
}

static void
redis_leave_parent(struct lk_store_checks *base)
{
	struct checks *c = checks_of(base);

	leave_all(c);
	lk_redis_link_leave_parent(c->link);
}

static void
redis_free(struct lk_store_checks *base)
{
	struct checks *c = checks_of(base);
	struct lk_store_checked checked;

	leave_all(c);
	while (redis_finish(base, &checked))
		lk_buf_free(&checked.record);
	lk_redis_link_free(c->link);
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
	    base->error, &c->link);
	if (status != LK_OK) {
		free(c);
		return (status);
	}
	c->base.ops = &redis_ops;
	c->base.settings = base->settings;
	c->base.error = base->error;
	c->layout = lk_redis_layout_of(base->settings);
	c->lanes = (struct lk_redis_lanes){ .link = c->link,
		.one_by_one = !c->layout->names_itself,
		.all = -1 };
	*checksp = &c->base;
	return (LK_OK);
}
