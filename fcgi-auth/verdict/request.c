#include <stdio.h>
#include <string.h>
#include <strings.h>

#include <sodium.h>

#include "base/address.h"
#include "verdict/request.h"

/* The Sec-Fetch-Mode of a page that a person goes to. */
static const char navigate[] = "navigate";

static bool
is_given(const char *text)
{
	return (text != NULL && *text != '\0');
}

const char *
gate_request_next(const struct gate_request *request, const char *name,
    size_t *at)
{
	const size_t len = strlen(name);
	char *const *env = request->env + *at;
	const char *value = NULL;

	for (; *env != NULL && value == NULL; env++) {
		if (**env == *name && strncmp(*env, name, len) == 0 &&
		    (*env)[len] == '=')
			value = *env + len + 1;
	}
	*at = (size_t)(env - request->env);
	return (value);
}

static const char *
first_of(const struct gate_request *request, const char *name)
{
	size_t at = 0;

	return (gate_request_next(request, name, &at));
}

/* What the browser says that it is about: of several what is no navigation. */
static const char *
fetch_mode_of(const struct gate_request *request)
{
	const char *mode = NULL, *value;
	size_t at = 0;

	while ((value = gate_request_next(request, "HTTP_SEC_FETCH_MODE",
	            &at)) != NULL) {
		if (mode == NULL || strcmp(mode, navigate) == 0)
			mode = value;
	}
	return (mode);
}

const char *
gate_request_only(const struct gate_request *request, const char *name)
{
	size_t at = 0;
	const char *value = gate_request_next(request, name, &at);

	if (value != NULL && gate_request_next(request, name, &at) != NULL)
		return ("");
	return (value);
}

const char *
gate_request_host(const struct gate_request *request)
{
	const char *host = gate_request_only(request, "LATCHKEY_HOST");

	return (host != NULL && lk_host_is_name(host) ? host : NULL);
}

void
gate_request_read(char *const *env, bool authorizer,
    struct gate_request *request)
{
	*request = (struct gate_request){ .env = env,
		.authorizer = authorizer };
	request->method = gate_request_only(request, "LATCHKEY_METHOD");
	if (request->method == NULL)
		request->method = gate_request_only(request, "REQUEST_METHOD");
	request->uri = gate_request_only(request, "REQUEST_URI");
	request->accept = first_of(request, "HTTP_ACCEPT");
	request->peer = first_of(request, "REMOTE_ADDR");
	request->fetch_mode = fetch_mode_of(request);
	request->requested_with = first_of(request, "HTTP_X_REQUESTED_WITH");
}

void
gate_request_doubt(struct gate_request *request)
{
	const char *forwarded;
	size_t at = 0;

	if (request->method == NULL ||
	    first_of(request, "LATCHKEY_METHOD") != NULL)
		return;
	while (request->method != NULL &&
	    (forwarded = gate_request_next(request, "HTTP_X_FORWARDED_METHOD",
	         &at)) != NULL) {
		if (strcmp(request->method, forwarded) != 0)
			request->method = NULL;
	}
}

/* Whether ${len} hexadecimal digits begin there; ${some}: not all are 0. */
static bool
is_hex(const char *text, size_t len, bool some)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (text[i] == '\0' ||
		    strchr("0123456789abcdef", text[i]) == NULL)
			return (false);
	}
	return (!some || strspn(text, "0") < len);
}

const char *
gate_request_trace(const struct gate_request *request)
{
	const char *v = gate_request_only(request, "HTTP_TRACEPARENT");

	return (v != NULL && is_hex(v, 2, false) && v[2] == '-' &&
	            is_hex(v + 3, 32, true) && v[35] == '-' &&
	            is_hex(v + 36, 16, true) && v[52] == '-' &&
	            is_hex(v + 53, 2, false) && v[55] == '\0' &&
	            strncmp(v, "ff", 2) != 0
	        ? v
	        : NULL);
}

const char *
gate_request_id(const struct gate_request *request)
{
	const char *v = gate_request_only(request, "HTTP_X_REQUEST_ID");
	const size_t len = v == NULL ? 0 : strlen(v);

	return (len >= 1 && len <= 128 &&
	            strspn(v,
	                "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                "abcdefghijklmnopqrstuvwxyz0123456789"
	                "._~+/=:-") == len
	        ? v
	        : NULL);
}

/* Whether a media range's parameters have the weight 0 (RFC 9110, 12.4.2). */
static bool
is_refused(const char *params)
{
	for (;;) {
		params += strspn(params, " \t;");
		if (strncasecmp(params, "q=0", 3) == 0)
			break;
		params += strcspn(params, ";,");
		if (*params != ';')
			return (false);
	}
	params += 3 + strspn(params + 3, ".0");
	return (strchr(" \t;,", *params) != NULL);
}

/* Whether one of the media ranges of the Accept header is text/html. */
static bool
accepts_html(const struct gate_request *request)
{
	static const char html[] = "text/html";
	const char *p = request->accept == NULL ? "" : request->accept;

	for (;;) {
		p += strspn(p, " \t,");
		if (strncasecmp(p, html, sizeof(html) - 1) == 0 &&
		    strchr(" \t,;", p[sizeof(html) - 1]) != NULL &&
		    !is_refused(p + sizeof(html) - 1))
			return (true);
		if ((p = strchr(p, ',')) == NULL)
			return (false);
	}
}

bool
gate_request_is_navigation(const struct gate_request *request)
{
	if (request->method == NULL || !accepts_html(request))
		return (false);
	if (strcmp(request->method, "GET") != 0 &&
	    strcmp(request->method, "HEAD") != 0)
		return (false);
	return (!gate_request_is_script(request));
}

bool
gate_request_is_browser(const struct gate_request *request)
{
	return (is_given(request->fetch_mode) || accepts_html(request));
}

bool
gate_request_is_script(const struct gate_request *request)
{
	if (is_given(request->fetch_mode))
		return (strcmp(request->fetch_mode, navigate) != 0);
	return (is_given(request->requested_with));
}

void
gate_request_path(const struct gate_request *request, char *path, size_t size)
{
	const char *uri = request->uri == NULL ? "" : request->uri;

	(void)snprintf(path, size, "%.*s", (int)strcspn(uri, "?#"), uri);
}

void
gate_request_wipe(char **env)
{
	char *value;

	for (; *env != NULL; env++) {
		if ((value = strchr(*env, '=')) != NULL)
			sodium_memzero(value + 1, strlen(value + 1));
	}
}
