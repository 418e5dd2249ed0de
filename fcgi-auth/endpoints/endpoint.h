/*
 * Which endpoint a request asks besides role AUTHORIZER, and what its query
 * says to it.  The web server names it, never the client; as CGI the path may.
 * Pure.
 */
#ifndef GATE_ENDPOINT_H_
#define GATE_ENDPOINT_H_

#include "base/buf.h"
#include "latchkey.h"
#include "verdict/verdict.h"

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
	GATE_ENDPOINT_TOKEN, /* an access token for the session */
	GATE_ENDPOINT_JWKS,  /* the keys that verify those */
	GATE_ENDPOINT_LOGIN, /* a form for people, and what it logs in */
	GATE_ENDPOINT_PAGE,  /* one's own sessions, for people */
	GATE_ENDPOINT_WATCH, /* an answer once the session has ended */
	GATE_ENDPOINT_COUNT
};

/** gate_endpoint_name(endpoint): its name, "none" if it is none. */
const char *gate_endpoint_name(enum gate_endpoint endpoint);

/**
 * gate_endpoint_asked(request, cgi):
 * The endpoint that the web server names in LATCHKEY_ENDPOINT, or, as ${cgi}
 * and without that parameter, the one that the last segment of PATH_INFO
 * names.  GATE_ENDPOINT_NONE if none or an unknown one is named, or several
 * parameters say different things.  As CGI there are no metrics, of which each
 * process would show its own, no login, whose failures each would count, and no
 * watch, for which each would stay.
 */
enum gate_endpoint gate_endpoint_asked(const struct gate_request *request,
    bool cgi);

/**
 * gate_query_text(request, name, text):
 * Append what the query's parameter ${name}, which needs no encoding, says;
 * false unless there is exactly one and it stands for text that fits.
 */
bool gate_query_text(const struct gate_request *request, const char *name,
    struct lk_buf *text);

/**
 * gate_query_id(request, id):
 * Copy the session id that the query's parameter `id` names.  False unless
 * there is exactly one and it can be an id: base64url, which needs no percent
 * signs.  The request's body is never read: it may not have arrived.
 */
bool gate_query_id(const struct gate_request *request,
    char id[LK_SESSION_ID_MAX + 1]);

#endif /* !GATE_ENDPOINT_H_ */
