/*
 * A look at the text of a settings file before libconfig sees it.
 *
 * libconfig 1.5 reads 4294967296 as 0 and 0660 as 660, later versions read
 * 0660 as 432; all of them follow @include and descend as deep as the text
 * says.  This scanner knows the same words and refuses whatever it does not
 * know, so that nothing reaches libconfig that the two could read apart.
 */
#ifndef LK_SETTINGS_SCAN_H_
#define LK_SETTINGS_SCAN_H_

#include "latchkey.h"

/* Deepest nesting of groups, arrays and lists, and longest name. */
#define LK_SCAN_DEPTH_MAX 16
#define LK_SCAN_NAME_MAX 64

/**
 * lk_settings_scan(path, text, len, error):
 * LK_E_SETTINGS, with file, line and as far as possible the key, unless
 * ${text} is made of libconfig's words, without a NUL byte or `@include`,
 * every string ends on its line, and every line with a newline, every integer
 * fits into 32 bits, and only an octal setting has a leading zero. That octal
 * number is replaced, in place and without moving anything, by the decimal one.
 * ${text} is ${len} bytes and a NUL; ${path} is for the message.
 */
enum lk_status lk_settings_scan(const char *path, char *text, size_t len,
    struct lk_error *error) LK_MUST_CHECK;

/* Room for a key that is said where something is wrong. */
#define LK_SCAN_NEAR_SIZE 128

/**
 * lk_settings_scan_near(text, line, near):
 * The last key on or before line ${line} of a ${text} that was scanned; ""
 * if there is none.  It says where libconfig, which knows the line only, found
 * something wrong.
 */
void lk_settings_scan_near(char *text, int line, char near[LK_SCAN_NEAR_SIZE]);

#endif /* !LK_SETTINGS_SCAN_H_ */
