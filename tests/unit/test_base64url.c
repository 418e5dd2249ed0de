/* base64url beside libsodium's, and what is none. */
#include <sodium.h>

#include "support/test.h"
#include "base/base64url.h"

#define LONGEST 70
#define VARIANT sodium_base64_VARIANT_URLSAFE_NO_PADDING

static void
test_base64url_of_any_bytes_is_libsodiums(void **state)
{
	uint8_t bytes[LONGEST], back[LONGEST];
	char ours[2 * LONGEST], theirs[2 * LONGEST];
	size_t len, n, round;

	for (round = 0; round < 50; round++) {
		for (len = 0; len <= LONGEST; len++) {
			randombytes_buf(bytes, len);
			lk_base64url(bytes, len, ours);
			sodium_bin2base64(theirs, sizeof(theirs), bytes, len,
			    VARIANT);
			assert_string_equal(ours, theirs);
			assert_int_equal(lk_base64url_decode(ours, strlen(ours),
			                     back, len, &n),
			    LK_OK);
			assert_int_equal(n, len);
			assert_memory_equal(back, bytes, len);
		}
	}
}

static void
test_base64url_every_character_is_judged(void **state)
{
	static const char good[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	                           "abcdefghijklmnopqrstuvwxyz0123456789-_";
	uint8_t bytes[3];
	char text[4] = { 0 };
	size_t len, at;
	int c;

	for (c = 0; c < 256; c++) {
		const char *found = c != 0 ? strchr(good, c) : NULL;
		const enum lk_status expected = found != NULL
		    ? LK_OK
		    : LK_MALFORMED;

		for (at = 0; at < 4; at++) {
			memset(text, 'A', sizeof(text));
			text[at] = (char)c;
			assert_int_equal(lk_base64url_check(text, sizeof(text)),
			    expected);
			assert_int_equal(lk_base64url_decode(text, sizeof(text),
			                     bytes, sizeof(bytes), &len),
			    expected);
			assert_int_equal(len, found != NULL ? 3 : 0);
		}
		if (found != NULL)
			assert_int_equal(bytes[2], found - good);
	}
}

static void
test_base64url_that_is_no_encoding_is_malformed(void **state)
{
	static const char *const wrong[] = { "A", "AAAAA", "AB", "AAB",
		"AAAA=", "AA==", "AAAA AAAA", "AAA\n" };
	uint8_t bytes[16];
	size_t len;

	EACH(c, wrong) {
		assert_int_equal(lk_base64url_decode(*c, strlen(*c),
		                     bytes, sizeof(bytes), &len),
		    LK_MALFORMED);
		assert_int_equal(len, 0);
	}
}

static void
test_base64url_longer_than_its_room_is_malformed(void **state)
{
	uint8_t bytes[4] = { 0, 0, 0, 7 };
	size_t len;

	assert_int_equal(lk_base64url_decode("____", 4, bytes, 3, &len), LK_OK);
	assert_int_equal(lk_base64url_decode("____", 4, bytes, 2, &len),
	    LK_MALFORMED);
	assert_int_equal(lk_base64url_decode("_____w", 6, bytes, 3, &len),
	    LK_MALFORMED);
	assert_int_equal(bytes[3], 7);
	assert_int_equal(lk_base64url_decode("", 0, bytes, 0, &len), LK_OK);
	assert_int_equal(len, 0);
}

static void
test_base64url_front_is_the_beginning_of_the_whole(void **state)
{
	uint8_t bytes[LONGEST], front[LONGEST + 1];
	char text[2 * LONGEST];
	size_t n;

	randombytes_buf(bytes, sizeof(bytes));
	lk_base64url(bytes, sizeof(bytes), text);
	for (n = 0; n <= LONGEST; n++) {
		memset(front, 7, sizeof(front));
		lk_base64url_front(text, front, n);
		assert_memory_equal(front, bytes, n);
		assert_int_equal(front[n], 7);
	}
}

#include "support/suite.h"
