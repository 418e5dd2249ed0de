#include <string.h>

#include "check.h"

void
gate_check(struct lk_manager *manager, const struct gate_plan *plan,
    const struct gate_credentials *credentials, struct gate_check *check)
{
	memset(check, 0, sizeof(*check));
	check->status = LK_FAULT;
	check->asked = credentials->kind == GATE_CREDENTIALS_ONE &&
	    (plan->need == GATE_NEED_SESSION || plan->need == GATE_NEED_USER);
	if (!check->asked)
		return;
	if (plan->need == GATE_NEED_SESSION)
		check->status = lk_check(manager, &credentials->token,
		    &check->session);
	else
		check->status = lk_check_user(manager, &credentials->token,
		    &check->session, &check->user);
}

void
gate_check_tell(const struct gate_check *check, struct gate_facts *facts)
{
	facts->status = check->status;
	facts->session = check->status == LK_OK ? &check->session : NULL;
	facts->user = check->user.detail != NULL ? &check->user : NULL;
}

void
gate_check_clear(struct gate_check *check)
{
	lk_user_clear(&check->user);
}
