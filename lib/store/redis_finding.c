#include <stdio.h>
#include <string.h>

#include "redis_fence.h"
#include "redis_finding.h"

/* Of the time that is left, what Sentinels may take. */
#define SENTINELS_SHARE_PERCENT 67

/*
 * How many replicas answer the Redis at ${name} now.  INFO would tell of those
 * that have done so in the last seconds; a master that has just been cut off
 * would then be believed for longer than the bound on stale reads allows.
 */
static enum lk_status
count_replicas(struct lk_watch *watch, const char *name,
    struct lk_deadline deadline, struct lk_error *error, size_t *replicas)
{
	struct lk_redis_wire *wire = &watch->wire;
	struct lk_address address;
	enum lk_status status = LK_OK;

	*replicas = 0;
	wire->error = error;
	if (lk_address_parse(name, &address) != LK_OK)
		return (lk_fail(error, LK_E_CORRUPT, "%s is no address", name));
	if (!lk_redis_wire_is_open(wire) || strcmp(wire->name, name) != 0 ||
	    !lk_redis_wire_is_quiet(wire))
		status = lk_redis_wire_open(wire, &address, name, 0, deadline);
	if (status == LK_OK)
		status = lk_redis_fence_run(wire, watch->settings, 1,
		    lk_redis_watch_wait_ms(watch, deadline), deadline,
		    replicas);
	return (status);
}

/* Too few Sentinels say anything: has it a replica that answers? */
static enum lk_status
ask_master(struct lk_watch *watch, const struct lk_ballot *ballot,
    struct lk_deadline deadline, struct lk_redis_finding *finding,
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
		lk_error_set(&why, "redis at %s has no replica that answers",
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
 * Whether anybody speaks against the Redis at ${address}: names another one, or
 * is replacing it.
 */
static bool
is_disputed(const struct lk_ballot *ballot, const char *address)
{
	return (ballot->failing_over ||
	    (ballot->address[0] != '\0' &&
	        strcmp(ballot->address, address) != 0));
}

/*
 * Fewer than a majority say anything.  They make no other Redis the master:
 * they may be the minority that is cut off, or go by an old configuration.  Who
 * has spoken against the known one and is silent now has not taken it back.
 */
static enum lk_status
ask_without_majority(struct lk_watch *watch, const struct lk_vote *votes,
    const struct lk_ballot *ballot, struct lk_deadline deadline,
    struct lk_redis_finding *finding, struct lk_error *error)
{
	const struct lk_settings *s = watch->settings;

	finding->unsettled = finding->disputed;
	if (ballot->address[0] != '\0' &&
	    !s->store.sentinel.require_confirmed) {
		(void)snprintf(finding->address, sizeof(finding->address), "%s",
		    ballot->address);
		finding->unsettled = true;
		return (LK_OK);
	}
	if (finding->address[0] == '\0' || finding->disputed)
		return (lk_votes_explain(votes, ballot,
		    s->store.sentinel.master, error));
	return (ask_master(watch, ballot, deadline, finding, error));
}

enum lk_status
lk_redis_finding_ask(struct lk_watch *watch,
    const struct lk_redis_finding *known, struct lk_deadline deadline,
    struct lk_redis_finding *finding, struct lk_error *error)
{
	const struct lk_settings *s = watch->settings;
	const struct lk_vote *votes;
	struct lk_ballot ballot;
	bool settled;

	*finding = *known;
	finding->began_ns = lk_redis_watch_now();
	votes = lk_redis_sentinels_ask(watch->sentinels, false,
	    patience_ms(watch, deadline), deadline);
	ballot = lk_votes_count(votes, s->store.sentinel.addresses.n);
	settled = ballot.election == LK_ELECTION_MAJORITY;
	finding->unsettled = ballot.failing_over;
	finding->disputed = !settled &&
	    (known->disputed || is_disputed(&ballot, known->address));
	/* A minority may be cut off from replicas that are well. */
	if (settled)
		finding->replicas = ballot.replicas;
	/* A Sentinel that is silent may be replacing the master. */
	finding->witnesses = ballot.named < ballot.total &&
	        finding->replicas > 1
	    ? finding->replicas
	    : 1;
	if (ballot.election == LK_ELECTION_FEW)
		return (ask_without_majority(watch, votes, &ballot, deadline,
		    finding, error));
	if (!settled)
		return (lk_votes_explain(votes, &ballot,
		    s->store.sentinel.master, error));
	(void)snprintf(finding->address, sizeof(finding->address), "%s",
	    ballot.address);
	return (LK_OK);
}
