#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/deadline.h"
#include "base/json.h"
#include "endpoints/service.h"
#include "session/cookie.h"
#include "verdict/check.h"
#include "verdict/reply.h"

/* Longest body: what is left of the reply after the headers. */
#define BODY_MAX (GATE_SERVICE_REPLY_MAX - 8192)
/* Once a list is longer, no more is added; no session takes the rest. */
#define LIST_MAX (BODY_MAX - 4096)

/* A request at an endpoint. */
struct service {
	/* Constant. */
	const struct gate_asked *asked;
	enum gate_endpoint endpoint;
	const struct gate_request *request;
	struct lk_buf *out;

	/* Changing. */
	struct gate_credentials credentials; /* secret */
	struct gate_check check; /* the bearer's session, once he is let in,
	                            and for GATE_ENDPOINT_SESSION his detail */
	struct lk_buf body;
	unsigned int http; /* how it was answered */
	const char *reply; /* all of the answer, or NULL if it is ${body} */
};

static bool
is_head(const struct service *service)
{
	const char *method = service->request->method;

	return (method != NULL && strcmp(method, "HEAD") == 0);
}

static void
begin(struct service *service, unsigned int http)
{
	service->http = http;
	gate_reply_begin(service->out, http);
}

/* ---- Saying no --------------------------------------------------------- */

/* End with a sentence and write it to the log. */
static void
refuse(struct service *service, const struct gate_admission *admission)
{
	const struct gate_facts facts = { .request = service->request,
		.status = service->check.session.id[0] != '\0' ? LK_OK
		                                               : LK_FAULT,
		.session = &service->check.session };
	const struct gate_verdict verdict = { .http = admission->http,
		.reason = admission->reason };

	gate_report_denial(service->asked->report, &facts, &verdict);
	begin(service, admission->http);
	if (admission->allow != NULL)
		gate_reply_header(service->out, "Allow", admission->allow);
	lk_buf_str(&service->body, admission->reason);
	lk_buf_str(&service->body, "\n");
}

static void
refuse_with(struct service *service, unsigned int http, const char *reason)
{
	const struct gate_admission admission = { .http = http,
		.reason = reason };

	refuse(service, &admission);
}

/* Whether the bearer is let in; if not, that is the answer. */
static bool
decide(struct service *service)
{
	struct gate_facts facts = { .settings = service->asked->settings,
		.request = service->request,
		.credentials = &service->credentials };
	struct gate_verdict verdict = { 0 };

	gate_check_tell(&service->check, &facts);
	gate_decide_bearer(&facts, &verdict);
	if (verdict.http == 200)
		return (true);
	gate_report_denial(service->asked->report, &facts, &verdict);
	service->reply = gate_respond(&facts, &verdict, service->out);
	service->http = verdict.http;
	return (false);
}

/* The store could not do it. */
static void
say_unavailable(struct service *service)
{
	lk_buf_reset(&service->body);
	begin(service, 503);
	gate_reply_header(service->out, "Retry-After", "2");
	lk_buf_str(&service->body,
	    "Sessions cannot be reached at the moment.\n");
}

/* Note what the store answered to a question asked at ${began}. */
static enum lk_status
note(struct service *service, int64_t began, enum lk_status status)
{
	gate_report_answer(service->asked->report, began, status,
	    lk_manager_error(service->asked->manager));
	return (status);
}

/* ---- Ending sessions --------------------------------------------------- */

/* Take back the cookies that may carry the session's token. */
static void
clear_cookies(struct service *service)
{
	const struct lk_settings *settings = service->asked->settings;
	const struct lk_token_sources *all = &settings->gate.sources;
	size_t i;

	for (i = 0; i < all->n; i++) {
		if (all->v[i].place != LK_TOKEN_COOKIE)
			continue;
		lk_buf_str(service->out, "Set-Cookie: ");
		lk_cookie_take_back(settings, all->v[i].name, service->out);
		lk_buf_str(service->out, "\r\n");
	}
}

/*
 * Say how many sessions ended, the one that was asked with among them if
 * ${own}, or that the store could not do it.  What a failover could undo is
 * accepted but not completed (RFC 9110, section 15.3.3).
 */
static void
say_revoked(struct service *service, enum lk_status status, uint64_t revoked,
    bool own)
{
	if (status != LK_OK && status != LK_E_NOT_DURABLE) {
		say_unavailable(service);
		return;
	}
	begin(service, status == LK_OK ? 200 : 202);
	if (own)
		clear_cookies(service);
	lk_buf_printf(&service->body, "{\"revoked\":%" PRIu64 "%s}\n", revoked,
	    status == LK_OK ? "" : ",\"durable\":false");
}

/*
 * A logout does not look first whether there is such a session: the answer
 * could be that of a Redis that is no longer the master, and nothing would have
 * been revoked.  It ends every session that the request names.
 */
static void
log_out(struct service *service)
{
	const struct lk_revoke_options options = { .reason = "logout",
		.peer = service->request->peer };
	enum lk_status status = LK_OK, one;
	uint64_t revoked, total = 0;
	int64_t began;
	size_t i;

	for (i = 0; i < service->credentials.n; i++) {
		began = lk_monotonic_ns();
		one = note(service, began,
		    lk_revoke(service->asked->manager,
		        &service->credentials.found[i].token, &options,
		        &revoked));
		total += revoked;
		if (one != LK_OK &&
		    (status == LK_OK || one != LK_E_NOT_DURABLE))
			status = one;
	}
	say_revoked(service, status, total, true);
}

static void
log_out_all(struct service *service)
{
	const struct lk_revoke_options options = { .reason = "logout-all",
		.peer = service->request->peer };
	const int64_t began = lk_monotonic_ns();
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	status = note(service, began,
	    lk_revoke_all(service->asked->manager, service->check.session.user,
	        &options, &revoked));
	say_revoked(service, status, revoked, true);
}

static void
log_out_others(struct service *service)
{
	const struct lk_revoke_options options = { .reason = "logout-others",
		.peer = service->request->peer };
	const int64_t began = lk_monotonic_ns();
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	status = note(service, began,
	    lk_revoke_others(service->asked->manager,
	        &service->credentials.token, &options, &revoked));
	/* It has ended since it was checked. */
	if (status > 0) {
		service->check.status = status;
		(void)decide(service);
	} else {
		say_revoked(service, status, revoked, false);
	}
}

static void
revoke_one(struct service *service)
{
	const struct lk_revoke_options options = {
		.reason = "revoked by its user",
		.peer = service->request->peer,
		.user = service->check.session.user
	};
	const int64_t began = lk_monotonic_ns();
	char id[LK_SESSION_ID_MAX + 1];
	enum lk_status status = LK_FAULT;
	uint64_t revoked;

	if (!gate_endpoint_id(service->request, id)) {
		refuse_with(service, 400, "The query names no session.");
		return;
	}
	status = note(service, began,
	    lk_revoke_id(service->asked->manager, id, &options, &revoked));
	if (status > 0 || (status == LK_OK && revoked == 0))
		refuse_with(service, 404, "The user has no such session.");
	else
		say_revoked(service, status, revoked,
		    strcmp(id, service->check.session.id) == 0);
}

/* ---- Showing sessions -------------------------------------------------- */

static void
show_session(struct service *service)
{
	begin(service, 200);
	lk_json_session(&service->check.session, service->check.user.detail,
	    &service->body);
	lk_buf_str(&service->body, "\n");
}

struct listing {
	struct service *service;
	uint64_t count;
};

static void
list_one(void *arg, const struct lk_session *session,
    const struct lk_token *token)
{
	struct listing *listing = arg;
	struct lk_buf *body = &listing->service->body;

	(void)token;
	listing->count++;
	if (body->len > LIST_MAX)
		return;
	lk_buf_str(body, body->len == 0 ? "[" : ",\n");
	lk_buf_str(body, "{\"id\":");
	lk_json_string(session->id, body);
	lk_buf_str(body, ",\"client\":");
	lk_json_string(session->client, body);
	if (session->issued_at == 0)
		lk_buf_str(body, ",\"issued_at\":null");
	else
		lk_buf_printf(body, ",\"issued_at\":%" PRId64,
		    session->issued_at);
	lk_buf_printf(body,
	    ",\"expires_at\":%" PRId64 ",\"ttl\":%" PRId64 ",\"current\":%s}",
	    session->expires_at, session->ttl,
	    strcmp(session->id, listing->service->check.session.id) == 0
	        ? "true"
	        : "false");
}

static void
show_sessions(struct service *service)
{
	struct listing listing = { service, 0 };
	const int64_t began = lk_monotonic_ns();
	char count[24];

	if (note(service, began,
	        lk_list(service->asked->manager, service->check.session.user,
	            list_one, &listing)) != LK_OK) {
		say_unavailable(service);
		return;
	}
	begin(service, 200);
	(void)snprintf(count, sizeof(count), "%" PRIu64, listing.count);
	gate_reply_header(service->out, "Latchkey-Sessions", count);
	lk_buf_str(&service->body, service->body.len == 0 ? "[]\n" : "]\n");
}

/* ---- Showing the gate -------------------------------------------------- */

static void
show_health(struct service *service)
{
	const int64_t began = lk_monotonic_ns();
	const bool good = note(service, began,
	                      lk_ping(service->asked->manager)) == LK_OK;

	begin(service, good ? 200 : 503);
	if (!good)
		gate_reply_header(service->out, "Retry-After", "2");
	lk_buf_printf(&service->body, "{\"store\":\"%s\"}\n",
	    good ? "ok" : "unavailable");
}

static void
show_metrics(struct service *service)
{
	begin(service, 200);
	gate_metrics_print(&service->asked->report->metrics, &service->body);
}

/* ---- All of them ------------------------------------------------------- */

/* Whether a logout can end all that the request names, or has ended. */
static bool
can_log_out(const struct service *service)
{
	const enum gate_credentials_kind kind = service->credentials.kind;

	return (service->endpoint == GATE_ENDPOINT_LOGOUT &&
	    kind != GATE_CREDENTIALS_NONE && kind != GATE_CREDENTIALS_TOO_MANY);
}

/* Find out who asks, and whether he has a session; if not, it is answered. */
static bool
let_in(struct service *service)
{
	const struct gate_asked *asked = service->asked;
	const int64_t began = lk_monotonic_ns();

	if (can_log_out(service))
		return (true);
	gate_check(asked->manager,
	    service->endpoint == GATE_ENDPOINT_SESSION ? GATE_NEED_USER
	                                               : GATE_NEED_SESSION,
	    &service->credentials, &service->check);
	if (service->check.asked)
		(void)note(service, began, service->check.status);
	return (decide(service));
}

static void
act(struct service *service)
{
	switch (service->endpoint) {
	case GATE_ENDPOINT_SESSION:
		show_session(service);
		return;
	case GATE_ENDPOINT_SESSIONS:
		show_sessions(service);
		return;
	case GATE_ENDPOINT_LOGOUT:
		log_out(service);
		return;
	case GATE_ENDPOINT_LOGOUT_ALL:
		log_out_all(service);
		return;
	case GATE_ENDPOINT_LOGOUT_OTHERS:
		log_out_others(service);
		return;
	case GATE_ENDPOINT_REVOKE:
		revoke_one(service);
		return;
	case GATE_ENDPOINT_HEALTH:
		show_health(service);
		return;
	case GATE_ENDPOINT_METRICS:
		show_metrics(service);
		return;
	case GATE_ENDPOINT_NONE:
	case GATE_ENDPOINT_AUTHORIZE:
	case GATE_ENDPOINT_COUNT:
		break;
	}
	refuse_with(service, 404, "There is no such endpoint.");
}

/* Whether the endpoint is about the gate and not about a session. */
static bool
is_inward(enum gate_endpoint endpoint)
{
	return (endpoint == GATE_ENDPOINT_HEALTH ||
	    endpoint == GATE_ENDPOINT_METRICS);
}

static const char *
type_of(const struct service *service)
{
	if (service->endpoint == GATE_ENDPOINT_METRICS && service->http == 200)
		return ("text/plain; version=0.0.4; charset=utf-8");
	if (service->http == 200 || service->http == 202 ||
	    service->endpoint == GATE_ENDPOINT_HEALTH)
		return (GATE_TYPE_JSON);
	return (GATE_TYPE_TEXT);
}

static const char *
finish(struct service *service)
{
	if (service->body.failed)
		service->out->failed = true;
	else
		gate_reply_body(service->out, type_of(service),
		    service->body.len == 0 ? "" : service->body.data,
		    is_head(service));
	return (gate_reply_end(service->out));
}

const char *
gate_service(const struct gate_asked *asked, enum gate_endpoint endpoint,
    const struct gate_request *request, struct lk_buf *out)
{
	struct service service = { .asked = asked,
		.endpoint = endpoint,
		.request = request,
		.out = out,
		.body = LK_BUF_INIT(BODY_MAX) };
	struct gate_admission admission;

	gate_credentials_read(asked->settings, request, &service.credentials);
	admission = gate_endpoint_admit(endpoint, request,
	    !service.credentials.unprompted,
	    asked->settings->gate.expose_metrics);
	if (admission.http != 200)
		refuse(&service, &admission);
	else if (is_inward(endpoint) || let_in(&service))
		act(&service);
	if (service.reply == NULL)
		service.reply = finish(&service);
	gate_metrics_endpoint(&asked->report->metrics, endpoint, service.http);
	gate_credentials_wipe(&service.credentials);
	gate_check_clear(&service.check);
	lk_buf_free(&service.body);
	return (service.reply);
}
