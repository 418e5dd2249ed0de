/*
 * The rows of the setting `session.clients`: groups of client kinds, each with
 * a limit and lives of its own.
 */
#ifndef LK_KINDS_H_
#define LK_KINDS_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/string_list.h"

/* Most rows, and most kinds in a row. */
#define LK_KINDS_ROWS_MAX 64
#define LK_KINDS_MAX 64

/** What happens at a limit. */
enum lk_on_limit { LK_ON_LIMIT_OLDEST = 0, LK_ON_LIMIT_REFUSE };

/** The names of enum lk_on_limit, ended by NULL. */
extern const char *const lk_on_limit_names[];

/* What a row does not set has this. */
#define LK_KINDS_UNSET (-1)

struct lk_kinds {
	struct lk_strings kinds;
	int64_t max; /* sessions of a user, of all these kinds together */
	int64_t ttl, max_life, renew_below; /* seconds, or LK_KINDS_UNSET */
	int on_limit; /* enum lk_on_limit, or LK_KINDS_UNSET */
};

struct lk_kinds_rows {
	struct lk_kinds *v;
	size_t n;
};

/** lk_kinds_find(rows, client): the row of that kind; NULL if there is none. */
const struct lk_kinds *lk_kinds_find(const struct lk_kinds_rows *rows,
    const char *client);

/**
 * lk_kinds_check(row, want, got):
 * Whether ${row}, a struct lk_kinds, lets no session be issued for longer than
 * it may live; otherwise ${want} is what was expected.
 */
bool lk_kinds_check(const void *row, const char **want, const char **got);

#endif /* !LK_KINDS_H_ */
