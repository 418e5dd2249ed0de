/*
 * JSON (RFC 8259), read without building a tree: a text is checked, copied
 * without its white space, and looked into by position.  Only a check takes
 * memory, for the names of objects.  What latchkey only carries (a user's
 * detail) keeps its bytes, so that no number loses digits.
 */
#ifndef LK_JSON_H_
#define LK_JSON_H_

#include <stdbool.h>
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

/* ---- What it is made of ------------------------------------------------- */

/* Deepest nesting of arrays and objects; also a bound of the stack used. */
#define LK_JSON_DEPTH_MAX 256

/** How strict a scan is about the bytes inside strings. */
enum lk_json_bytes {
	LK_JSON_UTF8 = 0, /* they must be UTF-8, as RFC 8259 wants it */
	LK_JSON_ANY_BYTES /* any but control characters, quote and backslash */
};

/**
 * lk_json_scan(text, len, bytes, out):
 * Return whether ${text} is one JSON value and nothing else, in which no
 * object, however deep, has a name twice, however it is escaped: of two, some
 * readers take the first and some the last.  Unless ${out} is NULL, append its
 * tokens; if false is returned, ${out} holds some of them.  False, too, if
 * memory runs out.
 */
bool lk_json_scan(const char *text, size_t len, enum lk_json_bytes bytes,
    struct lk_buf *out);

/**
 * lk_json_text(string, len, text, size):
 * Decode the JSON string ${string}, quotes included, which a scan has
 * accepted, to the C string ${text} of at most ${size} - 1 bytes.  False,
 * and ${text} empty, if it is no string, does not fit, or contains the
 * character U+0000, which no C string can hold.
 */
bool lk_json_text(const char *string, size_t len, char *text, size_t size);

/**
 * lk_json_member(text, len, name, value, value_len):
 * Find member ${name} of the valid JSON object ${text}; false if it has
 * none.  ${value} points into ${text}, at that value's own bytes.  Names are
 * compared after decoding their escapes; the first of equal names counts.
 */
bool lk_json_member(const char *text, size_t len, const char *name,
    const char **value, size_t *value_len);

/** A member that is looked for by its name. */
struct lk_json_wanted {
	const char *name;
	const char *value; /* NULL: there is none */
	size_t len;
};

/**
 * lk_json_object(text, len, wanted, n):
 * lk_json_is_object(), and lk_json_member() for each of the ${n} ${wanted}, in
 * one pass.  If it is false they say nothing.
 */
bool lk_json_object(const char *text, size_t len, struct lk_json_wanted *wanted,
    size_t n);

/**
 * lk_json_pair(text, len, at, name, name_len, value, value_len):
 * Find the next member of the valid JSON object ${text} from offset ${at} on,
 * which starts at 0 and is moved behind it; false if there is none, or if
 * ${text} is no object.  ${name}, which is a JSON string, and ${value} point
 * into ${text}.
 */
bool lk_json_pair(const char *text, size_t len, size_t *at, const char **name,
    size_t *name_len, const char **value, size_t *value_len);

/**
 * lk_json_element(text, len, at, value, value_len):
 * Find the next element of the valid JSON array ${text} from offset ${at} on,
 * which starts at 0 and is moved behind it; false if there is none, or if
 * ${text} is no array.  ${value} points into ${text}.
 */
bool lk_json_element(const char *text, size_t len, size_t *at,
    const char **value, size_t *value_len);

#endif /* !LK_JSON_H_ */
