/* What Sentinels say to who inspects them, and whether all are listed. */
#include <stdio.h>

#include "store/redis/master/sentinel.h"

#define FINDING_MAX 768

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
enum lk_status
lk_redis_sentinel_inspect(const struct lk_redis_topology *topology,
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
