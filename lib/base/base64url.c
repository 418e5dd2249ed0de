#include "base/base64url.h"

/* One line of the cache, so that looking up tells nothing. */
static const char character[64] __attribute__((aligned(
    64))) = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* 0 for what is no character, else KNOWN and its six bits.  The lines of the
 * cache that this takes tell letters from the rest, and no more. */
#define KNOWN 64
/* clang-format off */
static const uint8_t known[256] __attribute__((aligned(64))) = {
	['A'] = 64, 65, 66, 67, 68, 69, 70, 71, 72, 73, 74, 75, 76, 77, 78, 79,
	80, 81, 82, 83, 84, 85, 86, 87, 88, 89,
	['a'] = 90, 91, 92, 93, 94, 95, 96, 97, 98, 99, 100, 101, 102, 103, 104,
	105, 106, 107, 108, 109, 110, 111, 112, 113, 114, 115,
	['0'] = 116, 117, 118, 119, 120, 121, 122, 123, 124, 125,
	['-'] = 126, ['_'] = 127 };
/* clang-format on */

void
lk_base64url(const uint8_t *bytes, size_t len, char *text)
{
	uint32_t three;

	/* Three bytes are four characters; the last one or two are two or
	 * three, filled up with zeros. */
	for (; len >= 3; len -= 3, bytes += 3) {
		three = (uint32_t)bytes[0] << 16 | (uint32_t)bytes[1] << 8 |
		    bytes[2];
		*text++ = character[three >> 18];
		*text++ = character[three >> 12 & 0x3f];
		*text++ = character[three >> 6 & 0x3f];
		*text++ = character[three & 0x3f];
	}
	if (len > 0) {
		three = (uint32_t)bytes[0] << 16 |
		    (len > 1 ? (uint32_t)bytes[1] << 8 : 0);
		*text++ = character[three >> 18];
		*text++ = character[three >> 12 & 0x3f];
		if (len > 1)
			*text++ = character[three >> 6 & 0x3f];
	}
	*text = '\0';
}

enum lk_status
lk_base64url_check(const char *text, size_t len)
{
	const char *const end = text + len, *const fours = text + len / 4 * 4;
	uint8_t all = KNOWN;

	for (; text < fours; text += 4)
		all &= known[(uint8_t)text[0]] & known[(uint8_t)text[1]] &
		    known[(uint8_t)text[2]] & known[(uint8_t)text[3]];
	for (; text < end; text++)
		all &= known[(uint8_t)*text];
	return (all == KNOWN ? LK_OK : LK_MALFORMED);
}

/* The six bits of a character. */
static uint32_t
six(char c)
{
	return (known[(uint8_t)c] & 0x3fU);
}

/* Decode ${n} bytes; the bits that the last character has beyond them. */
static uint32_t
decode(const char *text, uint8_t *bytes, size_t n)
{
	uint32_t four;

	for (; n >= 3; n -= 3, text += 4) {
		four = six(text[0]) << 18 | six(text[1]) << 12 |
		    six(text[2]) << 6 | six(text[3]);
		*bytes++ = (uint8_t)(four >> 16);
		*bytes++ = (uint8_t)(four >> 8);
		*bytes++ = (uint8_t)four;
	}
	if (n == 0)
		return (0);
	four = six(text[0]) << 12 | six(text[1]) << 6;
	bytes[0] = (uint8_t)(four >> 10);
	if (n == 1)
		return (four & 0x3ff);
	four |= six(text[2]);
	bytes[1] = (uint8_t)(four >> 2);
	return (four & 0x3);
}

enum lk_status
lk_base64url_decode(const char *text, size_t text_len, uint8_t *bytes,
    size_t max, size_t *len)
{
	const size_t n = text_len / 4 * 3 + text_len % 4 * 3 / 4;

	*len = 0;
	/* One character too many holds no byte. */
	if (text_len % 4 == 1 || n > max ||
	    lk_base64url_check(text, text_len) != LK_OK ||
	    decode(text, bytes, n) != 0)
		return (LK_MALFORMED);
	*len = n;
	return (LK_OK);
}

void
lk_base64url_front(const char *text, uint8_t *bytes, size_t n)
{
	(void)decode(text, bytes, n);
}
