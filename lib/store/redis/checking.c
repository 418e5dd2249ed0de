#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis/checking.h"
#include "store/redis/redis.h"

_Static_assert(LK_REDIS_ORDER_REPLIES > LK_REDIS_QUESTIONS_MAX,
    "an answer has room for all replies to a check");

static struct lk_redis_check *
check_of(struct lk_redis_asker *asker)
{
	/* It is the first member. */
	return ((struct lk_redis_check *)asker);
}

/* ---- Lists ------------------------------------------------------------- */

static void
list_add(struct lk_redis_check_list *list, struct lk_redis_check *check)
{
	check->next = NULL;
	check->before = list->last;
	*(list->last != NULL ? &list->last->next : &list->first) = check;
	list->last = check;
}

static void
list_remove(struct lk_redis_check_list *list, struct lk_redis_check *check)
{
	*(check->before != NULL ? &check->before->next
	                        : &list->first) = check->next;
	*(check->next != NULL ? &check->next->before
	                      : &list->last) = check->before;
}

static struct lk_redis_check *
list_find(const struct lk_redis_check_list *list, const void *whose)
{
	struct lk_redis_check *check = list->first;

	while (check != NULL && check->whose != whose)
		check = check->next;
	return (check);
}

/* It is over for who waits for it. */
static void
done(struct lk_redis_checks *c, struct lk_redis_check *check,
    enum lk_status status)
{
	check->status = status;
	list_remove(&c->waiting, check);
	list_add(&c->done, check);
}

static void
tell_breaker(struct lk_redis_checks *c, const struct lk_redis_check *check,
    bool answered)
{
	lk_redis_watch_note(c->dial.caller->watch, false, answered,
	    check->began_ns);
}

/* ---- What is on its way ------------------------------------------------ */

void
lk_redis_checks_fail(struct lk_redis_checks *c, enum lk_status status)
{
	struct lk_redis_check *check;

	lk_redis_dial_close(&c->dial);
	lk_redis_order_clear(&c->order);
	while ((check = c->waiting.first) != NULL) {
		if (status != LK_E_WOULD_WAIT)
			tell_breaker(c, check, !lk_redis_may_pass(status));
		done(c, check, status);
	}
}

/* What was read is none of ours, or not what was asked for. */
static void
fail_corrupt(struct lk_redis_checks *c, const char *wrong)
{
	lk_redis_checks_fail(c,
	    lk_fail(c->base.error, LK_E_CORRUPT,
	        "redis at %s: %s is not what latchkey writes",
	        c->dial.caller->wire.name, wrong));
}

/* Ask about a session, for the first time or again. */
static enum lk_status
ask(struct lk_redis_checks *c, struct lk_redis_check *check)
{
	const struct lk_redis_layout *layout = c->layout;
	struct lk_redis_look look;
	enum lk_status status = LK_FAULT;

	status = layout->check(c->base.settings, &check->key, check->user,
	    &look);
	if (status != LK_OK)
		return (status);
	if (check->again)
		layout->ask_why(&look.names, &look.commands[look.count++]);
	if (!lk_redis_order_put(&c->order, &check->asker, look.commands,
	        look.count))
		status = lk_fail(c->base.error, LK_E_NOMEM, "out of memory");
	lk_redis_look_wipe(&look);
	return (status);
}

enum lk_status
lk_redis_checks_put(struct lk_redis_checks *c, struct lk_redis_check *check)
{
	const enum lk_status status = ask(c, check);

	if (status == LK_OK)
		list_add(&c->waiting, check);
	return (status);
}

void
lk_redis_checks_ask_time(struct lk_redis_checks *c)
{
	struct lk_redis_clock *clock = &c->dial.caller->wire.clock;
	struct lk_redis_command time;

	if (lk_redis_order_is_empty(&c->order) ||
	    lk_redis_order_is_full(&c->order) || !lk_redis_clock_is_due(clock))
		return;
	/* Not again before this one was answered. */
	clock->until_ns = INT64_MAX;
	lk_redis_command(&time, "TIME");
	if (!lk_redis_order_put(&c->order, &c->time, &time, 1))
		lk_redis_checks_fail(c,
		    lk_fail(c->base.error, LK_E_NOMEM, "out of memory"));
}

void
lk_redis_checks_send_again(struct lk_redis_checks *c, enum lk_status status)
{
	struct lk_redis_check *check, *next;

	if (!lk_redis_order_is_empty(&c->order))
		lk_redis_reject(c->dial.caller);
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
		lk_redis_checks_fail(c, status);
}

/* ---- What is answered -------------------------------------------------- */

/*
 * What does not fit a reply that the refusal of a check is not read from, or
 * NULL: a cached record is JSON, and the second look ends with a number.  Else
 * the session's own record may stand there, in the place of another reply.
 */
static const char *
find_misplaced(const struct lk_redis_check *check,
    struct lk_redis_reply *const *replies, size_t count)
{
	const struct lk_redis_reply *user =
	    replies[count - (check->again ? 2 : 1)];
	const struct lk_redis_reply *end = replies[count - 1];

	if (check->user && user->type != LK_REDIS_NIL &&
	    (user->type != LK_REDIS_STRING || user->text[0] != '{'))
		return ("a user's record");
	if (check->again && end->type != LK_REDIS_NIL &&
	    (end->type != LK_REDIS_STRING || end->len == 0 ||
	        strspn(end->text, "0123456789.e+") != end->len))
		return ("a session's end");
	return (NULL);
}

/* What the replies say that are there for a check. */
static void
read_answer(struct lk_redis_checks *c, struct lk_redis_check *check,
    size_t count)
{
	const struct lk_redis_layout *layout = c->layout;
	const struct lk_redis_wire *wire = &c->dial.caller->wire;
	const char *wrong = NULL;
	enum lk_status status = LK_FAULT;

	status = layout->checked(c->base.settings, &check->key,
	    c->order.replies, &wire->clock, &check->session, &wrong);
	if (status == LK_OK && check->user)
		wrong = lk_redis_user_record(
		    c->order.replies[count - (check->again ? 2 : 1)],
		    &check->record);
	else if (status > 0)
		wrong = find_misplaced(check, c->order.replies, count);
	if (wrong != NULL) {
		fail_corrupt(c, wrong);
		return;
	}
	if (status == LK_UNKNOWN && layout->ask_why != NULL) {
		if (!check->again) {
			check->again = true;
			if ((status = ask(c, check)) != LK_OK)
				lk_redis_checks_fail(c, status);
			return;
		}
		status = lk_redis_why(c->order.replies[count - 1]);
	}
	tell_breaker(c, check, true);
	/* Somebody must ask for the master first, or a source for the user. */
	if (!lk_redis_topology_is_fresh(c->dial.caller->watch->topology,
	        wire->generation) ||
	    (status == LK_OK && check->user && check->record.len == 0))
		status = LK_E_WOULD_WAIT;
	done(c, check, status);
}

/* An error among the replies to one question; false if there is none. */
static bool
is_refused(struct lk_redis_checks *c, size_t count)
{
	struct lk_redis_caller *caller = c->dial.caller;
	enum lk_status status = LK_FAULT;
	size_t i;

	for (i = 0; i < count; i++) {
		status = lk_redis_reply_refusal(c->order.replies[i],
		    caller->wire.name, c->base.error);
		if (status == LK_OK)
			continue;
		if (lk_redis_is_passing(caller, c->order.replies[i])) {
			lk_redis_reject(caller);
			status = LK_E_WOULD_WAIT;
		}
		lk_redis_checks_fail(c, status);
		return (true);
	}
	return (false);
}

/* All replies to the question at the head are there. */
static void
take_answer(struct lk_redis_checks *c)
{
	const size_t count = c->order.got;
	struct lk_redis_asker *asker;
	enum lk_status status = LK_OK;

	if (is_refused(c, count))
		return;
	lk_redis_order_next(&c->order, &asker);
	if (asker == &c->time)
		status = lk_redis_wire_take_time(&c->dial.caller->wire,
		    c->order.replies[0]);
	else if (asker != NULL)
		read_answer(c, check_of(asker), count);
	if (status != LK_OK)
		lk_redis_checks_fail(c, status);
	lk_redis_order_read(&c->order);
}

void
lk_redis_checks_take(struct lk_redis_checks *c)
{
	struct lk_redis_wire *wire = &c->dial.caller->wire;
	struct lk_redis_reply *reply;
	enum lk_redis_order_reply makes;

	while (c->dial.state == LK_DIAL_READY) {
		if (!lk_redis_channel_next(&wire->channel, &reply)) {
			lk_redis_checks_fail(c,
			    lk_redis_wire_read_failed(wire, EBADMSG));
			return;
		}
		if (reply == NULL)
			return;
		wire->channel.got = 0;
		makes = lk_redis_order_take(&c->order, reply);
		if (makes == LK_ORDER_ANSWER)
			take_answer(c);
		else if (makes == LK_ORDER_TOO_MANY)
			lk_redis_checks_fail(c,
			    lk_redis_wire_read_failed(wire, EPROTO));
	}
}

/* ---- What is over ------------------------------------------------------- */

void
lk_redis_checks_expire(struct lk_redis_checks *c, int64_t now_ns)
{
	struct lk_redis_caller *caller = c->dial.caller;
	struct lk_redis_check *check = c->waiting.first;

	if (check == NULL || check->deadline.at_ns > now_ns)
		return;
	lk_redis_watch_suspect(caller->watch, caller->wire.generation);
	(void)lk_redis_wire_failed(&caller->wire, "read", ETIMEDOUT);
	for (; check != NULL && check->deadline.at_ns <= now_ns;
	     check = c->waiting.first) {
		lk_redis_order_leave(&c->order, &check->asker);
		tell_breaker(c, check, false);
		done(c, check, LK_E_TIMEOUT);
	}
}

bool
lk_redis_checks_finish(struct lk_store_checks *base,
    struct lk_store_checked *checked)
{
	struct lk_redis_checks *c = lk_redis_checks_of(base);
	struct lk_redis_check *check = c->done.first;

	if (check == NULL)
		return (false);
	list_remove(&c->done, check);
	checked->whose = check->whose;
	checked->status = check->status;
	checked->record = check->record;
	if (check->status == LK_OK)
		checked->session = check->session;
	free(check);
	return (true);
}

bool
lk_redis_checks_give_up(struct lk_store_checks *base, const void *whose)
{
	struct lk_redis_checks *c = lk_redis_checks_of(base);
	struct lk_redis_check_list *list = &c->waiting;
	struct lk_redis_check *check = list_find(list, whose);

	if (check != NULL) {
		lk_redis_order_leave(&c->order, &check->asker);
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
