/* Who is the master: one asks, the others take the answer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "store/redis/master/finding.h"

/* With less time left an answer that failed in time is somebody else's. */
#define ASK_MIN_MS 20

/* ---- Asking, by one at a time ------------------------------------------ */

/* Let operations be tried again at once; the lock is held. */
static void
open_up(struct lk_watch *watch)
{
	lk_breaker_close(&watch->breaker);
	atomic_store(&watch->barred, false);
}

/* Take what was found as what is known; the lock is held. */
static void
publish(struct lk_watch *watch, const struct lk_redis_finding *finding)
{
	/* What it has suffered may be over. */
	if (watch->answer != LK_OK)
		open_up(watch);
	if (strcmp(watch->known.address, finding->address) != 0) {
		if (watch->known.address[0] != '\0')
			LK_LOG(watch->log, LK_LOG_WARN,
			    "another redis is the master",
			    { "from", watch->known.address },
			    { "to", finding->address });
		(void)snprintf(watch->known.address,
		    sizeof(watch->known.address), "%s", finding->address);
		(void)atomic_fetch_add(&watch->generation, 1);
		open_up(watch);
		memset(&watch->known.seen, 0, sizeof(watch->known.seen));
		watch->known.vouched = watch->known.seen;
		watch->known.seen_ns = 0;
	}
	if (finding->majority && watch->known.seen_ns != 0 &&
	    watch->known.seen_ns <= finding->began_ns) {
		if (watch->known.vouched.history[0] == '\0')
			LK_LOG(watch->log, LK_LOG_DEBUG,
			    "a replica can confirm the master from now on",
			    { "master", watch->known.address });
		watch->known.vouched = watch->known.seen;
	}
	watch->known.unsettled = finding->unsettled;
	watch->known.cautious = finding->cautious;
	watch->known.replicas = finding->replicas;
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
		    { "master", watch->known.address });
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
	struct lk_redis_finding known = { .disputed = watch->known.disputed,
		.replicas = watch->known.replicas,
		.began_ns = atomic_load(&watch->confirmed_ns),
		.vouched = watch->known.vouched };
	struct lk_redis_finding finding;
	enum lk_status status = LK_FAULT;

	memcpy(known.address, watch->known.address, sizeof(known.address));
	watch->asking = true;
	watch->tried_ns = lk_redis_watch_now();
	(void)pthread_mutex_unlock(&watch->lock);
	status = lk_redis_finding_ask(watch, &known, deadline, &finding, error);
	(void)pthread_mutex_lock(&watch->lock);
	watch->known.disputed = finding.disputed;
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

bool
lk_redis_watch_wait(struct lk_watch *watch, struct lk_deadline deadline)
{
	const struct timespec until = {
		.tv_sec = (time_t)(deadline.at_ns / 1000000000),
		.tv_nsec = (long)(deadline.at_ns % 1000000000)
	};

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
		if (!lk_redis_watch_wait(watch, deadline))
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
	return (
	    watch->known.suspect_ns > since ? watch->known.suspect_ns : since);
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
	    watch->known.address[0] == '\0';
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
	memcpy(master->name, watch->known.address, sizeof(master->name));
	master->generation = atomic_load(&watch->generation);
	(void)pthread_mutex_unlock(&watch->lock);
	if (status == LK_OK &&
	    lk_address_parse(master->name, &master->address) != LK_OK)
		status = lk_fail(error, LK_E_SETTINGS,
		    "store.redis.address: expected host:port, [ipv6]:port or "
		    "unix:/path");
	return (status);
}

bool
lk_redis_watch_has(struct lk_watch *watch, struct lk_redis_master *master,
    struct lk_endpoint *endpoint)
{
	struct lk_endpoints endpoints;
	bool known;

	(void)pthread_mutex_lock(&watch->lock);
	known = !watch->sentinel ||
	    (watch->known.address[0] != '\0' &&
	        atomic_load(&watch->confirmed_ns) >= wanted_since(watch));
	memcpy(master->name, watch->known.address, sizeof(master->name));
	master->generation = atomic_load(&watch->generation);
	*endpoint = watch->known.met;
	if (watch->known.met_generation != master->generation)
		endpoint->len = 0;
	(void)pthread_mutex_unlock(&watch->lock);
	if (!known || lk_address_parse(master->name, &master->address) != LK_OK)
		return (false);
	if (!lk_address_is_literal(&master->address))
		return (endpoint->len > 0);
	known = lk_endpoints_find(&master->address, &endpoints) &&
	    endpoints.n > 0;
	if (known)
		*endpoint = endpoints.at[0];
	return (known);
}

void
lk_redis_watch_met(struct lk_watch *watch, const struct lk_redis_master *master,
    const struct lk_stream *stream)
{
	struct lk_endpoint met;

	if (lk_address_is_literal(&master->address))
		return;
	memset(&met, 0, sizeof(met));
	met.len = sizeof(met.addr);
	if (getpeername(stream->fd, (struct sockaddr *)&met.addr, &met.len) !=
	    0)
		return;
	(void)pthread_mutex_lock(&watch->lock);
	watch->known.met = met;
	watch->known.met_generation = master->generation;
	(void)pthread_mutex_unlock(&watch->lock);
}

void
lk_redis_watch_suspect(struct lk_watch *watch, unsigned int generation)
{
	if (!watch->sentinel)
		return;
	(void)pthread_mutex_lock(&watch->lock);
	if (atomic_load(&watch->generation) == generation)
		watch->known.suspect_ns = lk_redis_watch_now();
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
		waiting = lk_redis_watch_wait(watch, until);
	(void)pthread_mutex_unlock(&watch->lock);
	return (lk_deadline_left_ms(deadline) > 0);
}

/* ---- For who watches --------------------------------------------------- */

bool
lk_redis_watch_saw(struct lk_watch *watch, unsigned int generation,
    const struct lk_redis_past *past)
{
	bool wanting;

	(void)pthread_mutex_lock(&watch->lock);
	if (!lk_breaker_is_closed(&watch->breaker)) {
		LK_LOG(watch->log, LK_LOG_DEBUG, "the master answers again",
		    { "master", watch->known.address });
		open_up(watch);
	}
	if (atomic_load(&watch->generation) == generation) {
		watch->known.seen = *past;
		watch->known.seen_ns = lk_redis_watch_now();
	}
	wanting = watch->sentinel &&
	    strcmp(watch->known.vouched.history, watch->known.seen.history) !=
	        0;
	(void)pthread_mutex_unlock(&watch->lock);
	return (wanting);
}

void
lk_redis_watch_learn(struct lk_watch *watch, struct lk_watch *from)
{
	struct lk_redis_known known;
	int64_t confirmed_ns;

	(void)pthread_mutex_lock(&from->lock);
	known = from->known;
	confirmed_ns = atomic_load(&from->confirmed_ns);
	(void)pthread_mutex_unlock(&from->lock);
	(void)pthread_mutex_lock(&watch->lock);
	if (atomic_load(&watch->generation) == 0 && !watch->asking &&
	    known.address[0] != '\0') {
		watch->known = known;
		watch->confirmed_before = confirmed_ns != 0;
		atomic_store(&watch->generation, 1);
		atomic_store(&watch->confirmed_ns, confirmed_ns);
	}
	(void)pthread_mutex_unlock(&watch->lock);
}
