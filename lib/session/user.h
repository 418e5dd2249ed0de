/*
 * What may be the id of a user; and what is cached of one: a record of JSON,
 * {"id":"...","detail":...}, as the Go library writes it, and what is read from
 * one.
 */
#ifndef LK_USER_H_
#define LK_USER_H_

#include <stdbool.h>

#include "base/buf.h"
#include "latchkey.h"

#define LK_USER_ID_WANT                                                     \
	"1 to 256 bytes of UTF-8 without control characters, and no space " \
	"or invisible character at an end"

/**
 * lk_user_id_check(id):
 * LK_OK if ${id} is what a store may hold: 1 to LK_USER_ID_MAX bytes without
 * control characters (0x00-0x1f, 0x7f); else LK_E_INVAL.  Sessions of such an
 * id can be listed and ended.
 */
enum lk_status lk_user_id_check(const char *id) LK_MUST_CHECK;

/**
 * lk_user_id_fits(id):
 * Whether ${id} is LK_USER_ID_WANT, which everything it is told to takes for
 * the same id: sessions are issued, imported and let in under no other one,
 * and no user is looked up by it.  White space at an end is dropped from a
 * header on its way, bytes that are no UTF-8 all look alike where they are
 * shown, and U+0080 to U+009F are control characters too.
 */
bool lk_user_id_fits(const char *id);

/* Longest cached record of a user: id and detail, each byte of the id six
 * characters long at worst, and what stands around them. */
#define LK_USER_RECORD_MAX (LK_DETAIL_MAX + 6 * LK_USER_ID_MAX + 64)

/**
 * lk_user_record_encode(id, detail, out):
 * Append the record of ${id}, whose bytes stay as they are.
 */
void lk_user_record_encode(const char *id, const char *detail,
    struct lk_buf *out);

/**
 * lk_user_record_decode(text, len, user):
 * Read such a record.  LK_E_CORRUPT if it is not one; a missing detail is
 * "null".  The caller calls lk_user_clear().
 */
enum lk_status lk_user_record_decode(const char *text, size_t len,
    struct lk_user *user) LK_MUST_CHECK;

#endif /* !LK_USER_H_ */
