/*
 * Forming an opinion of who the master is: by the Sentinels and, if too few of
 * them say anything, by the one that is known.
 */
#ifndef LK_REDIS_OPINION_H_
#define LK_REDIS_OPINION_H_

#include "store/redis/master/fence.h"
#include "store/redis/master/sentinels.h"

/** Who the master is thought to be, and what else was heard. */
struct lk_redis_opinion {
	char address[LK_REDIS_NAME_SIZE]; /* "": nobody */
	int64_t began_ns; /* by lk_boottime_ns(), the question that
	                     confirms it; 0: none has */
	bool majority;    /* it is confirmed by one */
	bool unsettled;   /* a Sentinel names another one, or who confirmed
	                     it may not know */
	bool cautious;    /* a Sentinel may be replacing it */
	bool disputed;    /* a Sentinel has spoken against the address, and
	                     no majority has since */
	size_t replicas;  /* how many are not down, as was last heard */
	/* Its past as it was before the last question that a majority answered
	 * (or none). */
	struct lk_redis_past vouched;
};

/** Whoever forms it. */
struct lk_redis_inquiry {
	const struct lk_settings *settings;
	const struct lk_redis_fence *fence;
	struct lk_redis_sentinels *sentinels;
	struct lk_redis_wire wire; /* to the master, for a fence */
};

/**
 * lk_redis_inquiry_init(inquiry, settings, fence, tls, error):
 * Connect to nobody yet; what is borrowed must outlive it.
 * lk_redis_inquiry_close() closes what is connected, and
 * lk_redis_inquiry_free() frees it too, in either case.
 */
enum lk_status lk_redis_inquiry_init(struct lk_redis_inquiry *inquiry,
    const struct lk_settings *settings, const struct lk_redis_fence *fence,
    const struct lk_tls *tls, struct lk_error *error) LK_MUST_CHECK;
void lk_redis_inquiry_close(struct lk_redis_inquiry *inquiry);
void lk_redis_inquiry_free(struct lk_redis_inquiry *inquiry);

/**
 * lk_redis_opinion_form(inquiry, known, deadline, opinion, error):
 * Ask.  ${known} is the opinion of the last time.  ${opinion} means something
 * only if LK_OK, but for `disputed`.
 */
enum lk_status lk_redis_opinion_form(struct lk_redis_inquiry *inquiry,
    const struct lk_redis_opinion *known, struct lk_deadline deadline,
    struct lk_redis_opinion *opinion, struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_REDIS_OPINION_H_ */
