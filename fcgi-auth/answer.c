#include <string.h>

#include <fastcgi.h>

#include "answer.h"
#include "endpoint.h"

const char *
gate_answer(const struct gate_asked *asked, char *const *env, int role,
    struct lk_buf *out)
{
	struct gate_credentials credentials;
	struct gate_request request;
	struct gate_verdict verdict = { 0 };
	struct lk_session session;
	struct gate_facts facts = {
		.settings = asked->settings,
		.request = &request,
		.credentials = &credentials,
		.status = LK_FAULT,
		.session = &session,
	};
	const char *reply;

	memset(&session, 0, sizeof(session));
	gate_request_read(env, role == FCGI_AUTHORIZER, &request);
	if (role == FCGI_RESPONDER &&
	    gate_endpoint_asked(&request) == GATE_ENDPOINT_AUTHORIZE)
		request.authorizer = request.subrequest = true;
	gate_credentials_read(
	    &asked->settings->gate.tokens, &request, &credentials);
	if (request.authorizer && credentials.kind == GATE_CREDENTIALS_ONE) {
		facts.status =
		    lk_check(asked->manager, &credentials.token, &session);
		if (facts.status < 0)
			gate_report_store(asked->report, facts.status,
			    lk_manager_error(asked->manager));
	}
	gate_decide(&facts, &verdict);
	if (verdict.http != 200)
		gate_report_denial(asked->report, &facts, &verdict);
	reply = gate_respond(&facts, &verdict, out);
	gate_credentials_wipe(&credentials);
	return (reply);
}
