#include <string.h>
#include <unistd.h>

#include <fcgiapp.h>
#include <sodium.h>

#include "base/deadline.h"
#include "door/fcgi.h"

/* What libfcgi reads at once, if so much is there. */
#define READ_MAX 8192

struct request {
	struct gate_exchange exchange; /* first */
	FCGX_Request fcgi;
	uint16_t id;
	bool keep;  /* the connection, after the answer */
	bool taken; /* of what the peer sends, all is read */
};

/* As gate_hang_up(), but not to read what is not there. */
static void
hang_up(const struct request *request, int fd)
{
	if (request->taken)
		(void)close(fd);
	else
		gate_hang_up(fd);
}

/*
 * Take the body, all of which is there, and leave nothing of it in libfcgi's
 * buffer: what that has read is handed out piece by piece from where it stands.
 */
static void
take_body(struct request *request)
{
	FCGX_Stream *in = request->fcgi.in;
	unsigned char *piece;
	size_t n;

	while (FCGX_GetChar(in) != EOF) {
		piece = in->rdNext - 1;
		n = (size_t)(in->stop - piece);
		lk_buf_add(&request->exchange.brought.body, piece, n);
		sodium_memzero(piece, n);
		in->rdNext = in->stop;
	}
}

static int
answer(struct gate_exchange *exchange, const char *reply)
{
	struct request *request = (struct request *)exchange;
	FCGX_Request *fcgi = &request->fcgi;
	int fd;

	(void)FCGX_PutStr(reply, (int)strlen(reply), fcgi->out);
	gate_request_wipe(fcgi->envp);
	fcgi->envp = NULL;
	fcgi->keepConnection = 1;
	FCGX_Finish_r(fcgi);
	/* -1 if it has failed. */
	fd = fcgi->ipcFd;
	if (fd >= 0 && !request->keep)
		hang_up(request, fd);
	if (!request->keep)
		fd = -1;
	gate_exchange_free(exchange);
	return (fd);
}

static void
end(struct gate_exchange *exchange)
{
	struct request *request = (struct request *)exchange;

	gate_request_wipe(request->fcgi.envp);
	request->fcgi.envp = NULL;
	FCGX_Free(&request->fcgi, 0);
	if (exchange->fd >= 0)
		hang_up(request, exchange->fd);
	gate_exchange_free(exchange);
}

static void
turn_away(struct gate_exchange *exchange, enum gate_turn_away why,
    const char *reason)
{
	gate_turn_away(exchange->fd, ((struct request *)exchange)->id, why,
	    reason);
	exchange->fd = -1;
	end(exchange);
}

static const struct gate_protocol protocol = { GATE_LISTENER_MAIN, answer,
	turn_away, end };

/*
 * libfcgi is given the connection as if it had accepted it: with
 * keepConnection set it does not close it, and detached it would not wait for
 * the peer when it closes it after an error.
 */
struct gate_exchange *
gate_fcgi_begin(struct gate_spares *spares, int fd,
    const struct gate_seen *seen)
{
	struct gate_exchange *exchange = gate_exchange_new(spares,
	    sizeof(struct request));
	struct request *request = (struct request *)exchange;
	FCGX_Request *fcgi;

	if (request == NULL) {
		(void)close(fd);
		return (NULL);
	}
	fcgi = &request->fcgi;
	(void)FCGX_InitRequest(fcgi, -1, 0);
	fcgi->ipcFd = fd;
	fcgi->keepConnection = 1;
	(void)FCGX_Detach(fcgi);
	if (FCGX_Accept_r(fcgi) != 0) {
		gate_exchange_free(exchange);
		return (NULL);
	}
	exchange->protocol = &protocol;
	exchange->fd = fd;
	exchange->since_ns = lk_monotonic_ns();
	exchange->env = fcgi->envp;
	exchange->role = fcgi->role;
	request->id = seen->request_id;
	request->keep = seen->keep;
	request->taken = seen->ended > 0 && seen->ended <= READ_MAX;
	if (seen->body)
		take_body(request);
	/*
	 * The end of the request has arrived, and behind it is nothing: the
	 * peer has no answer yet, after which it may send the next one.
	 */
	if (request->keep && !request->taken)
		gate_drain(fd, GATE_REQUEST_MAX);
	return (exchange);
}
