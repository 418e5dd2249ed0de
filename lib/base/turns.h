/*
 * Who may ask the user source now.  A source that hangs takes a thread from
 * whoever asks it, and most of what these threads have to do does not need it.
 * So the managers of the same settings take turns:
 *
 * - At most half of them ask at once.  Who comes then waits for a turn, but not
 *   once somebody has been asking for LK_TURNS_SLOW_MS, and if a quarter waits
 *   already only while the source answers within LK_TURNS_QUICK_MS.
 * - Of whom the source could not tell in that time, nobody asks again for
 *   LK_TURNS_MEMORY_MS.
 * - After LK_TURNS_FAILURES such failures in a row nobody asks at all for a
 *   second, doubling up to eight, and then one finds out for all.
 *
 * A child process begins anew: who was asking at the fork is not there.
 */
#ifndef LK_TURNS_H_
#define LK_TURNS_H_

#include <stdbool.h>
#include <stdint.h>

#include "latchkey.h"

#define LK_TURNS_QUICK_MS 100
#define LK_TURNS_SLOW_MS 250
#define LK_TURNS_MEMORY_MS 1000
#define LK_TURNS_FAILURES 3
#define LK_TURNS_CLOSED_MS 1000
#define LK_TURNS_CLOSED_MAX_MS 8000

/** Of one who asks, from lk_turns_take() to lk_turns_give(). */
struct lk_turn {
	struct lk_turn *next; /* who began after this one */
	int64_t began_ns;
	bool probe;  /* finds out for all */
	bool waited; /* and others may have asked the same */
};

/** Any number of threads may use them. */
struct lk_turns;

/** lk_turns_new(): NULL without memory. */
struct lk_turns *lk_turns_new(void);

/** lk_turns_free(turns): NULL is fine. */
void lk_turns_free(struct lk_turns *turns);

/** lk_turns_join(turns), lk_turns_leave(turns): A manager comes, or goes. */
void lk_turns_join(struct lk_turns *turns);
void lk_turns_leave(struct lk_turns *turns);

/**
 * lk_turns_take(turns, id, turn, error):
 * LK_OK if the source may be asked about the user ${id} now; ${turn} must then
 * be given back, in the same process.  LK_E_STORE if not, LK_E_NOMEM.
 */
enum lk_status lk_turns_take(struct lk_turns *turns, const char *id,
    struct lk_turn *turn, struct lk_error *error) LK_MUST_CHECK;

/** lk_turns_give(turns, id, turn, status): What the source said. */
void lk_turns_give(struct lk_turns *turns, const char *id, struct lk_turn *turn,
    enum lk_status status);

#endif /* !LK_TURNS_H_ */
