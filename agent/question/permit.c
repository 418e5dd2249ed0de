#include <string.h>

#include "question/permit.h"

static bool
may_all(const struct agent_rows *rows, const struct agent_caller *caller)
{
	return (caller->uid == 0 ||
	    (caller->uid == rows->own && caller->uid != AGENT_NOBODY));
}

static bool
is_in_groups(const struct agent_row *row, const struct agent_caller *caller)
{
	size_t i, j;

	for (i = 0; i < row->gids_n; i++) {
		for (j = 0; j < caller->n; j++) {
			if (row->gids[i] == caller->groups[j] &&
			    row->gids[i] != AGENT_NOBODY)
				return (true);
		}
	}
	return (false);
}

static bool
is_listed(const struct agent_row *row, const struct agent_caller *caller)
{
	size_t i;

	for (i = 0; i < row->uids_n; i++) {
		if (row->uids[i] == caller->uid && caller->uid != AGENT_NOBODY)
			return (true);
	}
	return (false);
}

static bool
is_of(const struct agent_row *row, const struct agent_caller *caller)
{
	return (is_listed(row, caller) || is_in_groups(row, caller));
}

bool
agent_rows_list(const struct agent_rows *rows,
    const struct agent_caller *caller)
{
	size_t i;

	for (i = 0; i < rows->n; i++) {
		if (is_listed(&rows->v[i], caller))
			return (true);
	}
	return (may_all(rows, caller));
}

bool
agent_rows_have(const struct agent_rows *rows,
    const struct agent_caller *caller)
{
	size_t i;

	for (i = 0; i < rows->n; i++) {
		if (is_of(&rows->v[i], caller))
			return (true);
	}
	return (may_all(rows, caller));
}

/* Whether the account fits, as far as it is known. */
static enum agent_permission
judge_account(const struct lk_caller *says, const struct agent_about *about)
{
	if (says->min_uid == 0)
		return (AGENT_PERMITTED);
	switch (about->account) {
	case AGENT_ACCOUNT_UNASKED:
		return (AGENT_NEEDS_ACCOUNT);
	case AGENT_ACCOUNT_AWAY:
		return (AGENT_CANNOT_TELL);
	case AGENT_ACCOUNT_THERE:
		return (about->uid >= says->min_uid && about->uid != (uid_t)-1
		        ? AGENT_PERMITTED
		        : AGENT_OUT_OF_BOUNDS);
	case AGENT_ACCOUNT_NONE:
		break;
	}
	return (AGENT_OUT_OF_BOUNDS);
}

/* What is said by a row that is the caller's and has the verb. */
static enum agent_permission
judge(const struct lk_caller *says, const struct agent_about *about)
{
	if (says->max_ttl != 0 && about->ttl > says->max_ttl)
		return (AGENT_OUT_OF_BOUNDS);
	if (!about->named)
		return (AGENT_PERMITTED);
	if (about->user == NULL)
		return (says->clients.n == 0 && says->min_uid == 0 &&
		            says->not_users.n == 0
		        ? AGENT_PERMITTED
		        : AGENT_NEEDS_SESSION);
	if (lk_strings_have(&says->not_users, about->user) ||
	    (about->client != NULL && says->clients.n > 0 &&
	        !lk_strings_have(&says->clients, about->client)))
		return (AGENT_OUT_OF_BOUNDS);
	return (judge_account(says, about));
}

enum agent_permission
agent_permit(const struct agent_rows *rows, const struct agent_caller *caller,
    const struct agent_about *about, struct agent_permit *permit)
{
	enum agent_permission best = AGENT_NO_ROW, one;
	const struct agent_row *row;
	size_t i;

	*permit = (struct agent_permit){ .row = AGENT_ROW_NONE };
	if (may_all(rows, caller))
		return (AGENT_PERMITTED);
	for (i = 0; i < rows->n; i++) {
		row = &rows->v[i];
		if (!is_of(row, caller) ||
		    (row->may & (unsigned int)about->may) !=
		        (unsigned int)about->may)
			continue;
		one = judge(row->says, about);
		if (one == AGENT_PERMITTED) {
			permit->row = i;
			permit->listed = is_listed(row, caller);
			permit->per_minute = row->says->per_minute;
			permit->max_ttl = row->says->max_ttl;
			if (row->says->clients.n > 0)
				permit->clients = &row->says->clients;
			return (one);
		}
		/* What has to be known comes first, for the row that it is for;
		 * that a row cannot tell counts if no other permits it. */
		if (one == AGENT_NEEDS_SESSION || one == AGENT_NEEDS_ACCOUNT)
			return (one);
		if (one > best)
			best = one;
	}
	return (best);
}
