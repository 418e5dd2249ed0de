#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "store/redis/master/topology.h"

/* ---- Life -------------------------------------------------------------- */

enum lk_status
lk_redis_topology_set_up(struct lk_redis_topology *topology,
    const struct lk_redis_topology *base, struct lk_error *error)
{
	enum lk_status status = LK_FAULT;

	*topology = *base;
	status = lk_tls_new(&base->settings->store.redis.tls, "store.redis.tls",
	    &topology->tls, error);
	if (status != LK_OK)
		return (status);
	lk_cond_init(&topology->changed);
	(void)pthread_mutex_init(&topology->lock, NULL);
	return (LK_OK);
}

void
lk_redis_topology_tear_down(struct lk_redis_topology *topology)
{
	(void)pthread_cond_destroy(&topology->changed);
	(void)pthread_mutex_destroy(&topology->lock);
	lk_tls_free(topology->tls);
}

struct lk_redis_manners
lk_redis_topology_manners(const struct lk_redis_topology *topology)
{
	const bool moves = topology->ops->moves;

	return ((struct lk_redis_manners){
	    .settings = &topology->settings->store.redis,
	    .tls = topology->tls,
	    .master = moves,
	    .generation = moves ? &topology->generation : NULL });
}

/* ---- Waiting for another master ---------------------------------------- */

void
lk_redis_topology_confirmed(struct lk_redis_topology *topology, bool another,
    int64_t began_ns)
{
	if (another)
		(void)atomic_fetch_add(&topology->generation, 1);
	atomic_store_explicit(&topology->confirmed_ns, began_ns,
	    memory_order_release);
}

bool
lk_redis_topology_pause(struct lk_redis_topology *topology,
    unsigned int generation, unsigned int attempt, struct lk_deadline deadline)
{
	struct lk_deadline until = lk_deadline_min(deadline,
	    lk_deadline_in(lk_backoff_ms(attempt, randombytes_random())));
	bool waiting = true;

	(void)pthread_mutex_lock(&topology->lock);
	while (waiting && atomic_load(&topology->generation) == generation)
		waiting = lk_cond_wait(&topology->changed, &topology->lock,
		    until);
	(void)pthread_mutex_unlock(&topology->lock);
	return (lk_deadline_left_ms(deadline) > 0);
}

/* ---- Where the master is ----------------------------------------------- */

bool
lk_redis_topology_knows(struct lk_redis_topology *topology,
    struct lk_redis_master *master, struct lk_endpoint *endpoint)
{
	struct lk_endpoints endpoints;

	if (lk_address_parse(master->name, &master->address) != LK_OK)
		return (false);
	if (!lk_address_is_literal(&master->address)) {
		(void)pthread_mutex_lock(&topology->lock);
		*endpoint = master->met->endpoint;
		if (master->met->generation != master->generation)
			endpoint->len = 0;
		(void)pthread_mutex_unlock(&topology->lock);
		return (endpoint->len > 0);
	}
	if (!lk_endpoints_find(&master->address, &endpoints) ||
	    endpoints.n == 0)
		return (false);
	*endpoint = endpoints.at[0];
	return (true);
}

void
lk_redis_topology_met(struct lk_redis_topology *topology,
    const struct lk_redis_master *master, const struct lk_stream *stream)
{
	struct lk_redis_met met = { .generation = master->generation };
	struct lk_endpoint *at = &met.endpoint;

	if (lk_address_is_literal(&master->address))
		return;
	at->len = sizeof(at->addr);
	if (getpeername(stream->fd, (struct sockaddr *)&at->addr, &at->len) !=
	    0)
		return;
	(void)pthread_mutex_lock(&topology->lock);
	*master->met = met;
	(void)pthread_mutex_unlock(&topology->lock);
}

/* ---- What is doubtful about an address --------------------------------- */

/* A host name is looked up by the system, in its own time. */
void
lk_redis_inspect_address(const char *key, const char *address,
    lk_finding_fn *each, void *arg)
{
	struct lk_address parsed;
	char text[LK_HOST_MAX + 256];

	if (lk_address_parse(address, &parsed) != LK_OK ||
	    lk_address_is_literal(&parsed))
		return;
	(void)snprintf(text, sizeof(text),
	    "%s: %s is a host name: looking it up has no deadline, an address "
	    "would need none",
	    key, address);
	each(arg, LK_FINDING_DOUBTFUL, text);
}

/* ---- The settings' Redis, where nothing is to be found out -------------- */

static enum lk_status
single_make(const struct lk_redis_topology *base,
    struct lk_redis_topology **topology, struct lk_error *error)
{
	struct lk_redis_topology *t = calloc(1, sizeof(*t));
	enum lk_status status = LK_FAULT;

	if (t == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	status = lk_redis_topology_set_up(t, base, error);
	if (status == LK_OK) {
		lk_redis_topology_confirmed(t, true, 0);
		*topology = t;
	} else
		free(t);
	return (status);
}

static bool
single_has(struct lk_redis_topology *topology, int slot,
    struct lk_redis_master *master)
{
	(void)slot;
	(void)snprintf(master->name, sizeof(master->name), "%s",
	    topology->settings->store.redis.address);
	master->generation = atomic_load(&topology->generation);
	master->current = NULL;
	master->met = &topology->met;
	return (true);
}

static enum lk_status
single_find(struct lk_redis_topology *topology, int slot,
    struct lk_deadline deadline, struct lk_redis_master *master,
    struct lk_error *error)
{
	(void)deadline;
	(void)single_has(topology, slot, master);
	if (lk_address_parse(master->name, &master->address) == LK_OK)
		return (LK_OK);
	return (lk_fail(error, LK_E_SETTINGS,
	    "store.redis.address: expected host:port, [ipv6]:port or "
	    "unix:/path"));
}

static struct lk_redis_witnesses
single_witnesses(struct lk_redis_topology *topology,
    const struct lk_redis_wire *wire, bool all)
{
	(void)topology;
	(void)wire;
	return ((struct lk_redis_witnesses){ .all = all, .asked = 1 });
}

static bool
single_is_same(const struct lk_settings *a, const struct lk_settings *b)
{
	return (strcmp(a->store.redis.address, b->store.redis.address) == 0);
}

static enum lk_status
single_inspect(struct lk_redis_topology *topology, struct lk_deadline deadline,
    lk_finding_fn *each, void *arg, struct lk_error *error)
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
	.is_same = single_is_same,
	.inspect = single_inspect,
	.free = single_free };
