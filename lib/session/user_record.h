/*
 * What is cached of a user: a record of JSON, {"id":"...","detail":...}, as
 * the Go library writes it, and what is read from one.
 */
#ifndef LK_USER_RECORD_H_
#define LK_USER_RECORD_H_

#include "base/buf.h"
#include "latchkey.h"

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

#endif /* !LK_USER_RECORD_H_ */
