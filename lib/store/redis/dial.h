/*
 * A connection to a master, made without waiting: it connects, logs in, sees
 * that it is a master, and asks for its clock.  Inside of lane.c.
 */
#ifndef LK_REDIS_DIAL_H_
#define LK_REDIS_DIAL_H_

#include "store/redis/link.h"

/* What a new connection is told and asked: what wire.h does, and TIME and
 * INFO. */
#define LK_REDIS_GREETING_MAX (LK_REDIS_HELLO_MAX + 2)

enum lk_redis_dial_state {
	LK_DIAL_CLOSED = 0,
	LK_DIAL_CONNECTING,
	LK_DIAL_GREETING, /* connected, and not answered yet */
	LK_DIAL_READY
};

/** All zero but for the link and its wire: closed. */
struct lk_redis_dial {
	struct lk_redis_link *link;
	struct lk_redis_wire *wire; /* that connects */
	enum lk_redis_dial_state state;
	struct lk_deadline deadline; /* to be ready by */
	unsigned int serial;         /* how many sockets there have been */

	struct lk_buf out; /* the greeting */
	size_t sent;
	bool remembers; /* it asks for the master's past */
	size_t count;
	size_t got;
	struct lk_redis_reply *replies[LK_REDIS_GREETING_MAX];
};

/**
 * lk_redis_dial_begin(dial, master):
 * Begin to connect, from being closed, to the ${master}, of which all but the
 * address is read.  Unless LK_OK it stays closed: LK_E_WOULD_WAIT if somebody
 * else must find its address, or have the connection instead; else its error
 * says why.
 */
enum lk_status lk_redis_dial_begin(struct lk_redis_dial *dial,
    struct lk_redis_master *master) LK_MUST_CHECK;

/**
 * lk_redis_dial_go_on(dial):
 * Do what can be done now.  LK_OK, and its state; or it is closed, for a reason
 * as above or for want of time.
 */
enum lk_status lk_redis_dial_go_on(struct lk_redis_dial *dial) LK_MUST_CHECK;

/** lk_redis_dial_close(dial): Close it, if it is open. */
void lk_redis_dial_close(struct lk_redis_dial *dial);

/** lk_redis_dial_poll(dial): For what to wait until it is ready. */
struct pollfd lk_redis_dial_poll(const struct lk_redis_dial *dial);

#endif /* !LK_REDIS_DIAL_H_ */
