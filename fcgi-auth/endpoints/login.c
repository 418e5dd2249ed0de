/*
 * The endpoint where people log in.  The password is checked by another, the
 * session issued by the agent; here both are put together, and tries counted.
 */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/deadline.h"
#include "endpoints/form.h"
#include "endpoints/html.h"
#include "endpoints/password.h"
#include "session/cookie.h"
#include "session/origin.h"
#include "session/token.h"
#include "store/agent/login.h"

#define MS_NS INT64_C(1000000)
#define SECOND_NS (1000 * MS_NS)
/* When to look again whether a password can be checked, and how many may wait
 * for that. */
#define TURN_MS 20
#define PLACES 256

/** One who logs in. */
struct visitor {
	struct gate_call *call;
	const struct lk_login_settings *settings;
	struct gate_form form; /* secret */
	const char *typed;     /* the name, as it was sent */
	const char *url;
	char name[GATE_NAME_MAX + 1]; /* as it is asked about */
	const char
	    *counted; /* the same, or what was typed if that is nobody's */
	char user[LK_USER_ID_MAX + 1];
};

static uint32_t
now_s(void)
{
	return ((uint32_t)(lk_monotonic_ns() / SECOND_NS));
}

/* ---- The form ------------------------------------------------------------ */

static void
add_field(struct lk_buf *out, const char *name, const char *value)
{
	lk_buf_printf(out, "<input type=\"hidden\" name=\"%s\" value=\"", name);
	gate_html_text(out, value);
	lk_buf_str(out, "\">\n");
}

/* Show the form, and above it ${note}, unless that is NULL. */
static void
show_form(struct gate_call *call, unsigned int http, bool bad, const char *note,
    const char *user, const char *url)
{
	struct lk_buf *body = &call->body;
	const bool again = note != NULL && bad;

	gate_html_begin(call, http, "Sign in", true, "");
	if (note != NULL)
		gate_html_note(body, bad, note);
	lk_buf_str(body,
	    "<form class=\"card\" method=\"post\" action=\"?\">\n"
	    "<label for=\"user\">Name</label>\n"
	    "<input id=\"user\" name=\"user\" autocomplete=\"username\" "
	    "autocapitalize=\"none\" autocorrect=\"off\" spellcheck=\"false\" "
	    "maxlength=\"255\" required");
	lk_buf_printf(body, "%s%s value=\"",
	    again ? " aria-describedby=\"note\"" : "",
	    user[0] == '\0' ? " autofocus" : "");
	gate_html_text(body, user);
	lk_buf_printf(body,
	    "\">\n<label for=\"password\">Password</label>\n"
	    "<input id=\"password\" name=\"password\" type=\"password\" "
	    "autocomplete=\"current-password\" maxlength=\"255\" "
	    "required%s%s>\n",
	    again ? " aria-describedby=\"note\"" : "",
	    user[0] == '\0' ? "" : " autofocus");
	if (url[0] != '\0')
		add_field(body, "url", url);
	lk_buf_str(body,
	    "<button class=\"main\" type=\"submit\">Sign in</button>\n"
	    "</form>\n");
	gate_html_end(call);
}

/* Why a session has ended is told to who still has its token. */
static void
show_empty_form(struct gate_call *call)
{
	struct gate_case *c = call->c;
	struct lk_buf url = LK_BUF_INIT(GATE_CALL_BODY_MAX);
	const char *note = NULL;

	(void)gate_case_ask(c, GATE_NEED_SESSION, NULL, NULL);
	if (c->asked)
		(void)gate_note(call->asked, c, c->status);
	if (c->facts.status == LK_UNKNOWN && c->facts.ended != LK_REASON_NONE)
		note = gate_html_reason(c->facts.ended);
	if (!gate_query_text(&c->request, "url", &url))
		lk_buf_reset(&url);
	show_form(call, 200, false, note, "", url.len == 0 ? "" : url.data);
	lk_buf_free(&url);
}

/* ---- What comes of it ---------------------------------------------------- */

static void
log_refused(const struct visitor *visitor, const char *reason)
{
	const struct gate_request *request = &visitor->call->c->request;
	struct gate_tally *tally = visitor->call->asked->tally;
	struct lk_token token;
	char count[GATE_LIMITER_SAID];
	const size_t len = strlen(visitor->typed);
	uint64_t suppressed;
	bool is_token;

	if (!gate_limiter_pass(&tally->logins, lk_monotonic_ns(), SECOND_NS,
	        GATE_DENIALS_MAX, &suppressed))
		return;
	is_token = lk_token_set(&token, visitor->typed, len) == LK_OK &&
	    lk_token_has_shape(&token);
	lk_token_wipe(&token);
	LK_LOG(tally->events.log, LK_LOG_WARN, "login refused",
	    { "peer", request->peer }, { "reason", reason },
	    { "user", len > GATE_NAME_MAX || is_token ? NULL : visitor->typed },
	    { "trace", gate_request_trace(request) },
	    { "request_id", gate_request_id(request) },
	    { "suppressed", gate_limiter_said(suppressed, count) });
}

/* The name is shown again, so that it need not be typed again. */
static void
refuse(const struct visitor *visitor, unsigned int http, const char *reason,
    const char *note)
{
	log_refused(visitor, reason);
	show_form(visitor->call, http, true, note, visitor->typed,
	    visitor->url);
}

static void
refuse_wrong(const struct visitor *visitor)
{
	refuse(visitor, 401, "wrong", "The name or the password is wrong.");
}

static void
say_unavailable(const struct visitor *visitor, const char *message,
    const struct lk_error *error)
{
	struct gate_tally *tally = visitor->call->asked->tally;
	char count[GATE_LIMITER_SAID];
	uint64_t suppressed;

	if (gate_limiter_pass(&tally->checkers, lk_monotonic_ns(),
	        5 * SECOND_NS, 1, &suppressed))
		LK_LOG(tally->events.log, LK_LOG_ERROR, message,
		    { "error", error->text },
		    { "suppressed", gate_limiter_said(suppressed, count) });
	show_form(visitor->call, 503, true,
	    "You cannot be signed in at the moment. Please try again soon.",
	    visitor->typed, visitor->url);
	gate_reply_header(visitor->call->out, "Retry-After", "2");
}

static void
say_too_many(const struct visitor *visitor, unsigned int wait)
{
	char seconds[12];

	(void)snprintf(seconds, sizeof(seconds), "%u", wait);
	refuse(visitor, 429, "too many",
	    "Too many attempts. Please wait a minute and try again.");
	gate_reply_header(visitor->call->out, "Retry-After", seconds);
}

static void
let_in(const struct visitor *visitor, const struct lk_logged_in *got)
{
	struct gate_call *call = visitor->call;
	const struct gate_request *request = &call->c->request;
	struct lk_buf cookie = LK_BUF_INIT(8192);

	LK_LOG(call->asked->tally->events.log, LK_LOG_INFO, "logged in",
	    { "peer", request->peer }, { "user", got->session.user },
	    { "session", got->session.id },
	    { "trace", gate_request_trace(request) },
	    { "request_id", gate_request_id(request) });
	lk_cookie_set(&call->asked->settings->cookie, got->token.text,
	    got->session.ttl, &cookie);
	gate_call_begin(call, 303);
	gate_reply_header(call->out, "Location", got->next);
	if (cookie.failed)
		call->out->failed = true;
	else
		gate_reply_header(call->out, "Set-Cookie", cookie.data);
	lk_buf_free(&cookie);
	lk_buf_str(&call->body, "You are signed in.\n");
}

/* ---- Logging in ------------------------------------------------------------
 */

/* The session before, which is not to be found beside the new one: of several
 * cookies the one that lives. */
static const struct lk_token *
session_before(struct gate_call *call)
{
	const struct gate_credentials *credentials = &call->c->credentials;

	if (credentials->kind == GATE_CREDENTIALS_SEVERAL) {
		(void)gate_case_ask(call->c, GATE_NEED_SESSION, NULL, NULL);
		(void)gate_note(call->asked, call->c, call->c->status);
	}
	if (credentials->kind == GATE_CREDENTIALS_ONE)
		return (&credentials->token);
	return (credentials->n > 0 ? &credentials->found[0].token : NULL);
}

/*
 * A browser with two live sessions has none: of those that came along, the new
 * one replaces one, and the others end here, if the gate may do that.
 */
static void
end_others(struct gate_call *call, const struct lk_token *replaced)
{
	const struct lk_revoke_options options = { .reason = "logout",
		.peer = call->c->request.peer,
		.actor = "gate" };
	const struct gate_credentials *credentials = &call->c->credentials;
	uint64_t revoked;
	size_t i;

	for (i = 0; i < credentials->n; i++) {
		if (credentials->kind == GATE_CREDENTIALS_ONE ||
		    &credentials->found[i].token == replaced)
			continue;
		(void)gate_note(call->asked, call->c,
		    lk_revoke(call->asked->manager,
		        &credentials->found[i].token, &options, &revoked));
	}
}

static void
issue(struct visitor *visitor)
{
	struct gate_call *call = visitor->call;
	const struct lk_settings *settings = call->asked->settings;
	struct lk_origin origin;
	struct lk_logged_in got;
	struct lk_error error = { "" };
	size_t at = 0;
	struct lk_login login = { .user = visitor->user,
		.client = visitor->settings->client,
		.peer = origin.peer,
		.agent = origin.agent,
		.replaces = session_before(call),
		.url = visitor->url };

	lk_origin_set(&origin, call->c->request.peer,
	    gate_request_next(&call->c->request, "HTTP_USER_AGENT", &at), NULL);
	switch (lk_agent_log_in(settings, &login, &got, &error)) {
	case LK_OK:
		end_others(call, login.replaces);
		let_in(visitor, &got);
		break;
	case LK_LIMIT:
		refuse(visitor, 409, "limit",
		    "You have too many sessions. Please end one of them "
		    "first.");
		break;
	case LK_FORBIDDEN:
	case LK_NO_USER:
		refuse(visitor, 403, "forbidden",
		    "This account cannot sign in here.");
		break;
	default:
		say_unavailable(visitor, "a login cannot be issued", &error);
		break;
	}
	lk_token_wipe(&got.token);
}

/* Check the password, at a turn of this thread's, which was taken. */
static void
check(struct visitor *visitor)
{
	const struct gate_asked *asked = visitor->call->asked;
	const char *peer = visitor->call->c->request.peer;
	struct lk_error error = { "" };
	enum lk_status status = gate_password_check(visitor->settings,
	    visitor->name, gate_form_text(&visitor->form, GATE_FORM_PASSWORD),
	    visitor->user, &error);

	(void)atomic_fetch_sub(&asked->tally->checking, 1);
	if (status == LK_NO_USER) {
		refuse_wrong(visitor);
		return;
	}
	gate_attempts_forgive(&asked->tally->attempts, visitor->counted, peer,
	    now_s());
	if (status == LK_OK)
		issue(visitor);
	else
		say_unavailable(visitor, "passwords cannot be checked", &error);
}

/* Whether this thread may wait for who checks: half of them may at once, and
 * who has failed leaves one, if there are more, to others. */
static bool
take_turn(const struct gate_asked *asked, bool yields)
{
	const int most = (int)(asked->settings->gate.threads + 1) / 2;

	if (atomic_fetch_add(&asked->tally->checking, 1) <
	    (yields && most > 1 ? most - 1 : most))
		return (true);
	(void)atomic_fetch_sub(&asked->tally->checking, 1);
	return (false);
}

/* Count the try; false if that was one too many, or not before some time. */
static bool
begin(struct visitor *visitor)
{
	struct gate_call *call = visitor->call;
	struct gate_brought *brought = call->brought;
	const int64_t now = lk_monotonic_ns();
	struct gate_attempts_word word;

	if (brought->since_ns != 0)
		return (true);
	word = gate_attempts_begin(&call->asked->tally->attempts,
	    visitor->counted, call->c->request.peer,
	    (uint32_t)visitor->settings->per_minute, now_s());
	if (word.refused) {
		say_too_many(visitor, word.wait);
		return (false);
	}
	brought->since_ns = now;
	brought->yields = word.yields;
	brought->again = GATE_AGAIN_LOGIN;
	brought->places = PLACES;
	if (word.slow > 0)
		brought->again_ns = now + (int64_t)word.slow * MS_NS;
	return (word.slow == 0);
}

/* What cannot be anybody's is wrong, and nobody is asked. */
static void
try_password(struct visitor *visitor)
{
	struct gate_call *call = visitor->call;
	struct gate_brought *brought = call->brought;
	const struct lk_error busy = { "too many are being checked" };
	const int64_t patience = GATE_ATTEMPTS_DELAY_MS +
	    visitor->settings->timeout_ms;
	const int64_t now = lk_monotonic_ns();

	if (!begin(visitor))
		return;
	if (visitor->counted != visitor->name ||
	    !gate_password_may_be(call->asked->settings,
	        gate_form_text(&visitor->form, GATE_FORM_PASSWORD))) {
		refuse_wrong(visitor);
	} else if (take_turn(call->asked, brought->yields)) {
		check(visitor);
	} else if (now - brought->since_ns < patience * MS_NS) {
		brought->again_ns = now + TURN_MS * MS_NS;
	} else {
		gate_attempts_forgive(&call->asked->tally->attempts,
		    visitor->counted, call->c->request.peer, now_s());
		say_unavailable(visitor, "passwords cannot be checked", &busy);
	}
}

/* Whether all of the body is there, and is a form. */
static bool
is_form(const struct gate_call *call)
{
	static const char form[] = "application/x-www-form-urlencoded";
	const struct gate_request *request = &call->c->request;
	const char *type = gate_request_only(request, "CONTENT_TYPE");
	const char *length = gate_request_only(request, "CONTENT_LENGTH");
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%zu", call->brought->body.len);
	return (type != NULL &&
	    strncasecmp(type, form, sizeof(form) - 1) == 0 &&
	    strchr("; ", type[sizeof(form) - 1]) != NULL &&
	    (length == NULL || strcmp(length, digits) == 0));
}

static void
log_in(struct gate_call *call)
{
	const struct lk_buf *body = &call->brought->body;
	struct visitor visitor = { .call = call,
		.settings = &call->asked->settings->gate.login };

	if (!is_form(call) ||
	    !gate_form_read(body->len == 0 ? "" : body->data, body->len,
	        &visitor.form)) {
		gate_call_refuse(call, 400, NULL,
		    "The request is no form with the fields user, password and "
		    "url.");
	} else {
		visitor.typed = gate_form_text(&visitor.form, GATE_FORM_USER);
		visitor.url = gate_form_text(&visitor.form, GATE_FORM_URL);
		/* The agent takes no longer one, and nobody has it. */
		if (strlen(visitor.url) > LK_LOGIN_URL_MAX)
			visitor.url = "";
		visitor.counted = gate_password_name(visitor.settings,
		                      visitor.typed, visitor.name)
		    ? visitor.name
		    : visitor.typed;
		try_password(&visitor);
	}
	gate_form_free(&visitor.form);
}

void
gate_log_in(struct gate_call *call)
{
	if (strcmp(call->c->request.method, "POST") == 0)
		log_in(call);
	else
		show_empty_form(call);
}
