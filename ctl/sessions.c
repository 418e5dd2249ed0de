/* The verbs about sessions. */
#include <string.h>
#include <time.h>

#include "base/json.h"
#include "session/json_session.h"
#include "ctl.h"
#include "session/user.h"

/* End a session whose token could not be handed out. */
static void
take_back(struct ctl *ctl, const char *id)
{
	const struct lk_revoke_options why = { .reason = "command",
		.actor = ctl->actor };
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	status = lk_revoke_id(ctl->manager, id, &why, &revoked);
	if (status == LK_OK)
		ctl_say(ctl, "the session has been ended again");
	else
		ctl_say(ctl, "session %s: %s: %s; end it with revoke --id %s",
		    id,
		    status == LK_E_NOT_DURABLE ? "ended, but not yet durable"
		                               : "could not be ended again",
		    lk_manager_error(ctl->manager), id);
}

/* Print the token, if that can be done. */
static int
hand_out(struct ctl *ctl, const struct lk_token *token, const char *id)
{
	int code;

	lk_buf_add(&ctl->out, token->text, token->len);
	lk_buf_str(&ctl->out, "\n");
	if ((code = ctl_print_exactly(ctl)) != CTL_DONE)
		take_back(ctl, id);
	return (code);
}

int
ctl_issue(struct ctl *ctl, int argc, char **argv)
{
	struct lk_issue_options issue = { .actor = ctl->actor };
	const char *ttl = NULL;
	const struct ctl_option options[] = { { "--ttl", NULL, &ttl },
		{ "--client", NULL, &issue.client },
		{ "--peer", NULL, &issue.peer },
		{ "--agent", NULL, &issue.agent }, { NULL, NULL, NULL } };
	struct lk_session session;
	struct lk_token token;
	enum lk_status status = LK_FAULT;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 1)
		return (ctl_usage(ctl, "one USER"));
	if (ttl != NULL && (code = ctl_seconds(ctl, ttl, &issue.ttl)) != 0)
		return (code);
	status = lk_issue(ctl->manager, argv[0], &issue, &token, &session);
	code = status == LK_OK ? hand_out(ctl, &token, session.id)
	                       : ctl_answer(ctl, status, "session");
	lk_token_wipe(&token);
	return (code);
}

static void
print_session(struct ctl *ctl, const struct lk_session *session,
    const char *detail)
{
	lk_json_session(session, detail, &ctl->out);
	lk_buf_str(&ctl->out, "\n");
}

int
ctl_check(struct ctl *ctl, int argc, char **argv)
{
	bool with_user = false;
	const struct ctl_option options[] = { { "--user", &with_user, NULL },
		{ NULL, NULL, NULL } };
	struct lk_user user = { .detail = NULL };
	struct lk_session session;
	struct lk_token token;
	enum lk_status status = LK_FAULT;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 1)
		return (ctl_usage(ctl, "one TOKEN"));
	if ((status = ctl_token(ctl, argv[0], &token)) != LK_OK)
		return ((int)ctl_exit_of(status));
	status = with_user
	    ? lk_check_user(ctl->manager, &token, &session, &user)
	    : lk_check(ctl->manager, &token, &session);
	lk_token_wipe(&token);
	if (status == LK_OK)
		print_session(ctl, &session, user.detail);
	lk_user_clear(&user);
	return (ctl_answer(ctl, status, "session"));
}

int
ctl_refresh(struct ctl *ctl, int argc, char **argv)
{
	const char *ttl = NULL;
	const struct ctl_option options[] = { { "--ttl", NULL, &ttl },
		{ NULL, NULL, NULL } };
	struct lk_session session;
	struct lk_token token;
	enum lk_status status = LK_FAULT;
	int64_t seconds = 0;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 1)
		return (ctl_usage(ctl, "one TOKEN"));
	if (ttl != NULL && (code = ctl_seconds(ctl, ttl, &seconds)) != 0)
		return (code);
	if ((status = ctl_token(ctl, argv[0], &token)) != LK_OK)
		return ((int)ctl_exit_of(status));
	status = lk_refresh(ctl->manager, &token, seconds, &session);
	lk_token_wipe(&token);
	if (status == LK_OK)
		print_session(ctl, &session, NULL);
	return (ctl_answer(ctl, status, "session"));
}

/* Print how many sessions ended, also if a failover could undo that, or if more
 * are still to end. */
static int
answer_count(struct ctl *ctl, enum lk_status status, uint64_t revoked)
{
	if (status == LK_OK || status == LK_E_NOT_DURABLE || revoked > 0)
		lk_buf_printf(&ctl->out, "%llu\n", (unsigned long long)revoked);
	return (ctl_answer(ctl, status, "session"));
}

int
ctl_revoke(struct ctl *ctl, int argc, char **argv)
{
	const struct lk_revoke_options why = { .reason = "command",
		.actor = ctl->actor };
	const char *id = NULL;
	const struct ctl_option options[] = { { "--id", NULL, &id },
		{ NULL, NULL, NULL } };
	struct lk_token token;
	enum lk_status status = LK_FAULT;
	uint64_t revoked = 0;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != (id == NULL ? 1 : 0))
		return (ctl_usage(ctl, "one TOKEN, or --id ID"));
	if (id != NULL) {
		status = lk_revoke_id(ctl->manager, id, &why, &revoked);
	} else {
		if ((status = ctl_token(ctl, argv[0], &token)) != LK_OK)
			return ((int)ctl_exit_of(status));
		status = lk_revoke(ctl->manager, &token, &why, &revoked);
		lk_token_wipe(&token);
	}
	return (answer_count(ctl, status, revoked));
}

int
ctl_revoke_all(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = { { NULL, NULL, NULL } };
	const struct lk_revoke_options why = { .reason = "command",
		.actor = ctl->actor };
	enum lk_status status = LK_FAULT;
	uint64_t revoked = 0;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 1)
		return (ctl_usage(ctl, "one USER"));
	status = lk_revoke_all(ctl->manager, argv[0], &why, &revoked);
	if (status == LK_OK && revoked == 0 && !lk_user_id_fits(argv[0])) {
		/* A space that a shell's quotes left may be meant. */
		ctl_say(ctl,
		    "no session of \"%s\", which is no user id: expected "
		    "%s",
		    argv[0], LK_USER_ID_WANT);
		return (CTL_REFUSED);
	}
	return (answer_count(ctl, status, revoked));
}

int
ctl_logout_others(struct ctl *ctl, int argc, char **argv)
{
	static const struct ctl_option options[] = { { NULL, NULL, NULL } };
	const struct lk_revoke_options why = { .reason = "logout-others",
		.actor = ctl->actor };
	struct lk_token token;
	enum lk_status status = LK_FAULT;
	uint64_t revoked = 0;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 1)
		return (ctl_usage(ctl, "one TOKEN"));
	if ((status = ctl_token(ctl, argv[0], &token)) != LK_OK)
		return ((int)ctl_exit_of(status));
	status = lk_revoke_others(ctl->manager, &token, &why, &revoked);
	lk_token_wipe(&token);
	return (answer_count(ctl, status, revoked));
}

/* ---- list -------------------------------------------------------------- */

struct listing {
	struct ctl *ctl;
	bool json;
	bool tokens;
	size_t count;
};

void
ctl_print_time(struct lk_buf *out, int64_t seconds)
{
	const time_t when = (time_t)seconds;
	char text[32] = "-";
	struct tm tm;

	if (seconds != 0 && gmtime_r(&when, &tm) != NULL)
		(void)strftime(text, sizeof(text), "%Y-%m-%dT%H:%M:%SZ", &tm);
	lk_buf_str(out, text);
}

static void
list_line(struct lk_buf *out, const struct lk_session *session,
    const struct lk_token *token)
{
	lk_buf_printf(out, "%s %s ", session->id,
	    session->client[0] != '\0' ? session->client : "-");
	ctl_print_time(out, session->issued_at);
	lk_buf_str(out, " ");
	ctl_print_time(out, session->expires_at);
	if (token != NULL)
		lk_buf_printf(out, " %s", token->text);
	lk_buf_str(out, "\n");
}

static void
list_json(struct lk_buf *out, const struct lk_session *session,
    const struct lk_token *token, bool first)
{
	lk_buf_str(out, first ? "[\n" : ",\n");
	lk_json_session(session, NULL, out);
	if (token != NULL) {
		/* The object's closing brace makes room for one more member. */
		out->len--;
		lk_buf_str(out, ",\"token\":");
		lk_json_string(token->text, out);
		lk_buf_str(out, "}");
	}
}

static void
list_each(void *arg, const struct lk_session *session,
    const struct lk_token *token)
{
	struct listing *l = arg;

	if (!l->tokens)
		token = NULL;
	if (l->json)
		list_json(&l->ctl->out, session, token, l->count == 0);
	else
		list_line(&l->ctl->out, session, token);
	l->count++;
}

int
ctl_list(struct ctl *ctl, int argc, char **argv)
{
	struct listing l = { .ctl = ctl };
	const struct ctl_option options[] = { { "--json", &l.json, NULL },
		{ "--tokens", &l.tokens, NULL }, { NULL, NULL, NULL } };
	enum lk_status status = LK_FAULT;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 1)
		return (ctl_usage(ctl, "one USER"));
	if (l.tokens && (code = ctl_expect_tokens(ctl)) != CTL_DONE)
		return (code);
	status = lk_list(ctl->manager, argv[0], list_each, &l);
	if (status != LK_OK)
		lk_buf_reset(&ctl->out);
	else if (l.json)
		lk_buf_str(&ctl->out, l.count == 0 ? "[]\n" : "\n]\n");
	return (ctl_answer(ctl, status, "sessions"));
}
