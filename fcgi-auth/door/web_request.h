/*
 * What an HTTP request to the gate says of the request that it is about.  Pure.
 *
 * The target's path is the endpoint's name.  X-Latchkey-Method, X-Latchkey-Uri,
 * X-Latchkey-Host and X-Latchkey-Peer are the method, path and query, host and
 * address of the client's request, in the words of the web server: each has to
 * be there once, with one value.  All other headers are the client's.
 */
#ifndef GATE_WEB_REQUEST_H_
#define GATE_WEB_REQUEST_H_

#include <stdbool.h>
#include <stddef.h>

#include "door/guard.h"

struct gate_web_request {
	const char *endpoint; /* constant text; NULL: none that could be */
	bool body;            /* one is said to follow */
	bool too_many;        /* headers: the others were left out */
	struct {
		const char *name, *value;
		size_t told; /* which of what the web server has to say */
	} headers[GATE_PARAMS_MAX];
	size_t n;
};

/**
 * gate_web_endpoint(target):
 * The endpoint that the target of a request names, as LATCHKEY_ENDPOINT would;
 * NULL if it is none.  Behind a `?` may be anything: the query is that of
 * X-Latchkey-Uri.
 */
const char *gate_web_endpoint(const char *target);

/** gate_web_header(request, name, value): Take a header; both are borrowed. */
void gate_web_header(struct gate_web_request *request, const char *name,
    const char *value);

/**
 * gate_web_refuses(request):
 * Why that is no request to be answered, a sentence of constant text; NULL if
 * it is one.
 */
const char *gate_web_refuses(const struct gate_web_request *request);

/**
 * gate_web_env(request):
 * Its parameters, as FastCGI would have them, in one piece of memory; NULL
 * without that.  A header whose name is not of letters, digits and hyphens is
 * left out, since another one would have the same parameter's name.
 */
char **gate_web_env(const struct gate_web_request *request);

#endif /* !GATE_WEB_REQUEST_H_ */
