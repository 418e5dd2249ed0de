/* The manager's part that looks after the store as a whole. */
#include <string.h>

#include "manager.h"

/* Counting takes time in proportion, and makes nobody wait. */
#define STATS_PATIENCE_MS 60000

enum lk_status
lk_ping(struct lk_manager *manager)
{
	struct lk_deadline deadline = lk_manager_begin(manager);

	return (manager->store->ops->ping(manager->store, deadline));
}

bool
lk_keeps_tokens(const struct lk_manager *manager)
{
	return (manager->store->keeps_tokens);
}

enum lk_status
lk_inspect(struct lk_manager *manager, lk_finding_fn *each, void *arg)
{
	struct lk_deadline deadline = lk_manager_begin(manager);

	return (
	    manager->store->ops->inspect(manager->store, deadline, each, arg));
}

void
lk_manager_rest(struct lk_place *place)
{
	if (place->busy_ns > 0)
		lk_rest(place->busy_ns);
	place->busy_ns = 0;
}

enum lk_status
lk_store_stats(struct lk_manager *m, struct lk_store_stats *stats)
{
	struct lk_place place = { .done = false };
	enum lk_status status = LK_OK;

	(void)lk_manager_begin(m);
	memset(stats, 0, sizeof(*stats));
	while (status == LK_OK && !place.done) {
		lk_manager_rest(&place);
		status = m->store->ops->stats(m->store, &place,
		    lk_deadline_in(STATS_PATIENCE_MS), stats);
	}
	stats->store = m->store->ops->name;
	if (status != LK_OK)
		memset(stats, 0, sizeof(*stats));
	return (status);
}

enum lk_status
lk_store_sweep(struct lk_manager *m, uint64_t *swept)
{
	struct lk_place place = { .done = false };
	enum lk_status status = LK_OK;

	*swept = 0;
	while (status == LK_OK && !place.done) {
		lk_manager_rest(&place);
		status = m->store->ops->sweep(m->store, &place,
		    lk_manager_begin(m), swept);
	}
	if (status != LK_OK)
		*swept = 0;
	return (status);
}
