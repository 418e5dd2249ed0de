#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "house/call.h"

struct agent_call *
agent_call_new(struct agent_connection *connection, const char *target)
{
	struct agent_call *call = calloc(1, sizeof(*call));

	if (call == NULL)
		return (NULL);
	call->body = (struct lk_buf)LK_BUF_INIT(AGENT_BODY_MAX);
	atomic_init(&call->holders, 1);
	agent_connection_hold(connection);
	call->connection = connection;
	call->target = strdup(target);
	if (call->target == NULL) {
		agent_call_drop(call);
		return (NULL);
	}
	return (call);
}

void
agent_call_hold(struct agent_call *call)
{
	(void)atomic_fetch_add(&call->holders, 1);
}

static void
wipe(char *text)
{
	if (text != NULL)
		sodium_memzero(text, strlen(text));
	free(text);
}

void
agent_call_drop(struct agent_call *call)
{
	if (call == NULL || atomic_fetch_sub(&call->holders, 1) != 1)
		return;
	wipe(call->target);
	wipe(call->method);
	wipe(call->type);
	wipe(call->timeout);
	lk_buf_free(&call->body);
	agent_question_free(&call->question);
	lk_buf_free(&call->answer.body);
	agent_connection_drop(call->connection);
	free(call);
}
