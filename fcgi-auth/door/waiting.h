/* The connections that have not sent a whole request yet, oldest first. */
#ifndef GATE_WAITING_H_
#define GATE_WAITING_H_

#include <stdbool.h>
#include <stddef.h>

#include "base/deadline.h"
#include "door/peek.h"
#include "latchkey.h"

struct gate_waiter {
	struct gate_waiter *before, *next;
	struct lk_deadline deadline;
	int fd;
	bool kept;               /* a request of it has been answered */
	struct gate_sight sight; /* of what it has sent */
};

/* Every slot is in one of the two lists. */
struct gate_waiting {
	struct gate_waiter *slots;
	struct gate_waiter *oldest, *newest; /* in order of arrival */
	struct gate_waiter *unused;
};

/** gate_waiting_init(waiting, max): Room for ${max}; LK_E_NOMEM if none. */
enum lk_status gate_waiting_init(struct gate_waiting *waiting,
    size_t max) LK_MUST_CHECK;

/** gate_waiting_add(waiting, fd, deadline): NULL if there is no room. */
struct gate_waiter *gate_waiting_add(struct gate_waiting *waiting, int fd,
    struct lk_deadline deadline);

/** gate_waiting_oldest(waiting): NULL if nobody waits. */
struct gate_waiter *gate_waiting_oldest(const struct gate_waiting *waiting);

/** gate_waiting_next(waiter): The next oldest, or NULL. */
struct gate_waiter *gate_waiting_next(const struct gate_waiter *waiter);

/**
 * gate_waiting_remove(waiting, waiter):
 * Take ${waiter} out and return its descriptor, which is then the caller's.
 */
int gate_waiting_remove(struct gate_waiting *waiting,
    struct gate_waiter *waiter);

/** gate_waiting_free(waiting): Close all that wait; zeroed is fine. */
void gate_waiting_free(struct gate_waiting *waiting);

#endif /* !GATE_WAITING_H_ */
