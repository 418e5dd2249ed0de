/*
 * Forming an opinion of who the master is: by the Sentinels and, if too few of
 * them say anything, by the one that is known.
 */
#include <stdio.h>
#include <string.h>

#include "store/redis/master/sentinel.h"

#define MS_NS INT64_C(1000000)
/* Of the time that is left, what Sentinels may take. */
#define SENTINELS_SHARE_PERCENT 67

/* ---- The master's own word --------------------------------------------- */

/* Have the wire that fences go by, open to the Redis at ${name}. */
static enum lk_status
get_wire(struct lk_redis_sentinel *s, const char *name,
    struct lk_deadline deadline, struct lk_error *error)
{
	struct lk_redis_wire *wire = &s->wire;
	struct lk_address address;

	wire->error = error;
	if (lk_address_parse(name, &address) != LK_OK)
		return (lk_fail(error, LK_E_CORRUPT, "%s is no address", name));
	if (lk_redis_wire_is_open(wire) && strcmp(wire->name, name) == 0 &&
	    lk_redis_wire_is_quiet(wire))
		return (LK_OK);
	return (lk_redis_wire_open(wire, &address, name, 0, deadline));
}

/*
 * How many of its replicas must answer so that one of them is no newcomer; 0 if
 * it has another history.
 */
static int64_t
count_needed(const struct lk_redis_past *vouched,
    const struct lk_redis_past *now)
{
	if (strcmp(vouched->history, now->history) != 0 ||
	    now->copies < vouched->copies)
		return (0);
	return (now->copies - vouched->copies + 1);
}

/*
 * Whether a replica answers the known master now that was one of it when a
 * majority spoke last.  INFO would tell of those that have answered in the last
 * seconds; a master that has just been cut off would then be believed for
 * longer than the bound on stale reads allows.
 */
static enum lk_status
ask_replicas(struct lk_redis_sentinel *s, const struct lk_redis_opinion *known,
    struct lk_deadline deadline, struct lk_error *error)
{
	struct lk_redis_wire *wire = &s->wire;
	struct lk_redis_fenced fenced = { .acks = 0 };
	enum lk_status status = LK_FAULT;
	int64_t needed = 1, asked = 0;

	status = get_wire(s, known->address, deadline, error);
	while (status == LK_OK && needed > asked) {
		asked = needed;
		status = lk_redis_fence_run(&s->base.fence, wire, (size_t)asked,
		    deadline, &fenced);
		needed = count_needed(&known->vouched, &fenced.past);
	}
	if (status != LK_OK)
		return (status);
	if (needed == 0)
		return (lk_fail(error, LK_E_STORE,
		    "redis at %s has been started, or put in another's place, "
		    "since a majority named it",
		    known->address));
	if (fenced.acks >= (size_t)needed)
		return (LK_OK);
	return (lk_fail(error, LK_E_STORE,
	    "redis at %s has no replica that answers and has followed it since "
	    "a majority named it",
	    known->address));
}

/* Too few Sentinels say anything: will a replica's word do? */
static enum lk_status
ask_master(struct lk_redis_sentinel *s, const struct lk_ballot *ballot,
    const struct lk_redis_opinion *known, struct lk_deadline deadline,
    struct lk_redis_opinion *opinion, struct lk_error *error)
{
	struct lk_error why = { "" };
	enum lk_status status = LK_FAULT;

	opinion->began_ns = lk_boottime_ns();
	if (known->vouched.history[0] == '\0' || known->began_ns == 0)
		status = lk_fail(&why, LK_E_STORE,
		    "this program has not known redis at %s for long enough",
		    known->address);
	else if (opinion->began_ns - known->began_ns >=
	    s->base.settings->store.sentinel.staleness_ms * MS_NS)
		status = lk_fail(&why, LK_E_STORE,
		    "redis at %s was confirmed too long ago", known->address);
	else
		status = ask_replicas(s, known, deadline, &why);
	if (status != LK_OK)
		lk_error_set(error,
		    "cannot confirm which Redis is the master: %zu of %zu "
		    "sentinels can be reached, and %s",
		    ballot->spoke, ballot->total, why.text);
	return (status);
}

/* ---- What the Sentinels say -------------------------------------------- */

/*
 * Fewer than a majority say anything.  They make no other Redis the master:
 * they may be the minority that is cut off, or go by an old configuration.  Who
 * has spoken against the known one and is silent now has not taken it back.
 */
static enum lk_status
ask_without_majority(struct lk_redis_sentinel *s, const struct lk_vote *votes,
    const struct lk_ballot *ballot, const struct lk_redis_opinion *known,
    struct lk_deadline deadline, struct lk_redis_opinion *opinion,
    struct lk_error *error)
{
	const struct lk_settings *settings = s->base.settings;

	opinion->unsettled = opinion->disputed;
	if (ballot->address[0] != '\0' &&
	    !settings->store.sentinel.require_confirmed) {
		(void)snprintf(opinion->address, sizeof(opinion->address), "%s",
		    ballot->address);
		opinion->unsettled = true;
		return (LK_OK);
	}
	if (opinion->address[0] == '\0' || opinion->disputed)
		return (lk_votes_explain(votes, ballot,
		    settings->store.sentinel.master, error));
	return (ask_master(s, ballot, known, deadline, opinion, error));
}

enum lk_status
lk_redis_opinion_form(struct lk_redis_sentinel *s,
    const struct lk_redis_opinion *known, struct lk_deadline deadline,
    struct lk_redis_opinion *opinion, struct lk_error *error)
{
	const struct lk_settings *settings = s->base.settings;
	const int64_t set = settings->store.redis.connect_timeout_ms;
	/* Some time is left for the master, which may have to speak for itself
	 * if too few of them answer. */
	const int64_t most = lk_deadline_left_ms(
	    lk_deadline_part(deadline, SENTINELS_SHARE_PERCENT));
	const struct lk_vote *votes;
	struct lk_ballot ballot;

	*opinion = *known;
	opinion->began_ns = lk_boottime_ns();
	votes = lk_redis_sentinels_ask(s->sentinels, known->address, false,
	    set < most ? set : most, deadline);
	ballot = lk_votes_count(votes, settings->store.sentinel.addresses.n);
	opinion->majority = ballot.election == LK_ELECTION_MAJORITY;
	opinion->unsettled = ballot.contradicted;
	/* Somebody names another one, or is replacing it. */
	opinion->disputed = !opinion->majority &&
	    (known->disputed || ballot.failing_over || ballot.contradicted ||
	        (ballot.address[0] != '\0' &&
	            strcmp(ballot.address, known->address) != 0));
	/* A minority may be cut off from replicas that are well. */
	if (opinion->majority)
		opinion->replicas = ballot.replicas;
	/* A Sentinel that is silent may be replacing the master. */
	opinion->cautious = ballot.failing_over || ballot.named < ballot.total;
	if (ballot.election == LK_ELECTION_FEW)
		return (ask_without_majority(s, votes, &ballot, known, deadline,
		    opinion, error));
	if (!opinion->majority)
		return (lk_votes_explain(votes, &ballot,
		    settings->store.sentinel.master, error));
	(void)snprintf(opinion->address, sizeof(opinion->address), "%s",
	    ballot.address);
	return (LK_OK);
}
