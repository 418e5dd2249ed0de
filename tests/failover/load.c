/*
 * A program that uses the library as a busy server does, and says what came
 * of every single operation.
 *
 *	load SETTINGS THREADS PAUSE_MS
 *
 * Threads with a manager each and one watch together issue sessions, check and
 * refresh them and some time later revoke every other one, or for some users
 * all, and go on checking the revoked ones, until standard input ends.  Then
 * every session is checked once more, until there is an answer, and the program
 * ends.  At each byte of standard input before that all of them change to the
 * settings as they are then, which is noted on standard error.
 *
 * A line for each operation: what, the session's number (or the user, of whom
 * all are revoked), the status, and when it began and ended in microseconds of
 * CLOCK_MONOTONIC.  "last" is a check after the end of standard input.  Tokens
 * are never printed.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "latchkey.h"

#define THREADS_MAX 64
#define SESSIONS_MAX 10000
/* How many sessions each thread keeps alive, half of them to be revoked when
 * no others can be issued. */
#define BACKLOG 100
/* A user for every few sessions, or his index would grow for ever; and of so
 * many users one has all of his revoked at once. */
#define SESSIONS_OF_A_USER 8
#define USERS 5
/* How long the last checks go on for if there is no answer. */
#define LAST_TRIES 400
#define LAST_PAUSE_MS 25

/** Settings, and the watch of all managers that are made of them. */
struct shift {
	struct lk_settings *settings;
	struct lk_watch *watch;
	pthread_t watching;
	atomic_int managers; /* how many have been made of it */
};

struct worker {
	struct shift *shift;
	int number;
	int pause_ms;
	struct lk_token *sessions; /* the first count of SESSIONS_MAX */
	size_t count;
	size_t next; /* to be revoked; even, as are all that were */
	pthread_t thread;
};

static const struct lk_log log_of_all = { .level = LK_LOG_DEBUG,
	.format = LK_LOG_TEXT, .sink = lk_log_stderr };
static struct shift *_Atomic current;
static atomic_bool ending;

static int64_t
now_us(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return ((int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000);
}

static void
die(const char *why)
{
	fprintf(stderr, "load: %s\n", why);
	exit(1);
}

static void
say(const char *what, const char *whose, enum lk_status status, int64_t began,
    const struct lk_manager *m)
{
	if (status < 0)
		fprintf(stderr, "%" PRId64 " %s %s: %s: %s\n", began, what,
		    whose, lk_status_name(status), lk_manager_error(m));
	/* One call is one line: stdio locks. */
	printf("%s %s %d %" PRId64 " %" PRId64 "\n", what, whose, (int)status,
	    began, now_us());
}

static void
say_session(const struct worker *w, const struct lk_manager *m,
    const char *what, size_t session, enum lk_status status, int64_t began)
{
	char name[32];

	(void)snprintf(name, sizeof(name), "%d.%zu", w->number, session);
	say(what, name, status, began, m);
}

static void
name_user(const struct worker *w, size_t session, char user[32])
{
	(void)snprintf(user, 32, "user-%d-%zu", w->number,
	    session / SESSIONS_OF_A_USER);
}

static enum lk_status
work_issue(struct worker *w, struct lk_manager *m)
{
	char user[32];
	int64_t began = now_us();
	enum lk_status status;

	if (w->count == SESSIONS_MAX)
		return (LK_OK);
	name_user(w, w->count, user);
	status = lk_issue(m, user, NULL, &w->sessions[w->count], NULL);
	say_session(w, m, "issue", w->count, status, began);
	if (status == LK_OK)
		w->count++;
	return (status);
}

static enum lk_status
work_check(struct worker *w, struct lk_manager *m, size_t session,
    const char *what)
{
	struct lk_session found;
	int64_t began = now_us();
	enum lk_status status;

	status = lk_check(m, &w->sessions[session], &found);
	say_session(w, m, what, session, status, began);
	return (status);
}

static void
work_refresh(struct worker *w, struct lk_manager *m, size_t session)
{
	struct lk_session found;
	int64_t began = now_us();

	say_session(w, m, "refresh", session,
	    lk_refresh(m, &w->sessions[session], 0, &found), began);
}

/* All sessions of its user, if the first of them is due and all are there. */
static bool
is_users_turn(const struct worker *w, size_t session)
{
	return (session % SESSIONS_OF_A_USER == 0 &&
	    session / SESSIONS_OF_A_USER % USERS == USERS - 1 &&
	    session + SESSIONS_OF_A_USER <= w->count);
}

/* How many sessions further it is done, durably or not; 0: it is not. */
static size_t
work_revoke(struct worker *w, struct lk_manager *m, size_t session)
{
	int64_t began = now_us();
	enum lk_status status;
	uint64_t revoked;
	char user[32];

	if (is_users_turn(w, session)) {
		name_user(w, session, user);
		status = lk_revoke_all(m, user, NULL, &revoked);
		say("revoke-all", user, status, began, m);
		return (status == LK_OK || status == LK_E_NOT_DURABLE
		        ? SESSIONS_OF_A_USER
		        : 0);
	}
	status = lk_revoke(m, &w->sessions[session], NULL, &revoked);
	say_session(w, m, "revoke", session, status, began);
	return (status == LK_OK || status == LK_E_NOT_DURABLE ? 2 : 0);
}

static size_t
any_of(size_t count, unsigned *seed)
{
	return ((size_t)rand_r(seed) % count);
}

/* One round: issue, perhaps revoke, check a new and an old one, perhaps
 * refresh one. */
static void
work_round(struct worker *w, struct lk_manager *m, unsigned *seed)
{
	enum lk_status status = work_issue(w, m);
	size_t recent;

	if (w->count == 0)
		return;
	if (w->next < w->count &&
	    (status != LK_OK || w->next + BACKLOG < w->count))
		w->next += work_revoke(w, m, w->next);
	recent = w->count < 2 * BACKLOG ? w->count : 2 * BACKLOG;
	(void)work_check(w, m, w->count - 1 - any_of(recent, seed), "check");
	(void)work_check(w, m, any_of(w->count, seed), "check");
	if (any_of(4, seed) == 0)
		work_refresh(w, m, any_of(w->count, seed));
}

/* ---- Threads ----------------------------------------------------------- */

/* Have a manager of the shift that is on now, and none of another. */
static void
change_over(struct worker *w, struct lk_manager **m)
{
	struct shift *const now = current;
	const struct lk_surroundings surroundings = { .log = &log_of_all,
		.watch = now->watch };
	struct lk_error error = { "" };

	if (w->shift == now)
		return;
	lk_manager_free(*m);
	if (lk_manager_new(now->settings, &surroundings, m, &error) != LK_OK)
		die(error.text);
	w->shift = now;
	now->managers++;
}

static void *
work(void *arg)
{
	struct worker *w = arg;
	struct lk_manager *m = NULL;
	unsigned seed = (unsigned)w->number + 1;
	size_t i;
	int tries;

	change_over(w, &m);
	while (!ending) {
		change_over(w, &m);
		work_round(w, m, &seed);
		(void)poll(NULL, 0, w->pause_ms);
	}
	for (i = 0; i < w->count; i++) {
		for (tries = 0; tries < LAST_TRIES &&
		     work_check(w, m, i, "last") < 0;
		     tries++)
			(void)poll(NULL, 0, LAST_PAUSE_MS);
	}
	lk_manager_free(m);
	return (NULL);
}

static void
start(struct worker *w, int number, int pause_ms)
{
	w->number = number;
	w->pause_ms = pause_ms;
	w->sessions = calloc(SESSIONS_MAX, sizeof(*w->sessions));
	if (w->sessions == NULL)
		die("out of memory");
	if (pthread_create(&w->thread, NULL, work, w) != 0)
		die("no thread");
}

/* ---- Shifts ------------------------------------------------------------ */

static void *
run_watch(void *watch)
{
	lk_watch_run(watch);
	return (NULL);
}

static struct shift *
shift_begin(const char *path, struct shift *before)
{
	struct shift *shift = calloc(1, sizeof(*shift));
	struct lk_error error = { "" };

	if (shift == NULL)
		die("out of memory");
	if (lk_settings_load(path, &shift->settings, &error) != LK_OK ||
	    lk_watch_new(shift->settings, &log_of_all, &shift->watch, &error) !=
	        LK_OK)
		die(error.text);
	if (before != NULL)
		lk_watch_take(shift->watch, before->watch);
	if (pthread_create(&shift->watching, NULL, run_watch, shift->watch) !=
	    0)
		die("no thread");
	return (shift);
}

/* Its managers are gone; what it has still to carry over goes to the next. */
static void
shift_end(struct shift *shift, struct shift *next)
{
	lk_watch_stop(shift->watch);
	(void)pthread_join(shift->watching, NULL);
	if (next != NULL)
		lk_watch_take(next->watch, shift->watch);
	lk_watch_free(shift->watch);
	lk_settings_free(shift->settings);
	free(shift);
}

static void
shift_change(const char *path, int threads)
{
	struct shift *before = current, *next = shift_begin(path, before);

	current = next;
	while (next->managers < threads)
		(void)poll(NULL, 0, 1);
	shift_end(before, next);
	fprintf(stderr, "settings reloaded\n");
}

int
main(int argc, char **argv)
{
	static struct worker workers[THREADS_MAX];
	char byte;
	int threads = 0, i;

	if (argc != 4 || (threads = atoi(argv[2])) < 1 || threads > THREADS_MAX)
		die("usage: load SETTINGS THREADS PAUSE_MS");
	/* Whoever reads it waits for what has just been done. */
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	current = shift_begin(argv[1], NULL);
	for (i = 0; i < threads; i++)
		start(&workers[i], i, atoi(argv[3]));
	while (read(STDIN_FILENO, &byte, 1) != 0)
		shift_change(argv[1], threads);
	ending = true;
	for (i = 0; i < threads; i++) {
		(void)pthread_join(workers[i].thread, NULL);
		free(workers[i].sessions);
	}
	shift_end(current, NULL);
	return (0);
}
