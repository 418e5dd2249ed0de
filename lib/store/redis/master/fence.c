#include <stdlib.h>
#include <string.h>

#include "store/redis/master/fence.h"

#include "redis_fence_scripts.h"

/* Of the time that is left, what a WAIT may take. */
#define WAIT_SHARE_PERCENT 75

/* ---- A master's past --------------------------------------------------- */

void
lk_redis_past_command(struct lk_redis_command *command)
{
	lk_redis_command(command, "INFO");
	lk_redis_arg_str(command, "replication");
	lk_redis_arg_str(command, "stats");
}

bool
lk_redis_past_read(const struct lk_redis_reply *reply,
    struct lk_redis_past *past)
{
	char role[LK_REDIS_INFO_MAX + 1] = "", id[LK_REDIS_INFO_MAX + 1] = "",
	                              copies[LK_REDIS_INFO_MAX + 1] = "",
	                              replicas[LK_REDIS_INFO_MAX + 1] = "";

	memset(past, 0, sizeof(*past));
	/* A replica has taken over the history of another. */
	if (reply->type != LK_REDIS_STRING ||
	    !lk_redis_info(reply->text, "role", role) ||
	    !lk_redis_info(reply->text, "master_replid", id) ||
	    !lk_redis_info(reply->text, "sync_full", copies) ||
	    strcmp(role, "master") != 0 || strlen(id) != LK_REDIS_HISTORY_LEN)
		return (false);
	memcpy(past->history, id, LK_REDIS_HISTORY_LEN);
	past->copies = strtoll(copies, NULL, 10);
	if (lk_redis_info(reply->text, "connected_slaves", replicas))
		past->replicas = strtoll(replicas, NULL, 10);
	return (true);
}

enum lk_status
lk_redis_past_ask(struct lk_redis_wire *wire, struct lk_deadline deadline,
    struct lk_redis_past *past)
{
	struct lk_redis_command command;
	struct lk_redis_reply *reply = NULL;
	enum lk_status status = LK_FAULT;

	memset(past, 0, sizeof(*past));
	lk_redis_past_command(&command);
	status = lk_redis_wire_ask(wire, &command, 1, deadline, &reply);
	if (status == LK_OK && !lk_redis_past_read(reply, past))
		status = lk_fail(wire->error, LK_E_STORE,
		    "redis at %s: INFO names no history of a master",
		    wire->name);
	lk_redis_reply_free(reply);
	return (status);
}

/* ---- Fences ------------------------------------------------------------ */

void
lk_redis_fence_key(const struct lk_redis_fence *fence, const char *tag,
    size_t len, struct lk_redis_key *key)
{
	const char *open = strchr(fence->key.text, '{');
	const size_t before = open == NULL
	    ? fence->key.len
	    : (size_t)(open + 1 - fence->key.text);

	*key = fence->key;
	if (open == NULL || len > LK_REDIS_KEY_MAX - key->len)
		return;
	memmove(key->text + before + len, key->text + before,
	    key->len - before + 1);
	memcpy(key->text + before, tag, len);
	key->len += len;
}

void
lk_redis_fence_commands(const struct lk_redis_fence *fence, size_t replicas,
    struct lk_deadline deadline,
    struct lk_redis_command commands[LK_REDIS_FENCE_COMMANDS])
{
	struct lk_redis_command *write = &commands[0], *wait = &commands[1];
	int64_t ms = lk_deadline_left_ms(
	    lk_deadline_part(deadline, WAIT_SHARE_PERCENT));

	if (ms > fence->patience_ms)
		ms = fence->patience_ms;
	lk_redis_command(write, "EVAL");
	lk_redis_arg_str(write, fence_write_script.text);
	lk_redis_arg_int(write, 1);
	lk_redis_arg(write, fence->key.text, fence->key.len);
	lk_redis_command(wait, "WAIT");
	lk_redis_arg_int(wait, (int64_t)replicas);
	/* 0 would be for ever. */
	lk_redis_arg_int(wait, ms > 0 ? ms : 1);
	lk_redis_past_command(&commands[2]);
}

void
lk_redis_fence_read(
    struct lk_redis_reply *const replies[LK_REDIS_FENCE_COMMANDS],
    const char *name, struct lk_redis_fenced *fenced, struct lk_error *error)
{
	const struct lk_redis_reply *wait = replies[1], *past = replies[2];
	size_t i;

	memset(fenced, 0, sizeof(*fenced));
	if (past != NULL)
		(void)lk_redis_past_read(past, &fenced->past);
	for (i = 0; i < 2 && replies[i] != NULL; i++) {
		if (lk_redis_reply_refusal(replies[i], name, error) != LK_OK)
			return;
	}
	if (wait != NULL && wait->type == LK_REDIS_INTEGER && wait->integer > 0)
		fenced->acks = (size_t)wait->integer;
	else
		lk_error_set(error, "redis at %s: no replica has it in time",
		    name);
}

enum lk_status
lk_redis_fence_run(const struct lk_redis_fence *fence,
    struct lk_redis_wire *wire, size_t replicas, struct lk_deadline deadline,
    struct lk_redis_fenced *fenced)
{
	struct lk_redis_reply *replies[LK_REDIS_FENCE_COMMANDS] = { NULL };
	struct lk_redis_command commands[LK_REDIS_FENCE_COMMANDS];
	enum lk_status status = LK_FAULT;

	memset(fenced, 0, sizeof(*fenced));
	lk_redis_fence_commands(fence, replicas, deadline, commands);
	status = lk_redis_wire_ask(wire, commands, LK_REDIS_FENCE_COMMANDS,
	    deadline, replies);
	if (status == LK_OK)
		lk_redis_fence_read(replies, wire->name, fenced, wire->error);
	lk_redis_free_replies(replies, LK_REDIS_FENCE_COMMANDS);
	return (status);
}
