/* Opening a wire: connecting, and saying who we are. */
#include <stdio.h>

#include "base/connect.h"
#include "store/redis/wire/wire.h"

/* AUTH, SELECT and ROLE. */
#define HANDSHAKE_MAX 3

/* What ROLE answered: it must be a master's. */
static enum lk_status
check_role(const struct lk_redis_wire *wire, const struct lk_redis_reply *reply)
{
	if (reply->type != LK_REDIS_ARRAY || reply->elements == 0)
		return (lk_fail(wire->error, LK_E_CORRUPT,
		    "redis at %s: the answer to ROLE is none", wire->name));
	if (lk_redis_reply_is(reply->element[0], "master"))
		return (LK_OK);
	return (lk_fail(wire->error, LK_E_STORE, "redis at %s is a %s",
	    wire->name,
	    lk_redis_reply_is(reply->element[0], "slave") ? "replica"
	                                                  : "Sentinel"));
}

/* Say who we are and which database we want, in one write. */
static enum lk_status
log_in(struct lk_redis_wire *wire, struct lk_deadline deadline)
{
	const struct lk_redis_settings *s = wire->manners.settings;
	struct lk_redis_command commands[HANDSHAKE_MAX];
	struct lk_redis_reply *replies[HANDSHAKE_MAX] = { NULL };
	enum lk_status status = LK_FAULT;
	size_t count = 0;

	count += lk_redis_command_auth(&commands[count], s->username,
	    s->password);
	if (s->database != 0) {
		lk_redis_command(&commands[count], "SELECT");
		lk_redis_arg_int(&commands[count++], s->database);
	}
	if (wire->manners.master)
		lk_redis_command(&commands[count++], "ROLE");
	if (count == 0)
		return (LK_OK);
	status = lk_redis_wire_ask(wire, commands, count, deadline, replies);
	if (status == LK_OK && wire->manners.master)
		status = check_role(wire, replies[count - 1]);
	lk_redis_free_replies(replies, count);
	return (status);
}

enum lk_status
lk_redis_wire_open(struct lk_redis_wire *wire, const struct lk_address *address,
    const char *name, unsigned int generation, struct lk_deadline deadline)
{
	struct lk_deadline connect_deadline = lk_deadline_min(deadline,
	    lk_deadline_in(wire->manners.settings->connect_timeout_ms));
	const char *why;
	enum lk_status status = LK_FAULT;
	int fd;

	lk_redis_wire_drop(wire);
	if (name != wire->name)
		(void)snprintf(wire->name, sizeof(wire->name), "%s", name);
	wire->generation = generation;
	status = lk_connect(address, connect_deadline, &fd, &why);
	wire->reached = status == LK_OK;
	if (status != LK_OK)
		return (lk_fail(wire->error, status, "redis at %s: connect: %s",
		    wire->name, why));
	status = lk_redis_wire_take(wire, fd);
	if (status == LK_OK)
		/* Where there is another to go to, a hung one gets less. */
		status = log_in(wire,
		    wire->manners.master ? connect_deadline : deadline);
	if (status != LK_OK)
		lk_redis_wire_drop(wire);
	return (status);
}
