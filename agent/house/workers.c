#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/error.h"
#include "house/workers.h"

/* How long the name service may take before nobody waits any more. */
#define LOOK_NS INT64_C(2000000000)
/* When to try again what found no memory: thrice this later. */
#define RETRY_NS INT64_C(20000000)

/* One of them; what it works by is its own thread's. */
struct worker {
	struct agent_workers *all;
	struct gate_generation *generation; /* held */
	struct lk_log log; /* of the manager: what it changes is said here */
	struct lk_manager *manager;
	struct agent_call *call; /* in hand */
	pthread_t id;
	bool started;
};

struct agent_workers {
	/* Constant. */
	struct gate_process *process;
	struct agent_tally *tally;
	size_t max;
	agent_answered *answered;
	size_t n;

	/* Changing. */
	pthread_mutex_t lock; /* of each call's, and below */
	pthread_cond_t bell;
	struct agent_call *first, **last;
	size_t waiting;
	size_t running;
	size_t looking; /* at the name service now */
	bool stop;
	_Atomic int64_t leave_ns; /* when what has waited until then is not
	                             begun any more */

	struct worker v[];
};

/* ---- Settings -------------------------------------------------------- */

static void
leave_settings(struct worker *worker)
{
	lk_manager_free(worker->manager);
	worker->manager = NULL;
	gate_generations_drop(worker->all->process->generations,
	    worker->generation);
	worker->generation = NULL;
}

static enum lk_status
take_settings(struct worker *worker, struct lk_error *error)
{
	struct gate_generations *all = worker->all->process->generations;
	struct gate_generation *generation = gate_generations_hold(all);
	struct lk_surroundings surroundings = { .log = &worker->log,
		.watch = generation->watch };
	struct lk_log log = *generation->log;
	enum lk_status status = LK_FAULT;
	struct lk_manager *manager;

	status = lk_manager_new(generation->settings, &surroundings, &manager,
	    error);
	if (status != LK_OK) {
		gate_generations_drop(all, generation);
		return (status);
	}
	leave_settings(worker);
	/* Each change has a line that says who asked for it. */
	if (log.level > LK_LOG_WARN)
		log.level = LK_LOG_WARN;
	worker->log = log;
	worker->generation = generation;
	worker->manager = manager;
	return (LK_OK);
}

/* Work by new settings, if there are any; false without memory for that. */
static bool
follow(struct worker *worker)
{
	enum lk_status status = LK_OK;
	struct lk_error error;

	if (gate_generations_differ(worker->all->process->generations,
	        worker->generation))
		status = take_settings(worker, &error);
	if (status != LK_OK)
		gate_events_store(&worker->all->tally->events, status,
		    error.text);
	return (status == LK_OK);
}

/* ---- Calls --------------------------------------------------------------- */

/*
 * The worker asks the name service now, which half of them may do at once, or
 * no longer does.
 */
static bool
look(void *arg, bool begin)
{
	struct worker *worker = arg;
	struct agent_workers *all = worker->all;
	bool may = true;

	(void)pthread_mutex_lock(&all->lock);
	if (!begin) {
		all->looking--;
		worker->call->late_ns = 0;
		(void)pthread_cond_broadcast(&all->bell);
	} else if (2 * all->looking >= all->n && all->looking > 0) {
		may = false;
	} else {
		all->looking++;
		worker->call->late_ns = lk_monotonic_ns() + LOOK_NS;
	}
	(void)pthread_mutex_unlock(&all->lock);
	return (may);
}

static bool
settle(struct agent_workers *workers, struct agent_call *call,
    struct agent_answer *answer)
{
	bool first;

	(void)pthread_mutex_lock(&workers->lock);
	first = call->state == AGENT_ASKED;
	if (first) {
		call->answer = *answer;
		call->state = AGENT_ANSWERED;
	}
	(void)pthread_mutex_unlock(&workers->lock);
	if (!first)
		lk_buf_free(&answer->body);
	return (first);
}

/* Why ${call} is not begun, in words, or NULL. */
static const char *
why_not(const struct worker *worker, const struct agent_call *call,
    bool current, enum lk_status *status)
{
	const int64_t now_ns = lk_monotonic_ns();

	*status = LK_E_TIMEOUT;
	if (call->useless_ns != 0 && now_ns >= call->useless_ns)
		return ("whoever asked has left");
	*status = LK_E_STORE;
	if (now_ns >= atomic_load(&worker->all->leave_ns))
		return ("the agent ends");
	*status = LK_E_NOMEM;
	return (current ? NULL : "there is no room for the new settings");
}

static void
answer_one(struct worker *worker, struct agent_call *call, bool current)
{
	const struct agent_asked asked = { .manager = worker->manager,
		.settings = worker->generation->settings,
		.policy = worker->generation->own,
		.tally = worker->all->tally,
		.look = look,
		.arg = worker };
	struct agent_answer answer = { .body = LK_BUF_INIT(AGENT_ANSWER_MAX) };
	enum lk_status status;
	const char *why = why_not(worker, call, current, &status);

	worker->call = call;
	if (why != NULL) {
		agent_answer_say(&answer, 503, status, why);
		agent_tally_count(worker->all->tally, call->question.verb, 503);
	} else
		agent_answer_find(&asked, &call->connection->caller,
		    &call->question, &answer);
	worker->call = NULL;
	if (settle(worker->all, call, &answer))
		worker->all->answered(call);
	agent_call_drop(call);
}

/* The next call, or NULL if it is to look at the settings first; false at the
 * end. */
static bool
take(struct worker *worker, struct agent_call **call)
{
	struct agent_workers *all = worker->all;
	bool stop;

	(void)pthread_mutex_lock(&all->lock);
	while (!all->stop && all->first == NULL &&
	    !gate_generations_differ(all->process->generations,
	        worker->generation))
		(void)pthread_cond_wait(&all->bell, &all->lock);
	*call = all->first;
	stop = all->stop;
	if (*call != NULL) {
		all->first = (*call)->next;
		if (all->first == NULL)
			all->last = &all->first;
		all->waiting--;
		gate_count_down(&all->tally->events.metrics.queued);
	}
	(void)pthread_mutex_unlock(&all->lock);
	return (*call != NULL || !stop);
}

static void *
work(void *arg)
{
	struct worker *worker = arg;
	struct agent_call *call;
	bool current;

	while (take(worker, &call)) {
		current = follow(worker);
		if (call != NULL)
			answer_one(worker, call, current);
		else if (!current)
			lk_rest(RETRY_NS);
	}
	(void)pthread_mutex_lock(&worker->all->lock);
	worker->all->running--;
	(void)pthread_cond_broadcast(&worker->all->bell);
	(void)pthread_mutex_unlock(&worker->all->lock);
	return (NULL);
}

bool
agent_workers_ask(struct agent_workers *workers, struct agent_call *call)
{
	bool room;

	(void)pthread_mutex_lock(&workers->lock);
	room = workers->waiting < workers->max;
	if (room) {
		agent_call_hold(call);
		call->state = AGENT_ASKED;
		call->next = NULL;
		*workers->last = call;
		workers->last = &call->next;
		workers->waiting++;
		(void)gate_count(&workers->tally->events.metrics.queued);
		(void)pthread_cond_signal(&workers->bell);
	}
	(void)pthread_mutex_unlock(&workers->lock);
	return (room);
}

bool
agent_workers_give_up(struct agent_workers *workers, struct agent_call *call,
    int64_t now_ns)
{
	struct agent_answer answer = { .body = LK_BUF_INIT(AGENT_ANSWER_MAX) };
	bool late;

	(void)pthread_mutex_lock(&workers->lock);
	late = call->state == AGENT_ASKED && call->late_ns != 0 &&
	    now_ns >= call->late_ns;
	(void)pthread_mutex_unlock(&workers->lock);
	if (!late)
		return (false);
	agent_answer_say(&answer, 503, LK_E_TIMEOUT,
	    "the name service does not answer");
	return (settle(workers, call, &answer));
}

/* ---- All of them --------------------------------------------------------- */

void
agent_workers_leave(struct agent_workers *workers, int64_t at_ns)
{
	atomic_store(&workers->leave_ns, at_ns);
}

void
agent_workers_wake(struct agent_workers *workers)
{
	(void)pthread_mutex_lock(&workers->lock);
	(void)pthread_cond_broadcast(&workers->bell);
	(void)pthread_mutex_unlock(&workers->lock);
}

static enum lk_status
start(struct worker *worker, struct agent_workers *all, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	int result;

	worker->all = all;
	if ((status = take_settings(worker, error)) != LK_OK)
		return (status);
	result = pthread_create(&worker->id, NULL, work, worker);
	if (result != 0)
		return (
		    lk_fail(error, LK_E_NOMEM, "thread: %s", strerror(result)));
	worker->started = true;
	(void)pthread_mutex_lock(&all->lock);
	all->running++;
	(void)pthread_mutex_unlock(&all->lock);
	return (LK_OK);
}

enum lk_status
agent_workers_new(struct gate_process *process, struct agent_tally *tally,
    size_t max, agent_answered *answered, struct agent_workers **workers,
    struct lk_error *error)
{
	struct agent_workers *w = calloc(1,
	    sizeof(*w) + process->threads * sizeof(w->v[0]));
	enum lk_status status = LK_OK;

	*workers = NULL;
	if (w == NULL || pthread_cond_init(&w->bell, NULL) != 0) {
		free(w);
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	}
	/* A plain one cannot fail. */
	(void)pthread_mutex_init(&w->lock, NULL);
	w->process = process;
	w->tally = tally;
	w->max = max;
	w->answered = answered;
	w->last = &w->first;
	atomic_init(&w->leave_ns, INT64_MAX);
	for (; w->n < process->threads && status == LK_OK; w->n++)
		status = start(&w->v[w->n], w, error);
	if (status == LK_OK)
		*workers = w;
	else
		(void)agent_workers_free(w);
	return (status);
}

/* Let them end, but for those whom the name service keeps: nobody waits for
 * these any more.  Whether all have ended. */
static bool
stop_all(struct agent_workers *workers)
{
	bool ended;

	(void)pthread_mutex_lock(&workers->lock);
	workers->stop = true;
	(void)pthread_cond_broadcast(&workers->bell);
	while (workers->running > workers->looking)
		(void)pthread_cond_wait(&workers->bell, &workers->lock);
	ended = workers->running == 0;
	(void)pthread_mutex_unlock(&workers->lock);
	return (ended);
}

bool
agent_workers_free(struct agent_workers *workers)
{
	size_t i;

	if (workers == NULL)
		return (true);
	if (!stop_all(workers))
		return (false);
	for (i = 0; i < workers->n; i++) {
		if (workers->v[i].started)
			(void)pthread_join(workers->v[i].id, NULL);
		leave_settings(&workers->v[i]);
	}
	(void)pthread_cond_destroy(&workers->bell);
	(void)pthread_mutex_destroy(&workers->lock);
	free(workers);
	return (true);
}
