/*
 * The endpoints besides the verdict: what the bearer of a session can see and
 * end of his own sessions, and what a monitor can see of the gate.
 *
 *     session     GET   {"user", "id", "client", "issued_at", "expires_at",
 *                       "ttl", "detail"} of the session asked with
 *     sessions    GET   an array of its user's sessions, in order of expiry,
 *                       {"id", "client", "issued_at", "expires_at", "ttl",
 *                       "current"}; the header Latchkey-Sessions says how
 *                       many there are, should they not all fit
 *     logout      POST  end this session: {"revoked"}
 *     logout-all  POST  end all of its user's: {"revoked"}
 *     logout-others POST end all of its user's but this one: {"revoked"}
 *     revoke      POST  end one of its user's, `id` in the query: {"revoked"}
 *     health      GET   {"store"}, with 503 if it does not answer
 *     metrics     GET   metrics.h
 *
 * Where a session has ended but a failover of the store could undo that, the
 * answer is 202 and {"revoked", "durable": false}; the gate carries it over.
 *
 * Who may see a session is who has its token; path rules do not apply here.
 * Logging out with a session that is dead already is as good as done.  Once
 * its session has ended, the cookies that gate.tokens names are taken back.
 */
#ifndef GATE_SERVICE_H_
#define GATE_SERVICE_H_

#include "endpoints/answer.h"
#include "endpoints/endpoint.h"

/* Cap of a reply: a socket's buffer takes as much at once (Linux: 196608 on a
 * unix socket), so that no thread waits for a peer to read. */
#define GATE_SERVICE_REPLY_MAX ((size_t)128 * 1024)

/**
 * gate_service(asked, endpoint, request, out):
 * Answer ${request} at ${endpoint}, which is not GATE_ENDPOINT_AUTHORIZE:
 * write the whole reply to ${out} (cap GATE_SERVICE_REPLY_MAX), log a refusal,
 * count.  The reply belongs to ${out}.
 */
const char *gate_service(const struct gate_asked *asked,
    enum gate_endpoint endpoint, const struct gate_request *request,
    struct lk_buf *out);

#endif /* !GATE_SERVICE_H_ */
