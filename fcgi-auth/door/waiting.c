#include <sys/epoll.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "door/door.h"
#include "door/turn_away.h"
#include "door/waiting.h"

void
gate_waiting_add(struct gate_waiting *waiting, int fd, bool kept,
    const struct gate_sight *sight)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
	struct gate_waiter *waiter = NULL;

	if (waiting->closed || (waiter = malloc(sizeof(*waiter))) == NULL) {
		gate_hang_up(fd);
		return;
	}
	*waiter = (struct gate_waiter){ .before = waiting->newest,
		.deadline = lk_deadline_in(GATE_DOOR_PATIENCE_MS),
		.fd = fd,
		.kept = kept,
		.sight = *sight };
	*(waiting->newest != NULL ? &waiting->newest->next
	                          : &waiting->oldest) = waiter;
	waiting->newest = waiter;
	waiting->n++;
	gate_count(&waiting->events->metrics.connections_waiting);
	event.data.ptr = waiter;
	if (epoll_ctl(waiting->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		gate_waiting_drop(waiting, waiter, strerror(errno));
}

int
gate_waiting_remove(struct gate_waiting *waiting, struct gate_waiter *waiter)
{
	const int fd = waiter->fd;

	gate_count_down(&waiting->events->metrics.connections_waiting);
	/* A child process may hold it open for a moment. */
	(void)epoll_ctl(waiting->epoll, EPOLL_CTL_DEL, fd, NULL);
	*(waiter != waiting->oldest ? &waiter->before->next
	                            : &waiting->oldest) = waiter->next;
	*(waiter != waiting->newest ? &waiter->next->before
	                            : &waiting->newest) = waiter->before;
	waiting->n--;
	free(waiter);
	return (fd);
}

void
gate_waiting_drop(struct gate_waiting *waiting, struct gate_waiter *waiter,
    const char *reason)
{
	/* A kept connection has been of use: that it ends is no event. */
	if (!waiter->kept)
		gate_events_turned_away(waiting->events, reason);
	(void)close(gate_waiting_remove(waiting, waiter));
}

bool
gate_waiting_drop_oldest(struct gate_waiting *waiting)
{
	if (waiting->oldest == NULL)
		return (false);
	gate_waiting_drop(waiting, waiting->oldest,
	    "too many connections without a request");
	return (true);
}

void
gate_waiting_trim(struct gate_waiting *waiting)
{
	while (waiting->oldest != NULL &&
	    lk_deadline_left_ms(waiting->oldest->deadline) == 0)
		gate_waiting_drop(waiting, waiting->oldest,
		    "no complete request in time");
	while (waiting->n > waiting->own &&
	    gate_counted(&waiting->events->metrics.connections_waiting) >
	        waiting->max &&
	    gate_waiting_drop_oldest(waiting))
		continue;
}

void
gate_waiting_drop_strangers(struct gate_waiting *waiting,
    const struct gate_peers *peers)
{
	struct gate_waiter *waiter, *next;

	for (waiter = waiting->oldest; waiter != NULL; waiter = next) {
		next = waiter->next;
		if (!gate_peers_admit(peers, waiter->fd))
			gate_waiting_drop(waiting, waiter,
			    GATE_TURN_AWAY_STRANGER);
	}
}

void
gate_waiting_close(struct gate_waiting *waiting)
{
	waiting->closed = true;
	while (waiting->oldest != NULL)
		(void)close(gate_waiting_remove(waiting, waiting->oldest));
}
