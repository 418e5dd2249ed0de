/* Who is the master: one asks, the others take the answer. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "redis_fence.h"
#include "redis_info.h"
#include "redis_watch.h"

/* Of the time that is left: what Sentinels may take, and a WAIT. */
#define SENTINELS_SHARE_PERCENT 67
#define WAIT_SHARE_PERCENT 75
/* With less time left an answer that failed in time is somebody else's. */
#define ASK_MIN_MS 20

/* ---- Asking, by one at a time ------------------------------------------ */

/* What a question has found. */
struct finding {
	char address[LK_REDIS_NAME_SIZE];
	int64_t began_ns; /* the question that confirms it */
	bool unsettled;   /* as in struct lk_watch, and so are these */
	size_t witnesses;
	size_t replicas;
};

/* How many replicas in step the Redis at the wire has. */
static enum lk_status
ask_replicas(struct lk_redis_wire *wire, struct lk_deadline deadline,
    size_t *replicas)
{
	struct lk_redis_command command;
	struct lk_redis_reply *reply = NULL;
	enum lk_status status = LK_FAULT;

	lk_redis_command(&command, "INFO");
	lk_redis_arg_str(&command, "replication");
	status = lk_redis_wire_ask(wire, &command, 1, deadline, &reply);
	if (status == LK_OK && reply->type != LK_REDIS_STRING)
		status = lk_fail(wire->error, LK_E_CORRUPT,
		    "redis at %s: the answer to INFO is none", wire->name);
	if (status == LK_OK)
		*replicas = lk_redis_info_replicas(reply->text);
	lk_redis_reply_free(reply);
	return (status);
}

static enum lk_status
count_replicas(struct lk_watch *watch, const char *name,
    struct lk_deadline deadline, struct lk_error *error, size_t *replicas)
{
	struct lk_redis_wire *wire = &watch->wire;
	struct lk_address address;
	enum lk_status status = LK_FAULT;

	*replicas = 0;
	wire->error = error;
	if (lk_redis_wire_is_open(wire) && strcmp(wire->name, name) == 0 &&
	    lk_redis_wire_is_quiet(wire) &&
	    ask_replicas(wire, deadline, replicas) == LK_OK)
		return (LK_OK);
	if (lk_address_parse(name, &address) != LK_OK)
		return (lk_fail(error, LK_E_CORRUPT, "%s is no address", name));
	status = lk_redis_wire_open(wire, &address, name, 0, deadline);
	if (status == LK_OK)
		status = ask_replicas(wire, deadline, replicas);
	return (status);
}

/* Too few Sentinels say anything: does it have a replica in step? */
static enum lk_status
ask_master(struct lk_watch *watch, const struct lk_ballot *ballot,
    struct lk_deadline deadline, struct finding *finding,
    struct lk_error *error)
{
	struct lk_error why = { "" };
	enum lk_status status = LK_FAULT;
	size_t replicas;

	finding->began_ns = lk_redis_watch_now();
	status = count_replicas(watch, finding->address, deadline, &why,
	    &replicas);
	if (status == LK_OK && replicas > 0)
		return (LK_OK);
	if (status == LK_OK) {
		status = LK_E_STORE;
		lk_error_set(&why, "redis at %s has no replica in step",
		    finding->address);
	}
	lk_error_set(error,
	    "cannot confirm which Redis is the master: %zu of %zu sentinels "
	    "can be reached, and %s",
	    ballot->spoke, ballot->total, why.text);
	return (status);
}

/*
 * How long Sentinels are waited for.  Some time is left for the master, which
 * may have to speak for itself if too few of them answer.
 */
static int64_t
patience_ms(const struct lk_watch *watch, struct lk_deadline deadline)
{
	const int64_t most = lk_deadline_left_ms(
	    lk_deadline_part(deadline, SENTINELS_SHARE_PERCENT));
	const int64_t set = watch->settings->store.redis.connect_timeout_ms;

	return (set < most ? set : most);
}

/*
 * Fewer than a majority say anything.  They make no other Redis the master:
 * they may be the minority that is cut off, or go by an old configuration.
 */
static enum lk_status
ask_without_majority(struct lk_watch *watch, const struct lk_vote *votes,
    const struct lk_ballot *ballot, struct lk_deadline deadline,
    struct finding *finding, struct lk_error *error)
{
	const struct lk_settings *s = watch->settings;
	const bool named = ballot->address[0] != '\0';

	finding->unsettled |= named &&
	    strcmp(ballot->address, finding->address) != 0;
	if (named && !s->store.sentinel.require_confirmed) {
		(void)snprintf(finding->address, sizeof(finding->address), "%s",
		    ballot->address);
		finding->unsettled = true;
		return (LK_OK);
	}
	if (finding->address[0] == '\0' || finding->unsettled)
		return (lk_votes_explain(votes, ballot,
		    s->store.sentinel.master, error));
	return (ask_master(watch, ballot, deadline, finding, error));
}

/* Ask, and say what was found.  Only the one who is asking may. */
static enum lk_status
ask(struct lk_watch *watch, const struct finding *known,
    struct lk_deadline deadline, struct finding *finding,
    struct lk_error *error)
{
	const struct lk_settings *s = watch->settings;
	const struct lk_vote *votes;
	struct lk_ballot ballot;

	*finding = *known;
	finding->began_ns = lk_redis_watch_now();
	votes = lk_redis_sentinels_ask(watch->sentinels, false,
	    patience_ms(watch, deadline), deadline);
	ballot = lk_votes_count(votes, s->store.sentinel.addresses.n);
	/* A minority may be cut off from replicas that are well. */
	if (ballot.election == LK_ELECTION_MAJORITY)
		finding->replicas = ballot.replicas;
	finding->unsettled = ballot.failing_over;
	/* A Sentinel that is silent may be replacing the master. */
	finding->witnesses = ballot.named < ballot.total &&
	        finding->replicas > 1
	    ? finding->replicas
	    : 1;
	if (ballot.election == LK_ELECTION_FEW)
		return (ask_without_majority(watch, votes, &ballot, deadline,
		    finding, error));
	if (ballot.election == LK_ELECTION_NONE)
		return (lk_votes_explain(votes, &ballot,
		    s->store.sentinel.master, error));
	(void)snprintf(finding->address, sizeof(finding->address), "%s",
	    ballot.address);
	return (LK_OK);
}

/* Take what was found as what is known; the lock is held. */
static void
publish(struct lk_watch *watch, const struct finding *finding)
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
	atomic_store(&watch->unsettled, finding->unsettled);
	atomic_store(&watch->witnesses, finding->witnesses);
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
	struct finding known = { .replicas = watch->replicas }, finding;
	enum lk_status status = LK_FAULT;

	memcpy(known.address, watch->address, sizeof(known.address));
	watch->asking = true;
	watch->tried_ns = lk_redis_watch_now();
	(void)pthread_mutex_unlock(&watch->lock);
	status = ask(watch, &known, deadline, &finding, error);
	(void)pthread_mutex_lock(&watch->lock);
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

int64_t
lk_redis_watch_wait_ms(const struct lk_watch *watch,
    struct lk_deadline deadline)
{
	const int64_t most = lk_deadline_left_ms(
	    lk_deadline_part(deadline, WAIT_SHARE_PERCENT));
	const int64_t set = watch->settings->store.durability_timeout_ms;

	return (set < most ? set : most);
}

/* Whether as many replicas have it as must; more are waited for. */
static bool
is_witnessed(struct lk_watch *watch, struct lk_redis_wire *wire, size_t acks,
    struct lk_deadline deadline, struct lk_error *error)
{
	const size_t witnesses = atomic_load(&watch->witnesses);

	if (acks < witnesses &&
	    lk_redis_fence_run(wire, watch->settings, witnesses,
	        lk_redis_watch_wait_ms(watch, deadline), deadline,
	        &acks) != LK_OK)
		return (false);
	if (acks >= witnesses)
		return (true);
	lk_error_set(error,
	    "not every sentinel answers, and %zu of %zu replicas have it", acks,
	    witnesses);
	return (false);
}

bool
lk_redis_watch_outlasts(struct lk_watch *watch, struct lk_redis_wire *wire,
    size_t acks, struct lk_deadline deadline, struct lk_error *error)
{
	if (!watch->sentinel)
		return (true);
	if (lk_redis_watch_confirm(watch, lk_redis_watch_now(), deadline,
	        error) != LK_OK)
		return (false);
	if (atomic_load(&watch->generation) != wire->generation ||
	    atomic_load(&watch->unsettled)) {
		lk_error_set(error, "another redis is or becomes the master");
		return (false);
	}
	if (!is_witnessed(watch, wire, acks, deadline, error))
		return (false);
	if (lk_deadline_left_ms(deadline) > 0)
		return (true);
	lk_error_set(error, "it took too long to be sure");
	return (false);
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
