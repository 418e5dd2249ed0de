#include <sys/epoll.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "deadline.h"
#include "door.h"
#include "error.h"
#include "guard.h"
#include "refuse.h"
#include "waiting.h"

/* Events taken, and connections accepted, at once. */
#define EVENTS_MAX 256
#define ACCEPTS_MAX 256
/* A request that arrives in more pieces than this is an attack: every piece
 * makes the guard look at all of them again. */
#define LOOKS_MAX 512
/* How long not to accept when descriptors or memory are short. */
#define PAUSE_MS 100

struct gate_door {
	/* Constant. */
	int listener;
	int stop;
	int epoll;
	struct gate_queue *queue;
	struct gate_report *report;

	/* Changing. */
	struct gate_waiting waiting;
	bool paused;               /* ${listener} is not watched */
	struct lk_deadline resume; /* when it will be again */
	uint8_t peek[GATE_REQUEST_MAX]; /* zeroed after each look */
};

/* What a look into a connection says. */
enum look { LOOK_GONE, LOOK_REFUSED, LOOK_WAIT, LOOK_READY };

static enum look
look_into(struct gate_door *door, int fd, struct gate_finding *finding)
{
	ssize_t n;

	*finding = (struct gate_finding){ GATE_GUARD_REFUSED, NULL, 0 };
	do {
		n = recv(fd, door->peek, sizeof(door->peek),
		    MSG_PEEK | MSG_DONTWAIT);
	} while (n == -1 && errno == EINTR);
	if (n == -1 && errno == EAGAIN)
		return (LOOK_WAIT);
	if (n <= 0)
		return (LOOK_GONE);
	*finding = gate_guard_look(door->peek, (size_t)n);
	sodium_memzero(door->peek, (size_t)n);
	switch (finding->guard) {
	case GATE_GUARD_COMPLETE:
		return (LOOK_READY);
	case GATE_GUARD_NEED_MORE:
		return (LOOK_WAIT);
	case GATE_GUARD_REFUSED:
		break;
	}
	return (LOOK_REFUSED);
}

/* Let go of a connection of which ${look} is not LOOK_WAIT. */
static void
settle(struct gate_door *door, int fd, enum look look,
    const struct gate_finding *finding)
{
	const struct gate_ready ready = { fd, lk_monotonic_ns() };

	if (look == LOOK_READY) {
		gate_count(&door->report->metrics.queued);
		if (gate_queue_push(door->queue, ready))
			return;
		gate_count_down(&door->report->metrics.queued);
	}
	if (look == LOOK_READY) {
		gate_report_refused(door->report, "the queue is full");
		gate_refuse(fd, finding->request_id, GATE_REFUSE_OVERLOAD,
		    "the queue is full");
	} else if (look == LOOK_REFUSED) {
		gate_report_refused(door->report, finding->reason);
		if (finding->request_id != 0)
			gate_refuse(fd, finding->request_id,
			    GATE_REFUSE_BAD_REQUEST, finding->reason);
		else
			gate_hang_up(fd);
	} else {
		(void)close(fd);
	}
}

/* Take a connection out; its descriptor is then the caller's. */
static int
stop_waiting(struct gate_door *door, struct gate_waiter *waiter)
{
	gate_count_down(&door->report->metrics.connections_waiting);
	return (gate_waiting_remove(&door->waiting, waiter));
}

static void
drop_waiter(struct gate_door *door, struct gate_waiter *waiter,
    const char *reason)
{
	gate_report_refused(door->report, reason);
	(void)close(stop_waiting(door, waiter));
}

/* Drop the connection that has waited longest; false if none waits. */
static bool
drop_oldest(struct gate_door *door)
{
	struct gate_waiter *oldest = gate_waiting_oldest(&door->waiting);

	if (oldest == NULL)
		return (false);
	drop_waiter(door, oldest, "too many connections without a request");
	return (true);
}

static void
drop_overdue(struct gate_door *door)
{
	struct gate_waiter *oldest;

	while ((oldest = gate_waiting_oldest(&door->waiting)) != NULL &&
	    lk_deadline_left_ms(oldest->deadline) == 0)
		drop_waiter(door, oldest, "no complete request in time");
}

/* Keep a connection until it has sent more. */
static void
let_wait(struct gate_door *door, int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP |
	    EPOLLET };
	struct lk_deadline deadline = lk_deadline_in(GATE_DOOR_PATIENCE_MS);
	struct gate_waiter *waiter;

	waiter = gate_waiting_add(&door->waiting, fd, deadline);
	if (waiter == NULL && drop_oldest(door))
		waiter = gate_waiting_add(&door->waiting, fd, deadline);
	if (waiter == NULL) {
		(void)close(fd);
		return;
	}
	gate_count(&door->report->metrics.connections_waiting);
	event.data.ptr = waiter;
	if (epoll_ctl(door->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		drop_waiter(door, waiter, strerror(errno));
}

/* A connection that waits has sent something, or will send no more. */
static void
look_again(struct gate_door *door, struct gate_waiter *waiter,
    uint32_t events)
{
	struct gate_finding finding;
	enum look look = look_into(door, waiter->fd, &finding);
	int fd;

	if (look == LOOK_WAIT) {
		if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
			drop_waiter(door, waiter, "incomplete request");
		else if (++waiter->looks > LOOKS_MAX)
			drop_waiter(door, waiter, "request in tiny pieces");
		return;
	}
	fd = stop_waiting(door, waiter);
	if (epoll_ctl(door->epoll, EPOLL_CTL_DEL, fd, NULL) != 0)
		look = LOOK_GONE;
	settle(door, fd, look, &finding);
}

static enum lk_status
watch_listener(struct gate_door *door, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events,
		.data.ptr = &door->listener };

	if (epoll_ctl(door->epoll, operation, door->listener, &event) != 0)
		return (LK_FAULT);
	return (LK_OK);
}

static void
pause_accepting(struct gate_door *door, int why)
{
	gate_report_refused(door->report, strerror(why));
	if (watch_listener(door, EPOLL_CTL_MOD, 0) != LK_OK)
		return;
	door->paused = true;
	door->resume = lk_deadline_in(PAUSE_MS);
}

static void
resume_accepting(struct gate_door *door)
{
	if (door->paused && lk_deadline_left_ms(door->resume) == 0 &&
	    watch_listener(door, EPOLL_CTL_MOD, EPOLLIN) == LK_OK)
		door->paused = false;
}

/* Whether to go on after accept4() failed with ${why}. */
static bool
accept_again(struct gate_door *door, int why)
{
	switch (why) {
	case EAGAIN:
		return (false);
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		if (drop_oldest(door))
			return (true);
		break;
	case EBADF:
	case EFAULT:
	case EINVAL:
	case ENOTSOCK:
	case EOPNOTSUPP:
		break;
	default: /* a connection that is broken already, or a signal */
		return (true);
	}
	pause_accepting(door, why);
	return (false);
}

static void
accept_all(struct gate_door *door)
{
	struct gate_finding finding;
	enum look look;
	int fd, i;

	for (i = 0; i < ACCEPTS_MAX; i++) {
		fd = accept4(door->listener, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd == -1) {
			if (!accept_again(door, errno))
				return;
			continue;
		}
		gate_count(&door->report->metrics.connections_accepted);
		look = look_into(door, fd, &finding);
		if (look == LOOK_WAIT)
			let_wait(door, fd);
		else
			settle(door, fd, look, &finding);
	}
}

enum lk_status
gate_door_new(int listener, int stop, size_t waiting_max,
    struct gate_queue *queue, struct gate_report *report,
    struct gate_door **door, struct lk_error *error)
{
	struct epoll_event event = { .events = EPOLLIN };
	struct gate_door *d;

	*door = NULL;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	d->listener = listener;
	d->stop = stop;
	d->queue = queue;
	d->report = report;
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	event.data.ptr = &d->stop;
	if (d->epoll == -1 ||
	    gate_waiting_init(&d->waiting, waiting_max) != LK_OK ||
	    epoll_ctl(d->epoll, EPOLL_CTL_ADD, stop, &event) != 0 ||
	    watch_listener(d, EPOLL_CTL_ADD, EPOLLIN) != LK_OK) {
		lk_error_set(error, "epoll: %s", strerror(errno));
		gate_door_free(d);
		return (LK_FAULT);
	}
	*door = d;
	return (LK_OK);
}

/* Milliseconds until something has to be done without an event; -1: never. */
static int
next_timeout(const struct gate_door *door)
{
	const struct gate_waiter *oldest =
	    gate_waiting_oldest(&door->waiting);
	struct lk_deadline next;

	if (oldest == NULL && !door->paused)
		return (-1);
	next = oldest == NULL ? door->resume : oldest->deadline;
	if (door->paused)
		next = lk_deadline_min(next, door->resume);
	return (lk_deadline_left_ms(next));
}

/* Returns whether to stop. */
static bool
handle(struct gate_door *door, const struct epoll_event *events, int count)
{
	bool stop = false, knock = false;
	int i;

	/*
	 * Those that wait come before new ones, so that the slot an event
	 * points to has not changed hands.
	 */
	for (i = 0; i < count; i++) {
		if (events[i].data.ptr == &door->stop)
			stop = true;
		else if (events[i].data.ptr == &door->listener)
			knock = true;
		else
			look_again(door, events[i].data.ptr,
			    events[i].events);
	}
	if (knock && !stop)
		accept_all(door);
	return (stop);
}

enum lk_status
gate_door_run(struct gate_door *door)
{
	struct epoll_event events[EVENTS_MAX];
	int count;

	for (;;) {
		count = epoll_wait(door->epoll, events, EVENTS_MAX,
		    next_timeout(door));
		if (count == -1 && errno != EINTR)
			return (LK_FAULT);
		if (count > 0 && handle(door, events, count))
			return (LK_OK);
		drop_overdue(door);
		resume_accepting(door);
	}
}

void
gate_door_free(struct gate_door *door)
{
	if (door == NULL)
		return;
	gate_waiting_free(&door->waiting);
	if (door->epoll != -1)
		(void)close(door->epoll);
	free(door);
}
