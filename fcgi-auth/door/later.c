#include <sys/timerfd.h>

#include <unistd.h>

#include "base/deadline.h"
#include "door/later.h"

#define SECOND_NS INT64_C(1000000000)

bool
gate_later_open(struct gate_later *later)
{
	*later = (struct gate_later){ .timer = timerfd_create(CLOCK_MONOTONIC,
		                          TFD_CLOEXEC | TFD_NONBLOCK) };
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

bool
gate_later_put(struct gate_later *later, struct gate_exchange *exchange)
{
	struct gate_exchange **at = &later->first;
	bool room;

	(void)pthread_mutex_lock(&later->lock);
	if ((room = later->n < GATE_LATER_MAX)) {
		while (*at != NULL &&
		    (*at)->brought.again_ns <= exchange->brought.again_ns)
			at = &(*at)->next;
		exchange->next = *at;
		*at = exchange;
		later->n++;
		set_timer(later);
	}
	(void)pthread_mutex_unlock(&later->lock);
	return (room);
}

struct gate_exchange *
gate_later_take(struct gate_later *later)
{
	struct gate_exchange *exchange;

	(void)pthread_mutex_lock(&later->lock);
	exchange = later->first;
	if (exchange != NULL &&
	    exchange->brought.again_ns > lk_monotonic_ns()) {
		exchange = NULL;
	} else if (exchange != NULL) {
		later->first = exchange->next;
		later->n--;
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

	while ((exchange = later->first) != NULL) {
		later->first = exchange->next;
		gate_exchange_turn_away(exchange, GATE_TURN_AWAY_OVERLOAD,
		    "it ends");
	}
	if (later->timer != -1) {
		(void)close(later->timer);
		(void)pthread_mutex_destroy(&later->lock);
	}
	later->timer = -1;
}
