/* One request on its connection, from its bytes to its answer. */
#ifndef GATE_EXCHANGE_H_
#define GATE_EXCHANGE_H_

#include <fcgiapp.h>

#include "door/guard.h"
#include "door/turn_away.h"
#include "endpoints/endpoints.h"

/** Those of a loop that have ended, for use once more.  All zero at first. */
struct gate_spares {
	struct gate_exchange *first;
	size_t n;
};

struct gate_exchange {
	struct gate_exchange *before, *next; /* of a loop, whose check is under
	                                        way, or which are spare */
	struct gate_spares *spares; /* where it ends; NULL: it is freed */
	int fd;
	uint16_t request_id;
	bool keep;          /* the connection, after the answer */
	bool taken;         /* of what the peer sends, all is read */
	int64_t since_ns;   /* when it began, CLOCK_MONOTONIC */
	FCGX_Request fcgi;  /* its parameters */
	struct gate_case c; /* what is found out */
};

/**
 * gate_exchange_begin(spares, fd, seen):
 * Take the request that the guard has ${seen} whole in ${fd}, which belongs to
 * the exchange then.  NULL, and ${fd} is closed, if there is no room for it.
 * It is one of ${spares}, or becomes one at its end, unless its ${spares} are
 * NULL by then, as they are to be for who is another thread.
 */
struct gate_exchange *gate_exchange_begin(struct gate_spares *spares, int fd,
    const struct gate_seen *seen);

/** gate_exchange_free_spares(spares): Free them. */
void gate_exchange_free_spares(struct gate_spares *spares);

/**
 * gate_exchange_answer(exchange, reply):
 * Write ${reply}, without waiting, and end the exchange.  The connection if it
 * is kept, which is then the caller's; else -1, and it is closed.
 */
int gate_exchange_answer(struct gate_exchange *exchange, const char *reply);

/**
 * gate_exchange_turn_away(exchange, why, reason):
 * As gate_turn_away(), and end it.
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
