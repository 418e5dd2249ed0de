#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis/master/alias.h"
#include "store/redis/master/sentinels.h"
#include "store/redis/wire/channel.h"

/* Longest question, with a password in it, and most that is read of the
 * answers to one. */
#define QUESTION_MAX 16384
#define ANSWER_MAX 32768
/* Answers that nobody waited for may still come, but not more than these. */
#define OWED_MAX 16
/* A name is not looked up more often than this. */
#define LOOK_UP_EVERY_NS (5 * INT64_C(1000000000))

/* How long the others are waited for once there is a majority: the one that
 * replaces the master may be among them. */
#define LINGER_MS 20

/* A question as it is sent, and how many replies it has. */
struct question {
	struct lk_buf bytes;
	size_t replies;
};

/* The question on a new connection, AUTH included, and on one from before. */
struct questions {
	struct question first, again;
};

/*
 * One that is asked: its connection, which is kept from one question to the
 * next, and what it answers.  Nothing of it waits.
 */
struct voter {
	/* Static data. */
	struct lk_address address;
	const struct questions *questions;

	/* Dynamic data. */
	struct lk_redis_channel channel;
	size_t owed; /* replies on their way, the last of them to us */

	/* Of this question. */
	enum { LK_VOTER_DONE = 0, LK_VOTER_CONNECTING, LK_VOTER_ASKED } state;
	struct lk_vote vote;
	bool kept;    /* its connection is from an earlier one */
	size_t tried; /* endpoints */

	/* Of all questions. */
	struct lk_endpoints endpoints; /* n is 0 while none are known */
	size_t endpoint;               /* the next one to try, modulo n */
	int64_t looked_up_ns;          /* by lk_monotonic_ns(); 0: never */
};

struct lk_redis_sentinels {
	/* Static data. */
	struct questions questions;
	size_t n;

	/* Dynamic data. */
	struct voter voters[LK_SENTINELS_MAX];
	struct lk_vote votes[LK_SENTINELS_MAX]; /* their own, side by side */
	struct lk_redis_aliases aliases;
};

/* ---- The question ------------------------------------------------------ */

static bool
questions_make(struct questions *questions, const struct lk_settings *settings)
{
	struct lk_redis_command auth, query[LK_REDIS_VOTE_REPLIES];
	struct question *first = &questions->first;
	struct question *again = &questions->again;

	first->bytes = again->bytes = (struct lk_buf)LK_BUF_INIT(QUESTION_MAX);
	first->replies = again->replies = LK_REDIS_VOTE_REPLIES;
	lk_redis_vote_ask(settings->store.sentinel.master, query);
	if (lk_redis_command_auth(&auth, settings->store.sentinel.username,
	        settings->store.sentinel.password)) {
		if (lk_redis_command_format(&auth, 1, &first->bytes) != LK_OK)
			return (false);
		first->replies++;
	}
	return (lk_redis_command_format(query, LK_REDIS_VOTE_REPLIES,
	            &first->bytes) == LK_OK &&
	    lk_redis_command_format(query, LK_REDIS_VOTE_REPLIES,
	        &again->bytes) == LK_OK);
}

static void
questions_free(struct questions *questions)
{
	lk_buf_free(&questions->first.bytes);
	lk_buf_free(&questions->again.bytes);
}

/* ---- Life -------------------------------------------------------------- */

static bool
voter_init(struct voter *voter, const char *address,
    const struct questions *questions)
{
	memset(voter, 0, sizeof(*voter));
	voter->channel.most = ANSWER_MAX;
	voter->questions = questions;
	return (lk_address_parse(address, &voter->address) == LK_OK);
}

static void
voter_close(struct voter *voter)
{
	lk_redis_channel_close(&voter->channel);
	voter->owed = 0;
}

static void
give_up(struct voter *voter, enum lk_vote_kind kind)
{
	memset(&voter->vote, 0, sizeof(voter->vote));
	voter->vote.kind = kind;
	voter->state = LK_VOTER_DONE;
	voter_close(voter);
}

static void
voter_end(struct voter *voter)
{
	if (voter->state == LK_VOTER_CONNECTING)
		give_up(voter, LK_VOTE_SILENT);
	else if (voter->state == LK_VOTER_ASKED)
		memset(&voter->vote, 0, sizeof(voter->vote));
	voter->state = LK_VOTER_DONE;
}

/* ---- Asking ------------------------------------------------------------ */

static const struct question *
question_of(const struct voter *voter)
{
	return (
	    voter->kept ? &voter->questions->again : &voter->questions->first);
}

/* It has fit into no socket buffer yet, if the peer does not read it. */
static bool
put_question(struct voter *voter)
{
	const struct question *q = question_of(voter);
	const ssize_t n = lk_stream_write(&voter->channel.stream, q->bytes.data,
	    q->bytes.len);

	voter->channel.got = 0;
	voter->owed += q->replies;
	voter->state = LK_VOTER_ASKED;
	return (n == (ssize_t)q->bytes.len);
}

/*
 * Connect to the next of its endpoints that can be, and ask.  One that does not
 * answer in time is not the first that is tried the next time.
 */
static void
connect_next(struct voter *voter)
{
	int error;
	size_t i;

	voter->kept = false;
	while (voter->tried < voter->endpoints.n) {
		voter_close(voter);
		i = voter->endpoint++ % voter->endpoints.n;
		voter->tried++;
		error = lk_stream_begin(&voter->channel.stream,
		    &voter->endpoints.at[i]);
		if (error != 0 && error != EINPROGRESS)
			continue;
		if (!lk_redis_channel_start(&voter->channel))
			break;
		voter->state = LK_VOTER_CONNECTING;
		if (error == EINPROGRESS || put_question(voter))
			return;
	}
	/* A host name may stand for other addresses by now. */
	if (!lk_address_is_literal(&voter->address))
		voter->endpoints.n = 0;
	give_up(voter, LK_VOTE_UNREACHABLE);
}

/* Ask it on a new connection, if it is known where. */
static void
ask_anew(struct voter *voter)
{
	voter->tried = 0;
	if (voter->endpoints.n == 0 && lk_address_is_literal(&voter->address))
		(void)lk_endpoints_find(&voter->address, &voter->endpoints);
	connect_next(voter);
}

static void
voter_ask(struct voter *voter)
{
	memset(&voter->vote, 0, sizeof(voter->vote));
	voter->kept = lk_redis_channel_is_open(&voter->channel);
	if (!voter->kept || voter->owed > OWED_MAX || !put_question(voter))
		ask_anew(voter);
}

static bool
voter_look_up(struct voter *voter)
{
	const int64_t now = lk_monotonic_ns();
	bool found;

	if (voter->state != LK_VOTER_DONE || voter->endpoints.n > 0 ||
	    lk_address_is_literal(&voter->address) ||
	    (voter->looked_up_ns != 0 &&
	        now - voter->looked_up_ns < LOOK_UP_EVERY_NS))
		return (false);
	found = lk_endpoints_find(&voter->address, &voter->endpoints);
	voter->looked_up_ns = lk_monotonic_ns();
	if (found)
		ask_anew(voter);
	return (found);
}

/* ---- Taking the answer ------------------------------------------------- */

/* Read what replies there are whole; its vote may then be known. */
static void
read_replies(struct voter *voter)
{
	const size_t mine = question_of(voter)->replies;
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
	voter->state = LK_VOTER_DONE;
	/* One that refused us is asked anew, and so is one that goes on. */
	if (voter->vote.kind != LK_VOTE_NAMES ||
	    lk_redis_channel_has_more(&voter->channel))
		voter_close(voter);
}

static void
receive(struct voter *voter)
{
	const int error = lk_redis_channel_read(&voter->channel);
	const bool silent = voter->channel.got == 0;

	if (error == 0)
		read_replies(voter);
	else if (error == EMSGSIZE || error == ENOMEM ||
	    error == EPROTONOSUPPORT)
		give_up(voter, LK_VOTE_BROKEN);
	else if (error != EAGAIN && voter->kept && silent)
		/* It was broken before it was asked. */
		ask_anew(voter);
	else if (error != EAGAIN)
		give_up(voter, silent ? LK_VOTE_CLOSED : LK_VOTE_UNREACHABLE);
}

static const struct lk_endpoint *
voter_peer(const struct voter *voter)
{
	if (!lk_redis_channel_is_open(&voter->channel) ||
	    voter->endpoints.n == 0)
		return (NULL);
	return (
	    &voter->endpoints.at[(voter->endpoint - 1) % voter->endpoints.n]);
}

static struct pollfd
voter_poll(const struct voter *voter)
{
	if (voter->state == LK_VOTER_DONE)
		return ((struct pollfd){ .fd = -1 });
	return (lk_stream_poll(&voter->channel.stream, POLLIN));
}

static void
voter_step(struct voter *voter)
{
	if (voter->state == LK_VOTER_ASKED)
		receive(voter);
	else if (lk_stream_go_on(&voter->channel.stream) != 0 ||
	    !put_question(voter))
		connect_next(voter);
}

/* ---- All of them ------------------------------------------------------- */

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
	for (; s->n < addresses->n && s->n < LK_SENTINELS_MAX; s->n++) {
		if (!voter_init(&s->voters[s->n], addresses->v[s->n],
		        &s->questions))
			status = lk_fail(error, LK_E_SETTINGS,
			    "store.sentinel.addresses: expected host:port, "
			    "[ipv6]:port or unix:/path");
	}
	if (status == LK_OK && !questions_make(&s->questions, settings))
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
	if (status == LK_OK)
		*sentinels = s;
	else
		lk_redis_sentinels_free(s);
	return (status);
}

void
lk_redis_sentinels_close(struct lk_redis_sentinels *sentinels)
{
	size_t i;

	for (i = 0; sentinels != NULL && i < sentinels->n; i++)
		voter_close(&sentinels->voters[i]);
}

void
lk_redis_sentinels_free(struct lk_redis_sentinels *sentinels)
{
	if (sentinels == NULL)
		return;
	lk_redis_sentinels_close(sentinels);
	questions_free(&sentinels->questions);
	free(sentinels);
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
		p[i] = voter_poll(&s->voters[i]);
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
			voter_step(&s->voters[i]);
	}
	return (true);
}

/* Whether it is a Sentinel that is listed before, under another name. */
static bool
is_listed_before(const struct lk_redis_sentinels *s, size_t i)
{
	const struct lk_endpoint *peer = voter_peer(&s->voters[i]);
	const struct lk_endpoint *other;
	bool found = false;
	size_t j;

	for (j = 0; j < i && peer != NULL; j++) {
		other = voter_peer(&s->voters[j]);
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
	bool more = false;
	size_t i;

	for (i = 0; i < s->n; i++)
		voter_ask(&s->voters[i]);
	if (!collect(s, all, patience_ms, deadline) || all) {
		for (i = 0; i < s->n; i++)
			more |= voter_look_up(&s->voters[i]);
	}
	if (more)
		(void)collect(s, all, patience_ms, deadline);
	for (i = 0; i < s->n; i++)
		voter_end(&s->voters[i]);
	(void)count(s);
	lk_redis_aliases_unify(&s->aliases, known, s->votes, s->n);
	return (s->votes);
}
