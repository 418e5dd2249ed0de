#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "door/asking.h"
#include "door/fcgi.h"
#include "door/loop.h"
#include "door/turn_away.h"
#include "door/web.h"

/* Events taken, and connections accepted, at once. */
#define EVENTS_MAX 256
#define ACCEPTS_MAX 32
/* How long not to accept when descriptors or memory are short. */
#define PAUSE_MS 100
/* How long one that helps does not, after it found fewer than it takes. */
#define REST_MS 10
/* How many connections by HTTP make a loop's fill. */
#define HTTP_FILL 64
/* How long somebody may have waited who knocks once more. */
#define LEFT_MS 1000
/* When to sum up the denials after the last event. */
#define REPORT_MS 1000

struct gate_loop {
	struct gate_thread thread; /* first: it is what the thread is given */
	struct gate_waiting waiting;
	struct gate_asking asking;
	struct gate_spares spares; /* of FastCGI */
	struct gate_web web;
	struct gate_events *events;     /* of the tally */
	size_t before;                  /* loops: if any, it helps these */
	bool reporting;                 /* there may be denials to sum up */
	bool paused;                    /* no listener is watched */
	struct lk_deadline resume;      /* when it will be again */
	struct lk_deadline left;        /* until then who knocks by HTTP has
	                                   done so before */
	uint8_t peek[GATE_REQUEST_MAX]; /* zeroed after each look */
};

/* ---- Connections --------------------------------------------------------- */

static bool
admits(const struct gate_loop *loop, int fd)
{
	return (gate_peers_admit(
	    &loop->thread.generation->peers[GATE_LISTENER_MAIN], fd));
}

/* Let go of a connection whose ${look} is not GATE_PEEK_WAIT. */
static void
let_go(struct gate_loop *loop, int fd, enum gate_peek look,
    const struct gate_seen *seen)
{
	struct gate_exchange *exchange;

	if (look == GATE_PEEK_READY && loop->thread.current) {
		exchange = gate_fcgi_begin(&loop->spares, fd, seen);
		if (exchange != NULL)
			gate_asking_begin(&loop->asking, exchange);
	} else if (look == GATE_PEEK_READY) {
		gate_turn_away(fd, seen->request_id, GATE_TURN_AWAY_OVERLOAD,
		    GATE_TURN_AWAY_NO_ROOM);
	} else if (look == GATE_PEEK_REFUSED) {
		gate_events_turned_away(loop->events, seen->reason);
		if (seen->request_id != 0)
			gate_turn_away(fd, seen->request_id,
			    seen->too_large ? GATE_TURN_AWAY_TOO_LARGE
			                    : GATE_TURN_AWAY_BAD_REQUEST,
			    seen->reason);
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

/* All loops wait for them, and one is woken for each connection: of those that
 * have nothing else to do, who has waited for the longest time. */
static bool
watch_listeners(struct gate_loop *loop, int operation)
{
	struct gate_listener *all = loop->thread.shared->process->listeners;
	bool done = true;
	size_t i;

	for (i = 0; i < GATE_LISTENER_COUNT; i++)
		done = (all[i].fd == -1 ||
		           gate_thread_watch(&loop->thread, operation,
		               &all[i].fd, EPOLLIN | EPOLLEXCLUSIVE) ||
		           errno == EEXIST || errno == ENOENT) &&
		    done;
	return (done);
}

static void
pause_for(struct gate_loop *loop, int64_t ms)
{
	loop->paused = watch_listeners(loop, EPOLL_CTL_DEL);
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
		if (gate_waiting_drop_oldest(&loop->waiting) ||
		    gate_web_drop_oldest(&loop->web))
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

static int
accept_one(const struct gate_loop *loop, enum gate_listeners which)
{
	return (accept4(loop->thread.shared->process->listeners[which].fd, NULL,
	    NULL, SOCK_CLOEXEC | SOCK_NONBLOCK));
}

/*
 * Who comes by HTTP stays.  What one loop finds together costs less, so a loop
 * takes somebody only when those before it have their fill, or leave him there
 * for as long as it rests.
 */
static void
accept_web(struct gate_loop *loop)
{
	const bool left = lk_deadline_left_ms(loop->left) > 0;
	int fd;

	loop->left = lk_deadline_in(0);
	if (!left &&
	    gate_counted(&loop->web.tally->http_connections) <
	        loop->before * HTTP_FILL) {
		loop->left = lk_deadline_in(LEFT_MS);
		if (!loop->paused)
			pause_for(loop, REST_MS);
		return;
	}
	do {
		fd = accept_one(loop, GATE_LISTENER_HTTP);
		if (fd != -1)
			gate_web_let_in(&loop->web, fd);
	} while (fd == -1 && accept_again(loop, errno));
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
		fds[n] = accept_one(loop, GATE_LISTENER_MAIN);
		if (fds[n] != -1)
			n++;
		else if (n > 0 || !accept_again(loop, errno))
			break;
	}
	if (loop->before > 0 && n < ACCEPTS_MAX && !loop->paused)
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
		(void)watch_listeners(loop, EPOLL_CTL_DEL);
	loop->paused = false;
	gate_waiting_close(&loop->waiting);
	if (loop->web.asking != NULL)
		gate_web_leave(&loop->web);
	(void)eventfd_write(loop->thread.shared->ended, 1);
}

/* ---- The loop ------------------------------------------------------------ */

/* What epoll has told of the store, and of who comes by HTTP. */
struct heard {
	short of_store;
	bool of_web; /* libmicrohttpd */
	bool rang;   /* a worker, which has answered */
};

/* Work by the settings in effect from here on; whether they are new. */
static bool
follow(struct gate_loop *loop)
{
	const struct gate_generation *before = loop->thread.generation;

	gate_thread_follow(&loop->thread);
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
	int web_ms;

	if (loop->waiting.oldest != NULL)
		next = lk_deadline_min(next, loop->waiting.oldest->deadline);
	if (loop->paused)
		next = lk_deadline_min(next, loop->resume);
	if (loop->reporting)
		next = lk_deadline_min(next, lk_deadline_in(REPORT_MS));
	if (loop->web.asking != NULL &&
	    (web_ms = gate_web_wait_ms(&loop->web)) != -1)
		next = lk_deadline_min(next, lk_deadline_in(web_ms));
	return (next.at_ns == INT64_MAX ? -1 : lk_deadline_left_ms(next));
}

/* The store last: by now all that it can be asked is known.  What it has said
 * goes on by HTTP at once, and what follows from that the next time. */
static void
go_on(struct gate_loop *loop, const struct heard *heard)
{
	short of_store = heard->of_store;
	bool of_web = heard->of_web, rang = heard->rang;
	int i;

	for (i = 0; i < 2; i++) {
		if (loop->web.asking != NULL)
			gate_web_go_on(&loop->web, of_web, rang);
		if (i == 0 || loop->asking.first != NULL)
			gate_asking_go_on(&loop->asking, of_store);
		if (!loop->web.more)
			break;
		of_store = 0;
		of_web = rang = false;
	}
}

static void
handle(struct gate_loop *loop, const struct epoll_event *events, int n)
{
	struct gate_shared *shared = loop->thread.shared;
	const struct gate_listener *listeners = shared->process->listeners;
	const bool followed = follow(loop);
	struct heard heard = { .of_store = 0 };
	bool returned = false, knock[GATE_LISTENER_COUNT] = { false };
	const void *whose;
	int i;

	/*
	 * Those that wait come first: of all that events point to, nothing is
	 * gone before the last of them was looked at.
	 */
	for (i = 0; i < n; i++) {
		whose = events[i].data.ptr;
		if (whose == &loop->asking.wants.fd)
			heard.of_store = (short)events[i].events;
		else if (whose == &listeners[GATE_LISTENER_MAIN].fd)
			knock[GATE_LISTENER_MAIN] = true;
		else if (whose == &listeners[GATE_LISTENER_HTTP].fd)
			knock[GATE_LISTENER_HTTP] = true;
		else if (whose == &loop->web.http.epoll)
			heard.of_web = true;
		else if (whose == &loop->web.bell)
			heard.rang = true;
		else if (whose == &shared->returned[0])
			returned = true;
		else if (whose != &shared->bell)
			look_again(loop, events[i].data.ptr, events[i].events);
	}
	if (followed) {
		heard.of_store = 0;
		gate_waiting_drop_strangers(&loop->waiting,
		    &loop->thread.generation->peers[GATE_LISTENER_MAIN]);
		if (loop->web.asking != NULL)
			gate_web_drop_strangers(&loop->web);
	}
	if (atomic_load(&shared->stop) && !loop->waiting.closed)
		stop_letting_in(loop);
	if (knock[GATE_LISTENER_MAIN] && !loop->waiting.closed)
		accept_all(loop);
	if (knock[GATE_LISTENER_HTTP] && !loop->waiting.closed)
		accept_web(loop);
	if (returned)
		take_back(loop);
	go_on(loop, &heard);
	gate_waiting_trim(&loop->waiting);
	if (loop->paused && lk_deadline_left_ms(loop->resume) == 0)
		loop->paused = !watch_listeners(loop, EPOLL_CTL_ADD);
}

/* Whether all is answered, after it was told to stop. */
static bool
is_done(const struct gate_loop *loop)
{
	return (loop->waiting.closed && loop->asking.first == NULL &&
	    loop->web.http.first == NULL);
}

/* Wait for what comes by HTTP, if that is on; whether that can be had. */
static bool
watch_web(struct gate_loop *loop)
{
	struct gate_web *web = &loop->web;

	return (web->asking == NULL ||
	    (gate_thread_watch(&loop->thread, EPOLL_CTL_ADD, &web->http.epoll,
	         EPOLLIN) &&
	        gate_thread_watch(&loop->thread, EPOLL_CTL_ADD, &web->bell,
	            EPOLLIN)));
}

static void *
run(void *arg)
{
	struct gate_loop *loop = arg;
	struct epoll_event events[EVENTS_MAX];
	const bool can_wait = watch_web(loop);
	int count;

	loop->waiting.epoll = loop->thread.epoll;
	loop->paused = !watch_listeners(loop, EPOLL_CTL_ADD);
	while (can_wait && !is_done(loop)) {
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
	gate_web_close(&loop->web);
	if (!loop->waiting.closed)
		stop_letting_in(loop);
	return (NULL);
}

enum lk_status
gate_loop_start(struct gate_shared *shared, size_t before,
    struct gate_loop **loop, struct lk_error *error)
{
	const struct gate_room *room = &shared->room;
	enum lk_status status = LK_OK;
	struct gate_loop *l;

	if ((l = *loop = calloc(1, sizeof(*l))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	l->events = &shared->tally->events;
	l->before = before;
	l->waiting.events = l->events;
	l->waiting.max = room->waiting / 4 * 3;
	l->waiting.own = room->waiting / 4 / shared->loops;
	l->asking.thread = &l->thread;
	l->asking.waiting = &l->waiting;
	l->asking.wants.fd = -1;
	l->asking.wants.until_ns = INT64_MAX;
	if (shared->http_room > 0)
		status = gate_web_open(&l->web, &l->asking, shared->http_room,
		    shared->tally, error);
	if (status != LK_OK)
		return (status);
	return (gate_thread_start(&l->thread, shared, false, run, error));
}

void
gate_loop_end(struct gate_loop *loop)
{
	if (loop == NULL)
		return;
	gate_thread_end(&loop->thread);
	gate_web_close(&loop->web);
	gate_exchange_free_spares(&loop->spares);
	free(loop);
}
