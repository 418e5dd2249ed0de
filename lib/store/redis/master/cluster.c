/*
 * The masters that share the slots of a Redis Cluster.
 *
 * Who has which slot is asked of one node: of any of those that are known, then
 * of those of the settings.  It is asked for again when a node has sent us on,
 * when one cannot be reached, and once in a while; but not more often than once
 * a second.  Where a node sends us to is believed at once for that slot.
 *
 * What bounds how old an answer may be is the cluster itself: a master that is
 * cut off from most of the others answers CLUSTERDOWN once it has noticed,
 * which takes it cluster-node-timeout.  A map that is older than the one that
 * is known is not taken while anybody has a newer one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/redis/master/topology.h"

#define MS_NS INT64_C(1000000)
/* Between two questions for the map: at least, and at most. */
#define ASK_LEAST_MS 1000
#define ASK_MOST_MS 10000
/* The same while nobody has said any. */
#define ASK_AGAIN_MS 50
/* How long the watch's thread may take for one. */
#define STEP_MS 1000
/* Most keys that are tried to find one in a slot of a master. */
#define FENCE_TRIES_MAX 200000

/* A node; its place in the table is another's only once it is not listed. */
struct node {
	char name[LK_REDIS_NAME_SIZE];
	bool listed;            /* the map has it as a master, or a node has
	                           sent us there since */
	atomic_uint generation; /* another one once it is no master any more */
	atomic_size_t replicas;
	struct lk_redis_met met;
	struct lk_breaker breaker;
};

struct cluster {
	struct lk_redis_topology base;
	/* A slot's node, or NOBODY; written under the lock. */
	_Atomic uint16_t owner[LK_REDIS_SLOTS];

	/* Under the lock. */
	struct node nodes[LK_REDIS_NODES_MAX];
	bool known;             /* there is a map */
	bool stale;             /* something speaks against it */
	bool asking;            /* somebody asks for another */
	int64_t asked_ns;       /* when it was asked for last; 0: never */
	uint64_t answers;       /* how often that came to an end */
	uint64_t epoch;         /* of the map */
	uint64_t print;         /* see next() */
	enum lk_status outcome; /* of the last question, and why */
	struct lk_error why;
	size_t turn; /* which node is asked first */

	/* Of the one who is asking. */
	struct lk_redis_wire wire;
	struct lk_redis_slots slots;
};

static struct cluster *
cluster_of(struct lk_redis_topology *topology)
{
	/* The base is the first member. */
	return ((struct cluster *)topology);
}

/* The node that ${wire} is one to, by what it goes by; NULL: none. */
static struct node *
node_of(struct cluster *c, const struct lk_redis_wire *wire)
{
	size_t i;

	for (i = 0; i < LK_REDIS_NODES_MAX; i++) {
		if (wire->manners.generation == &c->nodes[i].generation)
			return (&c->nodes[i]);
	}
	return (NULL);
}

/* ---- The map ----------------------------------------------------------- */

/*
 * The number of the node of that name, which is listed from now on; NOBODY if
 * there is no room.  The lock is held.
 */
static uint16_t
list_node(struct cluster *c, const char *name)
{
	struct node *node = NULL;
	size_t i;

	for (i = 0; i < LK_REDIS_NODES_MAX; i++) {
		if (strcmp(c->nodes[i].name, name) == 0) {
			c->nodes[i].listed = true;
			return ((uint16_t)i);
		}
		if (node == NULL && !c->nodes[i].listed)
			node = &c->nodes[i];
	}
	if (node == NULL)
		return (LK_REDIS_NOBODY);
	(void)atomic_fetch_add(&node->generation, 1);
	(void)snprintf(node->name, sizeof(node->name), "%s", name);
	atomic_store(&node->replicas, 0);
	(void)lk_breaker_close(&node->breaker);
	node->listed = true;
	return ((uint16_t)(node - c->nodes));
}

/* What tells one way to share out the slots from another (FNV-1a). */
static uint64_t
print_of(const struct lk_redis_slots *slots)
{
	uint64_t print = UINT64_C(14695981039346656037);
	const char *p;
	size_t slot;

	for (slot = 0; slot < LK_REDIS_SLOTS; slot++) {
		if (slot > 0 && slots->owner[slot] == slots->owner[slot - 1])
			continue;
		print = (print ^ slot) * UINT64_C(1099511628211);
		if (slots->owner[slot] == LK_REDIS_NOBODY)
			continue;
		for (p = slots->nodes[slots->owner[slot]].name; *p != '\0'; p++)
			print = (print ^ (unsigned char)*p) *
			    UINT64_C(1099511628211);
	}
	return (print);
}

/* Go by the map that was read; the lock is held. */
static void
take_map(struct cluster *c)
{
	const struct lk_redis_slots *slots = &c->slots;
	const uint64_t print = print_of(slots);
	uint16_t number[LK_REDIS_NODES_MAX];
	bool kept[LK_REDIS_NODES_MAX] = { false };
	size_t i;

	for (i = 0; i < LK_REDIS_NODES_MAX; i++)
		kept[i] = c->nodes[i].listed;
	for (i = 0; i < LK_REDIS_NODES_MAX; i++)
		c->nodes[i].listed = false;
	/* Those that stay keep their places, so that others find room. */
	for (i = 0; i < slots->n; i++) {
		size_t j;

		number[i] = LK_REDIS_NOBODY;
		for (j = 0; j < LK_REDIS_NODES_MAX; j++) {
			if (kept[j] &&
			    strcmp(c->nodes[j].name, slots->nodes[i].name) ==
			        0) {
				c->nodes[j].listed = true;
				number[i] = (uint16_t)j;
			}
		}
	}
	/* Who is no master any more is not believed from here on. */
	for (i = 0; i < LK_REDIS_NODES_MAX; i++) {
		if (kept[i] && !c->nodes[i].listed) {
			(void)atomic_fetch_add(&c->nodes[i].generation, 1);
			c->nodes[i].name[0] = '\0';
		}
	}
	for (i = 0; i < slots->n; i++) {
		if (number[i] == LK_REDIS_NOBODY)
			number[i] = list_node(c, slots->nodes[i].name);
		atomic_store(&c->nodes[number[i]].replicas,
		    slots->nodes[i].replicas);
	}
	for (i = 0; i < LK_REDIS_SLOTS; i++)
		atomic_store_explicit(&c->owner[i],
		    slots->owner[i] == LK_REDIS_NOBODY
		        ? LK_REDIS_NOBODY
		        : number[slots->owner[i]],
		    memory_order_release);
	if (c->known && print != c->print)
		LK_LOG(c->base.log, LK_LOG_INFO,
		    "the cluster's slots are shared out differently",
		    { "from", c->wire.name });
	lk_redis_topology_confirmed(&c->base, !c->known || print != c->print,
	    lk_boottime_ns());
	c->print = print;
	c->known = true;
	c->stale = false;
}

/* ---- Asking for it ------------------------------------------------------ */

/* Ask the node at ${name}; its map is in c->slots then. */
static enum lk_status
ask_node(struct cluster *c, const char *name, struct lk_deadline deadline,
    bool *up, uint64_t *epoch, struct lk_error *error)
{
	struct lk_redis_wire *wire = &c->wire;
	struct lk_redis_reply *replies[2] = { NULL };
	struct lk_redis_exchange x = { .timed = false };
	struct lk_buf out = LK_BUF_INIT(LK_REDIS_READ_SIZE);
	struct lk_redis_command commands[2];
	char text[LK_REDIS_INFO_MAX + 1];
	struct lk_address address;
	enum lk_status status = LK_FAULT;

	wire->error = error;
	*up = false;
	*epoch = 0;
	if (lk_address_parse(name, &address) != LK_OK)
		return (lk_fail(error, LK_E_SETTINGS,
		    "store.cluster.addresses: expected host:port"));
	lk_redis_command(&commands[0], "CLUSTER");
	lk_redis_arg_str(&commands[0], "INFO");
	lk_redis_command(&commands[1], "CLUSTER");
	lk_redis_arg_str(&commands[1], "SLOTS");
	status = lk_redis_wire_open(wire, &address, name, 0, deadline);
	if (status == LK_OK &&
	    (status = lk_redis_command_format(commands, 2, &out)) == LK_OK)
		status = lk_redis_wire_exchange(wire, &out, 2, deadline,
		    replies, &x);
	if (status == LK_OK)
		status = lk_redis_reply_refusal(replies[1], name, error);
	if (status == LK_OK &&
	    !lk_redis_slots_read(replies[1], name, &c->slots))
		status = lk_fail(error, LK_E_STORE,
		    "redis at %s: CLUSTER SLOTS names no masters", name);
	/* One that may not be asked for its state has none that is known. */
	if (status == LK_OK && replies[0]->type == LK_REDIS_STRING) {
		*up = !lk_redis_info(replies[0]->text, "cluster_state", text) ||
		    strcmp(text, "ok") == 0;
		if (lk_redis_info(replies[0]->text, "cluster_current_epoch",
		        text))
			*epoch = strtoull(text, NULL, 10);
	} else
		*up = status == LK_OK;
	lk_redis_free_replies(replies, 2);
	lk_buf_free(&out);
	lk_redis_wire_drop(wire);
	return (status);
}

/* The ${i}th to be asked: nodes that are known, then those of the settings. */
static bool
candidate(struct cluster *c, size_t i, char name[LK_REDIS_NAME_SIZE])
{
	const struct lk_strings *seeds =
	    &c->base.settings->store.cluster.addresses;
	size_t j;

	name[0] = '\0';
	(void)pthread_mutex_lock(&c->base.lock);
	for (j = 0; j < LK_REDIS_NODES_MAX && name[0] == '\0'; j++) {
		const struct node *node =
		    &c->nodes[(c->turn + j) % LK_REDIS_NODES_MAX];

		if (node->listed && i-- == 0)
			memcpy(name, node->name, LK_REDIS_NAME_SIZE);
	}
	(void)pthread_mutex_unlock(&c->base.lock);
	if (name[0] == '\0' && i < seeds->n)
		(void)snprintf(name, LK_REDIS_NAME_SIZE, "%s", seeds->v[i]);
	return (name[0] != '\0');
}

/*
 * Ask one after another until one has a map that is not older than ours, and
 * says that all is well.  If none has, any map will do, as the cluster may have
 * been made anew.
 */
static enum lk_status
ask_all(struct cluster *c, struct lk_deadline deadline, struct lk_error *error)
{
	const int64_t ms = c->base.settings->store.redis.connect_timeout_ms;
	char name[LK_REDIS_NAME_SIZE], second[LK_REDIS_NAME_SIZE] = "";
	enum lk_status status = LK_E_STORE, last;
	bool up, refused = false;
	uint64_t epoch;
	size_t i;

	lk_error_set(error, "no node of the cluster can be reached");
	for (i = 0; lk_deadline_left_ms(deadline) > 0 && candidate(c, i, name);
	     i++) {
		last = ask_node(c, name,
		    lk_deadline_min(deadline, lk_deadline_in(2 * ms)), &up,
		    &epoch, error);
		if (last == LK_OK && (!c->known || up) && epoch >= c->epoch)
			goto taken;
		if (last == LK_OK && second[0] == '\0')
			memcpy(second, name, sizeof(second));
		refused |= last != LK_OK && last != LK_E_STORE &&
		    last != LK_E_TIMEOUT;
		if (last != LK_OK)
			status = last;
	}
	if (refused || second[0] == '\0')
		return (status);
	status = ask_node(c, second, deadline, &up, &epoch, error);
	if (status != LK_OK)
		return (status);
taken:
	c->epoch = epoch;
	return (LK_OK);
}

/* Whether it may be asked for now; the lock is held. */
static bool
is_due(const struct cluster *c)
{
	const int64_t ms = c->known ? ASK_LEAST_MS : ASK_AGAIN_MS;

	return (
	    c->asked_ns == 0 || lk_monotonic_ns() - c->asked_ns >= ms * MS_NS);
}

/* Ask, unless somebody does; the lock is held, and let go meanwhile. */
static void
ask_locked(struct cluster *c, struct lk_deadline deadline)
{
	struct lk_error error = { "" };
	enum lk_status status = LK_FAULT;

	if (c->asking)
		return;
	c->asking = true;
	c->asked_ns = lk_monotonic_ns();
	(void)pthread_mutex_unlock(&c->base.lock);
	status = ask_all(c, deadline, &error);
	(void)pthread_mutex_lock(&c->base.lock);
	c->asking = false;
	c->answers++;
	c->outcome = status;
	c->why = error;
	if (status == LK_OK)
		take_map(c);
	(void)pthread_cond_broadcast(&c->base.changed);
}

/* ---- Who has a slot ----------------------------------------------------- */

/* The slot's node, or any's; NULL: nobody's.  The lock is held. */
static struct node *
owner_of(struct cluster *c, int slot)
{
	uint16_t number = LK_REDIS_NOBODY;
	size_t i;

	if (slot != LK_REDIS_NO_SLOT)
		number = atomic_load(&c->owner[slot]);
	for (i = 0; slot == LK_REDIS_NO_SLOT && i < LK_REDIS_SLOTS &&
	     number == LK_REDIS_NOBODY;
	     i++)
		number = atomic_load(&c->owner[i]);
	return (number == LK_REDIS_NOBODY ? NULL : &c->nodes[number]);
}

static bool
tell(struct node *node, struct lk_redis_master *master)
{
	memcpy(master->name, node->name, sizeof(master->name));
	master->generation = atomic_load(&node->generation);
	master->current = &node->generation;
	master->met = &node->met;
	return (lk_address_parse(master->name, &master->address) == LK_OK);
}

static enum lk_status
cluster_find(struct lk_redis_topology *topology, int slot,
    struct lk_deadline deadline, struct lk_redis_master *master,
    struct lk_error *error)
{
	struct cluster *c = cluster_of(topology);
	enum lk_status status = LK_OK;
	struct node *node;
	uint64_t answers;
	bool waiting = true;

	(void)pthread_mutex_lock(&topology->lock);
	if ((!c->known || c->stale || owner_of(c, slot) == NULL) && is_due(c))
		ask_locked(c, deadline);
	answers = c->answers;
	while (!c->known && c->asking && c->answers == answers && waiting)
		waiting = lk_cond_wait(&topology->changed, &topology->lock,
		    deadline);
	node = owner_of(c, slot);
	if (node != NULL && tell(node, master))
		status = LK_OK;
	else if (c->known)
		status = lk_fail(error, LK_E_STORE,
		    "no node of the cluster has slot %d", slot);
	else if (c->outcome == LK_OK)
		status = lk_fail(error, LK_E_TIMEOUT,
		    "the cluster has not said in time who has which slot");
	else {
		status = c->outcome;
		*error = c->why;
	}
	(void)pthread_mutex_unlock(&topology->lock);
	return (status);
}

static bool
cluster_has(struct lk_redis_topology *topology, int slot,
    struct lk_redis_master *master)
{
	struct node *node;
	bool has;

	(void)pthread_mutex_lock(&topology->lock);
	node = owner_of(cluster_of(topology), slot);
	has = node != NULL && tell(node, master);
	(void)pthread_mutex_unlock(&topology->lock);
	return (has);
}

static bool
cluster_is_at(const struct lk_redis_topology *topology,
    const struct lk_redis_wire *wire, int slot)
{
	const struct cluster *c = (const struct cluster *)topology;
	uint16_t number;

	if (wire->manners.generation == NULL || !lk_redis_wire_is_current(wire))
		return (false);
	if (slot == LK_REDIS_NO_SLOT)
		return (true);
	number = atomic_load_explicit(&c->owner[slot], memory_order_acquire);
	return (number != LK_REDIS_NOBODY &&
	    wire->manners.generation == &c->nodes[number].generation);
}

static bool
cluster_node(struct lk_redis_topology *topology, const char *name,
    struct lk_redis_master *master)
{
	struct cluster *c = cluster_of(topology);
	uint16_t number;
	bool good;

	(void)pthread_mutex_lock(&topology->lock);
	number = list_node(c, name);
	good = number != LK_REDIS_NOBODY && tell(&c->nodes[number], master);
	(void)pthread_mutex_unlock(&topology->lock);
	return (good);
}

static void
cluster_moved(struct lk_redis_topology *topology, int slot, const char *name)
{
	struct cluster *c = cluster_of(topology);
	uint16_t number;

	(void)pthread_mutex_lock(&topology->lock);
	number = list_node(c, name);
	if (number != LK_REDIS_NOBODY)
		atomic_store(&c->owner[slot], number);
	c->stale = true;
	(void)pthread_mutex_unlock(&topology->lock);
}

static void
cluster_suspect(struct lk_redis_topology *topology,
    const struct lk_redis_wire *wire)
{
	struct cluster *c = cluster_of(topology);
	const struct node *node;

	(void)pthread_mutex_lock(&topology->lock);
	c->stale = true;
	/* Somebody else is asked first. */
	if ((node = node_of(c, wire)) != NULL)
		c->turn = (size_t)(node - c->nodes) + 1;
	(void)pthread_mutex_unlock(&topology->lock);
}

static int
cluster_next(struct lk_redis_topology *topology, int slot, uint64_t *print)
{
	struct cluster *c = cluster_of(topology);
	bool met[LK_REDIS_NODES_MAX] = { false };
	int next = LK_REDIS_NO_SLOT;
	uint16_t number;
	int i;

	(void)pthread_mutex_lock(&topology->lock);
	for (i = 0; i < LK_REDIS_SLOTS && next == LK_REDIS_NO_SLOT; i++) {
		number = atomic_load(&c->owner[i]);
		if (number == LK_REDIS_NOBODY || met[number])
			continue;
		met[number] = true;
		if (i > slot)
			next = i;
	}
	*print = c->print;
	(void)pthread_mutex_unlock(&topology->lock);
	return (next);
}

static struct lk_breaker *
cluster_breaker(struct lk_redis_topology *topology, int slot)
{
	struct cluster *c = cluster_of(topology);
	const uint16_t number = slot == LK_REDIS_NO_SLOT
	    ? LK_REDIS_NOBODY
	    : atomic_load(&c->owner[slot]);

	return (number == LK_REDIS_NOBODY ? topology->breaker
	                                  : &c->nodes[number].breaker);
}

/* ---- What outlasts a failover ------------------------------------------ */

static struct lk_redis_witnesses
cluster_witnesses(struct lk_redis_topology *topology,
    const struct lk_redis_wire *wire, bool all)
{
	const struct node *node = node_of(cluster_of(topology), wire);
	const size_t replicas = node == NULL ? 0 : atomic_load(&node->replicas);

	return ((struct lk_redis_witnesses){ .all = all,
	    .asked = all && replicas > 1 ? replicas : 1 });
}

/*
 * Any replica may be chosen that the cluster does not hold to be down, and the
 * one that is goes its own way before anybody else knows.  So all of them must
 * have it, of those that the map has and of those that the master has.
 */
static bool
cluster_outlasts(struct lk_redis_topology *topology, struct lk_redis_wire *wire,
    const struct lk_redis_fenced *fenced, struct lk_redis_witnesses witnesses,
    struct lk_deadline deadline, struct lk_error *error)
{
	const struct node *node = node_of(cluster_of(topology), wire);
	size_t needed = witnesses.asked;

	(void)deadline;
	if (node == NULL ||
	    atomic_load(&node->generation) != wire->generation) {
		lk_error_set(error, "redis at %s is no longer the master",
		    wire->name);
		return (false);
	}
	if (fenced->past.history[0] == '\0') {
		lk_error_set(error,
		    "redis at %s: INFO names no history of a "
		    "master",
		    wire->name);
		return (false);
	}
	if (witnesses.all && fenced->past.replicas > (int64_t)needed)
		needed = (size_t)fenced->past.replicas;
	if (fenced->acks >= needed)
		return (true);
	lk_error_set(error, "%zu of %zu replicas have it", fenced->acks,
	    needed);
	return (false);
}

static bool
cluster_fence_at(struct lk_redis_topology *topology,
    const struct lk_redis_wire *wire, struct lk_redis_key *key)
{
	char number[16];
	int i, len;

	for (i = 0; i < FENCE_TRIES_MAX; i++) {
		len = snprintf(number, sizeof(number), "%d", i);
		lk_redis_fence_key(&topology->fence, number, (size_t)len, key);
		if (cluster_is_at(topology, wire,
		        lk_redis_slot(key->text, key->len)))
			return (true);
	}
	return (false);
}

/* ---- The settings, and what is said of them ----------------------------- */

/* Whether both begin at a node that the other one has, too. */
static bool
cluster_is_same(const struct lk_settings *a, const struct lk_settings *b)
{
	const struct lk_strings *x = &a->store.cluster.addresses;
	const struct lk_strings *y = &b->store.cluster.addresses;
	size_t i, j;

	for (i = 0; i < x->n; i++) {
		for (j = 0; j < y->n; j++) {
			if (strcmp(x->v[i], y->v[j]) == 0)
				return (true);
		}
	}
	return (false);
}

static enum lk_status
cluster_inspect(struct lk_redis_topology *topology, struct lk_deadline deadline,
    lk_finding_fn *each, void *arg, struct lk_error *error)
{
	const struct lk_strings *seeds =
	    &topology->settings->store.cluster.addresses;
	struct cluster *c = cluster_of(topology);
	struct lk_redis_master master;
	enum lk_status status = LK_FAULT;
	char text[LK_HOST_MAX + 256];
	bool met[LK_REDIS_NODES_MAX] = { false };
	size_t i, masters = 0, orphans = 0;
	uint16_t number;

	for (i = 0; i < seeds->n; i++)
		lk_redis_inspect_address("store.cluster.addresses", seeds->v[i],
		    each, arg);
	status = cluster_find(&c->base, LK_REDIS_NO_SLOT, deadline, &master,
	    error);
	if (status != LK_OK)
		return (status);
	(void)pthread_mutex_lock(&c->base.lock);
	for (i = 0; i < LK_REDIS_SLOTS; i++) {
		number = atomic_load(&c->owner[i]);
		if (number == LK_REDIS_NOBODY)
			orphans++;
		else if (!met[number]) {
			met[number] = true;
			masters++;
		}
	}
	(void)pthread_mutex_unlock(&c->base.lock);
	(void)snprintf(text, sizeof(text), "%zu masters share the slots",
	    masters);
	each(arg, LK_FINDING_GOOD, text);
	if (orphans > 0) {
		(void)snprintf(text, sizeof(text),
		    "%zu slots have no master: whose sessions are there can "
		    "neither be checked nor begin",
		    orphans);
		each(arg, LK_FINDING_BAD, text);
	}
	return (LK_OK);
}

/* ---- Life -------------------------------------------------------------- */

static enum lk_status
cluster_make(const struct lk_redis_topology *base,
    struct lk_redis_topology **topology, struct lk_error *error)
{
	struct cluster *c = calloc(1, sizeof(*c));
	struct lk_redis_manners manners;
	enum lk_status status = LK_FAULT;
	size_t i;

	if (c == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	status = lk_redis_topology_set_up(&c->base, base, error);
	if (status != LK_OK) {
		free(c);
		return (status);
	}
	manners = lk_redis_topology_manners(&c->base);
	/* Replicas know the map as well. */
	manners.master = false;
	manners.generation = NULL;
	lk_redis_wire_init(&c->wire, &manners, NULL);
	for (i = 0; i < LK_REDIS_SLOTS; i++)
		atomic_init(&c->owner[i], LK_REDIS_NOBODY);
	for (i = 0; i < LK_REDIS_NODES_MAX; i++) {
		atomic_init(&c->nodes[i].generation, 1);
		lk_breaker_init(&c->nodes[i].breaker);
	}
	*topology = &c->base;
	return (LK_OK);
}

static void
cluster_leave_parent(struct lk_redis_topology *topology)
{
	lk_redis_wire_drop(&cluster_of(topology)->wire);
}

static void
cluster_free(struct lk_redis_topology *topology)
{
	struct cluster *c = cluster_of(topology);
	size_t i;

	lk_redis_wire_drop(&c->wire);
	for (i = 0; i < LK_REDIS_NODES_MAX; i++)
		lk_breaker_destroy(&c->nodes[i].breaker);
	lk_redis_topology_tear_down(topology);
	free(c);
}

static struct lk_deadline
cluster_tend(struct lk_redis_topology *topology, struct pollfd *listen)
{
	struct cluster *c = cluster_of(topology);
	struct lk_deadline next;
	int64_t ms;

	(void)listen;
	(void)pthread_mutex_lock(&topology->lock);
	ms = c->known && !c->stale ? ASK_MOST_MS : ASK_LEAST_MS;
	if (!c->known || lk_monotonic_ns() - c->asked_ns >= ms * MS_NS)
		ask_locked(c, lk_deadline_in(STEP_MS));
	ms = c->known && !c->stale ? ASK_MOST_MS : ASK_LEAST_MS;
	next.at_ns = c->asked_ns + ms * MS_NS;
	(void)pthread_mutex_unlock(&topology->lock);
	return (next);
}

const struct lk_redis_topology_ops lk_redis_cluster = { .moves = true,
	.make = cluster_make,
	.find = cluster_find,
	.has = cluster_has,
	.is_at = cluster_is_at,
	.moved = cluster_moved,
	.node = cluster_node,
	.next = cluster_next,
	.fence_at = cluster_fence_at,
	.breaker = cluster_breaker,
	.suspect = cluster_suspect,
	.witnesses = cluster_witnesses,
	.outlasts = cluster_outlasts,
	.is_same = cluster_is_same,
	.inspect = cluster_inspect,
	.leave_parent = cluster_leave_parent,
	.free = cluster_free,
	.tend = cluster_tend };
