#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <sodium.h>

#include "base/error.h"
#include "base/escape.h"
#include "base/trusted_file.h"
#include "endpoints/html.h"

#include "page_css.h"

/* Longest scheme and host that a page may lead to. */
#define ORIGIN_MAX 264
#define HASH_SIZE                                           \
	sodium_base64_ENCODED_LEN(crypto_hash_sha256_BYTES, \
	    sodium_base64_VARIANT_ORIGINAL)

/* ---- Text ---------------------------------------------------------------- */

void
gate_html_text(struct lk_buf *out, const char *text)
{
	static const struct {
		char byte;
		const char *shown;
	} table[] = { { '&', "&amp;" }, { '<', "&lt;" }, { '>', "&gt;" },
		{ '"', "&quot;" }, { '\'', "&#39;" } };
	char shown[LK_ESCAPE_SIZE];
	size_t i, n, left = strlen(text);

	for (; left > 0; text += n, left -= n) {
		n = lk_escape_next(LK_ESCAPE_LINE, text, left, shown);
		for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
			if (n == 1 && text[0] == table[i].byte)
				break;
		}
		lk_buf_str(out,
		    i < sizeof(table) / sizeof(table[0]) ? table[i].shown
		                                         : shown);
	}
}

void
gate_html_time(struct lk_buf *out, int64_t seconds)
{
	const time_t then = (time_t)seconds;
	char machine[32] = "", person[32] = "";
	struct tm tm;

	if (gmtime_r(&then, &tm) == NULL ||
	    strftime(machine, sizeof(machine), "%Y-%m-%dT%H:%M:%SZ", &tm) ==
	        0 ||
	    strftime(person, sizeof(person), "%Y-%m-%d %H:%M UTC", &tm) == 0)
		return;
	lk_buf_printf(out, "<time datetime=\"%s\">%s</time>", machine, person);
}

/* The name behind the first of ${table} that ${agent} has; NULL if none. */
static const char *
name_in(const char *agent, const char *const (*table)[2])
{
	for (; (*table)[0] != NULL; table++) {
		if (strstr(agent, (*table)[0]) != NULL)
			return ((*table)[1]);
	}
	return (NULL);
}

/* Each calls itself by the names of those before it as well. */
void
gate_html_device(struct lk_buf *out, const char *agent)
{
	static const char *const browsers[][2] = { { "Firefox/", "Firefox" },
		{ "FxiOS/", "Firefox" }, { "Edg", "Edge" }, { "OPR/", "Opera" },
		{ "Vivaldi/", "Vivaldi" }, { "SamsungBrowser/", "Samsung" },
		{ "CriOS/", "Chrome" }, { "Chrome/", "Chrome" },
		{ "Safari/", "Safari" }, { "curl/", "curl" }, { NULL, NULL } };
	static const char *const systems[][2] = { { "Android", "Android" },
		{ "iPhone", "iPhone" }, { "iPad", "iPad" },
		{ "Windows", "Windows" }, { "Mac OS X", "macOS" },
		{ "CrOS", "ChromeOS" }, { "Linux", "Linux" }, { NULL, NULL } };
	const char *browser = name_in(agent, browsers);
	const char *system = name_in(agent, systems);

	if (browser != NULL && system != NULL) {
		lk_buf_printf(out, "%s on %s", browser, system);
	} else if (agent[0] != '\0') {
		lk_buf_str(out, "<bdi>");
		gate_html_text(out, agent);
		lk_buf_str(out, "</bdi>");
	} else {
		lk_buf_str(out, "Unknown device");
	}
}

void
gate_html_note(struct lk_buf *out, bool bad, const char *text)
{
	lk_buf_printf(out,
	    "<p class=\"note %s\" role=\"%s\" id=\"note\">%s</p>\n",
	    bad ? "bad" : "good", bad ? "alert" : "status", text);
}

const char *
gate_html_reason(enum lk_reason reason)
{
	switch (reason) {
	case LK_REASON_NONE:
		break;
	case LK_REASON_LIMIT:
		return ("It ended for a newer one: there may be only so many.");
	case LK_REASON_REPLACED:
		return ("It ended when you signed in again in the same place.");
	case LK_REASON_REVOKED:
		return ("It was ended from elsewhere.");
	case LK_REASON_LOGOUT:
		return ("You signed out.");
	case LK_REASON_LOGOUT_ALL:
		return ("You signed out everywhere.");
	case LK_REASON_LOGOUT_OTHERS:
		return ("You signed out everywhere else.");
	}
	return ("It ended.");
}

/* ---- The page ------------------------------------------------------------ */

enum lk_status
gate_style_load(const struct lk_settings *settings, char **style,
    struct lk_error *error)
{
	static const char key[] = "gate.page.style";
	const char *path = settings->gate.page.style;
	struct lk_buf text = LK_BUF_INIT(GATE_STYLE_MAX);
	enum lk_status status = LK_OK;

	*style = NULL;
	if (path[0] == '\0')
		return (LK_OK);
	status = lk_trusted_file_read(path, &text, error);
	/* It could end the element that it stands in. */
	if (status == LK_OK && text.len > 0 &&
	    (memchr(text.data, '<', text.len) != NULL ||
	        memchr(text.data, '\0', text.len) != NULL ||
	        memchr(text.data, '\r', text.len) != NULL))
		status = lk_settings_refuse(settings, key, key, error,
		    "%s: expected CSS without <, NUL and carriage returns",
		    path);
	if (status == LK_OK && text.len > 0 &&
	    (*style = lk_buf_take(&text)) == NULL)
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
	lk_buf_free(&text);
	return (status);
}

/* How long the scheme, host and port of a URL are; 0 for all else. */
static size_t
origin_len(const char *url)
{
	static const char letters[] = "abcdefghijklmnopqrstuvwxyz"
	                              "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-";
	const size_t scheme = strncmp(url, "https://", 8) == 0 ? 8
	    : strncmp(url, "http://", 7) == 0
	    ? 7
	    : 0;
	size_t len = scheme + strspn(url + scheme, letters);

	if (scheme == 0 || len == scheme || len > ORIGIN_MAX)
		return (0);
	if (url[len] == ':')
		len += 1 + strspn(url + len + 1, "0123456789");
	return (strchr("/?#", url[len]) != NULL ? len : 0);
}

/* Which style a browser takes, and that it takes nothing else.  Some hold a
 * form to where its answer leads them as well (CSP 3, section 6.4.1). */
static void
add_policy(struct gate_call *call, const char *style, const char *next)
{
	const size_t origin = origin_len(next);
	unsigned char hash[crypto_hash_sha256_BYTES];
	struct lk_buf policy = LK_BUF_INIT(1024);
	crypto_hash_sha256_state state;
	char text[HASH_SIZE];

	(void)crypto_hash_sha256_init(&state);
	(void)crypto_hash_sha256_update(&state,
	    (const unsigned char *)gate_page_css, strlen(gate_page_css));
	(void)crypto_hash_sha256_update(&state, (const unsigned char *)style,
	    strlen(style));
	(void)crypto_hash_sha256_final(&state, hash);
	sodium_bin2base64(text, sizeof(text), hash, sizeof(hash),
	    sodium_base64_VARIANT_ORIGINAL);
	lk_buf_printf(&policy,
	    "default-src 'none'; style-src 'sha256-%s'; form-action 'self'%s"
	    "%.*s; base-uri 'none'; frame-ancestors 'none'",
	    text, origin > 0 ? " " : "", (int)origin, next);
	gate_reply_header(call->out, "Content-Security-Policy",
	    policy.failed ? "default-src 'none'" : policy.data);
	lk_buf_free(&policy);
}

void
gate_html_begin(struct gate_call *call, unsigned int http, const char *title,
    bool narrow, const char *next)
{
	const char *site = call->asked->settings->gate.page.title;
	const char *style = call->asked->style == NULL
	    ? ""
	    : call->asked->style;
	struct lk_buf *body = &call->body;

	gate_call_begin(call, http);
	call->type = "text/html; charset=utf-8";
	add_policy(call, style, next);
	gate_reply_header(call->out, "X-Frame-Options", "DENY");
	/* With none at all, browsers would not say where a form is from. */
	gate_reply_header(call->out, "Referrer-Policy", "same-origin");
	lk_buf_printf(body,
	    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n"
	    "<meta charset=\"utf-8\">\n<meta name=\"viewport\" "
	    "content=\"width=device-width, initial-scale=1\">\n<title>%s",
	    title);
	if (site[0] != '\0') {
		lk_buf_str(body, " - ");
		gate_html_text(body, site);
	}
	lk_buf_str(body, "</title>\n<style>");
	lk_buf_str(body, gate_page_css);
	lk_buf_str(body, style);
	lk_buf_printf(body, "</style>\n</head>\n<body>\n<main%s>\n",
	    narrow ? " class=\"narrow\"" : "");
	if (site[0] != '\0') {
		lk_buf_str(body, "<p class=\"site\">");
		gate_html_text(body, site);
		lk_buf_str(body, "</p>\n");
	}
	lk_buf_printf(body, "<h1>%s</h1>\n", title);
}

void
gate_html_end(struct gate_call *call)
{
	lk_buf_str(&call->body, "</main>\n</body>\n</html>\n");
}
