/*
 * Asking all configured Sentinels at once where the master is: non-blocking
 * sockets, one poll loop, one deadline, no thread.  redis_voter.h is one of
 * them, redis_answer.h what it says, and redis_vote.h what follows from what
 * all of them say.
 */
#ifndef LK_REDIS_SENTINEL_H_
#define LK_REDIS_SENTINEL_H_

#include "deadline.h"
#include "redis_vote.h"
#include "settings.h"

struct lk_redis_sentinels;

/**
 * lk_redis_sentinels_new(settings, sentinels, error):
 * Connect to none yet.  ${settings} must outlive it.
 */
enum lk_status lk_redis_sentinels_new(const struct lk_settings *settings,
    struct lk_redis_sentinels **sentinels,
    struct lk_error *error) LK_MUST_CHECK;

/** lk_redis_sentinels_free(sentinels): Close and free.  NULL is fine. */
void lk_redis_sentinels_free(struct lk_redis_sentinels *sentinels);

/**
 * lk_redis_sentinels_ask(sentinels, all, deadline):
 * Ask for the master, until a majority names the same address and the others
 * have had a moment, or with ${all} until every one has answered, but no longer
 * than the deadline.  Returns the votes, one for each of the settings'
 * addresses in their order; they are valid until the next call.
 */
const struct lk_vote *lk_redis_sentinels_ask(
    struct lk_redis_sentinels *sentinels, bool all,
    struct lk_deadline deadline);

#endif /* !LK_REDIS_SENTINEL_H_ */
