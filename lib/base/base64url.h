/*
 * base64url without padding (RFC 4648, section 5).  A check does this more
 * than once, and libsodium takes as long for it as for the token's SHA-256;
 * its 1.0.18 also takes bytes above 0x7f for characters.
 */
#ifndef LK_BASE64URL_H_
#define LK_BASE64URL_H_

#include <stdint.h>

#include "latchkey.h"

/**
 * lk_base64url(bytes, len, text):
 * Write the unpadded base64url of ${len} bytes and a NUL to ${text}.
 */
void lk_base64url(const uint8_t *bytes, size_t len, char *text);

/**
 * lk_base64url_decode(text, text_len, bytes, max, len):
 * The reverse.  LK_MALFORMED if a character is none of base64url's, if the
 * text is no such encoding, or if it stands for more than ${max} bytes.
 */
enum lk_status lk_base64url_decode(const char *text, size_t text_len,
    uint8_t *bytes, size_t max, size_t *len) LK_MUST_CHECK;

/**
 * lk_base64url_check(text, len):
 * LK_MALFORMED if a character is none of base64url's.
 */
enum lk_status lk_base64url_check(const char *text, size_t len) LK_MUST_CHECK;

/**
 * lk_base64url_front(text, bytes, n):
 * Decode the first ${n} bytes of what longer text stands for.  All of it must
 * have passed lk_base64url_check().
 */
void lk_base64url_front(const char *text, uint8_t *bytes, size_t n);

#endif /* !LK_BASE64URL_H_ */
