#include <errno.h>
#include <string.h>

#include "store/redis/master/vote_read.h"
#include "store/redis/master/voter.h"

/* Longest question, with a password in it, and most that is read of the
 * answers to one. */
#define QUESTION_MAX 16384
#define ANSWER_MAX 32768
/* Answers that nobody waited for may still come, but not more than these. */
#define OWED_MAX 16
/* A name is not looked up more often than this. */
#define LOOK_UP_EVERY_NS (5 * INT64_C(1000000000))

/* ---- The question ------------------------------------------------------ */

bool
lk_redis_questions_make(struct lk_redis_questions *questions,
    const struct lk_settings *settings)
{
	struct lk_redis_command auth, query[LK_REDIS_VOTE_REPLIES];
	struct lk_redis_question *first = &questions->first;
	struct lk_redis_question *again = &questions->again;

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

void
lk_redis_questions_free(struct lk_redis_questions *questions)
{
	lk_buf_free(&questions->first.bytes);
	lk_buf_free(&questions->again.bytes);
}

/* ---- Life -------------------------------------------------------------- */

bool
lk_redis_voter_init(struct lk_redis_voter *voter, const char *address,
    const struct lk_redis_questions *questions)
{
	memset(voter, 0, sizeof(*voter));
	voter->channel.most = ANSWER_MAX;
	voter->questions = questions;
	return (lk_address_parse(address, &voter->address) == LK_OK);
}

void
lk_redis_voter_close(struct lk_redis_voter *voter)
{
	lk_redis_channel_close(&voter->channel);
	voter->owed = 0;
}

static void
give_up(struct lk_redis_voter *voter, enum lk_vote_kind kind)
{
	memset(&voter->vote, 0, sizeof(voter->vote));
	voter->vote.kind = kind;
	voter->state = LK_VOTER_DONE;
	lk_redis_voter_close(voter);
}

void
lk_redis_voter_end(struct lk_redis_voter *voter)
{
	if (voter->state == LK_VOTER_CONNECTING)
		give_up(voter, LK_VOTE_SILENT);
	else if (voter->state == LK_VOTER_ASKED)
		memset(&voter->vote, 0, sizeof(voter->vote));
	voter->state = LK_VOTER_DONE;
}

/* ---- Asking ------------------------------------------------------------ */

static const struct lk_redis_question *
question_of(const struct lk_redis_voter *voter)
{
	return (
	    voter->kept ? &voter->questions->again : &voter->questions->first);
}

/* It has fit into no socket buffer yet, if the peer does not read it. */
static bool
put_question(struct lk_redis_voter *voter)
{
	const struct lk_redis_question *q = question_of(voter);
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
connect_next(struct lk_redis_voter *voter)
{
	int error;
	size_t i;

	voter->kept = false;
	while (voter->tried < voter->endpoints.n) {
		lk_redis_voter_close(voter);
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
ask_anew(struct lk_redis_voter *voter)
{
	voter->tried = 0;
	if (voter->endpoints.n == 0 && lk_address_is_literal(&voter->address))
		(void)lk_endpoints_find(&voter->address, &voter->endpoints);
	connect_next(voter);
}

void
lk_redis_voter_ask(struct lk_redis_voter *voter)
{
	memset(&voter->vote, 0, sizeof(voter->vote));
	voter->kept = lk_redis_channel_is_open(&voter->channel);
	if (!voter->kept || voter->owed > OWED_MAX || !put_question(voter))
		ask_anew(voter);
}

bool
lk_redis_voter_look_up(struct lk_redis_voter *voter)
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
read_replies(struct lk_redis_voter *voter)
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
		lk_redis_voter_close(voter);
}

static void
receive(struct lk_redis_voter *voter)
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

const struct lk_endpoint *
lk_redis_voter_peer(const struct lk_redis_voter *voter)
{
	if (!lk_redis_channel_is_open(&voter->channel) ||
	    voter->endpoints.n == 0)
		return (NULL);
	return (
	    &voter->endpoints.at[(voter->endpoint - 1) % voter->endpoints.n]);
}

struct pollfd
lk_redis_voter_poll(const struct lk_redis_voter *voter)
{
	if (voter->state == LK_VOTER_DONE)
		return ((struct pollfd){ .fd = -1 });
	return (lk_stream_poll(&voter->channel.stream, POLLIN));
}

void
lk_redis_voter_step(struct lk_redis_voter *voter)
{
	if (voter->state == LK_VOTER_ASKED)
		receive(voter);
	else if (lk_stream_go_on(&voter->channel.stream) != 0 ||
	    !put_question(voter))
		connect_next(voter);
}
