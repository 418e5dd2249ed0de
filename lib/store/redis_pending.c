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
item_done_by(struct lk_redis_pending_item *item, const char *history)
{
	memset(item->history, 0, sizeof(item->history));
	if (strlen(history) == LK_REDIS_HISTORY_LEN)
		memcpy(item->history, history, LK_REDIS_HISTORY_LEN);
}

static bool
is_same(const struct lk_redis_pending_item *a,
    const struct lk_redis_pending_item *b)
{
	return (a->command.len == b->command.len &&
	    memcmp(a->command.data, b->command.data, a->command.len) == 0);
}

/* Take out the item at ${p}. */
static void
drop(struct lk_redis_pending *pending, struct lk_redis_pending_item **p)
{
	struct lk_redis_pending_item *item = *p;

	*p = item->next;
	pending->n--;
	item_free(item);
}

/* Give up the oldest that has ended nothing; false if there is none. */
static bool
make_room(struct lk_redis_pending *pending)
{
	struct lk_redis_pending_item **p;

	for (p = &pending->first; *p != NULL; p = &(*p)->next) {
		if (!(*p)->ended) {
			drop(pending, p);
			return (true);
		}
	}
	return (false);
}

/* Hang in ${item}, which then belongs to the list or is gone. */
static enum lk_pending_result
insert(struct lk_redis_pending *pending, struct lk_redis_pending_item *item)
{
	struct lk_redis_pending_item **p;

	for (p = &pending->first; *p != NULL; p = &(*p)->next) {
		if (!is_same(*p, item))
			continue;
		memcpy((*p)->history, item->history, sizeof(item->history));
		(*p)->ended |= item->ended;
		item_free(item);
		return (LK_PENDING_KNOWN);
	}
	if (pending->n >= LK_REDIS_PENDING_MAX &&
	    !(item->ended && make_room(pending))) {
		item_free(item);
		return (LK_PENDING_FULL);
	}
	for (p = &pending->first; *p != NULL; p = &(*p)->next)
		continue;
	item->next = NULL;
	*p = item;
	pending->n++;
	return (LK_PENDING_ADDED);
}

enum lk_pending_result
lk_redis_pending_add(struct lk_redis_pending *pending,
    const struct lk_redis_command *command, const char *history, bool ended)
{
	struct lk_redis_pending_item *item = item_new(command);

	if (item == NULL)
		return (LK_PENDING_FULL);
	item_done_by(item, history);
	item->ended = ended;
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

size_t
lk_redis_pending_settle(struct lk_redis_pending *pending)
{
	struct lk_redis_pending_item **p = &pending->first;
	size_t settled = 0;

	while (*p != NULL) {
		if ((*p)->refused) {
			p = &(*p)->next;
			continue;
		}
		drop(pending, p);
		settled++;
	}
	return (settled);
}

/* ---- Replaying --------------------------------------------------------- */

enum lk_status
lk_redis_history_of(struct lk_redis_wire *wire, struct lk_deadline deadline,
    char history[LK_REDIS_HISTORY_LEN + 1])
{
	char role[LK_REDIS_INFO_MAX + 1] = "", id[LK_REDIS_INFO_MAX + 1] = "";
	struct lk_redis_command command;
	struct lk_redis_reply *reply = NULL;
	enum lk_status status = LK_FAULT;

	memset(history, 0, LK_REDIS_HISTORY_LEN + 1);
	lk_redis_command(&command, "INFO");
	lk_redis_arg_str(&command, "replication");
	status = lk_redis_wire_ask(wire, &command, 1, deadline, &reply);
	/* A replica has taken over the history of another. */
	if (status == LK_OK &&
	    (reply->type != LK_REDIS_STRING ||
	        !lk_redis_info(reply->text, "role", role) ||
	        !lk_redis_info(reply->text, "master_replid", id) ||
	        strcmp(role, "master") != 0 ||
	        strlen(id) != LK_REDIS_HISTORY_LEN))
		status = lk_fail(wire->error, LK_E_STORE,
		    "redis at %s: INFO names no history of a master",
		    wire->name);
	if (status == LK_OK)
		memcpy(history, id, LK_REDIS_HISTORY_LEN);
	lk_redis_reply_free(reply);
	return (status);
}

/* Tell the master one that it does not have. */
static enum lk_status
replay_one(struct lk_redis_pending_item *item, struct lk_redis_wire *wire,
    const char *history, struct lk_deadline deadline)
{
	struct lk_redis_reply *reply = NULL;
	struct lk_redis_exchange x;
	enum lk_status status = LK_FAULT;

	status = lk_redis_wire_exchange(wire, &item->command, 1, deadline,
	    &reply, &x);
	if (status == LK_OK)
		item->refused = lk_redis_reply_refusal(reply, wire->name,
		                    wire->error) != LK_OK;
	lk_redis_reply_free(reply);
	if (status == LK_OK && !item->refused)
		item_done_by(item, history);
	return (status);
}

enum lk_status
lk_redis_pending_replay(struct lk_redis_pending *pending,
    struct lk_redis_wire *wire, struct lk_deadline deadline)
{
	struct lk_redis_pending_item *item;
	char history[LK_REDIS_HISTORY_LEN + 1];
	enum lk_status status = LK_FAULT;

	status = lk_redis_history_of(wire, deadline, history);
	for (item = pending->first; item != NULL && status == LK_OK;
	     item = item->next) {
		if (strcmp(item->history, history) != 0)
			status = replay_one(item, wire, history, deadline);
	}
	return (status);
}
