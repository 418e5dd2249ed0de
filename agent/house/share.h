/*
 * How many connections each user has, so that no user takes those of others.
 * Whoever has no row is one user with all others who have none.
 */
#ifndef AGENT_SHARE_H_
#define AGENT_SHARE_H_

#include <sys/types.h>

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

struct agent_share {
	uid_t uid;
	size_t n;
};

/** All zero at first but the lock and the limits; any thread may use them. */
struct agent_shares {
	pthread_mutex_t lock;
	size_t max;     /* of one user's */
	size_t max_all; /* of all users' */
	size_t all;
	size_t unlisted; /* of these, those of users whom no row names */
	struct agent_share *v;
	size_t n, room;
};

/**
 * agent_share_take(shares, uid, listed):
 * One more; false if that is too many.  All who are not ${listed}, but of a
 * group, have half of the room together, as one may be thousands (subuid(5)).
 */
bool agent_share_take(struct agent_shares *shares, uid_t uid, bool listed);

/** agent_share_give(shares, uid, listed): one less, which was taken so. */
void agent_share_give(struct agent_shares *shares, uid_t uid, bool listed);

#endif /* !AGENT_SHARE_H_ */
