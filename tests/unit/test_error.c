#include "support/test.h"
#include "base/error.h"

static void
test_error_set_formats_the_text(void **state)
{
	struct lk_error error;

	lk_error_set(&error, "%s:%d: %s", "file", 7, "key");
	assert_string_equal(error.text, "file:7: key");
	lk_error_set(&error, "%s", "");
	assert_string_equal(error.text, "");
}

static void
test_error_set_without_error_does_nothing(void **state)
{
	lk_error_set(NULL, "%s", "lost");
}

static void
test_error_set_long_text_is_cut(void **state)
{
	struct lk_error error;
	char text[2 * LK_ERROR_MAX];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	lk_error_set(&error, "%s", text);
	assert_int_equal(strlen(error.text), LK_ERROR_MAX - 1);
	assert_memory_equal(error.text, text, LK_ERROR_MAX - 1);
	/* An escape is there as a whole or not at all. */
	text[LK_ERROR_MAX - 4] = '\n';
	memset(text, '\x1b', 40);
	text[40 + LK_ERROR_MAX - 1 - 6 * 40 - 3] = '\x1b';
	lk_error_set(&error, "%s", text);
	assert_int_equal(strlen(error.text), LK_ERROR_MAX - 1 - 3);
	assert_int_equal(error.text[LK_ERROR_MAX - 5], 'x');
}

static void
test_error_set_hidden_characters_are_escaped(void **state)
{
	struct lk_error error;

	lk_error_set(&error, "%s",
	    "a\nlevel=info msg=forged\r\t\x1b[31m\x7f\xc3\xa9 end");
	assert_string_equal(error.text,
	    "a\\nlevel=info msg=forged\\r\\t\\u001b[31m\\u007f\xc3\xa9 end");
	lk_error_set(&error, "%s", "\xc2\x9b\xe2\x80\xae\xd8\x9c\xff\\");
	assert_string_equal(error.text, "\\u009b\\u202e\\u061c\\xff\\");
}

static void
test_error_fail_evaluates_to_the_status(void **state)
{
	struct lk_error error;
	enum lk_status status;

	status = lk_fail(&error, LK_E_STORE, "no %s", "answer");
	assert_int_equal(status, LK_E_STORE);
	assert_string_equal(error.text, "no answer");
	status = lk_fail((struct lk_error *)NULL, LK_E_TIMEOUT, "late");
	assert_int_equal(status, LK_E_TIMEOUT);
}

static void
test_status_name_every_status_has_its_own(void **state)
{
	static const enum lk_status all[] = { LK_OK, LK_MALFORMED, LK_UNKNOWN,
		LK_EXPIRED, LK_NO_USER, LK_FORBIDDEN, LK_LIMIT, LK_FAULT,
		LK_E_NOMEM, LK_E_INVAL, LK_E_SETTINGS, LK_E_STORE,
		LK_E_TIMEOUT, LK_E_CORRUPT, LK_E_NOT_DURABLE,
		LK_E_WOULD_WAIT };
	const size_t count = COUNT(all);
	size_t i, j;

	for (i = 0; i < count; i++) {
		assert_string_not_equal(lk_status_name(all[i]),
		    "undefined status");
		for (j = 0; j < i; j++)
			assert_string_not_equal(lk_status_name(all[i]),
			    lk_status_name(all[j]));
	}
	assert_string_equal(lk_status_name((enum lk_status)99),
	    "undefined status");
	assert_string_equal(lk_status_name(LK_EXPIRED), "expired");
}

#include "support/suite.h"
