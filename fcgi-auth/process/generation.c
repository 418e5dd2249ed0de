#include <inttypes.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/error.h"
#include "base/log.h"
#include "load.h"
#include "process/generation.h"
#include "process/logger.h"
#include "process/listen.h"

/* What cannot change without a restart. */
enum { FIXED = 6 };
static const char *const fixed_names[FIXED] = { "listen", "socket_mode",
	"socket_group", "threads", "user", "http.listen" };

struct gate_generations {
	/* Constant. */
	const struct gate_program *program;
	char *path; /* NULL while there is no file */
	struct gate_logger *logger;
	char *fixed[FIXED]; /* as they were at the start */
	bool remote;        /* other machines reach the listener */
	bool watching;      /* once gate_generations_watch() was called */

	/* Changing. */
	_Atomic(struct gate_generation *) current; /* held here, too */
	pthread_mutex_t lock; /* of each one's holders, and below */
	pthread_cond_t ended; /* a thread has */
	unsigned int threads; /* of watches */
};

static void
generation_free(const struct gate_program *program,
    struct gate_generation *generation)
{
	size_t i;

	if (generation == NULL)
		return;
	lk_watch_free(generation->watch);
	if (generation->own != NULL)
		program->unload(generation->own);
	for (i = 0; i < GATE_LISTENER_COUNT; i++)
		gate_peers_free(&generation->peers[i]);
	lk_settings_free(generation->owned);
	free(generation);
}

/* ---- Watching ---------------------------------------------------------- */

static void *
watch(void *arg)
{
	struct gate_generation *generation = arg;
	struct gate_generations *all = generation->all;

	lk_watch_run(generation->watch);
	(void)pthread_mutex_lock(&all->lock);
	generation->watched = false;
	(void)pthread_mutex_unlock(&all->lock);
	gate_generations_drop(all, generation);
	(void)pthread_mutex_lock(&all->lock);
	all->threads--;
	(void)pthread_cond_broadcast(&all->ended);
	(void)pthread_mutex_unlock(&all->lock);
	return (NULL);
}

/* Give the watch of ${generation} a thread, which holds it. */
static enum lk_status
start_watch(struct gate_generations *all, struct gate_generation *generation,
    struct lk_error *error)
{
	pthread_t thread;
	int result;

	generation->all = all;
	(void)pthread_mutex_lock(&all->lock);
	result = pthread_create(&thread, NULL, watch, generation);
	if (result == 0) {
		(void)pthread_detach(thread);
		generation->holders++;
		generation->watched = true;
		all->threads++;
	}
	(void)pthread_mutex_unlock(&all->lock);
	if (result == 0)
		return (LK_OK);
	return (lk_fail(error, LK_E_NOMEM, "thread: %s", strerror(result)));
}

/* ---- Loading ----------------------------------------------------------- */

/* Who may ask on each of the sockets. */
static enum lk_status
read_peers(const struct gate_program *program,
    struct gate_generation *generation, struct lk_error *error)
{
	const struct gate_process_settings settings = program->settings(
	    generation->settings);
	const struct {
		const struct lk_strings *uids;
		const char *name;
	} lists[GATE_LISTENER_COUNT] = {
		[GATE_LISTENER_MAIN] = { settings.allow_uids, "allow_uids" },
		[GATE_LISTENER_HTTP] = { settings.http_allow_uids,
		    "http.allow_uids" },
	};
	enum lk_status status = LK_OK;
	struct lk_error why;
	size_t i;

	for (i = 0; i < GATE_LISTENER_COUNT && status == LK_OK; i++) {
		status = gate_peers_read(lists[i].uids, &generation->peers[i],
		    &why);
		if (status != LK_OK)
			lk_error_set(error, "%s: %s.%s: %s",
			    generation->settings->path, program->group,
			    lists[i].name, why.text);
	}
	return (status);
}

static enum lk_status
generation_load(const struct gate_program *program, const char *path,
    struct gate_logger *logger, struct gate_generation **generation,
    struct lk_error *error)
{
	enum lk_status status = LK_FAULT;
	struct gate_generation *g;

	*generation = NULL;
	if ((g = calloc(1, sizeof(*g))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	status = lk_settings_in_effect(path, program->file, &g->owned, error);
	if (status != LK_OK)
		goto out;
	g->settings = g->owned;
	g->holders = 1;
	if ((status = read_peers(program, g, error)) != LK_OK)
		goto out;
	if (program->load != NULL)
		status = program->load(g->settings, &g->own, error);
	if (status != LK_OK)
		goto out;
	g->log = gate_logger_log(logger, g->settings);
	if (g->settings->hint[0] != '\0')
		LK_LOG(g->log, LK_LOG_WARN, "setting without effect",
		    { "hint", g->settings->hint });
	status = lk_watch_new(g->settings, g->log, &g->watch, error);
	if (status != LK_OK)
		goto out;
	*generation = g;
	g = NULL;
out:
	generation_free(program, g);
	return (status);
}

/* Those that are fixed, as text; each NULL without memory. */
static void
fixed_read(const struct gate_process_settings *settings, char *fixed[FIXED])
{
	const char *const texts[FIXED] = { settings->listen, NULL,
		settings->socket_group, NULL, settings->user,
		settings->http_listen };
	const int64_t numbers
	    [FIXED] = { [1] = settings->socket_mode, [3] = settings->threads };
	char number[24];
	size_t i;

	for (i = 0; i < FIXED; i++) {
		(void)snprintf(number, sizeof(number), "%" PRId64, numbers[i]);
		fixed[i] = strdup(texts[i] != NULL ? texts[i] : number);
	}
}

/* Name those that differ from what they were at the start. */
static void
fixed_compare(const struct gate_generations *all,
    const struct gate_process_settings *settings, char names[GATE_RESTART_MAX])
{
	char *now[FIXED];
	size_t i, len;

	names[0] = '\0';
	fixed_read(settings, now);
	for (i = 0; i < FIXED; i++) {
		len = strlen(names);
		if (now[i] == NULL || strcmp(now[i], all->fixed[i]) != 0)
			(void)snprintf(names + len, GATE_RESTART_MAX - len,
			    "%s%s.%s", len > 0 ? " " : "", all->program->group,
			    fixed_names[i]);
		free(now[i]);
	}
}

/* From here on settings come from the file that these came from, if any. */
static bool
keep_path(struct gate_generations *all, const struct lk_settings *settings)
{
	if (all->path == NULL && settings->path != NULL)
		all->path = strdup(settings->path);
	return (all->path != NULL || settings->path == NULL);
}

enum lk_status
gate_generations_new(const struct gate_program *program, const char *path,
    struct gate_logger *logger, struct gate_generations **generations,
    struct lk_error *error)
{
	struct gate_process_settings settings;
	struct gate_generation *first = NULL;
	enum lk_status status = LK_FAULT;
	struct gate_generations *g;
	size_t i;

	*generations = NULL;
	status = generation_load(program, path, logger, &first, error);
	if (status != LK_OK)
		return (status);
	if ((g = calloc(1, sizeof(*g))) == NULL) {
		generation_free(program, first);
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	}
	lk_cond_init(&g->ended);
	(void)pthread_mutex_init(&g->lock, NULL);
	g->program = program;
	g->logger = logger;
	settings = program->settings(first->settings);
	atomic_init(&g->current, first);
	fixed_read(&settings, g->fixed);
	for (i = 0; i < FIXED && g->fixed[i] != NULL; i++)
		continue;
	if (!keep_path(g, first->settings) || i < FIXED) {
		gate_generations_free(g);
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	}
	*generations = g;
	return (LK_OK);
}

enum lk_status
gate_generations_watch(struct gate_generations *generations, int fd,
    struct lk_error *error)
{
	generations->remote = !gate_socket_is_local(fd);
	generations->watching = true;
	return (start_watch(generations, atomic_load(&generations->current),
	    error));
}

/*
 * A file that sets nothing any more is one that somebody is about to write, or
 * could not for want of room: what it does not say opens.
 */
static enum lk_status
check_emptied(const struct gate_generations *all,
    const struct gate_generation *next, struct lk_error *error)
{
	const struct lk_settings *now = atomic_load(&all->current)->settings;

	if (!next->settings->empty || now->path == NULL || now->empty)
		return (LK_OK);
	return (lk_fail(error, LK_E_SETTINGS,
	    "%s: expected settings, as there were before, got none; to go back "
	    "to the defaults, restart %s",
	    next->settings->path, all->program->name));
}

enum lk_status
gate_generations_reload(struct gate_generations *generations,
    char restart[GATE_RESTART_MAX], struct lk_error *error)
{
	struct gate_process_settings settings;
	enum lk_status status = LK_FAULT;
	struct gate_generation *next, *current;

	restart[0] = '\0';
	status = generation_load(generations->program, generations->path,
	    generations->logger, &next, error);
	if (status != LK_OK)
		return (status);
	status = check_emptied(generations, next, error);
	if (status == LK_OK && !keep_path(generations, next->settings))
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
	if (status != LK_OK) {
		generation_free(generations->program, next);
		return (status);
	}
	if (generations->watching) {
		/* What is known of the store is known from the start. */
		current = atomic_load(&generations->current);
		lk_watch_take(next->watch, current->watch);
		status = start_watch(generations, next, error);
		if (status != LK_OK) {
			lk_watch_take(current->watch, next->watch);
			generation_free(generations->program, next);
			return (status);
		}
	}
	settings = generations->program->settings(next->settings);
	next->peers[GATE_LISTENER_MAIN].local_only = generations->remote &&
	    !settings.allow_remote;
	fixed_compare(generations, &settings, restart);
	(void)pthread_mutex_lock(&generations->lock);
	next = atomic_exchange(&generations->current, next);
	(void)pthread_mutex_unlock(&generations->lock);
	gate_generations_drop(generations, next);
	return (LK_OK);
}

struct gate_generation *
gate_generations_hold(struct gate_generations *generations)
{
	struct gate_generation *current;

	(void)pthread_mutex_lock(&generations->lock);
	current = atomic_load(&generations->current);
	current->holders++;
	(void)pthread_mutex_unlock(&generations->lock);
	return (current);
}

/* Nobody holds ${generation} any more: hand over what it has still to do. */
static void
retire(struct gate_generations *generations, struct gate_generation *generation)
{
	struct gate_generation *current;

	/* The current one itself is retired at the very end. */
	if (gate_generations_differ(generations, generation)) {
		current = gate_generations_hold(generations);
		lk_watch_take(current->watch, generation->watch);
		gate_generations_drop(generations, current);
	}
	generation_free(generations->program, generation);
}

void
gate_generations_drop(struct gate_generations *generations,
    struct gate_generation *generation)
{
	bool last;

	if (generation == NULL)
		return;
	(void)pthread_mutex_lock(&generations->lock);
	last = --generation->holders == 0;
	if (generation->holders == 1 && generation->watched)
		lk_watch_stop(generation->watch);
	(void)pthread_mutex_unlock(&generations->lock);
	if (last)
		retire(generations, generation);
}

bool
gate_generations_differ(const struct gate_generations *generations,
    const struct gate_generation *generation)
{
	return (atomic_load_explicit(&generations->current,
	            memory_order_acquire) != generation);
}

void
gate_generations_free(struct gate_generations *generations)
{
	struct gate_generation *current;
	size_t i;

	if (generations == NULL)
		return;
	current = atomic_load(&generations->current);
	lk_watch_stop(current->watch);
	(void)pthread_mutex_lock(&generations->lock);
	while (generations->threads > 0)
		(void)pthread_cond_wait(&generations->ended,
		    &generations->lock);
	(void)pthread_mutex_unlock(&generations->lock);
	gate_generations_drop(generations, current);
	(void)pthread_cond_destroy(&generations->ended);
	(void)pthread_mutex_destroy(&generations->lock);
	for (i = 0; i < FIXED; i++)
		free(generations->fixed[i]);
	free(generations->path);
	free(generations);
}
