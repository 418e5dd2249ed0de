/* Checks without waiting: the manager's likeness for loops of events. */
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "jwt/jwt.h"
#include "manager.h"
#include "store/backend.h"
#include "store/checks.h"

struct lk_checks {
	const struct lk_settings *settings;
	struct lk_surroundings clock;
	struct lk_store_checks *inside; /* NULL: the store has none */
	unsigned long process;          /* whose it is: lk_process() */
	struct lk_error error;
};

enum lk_status
lk_checks_new(const struct lk_settings *settings,
    const struct lk_surroundings *surroundings, struct lk_checks **checksp,
    struct lk_error *error)
{
	const struct lk_backend *backend = lk_backend_of(settings);
	struct lk_checks *checks;
	struct lk_store base;
	enum lk_status status = LK_OK;

	*checksp = NULL;
	if (sodium_init() < 0)
		return (lk_fail(error, LK_E_STORE, "no random source"));
	if ((checks = calloc(1, sizeof(*checks))) == NULL)
		return (lk_fail(error, LK_E_NOMEM, "out of memory"));
	checks->settings = settings;
	if (surroundings != NULL)
		checks->clock = *surroundings;
	if (checks->clock.now_ms == NULL)
		checks->clock.now_ms = lk_system_now_ms;
	memset(&base, 0, sizeof(base));
	base.settings = settings;
	base.error = &checks->error;
	if (surroundings != NULL) {
		base.log = surroundings->log;
		base.watch = surroundings->watch;
	}
	if (backend->checks != NULL)
		status = backend->checks(&base, &checks->inside);
	if (status != LK_OK) {
		lk_error_set(error, "%s", checks->error.text);
		free(checks);
		return (status);
	}
	checks->process = lk_process();
	*checksp = checks;
	return (LK_OK);
}

/* Let go of what belongs to a parent process; its backend's, or NULL. */
static struct lk_store_checks *
inside_of(struct lk_checks *checks)
{
	if (checks->process != lk_process()) {
		if (checks->inside != NULL)
			checks->inside->ops->leave_parent(checks->inside);
		checks->process = lk_process();
	}
	return (checks->inside);
}

void
lk_checks_free(struct lk_checks *checks)
{
	struct lk_store_checks *inside;

	if (checks == NULL)
		return;
	if ((inside = inside_of(checks)) != NULL)
		inside->ops->free(inside);
	free(checks);
}

const char *
lk_checks_error(const struct lk_checks *checks)
{
	return (checks->error.text);
}

enum lk_status
lk_check_start(struct lk_checks *checks, const struct lk_token *token,
    bool detail, void *whose)
{
	struct lk_store_checks *inside = inside_of(checks);
	struct lk_shown shown;
	enum lk_status status = LK_FAULT;

	/* Who will be asked verifies it as well. */
	if ((inside == NULL || checks->settings->jwt.check == LK_JWT_OFFLINE) &&
	    lk_jwt_has_shape(checks->settings, token))
		return (LK_E_WOULD_WAIT);
	if ((status = lk_shown_read(checks->settings, token, &checks->clock,
	         &shown, &checks->error)) != LK_OK)
		return (status);
	if (inside == NULL || (shown.access && !shown.key.by_id))
		return (LK_E_WOULD_WAIT);
	return (inside->ops->start(inside, &shown.key, detail, whose));
}

void
lk_checks_wants(struct lk_checks *checks, struct lk_checks_wants *wants)
{
	struct lk_store_checks *inside = inside_of(checks);

	*wants = (struct lk_checks_wants){ .fd = -1, .until_ns = INT64_MAX };
	if (inside != NULL)
		inside->ops->wants(inside, wants);
}

void
lk_checks_go_on(struct lk_checks *checks, short events)
{
	struct lk_store_checks *inside = inside_of(checks);

	if (inside != NULL)
		inside->ops->go_on(inside, events);
}

bool
lk_check_finish(struct lk_checks *checks, struct lk_checked *checked)
{
	struct lk_store_checks *inside = inside_of(checks);
	struct lk_store_checked found;

	checked->user = (struct lk_user){ .detail = NULL };
	if (inside == NULL || !inside->ops->finish(inside, &found)) {
		memset(checked, 0, sizeof(*checked));
		checked->status = LK_FAULT;
		return (false);
	}
	checked->whose = found.whose;
	checked->status = found.status;
	checked->ended = found.ended;
	if (found.status == LK_OK && found.record.len > 0)
		checked->status = lk_user_of_record(found.session.user,
		    &found.record, &checked->user, &checks->error);
	if (checked->status == LK_OK)
		checked->session = found.session;
	else
		memset(&checked->session, 0, sizeof(checked->session));
	lk_buf_free(&found.record);
	return (true);
}

bool
lk_check_give_up(struct lk_checks *checks, const void *whose)
{
	struct lk_store_checks *inside = inside_of(checks);

	return (inside != NULL && inside->ops->give_up(inside, whose));
}
