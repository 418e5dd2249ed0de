/* Endpoints of access tokens, which others verify. */
#include <inttypes.h>
#include <stdio.h>

#include "base/json.h"
#include "endpoints/handlers.h"
#include "jwt/jwt.h"

/* As RFC 6749, section 5.1, has it, but for a refresh token: that is the
 * session's own, which stays where it is. */
void
gate_issue_access(struct gate_call *call)
{
	struct lk_token access;
	struct lk_session says;
	const enum lk_status status = gate_note(call->asked, call->c,
	    lk_access_issue(call->asked->manager, &call->c->credentials.token,
	        NULL, &access, &says));

	if (status == LK_OK) {
		gate_call_begin(call, 200);
		lk_buf_str(&call->body, "{\"access_token\":");
		lk_json_string(access.text, &call->body);
		lk_buf_printf(&call->body,
		    ",\"token_type\":\"Bearer\",\"expires_in\":%" PRId64 "}\n",
		    says.ttl);
	} else if (status > 0) {
		/* It has ended since it was checked. */
		call->c->facts.status = status;
		(void)gate_call_decide(call);
	} else {
		gate_call_unavailable(call);
	}
	lk_token_wipe(&access);
}

void
gate_show_jwks(struct gate_call *call)
{
	const struct lk_settings *settings = call->asked->settings;
	char cache[48];

	call->http = 200;
	call->type = "application/jwk-set+json";
	gate_reply_allow(call->out);
	(void)snprintf(cache, sizeof(cache), "public, max-age=%" PRId64,
	    settings->jwt.ttl);
	gate_reply_header(call->out, "Cache-Control", cache);
	lk_jwt_jwks(settings, &call->body);
	lk_buf_str(&call->body, "\n");
}
