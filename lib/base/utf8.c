#include <string.h>

#include "base/utf8.h"

size_t
lk_utf8_len(const char *text, size_t len)
{
	/* First bytes up to last, then the range of the second byte. */
	static const struct {
		uint8_t first, last, low, high;
		size_t len;
	} rows[] = {
		{ 0x00, 0x7f, 0x00, 0x00, 1 },
		{ 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 },
		{ 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 },
		{ 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 },
		{ 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};
	uint8_t byte[LK_UTF8_MAX] = { 0 };
	size_t i, k;

	memcpy(byte, text, len < sizeof(byte) ? len : sizeof(byte));
	for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (byte[0] < rows[i].first || byte[0] > rows[i].last)
			continue;
		if (rows[i].len > len)
			return (0);
		if (rows[i].len > 1 &&
		    (byte[1] < rows[i].low || byte[1] > rows[i].high))
			return (0);
		for (k = 2; k < rows[i].len; k++) {
			if ((byte[k] & 0xc0) != 0x80)
				return (0);
		}
		return (rows[i].len);
	}
	return (0);
}

uint32_t
lk_utf8_get(const char *text, size_t len)
{
	static const unsigned char mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t code = (unsigned char)text[0] & mask[len];
	size_t i;

	for (i = 1; i < len; i++)
		code = code << 6 | ((unsigned char)text[i] & 0x3f);
	return (code);
}

size_t
lk_utf8_put(uint32_t code, char text[LK_UTF8_MAX])
{
	static const uint8_t lead[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };
	size_t len, i;

	len = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (i = len - 1; i > 0; i--) {
		text[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	text[0] = (char)(lead[len] | code);
	return (len);
}
