#include <stdlib.h>
#include <unistd.h>

#include "door/waiting.h"

static void
put_away(struct gate_waiting *waiting, struct gate_waiter *waiter)
{
	waiter->fd = -1;
	waiter->next = waiting->unused;
	waiting->unused = waiter;
}

enum lk_status
gate_waiting_init(struct gate_waiting *waiting, size_t max)
{
	size_t i;

	*waiting = (struct gate_waiting){ .slots = NULL };
	waiting->slots = calloc(max, sizeof(waiting->slots[0]));
	if (waiting->slots == NULL)
		return (LK_E_NOMEM);
	for (i = max; i > 0; i--)
		put_away(waiting, &waiting->slots[i - 1]);
	return (LK_OK);
}

struct gate_waiter *
gate_waiting_add(struct gate_waiting *waiting, int fd,
    struct lk_deadline deadline)
{
	struct gate_waiter *waiter = waiting->unused;

	if (waiter == NULL)
		return (NULL);
	waiting->unused = waiter->next;
	waiter->deadline = deadline;
	waiter->fd = fd;
	waiter->kept = false;
	waiter->sight = (struct gate_sight){ .copied = 0 };
	waiter->before = waiting->newest;
	waiter->next = NULL;
	if (waiting->newest != NULL)
		waiting->newest->next = waiter;
	else
		waiting->oldest = waiter;
	waiting->newest = waiter;
	return (waiter);
}

struct gate_waiter *
gate_waiting_oldest(const struct gate_waiting *waiting)
{
	return (waiting->oldest);
}

struct gate_waiter *
gate_waiting_next(const struct gate_waiter *waiter)
{
	return (waiter->next);
}

int
gate_waiting_remove(struct gate_waiting *waiting, struct gate_waiter *waiter)
{
	int fd = waiter->fd;

	if (waiter->before != NULL)
		waiter->before->next = waiter->next;
	else
		waiting->oldest = waiter->next;
	if (waiter->next != NULL)
		waiter->next->before = waiter->before;
	else
		waiting->newest = waiter->before;
	put_away(waiting, waiter);
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
