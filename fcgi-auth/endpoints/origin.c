/*
 * Requests that another site's page makes in a browser, which adds cookies
 * and Basic passwords by itself.  They can be told by what such a page cannot
 * send, or cannot keep the browser from sending.
 */
#include <string.h>
#include <strings.h>

#include "endpoints/handlers.h"

/* What the headers of one name say together. */
enum said { SAID_NOTHING = 0, SAID_OWN, SAID_FOREIGN };

/* A host with its port, the scheme's usual one left out. */
struct host {
	const char *text;
	size_t len;
};

static struct host
host_of(const char *text, const char *usual_port)
{
	struct host host = { text, strlen(text) };
	size_t port = strlen(usual_port);

	if (host.len >= port && strcmp(text + host.len - port, usual_port) == 0)
		host.len -= port;
	return (host);
}

static bool
is_same(struct host a, struct host b)
{
	return (a.len > 0 && a.len == b.len &&
	    strncasecmp(a.text, b.text, a.len) == 0);
}

static const char *
first_of(const struct gate_request *request, const char *name)
{
	size_t at = 0;

	return (gate_request_next(request, name, &at));
}

/* Whether the web server says that the client speaks TLS with it. */
static bool
is_tls(const struct gate_request *request)
{
	const char *https = first_of(request, "HTTPS");
	const char *scheme = first_of(request, "REQUEST_SCHEME");

	return ((https != NULL && strcasecmp(https, "on") == 0) ||
	    (scheme != NULL && strcasecmp(scheme, "https") == 0));
}

static bool
is_own_origin(const struct gate_request *request, const char *origin)
{
	static const char http[] = "http://", https[] = "https://";
	const char *host = first_of(request, "HTTP_HOST");

	if (host == NULL)
		return (false);
	if (strncasecmp(origin, https, sizeof(https) - 1) == 0)
		return (is_same(host_of(origin + sizeof(https) - 1, ":443"),
		    host_of(host, ":443")));
	/* On a page without TLS anybody on the way may have written. */
	if (strncasecmp(origin, http, sizeof(http) - 1) == 0 &&
	    !is_tls(request))
		return (is_same(host_of(origin + sizeof(http) - 1, ":80"),
		    host_of(host, ":80")));
	return (false);
}

static bool
is_own_site(const struct gate_request *request, const char *site)
{
	(void)request;
	return (strcmp(site, "same-origin") == 0 || strcmp(site, "none") == 0);
}

static enum said
say(const struct gate_request *request, const char *name,
    bool (*is_own)(const struct gate_request *request, const char *value))
{
	enum said said = SAID_NOTHING;
	const char *value;
	size_t at = 0;

	while ((value = gate_request_next(request, name, &at)) != NULL) {
		if (!is_own(request, value))
			return (SAID_FOREIGN);
		said = SAID_OWN;
	}
	return (said);
}

bool
gate_origin_is_safe(const struct gate_request *request, bool deliberate)
{
	enum said said;

	if (deliberate || first_of(request, "HTTP_X_LATCHKEY_REQUEST") != NULL)
		return (true);
	said = say(request, "HTTP_SEC_FETCH_SITE", is_own_site);
	if (said == SAID_NOTHING)
		said = say(request, "HTTP_ORIGIN", is_own_origin);
	return (said == SAID_OWN);
}
