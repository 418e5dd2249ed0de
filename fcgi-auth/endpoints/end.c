/* Endpoints that end sessions. */
#include <inttypes.h>
#include <string.h>

#include "endpoints/handlers.h"
#include "session/cookie.h"

void
gate_clear_cookies(struct gate_call *call)
{
	const struct lk_settings *settings = call->asked->settings;
	const struct lk_token_sources *all = &settings->gate.sources;
	size_t i;

	for (i = 0; i < all->n; i++) {
		if (all->v[i].place != LK_TOKEN_COOKIE)
			continue;
		lk_buf_str(call->out, "Set-Cookie: ");
		lk_cookie_take_back(&settings->cookie, all->v[i].name,
		    call->out);
		lk_buf_str(call->out, "\r\n");
	}
}

/*
 * Say how many sessions ended, the one that was asked with among them if
 * ${own}, or that the store could not do it.  What a failover could undo is
 * accepted but not completed (RFC 9110, section 15.3.3).
 */
static void
say_revoked(struct gate_call *call, enum lk_status status, uint64_t revoked,
    bool own)
{
	if (status != LK_OK && status != LK_E_NOT_DURABLE) {
		gate_call_unavailable(call);
		return;
	}
	gate_call_begin(call, status == LK_OK ? 200 : 202);
	if (own)
		gate_clear_cookies(call);
	lk_buf_printf(&call->body, "{\"revoked\":%" PRIu64 "%s}\n", revoked,
	    status == LK_OK ? "" : ",\"durable\":false");
}

/*
 * A logout does not look first whether there is such a session: the answer
 * could be that of a Redis that is no longer the master, and nothing would have
 * been revoked.  It ends every session that the request names.
 */
void
gate_log_out(struct gate_call *call)
{
	const struct lk_revoke_options options = { .reason = "logout",
		.peer = call->c->request.peer,
		.actor = "gate" };
	enum lk_status status = LK_OK, one;
	uint64_t revoked, total = 0;
	size_t i;

	for (i = 0; i < call->c->credentials.n; i++) {
		one = gate_note(call->asked, call->c,
		    lk_revoke(call->asked->manager,
		        &call->c->credentials.found[i].token, &options,
		        &revoked));
		total += revoked;
		if (one != LK_OK &&
		    (status == LK_OK || one != LK_E_NOT_DURABLE))
			status = one;
	}
	say_revoked(call, status, total, true);
}

void
gate_log_out_all(struct gate_call *call)
{
	const struct lk_revoke_options options = { .reason = "logout-all",
		.peer = call->c->request.peer,
		.actor = "gate" };
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	status = gate_note(call->asked, call->c,
	    lk_revoke_all(call->asked->manager, call->c->session.user, &options,
	        &revoked));
	say_revoked(call, status, revoked, true);
}

enum lk_status
gate_end_others(struct gate_call *call, uint64_t *revoked)
{
	const struct lk_revoke_options options = { .reason = "logout-others",
		.peer = call->c->request.peer,
		.actor = "gate" };
	const enum lk_status status = gate_note(call->asked, call->c,
	    lk_revoke_others(call->asked->manager, &call->c->credentials.token,
	        &options, revoked));

	/* It has ended since it was checked. */
	if (status > 0) {
		call->c->facts.status = status;
		call->c->facts.ended = lk_ended(call->asked->manager);
		(void)gate_call_decide(call);
	}
	return (status);
}

void
gate_log_out_others(struct gate_call *call)
{
	uint64_t revoked;
	const enum lk_status status = gate_end_others(call, &revoked);

	if (status <= 0)
		say_revoked(call, status, revoked, false);
}

void
gate_revoke_one(struct gate_call *call)
{
	const struct lk_revoke_options options = {
		.reason = "revoked by its user",
		.peer = call->c->request.peer,
		.actor = "gate",
		.user = call->c->session.user
	};
	char id[LK_SESSION_ID_MAX + 1];
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	if (!gate_query_id(&call->c->request, id)) {
		gate_call_refuse(call, 400, NULL,
		    "The query names no session.");
		return;
	}
	status = gate_note(call->asked, call->c,
	    lk_revoke_id(call->asked->manager, id, &options, &revoked));
	if (status > 0 || (status == LK_OK && revoked == 0))
		gate_call_refuse(call, 404, NULL,
		    "The user has no such session.");
	else
		say_revoked(call, status, revoked,
		    strcmp(id, call->c->session.id) == 0);
}
