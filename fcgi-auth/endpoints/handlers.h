/*
 * The handlers of all endpoints, a file for those that are alike, and who may
 * ask them so.  Besides the verdict there is what the bearer of a session can
 * see and end of his own sessions, and what a monitor can see of the gate.
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
 *     metrics     GET   tally.h
 *
 * Where a session has ended but a failover of the store could undo that, the
 * answer is 202 and {"revoked", "durable": false}; the gate carries it over.
 *
 * Who may see a session is who has its token; path rules do not apply here.
 * Logging out with a session that is dead already is as good as done.  Once
 * its session has ended, the cookies that gate.tokens names are taken back.
 */
#ifndef GATE_HANDLERS_H_
#define GATE_HANDLERS_H_

#include "endpoints/call.h"

/** All zero answers nobody. */
struct gate_handler {
	const char *allow;   /* the methods it has; NULL: there is none */
	enum gate_need need; /* of the bearer; GATE_NEED_NOTHING: it is about
	                        the gate, and there only if exposed */
	bool blind;          /* tokens will do, live or not */
	void (*run)(struct gate_call *call); /* once all that is there */
};

/**
 * gate_handler_of(endpoint):
 * The handler of ${endpoint}; GATE_ENDPOINT_AUTHORIZE has gate_authorize()
 * instead.
 */
const struct gate_handler *gate_handler_of(enum gate_endpoint endpoint);

/** Whether an endpoint may be asked; all zero is no. */
struct gate_admission {
	unsigned int http;  /* 200: yes; 403, 404, 405: no */
	const char *allow;  /* the methods it has, with 405 */
	const char *reason; /* why not, a sentence of constant text */
};

/**
 * gate_handler_admit(handler, request, deliberate, exposed):
 * Whether ${request}, which is ${deliberate} (origin.h), may be answered by
 * ${handler}.  What changes something takes POST and must be safe in the sense
 * of gate_origin_is_safe(); the rest takes GET and HEAD.  Health and metrics
 * are there only if ${exposed}.
 */
struct gate_admission gate_handler_admit(const struct gate_handler *handler,
    const struct gate_request *request, bool deliberate, bool exposed);

/** gate_authorize(asked, request, out): The reply to who asks for a verdict. */
const char *gate_authorize(const struct gate_asked *asked,
    const struct gate_request *request, struct lk_buf *out);

void gate_show_session(struct gate_call *call);
void gate_show_sessions(struct gate_call *call);
void gate_log_out(struct gate_call *call);
void gate_log_out_all(struct gate_call *call);
void gate_log_out_others(struct gate_call *call);
void gate_revoke_one(struct gate_call *call);
void gate_show_health(struct gate_call *call);
void gate_show_metrics(struct gate_call *call);

#endif /* !GATE_HANDLERS_H_ */
