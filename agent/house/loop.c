#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/error.h"
#include "house/http.h"
#include "house/loop.h"

#define SECOND_NS INT64_C(1000000000)
/* How many are let in before others are served again. */
#define BATCH 32
#define EVENTS 8

bool
agent_loop_prepare(int fd)
{
	socklen_t len = sizeof(int);
	int domain = -1;

	if (getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &domain, &len) == 0 &&
	    domain == AF_UNIX)
		return (true);
	errno = EAFNOSUPPORT;
	return (false);
}

/* ---- Connections ------------------------------------------------------- */

/* Whether ${connection} has a share left; strangers have one together. */
static bool
take_share(struct agent_loop *loop, struct agent_connection *connection)
{
	struct gate_generations *all = loop->shared->process->generations;
	struct gate_generation *generation = gate_generations_hold(all);
	const struct agent_policy *policy = generation->own;

	connection->share = agent_rows_have(&policy->rows, &connection->caller)
	    ? connection->caller.uid
	    : AGENT_NOBODY;
	connection->listed = agent_rows_list(&policy->rows,
	    &connection->caller);
	gate_generations_drop(all, generation);
	return (agent_share_take(&loop->shared->shares, connection->share,
	    connection->listed));
}

static void
let_in(struct agent_loop *loop, int fd)
{
	struct agent_shared *shared = loop->shared;
	struct agent_connection *connection = agent_connection_new(fd);

	if (connection == NULL || !take_share(loop, connection)) {
		gate_events_turned_away(&shared->tally->events,
		    connection == NULL ? "who it is cannot be told"
		                       : "the user has too many");
		agent_connection_drop(connection);
		(void)close(fd);
		return;
	}
	if (gate_http_let_in(&loop->http, &connection->link, fd,
	        lk_monotonic_ns() + AGENT_REQUEST_NS)) {
		(void)gate_count(&shared->tally->connections);
		(void)gate_count(
		    &shared->tally->events.metrics.connections_accepted);
		return;
	}
	gate_events_turned_away(&shared->tally->events, "there is no room");
	agent_share_give(&shared->shares, connection->share,
	    connection->listed);
	agent_connection_drop(connection);
}

void
agent_loop_closed(void *arg, struct gate_http_link *link)
{
	struct agent_connection *connection = (struct agent_connection *)link;
	struct agent_loop *loop = arg;

	gate_count_down(&loop->shared->tally->connections);
	agent_share_give(&loop->shared->shares, connection->share,
	    connection->listed);
	agent_connection_drop(connection);
}

static void
accept_some(struct agent_loop *loop)
{
	int fd, i;

	for (i = 0; i < BATCH; i++) {
		fd = accept4(loop->listener, NULL, NULL,
		    SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd == -1)
			return;
		let_in(loop, fd);
	}
}

/* ---- Answers ----------------------------------------------------------- */

void
agent_loop_answered(struct agent_call *call)
{
	struct agent_loop *loop = call->loop;

	(void)pthread_mutex_lock(&loop->lock);
	call->next = loop->answered;
	loop->answered = call;
	(void)pthread_mutex_unlock(&loop->lock);
	(void)eventfd_write(loop->bell, 1);
}

/* Go on with what is answered by now. */
static void
go_on(struct agent_loop *loop)
{
	struct agent_call *call, *next;
	eventfd_t n;

	(void)eventfd_read(loop->bell, &n);
	(void)pthread_mutex_lock(&loop->lock);
	next = loop->answered;
	loop->answered = NULL;
	(void)pthread_mutex_unlock(&loop->lock);
	while ((call = next) != NULL) {
		next = call->next;
		agent_http_answered(call);
	}
}

/* ---- Time -------------------------------------------------------------- */

/* End who is late, and answer for who is waited for too long. */
static void
look_at_all(struct agent_loop *loop, int64_t now_ns)
{
	struct gate_http_link *link;

	loop->looked_ns = now_ns;
	for (link = loop->http.first; link != NULL; link = link->next) {
		if (link->call != NULL &&
		    agent_workers_give_up(loop->shared->workers, link->call,
		        now_ns))
			agent_http_answered(link->call);
	}
	gate_http_end_late(&loop->http, now_ns);
}

/* Let nobody in any more, end who asks nothing, and wait for nobody who is slow
 * to ask or to listen. */
static void
close_door(struct agent_loop *loop)
{
	const int64_t until_ns = lk_monotonic_ns() + GATE_LEAVE_NS;
	struct gate_http_link *link;

	loop->closed = true;
	(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener, NULL);
	(void)eventfd_write(loop->shared->ended, 1);
	gate_http_end_idle(&loop->http);
	for (link = loop->http.first; link != NULL; link = link->next) {
		/* A worker's answer has no end, but comes. */
		if (link->until_ns != INT64_MAX && link->until_ns > until_ns)
			link->until_ns = until_ns;
	}
}

/* ---- The thread -------------------------------------------------------- */

static bool
watch(const struct agent_loop *loop, int fd, uint32_t events)
{
	struct epoll_event event = { .events = events, .data.fd = fd };

	return (epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0);
}

static void *
run(void *arg)
{
	struct agent_loop *loop = arg;
	const struct agent_shared *shared = loop->shared;
	struct epoll_event events[EVENTS];
	int64_t now_ns;
	int n, i;

	for (;;) {
		n = epoll_wait(loop->epoll, events, EVENTS,
		    gate_http_wait_ms(&loop->http));
		if (n == -1 && errno != EINTR)
			break;
		for (i = 0; i < n; i++) {
			if (events[i].data.fd == loop->listener &&
			    !atomic_load(&shared->stop))
				accept_some(loop);
			else if (events[i].data.fd == loop->bell)
				go_on(loop);
		}
		gate_http_run(&loop->http);
		now_ns = lk_monotonic_ns();
		if (now_ns - loop->looked_ns >= SECOND_NS)
			look_at_all(loop, now_ns);
		if (!atomic_load(&shared->stop))
			continue;
		if (!loop->closed)
			close_door(loop);
		if (loop->http.first == NULL)
			break;
	}
	if (!loop->closed)
		(void)eventfd_write(shared->ended, 1);
	return (NULL);
}

enum lk_status
agent_loop_start(struct agent_loop *loop, struct agent_shared *shared,
    struct lk_error *error)
{
	int result;

	loop->shared = shared;
	/* A plain one cannot fail. */
	(void)pthread_mutex_init(&loop->lock, NULL);
	loop->bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	loop->listener = shared->process->listeners[GATE_LISTENER_MAIN].fd;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (!agent_http_open(loop))
		return (lk_fail(error, LK_FAULT, "libmicrohttpd: %s",
		    strerror(errno)));
	/* At its edge the bell wakes each loop, and needs no reading. */
	if (loop->epoll == -1 || loop->bell == -1 ||
	    !watch(loop, loop->bell, EPOLLIN) ||
	    !watch(loop, shared->bell, EPOLLIN | EPOLLET) ||
	    !watch(loop, loop->http.epoll, EPOLLIN) ||
	    !watch(loop, loop->listener, EPOLLIN | EPOLLEXCLUSIVE))
		return (lk_fail(error, LK_FAULT, "epoll: %s", strerror(errno)));
	result = pthread_create(&loop->id, NULL, run, loop);
	if (result != 0)
		return (
		    lk_fail(error, LK_E_NOMEM, "thread: %s", strerror(result)));
	loop->started = true;
	return (LK_OK);
}

void
agent_loop_end(struct agent_loop *loop)
{
	if (loop->shared == NULL)
		return;
	if (loop->started)
		(void)pthread_join(loop->id, NULL);
	gate_http_close(&loop->http);
	if (loop->epoll != -1)
		(void)close(loop->epoll);
	if (loop->bell != -1)
		(void)close(loop->bell);
	(void)pthread_mutex_destroy(&loop->lock);
	loop->shared = NULL;
}
