#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "door/exchange.h"

#define MS_NS INT64_C(1000000)
/* A request that waited longer than this may have been given up. */
#define STALE_NS (100 * MS_NS)
/* Every web server has given up one that waited this long. */
#define TOO_OLD_NS (5000 * MS_NS)

/* What libfcgi reads at once, if so much is there. */
#define READ_MAX 8192
/* Most that a loop keeps for use once more. */
#define SPARES_MAX 64

/* ---- Memory -------------------------------------------------------------- */

/* A large piece of memory: to have and free one for each request is dear. */
static struct gate_exchange *
take_one(struct gate_spares *spares)
{
	struct gate_exchange *exchange = spares->first;

	if (exchange == NULL) {
		exchange = malloc(sizeof(*exchange));
	} else {
		spares->first = exchange->next;
		spares->n--;
	}
	if (exchange != NULL)
		exchange->spares = spares;
	return (exchange);
}

static void
give_back(struct gate_exchange *exchange)
{
	struct gate_spares *spares = exchange->spares;

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

/* ---- From its bytes to its answer ---------------------------------------- */

/* As gate_hang_up(), but not to read what is not there. */
static void
hang_up(const struct gate_exchange *exchange, int fd)
{
	if (exchange->taken)
		(void)close(fd);
	else
		gate_hang_up(fd);
}

/*
 * libfcgi is given the connection as if it had accepted it: with
 * keepConnection set it does not close it, and detached it would not wait for
 * the peer when it closes it after an error.
 */
struct gate_exchange *
gate_exchange_begin(struct gate_spares *spares, int fd,
    const struct gate_seen *seen)
{
	struct gate_exchange *exchange = take_one(spares);
	FCGX_Request *fcgi;

	if (exchange == NULL) {
		(void)close(fd);
		return (NULL);
	}
	fcgi = &exchange->fcgi;
	(void)FCGX_InitRequest(fcgi, -1, 0);
	fcgi->ipcFd = fd;
	fcgi->keepConnection = 1;
	(void)FCGX_Detach(fcgi);
	if (FCGX_Accept_r(fcgi) != 0) {
		give_back(exchange);
		return (NULL);
	}
	exchange->fd = fd;
	exchange->since_ns = lk_monotonic_ns();
	exchange->keep = seen->keep;
	exchange->request_id = seen->request_id;
	exchange->taken = seen->ended > 0 && seen->ended <= READ_MAX;
	/*
	 * The end of the request has arrived, and behind it is nothing: the
	 * peer has no answer yet, after which it may send the next one.
	 */
	if (exchange->keep && !exchange->taken)
		gate_drain(fd, GATE_REQUEST_MAX);
	return (exchange);
}

int
gate_exchange_answer(struct gate_exchange *exchange, const char *reply)
{
	FCGX_Request *fcgi = &exchange->fcgi;
	int fd;

	(void)FCGX_PutStr(reply, (int)strlen(reply), fcgi->out);
	gate_request_wipe(fcgi->envp);
	fcgi->envp = NULL;
	fcgi->keepConnection = 1;
	FCGX_Finish_r(fcgi);
	/* -1 if it has failed. */
	fd = fcgi->ipcFd;
	if (fd >= 0 && !exchange->keep)
		hang_up(exchange, fd);
	if (!exchange->keep)
		fd = -1;
	give_back(exchange);
	return (fd);
}

void
gate_exchange_turn_away(struct gate_exchange *exchange, enum gate_turn_away why,
    const char *reason)
{
	gate_turn_away(exchange->fd, exchange->request_id, why, reason);
	exchange->fd = -1;
	gate_exchange_end(exchange);
}

void
gate_exchange_end(struct gate_exchange *exchange)
{
	gate_request_wipe(exchange->fcgi.envp);
	exchange->fcgi.envp = NULL;
	FCGX_Free(&exchange->fcgi, 0);
	if (exchange->fd >= 0)
		hang_up(exchange, exchange->fd);
	give_back(exchange);
}

bool
gate_exchange_is_given_up(const struct gate_exchange *exchange)
{
	const int64_t waited = lk_monotonic_ns() - exchange->since_ns;
	struct pollfd pfd = { .fd = exchange->fd };

	return (waited > TOO_OLD_NS ||
	    (waited >= STALE_NS && poll(&pfd, 1, 0) > 0 &&
	        (pfd.revents & (POLLHUP | POLLERR)) != 0));
}
