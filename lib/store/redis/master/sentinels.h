/*
 * Asking all configured Sentinels at once where the master is: non-blocking
 * sockets, one poll loop, one deadline, no thread.  vote.h is what they say
 * and what follows from it.
 */
#ifndef LK_REDIS_SENTINELS_H_
#define LK_REDIS_SENTINELS_H_

#include "base/deadline.h"
#include "base/tls.h"
#include "settings/settings.h"
#include "store/redis/master/vote.h"

struct lk_redis_sentinels;

/**
 * lk_redis_sentinels_new(settings, sentinels, error):
 * Connect to none yet.  ${settings} must outlive it.
 */
enum lk_status lk_redis_sentinels_new(const struct lk_settings *settings,
    struct lk_redis_sentinels **sentinels,
    struct lk_error *error) LK_MUST_CHECK;

/** lk_redis_sentinels_tls(sentinels): By which they are asked, or NULL. */
const struct lk_tls *lk_redis_sentinels_tls(
    const struct lk_redis_sentinels *sentinels);

/** lk_redis_sentinels_close(sentinels): Close all connections.  NULL is fine.
 */
void lk_redis_sentinels_close(struct lk_redis_sentinels *sentinels);

/** lk_redis_sentinels_free(sentinels): Close and free.  NULL is fine. */
void lk_redis_sentinels_free(struct lk_redis_sentinels *sentinels);

/**
 * lk_redis_sentinels_ask(sentinels, known, all, patience_ms, deadline):
 * Ask for the master, until a majority names the same address and the others
 * have had a moment, or with ${all} until every one has answered, but no longer
 * than ${patience_ms}.  Host names that must be looked up are only if there is
 * no majority without; after the look-ups, on which only the resolver's own
 * time limits apply, those are waited for as long.  Nothing else goes on
 * beyond the deadline.  Sentinels may name one Redis by number and by host
 * name: who names the master at ${known} by another of its addresses is taken
 * to name that one.  Returns the votes, one for each of the settings' addresses
 * in their order; they are valid until the next call.
 */
const struct lk_vote *lk_redis_sentinels_ask(
    struct lk_redis_sentinels *sentinels, const char *known, bool all,
    int64_t patience_ms, struct lk_deadline deadline);

#endif /* !LK_REDIS_SENTINELS_H_ */
