/*
 * What latchkey says of single JSON values; json_scan.c has the grammar.
 *
 * A string is quoted here, without memory of its own, because the records of
 * cached users and of exports are written wherever the library runs, also
 * inside a PAM host, whose own functions may have the names of any other
 * library's.
 */
#include <string.h>

#include "base/escape.h"
#include "base/json.h"
#include "base/json_scan.h"
#include "base/utf8.h"

/* ---- Writing ---------------------------------------------------------- */

static void
quote(enum lk_escape how, const char *text, struct lk_buf *out)
{
	lk_buf_str(out, "\"");
	lk_escape(how, text, strlen(text), out);
	lk_buf_str(out, "\"");
}

void
lk_json_bytes(const char *text, struct lk_buf *out)
{
	quote(LK_ESCAPE_BYTES, text, out);
}

void
lk_json_string(const char *text, struct lk_buf *out)
{
	quote(LK_ESCAPE_JSON, text, out);
}

void
lk_json_shown(const char *text, struct lk_buf *out)
{
	/* What is hidden is in its strings, where an escape is the same. */
	lk_escape(LK_ESCAPE_LINE, text, strlen(text), out);
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
lk_json_is_detail(const char *text, size_t len)
{
	size_t depth = 0, deepest = 0, i;
	bool quoted = false;

	if (len > LK_DETAIL_MAX || !lk_json_valid(text, len))
		return (false);
	for (i = 0; i < len; i++) {
		if (quoted && text[i] == '\\')
			i++;
		else if (text[i] == '"')
			quoted = !quoted;
		else if (!quoted && (text[i] == '[' || text[i] == '{'))
			depth++;
		else if (!quoted && (text[i] == ']' || text[i] == '}'))
			depth--;
		deepest = depth > deepest ? depth : deepest;
	}
	return (deepest < LK_JSON_DEPTH_MAX);
}

bool
lk_json_is_object(const char *text, size_t len)
{
	if (!lk_json_valid(text, len))
		return (false);
	return (text[strspn(text, " \t\r\n")] == '{');
}
