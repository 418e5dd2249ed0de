/*
 * What a program gives a thread to: confirming the master before the last
 * confirmation is too old, noticing another one at once, and carrying
 * revocations over to it.
 */
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include <sodium.h>

#include "store/redis/master/hint.h"
#include "store/redis/master/watch.h"

#define MS_NS INT64_C(1000000)
/* How long one thing may take. */
#define STEP_MS 1000
/* Between two tries to carry over revocations to the same master, and two looks
 * at one that nobody else asks for a moment. */
#define REPLAY_MS 500
#define LOOK_BARRED_MS 250

struct run {
	struct lk_watch *watch;
	struct lk_redis_hint hint;
	struct lk_redis_wire wire; /* to carry over revocations */
	struct lk_error error;
	int64_t hinted_ns;                      /* when a hint came */
	char history[LK_REDIS_HISTORY_LEN + 1]; /* of the master that has been
	                                           told, or "" */

	/* When things are due, by lk_monotonic_ns(). */
	int64_t confirmed; /* was begun, the last time */
	int64_t confirm_at;
	int64_t hint_at;
	int64_t look_at;
	int64_t replay_at;
	unsigned int hint_tries;
};

static int64_t
in_ms(int64_t ms)
{
	return (lk_monotonic_ns() + ms * MS_NS);
}

/* ---- Confirming -------------------------------------------------------- */

/* Whether the master has lately been spoken against. */
static bool
is_in_doubt(const struct run *run)
{
	struct lk_watch *watch = run->watch;
	int64_t since = lk_redis_watch_now() - LK_WATCH_DOUBT_MS * MS_NS;
	bool doubt;

	(void)pthread_mutex_lock(&watch->lock);
	doubt = watch->known.suspect_ns > since || watch->answer != LK_OK;
	(void)pthread_mutex_unlock(&watch->lock);
	return (doubt || run->hinted_ns > since);
}

/*
 * Half of what a confirmation may be old, and less if one takes long: the next
 * must be there before this one is too old.
 */
static int64_t
confirm_every_ms(const struct run *run)
{
	if (is_in_doubt(run))
		return (LK_WATCH_DOUBT_EVERY_MS);
	return (run->watch->bound_ns / MS_NS / 2);
}

static void
confirm(struct run *run)
{
	const struct lk_redis_settings *redis =
	    &run->watch->settings->store.redis;
	const int64_t began = lk_monotonic_ns();
	/* Others may take the answer, and have no longer. */
	struct lk_deadline deadline = lk_deadline_in(
	    redis->command_timeout_ms < STEP_MS ? redis->command_timeout_ms
	                                        : STEP_MS);
	enum lk_status status = lk_redis_watch_confirm(run->watch,
	    lk_redis_watch_now(), deadline, &run->error);

	run->confirmed = began;
	run->confirm_at = began + confirm_every_ms(run) * MS_NS;
	/* Those that are refused at once are not asked all the time. */
	if (status != LK_OK && run->confirm_at < in_ms(LK_BACKOFF_MS))
		run->confirm_at = in_ms(LK_BACKOFF_MS);
}

/* ---- Hints ------------------------------------------------------------- */

static void
listen_for_hints(struct run *run)
{
	const struct lk_settings *settings = run->watch->settings;
	struct lk_deadline deadline = lk_deadline_min(lk_deadline_in(STEP_MS),
	    lk_deadline_in(settings->store.redis.connect_timeout_ms));

	if (lk_redis_hint_open(&run->hint, settings, deadline))
		run->hint_tries = 0;
	else
		run->hint_tries++;
	run->hint_at = in_ms(
	    lk_backoff_ms(run->hint_tries, randombytes_random()));
}

static void
take_hint(struct run *run)
{
	if (!lk_redis_hint_read(&run->hint))
		return;
	run->hinted_ns = lk_redis_watch_now();
	/* At once, but not as often as somebody may like to say it. */
	if (run->confirm_at > run->confirmed + LK_BACKOFF_MS * MS_NS)
		run->confirm_at = run->confirmed + LK_BACKOFF_MS * MS_NS;
}

/* ---- At the master ----------------------------------------------------- */

static enum lk_status
connect_to_master(struct run *run, struct lk_deadline deadline)
{
	struct lk_redis_wire *wire = &run->wire;
	struct lk_redis_master master;
	enum lk_status status = LK_FAULT;

	status = lk_redis_watch_find(run->watch, deadline, &master,
	    &run->error);
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
replay(struct run *run)
{
	const struct lk_deadline deadline = lk_deadline_in(STEP_MS);

	if (connect_to_master(run, deadline) != LK_OK ||
	    lk_redis_watch_replay(run->watch, &run->wire, deadline) != LK_OK)
		run->replay_at = in_ms(REPLAY_MS);
}

/*
 * See what past the master has.  One of another history than before, and be it
 * the same server, is told of the revocations.
 */
static void
look(struct run *run)
{
	const int64_t ms = run->watch->settings->store.redis.connect_timeout_ms;
	const struct lk_deadline deadline = lk_deadline_in(
	    ms < STEP_MS ? ms : STEP_MS);
	struct lk_redis_past past;

	run->look_at = in_ms(run->watch->bound_ns / MS_NS / 2);
	if (connect_to_master(run, deadline) != LK_OK ||
	    lk_redis_past_ask(&run->wire, deadline, &past) != LK_OK)
		return;
	if (lk_redis_watch_saw(run->watch, run->wire.generation, &past))
		run->confirm_at = lk_monotonic_ns();
	if (strcmp(past.history, run->history) != 0 &&
	    lk_redis_watch_tell(run->watch, &run->wire, deadline) == LK_OK)
		memcpy(run->history, past.history, sizeof(run->history));
}

/* ---- All of it --------------------------------------------------------- */

/* Whether it is time for something, and nobody waits for us to stop. */
static bool
is_due(const struct run *run, int64_t at, bool wanted)
{
	return (wanted && lk_monotonic_ns() >= at &&
	    !atomic_load(&run->watch->stopping));
}

static void
step(struct run *run)
{
	struct lk_watch *watch = run->watch;
	int64_t soon;

	if (is_due(run, run->confirm_at, watch->sentinel))
		confirm(run);
	if (is_due(run, run->look_at, watch->sentinel))
		look(run);
	if (is_due(run, run->hint_at,
	        watch->sentinel &&
	            !lk_redis_channel_is_open(&run->hint.channel)))
		listen_for_hints(run);
	if (is_due(run, run->replay_at, atomic_load(&watch->owes)))
		replay(run);
	/* What was heard meanwhile may bring it forward. */
	if (atomic_load(&watch->barred) && run->look_at > in_ms(LOOK_BARRED_MS))
		run->look_at = in_ms(LOOK_BARRED_MS);
	if (watch->sentinel) {
		soon = lk_monotonic_ns() + confirm_every_ms(run) * MS_NS;
		if (run->confirm_at > soon)
			run->confirm_at = soon;
	}
}

/* How long there is nothing to do, in ms; -1: for ever. */
static int
idle_ms(const struct run *run)
{
	struct lk_deadline next = { .at_ns = INT64_MAX };

	if (run->watch->sentinel) {
		next.at_ns = run->confirm_at;
		next = lk_deadline_min(next,
		    (struct lk_deadline){ run->look_at });
		if (!lk_redis_channel_is_open(&run->hint.channel))
			next = lk_deadline_min(next,
			    (struct lk_deadline){ run->hint_at });
	}
	if (atomic_load(&run->watch->owes))
		next = lk_deadline_min(next,
		    (struct lk_deadline){ run->replay_at });
	return (next.at_ns == INT64_MAX ? -1 : lk_deadline_left_ms(next));
}

static void
wait_for_something(struct run *run)
{
	struct pollfd p[2] = { { .fd = run->watch->wake, .events = POLLIN },
		lk_stream_poll(&run->hint.channel.stream, POLLIN) };
	uint64_t woken;

	if (poll(p, 2, lk_stream_is_due(&p[1]) ? 0 : idle_ms(run)) < 0)
		return;
	/* It is read so that it does not wake again. */
	if (p[0].revents != 0 &&
	    read(run->watch->wake, &woken, sizeof(woken)) < 0)
		return;
	if (lk_stream_is_due(&p[1]))
		take_hint(run);
}

void
lk_watch_run(struct lk_watch *watch)
{
	const struct lk_redis_manners manners = {
		.settings = &watch->settings->store.redis,
		.master = watch->sentinel,
		.generation = watch->sentinel ? &watch->generation : NULL
	};
	struct run run = { .watch = watch };
	const bool replicates = watch->settings->store.backend ==
	        LK_BACKEND_REDIS &&
	    watch->settings->store.durability == LK_DURABILITY_REPLICA;

	if (watch->wake < 0 || (!watch->sentinel && !replicates))
		return;
	lk_redis_wire_init(&run.wire, &manners, &run.error);
	atomic_store(&watch->running, true);
	while (!atomic_load(&watch->stopping)) {
		step(&run);
		wait_for_something(&run);
	}
	atomic_store(&watch->running, false);
	lk_redis_wire_drop(&run.wire);
	lk_redis_hint_close(&run.hint);
}
