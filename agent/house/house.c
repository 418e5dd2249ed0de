#include <sys/eventfd.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "base/error.h"
#include "house/house.h"
#include "house/loop.h"

/* What part of all connections one user may have. */
#define SHARE 4

struct agent_house {
	struct agent_shared shared;
	size_t loops; /* that were begun */
	struct agent_loop loop[];
};

bool
agent_house_prepare(int fd)
{
	return (agent_loop_prepare(fd));
}

static void
ring(struct agent_house *house)
{
	(void)eventfd_write(house->shared.bell, 1);
}

/* There are new settings. */
static void
wake(void *arg)
{
	struct agent_house *house = arg;

	agent_workers_wake(house->shared.workers);
}

static enum lk_status
start_all(struct agent_house *house, size_t max, struct lk_error *error)
{
	struct agent_shared *shared = &house->shared;
	const size_t threads = shared->process->threads;
	enum lk_status status = LK_FAULT;

	if (shared->bell == -1 || shared->ended == -1)
		return (
		    lk_fail(error, LK_FAULT, "eventfd: %s", strerror(errno)));
	status = agent_workers_new(shared->process, shared->tally, max,
	    agent_loop_answered, &shared->workers, error);
	while (status == LK_OK && house->loops < threads)
		status = agent_loop_start(&house->loop[house->loops++], shared,
		    error);
	return (status);
}

enum lk_status
agent_house_open(struct gate_process *process, struct agent_tally *tally,
    struct agent_house **house, struct lk_error *error)
{
	const struct gate_room room = gate_process_room(process->threads);
	struct agent_house *h = calloc(1,
	    sizeof(*h) + process->threads * sizeof(h->loop[0]));
	enum lk_status status = LK_FAULT;

	*house = NULL;
	if (h == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	h->shared.process = process;
	h->shared.tally = tally;
	h->shared.shares.max = room.waiting / SHARE;
	h->shared.shares.max_all = room.waiting;
	/* A plain one cannot fail. */
	(void)pthread_mutex_init(&h->shared.shares.lock, NULL);
	h->shared.bell = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	h->shared.ended = eventfd(0, EFD_CLOEXEC);
	status = start_all(h, room.queue, error);
	if (status != LK_OK) {
		(void)agent_house_free(h);
		return (status);
	}
	process->wake = wake;
	process->worker = h;
	*house = h;
	return (LK_OK);
}

enum lk_status
agent_house_run(struct agent_house *house)
{
	struct agent_shared *shared = &house->shared;
	const enum lk_status status = gate_process_wait(shared->process,
	    shared->ended);
	eventfd_t ended = 0, more;

	agent_workers_leave(shared->workers,
	    lk_monotonic_ns() + GATE_LEAVE_NS);
	atomic_store(&shared->stop, true);
	ring(house);
	/* The listener is theirs until the last of them has let go of it. */
	while (ended < house->loops && eventfd_read(shared->ended, &more) == 0)
		ended += more;
	return (status);
}

static void
close_one(int fd)
{
	if (fd != -1)
		(void)close(fd);
}

bool
agent_house_free(struct agent_house *house)
{
	size_t i;

	if (house == NULL)
		return (true);
	atomic_store(&house->shared.stop, true);
	ring(house);
	for (i = 0; i < house->loops; i++)
		agent_loop_end(&house->loop[i]);
	if (!agent_workers_free(house->shared.workers))
		return (false);
	close_one(house->shared.bell);
	close_one(house->shared.ended);
	(void)pthread_mutex_destroy(&house->shared.shares.lock);
	free(house->shared.shares.v);
	free(house);
	return (true);
}
