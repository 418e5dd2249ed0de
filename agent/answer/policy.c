#include <stdlib.h>
#include <unistd.h>

#include "answer/policy.h"
#include "base/error.h"
#include "process/account.h"

static enum lk_status
refuse(const struct lk_settings *settings, size_t row, const char *what,
    const char *why, struct lk_error *error)
{
	return (lk_settings_refuse(settings, "agent.callers", "agent.callers",
	    error, "row %zu: %s: %s", row + 1, what, why));
}

/* The number of the user or group ${text}. */
static enum lk_status
find_uid(const char *text, uid_t *uid, struct lk_error *error)
{
	struct gate_account account;
	enum lk_status status = LK_OK;

	/* A number need not be anybody's. */
	if (!gate_account_number(text, uid) &&
	    (status = gate_account_find(text, &account, error)) == LK_OK)
		*uid = account.uid;
	return (status);
}

/* Users and groups have numbers of one type on Linux. */
_Static_assert(sizeof(uid_t) == sizeof(gid_t), "uid_t, gid_t");

typedef enum lk_status find_fn(const char *text, uid_t *number,
    struct lk_error *error);

static enum lk_status
read_numbers(const struct lk_settings *settings, size_t row, const char *what,
    const struct lk_strings *names, find_fn *find, uid_t **numbers,
    struct lk_error *error)
{
	enum lk_status status = LK_OK;
	struct lk_error why;
	size_t i;

	if (names->n == 0)
		return (LK_OK);
	*numbers = calloc(names->n, sizeof(**numbers));
	if (*numbers == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	for (i = 0; i < names->n && status == LK_OK; i++) {
		status = find(names->v[i], &(*numbers)[i], &why);
		if (status == LK_E_SETTINGS)
			status = refuse(settings, row, what, why.text, error);
		else if (status != LK_OK)
			lk_error_set(error, "agent.callers: %s", why.text);
		else if ((*numbers)[i] == AGENT_NOBODY)
			status = refuse(settings, row, what,
			    "expected somebody, got 65534, which stands for "
			    "all who have no number here",
			    error);
	}
	return (status);
}

static enum lk_status
read_row(const struct lk_settings *settings, size_t i, struct agent_row *row,
    struct lk_error *error)
{
	const struct lk_caller *says = &settings->agent.callers.v[i];
	enum lk_status status = LK_FAULT;
	size_t j;

	row->says = says;
	for (j = 0; j < says->may.n; j++)
		row->may |= (unsigned int)lk_may_of(says->may.v[j]);
	status = read_numbers(settings, i, "users", &says->users, find_uid,
	    &row->uids, error);
	row->uids_n = says->users.n;
	if (status == LK_OK)
		status = read_numbers(settings, i, "groups", &says->groups,
		    gate_account_group, &row->gids, error);
	row->gids_n = says->groups.n;
	return (status);
}

/* Whose the agent is, or is about to be. */
static enum lk_status
find_own(const struct lk_settings *settings, uid_t *own, struct lk_error *error)
{
	struct gate_account account;
	enum lk_status status = LK_OK;
	struct lk_error why;

	*own = geteuid();
	if (*own != 0 || settings->agent.user[0] == '\0')
		return (LK_OK);
	status = gate_account_find(settings->agent.user, &account, &why);
	if (status == LK_OK)
		*own = account.uid;
	else
		lk_error_set(error, "agent.user: %s", why.text);
	return (status);
}

enum lk_status
agent_policy_new(const struct lk_settings *settings,
    struct agent_policy **policy, struct lk_error *error)
{
	const size_t n = settings->agent.callers.n;
	struct agent_policy *p = calloc(1, sizeof(*p));
	struct agent_row *rows = calloc(n + 1, sizeof(*rows));
	enum lk_status status = LK_FAULT;

	*policy = NULL;
	if (p == NULL || rows == NULL) {
		free(rows);
		free(p);
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	}
	/* A plain one cannot fail. */
	(void)pthread_mutex_init(&p->rates.lock, NULL);
	p->rows.v = rows;
	status = find_own(settings, &p->rows.own, error);
	for (; p->rows.n < n && status == LK_OK; p->rows.n++)
		status = read_row(settings, p->rows.n, &rows[p->rows.n], error);
	if (status == LK_OK)
		*policy = p;
	else
		agent_policy_free(p);
	return (status);
}

void
agent_policy_free(struct agent_policy *policy)
{
	size_t i;

	if (policy == NULL)
		return;
	for (i = 0; i < policy->rows.n; i++) {
		free(policy->rows.v[i].uids);
		free(policy->rows.v[i].gids);
	}
	free(policy->rows.v);
	(void)pthread_mutex_destroy(&policy->rates.lock);
	free(policy);
}
