#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include <fcgiapp.h>

#include "answer.h"
#include "deadline.h"
#include "error.h"
#include "refuse.h"
#include "worker.h"

#define MS_NS INT64_C(1000000)
/* A request that waited longer than this may have been given up. */
#define STALE_NS (100 * MS_NS)
/* Every web server has given up one that waited this long. */
#define TOO_OLD_NS (5000 * MS_NS)

struct worker {
	struct gate_workers *all;
	struct lk_manager *manager;
	pthread_t thread;
	FCGX_Request fcgi;
	struct lk_buf reply;
};

struct gate_workers {
	const struct lk_settings *settings;
	struct gate_report *report;
	struct gate_queue *queue;
	size_t count;   /* of workers that have a manager */
	size_t running; /* of those, how many have a thread */
	struct worker worker[];
};

/*
 * Answer the request that is waiting in ${fd}, which the guard has looked at.
 * libfcgi is given the connection as if it had accepted it: with
 * keepConnection set it does not close it, and detached it would not wait for
 * the peer when it closes it after an error.
 */
static void
serve(struct worker *worker, int fd)
{
	const struct gate_asked asked = {
		.settings = worker->all->settings,
		.report = worker->all->report,
		.manager = worker->manager,
	};
	FCGX_Request *fcgi = &worker->fcgi;
	const char *reply;

	fcgi->ipcFd = fd;
	fcgi->keepConnection = 1;
	(void)FCGX_Detach(fcgi);
	if (FCGX_Accept_r(fcgi) != 0)
		return;
	reply = gate_answer(&asked, fcgi->envp, fcgi->role, &worker->reply);
	(void)FCGX_PutStr(reply, (int)strlen(reply), fcgi->out);
	gate_request_wipe(fcgi->envp);
	lk_buf_reset(&worker->reply);
	fcgi->keepConnection = 1;
	FCGX_Finish_r(fcgi);
	if (fcgi->ipcFd >= 0)
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
	return (poll(&pfd, 1, 0) > 0 &&
	    (pfd.revents & (POLLHUP | POLLERR)) != 0);
}

static void *
work(void *arg)
{
	struct worker *worker = arg;
	struct gate_ready ready;

	while (gate_queue_pop(worker->all->queue, &ready)) {
		gate_count_down(&worker->all->report->metrics.queued);
		if (is_given_up(&ready))
			gate_hang_up(ready.fd);
		else
			serve(worker, ready.fd);
	}
	return (NULL);
}

static enum lk_status
worker_init(struct gate_workers *all, struct worker *worker,
    struct lk_error *error)
{
	const struct lk_surroundings surroundings = {
		.log = all->report->log };

	worker->all = all;
	worker->reply = (struct lk_buf)LK_BUF_INIT(GATE_REPLY_MAX);
	if (FCGX_InitRequest(&worker->fcgi, -1, 0) != 0)
		return (lk_fail(error, LK_FAULT, "FCGX_InitRequest failed"));
	return (lk_manager_new(all->settings, &surroundings,
	    &worker->manager, error));
}

enum lk_status
gate_workers_start(const struct lk_settings *settings,
    struct gate_report *report, struct gate_queue *queue,
    struct gate_workers **workers, struct lk_error *error)
{
	size_t count = (size_t)settings->gate.threads;
	enum lk_status status = LK_FAULT;
	struct gate_workers *all;
	int result;

	*workers = NULL;
	all = calloc(1, sizeof(*all) + count * sizeof(all->worker[0]));
	if (all == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	all->settings = settings;
	all->report = report;
	all->queue = queue;
	for (; all->count < count; all->count++) {
		status = worker_init(all, &all->worker[all->count], error);
		if (status != LK_OK)
			goto out;
	}
	for (; all->running < count; all->running++) {
		result = pthread_create(&all->worker[all->running].thread,
		    NULL, work, &all->worker[all->running]);
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
	gate_queue_close(workers->queue);
	for (i = 0; i < workers->running; i++)
		(void)pthread_join(workers->worker[i].thread, NULL);
	for (i = 0; i < workers->count; i++) {
		lk_manager_free(workers->worker[i].manager);
		lk_buf_free(&workers->worker[i].reply);
	}
	free(workers);
}
