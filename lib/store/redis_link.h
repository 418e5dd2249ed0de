/*
 * One connection to one Redis, and the rules under which it is used.
 *
 * hiredis formats and parses; the socket is ours, because only then does one
 * deadline cover an operation however the peer drips its bytes, no dead peer
 * raises SIGPIPE, and no connection is used again after it failed: what would
 * be read next might be the answer to somebody else's question.
 */
#ifndef LK_REDIS_LINK_H_
#define LK_REDIS_LINK_H_

#include "deadline.h"
#include "redis_command.h"
#include "redis_reply.h"
#include "settings.h"

struct lk_redis_link;

/**
 * lk_redis_link_new(settings, error, link):
 * A link that connects when first used.  ${settings} and ${error} must
 * outlive it; every failure is explained in ${error}.
 */
enum lk_status lk_redis_link_new(const struct lk_redis_settings *settings,
    struct lk_error *error, struct lk_redis_link **link) LK_MUST_CHECK;

/** lk_redis_link_free(link): Close and free.  NULL is fine. */
void lk_redis_link_free(struct lk_redis_link *link);

/** lk_redis_link_name(link): the address, for messages. */
const char *lk_redis_link_name(const struct lk_redis_link *link);

/**
 * lk_redis_link_run(link, commands, count, idempotent, deadline, replies):
 * Send ${count} commands in one write and read as many replies, connecting
 * first if need be.  If a connection kept from before turns out to be dead,
 * an ${idempotent} call is sent once more on a new one; any other call fails,
 * because nobody knows whether it was carried out.  Any negative status
 * closes the connection; LK_E_CORRUPT is what is no Redis reply.  Error replies
 * are replies: the caller looks at them, and frees all ${count} with
 * lk_redis_free_replies().
 */
enum lk_status lk_redis_link_run(struct lk_redis_link *link,
    const struct lk_redis_command *commands, size_t count, bool idempotent,
    struct lk_deadline deadline, struct lk_redis_reply **replies) LK_MUST_CHECK;

#endif /* !LK_REDIS_LINK_H_ */
