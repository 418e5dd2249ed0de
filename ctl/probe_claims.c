/*
 * What a client may say of itself, and whom a site then takes it for; with a
 * token, what an application is told.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "probe.h"

/* What a client that lies says. */
#define FORGED "forged-by-the-probe"

/* ---- What a client says of itself -------------------------------------- */

void
probe_tokens(struct probe *p)
{
	/* Well-formed, and nobody's. */
#define ZEROS "0000000000000000"
#define NOBODYS "lk_" ZEROS ZEROS ZEROS ZEROS
	const char *cookie = p->ctl->settings->cookie.name;
	const char *headers[] = { NULL, NULL };
	const struct ctl_http_request request = { .headers = headers };
	static const char *const values[] = { NOBODYS, "lk_", "", "*", "x",
		"forged%00", "null", "true", "1" };
	char text[256];
	size_t i, kind;

	probe_part(p, "tokens that are none",
	    "something else than the gate decides who is let in.");
	for (i = 0; i < sizeof(values) / sizeof(values[0]); i++)
		for (kind = 0; kind < 3; kind++) {
			(void)snprintf(text, sizeof(text),
			    kind == 0       ? "Authorization: Bearer %s"
			        : kind == 1 ? "X-Session-Token: %s"
			                    : "Cookie: %s=%s",
			    kind == 2 ? cookie : values[i], values[i]);
			if (kind > 0 && i > 2)
				continue;
			headers[0] = text;
			probe_expect_refusal(p, &request, text);
		}
	headers[0] = "Authorization: Basic Zm9yZ2VkLWJ5LXRoZS1wcm9iZTp4";
	probe_expect_refusal(p, &request, headers[0]);
	if (p->token != NULL) {
		headers[0] = p->token;
		p->token[strlen(p->token) - 1] ^= 1;
		probe_expect_refusal(p, &request,
		    "a token with another last letter");
		p->token[strlen(p->token) - 1] ^= 1;
	}
	probe_part_end(p);
}

/* Headers by which a server, the gate or an application may learn who asks. */
static const char *const identities[] = { "Latchkey-User", "Latchkey-Session",
	"Latchkey-Client", "Latchkey-Expires", "Latchkey-Detail",
	"Latchkey-Groups", "X-Latchkey-User", "X-Latchkey-Session",
	"X-Latchkey-Client", "X-Latchkey-Expires", "X-Latchkey-Detail",
	"X-Latchkey-Groups", "Remote-User" };
#define IDENTITIES (sizeof(identities) / sizeof(identities[0]))

/* Others that a server may read by itself, or hand to the gate. */
static const char *const claims[] = { "Latchkey-Status: 200", "Status: 200",
	"Latchkey-Endpoint: authorize", "Latchkey-Method: OPTIONS",
	"X-Latchkey-Method: OPTIONS", "X-HTTP-Method-Override: OPTIONS",
	"X-Forwarded-Method: OPTIONS", "Variable-LATCHKEY_USER: " FORGED,
	"Variable-REMOTE_USER: " FORGED, "Auth-User: " FORGED,
	"X-Forwarded-User: " FORGED, "X-Remote-User: " FORGED,
	"FCGI_ROLE: RESPONDER", "Redirect-Remote-User: " FORGED,
	"X-Forwarded-For: 127.0.0.1", "X-Real-IP: 127.0.0.1",
	"Forwarded: for=127.0.0.1;remote_user=\"" FORGED "\"",
	"X-Forwarded-For: 10.0.0.1", "X-Forwarded-For: 172.16.0.1",
	"X-Forwarded-For: 192.168.0.1", "X-Real-IP: 10.0.0.1",
	"True-Client-IP: 127.0.0.1", "X-Forwarded-Host: localhost",
	"X-Forwarded-Proto: https", "X-Requested-With: XMLHttpRequest",
	"Accept: application/json", "Content-Type: application/grpc",
	"User-Agent: Mozilla/5.0 (compatible; Googlebot/2.1)",
	"Range: bytes=0-99", "Expect: 100-continue",
	"Cache-Control: only-if-cached" };

/* Of somebody who follows a link on the site itself. */
static void
try_referer(struct probe *p)
{
	char text[1024];
	const char *const headers[] = { text, NULL };
	const struct ctl_http_request request = { .headers = headers };

	(void)snprintf(text, sizeof(text), "Referer: https://%.900s/",
	    ctl_http_host(p->http));
	probe_expect_refusal(p, &request, text);
}

static void
try_websocket(struct probe *p)
{
	static const char *const headers[] = { "Upgrade: websocket",
		"Connection: Upgrade", "Sec-WebSocket-Version: 13",
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", NULL };
	const struct ctl_http_request request = { .headers = headers };

	probe_expect_refusal(p, &request, "Upgrade: websocket");
}

void
probe_claims(struct probe *p)
{
	static const char *const elsewhere[] = { "X-Original-URL",
		"X-Rewrite-URL", "X-Forwarded-Uri", "X-Latchkey-URI",
		"Latchkey-Uri", "Destination" };
	const char *headers[] = { NULL, NULL };
	const struct ctl_http_request request = { .headers = headers };
	char text[1024];
	size_t i;

	probe_part(p, "headers that claim to be somebody",
	    "no header of a client's may say who asks, or where the gate is "
	    "to look: take the condition on it out of the server's settings.");
	headers[0] = text;
	for (i = 0; i < IDENTITIES; i++) {
		(void)snprintf(text, sizeof(text), "%s: " FORGED,
		    identities[i]);
		probe_expect_refusal(p, &request, text);
	}
	for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s: %s", elsewhere[i],
		    p->public_path != NULL ? p->public_path : "/");
		probe_expect_refusal(p, &request, text);
	}
	for (i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		headers[0] = claims[i];
		probe_expect_refusal(p, &request, claims[i]);
	}
	try_referer(p);
	try_websocket(p);
	probe_part_end(p);
}

/* ---- Requests that are too long ---------------------------------------- */

void
probe_lengths(struct probe *p)
{
	static const int sizes[] = { 4000, 9000, 17000, 33000, 66000 };
	const size_t room = PROBE_TEXT + 64;
	char *text = malloc(room), what[64];
	const char *headers[] = { NULL, NULL };
	struct ctl_http_request request = { .headers = NULL };
	size_t i;

	probe_part(p, "requests that are too long",
	    "what does not fit is left out on the way to the gate: what is "
	    "missing there must refuse.");
	for (i = 0; text != NULL && i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		(void)snprintf(what, sizeof(what), "a query of %d bytes",
		    sizes[i]);
		(void)snprintf(text, room, "%.2048s?%0*d",
		    ctl_http_path(p->http), sizes[i] - 2200, 0);
		request = (struct ctl_http_request){ .target = text };
		probe_expect_refusal(p, &request, what);
		(void)snprintf(what, sizeof(what), "a header of %d bytes",
		    sizes[i]);
		(void)snprintf(text, room, "X-Long: %0*d", sizes[i] - 8, 0);
		headers[0] = text;
		request = (struct ctl_http_request){ .headers = headers };
		probe_expect_refusal(p, &request, what);
		(void)snprintf(what, sizeof(what), "a cookie of %d bytes",
		    sizes[i]);
		(void)snprintf(text, room, "Cookie: a=%0*d", sizes[i] - 10, 0);
		probe_expect_refusal(p, &request, what);
	}
	free(text);
	probe_part_end(p);
}

/* ---- What the application is told -------------------------------------- */

/*
 * What a header's name may have besides letters and digits (RFC 9110, section
 * 5.6.2): all the same to programs that find it in their environment.
 */
static const char signs[] = "-_!#$%&'*+.^`|~";

/* Headers that others go by.  An application may see one under its own name, as
 * anything else that a client says, but under no other. */
static const char *const of_others[] = { "X-Forwarded-User", "X-Remote-User",
	"X-Auth-Request-User", "X-Auth-User", "X-Webauth-User", "X-User",
	"Auth-User", "User", "Username" };
#define OF_OTHERS (sizeof(of_others) / sizeof(of_others[0]))

/* Whether ${seen} is ${name} as servers write it, or behind HTTP_. */
static bool
is_named(const char *seen, const char *name)
{
	if (strncasecmp(seen, "HTTP_", 5) == 0)
		seen += 5;
	for (; *name != '\0'; seen++, name++)
		if (*seen != *name &&
		    toupper((unsigned char)*seen) !=
		        (*name == '-' ? '_' : toupper((unsigned char)*name)))
			return (false);
	return (*seen == '\0');
}

/* Write what the page calls what stands at ${at}: the name in front of it, and
 * nothing else, as the token may be in the same line. */
static void
name_before(const struct lk_buf *body, const char *at, char *name, size_t size)
{
	const char *end = at, *start;

	while (end > body->data && strchr(" \t\"'=:", end[-1]) != NULL)
		end--;
	for (start = end; start > body->data &&
	     (isalnum((unsigned char)start[-1]) ||
	         strchr("-_", start[-1]) != NULL) &&
	     (size_t)(end - start) + 1 < size;)
		start--;
	(void)snprintf(name, size, "%.*s", (int)(end - start), start);
}

/* Whether the page has ${word} by a name that is not ${own}, which may be NULL;
 * write that name. */
static bool
is_seen(const struct lk_buf *body, const char *word, const char *own,
    char *name, size_t size)
{
	const char *at = body->len > 0 ? strstr(body->data, word) : NULL;

	for (; at != NULL; at = strstr(at + 1, word)) {
		name_before(body, at, name, size);
		if (own == NULL || !is_named(name, own))
			return (true);
	}
	return (false);
}

/* Ask as who is let in, with each name, and say what came through. */
static void
try_forged(struct probe *p, const char *const names[], size_t n, char sign,
    bool may_be_seen)
{
	char text[IDENTITIES][96], word[64], name[48];
	const char *headers[IDENTITIES + 1] = { NULL };
	const struct ctl_http_request request = { .headers = headers };
	const struct ctl_http_answer *a;
	char *c;
	size_t i;

	for (i = 0; i < n; i++) {
		(void)snprintf(text[i], sizeof(text[i]), "%s: " FORGED "-%zu.",
		    names[i], i);
		for (c = text[i]; *c != ':'; c++)
			if (*c == '-')
				*c = sign;
		headers[i] = text[i];
	}
	a = probe_ask(p, &request, true);
	for (i = 0; i < n; i++) {
		p->ways++;
		(void)snprintf(word, sizeof(word), FORGED "-%zu.", i);
		text[i][strcspn(text[i], ":")] = '\0';
		if (is_seen(&a->body, word, may_be_seen ? text[i] : NULL, name,
		        sizeof(name)))
			probe_open(p,
			    "a client's header %s reaches the "
			    "application as \"%s\"",
			    text[i], name);
	}
}

/* Whether a page says what it was sent. */
static bool
is_echo(struct probe *p)
{
	static const char *const said[] = { "X-Probe: does-it-echo", NULL };
	const struct ctl_http_request request = { .headers = said };
	const struct ctl_http_answer *a = probe_ask(p, &request, true);

	return (
	    a->body.len > 0 && strstr(a->body.data, "does-it-echo") != NULL);
}

/* Count lines that say who it is by a name with ${word} in it. */
static size_t
count_named(const struct lk_buf *body, const char *word)
{
	const char *at = body->data;
	size_t n = 0;

	while (body->len > 0 && (at = strcasestr(at, word)) != NULL) {
		n++;
		at += strlen(word);
	}
	return (n);
}

static void
try_leaving_out(struct probe *p)
{
	static const char *const lists[] = {
		"Connection: close, X-Latchkey-User",
		"Connection: X-Latchkey-User, X-Latchkey-Session, Forwarded"
	};
	const char *headers[] = { NULL, NULL };
	const struct ctl_http_request request = { .headers = headers };
	const size_t before = count_named(&p->page.body, "latchkey");
	const struct ctl_http_answer *a;
	size_t i;

	for (i = 0; i < sizeof(lists) / sizeof(lists[0]); i++) {
		headers[0] = lists[i];
		a = probe_ask(p, &request, true);
		p->ways++;
		if (probe_is_good(a) &&
		    count_named(&a->body, "latchkey") < before)
			probe_open(p,
			    "\"%s\" keeps from the application who "
			    "asks",
			    lists[i]);
	}
}

void
probe_told(struct probe *p)
{
	size_t i;

	probe_part(p, "what the application is told",
	    "let the server drop such headers of a client's, however they are "
	    "spelled, before it asks the gate: see the example in etc/ for "
	    "your server.");
	if (p->page.status == 0 || !is_echo(p)) {
		probe_hint(p, "--",
		    "not tried: for that put etc/probe/echo.php "
		    "or echo.py behind the gate, and give its URL and a token");
		return;
	}
	for (i = 0; signs[i] != '\0'; i++)
		try_forged(p, identities, IDENTITIES, signs[i], false);
	try_forged(p, of_others, OF_OTHERS, '-', true);
	try_leaving_out(p);
	probe_part_end(p);
	if (p->token != NULL && p->page.body.len > 0 &&
	    strstr(p->page.body.data, p->token + strcspn(p->token, ":=") + 2) !=
	        NULL)
		probe_hint(p, "look",
		    "the application sees the token, which "
		    "is of no use to it");
}
