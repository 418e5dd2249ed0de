/* UTF-8 (RFC 3629), one character at a time. */
#ifndef LK_UTF8_H_
#define LK_UTF8_H_

#include <stddef.h>
#include <stdint.h>

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

#endif /* !LK_UTF8_H_ */
