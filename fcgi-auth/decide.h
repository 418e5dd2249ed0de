/* From what is known about a request to what it is told.  Pure. */
#ifndef GATE_DECIDE_H_
#define GATE_DECIDE_H_

#include <stdbool.h>

#include "credentials.h"
#include "latchkey.h"
#include "request.h"
#include "settings.h"

/** The error code in a WWW-Authenticate header (RFC 6750, section 3). */
enum gate_challenge {
	GATE_CHALLENGE_NONE = 0,        /* no such header */
	GATE_CHALLENGE_PLAIN,           /* no error code: nothing was tried */
	GATE_CHALLENGE_INVALID_TOKEN,
	GATE_CHALLENGE_INVALID_REQUEST
};

/** The answer.  All zero denies: only ${http} == 200 allows. */
struct gate_verdict {
	unsigned int http;    /* 200, 302, 400, 401, 403, 404, 503; 0 is 503 */
	enum gate_challenge challenge;
	bool offer_basic;     /* add a Basic challenge */
	unsigned int retry_after; /* seconds; 0: not said */
	const char *reason;   /* why not, a sentence of constant text */
};

/** What a verdict depends on. */
struct gate_facts {
	const struct lk_settings *settings;
	const struct gate_request *request;
	const struct gate_credentials *credentials;
	enum lk_status status;            /* what lk_check() said, if the
	                                     credentials are one token */
	const struct lk_session *session; /* that it gave with LK_OK */
};

/**
 * gate_decide(facts, verdict):
 * Allow if and only if the request is complete and asks for a verdict, carries
 * one token, the token's session is live, the user name that came with it, if
 * any, is the session's user, and all that is said about the session can stand
 * in a header.  A subrequest is never answered 302 or 400: 401 with the error
 * code in its challenge, or 403 where no token would help.
 */
void gate_decide(const struct gate_facts *facts,
    struct gate_verdict *verdict);

/**
 * gate_decide_bearer(facts, verdict):
 * The same by the credentials alone, whatever is requested: 200 if they are
 * one token of a live session, whose bearer may then see and end it.
 */
void gate_decide_bearer(const struct gate_facts *facts,
    struct gate_verdict *verdict);

#endif /* !GATE_DECIDE_H_ */
