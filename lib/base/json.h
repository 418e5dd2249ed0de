/*
 * Single JSON values (RFC 8259); json_scan.h looks into them.  JSON that
 * latchkey only carries (a user's detail) keeps its bytes: it is checked and
 * then copied as it stands, so that no number loses digits.
 */
#ifndef LK_JSON_H_
#define LK_JSON_H_

#include <stddef.h>

#include "base/buf.h"
#include "latchkey.h"

/**
 * lk_json_string(text, out):
 * Append ${text} as a JSON string; what is hidden is
 * escaped (escape.h), bytes that are not UTF-8 become U+FFFD.
 */
void lk_json_string(const char *text, struct lk_buf *out);

/**
 * lk_json_bytes(text, out):
 * The same with bytes that are not UTF-8 as they stand, for ids that must come
 * back as they were; lk_json_text() reads it.
 */
void lk_json_bytes(const char *text, struct lk_buf *out);

/**
 * lk_json_valid(text, len):
 * Whether it is one JSON value and nothing else, in UTF-8 and with no name
 * twice in an object.
 */
bool lk_json_valid(const char *text, size_t len);

/**
 * lk_json_is_detail(text, len):
 * Whether it is one that may be a user's detail: not too long, and nested so
 * that the record that holds it can be read as well.
 */
bool lk_json_is_detail(const char *text, size_t len);

/** lk_json_is_object(text, len): whether it is one JSON object. */
bool lk_json_is_object(const char *text, size_t len);

/**
 * lk_json_shown(text, out):
 * Append a JSON text, in which what a terminal would not show as it is (see
 * escape.h) is escaped.  It means the same.
 */
void lk_json_shown(const char *text, struct lk_buf *out);

/**
 * lk_json_compact(text, len, out):
 * Append the valid JSON ${text} without white space between its tokens and
 * otherwise byte for byte.
 */
void lk_json_compact(const char *text, size_t len, struct lk_buf *out);

#endif /* !LK_JSON_H_ */
