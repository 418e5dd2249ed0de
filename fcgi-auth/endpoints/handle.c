#include <string.h>

#include <fastcgi.h>

#include "base/deadline.h"
#include "endpoints/handlers.h"

/* ---- The verdict --------------------------------------------------------- */

/*
 * Extend the session of an allowed request.  If that cannot be done the
 * session is still live, and the request allowed; if the session turns out to
 * be over by now, it is decided again.
 */
static void
renew(const struct gate_asked *asked, struct gate_case *c)
{
	struct lk_session renewed;
	enum lk_status status = lk_refresh(asked->manager,
	    &c->credentials.token, 0, &renewed);

	(void)gate_note(asked, c, status);
	if (status == LK_OK) {
		c->session.expires_at = renewed.expires_at;
		c->session.ttl = renewed.ttl;
		c->facts.renewed = true;
	} else if (status > 0) {
		c->facts.status = status;
		c->facts.ended = lk_ended(asked->manager);
		gate_decide(&c->facts, &c->verdict);
	}
}

/* What follows from what was found out; NULL: a manager must be asked. */
static const char *
conclude(const struct gate_asked *asked, struct gate_case *c,
    struct lk_buf *out)
{
	if (c->asked)
		(void)gate_note(asked, c, c->status);
	gate_decide(&c->facts, &c->verdict);
	if (c->verdict.renew && asked->manager == NULL)
		return (NULL);
	if (c->verdict.renew)
		renew(asked, c);
	gate_tally_verdict(asked->tally, &c->facts, &c->verdict);
	return (gate_verdict_reply(&c->facts, &c->verdict, out));
}

static const char *
authorize(const struct gate_asked *asked, struct gate_case *c, void *whose,
    struct lk_buf *out)
{
	/* What must be known, and the store knows. */
	gate_case_plan(c);
	if (!gate_case_ask(c, c->plan.need, asked->checks, whose) ||
	    c->under_way)
		return (NULL);
	return (conclude(asked, c, out));
}

/* ---- At an endpoint other than the verdict ------------------------------- */

/* Find out who asks, and whether he has a session; if not, it is answered. */
static bool
let_in(struct gate_call *call, const struct gate_handler *handler)
{
	const struct gate_credentials *credentials = &call->c->credentials;
	const enum gate_credentials_kind kind = credentials->kind;

	if (handler->need == GATE_NEED_NOTHING)
		return (true);
	if (handler->blind && kind != GATE_CREDENTIALS_NONE &&
	    kind != GATE_CREDENTIALS_TOO_MANY &&
	    (credentials->n > 0 || !credentials->misplaced_access))
		return (true);
	(void)gate_case_ask(call->c, handler->need, NULL, NULL);
	if (call->c->asked)
		(void)gate_note(call->asked, call->c, call->c->status);
	return (gate_call_decide(call));
}

static const char *
finish(struct gate_call *call)
{
	const char *method = call->c->request.method;
	const bool head = method != NULL && strcmp(method, "HEAD") == 0;

	if (call->body.failed)
		call->out->failed = true;
	else
		gate_reply_body(call->out, call->type,
		    call->body.len == 0 ? "" : call->body.data, head);
	return (gate_reply_end(call->out));
}

/* The reply at ${endpoint}, which is not the verdict; NULL if that takes a
 * manager, and there is none. */
static const char *
answer(const struct gate_asked *asked, struct gate_case *c,
    enum gate_endpoint endpoint, struct gate_brought *brought,
    struct lk_buf *out)
{
	const struct gate_handler *handler = gate_handler_of(endpoint);
	const struct gate_admission admission = gate_handler_admit(handler,
	    &c->request, !c->credentials.unprompted, asked->settings);
	struct gate_call call = { .asked = asked,
		.out = out,
		.c = c,
		.brought = brought,
		.body = LK_BUF_INIT(GATE_CALL_BODY_MAX),
		.type = GATE_TYPE_TEXT };

	if (admission.http == 200 && asked->manager == NULL && !handler->alone)
		return (NULL);
	c->began_ns = lk_monotonic_ns();
	if (admission.http != 200)
		gate_call_refuse(&call, admission.http, admission.allow,
		    admission.reason);
	else if (let_in(&call, handler))
		handler->run(&call);
	if (call.reply == NULL && brought->again_ns == 0)
		call.reply = finish(&call);
	if (call.reply != NULL)
		gate_tally_endpoint(asked->tally, endpoint, call.http);
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
gate_handle(const struct gate_asked *asked, struct gate_case *c, void *whose,
    char *const *env, int role, struct gate_brought *brought,
    struct lk_buf *out)
{
	struct gate_request request;
	enum gate_endpoint endpoint;
	const char *reply;

	brought->again_ns = 0;
	gate_request_read(env, false, &request);
	endpoint = what_is_asked(&request, role);
	request.authorizer = endpoint == GATE_ENDPOINT_AUTHORIZE;
	request.subrequest = role != FCGI_AUTHORIZER;
	if (request.subrequest)
		gate_request_doubt(&request);
	set_cap(out, request.authorizer ? GATE_REPLY_MAX : GATE_CALL_REPLY_MAX);
	gate_case_begin(c, asked->settings, asked->manager, &request);
	reply = request.authorizer ? authorize(asked, c, whose, out)
	                           : answer(asked, c, endpoint, brought, out);
	if (!c->under_way)
		gate_case_end(c);
	return (reply);
}

const char *
gate_handle_finish(const struct gate_asked *asked, struct gate_case *c,
    struct lk_checked *checked, struct lk_buf *out)
{
	const char *reply = NULL;

	set_cap(out, GATE_REPLY_MAX);
	if (gate_case_finish(c, checked))
		reply = conclude(asked, c, out);
	gate_case_end(c);
	return (reply);
}
