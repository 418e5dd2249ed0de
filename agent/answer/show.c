/* The verbs that show sessions, users and the agent. */
#include "answer/verbs.h"
#include "base/json.h"
#include "session/json_session.h"

/* Once a list is longer, no more is added; no session takes the rest. */
#define LIST_MAX (AGENT_ANSWER_MAX - 8192)

static void
begin(struct agent_work *work, unsigned int http)
{
	work->answer->http = http;
	work->answer->type = AGENT_TYPE_JSON;
}

/* ---- Sessions ------------------------------------------------------------ */

static void
list_one(void *arg, const struct lk_session *session,
    const struct lk_token *token)
{
	struct agent_work *work = arg;
	struct lk_buf *body = &work->answer->body;

	(void)token;
	if (work->permit.clients != NULL &&
	    !lk_strings_have(work->permit.clients, session->client))
		return;
	work->answer->sessions++;
	if (body->len > LIST_MAX)
		return;
	lk_buf_str(body, body->len == 0 ? "[" : ",\n");
	lk_json_session(session, NULL, body);
}

void
agent_list(struct agent_work *work)
{
	const enum lk_status status = agent_note(work,
	    lk_list(work->asked->manager, work->about.user, list_one, work));

	if (status != LK_OK) {
		agent_say_status(work, status);
		return;
	}
	begin(work, 200);
	work->answer->counted = true;
	lk_buf_str(&work->answer->body,
	    work->answer->body.len == 0 ? "[]\n" : "]\n");
}

static void
list_entry(void *arg, const struct lk_entry *entry)
{
	struct agent_work *work = arg;
	struct lk_buf *body = &work->answer->body;

	if (body->len > LIST_MAX ||
	    (work->permit.clients != NULL &&
	        !lk_strings_have(work->permit.clients, entry->client)))
		return;
	lk_buf_str(body, body->len == 0 ? "[" : ",\n");
	lk_json_entry(entry, body);
}

void
agent_show_history(struct agent_work *work)
{
	const enum lk_status status = agent_note(work,
	    lk_history(work->asked->manager, work->about.user, list_entry,
	        work));

	if (status != LK_OK) {
		agent_say_status(work, status);
		return;
	}
	begin(work, 200);
	lk_buf_str(&work->answer->body,
	    work->answer->body.len == 0 ? "[]\n" : "]\n");
}

/* ---- Users ------------------------------------------------------------- */

static void
say_user(struct agent_work *work, const struct lk_user *user)
{
	struct lk_buf *body = &work->answer->body;

	begin(work, 200);
	lk_buf_str(body, "{\"id\":");
	lk_json_string(user->id, body);
	lk_buf_str(body, ",\"detail\":");
	lk_json_shown(user->detail, body);
	lk_buf_str(body, "}\n");
}

void
agent_get_user(struct agent_work *work)
{
	struct lk_user user = { .detail = NULL };
	const enum lk_status status = agent_note(work,
	    lk_user_get(work->asked->manager, work->about.user, &user));

	if (status == LK_OK)
		say_user(work, &user);
	else
		agent_say_status(work, status);
	lk_user_clear(&user);
}

void
agent_delete_user(struct agent_work *work)
{
	bool deleted;
	const enum lk_status status = agent_note(work,
	    lk_user_delete(work->asked->manager, work->about.user, &deleted));

	if (status != LK_OK) {
		agent_say_status(work, status);
		return;
	}
	begin(work, 200);
	lk_buf_printf(&work->answer->body, "{\"deleted\":%s}\n",
	    deleted ? "true" : "false");
	if (deleted)
		agent_tally_change(work->asked->tally, work->caller,
		    &(struct agent_change){ .message = "user deleted",
		        .user = work->about.user });
}

void
agent_load_user(struct agent_work *work)
{
	struct lk_manager *manager = work->asked->manager;
	const char *detail = agent_field_of(work, AGENT_DETAIL);
	const int64_t ttl = work->question->ttl;
	struct lk_user user = { .detail = NULL };
	enum lk_status status = LK_OK;

	if (detail != NULL)
		status = lk_user_put(manager, work->about.user, detail, ttl);
	if (status == LK_OK)
		status = detail != NULL
		    ? lk_user_get(manager, work->about.user, &user)
		    : lk_user_load(manager, work->about.user, ttl, &user);
	if (agent_note(work, status) == LK_OK) {
		say_user(work, &user);
		agent_tally_change(work->asked->tally, work->caller,
		    &(struct agent_change){
		        .message = detail != NULL ? "user set" : "user loaded",
		        .user = user.id });
	} else {
		agent_say_status(work, status);
	}
	lk_user_clear(&user);
}

/* ---- The agent ----------------------------------------------------------- */

void
agent_show_health(struct agent_work *work)
{
	const bool good = agent_note(work, lk_ping(work->asked->manager)) ==
	    LK_OK;

	begin(work, good ? 200 : 503);
	if (!good)
		work->answer->retry_after = 2;
	lk_buf_printf(&work->answer->body, "{\"store\":\"%s\"}\n",
	    good ? "ok" : "unavailable");
}

void
agent_show_metrics(struct agent_work *work)
{
	begin(work, 200);
	work->answer->type = "text/plain; version=0.0.4; charset=utf-8";
	agent_tally_print(work->asked->tally, &work->answer->body);
}
