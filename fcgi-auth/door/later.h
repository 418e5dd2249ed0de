/*
 * Requests that are to be looked at again later, without a thread that waits
 * for that: logins of who has failed too often, or for whom there is no turn.
 */
#ifndef GATE_LATER_H_
#define GATE_LATER_H_

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

#include "door/exchange.h"

/* Most of them. */
#define GATE_LATER_MAX 256

/** Any number of threads may use it. */
struct gate_later {
	pthread_mutex_t lock;
	int timer; /* readable once one is due */
	size_t n;
	struct gate_exchange *first; /* the next that is due */
};

/** gate_later_open(later): False, and errno, if that cannot be had. */
bool gate_later_open(struct gate_later *later);

/**
 * gate_later_put(later, exchange):
 * Keep ${exchange}, which belongs to ${later} then, until it is to be asked
 * again.  False if there are too many.
 */
bool gate_later_put(struct gate_later *later, struct gate_exchange *exchange);

/** gate_later_take(later): One that is due, or NULL. */
struct gate_exchange *gate_later_take(struct gate_later *later);

/** gate_later_close(later): Turn all away, with whom no thread is left. */
void gate_later_close(struct gate_later *later);

#endif /* !GATE_LATER_H_ */
