#include <string.h>

#include "verdict/verdict.h"

void
gate_case_begin(struct gate_case *c, const struct lk_settings *settings,
    struct lk_manager *manager, const struct gate_request *request)
{
	c->settings = settings;
	c->manager = manager;
	c->request = *request;
	gate_credentials_read(settings, request, &c->credentials);
	c->plan.need = GATE_NEED_REFUSED;
	c->asked = false;
	c->status = LK_FAULT;
	memset(&c->session, 0, sizeof(c->session));
	memset(&c->user, 0, sizeof(c->user));
	c->facts = (struct gate_facts){ .settings = settings,
		.request = &c->request,
		.credentials = &c->credentials,
		.status = LK_FAULT };
	c->verdict = (struct gate_verdict){ 0 };
}

void
gate_case_plan(struct gate_case *c)
{
	gate_plan(c->settings, &c->request, &c->plan);
	c->facts.plan = &c->plan;
}

/* Find out which of several tokens is live. */
static enum lk_status
choose_live(struct lk_manager *manager, struct gate_credentials *credentials)
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
gate_case_ask(struct gate_case *c, enum gate_need need)
{
	struct gate_credentials *credentials = &c->credentials;

	if (need != GATE_NEED_SESSION && need != GATE_NEED_USER)
		return;
	/* Which one, if a browser sent several cookies. */
	if (credentials->kind == GATE_CREDENTIALS_SEVERAL) {
		c->asked = true;
		c->status = choose_live(c->manager, credentials);
	}
	/* Whose it is. */
	if (credentials->kind == GATE_CREDENTIALS_ONE) {
		c->asked = true;
		c->status = need == GATE_NEED_SESSION
		    ? lk_check(c->manager, &credentials->token, &c->session)
		    : lk_check_user(c->manager, &credentials->token,
		          &c->session, &c->user);
	}
	c->facts.status = c->status;
	c->facts.session = c->session.id[0] != '\0' ? &c->session : NULL;
	c->facts.user = c->user.detail != NULL ? &c->user : NULL;
}

void
gate_case_end(struct gate_case *c)
{
	gate_credentials_wipe(&c->credentials);
	lk_user_clear(&c->user);
}
