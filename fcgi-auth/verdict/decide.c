#include <string.h>

#include "jwt/jwt.h"
#include "session/record.h"
#include "session/user.h"
#include "verdict/decide.h"
#include "verdict/detail.h"

/* How long a client should wait for the store to come back, in seconds. */
#define RETRY_AFTER 2
/* Most that is told of a user's detail, and what the name of each header may
 * take of it: a reply has room for that. */
#define TOLD_MAX 6500
#define TOLD_NAME_ROOM (LK_TOLD_NAME_MAX + 13)

static bool
accepts_basic(const struct lk_settings *settings)
{
	const struct lk_token_sources *sources = &settings->gate.sources;
	size_t i;

	for (i = 0; i < sources->n; i++) {
		if (sources->v[i].place == LK_TOKEN_BASIC)
			return (true);
	}
	return (false);
}

const char *
gate_login_url(const struct gate_facts *facts)
{
	const struct lk_rule *rule = facts->plan == NULL
	    ? NULL
	    : facts->plan->rule;

	return (rule != NULL && rule->login_url != NULL &&
	            rule->login_url[0] != '\0'
	        ? rule->login_url
	        : facts->settings->gate.login_url);
}

/* Not logged in: browsers go to the login page, others get a challenge. */
static void
ask_for_token(const struct gate_facts *facts, enum gate_challenge challenge,
    const char *reason, struct gate_verdict *verdict)
{
	verdict->reason = reason;
	verdict->login = facts->request->authorizer &&
	    gate_login_url(facts)[0] != '\0' &&
	    gate_request_is_navigation(facts->request);
	verdict->http = verdict->login && !facts->request->subrequest
	    ? 302
	    : 401;
	if (verdict->http == 302)
		return;
	verdict->challenge = challenge;
	verdict->offer_basic = accepts_basic(facts->settings) &&
	    !gate_request_is_script(facts->request);
	/* Programs may know or hear of the first scheme only: Basic, unless it
	   is clear that they know Bearer. */
	verdict->basic_first = verdict->offer_basic &&
	    !gate_request_is_browser(facts->request) &&
	    !facts->credentials->bearer;
}

static void
refuse_token(const struct gate_facts *facts, const char *reason,
    struct gate_verdict *verdict)
{
	ask_for_token(facts, GATE_CHALLENGE_INVALID_TOKEN, reason, verdict);
}

static void
deny(unsigned int http, const char *reason, struct gate_verdict *verdict)
{
	verdict->http = http;
	verdict->reason = reason;
	if (http == 503)
		verdict->retry_after = RETRY_AFTER;
}

/*
 * Whether what the store says about a session arrives unchanged in a header:
 * white space at an end does not, and then it is another name.
 */
static bool
is_sound(const struct lk_session *session)
{
	static const char id_bytes[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                               "abcdefghijklmnopqrstuvwxyz"
	                               "0123456789-_";

	return (lk_user_id_fits(session->user) && session->id[0] != '\0' &&
	    session->id[strspn(session->id, id_bytes)] == '\0' &&
	    (session->client[0] == '\0' ||
	        lk_client_check(session->client) == LK_OK));
}

/* Why an access token is refused is not for its bearer to know. */
static void
refuse_shown(const struct gate_facts *facts, const char *reason,
    struct gate_verdict *verdict)
{
	refuse_token(facts,
	    lk_jwt_has_shape(facts->settings, &facts->credentials->token)
	        ? "The access token is not valid."
	        : reason,
	    verdict);
}

static void
decide_live(const struct gate_facts *facts, struct gate_verdict *verdict)
{
	const char *user = facts->credentials->user;

	if (facts->session == NULL || !is_sound(facts->session))
		deny(503, "The session's record cannot be used.", verdict);
	else if (user[0] != '\0' && strcmp(user, facts->session->user) != 0)
		refuse_shown(facts, "The session belongs to another user.",
		    verdict);
	else
		verdict->http = 200;
}

/* What the bearer of a token hears whose session is not there. */
static const char *const endings[] = {
	[LK_REASON_NONE] = "There is no such session.",
	[LK_REASON_LIMIT] = "The session has ended for a newer one: limit.",
	[LK_REASON_REPLACED] = "The session has ended for another: replaced.",
	[LK_REASON_REVOKED] = "The session has been ended: revoked.",
	[LK_REASON_LOGOUT] = "The session has ended: logout.",
	[LK_REASON_LOGOUT_ALL] = "The session has ended: logout-all.",
	[LK_REASON_LOGOUT_OTHERS] = "The session has ended: logout-others."
};

static void
decide_by_status(const struct gate_facts *facts, struct gate_verdict *verdict)
{
	switch (facts->status) {
	case LK_OK:
		decide_live(facts, verdict);
		return;
	case LK_MALFORMED:
		refuse_shown(facts, "The session token is malformed.", verdict);
		return;
	case LK_UNKNOWN:
		if (!lk_jwt_has_shape(facts->settings,
		        &facts->credentials->token))
			verdict->ended = facts->ended;
		refuse_shown(facts, endings[facts->ended], verdict);
		return;
	case LK_EXPIRED:
		refuse_shown(facts, "The session has expired.", verdict);
		return;
	case LK_NO_USER:
		deny(403, "The session's user does not exist any more.",
		    verdict);
		return;
	case LK_FORBIDDEN:
		deny(403, "The session is not allowed to do this.", verdict);
		return;
	case LK_LIMIT:
		deny(403, "A limit is exceeded.", verdict);
		return;
	case LK_FAULT:
	case LK_E_NOMEM:
	case LK_E_INVAL:
	case LK_E_SETTINGS:
	case LK_E_STORE:
	case LK_E_TIMEOUT:
	case LK_E_CORRUPT:
	case LK_E_NOT_DURABLE:
	case LK_E_WOULD_WAIT:
		break;
	}
	deny(503, "Sessions cannot be checked at the moment.", verdict);
}

static bool
is_given(const char *text)
{
	return (text != NULL && *text != '\0');
}

static void
decide_by_credentials(const struct gate_facts *facts,
    struct gate_verdict *verdict)
{
	switch (facts->credentials->kind) {
	case GATE_CREDENTIALS_NONE:
		ask_for_token(facts, GATE_CHALLENGE_PLAIN,
		    "A session token is needed.", verdict);
		return;
	case GATE_CREDENTIALS_BAD:
		refuse_token(facts, "The session token is malformed.", verdict);
		return;
	case GATE_CREDENTIALS_TOO_MANY:
		refuse_token(facts, "The request carries too many tokens.",
		    verdict);
		return;
	case GATE_CREDENTIALS_SEVERAL:
		if (facts->status == LK_OK)
			refuse_token(facts,
			    "The request carries several live sessions.",
			    verdict);
		else
			deny(503, "Sessions cannot be checked at the moment.",
			    verdict);
		return;
	case GATE_CREDENTIALS_CONFLICT:
		deny(400, facts->credentials->conflict, verdict);
		verdict->challenge = GATE_CHALLENGE_INVALID_REQUEST;
		return;
	case GATE_CREDENTIALS_ONE:
		decide_by_status(facts, verdict);
		return;
	}
	deny(503, "Nothing was decided.", verdict);
}

/* Whether it is short, by its kind, and would be longer if it were renewed. */
static bool
wants_renewal(const struct lk_settings *settings,
    const struct lk_session *session)
{
	const struct lk_policy policy = lk_settings_policy(settings,
	    session->client);

	return (session->ttl < policy.renew_below &&
	    (policy.max_life == 0 || session->issued_at == 0 ||
	        session->expires_at < session->issued_at + policy.max_life));
}

/* Whether headers can carry all that they are to tell, beside the detail. */
static bool
can_be_told(const struct lk_settings *settings, const struct lk_user *user)
{
	const struct lk_told_list *headers = &settings->gate.headers;
	struct lk_buf value = LK_BUF_INIT(LK_TOLD_VALUE_MAX);
	bool can = headers->n == 0 || (user != NULL && user->detail != NULL);
	size_t i,
	    all = can && headers->n > 0 && settings->gate.detail
	    ? strlen(user->detail)
	    : 0;

	for (i = 0; i < headers->n && can; i++) {
		lk_buf_reset(&value);
		can = gate_told_value(headers->v[i].field, user->detail,
		    &value);
		all += value.len + TOLD_NAME_ROOM;
	}
	lk_buf_free(&value);
	return (can && all <= TOLD_MAX);
}

/* The bearer has a session; is he one of those that the rule lets in? */
static void
decide_by_rule(const struct gate_facts *facts, struct gate_verdict *verdict)
{
	const struct lk_settings *settings = facts->settings;
	const struct gate_plan *plan = facts->plan;
	const struct lk_user *user = facts->user;
	const char *why;

	if (plan->rule == NULL ||
	    (plan->need == GATE_NEED_USER &&
	        (user == NULL || user->detail == NULL)))
		deny(503, "Nothing was decided.", verdict);
	else if ((why = gate_plan_refuses(plan, facts->session, user)) != NULL)
		deny(403, why, verdict);
	else if (settings->gate.detail && user != NULL &&
	    strlen(user->detail) > (size_t)settings->gate.detail_max)
		deny(503, "The user's detail is longer than gate.detail_max.",
		    verdict);
	else if (!can_be_told(settings, user))
		deny(503,
		    "No header can carry what gate.headers names of the user's "
		    "detail.",
		    verdict);
	else
		/* An access token refreshes nothing. */
		verdict->renew = wants_renewal(settings, facts->session) &&
		    !lk_jwt_has_shape(settings, &facts->credentials->token);
}

static void
decide_by_plan(const struct gate_facts *facts, struct gate_verdict *verdict)
{
	const struct gate_plan *plan = facts->plan;

	verdict->rule = plan->number;
	switch (plan->need) {
	case GATE_NEED_REFUSED:
		deny(plan->http == 0 ? 503 : plan->http, plan->reason, verdict);
		return;
	case GATE_NEED_NOTHING:
		verdict->http = 200;
		return;
	case GATE_NEED_SESSION:
	case GATE_NEED_USER:
		decide_by_credentials(facts, verdict);
		if (verdict->http == 200)
			decide_by_rule(facts, verdict);
		return;
	}
	deny(503, "Nothing was decided.", verdict);
}

/*
 * Web servers that ask by a subrequest take 401 and 403 for a denial and
 * anything else that is not 2xx for a failure of the gate.
 */
static void
fit_subrequest(struct gate_verdict *verdict)
{
	if (verdict->http != 400)
		return;
	verdict->http = verdict->challenge != GATE_CHALLENGE_NONE ? 401 : 403;
}

void
gate_decide(const struct gate_facts *facts, struct gate_verdict *verdict)
{
	*verdict = (struct gate_verdict){ 0 };
	if (!facts->request->authorizer)
		deny(404, "No verdict was asked for.", verdict);
	else if (!is_given(facts->request->method) ||
	    !is_given(facts->request->uri))
		deny(400, "The web server did not say what is requested.",
		    verdict);
	else if (facts->plan == NULL)
		deny(503, "Nothing was decided.", verdict);
	else
		decide_by_plan(facts, verdict);
	if (facts->request->subrequest)
		fit_subrequest(verdict);
}

void
gate_decide_bearer(const struct gate_facts *facts, struct gate_verdict *verdict)
{
	*verdict = (struct gate_verdict){ 0 };
	decide_by_credentials(facts, verdict);
	if (facts->request->subrequest)
		fit_subrequest(verdict);
}

/* ---- In a word --------------------------------------------------------- */

static const struct {
	const char *outcome;
	const char *reason;
} labels[GATE_REASON_COUNT] = {
	[GATE_REASON_OTHER] = { "unavailable", "other" },
	[GATE_REASON_SESSION] = { "allowed", "session" },
	[GATE_REASON_PUBLIC] = { "allowed", "public" },
	[GATE_REASON_NO_TOKEN] = { "denied", "no_token" },
	[GATE_REASON_MALFORMED] = { "denied", "malformed" },
	[GATE_REASON_CONFLICT] = { "denied", "conflict" },
	[GATE_REASON_UNKNOWN] = { "denied", "unknown" },
	[GATE_REASON_EXPIRED] = { "denied", "expired" },
	[GATE_REASON_OTHER_USER] = { "denied", "other_user" },
	[GATE_REASON_NO_USER] = { "denied", "no_user" },
	[GATE_REASON_LIMIT] = { "denied", "limit" },
	[GATE_REASON_RULE] = { "denied", "rule" },
	[GATE_REASON_BAD_REQUEST] = { "denied", "bad_request" },
	[GATE_REASON_STORE] = { "unavailable", "store" },
};

/* Why the bearer of what was sent is not let in. */
static enum gate_reason
reason_of_credentials(const struct gate_facts *facts)
{
	switch (facts->credentials->kind) {
	case GATE_CREDENTIALS_NONE:
		return (GATE_REASON_NO_TOKEN);
	case GATE_CREDENTIALS_BAD:
		return (GATE_REASON_MALFORMED);
	case GATE_CREDENTIALS_SEVERAL:
	case GATE_CREDENTIALS_TOO_MANY:
	case GATE_CREDENTIALS_CONFLICT:
		return (GATE_REASON_CONFLICT);
	case GATE_CREDENTIALS_ONE:
		break;
	}
	switch (facts->status) {
	case LK_OK:
		return (GATE_REASON_OTHER_USER);
	case LK_MALFORMED:
		return (GATE_REASON_MALFORMED);
	case LK_EXPIRED:
		return (GATE_REASON_EXPIRED);
	default:
		return (GATE_REASON_UNKNOWN);
	}
}

enum gate_reason
gate_reason_of(const struct gate_facts *facts,
    const struct gate_verdict *verdict)
{
	switch (verdict->http) {
	case 200:
		return (facts->status == LK_OK ? GATE_REASON_SESSION
		                               : GATE_REASON_PUBLIC);
	case 302:
	case 401:
		return (reason_of_credentials(facts));
	case 400:
		return (verdict->challenge != GATE_CHALLENGE_NONE
		        ? GATE_REASON_CONFLICT
		        : GATE_REASON_BAD_REQUEST);
	case 403:
		if (facts->status == LK_NO_USER)
			return (GATE_REASON_NO_USER);
		return (facts->status == LK_LIMIT ? GATE_REASON_LIMIT
		                                  : GATE_REASON_RULE);
	case 404:
		return (GATE_REASON_BAD_REQUEST);
	case 503:
		return (
		    facts->status < 0 ? GATE_REASON_STORE : GATE_REASON_OTHER);
	default:
		return (GATE_REASON_OTHER);
	}
}

const char *
gate_reason_name(enum gate_reason reason)
{
	return (labels[reason].reason);
}

const char *
gate_reason_outcome(enum gate_reason reason)
{
	return (labels[reason].outcome);
}
