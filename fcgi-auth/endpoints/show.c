/* Endpoints that show sessions, and the gate. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "endpoints/handlers.h"
#include "session/json_session.h"

/* Once a list is longer, no more is added; no session takes the rest. */
#define LIST_MAX (GATE_CALL_BODY_MAX - 4096)

void
gate_show_session(struct gate_call *call)
{
	gate_call_begin(call, 200);
	lk_json_session(&call->c->session, call->c->user.detail, &call->body);
	lk_buf_str(&call->body, "\n");
}

struct listing {
	struct gate_call *call;
	uint64_t count;
};

static void
list_one(void *arg, const struct lk_session *session,
    const struct lk_token *token)
{
	struct listing *listing = arg;
	struct lk_buf *body = &listing->call->body;

	(void)token;
	listing->count++;
	if (body->len > LIST_MAX)
		return;
	lk_buf_str(body, body->len == 0 ? "[" : ",\n");
	lk_json_session_own(session,
	    strcmp(session->id, listing->call->c->session.id) == 0, body);
}

void
gate_show_sessions(struct gate_call *call)
{
	struct listing listing = { call, 0 };
	char count[24];

	if (gate_note(call->asked, call->c,
	        lk_list(call->asked->manager, call->c->session.user, list_one,
	            &listing)) != LK_OK) {
		gate_call_unavailable(call);
		return;
	}
	gate_call_begin(call, 200);
	(void)snprintf(count, sizeof(count), "%" PRIu64, listing.count);
	gate_reply_header(call->out, "Latchkey-Sessions", count);
	lk_buf_str(&call->body, call->body.len == 0 ? "[]\n" : "]\n");
}

/* How often a watched session is looked at. */
#define WATCH_NS INT64_C(1000000000)

/* Who is here has a live session: he hears of it once that is no more. */
void
gate_watch(struct gate_call *call)
{
	struct gate_brought *brought = call->brought;

	brought->since_ns = lk_monotonic_ns();
	brought->again_ns = brought->since_ns + WATCH_NS;
	brought->again = GATE_AGAIN_WATCH;
	brought->places = (size_t)call->asked->settings->gate.watch.max;
}

/* ---- The gate ---------------------------------------------------------- */

void
gate_show_health(struct gate_call *call)
{
	const bool good = gate_note(call->asked, call->c,
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
