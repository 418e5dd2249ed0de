/*
 * The connections of checks that do not wait: one to the master, or in a
 * cluster one to each node that is needed, with what is on its way there.  For
 * several there is one descriptor to wait for.  Inside of checks.c.
 */
#ifndef LK_REDIS_LANE_H_
#define LK_REDIS_LANE_H_

#include "store/redis/dial.h"
#include "store/redis/order.h"

struct lk_redis_lane {
	struct lk_redis_lane *next;
	struct lk_redis_dial dial;
	struct lk_redis_order order;
	struct lk_redis_asker time; /* asks for the clock */
	short ready;                /* what has come of what it waits for */

	/* Where there are several: what is waited for. */
	unsigned int serial;
	short events;
	bool awaited;
};

/** All zero but for the link, and ${all} -1: none yet. */
struct lk_redis_lanes {
	struct lk_redis_link *link; /* whose wires they have */
	bool one_by_one;
	struct lk_redis_lane *first;
	int all;             /* to wait for several by, or -1 */
	unsigned int serial; /* how many of these there have been */
};

/**
 * lk_redis_lanes_find(lanes, slot, lane):
 * The one to the master of the slot, which connects if it has to.
 * LK_E_WOULD_WAIT if somebody else must find that, or its address, or have the
 * connection instead.
 */
enum lk_status lk_redis_lanes_find(struct lk_redis_lanes *lanes, int slot,
    struct lk_redis_lane **lane) LK_MUST_CHECK;

/** lk_redis_lanes_to(lanes, master, lane): The one to that ${master}. */
enum lk_status lk_redis_lanes_to(struct lk_redis_lanes *lanes,
    struct lk_redis_master *master, struct lk_redis_lane **lane) LK_MUST_CHECK;

/**
 * lk_redis_lanes_wants(lanes, wants):
 * Say what to wait for.
 */
void lk_redis_lanes_wants(struct lk_redis_lanes *lanes,
    struct lk_checks_wants *wants);

/**
 * lk_redis_lanes_hear(lanes, events):
 * ${events} have come of what was waited for: note for which lanes.
 */
void lk_redis_lanes_hear(struct lk_redis_lanes *lanes, short events);

/** lk_redis_lanes_clear(lanes): Close and free them; the link is not theirs. */
void lk_redis_lanes_clear(struct lk_redis_lanes *lanes);

/** lk_redis_lane_is_old(lane): whether who it is to is no master any more. */
static inline bool
lk_redis_lane_is_old(const struct lk_redis_lane *lane)
{
	return (lane->dial.state != LK_DIAL_CLOSED &&
	    !lk_redis_wire_is_current(lane->dial.wire));
}

/**
 * lk_redis_lane_silent_ns(lane):
 * When it has been too silent to be believed to answer any more; INT64_MAX:
 * nothing is awaited.
 */
int64_t lk_redis_lane_silent_ns(const struct lk_redis_lane *lane);

/**
 * lk_redis_lane_send(lane):
 * Send what can be; 0 or an errno.
 */
int lk_redis_lane_send(struct lk_redis_lane *lane);

#endif /* !LK_REDIS_LANE_H_ */
