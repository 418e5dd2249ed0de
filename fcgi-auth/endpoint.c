#include <string.h>

#include "endpoint.h"

static const char *const names[] = {
	[GATE_ENDPOINT_AUTHORIZE] = "authorize",
};

static enum gate_endpoint
named(const char *name)
{
	size_t i;

	for (i = 1; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(names[i], name) == 0)
			return ((enum gate_endpoint)i);
	}
	return (GATE_ENDPOINT_NONE);
}

enum gate_endpoint
gate_endpoint_asked(const struct gate_request *request)
{
	const char *first, *other;
	size_t at = 0;

	first = gate_request_next(request, "LATCHKEY_ENDPOINT", &at);
	if (first == NULL)
		return (GATE_ENDPOINT_NONE);
	while ((other = gate_request_next(request, "LATCHKEY_ENDPOINT",
	    &at)) != NULL) {
		if (strcmp(first, other) != 0)
			return (GATE_ENDPOINT_NONE);
	}
	return (named(first));
}
