#include <sys/epoll.h>
#include <sys/eventfd.h>

#include <errno.h>
#include <stdlib.h>

#include <fcgiapp.h>

#include "base/error.h"
#include "door/door.h"
#include "door/exchange.h"
#include "door/loop.h"
#include "door/peek.h"

struct gate_door {
	struct gate_shared shared;
	struct gate_thread *workers;
	size_t loops; /* that were begun */
	struct gate_loop *loop[];
};

bool
gate_door_prepare(int fd)
{
	return (gate_peek_prepare_all(fd));
}

/* Answer a request, or keep it until it is to be asked again. */
static void
answer(struct gate_thread *thread, struct gate_exchange *exchange)
{
	const char *reply = gate_handle(&thread->asked, &exchange->c, NULL,
	    exchange->env, exchange->role, &exchange->brought, &thread->reply);
	int fd;

	if (reply != NULL) {
		fd = gate_exchange_answer(exchange, reply);
		lk_buf_reset(&thread->reply);
		if (fd != -1)
			gate_shared_return(thread->shared, fd);
	} else if (!gate_later_put(&thread->shared->later, exchange)) {
		gate_exchange_turn_away(exchange, GATE_TURN_AWAY_OVERLOAD,
		    "too many wait");
	}
}

/* What a worker does until the queue is closed, and all that was in it is
 * answered. */
static void *
work(void *arg)
{
	struct gate_thread *thread = arg;
	struct gate_exchange *exchange;
	struct epoll_event event;
	bool later = false; /* whose turn it is: nobody starves the other */

	while (
	    epoll_wait(thread->epoll, &event, 1, -1) != -1 || errno == EINTR) {
		/* Who is idle holds on to no old store either. */
		gate_thread_follow(thread);
		/* Who waits would be waited for. */
		if (atomic_load(&thread->shared->stop))
			gate_later_close(&thread->shared->later);
		later = !later;
		exchange = later ? gate_later_take(&thread->shared->later)
		                 : NULL;
		if (exchange == NULL &&
		    !gate_shared_take(thread->shared, &exchange))
			break;
		if (exchange == NULL && !later)
			exchange = gate_later_take(&thread->shared->later);
		if (exchange == NULL || !gate_thread_admits(thread, exchange))
			continue;
		if (gate_shared_is_late(thread->shared))
			gate_exchange_turn_away(exchange,
			    GATE_TURN_AWAY_OVERLOAD, "it ends");
		else if (thread->current)
			answer(thread, exchange);
		else
			gate_exchange_turn_away(exchange,
			    GATE_TURN_AWAY_OVERLOAD, GATE_TURN_AWAY_NO_ROOM);
	}
	return (NULL);
}

/* There are new settings. */
static void
wake(void *arg)
{
	gate_shared_ring(&((struct gate_door *)arg)->shared);
}

static enum lk_status
start_all(struct gate_door *door, struct lk_error *error)
{
	const size_t threads = door->shared.process->threads;
	enum lk_status status = LK_OK;
	size_t i;

	door->workers = calloc(threads, sizeof(*door->workers));
	if (door->workers == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	for (i = 0; i < threads && status == LK_OK; i++)
		status = gate_thread_start(&door->workers[i], &door->shared,
		    true, work, error);
	while (status == LK_OK && door->loops < door->shared.loops) {
		status = gate_loop_start(&door->shared, door->loops,
		    &door->loop[door->loops], error);
		door->loops++;
	}
	return (status);
}

enum lk_status
gate_door_open(struct gate_process *process, struct gate_tally *tally,
    struct gate_door **door, struct lk_error *error)
{
	struct gate_door *d = calloc(1,
	    sizeof(*d) + process->threads * sizeof(d->loop[0]));
	enum lk_status status = LK_FAULT;

	*door = NULL;
	if (d == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	status = gate_shared_open(&d->shared, process, tally, error);
	if (status == LK_OK && FCGX_Init() != 0)
		status = lk_fail(error, LK_FAULT, "FCGX_Init failed");
	if (status == LK_OK)
		status = start_all(d, error);
	if (status != LK_OK) {
		gate_door_free(d);
		return (status);
	}
	process->wake = wake;
	process->worker = d;
	*door = d;
	return (LK_OK);
}

enum lk_status
gate_door_run(struct gate_door *door)
{
	struct gate_shared *shared = &door->shared;
	const enum lk_status status = gate_process_wait(shared->process,
	    shared->ended);
	eventfd_t ended = 0, more;

	gate_shared_stop(shared);
	/* The listener is theirs until the last of them has let go of it. */
	while (ended < door->loops && eventfd_read(shared->ended, &more) == 0)
		ended += more;
	return (status);
}

void
gate_door_free(struct gate_door *door)
{
	size_t i;

	if (door == NULL)
		return;
	gate_shared_stop(&door->shared);
	for (i = 0; i < door->loops; i++)
		gate_loop_end(door->loop[i]);
	/* Nobody hands anything over any more. */
	gate_shared_close_queue(&door->shared);
	for (i = 0; door->workers != NULL && i < door->shared.process->threads;
	     i++)
		gate_thread_end(&door->workers[i]);
	free(door->workers);
	gate_shared_close(&door->shared);
	free(door);
}
