#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/escape.h"
#include "session/cookie.h"
#include "verdict/detail.h"
#include "verdict/reply.h"
#include "verdict/verdict_reply.h"

/* Longest text of a denial: 16 places of names of 64 bytes, and a reason. */
#define TEXT_MAX 2048

/* What the identity of an allowed request is called, by who asks. */
struct names {
	const char *user;
	const char *session;
	const char *client;
	const char *expires;
	const char *detail;
	const char *remote_user; /* NULL: not said */
};

static const struct names variables = {
	.user = "Variable-LATCHKEY_USER",
	.session = "Variable-LATCHKEY_SESSION",
	.client = "Variable-LATCHKEY_CLIENT",
	.expires = "Variable-LATCHKEY_EXPIRES",
	.detail = "Variable-LATCHKEY_DETAIL",
	.remote_user = "Variable-REMOTE_USER",
};

static const struct names headers = {
	.user = "Latchkey-User",
	.session = "Latchkey-Session",
	.client = "Latchkey-Client",
	.expires = "Latchkey-Expires",
	.detail = "Latchkey-Detail",
};

static void
add_session(struct lk_buf *out, const struct names *names,
    const struct lk_session *session)
{
	char expires[24];

	(void)snprintf(expires, sizeof(expires), "%" PRId64,
	    session->expires_at);
	gate_reply_header(out, names->user, session->user);
	gate_reply_header(out, names->session, session->id);
	if (session->client[0] != '\0')
		gate_reply_header(out, names->client, session->client);
	gate_reply_header(out, names->expires, expires);
	if (names->remote_user != NULL)
		gate_reply_header(out, names->remote_user, session->user);
}

/* Add the name of a header, by which a web server asking so knows it. */
static void
add_name(struct lk_buf *out, const char *name, bool subrequest)
{
	const char *c;

	if (subrequest) {
		lk_buf_str(out, name);
		return;
	}
	lk_buf_str(out, "Variable-");
	for (c = name; *c != '\0'; c++)
		lk_buf_printf(out, "%c",
		    *c == '-' ? '_' : toupper((unsigned char)*c));
}

/* What the settings have told of the user's detail. */
static void
add_told(struct lk_buf *out, const struct gate_facts *facts)
{
	const struct lk_told_list *list = &facts->settings->gate.headers;
	struct lk_buf value = LK_BUF_INIT(LK_TOLD_VALUE_MAX);
	const struct lk_told *told;
	size_t i;

	for (i = 0; i < list->n; i++) {
		told = &list->v[i];
		lk_buf_reset(&value);
		if (facts->user == NULL ||
		    !gate_told_value(told->field, facts->user->detail, &value))
			out->failed = true;
		if (value.len == 0)
			continue;
		add_name(out, told->name, facts->request->subrequest);
		lk_buf_str(out, ": ");
		gate_reply_value(out, value.data, value.len);
		lk_buf_str(out, "\r\n");
	}
	lk_buf_free(&value);
}

/* Who it is and, if the settings say so, the detail; nothing if public. */
static void
add_identity(struct lk_buf *out, const struct gate_facts *facts)
{
	const struct names *names = facts->request->subrequest
	    ? &headers
	    : &variables;

	if (facts->session == NULL)
		return;
	add_session(out, names, facts->session);
	if (facts->settings->gate.detail && facts->user != NULL)
		gate_reply_header(out, names->detail, facts->user->detail);
	add_told(out, facts);
}

/*
 * The cookie of a session that was renewed, so that it lives as long.  No cache
 * may keep it.
 */
static void
add_cookie(struct lk_buf *out, const struct gate_facts *facts)
{
	struct lk_buf cookie = LK_BUF_INIT(GATE_REPLY_MAX);

	if (!facts->renewed || !facts->credentials->cookie ||
	    !facts->settings->cookie.persistent)
		return;
	lk_cookie_set(&facts->settings->cookie, facts->credentials->token.text,
	    facts->session->ttl, &cookie);
	gate_reply_header(out, "Cache-Control", "no-store");
	if (cookie.failed)
		out->failed = true;
	else
		gate_reply_header(out, "Set-Cookie", cookie.data);
	lk_buf_free(&cookie);
}

/* A realm as a quoted-string (RFC 9110, section 5.6.4). */
static void
add_realm(struct lk_buf *out, const char *realm)
{
	size_t plain;

	lk_buf_str(out, "realm=\"");
	for (;; realm += plain + 1) {
		for (plain = 0; realm[plain] != '"' && realm[plain] != '\\' &&
		     !lk_is_control(realm[plain]);
		     plain++)
			continue;
		lk_buf_add(out, realm, plain);
		if (realm[plain] == '\0')
			break;
		if (lk_is_control(realm[plain])) {
			lk_buf_str(out, "?");
		} else {
			lk_buf_str(out, "\\");
			lk_buf_add(out, realm + plain, 1);
		}
	}
	lk_buf_str(out, "\"");
}

static const char *
challenge_error(enum gate_challenge challenge)
{
	switch (challenge) {
	case GATE_CHALLENGE_INVALID_TOKEN:
		return (", error=\"invalid_token\"");
	case GATE_CHALLENGE_INVALID_REQUEST:
		return (", error=\"invalid_request\"");
	case GATE_CHALLENGE_NONE:
	case GATE_CHALLENGE_PLAIN:
		break;
	}
	return ("");
}

/* A challenge: ${scheme}, the realm, and further parameters. */
static void
add_challenge(struct lk_buf *out, const char *scheme,
    const struct lk_settings *settings, const char *params)
{
	lk_buf_str(out, "WWW-Authenticate: ");
	lk_buf_str(out, scheme);
	lk_buf_str(out, " ");
	add_realm(out, settings->gate.realm);
	lk_buf_str(out, params);
	lk_buf_str(out, "\r\n");
}

/* The schemes that are accepted and make sense here. */
static void
add_challenges(struct lk_buf *out, const struct gate_facts *facts,
    const struct gate_verdict *verdict)
{
	static const char basic[] = ", charset=\"UTF-8\"";
	const struct lk_settings *settings = facts->settings;
	enum lk_token_place place;
	char bearer[96];
	size_t i;

	if (verdict->challenge == GATE_CHALLENGE_NONE)
		return;
	(void)snprintf(bearer, sizeof(bearer), "%s%s%s%s",
	    challenge_error(verdict->challenge),
	    verdict->ended != LK_REASON_NONE ? ", error_description=\"" : "",
	    lk_reason_name(verdict->ended),
	    verdict->ended != LK_REASON_NONE ? "\"" : "");
	if (verdict->basic_first)
		add_challenge(out, "Basic", settings, basic);
	for (i = 0; i < settings->gate.sources.n; i++) {
		place = settings->gate.sources.v[i].place;
		if (place == LK_TOKEN_BEARER)
			add_challenge(out, "Bearer", settings, bearer);
		else if (place == LK_TOKEN_BASIC && verdict->offer_basic &&
		    !verdict->basic_first)
			add_challenge(out, "Basic", settings, basic);
	}
}

/* Where a token would have been found. */
static void
add_places(struct lk_buf *out, const struct lk_settings *settings)
{
	struct lk_token_source source;
	size_t i;

	lk_buf_str(out, "It is looked for in ");
	for (i = 0; i < settings->gate.sources.n; i++) {
		source = settings->gate.sources.v[i];
		lk_buf_str(out, i > 0 ? ", " : "");
		if (source.place == LK_TOKEN_BEARER)
			lk_buf_str(out, "Authorization: Bearer");
		else if (source.place == LK_TOKEN_BASIC)
			lk_buf_str(out, "the password of HTTP Basic");
		else
			lk_buf_str(out,
			    source.place == LK_TOKEN_COOKIE ? "the cookie "
			                                    : "the header ");
		if (source.name != NULL)
			lk_buf_str(out, source.name);
	}
	lk_buf_str(out, ".\n");
}

/* Append text with all but unreserved characters (RFC 3986) encoded. */
static void
add_encoded(struct lk_buf *out, const char *text)
{
	static const char unreserved[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	    "-._~";

	for (; *text != '\0'; text++) {
		if (strchr(unreserved, *text) != NULL)
			lk_buf_add(out, text, 1);
		else
			lk_buf_printf(out, "%%%02X", (unsigned char)*text);
	}
}

/*
 * Whether every browser takes it for a path on the host it came from, also if
 * the login page decodes it once more than it should.  Browsers drop control
 * characters and take a backslash for a slash.
 */
static bool
stays_on_host(const char *uri)
{
	unsigned long c = uri[0] == '/' ? (unsigned char)uri[1] : '/';
	char code[3];

	if (c == '%' && isxdigit((unsigned char)uri[2]) &&
	    isxdigit((unsigned char)uri[3])) {
		(void)snprintf(code, sizeof(code), "%s", uri + 2);
		if ((c = strtoul(code, NULL, 16)) == 0)
			return (false);
	}
	return (c == '\0' ||
	    (!lk_is_control((char)c) && strchr(" /\\%", (int)c) == NULL));
}

/* Whether what follows the scheme of a URL begins with ${host}. */
static bool
is_host_of(const char *rest, const char *host)
{
	const size_t len = strlen(host);

	return (strncasecmp(rest, host, len) == 0 &&
	    strchr(":/?#", rest[len]) != NULL);
}

/*
 * Append where the login page is to go on to.  For one on another host that is
 * a whole URL, by the scheme that the login page has.
 */
static void
add_url(struct lk_buf *out, const char *login_url,
    const struct gate_request *request)
{
	static const char *const schemes[] = { "http://", "https://" };
	const char *host = gate_request_host(request), *there;
	size_t i, len;

	if (!stays_on_host(request->uri))
		out->failed = true;
	for (i = 0; i < 2 && host != NULL; i++) {
		len = strlen(schemes[i]);
		there = login_url + len;
		if (strncmp(login_url, schemes[i], len) != 0 ||
		    is_host_of(there, host))
			continue;
		add_encoded(out, schemes[i]);
		add_encoded(out, host);
	}
	add_encoded(out, request->uri);
}

/* Append the login page's URL with the parameter `url`. */
static void
add_with_url(struct lk_buf *out, const char *login_url,
    const struct gate_request *request)
{
	const size_t len = strcspn(login_url, "#");

	lk_buf_add(out, login_url, len);
	lk_buf_str(out,
	    memchr(login_url, '?', len) == NULL ? "?url=" : "&url=");
	add_url(out, login_url, request);
	lk_buf_str(out, login_url + len);
}

/* Where a browser is to be sent; mod_fcgid keeps a Location to itself. */
static void
add_login(struct lk_buf *out, const char *login_url,
    const struct gate_facts *facts, const struct gate_verdict *verdict)
{
	struct lk_buf url = LK_BUF_INIT(GATE_LOGIN_MAX + 1);
	const char *target = login_url;

	add_with_url(&url, login_url, facts->request);
	if (!url.failed)
		target = url.data;
	if (verdict->http == 302)
		gate_reply_header(out, "Location", target);
	gate_reply_header(out, "Latchkey-Login", target);
	lk_buf_free(&url);
}

static void
add_denial(struct lk_buf *out, const struct gate_facts *facts,
    const struct gate_verdict *verdict)
{
	const char *method = facts->request->method;
	const bool head = method != NULL && strcmp(method, "HEAD") == 0;
	struct lk_buf text = LK_BUF_INIT(TEXT_MAX);

	if (verdict->login)
		add_login(out, gate_login_url(facts), facts, verdict);
	add_challenges(out, facts, verdict);
	if (verdict->ended != LK_REASON_NONE)
		gate_reply_header(out, "Latchkey-Reason",
		    lk_reason_name(verdict->ended));
	if (verdict->retry_after > 0)
		lk_buf_printf(out, "Retry-After: %u\r\n", verdict->retry_after);
	if (verdict->reason != NULL) {
		lk_buf_str(&text, verdict->reason);
		lk_buf_str(&text, "\n");
	}
	if (verdict->challenge == GATE_CHALLENGE_PLAIN)
		add_places(&text, facts->settings);
	if (text.failed)
		out->failed = true;
	gate_reply_body(out, GATE_TYPE_TEXT, text.len == 0 ? "" : text.data,
	    head);
	lk_buf_free(&text);
}

const char *
gate_verdict_reply(const struct gate_facts *facts,
    const struct gate_verdict *verdict, struct lk_buf *out)
{
	if (verdict->http == 200) {
		gate_reply_allow(out);
		add_identity(out, facts);
		add_cookie(out, facts);
		lk_buf_str(out, "\r\n");
	} else {
		gate_reply_begin(out, verdict->http);
		add_denial(out, facts, verdict);
	}
	return (gate_reply_end(out));
}
