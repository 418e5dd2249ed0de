#include <string.h>

#include "session/caller.h"

static const struct {
	const char *name;
	enum lk_may may;
} names[] = {
	{ "check", LK_MAY_CHECK },
	{ "refresh", LK_MAY_REFRESH },
	{ "issue", LK_MAY_ISSUE },
	{ "revoke", LK_MAY_REVOKE },
	{ "list", LK_MAY_LIST },
	{ "user", LK_MAY_USER },
	{ "token", LK_MAY_TOKEN },
};

enum lk_may
lk_may_of(const char *name)
{
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i].name) == 0)
			return (names[i].may);
	}
	return (LK_MAY_NOTHING);
}

bool
lk_may_check(const char *name, const char **want)
{
	*want = "\"check\", \"refresh\", \"issue\", \"revoke\", "
	        "\"list\", \"user\" or \"token\"";
	return (lk_may_of(name) != LK_MAY_NOTHING);
}

bool
lk_caller_check(const void *caller, const char **want, const char **got)
{
	const struct lk_caller *c = caller;

	*want = "users or groups";
	*got = "neither";
	return (c->users.n > 0 || c->groups.n > 0);
}
