#include <stdlib.h>

#include "house/share.h"

/* The entry of ${uid}, or NULL. */
static struct agent_share *
find(struct agent_shares *shares, uid_t uid)
{
	size_t i;

	for (i = 0; i < shares->n; i++) {
		if (shares->v[i].uid == uid)
			return (&shares->v[i]);
	}
	return (NULL);
}

/* A new one, or NULL. */
static struct agent_share *
add(struct agent_shares *shares, uid_t uid)
{
	const size_t room = shares->room == 0 ? 16 : shares->room * 2;
	struct agent_share *v;

	if (shares->n == shares->room) {
		v = realloc(shares->v, room * sizeof(*v));
		if (v == NULL)
			return (NULL);
		shares->v = v;
		shares->room = room;
	}
	shares->v[shares->n] = (struct agent_share){ .uid = uid };
	return (&shares->v[shares->n++]);
}

bool
agent_share_take(struct agent_shares *shares, uid_t uid, bool listed)
{
	struct agent_share *share = NULL;
	bool taken;

	(void)pthread_mutex_lock(&shares->lock);
	if (shares->all < shares->max_all &&
	    (listed || shares->unlisted < shares->max_all / 2)) {
		share = find(shares, uid);
		if (share == NULL)
			share = add(shares, uid);
	}
	taken = share != NULL && share->n < shares->max;
	if (taken) {
		share->n++;
		shares->all++;
		shares->unlisted += listed ? 0 : 1;
	}
	(void)pthread_mutex_unlock(&shares->lock);
	return (taken);
}

void
agent_share_give(struct agent_shares *shares, uid_t uid, bool listed)
{
	struct agent_share *share;

	(void)pthread_mutex_lock(&shares->lock);
	share = find(shares, uid);
	shares->all--;
	shares->unlisted -= listed ? 0 : 1;
	if (share != NULL && --share->n == 0)
		*share = shares->v[--shares->n];
	(void)pthread_mutex_unlock(&shares->lock);
}
