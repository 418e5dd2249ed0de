/*
 * Text that others have chosen, as it may be shown: no character of it may
 * move a terminal's cursor, end a line, reorder what is read or be invisible.
 */
#ifndef LK_ESCAPE_H_
#define LK_ESCAPE_H_

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* ---- UTF-8 (RFC 3629), one character at a time ------------------------- */

/* Longest sequence of one character. */
#define LK_UTF8_MAX 4

/**
 * lk_utf8_len(text, len):
 * The length of the one well-formed sequence at ${text}, of which ${len}
 * bytes may be read; 0 if there is none.
 */
size_t lk_utf8_len(const char *text, size_t len);

/**
 * lk_utf8_get(text, len):
 * The character of the sequence at ${text} that has the length ${len}.
 */
uint32_t lk_utf8_get(const char *text, size_t len);

/**
 * lk_utf8_put(code, text):
 * Write ${code}, a Unicode scalar value, to ${text}, without a NUL; return
 * the length of its sequence.
 */
size_t lk_utf8_put(uint32_t code, char text[LK_UTF8_MAX]);

/* ---- As it may be shown ------------------------------------------------ */

/** lk_is_control(byte): whether it is one of ASCII (0x00-0x1f, 0x7f). */
static inline bool
lk_is_control(char byte)
{
	return ((unsigned char)byte < 0x20 || byte == 0x7f);
}

/** lk_has_control(text, len): whether any of its bytes is one. */
bool lk_has_control(const char *text, size_t len);

/** What else is escaped than what would be hidden. */
enum lk_escape {
	LK_ESCAPE_LINE,   /* nothing: plain text */
	LK_ESCAPE_LINES,  /* nothing, and line feeds and tabs stay */
	LK_ESCAPE_QUOTED, /* quotes and backslashes */
	LK_ESCAPE_JSON,   /* the same; not UTF-8 becomes U+FFFD */
	LK_ESCAPE_BYTES   /* the same; not UTF-8 stays as it is */
};

/* Longest that one character becomes, with a NUL. */
#define LK_ESCAPE_SIZE 13

/**
 * lk_escape_next(how, text, len, shown):
 * Write what the character at ${text}, of which ${len} bytes, at least one, may
 * be read, is shown as; return how many bytes it has.  Control characters,
 * those that set the direction of writing, separators of lines, and what is
 * never seen become `\n`, `\u009b` or, beyond U+FFFF, a pair of these as in
 * JSON; a byte that is not UTF-8 becomes `\xff`.
 */
size_t lk_escape_next(enum lk_escape how, const char *text, size_t len,
    char shown[LK_ESCAPE_SIZE]);

/** lk_escape(how, text, len, out): Append all of ${text}. */
void lk_escape(enum lk_escape how, const char *text, size_t len,
    struct lk_buf *out);

#endif /* !LK_ESCAPE_H_ */
