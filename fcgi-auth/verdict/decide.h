/* From what is known about a request to what it is told.  Pure. */
#ifndef GATE_DECIDE_H_
#define GATE_DECIDE_H_

#include <stdbool.h>

#include "latchkey.h"
#include "settings/settings.h"
#include "verdict/credentials.h"
#include "verdict/request.h"
#include "verdict/rules.h"

/** The error code in a Bearer challenge (RFC 6750, section 3). */
enum gate_challenge {
	GATE_CHALLENGE_NONE = 0, /* no challenge at all */
	GATE_CHALLENGE_PLAIN,    /* no error code: nothing was tried */
	GATE_CHALLENGE_INVALID_TOKEN,
	GATE_CHALLENGE_INVALID_REQUEST
};

/** The answer.  All zero denies: only ${http} == 200 allows. */
struct gate_verdict {
	unsigned int http; /* 200, 302, 400, 401, 403, 404, 503; 0 is 503 */
	enum gate_challenge challenge;
	bool offer_basic;         /* with a challenge: Basic makes sense too */
	bool basic_first;         /* and before all others */
	bool login;               /* with 302, and with 401 of a subrequest: a
	                             browser is to be sent to the login page */
	unsigned int retry_after; /* seconds; 0: not said */
	bool renew;               /* with 200: extend the session first */
	enum lk_reason ended;     /* with a refusal: why the session did that
	                             the bearer holds the token of */
	size_t rule;              /* the one that counts, from 1 on; 0: none */
	const char *reason;       /* why not, a sentence of constant text */
};

/** What a verdict depends on. */
struct gate_facts {
	const struct lk_settings *settings;
	const struct gate_request *request;
	const struct gate_credentials *credentials;
	const struct gate_plan *plan;     /* what the rules say */
	enum lk_status status;            /* what lk_check() said, or if the
	                                     plan needs the user
	                                     lk_check_user(), if the
	                                     credentials are one token;
	                                     LK_OK if they are several that
	                                     are live */
	enum lk_reason ended;             /* what lk_ended() said then */
	const struct lk_session *session; /* that it gave with LK_OK; NULL if
	                                     the plan needs none */
	const struct lk_user *user;       /* the same */
	bool renewed;                     /* the session, by this request */
};

/**
 * gate_login_url(facts):
 * Where browsers without a session are sent: where the rule says or, if it does
 * not, the setting; "" for nowhere.
 */
const char *gate_login_url(const struct gate_facts *facts);

/**
 * gate_decide(facts, verdict):
 * Allow if and only if the request is complete and asks for a verdict, and the
 * plan needs nothing, or it needs a session and the request carries one token,
 * the token's session is live, the user name that came with it, if any, is the
 * session's user, session and user are what the rule asks for, and all that is
 * said about them can stand in a header.  A detail that was asked for and is
 * longer than `gate.detail_max` is 503: what stands behind the gate must not
 * take a detail that was left out for one that is not there; so is a member of
 * it that `gate.headers` names and no header can carry (gate_told_value()).  A
 * session with less than `gate.renew_below` seconds left is to be renewed.  A
 * subrequest is never answered 302 or 400: 401 with the error code in its
 * challenge, or 403 where no token would help.  Who would be redirected as an
 * authorizer's client hears 401 with ${login} there.
 */
void gate_decide(const struct gate_facts *facts, struct gate_verdict *verdict);

/**
 * gate_decide_bearer(facts, verdict):
 * The same by the credentials alone, whatever is requested and whatever the
 * rules say, so that ${facts} needs no plan: 200 if they are one token of a
 * live session, whose bearer may then see and end it.
 */
void gate_decide_bearer(const struct gate_facts *facts,
    struct gate_verdict *verdict);

/** Why a verdict is as it is, in a word for metrics and the log. */
enum gate_reason {
	GATE_REASON_OTHER = 0,
	GATE_REASON_SESSION, /* allowed: a live session */
	GATE_REASON_PUBLIC,  /* allowed without one */
	GATE_REASON_NO_TOKEN,
	GATE_REASON_MALFORMED,
	GATE_REASON_CONFLICT,
	GATE_REASON_UNKNOWN,
	GATE_REASON_EXPIRED,
	GATE_REASON_OTHER_USER,
	GATE_REASON_NO_USER,
	GATE_REASON_LIMIT,
	GATE_REASON_RULE,
	GATE_REASON_BAD_REQUEST,
	GATE_REASON_STORE, /* could not find out */
	GATE_REASON_COUNT
};

/** gate_reason_of(facts, verdict): why ${verdict} is as it is. */
enum gate_reason gate_reason_of(const struct gate_facts *facts,
    const struct gate_verdict *verdict);

/**
 * gate_reason_name(reason), gate_reason_outcome(reason):
 * Its name, and "allowed", "denied" or "unavailable".
 */
const char *gate_reason_name(enum gate_reason reason);
const char *gate_reason_outcome(enum gate_reason reason);

#endif /* !GATE_DECIDE_H_ */
