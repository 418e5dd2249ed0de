/*
 * The verb `probe`: try one's own live site as somebody would who wants to get
 * in.  It asks one thing at a time, of the host that it is given, and no more
 * than what the parts hold.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "base/error.h"
#include "probe.h"

/* Of one kind, what is said in full. */
#define SHOWN_MAX 4
/* After so many requests that were not answered in time no more are made. */
#define LATE_MAX 3
/* "Authorization: Basic " and what it encodes. */
#define HEADER_MAX (3 * LK_TOKEN_MAX)

/* ---- What is found ----------------------------------------------------- */

static void say(struct probe *, const char *, const char *, va_list)
    __attribute__((format(printf, 3, 0)));

static void
say(struct probe *p, const char *mark, const char *format, va_list ap)
{
	struct lk_error line;
	char text[LK_ERROR_MAX];

	(void)vsnprintf(text, sizeof(text), format, ap);
	lk_error_set(&line, "%s", text);
	lk_buf_printf(&p->ctl->out, "%-5s %s: %s\n", mark, p->part, line.text);
}

void
probe_open(struct probe *p, const char *format, ...)
{
	va_list ap;

	p->code = CTL_REFUSED;
	if (++p->through > SHOWN_MAX)
		return;
	va_start(ap, format);
	say(p, "OPEN", format, ap);
	va_end(ap);
}

void
probe_hint(struct probe *p, const char *mark, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	say(p, mark, format, ap);
	va_end(ap);
}

void
probe_part(struct probe *p, const char *name, const char *advice)
{
	p->part = name;
	p->advice = advice;
	p->ways = p->through = 0;
}

void
probe_part_end(struct probe *p)
{
	if (p->through > SHOWN_MAX)
		probe_hint(p, "OPEN", "and %zu more", p->through - SHOWN_MAX);
	if (p->through > 0)
		lk_buf_printf(&p->ctl->out, "      %s\n", p->advice);
	else
		probe_hint(p, "ok", "%zu tried, none gets through", p->ways);
}

/* ---- Asking ------------------------------------------------------------ */

const struct ctl_http_answer *
probe_ask(struct probe *p, const struct ctl_http_request *request,
    bool with_token)
{
	const char *headers[PROBE_HEADERS];
	struct ctl_http_request whole = *request;
	size_t i, n = 0;

	/* Who has stopped answering would take hours. */
	if (p->late == LATE_MAX) {
		lk_buf_reset(&p->last.body);
		p->last.status = p->last.version = 0;
		return (&p->last);
	}
	for (i = 0; request->headers != NULL && request->headers[i] != NULL;
	     i++)
		if (n + 2 < PROBE_HEADERS)
			headers[n++] = request->headers[i];
	if (with_token && p->token != NULL)
		headers[n++] = p->token;
	headers[n] = NULL;
	whole.headers = headers;
	ctl_http_ask(p->http, &whole, &p->last);
	p->asked++;
	p->late += p->last.late;
	return (&p->last);
}

/* Ask with nothing special, and keep the answer. */
static void
ask_for(struct probe *p, bool with_token, struct ctl_http_answer *answer)
{
	const struct ctl_http_request request = { .target = NULL };
	struct ctl_http_answer before;

	(void)probe_ask(p, &request, with_token);
	before = *answer;
	*answer = p->last;
	p->last = before;
}

/* ---- The token --------------------------------------------------------- */

/* Find out how the site wants it: as a header of its own, or another. */
static enum lk_status
carry(struct probe *p, const struct lk_token *token)
{
	char cookie[128], pair[LK_USER_ID_MAX + LK_TOKEN_MAX + 2];
	char basic[2 * sizeof(pair)];
	const char *const ways[][2] = { { "Authorization: Bearer ",
		                            token->text },
		{ cookie, token->text }, { "X-Session-Token: ", token->text },
		{ "Authorization: Basic ", basic } };
	size_t i;

	if ((p->token = malloc(HEADER_MAX)) == NULL)
		return (LK_E_NOMEM);
	(void)snprintf(cookie, sizeof(cookie),
	    "Cookie: %.100s=", p->ctl->settings->cookie.name);
	(void)snprintf(pair, sizeof(pair), "%.*s:%s", LK_USER_ID_MAX,
	    ctl_http_user(p->http), token->text);
	(void)sodium_bin2base64(basic, sizeof(basic),
	    (const unsigned char *)pair, strlen(pair),
	    sodium_base64_VARIANT_ORIGINAL);
	for (i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		(void)snprintf(p->token, HEADER_MAX, "%s%s", ways[i][0],
		    ways[i][1]);
		ask_for(p, true, &p->page);
		if (p->page.status / 100 == 2)
			break;
	}
	sodium_memzero(pair, sizeof(pair));
	sodium_memzero(basic, sizeof(basic));
	return (i < sizeof(ways) / sizeof(ways[0]) ? LK_OK : LK_UNKNOWN);
}

/* Read the token of ${file}, and be let in with it. */
static int
take_token(struct probe *p, const char *file, struct lk_token *token)
{
	char dash[] = "-";
	int fd = -1;

	if (strcmp(file, "-") != 0) {
		if ((fd = open(file, O_RDONLY | O_CLOEXEC | O_NOCTTY)) < 0 ||
		    dup2(fd, STDIN_FILENO) < 0) {
			ctl_say(p->ctl, "%s: cannot be read: %s", file,
			    strerror(errno));
			if (fd >= 0)
				(void)close(fd);
			return (CTL_USAGE);
		}
		(void)close(fd);
	}
	if (ctl_token(p->ctl, dash, token) != LK_OK)
		return (CTL_USAGE);
	if (carry(p, token) == LK_OK)
		return (CTL_DONE);
	ctl_say(p->ctl,
	    "the site answers %ld to the token, so that there is "
	    "nothing to compare with; is it live, and its user allowed there?",
	    p->page.status);
	return (CTL_STORE);
}

/* ---- What changes meanwhile -------------------------------------------- */

/* Whether somebody keeps the page, or the gate's answer, for others. */
static void
probe_kept(struct probe *p)
{
	const struct ctl_http_request request = { .target = NULL };

	probe_part(p, "without a token, behind somebody who has one",
	    "somebody keeps pages or the gate's answers for everybody: no "
	    "proxy_cache, fastcgi_cache or other cache there.");
	(void)probe_ask(p, &request, true);
	p->ways++;
	if (probe_is_shown(p, probe_ask(p, &request, false)) &&
	    !probe_is_shown(p, &p->nobody))
		probe_open(p, "the page shows");
	probe_part_end(p);
}

/* Whether it still answers as in the beginning: to who is shut out meanwhile
 * all of it looks closed. */
static void
probe_still(struct probe *p)
{
	const struct ctl_http_request request = { .target = NULL };
	const long now = probe_ask(p, &request, false)->status;

	if (p->late == LATE_MAX)
		ctl_say(p->ctl,
		    "%d requests were not answered in time, and then no more "
		    "were made: what is \"ok\" above need not be",
		    LATE_MAX);
	else if (now != p->nobody.status)
		ctl_say(p->ctl,
		    "it answers %ld by now, and %ld in the beginning: if this "
		    "host is shut out, as by a limit or fail2ban, what is "
		    "\"ok\" above need not be",
		    now, p->nobody.status);
	else
		return;
	if (p->code == CTL_DONE)
		p->code = CTL_STORE;
}

/* Run what the operator says. */
static bool
run(struct probe *p, const char *command)
{
	/* NOLINTNEXTLINE(cert-env33-c): it is for a shell. */
	const int status = system(command);

	if (status == 0)
		return (true);
	ctl_say(p->ctl, "%s: it failed", command);
	p->code = CTL_STORE;
	return (false);
}

static void
probe_pause(struct probe *p, const char *pause, const char *resume)
{
	const struct ctl_http_request request = { .target = NULL };

	probe_part(p, "while the store is paused",
	    "what the gate could not find out must not open: only its 200 "
	    "does.  Look at error_page, at FcgidAccessCheckerAuthoritative and "
	    "at caches.");
	if (!run(p, pause))
		return;
	p->ways++;
	if (probe_ask(p, &request, true)->status / 100 == 2)
		probe_open(p, "the page shows, or the store was not paused");
	else
		probe_hint(p, "ok", "it answers %ld", p->last.status);
	if (resume == NULL || run(p, resume))
		probe_part_end(p);
}

static void
probe_revoked(struct probe *p, const struct lk_token *token)
{
	const struct ctl_http_request request = { .target = NULL };
	enum lk_status status;
	uint64_t ended;

	probe_part(p, "with the token revoked",
	    "somebody keeps what the gate has said: no proxy_cache or "
	    "fastcgi_cache for its answers, no cache for the page.");
	status = lk_revoke(p->ctl->manager, token, NULL, &ended);
	if (status != LK_OK) {
		p->code = ctl_answer(p->ctl, status, "session");
		return;
	}
	p->ways++;
	if (probe_ask(p, &request, true)->status / 100 == 2)
		probe_open(p, "the page shows all the same");
	probe_part_end(p);
}

/* ---- The verb ---------------------------------------------------------- */

/* Something that anybody may see: what is given, or what many sites have. */
static void
find_public(struct probe *p, const char *given)
{
	static const char *const usual[] = { "/login", "/public", "/static",
		NULL };
	struct ctl_http_request request = { .target = given };
	long status;
	size_t i;

	p->public_path = given;
	for (i = 0; p->public_path == NULL && usual[i] != NULL; i++) {
		request.target = usual[i];
		status = probe_ask(p, &request, false)->status;
		if (status / 100 == 2 || status == 301)
			p->public_path = usual[i];
	}
}

static void
find_nowhere(struct probe *p)
{
	const struct ctl_http_request request = {
		.target = "/latchkey-probe-nobody-has-this"
	};
	struct ctl_http_answer before = p->nowhere;

	(void)probe_ask(p, &request, false);
	p->nowhere = p->last;
	p->last = before;
}

/* All of it, with a token or without. */
static void
probe_all(struct probe *p)
{
	static void (*const parts[])(struct probe *) = { probe_paths,
		probe_below, probe_methods, probe_versions, probe_hosts,
		probe_tokens, probe_claims, probe_lengths };
	size_t i;

	probe_nobody(p);
	if (p->through > 0)
		probe_hint(p, "--",
		    "not tried: all that somebody could do to see what "
		    "anybody sees");
	else
		for (i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
			parts[i](p);
	probe_told(p);
}

int
ctl_probe(struct ctl *ctl, int argc, char **argv)
{
	const char *file = NULL, *ca = NULL, *open_path = NULL;
	const char *pause = NULL, *resume = NULL;
	bool revoke = false;
	const struct ctl_option options[] = { { "--token-from", NULL, &file },
		{ "--public", NULL, &open_path }, { "--ca", NULL, &ca },
		{ "--pause", NULL, &pause }, { "--resume", NULL, &resume },
		{ "--revoke", &revoke, NULL }, { NULL, NULL, NULL } };
	struct probe p = { .ctl = ctl,
		.nobody = CTL_HTTP_ANSWER_INIT,
		.page = CTL_HTTP_ANSWER_INIT,
		.nowhere = CTL_HTTP_ANSWER_INIT,
		.last = CTL_HTTP_ANSWER_INIT };
	struct lk_token token = { .len = 0 };
	struct lk_error error;
	int operands, code;

	if ((code = ctl_options(ctl, argc, argv, options, &operands)) != 0)
		return (code);
	if (operands != 1)
		return (ctl_usage(ctl, "one URL of your own site"));
	if (file == NULL && (revoke || pause != NULL))
		return (ctl_usage(ctl, "--token-from FILE beside that"));
	if (open_path != NULL && open_path[0] != '/')
		return (ctl_usage(ctl, "a --public path such as /login"));
	if (revoke && (code = ctl_manager(ctl)) != CTL_DONE)
		return (code);
	if (ctl_http_open(&p.http, argv[0], ca, &error) != LK_OK) {
		ctl_say(ctl, "%s", error.text);
		return (CTL_USAGE);
	}
	ask_for(&p, false, &p.nobody);
	if (p.nobody.status == 0) {
		ctl_say(ctl, "%s: %s", ctl_http_host(p.http), p.nobody.why);
		p.code = CTL_STORE;
	} else if (file == NULL ||
	    (p.code = take_token(&p, file, &token)) == 0) {
		find_nowhere(&p);
		find_public(&p, open_path);
		probe_all(&p);
		probe_still(&p);
		if (file != NULL)
			probe_kept(&p);
		if (pause != NULL)
			probe_pause(&p, pause, resume);
		if (revoke)
			probe_revoked(&p, &token);
		lk_buf_printf(&ctl->out, "%zu requests to %s\n", p.asked,
		    ctl_http_host(p.http));
	}
	lk_token_wipe(&token);
	if (p.token != NULL)
		sodium_memzero(p.token, strlen(p.token));
	free(p.token);
	lk_buf_free(&p.nobody.body);
	lk_buf_free(&p.page.body);
	lk_buf_free(&p.nowhere.body);
	lk_buf_free(&p.last.body);
	ctl_http_close(p.http);
	return (p.code);
}
