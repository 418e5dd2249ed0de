#include <string.h>

#include "endpoints/handlers.h"
#include "endpoints/origin.h"

static const char get[] = "GET, HEAD";
static const char post[] = "POST";

static const struct gate_handler handlers[GATE_ENDPOINT_COUNT] = {
	[GATE_ENDPOINT_SESSION] = { get, GATE_NEED_USER, false,
	    gate_show_session },
	[GATE_ENDPOINT_SESSIONS] = { get, GATE_NEED_SESSION, false,
	    gate_show_sessions },
	[GATE_ENDPOINT_LOGOUT] = { post, GATE_NEED_SESSION, true,
	    gate_log_out },
	[GATE_ENDPOINT_LOGOUT_ALL] = { post, GATE_NEED_SESSION, false,
	    gate_log_out_all },
	[GATE_ENDPOINT_LOGOUT_OTHERS] = { post, GATE_NEED_SESSION, false,
	    gate_log_out_others },
	[GATE_ENDPOINT_REVOKE] = { post, GATE_NEED_SESSION, false,
	    gate_revoke_one },
	[GATE_ENDPOINT_HEALTH] = { get, GATE_NEED_NOTHING, false,
	    gate_show_health },
	[GATE_ENDPOINT_METRICS] = { get, GATE_NEED_NOTHING, false,
	    gate_show_metrics },
};

const struct gate_handler *
gate_handler_of(enum gate_endpoint endpoint)
{
	return (&handlers[endpoint]);
}

static bool
has_method(const char *allow, const char *method)
{
	if (method == NULL)
		return (false);
	if (allow == post)
		return (strcmp(method, "POST") == 0);
	return (strcmp(method, "GET") == 0 || strcmp(method, "HEAD") == 0);
}

static struct gate_admission
refuse(unsigned int http, const char *allow, const char *reason)
{
	return ((struct gate_admission){ http, allow, reason });
}

struct gate_admission
gate_handler_admit(const struct gate_handler *handler,
    const struct gate_request *request, bool deliberate, bool exposed)
{
	const char *allow = handler->allow;

	if (allow == NULL || (handler->need == GATE_NEED_NOTHING && !exposed))
		return (refuse(404, NULL, "There is no such endpoint."));
	if (!has_method(allow, request->method))
		return (refuse(405, allow, "The endpoint has no such method."));
	if (allow == post && !gate_origin_is_safe(request, deliberate))
		return (refuse(403, NULL,
		    "The request may have been made by another site."));
	return ((struct gate_admission){ .http = 200 });
}
