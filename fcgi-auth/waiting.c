#include <stdlib.h>
#include <unistd.h>

#include "waiting.h"

enum lk_status
gate_waiting_init(struct gate_waiting *waiting, size_t max)
{
	size_t i;

	TAILQ_INIT(&waiting->waiting);
	TAILQ_INIT(&waiting->unused);
	waiting->slots = calloc(max, sizeof(waiting->slots[0]));
	if (waiting->slots == NULL)
		return (LK_E_NOMEM);
	for (i = 0; i < max; i++)
		TAILQ_INSERT_TAIL(&waiting->unused, &waiting->slots[i], link);
	return (LK_OK);
}

struct gate_waiter *
gate_waiting_add(struct gate_waiting *waiting, int fd,
    struct lk_deadline deadline)
{
	struct gate_waiter *waiter = TAILQ_FIRST(&waiting->unused);

	if (waiter == NULL)
		return (NULL);
	TAILQ_REMOVE(&waiting->unused, waiter, link);
	waiter->deadline = deadline;
	waiter->fd = fd;
	waiter->kept = false;
	waiter->sight = (struct gate_sight){ .copied = 0 };
	TAILQ_INSERT_TAIL(&waiting->waiting, waiter, link);
	return (waiter);
}

struct gate_waiter *
gate_waiting_oldest(const struct gate_waiting *waiting)
{
	return (TAILQ_FIRST(&waiting->waiting));
}

struct gate_waiter *
gate_waiting_next(const struct gate_waiter *waiter)
{
	return (TAILQ_NEXT(waiter, link));
}

int
gate_waiting_remove(struct gate_waiting *waiting, struct gate_waiter *waiter)
{
	int fd = waiter->fd;

	TAILQ_REMOVE(&waiting->waiting, waiter, link);
	waiter->fd = -1;
	TAILQ_INSERT_HEAD(&waiting->unused, waiter, link);
	return (fd);
}

void
gate_waiting_free(struct gate_waiting *waiting)
{
	struct gate_waiter *waiter;

	if (waiting->slots == NULL)
		return;
	while ((waiter = gate_waiting_oldest(waiting)) != NULL)
		(void)close(gate_waiting_remove(waiting, waiter));
	free(waiting->slots);
	waiting->slots = NULL;
}
