#include <sys/eventfd.h>

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fastcgi.h>

#include "base/deadline.h"
#include "base/error.h"
#include "door/door.h"
#include "door/web.h"
#include "door/web_request.h"

/* For the headers of a request, and of an answer. */
#define MEMORY_MAX 24576
#define PATIENCE_NS (GATE_DOOR_PATIENCE_MS * INT64_C(1000000))
/* How long a connection is kept: longer than web servers do by default. */
#define IDLE_NS INT64_C(75000000000)
#define LOOK_NS INT64_C(1000000000)
/* Longest line of an answer's headers. */
#define LINE_LEN_MAX GATE_REPLY_MAX

/* A connection. */
struct link {
	struct gate_http_link link; /* first */
	const char *endpoint;       /* that its request is for, or NULL */
	bool begun;                 /* its headers are here */
};

/* Of the loop. */
enum state {
	ASKED = 0, /* just now, for libmicrohttpd, which waits for nothing */
	ASKING,    /* its connection rests */
	ANSWERED   /* or given up */
};

struct gate_web_exchange {
	struct gate_exchange exchange; /* first */
	struct gate_web *web;
	struct link *link;
	struct MHD_Connection *http;
	enum state state;
	bool last; /* the connection ends with it */
	unsigned int status;
	struct MHD_Response *response; /* NULL: hang up */
	struct gate_web_exchange *next;
};

/* ---- The answer ---------------------------------------------------------- */

/* Add one line of headers, which ends with CRLF; false without memory. */
static bool
add_header(struct MHD_Response *response, const char *line, size_t len)
{
	char text[LINE_LEN_MAX + 1], *value;

	if (len > LINE_LEN_MAX)
		return (false);
	memcpy(text, line, len);
	text[len] = '\0';
	value = strstr(text, ": ");
	if (value == NULL)
		return (false);
	*value = '\0';
	return (MHD_add_response_header(response, text, value + 2) == MHD_YES);
}

/* ${reply} begins with its one `Status:` line; NULL without memory. */
static struct MHD_Response *
response_of(const char *reply, unsigned int *status)
{
	const char *line = strstr(reply, "\r\n"), *next;
	const char *body = strstr(reply, "\r\n\r\n");
	struct MHD_Response *response;
	bool good;

	*status = (unsigned int)strtoul(reply + strlen("Status: "), NULL, 10);
	if (line == NULL || body == NULL)
		return (NULL);
	response = MHD_create_response_from_buffer(strlen(body + 4),
	    /* NOLINTNEXTLINE(performance-no-int-to-ptr): it copies it. */
	    (char *)(uintptr_t)(body + 4), MHD_RESPMEM_MUST_COPY);
	good = response != NULL;
	for (line += 2; good && line < body; line = next + 2) {
		next = strstr(line, "\r\n");
		good = add_header(response, line, (size_t)(next - line));
	}
	if (!good && response != NULL)
		MHD_destroy_response(response);
	return (good ? response : NULL);
}

/* The loop has the answer: libmicrohttpd is to go on with the connection,
 * unless it waits for nothing. */
static void
settle(struct gate_web_exchange *asked)
{
	if (asked->state == ASKING) {
		MHD_resume_connection(asked->http);
		asked->web->more = true;
	}
	asked->state = ANSWERED;
}

/* A worker has it. */
static void
hand_back(struct gate_web_exchange *asked)
{
	struct gate_web *web = asked->web;

	(void)pthread_mutex_lock(&web->lock);
	asked->next = web->answered;
	web->answered = asked;
	(void)pthread_mutex_unlock(&web->lock);
	(void)eventfd_write(web->bell, 1);
}

/* The exchange is over with ${reply}, or with NULL without one. */
static void
finish(struct gate_exchange *exchange, const char *reply, bool last)
{
	struct gate_web_exchange *asked = (struct gate_web_exchange *)exchange;

	if (exchange->env != NULL)
		gate_request_wipe(exchange->env);
	free(exchange->env);
	exchange->env = NULL;
	asked->last = last;
	if (reply != NULL)
		asked->response = response_of(reply, &asked->status);
	if (exchange->spares != NULL)
		settle(asked);
	else
		hand_back(asked);
}

static int
answer(struct gate_exchange *exchange, const char *reply)
{
	finish(exchange, reply, false);
	return (-1);
}

static void
turn_away(struct gate_exchange *exchange, enum gate_turn_away why,
    const char *reason)
{
	char text[GATE_TURN_AWAY_TEXT_MAX];

	gate_turn_away_text(why, reason, text);
	finish(exchange, text, true);
}

static void
end(struct gate_exchange *exchange)
{
	finish(exchange, NULL, true);
}

static const struct gate_protocol protocol = { GATE_LISTENER_HTTP, answer,
	turn_away, end };

/* Go on with what workers have answered. */
static void
take_answered(struct gate_web *web)
{
	struct gate_web_exchange *asked, *next;
	eventfd_t n;

	(void)eventfd_read(web->bell, &n);
	(void)pthread_mutex_lock(&web->lock);
	next = web->answered;
	web->answered = NULL;
	(void)pthread_mutex_unlock(&web->lock);
	while ((asked = next) != NULL) {
		next = asked->next;
		settle(asked);
	}
}

/* ---- The request --------------------------------------------------------- */

static bool
announces_body(struct MHD_Connection *http)
{
	const char *length = MHD_lookup_connection_value(http, MHD_HEADER_KIND,
	    "Content-Length");

	return ((length != NULL && strcmp(length, "0") != 0) ||
	    MHD_lookup_connection_value(http, MHD_HEADER_KIND,
	        "Transfer-Encoding") != NULL);
}

static enum MHD_Result
take_header(void *arg, enum MHD_ValueKind kind, const char *name,
    const char *value)
{
	(void)kind;
	gate_web_header(arg, name, value);
	return (MHD_YES);
}

/* Read it, and whether it is to be asked; if not, it is answered. */
static bool
read_request(struct gate_web_exchange *asked)
{
	const struct gate_thread *thread = asked->web->asking->thread;
	struct gate_web_request request;
	const char *reason;

	request.endpoint = asked->link->endpoint;
	request.body = request.too_many = false;
	request.n = 0;
	(void)MHD_get_connection_values(asked->http, MHD_HEADER_KIND,
	    take_header, &request);
	if (!gate_thread_admits(thread, &asked->exchange))
		return (false);
	asked->exchange.env = gate_web_env(&request);
	if (asked->exchange.env == NULL) {
		gate_exchange_end(&asked->exchange);
		return (false);
	}
	reason = gate_web_refuses(&request);
	if (reason != NULL)
		gate_events_turned_away(&thread->shared->tally->events, reason);
	if (reason != NULL)
		gate_exchange_turn_away(&asked->exchange,
		    GATE_TURN_AWAY_BAD_REQUEST, reason);
	else if (!thread->current)
		gate_exchange_turn_away(&asked->exchange,
		    GATE_TURN_AWAY_OVERLOAD, GATE_TURN_AWAY_NO_ROOM);
	return (reason == NULL && thread->current);
}

static enum MHD_Result
respond(struct gate_web_exchange *asked)
{
	const struct gate_web *web = asked->web;
	enum MHD_Result result = MHD_NO;

	asked->link->link.until_ns = lk_monotonic_ns() + PATIENCE_NS;
	if (asked->response == NULL)
		return (MHD_NO);
	if ((!web->leaving && !asked->last) ||
	    MHD_add_response_header(asked->response, "Connection", "close") ==
	        MHD_YES)
		result = MHD_queue_response(asked->http, asked->status,
		    asked->response);
	MHD_destroy_response(asked->response);
	asked->response = NULL;
	return (result);
}

/* All of it is here: answer, or let the connection rest. */
static enum MHD_Result
ask(struct gate_web *web, struct link *link, struct MHD_Connection *http)
{
	struct gate_web_exchange *asked;
	struct gate_exchange *exchange;

	exchange = gate_exchange_new(&web->spares, sizeof(*asked));
	asked = (struct gate_web_exchange *)exchange;
	if (exchange == NULL)
		return (MHD_NO);
	exchange->protocol = &protocol;
	exchange->fd = link->link.fd;
	exchange->since_ns = lk_monotonic_ns();
	/* As which the verdict is for who asks by a subrequest. */
	exchange->role = FCGI_RESPONDER;
	asked->web = web;
	asked->link = link;
	asked->http = http;
	asked->state = ASKED;
	asked->response = NULL;
	exchange->env = NULL;
	link->link.call = asked;
	if (read_request(asked))
		gate_asking_begin(web->asking, exchange);
	if (asked->state == ANSWERED)
		return (respond(asked));
	/* A worker may have answered it: the loop hears of that later. */
	asked->state = ASKING;
	link->link.until_ns = INT64_MAX;
	MHD_suspend_connection(http);
	return (MHD_YES);
}

/* ---- What libmicrohttpd tells -------------------------------------------- */

static void *
on_target(void *arg, const char *target, struct MHD_Connection *http)
{
	struct link *link = (struct link *)gate_http_link_of(http);
	const int64_t until_ns = lk_monotonic_ns() + PATIENCE_NS;

	(void)arg;
	if (link == NULL)
		return (NULL);
	link->endpoint = gate_web_endpoint(target);
	link->begun = false;
	if (until_ns < link->link.until_ns)
		link->link.until_ns = until_ns;
	return (link);
}

static enum MHD_Result
/* NOLINTNEXTLINE(readability-function-size): the library passes so many. */
on_request(void *arg, struct MHD_Connection *http, const char *url,
    const char *method, const char *version, const char *body, size_t *len,
    void **context)
{
	struct gate_web *web = arg;
	struct link *link = *context;
	struct gate_web_exchange *asked;

	(void)url;
	(void)method;
	(void)version;
	(void)body;
	if (link == NULL || *len > 0)
		return (MHD_NO);
	/* Who announces a body is answered before he has sent it. */
	if (!link->begun && !announces_body(http)) {
		link->begun = true;
		return (MHD_YES);
	}
	asked = link->link.call;
	if (asked != NULL)
		return (respond(asked));
	return (web->closing ? MHD_NO : ask(web, link, http));
}

static void
on_completed(void *arg, struct MHD_Connection *http, void **context,
    enum MHD_RequestTerminationCode why)
{
	const struct gate_web *web = arg;
	struct link *link = *context;
	struct gate_web_exchange *asked;

	(void)http;
	(void)why;
	if (link == NULL)
		return;
	*context = NULL;
	asked = link->link.call;
	link->link.call = NULL;
	link->link.until_ns = web->leaving ? 0 : lk_monotonic_ns() + IDLE_NS;
	if (asked == NULL)
		return;
	if (asked->response != NULL)
		MHD_destroy_response(asked->response);
	asked->exchange.spares = &asked->web->spares;
	gate_exchange_free(&asked->exchange);
}

static void
on_closed(void *arg, struct gate_http_link *link)
{
	struct gate_web *web = arg;

	gate_count_down(&web->tally->http_connections);
	free(link);
}

/* ---- Connections --------------------------------------------------------- */

static bool
admits(const struct gate_web *web, int fd)
{
	return (gate_peers_admit(
	    &web->asking->thread->generation->peers[GATE_LISTENER_HTTP], fd));
}

bool
gate_web_drop_oldest(struct gate_web *web)
{
	const struct gate_http_link *link, *oldest = NULL;

	for (link = web->http.first; link != NULL; link = link->next) {
		if (link->call == NULL &&
		    (oldest == NULL || link->until_ns < oldest->until_ns))
			oldest = link;
	}
	if (oldest == NULL)
		return (false);
	gate_http_end(oldest);
	gate_http_run(&web->http);
	return (true);
}

void
gate_web_let_in(struct gate_web *web, int fd)
{
	struct gate_events *events = &web->tally->events;
	struct link *link = NULL;
	const char *why = NULL;

	(void)gate_count(&events->metrics.connections_accepted);
	if (!admits(web, fd))
		why = GATE_TURN_AWAY_STRANGER;
	else if (web->http.n >= web->max &&
	    (!gate_web_drop_oldest(web) || web->http.n >= web->max))
		why = "too many connections";
	else if ((link = calloc(1, sizeof(*link))) == NULL)
		why = strerror(ENOMEM);
	if (why != NULL) {
		gate_events_turned_away(events, why);
		(void)close(fd);
		return;
	}
	if (gate_http_let_in(&web->http, &link->link, fd,
	        lk_monotonic_ns() + PATIENCE_NS)) {
		(void)gate_count(&web->tally->http_connections);
		return;
	}
	gate_events_turned_away(events, "there is no room");
	free(link);
}

void
gate_web_drop_strangers(struct gate_web *web)
{
	const struct gate_http_link *link;

	for (link = web->http.first; link != NULL; link = link->next) {
		if (link->call == NULL && !admits(web, link->fd))
			gate_http_end(link);
	}
}

void
gate_web_leave(struct gate_web *web)
{
	web->leaving = true;
	gate_http_end_idle(&web->http);
}

/* ---- For the loop -------------------------------------------------------- */

enum lk_status
gate_web_open(struct gate_web *web, struct gate_asking *asking, size_t max,
    struct gate_tally *tally, struct lk_error *error)
{
	web->asking = asking;
	web->tally = tally;
	web->max = max;
	web->program = (struct gate_http_program){ .arg = web,
		.memory = MEMORY_MAX,
		.target = on_target,
		.request = on_request,
		.completed = on_completed,
		.closed = on_closed };
	/* A plain one cannot fail. */
	(void)pthread_mutex_init(&web->lock, NULL);
	web->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (web->bell != -1 && gate_http_open(&web->http, &web->program))
		return (LK_OK);
	return (lk_fail(error, LK_FAULT, "HTTP: %s", strerror(errno)));
}

void
gate_web_go_on(struct gate_web *web, bool event, bool rang)
{
	const int64_t now_ns = lk_monotonic_ns();

	if (rang)
		take_answered(web);
	if (event || gate_web_wait_ms(web) == 0) {
		web->more = false;
		gate_http_run(&web->http);
	}
	if (now_ns - web->looked_ns >= LOOK_NS) {
		web->looked_ns = now_ns;
		gate_http_end_late(&web->http, now_ns);
	}
}

int
gate_web_wait_ms(const struct gate_web *web)
{
	return (web->more ? 0 : gate_http_wait_ms(&web->http));
}

/* Whether a worker has something of it in hand. */
static bool
is_waited_for(const struct gate_web *web)
{
	const struct gate_http_link *link = web->http.first;

	while (link != NULL &&
	    (link->call == NULL ||
	        ((const struct gate_web_exchange *)link->call)->state !=
	            ASKING))
		link = link->next;
	return (link != NULL);
}

void
gate_web_close(struct gate_web *web)
{
	struct pollfd pfd = { .fd = web->bell, .events = POLLIN };

	if (web->asking == NULL)
		return;
	web->closing = true;
	gate_web_leave(web);
	while (is_waited_for(web)) {
		(void)poll(&pfd, 1, -1);
		take_answered(web);
	}
	if (web->http.daemon != NULL)
		gate_http_run(&web->http);
	gate_http_close(&web->http);
	gate_exchange_free_spares(&web->spares);
	if (web->bell != -1)
		(void)close(web->bell);
	(void)pthread_mutex_destroy(&web->lock);
	web->asking = NULL;
}
