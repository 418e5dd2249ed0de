/*
 * The connections of a loop that have not sent a whole request yet, oldest
 * first, in its epoll: each event points to a struct gate_waiter.
 */
#ifndef GATE_WAITING_H_
#define GATE_WAITING_H_

#include "base/deadline.h"
#include "door/peek.h"
#include "process/process.h"

struct gate_waiter {
	struct gate_waiter *before, *next;
	struct lk_deadline deadline;
	int fd;
	bool kept;               /* a request of it has been answered */
	struct gate_sight sight; /* of what it has sent */
};

struct gate_waiting {
	/* Constant, of the loop. */
	struct gate_events *events;
	int epoll;
	size_t max; /* of all loops */
	size_t own; /* and beyond these, of each */

	/* All zero at first. */
	struct gate_waiter *oldest, *newest;
	size_t n;
	bool closed;
};

/**
 * gate_waiting_add(waiting, fd, kept, sight):
 * Keep a connection, of which ${sight} was had, until it has sent more;
 * ${kept}: a further request.  It is hung up instead if there is no memory or
 * nobody may wait any more.  Drops nobody.
 */
void gate_waiting_add(struct gate_waiting *waiting, int fd, bool kept,
    const struct gate_sight *sight);

/**
 * gate_waiting_remove(waiting, waiter):
 * Take ${waiter} out and return its descriptor, which is then the caller's.
 */
int gate_waiting_remove(struct gate_waiting *waiting,
    struct gate_waiter *waiter);

/** gate_waiting_drop(waiting, waiter, reason): The same, and hang up. */
void gate_waiting_drop(struct gate_waiting *waiting, struct gate_waiter *waiter,
    const char *reason);

/** gate_waiting_drop_oldest(waiting): false if nobody waits. */
bool gate_waiting_drop_oldest(struct gate_waiting *waiting);

/**
 * gate_waiting_trim(waiting):
 * Drop those whose time is over, and the oldest of those for whom there is no
 * room: whoever fills it leaves some to each loop.
 */
void gate_waiting_trim(struct gate_waiting *waiting);

/** gate_waiting_drop_strangers(waiting, peers): Who is none of ${peers}. */
void gate_waiting_drop_strangers(struct gate_waiting *waiting,
    const struct gate_peers *peers);

/** gate_waiting_close(waiting): Hang up all; nobody may wait any more. */
void gate_waiting_close(struct gate_waiting *waiting);

#endif /* !GATE_WAITING_H_ */
