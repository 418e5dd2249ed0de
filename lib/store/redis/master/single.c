/* The master is the settings' Redis, and nothing is to be found out. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis/master/topology.h"

static enum lk_status
single_make(const struct lk_redis_topology *base,
    struct lk_redis_topology **topology, struct lk_error *error)
{
	struct lk_redis_topology *t = calloc(1, sizeof(*t));

	if (t == NULL || !lk_redis_topology_set_up(t, base)) {
		free(t);
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	}
	lk_redis_topology_confirmed(t, true, 0);
	*topology = t;
	return (LK_OK);
}

static bool
single_has(struct lk_redis_topology *topology, struct lk_redis_master *master)
{
	(void)snprintf(master->name, sizeof(master->name), "%s",
	    topology->settings->store.redis.address);
	master->generation = atomic_load(&topology->generation);
	return (true);
}

static enum lk_status
single_find(struct lk_redis_topology *topology, struct lk_deadline deadline,
    struct lk_redis_master *master, struct lk_error *error)
{
	(void)deadline;
	(void)single_has(topology, master);
	if (lk_address_parse(master->name, &master->address) == LK_OK)
		return (LK_OK);
	return (lk_fail(error, LK_E_SETTINGS,
	    "store.redis.address: expected host:port, [ipv6]:port or "
	    "unix:/path"));
}

static struct lk_redis_witnesses
single_witnesses(struct lk_redis_topology *topology, bool all)
{
	(void)topology;
	return ((struct lk_redis_witnesses){ .all = all, .asked = 1 });
}

/* Nobody says who else is the master: the replica's word decides. */
static bool
single_outlasts(struct lk_redis_topology *topology, struct lk_redis_wire *wire,
    size_t acks, struct lk_redis_witnesses witnesses,
    struct lk_deadline deadline, struct lk_error *error)
{
	(void)topology;
	(void)wire;
	(void)acks;
	(void)witnesses;
	(void)deadline;
	(void)error;
	return (true);
}

static bool
single_is_same(const struct lk_settings *a, const struct lk_settings *b)
{
	return (strcmp(a->store.redis.address, b->store.redis.address) == 0);
}

static enum lk_status
single_inspect(const struct lk_redis_topology *topology,
    struct lk_deadline deadline, lk_finding_fn *each, void *arg,
    struct lk_error *error)
{
	(void)deadline;
	(void)error;
	lk_redis_inspect_address("store.redis.address",
	    topology->settings->store.redis.address, each, arg);
	return (LK_OK);
}

static void
single_free(struct lk_redis_topology *topology)
{
	lk_redis_topology_tear_down(topology);
	free(topology);
}

const struct lk_redis_topology_ops lk_redis_single = { .moves = false,
	.make = single_make,
	.find = single_find,
	.has = single_has,
	.witnesses = single_witnesses,
	.outlasts = single_outlasts,
	.is_same = single_is_same,
	.inspect = single_inspect,
	.free = single_free };
