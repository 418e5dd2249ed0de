/*
 * Asking a Sentinel for its vote, and reading it.  It may say anything: what is
 * no answer to the question is a vote for nobody.
 */
#ifndef LK_REDIS_VOTE_READ_H_
#define LK_REDIS_VOTE_READ_H_

#include "store/redis/master/vote.h"
#include "store/redis/wire/command.h"
#include "store/redis/wire/reply.h"

/* Where the master is, what is being done about it, and who follows it. */
#define LK_REDIS_VOTE_REPLIES 3

/**
 * lk_redis_vote_ask(master, commands):
 * The question about the master of that name; ${commands} borrow it.
 */
void lk_redis_vote_ask(const char *master,
    struct lk_redis_command commands[LK_REDIS_VOTE_REPLIES]);

/**
 * lk_redis_vote_read(reply, more, vote):
 * Add to ${vote} what ${reply} says, behind which ${more} are to come.  The
 * replies to what goes before the question, such as AUTH, are read as well.
 * Only the last one makes it a vote for an address.
 */
void lk_redis_vote_read(const struct lk_redis_reply *reply, size_t more,
    struct lk_vote *vote);

#endif /* !LK_REDIS_VOTE_READ_H_ */
