#include <sys/socket.h>

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "base/deadline.h"
#include "store/redis/master/answer.h"
#include "store/redis/master/voter.h"

/* Longest question, with a password in it, and most that is read of the
 * answers to one. */
#define QUESTION_MAX 16384
#define ANSWER_MAX 32768
#define READ_SIZE 4096
/* Answers that nobody waited for may still come, but not more than these. */
#define OWED_MAX 16
/* A name is not looked up more often than this. */
#define LOOK_UP_EVERY_NS (5 * INT64_C(1000000000))

/* ---- The question ------------------------------------------------------ */

bool
lk_redis_questions_make(struct lk_redis_questions *questions,
    const struct lk_settings *settings)
{
	struct lk_redis_command auth, query[LK_REDIS_ANSWER_REPLIES];
	struct lk_redis_question *first = &questions->first;
	struct lk_redis_question *again = &questions->again;

	first->bytes = again->bytes = (struct lk_buf)LK_BUF_INIT(QUESTION_MAX);
	first->replies = again->replies = LK_REDIS_ANSWER_REPLIES;
	lk_redis_answer_ask(settings->store.sentinel.master, query);
	if (lk_redis_command_auth(&auth, settings->store.sentinel.username,
	        settings->store.sentinel.password)) {
		if (lk_redis_command_format(&auth, 1, &first->bytes) != LK_OK)
			return (false);
		first->replies++;
	}
	return (lk_redis_command_format(query, LK_REDIS_ANSWER_REPLIES,
	            &first->bytes) == LK_OK &&
	    lk_redis_command_format(query, LK_REDIS_ANSWER_REPLIES,
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
	voter->fd = -1;
	voter->questions = questions;
	return (lk_address_parse(address, &voter->address) == LK_OK);
}

void
lk_redis_voter_close(struct lk_redis_voter *voter)
{
	if (voter->fd >= 0)
		(void)close(voter->fd);
	voter->fd = -1;
	lk_redis_reader_free(voter->reader);
	voter->reader = NULL;
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
	ssize_t n;

	do {
		n = send(voter->fd, q->bytes.data, q->bytes.len,
		    MSG_NOSIGNAL | MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
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
		error = lk_connect_begin(&voter->endpoints.at[i], &voter->fd);
		if (error != 0 && error != EINPROGRESS)
			continue;
		if ((voter->reader = lk_redis_reader_new()) == NULL)
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
	voter->got = 0;
	if (voter->endpoints.n == 0 && lk_address_is_literal(&voter->address))
		(void)lk_endpoints_find(&voter->address, &voter->endpoints);
	connect_next(voter);
}

void
lk_redis_voter_ask(struct lk_redis_voter *voter)
{
	memset(&voter->vote, 0, sizeof(voter->vote));
	voter->got = 0;
	voter->kept = voter->fd >= 0;
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
	void *object;

	while (voter->owed > 0) {
		object = NULL;
		if (redisReaderGetReply(voter->reader, &object) != REDIS_OK) {
			give_up(voter, LK_VOTE_BROKEN);
			return;
		}
		if ((reply = object) == NULL)
			return;
		if (voter->owed <= mine)
			lk_redis_answer_read(reply, voter->owed - 1,
			    &voter->vote);
		lk_redis_reply_free(reply);
		voter->owed--;
	}
	voter->state = LK_VOTER_DONE;
	/* One that refused us is asked anew, and so is one that goes on. */
	if (voter->vote.kind != LK_VOTE_NAMES ||
	    voter->reader->pos < voter->reader->len)
		lk_redis_voter_close(voter);
}

static void
receive(struct lk_redis_voter *voter)
{
	char bytes[READ_SIZE];
	ssize_t n;

	n = recv(voter->fd, bytes, sizeof(bytes), MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0 && voter->kept && voter->got == 0) {
		/* It was broken before it was asked. */
		ask_anew(voter);
		return;
	}
	if (n <= 0) {
		give_up(voter,
		    voter->got == 0 ? LK_VOTE_CLOSED : LK_VOTE_UNREACHABLE);
		return;
	}
	voter->got += (size_t)n;
	if (voter->got > ANSWER_MAX ||
	    redisReaderFeed(voter->reader, bytes, (size_t)n) != REDIS_OK)
		give_up(voter, LK_VOTE_BROKEN);
	else
		read_replies(voter);
}

const struct lk_endpoint *
lk_redis_voter_peer(const struct lk_redis_voter *voter)
{
	if (voter->fd < 0 || voter->endpoints.n == 0)
		return (NULL);
	return (
	    &voter->endpoints.at[(voter->endpoint - 1) % voter->endpoints.n]);
}

struct pollfd
lk_redis_voter_poll(const struct lk_redis_voter *voter)
{
	const bool done = voter->state == LK_VOTER_DONE;

	return ((struct pollfd){ .fd = done ? -1 : voter->fd,
	    .events = voter->state == LK_VOTER_ASKED ? POLLIN : POLLOUT });
}

void
lk_redis_voter_step(struct lk_redis_voter *voter)
{
	if (voter->state == LK_VOTER_ASKED)
		receive(voter);
	else if (lk_connect_end(voter->fd) != 0 || !put_question(voter))
		connect_next(voter);
}
