#include <string.h>

#include "base/error.h"
#include "session/gone.h"
#include "store/agent/answer.h"
#include "store/agent/line.h"
#include "store/agent/login.h"

static void
add_fields(const struct lk_login *login, struct lk_buf *fields)
{
	lk_agent_field(fields, "user", login->user);
	lk_agent_field(fields, "client", login->client);
	lk_agent_field(fields, "peer", login->peer);
	lk_agent_field(fields, "agent", login->agent);
	lk_agent_field(fields, "url", login->url);
	lk_agent_field_int(fields, "ttl", login->ttl);
	if (login->replaces != NULL)
		lk_agent_field(fields, "replaces", login->replaces->text);
}

enum lk_status
lk_agent_log_in(const struct lk_settings *settings,
    const struct lk_login *login, struct lk_logged_in *got,
    struct lk_error *error)
{
	const char *where = settings->store.agent.address;
	struct lk_agent_question question = { .verb = "issue",
		.fields = LK_BUF_INIT(LK_AGENT_FIELDS_MAX) };
	enum lk_reason ended = LK_REASON_NONE;
	enum lk_status status = LK_FAULT;
	struct lk_gone gone = { .ids = LK_BUF_INIT(LK_GONE_IDS_MAX) };
	struct lk_agent_line line;
	struct lk_agent_reply reply;

	memset(got, 0, sizeof(*got));
	add_fields(login, &question.fields);
	lk_agent_line_init(&line, settings, error);
	status = lk_agent_line_ask(&line, &question,
	    lk_deadline_in(settings->store.agent.timeout_ms), &reply);
	if (status == LK_OK)
		status = lk_agent_refusal(&reply, where, &ended, error);
	if (status == LK_OK &&
	    (!lk_agent_read_issued(&reply, login->user,
	         login->client == NULL ? "" : login->client, &got->token,
	         &got->session, &gone) ||
	        !lk_agent_read_next(&reply, got->next, sizeof(got->next))))
		status = lk_fail(error, LK_E_CORRUPT,
		    "agent at %s: the answer is not to what was asked", where);
	if (status != LK_OK) {
		lk_token_wipe(&got->token);
		memset(got, 0, sizeof(*got));
	}
	lk_agent_line_close(&line);
	lk_buf_free(&gone.ids);
	lk_buf_free(&question.fields);
	return (status);
}
