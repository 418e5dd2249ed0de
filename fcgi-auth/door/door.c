#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "base/deadline.h"
#include "base/error.h"
#include "door/door.h"
#include "door/peek.h"
#include "door/queue.h"
#include "door/turn_away.h"
#include "door/waiting.h"
#include "door/worker.h"

/* Events taken, and connections accepted, at once. */
#define EVENTS_MAX 256
#define ACCEPTS_MAX 256
#define TAKEN_MAX 256
/* Most connections on their way back from the workers. */
#define RETURNED_MAX 1024
/* How long not to accept when descriptors or memory are short. */
#define PAUSE_MS 100
/* When to sum up the denials after the last event. */
#define REPORT_MS 1000

struct gate_door {
	/* Constant. */
	struct gate_process *process;
	struct gate_tally *tally;
	struct gate_events *events; /* of the tally */
	int epoll;
	int returns;                 /* readable once ${returned} has any */
	struct gate_queue *queue;    /* whole requests, to the workers */
	struct gate_queue *returned; /* kept connections, from the workers */
	struct gate_workers *workers;

	/* Changing. */
	struct gate_generation *generation; /* held */
	struct gate_waiting waiting;
	bool reporting;                 /* there may be denials to sum up */
	bool paused;                    /* the listener is not watched */
	struct lk_deadline resume;      /* when it will be again */
	uint8_t peek[GATE_REQUEST_MAX]; /* zeroed after each look */
};

/* Let go of a connection whose ${look} is not GATE_PEEK_WAIT. */
static void
let_go(struct gate_door *door, int fd, enum gate_peek look,
    const struct gate_seen *seen)
{
	const struct gate_ready ready = { .fd = fd,
		.since_ns = lk_monotonic_ns(),
		.keep = seen->keep,
		.request_id = seen->request_id };

	if (look == GATE_PEEK_READY) {
		gate_count(&door->events->metrics.queued);
		if (gate_queue_push(door->queue, ready))
			return;
		gate_count_down(&door->events->metrics.queued);
	}
	if (look == GATE_PEEK_READY) {
		gate_events_turned_away(door->events, "the queue is full");
		gate_turn_away(fd, seen->request_id, GATE_TURN_AWAY_OVERLOAD,
		    "the queue is full");
	} else if (look == GATE_PEEK_REFUSED) {
		gate_events_turned_away(door->events, seen->reason);
		if (seen->request_id != 0)
			gate_turn_away(fd, seen->request_id,
			    GATE_TURN_AWAY_BAD_REQUEST, seen->reason);
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
	gate_count_down(&door->events->metrics.connections_waiting);
	return (gate_waiting_remove(&door->waiting, waiter));
}

static void
drop_waiter(struct gate_door *door, struct gate_waiter *waiter,
    const char *reason)
{
	/* A kept connection has been of use: that it ends is no event. */
	if (!waiter->kept)
		gate_events_turned_away(door->events, reason);
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

/*
 * Keep a connection, of which ${sight} was had, until it has sent more;
 * ${kept}: a further request.
 */
static void
let_wait(struct gate_door *door, int fd, bool kept,
    const struct gate_sight *sight)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLRDHUP | EPOLLET };
	struct lk_deadline deadline = lk_deadline_in(GATE_DOOR_PATIENCE_MS);
	struct gate_waiter *waiter;

	waiter = gate_waiting_add(&door->waiting, fd, deadline);
	if (waiter == NULL && drop_oldest(door))
		waiter = gate_waiting_add(&door->waiting, fd, deadline);
	if (waiter == NULL) {
		(void)close(fd);
		return;
	}
	gate_count(&door->events->metrics.connections_waiting);
	waiter->kept = kept;
	waiter->sight = *sight;
	event.data.ptr = waiter;
	if (epoll_ctl(door->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
		drop_waiter(door, waiter, strerror(errno));
}

/* A connection that waits has sent something, or will send no more. */
static void
look_again(struct gate_door *door, struct gate_waiter *waiter, uint32_t events)
{
	struct gate_sight *sight = &waiter->sight;
	enum gate_peek look = gate_peek(waiter->fd, door->peek, sight);
	const struct gate_seen seen = sight->seen;
	int fd;

	if (look == GATE_PEEK_WAIT) {
		if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
			drop_waiter(door, waiter, "incomplete request");
		return;
	}
	fd = stop_waiting(door, waiter);
	if (epoll_ctl(door->epoll, EPOLL_CTL_DEL, fd, NULL) != 0)
		look = GATE_PEEK_GONE;
	let_go(door, fd, look, &seen);
}

static enum lk_status
watch_listener(struct gate_door *door, int operation, uint32_t events)
{
	struct epoll_event event = { .events = events,
		.data.ptr = &door->process->listener.fd };

	if (epoll_ctl(door->epoll, operation, door->process->listener.fd,
	        &event) != 0)
		return (LK_FAULT);
	return (LK_OK);
}

static void
pause_accepting(struct gate_door *door, int why)
{
	gate_events_turned_away(door->events, strerror(why));
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

/* Look at a connection that nobody waits for yet. */
static void
let_in(struct gate_door *door, int fd, bool kept)
{
	struct gate_sight sight = { .copied = 0 };
	enum gate_peek look = GATE_PEEK_GONE;

	if (gate_peers_admit(&door->generation->peers, fd))
		look = gate_peek(fd, door->peek, &sight);
	else
		gate_events_turned_away(door->events, GATE_TURN_AWAY_STRANGER);
	if (look == GATE_PEEK_WAIT)
		let_wait(door, fd, kept, &sight);
	else
		let_go(door, fd, look, &sight.seen);
}

static void
accept_all(struct gate_door *door)
{
	int fd, i;

	for (i = 0; i < ACCEPTS_MAX; i++) {
		fd = accept4(door->process->listener.fd, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd == -1) {
			if (!accept_again(door, errno))
				return;
			continue;
		}
		gate_count(&door->events->metrics.connections_accepted);
		if (gate_peek_prepare(fd))
			let_in(door, fd, false);
		else
			(void)close(fd);
	}
}

/* The connections that workers gave back. */
static void
take_returned(struct gate_door *door)
{
	struct gate_ready ready;
	eventfd_t count;
	int i;

	(void)eventfd_read(door->returns, &count);
	for (i = 0; i < TAKEN_MAX; i++) {
		if (!gate_queue_try_pop(door->returned, &ready))
			return;
		let_in(door, ready.fd, true);
	}
	/* The others after those that have knocked meanwhile. */
	(void)eventfd_write(door->returns, 1);
}

bool
gate_door_prepare(int fd)
{
	return (gate_peek_prepare_all(fd));
}

static bool
watch(struct gate_door *door, int *fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = fd };

	return (epoll_ctl(door->epoll, EPOLL_CTL_ADD, *fd, &event) == 0);
}

/* There are new settings. */
static void
nudge(void *arg)
{
	const struct gate_door *door = arg;

	gate_queue_nudge(door->queue);
}

/* All but the workers. */
static enum lk_status
set_up(struct gate_door *door, const struct gate_room *room,
    struct lk_error *error)
{
	if (FCGX_Init() != 0)
		return (lk_fail(error, LK_FAULT, "FCGX_Init failed"));
	if (gate_queue_new(room->queue, -1, &door->queue) != LK_OK ||
	    gate_queue_new(RETURNED_MAX, door->returns, &door->returned) !=
	        LK_OK ||
	    gate_waiting_init(&door->waiting, room->waiting) != LK_OK)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	if (door->epoll == -1 || door->returns == -1 ||
	    !watch(door, &door->returns) ||
	    !watch(door, &door->process->signals) ||
	    watch_listener(door, EPOLL_CTL_ADD, EPOLLIN) != LK_OK)
		return (lk_fail(error, LK_FAULT, "epoll: %s", strerror(errno)));
	return (LK_OK);
}

enum lk_status
gate_door_open(struct gate_process *process, struct gate_tally *tally,
    struct gate_door **door, struct lk_error *error)
{
	const struct gate_room room = gate_process_room(process->threads);
	enum lk_status status = LK_FAULT;
	struct gate_door *d;

	*door = NULL;
	if ((d = calloc(1, sizeof(*d))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	d->process = process;
	d->tally = tally;
	d->events = &tally->events;
	d->generation = gate_generations_hold(process->generations);
	d->epoll = epoll_create1(EPOLL_CLOEXEC);
	d->returns = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	status = set_up(d, &room, error);
	if (status == LK_OK) {
		const struct gate_worker_parts parts = {
			.generations = process->generations,
			.tally = tally,
			.queue = d->queue,
			.returned = d->returned,
		};

		status = gate_workers_start(&parts, process->threads,
		    &d->workers, error);
	}
	if (status != LK_OK) {
		gate_door_free(d);
		return (status);
	}
	process->wake = nudge;
	process->worker = d;
	*door = d;
	return (LK_OK);
}

/* Milliseconds until something has to be done without an event; -1: never. */
static int
next_timeout(const struct gate_door *door)
{
	const struct gate_waiter *oldest = gate_waiting_oldest(&door->waiting);
	struct lk_deadline next;

	if (oldest == NULL && !door->paused && !door->reporting)
		return (-1);
	next = lk_deadline_in(REPORT_MS);
	if (oldest != NULL)
		next = lk_deadline_min(next, oldest->deadline);
	if (door->paused)
		next = lk_deadline_min(next, door->resume);
	return (lk_deadline_left_ms(next));
}

/* Drop those that wait and that the present settings do not admit. */
static void
drop_strangers(struct gate_door *door)
{
	struct gate_waiter *waiter, *next;

	for (waiter = gate_waiting_oldest(&door->waiting); waiter != NULL;
	     waiter = next) {
		next = gate_waiting_next(waiter);
		if (!gate_peers_admit(&door->generation->peers, waiter->fd))
			drop_waiter(door, waiter, GATE_TURN_AWAY_STRANGER);
	}
}

static void
follow_generations(struct gate_door *door)
{
	struct gate_generations *generations = door->process->generations;

	if (!gate_generations_differ(generations, door->generation))
		return;
	gate_generations_drop(generations, door->generation);
	door->generation = gate_generations_hold(generations);
	drop_strangers(door);
}

/* Returns whether to stop. */
static bool
handle(struct gate_door *door, const struct epoll_event *events, int count)
{
	struct gate_process *process = door->process;
	bool stop = false, knock = false, returned = false;
	int i;

	/*
	 * Those that wait come before new ones, so that the slot an event
	 * points to has not changed hands.
	 */
	for (i = 0; i < count; i++) {
		if (events[i].data.ptr == &process->signals)
			stop = gate_process_obey(process) || stop;
		else if (events[i].data.ptr == &door->process->listener.fd)
			knock = true;
		else if (events[i].data.ptr == &door->returns)
			returned = true;
		else
			look_again(door, events[i].data.ptr, events[i].events);
	}
	follow_generations(door);
	if (returned && !stop)
		take_returned(door);
	if (knock && !stop)
		accept_all(door);
	return (stop);
}

enum lk_status
gate_door_run(struct gate_door *door)
{
	struct epoll_event events[EVENTS_MAX];
	enum lk_status status = LK_FAULT;
	int count;

	for (;;) {
		count = epoll_wait(door->epoll, events, EVENTS_MAX,
		    next_timeout(door));
		if (count == -1 && errno != EINTR)
			break;
		if (count > 0 && handle(door, events, count)) {
			status = LK_OK;
			break;
		}
		drop_overdue(door);
		resume_accepting(door);
		door->reporting = gate_tally_rest(door->tally,
		                      lk_monotonic_ns()) ||
		    count > 0;
	}
	gate_queue_close(door->returned);
	gate_waiting_free(&door->waiting);
	return (status);
}

void
gate_door_free(struct gate_door *door)
{
	if (door == NULL)
		return;
	gate_workers_finish(door->workers);
	gate_waiting_free(&door->waiting);
	gate_queue_free(door->returned);
	gate_queue_free(door->queue);
	gate_generations_drop(door->process->generations, door->generation);
	if (door->epoll != -1)
		(void)close(door->epoll);
	if (door->returns != -1)
		(void)close(door->returns);
	free(door);
}
