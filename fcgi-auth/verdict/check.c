#include <string.h>

#include "verdict/check.h"

/* Find out which of several tokens is live. */
static enum lk_status
settle(struct lk_manager *manager, struct gate_credentials *credentials)
{
	enum lk_status status = LK_FAULT;
	struct lk_session session;
	size_t i, live = 0, which = 0;

	for (i = 0; i < credentials->n; i++) {
		status = lk_check(manager, &credentials->found[i].token,
		    &session);
		if (status < 0)
			return (status);
		if (status == LK_OK) {
			live++;
			which = i;
		}
	}
	if (live < 2)
		gate_credentials_choose(credentials, which);
	return (LK_OK);
}

void
gate_check(struct lk_manager *manager, enum gate_need need,
    struct gate_credentials *credentials, struct gate_check *check)
{
	memset(check, 0, sizeof(*check));
	check->status = LK_FAULT;
	if (need != GATE_NEED_SESSION && need != GATE_NEED_USER)
		return;
	if (credentials->kind == GATE_CREDENTIALS_SEVERAL) {
		check->asked = true;
		check->status = settle(manager, credentials);
	}
	if (credentials->kind != GATE_CREDENTIALS_ONE)
		return;
	check->asked = true;
	if (need == GATE_NEED_SESSION)
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
	facts->session = check->session.id[0] != '\0' ? &check->session : NULL;
	facts->user = check->user.detail != NULL ? &check->user : NULL;
}

void
gate_check_clear(struct gate_check *check)
{
	lk_user_clear(&check->user);
}
