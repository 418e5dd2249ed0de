#include <stdlib.h>
#include <string.h>

#include "redis_info.h"
#include "redis_pending.h"

/* Longest command: a script and its keys and arguments. */
#define COMMAND_MAX 16384

static void
item_free(struct lk_redis_pending_item *item)
{
	if (item != NULL)
		lk_buf_free(&item->command);
	free(item);
}

static struct lk_redis_pending_item *
item_new(const struct lk_redis_command *command)
{
	struct lk_redis_pending_item *item = calloc(1, sizeof(*item));

	if (item == NULL)
		return (NULL);
	item->command = (struct lk_buf)LK_BUF_INIT(COMMAND_MAX);
	if (lk_redis_command_format(command, 1, &item->command) == LK_OK)
		return (item);
	item_free(item);
	return (NULL);
}

static void
item_done_by(struct lk_redis_pending_item *item, const char *run)
{
	memset(item->run, 0, sizeof(item->run));
	if (strlen(run) == LK_REDIS_RUN_LEN)
		memcpy(item->run, run, LK_REDIS_RUN_LEN);
}

/* Hang in ${item}, which then belongs to the list or is gone. */
static enum lk_pending_result
insert(struct lk_redis_pending *pending, struct lk_redis_pending_item *item)
{
	struct lk_redis_pending_item **p = &pending->first;

	for (; *p != NULL; p = &(*p)->next) {
		if ((*p)->command.len != item->command.len ||
		    memcmp((*p)->command.data, item->command.data,
		        item->command.len) != 0)
			continue;
		memcpy((*p)->run, item->run, sizeof(item->run));
		item_free(item);
		return (LK_PENDING_KNOWN);
	}
	if (pending->n >= LK_REDIS_PENDING_MAX) {
		item_free(item);
		return (LK_PENDING_FULL);
	}
	item->next = NULL;
	*p = item;
	pending->n++;
	return (LK_PENDING_ADDED);
}

enum lk_pending_result
lk_redis_pending_add(struct lk_redis_pending *pending,
    const struct lk_redis_command *command, const char *run)
{
	struct lk_redis_pending_item *item = item_new(command);

	if (item == NULL)
		return (LK_PENDING_FULL);
	item_done_by(item, run);
	return (insert(pending, item));
}

size_t
lk_redis_pending_move(struct lk_redis_pending *to,
    struct lk_redis_pending *from)
{
	struct lk_redis_pending_item *item, *next;
	size_t lost = 0;

	for (item = from->first; item != NULL; item = next) {
		next = item->next;
		lost += insert(to, item) == LK_PENDING_FULL;
	}
	memset(from, 0, sizeof(*from));
	return (lost);
}

void
lk_redis_pending_clear(struct lk_redis_pending *pending)
{
	struct lk_redis_pending_item *item, *next;

	for (item = pending->first; item != NULL; item = next) {
		next = item->next;
		item_free(item);
	}
	memset(pending, 0, sizeof(*pending));
}

/* ---- Replaying --------------------------------------------------------- */

enum lk_status
lk_redis_run_of(struct lk_redis_wire *wire, struct lk_deadline deadline,
    char run[LK_REDIS_RUN_LEN + 1])
{
	char value[LK_REDIS_INFO_MAX + 1] = "";
	struct lk_redis_command command;
	struct lk_redis_reply *reply = NULL;
	enum lk_status status = LK_FAULT;

	memset(run, 0, LK_REDIS_RUN_LEN + 1);
	lk_redis_command(&command, "INFO");
	lk_redis_arg_str(&command, "server");
	status = lk_redis_wire_ask(wire, &command, 1, deadline, &reply);
	if (status == LK_OK &&
	    (reply->type != LK_REDIS_STRING ||
	        !lk_redis_info(reply->text, "run_id", value) ||
	        strlen(value) != LK_REDIS_RUN_LEN))
		status = lk_fail(wire->error, LK_E_CORRUPT,
		    "redis at %s: INFO names no run_id", wire->name);
	if (status == LK_OK)
		memcpy(run, value, LK_REDIS_RUN_LEN);
	lk_redis_reply_free(reply);
	return (status);
}

/* Tell the master one that it does not know. */
static enum lk_status
replay_one(struct lk_redis_pending_item *item, struct lk_redis_wire *wire,
    const char *run, struct lk_deadline deadline)
{
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_exchange x;
	enum lk_status status = LK_FAULT;

	status = lk_redis_wire_exchange(wire, &item->command, 1, deadline,
	    &reply, &x);
	if (status == LK_OK)
		status = lk_redis_reply_refusal(reply, wire->name, wire->error);
	lk_redis_reply_free(reply);
	if (status == LK_OK)
		item_done_by(item, run);
	return (status);
}

/*
 * Wait until a replica has all that the master had when it was asked: PING
 * makes that the offset which WAIT, on the same connection, waits for.
 */
static enum lk_status
wait_for_replica(struct lk_redis_wire *wire, int64_t wait_ms,
    struct lk_deadline deadline)
{
	struct lk_redis_command commands[2];
	struct lk_redis_reply *replies[2] = { NULL };
	enum lk_status status = LK_FAULT;

	lk_redis_command(&commands[0], "PING");
	lk_redis_command(&commands[1], "WAIT");
	lk_redis_arg_int(&commands[1], 1);
	lk_redis_arg_int(&commands[1], wait_ms);
	status = lk_redis_wire_ask(wire, commands, 2, deadline, replies);
	if (status == LK_OK &&
	    (replies[1]->type != LK_REDIS_INTEGER || replies[1]->integer < 1))
		status = lk_fail(wire->error, LK_E_NOT_DURABLE,
		    "redis at %s: no replica answered within %d ms", wire->name,
		    (int)wait_ms);
	lk_redis_free_replies(replies, 2);
	return (status);
}

enum lk_status
lk_redis_pending_replay(struct lk_redis_pending *pending,
    struct lk_redis_wire *wire, int64_t wait_ms, struct lk_deadline deadline)
{
	struct lk_redis_pending_item *item;
	char run[LK_REDIS_RUN_LEN + 1];
	enum lk_status status = LK_FAULT;

	status = lk_redis_run_of(wire, deadline, run);
	for (item = pending->first; item != NULL && status == LK_OK;
	     item = item->next) {
		if (strcmp(item->run, run) != 0)
			status = replay_one(item, wire, run, deadline);
	}
	if (status == LK_OK)
		status = wait_for_replica(wire, wait_ms, deadline);
	return (status);
}
