/*
 * One request in hand, from its parameters to its answer, whichever protocol
 * it came by.
 */
#ifndef GATE_EXCHANGE_H_
#define GATE_EXCHANGE_H_

#include "door/turn_away.h"
#include "endpoints/endpoints.h"
#include "process/process.h"

struct gate_exchange;

/** What is a protocol's own.  Each of the functions ends the exchange. */
struct gate_protocol {
	enum gate_listeners listener;
	int (*answer)(struct gate_exchange *exchange, const char *reply);
	void (*turn_away)(struct gate_exchange *exchange,
	    enum gate_turn_away why, const char *reason);
	void (*end)(struct gate_exchange *exchange);
};

/** Those of a loop that have ended, for use once more, each as large as the
 * others.  All zero at first. */
struct gate_spares {
	struct gate_exchange *first;
	size_t n;
};

struct gate_exchange {
	const struct gate_protocol *protocol;
	struct gate_exchange *before, *next; /* of a loop, whose check is under
	                                        way, or which are spare */
	struct gate_spares *spares; /* where it ends; NULL: it is freed */
	int fd;                     /* its connection */
	int64_t since_ns;           /* when it began, CLOCK_MONOTONIC */
	char **env;                 /* its parameters */
	int role;
	struct gate_brought brought;
	struct gate_case c; /* what is found out */
};

/**
 * gate_exchange_new(spares, size):
 * One of ${spares}, or one that becomes that at its end, unless its ${spares}
 * are NULL by then, as they are to be for who is another thread.  ${size} is
 * that of what it is the first member of; nothing is written but these, and an
 * empty body.  NULL without memory.
 */
struct gate_exchange *gate_exchange_new(struct gate_spares *spares,
    size_t size);

/** gate_exchange_free(exchange): Its protocol has ended it. */
void gate_exchange_free(struct gate_exchange *exchange);

/** gate_exchange_free_spares(spares): Free them. */
void gate_exchange_free_spares(struct gate_spares *spares);

/**
 * gate_exchange_answer(exchange, reply):
 * Write ${reply}, without waiting, and end the exchange.  The connection if it
 * is kept and then the caller's; else -1.
 */
int gate_exchange_answer(struct gate_exchange *exchange, const char *reply);

/**
 * gate_exchange_turn_away(exchange, why, reason):
 * Answer with the denial of gate_turn_away_text(), end it and hang up.
 */
void gate_exchange_turn_away(struct gate_exchange *exchange,
    enum gate_turn_away why, const char *reason);

/**
 * gate_exchange_end(exchange):
 * End it without an answer, and hang up.  No check of it may be under way.
 */
void gate_exchange_end(struct gate_exchange *exchange);

/**
 * gate_exchange_is_given_up(exchange):
 * Whether surely nobody waits for an answer any more.
 */
bool gate_exchange_is_given_up(const struct gate_exchange *exchange);

#endif /* !GATE_EXCHANGE_H_ */
