/* Endpoints that show the gate. */
#include "base/deadline.h"
#include "endpoints/handlers.h"

void
gate_show_health(struct gate_call *call)
{
	const int64_t began = lk_monotonic_ns();
	const bool good = gate_call_note(call, began,
	                      lk_ping(call->asked->manager)) == LK_OK;

	gate_call_begin(call, good ? 200 : 503);
	call->type = GATE_TYPE_JSON;
	if (!good)
		gate_reply_header(call->out, "Retry-After", "2");
	lk_buf_printf(&call->body, "{\"store\":\"%s\"}\n",
	    good ? "ok" : "unavailable");
}

void
gate_show_metrics(struct gate_call *call)
{
	gate_call_begin(call, 200);
	call->type = "text/plain; version=0.0.4; charset=utf-8";
	gate_tally_print(call->asked->tally, &call->body);
}
