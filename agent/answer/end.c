/* The verbs that end sessions. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "answer/verbs.h"
#include "base/json.h"
#include "session/cookie.h"

static struct lk_revoke_options
options_of(const struct agent_work *work, const char *usual,
    char actor[AGENT_ACTOR_SIZE])
{
	const char *reason = agent_field_of(work, AGENT_REASON);

	return ((struct lk_revoke_options){
	    .reason = reason == NULL ? usual : reason,
	    .peer = agent_field_of(work, AGENT_PEER),
	    .actor = agent_actor(work, actor) });
}

/* Say how a browser that asked for it is to forget its session. */
static void
add_cookie(const struct agent_work *work)
{
	const struct lk_cookie *how = &work->asked->settings->cookie;
	struct lk_buf *body = &work->answer->body;
	struct lk_buf cookie = LK_BUF_INIT(4096);

	lk_cookie_take_back(how, how->name, &cookie);
	lk_buf_str(body, ",\"set_cookie\":");
	if (cookie.failed)
		body->failed = true;
	else
		lk_json_string(cookie.data, body);
	lk_buf_free(&cookie);
}

/*
 * Say how many sessions ended, that of whoever asks among them if ${own}.  What
 * a failover could undo is accepted but not completed (RFC 9110, section
 * 15.3.3).
 */
static void
say_revoked(struct agent_work *work, enum lk_status status, uint64_t revoked,
    const struct lk_revoke_options *options, bool own)
{
	const bool done = status == LK_OK || status == LK_E_NOT_DURABLE;
	struct agent_answer *answer = work->answer;
	char count[24];

	(void)snprintf(count, sizeof(count), "%" PRIu64, revoked);
	if (revoked > 0)
		agent_tally_change(work->asked->tally, work->caller,
		    &(struct agent_change){ .message = "sessions revoked",
		        .user = work->about.user,
		        .session = agent_field_of(work, AGENT_ID),
		        .count = count,
		        .durable = status == LK_E_NOT_DURABLE ? "not yet"
		                                              : NULL,
		        .reason = options->reason,
		        .peer = options->peer });
	if (!done) {
		agent_say_status(work, status);
		return;
	}
	answer->http = status == LK_OK ? 200 : 202;
	answer->type = AGENT_TYPE_JSON;
	lk_buf_printf(&answer->body, "{\"revoked\":%" PRIu64 "%s", revoked,
	    status == LK_OK ? "" : ",\"durable\":false");
	if (own)
		add_cookie(work);
	lk_buf_str(&answer->body, "}\n");
}

void
agent_revoke(struct agent_work *work)
{
	char actor[AGENT_ACTOR_SIZE];
	struct lk_revoke_options options = options_of(work, "revoked", actor);
	const char *id = agent_field_of(work, AGENT_ID);
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	if (id == NULL) {
		status = lk_revoke(work->asked->manager, &work->question->token,
		    &options, &revoked);
	} else {
		/* If it is by bounds, it is of the user who is within them. */
		options.user = work->about.user;
		status = lk_revoke_id(work->asked->manager, id, &options,
		    &revoked);
	}
	say_revoked(work, agent_note(work, status), revoked, &options,
	    id == NULL);
}

/* ---- All of a user's ----------------------------------------------------- */

/* The ids of those that are of some kinds. */
struct chosen {
	const struct lk_strings *clients;
	char (*ids)[LK_SESSION_ID_MAX + 1];
	size_t n, room;
	bool failed;
};

static void
choose_one(void *arg, const struct lk_session *session,
    const struct lk_token *token)
{
	struct chosen *chosen = arg;
	void *more;

	(void)token;
	if (!lk_strings_have(chosen->clients, session->client))
		return;
	if (chosen->n == chosen->room) {
		chosen->room = chosen->room == 0 ? 16 : chosen->room * 2;
		more = realloc(chosen->ids,
		    chosen->room * sizeof(*chosen->ids));
		if (more == NULL) {
			chosen->failed = true;
			chosen->room = chosen->n;
			return;
		}
		chosen->ids = more;
	}
	memcpy(chosen->ids[chosen->n++], session->id, sizeof(*chosen->ids));
}

/*
 * All of a user's sessions of the kinds that the row has, one by one: those
 * that were there when it began.
 */
static enum lk_status
revoke_kinds(struct agent_work *work, struct lk_revoke_options *options,
    uint64_t *revoked)
{
	struct chosen chosen = { .clients = work->permit.clients };
	struct lk_manager *manager = work->asked->manager;
	enum lk_status status = LK_FAULT, one;
	uint64_t ended;
	size_t i;

	*revoked = 0;
	options->user = work->about.user;
	status = lk_list(manager, work->about.user, choose_one, &chosen);
	if (status == LK_OK && chosen.failed)
		status = LK_E_NOMEM;
	for (i = 0;
	     i < chosen.n && (status == LK_OK || status == LK_E_NOT_DURABLE);
	     i++) {
		one = lk_revoke_id(manager, chosen.ids[i], options, &ended);
		*revoked += ended;
		if (one != LK_OK)
			status = one;
	}
	free(chosen.ids);
	return (status);
}

/* Whether the token that was sent along is of one of the sessions that end:
 * its browser is to forget it, and nobody's who ends those of another. */
static bool
is_among_them(struct agent_work *work)
{
	struct lk_session session;

	return (agent_field_of(work, AGENT_TOKEN) != NULL &&
	    agent_note(work,
	        lk_check(work->asked->manager, &work->question->token,
	            &session)) == LK_OK &&
	    strcmp(session.user, work->about.user) == 0 &&
	    (work->permit.clients == NULL ||
	        lk_strings_have(work->permit.clients, session.client)));
}

void
agent_revoke_all(struct agent_work *work)
{
	char actor[AGENT_ACTOR_SIZE];
	struct lk_revoke_options options = options_of(work, "logout-all",
	    actor);
	const bool own = is_among_them(work);
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	status = work->permit.clients != NULL
	    ? revoke_kinds(work, &options, &revoked)
	    : lk_revoke_all(work->asked->manager, work->about.user, &options,
	          &revoked);
	say_revoked(work, agent_note(work, status), revoked, &options, own);
}

void
agent_log_out_others(struct agent_work *work)
{
	char actor[AGENT_ACTOR_SIZE];
	const struct lk_revoke_options options = options_of(work,
	    "logout-others", actor);
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	status = agent_note(work,
	    lk_revoke_others(work->asked->manager, &work->question->token,
	        &options, &revoked));
	say_revoked(work, status, revoked, &options, false);
}
