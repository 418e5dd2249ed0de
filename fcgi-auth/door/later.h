/*
 * Requests that are to be looked at again later, without a thread that waits
 * for that: logins of who has failed too often, or for whom there is no turn,
 * and who watches a session that lives.
 */
#ifndef GATE_LATER_H_
#define GATE_LATER_H_

#include <pthread.h>
#include <stdbool.h>

#include "door/exchange.h"

/** Any number of threads may use it. */
struct gate_later {
	pthread_mutex_t lock;
	int timer;       /* readable once one is due */
	gate_counter *n; /* of the tally: how many there are, by why */
	size_t most;     /* of each kind, whatever it has places for */
	bool closed;
	struct gate_exchange *first,
	    *last; /* the next that is due, and so on */
};

/** gate_later_open(later, n, most): False, and errno, if that cannot be had. */
bool gate_later_open(struct gate_later *later, gate_counter *n, size_t most);

/**
 * gate_later_put(later, exchange):
 * Keep ${exchange}, which belongs to ${later} then, until it is to be asked
 * again.  False if it has not been here yet and there are too many, or if it
 * is closed.
 */
bool gate_later_put(struct gate_later *later, struct gate_exchange *exchange);

/** gate_later_take(later): One that is due, or NULL. */
struct gate_exchange *gate_later_take(struct gate_later *later);

/** gate_later_close(later): Turn all away, also who is put there from now on.
 */
void gate_later_close(struct gate_later *later);

/** gate_later_free(later): No thread is left. */
void gate_later_free(struct gate_later *later);

#endif /* !GATE_LATER_H_ */
