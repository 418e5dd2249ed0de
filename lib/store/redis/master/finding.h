/*
 * Finding out who the master is, from the Sentinels and, if too few of them
 * say anything, from the one that is known.
 */
#ifndef LK_REDIS_FINDING_H_
#define LK_REDIS_FINDING_H_

#include "store/redis/master/watch.h"

/** What a question has found; the members are those of struct lk_watch. */
struct lk_redis_finding {
	char address[LK_REDIS_NAME_SIZE]; /* "": none */
	int64_t began_ns; /* by lk_redis_watch_now(), the question that
	                     confirms it; 0: none has */
	bool majority;    /* it is confirmed by one */
	bool unsettled;
	bool cautious;
	bool disputed;
	size_t replicas;
	struct lk_redis_past vouched;
};

/**
 * lk_redis_finding_ask(watch, known, deadline, finding, error):
 * Ask, as the one who is asking for all.  ${known} is what was found the last
 * time.  ${finding} means something only if LK_OK, but for `disputed`.
 */
enum lk_status lk_redis_finding_ask(struct lk_watch *watch,
    const struct lk_redis_finding *known, struct lk_deadline deadline,
    struct lk_redis_finding *finding, struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_REDIS_FINDING_H_ */
