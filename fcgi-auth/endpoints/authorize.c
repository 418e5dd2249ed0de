/* The verdict: what a web server asks before it serves anything. */
#include "base/deadline.h"
#include "endpoints/handlers.h"

/* Note what the store answered to a question asked at ${began}. */
static void
note(const struct gate_asked *asked, int64_t began, enum lk_status status)
{
	gate_events_asked(&asked->tally->events, began, status,
	    lk_manager_error(asked->manager));
}

/*
 * Extend the session of an allowed request.  If that cannot be done the
 * session is still live, and the request allowed; if the session turns out to
 * be over by now, it is decided again.
 */
static void
renew(const struct gate_asked *asked, struct gate_case *c)
{
	int64_t began = lk_monotonic_ns();
	struct lk_session renewed;
	enum lk_status status = lk_refresh(asked->manager,
	    &c->credentials.token, 0, &renewed);

	note(asked, began, status);
	if (status == LK_OK) {
		c->session.expires_at = renewed.expires_at;
		c->session.ttl = renewed.ttl;
		c->facts.renewed = true;
	} else if (status > 0) {
		c->facts.status = status;
		gate_decide(&c->facts, &c->verdict);
	}
}

const char *
gate_authorize(const struct gate_asked *asked,
    const struct gate_request *request, struct lk_buf *out)
{
	struct gate_case c;
	const char *reply;
	int64_t began;

	/* What is asked, by whom, and what must be known of him. */
	gate_case_begin(&c, asked->settings, asked->manager, request);
	gate_case_plan(&c);
	/* The store knows. */
	began = lk_monotonic_ns();
	gate_case_ask(&c, c.plan.need);
	if (c.asked)
		note(asked, began, c.status);
	/* What follows from it. */
	gate_decide(&c.facts, &c.verdict);
	if (c.verdict.renew)
		renew(asked, &c);
	gate_tally_verdict(asked->tally, &c.facts, &c.verdict);
	reply = gate_verdict_reply(&c.facts, &c.verdict, out);
	gate_case_end(&c);
	return (reply);
}
