#include <string.h>

#include "base/deadline.h"
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
	c->under_way = c->asked = false;
	c->status = LK_FAULT;
	c->ended = LK_REASON_NONE;
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

/* What was found out is there. */
static void
found(struct gate_case *c)
{
	c->facts.status = c->status;
	c->facts.ended = c->ended;
	c->facts.session = c->session.id[0] != '\0' ? &c->session : NULL;
	c->facts.user = c->user.detail != NULL ? &c->user : NULL;
}

bool
gate_case_ask(struct gate_case *c, enum gate_need need,
    struct lk_checks *checks, void *whose)
{
	struct gate_credentials *credentials = &c->credentials;
	enum lk_status status = LK_E_WOULD_WAIT;

	if ((need != GATE_NEED_SESSION && need != GATE_NEED_USER) ||
	    (credentials->kind != GATE_CREDENTIALS_ONE &&
	        credentials->kind != GATE_CREDENTIALS_SEVERAL))
		return (true);
	c->began_ns = lk_monotonic_ns();
	if (c->manager == NULL) {
		if (checks != NULL && credentials->kind == GATE_CREDENTIALS_ONE)
			status = lk_check_start(checks, &credentials->token,
			    need == GATE_NEED_USER, whose);
		c->under_way = status == LK_OK;
		c->asked = status != LK_E_WOULD_WAIT;
		if (!c->under_way)
			c->status = status;
		found(c);
		return (c->asked);
	}
	c->asked = true;
	/* Which one, if a browser sent several cookies. */
	if (credentials->kind == GATE_CREDENTIALS_SEVERAL)
		c->status = choose_live(c->manager, credentials);
	/* Whose it is. */
	if (credentials->kind == GATE_CREDENTIALS_ONE) {
		c->status = need == GATE_NEED_SESSION
		    ? lk_check(c->manager, &credentials->token, &c->session)
		    : lk_check_user(c->manager, &credentials->token,
		          &c->session, &c->user);
		c->ended = lk_ended(c->manager);
	}
	found(c);
	return (true);
}

bool
gate_case_finish(struct gate_case *c, struct lk_checked *checked)
{
	c->under_way = false;
	c->status = checked->status;
	c->ended = checked->ended;
	c->session = checked->session;
	c->user = checked->user;
	checked->user = (struct lk_user){ .detail = NULL };
	found(c);
	return (c->status != LK_E_WOULD_WAIT);
}

void
gate_case_end(struct gate_case *c)
{
	gate_credentials_wipe(&c->credentials);
	lk_user_clear(&c->user);
}
