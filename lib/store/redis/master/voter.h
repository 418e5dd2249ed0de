/*
 * One Sentinel that is asked: its connection, which is kept from one question
 * to the next, and what it answers.  Nothing here waits: lk_redis_voter_poll()
 * says for what its owner is to wait, and lk_redis_voter_step() goes on then.
 */
#ifndef LK_REDIS_VOTER_H_
#define LK_REDIS_VOTER_H_

#include "settings/settings.h"
#include "store/redis/master/vote.h"
#include "store/redis/wire/channel.h"

/** A question as it is sent, and how many replies it has. */
struct lk_redis_question {
	struct lk_buf bytes;
	size_t replies;
};

/** The question on a new connection, AUTH included, and on one from before. */
struct lk_redis_questions {
	struct lk_redis_question first, again;
};

/**
 * lk_redis_questions_make(questions, settings):
 * False if there is no memory.  lk_redis_questions_free() wipes and frees them
 * in either case.
 */
bool lk_redis_questions_make(struct lk_redis_questions *questions,
    const struct lk_settings *settings);
void lk_redis_questions_free(struct lk_redis_questions *questions);

struct lk_redis_voter {
	/* Static data. */
	struct lk_address address;
	const struct lk_redis_questions *questions;

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

/**
 * lk_redis_voter_init(voter, address, questions):
 * One that is not connected; ${questions} must outlive it.  False if
 * ${address} is none.
 */
bool lk_redis_voter_init(struct lk_redis_voter *voter, const char *address,
    const struct lk_redis_questions *questions);

/** lk_redis_voter_close(voter): Close its connection, if it has one. */
void lk_redis_voter_close(struct lk_redis_voter *voter);

/**
 * lk_redis_voter_ask(voter):
 * Begin to ask it; its vote is silent until it answers.  Where a host name must
 * be looked up first it is not asked, and its vote final.
 */
void lk_redis_voter_ask(struct lk_redis_voter *voter);

/**
 * lk_redis_voter_look_up(voter):
 * Look up the host name of one that could not be asked, unless that was done a
 * moment ago, and begin to ask it; whether that was so.  The look-up has only
 * the resolver's own time limits.
 */
bool lk_redis_voter_look_up(struct lk_redis_voter *voter);

/**
 * lk_redis_voter_poll(voter):
 * For what poll(2) is to wait; fd is -1 once the vote is final.
 */
struct pollfd lk_redis_voter_poll(const struct lk_redis_voter *voter);

/** lk_redis_voter_step(voter): Go on, as what was waited for is there. */
void lk_redis_voter_step(struct lk_redis_voter *voter);

/**
 * lk_redis_voter_peer(voter):
 * The address that it is connected to, or NULL.
 */
const struct lk_endpoint *lk_redis_voter_peer(
    const struct lk_redis_voter *voter);

/**
 * lk_redis_voter_end(voter):
 * Its time is over: unless it has answered, it is silent.  Its connection
 * stays, and an answer that may be on its way is passed over later.
 */
void lk_redis_voter_end(struct lk_redis_voter *voter);

#endif /* !LK_REDIS_VOTER_H_ */
