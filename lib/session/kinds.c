#include <string.h>

#include "session/kinds.h"

const char *const lk_on_limit_names[] = { [LK_ON_LIMIT_OLDEST] = "oldest",
	[LK_ON_LIMIT_REFUSE] = "refuse",
	NULL };

const struct lk_kinds *
lk_kinds_find(const struct lk_kinds_rows *rows, const char *client)
{
	size_t i, j;

	for (i = 0; i < rows->n; i++) {
		for (j = 0; j < rows->v[i].kinds.n; j++) {
			if (strcmp(rows->v[i].kinds.v[j], client) == 0)
				return (&rows->v[i]);
		}
	}
	return (NULL);
}

bool
lk_kinds_check(const void *row, const char **want, const char **got)
{
	const struct lk_kinds *r = row;

	*want = "a ttl that max_life does not cut short";
	*got = "a longer one";
	return (r->max_life <= 0 || r->ttl <= r->max_life);
}
