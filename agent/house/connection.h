/*
 * A connection, and who made it, by what the kernel says of that moment: a
 * program that changes its user on a connection that it keeps is still who
 * connected.
 */
#ifndef AGENT_CONNECTION_H_
#define AGENT_CONNECTION_H_

#include <stdatomic.h>

#include "process/http.h"
#include "question/permit.h"

struct agent_connection {
	struct gate_http_link link; /* first; its call is an agent_call */

	/* Constant. */
	struct agent_caller caller;
	uid_t share; /* whose share it counts for */
	bool listed; /* whom a row names */

	atomic_uint holders;
};

/**
 * agent_connection_new(fd):
 * Who connected ${fd}, with the groups that he had then; NULL if that cannot
 * be told.
 */
struct agent_connection *agent_connection_new(int fd);

/**
 * agent_connection_hold(connection), agent_connection_drop(connection):
 * The last one frees it.
 */
void agent_connection_hold(struct agent_connection *connection);
void agent_connection_drop(struct agent_connection *connection);

#endif /* !AGENT_CONNECTION_H_ */
