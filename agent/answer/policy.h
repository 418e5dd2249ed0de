/* What the settings permit: the rows, with the numbers of their names, and how
 * often each was used.  A generation of settings has one. */
#ifndef AGENT_POLICY_H_
#define AGENT_POLICY_H_

#include "question/permit.h"
#include "question/rate.h"
#include "settings/settings.h"

struct agent_policy {
	struct agent_rows rows;
	struct agent_rates rates;
};

/**
 * agent_policy_new(settings, policy, error):
 * Look the names of users and groups up.  LK_E_SETTINGS if there is none of a
 * name, or if it is that of whoever has no number here.
 */
enum lk_status agent_policy_new(const struct lk_settings *settings,
    struct agent_policy **policy, struct lk_error *error) LK_MUST_CHECK;

/** agent_policy_free(policy): NULL is fine. */
void agent_policy_free(struct agent_policy *policy);

#endif /* !AGENT_POLICY_H_ */
