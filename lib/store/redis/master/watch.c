#include <sys/eventfd.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/fd.h"
#include "store/redis/master/watch.h"

#define MS_NS INT64_C(1000000)
/* How long one thing may take. */
#define STEP_MS 1000
/* Between two tries to carry over revocations to the same master, and two looks
 * at one that nobody else asks for a moment. */
#define SECURE_EVERY_MS 500
#define LOOK_BARRED_MS 250

/* ---- Life -------------------------------------------------------------- */

void
lk_redis_watch_free(struct lk_redis_watch *watch)
{
	if (watch == NULL)
		return;
	lk_redis_carried_destroy(&watch->carried);
	lk_redis_topology_free(watch->topology);
	lk_breaker_destroy(&watch->breaker);
	if (watch->wake >= 0)
		(void)close(watch->wake);
	free(watch);
}

/* The one of the settings' backend. */
static enum lk_status
new_topology(struct lk_redis_watch *watch, struct lk_error *error)
{
	const struct lk_settings *settings = watch->base.settings;
	struct lk_redis_topology base = { .ops = settings->store.backend ==
		        LK_BACKEND_SENTINEL
		    ? &lk_redis_sentinel
		    : &lk_redis_single,
		.settings = settings,
		.log = watch->base.log,
		.breaker = &watch->breaker,
		.fence.patience_ms = settings->store.durability_timeout_ms };

	watch->keys->fence_key(settings, &base.fence.key);
	return (base.ops->make(&base, &watch->topology, error));
}

enum lk_status
lk_redis_watch_new(const struct lk_settings *settings,
    const struct lk_redis_keyspace *keys, const struct lk_log *log,
    struct lk_redis_watch **watchp, struct lk_error *error)
{
	struct lk_redis_watch *watch = calloc(1, sizeof(*watch));
	enum lk_status status = LK_FAULT;

	*watchp = NULL;
	if (watch == NULL || !lk_breaker_init(&watch->breaker)) {
		free(watch);
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	}
	watch->base.settings = settings;
	watch->base.log = log;
	watch->keys = keys;
	watch->wake = -1;
	status = new_topology(watch, error);
	if (status == LK_OK &&
	    !lk_redis_carried_init(&watch->carried, watch->topology))
		status = lk_fail(error, LK_E_NOMEM, "out of memory");
	if (status == LK_OK) {
		*watchp = watch;
		return (LK_OK);
	}
	lk_redis_topology_free(watch->topology);
	lk_breaker_destroy(&watch->breaker);
	free(watch);
	return (status);
}

void
lk_redis_watch_leave_parent(struct lk_redis_watch *watch)
{
	if (watch->topology->ops->leave_parent != NULL)
		watch->topology->ops->leave_parent(watch->topology);
	lk_redis_carried_forget(&watch->carried);
}

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
lk_redis_watch_suspect(struct lk_redis_watch *watch, unsigned int generation)
{
	if (watch->topology->ops->suspect == NULL)
		return;
	watch->topology->ops->suspect(watch->topology, generation);
	wake(watch);
}

void
lk_redis_watch_note(struct lk_redis_watch *watch, bool probe, bool answered,
    int64_t began_ns)
{
	if (lk_breaker_note(&watch->breaker, probe, answered, began_ns,
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

/* The thread's connection to the master, and what is due, by
 * lk_monotonic_ns(). */
struct run {
	struct lk_redis_watch *watch;
	struct lk_redis_wire wire;
	struct lk_error error;
	char history[LK_REDIS_HISTORY_LEN + 1]; /* of the master that has been
	                                           told, or "" */
	int64_t look_at;
	int64_t secure_at;
};

static int64_t
in_ms(int64_t ms)
{
	return (lk_monotonic_ns() + ms * MS_NS);
}

static enum lk_status
connect_to_master(struct run *run, struct lk_deadline deadline)
{
	struct lk_redis_topology *topology = run->watch->topology;
	struct lk_redis_wire *wire = &run->wire;
	struct lk_redis_master master;
	enum lk_status status = LK_FAULT;

	status = topology->ops->find(topology, deadline, &master, &run->error);
	if (status == LK_OK &&
	    (!lk_redis_wire_is_open(wire) ||
	        wire->generation != master.generation ||
	        !lk_redis_wire_is_quiet(wire)))
		status = lk_redis_wire_open(wire, &master.address, master.name,
		    master.generation, deadline);
	return (status);
}

/* Carry over revocations, and see that replicas have them. */
static void
secure(struct run *run)
{
	const struct lk_deadline deadline = lk_deadline_in(STEP_MS);

	if (connect_to_master(run, deadline) != LK_OK ||
	    lk_redis_carried_secure(&run->watch->carried, &run->wire,
	        deadline) != LK_OK)
		run->secure_at = in_ms(SECURE_EVERY_MS);
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

	run->look_at = in_ms(topology->bound_ns / MS_NS / 2);
	if (connect_to_master(run, deadline) != LK_OK ||
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
is_due(const struct run *run, int64_t at, bool wanted)
{
	return (wanted && lk_monotonic_ns() >= at &&
	    !atomic_load(&run->watch->stopping));
}

/* Do what is due; returns when something will be, and what to listen to. */
static struct lk_deadline
step(struct run *run, struct pollfd *listen)
{
	struct lk_redis_watch *watch = run->watch;
	struct lk_redis_topology *topology = watch->topology;
	const bool tended = topology->ops->tend != NULL;
	struct lk_deadline next = { .at_ns = INT64_MAX };

	if (tended)
		next = topology->ops->tend(topology, listen);
	if (is_due(run, run->look_at, tended))
		look(run);
	if (is_due(run, run->secure_at, atomic_load(&watch->carried.owes)))
		secure(run);
	if (lk_breaker_is_barred(&watch->breaker) &&
	    run->look_at > in_ms(LOOK_BARRED_MS))
		run->look_at = in_ms(LOOK_BARRED_MS);
	if (tended)
		next = lk_deadline_min(next,
		    (struct lk_deadline){ run->look_at });
	if (atomic_load(&watch->carried.owes))
		next = lk_deadline_min(next,
		    (struct lk_deadline){ run->secure_at });
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

/* Whether both are for the same sessions of the same store. */
static bool
is_same_store(const struct lk_redis_watch *one,
    const struct lk_redis_watch *other)
{
	const struct lk_settings *a = one->base.settings;
	const struct lk_settings *b = other->base.settings;

	return (one->topology->ops == other->topology->ops &&
	    a->store.redis.database == b->store.redis.database &&
	    one->keys == other->keys && one->keys->is_same(a, b) &&
	    one->topology->ops->is_same(a, b));
}

static void
redis_watch_take(struct lk_watch *base, struct lk_watch *from_base)
{
	struct lk_redis_watch *watch = lk_redis_watch_of(base);
	struct lk_redis_watch *from = lk_redis_watch_of(from_base);
	const struct lk_redis_topology *topology = watch->topology;

	if (!is_same_store(watch, from))
		return;
	if (topology->ops->learn != NULL)
		topology->ops->learn(watch->topology, from->topology);
	lk_redis_carried_take(&watch->carried, &from->carried);
	wake(watch);
}

static void
redis_watch_free(struct lk_watch *base)
{
	lk_redis_watch_free(lk_redis_watch_of(base));
}

enum lk_status
lk_redis_watch_make(const struct lk_watch *base,
    const struct lk_redis_keyspace *keys, struct lk_watch **watchp,
    struct lk_error *error)
{
	static const struct lk_watch_ops ops = { .run = redis_watch_run,
		.stop = redis_watch_stop,
		.take = redis_watch_take,
		.free = redis_watch_free };
	struct lk_redis_watch *watch;
	enum lk_status status = LK_FAULT;

	status = lk_redis_watch_new(base->settings, keys, base->log, &watch,
	    error);
	if (status != LK_OK)
		return (status);
	watch->base.ops = &ops;
	watch->wake = lk_fd_above(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
	if (watch->wake >= 0) {
		*watchp = &watch->base;
		return (LK_OK);
	}
	lk_redis_watch_free(watch);
	return (lk_fail(error, LK_E_NOMEM, "no descriptor"));
}
