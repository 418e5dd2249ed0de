#include "support/test.h"
#include "base/escape.h"
#include "session/user.h"

static void
test_user_id_check_of_each_byte(void **state)
{
	char id[2] = "";
	unsigned int byte;

	for (byte = 0; byte < 256; byte++) {
		id[0] = (char)byte;
		assert_int_equal(lk_user_id_check(id),
		    byte < 0x20 || byte == 0x7f ? LK_E_INVAL : LK_OK);
		assert_int_equal(lk_user_id_fits(id),
		    byte > 0x20 && byte < 0x7f);
	}
}

static void
test_user_id_fits_if_all_readers_see_the_same(void **state)
{
	static const char *const good[] = { "a", "a b", "-x", "-", "0", "a:b",
		"}:s:", "\xc3\xa4", "\xc3\xa0", "\xe2\x82\xac",
		"\xf0\x9f\x98\x80", ("a\xc2\xa0" "b"),
		/* Persian is written with a joiner inside a word. */
		"\xd9\x85\xdb\x8c\xe2\x80\x8c\xd8\xae" };
	static const char *const bad[] = { "", " ", " a", "a ", "  ", "a\tb",
		"a\nb", "\x7f" "a", "caf\xe9", "caf\xe8", "\xff\xfe", "\xc3",
		"\xc0\xaf", "\xed\xa0\x80", "a\xc2\x80" "b", "a\xc2\x9f",
		"\xc2\x85" "a" };
	static const uint32_t blanks[] = { 0xa0, 0xad, 0x61c, 0x1680, 0x180e,
		0x2000, 0x200a, 0x200b, 0x200d, 0x200e, 0x200f, 0x2028, 0x2029,
		0x202a, 0x202e, 0x202f, 0x205f, 0x2060, 0x2066, 0x2069, 0x3000,
		0xfeff, 0xe0041 };
	char id[LK_USER_ID_MAX + 2], blank[LK_UTF8_MAX + 1];
	size_t i, len;

	for (i = 0; i < COUNT(good); i++) {
		if (!lk_user_id_fits(good[i]))
			fail_msg("%s", good[i]);
	}
	for (i = 0; i < COUNT(bad); i++) {
		if (lk_user_id_fits(bad[i]))
			fail_msg("%zu", i);
	}
	for (i = 0; i < COUNT(blanks); i++) {
		len = lk_utf8_put(blanks[i], blank);
		blank[len] = '\0';
		assert_int_equal(lk_utf8_get(blank, len), blanks[i]);
		(void)snprintf(id, sizeof(id), "%sa", blank);
		assert_false(lk_user_id_fits(id));
		(void)snprintf(id, sizeof(id), "a%s", blank);
		assert_false(lk_user_id_fits(id));
		assert_int_equal(lk_user_id_check(id), LK_OK);
		assert_false(lk_user_id_fits(blank));
	}
	memset(id, 'x', sizeof(id) - 1);
	id[LK_USER_ID_MAX + 1] = '\0';
	assert_false(lk_user_id_fits(id));
	id[LK_USER_ID_MAX] = '\0';
	assert_true(lk_user_id_fits(id));
}

#include "support/suite.h"
