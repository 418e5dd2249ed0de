#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <fcgiapp.h>

#include "base/deadline.h"
#include "base/error.h"
#include "door/guard.h"
#include "door/turn_away.h"
#include "door/worker.h"

#define MS_NS INT64_C(1000000)
/* A request that waited longer than this may have been given up. */
#define STALE_NS (100 * MS_NS)
/* Every web server has given up one that waited this long. */
#define TOO_OLD_NS (5000 * MS_NS)

struct worker {
	const struct gate_worker_parts *parts;
	struct gate_generation *generation; /* held */
	struct lk_manager *manager;         /* of its settings */
	pthread_t thread;
	FCGX_Request fcgi;
	struct lk_buf reply;
};

struct gate_workers {
	struct gate_worker_parts parts;
	size_t count;   /* of workers that have a manager */
	size_t running; /* of those, how many have a thread */
	struct worker worker[];
};

/*
 * Answer the request that is waiting in ${ready}, which the guard has looked
 * at.
 * libfcgi is given the connection as if it had accepted it: with
 * keepConnection set it does not close it, and detached it would not wait for
 * the peer when it closes it after an error.
 */
static void
serve(struct worker *worker, const struct gate_ready *ready)
{
	const struct gate_asked asked = {
		.settings = worker->generation->settings,
		.tally = worker->parts->tally,
		.manager = worker->manager,
	};
	FCGX_Request *fcgi = &worker->fcgi;
	const char *reply;

	fcgi->ipcFd = ready->fd;
	fcgi->keepConnection = 1;
	(void)FCGX_Detach(fcgi);
	if (FCGX_Accept_r(fcgi) != 0)
		return;
	/*
	 * The end of the request has arrived, and behind it is nothing: the
	 * peer has no answer yet, after which it may send the next one.
	 */
	if (ready->keep)
		gate_drain(ready->fd, GATE_REQUEST_MAX);
	reply = gate_handle(&asked, fcgi->envp, fcgi->role, &worker->reply);
	(void)FCGX_PutStr(reply, (int)strlen(reply), fcgi->out);
	gate_request_wipe(fcgi->envp);
	lk_buf_reset(&worker->reply);
	fcgi->keepConnection = 1;
	FCGX_Finish_r(fcgi);
	if (fcgi->ipcFd >= 0 &&
	    !(ready->keep &&
	        gate_queue_push(worker->parts->returned,
	            (struct gate_ready){ .fd = fcgi->ipcFd })))
		gate_hang_up(fcgi->ipcFd);
	fcgi->ipcFd = -1;
}

/* Whether nobody is there any more to read an answer. */
static bool
is_given_up(const struct gate_ready *ready)
{
	int64_t waited = lk_monotonic_ns() - ready->since_ns;
	struct pollfd pfd = { .fd = ready->fd };

	if (waited < STALE_NS)
		return (false);
	if (waited > TOO_OLD_NS)
		return (true);
	return (
	    poll(&pfd, 1, 0) > 0 && (pfd.revents & (POLLHUP | POLLERR)) != 0);
}

/* Hold ${generation}, which becomes the worker's, with a manager of it. */
static enum lk_status
adopt(struct worker *worker, struct gate_generation *generation,
    struct lk_error *error)
{
	const struct lk_surroundings surroundings = { .log = generation->log,
		.watch = generation->watch };
	struct lk_manager *manager;
	enum lk_status status = LK_FAULT;

	status = lk_manager_new(generation->settings, &surroundings, &manager,
	    error);
	if (status != LK_OK) {
		gate_generations_drop(worker->parts->generations, generation);
		return (status);
	}
	lk_manager_free(worker->manager);
	gate_generations_drop(worker->parts->generations, worker->generation);
	worker->manager = manager;
	worker->generation = generation;
	return (LK_OK);
}

/* Whether the worker has the settings that are in effect. */
static bool
follow_generations(struct worker *worker)
{
	struct gate_generations *generations = worker->parts->generations;
	enum lk_status status = LK_FAULT;
	struct lk_error error;

	if (!gate_generations_differ(generations, worker->generation))
		return (true);
	status = adopt(worker, gate_generations_hold(generations), &error);
	if (status != LK_OK)
		gate_events_store(&worker->parts->tally->events, status,
		    error.text);
	return (status == LK_OK);
}

/* Answer ${ready} or end it; ${current}: by the settings in effect. */
static void
attend(struct worker *worker, const struct gate_ready *ready, bool current)
{
	struct gate_events *events = &worker->parts->tally->events;

	gate_count_down(&events->metrics.queued);
	if (!gate_peers_admit(&worker->generation->peers, ready->fd)) {
		gate_events_turned_away(events, GATE_TURN_AWAY_STRANGER);
		gate_hang_up(ready->fd);
	} else if (is_given_up(ready)) {
		gate_hang_up(ready->fd);
	} else if (!current) {
		gate_turn_away(ready->fd, ready->request_id,
		    GATE_TURN_AWAY_OVERLOAD,
		    "there is no room for the new settings");
	} else {
		serve(worker, ready);
	}
}

static void *
work(void *arg)
{
	struct worker *worker = arg;
	struct gate_ready ready;
	uint64_t nudges = 0;
	bool current;

	while (gate_queue_pop(worker->parts->queue, &nudges, &ready)) {
		current = follow_generations(worker);
		if (ready.fd != -1)
			attend(worker, &ready, current);
	}
	return (NULL);
}

static enum lk_status
worker_init(struct gate_workers *all, struct worker *worker,
    struct lk_error *error)
{
	worker->parts = &all->parts;
	worker->reply = (struct lk_buf)LK_BUF_INIT(GATE_REPLY_MAX);
	if (FCGX_InitRequest(&worker->fcgi, -1, 0) != 0)
		return (lk_fail(error, LK_FAULT, "FCGX_InitRequest failed"));
	return (adopt(worker, gate_generations_hold(all->parts.generations),
	    error));
}

enum lk_status
gate_workers_start(const struct gate_worker_parts *parts, size_t count,
    struct gate_workers **workers, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	struct gate_workers *all;
	int result;

	*workers = NULL;
	all = calloc(1, sizeof(*all) + count * sizeof(all->worker[0]));
	if (all == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	all->parts = *parts;
	for (; all->count < count; all->count++) {
		status = worker_init(all, &all->worker[all->count], error);
		if (status != LK_OK)
			goto out;
	}
	for (; all->running < count; all->running++) {
		result = pthread_create(&all->worker[all->running].thread, NULL,
		    work, &all->worker[all->running]);
		if (result != 0) {
			status = lk_fail(error, LK_E_NOMEM, "thread: %s",
			    strerror(result));
			goto out;
		}
	}
	*workers = all;
	all = NULL;
	status = LK_OK;
out:
	gate_workers_finish(all);
	return (status);
}

void
gate_workers_finish(struct gate_workers *workers)
{
	size_t i;

	if (workers == NULL)
		return;
	gate_queue_close(workers->parts.queue);
	for (i = 0; i < workers->running; i++)
		(void)pthread_join(workers->worker[i].thread, NULL);
	for (i = 0; i < workers->count; i++) {
		lk_manager_free(workers->worker[i].manager);
		gate_generations_drop(workers->parts.generations,
		    workers->worker[i].generation);
		lk_buf_free(&workers->worker[i].reply);
	}
	free(workers);
}
