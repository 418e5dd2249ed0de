/* What libmicrohttpd tells a loop, and is told.  Inside. */
#ifndef AGENT_HTTP_H_
#define AGENT_HTTP_H_

#include <microhttpd.h>

#include "house/loop.h"

/* How long a request may take to arrive, and its answer to be read. */
#define AGENT_REQUEST_NS INT64_C(10000000000)
/* How long a connection may be kept without one. */
#define AGENT_IDLE_NS INT64_C(60000000000)

/** agent_http_open(loop): Let libmicrohttpd work for ${loop}. */
bool agent_http_open(struct agent_loop *loop);

/** agent_http_answered(call): Its connection has rested, and goes on. */
void agent_http_answered(struct agent_call *call);

/* ---- Of the loop: its connections -------------------------------------- */

/**
 * agent_loop_opened(loop, context):
 * libmicrohttpd has the connection that is coming, and ${context} of it.
 */
void agent_loop_opened(struct agent_loop *loop, void **context);

/** agent_loop_closed(loop, connection): It has not any more. */
void agent_loop_closed(struct agent_loop *loop,
    struct agent_connection *connection);

#endif /* !AGENT_HTTP_H_ */
