#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "door/asking.h"
#include "door/loop.h"
#include "door/turn_away.h"

/* Events taken, and connections accepted, at once. */
#define EVENTS_MAX 256
#define ACCEPTS_MAX 32
/* How long not to accept when descriptors or memory are short. */
#define PAUSE_MS 100
/* How long one that helps does not, after it found fewer than it takes. */
#define REST_MS 10
/* When to sum up the denials after the last event. */
#define REPORT_MS 1000

struct gate_loop {
	struct gate_thread thread; /* first: it is what the thread is given */
	struct gate_waiting waiting;
	struct gate_asking asking;
	struct gate_events *events;     /* of the tally */
	bool helps;                     /* it is not the first */
	bool current;                   /* it has the settings in effect */
	bool reporting;                 /* there may be denials to sum up */
	bool paused;                    /* the listener is not watched */
	struct lk_deadline resume;      /* when it will be again */
	uint8_t peek[GATE_REQUEST_MAX]; /* zeroed after each look */
};

/* ---- Connections --------------------------------------------------------- */

static bool
admits(const struct gate_loop *loop, int fd)
{
	return (gate_peers_admit(&loop->thread.generation->peers, fd));
}

/* Let go of a connection whose ${look} is not GATE_PEEK_WAIT. */
static void
let_go(struct gate_loop *loop, int fd, enum gate_peek look,
    const struct gate_seen *seen)
{
	if (look == GATE_PEEK_READY && loop->current) {
		gate_asking_begin(&loop->asking, fd, seen);
	} else if (look == GATE_PEEK_READY) {
		gate_turn_away(fd, seen->request_id, GATE_TURN_AWAY_OVERLOAD,
		    GATE_TURN_AWAY_NO_ROOM);
	} else if (look == GATE_PEEK_REFUSED) {
		gate_events_turned_away(loop->events, seen->reason);
		if (seen->request_id != 0)
			gate_turn_away(fd, seen->request_id,
			    GATE_TURN_AWAY_BAD_REQUEST, seen->reason);
		else
			gate_hang_up(fd);
	} else {
		(void)close(fd);
	}
}

/* A connection that waits has sent something, or will send no more. */
static void
look_again(struct gate_loop *loop, struct gate_waiter *waiter, uint32_t events)
{
	struct gate_sight *sight = &waiter->sight;
	enum gate_peek look = gate_peek(waiter->fd, loop->peek, sight);
	const struct gate_seen seen = sight->seen;

	if (look != GATE_PEEK_WAIT && !admits(loop, waiter->fd))
		gate_waiting_drop(&loop->waiting, waiter,
		    GATE_TURN_AWAY_STRANGER);
	else if (look != GATE_PEEK_WAIT)
		let_go(loop, gate_waiting_remove(&loop->waiting, waiter), look,
		    &seen);
	else if ((events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0)
		gate_waiting_drop(&loop->waiting, waiter, "incomplete request");
}

/* Look at a connection that is new. */
static void
let_in(struct gate_loop *loop, int fd)
{
	struct gate_sight sight = { .copied = 0 };
	enum gate_peek look = GATE_PEEK_GONE;

	gate_count(&loop->events->metrics.connections_accepted);
	if (!admits(loop, fd))
		gate_events_turned_away(loop->events, GATE_TURN_AWAY_STRANGER);
	else if (gate_peek_prepare(fd))
		look = gate_peek(fd, loop->peek, &sight);
	if (look == GATE_PEEK_WAIT)
		gate_waiting_add(&loop->waiting, fd, false, &sight);
	else
		let_go(loop, fd, look, &sight.seen);
}

/* ---- Accepting ----------------------------------------------------------- */

/* All loops wait for it, and one is woken for each connection: of those that
 * have nothing else to do, who has waited for the longest time. */
static bool
watch_listener(struct gate_loop *loop, int operation)
{
	return (gate_thread_watch(&loop->thread, operation,
	    &loop->thread.shared->process->listener.fd,
	    EPOLLIN | EPOLLEXCLUSIVE));
}

static void
pause_for(struct gate_loop *loop, int64_t ms)
{
	loop->paused = watch_listener(loop, EPOLL_CTL_DEL);
	loop->resume = lk_deadline_in(ms);
}

/* Whether to go on after accept4() failed with ${why}. */
static bool
accept_again(struct gate_loop *loop, int why)
{
	switch (why) {
	case EAGAIN:
		return (false);
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		if (gate_waiting_drop_oldest(&loop->waiting))
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
	gate_events_turned_away(loop->events, strerror(why));
	pause_for(loop, PAUSE_MS);
	return (false);
}

/*
 * The first loop is woken whenever it has nothing else to do, and another if
 * somebody comes while it has.  Mostly it would have found him in a moment, and
 * more at once: so who helps rests unless it found as many as it takes, and
 * nobody waits for longer than that should the first one take its time.
 */
static void
accept_all(struct gate_loop *loop)
{
	int fds[ACCEPTS_MAX], n = 0, i;

	for (i = 0; i < ACCEPTS_MAX; i++) {
		fds[n] = accept4(loop->thread.shared->process->listener.fd,
		    NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fds[n] != -1)
			n++;
		else if (n > 0 || !accept_again(loop, errno))
			break;
	}
	if (loop->helps && n < ACCEPTS_MAX && !loop->paused)
		pause_for(loop, REST_MS);
	/* By now those that came first have sent something, too. */
	for (i = 0; i < n; i++) {
		let_in(loop, fds[i]);
		gate_waiting_trim(&loop->waiting);
	}
}

static void
stop_letting_in(struct gate_loop *loop)
{
	if (!loop->paused)
		(void)watch_listener(loop, EPOLL_CTL_DEL);
	loop->paused = false;
	gate_waiting_close(&loop->waiting);
	(void)eventfd_write(loop->thread.shared->ended, 1);
}

/* ---- The loop ------------------------------------------------------------ */

/* Work by the settings in effect from here on; whether they are new. */
static bool
follow(struct gate_loop *loop)
{
	const struct gate_generation *before = loop->thread.generation;

	loop->current = gate_thread_follow(&loop->thread);
	if (loop->thread.generation == before)
		return (false);
	gate_asking_again(&loop->asking);
	return (true);
}

/* Wait for the next request of those that workers have answered. */
static void
take_back(struct gate_loop *loop)
{
	const struct gate_sight nothing = { .copied = 0 };
	int fd;

	while ((fd = gate_shared_take_back(loop->thread.shared)) != -1)
		gate_waiting_add(&loop->waiting, fd, true, &nothing);
}

/* Milliseconds until something has to be done without an event; -1: never. */
static int
next_timeout(const struct gate_loop *loop)
{
	struct lk_deadline next = { loop->asking.wants.until_ns };

	if (loop->waiting.oldest != NULL)
		next = lk_deadline_min(next, loop->waiting.oldest->deadline);
	if (loop->paused)
		next = lk_deadline_min(next, loop->resume);
	if (loop->reporting)
		next = lk_deadline_min(next, lk_deadline_in(REPORT_MS));
	return (next.at_ns == INT64_MAX ? -1 : lk_deadline_left_ms(next));
}

static void
handle(struct gate_loop *loop, const struct epoll_event *events, int n)
{
	struct gate_shared *shared = loop->thread.shared;
	const bool followed = follow(loop);
	bool knock = false, returned = false;
	short of_store = 0;
	const void *whose;
	int i;

	/*
	 * Those that wait come first: of all that events point to, nothing is
	 * gone before the last of them was looked at.
	 */
	for (i = 0; i < n; i++) {
		whose = events[i].data.ptr;
		if (whose == &loop->asking.wants.fd)
			of_store = (short)events[i].events;
		else if (whose == &shared->process->listener.fd)
			knock = true;
		else if (whose == &shared->returned[0])
			returned = true;
		else if (whose != &shared->bell)
			look_again(loop, events[i].data.ptr, events[i].events);
	}
	if (followed) {
		of_store = 0;
		gate_waiting_drop_strangers(&loop->waiting,
		    &loop->thread.generation->peers);
	}
	if (atomic_load(&shared->stop) && !loop->waiting.closed)
		stop_letting_in(loop);
	if (knock && !loop->waiting.closed)
		accept_all(loop);
	if (returned)
		take_back(loop);
	/* The store last: by now all that it can be asked is known. */
	gate_asking_go_on(&loop->asking, of_store);
	gate_waiting_trim(&loop->waiting);
	if (loop->paused && lk_deadline_left_ms(loop->resume) == 0)
		loop->paused = !watch_listener(loop, EPOLL_CTL_ADD);
}

static void *
run(void *arg)
{
	struct gate_loop *loop = arg;
	struct epoll_event events[EVENTS_MAX];
	int count;

	loop->waiting.epoll = loop->thread.epoll;
	loop->paused = !watch_listener(loop, EPOLL_CTL_ADD);
	while (!loop->waiting.closed || loop->asking.first != NULL) {
		count = epoll_wait(loop->thread.epoll, events, EVENTS_MAX,
		    next_timeout(loop));
		if (count == -1 && errno != EINTR)
			break;
		handle(loop, events, count);
		loop->reporting = gate_tally_rest(loop->thread.asked.tally,
		                      lk_monotonic_ns()) ||
		    count > 0;
	}
	/* It cannot wait for events any more, or nothing is left. */
	gate_asking_give_up(&loop->asking);
	if (!loop->waiting.closed)
		stop_letting_in(loop);
	return (NULL);
}

enum lk_status
gate_loop_start(struct gate_shared *shared, bool helps, struct gate_loop **loop,
    struct lk_error *error)
{
	const struct gate_room *room = &shared->room;
	struct gate_loop *l;

	if ((l = *loop = calloc(1, sizeof(*l))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	l->events = &shared->tally->events;
	l->helps = helps;
	l->waiting.events = l->events;
	l->waiting.max = room->waiting / 4 * 3;
	l->waiting.own = room->waiting / 4 / shared->loops;
	l->asking.thread = &l->thread;
	l->asking.waiting = &l->waiting;
	l->asking.wants.fd = -1;
	l->asking.wants.until_ns = INT64_MAX;
	return (gate_thread_start(&l->thread, shared, false, run, error));
}

void
gate_loop_end(struct gate_loop *loop)
{
	if (loop != NULL)
		gate_thread_end(&loop->thread);
	free(loop);
}
