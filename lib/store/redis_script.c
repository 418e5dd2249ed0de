#include <string.h>

#include "redis_script.h"

void
lk_redis_call(struct lk_redis_call *call, const struct lk_redis_script *script,
    int keys)
{
	call->script = script;
	lk_redis_command(&call->command, "EVALSHA");
	lk_redis_arg_str(&call->command, script->sha1);
	lk_redis_arg_int(&call->command, keys);
}

/* Name the script by its text from now on. */
static void
call_by_text(struct lk_redis_call *call)
{
	call->command.argv[0] = "EVAL";
	call->command.len[0] = strlen("EVAL");
	call->command.argv[1] = call->script->text;
	call->command.len[1] = strlen(call->script->text);
}

static bool
is_noscript(const struct lk_redis_reply *reply)
{
	static const char code[] = "NOSCRIPT";

	return (reply->type == LK_REDIS_ERROR &&
	    strncmp(reply->text, code, sizeof(code) - 1) == 0);
}

enum lk_status
lk_redis_call_run(struct lk_redis_link *link, struct lk_redis_call *call,
    bool idempotent, struct lk_deadline deadline, struct lk_error *error,
    struct lk_redis_reply **reply)
{
	enum lk_status status = LK_FAULT;

	status = lk_redis_link_run(link, &call->command, 1, idempotent,
	    deadline, reply);
	if (status == LK_OK && is_noscript(*reply)) {
		lk_redis_reply_free(*reply);
		call_by_text(call);
		status = lk_redis_link_run(link, &call->command, 1, idempotent,
		    deadline, reply);
	}
	if (status == LK_OK)
		status = lk_redis_reply_refusal(*reply,
		    lk_redis_link_name(link), error);
	if (status != LK_OK) {
		lk_redis_reply_free(*reply);
		*reply = NULL;
	}
	return (status);
}
