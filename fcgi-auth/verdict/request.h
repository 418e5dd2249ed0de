/* What the web server says about the HTTP request. */
#ifndef GATE_REQUEST_H_
#define GATE_REQUEST_H_

#include <stdbool.h>
#include <stddef.h>

/** All strings point into ${env}; NULL means: not said. */
struct gate_request {
	char *const *env; /* "NAME=value" strings, ended by NULL */
	bool authorizer;  /* asked for a verdict; else nothing is allowed */
	bool subrequest;  /* the verdict is for a web server that asks as it
	                     would ask for a page: in role RESPONDER */
	const char *method;
	const char *uri; /* path and query, as the client sent them */
	const char *accept;
	const char *peer;           /* the client's address */
	const char *fetch_mode;     /* Sec-Fetch-Mode */
	const char *requested_with; /* X-Requested-With */
};

/**
 * gate_request_read(env, authorizer, request):
 * Find the members in ${env}, which ${request} borrows.  A method or URI given
 * several times is empty; of the others the first counts.  The method is that
 * of LATCHKEY_METHOD, if the web server says it: Caddy always asks with the
 * REQUEST_METHOD GET.
 */
void gate_request_read(char *const *env, bool authorizer,
    struct gate_request *request);

/**
 * gate_request_doubt(request):
 * Of a subrequest, whose own method need not be that of the client's request:
 * if the web server says in X-Forwarded-Method that it was another one, as
 * Caddy's forward_auth does, and there is no LATCHKEY_METHOD, the method is
 * not known.
 */
void gate_request_doubt(struct gate_request *request);

/**
 * gate_request_next(request, name, at):
 * The next value of parameter ${name}, from entry ${at} on, which starts at 0;
 * NULL if there is no further one.
 */
const char *gate_request_next(const struct gate_request *request,
    const char *name, size_t *at);

/**
 * gate_request_only(request, name):
 * The value of parameter ${name}; NULL if there is none, and "" if there are
 * several, which leave open which one others go by.
 */
const char *gate_request_only(const struct gate_request *request,
    const char *name);

/**
 * gate_request_host(request):
 * Which of its hosts the web server chose for the request, by LATCHKEY_HOST;
 * NULL if it does not say, or no host's name, or several.
 */
const char *gate_request_host(const struct gate_request *request);

/**
 * gate_request_trace(request), gate_request_id(request):
 * By what the log lines of all programs that a request goes through find each
 * other: its `traceparent` (W3C Trace Context, section 3.2), and its
 * X-Request-Id, which is 1 to 128 letters, digits and any of `._~+/=:-`.  The
 * client may have written them.  NULL if there is none, or several, or it is
 * something else.
 */
const char *gate_request_trace(const struct gate_request *request);
const char *gate_request_id(const struct gate_request *request);

/**
 * gate_request_is_navigation(request):
 * Whether a person is looking at it: a GET or HEAD that accepts text/html and
 * is no script's.
 */
bool gate_request_is_navigation(const struct gate_request *request);

/**
 * gate_request_is_browser(request):
 * Whether a browser made it: it accepts text/html, or has a Sec-Fetch-Mode.
 */
bool gate_request_is_browser(const struct gate_request *request);

/**
 * gate_request_is_script(request):
 * Whether a script in a browser's page made it, so that a password dialog
 * would come out of nowhere, and a login page instead of an answer: by its
 * Sec-Fetch-Mode, which no script can set, or without one by X-Requested-With.
 */
bool gate_request_is_script(const struct gate_request *request);

/**
 * gate_request_path(request, path, size):
 * Write the path without its query to ${path}, cut to ${size} bytes.
 */
void gate_request_path(const struct gate_request *request, char *path,
    size_t size);

/** gate_request_wipe(env): Overwrite every value with zeros. */
void gate_request_wipe(char **env);

#endif /* !GATE_REQUEST_H_ */
