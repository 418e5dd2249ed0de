/* Writing a store out as lines. */
#include <stdlib.h>
#include <string.h>

#include "manager.h"
#include "session/export_line.h"

/* Most bytes of lines that one page of a walk makes. */
#define PAGE_MAX (64 * 1024 * 1024)
/* The share of an export that its sessions are, for its progress. */
#define SESSIONS_PART 0.95

struct lk_export {
	struct lk_manager *manager;
	bool tokens;
	bool started;
	struct lk_place place;
	struct lk_export_state state;
	struct lk_buf lines; /* of the page under way */
};

enum lk_status
lk_export_new(struct lk_manager *manager, bool tokens,
    struct lk_export **exporting)
{
	struct lk_export *e = calloc(1, sizeof(*e));

	(void)lk_manager_begin(manager);
	*exporting = e;
	if (e == NULL)
		return (lk_fail(&manager->error, LK_E_NOMEM, "out of memory"));
	e->manager = manager;
	e->tokens = tokens;
	e->lines = (struct lk_buf)LK_BUF_INIT(PAGE_MAX);
	return (LK_OK);
}

void
lk_export_free(struct lk_export *e)
{
	if (e == NULL)
		return;
	lk_buf_free(&e->lines);
	free(e);
}

/* Write the line of one that the walk has met. */
static void
add_line(void *arg, const struct lk_stored *stored)
{
	struct lk_export *e = arg;

	if (lk_export_line_encode(stored, e->tokens, &e->lines) != LK_OK)
		e->state.unreadable++;
	else if (stored->kind == LK_STORED_SESSION)
		e->state.sessions++;
	else
		e->state.users++;
}

enum lk_status
lk_export_some(struct lk_export *e, lk_lines_fn *each, void *arg,
    struct lk_export_state *state)
{
	struct lk_manager *m = e->manager;
	struct lk_deadline deadline = lk_manager_begin(m);
	struct lk_place place = e->place;
	const struct lk_export_state before = e->state;
	enum lk_status status = LK_FAULT;

	lk_manager_rest(&place);
	lk_buf_reset(&e->lines);
	if (!e->started)
		lk_export_line_header(m->store->ops->name, e->tokens,
		    &e->lines);
	status = m->store->ops->walk(m->store, &place, deadline, add_line, e);
	if (status == LK_OK && place.done)
		lk_export_line_end(&e->lines);
	if (status == LK_OK && e->lines.failed)
		status = lk_fail(&m->error, LK_E_NOMEM, "out of memory");
	if (status == LK_OK) {
		e->started = true;
		e->place = place;
		if (e->lines.len > 0)
			each(arg, e->lines.data, e->lines.len);
	} else {
		/* The same page comes again. */
		e->state = before;
	}
	e->state.part = e->place.done ? 1.0
	    : e->place.users
	    ? SESSIONS_PART + (1.0 - SESSIONS_PART) * e->place.part
	    : SESSIONS_PART * e->place.part;
	e->state.done = status == LK_OK && e->place.done;
	*state = e->state;
	return (status);
}
