#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/self.h"
#include "base/deadline.h"
#include "base/error.h"
#include "base/turns.h"

#define MS_NS INT64_C(1000000)
/* How many users are remembered; the next takes the place of the oldest. */
#define MEMORY_MAX 64

struct memory {
	char id[LK_USER_ID_MAX + 1];
	int64_t until_ns;
};

/* Who asks, in one process. */
struct table {
	unsigned long process;
	struct table *inherited; /* of the process that this one is a child of:
	                            its lock may be held for ever */
	pthread_mutex_t lock;
	pthread_cond_t given;   /* a turn was */
	struct lk_turn *oldest; /* of those who ask */
	unsigned int asking;
	unsigned int waiting;
	bool slow;             /* was the last answer */
	unsigned int failures; /* in a row */
	int64_t closed_ns;     /* nobody asks until then; 0: open */
	int64_t span_ns;       /* for how long it was closed last */
	bool probing;
	struct memory *memory; /* MEMORY_MAX of them; NULL: of nobody yet */
	size_t next;           /* in the memory */
};

struct lk_turns {
	atomic_uint managers;
	_Atomic(struct table *) table;
};

/* ---- Life -------------------------------------------------------------- */

static struct table *
table_new(void)
{
	struct table *table = calloc(1, sizeof(*table));

	if (table == NULL)
		return (NULL);
	lk_cond_init(&table->given);
	/* A plain one cannot fail. */
	(void)pthread_mutex_init(&table->lock, NULL);
	table->process = lk_process();
	return (table);
}

static void
table_free(struct table *table)
{
	/* Threads that are not here may be in what was inherited. */
	if (table->process == lk_process()) {
		(void)pthread_cond_destroy(&table->given);
		(void)pthread_mutex_destroy(&table->lock);
	}
	free(table->memory);
	free(table);
}

/* This process' own; NULL without memory. */
static struct table *
table_of(struct lk_turns *turns)
{
	struct table *table = atomic_load(&turns->table), *fresh;

	if (table->process == lk_process())
		return (table);
	if ((fresh = table_new()) == NULL)
		return (NULL);
	fresh->inherited = table;
	if (atomic_compare_exchange_strong(&turns->table, &table, fresh))
		return (fresh);
	/* Another thread of this child was faster. */
	table_free(fresh);
	return (table);
}

struct lk_turns *
lk_turns_new(void)
{
	struct lk_turns *turns = calloc(1, sizeof(*turns));
	struct table *table = table_new();

	if (turns == NULL || table == NULL) {
		if (table != NULL)
			table_free(table);
		free(turns);
		return (NULL);
	}
	atomic_init(&turns->table, table);
	return (turns);
}

void
lk_turns_free(struct lk_turns *turns)
{
	struct table *table, *inherited;

	if (turns == NULL)
		return;
	for (table = atomic_load(&turns->table); table != NULL;
	     table = inherited) {
		inherited = table->inherited;
		table_free(table);
	}
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
is_remembered(const struct table *table, const char *id, int64_t now_ns)
{
	size_t i;

	for (i = 0; table->memory != NULL && i < MEMORY_MAX; i++) {
		if (now_ns < table->memory[i].until_ns &&
		    strcmp(table->memory[i].id, id) == 0)
			return (true);
	}
	return (false);
}

/*
 * Under the lock: wait for room among those who ask; false if there is none.
 * With many to ask about, a slow source would keep all managers waiting.
 */
static bool
find_room(struct table *table, unsigned int managers, struct lk_turn *turn)
{
	const unsigned int most = managers < 4 ? 1 : managers / 2;
	struct lk_deadline end;
	bool crowded;

	if (table->asking < most)
		return (true);
	turn->waited = true;
	table->waiting++;
	while (table->asking >= most) {
		crowded = table->waiting > managers / 4;
		end.at_ns = table->oldest->began_ns +
		    (crowded ? LK_TURNS_QUICK_MS : LK_TURNS_SLOW_MS) * MS_NS;
		if ((crowded && table->slow) || lk_monotonic_ns() >= end.at_ns)
			break;
		(void)lk_cond_wait(&table->given, &table->lock, end);
	}
	table->waiting--;
	return (table->asking < most);
}

/* Under the lock: why ${id} may not be asked about, or NULL. */
static const char *
admit(struct table *table, unsigned int managers, const char *id,
    struct lk_turn *turn)
{
	if (!find_room(table, managers, turn))
		return ("the user source is slow, and as many ask it as may");
	if (is_remembered(table, id, lk_monotonic_ns()))
		return ("the user source could not tell a moment ago");
	if (table->closed_ns == 0)
		return (NULL);
	if (table->probing || lk_monotonic_ns() < table->closed_ns)
		return ("the user source has not answered several times in a "
		        "row, and is not asked for a moment");
	table->probing = turn->probe = true;
	return (NULL);
}

enum lk_status
lk_turns_take(struct lk_turns *turns, const char *id, struct lk_turn *turn,
    struct lk_error *error)
{
	struct table *table = table_of(turns);
	struct lk_turn **last;
	const char *wrong;

	memset(turn, 0, sizeof(*turn));
	if (table == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	(void)pthread_mutex_lock(&table->lock);
	if ((wrong = admit(table, atomic_load(&turns->managers), id, turn)) ==
	    NULL) {
		turn->began_ns = lk_monotonic_ns();
		for (last = &table->oldest; *last != NULL;)
			last = &(*last)->next;
		*last = turn;
		table->asking++;
	}
	(void)pthread_mutex_unlock(&table->lock);
	if (wrong != NULL)
		return (lk_fail(error, LK_E_STORE, "%s", wrong));
	return (LK_OK);
}

/* ---- Giving back ------------------------------------------------------- */

static void
remember(struct table *table, const char *id, int64_t now_ns)
{
	struct memory *memory;

	if (table->memory == NULL)
		table->memory = calloc(MEMORY_MAX, sizeof(*table->memory));
	/* Without memory, the next who asks about this user waits as well. */
	if (table->memory == NULL)
		return;
	memory = &table->memory[table->next];
	table->next = (table->next + 1) % MEMORY_MAX;
	memory->until_ns = now_ns + LK_TURNS_MEMORY_MS * MS_NS;
	memcpy(memory->id, id, strnlen(id, LK_USER_ID_MAX) + 1);
	memory->id[LK_USER_ID_MAX] = '\0';
}

/* It hung, or as good as that. */
static void
note_failure(struct table *table, bool probe, int64_t now_ns)
{
	table->failures++;
	if (!probe && table->failures < LK_TURNS_FAILURES)
		return;
	/* One that was asking when it was closed says nothing new. */
	if (!probe && table->closed_ns != 0)
		return;
	table->span_ns = probe ? 2 * table->span_ns
	                       : LK_TURNS_CLOSED_MS * MS_NS;
	if (table->span_ns > LK_TURNS_CLOSED_MAX_MS * MS_NS)
		table->span_ns = LK_TURNS_CLOSED_MAX_MS * MS_NS;
	table->closed_ns = now_ns + table->span_ns;
}

void
lk_turns_give(struct lk_turns *turns, const char *id, struct lk_turn *turn,
    enum lk_status status)
{
	struct table *table = atomic_load(&turns->table);
	const int64_t now = lk_monotonic_ns(), took = now - turn->began_ns;
	const bool hung = status < 0 &&
	    (status == LK_E_TIMEOUT || took >= LK_TURNS_SLOW_MS * MS_NS);
	struct lk_turn **at = &table->oldest;

	(void)pthread_mutex_lock(&table->lock);
	while (*at != turn)
		at = &(*at)->next;
	*at = turn->next;
	table->asking--;
	table->slow = took >= LK_TURNS_QUICK_MS * MS_NS;
	if (turn->probe)
		table->probing = false;
	if (hung) {
		remember(table, id, now);
		note_failure(table, turn->probe, now);
	} else {
		table->failures = 0;
		table->closed_ns = 0;
	}
	(void)pthread_cond_broadcast(&table->given);
	(void)pthread_mutex_unlock(&table->lock);
}
