/* Taking over what lib/export.c wrote. */
#include <stdlib.h>
#include <string.h>

#include "manager.h"
#include "session/export_line.h"
#include "session/user.h"

/* Users' records are put into the store as soon as they take this much. */
#define RECORDS_MAX (1024 * 1024)
/* How much farther ahead than the longest life a session may end: clocks
 * differ. */
#define CLOCKS_DIFFER_MS 86400000

struct lk_import {
	struct lk_manager *manager;
	struct lk_import_state state;
	bool started; /* the header was read */

	/* What waits to be put.  ${records} holds the users' records one
	 * after the other; until they are put, a record's place in it is
	 * ${offset}, since it moves when it grows. */
	size_t count;
	struct lk_stored waiting[LK_PUT_MAX];
	size_t offset[LK_PUT_MAX];
	struct lk_buf records;
};

enum lk_status
lk_import_new(struct lk_manager *manager, struct lk_import **importing)
{
	struct lk_import *i = calloc(1, sizeof(*i));

	(void)lk_manager_begin(manager);
	*importing = i;
	if (i == NULL)
		return (lk_fail(&manager->error, LK_E_NOMEM, "out of memory"));
	i->manager = manager;
	i->records = (struct lk_buf)LK_BUF_INIT(
	    RECORDS_MAX + LK_USER_RECORD_MAX);
	return (LK_OK);
}

static void
drop_waiting(struct lk_import *i)
{
	while (i->count > 0)
		lk_stored_wipe(&i->waiting[--i->count]);
	lk_buf_reset(&i->records);
}

void
lk_import_free(struct lk_import *i)
{
	if (i == NULL)
		return;
	drop_waiting(i);
	lk_buf_free(&i->records);
	free(i);
}

void
lk_import_state(const struct lk_import *i, struct lk_import_state *state)
{
	*state = i->state;
}

/* ---- Putting ----------------------------------------------------------- */

/* Count what became of one. */
static void
count(struct lk_import_state *state, enum lk_stored_kind kind, enum lk_put put)
{
	uint64_t *const done = kind == LK_STORED_SESSION
	    ? &state->sessions
	    : &state->users;
	uint64_t *const counters[LK_PUT_N] = { [LK_PUT_NOT] = &state->conflict,
		[LK_PUT_NEW] = done,
		[LK_PUT_LATER] = done,
		[LK_PUT_KNOWN] = &state->known,
		[LK_PUT_EXPIRED] = &state->expired,
		[LK_PUT_NO_TOKEN] = &state->no_token,
		[LK_PUT_UNFIT_USER] = &state->unfit_user,
		[LK_PUT_CONFLICT] = &state->conflict };

	++*counters[put];
}

static enum lk_status
put_waiting(struct lk_import *i)
{
	struct lk_manager *m = i->manager;
	enum lk_put results[LK_PUT_MAX] = { LK_PUT_NOT };
	enum lk_status status = LK_FAULT;
	size_t n;

	if (i->count == 0)
		return (LK_OK);
	for (n = 0; n < i->count; n++) {
		if (i->waiting[n].kind == LK_STORED_USER)
			i->waiting[n].record = i->records.data + i->offset[n];
	}
	status = m->store->ops->put(m->store, i->waiting, i->count,
	    lk_manager_begin(m), results);
	if (status != LK_OK)
		return (status);
	for (n = 0; n < i->count; n++)
		count(&i->state, i->waiting[n].kind, results[n]);
	drop_waiting(i);
	return (LK_OK);
}

enum lk_status
lk_import_flush(struct lk_import *i)
{
	(void)lk_manager_begin(i->manager);
	return (put_waiting(i));
}

/* ---- Taking ------------------------------------------------------------ */

static enum lk_status
wrong_line(struct lk_import *i, const char *why)
{
	return (lk_fail(&i->manager->error, LK_E_INVAL, "line %llu: %s",
	    (unsigned long long)i->state.lines, why));
}

/* Let a session or a user wait, and put all that waits if it is enough. */
static enum lk_status
take_item(struct lk_import *i, const struct lk_stored *stored, size_t offset)
{
	const struct lk_surroundings *around = &i->manager->surroundings;
	const int64_t now_ms = around->now_ms(around->arg);

	if (stored->expires_ms >
	    now_ms + (int64_t)LK_TTL_MAX * 1000 + CLOCKS_DIFFER_MS)
		return (wrong_line(i,
		    "expected \"expires_ms\" at most ten years ahead"));
	if (stored->issued_us > (now_ms + CLOCKS_DIFFER_MS) * 1000)
		return (wrong_line(i, "expected \"issued_us\" in the past"));
	i->waiting[i->count] = *stored;
	i->offset[i->count++] = offset;
	if (i->count == LK_PUT_MAX || i->records.len >= RECORDS_MAX)
		return (put_waiting(i));
	return (LK_OK);
}

/* Put the item of a line where it has to wait, and do what else it says. */
static enum lk_status
take_line(struct lk_import *i, const struct lk_stored *stored, size_t offset)
{
	if ((stored->kind == LK_STORED_HEADER) == i->started)
		return (wrong_line(i,
		    i->started ? "expected no second header"
		               : "expected a header, \"type\":\"header\""));
	if (stored->kind == LK_STORED_HEADER)
		i->started = true;
	else if (stored->kind == LK_STORED_END)
		i->state.done = true;
	else
		return (take_item(i, stored, offset));
	return (LK_OK);
}

enum lk_status
lk_import_line(struct lk_import *i, const char *line, size_t len)
{
	struct lk_error why = { "" };
	struct lk_stored stored;
	enum lk_status status = LK_FAULT;
	size_t offset, count;

	(void)lk_manager_begin(i->manager);
	/* What could not be put the last time comes first. */
	if (i->count == LK_PUT_MAX || i->records.len >= RECORDS_MAX) {
		if ((status = put_waiting(i)) != LK_OK)
			return (status);
	}
	offset = i->records.len;
	count = i->count;
	i->state.lines++;
	if (i->state.done)
		return (wrong_line(i, "expected nothing after the end line"));
	if (len >= LK_EXPORT_LINE_MAX)
		return (wrong_line(i, "expected a shorter line"));
	status = lk_export_line_decode(line, len, &stored, &i->records, &why);
	if (status == LK_E_INVAL)
		status = wrong_line(i, why.text);
	else if (status != LK_OK)
		status = lk_fail(&i->manager->error, status, "%s", why.text);
	else
		status = take_line(i, &stored, offset);
	lk_stored_wipe(&stored);
	/* What does not wait leaves nothing behind. */
	if (status != LK_OK && i->count == count) {
		i->records.len = offset;
		i->records.failed = false;
	}
	return (status);
}
