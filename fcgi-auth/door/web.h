/*
 * Requests that come by HTTP, on connections that web servers keep: each is
 * read into an exchange as of FastCGI, and asked like these.
 */
#ifndef GATE_WEB_H_
#define GATE_WEB_H_

#include <pthread.h>

#include "door/asking.h"
#include "process/http.h"

struct gate_web_exchange;

/** Of a loop; all zero at first, and then it is off. */
struct gate_web {
	/* Constant. */
	struct gate_asking *asking; /* NULL: it is off */
	struct gate_tally *tally;
	struct gate_http_program program;
	size_t max; /* connections */

	struct gate_http http;
	struct gate_spares spares;
	int64_t looked_ns; /* at who is late, last */
	bool more;         /* there is something to go on with */
	bool leaving;      /* each answer is the last of its connection */
	bool closing;      /* nothing is asked any more */

	/* Of all threads. */
	pthread_mutex_t lock;
	struct gate_web_exchange *answered; /* by workers, to go on with */
	int bell;                           /* eventfd: there are some */
};

/**
 * gate_web_open(web, asking, max, tally, error):
 * Ask ${asking}, for at most ${max} connections.  gate_web_close() in every
 * case.
 */
enum lk_status gate_web_open(struct gate_web *web, struct gate_asking *asking,
    size_t max, struct gate_tally *tally, struct lk_error *error) LK_MUST_CHECK;

/**
 * gate_web_let_in(web, fd):
 * Serve a connection that has come, in place of the one that has asked nothing
 * for longest if there are too many.
 */
void gate_web_let_in(struct gate_web *web, int fd);

/**
 * gate_web_go_on(web, event, rang):
 * Read, ask, and answer, if there was an ${event} of ${web->http.epoll}, or
 * ${web->bell} ${rang}, or it is time.  What is asked is then for
 * gate_asking_go_on(), and what that finds for this again.
 */
void gate_web_go_on(struct gate_web *web, bool event, bool rang);

/**
 * gate_web_wait_ms(web):
 * How long gate_web_go_on() need not be called without an event; -1: for ever.
 */
int gate_web_wait_ms(const struct gate_web *web);

/** gate_web_drop_oldest(web): End who has asked nothing for longest; false if
 * all have something in hand. */
bool gate_web_drop_oldest(struct gate_web *web);

/** gate_web_drop_strangers(web): End who may not ask any more and has nothing
 * in hand. */
void gate_web_drop_strangers(struct gate_web *web);

/** gate_web_leave(web): Answer what is in hand, and end all connections. */
void gate_web_leave(struct gate_web *web);

/**
 * gate_web_close(web):
 * Wait for what workers have in hand, and close all.  What was asked of the
 * store must have been given up.
 */
void gate_web_close(struct gate_web *web);

#endif /* !GATE_WEB_H_ */
