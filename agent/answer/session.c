/* The verbs that look sessions up, make them and let them live longer. */
#include <string.h>

#include "answer/verbs.h"
#include "base/json.h"
#include "question/next.h"
#include "session/cookie.h"
#include "session/json_session.h"

static void
say_session(struct agent_work *work, const struct lk_session *session,
    const char *detail)
{
	work->answer->http = 200;
	work->answer->type = AGENT_TYPE_JSON;
	lk_json_session(session, detail, &work->answer->body);
	lk_buf_str(&work->answer->body, "\n");
}

/* ---- Checks ------------------------------------------------------------ */

/* By its id, with the detail if that is asked for. */
static enum lk_status
check_id(struct agent_work *work, struct lk_session *session,
    struct lk_user *user)
{
	struct lk_manager *manager = work->asked->manager;

	if (work->question->detail)
		return (agent_note(work,
		    lk_check_id_user(manager, agent_field_of(work, AGENT_ID),
		        session, user)));
	/* To know whose it is, it was looked up already. */
	if (work->session.id[0] == '\0')
		return (agent_note(work,
		    lk_check_id(manager, agent_field_of(work, AGENT_ID),
		        session)));
	*session = work->session;
	return (LK_OK);
}

void
agent_check(struct agent_work *work)
{
	const struct agent_question *question = work->question;
	struct lk_user user = { .detail = NULL };
	enum lk_status status = LK_FAULT;
	struct lk_session session;

	if (question->verb == AGENT_CHECK_ID)
		status = check_id(work, &session, &user);
	else
		status = agent_note(work,
		    lk_check_user_ttl(work->asked->manager, &question->token,
		        question->detail ? 0 : -1, &session, &user));
	/* Without a source, what is not cached is nothing. */
	if (status == LK_OK)
		say_session(work, &session,
		    question->detail && user.detail == NULL ? "null"
		                                            : user.detail);
	else
		agent_say_status(work, status);
	lk_user_clear(&user);
}

/* ---- Issues and refreshes ------------------------------------------------ */

/* How long one is to live: as asked, or the smallest that holds. */
static int64_t
choose_ttl(const struct agent_work *work, int64_t usual)
{
	const int64_t max = work->permit.max_ttl;

	if (work->question->ttl != 0)
		return (work->question->ttl);
	return (max != 0 && max < usual ? max : usual);
}

static void
add_member(struct lk_buf *out, const char *name, const char *value)
{
	lk_buf_printf(out, ",\"%s\":", name);
	lk_json_string(value, out);
}

/* Add one to an array that has not been closed yet, or begun. */
static void
add_ended(void *arg, const char *id)
{
	struct lk_buf *out = arg;

	lk_buf_str(out,
	    out->len > 0 && out->data[out->len - 1] == '"' ? "," : "[");
	lk_json_string(id, out);
}

static void
say_issued(struct agent_work *work, const struct lk_token *token,
    const struct lk_session *session)
{
	const struct lk_settings *settings = work->asked->settings;
	struct lk_buf cookie = LK_BUF_INIT(LK_TOKEN_MAX + 4096);
	struct lk_buf *body = &work->answer->body;
	char next[AGENT_NEXT_SIZE];
	size_t before;

	lk_cookie_set(&settings->cookie, token->text, session->ttl, &cookie);
	agent_next(agent_field_of(work, AGENT_URL), &settings->agent.next_hosts,
	    next);
	work->answer->http = 201;
	work->answer->type = AGENT_TYPE_JSON;
	lk_buf_str(body, "{\"token\":");
	lk_json_string(token->text, body);
	add_member(body, "id", session->id);
	if (session->issued_at != 0)
		lk_buf_printf(body, ",\"issued_at\":%lld",
		    (long long)session->issued_at);
	else
		lk_buf_str(body, ",\"issued_at\":null");
	lk_buf_printf(body, ",\"expires_at\":%lld,\"ttl\":%lld",
	    (long long)session->expires_at, (long long)session->ttl);
	if (cookie.failed)
		body->failed = true;
	else
		add_member(body, "set_cookie", cookie.data);
	add_member(body, "next", next);
	lk_buf_str(body, ",\"ended\":");
	before = body->len;
	(void)lk_issue_ended(work->asked->manager, add_ended, body);
	lk_buf_str(body, body->len == before ? "[]}\n" : "]}\n");
	lk_buf_free(&cookie);
}

void
agent_issue(struct agent_work *work)
{
	char actor[AGENT_ACTOR_SIZE];
	const char *replaces = agent_field_of(work, AGENT_REPLACES);
	struct lk_token before = { .len = 0 };
	const struct lk_policy policy = lk_settings_policy(
	    work->asked->settings, work->about.client);
	struct lk_issue_options options = { .ttl = choose_ttl(work, policy.ttl),
		.client = work->about.client[0] == '\0' ? NULL
		                                        : work->about.client,
		.peer = agent_field_of(work, AGENT_PEER),
		.agent = agent_field_of(work, AGENT_AGENT),
		.actor = agent_actor(work, actor),
		.max_life = work->permit.max_ttl };
	enum lk_status status = LK_FAULT;
	struct lk_session session;
	struct lk_token token;

	/* What has no token's form replaces nothing, as what is over does. */
	if (replaces != NULL &&
	    lk_token_set(&before, replaces, strlen(replaces)) == LK_OK)
		options.replaces = &before;
	status = agent_note(work,
	    lk_issue(work->asked->manager, work->about.user, &options, &token,
	        &session));
	if (status == LK_OK) {
		say_issued(work, &token, &session);
		agent_tally_change(work->asked->tally, work->caller,
		    &(struct agent_change){ .message = "session issued",
		        .user = session.user,
		        .session = session.id,
		        .client = options.client,
		        .peer = options.peer,
		        .agent = options.agent });
	} else {
		agent_say_status(work, status);
	}
	lk_token_wipe(&before);
	lk_token_wipe(&token);
}

void
agent_refresh(struct agent_work *work)
{
	struct lk_manager *manager = work->asked->manager;
	int64_t ttl = work->question->ttl;
	enum lk_status status = LK_OK;
	struct lk_session session;

	/* What is usual goes by its kind, which the row may have to shorten. */
	if (ttl == 0 && work->permit.max_ttl != 0) {
		status = agent_note(work,
		    lk_check(manager, &work->question->token, &session));
		if (status == LK_OK)
			ttl = choose_ttl(work,
			    lk_settings_policy(work->asked->settings,
			        session.client)
			        .ttl);
	}
	if (status == LK_OK)
		status = agent_note(work,
		    lk_refresh(manager, &work->question->token, ttl, &session));
	if (status != LK_OK) {
		agent_say_status(work, status);
		return;
	}
	say_session(work, &session, NULL);
	agent_tally_change(work->asked->tally, work->caller,
	    &(struct agent_change){ .message = "session refreshed",
	        .user = session.user,
	        .session = session.id });
}
