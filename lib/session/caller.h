/*
 * The rows of the setting `agent.callers`: who may ask the agent for what.  A
 * row is all of it: what one does not permit, two together do not either.
 */
#ifndef LK_CALLER_H_
#define LK_CALLER_H_

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/string_list.h"
#include "latchkey.h"

#define LK_CALLERS_MAX 64
/* Most members of each list in a row. */
#define LK_CALLER_LIST_MAX 256

/** What a caller may be permitted to do, a bit each. */
enum lk_may {
	LK_MAY_NOTHING = 0,
	LK_MAY_CHECK = 1,   /* a token, or the id of a session */
	LK_MAY_REFRESH = 2, /* let one live longer */
	LK_MAY_ISSUE = 4,
	LK_MAY_REVOKE = 8, /* one, all of a user's, the others */
	LK_MAY_LIST = 16,  /* a user's sessions */
	LK_MAY_USER = 32,  /* what is cached of a user */
	LK_MAY_TOKEN = 64  /* issue access tokens */
};

/** A list that is empty does not restrict, nor does a number that is 0. */
struct lk_caller {
	struct lk_strings users; /* of the system, by name or number; one of
	                            these or groups is there */
	struct lk_strings groups;
	struct lk_strings may; /* names of enum lk_may, at least one */

	/* Bounds. */
	struct lk_strings clients; /* kinds of sessions */
	int64_t min_uid;           /* the session's user must be an account */
	struct lk_strings not_users;
	int64_t max_ttl;
	int64_t per_minute;
};

struct lk_callers {
	struct lk_caller *v;
	size_t n;
};

/** lk_may_of(name): the bit of that name, or LK_MAY_NOTHING. */
enum lk_may lk_may_of(const char *name);

/** lk_may_check(name, want): whether it is such a name; else ${want}. */
bool lk_may_check(const char *name, const char **want);

/**
 * lk_caller_check(caller, want, got):
 * Whether ${caller}, a struct lk_caller, is of anybody; otherwise ${want} is
 * what was expected and ${got} what there is.
 */
bool lk_caller_check(const void *caller, const char **want, const char **got);

#endif /* !LK_CALLER_H_ */
