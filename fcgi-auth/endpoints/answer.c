#include <fastcgi.h>

#include "base/deadline.h"
#include "endpoints/answer.h"
#include "endpoints/endpoint.h"
#include "endpoints/service.h"
#include "verdict/check.h"

/* Ask the store what the plan needs to know. */
static void
find_out(const struct gate_asked *asked, struct gate_credentials *credentials,
    struct gate_facts *facts, struct gate_check *check)
{
	int64_t began = lk_monotonic_ns();

	gate_check(asked->manager, facts->plan->need, credentials, check);
	gate_check_tell(check, facts);
	if (check->asked)
		gate_report_answer(asked->report, began, check->status,
		    lk_manager_error(asked->manager));
}

/*
 * Extend the session of an allowed request.  If that cannot be done the
 * session is still live, and the request allowed; if the session turns out to
 * be over by now, it is decided again.
 */
static void
renew(const struct gate_asked *asked, struct gate_facts *facts,
    struct lk_session *session, struct gate_verdict *verdict)
{
	int64_t began = lk_monotonic_ns();
	struct lk_session renewed;
	enum lk_status status = lk_refresh(asked->manager,
	    &facts->credentials->token, 0, &renewed);

	gate_report_answer(asked->report, began, status,
	    lk_manager_error(asked->manager));
	if (status == LK_OK) {
		session->expires_at = renewed.expires_at;
		session->ttl = renewed.ttl;
		facts->renewed = true;
	} else if (status > 0) {
		facts->status = status;
		gate_decide(facts, verdict);
	}
}

/* The verdict on a request, and who asks for it is told. */
static const char *
authorize(const struct gate_asked *asked, const struct gate_request *request,
    struct lk_buf *out)
{
	struct gate_credentials credentials;
	struct gate_verdict verdict = { 0 };
	struct gate_plan plan;
	struct gate_check check;
	struct gate_facts facts = {
		.settings = asked->settings,
		.request = request,
		.credentials = &credentials,
		.plan = &plan,
		.status = LK_FAULT,
	};
	const char *reply;

	gate_credentials_read(asked->settings, request, &credentials);
	gate_plan(asked->settings, request, &plan);
	find_out(asked, &credentials, &facts, &check);
	gate_decide(&facts, &verdict);
	if (verdict.renew)
		renew(asked, &facts, &check.session, &verdict);
	gate_report_verdict(asked->report, &facts, &verdict);
	reply = gate_respond(&facts, &verdict, out);
	gate_check_clear(&check);
	gate_credentials_wipe(&credentials);
	return (reply);
}

static enum gate_endpoint
what_is_asked(const struct gate_request *request, int role)
{
	switch (role) {
	case FCGI_AUTHORIZER:
		return (GATE_ENDPOINT_AUTHORIZE);
	case FCGI_RESPONDER:
		return (gate_endpoint_asked(request, false));
	case GATE_ROLE_CGI:
		return (gate_endpoint_asked(request, true));
	default:
		return (GATE_ENDPOINT_NONE);
	}
}

/* Give ${out} the cap ${max}, and no more memory than that. */
static void
set_cap(struct lk_buf *out, size_t max)
{
	if (out->cap > max)
		lk_buf_free(out);
	out->max = max;
}

const char *
gate_answer(const struct gate_asked *asked, char *const *env, int role,
    struct lk_buf *out)
{
	struct gate_request request;
	enum gate_endpoint endpoint;

	gate_request_read(env, false, &request);
	endpoint = what_is_asked(&request, role);
	request.authorizer = endpoint == GATE_ENDPOINT_AUTHORIZE;
	request.subrequest = role != FCGI_AUTHORIZER;
	if (request.subrequest)
		gate_request_doubt(&request);
	if (request.authorizer) {
		set_cap(out, GATE_REPLY_MAX);
		return (authorize(asked, &request, out));
	}
	set_cap(out, GATE_SERVICE_REPLY_MAX);
	return (gate_service(asked, endpoint, &request, out));
}
