#include <string.h>

#include <sodium.h>

#include "base/escape.h"
#include "base/json.h"
#include "session/record.h"
#include "session/user.h"
#include "store/agent/answer.h"

/* Longest number of a time or a count. */
#define DIGITS_MAX 15
/* How much of what the agent says is repeated. */
#define MESSAGE_SIZE 256

/* ---- Members ------------------------------------------------------------- */

static bool
is_null(const struct lk_json_wanted *value)
{
	return (value->len == 4 && memcmp(value->value, "null", 4) == 0);
}

static bool
read_text(const struct lk_json_wanted *value, char *text, size_t size)
{
	return (value->value != NULL &&
	    lk_json_text(value->value, value->len, text, size));
}

/* One that is whole and not negative. */
static bool
read_number(const struct lk_json_wanted *value, int64_t *number)
{
	size_t i;

	*number = 0;
	if (value->value == NULL || value->len > DIGITS_MAX)
		return (false);
	for (i = 0; i < value->len; i++) {
		if (value->value[i] < '0' || value->value[i] > '9')
			return (false);
		*number = *number * 10 + (value->value[i] - '0');
	}
	return (true);
}

/* ---- What went wrong ----------------------------------------------------- */

/* What each status of HTTP may say.  The last of a kind that does not say it
 * counts; of 503, and of all else, that is one that tells nothing. */
static const struct {
	unsigned int http;
	enum lk_status status;
} known[] = {
	{ 400, LK_E_INVAL },
	{ 401, LK_MALFORMED },
	{ 401, LK_UNKNOWN },
	{ 401, LK_EXPIRED },
	{ 403, LK_E_SETTINGS },
	{ 403, LK_FORBIDDEN },
	{ 404, LK_NO_USER },
	{ 409, LK_LIMIT },
	{ 413, LK_E_INVAL },
	{ 503, LK_E_NOMEM },
	{ 503, LK_E_SETTINGS },
	{ 503, LK_E_TIMEOUT },
	{ 503, LK_E_CORRUPT },
	{ 503, LK_E_NOT_DURABLE },
};

enum lk_status
lk_agent_refusal(const struct lk_agent_reply *reply, const char *where,
    enum lk_reason *ended, struct lk_error *error)
{
	struct lk_json_wanted wanted[] = { { .name = "status" },
		{ .name = "message" }, { .name = "reason" } };
	char name[32] = "", message[MESSAGE_SIZE] = "", reason[32] = "";
	enum lk_status status = LK_E_STORE;
	size_t i;

	if (reply->http >= 200 && reply->http <= 202)
		return (LK_OK);
	if (lk_json_object(reply->body, reply->len, wanted, 3)) {
		if (!read_text(&wanted[0], name, sizeof(name)))
			name[0] = '\0';
		if (!read_text(&wanted[1], message, sizeof(message)))
			message[0] = '\0';
		if (!read_text(&wanted[2], reason, sizeof(reason)))
			reason[0] = '\0';
	}
	for (i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (known[i].http == reply->http &&
		    strcmp(lk_status_name(known[i].status), name) == 0)
			status = known[i].status;
	}
	if (status == LK_UNKNOWN)
		*ended = lk_reason_of(reason, strlen(reason));
	if (status < 0)
		lk_error_set(error, "agent at %s: %u: %s", where, reply->http,
		    message[0] != '\0' ? message : "it does not say why");
	return (status);
}

bool
lk_agent_read_count(const struct lk_agent_reply *reply, uint64_t *count)
{
	struct lk_json_wanted revoked = { .name = "revoked" };
	int64_t number = 0;
	const bool fits = lk_json_object(reply->body, reply->len, &revoked,
	                      1) &&
	    read_number(&revoked, &number);

	*count = fits ? (uint64_t)number : 0;
	return (fits);
}

bool
lk_agent_read_deleted(const struct lk_agent_reply *reply, bool *deleted)
{
	struct lk_json_wanted said = { .name = "deleted" };

	*deleted = false;
	if (!lk_json_object(reply->body, reply->len, &said, 1) ||
	    said.value == NULL)
		return (false);
	*deleted = said.len == 4 && memcmp(said.value, "true", 4) == 0;
	return (
	    *deleted || (said.len == 5 && memcmp(said.value, "false", 5) == 0));
}

bool
lk_agent_read_user(const struct lk_agent_reply *reply, struct lk_buf *record)
{
	if (!lk_json_is_object(reply->body, reply->len))
		return (false);
	lk_json_compact(reply->body, reply->len, record);
	return (!record->failed);
}

/* ---- Sessions ------------------------------------------------------------ */

/* Its parts, but for whose and which it is. */
static bool
read_times(const struct lk_json_wanted *issued_at,
    const struct lk_json_wanted *expires_at, const struct lk_json_wanted *ttl,
    struct lk_session *session)
{
	return (issued_at->value != NULL &&
	    (is_null(issued_at) ||
	        read_number(issued_at, &session->issued_at)) &&
	    read_number(expires_at, &session->expires_at) &&
	    read_number(ttl, &session->ttl) && session->ttl > 0);
}

/* ${session} is ${user}'s by its id. */
static bool
is_of(const struct lk_session *session, const char *user,
    struct lk_session_ref *ref)
{
	return (lk_session_id_parse(session->id, ref) == LK_OK &&
	    lk_session_ref_is_of(ref, LK_SHAPE_ANY, user));
}

/* ${session} is that of ${key}: its id is one of the two that this one has. */
static bool
is_of_key(const struct lk_session *session, const struct lk_token_key *key)
{
	char ids[2][LK_SESSION_ID_MAX + 1];
	uint8_t tag[LK_TAG_LEN];

	lk_user_tag(session->user, tag);
	lk_session_id(key->digest, key->tag, LK_TAG_LEN, ids[0]);
	lk_session_id(key->digest, session->user, strlen(session->user),
	    ids[1]);
	return (memcmp(tag, key->tag, LK_TAG_LEN) == 0 &&
	    (strcmp(session->id, ids[0]) == 0 ||
	        strcmp(session->id, ids[1]) == 0));
}

enum member {
	USER,
	ID,
	CLIENT,
	ISSUED_AT,
	EXPIRES_AT,
	TTL,
	PEER,
	AGENT,
	RENEWED_AT,
	ENDS_BY,
	DETAIL,
	MEMBERS
};

/* What is null where nothing is known, and may be missing. */
static bool
read_text_if_any(const struct lk_json_wanted *value, char *text, size_t size)
{
	return (value->value == NULL || is_null(value) ||
	    read_text(value, text, size));
}

static bool
read_time_if_any(const struct lk_json_wanted *value, int64_t *seconds)
{
	return (value->value == NULL || is_null(value) ||
	    read_number(value, seconds));
}

static bool
read_session(const char *text, size_t len, struct lk_session *session,
    struct lk_json_wanted wanted[MEMBERS])
{
	static const struct lk_json_wanted names[MEMBERS] = {
		[USER] = { .name = "user" },
		[ID] = { .name = "id" },
		[CLIENT] = { .name = "client" },
		[ISSUED_AT] = { .name = "issued_at" },
		[EXPIRES_AT] = { .name = "expires_at" },
		[TTL] = { .name = "ttl" },
		[PEER] = { .name = "peer" },
		[AGENT] = { .name = "agent" },
		[RENEWED_AT] = { .name = "renewed_at" },
		[ENDS_BY] = { .name = "ends_by" },
		[DETAIL] = { .name = "detail" }
	};

	memcpy(wanted, names, sizeof(names));
	memset(session, 0, sizeof(*session));
	return (lk_json_object(text, len, wanted, MEMBERS) &&
	    read_text(&wanted[USER], session->user, sizeof(session->user)) &&
	    read_text(&wanted[ID], session->id, sizeof(session->id)) &&
	    read_text(&wanted[CLIENT], session->client,
	        sizeof(session->client)) &&
	    lk_user_id_check(session->user) == LK_OK &&
	    (session->client[0] == '\0' ||
	        lk_client_check(session->client) == LK_OK) &&
	    read_times(&wanted[ISSUED_AT], &wanted[EXPIRES_AT], &wanted[TTL],
	        session) &&
	    read_text_if_any(&wanted[PEER], session->peer,
	        sizeof(session->peer)) &&
	    read_text_if_any(&wanted[AGENT], session->agent,
	        sizeof(session->agent)) &&
	    read_time_if_any(&wanted[RENEWED_AT], &session->renewed_at) &&
	    read_time_if_any(&wanted[ENDS_BY], &session->ends_by));
}

bool
lk_agent_read_session(const struct lk_agent_reply *reply,
    const struct lk_token_key *key, const char *id, struct lk_session *session,
    struct lk_buf *detail)
{
	struct lk_json_wanted wanted[MEMBERS];
	struct lk_session_ref ref;

	if (!read_session(reply->body, reply->len, session, wanted) ||
	    (key != NULL ? !is_of_key(session, key)
	                 : strcmp(session->id, id) != 0 ||
	                !is_of(session, session->user, &ref)) ||
	    (detail != NULL && wanted[DETAIL].value == NULL)) {
		memset(session, 0, sizeof(*session));
		return (false);
	}
	if (detail != NULL && !is_null(&wanted[DETAIL]))
		lk_buf_add(detail, wanted[DETAIL].value, wanted[DETAIL].len);
	return (true);
}

/* The sessions that it ended, which need not be the user's; an agent that does
 * not say so yet has ended none. */
static bool
read_ended(const struct lk_json_wanted *ended, struct lk_gone *gone)
{
	char id[LK_SESSION_ID_MAX + 1];
	struct lk_session_ref ref;
	struct lk_json_wanted one;
	size_t at = 0;

	if (ended->value == NULL)
		return (true);
	while (lk_json_element(ended->value, ended->len, &at, &one.value,
	    &one.len)) {
		if (!read_text(&one, id, sizeof(id)) ||
		    lk_session_id_parse(id, &ref) != LK_OK)
			return (false);
		lk_gone_add(gone, id);
	}
	return (ended->value[0] == '[');
}

bool
lk_agent_read_issued(const struct lk_agent_reply *reply, const char *user,
    const char *client, struct lk_token *token, struct lk_session *session,
    struct lk_gone *gone)
{
	struct lk_json_wanted wanted[] = { { .name = "token" },
		{ .name = "id" }, { .name = "issued_at" },
		{ .name = "expires_at" }, { .name = "ttl" },
		{ .name = "ended" } };
	struct lk_token_key key;
	char text[LK_TOKEN_MAX + 1] = "";
	bool fits;

	memset(session, 0, sizeof(*session));
	memcpy(session->user, user, strlen(user) + 1);
	memcpy(session->client, client, strlen(client) + 1);
	fits = lk_json_object(reply->body, reply->len, wanted, 6) &&
	    read_text(&wanted[0], text, sizeof(text)) &&
	    lk_token_set(token, text, strlen(text)) == LK_OK &&
	    lk_token_parse(token, &key) == LK_OK &&
	    read_text(&wanted[1], session->id, sizeof(session->id)) &&
	    read_times(&wanted[2], &wanted[3], &wanted[4], session) &&
	    is_of_key(session, &key) && read_ended(&wanted[5], gone);
	sodium_memzero(text, sizeof(text));
	if (!fits) {
		lk_gone_forget(gone);
		lk_token_wipe(token);
		memset(session, 0, sizeof(*session));
	}
	return (fits);
}

/* The agent knows better what is one; this is what must never be another. */
bool
lk_agent_read_next(const struct lk_agent_reply *reply, char *next, size_t size)
{
	struct lk_json_wanted said = { .name = "next" };

	return (lk_json_object(reply->body, reply->len, &said, 1) &&
	    read_text(&said, next, size) && next[0] == '/' && next[1] != '/' &&
	    strpbrk(next, "\\ ") == NULL &&
	    !lk_has_control(next, strlen(next)));
}

bool
lk_agent_read_list(const struct lk_agent_reply *reply, const char *user,
    size_t *n, lk_session_fn *each, void *arg)
{
	struct lk_json_wanted wanted[MEMBERS];
	struct lk_session_ref ref;
	struct lk_session session;
	size_t at = 0, len;
	const char *value;

	*n = 0;
	if (!lk_json_valid(reply->body, reply->len))
		return (false);
	while (lk_json_element(reply->body, reply->len, &at, &value, &len)) {
		if (!read_session(value, len, &session, wanted) ||
		    !is_of(&session, user, &ref))
			return (false);
		/* An id of bytes that are not UTF-8 is shown otherwise. */
		memcpy(session.user, user, strlen(user) + 1);
		++*n;
		if (each != NULL)
			each(arg, &session, NULL);
	}
	return (reply->body[0] == '[');
}

/* ---- Histories ----------------------------------------------------------- */

static bool
read_entry(const char *text, size_t len, struct lk_entry *entry)
{
	struct lk_json_wanted wanted[] = { { .name = "time" },
		{ .name = "event" }, { .name = "id" }, { .name = "client" },
		{ .name = "reason" }, { .name = "peer" }, { .name = "agent" },
		{ .name = "actor" }, { .name = "count" } };
	char event[8], reason[32] = "";
	struct lk_session_ref ref;
	int64_t count;

	memset(entry, 0, sizeof(*entry));
	if (!lk_json_object(text, len, wanted, 9) ||
	    !read_number(&wanted[0], &entry->time) ||
	    !read_text(&wanted[1], event, sizeof(event)) ||
	    !read_text_if_any(&wanted[2], entry->id, sizeof(entry->id)) ||
	    !read_text_if_any(&wanted[3], entry->client,
	        sizeof(entry->client)) ||
	    !read_text_if_any(&wanted[4], reason, sizeof(reason)) ||
	    !read_text_if_any(&wanted[5], entry->peer, sizeof(entry->peer)) ||
	    !read_text_if_any(&wanted[6], entry->agent, sizeof(entry->agent)) ||
	    !read_text_if_any(&wanted[7], entry->actor, sizeof(entry->actor)) ||
	    !read_number(&wanted[8], &count) ||
	    (entry->client[0] != '\0' &&
	        lk_client_check(entry->client) != LK_OK) ||
	    (entry->id[0] != '\0' &&
	        lk_session_id_parse(entry->id, &ref) != LK_OK))
		return (false);
	entry->count = (uint64_t)count;
	entry->reason = lk_reason_of(reason, strlen(reason));
	entry->event = strcmp(event, "issued") == 0
	    ? LK_EVENT_ISSUED
	    : LK_EVENT_ENDED;
	return (entry->event == LK_EVENT_ISSUED
	        ? entry->reason == LK_REASON_NONE
	        : strcmp(event, "ended") == 0 &&
	            entry->reason != LK_REASON_NONE);
}

bool
lk_agent_read_history(const struct lk_agent_reply *reply, lk_entry_fn *each,
    void *arg)
{
	struct lk_entry entry;
	size_t at = 0, len;
	const char *value;

	if (!lk_json_valid(reply->body, reply->len))
		return (false);
	while (lk_json_element(reply->body, reply->len, &at, &value, &len)) {
		if (!read_entry(value, len, &entry))
			return (false);
		if (each != NULL)
			each(arg, &entry);
	}
	return (reply->body[0] == '[');
}
