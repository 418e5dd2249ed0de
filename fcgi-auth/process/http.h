/*
 * HTTP/1.1 by libmicrohttpd, in a thread that waits for other things as well:
 * it reads and writes, by an epoll of its own, whenever gate_http_run() lets
 * it.  Here are its connections, and until when each may stay; what is asked
 * and answered is the program's.  All of it is for one thread at a time.
 */
#ifndef GATE_HTTP_H_
#define GATE_HTTP_H_

#include <microhttpd.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/** A connection: the first member of what the program has of it. */
struct gate_http_link {
	struct gate_http_link *before, *next;
	int fd;
	int64_t until_ns; /* it ends then, CLOCK_MONOTONIC */
	void *call;       /* in hand, of the program; NULL: nothing is */
};

/** What the program does; the first argument of each is ${arg}. */
struct gate_http_program {
	void *arg;
	size_t memory; /* for the headers of a request and of an answer */
	void *(*target)(void *arg, const char *target,
	    struct MHD_Connection *http);
	MHD_AccessHandlerCallback request;
	MHD_RequestCompletedCallback completed;
	/* The connection has ended, with nothing in hand: free it. */
	void (*closed)(void *arg, struct gate_http_link *link);
};

/** All zero at first. */
struct gate_http {
	const struct gate_http_program *program;
	struct MHD_Daemon *daemon;
	int epoll; /* readable when gate_http_run() has something to do */
	struct gate_http_link *first;  /* all that are open */
	struct gate_http_link *coming; /* on its way to libmicrohttpd */
	size_t n;
};

/** gate_http_open(http, program): False, and errno, if it cannot be had. */
bool gate_http_open(struct gate_http *http,
    const struct gate_http_program *program);

/**
 * gate_http_let_in(http, link, fd, until_ns):
 * Serve the new connection ${fd} as ${link}, which is all zero; both are its
 * own from here on.  False, and ${link} is still the caller's and ${fd} closed,
 * if there is no room.
 */
bool gate_http_let_in(struct gate_http *http, struct gate_http_link *link,
    int fd, int64_t until_ns);

/** gate_http_link_of(connection): what was let in as that; or NULL. */
struct gate_http_link *gate_http_link_of(struct MHD_Connection *connection);

/** gate_http_run(http): Read, have answered, and write, without waiting. */
void gate_http_run(struct gate_http *http);

/** gate_http_wait_ms(http): until gate_http_run() has to be called without
 * an event; -1: never. */
int gate_http_wait_ms(const struct gate_http *http);

/** gate_http_end_late(http, now_ns): End those whose time is over. */
void gate_http_end_late(struct gate_http *http, int64_t now_ns);

/** gate_http_end_idle(http): End those with nothing in hand. */
void gate_http_end_idle(struct gate_http *http);

/** gate_http_end(link): Have its connection noticed as ended, and closed. */
void gate_http_end(const struct gate_http_link *link);

/**
 * gate_http_close(http):
 * Close what is open; no connection may be suspended.
 */
void gate_http_close(struct gate_http *http);

#endif /* !GATE_HTTP_H_ */
