#include <sys/eventfd.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/redis/master/watch.h"

/* How long one thing may take. */
#define STEP_MS 1000
/* Between two tries to carry over revocations to the same master, and two looks
 * at one that nobody else asks for a moment. */
#define SECURE_EVERY_MS 500
#define LOOK_BARRED_MS 250
/* Between two visits to several masters, to tell each what it may not have. */
#define VISIT_EVERY_MS 10000

/* ---- What wakes it ----------------------------------------------------- */

/* Let lk_watch_run() look at things now. */
static void
wake(struct lk_redis_watch *watch)
{
	const uint64_t one = 1;

	/* It fails only if it is awake already. */
	if (watch->wake >= 0 && write(watch->wake, &one, sizeof(one)) < 0)
		return;
}

void
lk_redis_watch_leave_parent(struct lk_redis_watch *watch)
{
	if (watch->topology->ops->leave_parent != NULL)
		watch->topology->ops->leave_parent(watch->topology);
	lk_redis_carried_forget(&watch->carried);
}

void
lk_redis_watch_suspect(struct lk_redis_watch *watch,
    const struct lk_redis_wire *wire)
{
	if (watch->topology->ops->suspect == NULL)
		return;
	watch->topology->ops->suspect(watch->topology, wire);
	wake(watch);
}

void
lk_redis_watch_moved(struct lk_redis_watch *watch, int slot, const char *name)
{
	watch->topology->ops->moved(watch->topology, slot, name);
	wake(watch);
}

struct lk_breaker *
lk_redis_watch_breaker(struct lk_redis_watch *watch, int slot)
{
	return (watch->topology->ops->breaker == NULL
	        ? &watch->breaker
	        : watch->topology->ops->breaker(watch->topology, slot));
}

void
lk_redis_watch_note(struct lk_redis_watch *watch, struct lk_breaker *breaker,
    bool probe, bool answered, int64_t began_ns)
{
	if (lk_breaker_note(breaker, probe, answered, began_ns,
	        answered ? 0 : lk_monotonic_ns()))
		LK_LOG(watch->base.log, LK_LOG_DEBUG,
		    "the store is asked by nobody for a moment",
		    { "reason", "it has not answered several times in a row" });
}

void
lk_redis_watch_owe(struct lk_redis_watch *watch,
    const struct lk_redis_revocation *revocation)
{
	lk_redis_carried_add(&watch->carried, revocation);
	if (!revocation->durable)
		wake(watch);
}

/* ---- What it has a thread for ------------------------------------------ */

/* The thread's connection to the master, and when something is due. */
struct run {
	struct lk_redis_watch *watch;
	struct lk_redis_wire wire;
	struct lk_error error;
	char history[LK_REDIS_HISTORY_LEN + 1]; /* of the master that has been
	                                           told, or "" */
	struct lk_deadline look_at;
	struct lk_deadline secure_at;
	struct lk_deadline visit_at; /* where there are several masters */
};

static enum lk_status
connect_to_master(struct run *run, int slot, struct lk_deadline deadline)
{
	struct lk_redis_topology *topology = run->watch->topology;
	struct lk_redis_wire *wire = &run->wire;
	struct lk_redis_master master;
	enum lk_status status = LK_FAULT;

	status = topology->ops->find(topology, slot, deadline, &master,
	    &run->error);
	if (status == LK_OK &&
	    (!lk_redis_wire_is_open(wire) ||
	        wire->manners.generation != master.current ||
	        wire->generation != master.generation ||
	        !lk_redis_wire_is_quiet(wire))) {
		wire->manners.generation = master.current;
		status = lk_redis_wire_open(wire, &master.address, master.name,
		    master.generation, deadline);
	}
	return (status);
}

/* Carry over revocations, and see that replicas have them. */
static void
secure(struct run *run)
{
	struct lk_redis_topology *topology = run->watch->topology;
	struct lk_deadline deadline;
	int slot = LK_REDIS_NO_SLOT;
	uint64_t print;

	do {
		deadline = lk_deadline_in(STEP_MS);
		if (topology->ops->next != NULL &&
		    (slot = topology->ops->next(topology, slot, &print)) ==
		        LK_REDIS_NO_SLOT)
			break;
		if (connect_to_master(run, slot, deadline) != LK_OK ||
		    lk_redis_carried_secure(&run->watch->carried, &run->wire,
		        deadline) != LK_OK)
			run->secure_at = lk_deadline_in(SECURE_EVERY_MS);
	} while (
	    slot != LK_REDIS_NO_SLOT && !atomic_load(&run->watch->stopping));
	run->visit_at = lk_deadline_in(VISIT_EVERY_MS);
}

/*
 * See what past the master has; so it can be asked by everybody.  One of
 * another history than before, and be it the same server, is told of the
 * revocations.
 */
static void
look(struct run *run)
{
	struct lk_redis_watch *watch = run->watch;
	struct lk_redis_topology *topology = watch->topology;
	const int64_t ms = topology->settings->store.redis.connect_timeout_ms;
	const struct lk_deadline deadline = lk_deadline_in(
	    ms < STEP_MS ? ms : STEP_MS);
	struct lk_redis_past past;

	run->look_at.at_ns = lk_monotonic_ns() + topology->bound_ns / 2;
	if (connect_to_master(run, LK_REDIS_NO_SLOT, deadline) != LK_OK ||
	    lk_redis_past_ask(&run->wire, deadline, &past) != LK_OK)
		return;
	if (lk_breaker_close(&watch->breaker))
		LK_LOG(watch->base.log, LK_LOG_DEBUG,
		    "the master answers again", { "master", run->wire.name });
	topology->ops->saw(topology, run->wire.generation, &past);
	if (strcmp(past.history, run->history) != 0 &&
	    lk_redis_carried_tell(&watch->carried, &run->wire, deadline) ==
	        LK_OK)
		memcpy(run->history, past.history, sizeof(run->history));
}

/* Whether it is time for something, and nobody waits for us to stop. */
static bool
is_due(const struct run *run, struct lk_deadline at)
{
	return (lk_deadline_left_ms(at) == 0 &&
	    !atomic_load(&run->watch->stopping));
}

/* Do what is due; returns when something will be, and what to listen to. */
static struct lk_deadline
step(struct run *run, struct pollfd *listen)
{
	struct lk_redis_watch *watch = run->watch;
	struct lk_redis_topology *topology = watch->topology;
	const bool looks = topology->ops->saw != NULL;
	const bool visits = topology->ops->next != NULL &&
	    atomic_load(&watch->carried.remembers);
	struct lk_deadline next = { .at_ns = INT64_MAX };

	if (topology->ops->tend != NULL)
		next = topology->ops->tend(topology, listen);
	if (looks && is_due(run, run->look_at))
		look(run);
	if ((atomic_load(&watch->carried.owes) &&
	        is_due(run, run->secure_at)) ||
	    (visits && is_due(run, run->visit_at)))
		secure(run);
	if (lk_breaker_is_barred(&watch->breaker))
		run->look_at = lk_deadline_min(run->look_at,
		    lk_deadline_in(LOOK_BARRED_MS));
	if (looks)
		next = lk_deadline_min(next, run->look_at);
	if (visits)
		next = lk_deadline_min(next, run->visit_at);
	if (atomic_load(&watch->carried.owes))
		next = lk_deadline_min(next, run->secure_at);
	return (next);
}

static void
run_until_stopped(struct run *run)
{
	struct pollfd p[2] = { { .fd = run->watch->wake, .events = POLLIN } };
	struct lk_deadline next;
	uint64_t woken;
	int ms;

	while (!atomic_load(&run->watch->stopping)) {
		p[1] = (struct pollfd){ .fd = -1 };
		next = step(run, &p[1]);
		ms = next.at_ns == INT64_MAX ? -1 : lk_deadline_left_ms(next);
		p[0].revents = 0;
		/* It is read so that it does not wake again. */
		if (poll(p, 2, lk_stream_is_due(&p[1]) ? 0 : ms) > 0 &&
		    p[0].revents != 0 &&
		    read(run->watch->wake, &woken, sizeof(woken)) < 0)
			continue;
	}
}

/* ---- As the operations of struct lk_watch ------------------------------ */

static void
redis_watch_run(struct lk_watch *base)
{
	struct lk_redis_watch *watch = lk_redis_watch_of(base);
	struct lk_redis_topology *topology = watch->topology;
	const struct lk_redis_manners manners = lk_redis_topology_manners(
	    topology);
	struct run run = { .watch = watch };

	if (topology->ops->tend == NULL &&
	    base->settings->store.durability != LK_DURABILITY_REPLICA)
		return;
	lk_redis_wire_init(&run.wire, &manners, &run.error);
	atomic_store(&watch->running, true);
	run_until_stopped(&run);
	atomic_store(&watch->running, false);
	lk_redis_wire_drop(&run.wire);
}

static void
redis_watch_stop(struct lk_watch *base)
{
	struct lk_redis_watch *watch = lk_redis_watch_of(base);

	atomic_store(&watch->stopping, true);
	wake(watch);
}

/* Only what is known of the same sessions in the same store is of use. */
static void
redis_watch_take(struct lk_watch *base, struct lk_watch *from_base)
{
	const struct lk_settings *a = base->settings, *b = from_base->settings;
	struct lk_redis_watch *watch = lk_redis_watch_of(base);
	struct lk_redis_watch *from = lk_redis_watch_of(from_base);
	const struct lk_redis_topology_ops *ops = watch->topology->ops;

	if (ops != from->topology->ops || !ops->is_same(a, b) ||
	    a->store.redis.database != b->store.redis.database ||
	    watch->keys != from->keys ||
	    (watch->keys->is_same != NULL && !watch->keys->is_same(a, b)))
		return;
	if (ops->learn != NULL)
		ops->learn(watch->topology, from->topology);
	lk_redis_carried_take(&watch->carried, &from->carried);
	wake(watch);
}

static void
redis_watch_free(struct lk_watch *base)
{
	struct lk_redis_watch *watch = lk_redis_watch_of(base);

	lk_redis_carried_destroy(&watch->carried);
	watch->topology->ops->free(watch->topology);
	lk_breaker_destroy(&watch->breaker);
	if (watch->wake >= 0)
		(void)close(watch->wake);
	free(watch);
}

/* ---- Life -------------------------------------------------------------- */

enum lk_status
lk_redis_watch_new(const struct lk_watch *base, struct lk_redis_watch **watchp,
    struct lk_error *error)
{
	static const struct lk_watch_ops ops = { .run = redis_watch_run,
		.stop = redis_watch_stop,
		.take = redis_watch_take,
		.free = redis_watch_free };
	const struct lk_settings *settings = base->settings;
	struct lk_redis_watch *watch = calloc(1, sizeof(*watch));
	static const struct lk_redis_topology_ops *const topologies[] = {
		[LK_BACKEND_REDIS] = &lk_redis_single,
		[LK_BACKEND_SENTINEL] = &lk_redis_sentinel,
		[LK_BACKEND_CLUSTER] = &lk_redis_cluster
	};
	struct lk_redis_topology start = {
		.ops = topologies[settings->store.backend],
		.settings = settings,
		.log = base->log,
		.fence.patience_ms = settings->store.durability_timeout_ms
	};
	enum lk_status status = LK_FAULT;

	*watchp = NULL;
	if (watch == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	watch->base = *base;
	watch->base.ops = &ops;
	watch->keys = lk_redis_layout_of(settings)->keys;
	watch->wake = -1;
	watch->keys->fence_key(settings, &start.fence.key);
	start.breaker = &watch->breaker;
	status = start.ops->make(&start, &watch->topology, error);
	if (status != LK_OK) {
		free(watch);
		return (status);
	}
	lk_breaker_init(&watch->breaker);
	lk_redis_carried_init(&watch->carried, watch->topology);
	*watchp = watch;
	return (LK_OK);
}

enum lk_status
lk_redis_watch_make(const struct lk_watch *base, struct lk_watch **watchp,
    struct lk_error *error)
{
	struct lk_redis_watch *watch;
	enum lk_status status = LK_FAULT;

	status = lk_redis_watch_new(base, &watch, error);
	if (status != LK_OK)
		return (status);
	watch->wake = lk_fd_above(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (watch->wake >= 0) {
		*watchp = &watch->base;
		return (LK_OK);
	}
	redis_watch_free(&watch->base);
	return (lk_fail(error, LK_E_NOMEM, "no descriptor"));
}
