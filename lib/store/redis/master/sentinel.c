#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis/master/sentinel.h"

/* With less time left an answer that failed in time is somebody else's. */
#define ASK_MIN_MS 20
#define FINDING_MAX 768

/* ---- Life -------------------------------------------------------------- */

static void
sentinel_free(struct lk_redis_topology *topology)
{
	struct lk_redis_sentinel *s = lk_redis_sentinel_of(topology);

	lk_redis_sentinels_free(s->sentinels);
	lk_redis_wire_drop(&s->wire);
	lk_redis_channel_close(&s->tending.hint);
	lk_redis_topology_tear_down(topology);
	free(s);
}

static enum lk_status
sentinel_make(const struct lk_redis_topology *base,
    struct lk_redis_topology **topology, struct lk_error *error)
{
	struct lk_redis_manners manners;
	struct lk_redis_sentinel *s = calloc(1, sizeof(*s));
	enum lk_status status = LK_FAULT;

	if (s == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	status = lk_redis_topology_set_up(&s->base, base, error);
	if (status != LK_OK) {
		free(s);
		return (status);
	}
	s->base.bound_ns = base->settings->store.sentinel.staleness_ms *
	    INT64_C(1000000);
	/* Whose wire it is asks for the generation to come. */
	manners = lk_redis_topology_manners(&s->base);
	manners.generation = NULL;
	lk_redis_wire_init(&s->wire, &manners, NULL);
	status = lk_redis_sentinels_new(base->settings, &s->sentinels, error);
	if (status == LK_OK)
		*topology = &s->base;
	else
		sentinel_free(&s->base);
	return (status);
}

static void
sentinel_leave_parent(struct lk_redis_topology *topology)
{
	struct lk_redis_sentinel *s = lk_redis_sentinel_of(topology);

	lk_redis_sentinels_close(s->sentinels);
	lk_redis_wire_drop(&s->wire);
}

/* ---- Asking, by one at a time ------------------------------------------ */

/* Take an opinion as what is known; the lock is held. */
static void
publish(struct lk_redis_sentinel *s, const struct lk_redis_opinion *opinion)
{
	struct lk_redis_known *known = &s->known;
	const struct lk_redis_opinion before = known->opinion;
	const bool another = strcmp(before.address, opinion->address) != 0;

	known->opinion = *opinion;
	/* What operations have suffered may be over. */
	if (another || s->outcome != LK_OK)
		(void)lk_breaker_close(s->base.breaker);
	if (another && before.address[0] != '\0')
		LK_LOG(s->base.log, LK_LOG_WARN, "another redis is the master",
		    { "from", before.address }, { "to", opinion->address });
	if (another) {
		memset(&known->seen, 0, sizeof(known->seen));
		known->opinion.vouched = known->seen;
		known->seen_ns = 0;
	}
	if (opinion->majority && known->seen_ns != 0 &&
	    known->seen_ns <= opinion->began_ns) {
		if (known->opinion.vouched.history[0] == '\0')
			LK_LOG(s->base.log, LK_LOG_DEBUG,
			    "a replica can confirm the master from now on",
			    { "master", opinion->address });
		known->opinion.vouched = known->seen;
	}
	lk_redis_topology_confirmed(&s->base, another, opinion->began_ns);
}

/* Note the first of several failures in a row, and its end. */
static void
log_outcome(struct lk_redis_sentinel *s, enum lk_status status, const char *why)
{
	if (status == LK_OK && s->asked > 0 && s->outcome != LK_OK &&
	    s->confirmed_before)
		LK_LOG(s->base.log, LK_LOG_INFO,
		    "the master is confirmed again",
		    { "master", s->known.opinion.address });
	else if (status != LK_OK && s->outcome == LK_OK && s->confirmed_before)
		LK_LOG(s->base.log, LK_LOG_WARN, "the master is not confirmed",
		    { "error", why });
	s->confirmed_before |= status == LK_OK;
}

/* Ask in the name of all; the lock is held, but not meanwhile. */
static enum lk_status
ask_for_all(struct lk_redis_sentinel *s, struct lk_deadline deadline,
    struct lk_error *error)
{
	const struct lk_redis_opinion known = s->known.opinion;
	struct lk_redis_opinion opinion;
	enum lk_status status = LK_FAULT;

	s->asking = true;
	s->tried_ns = lk_boottime_ns();
	(void)pthread_mutex_unlock(&s->base.lock);
	status = lk_redis_opinion_form(s, &known, deadline, &opinion, error);
	(void)pthread_mutex_lock(&s->base.lock);
	s->known.opinion.disputed = opinion.disputed;
	if (status == LK_OK)
		publish(s, &opinion);
	log_outcome(s, status, error->text);
	s->asking = false;
	s->asked++;
	s->outcome = status;
	if (status != LK_OK)
		s->why = *error;
	(void)pthread_cond_broadcast(&s->base.changed);
	return (status);
}

/* Wait for what comes of somebody's question; the lock is held. */
static enum lk_status
take_outcome(struct lk_redis_sentinel *s, struct lk_deadline deadline,
    struct lk_error *error)
{
	const uint64_t asked = s->asked;

	while (s->asked == asked) {
		if (!lk_cond_wait(&s->base.changed, &s->base.lock, deadline))
			return (lk_fail(error, LK_E_TIMEOUT,
			    "cannot confirm which Redis is the master in "
			    "time"));
	}
	if (s->outcome != LK_OK)
		*error = s->why;
	return (s->outcome);
}

/* LK_OK once confirmed since ${since_ns}; the lock is held. */
static enum lk_status
confirm_locked(struct lk_redis_sentinel *s, int64_t since_ns,
    struct lk_deadline deadline, struct lk_error *error)
{
	enum lk_status status = LK_OK;

	while (
	    status == LK_OK && atomic_load(&s->base.confirmed_ns) < since_ns) {
		if (!s->asking) {
			status = ask_for_all(s, deadline, error);
			continue;
		}
		status = take_outcome(s, deadline, error);
		/* Whoever asked may have had less time than there is. */
		if (status == LK_E_TIMEOUT &&
		    lk_deadline_left_ms(deadline) > ASK_MIN_MS)
			status = LK_OK;
	}
	return (status);
}

enum lk_status
lk_redis_sentinel_confirm(struct lk_redis_sentinel *s, int64_t since_ns,
    struct lk_deadline deadline, struct lk_error *error)
{
	enum lk_status status = LK_OK;

	(void)pthread_mutex_lock(&s->base.lock);
	status = confirm_locked(s, since_ns, deadline, error);
	(void)pthread_mutex_unlock(&s->base.lock);
	return (status);
}

/* ---- Finding the master ------------------------------------------------ */

/* Since when the master must have been confirmed; the lock is held. */
static int64_t
wanted_since(const struct lk_redis_sentinel *s)
{
	int64_t since = lk_boottime_ns() - s->base.bound_ns + 1;

	/* 0 is never, even if the machine has not run for that long. */
	if (since < 1)
		since = 1;
	return (s->known.suspect_ns > since ? s->known.suspect_ns : since);
}

/* Copy who is known; the lock is held. */
static void
copy_known(struct lk_redis_sentinel *s, struct lk_redis_master *master)
{
	memcpy(master->name, s->known.opinion.address, sizeof(master->name));
	master->generation = atomic_load(&s->base.generation);
	master->current = &s->base.generation;
	master->met = &s->base.met;
}

static bool
sentinel_has(struct lk_redis_topology *topology, int slot,
    struct lk_redis_master *master)
{
	struct lk_redis_sentinel *s = lk_redis_sentinel_of(topology);
	bool confirmed;

	(void)slot;
	(void)pthread_mutex_lock(&topology->lock);
	confirmed = s->known.opinion.address[0] != '\0' &&
	    atomic_load(&topology->confirmed_ns) >= wanted_since(s);
	copy_known(s, master);
	(void)pthread_mutex_unlock(&topology->lock);
	return (confirmed);
}

static enum lk_status
sentinel_find(struct lk_redis_topology *topology, int slot,
    struct lk_deadline deadline, struct lk_redis_master *master,
    struct lk_error *error)
{
	struct lk_redis_sentinel *s = lk_redis_sentinel_of(topology);
	struct lk_error ignored;
	enum lk_status status = LK_OK;
	bool required;
	int64_t since;

	(void)slot;
	(void)pthread_mutex_lock(&topology->lock);
	/* Where a confirmation is not required, a known master serves without
	 * one, and is asked about once in a while. */
	required = topology->settings->store.sentinel.require_confirmed ||
	    s->known.opinion.address[0] == '\0';
	since = wanted_since(s);
	if (required || s->tried_ns < since)
		status = confirm_locked(s, since, deadline,
		    required ? error : &ignored);
	copy_known(s, master);
	(void)pthread_mutex_unlock(&topology->lock);
	if (!required)
		status = LK_OK;
	if (status == LK_OK &&
	    lk_address_parse(master->name, &master->address) != LK_OK)
		status = lk_fail(error, LK_E_CORRUPT, "%s is no address",
		    master->name);
	return (status);
}

static void
sentinel_suspect(struct lk_redis_topology *topology,
    const struct lk_redis_wire *wire)
{
	struct lk_redis_sentinel *s = lk_redis_sentinel_of(topology);

	(void)pthread_mutex_lock(&topology->lock);
	if (atomic_load(&topology->generation) == wire->generation)
		s->known.suspect_ns = lk_boottime_ns();
	(void)pthread_mutex_unlock(&topology->lock);
}

static void
sentinel_saw(struct lk_redis_topology *topology, unsigned int generation,
    const struct lk_redis_past *past)
{
	struct lk_redis_sentinel *s = lk_redis_sentinel_of(topology);
	bool unknown;

	(void)pthread_mutex_lock(&topology->lock);
	if (atomic_load(&topology->generation) == generation) {
		s->known.seen = *past;
		s->known.seen_ns = lk_boottime_ns();
	}
	unknown = strcmp(s->known.opinion.vouched.history,
	              s->known.seen.history) != 0;
	(void)pthread_mutex_unlock(&topology->lock);
	/* A majority is asked now, so that a replica's word will do later. */
	if (unknown)
		s->tending.confirm_at = lk_monotonic_ns();
}

/* ---- What outlasts a failover ------------------------------------------ */

/* How many must have a change, by the opinion; the lock is held. */
static size_t
count_witnesses(const struct lk_redis_sentinel *s, bool all)
{
	const struct lk_redis_opinion *opinion = &s->known.opinion;

	return ((all || opinion->cautious) && opinion->replicas > 1
	        ? opinion->replicas
	        : 1);
}

static struct lk_redis_witnesses
sentinel_witnesses(struct lk_redis_topology *topology,
    const struct lk_redis_wire *wire, bool all)
{
	struct lk_redis_witnesses witnesses = { .all = all };

	(void)wire;
	(void)pthread_mutex_lock(&topology->lock);
	witnesses.asked = count_witnesses(lk_redis_sentinel_of(topology), all);
	(void)pthread_mutex_unlock(&topology->lock);
	return (witnesses);
}

/*
 * Not so if it is the master no more: one that was cut off may have a replica
 * beside it, and both will give up what they have.  Nor if a Sentinel names
 * another.  If one is replacing it, or is not heard and may be, the replica
 * that has it may be one that has yet to follow the next master, which has gone
 * its own way already although no Sentinel names it; then, too, all replicas
 * that are not down must have it, and so must the one that was chosen.  They
 * are waited for, unless they have been.  All of this is about one master only
 * as long as it has had no time to be a replica and come back, so it must be
 * over by the deadline.
 */
static bool
sentinel_outlasts(struct lk_redis_topology *topology,
    struct lk_redis_wire *wire, const struct lk_redis_fenced *so_far,
    struct lk_redis_witnesses witnesses, struct lk_deadline deadline,
    struct lk_error *error)
{
	struct lk_redis_sentinel *s = lk_redis_sentinel_of(topology);
	struct lk_redis_fenced fenced = *so_far;
	size_t count = 0;

	/* It is still the master, by a question that began after the answer. */
	if (lk_redis_sentinel_confirm(s, lk_boottime_ns(), deadline, error) !=
	    LK_OK)
		return (false);
	/* Of whom it is, so many must have it, by what was found then. */
	(void)pthread_mutex_lock(&topology->lock);
	if (atomic_load(&topology->generation) == wire->generation &&
	    !s->known.opinion.unsettled)
		count = count_witnesses(s, witnesses.all);
	(void)pthread_mutex_unlock(&topology->lock);
	if (count == 0) {
		lk_error_set(error, "another redis is or becomes the master");
		return (false);
	}
	/* As many replicas have it as must; more are waited for. */
	if (fenced.acks < count && witnesses.asked < count &&
	    lk_redis_fence_run(&topology->fence, wire, count, deadline,
	        &fenced) != LK_OK)
		return (false);
	if (fenced.acks < count) {
		lk_error_set(error, "%zu of %zu replicas have it", fenced.acks,
		    count);
		return (false);
	}
	if (lk_deadline_left_ms(deadline) > 0)
		return (true);
	lk_error_set(error, "it took too long to be sure");
	return (false);
}

/* ---- Other settings of the same servers -------------------------------- */

/* How many of one list are in the other. */
static size_t
count_common(const struct lk_strings *a, const struct lk_strings *b)
{
	size_t i, j, n = 0;

	for (i = 0; i < a->n; i++) {
		for (j = 0; j < b->n && strcmp(a->v[i], b->v[j]) != 0;)
			j++;
		n += j < b->n;
	}
	return (n);
}

/* One Sentinel knows one master of a name. */
static bool
sentinel_is_same(const struct lk_settings *a, const struct lk_settings *b)
{
	return (
	    strcmp(a->store.sentinel.master, b->store.sentinel.master) == 0 &&
	    count_common(&a->store.sentinel.addresses,
	        &b->store.sentinel.addresses) > 0);
}

static void
sentinel_learn(struct lk_redis_topology *topology,
    struct lk_redis_topology *from)
{
	struct lk_redis_sentinel *s = lk_redis_sentinel_of(topology);
	const struct lk_strings *a =
	    &topology->settings->store.sentinel.addresses;
	const struct lk_strings *b = &from->settings->store.sentinel.addresses;
	struct lk_redis_known known;

	/* A majority of one list must be a majority of the other. */
	if (a->n != b->n || count_common(a, b) != a->n ||
	    count_common(b, a) != a->n)
		return;
	(void)pthread_mutex_lock(&from->lock);
	known = lk_redis_sentinel_of(from)->known;
	(void)pthread_mutex_unlock(&from->lock);
	(void)pthread_mutex_lock(&topology->lock);
	if (atomic_load(&topology->generation) == 0 && !s->asking &&
	    known.opinion.address[0] != '\0') {
		s->known = known;
		s->confirmed_before = known.opinion.began_ns != 0;
		lk_redis_topology_confirmed(topology, true,
		    known.opinion.began_ns);
	}
	(void)pthread_mutex_unlock(&topology->lock);
}

/* ---- What there is to be said of them ---------------------------------- */

/* Whether the settings list all Sentinels, or at least enough of them. */
static void
inspect_list(const struct lk_ballot *ballot, lk_finding_fn *each, void *arg)
{
	char text[FINDING_MAX];
	const bool enough = lk_votes_overlap(ballot->total, ballot->known);

	if (ballot->known == 0 || ballot->known == ballot->total)
		return;
	(void)snprintf(text, sizeof(text),
	    "store.sentinel.addresses lists %zu sentinels, and they know of "
	    "%zu: %s",
	    ballot->total, ballot->known,
	    ballot->known < ballot->total ? "some listed are of no use"
	        : enough ? "list them all, to do with fewer of them"
	                 : "a majority of those listed may name an old "
	                   "master after the others have put a new one in its "
	                   "place; list them all (SENTINEL RESET forgets those "
	                   "that are no more)");
	each(arg, enough ? LK_FINDING_DOUBTFUL : LK_FINDING_BAD, text);
}

/* Each Sentinel by itself, and what they say together. */
static enum lk_status
sentinel_inspect(struct lk_redis_topology *topology,
    struct lk_deadline deadline, lk_finding_fn *each, void *arg,
    struct lk_error *why)
{
	const struct lk_settings *s = topology->settings;
	const struct lk_strings *all = &s->store.sentinel.addresses;
	struct lk_redis_sentinels *sentinels = NULL;
	struct lk_error error = { "" };
	char text[FINDING_MAX];
	const struct lk_vote *votes;
	struct lk_ballot ballot;
	enum lk_status status = LK_FAULT;
	size_t i;

	status = lk_redis_sentinels_new(s, &sentinels, why);
	if (status != LK_OK)
		return (status);
	votes = lk_redis_sentinels_ask(sentinels, "", true,
	    s->store.redis.connect_timeout_ms, deadline);
	for (i = 0; i < all->n; i++) {
		lk_redis_inspect_address("store.sentinel.addresses", all->v[i],
		    each, arg);
		(void)snprintf(text, sizeof(text), "sentinel at %s %s%s",
		    all->v[i], lk_vote_says(votes[i].kind), votes[i].address);
		each(arg,
		    votes[i].kind == LK_VOTE_NAMES ? LK_FINDING_GOOD
		                                   : LK_FINDING_BAD,
		    text);
	}
	ballot = lk_votes_count(votes, all->n);
	inspect_list(&ballot, each, arg);
	(void)snprintf(text, sizeof(text),
	    "%zu of %zu sentinels name %s the master of \"%s\"", ballot.named,
	    ballot.total, ballot.address, s->store.sentinel.master);
	if (ballot.election != LK_ELECTION_MAJORITY)
		status = lk_votes_explain(votes, &ballot,
		    s->store.sentinel.master, &error);
	each(arg, status == LK_OK ? LK_FINDING_GOOD : LK_FINDING_BAD,
	    status == LK_OK ? text : error.text);
	lk_redis_sentinels_free(sentinels);
	return (LK_OK);
}

const struct lk_redis_topology_ops lk_redis_sentinel = { .moves = true,
	.make = sentinel_make,
	.find = sentinel_find,
	.has = sentinel_has,
	.suspect = sentinel_suspect,
	.witnesses = sentinel_witnesses,
	.outlasts = sentinel_outlasts,
	.is_same = sentinel_is_same,
	.learn = sentinel_learn,
	.inspect = sentinel_inspect,
	.leave_parent = sentinel_leave_parent,
	.free = sentinel_free,
	.tend = lk_redis_sentinel_tend,
	.saw = sentinel_saw };
