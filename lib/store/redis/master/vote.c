#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/address.h"
#include "store/redis/master/vote.h"

/* ---- What one says ----------------------------------------------------- */

_Static_assert(LK_VOTE_ADDRESS_SIZE > LK_HOST_MAX + sizeof("[]:65535"),
    "an address fits");

/* Which reply it is, by how many are to come behind it. */
enum { OF_REPLICAS, OF_STATE, OF_ADDRESS };

/* More Sentinels than anybody has. */
#define SENTINELS_KNOWN_MAX 1000

void
lk_redis_vote_ask(const char *master,
    struct lk_redis_command commands[LK_REDIS_VOTE_REPLIES])
{
	static const char *const about[LK_REDIS_VOTE_REPLIES] = {
		"GET-MASTER-ADDR-BY-NAME", "MASTER", "REPLICAS"
	};
	size_t i;

	for (i = 0; i < LK_REDIS_VOTE_REPLIES; i++) {
		lk_redis_command(&commands[i], "SENTINEL");
		lk_redis_arg_str(&commands[i], about[i]);
		lk_redis_arg_str(&commands[i], master);
	}
}

static bool
is_number(const struct lk_redis_reply *reply)
{
	return (reply->type == LK_REDIS_STRING && reply->len >= 1 &&
	    reply->len <= 5 && strspn(reply->text, "0123456789") == reply->len);
}

/* Write host and port as an address, if they can be one, or else "". */
static bool
write_address(const struct lk_redis_reply *host,
    const struct lk_redis_reply *port, char text[LK_VOTE_ADDRESS_SIZE])
{
	struct lk_address address;
	bool six;

	text[0] = '\0';
	if (host->type != LK_REDIS_STRING || host->len == 0 ||
	    host->len > LK_HOST_MAX || strlen(host->text) != host->len ||
	    !is_number(port))
		return (false);
	six = strchr(host->text, ':') != NULL;
	(void)snprintf(text, LK_VOTE_ADDRESS_SIZE, "%s%s%s:%s", six ? "[" : "",
	    host->text, six ? "]" : "", port->text);
	if (lk_address_parse(text, &address) == LK_OK && !address.is_unix)
		return (true);
	text[0] = '\0';
	return (false);
}

/* Take ["host", "port"]. */
static bool
read_address(const struct lk_redis_reply *reply, struct lk_vote *vote)
{
	return (reply->type == LK_REDIS_ARRAY && reply->elements == 2 &&
	    write_address(reply->element[0], reply->element[1], vote->address));
}

/* The value of ${name} among names and values, or NULL. */
static const struct lk_redis_reply *
value_of(const struct lk_redis_reply *reply, const char *name)
{
	size_t i;

	if (reply->type != LK_REDIS_ARRAY)
		return (NULL);
	for (i = 0; i + 1 < reply->elements; i += 2) {
		if (lk_redis_reply_is(reply->element[i], name))
			return (reply->element[i + 1]);
	}
	return (NULL);
}

/* How many Sentinels there are by a description, or 0 if it does not say. */
static size_t
read_sentinels(const struct lk_redis_reply *description)
{
	const struct lk_redis_reply *others = value_of(description,
	    "num-other-sentinels");
	unsigned long n;

	if (others == NULL || !is_number(others))
		return (0);
	n = strtoul(others->text, NULL, 10) + 1;
	return (n <= SENTINELS_KNOWN_MAX ? n : 0);
}

/*
 * Take what describes the master: whether it is being replaced.  The Sentinel
 * that does so names the next one as soon as that has been promoted, but goes
 * on describing the old one, until all replicas follow; then what is being
 * replaced is not what it names, and all is well.
 */
static bool
read_state(const struct lk_redis_reply *reply, struct lk_vote *vote)
{
	const struct lk_redis_reply *flags = value_of(reply, "flags");
	const struct lk_redis_reply *host = value_of(reply, "ip");
	const struct lk_redis_reply *port = value_of(reply, "port");
	char described[LK_VOTE_ADDRESS_SIZE];

	if (flags == NULL || flags->type != LK_REDIS_STRING || host == NULL ||
	    port == NULL || !write_address(host, port, described))
		return (false);
	vote->failing_over = strstr(flags->text, "failover_in_progress") !=
	        NULL &&
	    strcmp(described, vote->address) == 0;
	vote->sentinels = read_sentinels(reply);
	return (true);
}

/*
 * Take the list of replicas: how many are not down.  One that is chosen to be
 * the next master counts in any case: it may be told, and not have read it yet.
 */
static bool
read_replicas(const struct lk_redis_reply *reply, struct lk_vote *vote)
{
	const struct lk_redis_reply *flags;
	size_t i;

	if (reply->type != LK_REDIS_ARRAY)
		return (false);
	for (i = 0; i < reply->elements; i++) {
		flags = value_of(reply->element[i], "flags");
		if (flags == NULL || flags->type != LK_REDIS_STRING)
			return (false);
		vote->replicas += strstr(flags->text, "_down") == NULL ||
		    strstr(flags->text, "promoted") != NULL;
	}
	return (true);
}

static enum lk_vote_kind
read_error(const struct lk_redis_reply *reply)
{
	static const struct {
		const char *prefix;
		enum lk_vote_kind kind;
	} errors[] = { { "NOAUTH", LK_VOTE_CREDENTIALS },
		{ "WRONGPASS", LK_VOTE_CREDENTIALS },
		{ "NOPERM", LK_VOTE_CREDENTIALS },
		{ "ERR AUTH", LK_VOTE_CREDENTIALS },
		{ "ERR Client sent AUTH", LK_VOTE_CREDENTIALS },
		{ "ERR Protocol error: unauthenticated", LK_VOTE_CREDENTIALS },
		{ "IDONTKNOW", LK_VOTE_UNKNOWN },
		{ "ERR No such master", LK_VOTE_UNKNOWN },
		{ "ERR unknown command", LK_VOTE_NO_SENTINEL } };
	size_t i;

	for (i = 0; i < sizeof(errors) / sizeof(errors[0]); i++) {
		if (lk_redis_reply_is_error(reply, errors[i].prefix))
			return (errors[i].kind);
	}
	return (LK_VOTE_BROKEN);
}

void
lk_redis_vote_read(const struct lk_redis_reply *reply, size_t more,
    struct lk_vote *vote)
{
	/* The first thing that is wrong counts. */
	if (vote->kind != LK_VOTE_SILENT)
		return;
	if (reply->type == LK_REDIS_ERROR)
		vote->kind = read_error(reply);
	else if (more == OF_ADDRESS && reply->type == LK_REDIS_NIL)
		vote->kind = LK_VOTE_UNKNOWN;
	else if ((more == OF_ADDRESS && !read_address(reply, vote)) ||
	    (more == OF_STATE && !read_state(reply, vote)) ||
	    (more == OF_REPLICAS && !read_replicas(reply, vote)))
		vote->kind = LK_VOTE_BROKEN;
	else if (more == OF_REPLICAS)
		vote->kind = LK_VOTE_NAMES;
	if (vote->kind != LK_VOTE_SILENT && vote->kind != LK_VOTE_NAMES)
		vote->address[0] = '\0';
}

/* ---- What follows from all of them ------------------------------------- */

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

/* What each kind says, and whether that has a meaning. */
static const struct {
	bool means;
	const char *says;
} kinds[] = {
	[LK_VOTE_SILENT] = { false, "does not answer in time" },
	[LK_VOTE_UNREACHABLE] = { false, "cannot be reached" },
	[LK_VOTE_BROKEN] = { false, "answers what is no Sentinel's answer" },
	[LK_VOTE_NAMES] = { true, "names " },
	[LK_VOTE_UNKNOWN] = { true,
	    "knows no master of this name (store.sentinel.master)" },
	[LK_VOTE_CREDENTIALS] = { true,
	    "refuses store.sentinel.username, store.sentinel.password or, by "
	    "its ACL, the command" },
	[LK_VOTE_NO_SENTINEL] = { true,
	    "is a Redis and no Sentinel (store.sentinel.addresses)" },
	[LK_VOTE_TWICE] = { false,
	    "is listed twice (store.sentinel.addresses), and has one vote" },
	[LK_VOTE_TLS] = { false,
	    "is not whom store.sentinel.tls expects, or speaks no TLS at this "
	    "port" },
	[LK_VOTE_CLOSED] = { false,
	    "closes the connection, as a port for TLS does" },
};

const char *
lk_vote_says(enum lk_vote_kind kind)
{
	return (kinds[kind].says);
}

struct lk_ballot
lk_votes_count(const struct lk_vote *votes, size_t total)
{
	struct lk_ballot ballot = { .address = "", .total = total };
	size_t i, n, names = count_kind(votes, total, LK_VOTE_NAMES);

	for (i = 0; i < total; i++) {
		ballot.spoke += kinds[votes[i].kind].means;
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
		LK_VOTE_NO_SENTINEL, LK_VOTE_UNKNOWN, LK_VOTE_TLS,
		LK_VOTE_CREDENTIALS };
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
