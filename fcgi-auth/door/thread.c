#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/error.h"
#include "door/exchange.h"
#include "door/thread.h"

/* ---- What they share ------------------------------------------------- */

/* More loops than cores would take turns on one, and each wake another. */
static size_t
loops_for(size_t threads)
{
	cpu_set_t cores;
	size_t n = threads; /* more than the set has room for are enough */

	if (sched_getaffinity(0, sizeof(cores), &cores) == 0)
		n = (size_t)CPU_COUNT(&cores);
	return (n < threads ? n : threads);
}

enum lk_status
gate_shared_open(struct gate_shared *shared, struct gate_process *process,
    struct gate_tally *tally, struct lk_error *error)
{
	*shared = (struct gate_shared){ .process = process,
		.tally = tally,
		.room = gate_process_room(process->threads),
		.loops = loops_for(process->threads),
		.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
		.ended = eventfd(0, EFD_CLOEXEC),
		.queue = { -1, -1 },
		.returned = { -1, -1 } };
	/* HTTP has its part of the room, or leaves it. */
	if (process->listeners[GATE_LISTENER_HTTP].fd != -1)
		shared->http_room = shared->room.waiting / 4;
	shared->room.waiting -= shared->http_room;
	/* Two loops take most of what comes, and any may take it all. */
	if (shared->loops > 1)
		shared->http_room /= 2;
	/* Who waits leaves room in each loop to who wants a verdict. */
	if (!gate_later_open(&shared->later, tally->again,
	        (shared->http_room > 0 ? shared->http_room
	                               : shared->room.waiting) /
	            2))
		return (lk_fail(error, LK_FAULT, "timer: %s", strerror(errno)));
	if (shared->bell == -1 || shared->ended == -1 ||
	    pipe2(shared->queue, O_CLOEXEC | O_NONBLOCK) != 0 ||
	    pipe2(shared->returned, O_CLOEXEC | O_NONBLOCK) != 0)
		return (lk_fail(error, LK_FAULT, "pipe: %s", strerror(errno)));
	/* A page that is read in part has no room; with less, more are turned
	 * away. */
	(void)fcntl(shared->queue[1], F_SETPIPE_SZ,
	    (int)(shared->room.queue * sizeof(void *) + PIPE_BUF));
	return (LK_OK);
}

void
gate_shared_ring(const struct gate_shared *shared)
{
	(void)eventfd_write(shared->bell, 1);
}

void
gate_shared_stop(struct gate_shared *shared)
{
	if (shared->leave_ns == 0)
		shared->leave_ns = lk_monotonic_ns() + GATE_LEAVE_NS;
	atomic_store(&shared->stop, true);
	gate_shared_ring(shared);
}

bool
gate_shared_is_late(const struct gate_shared *shared)
{
	return (atomic_load(&shared->stop) &&
	    lk_monotonic_ns() >= shared->leave_ns);
}

void
gate_shared_hand_over(struct gate_shared *shared,
    struct gate_exchange *exchange)
{
	struct gate_events *events = &shared->tally->events;

	/* It ends with another thread. */
	exchange->spares = NULL;
	if (gate_count(&events->metrics.queued) < shared->room.queue &&
	    write(shared->queue[1], &exchange, sizeof(exchange)) ==
	        (ssize_t)sizeof(exchange))
		return;
	gate_count_down(&events->metrics.queued);
	gate_events_turned_away(events, "the queue is full");
	gate_exchange_turn_away(exchange, GATE_TURN_AWAY_OVERLOAD,
	    "the queue is full");
}

bool
gate_shared_take(struct gate_shared *shared, struct gate_exchange **exchange)
{
	const ssize_t n = read(shared->queue[0], exchange, sizeof(*exchange));

	if (n == (ssize_t)sizeof(*exchange))
		gate_count_down(&shared->tally->events.metrics.queued);
	else
		*exchange = NULL;
	return (n != 0);
}

void
gate_shared_return(const struct gate_shared *shared, int fd)
{
	if (atomic_load(&shared->stop) ||
	    write(shared->returned[1], &fd, sizeof(fd)) != (ssize_t)sizeof(fd))
		gate_hang_up(fd);
}

int
gate_shared_take_back(const struct gate_shared *shared)
{
	int fd;

	return (
	    read(shared->returned[0], &fd, sizeof(fd)) == (ssize_t)sizeof(fd)
	        ? fd
	        : -1);
}

static void
close_one(int *fd)
{
	if (*fd != -1)
		(void)close(*fd);
	*fd = -1;
}

void
gate_shared_close_queue(struct gate_shared *shared)
{
	close_one(&shared->queue[1]);
}

void
gate_shared_close(struct gate_shared *shared)
{
	int fd;

	gate_later_free(&shared->later);
	while ((fd = gate_shared_take_back(shared)) != -1)
		gate_hang_up(fd);
	close_one(&shared->bell);
	close_one(&shared->ended);
	close_one(&shared->queue[0]);
	close_one(&shared->queue[1]);
	close_one(&shared->returned[0]);
	close_one(&shared->returned[1]);
}

/* ---- Settings -------------------------------------------------------- */

static void
leave_settings(struct gate_thread *thread)
{
	lk_manager_free(thread->asked.manager);
	lk_checks_free(thread->asked.checks);
	gate_generations_drop(thread->shared->process->generations,
	    thread->generation);
}

static enum lk_status
take_settings(struct gate_thread *thread, struct lk_error *error)
{
	struct gate_generations *all = thread->shared->process->generations;
	struct gate_generation *generation = gate_generations_hold(all);
	const struct lk_surroundings surroundings = { .log = generation->log,
		.watch = generation->watch };
	struct gate_asked asked = { .settings = generation->settings,
		.tally = thread->shared->tally,
		.style = generation->own };
	enum lk_status status = LK_FAULT;

	status = thread->waits
	    ? lk_manager_new(asked.settings, &surroundings, &asked.manager,
	          error)
	    : lk_checks_new(asked.settings, &surroundings, &asked.checks,
	          error);
	if (status != LK_OK) {
		gate_generations_drop(all, generation);
		return (status);
	}
	leave_settings(thread);
	thread->generation = generation;
	thread->asked = asked;
	return (LK_OK);
}

void
gate_thread_follow(struct gate_thread *thread)
{
	enum lk_status status = LK_OK;
	struct lk_error error;

	if (gate_generations_differ(thread->shared->process->generations,
	        thread->generation))
		status = take_settings(thread, &error);
	if (status != LK_OK)
		gate_events_store(&thread->shared->tally->events, status,
		    error.text);
	thread->current = status == LK_OK;
}

bool
gate_thread_admits(const struct gate_thread *thread,
    struct gate_exchange *exchange)
{
	const enum gate_listeners which = exchange->protocol->listener;

	if (!gate_peers_admit(&thread->generation->peers[which], exchange->fd))
		gate_events_turned_away(&thread->shared->tally->events,
		    GATE_TURN_AWAY_STRANGER);
	else if (!gate_exchange_is_given_up(exchange))
		return (true);
	gate_exchange_end(exchange);
	return (false);
}

/* ---- The thread ------------------------------------------------------ */

bool
gate_thread_watch(const struct gate_thread *thread, int operation, int *fd,
    uint32_t events)
{
	struct epoll_event event = { .events = events, .data.ptr = fd };

	return (epoll_ctl(thread->epoll, operation, *fd, &event) == 0);
}

enum lk_status
gate_thread_start(struct gate_thread *thread, struct gate_shared *shared,
    bool waits, void *(*run)(void *thread), struct lk_error *error)
{
	int *from = waits ? &shared->queue[0] : &shared->returned[0];
	enum lk_status status = LK_FAULT;
	int result;

	thread->shared = shared;
	thread->waits = waits;
	thread->reply = (struct lk_buf)LK_BUF_INIT(GATE_REPLY_MAX);
	thread->epoll = epoll_create1(EPOLL_CLOEXEC);
	/* At its edge the bell wakes each thread, and needs no reading. */
	if (thread->epoll == -1 ||
	    !gate_thread_watch(thread, EPOLL_CTL_ADD, &shared->bell,
	        EPOLLIN | EPOLLET) ||
	    !gate_thread_watch(thread, EPOLL_CTL_ADD, from,
	        EPOLLIN | EPOLLEXCLUSIVE) ||
	    (waits &&
	        !gate_thread_watch(thread, EPOLL_CTL_ADD, &shared->later.timer,
	            EPOLLIN | EPOLLEXCLUSIVE)))
		return (lk_fail(error, LK_FAULT, "epoll: %s", strerror(errno)));
	if ((status = take_settings(thread, error)) != LK_OK)
		return (status);
	result = pthread_create(&thread->id, NULL, run, thread);
	if (result != 0)
		return (
		    lk_fail(error, LK_E_NOMEM, "thread: %s", strerror(result)));
	thread->started = true;
	return (LK_OK);
}

void
gate_thread_end(struct gate_thread *thread)
{
	if (thread->shared == NULL)
		return;
	if (thread->started)
		(void)pthread_join(thread->id, NULL);
	leave_settings(thread);
	lk_buf_free(&thread->reply);
	close_one(&thread->epoll);
	thread->shared = NULL;
}
