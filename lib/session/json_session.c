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

/* The document as a tree; NULL if memory ran out. */
static cJSON *
session_tree(const struct lk_session *session, const char *detail)
{
	cJSON *object = cJSON_CreateObject();
	bool done = object != NULL &&
	    add_string(object, "user", session->user) &&
	    add_string(object, "id", session->id) &&
	    add_string(object, "client", session->client);

	if (done && session->issued_at == 0)
		done = cJSON_AddNullToObject(object, "issued_at") != NULL;
	else if (done)
		done = add_number(object, "issued_at", session->issued_at);
	done = done && add_number(object, "expires_at", session->expires_at) &&
	    add_number(object, "ttl", session->ttl);
	if (done && detail != NULL)
		done = add_detail(object, detail);
	if (done)
		return (object);
	cJSON_Delete(object);
	return (NULL);
}

void
lk_json_session(const struct lk_session *session, const char *detail,
    struct lk_buf *out)
{
	cJSON *object = session_tree(session, detail);
	char *printed = object != NULL ? cJSON_PrintUnformatted(object) : NULL;

	if (printed != NULL)
		lk_buf_str(out, printed);
	else
		out->failed = true;
	cJSON_free(printed);
	cJSON_Delete(object);
}
