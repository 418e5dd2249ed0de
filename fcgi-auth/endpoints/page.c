/*
 * The page on which people see and end their own sessions.  What it changes is
 * asked for by a form of its own, with a word that only this page and the
 * bearer's session make.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/base64url.h"
#include "endpoints/html.h"
#include "session/token.h"

/* Most sessions, and most of what happened, that are shown. */
#define SESSIONS_MAX 50
#define ENTRIES_MAX 30
/* base64url of an HMAC-SHA-256. */
#define WORD_SIZE 44

/** The sessions of somebody: his own one, and of the others the newest. */
struct shown {
	const char *own;
	uint64_t count; /* of all */
	bool found;     /* his own is among them */
	struct lk_session here;
	size_t n;
	struct lk_session *others; /* the newest first */
};

/* ---- The word ------------------------------------------------------------ */

/*
 * It is made of the token, so that each gate and each reload makes the same
 * one, and says nothing of it.  Who reads the store knows no token.
 */
static void
make_word(const struct gate_call *call, char word[WORD_SIZE])
{
	static const char use[] = "latchkey page 1";
	const struct lk_token *token = &call->c->credentials.token;
	unsigned char mac[crypto_auth_hmacsha256_BYTES];
	crypto_auth_hmacsha256_state state;

	(void)crypto_auth_hmacsha256_init(&state,
	    (const unsigned char *)token->text, token->len);
	(void)crypto_auth_hmacsha256_update(&state, (const unsigned char *)use,
	    sizeof(use));
	(void)crypto_auth_hmacsha256_final(&state, mac);
	lk_base64url(mac, sizeof(mac), word);
	sodium_memzero(&state, sizeof(state));
	sodium_memzero(mac, sizeof(mac));
}

static bool
has_word(const struct gate_call *call)
{
	struct lk_buf said = LK_BUF_INIT(WORD_SIZE);
	char word[WORD_SIZE];
	bool has;

	make_word(call, word);
	has = gate_query_text(&call->c->request, "word", &said) &&
	    said.len == WORD_SIZE - 1 &&
	    sodium_memcmp(said.data, word, WORD_SIZE - 1) == 0;
	sodium_memzero(word, sizeof(word));
	lk_buf_free(&said);
	return (has);
}

/* ---- What there is ------------------------------------------------------- */

static void
collect(void *arg, const struct lk_session *session,
    const struct lk_token *token)
{
	struct shown *shown = arg;
	size_t at;

	(void)token;
	shown->count++;
	if (strcmp(session->id, shown->own) == 0) {
		shown->here = *session;
		shown->found = true;
		return;
	}
	/* Mostly they come in this order, reversed. */
	for (at = 0; at < shown->n; at++) {
		if (session->issued_at >= shown->others[at].issued_at)
			break;
	}
	if (at == SESSIONS_MAX)
		return;
	if (shown->n < SESSIONS_MAX)
		shown->n++;
	memmove(&shown->others[at + 1], &shown->others[at],
	    (shown->n - at - 1) * sizeof(shown->others[0]));
	shown->others[at] = *session;
}

static void
add_term(struct lk_buf *out, const char *term)
{
	lk_buf_printf(out, "<dt>%s</dt><dd>", term);
}

static void
add_text(struct lk_buf *out, const char *term, const char *text)
{
	if (text[0] == '\0')
		return;
	add_term(out, term);
	lk_buf_str(out, "<bdi>");
	gate_html_text(out, text);
	lk_buf_str(out, "</bdi></dd>\n");
}

static void
add_time(struct lk_buf *out, const char *term, int64_t seconds)
{
	if (seconds == 0)
		return;
	add_term(out, term);
	gate_html_time(out, seconds);
	lk_buf_str(out, "</dd>\n");
}

/* A button that ends ${what}, which ${about} names for who does not see where
 * it stands. */
static void
add_button(struct lk_buf *out, const char *what, const char *word,
    const char *text, const char *about)
{
	lk_buf_printf(out,
	    "<form method=\"post\" action=\"?end=%s&amp;word=%s\">"
	    "<button class=\"bad\" type=\"submit\"%s%s%s>%s</button></form>\n",
	    what, word, about[0] == '\0' ? "" : " aria-describedby=\"", about,
	    about[0] == '\0' ? "" : "\"", text);
}

static void
add_session(struct lk_buf *out, const struct lk_session *session,
    const char *word, size_t number)
{
	const bool own = number == 0;
	char about[24];

	(void)snprintf(about, sizeof(about), "session%zu", number);
	lk_buf_printf(out, "<li class=\"card row\"%s>\n<div>\n<h3 id=\"%s\">",
	    own ? " aria-current=\"true\"" : "", about);
	gate_html_device(out, session->agent);
	lk_buf_printf(out, "%s</h3>\n<dl>\n",
	    own ? " <span class=\"here\">this one</span>" : "");
	add_text(out, "Kind", session->client);
	add_text(out, "Address", session->peer);
	add_time(out, "Since", session->issued_at);
	add_time(out, "Renewed", session->renewed_at);
	add_time(out, "Until", session->expires_at);
	lk_buf_str(out, "</dl>\n</div>\n");
	add_button(out, session->id, word, own ? "Sign out" : "End", about);
	lk_buf_str(out, "</li>\n");
}

static void
add_sessions(struct gate_call *call, const struct shown *shown)
{
	struct lk_buf *out = &call->body;
	const uint64_t others = shown->count - (shown->found ? 1 : 0);
	char word[WORD_SIZE];
	size_t i;

	make_word(call, word);
	lk_buf_str(out, "<ul>\n");
	/* One that has ended since it was checked is still his. */
	add_session(out, shown->found ? &shown->here : &call->c->session, word,
	    0);
	for (i = 0; i < shown->n; i++)
		add_session(out, &shown->others[i], word, i + 1);
	lk_buf_str(out, "</ul>\n");
	if (others > shown->n)
		lk_buf_printf(out,
		    "<p class=\"faint\">Of %" PRIu64
		    " other sessions the newest %zu are shown.</p>\n",
		    others, shown->n);
	if (others > 0)
		add_button(out, "others", word, "End all others", "");
	sodium_memzero(word, sizeof(word));
}

/* ---- What happened ------------------------------------------------------- */

struct past {
	struct lk_buf *out;
	size_t n;
};

static void
add_entry(void *arg, const struct lk_entry *entry)
{
	struct past *past = arg;
	struct lk_buf *out = past->out;

	if (past->n++ >= ENTRIES_MAX)
		return;
	lk_buf_str(out,
	    past->n == 1 ? "<h2>What happened</h2>\n<ol class=\"card past\">\n"
	                 : "");
	lk_buf_str(out, "<li>");
	lk_buf_str(out,
	    entry->event == LK_EVENT_ISSUED ? "You signed in."
	                                    : gate_html_reason(entry->reason));
	if (entry->count > 1)
		lk_buf_printf(out, " (%" PRIu64 " times)", entry->count);
	lk_buf_str(out, "<br>\n<span class=\"faint\">");
	gate_html_time(out, entry->time);
	if (entry->client[0] != '\0') {
		lk_buf_str(out, ", ");
		gate_html_text(out, entry->client);
	}
	if (entry->agent[0] != '\0') {
		lk_buf_str(out, ", ");
		gate_html_device(out, entry->agent);
	}
	if (entry->peer[0] != '\0') {
		lk_buf_str(out, ", ");
		gate_html_text(out, entry->peer);
	}
	lk_buf_str(out, "</span></li>\n");
}

/* It is no less a page without one, as where the gate may not read it. */
static void
add_past(struct gate_call *call)
{
	struct past past = { &call->body, 0 };

	(void)gate_note(call->asked, call->c,
	    lk_history(call->asked->manager, call->c->session.user, add_entry,
	        &past));
	if (past.n > 0)
		lk_buf_str(&call->body, "</ol>\n");
	if (past.n > ENTRIES_MAX)
		lk_buf_printf(&call->body,
		    "<p class=\"faint\">The last %d are shown.</p>\n",
		    ENTRIES_MAX);
}

/* ---- The page ------------------------------------------------------------ */

static void
show(struct gate_call *call)
{
	struct shown shown = { .own = call->c->session.id };
	struct lk_buf done = LK_BUF_INIT(8);

	shown.others = calloc(SESSIONS_MAX + 1, sizeof(shown.others[0]));
	if (shown.others == NULL ||
	    gate_note(call->asked, call->c,
	        lk_list(call->asked->manager, call->c->session.user, collect,
	            &shown)) != LK_OK) {
		gate_call_unavailable(call);
		free(shown.others);
		return;
	}
	gate_html_begin(call, 200, "Your sessions", false,
	    call->asked->settings->gate.login_url);
	if (gate_query_text(&call->c->request, "done", &done))
		gate_html_note(&call->body, false, "That session has ended.");
	lk_buf_str(&call->body, "<p>Signed in as <strong><bdi>");
	gate_html_text(&call->body, call->c->session.user);
	lk_buf_str(&call->body, "</bdi></strong>.</p>\n");
	add_sessions(call, &shown);
	add_past(call);
	gate_html_end(call);
	lk_buf_free(&done);
	free(shown.others);
}

/* ---- Ending -------------------------------------------------------------- */

static void
go_to(struct gate_call *call, const char *location)
{
	gate_call_begin(call, 303);
	gate_reply_header(call->out, "Location", location);
	lk_buf_str(&call->body, "That session has ended.\n");
}

static void
end_one(struct gate_call *call, const char *id)
{
	const bool own = strcmp(id, call->c->session.id) == 0;
	const struct lk_revoke_options options = {
		.reason = own ? "logout" : "revoked by its user",
		.peer = call->c->request.peer,
		.actor = "gate",
		.user = call->c->session.user
	};
	const char *login_url = call->asked->settings->gate.login_url;
	uint64_t revoked;
	const enum lk_status status = gate_note(call->asked, call->c,
	    lk_revoke_id(call->asked->manager, id, &options, &revoked));

	/* One of somebody else's is none, and one that is over is as wished. */
	if (status < 0 && status != LK_E_NOT_DURABLE) {
		gate_call_unavailable(call);
		return;
	}
	go_to(call, !own ? "?done=1" : login_url[0] != '\0' ? login_url : "?");
	if (own)
		gate_clear_cookies(call);
}

static void
end_others(struct gate_call *call)
{
	uint64_t revoked;
	const enum lk_status status = gate_end_others(call, &revoked);

	if (status == LK_OK || status == LK_E_NOT_DURABLE)
		go_to(call, "?done=1");
	else if (status < 0)
		gate_call_unavailable(call);
}

static void
end_some(struct gate_call *call)
{
	struct lk_buf what = LK_BUF_INIT(LK_SESSION_ID_MAX);

	if (!gate_query_text(&call->c->request, "end", &what) || what.len == 0)
		gate_call_refuse(call, 400, NULL,
		    "The query names no session.");
	else if (!has_word(call))
		gate_call_refuse(call, 403, NULL,
		    "The request was not made by this page.");
	else if (strcmp(what.data, "others") == 0)
		end_others(call);
	else
		end_one(call, what.data);
	lk_buf_free(&what);
}

/* Who has no session is sent to log in, and comes back. */
static void
send_to_login(struct gate_case *c)
{
	if (c->verdict.http != 401 || gate_login_url(&c->facts)[0] == '\0' ||
	    c->request.uri == NULL || !gate_request_is_navigation(&c->request))
		return;
	c->verdict.http = 302;
	c->verdict.login = true;
	c->verdict.challenge = GATE_CHALLENGE_NONE;
}

void
gate_show_page(struct gate_call *call)
{
	struct gate_case *c = call->c;

	(void)gate_case_ask(c, GATE_NEED_SESSION, NULL, NULL);
	if (c->asked)
		(void)gate_note(call->asked, c, c->status);
	gate_decide_bearer(&c->facts, &c->verdict);
	send_to_login(c);
	if (!gate_call_obey(call))
		return;
	if (strcmp(c->request.method, "POST") == 0)
		end_some(call);
	else
		show(call);
}
