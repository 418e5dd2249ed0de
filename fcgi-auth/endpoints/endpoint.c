#include <string.h>

#include "endpoints/endpoint.h"

static const char *const names[GATE_ENDPOINT_COUNT] = {
	[GATE_ENDPOINT_NONE] = "none",
	[GATE_ENDPOINT_AUTHORIZE] = "authorize",
	[GATE_ENDPOINT_SESSION] = "session",
	[GATE_ENDPOINT_SESSIONS] = "sessions",
	[GATE_ENDPOINT_LOGOUT] = "logout",
	[GATE_ENDPOINT_LOGOUT_ALL] = "logout-all",
	[GATE_ENDPOINT_LOGOUT_OTHERS] = "logout-others",
	[GATE_ENDPOINT_REVOKE] = "revoke",
	[GATE_ENDPOINT_HEALTH] = "health",
	[GATE_ENDPOINT_METRICS] = "metrics",
};

const char *
gate_endpoint_name(enum gate_endpoint endpoint)
{
	return (names[endpoint]);
}

static enum gate_endpoint
named(const char *name)
{
	size_t i;

	for (i = GATE_ENDPOINT_NONE + 1; i < GATE_ENDPOINT_COUNT; i++) {
		if (strcmp(names[i], name) == 0)
			return ((enum gate_endpoint)i);
	}
	return (GATE_ENDPOINT_NONE);
}

/* The last segment of a path; "" if it has none. */
static const char *
last_segment(const char *path)
{
	const char *slash = path == NULL ? NULL : strrchr(path, '/');

	return (slash == NULL ? "" : slash + 1);
}

enum gate_endpoint
gate_endpoint_asked(const struct gate_request *request, bool cgi)
{
	enum gate_endpoint endpoint;
	const char *name, *other;
	size_t at = 0, path = 0;

	name = gate_request_next(request, "LATCHKEY_ENDPOINT", &at);
	if (name == NULL && cgi)
		name = last_segment(
		    gate_request_next(request, "PATH_INFO", &path));
	if (name == NULL)
		return (GATE_ENDPOINT_NONE);
	while ((other = gate_request_next(request, "LATCHKEY_ENDPOINT", &at)) !=
	    NULL) {
		if (strcmp(name, other) != 0)
			return (GATE_ENDPOINT_NONE);
	}
	endpoint = named(name);
	if (cgi && endpoint == GATE_ENDPOINT_METRICS)
		return (GATE_ENDPOINT_NONE);
	return (endpoint);
}
