#include <string.h>

#include "endpoints/handlers.h"

static const char get[] = "GET, HEAD";
static const char post[] = "POST";
static const char both[] = "GET, HEAD, POST";

static bool
is_exposed(const struct lk_settings *settings)
{
	return (settings->gate.expose_metrics);
}

static bool
has_keys(const struct lk_settings *settings)
{
	return (settings->jwt.issuer[0] != '\0');
}

static bool
may_sign(const struct lk_settings *settings)
{
	return (has_keys(settings) && settings->jwt.sign[0] != '\0');
}

static bool
has_login(const struct lk_settings *settings)
{
	return (settings->gate.login.check != LK_LOGIN_OFF);
}

static bool
has_page(const struct lk_settings *settings)
{
	return (settings->gate.page.show);
}

static bool
has_watch(const struct lk_settings *settings)
{
	return (settings->gate.watch.max > 0);
}

static const struct gate_handler handlers[GATE_ENDPOINT_COUNT] = {
	[GATE_ENDPOINT_SESSION] = { get, GATE_NEED_USER, false, false,
	    gate_show_session, NULL },
	[GATE_ENDPOINT_SESSIONS] = { get, GATE_NEED_SESSION, false, false,
	    gate_show_sessions, NULL },
	[GATE_ENDPOINT_LOGOUT] = { post, GATE_NEED_SESSION, true, false,
	    gate_log_out, NULL },
	[GATE_ENDPOINT_LOGOUT_ALL] = { post, GATE_NEED_SESSION, false, false,
	    gate_log_out_all, NULL },
	[GATE_ENDPOINT_LOGOUT_OTHERS] = { post, GATE_NEED_SESSION, false, false,
	    gate_log_out_others, NULL },
	[GATE_ENDPOINT_REVOKE] = { post, GATE_NEED_SESSION, false, false,
	    gate_revoke_one, NULL },
	[GATE_ENDPOINT_HEALTH] = { get, GATE_NEED_NOTHING, false, false,
	    gate_show_health, is_exposed },
	[GATE_ENDPOINT_METRICS] = { get, GATE_NEED_NOTHING, false, true,
	    gate_show_metrics, is_exposed },
	[GATE_ENDPOINT_TOKEN] = { post, GATE_NEED_SESSION, false, false,
	    gate_issue_access, may_sign },
	[GATE_ENDPOINT_JWKS] = { get, GATE_NEED_NOTHING, false, true,
	    gate_show_jwks, has_keys },
	/* These two find out by themselves who it is. */
	[GATE_ENDPOINT_LOGIN] = { both, GATE_NEED_NOTHING, false, false,
	    gate_log_in, has_login },
	[GATE_ENDPOINT_PAGE] = { both, GATE_NEED_NOTHING, false, false,
	    gate_show_page, has_page },
	[GATE_ENDPOINT_WATCH] = { get, GATE_NEED_SESSION, false, false,
	    gate_watch, has_watch },
};

const struct gate_handler *
gate_handler_of(enum gate_endpoint endpoint)
{
	return (&handlers[endpoint]);
}

static bool
has_method(const char *allow, const char *method)
{
	if (method == NULL)
		return (false);
	if (allow != get && strcmp(method, "POST") == 0)
		return (true);
	return (allow != post &&
	    (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0));
}

struct gate_admission
gate_handler_admit(const struct gate_handler *handler,
    const struct gate_request *request, bool deliberate,
    const struct lk_settings *settings)
{
	const char *allow = handler->allow;

	if (allow == NULL ||
	    (handler->is_there != NULL && !handler->is_there(settings)))
		return ((struct gate_admission){ 404, NULL,
		    "There is no such endpoint." });
	if (!has_method(allow, request->method))
		return ((struct gate_admission){ 405, allow,
		    "The endpoint has no such method." });
	/* Who logs in need bring nothing, and yet be no other site's page. */
	if (handler->run == gate_log_in)
		deliberate = false;
	if (strcmp(request->method, "POST") == 0 &&
	    !gate_origin_is_safe(request, deliberate))
		return ((struct gate_admission){ 403, NULL,
		    "The request may have been made by another site." });
	return ((struct gate_admission){ .http = 200 });
}

/* ---- Replies ----------------------------------------------------------- */

void
gate_call_begin(struct gate_call *call, unsigned int http)
{
	call->http = http;
	call->type = http == 200 || http == 202
	    ? GATE_TYPE_JSON
	    : GATE_TYPE_TEXT;
	gate_reply_begin(call->out, http);
}

void
gate_call_refuse(struct gate_call *call, unsigned int http, const char *allow,
    const char *reason)
{
	const struct gate_facts facts = { .request = &call->c->request,
		.status = call->c->session.id[0] != '\0' ? LK_OK : LK_FAULT,
		.session = &call->c->session };
	const struct gate_verdict verdict = { .http = http, .reason = reason };

	gate_tally_denial(call->asked->tally, &facts, &verdict);
	gate_call_begin(call, http);
	if (allow != NULL)
		gate_reply_header(call->out, "Allow", allow);
	lk_buf_str(&call->body, reason);
	lk_buf_str(&call->body, "\n");
}

void
gate_call_unavailable(struct gate_call *call)
{
	lk_buf_reset(&call->body);
	gate_call_begin(call, 503);
	gate_reply_header(call->out, "Retry-After", "2");
	lk_buf_str(&call->body, "Sessions cannot be reached at the moment.\n");
}

bool
gate_call_decide(struct gate_call *call)
{
	gate_decide_bearer(&call->c->facts, &call->c->verdict);
	return (gate_call_obey(call));
}

bool
gate_call_obey(struct gate_call *call)
{
	struct gate_case *c = call->c;

	if (c->verdict.http == 200)
		return (true);
	gate_tally_denial(call->asked->tally, &c->facts, &c->verdict);
	call->reply = gate_verdict_reply(&c->facts, &c->verdict, call->out);
	call->http = c->verdict.http;
	return (false);
}

enum lk_status
gate_note(const struct gate_asked *asked, struct gate_case *c,
    enum lk_status status)
{
	c->began_ns = gate_events_asked(&asked->tally->events, c->began_ns,
	    status,
	    asked->manager != NULL ? lk_manager_error(asked->manager)
	                           : lk_checks_error(asked->checks));
	return (status);
}
