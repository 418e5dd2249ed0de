/* The manager's operations on what is kept of sessions that ended. */
#include <string.h>

#include "manager.h"
#include "session/user.h"

/* How long a history may take. */
#define HISTORY_PATIENCE_MS 10000

enum lk_reason
lk_ended(const struct lk_manager *manager)
{
	return (manager->store->ended);
}

/* Where the history of ${user} is. */
static enum lk_status
find_user(struct lk_manager *manager, const char *user,
    struct lk_session_ref *ref)
{
	enum lk_status status = lk_manager_check_id(manager, user);

	if (status == LK_OK)
		lk_session_ref_of_user(user, manager->store->shape, ref);
	return (status);
}

enum lk_status
lk_history(struct lk_manager *manager, const char *user, lk_entry_fn *each,
    void *arg)
{
	struct lk_session_ref ref;
	enum lk_status status = LK_FAULT;

	(void)lk_manager_begin(manager);
	if ((status = find_user(manager, user, &ref)) != LK_OK)
		return (status);
	return (manager->store->ops->history(manager->store, &ref,
	    lk_deadline_in(HISTORY_PATIENCE_MS), each, arg));
}

enum lk_status
lk_history_erase(struct lk_manager *manager, const char *user, uint64_t *erased)
{
	struct lk_deadline deadline = lk_manager_begin(manager);
	struct lk_session_ref ref;
	enum lk_status status = LK_FAULT;

	*erased = 0;
	if ((status = find_user(manager, user, &ref)) != LK_OK)
		return (status);
	return (manager->store->ops->history_erase(manager->store, &ref,
	    deadline, erased));
}

/* ---- Why --------------------------------------------------------------- */

struct search {
	const char *id;
	struct lk_why *why;
};

/* What it says of the session alone comes before what it says of several. */
static void
look_at(void *arg, const struct lk_entry *entry)
{
	const struct search *search = arg;
	struct lk_why *why = search->why;

	if (strcmp(entry->id, search->id) != 0)
		return;
	if (entry->event == LK_EVENT_ISSUED && !why->issued) {
		why->issued = true;
		why->issue = *entry;
	} else if (entry->event == LK_EVENT_ENDED && !why->ended) {
		why->ended = true;
		why->end = *entry;
	}
}

enum lk_status
lk_why(struct lk_manager *manager, const char *id, struct lk_why *why)
{
	struct lk_deadline deadline = lk_manager_begin(manager);
	struct search search = { id, why };
	struct lk_session_ref ref;
	enum lk_status status = LK_FAULT;

	memset(why, 0, sizeof(*why));
	status = lk_session_id_parse(id, &ref);
	if (status == LK_OK)
		status = manager->store->ops->check_id(manager->store, &ref,
		    deadline, &why->session);
	manager->store->ended = LK_REASON_NONE;
	why->live = status == LK_OK;
	if (why->live)
		lk_session_ref_of_user(why->session.user, manager->store->shape,
		    &ref);
	if (status == LK_OK || status == LK_UNKNOWN || status == LK_EXPIRED)
		status = manager->store->ops->history(manager->store, &ref,
		    deadline, look_at, &search);
	/* Of several that ended at once there is one entry, without ids. */
	if (status == LK_OK && !why->live && !why->ended) {
		status = manager->store->ops->ended(manager->store, &ref,
		    deadline, &why->end);
		why->ended = status == LK_OK;
		if (status == LK_UNKNOWN)
			status = LK_OK;
	}
	if (status == LK_OK && !why->live && !why->issued && !why->ended)
		status = LK_UNKNOWN;
	if (!why->live)
		memset(&why->session, 0, sizeof(why->session));
	if (status != LK_OK)
		memset(why, 0, sizeof(*why));
	return (status);
}
