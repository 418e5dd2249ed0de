/* Where a change of sessions comes from, and why they ended. */
#ifndef LK_ORIGIN_H_
#define LK_ORIGIN_H_

#include <stddef.h>

#include "latchkey.h"

/**
 * UTF-8 without control characters, and none that is hidden; "" if not known.
 * Peer and actor hold no blanks.
 */
struct lk_origin {
	char peer[LK_PEER_MAX + 1];
	char agent[LK_AGENT_MAX + 1];
	char actor[LK_ACTOR_MAX + 1];
};

/**
 * lk_origin_set(origin, peer, agent, actor):
 * Take what callers say, any of which may be NULL: what may not stand there
 * becomes `?`, and what is too long is cut.
 */
void lk_origin_set(struct lk_origin *origin, const char *peer,
    const char *agent, const char *actor);

/** lk_reason_of(name): the reason of that name; LK_REASON_NONE if none has it.
 */
enum lk_reason lk_reason_of(const char *name, size_t len);

/**
 * lk_reason_given(name, fallback):
 * What a bearer is told of an end for which ${name} was given: what he may have
 * done himself as it is, else LK_REASON_REVOKED; ${fallback} if it is NULL.
 */
enum lk_reason lk_reason_given(const char *name, enum lk_reason fallback);

#endif /* !LK_ORIGIN_H_ */
