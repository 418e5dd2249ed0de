#include <string.h>

#include <sodium.h>

#include "session/user.h"
#include "store/sql/past.h"

/* Repeats within an hour are one entry. */
#define REPEAT_US INT64_C(3600000000)
/* How many sorts of entries a user has at most, all of them full. */
#define SORTS 20

static const char *const
    events[] = { [LK_EVENT_ISSUED] = "issued", [LK_EVENT_ENDED] = "ended" };

/* ---- Entries of the history -------------------------------------------- */

/* An entry that is to be written. */
struct note {
	const uint8_t *tag;
	enum lk_event event;
	enum lk_reason reason;
	const struct lk_origin *origin;
	char user[LK_USER_ID_MAX + 1];
	char client[LK_CLIENT_MAX + 1]; /* "" if none, or several */
	uint8_t handle[LK_HANDLE_LEN];  /* of the last */
	bool several;                   /* there is none */
	uint64_t count;
};

/* What names the sort of ${note}: the first four parameters. */
#define SORT_OF(note)                                    \
	LK_SQL_BYTES((note)->tag, LK_TAG_LEN),           \
	    LK_SQL_TEXT(events[(note)->event]),          \
	    LK_SQL_TEXT(lk_reason_name((note)->reason)), \
	    LK_SQL_TEXT((note)->client)

static enum lk_status
look_first(struct lk_sql_store *store, const struct note *note, int64_t stay,
    struct lk_sql_seen *seen)
{
	const int64_t keep = store->base.settings->session.history.keep;
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;

	memset(seen, 0, sizeof(*seen));
	status = LK_SQL_RUN(store->db, LK_SQL_LOOK, &row, SORT_OF(note),
	    LK_SQL_TEXT(note->origin->peer), LK_SQL_TEXT(note->origin->actor),
	    LK_SQL_NUMBER(lk_sql_now_ms(store) * 1000 - REPEAT_US),
	    LK_SQL_NUMBER(keep > 0 ? keep - 1 : 0),
	    LK_SQL_NUMBER(keep > 0 ? keep * SORTS - 1 : 0),
	    LK_SQL_NUMBER(stay >= 0), LK_SQL_NUMBER(stay >= 0 ? stay : 0));
	if (status == LK_OK && row == NULL)
		return (lk_sql_corrupt(store));
	if (status != LK_OK)
		return (status);
	seen->too_many = !lk_sql_is_null(row, 0);
	seen->newest_us = lk_sql_number(row, 1);
	seen->again_us = lk_sql_number(row, 2);
	seen->sort_is_full = !lk_sql_is_null(row, 3);
	seen->all_are_full = !lk_sql_is_null(row, 4);
	lk_sql_done(row);
	return (LK_OK);
}

/* With LK_SQL_NOTE_AGAIN to the one it repeats, with LK_SQL_NOTE by itself. */
static enum lk_status
write_note(struct lk_sql_store *store, const struct note *note, int64_t now_us,
    const struct lk_sql_seen *seen)
{
	const bool again = seen->again_us != 0;

	return (LK_SQL_RUN(store->db, again ? LK_SQL_NOTE_AGAIN : LK_SQL_NOTE,
	    NULL, SORT_OF(note), LK_SQL_TEXT(note->origin->peer),
	    LK_SQL_TEXT(note->origin->actor), LK_SQL_NUMBER(now_us),
	    LK_SQL_BYTES(note->handle, note->several ? 0 : LK_HANDLE_LEN),
	    LK_SQL_NUMBER((int64_t)note->count),
	    LK_SQL_TEXT(note->origin->agent),
	    again ? LK_SQL_NUMBER(seen->again_us)
	          : LK_SQL_BYTES(note->user, strlen(note->user))));
}

/* Drop what one more made too much of its sort, and of all of the user's. */
static enum lk_status
trim_notes(struct lk_sql_store *store, const struct note *note,
    const struct lk_sql_seen *seen)
{
	const int64_t keep = store->base.settings->session.history.keep;
	enum lk_status status = LK_OK;

	if (seen->again_us == 0 && seen->sort_is_full)
		status = LK_SQL_RUN(store->db, LK_SQL_NOTES_TRIM, NULL,
		    SORT_OF(note), LK_SQL_NUMBER(keep));
	if (status == LK_OK && seen->again_us == 0 && seen->all_are_full)
		status = LK_SQL_RUN(store->db, LK_SQL_NOTES_TRIM_ALL, NULL,
		    LK_SQL_BYTES(note->tag, LK_TAG_LEN),
		    LK_SQL_NUMBER(keep * SORTS));
	return (status);
}

/* Entries of one process are in the order in which they were written.  What is
 * to be known first is looked up unless it was ${seen}. */
static enum lk_status
take_note(struct lk_sql_store *store, const struct note *note,
    const struct lk_sql_seen *seen)
{
	int64_t now_us = lk_sql_now_ms(store) * 1000;
	struct lk_sql_seen looked;
	enum lk_status status = LK_OK;

	if (store->base.settings->session.history.keep == 0 || store->bare)
		return (LK_OK);
	if (now_us <= store->noted_us && now_us > store->noted_us - 1000)
		now_us = store->noted_us + 1;
	store->noted_us = now_us;
	if (seen == NULL) {
		status = look_first(store, note, -1, &looked);
		seen = &looked;
	}
	if (status == LK_OK)
		status = write_note(store, note, now_us, seen);
	return (status == LK_OK ? trim_notes(store, note, seen) : status);
}

/* The entry of a login. */
static void
note_of(const struct lk_issue_request *request, struct note *note)
{
	*note = (struct note){ .tag = request->key->tag,
		.event = LK_EVENT_ISSUED,
		.origin = &request->origin,
		.count = 1 };
	memcpy(note->user, request->user, strlen(request->user) + 1);
	memcpy(note->client, request->client, strlen(request->client) + 1);
	memcpy(note->handle, request->key->digest, LK_HANDLE_LEN);
}

enum lk_status
lk_sql_look_first(struct lk_sql_store *store,
    const struct lk_issue_request *request, int64_t stay,
    struct lk_sql_seen *seen)
{
	struct note note;

	note_of(request, &note);
	return (look_first(store, &note, stay, seen));
}

enum lk_status
lk_sql_note_issue(struct lk_sql_store *store,
    const struct lk_issue_request *request, const struct lk_sql_seen *seen)
{
	struct note note;

	note_of(request, &note);
	return (take_note(store, &note, seen));
}

/* ---- Ends of sessions --------------------------------------------------- */

/* Keep why the session of a row ended, for as long as somebody may ask. */
static enum lk_status
keep_reason(struct lk_sql_store *store, const struct lk_sql_gone *gone,
    const void *digest, int64_t expires_ms)
{
	const int64_t now_ms = lk_sql_now_ms(store);
	const int64_t until_ms = now_ms +
	    store->base.settings->session.reasons * 1000;

	if (until_ms <= now_ms || store->bare)
		return (LK_OK);
	return (LK_SQL_RUN(store->db, LK_SQL_ENDED_PUT, NULL,
	    LK_SQL_BYTES(gone->tag, LK_TAG_LEN),
	    LK_SQL_BYTES(digest, LK_HANDLE_LEN),
	    LK_SQL_BYTES(digest, LK_DIGEST_LEN),
	    LK_SQL_TEXT(lk_reason_name(gone->ending->reason)),
	    LK_SQL_NUMBER(now_ms),
	    LK_SQL_NUMBER(expires_ms < until_ms ? expires_ms : until_ms)));
}

/* Take the row of a session that has ended into ${note}, which is written
 * first if it is of another kind. */
static enum lk_status
take_gone(struct lk_sql_store *store, struct lk_sql_row *row,
    struct lk_sql_gone *gone, struct note *note)
{
	const void *handle = lk_sql_bytes(row, 0);
	const void *digest = lk_sql_bytes(row, 1);
	const int64_t expires_ms = lk_sql_number(row, 4);
	char client[LK_CLIENT_MAX + 1];
	enum lk_status status = LK_OK;

	gone->rows++;
	if (lk_sql_len(row, 0) == LK_HANDLE_LEN &&
	    memcmp(handle, gone->last, LK_HANDLE_LEN) > 0)
		memcpy(gone->last, handle, LK_HANDLE_LEN);
	/* The clock that says whether it was live may be set back. */
	if (expires_ms <= lk_sql_now_ms(store))
		return (LK_OK);
	gone->live++;
	if (gone->told && lk_sql_len(row, 0) == LK_HANDLE_LEN)
		lk_gone_add_ref(&store->base.gone, handle, gone->tag,
		    LK_TAG_LEN);
	/* A row that is none of ours ends, and that is all. */
	if (lk_sql_len(row, 1) != LK_DIGEST_LEN ||
	    !lk_sql_text(row, 3, client, LK_CLIENT_MAX))
		return (LK_OK);
	if (note->count > 0 && !gone->together &&
	    strcmp(client, note->client) != 0) {
		status = take_note(store, note, NULL);
		note->count = 0;
	}
	if (!lk_sql_text(row, 2, note->user, LK_USER_ID_MAX))
		note->user[0] = '\0';
	if (!gone->together) {
		memcpy(note->client, client, sizeof(client));
		memcpy(note->handle, digest, LK_HANDLE_LEN);
	}
	note->count++;
	return (status == LK_OK ? keep_reason(store, gone, digest, expires_ms)
	                        : status);
}

enum lk_status
lk_sql_end_sessions(struct lk_sql_store *store, struct lk_sql_row *row,
    struct lk_sql_gone *gone)
{
	struct note note = { .tag = gone->tag,
		.event = LK_EVENT_ENDED,
		.reason = gone->ending->reason,
		.origin = &gone->ending->origin,
		.several = gone->together };
	enum lk_status status = LK_OK;

	gone->rows = 0;
	gone->live = 0;
	memset(gone->last, 0, LK_HANDLE_LEN);
	while (status == LK_OK && row != NULL) {
		status = take_gone(store, row, gone, &note);
		if (status == LK_OK)
			status = lk_sql_next(store->db, &row);
	}
	if (status == LK_OK && note.count > 0)
		status = take_note(store, &note, NULL);
	return (status);
}

/* ---- Asking ------------------------------------------------------------- */

/* Find what a session left behind; ${digest}, unless NULL, is its own. */
static enum lk_status
find_end(struct lk_sql_store *store, const uint8_t *tag, const uint8_t *handle,
    const uint8_t *digest, struct lk_entry *entry)
{
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;
	const void *own;

	memset(entry, 0, sizeof(*entry));
	status = LK_SQL_RUN(store->db, LK_SQL_ENDED, &row,
	    LK_SQL_BYTES(tag, LK_TAG_LEN), LK_SQL_BYTES(handle, LK_HANDLE_LEN),
	    LK_SQL_NUMBER(lk_sql_now_ms(store)));
	if (row == NULL)
		return (status == LK_OK ? LK_UNKNOWN : status);
	own = lk_sql_bytes(row, 0);
	if (lk_sql_len(row, 0) != LK_DIGEST_LEN ||
	    (digest != NULL && crypto_verify_32(own, digest) != 0)) {
		status = LK_UNKNOWN;
	} else {
		entry->event = LK_EVENT_ENDED;
		entry->reason = lk_reason_of(lk_sql_bytes(row, 1),
		    lk_sql_len(row, 1));
		entry->time = lk_sql_number(row, 2) / 1000;
		entry->count = 1;
	}
	lk_sql_done(row);
	return (status);
}

enum lk_status
lk_sql_why(struct lk_sql_store *store, const struct lk_token_key *key,
    enum lk_status status)
{
	struct lk_entry entry;
	enum lk_status found = LK_FAULT;

	if (status != LK_UNKNOWN)
		return (status);
	found = find_end(store, key->tag, key->digest, key->digest, &entry);
	store->base.ended = entry.reason;
	return (found < 0 ? found : status);
}

enum lk_status
lk_sql_ended(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, struct lk_entry *entry)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	enum lk_status status = LK_FAULT;

	memset(entry, 0, sizeof(*entry));
	if (ref->locator_len != LK_TAG_LEN)
		return (LK_MALFORMED);
	status = lk_sql_look(store->db, deadline);
	if (status == LK_OK)
		status = lk_sql_looked(store->db,
		    find_end(store, ref->locator, ref->handle, NULL, entry));
	return (status);
}

/* Read an entry of the history; false if it is none of ours. */
static bool
read_entry(struct lk_sql_row *row, const struct lk_session_ref *ref,
    struct lk_entry *entry)
{
	char event[16], reason[16];

	memset(entry, 0, sizeof(*entry));
	if (!lk_sql_text(row, 0, event, sizeof(event) - 1) ||
	    !lk_sql_text(row, 1, reason, sizeof(reason) - 1) ||
	    !lk_sql_text(row, 2, entry->client, LK_CLIENT_MAX) ||
	    !lk_sql_text(row, 3, entry->peer, LK_PEER_MAX) ||
	    !lk_sql_text(row, 4, entry->actor, LK_ACTOR_MAX) ||
	    !lk_sql_text(row, 5, entry->agent, LK_AGENT_MAX) ||
	    !lk_sql_text(row, 6, entry->user, LK_USER_ID_MAX))
		return (false);
	entry->event = strcmp(event, events[LK_EVENT_ISSUED]) == 0
	    ? LK_EVENT_ISSUED
	    : LK_EVENT_ENDED;
	entry->reason = lk_reason_of(reason, strlen(reason));
	if (lk_sql_len(row, 7) == LK_HANDLE_LEN)
		lk_session_id(lk_sql_bytes(row, 7), ref->locator,
		    ref->locator_len, entry->id);
	entry->time = lk_sql_number(row, 8) / 1000000;
	entry->count = (uint64_t)lk_sql_number(row, 9);
	return (true);
}

enum lk_status
lk_sql_history(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, lk_entry_fn *each, void *arg)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	struct lk_sql_row *row;
	enum lk_status status = LK_FAULT;
	struct lk_entry entry;

	if (ref->locator_len != LK_TAG_LEN)
		return (LK_MALFORMED);
	status = lk_sql_begin(store->db, LK_SQL_READ, NULL, deadline);
	if (status != LK_OK)
		return (status);
	status = LK_SQL_RUN(store->db, LK_SQL_HISTORY, &row,
	    LK_SQL_BYTES(ref->locator, LK_TAG_LEN),
	    LK_SQL_NUMBER((lk_sql_now_ms(store) -
	                      base->settings->session.history.ttl * 1000) *
	        1000));
	while (status == LK_OK && row != NULL) {
		if (!read_entry(row, ref, &entry))
			status = lk_sql_corrupt(store);
		else
			each(arg, &entry);
		if (status == LK_OK)
			status = lk_sql_next(store->db, &row);
	}
	return (lk_sql_end(store->db, status));
}

/* ---- Clearing away ------------------------------------------------------ */

enum lk_status
lk_sql_history_erase(struct lk_store *base, const struct lk_session_ref *ref,
    struct lk_deadline deadline, uint64_t *erased)
{
	struct lk_sql_store *store = lk_sql_store_of(base);
	enum lk_status status = LK_FAULT;
	int gone = 0;

	*erased = 0;
	if (ref->locator_len != LK_TAG_LEN)
		return (LK_MALFORMED);
	status = lk_sql_begin(store->db, LK_SQL_CHANGE, ref->locator, deadline);
	if (status != LK_OK)
		return (status);
	status = LK_SQL_RUN(store->db, LK_SQL_HISTORY_ERASE, NULL,
	    LK_SQL_BYTES(ref->locator, LK_TAG_LEN));
	if (status == LK_OK)
		status = lk_sql_changes(store->db, &gone);
	status = lk_sql_end(store->db, status);
	if (status == LK_OK)
		*erased = (uint64_t)gone;
	return (status);
}

enum lk_status
lk_sql_sweep_past(struct lk_sql_store *store, int rows, int *swept)
{
	const int64_t now_ms = lk_sql_now_ms(store);
	const int64_t ttl_ms = store->base.settings->session.history.ttl * 1000;
	const struct {
		enum lk_sql sql;
		int64_t before;
	} old[] = { { LK_SQL_SWEEP_ENDED, now_ms },
		{ LK_SQL_SWEEP_HISTORY, (now_ms - ttl_ms) * 1000 } };
	enum lk_status status = LK_OK;
	size_t i;
	int gone = 0;

	*swept = 0;
	for (i = 0; i < 2 && status == LK_OK; i++) {
		status = LK_SQL_RUN(store->db, old[i].sql, NULL,
		    LK_SQL_NUMBER(old[i].before), LK_SQL_NUMBER(rows));
		if (status == LK_OK)
			status = lk_sql_changes(store->db, &gone);
		if (gone > *swept)
			*swept = gone;
	}
	return (status);
}
