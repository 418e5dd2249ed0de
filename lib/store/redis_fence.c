#include <stdio.h>

#include "redis_fence.h"
#include "redis_script.h"

#include "redis_fence_scripts.h"

/*
 * A key that the layout's Redis user may write and that is nobody's: `{}` is
 * no tag, and what follows the prefix is no user's id and no token.  No prefix
 * has a `_` in it.
 */
#define KEY_LATCHKEY "latchkey:{}:fence"
#define KEY_GOSESSION "%s__fence"

void
lk_redis_fence(struct lk_redis_fence *fence, const struct lk_settings *settings,
    size_t replicas, int64_t wait_ms)
{
	struct lk_redis_command *write = &fence->commands[0];
	struct lk_redis_command *wait = &fence->commands[1];

	(void)snprintf(fence->key, sizeof(fence->key), KEY_LATCHKEY);
	if (settings->store.redis.layout == LK_LAYOUT_GOSESSION)
		(void)snprintf(fence->key, sizeof(fence->key), KEY_GOSESSION,
		    settings->session.token_prefix);
	lk_redis_command(write, "EVAL");
	lk_redis_arg_str(write, fence_write_script.text);
	lk_redis_arg_int(write, 1);
	lk_redis_arg_str(write, fence->key);
	lk_redis_command(wait, "WAIT");
	lk_redis_arg_int(wait, (int64_t)replicas);
	/* 0 would be for ever. */
	lk_redis_arg_int(wait, wait_ms > 0 ? wait_ms : 1);
}

size_t
lk_redis_fence_acks(
    struct lk_redis_reply *const replies[LK_REDIS_FENCE_COMMANDS],
    const char *name, struct lk_error *error)
{
	const struct lk_redis_reply *wait = replies[1];
	size_t i;

	for (i = 0; i < LK_REDIS_FENCE_COMMANDS && replies[i] != NULL; i++) {
		if (lk_redis_reply_refusal(replies[i], name, error) != LK_OK)
			return (0);
	}
	if (wait != NULL && wait->type == LK_REDIS_INTEGER && wait->integer > 0)
		return ((size_t)wait->integer);
	lk_error_set(error, "redis at %s: no replica has it in time", name);
	return (0);
}

enum lk_status
lk_redis_fence_run(struct lk_redis_wire *wire,
    const struct lk_settings *settings, size_t replicas, int64_t wait_ms,
    struct lk_deadline deadline, size_t *acks)
{
	struct lk_redis_reply *replies[LK_REDIS_FENCE_COMMANDS] = { NULL };
	struct lk_redis_fence fence;
	enum lk_status status = LK_FAULT;

	*acks = 0;
	lk_redis_fence(&fence, settings, replicas, wait_ms);
	status = lk_redis_wire_ask(wire, fence.commands,
	    LK_REDIS_FENCE_COMMANDS, deadline, replies);
	if (status == LK_OK)
		*acks = lk_redis_fence_acks(replies, wire->name, wire->error);
	lk_redis_free_replies(replies, LK_REDIS_FENCE_COMMANDS);
	return (status);
}
