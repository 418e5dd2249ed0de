/*
 * The master as Sentinels have it.  sentinel.c is what is known, and who asks;
 * opinion.c is one question; tend.c asks in time, and listens for hints.
 *
 * A read may be answered only by a master that was confirmed less than
 * `store.sentinel.staleness_ms` ago, counted from before the question was
 * asked. A master is confirmed if a majority of the configured Sentinels names
 * it; vote.h says why nobody can then have been told of another one before.  If
 * fewer than a majority say anything, a master that is known and has a replica
 * that answers (fence.h) is confirmed by that: so it goes on when all Sentinels
 * are gone.  This second way only continues a chain that a majority began: each
 * confirmation must follow the one before within the bound; and the replica
 * must have been one of this master, in this history of its, when the majority
 * spoke last, and have been given no whole copy since, as it is if it has been
 * elsewhere.  Once the chain is broken only a majority begins another.  It
 * takes lk_watch_run(), which looks at the master's past between its questions.
 * This way holds the bound only where whoever is cut off from most Sentinels is
 * also cut off from most Redis, as where each has one beside it.  No minority
 * can make another Redis the master.
 */
#ifndef LK_REDIS_SENTINEL_H_
#define LK_REDIS_SENTINEL_H_

#include "store/redis/master/sentinels.h"
#include "store/redis/master/topology.h"

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

/** What is known of the master. */
struct lk_redis_known {
	struct lk_redis_opinion opinion; /* that was last formed */
	int64_t suspect_ns; /* the last that spoke against it; 0: nothing */
	/* Its past as it was last seen, and when (0: never). */
	struct lk_redis_past seen;
	int64_t seen_ns;
};

/** Who tends; of one thread.  When things are due, by lk_monotonic_ns(). */
struct lk_redis_tending {
	/* Subscribed to what one Sentinel says of its own accord: a hint to ask
	 * all of them at once, and never more than that. */
	struct lk_redis_channel hint;
	size_t hint_from;  /* the Sentinel to turn to next */
	int64_t hinted_ns; /* when a hint came, by lk_boottime_ns() */
	int64_t confirmed; /* was begun, the last time */
	int64_t confirm_at;
	int64_t hint_at;
	unsigned int hint_tries;
};

struct lk_redis_sentinel {
	struct lk_redis_topology base;

	/* Under the base's lock. */
	struct lk_redis_known known;
	int64_t tried_ns;       /* when the master was last asked about */
	bool asking;            /* somebody is */
	uint64_t asked;         /* how many questions have been answered */
	enum lk_status outcome; /* of the last, and why if it is not LK_OK */
	struct lk_error why;
	bool confirmed_before; /* for the log */

	/* Of the one who is asking; the wire is to the master, for a fence. */
	struct lk_redis_sentinels *sentinels;
	struct lk_redis_wire wire;

	struct lk_redis_tending tending;
};

/**
 * lk_redis_sentinel_of(topology): The one that ${topology} is the base of.
 */
static inline struct lk_redis_sentinel *
lk_redis_sentinel_of(struct lk_redis_topology *topology)
{
	/* The base is the first member. */
	return ((struct lk_redis_sentinel *)topology);
}

/**
 * lk_redis_sentinel_confirm(sentinel, since_ns, deadline, error):
 * LK_OK once the master, which may be another one then, is confirmed by a
 * question that began at ${since_ns} or later.
 */
enum lk_status lk_redis_sentinel_confirm(struct lk_redis_sentinel *sentinel,
    int64_t since_ns, struct lk_deadline deadline,
    struct lk_error *error) LK_MUST_CHECK;

/**
 * lk_redis_opinion_form(sentinel, known, deadline, opinion, error):
 * Ask the Sentinels and, if too few of them say anything, the master that is
 * known: ${known} is the opinion of the last time.  ${opinion} means something
 * only if LK_OK, but for `disputed`.
 */
enum lk_status lk_redis_opinion_form(struct lk_redis_sentinel *sentinel,
    const struct lk_redis_opinion *known, struct lk_deadline deadline,
    struct lk_redis_opinion *opinion, struct lk_error *error) LK_MUST_CHECK;

/** lk_redis_sentinel_tend(topology, listen): As the operation says. */
struct lk_deadline lk_redis_sentinel_tend(struct lk_redis_topology *topology,
    struct pollfd *listen);

#endif /* !LK_REDIS_SENTINEL_H_ */
