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

#include <sodium.h>

#include "store/backend.h"
#include "store/checks.h"
#include "store/redis/dial.h"
#include "store/redis/redis.h"

/* How often another master is looked for while an answer is awaited. */
#define LOOK_NS INT64_C(50000000)
/* Most that is kept of what was sent, and when what was answered is cut off. */
#define OUT_MAX (8 * 1024 * 1024)
#define OUT_ANSWERED 65536
/* Most that are kept to be used again. */
#define SPARE_MAX 64

struct check {
	struct check *next; /* in one of the lists */
	struct check *before;
	void *whose;
	struct lk_deadline deadline;
	int64_t began_ns;
	struct lk_token_key key; /* without its token */
	bool user;               /* his record is asked for */
	bool again;              /* it is the second look */
	bool resent;             /* on another connection */
	uint64_t place;

	/* Once it is finished. */
	enum lk_status status;
	struct lk_session session;
	struct lk_buf record;
};

struct list {
	struct check *first;
	struct check *last;
};

/** In the order of replies. */
struct place {
	struct check *check;  /* NULL: nobody waits for it */
	unsigned int replies; /* how many make it */
	unsigned int bytes;   /* of its commands */
	bool time;            /* it is the question for the clock */
};

struct redis_checks {
	struct lk_store_checks base;
	const struct lk_redis_layout *layout;
	struct lk_redis_link *link;
	struct lk_redis_dial dial;
	struct list waiting; /* in the order of their deadlines */
	struct list done;
	struct list spare;
	size_t spares;

	/* Places are counted on for ever; a ring. */
	struct place places[LK_CHECKS_MAX];
	uint64_t head;
	uint64_t tail;

	/* Their commands, from the head's first byte on, until answered. */
	struct lk_buf out;
	size_t answered; /* so many bytes of it */
	size_t sent;

	struct lk_redis_reply *replies[LK_REDIS_QUESTIONS_MAX + 1];
	size_t got;       /* replies of the head's */
	int64_t heard_ns; /* when the last one came, or was first waited for */
};

static struct redis_checks *
checks_of(struct lk_store_checks *base)
{
	/* The base is the first member. */
	return ((struct redis_checks *)base);
}

static struct place *
place_at(struct redis_checks *c, uint64_t at)
{
	return (&c->places[at % LK_CHECKS_MAX]);
}

/* ---- Lists ------------------------------------------------------------- */

static void
list_add(struct list *list, struct check *check)
{
	check->next = NULL;
	check->before = list->last;
	*(list->last != NULL ? &list->last->next : &list->first) = check;
	list->last = check;
}

static void
list_remove(struct list *list, struct check *check)
{
	*(check->before != NULL ? &check->before->next
	                        : &list->first) = check->next;
	*(check->next != NULL ? &check->next->before
	                      : &list->last) = check->before;
}

static struct check *
list_find(const struct list *list, const void *whose)
{
	struct check *check = list->first;

	while (check != NULL && check->whose != whose)
		check = check->next;
	return (check);
}

static struct check *
check_new(struct redis_checks *c)
{
	struct check *check = c->spare.first;

	if (check == NULL)
		return (malloc(sizeof(*check)));
	list_remove(&c->spare, check);
	c->spares--;
	return (check);
}

/* Have one again that is in no list. */
static void
check_spare(struct redis_checks *c, struct check *check)
{
	if (c->spares == SPARE_MAX) {
		free(check);
		return;
	}
	list_add(&c->spare, check);
	c->spares++;
}

/* It is over for who waits for it. */
static void
done(struct redis_checks *c, struct check *check, enum lk_status status)
{
	check->status = status;
	list_remove(&c->waiting, check);
	list_add(&c->done, check);
}

static void
tell_breaker(struct redis_checks *c, const struct check *check, bool answered)
{
	lk_shared_breaker_note(&c->dial.caller->watch->breaker, false, answered,
	    check->began_ns);
}

/* ---- What is on its way ------------------------------------------------ */

/* Forget all that is. */
static void
clear(struct redis_checks *c)
{
	c->head = c->tail;
	lk_buf_reset(&c->out);
	c->answered = c->sent = c->got = 0;
	lk_redis_free_replies(c->replies, LK_REDIS_QUESTIONS_MAX + 1);
}

/* All of it fails, and the connection is dropped. */
static void
fail_all(struct redis_checks *c, enum lk_status status)
{
	struct check *check;

	lk_redis_dial_close(&c->dial);
	clear(c);
	while ((check = c->waiting.first) != NULL) {
		if (status != LK_E_WOULD_WAIT)
			tell_breaker(c, check, !lk_redis_may_pass(status));
		done(c, check, status);
	}
}

/* What was read is none of ours, or not what was asked for. */
static void
fail_corrupt(struct redis_checks *c, const char *wrong)
{
	fail_all(c,
	    lk_fail(c->base.error, LK_E_CORRUPT,
	        "redis at %s: %s is not what latchkey writes",
	        c->dial.caller->wire.name, wrong));
}

/* Put commands at the end of what is to be sent; false without memory. */
static bool
put(struct redis_checks *c, struct place place,
    const struct lk_redis_command *commands, size_t count)
{
	const size_t before = c->out.len;

	if (lk_redis_command_format(commands, count, &c->out) != LK_OK)
		return (false);
	place.replies = (unsigned int)count;
	place.bytes = (unsigned int)(c->out.len - before);
	*place_at(c, c->tail) = place;
	if (place.check != NULL)
		place.check->place = c->tail;
	c->tail++;
	return (true);
}

/* Ask about a session, for the first time or again. */
static enum lk_status
ask(struct redis_checks *c, struct check *check)
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
	if (!put(c, (struct place){ .check = check }, look.commands,
	        look.count))
		status = lk_fail(c->base.error, LK_E_NOMEM, "out of memory");
	lk_redis_look_wipe(&look);
	return (status);
}

/* Ask for the time, if that is called for and there is a place for it. */
static void
ask_time(struct redis_checks *c)
{
	struct lk_redis_command time;

	if (c->head == c->tail || c->tail - c->head == LK_CHECKS_MAX ||
	    !lk_redis_clock_is_due(&c->dial.caller->wire.clock))
		return;
	/* Not again before this one was answered. */
	c->dial.caller->wire.clock.until_ns = INT64_MAX;
	lk_redis_command(&time, "TIME");
	if (!put(c, (struct place){ .time = true }, &time, 1))
		fail_all(c,
		    lk_fail(c->base.error, LK_E_NOMEM, "out of memory"));
}

/* Cut off what has been answered of what was sent. */
static void
cut_answered(struct redis_checks *c)
{
	const size_t left = c->out.len - c->answered;

	if (left == 0) {
		lk_buf_reset(&c->out);
	} else if (c->answered > OUT_ANSWERED && c->answered > left) {
		memmove(c->out.data, c->out.data + c->answered, left);
		sodium_memzero(c->out.data + left, c->out.len - left);
		c->out.len = left;
	} else
		return;
	c->sent -= c->answered;
	c->answered = 0;
}

/*
 * The connection is gone, and nothing was wrong but that.  What was sent is
 * sent once more on another, since asking twice changes nothing; what was sent
 * twice fails with ${status}.
 */
static void
send_again(struct redis_checks *c, enum lk_status status)
{
	size_t at = c->answered, kept = 0;
	uint64_t from, to = c->head;
	struct check *check;
	struct place place;

	if (c->head != c->tail)
		lk_redis_reject(c->dial.caller);
	lk_redis_dial_close(&c->dial);
	for (from = c->head; from != c->tail; from++) {
		place = *place_at(c, from);
		check = place.check;
		if (check != NULL && at < c->sent && check->resent) {
			tell_breaker(c, check, false);
			done(c, check, status);
		} else if (check != NULL) {
			check->resent |= at < c->sent;
			memmove(c->out.data + kept, c->out.data + at,
			    place.bytes);
			kept += place.bytes;
			check->place = to;
			*place_at(c, to++) = place;
		}
		at += place.bytes;
	}
	c->tail = to;
	if (c->out.len > kept)
		sodium_memzero(c->out.data + kept, c->out.len - kept);
	c->out.len = kept;
	c->answered = c->sent = c->got = 0;
	lk_redis_free_replies(c->replies, LK_REDIS_QUESTIONS_MAX + 1);
	if (c->head == c->tail)
		return;
	if ((status = lk_redis_dial_begin(&c->dial)) != LK_OK)
		fail_all(c, status);
}

/* ---- What is answered -------------------------------------------------- */

/* What the replies say that are there for a check. */
static void
read_answer(struct redis_checks *c, struct check *check, size_t count)
{
	const struct lk_redis_layout *layout = c->layout;
	const struct lk_redis_wire *wire = &c->dial.caller->wire;
	const char *wrong = NULL;
	enum lk_status status = LK_FAULT;

	status = layout->checked(c->base.settings, &check->key, c->replies,
	    &wire->clock, &check->session, &wrong);
	if (status == LK_OK && check->user)
		wrong = lk_redis_user_record(
		    c->replies[count - (check->again ? 2 : 1)], &check->record);
	if (wrong != NULL) {
		fail_corrupt(c, wrong);
		return;
	}
	if (status == LK_UNKNOWN && layout->ask_why != NULL) {
		if (!check->again) {
			check->again = true;
			if ((status = ask(c, check)) != LK_OK)
				fail_all(c, status);
			return;
		}
		status = lk_redis_why(c->replies[count - 1]);
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
is_refused(struct redis_checks *c, size_t count)
{
	struct lk_redis_caller *caller = c->dial.caller;
	enum lk_status status = LK_FAULT;
	size_t i;

	for (i = 0; i < count; i++) {
		status = lk_redis_reply_refusal(c->replies[i],
		    caller->wire.name, c->base.error);
		if (status == LK_OK)
			continue;
		if (lk_redis_is_passing(caller, c->replies[i])) {
			lk_redis_reject(caller);
			status = LK_E_WOULD_WAIT;
		}
		fail_all(c, status);
		return (true);
	}
	return (false);
}

/* All replies to the question at the head are there. */
static void
answered(struct redis_checks *c, const struct place *place)
{
	struct lk_redis_wire *wire = &c->dial.caller->wire;
	enum lk_status status = LK_OK;

	if (is_refused(c, place->replies))
		return;
	c->head++;
	c->answered += place->bytes;
	if (place->time)
		status = lk_redis_wire_take_time(wire, c->replies[0]);
	if (status != LK_OK)
		fail_all(c, status);
	else if (place->check != NULL)
		read_answer(c, place->check, place->replies);
	lk_redis_free_replies(c->replies, LK_REDIS_QUESTIONS_MAX + 1);
	c->got = 0;
	cut_answered(c);
}

/* Take the replies that have come whole. */
static void
take_replies(struct redis_checks *c)
{
	struct lk_redis_wire *wire = &c->dial.caller->wire;
	struct lk_redis_reply *reply;
	struct place place;

	while (c->dial.state == LK_DIAL_READY) {
		if (!lk_redis_channel_next(&wire->channel, &reply)) {
			fail_all(c, lk_redis_wire_read_failed(wire, EBADMSG));
			return;
		}
		if (reply == NULL)
			return;
		wire->channel.got = 0;
		c->heard_ns = lk_monotonic_ns();
		place = *place_at(c, c->head);
		if (c->head == c->tail || c->answered + place.bytes > c->sent) {
			lk_redis_reply_free(reply);
			fail_all(c, lk_redis_wire_read_failed(wire, EPROTO));
			return;
		}
		c->replies[c->got++] = reply;
		if (c->got == place.replies)
			answered(c, &place);
	}
}

/* ---- The connection ---------------------------------------------------- */

/* So many bytes may be sent. */
static size_t
may_send(struct redis_checks *c)
{
	if (c->layout->names_itself || c->head == c->tail)
		return (c->out.len);
	return (c->answered + place_at(c, c->head)->bytes);
}

static void
send_some(struct redis_checks *c)
{
	struct lk_redis_wire *wire = &c->dial.caller->wire;
	size_t most;
	ssize_t n;

	ask_time(c);
	most = may_send(c);
	if (c->dial.state != LK_DIAL_READY || c->sent >= most)
		return;
	if (c->sent == c->answered)
		c->heard_ns = lk_monotonic_ns();
	n = lk_stream_write(&wire->channel.stream, c->out.data + c->sent,
	    most - c->sent);
	if (n >= 0)
		c->sent += (size_t)n;
	else if (errno != EAGAIN)
		send_again(c, lk_redis_wire_failed(wire, "send", errno));
}

static void
receive_some(struct redis_checks *c)
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
			    ? send_again(c,
			          lk_redis_wire_read_failed(
			              &c->dial.caller->wire, error))
			    : fail_all(c,
			          lk_redis_wire_read_failed(
			              &c->dial.caller->wire, error));
			return;
		}
		more = channel->got - before == LK_REDIS_READ_SIZE;
		take_replies(c);
	}
}

/* Those whose time is over. */
static void
expire(struct redis_checks *c, int64_t now_ns)
{
	struct lk_redis_caller *caller = c->dial.caller;
	struct check *check = c->waiting.first;

	if (check == NULL || check->deadline.at_ns > now_ns)
		return;
	lk_redis_watch_suspect(caller->watch, caller->wire.generation);
	(void)lk_redis_wire_failed(&caller->wire, "read", ETIMEDOUT);
	for (; check != NULL && check->deadline.at_ns <= now_ns;
	     check = c->waiting.first) {
		place_at(c, check->place)->check = NULL;
		tell_breaker(c, check, false);
		done(c, check, LK_E_TIMEOUT);
	}
}

/* Whether it is too silent to be believed to answer any more. */
static int64_t
silent_at(const struct redis_checks *c)
{
	return (c->sent == c->answered ? INT64_MAX
	                               : c->heard_ns +
	            2 * c->base.settings->store.redis.command_timeout_ms *
	                1000000);
}

/* Leave what is the master no more. */
static void
leave_old(struct redis_checks *c)
{
	struct lk_redis_caller *caller = c->dial.caller;

	if (c->dial.state != LK_DIAL_CLOSED &&
	    atomic_load_explicit(&caller->watch->topology->generation,
	        memory_order_acquire) != caller->wire.generation)
		send_again(c,
		    lk_redis_wire_failed(&caller->wire, "read", ESTALE));
}

static void
redis_go_on(struct lk_store_checks *base, short events)
{
	struct redis_checks *c = checks_of(base);
	struct lk_redis_caller *caller = c->dial.caller;
	const int64_t now_ns = lk_monotonic_ns();
	enum lk_status status = LK_OK;

	expire(c, now_ns);
	leave_old(c);
	if (c->dial.state == LK_DIAL_CLOSED)
		return;
	if (c->dial.state == LK_DIAL_READY && now_ns >= silent_at(c))
		send_again(c,
		    lk_redis_wire_failed(&caller->wire, "read", ETIMEDOUT));
	if (c->dial.state == LK_DIAL_READY && events != 0)
		receive_some(c);
	if (c->dial.state != LK_DIAL_READY) {
		status = lk_redis_dial_go_on(&c->dial);
		if (status != LK_OK)
			fail_all(c, status);
	}
	if (c->dial.state == LK_DIAL_READY)
		send_some(c);
}

/* ---- The rest of the operations ---------------------------------------- */

static enum lk_status
redis_start(struct lk_store_checks *base, const struct lk_token_key *key,
    bool user, void *whose)
{
	struct redis_checks *c = checks_of(base);
	struct lk_redis_caller *caller = c->dial.caller;
	struct check *check;
	enum lk_status status = LK_FAULT;

	leave_old(c);
	if (c->tail - c->head == LK_CHECKS_MAX ||
	    lk_shared_breaker_is_barred(&caller->watch->breaker) ||
	    (c->dial.state != LK_DIAL_CLOSED &&
	        !lk_redis_topology_is_fresh(caller->watch->topology,
	            caller->wire.generation)))
		return (LK_E_WOULD_WAIT);
	if ((status = lk_redis_dial_begin(&c->dial)) != LK_OK)
		return (status);
	if ((check = check_new(c)) == NULL)
		return (lk_fail(base->error, LK_E_NOMEM, "out of memory"));
	check->whose = whose;
	check->began_ns = lk_monotonic_ns();
	check->deadline.at_ns = check->began_ns +
	    base->settings->store.redis.command_timeout_ms * 1000000;
	check->key = *key;
	check->user = user;
	check->again = check->resent = false;
	check->record = (struct lk_buf)LK_BUF_INIT(LK_USER_RECORD_MAX);
	if ((status = ask(c, check)) != LK_OK) {
		check_spare(c, check);
		return (status);
	}
	check->key.token = NULL;
	list_add(&c->waiting, check);
	return (LK_OK);
}

static void
redis_wants(struct lk_store_checks *base, struct lk_checks_wants *wants)
{
	struct redis_checks *c = checks_of(base);
	const struct check *first = c->waiting.first;
	struct pollfd p = { .fd = -1 };
	int64_t until_ns = silent_at(c);

	if (c->dial.state == LK_DIAL_READY)
		p = lk_stream_poll(&c->dial.caller->wire.channel.stream,
		    (short)(POLLIN | (c->sent < may_send(c) ? POLLOUT : 0)));
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

static bool
redis_finish(struct lk_store_checks *base, struct lk_store_checked *checked)
{
	struct redis_checks *c = checks_of(base);
	struct check *check = c->done.first;

	if (check == NULL)
		return (false);
	list_remove(&c->done, check);
	checked->whose = check->whose;
	checked->status = check->status;
	checked->record = check->record;
	if (check->status == LK_OK)
		checked->session = check->session;
	check_spare(c, check);
	return (true);
}

static bool
redis_give_up(struct lk_store_checks *base, const void *whose)
{
	struct redis_checks *c = checks_of(base);
	struct list *list = &c->waiting;
	struct check *check = list_find(list, whose);

	if (check != NULL) {
		place_at(c, check->place)->check = NULL;
	} else {
		list = &c->done;
		check = list_find(list, whose);
	}
	if (check == NULL)
		return (false);
	list_remove(list, check);
	lk_buf_free(&check->record);
	check_spare(c, check);
	return (true);
}

static void
redis_leave_parent(struct lk_store_checks *base)
{
	struct redis_checks *c = checks_of(base);

	lk_redis_link_leave_parent(c->link);
	fail_all(c, LK_E_WOULD_WAIT);
}

static void
redis_free(struct lk_store_checks *base)
{
	struct redis_checks *c = checks_of(base);
	struct lk_store_checked checked;
	struct check *check;

	fail_all(c, LK_E_WOULD_WAIT);
	while (redis_finish(base, &checked))
		lk_buf_free(&checked.record);
	while ((check = c->spare.first) != NULL) {
		list_remove(&c->spare, check);
		free(check);
	}
	lk_buf_free(&c->out);
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
	struct redis_checks *c = calloc(1, sizeof(*c));
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
	c->out = (struct lk_buf)LK_BUF_INIT(OUT_MAX);
	*checksp = &c->base;
	return (LK_OK);
}
