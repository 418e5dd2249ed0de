/* The verbs about access tokens, which others verify. */
#include <inttypes.h>

#include "answer/verbs.h"
#include "base/json.h"

static void
begin(struct agent_work *work)
{
	work->answer->http = 200;
	work->answer->type = AGENT_TYPE_JSON;
}

/* How long one is to live: as asked, or the smallest that holds. */
static int64_t
choose_ttl(const struct agent_work *work)
{
	const int64_t usual = work->asked->settings->jwt.ttl;
	const int64_t max = work->permit.max_ttl;

	if (work->question->ttl != 0)
		return (work->question->ttl);
	return (max != 0 && max < usual ? max : usual);
}

/* As RFC 6749, section 5.1, has it, but for a refresh token: that is the
 * session's own, which the caller has. */
void
agent_issue_access(struct agent_work *work)
{
	const struct lk_access_options options = {
		.audience = agent_field_of(work, AGENT_AUDIENCE),
		.ttl = choose_ttl(work)
	};
	struct lk_buf *body = &work->answer->body;
	enum lk_status status = LK_FAULT;
	struct lk_session session;
	struct lk_token access;

	status = agent_note(work,
	    lk_access_issue(work->asked->manager, &work->question->token,
	        &options, &access, &session));
	if (status == LK_OK) {
		begin(work);
		lk_buf_str(body, "{\"access_token\":");
		lk_json_string(access.text, body);
		lk_buf_printf(body,
		    ",\"token_type\":\"Bearer\",\"expires_in\":%" PRId64 "}\n",
		    session.ttl);
		agent_tally_change(work->asked->tally, work->caller,
		    &(struct agent_change){ .message = "access token issued",
		        .user = session.user,
		        .session = session.id });
	} else {
		agent_say_status(work, status);
	}
	lk_token_wipe(&access);
}

/* As RFC 7662, section 2.2, has it: what is not live is not told apart. */
void
agent_introspect(struct agent_work *work)
{
	struct lk_buf *body = &work->answer->body;
	enum lk_status status = LK_FAULT;
	struct lk_session session;

	status = agent_note(work,
	    lk_check(work->asked->manager, &work->question->token, &session));
	if (status < 0) {
		agent_say_status(work, status);
		return;
	}
	begin(work);
	if (status != LK_OK) {
		lk_buf_str(body, "{\"active\":false}\n");
		return;
	}
	lk_buf_str(body, "{\"active\":true,\"token_type\":\"Bearer\",\"sub\":");
	lk_json_string(session.user, body);
	lk_buf_str(body, ",\"sid\":");
	lk_json_string(session.id, body);
	if (session.client[0] != '\0') {
		lk_buf_str(body, ",\"client_id\":");
		lk_json_string(session.client, body);
	}
	if (session.issued_at != 0)
		lk_buf_printf(body, ",\"iat\":%" PRId64, session.issued_at);
	lk_buf_printf(body, ",\"exp\":%" PRId64 "}\n", session.expires_at);
}
