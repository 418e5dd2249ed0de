#include <string.h>

#include <fastcgi.h>

#include "base/deadline.h"
#include "endpoints/handlers.h"

/* ---- At an endpoint other than the verdict ------------------------------- */

/* Find out who asks, and whether he has a session; if not, it is answered. */
static bool
let_in(struct gate_call *call, const struct gate_handler *handler)
{
	const int64_t began = lk_monotonic_ns();
	const enum gate_credentials_kind kind = call->c.credentials.kind;

	if (handler->need == GATE_NEED_NOTHING)
		return (true);
	if (handler->blind && kind != GATE_CREDENTIALS_NONE &&
	    kind != GATE_CREDENTIALS_TOO_MANY)
		return (true);
	gate_case_ask(&call->c, handler->need);
	if (call->c.asked)
		(void)gate_call_note(call, began, call->c.status);
	return (gate_call_decide(call));
}

static const char *
finish(struct gate_call *call)
{
	const char *method = call->c.request.method;
	const bool head = method != NULL && strcmp(method, "HEAD") == 0;

	if (call->body.failed)
		call->out->failed = true;
	else
		gate_reply_body(call->out, call->type,
		    call->body.len == 0 ? "" : call->body.data, head);
	return (gate_reply_end(call->out));
}

/* The reply to ${request} at ${endpoint}, which is not the verdict. */
static const char *
answer(const struct gate_asked *asked, enum gate_endpoint endpoint,
    const struct gate_request *request, struct lk_buf *out)
{
	const struct gate_handler *handler = gate_handler_of(endpoint);
	struct gate_admission admission;
	struct gate_call call;

	call.asked = asked;
	call.out = out;
	call.body = (struct lk_buf)LK_BUF_INIT(GATE_CALL_BODY_MAX);
	call.type = GATE_TYPE_TEXT;
	call.http = 0;
	call.reply = NULL;
	gate_case_begin(&call.c, asked->settings, asked->manager, request);
	admission = gate_handler_admit(handler, request,
	    !call.c.credentials.unprompted,
	    asked->settings->gate.expose_metrics);
	if (admission.http != 200)
		gate_call_refuse(&call, admission.http, admission.allow,
		    admission.reason);
	else if (let_in(&call, handler))
		handler->run(&call);
	if (call.reply == NULL)
		call.reply = finish(&call);
	gate_tally_endpoint(asked->tally, endpoint, call.http);
	gate_case_end(&call.c);
	lk_buf_free(&call.body);
	return (call.reply);
}

/* ---- From the parameters to the reply ------------------------------------ */

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
gate_handle(const struct gate_asked *asked, char *const *env, int role,
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
	set_cap(out, request.authorizer ? GATE_REPLY_MAX : GATE_CALL_REPLY_MAX);
	if (request.authorizer)
		return (gate_authorize(asked, &request, out));
	return (answer(asked, endpoint, &request, out));
}
