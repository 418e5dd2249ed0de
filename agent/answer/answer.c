#include <stdio.h>
#include <string.h>

#include "answer/verbs.h"
#include "base/deadline.h"
#include "base/json.h"
#include "base/name_service.h"
#include "jwt/jwt.h"

static const struct verb {
	agent_verb_fn *run;
	bool alone; /* it asks no store */
} verbs[AGENT_VERB_COUNT] = {
	[AGENT_CHECK] = { agent_check, false },
	[AGENT_CHECK_ID] = { agent_check, false },
	[AGENT_ISSUE] = { agent_issue, false },
	[AGENT_REFRESH] = { agent_refresh, false },
	[AGENT_REVOKE] = { agent_revoke, false },
	[AGENT_REVOKE_ALL] = { agent_revoke_all, false },
	[AGENT_LOGOUT_OTHERS] = { agent_log_out_others, false },
	[AGENT_SESSIONS] = { agent_list, false },
	[AGENT_HISTORY] = { agent_show_history, false },
	[AGENT_LOAD_USER] = { agent_load_user, false },
	[AGENT_GET_USER] = { agent_get_user, false },
	[AGENT_DELETE_USER] = { agent_delete_user, false },
	[AGENT_ISSUE_ACCESS] = { agent_issue_access, false },
	[AGENT_INTROSPECT] = { agent_introspect, false },
	[AGENT_HEALTH] = { agent_show_health, false },
	[AGENT_METRICS] = { agent_show_metrics, true },
};

/* ---- What is said ------------------------------------------------------ */

unsigned int
agent_http_of(enum lk_status status)
{
	switch (status) {
	case LK_OK:
		return (200);
	case LK_MALFORMED:
	case LK_UNKNOWN:
	case LK_EXPIRED:
		return (401);
	case LK_NO_USER:
		return (404);
	case LK_FORBIDDEN:
		return (403);
	case LK_LIMIT:
		return (409);
	case LK_E_INVAL:
		return (400);
	default:
		return (503);
	}
}

void
agent_answer_say(struct agent_answer *answer, unsigned int http,
    enum lk_status status, const char *message)
{
	agent_answer_say_why(answer, http, status, message, LK_REASON_NONE);
}

void
agent_answer_say_why(struct agent_answer *answer, unsigned int http,
    enum lk_status status, const char *message, enum lk_reason reason)
{
	answer->http = http;
	answer->type = AGENT_TYPE_JSON;
	answer->challenge = http == 401;
	answer->ended = reason;
	if (http == 503 && answer->retry_after == 0)
		answer->retry_after = 2;
	lk_buf_reset(&answer->body);
	lk_buf_str(&answer->body, "{\"status\":");
	lk_json_string(lk_status_name(status), &answer->body);
	lk_buf_str(&answer->body, ",\"message\":");
	lk_json_string(message, &answer->body);
	if (reason != LK_REASON_NONE)
		lk_buf_printf(&answer->body, ",\"reason\":\"%s\"",
		    lk_reason_name(reason));
	lk_buf_str(&answer->body, "}\n");
}

enum lk_status
agent_note(struct agent_work *work, enum lk_status status)
{
	work->began_ns = gate_events_asked(&work->asked->tally->events,
	    work->began_ns, status, lk_manager_error(work->asked->manager));
	return (status);
}

void
agent_say_status(struct agent_work *work, enum lk_status status)
{
	const struct lk_manager *manager = work->asked->manager;

	agent_answer_say_why(work->answer, agent_http_of(status), status,
	    status < 0 ? lk_manager_error(manager) : "it is refused",
	    status > 0 ? lk_ended(manager) : LK_REASON_NONE);
}

const char *
agent_field_of(const struct agent_work *work, enum agent_field field)
{
	return (agent_field(&work->question->fields, field));
}

const char *
agent_actor(const struct agent_work *work, char actor[AGENT_ACTOR_SIZE])
{
	(void)snprintf(actor, AGENT_ACTOR_SIZE, "agent:%u",
	    (unsigned int)work->caller->uid);
	return (actor);
}

/* ---- Whether it may be asked ------------------------------------------- */

static void
refuse(struct agent_work *work, enum agent_permission permission)
{
	static const char no_row[] =
	    "no row of agent.callers lets this user ask that";
	static const char out[] = "not about this user, kind or ttl";

	if (permission == AGENT_CANNOT_TELL) {
		agent_answer_say(work->answer, 503, LK_E_STORE,
		    "whether there is such an account cannot be found out");
		return;
	}
	agent_answer_say(work->answer, 403,
	    permission == AGENT_NO_ROW ? LK_E_SETTINGS : LK_FORBIDDEN,
	    permission == AGENT_NO_ROW ? no_row : out);
	agent_tally_refused(work->asked->tally, work->caller,
	    work->question->verb, permission == AGENT_NO_ROW ? no_row : out);
}

/* Whether the row that permits it lets the caller ask as often. */
static bool
take_rate(struct agent_work *work)
{
	if (work->permit.per_minute == 0)
		return (true);
	work->answer->retry_after = agent_rate_take(&work->asked->policy->rates,
	    work->permit.row, work->caller->uid, work->permit.listed,
	    work->permit.per_minute, lk_monotonic_ns());
	if (work->answer->retry_after == 0)
		return (true);
	agent_answer_say(work->answer, 429, LK_LIMIT,
	    "more than per_minute of the caller's row");
	return (false);
}

/* Whose session the id is; false if it is answered. */
static bool
find_session(struct agent_work *work)
{
	const enum lk_status status = agent_note(work,
	    lk_check_id(work->asked->manager, agent_field_of(work, AGENT_ID),
	        &work->session));

	if (status == LK_OK) {
		work->about.user = work->session.user;
		work->about.client = work->session.client;
		return (true);
	}
	/* What is over ends no more. */
	if (status > 0 && status != LK_MALFORMED &&
	    work->question->verb == AGENT_REVOKE) {
		work->answer->http = 200;
		work->answer->type = AGENT_TYPE_JSON;
		lk_buf_str(&work->answer->body, "{\"revoked\":0}\n");
	} else {
		agent_say_status(work, status);
	}
	return (false);
}

/* The account that the user's id is the name of, as it is spelled. */
static void
find_account(struct agent_work *work)
{
	const struct agent_asked *asked = work->asked;
	struct lk_account account = { .data = NULL };
	enum lk_status status = LK_FAULT;
	struct lk_error error;

	work->about.account = AGENT_ACCOUNT_AWAY;
	if (asked->look != NULL && !asked->look(asked->arg, true))
		return;
	status = lk_account_find(work->about.user, 0, &account, &error);
	if (asked->look != NULL)
		(void)asked->look(asked->arg, false);
	if (status == LK_NO_USER ||
	    (status == LK_OK &&
	        strcmp(account.entry.pw_name, work->about.user) != 0)) {
		work->about.account = AGENT_ACCOUNT_NONE;
	} else if (status == LK_OK) {
		work->about.account = AGENT_ACCOUNT_THERE;
		work->about.uid = account.entry.pw_uid;
	}
	lk_account_free(&account);
}

/* Find out whether it is permitted; if not, it is answered. */
static bool
let_in(struct agent_work *work)
{
	enum agent_permission permission;

	for (;;) {
		permission = agent_permit(&work->asked->policy->rows,
		    work->caller, &work->about, &work->permit);
		if (permission == AGENT_PERMITTED)
			return (work->question->counted || take_rate(work));
		if (permission == AGENT_NEEDS_ACCOUNT) {
			find_account(work);
		} else if (permission != AGENT_NEEDS_SESSION) {
			refuse(work, permission);
			return (false);
		} else if (!find_session(work)) {
			return (false);
		}
	}
}

/* ---- From the question to the answer ------------------------------------- */

static struct agent_work
begin(const struct agent_asked *asked, const struct agent_caller *caller,
    const struct agent_question *question, struct agent_answer *answer)
{
	*answer = (struct agent_answer){
		.body = LK_BUF_INIT(AGENT_ANSWER_MAX)
	};
	return ((struct agent_work){ .asked = asked,
	    .caller = caller,
	    .question = question,
	    .answer = answer,
	    .began_ns = lk_monotonic_ns(),
	    .about = question->about });
}

/* What does not fit, or found no memory, is no answer. */
static void
end(struct agent_answer *answer)
{
	if (!answer->body.failed)
		return;
	lk_buf_free(&answer->body);
	answer->body = (struct lk_buf)LK_BUF_INIT(AGENT_ANSWER_MAX);
	agent_answer_say(answer, 503, LK_E_NOMEM, "out of memory");
}

/* Whether what has no token's form is to be looked at all the same: as an
 * access token, or to be told that it is nothing. */
static bool
may_be_another(const struct lk_settings *settings,
    const struct agent_question *question)
{
	return (question->verb == AGENT_INTROSPECT ||
	    (question->verb == AGENT_CHECK &&
	        lk_jwt_has_shape(settings, &question->token)));
}

bool
agent_answer_now(const struct agent_asked *asked,
    const struct agent_caller *caller, struct agent_question *question,
    const struct agent_wrong *wrong, struct agent_answer *answer)
{
	struct agent_work work = begin(asked, caller, question, answer);
	const struct verb *verb = &verbs[question->verb];
	enum agent_permission permission = AGENT_NO_ROW;

	if (!agent_rows_have(&asked->policy->rows, caller)) {
		refuse(&work, permission);
	} else if (wrong->http != 0) {
		answer->allow = wrong->allow;
		agent_answer_say(answer, wrong->http, wrong->status,
		    wrong->message);
	} else {
		permission = agent_permit(&asked->policy->rows, caller,
		    &work.about, &work.permit);
		if (permission == AGENT_NO_ROW ||
		    permission == AGENT_OUT_OF_BOUNDS)
			refuse(&work, permission);
	}
	if (permission == AGENT_PERMITTED && take_rate(&work)) {
		question->counted = true;
		if (verb->alone)
			verb->run(&work);
		else if (question->malformed &&
		    !may_be_another(asked->settings, question))
			agent_answer_say(answer, 401, LK_MALFORMED,
			    "no token or id is like that");
	}
	end(answer);
	if (answer->http != 0)
		agent_tally_count(asked->tally, question->verb, answer->http);
	return (answer->http != 0);
}

void
agent_answer_find(const struct agent_asked *asked,
    const struct agent_caller *caller, struct agent_question *question,
    struct agent_answer *answer)
{
	struct agent_work work = begin(asked, caller, question, answer);

	if (let_in(&work))
		verbs[question->verb].run(&work);
	end(answer);
	agent_tally_count(asked->tally, question->verb, answer->http);
}
