#include <string.h>

#include <fastcgi.h>

#include "answer.h"
#include "deadline.h"
#include "endpoint.h"
#include "service.h"

/* The verdict on a request, and who asks for it is told. */
static const char *
authorize(const struct gate_asked *asked, const struct gate_request *request,
    struct lk_buf *out)
{
	struct gate_credentials credentials;
	struct gate_verdict verdict = { 0 };
	struct lk_session session;
	struct gate_facts facts = {
		.settings = asked->settings,
		.request = request,
		.credentials = &credentials,
		.status = LK_FAULT,
		.session = &session,
	};
	const char *reply;
	int64_t began;

	memset(&session, 0, sizeof(session));
	gate_credentials_read(
	    &asked->settings->gate.tokens, request, &credentials);
	if (credentials.kind == GATE_CREDENTIALS_ONE) {
		began = lk_monotonic_ns();
		facts.status =
		    lk_check(asked->manager, &credentials.token, &session);
		gate_report_answer(asked->report, began, facts.status,
		    lk_manager_error(asked->manager));
	}
	gate_decide(&facts, &verdict);
	gate_report_verdict(asked->report, &facts, &verdict);
	reply = gate_respond(&facts, &verdict, out);
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
	if (request.authorizer) {
		set_cap(out, GATE_REPLY_MAX);
		return (authorize(asked, &request, out));
	}
	set_cap(out, GATE_SERVICE_REPLY_MAX);
	return (gate_service(asked, endpoint, &request, out));
}
