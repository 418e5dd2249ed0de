#include "base64url.h"

/* One line of the cache, so that looking up tells nothing. */
static const char character[64] __attribute__((aligned(
    64))) = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/* 0 for what is no character, else one more than its six bits.  The lines of
 * the cache that this takes tell letters from the rest, and no more. */
static const uint8_t known[256] __attribute__((aligned(64))) = { ['A'] = 1,
	2,
	3,
	4,
	5,
	6,
	7,
	8,
	9,
	10,
	11,
	12,
	13,
	14,
	15,
	16,
	17,
	18,
	19,
	20,
	21,
	22,
	23,
	24,
	25,
	26,
	['a'] = 27,
	28,
	29,
	30,
	31,
	32,
	33,
	34,
	35,
	36,
	37,
	38,
	39,
	40,
	41,
	42,
	43,
	44,
	45,
	46,
	47,
	48,
	49,
	50,
	51,
	52,
	['0'] = 53,
	54,
	55,
	56,
	57,
	58,
	59,
	60,
	61,
	62,
	['-'] = 63,
	['_'] = 64 };

void
lk_base64url(const uint8_t *bytes, size_t len, char *text)
{
	unsigned int held = 0, bits = 0;
	size_t i;

	for (i = 0; i < len; i++) {
		held = (held << 8 | bytes[i]) & 0xffff;
		for (bits += 8; bits >= 6; bits -= 6)
			*text++ = character[held >> (bits - 6) & 0x3f];
	}
	if (bits > 0)
		*text++ = character[held << (6 - bits) & 0x3f];
	*text = '\0';
}

enum lk_status
lk_base64url_check(const char *text, size_t len)
{
	bool wrong = false;
	size_t i;

	for (i = 0; i < len; i++)
		wrong |= known[(uint8_t)text[i]] == 0;
	return (wrong ? LK_MALFORMED : LK_OK);
}

enum lk_status
lk_base64url_decode(const char *text, size_t text_len, uint8_t *bytes,
    size_t max, size_t *len)
{
	unsigned int held = 0, bits = 0;
	size_t i, n = 0;

	*len = 0;
	/* One character too many holds no byte. */
	if (text_len % 4 == 1 || text_len / 4 > max || text_len * 3 / 4 > max ||
	    lk_base64url_check(text, text_len) != LK_OK)
		return (LK_MALFORMED);
	for (i = 0; i < text_len; i++) {
		held = (held << 6 | (known[(uint8_t)text[i]] - 1U)) & 0xffff;
		bits += 6;
		if (bits >= 8) {
			bits -= 8;
			bytes[n++] = (uint8_t)(held >> bits);
		}
	}
	if ((held & ((1U << bits) - 1)) != 0)
		return (LK_MALFORMED);
	*len = n;
	return (LK_OK);
}
