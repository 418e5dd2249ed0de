#include <string.h>

#include "store/redis/master/vote.h"

size_t
lk_votes_majority(size_t total)
{
	return (total / 2 + 1);
}

bool
lk_votes_overlap(size_t listed, size_t known)
{
	return (lk_votes_majority(listed) + lk_votes_majority(known) > known);
}

static size_t
count_kind(const struct lk_vote *votes, size_t total, enum lk_vote_kind kind)
{
	size_t i, n = 0;

	for (i = 0; i < total; i++)
		n += votes[i].kind == kind;
	return (n);
}

/* How many name ${address}. */
static size_t
count_address(const struct lk_vote *votes, size_t total, const char *address)
{
	size_t i, n = 0;

	for (i = 0; i < total; i++)
		n += votes[i].kind == LK_VOTE_NAMES &&
		    strcmp(votes[i].address, address) == 0;
	return (n);
}

static bool
has_meaning(enum lk_vote_kind kind)
{
	return (kind != LK_VOTE_SILENT && kind != LK_VOTE_UNREACHABLE &&
	    kind != LK_VOTE_BROKEN && kind != LK_VOTE_TWICE &&
	    kind != LK_VOTE_CLOSED);
}

struct lk_ballot
lk_votes_count(const struct lk_vote *votes, size_t total)
{
	struct lk_ballot ballot = { .address = "", .total = total };
	size_t i, n, names = count_kind(votes, total, LK_VOTE_NAMES);

	for (i = 0; i < total; i++) {
		ballot.spoke += has_meaning(votes[i].kind);
		if (votes[i].sentinels > ballot.known)
			ballot.known = votes[i].sentinels;
		if (votes[i].kind != LK_VOTE_NAMES)
			continue;
		ballot.failing_over |= votes[i].failing_over;
		if (votes[i].replicas > ballot.replicas)
			ballot.replicas = votes[i].replicas;
		n = count_address(votes, total, votes[i].address);
		if (n > ballot.named) {
			ballot.named = n;
			ballot.address = votes[i].address;
		}
	}
	ballot.contradicted = ballot.named < names;
	if (ballot.named >= lk_votes_majority(total))
		ballot.election = LK_ELECTION_MAJORITY;
	else if (ballot.spoke < lk_votes_majority(total) &&
	    ballot.named == names)
		ballot.election = LK_ELECTION_FEW;
	return (ballot);
}

const char *
lk_vote_says(enum lk_vote_kind kind)
{
	switch (kind) {
	case LK_VOTE_SILENT:
		return ("does not answer in time");
	case LK_VOTE_UNREACHABLE:
		return ("cannot be reached");
	case LK_VOTE_BROKEN:
		return ("answers what is no Sentinel's answer");
	case LK_VOTE_NAMES:
		return ("names ");
	case LK_VOTE_UNKNOWN:
		return ("knows no master of this name "
		        "(store.sentinel.master)");
	case LK_VOTE_CREDENTIALS:
		return ("refuses store.sentinel.username, "
		        "store.sentinel.password or, by its ACL, the command");
	case LK_VOTE_NO_SENTINEL:
		return ("is a Redis and no Sentinel "
		        "(store.sentinel.addresses)");
	case LK_VOTE_TWICE:
		return ("is listed twice (store.sentinel.addresses), and has "
		        "one vote");
	case LK_VOTE_CLOSED:
		return ("closes the connection, as a port for TLS does");
	}
	return ("says something");
}

/* Why there is no majority, if nothing is wrong with any of them. */
static enum lk_status
explain_absence(const struct lk_vote *votes, const struct lk_ballot *ballot,
    const char *master, struct lk_error *error)
{
	const size_t total = ballot->total;

	if (ballot->spoke == 0)
		return (lk_fail(error,
		    count_kind(votes, total, LK_VOTE_SILENT) > 0 ? LK_E_TIMEOUT
		                                                 : LK_E_STORE,
		    "no sentinel of %zu can be reached", total));
	if (ballot->election == LK_ELECTION_FEW)
		return (lk_fail(error, LK_E_STORE,
		    "only %zu of %zu sentinels can be reached, which is no "
		    "majority",
		    ballot->spoke, total));
	return (lk_fail(error, LK_E_STORE,
	    "sentinels disagree about which Redis is the master of \"%s\": "
	    "no address is named by %zu of %zu",
	    master, lk_votes_majority(total), total));
}

enum lk_status
lk_votes_explain(const struct lk_vote *votes, const struct lk_ballot *ballot,
    const char *master, struct lk_error *error)
{
	static const enum lk_vote_kind wrong[] = { LK_VOTE_TWICE,
		LK_VOTE_NO_SENTINEL, LK_VOTE_UNKNOWN, LK_VOTE_CREDENTIALS };
	const size_t total = ballot->total;
	enum lk_status status = LK_FAULT;
	struct lk_error absence = { "" };
	size_t i, n, all = 0, most = 0;

	for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		n = count_kind(votes, total, wrong[i]);
		all += n;
		if (n > 0)
			most = i;
	}
	status = explain_absence(votes, ballot, master, &absence);
	if (all == 0) {
		*error = absence;
		return (status);
	}
	n = count_kind(votes, total, wrong[most]);
	/* What someone must mend, if the others are no majority either. */
	if (total - all < lk_votes_majority(total))
		return (lk_fail(error, LK_E_SETTINGS,
		    "sentinels for \"%s\": %zu of %zu: each %s", master, n,
		    total, lk_vote_says(wrong[most])));
	return (lk_fail(error, status, "%s; %zu of %zu: each %s", absence.text,
	    n, total, lk_vote_says(wrong[most])));
}
