/*
 * A question on its way: one request on a connection, from its first line until
 * its answer is sent.  A loop has it, and while a worker does, both have; who
 * answers it first has answered it.
 */
#ifndef AGENT_CALL_H_
#define AGENT_CALL_H_

#include <stdatomic.h>

#include "answer/answer.h"
#include "house/connection.h"

struct MHD_Connection;
struct agent_loop;

enum agent_state {
	AGENT_ARRIVING = 0, /* some of it is here */
	AGENT_ASKED,        /* a worker has it, or will */
	AGENT_ANSWERED      /* the answer is there */
};

struct agent_call {
	/* Of the loop. */
	struct MHD_Connection *http;
	struct agent_loop *loop;
	bool begun; /* the headers are here */
	bool too_long;
	char *target;
	char *method;
	char *type;
	char *timeout;
	struct lk_buf body;

	/* Of both. */
	struct agent_connection *connection; /* held */
	struct agent_question question;
	int64_t useless_ns; /* when the caller will have left; 0: never */

	/* Under the lock of the workers. */
	enum agent_state state;
	struct agent_answer answer;
	int64_t late_ns; /* when nobody waits any more; 0: not yet said */
	struct agent_call *next; /* in the queue, or of those answered */

	atomic_uint holders;
};

/**
 * agent_call_new(connection, target):
 * One that has just begun; NULL without memory.
 */
struct agent_call *agent_call_new(struct agent_connection *connection,
    const char *target);

/** agent_call_hold(call), agent_call_drop(call): The last one frees it. */
void agent_call_hold(struct agent_call *call);
void agent_call_drop(struct agent_call *call);

#endif /* !AGENT_CALL_H_ */
