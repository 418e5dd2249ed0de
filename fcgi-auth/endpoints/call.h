/* A request at an endpoint, and what its handler answers it with. */
#ifndef GATE_CALL_H_
#define GATE_CALL_H_

#include "endpoints/endpoints.h"

/* Cap of a reply: a socket's buffer takes as much at once (Linux: 196608 on a
 * unix socket), so that no thread waits for a peer to read. */
#define GATE_CALL_REPLY_MAX ((size_t)128 * 1024)
/* Longest body: what is left of the reply after the headers. */
#define GATE_CALL_BODY_MAX (GATE_CALL_REPLY_MAX - 8192)

struct gate_call {
	/* Constant. */
	const struct gate_asked *asked;
	struct lk_buf *out;

	/* Changing. */
	struct gate_case c; /* the bearer's session, once he is let in */
	struct lk_buf body;
	const char *type;  /* of the body */
	unsigned int http; /* how it was answered */
	const char *reply; /* all of the answer, or NULL if it is ${body} */
};

/**
 * gate_call_begin(call, http):
 * Begin a reply whose body is ${call}'s: JSON if it is done, else text.
 */
void gate_call_begin(struct gate_call *call, unsigned int http);

/**
 * gate_call_refuse(call, http, allow, reason):
 * No, with the sentence ${reason}, and in the log; ${allow}, or NULL, is which
 * methods there are instead.
 */
void gate_call_refuse(struct gate_call *call, unsigned int http,
    const char *allow, const char *reason);

/** gate_call_unavailable(call): The store could not do it. */
void gate_call_unavailable(struct gate_call *call);

/**
 * gate_call_decide(call):
 * Whether the bearer is let in, by the facts; if not, that is the reply.
 */
bool gate_call_decide(struct gate_call *call);

/**
 * gate_call_note(call, began, status):
 * Note that the store answered ${status}, which is returned, to a question
 * asked at ${began}.
 */
enum lk_status gate_call_note(const struct gate_call *call, int64_t began,
    enum lk_status status);

#endif /* !GATE_CALL_H_ */
