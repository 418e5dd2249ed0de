/*
 * Which Redis is the master, by one table of operations for each way to find
 * out: topology.c has that of the settings' Redis, sentinel.c that of what
 * Sentinels say, cluster.c that of the masters that share a Redis Cluster's
 * slots.  A further one is a further table, and a line in watch.c.
 */
#ifndef LK_REDIS_TOPOLOGY_H_
#define LK_REDIS_TOPOLOGY_H_

#include <stdatomic.h>

#include "base/log.h"
#include "store/breaker.h"
#include "store/redis/master/fence.h"
#include "store/redis/master/slots.h"

/** What the host name of a master stood for when it was connected to. */
struct lk_redis_met {
	struct lk_endpoint endpoint; /* of len 0: not known */
	unsigned int generation;     /* of the master */
};

/** A master as it was found. */
struct lk_redis_master {
	char name[LK_REDIS_NAME_SIZE];
	struct lk_address address;
	unsigned int generation;
	struct lk_redis_met *met; /* under the topology's lock */
	/* What that is no more once another is in its place; NULL: there is
	 * none. */
	const atomic_uint *current;
};

/** How many replicas a change waits for. */
struct lk_redis_witnesses {
	bool all;     /* all that are not down must have it, else one */
	size_t asked; /* so many have been waited for */
};

struct lk_redis_topology;

struct lk_redis_topology_ops {
	/* Whether another Redis can become the master.  Then each that is
	 * connected to must say that it is one, what failed at one is tried at
	 * the next, and a revocation must outlast it. */
	bool moves;

	/** Make one; ${base}, which gives what is static, is to be copied.
	 * It connects to nothing yet. */
	enum lk_status (*make)(const struct lk_redis_topology *base,
	    struct lk_redis_topology **topology, struct lk_error *error);

	/** The master of a slot, or of any without one, confirmed lately
	 * enough if that is called for. */
	enum lk_status (*find)(struct lk_redis_topology *topology, int slot,
	    struct lk_deadline deadline, struct lk_redis_master *master,
	    struct lk_error *error);

	/* Where several masters share the slots; else these are NULL. */

	/** Whether ${wire} is one to the master of the slot. */
	bool (*is_at)(const struct lk_redis_topology *topology,
	    const struct lk_redis_wire *wire, int slot);
	/** A node has said that the slot is that of the one at ${name}. */
	void (*moved)(struct lk_redis_topology *topology, int slot,
	    const char *name);
	/** The node of that name; false if there is no room for it. */
	bool (*node)(struct lk_redis_topology *topology, const char *name,
	    struct lk_redis_master *master);
	/** The first slot of the next master, behind ${slot}, by each one's
	 * first; LK_REDIS_NO_SLOT: there is none.  ${print} is another number
	 * when the slots are shared out differently. */
	int (*next)(struct lk_redis_topology *topology, int slot,
	    uint64_t *print);
	/** Name a key that is nobody's and in a slot of the master at
	 * ${wire}; false if it has none. */
	bool (*fence_at)(struct lk_redis_topology *topology,
	    const struct lk_redis_wire *wire, struct lk_redis_key *key);
	/** Whether to ask the master of a slot. */
	struct lk_breaker *(
	    *breaker)(struct lk_redis_topology *topology, int slot);

	/** As find(), if it need not be asked for; the address is not read. */
	bool (*has)(struct lk_redis_topology *topology, int slot,
	    struct lk_redis_master *master);

	/** Something speaks against the master at ${wire}.  NULL: that changes
	 * nothing. */
	void (*suspect)(struct lk_redis_topology *topology,
	    const struct lk_redis_wire *wire);

	/** How many replicas to wait for at ${wire}, by what was last heard. */
	struct lk_redis_witnesses (
	    *witnesses)(struct lk_redis_topology *topology,
	    const struct lk_redis_wire *wire, bool all);

	/**
	 * Whether what the master at ${wire} has done, and so many replicas of
	 * those that were asked have by now, is the next master's too.  It
	 * must be sure by the deadline.  NULL: so it is, since nobody says who
	 * else is the master.
	 */
	bool (*outlasts)(struct lk_redis_topology *topology,
	    struct lk_redis_wire *wire, const struct lk_redis_fenced *fenced,
	    struct lk_redis_witnesses witnesses, struct lk_deadline deadline,
	    struct lk_error *error);

	/** Whether both settings find the master of the same servers. */
	bool (
	    *is_same)(const struct lk_settings *a, const struct lk_settings *b);

	/** Know what ${from}, for which is_same() holds, knows, if nothing is
	 * known yet.  NULL: there is nothing to know. */
	void (*learn)(struct lk_redis_topology *topology,
	    struct lk_redis_topology *from);

	/** Say what there is to be said of the settings, and of the servers
	 * that are asked for the master. */
	enum lk_status (*inspect)(struct lk_redis_topology *topology,
	    struct lk_deadline deadline, lk_finding_fn *each, void *arg,
	    struct lk_error *error);

	/** In a child process: drop what is connected.  NULL: nothing is. */
	void (*leave_parent)(struct lk_redis_topology *topology);

	void (*free)(struct lk_redis_topology *topology);

	/**
	 * For the thread of lk_watch_run() alone: do what is most due, if
	 * anything is, within a second.  Returns when something will be, and in
	 * ${listen} what else is to be waited for.  NULL: nothing ever is.
	 */
	struct lk_deadline (
	    *tend)(struct lk_redis_topology *topology, struct pollfd *listen);

	/** For it too, unless tend() is NULL: the master of ${generation} has
	 * just told its ${past}. */
	void (*saw)(struct lk_redis_topology *topology, unsigned int generation,
	    const struct lk_redis_past *past);
};

/** The base that every topology embeds as its first member. */
struct lk_redis_topology {
	/* Static data. */
	const struct lk_redis_topology_ops *ops;
	const struct lk_settings *settings;
	const struct lk_log *log;
	struct lk_redis_fence fence;
	struct lk_breaker *breaker; /* closed for each new master */
	struct lk_tls *tls;         /* to the master, its own; or NULL */
	int64_t bound_ns; /* how old a confirmation may be; 0: none is needed */

	/* Looked at without the lock; lk_redis_topology_confirmed() sets them.
	 * The generation is 0 until a master is known, and grows with each
	 * other one; it changes before confirmed_ns does, so who reads them in
	 * the other order sees a confirmation of the generation he sees, or of
	 * an earlier one. */
	atomic_uint generation;
	_Atomic int64_t confirmed_ns; /* when that question began; 0: never */

	/* `changed` is signalled when the generation has grown, and when a
	 * question has been answered. */
	pthread_mutex_t lock;
	pthread_cond_t changed;

	struct lk_redis_met met; /* the master, if there is one; under the
	                            lock */
};

/**
 * lk_redis_topology_manners(topology):
 * Those of a connection to its master.
 */
struct lk_redis_manners lk_redis_topology_manners(
    const struct lk_redis_topology *topology);

/**
 * lk_redis_topology_is_fresh(topology, wire, slot):
 * Whether the master at ${wire} is still the one, and that of the slot if it
 * has one, and was confirmed lately enough, or need not be.
 */
static inline bool
lk_redis_topology_is_fresh(const struct lk_redis_topology *topology,
    const struct lk_redis_wire *wire, int slot)
{
	int64_t confirmed;

	if (topology->ops->is_at != NULL)
		return (topology->ops->is_at(topology, wire, slot));
	confirmed = atomic_load_explicit(&topology->confirmed_ns,
	    memory_order_acquire);

	return (atomic_load_explicit(&topology->generation,
	            memory_order_acquire) == wire->generation &&
	    (topology->bound_ns == 0 ||
	        lk_boottime_ns() - confirmed < topology->bound_ns));
}

/**
 * lk_redis_topology_knows(topology, master, endpoint):
 * Whether the ${master}, as has() or node() named it, can be connected to
 * without asking anybody where it is: the address of its host is known, which
 * is looked up by who can wait for that.
 */
bool lk_redis_topology_knows(struct lk_redis_topology *topology,
    struct lk_redis_master *master, struct lk_endpoint *endpoint);

/**
 * lk_redis_topology_met(topology, master, stream):
 * ${stream} has just been connected to ${master}: note where that is.
 */
void lk_redis_topology_met(struct lk_redis_topology *topology,
    const struct lk_redis_master *master, const struct lk_stream *stream);

/**
 * lk_redis_topology_pause(topology, generation, attempt, deadline):
 * Back off after ${attempt}, counted from 0, which began while the master was
 * that of ${generation}, has failed; but only until another one is found.
 * False if there is no time for another attempt.
 */
bool lk_redis_topology_pause(struct lk_redis_topology *topology,
    unsigned int generation, unsigned int attempt, struct lk_deadline deadline);

/* ---- For the topologies ------------------------------------------------ */

/**
 * lk_redis_topology_set_up(topology, base, error):
 * Copy what is static, and make what is not.
 */
enum lk_status lk_redis_topology_set_up(struct lk_redis_topology *topology,
    const struct lk_redis_topology *base, struct lk_error *error) LK_MUST_CHECK;

/** lk_redis_topology_tear_down(topology): The reverse. */
void lk_redis_topology_tear_down(struct lk_redis_topology *topology);

/**
 * lk_redis_topology_confirmed(topology, another, began_ns):
 * The master, ${another} than before or the same, is confirmed by a question
 * that began then, or by none if that is 0; the lock is held.
 */
void lk_redis_topology_confirmed(struct lk_redis_topology *topology,
    bool another, int64_t began_ns);

/**
 * lk_redis_inspect_address(key, address, each, arg):
 * Say so if the ${address} of that setting is a host name.
 */
void lk_redis_inspect_address(const char *key, const char *address,
    lk_finding_fn *each, void *arg);

/** The topologies; see watch.c. */
extern const struct lk_redis_topology_ops lk_redis_single;
extern const struct lk_redis_topology_ops lk_redis_sentinel;
extern const struct lk_redis_topology_ops lk_redis_cluster;

#endif /* !LK_REDIS_TOPOLOGY_H_ */
