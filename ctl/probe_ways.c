/*
 * Ways around the gate that `latchkey probe` tries: each is one that a web
 * server was seen to leave open.  None changes anything on a site: a method
 * that might is asked for a name that nobody has.
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "probe.h"

/* ---- Judging ----------------------------------------------------------- */

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

bool
probe_is_shown(const struct probe *p, const struct ctl_http_answer *a)
{
	size_t all, common;

	if (probe_is_good(a))
		return (true);
	if (p->page.status == 0 || a->body.len == 0)
		return (false);
	count_lines(&p->page.body, &a->body, &all, &common);
	return (all > 0 && 10 * common >= 9 * all);
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
	if (probe_is_shown(p, &p->nobody))
		probe_open(p, "%s answers %ld%s", ctl_http_path(p->http),
		    p->nobody.status,
		    probe_is_good(&p->nobody) ? "" : " with the page");
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
	if (probe_is_shown(p, a) && is_page(p, a))
		probe_open(p, "%s answers %ld with the page", what, a->status);
}

void
probe_expect_refusal(struct probe *p, const struct ctl_http_request *request,
    const char *what)
{
	const struct ctl_http_answer *a = probe_ask(p, request, false);

	p->ways++;
	if (probe_is_shown(p, a))
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

/* Whether somebody else than the gate has answered, who looked there. */
static bool
is_looked_up(struct probe *p, const char *method, const char *suffix,
    struct lk_buf *target)
{
	static const char *const empty[] = { "Content-Length: 0", NULL };
	struct ctl_http_request request = { .method = method };
	long status;

	if (!say_below(p, suffix, target))
		return (false);
	request.target = target->data;
	if (method != NULL)
		request.headers = empty;
	status = probe_ask(p, &request, false)->status;
	return (status != p->nobody.status &&
	    (status / 100 == 2 || status == 404 || status == 405 ||
	        status == 409 || status == 501));
}

void
probe_below(struct probe *p)
{
	static const char *const suffixes[] = { ".php", ".cgi", ".html", ".js",
		".css", ".png", ".jpg", ".svg", ".ico", ".woff2", ".txt",
		".json", ".xml", ".pdf", ".zip", ".php/x", "/",
		".well-known/x" };
	struct lk_buf target = LK_BUF_INIT(PROBE_TEXT);
	size_t i;

	probe_part(p, "other names beside it",
	    "another rule of the server goes before the protected one for "
	    "such names (in nginx each location with a regular expression): "
	    "protect the server, not the folder.");
	if (is_looked_up(p, NULL, "", &target)) {
		p->told_apart = true;
		probe_hint(p, "look",
		    "%s answers %ld without a token: what there is beside the "
		    "page can be told from what there is not, or is not "
		    "protected",
		    target.data, p->last.status);
	} else {
		for (i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
			p->ways++;
			if (is_looked_up(p, NULL, suffixes[i], &target))
				probe_open(p,
				    "%s answers %ld: the gate was not asked",
				    target.data, p->last.status);
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
	struct lk_buf target = LK_BUF_INIT(PROBE_TEXT);
	struct ctl_http_request request = { .method = NULL };
	size_t i;

	probe_part(p, "other methods",
	    "the gate is asked for some methods only: take <Limit>, "
	    "limit_except or the condition on the method away, and "
	    "\"TraceEnable off\" (Apache).");
	for (i = 0; i < sizeof(harmless) / sizeof(harmless[0]); i++) {
		request.method = harmless[i];
		probe_expect_refusal(p, &request, harmless[i]);
	}
	for (i = 0; !p->told_apart && i < sizeof(others) / sizeof(others[0]);
	     i++) {
		p->ways++;
		if (is_looked_up(p, others[i], "", &target))
			probe_open(p, "%s answers %ld: the gate was not asked",
			    others[i], p->last.status);
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
	probe_expect_refusal(p, &request, "HTTP/1.0");
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
		if (probe_is_good(a) && (i == 0 || is_page(p, a)))
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
