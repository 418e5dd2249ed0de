/* What the query of a request says to an endpoint.  Pure. */
#ifndef GATE_QUERY_H_
#define GATE_QUERY_H_

#include "latchkey.h"
#include "verdict/verdict.h"

/**
 * gate_query_id(request, id):
 * Copy the session id that the query's parameter `id` names.  False unless
 * there is exactly one and it can be an id: base64url, which needs no percent
 * signs.  The request's body is never read: it may not have arrived.
 */
bool gate_query_id(const struct gate_request *request,
    char id[LK_SESSION_ID_MAX + 1]);

#endif /* !GATE_QUERY_H_ */
