#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis/master/sentinels.h"
#include "store/redis/wire/wire.h"

/* How long the others are waited for once there is a majority: the one that
 * replaces the master may be among them. */
#define LINGER_MS 20
/* Longest question, with a password in it, and most that is read of the
 * answers to one. */
#define QUESTION_MAX 16384
#define ANSWER_MAX 32768
/* Answers that nobody waited for may still come, but not more than these. */
#define OWED_MAX 16
/* A name is not looked up more often than this. */
#define LOOK_UP_EVERY_NS (5 * INT64_C(1000000000))
#define ALIASES_MAX 4

/*
 * One that is asked.  Its connection is kept from one question to the next.
 * Nothing here waits but a look-up.
 */
struct voter {
	struct lk_address address;
	struct lk_redis_channel channel;
	size_t owed; /* replies on their way, the last of them to us */

	/* Of this question. */
	enum { DONE = 0, CONNECTING, ASKED } state;
	struct lk_vote vote;
	bool kept;    /* its connection is from an earlier one */
	size_t sent;  /* of the question, from its first byte on */
	size_t tried; /* endpoints */

	/* Of all questions. */
	struct lk_endpoints endpoints; /* n is 0 while none are known */
	size_t endpoint;               /* the next one to try, modulo n */
	int64_t looked_up_ns;          /* by lk_monotonic_ns(); 0: never */
};

/* What a host name stands for, as was found a moment ago. */
struct alias {
	char name[LK_VOTE_ADDRESS_SIZE];
	struct lk_endpoints endpoints;
	int64_t looked_up_ns; /* by lk_monotonic_ns() */
};

struct lk_redis_sentinels {
	/* Static data: the question, behind AUTH if there is a password. */
	struct lk_buf question;
	size_t auth;        /* bytes of that */
	struct lk_tls *tls; /* or NULL */
	size_t n;

	/* Dynamic data. */
	struct voter voters[LK_SENTINELS_MAX];
	struct lk_vote votes[LK_SENTINELS_MAX]; /* their own, side by side */
	struct alias aliases[ALIASES_MAX];
	size_t next_alias;
};

/* ---- Life -------------------------------------------------------------- */

static bool
make_question(struct lk_redis_sentinels *s, const struct lk_settings *settings)
{
	struct lk_redis_command auth, query[LK_REDIS_VOTE_REPLIES];

	s->question = (struct lk_buf)LK_BUF_INIT(QUESTION_MAX);
	lk_redis_vote_ask(settings->store.sentinel.master, query);
	if (lk_redis_command_auth(&auth, settings->store.sentinel.username,
	        settings->store.sentinel.password) &&
	    lk_redis_command_format(&auth, 1, &s->question) != LK_OK)
		return (false);
	s->auth = s->question.len;
	return (lk_redis_command_format(query, LK_REDIS_VOTE_REPLIES,
	            &s->question) == LK_OK);
}

enum lk_status
lk_redis_sentinels_new(const struct lk_settings *settings,
    struct lk_redis_sentinels **sentinels, struct lk_error *error)
{
	const struct lk_strings *addresses =
	    &settings->store.sentinel.addresses;
	struct lk_redis_sentinels *s = calloc(1, sizeof(*s));
	enum lk_status status = LK_OK;

	*sentinels = NULL;
	if (s == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	status = lk_tls_new(&settings->store.sentinel.tls, "store.sentinel.tls",
	    &s->tls, error);
	for (; s->n < addresses->n && s->n < LK_SENTINELS_MAX; s->n++) {
		s->voters[s->n].channel.most = ANSWER_MAX;
		s->voters[s->n].channel.tls = s->tls;
		if (lk_address_parse(addresses->v[s->n],
		        &s->voters[s->n].address) != LK_OK)
			status = lk_fail(error, LK_E_SETTINGS,
			    "store.sentinel.addresses: expected host:port, "
			    "[ipv6]:port or unix:/path");
	}
	if (status == LK_OK && !make_question(s, settings))
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
	if (status == LK_OK)
		*sentinels = s;
	else
		lk_redis_sentinels_free(s);
	return (status);
}

const struct lk_tls *
lk_redis_sentinels_tls(const struct lk_redis_sentinels *s)
{
	return (s->tls);
}

static void
close_voter(struct voter *voter)
{
	lk_redis_channel_close(&voter->channel);
	voter->owed = 0;
}

void
lk_redis_sentinels_close(struct lk_redis_sentinels *s)
{
	size_t i;

	for (i = 0; s != NULL && i < s->n; i++)
		close_voter(&s->voters[i]);
}

void
lk_redis_sentinels_free(struct lk_redis_sentinels *s)
{
	if (s == NULL)
		return;
	lk_redis_sentinels_close(s);
	lk_buf_free(&s->question);
	lk_tls_free(s->tls);
	free(s);
}

/* ---- Asking one -------------------------------------------------------- */

static void
give_up(struct voter *voter, enum lk_vote_kind kind)
{
	voter->vote = (struct lk_vote){ .kind = kind };
	voter->state = DONE;
	close_voter(voter);
}

/* Replies to its question. */
static size_t
count_replies(const struct lk_redis_sentinels *s, const struct voter *voter)
{
	return (!voter->kept && s->auth > 0 ? LK_REDIS_VOTE_REPLIES + 1
	                                    : LK_REDIS_VOTE_REPLIES);
}

/* Send what can be of the question; false if that failed. */
static bool
send_some(const struct lk_redis_sentinels *s, struct voter *voter)
{
	ssize_t n;

	if (voter->sent == s->question.len)
		return (true);
	n = lk_stream_write(&voter->channel.stream,
	    s->question.data + voter->sent, s->question.len - voter->sent);
	voter->sent += n > 0 ? (size_t)n : 0;
	return (n >= 0 || errno == EAGAIN);
}

static bool
put_question(const struct lk_redis_sentinels *s, struct voter *voter)
{
	voter->channel.got = 0;
	voter->sent = voter->kept ? s->auth : 0;
	voter->owed += count_replies(s, voter);
	voter->state = ASKED;
	return (send_some(s, voter));
}

/*
 * Connect to the next of its endpoints that can be, and ask.  One that does not
 * answer in time is not the first that is tried the next time.
 */
static void
connect_next(const struct lk_redis_sentinels *s, struct voter *voter)
{
	int error;
	size_t i;

	voter->kept = false;
	while (voter->tried < voter->endpoints.n) {
		close_voter(voter);
		i = voter->endpoint++ % voter->endpoints.n;
		voter->tried++;
		error = lk_stream_begin(&voter->channel.stream,
		    &voter->endpoints.at[i]);
		if (error != 0 && error != EINPROGRESS)
			continue;
		if (!lk_redis_channel_start(&voter->channel,
		        voter->address.host))
			break;
		voter->state = CONNECTING;
		if (error == EINPROGRESS || put_question(s, voter))
			return;
	}
	/* A host name may stand for other addresses by now. */
	if (!lk_address_is_literal(&voter->address))
		voter->endpoints.n = 0;
	give_up(voter, LK_VOTE_UNREACHABLE);
}

/* Ask it on a new connection, if it is known where. */
static void
ask_anew(const struct lk_redis_sentinels *s, struct voter *voter)
{
	voter->tried = 0;
	if (voter->endpoints.n == 0 && lk_address_is_literal(&voter->address))
		(void)lk_endpoints_find(&voter->address, &voter->endpoints);
	connect_next(s, voter);
}

/* Begin to ask it; where a host name must be looked up first it is not. */
static void
ask(const struct lk_redis_sentinels *s, struct voter *voter)
{
	memset(&voter->vote, 0, sizeof(voter->vote));
	voter->kept = lk_redis_channel_is_open(&voter->channel);
	if (!voter->kept || voter->owed > OWED_MAX || !put_question(s, voter))
		ask_anew(s, voter);
}

/*
 * Look up the host name of one that could not be asked, unless that was done a
 * moment ago, and begin to ask it; whether that was so.  The look-up has only
 * the resolver's own time limits.
 */
static bool
look_up(const struct lk_redis_sentinels *s, struct voter *voter)
{
	const int64_t now = lk_monotonic_ns();
	bool found;

	if (voter->state != DONE || voter->endpoints.n > 0 ||
	    lk_address_is_literal(&voter->address) ||
	    (voter->looked_up_ns != 0 &&
	        now - voter->looked_up_ns < LOOK_UP_EVERY_NS))
		return (false);
	found = lk_endpoints_find(&voter->address, &voter->endpoints);
	voter->looked_up_ns = lk_monotonic_ns();
	if (found)
		ask_anew(s, voter);
	return (found);
}

/* Read what replies there are whole; its vote may then be known. */
static void
read_replies(const struct lk_redis_sentinels *s, struct voter *voter)
{
	const size_t mine = count_replies(s, voter);
	struct lk_redis_reply *reply;

	while (voter->owed > 0) {
		if (!lk_redis_channel_next(&voter->channel, &reply)) {
			give_up(voter, LK_VOTE_BROKEN);
			return;
		}
		if (reply == NULL)
			return;
		if (voter->owed <= mine)
			lk_redis_vote_read(reply, voter->owed - 1,
			    &voter->vote);
		lk_redis_reply_free(reply);
		voter->owed--;
	}
	voter->state = DONE;
	/* One that refused us is asked anew, and so is one that goes on. */
	if (voter->vote.kind != LK_VOTE_NAMES ||
	    lk_redis_channel_has_more(&voter->channel))
		close_voter(voter);
}

static void
receive(const struct lk_redis_sentinels *s, struct voter *voter)
{
	const int error = lk_redis_channel_read(&voter->channel);
	const bool silent = voter->channel.got == 0;

	if (error == 0)
		read_replies(s, voter);
	else if (error == EMSGSIZE || error == ENOMEM ||
	    error == EPROTONOSUPPORT)
		give_up(voter, LK_VOTE_BROKEN);
	else if (error == EKEYREJECTED)
		give_up(voter, LK_VOTE_TLS);
	else if (error != EAGAIN && voter->kept && silent)
		/* It was broken before it was asked. */
		ask_anew(s, voter);
	else if (error != EAGAIN)
		give_up(voter, silent ? LK_VOTE_CLOSED : LK_VOTE_UNREACHABLE);
}

/* Go on, as what was waited for is there. */
static void
step(const struct lk_redis_sentinels *s, struct voter *voter)
{
	if (voter->state == ASKED && send_some(s, voter))
		receive(s, voter);
	else if (voter->state == ASKED)
		give_up(voter,
		    errno == EKEYREJECTED ? LK_VOTE_TLS : LK_VOTE_UNREACHABLE);
	else if (lk_stream_go_on(&voter->channel.stream) != 0 ||
	    !put_question(s, voter))
		connect_next(s, voter);
}

/* The address that it is connected to, or NULL. */
static const struct lk_endpoint *
peer_of(const struct voter *voter)
{
	if (!lk_redis_channel_is_open(&voter->channel) ||
	    voter->endpoints.n == 0)
		return (NULL);
	return (
	    &voter->endpoints.at[(voter->endpoint - 1) % voter->endpoints.n]);
}

/* ---- Servers that go by several addresses ------------------------------ */

/* What ${address}, called ${name}, stands for. */
static void
find(struct lk_redis_sentinels *s, const struct lk_address *address,
    const char *name, struct lk_endpoints *endpoints)
{
	const int64_t now = lk_monotonic_ns();
	size_t i;

	memset(endpoints, 0, sizeof(*endpoints));
	if (lk_address_is_literal(address)) {
		(void)lk_endpoints_find(address, endpoints);
		return;
	}
	for (i = 0; i < ALIASES_MAX; i++) {
		if (strcmp(s->aliases[i].name, name) == 0 &&
		    now - s->aliases[i].looked_up_ns < LOOK_UP_EVERY_NS) {
			*endpoints = s->aliases[i].endpoints;
			return;
		}
	}
	if (!lk_endpoints_find(address, endpoints))
		endpoints->n = 0;
	i = s->next_alias++ % ALIASES_MAX;
	(void)snprintf(s->aliases[i].name, sizeof(s->aliases[i].name), "%s",
	    name);
	s->aliases[i].endpoints = *endpoints;
	s->aliases[i].looked_up_ns = lk_monotonic_ns();
}

/* Whether both are addresses of one server, at least one of them by name. */
static bool
are_same(struct lk_redis_sentinels *s, const char *a, const char *b)
{
	struct lk_address one, other;
	struct lk_endpoints of_one, of_other;
	size_t i, j;

	if (strcmp(a, b) == 0 || lk_address_parse(a, &one) != LK_OK ||
	    lk_address_parse(b, &other) != LK_OK || one.is_unix ||
	    other.is_unix || strcmp(one.port, other.port) != 0 ||
	    (lk_address_is_literal(&one) && lk_address_is_literal(&other)))
		return (false);
	find(s, &one, a, &of_one);
	find(s, &other, b, &of_other);
	for (i = 0; i < of_one.n; i++) {
		for (j = 0; j < of_other.n; j++) {
			if (lk_endpoint_is(&of_one.at[i], &of_other.at[j]))
				return (true);
		}
	}
	return (false);
}

/* Let whoever names the server at ${address} otherwise name it like that. */
static void
rename_to(struct lk_redis_sentinels *s, const char *address)
{
	char text[LK_VOTE_ADDRESS_SIZE];
	size_t i;

	(void)snprintf(text, sizeof(text), "%s", address);
	for (i = 0; i < s->n; i++) {
		if (s->votes[i].kind == LK_VOTE_NAMES &&
		    are_same(s, text, s->votes[i].address))
			memcpy(s->votes[i].address, text, sizeof(text));
	}
}

/*
 * Let votes that name one server name it alike: as ${known} has it, which may
 * be "", or else by number.  Only if they differ is a host name looked up, on
 * which only the resolver's own time limits apply, and not each time.
 */
static void
unify(struct lk_redis_sentinels *s, const char *known)
{
	struct lk_address address;
	size_t i;
	int by_name;

	for (by_name = 0; by_name <= 1; by_name++) {
		for (i = 0; i < s->n; i++) {
			if (s->votes[i].kind == LK_VOTE_NAMES &&
			    lk_address_parse(s->votes[i].address, &address) ==
			        LK_OK &&
			    lk_address_is_literal(&address) == !by_name)
				rename_to(s, s->votes[i].address);
		}
	}
	if (known[0] != '\0')
		rename_to(s, known);
}

/* ---- Asking them all --------------------------------------------------- */

/* Wait for those that have not answered; false once there is none. */
static bool
wait_for_some(struct lk_redis_sentinels *s, struct lk_deadline deadline)
{
	struct pollfd p[LK_SENTINELS_MAX];
	int left = lk_deadline_left_ms(deadline);
	size_t i, waiting = 0;

	for (i = 0; i < s->n; i++) {
		p[i] = (struct pollfd){ .fd = -1 };
		if (s->voters[i].state != DONE)
			p[i] = lk_stream_poll(&s->voters[i].channel.stream,
			    s->voters[i].sent < s->question.len
			        ? POLLIN | POLLOUT
			        : POLLIN);
		waiting += p[i].fd >= 0;
	}
	if (waiting == 0 || left == 0)
		return (false);
	for (i = 0; i < s->n; i++)
		left = lk_stream_is_due(&p[i]) ? 0 : left;
	if (poll(p, (nfds_t)s->n, left) < 0 && errno != EINTR)
		return (false);
	for (i = 0; i < s->n; i++) {
		if (lk_stream_is_due(&p[i]))
			step(s, &s->voters[i]);
	}
	return (true);
}

/* Whether it is a Sentinel that is listed before, under another name. */
static bool
is_listed_before(const struct lk_redis_sentinels *s, size_t i)
{
	const struct lk_endpoint *peer = peer_of(&s->voters[i]);
	const struct lk_endpoint *other;
	bool found = false;
	size_t j;

	for (j = 0; j < i && peer != NULL; j++) {
		other = peer_of(&s->voters[j]);
		found |= other != NULL && lk_endpoint_is(other, peer);
	}
	return (found);
}

static struct lk_ballot
count(struct lk_redis_sentinels *s)
{
	size_t i;

	for (i = 0; i < s->n; i++) {
		s->votes[i] = s->voters[i].vote;
		if (s->votes[i].kind == LK_VOTE_NAMES && is_listed_before(s, i))
			s->votes[i] = (struct lk_vote){ .kind = LK_VOTE_TWICE };
	}
	return (lk_votes_count(s->votes, s->n));
}

/* Wait for their answers; whether they have elected somebody. */
static bool
collect(struct lk_redis_sentinels *s, bool all, int64_t patience_ms,
    struct lk_deadline deadline)
{
	bool elected = false;

	deadline = lk_deadline_min(deadline, lk_deadline_in(patience_ms));
	while (wait_for_some(s, deadline)) {
		if (all || elected || count(s).election != LK_ELECTION_MAJORITY)
			continue;
		elected = true;
		deadline = lk_deadline_min(deadline, lk_deadline_in(LINGER_MS));
	}
	return (elected || count(s).election == LK_ELECTION_MAJORITY);
}

const struct lk_vote *
lk_redis_sentinels_ask(struct lk_redis_sentinels *s, const char *known,
    bool all, int64_t patience_ms, struct lk_deadline deadline)
{
	struct voter *voter;
	bool more = false;
	size_t i;

	for (i = 0; i < s->n; i++)
		ask(s, &s->voters[i]);
	if (!collect(s, all, patience_ms, deadline) || all) {
		for (i = 0; i < s->n; i++)
			more |= look_up(s, &s->voters[i]);
	}
	if (more)
		(void)collect(s, all, patience_ms, deadline);
	/* Their time is over: who has not answered is silent.  The connection
	 * stays, and an answer that may be on its way is passed over later. */
	for (i = 0; i < s->n; i++) {
		voter = &s->voters[i];
		if (voter->state == CONNECTING ||
		    (voter->state == ASKED && voter->sent < s->question.len))
			give_up(voter, LK_VOTE_SILENT);
		else if (voter->state == ASKED)
			memset(&voter->vote, 0, sizeof(voter->vote));
		voter->state = DONE;
	}
	(void)count(s);
	unify(s, known);
	return (s->votes);
}
