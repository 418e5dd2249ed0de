/*
 * The questions of `latchkey probe`.  Each is one that a web server was seen to
 * get wrong.  None changes anything on a site: what has a method that might
 * goes to a name that nobody has, and with a token there is only GET.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "probe.h"

/* What a client that lies says. */
#define FORGED "forged-by-the-probe"

/* ---- Judging ----------------------------------------------------------- */

static bool
is_good(const struct ctl_http_answer *a)
{
	return (a->status / 100 == 2);
}

static bool
is_same(const struct ctl_http_answer *a, const struct ctl_http_answer *b)
{
	return (a->status == b->status && a->body.len == b->body.len &&
	    (a->body.len == 0 ||
	        memcmp(a->body.data, b->body.data, a->body.len) == 0));
}

/* Count lines of ${a}, and how many of them ${b} has as well. */
static void
count_lines(const struct lk_buf *a, const struct lk_buf *b, size_t *all,
    size_t *common)
{
	char line[256];
	const char *at = a->data;
	size_t len;

	*all = *common = 0;
	for (; a->len > 0 && *at != '\0' && *all < 200; at += len) {
		len = strcspn(at, "\n");
		if (len > 3) {
			(void)snprintf(line, sizeof(line), "%.*s", (int)len,
			    at);
			++*all;
			*common += b->len > 0 && strstr(b->data, line) != NULL;
		}
		len += at[len] == '\n';
	}
}

/* Whether it is the protected page, though it need not be the same twice. */
static bool
is_page(const struct probe *p, const struct ctl_http_answer *a)
{
	size_t all, common;

	if (p->page.status == 0)
		return (!is_same(a, &p->nowhere));
	if (is_same(a, &p->page))
		return (true);
	count_lines(&p->page.body, &a->body, &all, &common);
	return (all > 0 && 2 * common >= all);
}

/* ---- Who has no token -------------------------------------------------- */

void
probe_nobody(struct probe *p)
{
	probe_part(p, "without a token",
	    "the gate is not asked.  Look at the order of the modules and at "
	    "check-local (lighttpd), at auth_request, \"satisfy any\" and a "
	    "location that goes before (nginx), at \"Require all granted\" and "
	    "RequireAny (Apache), at the order of the route (Caddy), at the "
	    "lines with deny (HAProxy); the examples in etc/ are complete.");
	p->ways++;
	if (is_good(&p->nobody))
		probe_open(p, "%s answers %ld", ctl_http_path(p->http),
		    p->nobody.status);
	else if (p->nobody.status >= 500)
		probe_hint(p, "look",
		    "it answers %ld, which is what a gate "
		    "says that could not find out",
		    p->nobody.status);
	probe_part_end(p);
}

/* Ask without a token; say ${what} if the page shows. */
static void
expect_no_page(struct probe *p, const struct ctl_http_request *request,
    const char *what)
{
	const struct ctl_http_answer *a = probe_ask(p, request, false);

	p->ways++;
	if (is_good(a) && is_page(p, a))
		probe_open(p, "%s answers %ld with the page", what, a->status);
}

/* The same for a request that nothing else than the page could answer. */
static void
expect_refusal(struct probe *p, const struct ctl_http_request *request,
    const char *what)
{
	const struct ctl_http_answer *a = probe_ask(p, request, false);

	p->ways++;
	if (is_good(a))
		probe_open(p, "%s answers %ld", what, a->status);
}

/* ---- Other spellings of the path --------------------------------------- */

/* Where @ is the path, and & a public one. */
static const char *const spellings[] = { "/@", "//@", "/.@", "/%2e@", "@/",
	"@//", "@/.", "@%00", "@%00.css", "@%20", "@.", "@;x", "@%23", "@?x",
	"@#x", "@%3fx", "http://localhost@", "http://other.example@",
	"https://localhost@", "http:@", "/x/..@", "/x/%2e%2e@", "/x/..%2f@",
	"/x/..;@", "/x%2f..@", "/x\\..@", "/x//..@", "&/..@", "&/x/../..@",
	"&/./..@", "&//..@", "/./&/..@", "&/%2e%2e@", "&/.%2e@", "&/..%2f@",
	"&%2f..@", "&%2f..%2f@", "&/..%5c@", "&\\..@", "&/..;@", "&;/..@",
	"&/..%00@", "&/%252e%252e@", "&/..%252f@", "&/%c0%ae%c0%ae@",
	"http://localhost&/..@", "@/&", "@?&", "@;/&", "@#&" };

static void
try_path(struct probe *p, const char *target)
{
	const struct ctl_http_request request = { .target = target };

	if (strcmp(target, ctl_http_path(p->http)) != 0)
		expect_no_page(p, &request, target);
}

static void
fill_in(struct probe *p, const char *spelling, struct lk_buf *out)
{
	const char *c;

	lk_buf_reset(out);
	for (c = spelling; *c != '\0'; c++) {
		if (*c == '@')
			lk_buf_str(out, ctl_http_path(p->http));
		else if (*c == '&')
			lk_buf_str(out, p->public_path);
		else
			lk_buf_add(out, c, 1);
	}
}

/* The path with each inner slash as ${slash}, or with its letters changed. */
static void
try_changed(struct probe *p, const char *slash, int change(int),
    struct lk_buf *out)
{
	const char *path = ctl_http_path(p->http);
	size_t i;
	char c;

	lk_buf_reset(out);
	for (i = 0; path[i] != '\0'; i++) {
		c = (char)change((unsigned char)path[i]);
		if (path[i] == '/' && (i > 0 || slash[0] == '/'))
			lk_buf_str(out, slash);
		else
			lk_buf_add(out, &c, 1);
	}
	if (!out->failed)
		try_path(p, out->data);
}

static int
as_it_is(int c)
{
	return (c);
}

void
probe_paths(struct probe *p)
{
	const char *path = ctl_http_path(p->http);
	struct lk_buf target = LK_BUF_INIT(PROBE_TEXT);
	size_t i;

	probe_part(p, "other spellings of the path",
	    "somebody on the way reads a path otherwise than who decides "
	    "whether the gate is asked.  Protect the whole site, and let only "
	    "what is plainly public go unasked, as the examples do.");
	for (i = 0; i < sizeof(spellings) / sizeof(spellings[0]); i++) {
		if (p->public_path == NULL && strchr(spellings[i], '&') != NULL)
			continue;
		fill_in(p, spellings[i], &target);
		if (!target.failed)
			try_path(p, target.data);
	}
	try_changed(p, "/", toupper, &target);
	try_changed(p, "//", as_it_is, &target);
	try_changed(p, "/./", as_it_is, &target);
	try_changed(p, "%2f", as_it_is, &target);
	try_changed(p, "\\", as_it_is, &target);
	if (path[1] != '\0') {
		lk_buf_reset(&target);
		lk_buf_printf(&target, "/%%%02x%s", (unsigned char)path[1],
		    path + 2);
		if (!target.failed)
			try_path(p, target.data);
	}
	lk_buf_free(&target);
	probe_part_end(p);
}

/* ---- Below the path ---------------------------------------------------- */

/* The folder of the path, and a name in it that nobody has. */
static bool
say_below(struct probe *p, const char *suffix, struct lk_buf *out)
{
	const char *path = ctl_http_path(p->http);
	const size_t len = strcspn(path, "?");
	size_t folder = len;

	while (folder > 0 && path[folder - 1] != '/')
		folder--;
	lk_buf_reset(out);
	lk_buf_add(out, path, folder);
	lk_buf_printf(out, "latchkey-probe-nobody-has-this%s", suffix);
	return (!out->failed);
}

/* Whether somebody else than the gate has answered, who looked at the site. */
static bool
is_looked_up(const struct probe *p, const struct ctl_http_answer *a)
{
	return (a->status != p->nobody.status &&
	    (is_good(a) || a->status == 404 || a->status == 405 ||
	        a->status == 409 || a->status == 501));
}

void
probe_below(struct probe *p)
{
	static const char *const suffixes[] = { ".php", ".cgi", ".html", ".js",
		".css", ".png", ".txt", ".php/x", "/", ".well-known/x" };
	struct lk_buf target = LK_BUF_INIT(PROBE_TEXT);
	struct ctl_http_request request = { .target = NULL };
	const struct ctl_http_answer *a;
	size_t i;

	probe_part(p, "other names beside it",
	    "another rule of the server goes before the protected one for "
	    "such names (in nginx each location with a regular expression): "
	    "protect the server, not the folder.");
	if (is_good(&p->nobody) || !say_below(p, "", &target)) {
		lk_buf_free(&target);
		return;
	}
	request.target = target.data;
	a = probe_ask(p, &request, false);
	if (is_looked_up(p, a)) {
		probe_hint(p, "look",
		    "%s answers %ld without a token: what there is beside the "
		    "page can be told from what there is not, or is not "
		    "protected",
		    target.data, a->status);
	} else {
		for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
			if (!say_below(p, suffixes[i], &target))
				continue;
			request.target = target.data;
			a = probe_ask(p, &request, false);
			p->ways++;
			if (is_looked_up(p, a))
				probe_open(p,
				    "%s answers %ld: the gate was "
				    "not asked",
				    target.data, a->status);
		}
		probe_part_end(p);
	}
	lk_buf_free(&target);
}

/* ---- Methods, versions, hosts ------------------------------------------ */

void
probe_methods(struct probe *p)
{
	static const char *const harmless[] = { "HEAD", "get", "OPTIONS",
		"PROPFIND", "REPORT", "SEARCH", "PROBE", "TRACE" };
	static const char *const others[] = { "POST", "PUT", "DELETE", "PATCH",
		"MKCOL" };
	static const char *const empty[] = { "Content-Length: 0", NULL };
	struct lk_buf target = LK_BUF_INIT(PROBE_TEXT);
	struct ctl_http_request request = { .method = NULL };
	const struct ctl_http_answer *a;
	size_t i;

	probe_part(p, "other methods",
	    "the gate is asked for some methods only: take <Limit>, "
	    "limit_except or the condition on the method away, and "
	    "\"TraceEnable off\" (Apache).");
	for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		request.method = harmless[i];
		expect_refusal(p, &request, harmless[i]);
	}
	if (!is_good(&p->nobody) && say_below(p, "", &target)) {
		request.target = target.data;
		a = probe_ask(p,
		    &(struct ctl_http_request){ .target = target.data }, false);
		for (i = 0; !is_looked_up(p, a) &&
		     i < sizeof(others) / sizeof(others[0]);
		     i++) {
			request.method = others[i];
			request.headers = empty;
			p->ways++;
			if (is_looked_up(p, probe_ask(p, &request, false)))
				probe_open(p,
				    "%s answers %ld: the gate was "
				    "not asked",
				    others[i], p->last.status);
		}
	}
	lk_buf_free(&target);
	probe_part_end(p);
}

void
probe_versions(struct probe *p)
{
	static const char *const targets[] = { NULL, "/x/../", "//" };
	static const char *const no_host[] = { "Host:", NULL };
	struct ctl_http_request request = { .version = CTL_HTTP_1_0 };
	struct lk_buf target = LK_BUF_INIT(PROBE_TEXT);
	const struct ctl_http_answer *a;
	size_t i;

	probe_part(p, "HTTP/1.0 and HTTP/2",
	    "another part of the server answers them: protect that one too.");
	expect_refusal(p, &request, "HTTP/1.0");
	request.headers = no_host;
	expect_no_page(p, &request, "HTTP/1.0 without a host");
	request.headers = NULL;
	request.version = CTL_HTTP_2;
	for (i = 0; i < sizeof(targets) / sizeof(targets[0]); i++) {
		lk_buf_reset(&target);
		lk_buf_printf(&target, "%s%s",
		    targets[i] != NULL ? targets[i] : "",
		    ctl_http_path(p->http) + (targets[i] != NULL ? 1 : 0));
		request.target = target.data;
		a = target.failed ? &p->nobody : probe_ask(p, &request, false);
		if (a->version != 2)
			break;
		p->ways++;
		if (is_good(a) && (i == 0 || is_page(p, a)))
			probe_open(p, "HTTP/2: %s answers %ld", target.data,
			    a->status);
	}
	if (i == 0)
		probe_hint(p, "--", "HTTP/2 is not spoken here");
	lk_buf_free(&target);
	probe_part_end(p);
}

void
probe_hosts(struct probe *p)
{
	static const char *const hosts[] = { "Host: other.example",
		"Host: localhost", "Host: 127.0.0.1", "Host: _" };
	const char *headers[] = { NULL, NULL };
	const struct ctl_http_request request = { .headers = headers };
	size_t i;

	probe_part(p, "other hosts",
	    "another virtual host serves the same: protect it too, or let it "
	    "answer nothing.");
	for (i = 0; i < sizeof(hosts) / sizeof(hosts[0]); i++) {
		headers[0] = hosts[i];
		expect_no_page(p, &request, hosts[i]);
	}
	probe_part_end(p);
}

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
			expect_refusal(p, &request, text);
		}
	if (p->token != NULL) {
		headers[0] = p->token;
		p->token[strlen(p->token) - 1] ^= 1;
		expect_refusal(p, &request, "a token with another last letter");
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
	"Upgrade: websocket", "Range: bytes=0-99", "Expect: 100-continue",
	"Cache-Control: only-if-cached" };

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
		expect_refusal(p, &request, text);
	}
	for (i = 0; i < sizeof(elsewhere) / sizeof(elsewhere[0]); i++) {
		(void)snprintf(text, sizeof(text), "%s: %s", elsewhere[i],
		    p->public_path != NULL ? p->public_path : "/");
		expect_refusal(p, &request, text);
	}
	for (i = 0; i < sizeof(claims) / sizeof(claims[0]); i++) {
		headers[0] = claims[i];
		expect_refusal(p, &request, claims[i]);
	}
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
		expect_refusal(p, &request, what);
		(void)snprintf(what, sizeof(what), "a header of %d bytes",
		    sizes[i]);
		(void)snprintf(text, room, "X-Long: %0*d", sizes[i] - 8, 0);
		headers[0] = text;
		request = (struct ctl_http_request){ .headers = headers };
		expect_refusal(p, &request, what);
		(void)snprintf(what, sizeof(what), "a cookie of %d bytes",
		    sizes[i]);
		(void)snprintf(text, room, "Cookie: a=%0*d", sizes[i] - 10, 0);
		expect_refusal(p, &request, what);
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

/* Whether ${line} begins with ${name} as servers write it, or behind HTTP_. */
static bool
is_named(const char *line, const char *name)
{
	if (strncasecmp(line, "HTTP_", 5) == 0)
		line += 5;
	for (; *name != '\0'; line++, name++)
		if (*line != *name &&
		    toupper((unsigned char)*line) !=
		        (*name == '-' ? '_' : toupper((unsigned char)*name)))
			return (false);
	return (*line == '=' || *line == ':');
}

/* The line of the page that has ${word}, if one has that is not to be called
 * ${own}, which may be NULL. */
static bool
line_with(const struct lk_buf *body, const char *word, const char *own,
    char *line, size_t size)
{
	const char *at = body->len > 0 ? strstr(body->data, word) : NULL;
	const char *start;
	size_t len;

	for (; at != NULL; at = strstr(at + 1, word)) {
		for (start = at; start > body->data && start[-1] != '\n';)
			start--;
		len = strcspn(start, "\r\n");
		(void)snprintf(line, size, "%.*s", len < 100 ? (int)len : 100,
		    start);
		if (own == NULL || !is_named(line, own))
			return (true);
	}
	return (false);
}

/* Ask as who is let in, with each name, and say what came through. */
static void
try_forged(struct probe *p, const char *const names[], size_t n, char sign,
    bool may_be_seen)
{
	char text[IDENTITIES][96], word[64], line[128];
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
		if (line_with(&a->body, word, may_be_seen ? text[i] : NULL,
		        line, sizeof(line)))
			probe_open(p,
			    "a client's header %s reaches the "
			    "application: %s",
			    text[i], line);
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
		if (is_good(a) && count_named(&a->body, "latchkey") < before)
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
	if (p->token != NULL &&
	    strstr(p->page.body.data, p->token + strcspn(p->token, ":=") + 2) !=
	        NULL)
		probe_hint(p, "look",
		    "the application sees the token, which "
		    "is of no use to it");
}
