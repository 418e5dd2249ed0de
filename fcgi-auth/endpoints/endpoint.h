/*
 * What a request asks of the gate besides role AUTHORIZER, and whether it may
 * be asked so.  The web server says what is asked, never the client; as CGI
 * the path may say it.
 */
#ifndef GATE_ENDPOINT_H_
#define GATE_ENDPOINT_H_

#include "latchkey.h"
#include "verdict/request.h"

/** By name, as in the parameter LATCHKEY_ENDPOINT; zero is none of them. */
enum gate_endpoint {
	GATE_ENDPOINT_NONE = 0,
	GATE_ENDPOINT_AUTHORIZE,     /* the verdict */
	GATE_ENDPOINT_SESSION,       /* the session and its user */
	GATE_ENDPOINT_SESSIONS,      /* all sessions of that user */
	GATE_ENDPOINT_LOGOUT,        /* end the session */
	GATE_ENDPOINT_LOGOUT_ALL,    /* end all sessions of its user */
	GATE_ENDPOINT_LOGOUT_OTHERS, /* all but this one */
	GATE_ENDPOINT_REVOKE,        /* end one of them */
	GATE_ENDPOINT_HEALTH,        /* whether the store answers */
	GATE_ENDPOINT_METRICS,
	GATE_ENDPOINT_COUNT
};

/** gate_endpoint_name(endpoint): its name, "none" if it is none. */
const char *gate_endpoint_name(enum gate_endpoint endpoint);

/**
 * gate_endpoint_asked(request, cgi):
 * The endpoint that the web server names in LATCHKEY_ENDPOINT, or, as ${cgi}
 * and without that parameter, the one that the last segment of PATH_INFO
 * names.  GATE_ENDPOINT_NONE if none or an unknown one is named, or several
 * parameters say different things.  As CGI there are no metrics: each process
 * would show its own.
 */
enum gate_endpoint gate_endpoint_asked(const struct gate_request *request,
    bool cgi);

/** Whether an endpoint may be asked; all zero is no. */
struct gate_admission {
	unsigned int http;  /* 200: yes; 403, 404, 405: no */
	const char *allow;  /* the methods it has, with 405 */
	const char *reason; /* why not, a sentence of constant text */
};

/**
 * gate_endpoint_admit(endpoint, request, deliberate, exposed):
 * Whether ${request}, which is ${deliberate} (origin.h), may ask ${endpoint},
 * which is not GATE_ENDPOINT_AUTHORIZE.  What changes something
 * takes POST and must be safe in the sense of gate_origin_is_safe(); the rest
 * takes GET and HEAD.  Health and metrics are there only if ${exposed}.
 */
struct gate_admission gate_endpoint_admit(enum gate_endpoint endpoint,
    const struct gate_request *request, bool deliberate, bool exposed);

/**
 * gate_endpoint_id(request, id):
 * Copy the session id that the query's parameter `id` names.  False unless
 * there is exactly one and it can be an id: base64url, which needs no percent
 * signs.  The request's body is never read: it may not have arrived.
 */
bool gate_endpoint_id(const struct gate_request *request,
    char id[LK_SESSION_ID_MAX + 1]);

#endif /* !GATE_ENDPOINT_H_ */
