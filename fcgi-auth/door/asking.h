/*
 * The requests that a loop has in hand: each is answered at once, or its check
 * is under way without waiting, or it goes to the workers.
 */
#ifndef GATE_ASKING_H_
#define GATE_ASKING_H_

#include "door/exchange.h"
#include "door/thread.h"
#include "door/waiting.h"

struct gate_asking {
	/* Constant. */
	struct gate_thread *thread;   /* with checks */
	struct gate_waiting *waiting; /* for the next request, if kept */

	/* All zero at first, with no descriptor. */
	struct gate_exchange *first; /* under way */
	struct lk_checks_wants wants;
};

/**
 * gate_asking_begin(asking, exchange):
 * Answer ${exchange}, or begin to.
 */
void gate_asking_begin(struct gate_asking *asking,
    struct gate_exchange *exchange);

/**
 * gate_asking_go_on(asking, events):
 * Send what was started, in one write, answer what is known by now, and let
 * epoll tell the next events of the store's descriptor, ${asking->wants.fd};
 * ${events} are those that it has told.
 */
void gate_asking_go_on(struct gate_asking *asking, short events);

/**
 * gate_asking_again(asking):
 * The thread follows new settings: ask by these what was under way.
 */
void gate_asking_again(struct gate_asking *asking);

/** gate_asking_give_up(asking): Drop all that is under way; nobody begins any
 * more. */
void gate_asking_give_up(struct gate_asking *asking);

#endif /* !GATE_ASKING_H_ */
