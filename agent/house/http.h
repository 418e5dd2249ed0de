/* What libmicrohttpd tells a loop, and is told.  Inside. */
#ifndef AGENT_HTTP_H_
#define AGENT_HTTP_H_

#include "house/loop.h"

/* How long a request may take to arrive, and its answer to be read. */
#define AGENT_REQUEST_NS INT64_C(10000000000)
/* How long a connection may be kept without one. */
#define AGENT_IDLE_NS INT64_C(60000000000)

/** agent_http_open(loop): Let libmicrohttpd work for ${loop}. */
bool agent_http_open(struct agent_loop *loop);

/** agent_http_answered(call): Its connection has rested, and goes on. */
void agent_http_answered(struct agent_call *call);

/** agent_loop_closed(loop, link): of the loop: the connection has ended. */
void agent_loop_closed(void *loop, struct gate_http_link *link);

#endif /* !AGENT_HTTP_H_ */
