#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "deadline.h"
#include "error.h"
#include "turns.h"

#define MS_NS INT64_C(1000000)
/* How many users are remembered; the next takes the place of the oldest. */
#define MEMORY_MAX 64

TAILQ_HEAD(askers, lk_turn);

struct memory {
	char id[LK_USER_ID_MAX + 1];
	int64_t until_ns;
};

struct lk_turns {
	pthread_mutex_t lock;
	pthread_cond_t given; /* a turn was */
	struct askers askers; /* the longest first */
	unsigned int asking;
	atomic_uint managers;
	unsigned int failures; /* in a row */
	int64_t closed_ns;     /* nobody asks until then; 0: open */
	int64_t span_ns;       /* for how long it was closed last */
	bool probing;
	struct memory memory[MEMORY_MAX];
	size_t next; /* in the memory */
};

struct lk_turns *
lk_turns_new(void)
{
	struct lk_turns *turns = calloc(1, sizeof(*turns));
	pthread_condattr_t attr;

	if (turns == NULL || pthread_condattr_init(&attr) != 0)
		goto fail;
	(void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	if (pthread_cond_init(&turns->given, &attr) != 0)
		goto fail;
	/* A plain one cannot fail. */
	(void)pthread_mutex_init(&turns->lock, NULL);
	TAILQ_INIT(&turns->askers);
	return (turns);

fail:
	free(turns);
	return (NULL);
}

void
lk_turns_free(struct lk_turns *turns)
{
	if (turns == NULL)
		return;
	(void)pthread_cond_destroy(&turns->given);
	(void)pthread_mutex_destroy(&turns->lock);
	free(turns);
}

void
lk_turns_join(struct lk_turns *turns)
{
	(void)atomic_fetch_add(&turns->managers, 1);
}

void
lk_turns_leave(struct lk_turns *turns)
{
	(void)atomic_fetch_sub(&turns->managers, 1);
}

/* ---- Taking ------------------------------------------------------------ */

static bool
is_remembered(const struct lk_turns *turns, const char *id, int64_t now_ns)
{
	size_t i;

	for (i = 0; i < MEMORY_MAX; i++) {
		if (now_ns < turns->memory[i].until_ns &&
		    strcmp(turns->memory[i].id, id) == 0)
			return (true);
	}
	return (false);
}

/* Under the lock: wait for room among those who ask; false if there is none. */
static bool
find_room(struct lk_turns *turns, struct lk_turn *turn)
{
	const unsigned int managers = atomic_load(&turns->managers);
	const unsigned int most = managers < 4 ? 1 : managers / 2;
	struct timespec until;
	int64_t end_ns;

	while (turns->asking >= most) {
		end_ns = TAILQ_FIRST(&turns->askers)->began_ns +
		    LK_TURNS_SLOW_MS * MS_NS;
		if (lk_monotonic_ns() >= end_ns)
			return (false);
		turn->waited = true;
		until.tv_sec = (time_t)(end_ns / (1000 * MS_NS));
		until.tv_nsec = (long)(end_ns % (1000 * MS_NS));
		(void)pthread_cond_timedwait(&turns->given, &turns->lock,
		    &until);
	}
	return (true);
}

/* Under the lock: why ${id} may not be asked about, or NULL. */
static const char *
admit(struct lk_turns *turns, const char *id, struct lk_turn *turn)
{
	if (!find_room(turns, turn))
		return ("the user source is slow, and as many ask it as may");
	if (is_remembered(turns, id, lk_monotonic_ns()))
		return ("the user source could not tell a moment ago");
	if (turns->closed_ns == 0)
		return (NULL);
	if (turns->probing || lk_monotonic_ns() < turns->closed_ns)
		return ("the user source has not answered several times in a "
		        "row, and is not asked for a moment");
	turns->probing = turn->probe = true;
	return (NULL);
}

enum lk_status
lk_turns_take(struct lk_turns *turns, const char *id, struct lk_turn *turn,
    struct lk_error *error)
{
	const char *wrong;

	memset(turn, 0, sizeof(*turn));
	(void)pthread_mutex_lock(&turns->lock);
	if ((wrong = admit(turns, id, turn)) == NULL) {
		turn->began_ns = lk_monotonic_ns();
		TAILQ_INSERT_TAIL(&turns->askers, turn, link);
		turns->asking++;
	}
	(void)pthread_mutex_unlock(&turns->lock);
	if (wrong != NULL)
		return (lk_fail(error, LK_E_STORE, "%s", wrong));
	return (LK_OK);
}

/* ---- Giving back ------------------------------------------------------- */

static void
remember(struct lk_turns *turns, const char *id, int64_t now_ns)
{
	struct memory *memory = &turns->memory[turns->next];

	turns->next = (turns->next + 1) % MEMORY_MAX;
	memory->until_ns = now_ns + LK_TURNS_MEMORY_MS * MS_NS;
	memcpy(memory->id, id, strnlen(id, LK_USER_ID_MAX) + 1);
	memory->id[LK_USER_ID_MAX] = '\0';
}

/* It hung, or as good as that. */
static void
note_failure(struct lk_turns *turns, bool probe, int64_t now_ns)
{
	turns->failures++;
	if (!probe && turns->failures < LK_TURNS_FAILURES)
		return;
	/* One that was asking when it was closed says nothing new. */
	if (!probe && turns->closed_ns != 0)
		return;
	turns->span_ns = probe ? 2 * turns->span_ns
	                       : LK_TURNS_CLOSED_MS * MS_NS;
	if (turns->span_ns > LK_TURNS_CLOSED_MAX_MS * MS_NS)
		turns->span_ns = LK_TURNS_CLOSED_MAX_MS * MS_NS;
	turns->closed_ns = now_ns + turns->span_ns;
}

void
lk_turns_give(struct lk_turns *turns, const char *id, struct lk_turn *turn,
    enum lk_status status)
{
	const int64_t now = lk_monotonic_ns();
	const bool hung = status < 0 &&
	    (status == LK_E_TIMEOUT ||
	        now - turn->began_ns >= LK_TURNS_SLOW_MS * MS_NS);

	(void)pthread_mutex_lock(&turns->lock);
	TAILQ_REMOVE(&turns->askers, turn, link);
	turns->asking--;
	if (turn->probe)
		turns->probing = false;
	if (hung) {
		remember(turns, id, now);
		note_failure(turns, turn->probe, now);
	} else {
		turns->failures = 0;
		turns->closed_ns = 0;
	}
	(void)pthread_cond_broadcast(&turns->given);
	(void)pthread_mutex_unlock(&turns->lock);
}
