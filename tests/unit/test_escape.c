#include "support/test.h"
#include "base/escape.h"
#include "base/json.h"

/* What each way makes of a text; NULL: what the one before does. */
static void
test_escape_shows_what_would_be_hidden(void **state)
{
	static const struct {
		const char *text;
		const char *want[5]; /* by enum lk_escape */
	} rows[] = {
		{ "alice \xc3\xa9\xf0\x9f\x98\x80", {
		    "alice \xc3\xa9\xf0\x9f\x98\x80" } },
		{ "a\nb", { "a\\nb", "a\nb", "a\\nb" } },
		{ "\t\r", { "\\t\\r", "\t\\r", "\\t\\r" } },
		{ "\"\\", { "\"\\", NULL, "\\\"\\\\" } },
		{ "\b\f", { "\\u0008\\u000c", NULL, NULL, "\\b\\f" } },
		{ "\x1b[31m", { "\\u001b[31m" } },
		{ "\x7f", { "\\u007f" } },
		{ "\xc2\x9b", { "\\u009b" } },
		{ "\xc2\xad", { "\\u00ad" } },
		{ "\xd8\x9c", { "\\u061c" } },
		{ "\xe2\x80\x8b", { "\\u200b" } },
		{ "\xe2\x80\x8e\xe2\x80\x8f", { "\\u200e\\u200f" } },
		{ "\xe2\x80\xa8\xe2\x80\xa9", { "\\u2028\\u2029" } },
		{ "\xe2\x80\xaa\xe2\x80\xae", { "\\u202a\\u202e" } },
		{ "\xe2\x81\xa6\xe2\x81\xa9", { "\\u2066\\u2069" } },
		{ "\xef\xbb\xbf", { "\\ufeff" } },
		{ "\xf3\xa0\x80\x81", { "\\udb40\\udc01" } },
		{ "\xf3\xa0\x81\xbf", { "\\udb40\\udc7f" } },
		{ "\xff\xc3", { "\\xff\\xc3", NULL, NULL,
		    "\\ufffd\\ufffd", "\xff\xc3" } },
		{ "\xed\xa0\x80", { "\\xed\\xa0\\x80", NULL, NULL,
		    "\\ufffd\\ufffd\\ufffd", "\xed\xa0\x80" } },
	};
	struct lk_buf out = LK_BUF_INIT(256);
	const char *want = NULL;
	size_t how;

	EACH(c, rows) {
		for (how = 0; how < COUNT(c->want); how++) {
			if (c->want[how] != NULL)
				want = c->want[how];
			lk_buf_reset(&out);
			lk_escape((enum lk_escape)how, c->text,
			    strlen(c->text), &out);
			assert_false(out.failed);
			assert_string_equal(out.data, want);
		}
	}
	lk_buf_free(&out);
}

/* Every character, as JSON, is valid, all ASCII where it was hidden, and the
 * same again when it is read. */
static void
test_escape_of_every_character_means_the_same_in_json(void **state)
{
	struct lk_buf out = LK_BUF_INIT(64);
	char text[LK_UTF8_MAX + 1], back[16];
	uint32_t code;
	size_t len;

	for (code = 1; code <= 0x10ffff; code++) {
		if (code == 0xd800)
			code = 0xe000;
		text[len = lk_utf8_put(code, text)] = '\0';
		lk_buf_reset(&out);
		lk_json_string(text, &out);
		assert_true(lk_json_valid(out.data, out.len));
		assert_true(lk_json_text(out.data, out.len, back,
		    sizeof(back)));
		assert_string_equal(back, text);
		assert_int_equal(strlen(back), len);
	}
	lk_buf_free(&out);
}

#include "support/suite.h"
