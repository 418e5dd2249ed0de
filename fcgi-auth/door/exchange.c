#include <poll.h>
#include <stdlib.h>

#include "base/deadline.h"
#include "door/exchange.h"
#include "door/guard.h"

#define MS_NS INT64_C(1000000)
/* A request that waited longer than this may have been given up. */
#define STALE_NS (100 * MS_NS)
/* Every web server has given up one that waited this long. */
#define TOO_OLD_NS (5000 * MS_NS)

/* Most that a loop keeps for use once more. */
#define SPARES_MAX 64

/* A large piece of memory: to have and free one for each request is dear. */
struct gate_exchange *
gate_exchange_new(struct gate_spares *spares, size_t size)
{
	struct gate_exchange *exchange = spares->first;

	if (exchange == NULL) {
		exchange = malloc(size);
	} else {
		spares->first = exchange->next;
		spares->n--;
	}
	if (exchange != NULL) {
		exchange->spares = spares;
		exchange->brought = (struct gate_brought){
			.body = LK_BUF_INIT(GATE_BODY_MAX)
		};
	}
	return (exchange);
}

void
gate_exchange_free(struct gate_exchange *exchange)
{
	struct gate_spares *spares = exchange->spares;

	lk_buf_free(&exchange->brought.body);
	if (spares == NULL || spares->n == SPARES_MAX) {
		free(exchange);
		return;
	}
	exchange->next = spares->first;
	spares->first = exchange;
	spares->n++;
}

void
gate_exchange_free_spares(struct gate_spares *spares)
{
	struct gate_exchange *exchange;

	while ((exchange = spares->first) != NULL) {
		spares->first = exchange->next;
		free(exchange);
	}
	spares->n = 0;
}

int
gate_exchange_answer(struct gate_exchange *exchange, const char *reply)
{
	return (exchange->protocol->answer(exchange, reply));
}

void
gate_exchange_turn_away(struct gate_exchange *exchange, enum gate_turn_away why,
    const char *reason)
{
	exchange->protocol->turn_away(exchange, why, reason);
}

void
gate_exchange_end(struct gate_exchange *exchange)
{
	exchange->protocol->end(exchange);
}

/* Who was told to wait does, for as long as he is there; a web server that is
 * to have an answer does not shut its end. */
bool
gate_exchange_is_given_up(const struct gate_exchange *exchange)
{
	const int64_t waited = lk_monotonic_ns() - exchange->since_ns;
	const bool told = exchange->brought.waited;
	struct pollfd pfd = { .fd = exchange->fd,
		.events = told ? POLLRDHUP : 0 };

	return ((!told && waited > TOO_OLD_NS) ||
	    ((told || waited >= STALE_NS) && poll(&pfd, 1, 0) > 0 &&
	        (pfd.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0));
}
