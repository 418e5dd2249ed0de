#include "endpoints/call.h"

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
	const struct gate_facts facts = { .request = &call->c.request,
		.status = call->c.session.id[0] != '\0' ? LK_OK : LK_FAULT,
		.session = &call->c.session };
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
	struct gate_case *c = &call->c;

	gate_decide_bearer(&c->facts, &c->verdict);
	if (c->verdict.http == 200)
		return (true);
	gate_tally_denial(call->asked->tally, &c->facts, &c->verdict);
	call->reply = gate_verdict_reply(&c->facts, &c->verdict, call->out);
	call->http = c->verdict.http;
	return (false);
}

enum lk_status
gate_call_note(const struct gate_call *call, int64_t began,
    enum lk_status status)
{
	gate_events_asked(&call->asked->tally->events, began, status,
	    lk_manager_error(call->asked->manager));
	return (status);
}
