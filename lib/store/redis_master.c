/* Who is the master: one asks, the others take the answer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "redis_finding.h"

/* With less time left an answer that failed in time is somebody else's. */
#define ASK_MIN_MS 20

/* ---- Asking, by one at a time ------------------------------------------ */

/* Take what was found as what is known; the lock is held. */
static void
publish(struct lk_watch *watch, const struct lk_redis_finding *finding)
{
	if (strcmp(watch->address, finding->address) != 0) {
		if (watch->address[0] != '\0')
			LK_LOG(watch->log, LK_LOG_WARN,
			    "another redis is the master",
			    { "from", watch->address },
			    { "to", finding->address });
		(void)snprintf(watch->address, sizeof(watch->address), "%s",
		    finding->address);
		(void)atomic_fetch_add(&watch->generation, 1);
		lk_breaker_close(&watch->breaker);
		atomic_store(&watch->barred, false);
	}
	watch->unsettled = finding->unsettled;
	watch->witnesses = finding->witnesses;
	watch->replicas = finding->replicas;
	atomic_store_explicit(&watch->confirmed_ns, finding->began_ns,
	    memory_order_release);
}

/* Note the first of several failures in a row, and its end. */
static void
log_answer(struct lk_watch *watch, enum lk_status status, const char *why)
{
	if (status == LK_OK && watch->asked > 0 && watch->answer != LK_OK &&
	    watch->confirmed_before)
		LK_LOG(watch->log, LK_LOG_INFO, "the master is confirmed again",
		    { "master", watch->address });
	else if (status != LK_OK && watch->answer == LK_OK &&
	    watch->confirmed_before)
		LK_LOG(watch->log, LK_LOG_WARN, "the master is not confirmed",
		    { "error", why });
	watch->confirmed_before |= status == LK_OK;
}

/* Ask in the name of all; the lock is held, but not meanwhile. */
static enum lk_status
ask_for_all(struct lk_watch *watch, struct lk_deadline deadline,
    struct lk_error *error)
{
	struct lk_redis_finding known = { .disputed = watch->disputed,
		.replicas = watch->replicas };
	struct lk_redis_finding finding;
	enum lk_status status = LK_FAULT;

	memcpy(known.address, watch->address, sizeof(known.address));
	watch->asking = true;
	watch->tried_ns = lk_redis_watch_now();
	(void)pthread_mutex_unlock(&watch->lock);
	status = lk_redis_finding_ask(watch, &known, deadline, &finding, error);
	(void)pthread_mutex_lock(&watch->lock);
	watch->disputed = finding.disputed;
	if (status == LK_OK)
		publish(watch, &finding);
	log_answer(watch, status, error->text);
	watch->asking = false;
	watch->asked++;
	watch->answer = status;
	if (status != LK_OK)
		watch->why = *error;
	(void)pthread_cond_broadcast(&watch->changed);
	return (status);
}

/* Wait for a change, with the lock held; false at the deadline. */
static bool
wait_for_change(struct lk_watch *watch, struct lk_deadline deadline)
{
	const struct timespec until = { .tv_sec = deadline.at_ns / 1000000000,
		.tv_nsec = deadline.at_ns % 1000000000 };

	return (pthread_cond_timedwait(&watch->changed, &watch->lock, &until) !=
	    ETIMEDOUT);
}

/* Wait for the answer to somebody's question; the lock is held. */
static enum lk_status
take_answer(struct lk_watch *watch, struct lk_deadline deadline,
    struct lk_error *error)
{
	const uint64_t asked = watch->asked;

	while (watch->asked == asked) {
		if (!wait_for_change(watch, deadline))
			return (lk_fail(error, LK_E_TIMEOUT,
			    "cannot confirm which Redis is the master in "
			    "time"));
	}
	if (watch->answer != LK_OK)
		*error = watch->why;
	return (watch->answer);
}

/* LK_OK once confirmed since ${since_ns}; the lock is held. */
static enum lk_status
confirm_locked(struct lk_watch *watch, int64_t since_ns,
    struct lk_deadline deadline, struct lk_error *error)
{
	enum lk_status status = LK_OK;

	while (
	    status == LK_OK && atomic_load(&watch->confirmed_ns) < since_ns) {
		if (!watch->asking) {
			status = ask_for_all(watch, deadline, error);
			continue;
		}
		status = take_answer(watch, deadline, error);
		/* Whoever asked may have had less time than there is. */
		if (status == LK_E_TIMEOUT &&
		    lk_deadline_left_ms(deadline) > ASK_MIN_MS)
			status = LK_OK;
	}
	return (status);
}

/* ---- For the managers -------------------------------------------------- */

enum lk_status
lk_redis_watch_confirm(struct lk_watch *watch, int64_t since_ns,
    struct lk_deadline deadline, struct lk_error *error)
{
	enum lk_status status = LK_OK;

	(void)pthread_mutex_lock(&watch->lock);
	if (watch->sentinel)
		status = confirm_locked(watch, since_ns, deadline, error);
	(void)pthread_mutex_unlock(&watch->lock);
	return (status);
}

/* Since when the master must have been confirmed; the lock is held. */
static int64_t
wanted_since(const struct lk_watch *watch)
{
	int64_t since = lk_redis_watch_now() - watch->bound_ns + 1;

	/* 0 is never, even if the machine has not run for that long. */
	if (since < 1)
		since = 1;
	return (watch->suspect_ns > since ? watch->suspect_ns : since);
}

/*
 * Find the master; the lock is held.  Where a confirmation is not required, a
 * known master serves without one, and is asked about once in a while.
 */
static enum lk_status
find_locked(struct lk_watch *watch, struct lk_deadline deadline,
    struct lk_error *error)
{
	const bool required =
	    watch->settings->store.sentinel.require_confirmed ||
	    watch->address[0] == '\0';
	const int64_t since = wanted_since(watch);
	struct lk_error ignored;
	enum lk_status status = LK_OK;

	if (required || watch->tried_ns < since)
		status = confirm_locked(watch, since, deadline,
		    required ? error : &ignored);
	return (required ? status : LK_OK);
}

enum lk_status
lk_redis_watch_find(struct lk_watch *watch, struct lk_deadline deadline,
    struct lk_redis_master *master, struct lk_error *error)
{
	enum lk_status status = LK_OK;

	(void)pthread_mutex_lock(&watch->lock);
	if (watch->sentinel)
		status = find_locked(watch, deadline, error);
	memcpy(master->name, watch->address, sizeof(master->name));
	master->generation = atomic_load(&watch->generation);
	(void)pthread_mutex_unlock(&watch->lock);
	if (status == LK_OK &&
	    lk_address_parse(master->name, &master->address) != LK_OK)
		status = lk_fail(error, LK_E_SETTINGS,
		    "store.redis.address: expected host:port, [ipv6]:port or "
		    "unix:/path");
	return (status);
}

void
lk_redis_watch_suspect(struct lk_watch *watch, unsigned int generation)
{
	if (!watch->sentinel)
		return;
	(void)pthread_mutex_lock(&watch->lock);
	if (atomic_load(&watch->generation) == generation)
		watch->suspect_ns = lk_redis_watch_now();
	(void)pthread_mutex_unlock(&watch->lock);
	lk_redis_watch_wake(watch);
}

bool
lk_redis_watch_pause(struct lk_watch *watch, unsigned int generation,
    unsigned int attempt, struct lk_deadline deadline)
{
	struct lk_deadline until = lk_deadline_min(deadline,
	    lk_deadline_in(lk_backoff_ms(attempt, randombytes_random())));
	bool waiting = true;

	(void)pthread_mutex_lock(&watch->lock);
	while (waiting && atomic_load(&watch->generation) == generation)
		waiting = wait_for_change(watch, until);
	(void)pthread_mutex_unlock(&watch->lock);
	return (lk_deadline_left_ms(deadline) > 0);
}
