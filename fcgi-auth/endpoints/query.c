#include <string.h>

#include "endpoints/query.h"

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

static bool
is_id(const char *text, size_t len)
{
	static const char alphabet[] =
	    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	    "-_";

	return (len > 0 && len <= LK_SESSION_ID_MAX &&
	    strspn(text, alphabet) >= len);
}

bool
gate_query_id(const struct gate_request *request,
    char id[LK_SESSION_ID_MAX + 1])
{
	static const char name[] = "id=";
	const size_t name_len = sizeof(name) - 1;
	const char *query = query_of(request);
	size_t len;

	id[0] = '\0';
	for (;;) {
		len = strcspn(query, "&");
		if (strncmp(query, name, name_len) == 0) {
			if (id[0] != '\0' ||
			    !is_id(query + name_len, len - name_len)) {
				id[0] = '\0';
				return (false);
			}
			memcpy(id, query + name_len, len - name_len);
			id[len - name_len] = '\0';
		}
		if (query[len] == '\0')
			return (id[0] != '\0');
		query += len + 1;
	}
}
