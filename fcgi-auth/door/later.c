#include <sys/timerfd.h>

#include <unistd.h>

#include "base/deadline.h"
#include "door/later.h"

#define SECOND_NS INT64_C(1000000000)

bool
gate_later_open(struct gate_later *later, gate_counter *n, size_t most)
{
	*later = (struct gate_later){ .timer = timerfd_create(CLOCK_MONOTONIC,
		                          TFD_CLOEXEC | TFD_NONBLOCK),
		.n = n,
		.most = most };
	return (
	    later->timer != -1 && pthread_mutex_init(&later->lock, NULL) == 0);
}

/* Let the timer tell when the first is due; it was read, or is not yet. */
static void
set_timer(const struct gate_later *later)
{
	/* None at all is 0; what is due already is not. */
	const int64_t at = later->first == NULL
	    ? 0
	    : later->first->brought.again_ns;
	const struct itimerspec when = {
		.it_value = { .tv_sec = (time_t)(at / SECOND_NS),
		    .tv_nsec = (long)(at % SECOND_NS) }
	};

	(void)timerfd_settime(later->timer, TFD_TIMER_ABSTIME, &when, NULL);
}

/* Behind all that are due before it, which most of those that come are not. */
static void
insert(struct gate_later *later, struct gate_exchange *exchange)
{
	struct gate_exchange *before = later->last;

	while (before != NULL &&
	    before->brought.again_ns > exchange->brought.again_ns)
		before = before->before;
	exchange->before = before;
	exchange->next = before == NULL ? later->first : before->next;
	*(before == NULL ? &later->first : &before->next) = exchange;
	*(exchange->next == NULL ? &later->last
	                         : &exchange->next->before) = exchange;
}

/* The first, which is another one's now. */
static struct gate_exchange *
take_first(struct gate_later *later)
{
	struct gate_exchange *exchange = later->first;

	later->first = exchange->next;
	*(later->first == NULL ? &later->last : &later->first->before) = NULL;
	gate_count_down(&later->n[exchange->brought.again]);
	return (exchange);
}

bool
gate_later_put(struct gate_later *later, struct gate_exchange *exchange)
{
	struct gate_brought *brought = &exchange->brought;
	gate_counter *n = &later->n[brought->again];
	bool room;

	(void)pthread_mutex_lock(&later->lock);
	room = !later->closed &&
	    (brought->waited ||
	        (gate_counted(n) < brought->places &&
	            gate_counted(n) < later->most));
	if (room) {
		brought->waited = true;
		insert(later, exchange);
		(void)gate_count(n);
		set_timer(later);
	}
	(void)pthread_mutex_unlock(&later->lock);
	return (room);
}

struct gate_exchange *
gate_later_take(struct gate_later *later)
{
	struct gate_exchange *exchange = NULL;

	(void)pthread_mutex_lock(&later->lock);
	if (later->first != NULL &&
	    later->first->brought.again_ns <= lk_monotonic_ns()) {
		exchange = take_first(later);
		/* It is readable as long as another one is due. */
		set_timer(later);
	}
	(void)pthread_mutex_unlock(&later->lock);
	return (exchange);
}

void
gate_later_close(struct gate_later *later)
{
	struct gate_exchange *exchange;

	(void)pthread_mutex_lock(&later->lock);
	later->closed = true;
	while (later->first != NULL) {
		exchange = take_first(later);
		gate_exchange_turn_away(exchange, GATE_TURN_AWAY_OVERLOAD,
		    "it ends");
	}
	(void)pthread_mutex_unlock(&later->lock);
}

void
gate_later_free(struct gate_later *later)
{
	if (later->timer == -1)
		return;
	gate_later_close(later);
	(void)close(later->timer);
	(void)pthread_mutex_destroy(&later->lock);
	later->timer = -1;
}
