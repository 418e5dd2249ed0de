/*
 * What latchkey says of single JSON values; json_scan.c has the grammar,
 * json_session.c writes documents.
 *
 * A string is quoted here, without memory of its own, because the records of
 * cached users and of exports are written wherever the library runs, also
 * inside a PAM host, whose own functions may have the names of any other
 * library's.
 */
#include <string.h>

#include "json.h"
#include "json_scan.h"
#include "utf8.h"

/* ---- Writing ---------------------------------------------------------- */

/* Append what stands for ${c} in a string. */
static void
quote_byte(unsigned char c, struct lk_buf *out)
{
	/* RFC 8259, section 7: these have escapes of two characters. */
	static const char plain[] = "\"\\\b\f\n\r\t";
	static const char letter[] = "\"\\bfnrt";
	const char *found = c != '\0' ? strchr(plain, c) : NULL;

	if (found != NULL)
		lk_buf_printf(out, "\\%c", letter[found - plain]);
	else
		lk_buf_printf(out, "\\u%04x", (unsigned int)c);
}

/* Whether a byte cannot stand in a string as it is; DEL could, and is none
 * the wiser for it. */
static bool
wants_escape(unsigned char c)
{
	return (c < 0x20 || c == 0x7f || c == '"' || c == '\\');
}

/* Append bytes with their escapes and without quotes. */
static void
quote_bytes(const char *text, size_t len, struct lk_buf *out)
{
	size_t from = 0, i;

	for (i = 0; i < len; i++) {
		if (!wants_escape((unsigned char)text[i]))
			continue;
		lk_buf_add(out, text + from, i - from);
		quote_byte((unsigned char)text[i], out);
		from = i + 1;
	}
	lk_buf_add(out, text + from, len - from);
}

void
lk_json_bytes(const char *text, struct lk_buf *out)
{
	lk_buf_str(out, "\"");
	quote_bytes(text, strlen(text), out);
	lk_buf_str(out, "\"");
}

void
lk_json_string(const char *text, struct lk_buf *out)
{
	size_t left = strlen(text), n;

	lk_buf_str(out, "\"");
	for (; left > 0; text += n, left -= n) {
		if ((n = lk_utf8_len(text, left)) > 0) {
			quote_bytes(text, n, out);
			continue;
		}
		lk_buf_str(out, "\xef\xbf\xbd");
		n = 1;
	}
	lk_buf_str(out, "\"");
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
