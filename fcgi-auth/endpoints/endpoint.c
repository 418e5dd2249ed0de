#include <string.h>

#include "base/base64url.h"
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
	[GATE_ENDPOINT_TOKEN] = "token",
	[GATE_ENDPOINT_JWKS] = "jwks",
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

enum gate_endpoint
gate_endpoint_asked(const struct gate_request *request, bool cgi)
{
	enum gate_endpoint endpoint;
	const char *name, *other, *path;
	size_t at = 0, first = 0;

	name = gate_request_next(request, "LATCHKEY_ENDPOINT", &at);
	if (name == NULL && cgi) {
		path = gate_request_next(request, "PATH_INFO", &first);
		name = path == NULL ? NULL : strrchr(path, '/');
		if (name != NULL)
			name++;
	}
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

/* The query: QUERY_STRING, or else what follows the path. */
static const char *
query_of(const struct gate_request *request)
{
	const char *query;
	size_t at = 0;

	query = gate_request_next(request, "QUERY_STRING", &at);
	if (query != NULL && query[0] != '\0')
		return (query);
	query = request->uri == NULL ? NULL : strchr(request->uri, '?');
	return (query == NULL ? "" : query + 1);
}

bool
gate_query_id(const struct gate_request *request,
    char id[LK_SESSION_ID_MAX + 1])
{
	static const char name[] = "id=";
	const char *query = query_of(request);
	size_t len;

	id[0] = '\0';
	for (;;) {
		len = strcspn(query, "&");
		if (strncmp(query, name, strlen(name)) == 0) {
			query += strlen(name);
			len -= strlen(name);
			if (id[0] != '\0' || len == 0 ||
			    len > LK_SESSION_ID_MAX ||
			    lk_base64url_check(query, len) != LK_OK) {
				id[0] = '\0';
				return (false);
			}
			memcpy(id, query, len);
			id[len] = '\0';
		}
		if (query[len] == '\0')
			return (id[0] != '\0');
		query += len + 1;
	}
}
