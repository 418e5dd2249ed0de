/*
 * Servers that go by several addresses: Sentinels may name one Redis by number
 * and by host name.
 */
#ifndef LK_REDIS_ALIAS_H_
#define LK_REDIS_ALIAS_H_

#include "base/address.h"
#include "store/redis/master/vote.h"

#define LK_REDIS_ALIASES_MAX 4

/** What host names stand for, as was found a moment ago.  All zero: nothing. */
struct lk_redis_aliases {
	struct {
		char name[LK_VOTE_ADDRESS_SIZE];
		struct lk_endpoints endpoints;
		int64_t looked_up_ns; /* by lk_monotonic_ns() */
	} at[LK_REDIS_ALIASES_MAX];
	size_t next;
};

/**
 * lk_redis_aliases_unify(aliases, known, votes, total):
 * Let votes that name one server name it alike: as ${known} has it, which may
 * be "", or else by number.  Only if they differ is a host name looked up, on
 * which only the resolver's own time limits apply, and not each time.
 */
void lk_redis_aliases_unify(struct lk_redis_aliases *aliases, const char *known,
    struct lk_vote *votes, size_t total);

#endif /* !LK_REDIS_ALIAS_H_ */
