/*
 * JSON documents, written by cJSON.
 *
 * Its parser is not used.  It takes texts that other readers refuse (a byte
 * order mark, any control character as white space or inside strings, bytes
 * that are not UTF-8, numbers such as 01 and 1., "\u" before anything); a
 * string ends at its first \u0000; numbers become doubles, so that digits are
 * lost and 1e400 turns into null; a tree is built of what is only carried; and
 * each call writes a global variable, which the threads of a host share.
 */
#include <inttypes.h>
#include <stdio.h>

#include <cjson/cJSON.h>

#include "base/json.h"
#include "session/json_session.h"

/* Add the text that ${value} has as JSON; false if memory ran out. */
static bool
add_string(cJSON *object, const char *name, const char *value)
{
	struct lk_buf quoted = LK_BUF_INIT(6 * LK_TOKEN_MAX);
	bool added;

	/* cJSON would pass on bytes that are not UTF-8. */
	lk_json_string(value, &quoted);
	added = !quoted.failed &&
	    cJSON_AddRawToObject(object, name, quoted.data) != NULL;
	lk_buf_free(&quoted);
	return (added);
}

/* Add a detail, which is JSON already. */
static bool
add_detail(cJSON *object, const char *detail)
{
	struct lk_buf shown = LK_BUF_INIT(6 * LK_DETAIL_MAX);
	bool added;

	lk_json_shown(detail, &shown);
	added = !shown.failed &&
	    cJSON_AddRawToObject(object, "detail", shown.data) != NULL;
	lk_buf_free(&shown);
	return (added);
}

/* Add a number with all its digits, which a double of cJSON's lacks. */
static bool
add_number(cJSON *object, const char *name, int64_t value)
{
	char digits[24];

	(void)snprintf(digits, sizeof(digits), "%" PRId64, value);
	return (cJSON_AddRawToObject(object, name, digits) != NULL);
}

/* The same; null if there is none. */
static bool
add_text_or_null(cJSON *object, const char *name, const char *value)
{
	return (value[0] != '\0' ? add_string(object, name, value)
	                         : cJSON_AddNullToObject(object, name) != NULL);
}

static bool
add_time_or_null(cJSON *object, const char *name, int64_t seconds)
{
	return (seconds != 0 ? add_number(object, name, seconds)
	                     : cJSON_AddNullToObject(object, name) != NULL);
}

/* What a session's user does not know of it. */
static bool
add_session(cJSON *object, const struct lk_session *session)
{
	return (add_string(object, "id", session->id) &&
	    add_string(object, "client", session->client) &&
	    add_time_or_null(object, "issued_at", session->issued_at) &&
	    add_number(object, "expires_at", session->expires_at) &&
	    add_number(object, "ttl", session->ttl) &&
	    add_text_or_null(object, "peer", session->peer) &&
	    add_text_or_null(object, "agent", session->agent) &&
	    add_time_or_null(object, "renewed_at", session->renewed_at) &&
	    add_time_or_null(object, "ends_by", session->ends_by));
}

/* Print ${object}, if all of it is ${done}, and delete it. */
static void
print(cJSON *object, bool done, struct lk_buf *out)
{
	char *printed = done ? cJSON_PrintUnformatted(object) : NULL;

	if (printed != NULL)
		lk_buf_str(out, printed);
	else
		out->failed = true;
	cJSON_free(printed);
	cJSON_Delete(object);
}

void
lk_json_session(const struct lk_session *session, const char *detail,
    struct lk_buf *out)
{
	cJSON *object = cJSON_CreateObject();

	print(object,
	    object != NULL && add_string(object, "user", session->user) &&
	        add_session(object, session) &&
	        (detail == NULL || add_detail(object, detail)),
	    out);
}

void
lk_json_session_own(const struct lk_session *session, bool current,
    struct lk_buf *out)
{
	cJSON *object = cJSON_CreateObject();

	print(object,
	    object != NULL && add_session(object, session) &&
	        cJSON_AddBoolToObject(object, "current", current) != NULL,
	    out);
}

void
lk_json_entry(const struct lk_entry *entry, struct lk_buf *out)
{
	cJSON *object = cJSON_CreateObject();

	print(object,
	    object != NULL && add_number(object, "time", entry->time) &&
	        add_string(object, "event",
	            entry->event == LK_EVENT_ISSUED ? "issued" : "ended") &&
	        add_text_or_null(object, "id", entry->id) &&
	        add_text_or_null(object, "client", entry->client) &&
	        add_text_or_null(object, "reason",
	            lk_reason_name(entry->reason)) &&
	        add_text_or_null(object, "peer", entry->peer) &&
	        add_text_or_null(object, "agent", entry->agent) &&
	        add_text_or_null(object, "actor", entry->actor) &&
	        add_number(object, "count", (int64_t)entry->count),
	    out);
}
