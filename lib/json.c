/*
 * The codec: cJSON writes, json_scan.c reads.
 *
 * cJSON quotes and escapes every string that latchkey writes.  Its parser is
 * not used.  It takes texts that other readers refuse (a byte order mark,
 * any control character as white space or inside strings, bytes that are not
 * UTF-8, numbers such as 01 and 1., "\u" before anything); a string ends at
 * its first \u0000; numbers become doubles, so that digits are lost and 1e400
 * turns into null; a tree is built of what is only carried; and each call
 * writes a global variable, which the threads of a host share.
 */
#include <inttypes.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "json.h"
#include "json_scan.h"
#include "utf8.h"

/* ---- Writing ---------------------------------------------------------- */

void
lk_json_bytes(const char *text, struct lk_buf *out)
{
	cJSON *item = NULL;
	char *printed = NULL, *p, *del;

	if ((item = cJSON_CreateStringReference(text)) == NULL ||
	    (printed = cJSON_PrintUnformatted(item)) == NULL) {
		out->failed = true;
		goto out;
	}
	/* DEL is a control character that cJSON does not escape. */
	for (p = printed; (del = strchr(p, 0x7f)) != NULL; p = del + 1) {
		lk_buf_add(out, p, (size_t)(del - p));
		lk_buf_str(out, "\\u007f");
	}
	lk_buf_str(out, p);
out:
	cJSON_free(printed);
	cJSON_Delete(item);
}

void
lk_json_string(const char *text, struct lk_buf *out)
{
	size_t left = strlen(text), n;
	/* U+FFFD takes three bytes. */
	struct lk_buf clean = LK_BUF_INIT(3 * left);

	for (; left > 0; text += n, left -= n) {
		if ((n = lk_utf8_len(text, left)) > 0) {
			lk_buf_add(&clean, text, n);
			continue;
		}
		lk_buf_str(&clean, "\xef\xbf\xbd");
		n = 1;
	}
	lk_buf_add(&clean, "", 0);
	if (clean.failed)
		out->failed = true;
	else
		lk_json_bytes(clean.data, out);
	lk_buf_free(&clean);
}

void
lk_json_session(const struct lk_session *session, const char *detail,
    struct lk_buf *out)
{
	lk_buf_str(out, "{\"user\":");
	lk_json_string(session->user, out);
	lk_buf_str(out, ",\"id\":");
	lk_json_string(session->id, out);
	lk_buf_str(out, ",\"client\":");
	lk_json_string(session->client, out);
	if (session->issued_at == 0)
		lk_buf_str(out, ",\"issued_at\":null");
	else
		lk_buf_printf(out, ",\"issued_at\":%" PRId64,
		    session->issued_at);
	lk_buf_printf(out, ",\"expires_at\":%" PRId64 ",\"ttl\":%" PRId64,
	    session->expires_at, session->ttl);
	if (detail != NULL) {
		lk_buf_str(out, ",\"detail\":");
		lk_buf_str(out, detail);
	}
	lk_buf_str(out, "}");
}

void
lk_json_compact(const char *text, size_t len, struct lk_buf *out)
{
	if (!lk_json_scan(text, len, LK_JSON_UTF8, out))
		out->failed = true;
}

/* ---- Reading ---------------------------------------------------------- */

bool
lk_json_valid(const char *text, size_t len)
{
	return (lk_json_scan(text, len, LK_JSON_UTF8, NULL));
}

bool
lk_json_is_object(const char *text, size_t len)
{
	if (!lk_json_valid(text, len))
		return (false);
	return (text[strspn(text, " \t\r\n")] == '{');
}

/* ---- The record of a cached user -------------------------------------- */

void
lk_json_user_encode(const char *id, const char *detail, struct lk_buf *out)
{
	lk_buf_str(out, "{\"id\":");
	lk_json_bytes(id, out);
	lk_buf_str(out, ",\"detail\":");
	lk_buf_str(out, detail);
	lk_buf_str(out, "}");
}

enum lk_status
lk_json_user_decode(const char *text, size_t len, struct lk_user *user)
{
	struct lk_buf detail = LK_BUF_INIT(LK_DETAIL_MAX);
	enum lk_status status = LK_E_CORRUPT;
	const char *value;
	size_t value_len;

	memset(user, 0, sizeof(*user));
	/* An id is opaque: its bytes need not be UTF-8. */
	if (!lk_json_scan(text, len, LK_JSON_ANY_BYTES, NULL) ||
	    !lk_json_member(text, len, "id", &value, &value_len) ||
	    !lk_json_text(value, value_len, user->id, sizeof(user->id)) ||
	    user->id[0] == '\0')
		goto out;
	if (!lk_json_member(text, len, "detail", &value, &value_len)) {
		value = "null";
		value_len = strlen(value);
	}
	if (value_len > LK_DETAIL_MAX || !lk_json_valid(value, value_len))
		goto out;
	lk_json_compact(value, value_len, &detail);
	user->detail = lk_buf_take(&detail);
	status = user->detail != NULL ? LK_OK : LK_E_NOMEM;
out:
	lk_buf_free(&detail);
	if (status != LK_OK)
		memset(user, 0, sizeof(*user));
	return (status);
}
