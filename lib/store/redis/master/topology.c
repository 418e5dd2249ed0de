#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <sodium.h>

#include "store/redis/master/topology.h"

/* ---- Life -------------------------------------------------------------- */

void
lk_redis_topology_free(struct lk_redis_topology *topology)
{
	if (topology != NULL)
		topology->ops->free(topology);
}

bool
lk_redis_topology_set_up(struct lk_redis_topology *topology,
    const struct lk_redis_topology *base)
{
	topology->ops = base->ops;
	topology->settings = base->settings;
	topology->log = base->log;
	topology->breaker = base->breaker;
	if (!lk_redis_cond_init(&topology->changed))
		return (false);
	if (pthread_mutex_init(&topology->lock, NULL) == 0)
		return (true);
	(void)pthread_cond_destroy(&topology->changed);
	return (false);
}

void
lk_redis_topology_tear_down(struct lk_redis_topology *topology)
{
	(void)pthread_cond_destroy(&topology->changed);
	(void)pthread_mutex_destroy(&topology->lock);
}

struct lk_redis_manners
lk_redis_topology_manners(const struct lk_redis_topology *topology)
{
	const bool moves = topology->ops->moves;

	return ((struct lk_redis_manners){
	    .settings = &topology->settings->store.redis,
	    .master = moves,
	    .generation = moves ? &topology->generation : NULL });
}

/* ---- Waiting for another master ---------------------------------------- */

bool
lk_redis_cond_init(pthread_cond_t *cond)
{
	pthread_condattr_t attr;
	bool done;

	if (pthread_condattr_init(&attr) != 0)
		return (false);
	done = pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) == 0 &&
	    pthread_cond_init(cond, &attr) == 0;
	(void)pthread_condattr_destroy(&attr);
	return (done);
}

bool
lk_redis_cond_wait(pthread_cond_t *cond, pthread_mutex_t *lock,
    struct lk_deadline deadline)
{
	const struct timespec until = {
		.tv_sec = (time_t)(deadline.at_ns / 1000000000),
		.tv_nsec = (long)(deadline.at_ns % 1000000000)
	};

	return (pthread_cond_timedwait(cond, lock, &until) != ETIMEDOUT);
}

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
		waiting = lk_redis_cond_wait(&topology->changed,
		    &topology->lock, until);
	(void)pthread_mutex_unlock(&topology->lock);
	return (lk_deadline_left_ms(deadline) > 0);
}

/* ---- Where the master is ----------------------------------------------- */

bool
lk_redis_topology_has(struct lk_redis_topology *topology,
    struct lk_redis_master *master, struct lk_endpoint *endpoint)
{
	struct lk_endpoints endpoints;

	if (!topology->ops->has(topology, master) ||
	    lk_address_parse(master->name, &master->address) != LK_OK)
		return (false);
	if (!lk_address_is_literal(&master->address)) {
		(void)pthread_mutex_lock(&topology->lock);
		*endpoint = topology->met;
		if (topology->met_generation != master->generation)
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
	struct lk_endpoint met;

	if (lk_address_is_literal(&master->address))
		return;
	memset(&met, 0, sizeof(met));
	met.len = sizeof(met.addr);
	if (getpeername(stream->fd, (struct sockaddr *)&met.addr, &met.len) !=
	    0)
		return;
	(void)pthread_mutex_lock(&topology->lock);
	topology->met = met;
	topology->met_generation = master->generation;
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
