/*
 * A look at a settings file's text before libconfig sees it.  libconfig 1.5
 * cuts integers that do not fit without a word (4294967296 is 0), reads 0660
 * as 660 where 1.7 reads octal, includes other files unasked and recurses as
 * deep as the text nests.
 */
#ifndef LK_SETTINGS_SCAN_H_
#define LK_SETTINGS_SCAN_H_

#include "buf.h"
#include "latchkey.h"

/* Deepest nesting of groups and lists. */
#define LK_SETTINGS_DEPTH_MAX 16

/**
 * lk_settings_scan(path, text, error):
 * LK_E_SETTINGS, with ${path} and line, for a NUL byte, an `@include`, an
 * integer that does not fit, one with a leading zero other than a
 * `socket_mode`, or too deep nesting.  The octal digits of a `socket_mode`
 * become decimal ones in ${text}, which keeps its length and its lines.
 */
enum lk_status lk_settings_scan(const char *path, struct lk_buf *text,
    struct lk_error *error) LK_MUST_CHECK;

#endif /* !LK_SETTINGS_SCAN_H_ */
