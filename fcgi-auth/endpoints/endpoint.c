#include <string.h>

#include "base/base64url.h"
#include "base/form.h"
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
	[GATE_ENDPOINT_LOGIN] = "login",
	[GATE_ENDPOINT_PAGE] = "page",
	[GATE_ENDPOINT_WATCH] = "watch",
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
	if (cgi &&
	    (endpoint == GATE_ENDPOINT_METRICS ||
	        endpoint == GATE_ENDPOINT_LOGIN ||
	        endpoint == GATE_ENDPOINT_WATCH))
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

/* The one field ${name} of the query; false unless there is one. */
static bool
find_field(const struct gate_request *request, const char *name,
    struct lk_form_field *found)
{
	const char *query = query_of(request);
	const size_t len = strlen(query);
	struct lk_form_field field;
	size_t at = 0, n = 0;

	while (lk_form_next(query, len, &at, &field)) {
		if (field.value == NULL || field.name_len != strlen(name) ||
		    memcmp(field.name, name, field.name_len) != 0)
			continue;
		*found = field;
		n++;
	}
	return (n == 1);
}

bool
gate_query_text(const struct gate_request *request, const char *name,
    struct lk_buf *text)
{
	const size_t before = text->len;
	struct lk_form_field field;

	if (!find_field(request, name, &field) ||
	    !lk_form_decode(field.value, field.value_len, text) || text->failed)
		return (false);
	return (text->len == before ||
	    memchr(text->data + before, '\0', text->len - before) == NULL);
}

bool
gate_query_id(const struct gate_request *request,
    char id[LK_SESSION_ID_MAX + 1])
{
	struct lk_form_field field;

	id[0] = '\0';
	if (!find_field(request, "id", &field) || field.value_len == 0 ||
	    field.value_len > LK_SESSION_ID_MAX ||
	    lk_base64url_check(field.value, field.value_len) != LK_OK)
		return (false);
	memcpy(id, field.value, field.value_len);
	id[field.value_len] = '\0';
	return (true);
}
