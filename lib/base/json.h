/*
 * Everything latchkey reads or writes as JSON (RFC 8259).  json_scan.c reads;
 * cJSON, whose one user is json_session.c, writes documents.  JSON that
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
 * lk_json_session(session, detail, out):
 * Append one object with the members user, id, client, issued_at (null if
 * not recorded), expires_at, ttl and, unless ${detail} is NULL, detail.
 */
void lk_json_session(const struct lk_session *session, const char *detail,
    struct lk_buf *out);

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

/**
 * lk_json_member(text, len, name, value, value_len):
 * Find member ${name} of the valid JSON object ${text}; false if it has
 * none.  ${value} points into ${text}, at that value's own bytes.  Names are
 * compared after decoding their escapes; the first of equal names counts.
 */
bool lk_json_member(const char *text, size_t len, const char *name,
    const char **value, size_t *value_len);

/**
 * lk_json_element(text, len, at, value, value_len):
 * Find the next element of the valid JSON array ${text} from offset ${at} on,
 * which starts at 0 and is moved behind it; false if there is none, or if
 * ${text} is no array.  ${value} points into ${text}.
 */
bool lk_json_element(const char *text, size_t len, size_t *at,
    const char **value, size_t *value_len);

/**
 * lk_json_user_encode(id, detail, out):
 * Append the record of a cached user, {"id":"...","detail":...}, as the Go
 * library writes it.  The id's bytes stay as they are.
 */
void lk_json_user_encode(const char *id, const char *detail,
    struct lk_buf *out);

/**
 * lk_json_user_decode(text, len, user):
 * Read such a record.  LK_E_CORRUPT if it is not one; a missing detail is
 * "null".  The caller calls lk_user_clear().
 */
enum lk_status lk_json_user_decode(const char *text, size_t len,
    struct lk_user *user) LK_MUST_CHECK;

#endif /* !LK_JSON_H_ */
