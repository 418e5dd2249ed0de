#include <stdio.h>
#include <string.h>

#include "base/escape.h"

/* ---- UTF-8 ------------------------------------------------------------- */

size_t
lk_utf8_len(const char *text, size_t len)
{
	/* First bytes up to last, then the range of the second byte. */
	static const struct {
		uint8_t first, last, low, high;
		size_t len;
	} rows[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	uint8_t byte[LK_UTF8_MAX] = { 0 };
	size_t i, k;

	memcpy(byte, text, len < sizeof(byte) ? len : sizeof(byte));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (byte[0] < rows[i].first || byte[0] > rows[i].last)
			continue;
		if (rows[i].len > len)
			return (0);
		if (rows[i].len > 1 &&
		    (byte[1] < rows[i].low || byte[1] > rows[i].high))
			return (0);
		for (k = 2; k < rows[i].len; k++) {
			if ((byte[k] & 0xc0) != 0x80)
				return (0);
		}
		return (rows[i].len);
	}
	return (0);
}

uint32_t
lk_utf8_get(const char *text, size_t len)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)text[0] & mask[len];
	size_t i;

	for (i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	return (code);
}

size_t
lk_utf8_put(uint32_t code, char text[LK_UTF8_MAX])
{
	static const uint8_t lead[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };
	size_t len, i;

	len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (i = len - 1; i > 0; i--) {
		text[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	text[0] = (char)(lead[len] | code);
	return (len);
}

/* ---- As it may be shown ------------------------------------------------ */

bool
lk_has_control(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++) {
		if (lk_is_control(text[i]))
			return (true);
	}
	return (false);
}

/* First and last of what is not to be seen. */
static const struct {
	uint32_t first, last;
} hidden[] = {
	{ 0x0000, 0x001f },   /* C0 controls */
	{ 0x007f, 0x009f },   /* DEL, C1 controls */
	{ 0x00ad, 0x00ad },   /* soft hyphen */
	{ 0x061c, 0x061c },   /* Arabic letter mark */
	{ 0x180e, 0x180e },   /* Mongolian vowel separator */
	{ 0x200b, 0x200b },   /* zero width space; joiners are for writing */
	{ 0x200e, 0x200f },   /* marks of direction */
	{ 0x2028, 0x202e },   /* separators, embeddings, overrides */
	{ 0x2060, 0x206f },   /* invisible operators, isolates */
	{ 0xfeff, 0xfeff },   /* byte order mark */
	{ 0xfff9, 0xfffb },   /* interlinear annotation */
	{ 0xe0000, 0xe0fff }, /* tags */
};

static bool
is_hidden(uint32_t code)
{
	size_t i;

	for (i = 0; i < sizeof(hidden) / sizeof(hidden[0]); i++) {
		if (code >= hidden[i].first && code <= hidden[i].last)
			return (true);
	}
	return (false);
}

/* The letter that stands for ${code} behind a backslash, or 0. */
static char
letter_of(enum lk_escape how, uint32_t code)
{
	/* RFC 8259, section 7; plain text has the middle ones only. */
	static const char plain[] = "\"\\\n\r\t\b\f", letter[] = "\"\\nrtbf";
	const char *found = code > 0 && code < 0x80
	    ? strchr(plain, (int)code)
	    : NULL;
	size_t at;

	if (found == NULL)
		return ('\0');
	at = (size_t)(found - plain);
	if ((at < 2 && how <= LK_ESCAPE_LINES) ||
	    (at > 4 && how < LK_ESCAPE_JSON))
		return ('\0');
	return (letter[at]);
}

static void
write_code(uint32_t code, char shown[LK_ESCAPE_SIZE])
{
	if (code < 0x10000)
		(void)snprintf(shown, LK_ESCAPE_SIZE, "\\u%04x",
		    (unsigned int)(code & 0xffff));
	else
		(void)snprintf(shown, LK_ESCAPE_SIZE, "\\u%04x\\u%04x",
		    (unsigned int)(0xd800 | (((code >> 10) - 0x40) & 0x3ff)),
		    (unsigned int)(0xdc00 | (code & 0x3ff)));
}

static void
write_bytes(const char *text, size_t n, char shown[LK_ESCAPE_SIZE])
{
	memcpy(shown, text, n);
	shown[n] = '\0';
}

size_t
lk_escape_next(enum lk_escape how, const char *text, size_t len,
    char shown[LK_ESCAPE_SIZE])
{
	const size_t n = lk_utf8_len(text, len);
	const uint32_t code = n > 0 ? lk_utf8_get(text, n) : 0xfffd;
	const char letter = letter_of(how, code);

	if (n == 0 && how < LK_ESCAPE_JSON)
		(void)snprintf(shown, LK_ESCAPE_SIZE, "\\x%02x",
		    (unsigned char)text[0]);
	else if ((n == 0 && how == LK_ESCAPE_BYTES) ||
	    ((code == '\n' || code == '\t') && how == LK_ESCAPE_LINES))
		write_bytes(text, 1, shown);
	else if (letter != '\0')
		(void)snprintf(shown, LK_ESCAPE_SIZE, "\\%c", letter);
	else if (n == 0 || is_hidden(code))
		write_code(code, shown);
	else
		write_bytes(text, n, shown);
	return (n == 0 ? 1 : n);
}

/* Whether a byte stands for itself, whatever is around it. */
static bool
is_plain(char byte)
{
	return (byte >= ' ' && byte <= '~' && byte != '"' && byte != '\\');
}

void
lk_escape(enum lk_escape how, const char *text, size_t len, struct lk_buf *out)
{
	char shown[LK_ESCAPE_SIZE];
	size_t from, i = 0;

	while (i < len && !out->failed) {
		for (from = i; i < len && is_plain(text[i]); i++)
			continue;
		lk_buf_add(out, text + from, i - from);
		if (i == len)
			break;
		i += lk_escape_next(how, text + i, len - i, shown);
		lk_buf_str(out, shown);
	}
}
